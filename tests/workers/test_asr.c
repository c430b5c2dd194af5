/* The worker that listens, with the real libwhisper and models made by the project: the transcript
 * is the same whatever the batch, whoever is killed, whichever allocation fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "drive.h"
#include "model/transcript.h"
#include "movie.h"

static const char artifact[] = "transcript.json", units[] = "speech.units";

struct asr {
    struct drive_params params;
    const char *options[16];
    char model[512];
};

static void set_up(struct asr *asr, const char *model, int batch)
{
    *asr = (struct asr){0};
    snprintf(asr->model, sizeof asr->model, "%s/%s", getenv("MOVIEDIGEST_TEST_MODELS"), model);
    asr->options[0] = "asr-model";
    asr->options[1] = asr->model;
    asr->options[2] = "language"; /* not found out: as much work as a chunk or two */
    asr->options[3] = "en";
    asr->params = (struct drive_params){.program = getenv("MOVIEDIGEST_TEST_ASR"),
                                        .executor = "asr",
                                        .batch = batch,
                                        .options = asr->options};
}

/* One worker that does it all and quits as it should. */
static char *transcribe(const struct asr *asr, const char *folder)
{
    struct drive drive;
    drive_start(&drive, &asr->params);
    if (drive.code != 0)
        fail_msg("load: %s", drive.message);
    drive_run(&drive, &asr->params, folder, "transcript", 0);
    if (drive.code != 0)
        fail_msg("run: %s", drive.message);
    assert_true(drive.units_total > 0);
    assert_int_equal(drive.units_done, drive.units_total);
    int status = drive_end(&drive);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    return movie_read(folder, artifact);
}

static void forget(const char *folder)
{
    movie_forget(folder, artifact);
    movie_forget(folder, units);
}

static void words_lie_on_the_clock_of_the_movie(void **state)
{
    (void)state;
    struct asr asr;
    char *folder = movie_make(60, 7);
    struct md_transcript transcript = {0};
    struct md_failure failure = {0};
    set_up(&asr, "whisper-script.bin", 2);
    asr.options[2] = NULL; /* the language is found out */
    md_autofree char *bytes = transcribe(&asr, folder);
    assert_non_null(bytes);
    md_autofree char *work = md_path_join(folder, "work");
    assert_int_equal(md_artifact_load(&md_artifact_transcript, work, &transcript, &failure), MD_OK);
    assert_int_equal(transcript.source, MD_TRANSCRIPT_WHISPER);
    assert_string_equal(transcript.language, "en");
    assert_string_equal(transcript.origin, "whisper-script.bin");
    assert_true(transcript.cues.n >= 3);
    md_autostr said = {0};
    int64_t last_us = 0;
    for (size_t i = 0; i < transcript.cues.n; i++) {
        assert_true(transcript.cues.v[i].start_us >= 0);
        assert_true(transcript.cues.v[i].end_us <= 60 * INT64_C(1000000));
        assert_true(transcript.cues.v[i].word_us.n >= 2);
        for (size_t k = 0; k < transcript.cues.v[i].word_us.n; k++) {
            assert_true(transcript.cues.v[i].word_us.v[k] >= last_us);
            last_us = transcript.cues.v[i].word_us.v[k];
        }
        md_str_printf(&said, "%s ", transcript.cues.v[i].text);
    }
    assert_int_equal(strncmp(said.s, "w300 w301 w302 w400 w401 w402 w403 ", 35), 0);
    md_artifact_done(&md_artifact_transcript, &transcript);
    movie_remove(folder);
}

/* Kills: after so many units of a run, then with another batch. Long: every size, many places. */
static void no_batch_and_no_kill_changes_the_transcript(void **state)
{
    (void)state;
    struct asr asr;
    bool all = getenv("MOVIEDIGEST_LONG");
    unsigned seed = 5;
    char *folder = movie_make(all ? 600 : 90, 3);
    set_up(&asr, "whisper-random.bin", 1);
    md_autofree char *wanted = transcribe(&asr, folder);
    assert_non_null(wanted);
    assert_non_null(strstr(wanted, " w")); /* it says something */
    int kills = 0;
    for (int round = 0; round < (all ? 8 : 1); round++) {
        int64_t done = 0, total = 1000;
        forget(folder);
        while (done < total) {
            struct drive drive;
            seed = seed * 1664525 + 1013904223;
            set_up(&asr, "whisper-random.bin", 1 + (int)(seed >> 16) % (all ? 16 : 3));
            drive_start(&drive, &asr.params);
            assert_int_equal(drive.code, 0);
            drive_run(&drive, &asr.params, folder, "transcript",
                      done + 1 + (int64_t)(seed >> 24) % (all ? 6 : 2));
            assert_true(drive.units_done >= done); /* nothing is done twice */
            done = drive.units_done;
            total = drive.units_total;
            kills += drive.killed;
            drive_end(&drive);
        }
        set_up(&asr, "whisper-random.bin", 1); /* the last kill may have come before its end */
        md_autofree char *bytes = transcribe(&asr, folder);
        assert_string_equal(bytes, wanted);
    }
    print_message("# %d kills\n", kills);
    assert_true(kills >= 1);
    for (int batch = 1; batch <= 16 && all; batch++) {
        forget(folder);
        set_up(&asr, "whisper-random.bin", batch);
        md_autofree char *bytes = transcribe(&asr, folder);
        assert_string_equal(bytes, wanted);
    }
    movie_remove(folder);
}

