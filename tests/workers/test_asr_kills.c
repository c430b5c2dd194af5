/* The stage that listens, without a model: a worker leaves nothing behind but its checkpoint, so a
 * kill at any moment is a checkpoint cut off at any byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "model/audio.h"
#include "model/transcript.h"
#include "movie.h"
#include "workers/asr_stage.h"

static const char artifact[] = "transcript.json", units[] = "speech.units";

struct listener {
    char *folder, *work;
    struct md_audio audio;
    struct md_options options;
    int64_t done, total, stop_at; /* units; stop_at < 0: never */
};

static unsigned next(unsigned *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

static void set_up(struct listener *l, int seconds, unsigned seed)
{
    struct md_failure failure = {0};
    *l = (struct listener){.folder = movie_make(seconds, seed)};
    l->work = md_path_join(l->folder, "work");
    assert_int_equal(md_artifact_load(&md_artifact_audio, l->work, &l->audio, &failure), MD_OK);
    md_options_init(&l->options);
    l->options.asr_model = md_path_join(l->folder, "movie"); /* any file: it is not opened */
}

static void tear_down(struct listener *l)
{
    md_artifact_done(&md_artifact_audio, &l->audio);
    md_options_done(&l->options);
    movie_remove(l->folder);
    free(l->work);
}

static void take_units(void *user, int64_t done, int64_t total)
{
    struct listener *l = user;
    l->done = done;
    l->total = total;
}

static bool is_cancelled(void *user)
{
    const struct listener *l = user;
    return l->stop_at >= 0 && l->done >= l->stop_at;
}

/* A worker's life; the transcript's bytes, or NULL when it did not come to its end. */
static char *listen(struct listener *l, int batch, int64_t stop_at)
{
    struct md_failure failure = {0};
    struct md_transcript transcript = {0};
    const struct md_speech_params params = {.slots = batch};
    char name[] = "model";
    struct md_asr_model model = {.name = name};
    l->stop_at = stop_at;
    l->done = 0;
    assert_int_equal(md_speech_new(&md_speech_fake, &params, 1, &model.speech, &failure), MD_OK);
    struct md_stage_env env = {.movie_path = l->folder,
                               .work_dir = l->work,
                               .out_dir = l->folder,
                               .options = &l->options,
                               .threads = 2,
                               .batch = batch,
                               .model = &model,
                               .failure = &failure,
                               .user = l,
                               .cancelled = is_cancelled,
                               .units = take_units};
    struct md_artifacts in = {.audio = &l->audio};
    char *bytes = NULL;
    int r = md_stage_ops_transcript_asr.run(&env, &in, &transcript);
    md_speech_free(model.speech);
    if (r == MD_OK) {
        assert_int_equal(l->done, l->total);
        assert_int_equal(
            md_artifact_save(&md_artifact_transcript, l->work, 1, &transcript, &failure), MD_OK);
        bytes = movie_read(l->folder, artifact);
    } else {
        assert_int_equal(r, MD_ERR_CANCELLED);
    }
    md_artifact_done(&md_artifact_transcript, &transcript);
    return bytes;
}

/* What a kill between two bytes leaves. Returns the length that is left. */
static off_t cut_off(const struct listener *l, unsigned *seed)
{
    struct stat st = {0};
    md_autofree char *path = md_path_join(l->work, units);
    if (stat(path, &st) < 0)
        return 0;
    off_t kept = st.st_size - (off_t)(next(seed) % (unsigned)(1 + st.st_size / 3));
    assert_int_equal(truncate(path, kept), 0);
    return kept;
}

static void no_kill_at_any_byte_changes_the_transcript(void **state)
{
    const int movies = getenv("MOVIEDIGEST_LONG") ? 400 : 8;
    int kills = 0;
    unsigned seed = 11;
    (void)state;
    for (int movie = 0; movie < movies; movie++) {
        struct listener l;
        set_up(&l, 20 + (int)(next(&seed) % 300), next(&seed));
        md_autofree char *wanted = listen(&l, 1, -1);
        assert_non_null(wanted);
        movie_forget(l.folder, units);
        for (char *bytes = NULL; !bytes; kills++) {
            int64_t stop_at = (int64_t)(next(&seed) % (unsigned)(l.total + 2));
            bytes = listen(&l, 1 + (int)(next(&seed) % 16), stop_at);
            if (bytes)
                assert_string_equal(bytes, wanted);
            else
                cut_off(&l, &seed);
            free(bytes);
        }
        tear_down(&l);
    }
    print_message("# %d movies, %d workers\n", movies, kills);
    assert_true(kills > movies);
}

/* At each unit, and in the middle of its line, with each size; the next worker has another one. */
static void a_kill_at_every_unit_of_every_batch_gives_the_same_transcript(void **state)
{
    static const int sizes[] = {1, 2, 4, 8, 16};
    struct listener l;
    int kills = 0;
    unsigned seed = 2;
    (void)state;
    set_up(&l, 300, 21);
    md_autofree char *wanted = listen(&l, 1, -1);
    const int64_t total = l.total;
    assert_true(total >= 8);
    for (size_t i = 0; i < MD_ARRAY_LEN(sizes); i++) {
        for (int64_t unit = 0; unit < total; unit++) {
            movie_forget(l.folder, units);
            char *bytes = listen(&l, sizes[i], unit);
            kills += bytes == NULL; /* a whole batch may have been done at once */
            if (!bytes && unit % 2)
                cut_off(&l, &seed);
            free(bytes);
            bytes = listen(&l, sizes[(i + 1 + (size_t)unit) % MD_ARRAY_LEN(sizes)], -1);
            assert_string_equal(bytes, wanted);
            free(bytes);
        }
    }
    print_message("# %d kills at %d units\n", kills, (int)total);
    assert_true(kills > 3 * total);
    tear_down(&l);
}

static void every_batch_size_gives_the_same_transcript(void **state)
{
    struct listener l;
    (void)state;
    set_up(&l, 500, 4);
    md_autofree char *wanted = listen(&l, 1, -1);
    for (int batch = 2; batch <= 16; batch++) {
        movie_forget(l.folder, units);
        md_autofree char *bytes = listen(&l, batch, -1);
        assert_string_equal(bytes, wanted);
    }
    tear_down(&l);
}

static void another_sound_or_language_takes_nothing_from_the_checkpoint(void **state)
{
    struct listener l;
    (void)state;
    set_up(&l, 100, 9);
    md_autofree char *first = listen(&l, 2, -1);
    l.options.language = strdup("de");
    md_autofree char *second = listen(&l, 2, -1);
    assert_string_not_equal(first, second);
    assert_non_null(strstr(second, "samples in de"));
    assert_null(strstr(second, "samples in en"));
    tear_down(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_kill_at_any_byte_changes_the_transcript),
        cmocka_unit_test(a_kill_at_every_unit_of_every_batch_gives_the_same_transcript),
        cmocka_unit_test(every_batch_size_gives_the_same_transcript),
        cmocka_unit_test(another_sound_or_language_takes_nothing_from_the_checkpoint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