/* Long: a real worker is killed at every unit of batches of every size; the next has another. */
static void a_kill_at_every_unit_of_every_batch_gives_the_same_transcript(void **state)
{
    (void)state;
    static const int sizes[] = {1, 2, 4, 8, 16};
    struct asr asr;
    int kills = 0;
    if (!getenv("MOVIEDIGEST_LONG")) {
        print_message("# the long form does this\n");
        return; /* a skipped test of TAP's counts as failed with meson 1.0 */
    }
    char *folder = movie_make(180, 3);
    set_up(&asr, "whisper-random.bin", 1);
    md_autofree char *wanted = transcribe(&asr, folder);
    for (size_t i = 0; i < MD_ARRAY_LEN(sizes); i++) {
        for (int64_t unit = 1, total = 1; unit <= total; unit++) {
            struct drive drive;
            forget(folder);
            set_up(&asr, "whisper-random.bin", sizes[i]);
            drive_start(&drive, &asr.params);
            assert_int_equal(drive.code, 0);
            drive_run(&drive, &asr.params, folder, "transcript", unit);
            total = drive.units_total;
            kills += drive.killed;
            drive_end(&drive);
            set_up(&asr, "whisper-random.bin", sizes[(i + 1 + (size_t)unit) % MD_ARRAY_LEN(sizes)]);
            md_autofree char *bytes = transcribe(&asr, folder);
            assert_string_equal(bytes, wanted);
        }
    }
    print_message("# %d kills\n", kills);
    assert_true(kills >= 20);
    movie_remove(folder);
}

/* One worker of which the n-th buffer fails. False: it never came to so many. */
static bool fail_buffer(struct asr *asr, const char *folder, int n)
{
    struct drive drive;
    char preload[512], nth[32], mark[512];
    const char *environment[] = {preload, nth, mark, NULL};
    snprintf(preload, sizeof preload, "LD_PRELOAD=%s", getenv("MOVIEDIGEST_TEST_FAILING_BUFFERS"));
    snprintf(nth, sizeof nth, "MD_FAIL_NTH=%d", n);
    snprintf(mark, sizeof mark, "MD_FAIL_MARK=%s/mark", folder);
    asr->params.environment = environment;
    drive_start(&drive, &asr->params);
    if (drive.code == 0)
        drive_run(&drive, &asr->params, folder, "transcript", 0);
    asr->params.environment = NULL;
    int status = drive_end(&drive);
    if (unlink(strchr(mark, '/')) < 0) {
        assert_int_equal(drive.code, 0);
        return false;
    }
    /* An answer that says so, or its end; and in either case it did not go on. */
    if (drive.code != MD_ERR_NOMEM && drive.code != 1)
        fail_msg("buffer %d: code %d, %s", n, (int)drive.code, drive.message);
    assert_int_not_equal(status, 0);
    return true;
}

static void whichever_buffer_fails_the_next_worker_ends_it(void **state)
{
    (void)state;
    struct asr asr;
    bool all = getenv("MOVIEDIGEST_LONG");
    char *folder = movie_make(20, 5);
    int n = 1;
    set_up(&asr, "whisper-script.bin", all ? 2 : 1);
    md_autofree char *wanted = transcribe(&asr, folder);
    for (forget(folder); fail_buffer(&asr, folder, n); n++) {
        if (n % 4 != 1 && !all) /* a second or two each */
            continue;
        md_autofree char *bytes = transcribe(&asr, folder);
        assert_string_equal(bytes, wanted);
        forget(folder);
    }
    print_message("# %d buffers failed\n", n - 1);
    assert_true(n > 5);
    movie_remove(folder);
}

static void what_is_no_model_is_refused_with_a_sentence(void **state)
{
    (void)state;
    struct asr asr;
    struct drive drive;
    set_up(&asr, "whisper-cut-off.bin", 1);
    drive_start(&drive, &asr.params);
    assert_int_equal(drive.code, MD_ERR_INPUT);
    assert_non_null(strstr(drive.message, "damaged"));
    drive_end(&drive);
    set_up(&asr, "no-such-file.bin", 1);
    drive_start(&drive, &asr.params);
    assert_int_equal(drive.code, MD_ERR_NOTFOUND);
    drive_end(&drive);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_lie_on_the_clock_of_the_movie),
        cmocka_unit_test(no_batch_and_no_kill_changes_the_transcript),
        cmocka_unit_test(a_kill_at_every_unit_of_every_batch_gives_the_same_transcript),
        cmocka_unit_test(whichever_buffer_fails_the_next_worker_ends_it),
        cmocka_unit_test(what_is_no_model_is_refused_with_a_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
