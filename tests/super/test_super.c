/* The engine in the real world, with real processes that succeed, fail, crash, hang and babble. */
#include "harness.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "engine/engine.h"

static void expect_told(const struct batch *b, const char *line)
{
    if (!batch_was_told(b, line))
        fail_msg("nobody said \"%s\":\n%s\n%s", line, md_str_text(&b->told),
                 md_str_text(&b->logged));
}

static void expect_text(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("\"%s\" is not in:\n%s", part, text);
}

static void a_batch_is_done_and_a_second_run_does_nothing(void **state)
{
    struct batch *b = *state;
    batch_add(b, "one", "");
    batch_add(b, "two", "");
    batch_run(b);
    assert_int_equal(b->result.done_count, 2);
    assert_int_equal(batch_total_runs(b), 2 * MD_STAGES);
    expect_text(md_str_text(&b->logged), "INFO:governor:Memory check: ");
    expect_text(md_str_text(&b->logged), "DEBUG:fake:one: shots with ");
    assert_true(batch_has(b, "out/one/digest.mp4"));
    assert_false(batch_has(b, "out/one/work/lock"));
    md_autofree char *timings = batch_read(b, "out/two/work/timings.jsonl");
    expect_text(timings, "{\"stage\": \"render\", \"seconds\": 0.");

    batch_run(b);
    assert_int_equal(b->result.done_count, 2);
    assert_int_equal(batch_total_runs(b), 0);
    expect_told(b, "1 render cached");
    assert_null(strstr(md_str_text(&b->logged), "Memory check"));
    md_autofree char *again = batch_read(b, "out/two/work/timings.jsonl");
    assert_string_equal(timings, again);
}

static void a_change_redoes_what_depends_on_it_and_nothing_else(void **state)
{
    struct batch *b = *state;
    batch_add(b, "film", "");
    batch_run(b);
    batch_set(b, "length", "10s");
    batch_run(b);
    assert_int_equal(batch_total_runs(b), 2);
    assert_int_equal(b->runs[MD_STAGE_SELECT], 1);
    assert_int_equal(b->runs[MD_STAGE_RENDER], 1);

    md_autofree char *sidecar = md_path_join(b->folder, "film.srt");
    md_file_append(sidecar, "words", 5, NULL);
    batch_run(b);
    assert_int_equal(b->runs[MD_STAGE_TRANSCRIPT], 1);
    assert_int_equal(b->runs[MD_STAGE_SHOTS], 0);
    assert_int_equal(b->runs[MD_STAGE_STORY], 1);

    md_autofree char *output = md_path_join(b->jobs[0].out_dir, "digest.mp4");
    unlink(output);
    batch_run(b);
    assert_int_equal(batch_total_runs(b), 1);
    assert_true(batch_has(b, "out/film/digest.mp4"));

    md_file_append(b->jobs[0].movie_path, "\n", 1, NULL); /* another movie now */
    batch_run(b);
    assert_int_equal(batch_total_runs(b), MD_STAGES);
}

static void a_damaged_artifact_is_made_anew(void **state)
{
    struct batch *b = *state;
    batch_add(b, "film", "");
    batch_run(b);
    md_autofree char *before = batch_read(b, "out/film/work/shots.json");
    md_autofree char *path = md_path_join(b->jobs[0].work_dir, "shots.json");
    assert_int_equal(truncate(path, 20), 0);
    batch_run(b);
    assert_int_equal(batch_total_runs(b), 1); /* the same bytes: nothing after it is redone */
    md_autofree char *after = batch_read(b, "out/film/work/shots.json");
    assert_string_equal(before, after);
}

static void force_does_everything_again(void **state)
{
    struct batch *b = *state;
    batch_add(b, "film", "story crash 1");
    batch_run(b);
    batch_set(b, "force", "yes");
    batch_run(b);
    assert_int_equal(batch_total_runs(b), MD_STAGES);
    md_autofree char *marks = md_path_join(b->folder, "out/film/work.story.times");
    unlink(marks);
    batch_run(b); /* with a crash: what was redone in this run is not redone once more */
    assert_int_equal(b->runs[MD_STAGE_PROBE], 1);
    assert_int_equal(b->runs[MD_STAGE_STORY], 2);
}

static void only_wanted_stages_run(void **state)
{
    struct batch *b = *state;
    b->stages = 1u << MD_STAGE_AUDIO;
    batch_add(b, "film", "");
    batch_run(b);
    assert_int_equal(batch_total_runs(b), 2);
    assert_true(batch_has(b, "out/film/work/audio.json"));
}

static void a_crashed_worker_is_replaced(void **state)
{
    struct batch *b = *state;
    batch_add(b, "film", "shots crash 1\naudio kill 1\n");
    batch_run(b);
    assert_int_equal(b->result.done_count, 1);
    expect_told(b, "0 shots failed, again");
    expect_told(b, "0 shots attempt 2");
    assert_int_equal(b->runs[MD_STAGE_PROBE], 1);
}

static void a_movie_that_keeps_crashing_fails_with_the_reason_and_the_batch_goes_on(void **state)
{
    struct batch *b = *state;
    batch_add(b, "bad", "shots crash 9");
    batch_add(b, "good", "");
    batch_run(b);
    assert_int_equal(b->result.done_count, 1);
    assert_int_equal(b->result.failed_count, 1);
    assert_int_equal(b->runs[MD_STAGE_SHOTS], 4);
    assert_int_equal(b->failure.code, MD_ERR_CRASHED);
    assert_string_equal(b->failure.stage, "shots");
    expect_text(b->failure.message, "killed by signal 11");
    expect_text(b->failure.message, "the picture is  broken"); /* cleaned of control characters */
    assert_true(batch_has(b, "out/bad/work/media.json"));      /* what was finished stays */
}

static void a_stage_that_fails_is_not_tried_again(void **state)
{
    struct batch *b = *state;
    batch_add(b, "bad", "audio fail");
    batch_add(b, "good", "");
    batch_run(b);
    assert_int_equal(b->result.failed_count, 1);
    assert_int_equal(b->failure.code, MD_ERR_INPUT);
    assert_string_equal(b->failure.stage, "audio");
    expect_text(b->failure.message, "has no pictures");
    assert_int_equal(b->runs[MD_STAGE_AUDIO], 2);
    expect_told(b, "1 ended done");
}

static void out_of_memory_gets_another_try(void **state)
{
    struct batch *b = *state;
    batch_add(b, "film", "story nomem 1");
    batch_run(b);
    assert_int_equal(b->result.done_count, 1);
    expect_told(b, "0 story failed, again");
    md_autofree char *told = batch_read(b, "out/film/work/post-mortem.txt");
    assert_non_null(told);
    expect_text(told, "OUT OF MEMORY: story of film, batch ");
    expect_text(told, "out of memory 1 times so far"); /* counted once */
    expect_text(told, "\n  leased ");
    assert_null(strstr(told, "leased ?")); /* though the lease has ended */
    assert_null(strstr(told, "predicted ?"));
}

static void far_too_little_memory_slows_a_batch_down_but_does_not_end_it(void **state)
{
    struct batch *b = *state;
    batch_set(b, "jobs", "2");
    batch_set(b, "memory-limit", "60MB");
    batch_add(b, "one", "shots fill 70");
    batch_add(b, "two", "");
    batch_run(b);
    assert_int_equal(b->result.done_count, 2);
    const char *logged = md_str_text(&b->logged);
    expect_text(logged, ":governor:Critical memory pressure (");
    expect_text(logged, ":governor:Memory optimization completed - Freed ");
    expect_text(logged, "runs without room for it, as the oldest");
}

static const struct md_engine_model fake_models[MD_EXECUTORS] = {
    [MD_EXECUTOR_ASR] = {
        .name = "fake", .resident_bytes = 10000000, .unit_bytes = 1000000, .load_us = 1000}};

static void expect_units(struct batch *b, const char *file)
{
    md_autofree char *units = batch_read(b, file);
    assert_non_null(units);
    assert_string_equal(units, "xxxxx"); /* each of them once */
}

static void units_are_done_by_one_worker_with_a_model_for_all_movies(void **state)
{
    struct batch *b = *state;
    b->models = fake_models;
    batch_set(b, "jobs", "2");
    batch_add(b, "one", "transcript units 5");
    batch_add(b, "two", "transcript units 5");
    batch_run(b);
    assert_int_equal(b->result.done_count, 2);
    expect_units(b, "out/one/work/units");
    expect_units(b, "out/two/work/units");
    expect_told(b, "0 transcript 5 of 5");
    const char *first = strstr(md_str_text(&b->logged), "a model for ");
    assert_non_null(first);
    assert_null(strstr(first + 1, "a model for ")); /* loaded once */
    batch_run(b);
    assert_int_equal(batch_total_runs(b), 0);
}

static void what_a_model_lost_is_gone_on_with(void **state)
{
    static const char *const orders[] = {"transcript units 5\nunit nomem 2\n",
                                         "transcript units 5\nunit abort 1\n"};
    struct batch *b = *state;
    b->models = fake_models;
    for (int i = 0; i < 2; i++) {
        char name[16], file[48];
        snprintf(name, sizeof name, "film%d", i);
        batch_add(b, name, orders[i]);
        batch_run(b);
        assert_int_equal(b->result.done_count, i + 1);
        snprintf(file, sizeof file, "out/film%d/work/units", i);
        expect_units(b, file);
    }
}

/* Whether the work is kept or not: what fell back is made good for, then nothing is done again. */
static void a_model_given_up_costs_no_movie_and_is_asked_again_by_the_next_run(void **state)
{
    struct batch *b = *state;
    b->models = fake_models;
    batch_set(b, "keep-work", "no");
    batch_add(b, "film", "transcript units 6\nunit abort 3\n");
    batch_run(b);
    assert_int_equal(b->result.done_count, 1);
    assert_int_equal(b->runs[MD_STAGE_TRANSCRIPT], 4);
    expect_text(md_str_text(&b->logged), "film: transcript without its model: its worker was lost");
    expect_text(md_str_text(&b->logged), "the work folder is kept");
    md_autofree char *poor = batch_read(b, "out/film/work/transcript.json");
    expect_text(poor, "its worker was lost again and again");
    batch_run(b); /* the model works again */
    assert_int_equal(b->result.done_count, 1);
    assert_int_equal(b->runs[MD_STAGE_SHOTS], 0);
    assert_int_equal(b->runs[MD_STAGE_TRANSCRIPT], 1);
    assert_int_equal(b->runs[MD_STAGE_RENDER], 1);
    assert_false(batch_has(b, "out/film/work"));
    batch_run(b);
    assert_int_equal(batch_total_runs(b), 0);
}

static void a_worker_that_leaves_or_babbles_is_replaced(void **state)
{
    static const char *const orders[][2] = {{"shots exit 7", "status 7"},
                                            {"shots noise", "broke the protocol"},
                                            {"shots deaf", "broke the protocol"}};
    struct batch *b = *state;
    batch_set(b, "jobs", "3");
    for (int i = 0; i < 3; i++) {
        char name[16];
        snprintf(name, sizeof name, "film%d", i);
        batch_add(b, name, orders[i][0]);
    }
    batch_run(b);
    assert_int_equal(b->result.failed_count, 3);
    assert_int_equal(b->runs[MD_STAGE_SHOTS], 9);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(b->failures[i].code, MD_ERR_CRASHED);
        expect_text(b->failures[i].message, orders[i][1]);
    }
}

static void what_a_killed_worker_left_half_written_is_removed(void **state)
{
    struct batch *b = *state;
    batch_add(b, "film", "render part");
    batch_run(b);
    assert_int_equal(b->result.done_count, 1);
    assert_false(batch_has(b, "out/film/digest.mp4.part"));
}

static void many_movies_run_side_by_side(void **state)
{
    struct batch *b = *state;
    batch_set(b, "jobs", "4");
    for (int i = 0; i < MAX_MOVIES; i++) {
        char name[16];
        snprintf(name, sizeof name, "film%02d", i);
        batch_add(b, name, i % 7 == 3 ? "select fail" : "audio slow 5");
    }
    batch_run(b);
    assert_int_equal(b->result.failed_count, 6);
    assert_int_equal(b->result.done_count, MAX_MOVIES - 6);
}

static void paths_may_hold_any_bytes(void **state)
{
    struct batch *b = *state;
    batch_add(b, "na\xefve \xff 'q\"\n -x", "");
    batch_add(b, "-rf", "");
    batch_run(b);
    assert_int_equal(b->result.done_count, 2);
    assert_true(batch_has(b, "out/na\xefve \xff 'q\"\n -x/digest.mp4"));
}

static void folders_and_movies_that_cannot_be_used_are_named(void **state)
{
    struct batch *b = *state;
    batch_add(b, "absent", NULL);
    batch_run(b);
    assert_int_equal(b->result.failed_count, 1);
    assert_int_equal(b->failure.code, MD_ERR_NOTFOUND);
    expect_text(b->failure.message, "absent");
    assert_false(batch_has(b, "out")); /* nothing was made for it */

    md_autofree char *out = md_path_join(b->folder, "out");
    md_file_append(out, "a file", 6, NULL);
    md_file_append(b->jobs[0].movie_path, "x", 1, NULL);
    batch_run(b);
    assert_int_equal(b->failure.code, MD_ERR_INPUT);
    expect_text(b->failure.message, "a file is in the way");
}

static void without_keep_work_only_the_outputs_stay_and_still_nothing_is_redone(void **state)
{
    struct batch *b = *state;
    batch_set(b, "keep-work", "no");
    batch_add(b, "film", "");
    batch_run(b);
    assert_int_equal(batch_total_runs(b), MD_STAGES);
    assert_false(batch_has(b, "out/film/work"));
    assert_true(batch_has(b, "out/film/digest.mp4"));
    batch_run(b);
    assert_int_equal(batch_total_runs(b), 0);
    assert_int_equal(b->result.done_count, 1);
    assert_false(batch_has(b, "out/film/work"));
    /* Another length, a lost output, another subtitle or movie: all of it is done again. */
    batch_set(b, "length", "9s");
    batch_run(b);
    assert_int_equal(batch_total_runs(b), MD_STAGES);
    batch_run(b);
    assert_int_equal(batch_total_runs(b), 0);
    md_autofree char *output = md_path_join(b->jobs[0].out_dir, "digest.mp4");
    unlink(output);
    batch_run(b);
    assert_int_equal(batch_total_runs(b), MD_STAGES);
    md_autofree char *sidecar = md_path_join(b->folder, "film.srt");
    md_file_append(sidecar, "words", 5, NULL);
    batch_run(b);
    assert_int_equal(batch_total_runs(b), MD_STAGES);
    /* Stages wanted for their artifacts leave them. */
    b->stages = 1u << MD_STAGE_SHOTS;
    batch_run(b);
    assert_int_equal(batch_total_runs(b), 2);
    assert_true(batch_has(b, "out/film/work/shots.json"));
}

static void a_stamp_is_void_once_the_outputs_are_replaced(void **state)
{
    struct batch *b = *state;
    batch_set(b, "keep-work", "no");
    batch_add(b, "film", "");
    batch_run(b);
    batch_set(b, "keep-work", "yes");
    batch_set(b, "length", "9s");
    batch_run(b);
    assert_int_equal(batch_total_runs(b), MD_STAGES);
    batch_set(b, "length", "auto");
    batch_run(b); /* the stamp of the first run would say that this is done */
    assert_int_equal(b->runs[MD_STAGE_RENDER], 1);
}

static void two_programs_do_not_work_on_one_movie(void **state)
{
    struct batch *b = *state;
    batch_add(b, "film", "");
    assert_int_equal(md_mkdir_p(b->jobs[0].work_dir, NULL), MD_OK);
    md_autofree char *lock = md_path_join(b->jobs[0].work_dir, "lock");
    FILE *held = fopen(lock, "w");
    assert_int_equal(flock(fileno(held), LOCK_EX), 0);
    b->descriptors++;
    batch_run(b);
    assert_int_equal(b->failure.code, MD_ERR_BUSY);
    expect_text(b->failure.message, "another moviedigest is working on this movie");
    assert_int_equal(batch_total_runs(b), 0);
    fclose(held);
    b->descriptors--;
    batch_run(b);
    assert_int_equal(b->result.done_count, 1);
}

static double run_timed(struct batch *b)
{
    int64_t start = md_clock_monotonic_us();
    batch_run(b);
    return (double)(md_clock_monotonic_us() - start) / 1e6;
}

static void cancel_ends_willing_workers_at_once(void **state)
{
    struct batch *b = *state;
    batch_set(b, "jobs", "2");
    batch_add(b, "one", "shots slow 60000");
    batch_add(b, "two", "audio slow 60000");
    batch_add(b, "three", "");
    b->cancel_at = "1 audio progress";
    assert_true(run_timed(b) < 60);
    assert_int_equal(b->result.cancelled_count, 3);
    assert_true(b->result.cancelled);
    assert_false(batch_was_told(b, "2 started"));
    assert_true(batch_has(b, "out/two/work/shots.json")); /* what was finished stays */
    assert_false(batch_has(b, "out/two/work/lock"));
}

static void cancel_kills_unwilling_workers_within_two_seconds(void **state)
{
    struct batch *b = *state;
    batch_add(b, "one", "shots hang");
    b->cancel_at = "0 shots attempt 1";
    double seconds = run_timed(b);
    if (seconds < 1.5 || seconds > 3) /* a little beyond for a loaded machine and sanitizers */
        fail_msg("took %.2f s", seconds);
    assert_int_equal(b->result.cancelled_count, 1);
}

static void no_worker_program_is_an_error_of_every_movie(void **state)
{
    struct batch *b = *state;
    struct md_super_params params;
    struct md_super_observer observer;
    struct md_failure failure = {0};
    batch_add(b, "film", "");
    batch_params(b, &params, &observer);
    params.worker_path = "/nonexistent/worker";
    assert_int_equal(md_super_run(&params, &b->result, &failure), MD_OK);
    assert_int_equal(b->result.failed_count, 1);
    expect_text(b->failure.message, "/nonexistent/worker");
}

/* Runs the batch in a child process as the program would, signals included. */
static pid_t run_in_child(struct batch *b)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid > 0)
        return pid;
    struct md_super_params params;
    struct md_super_observer observer;
    batch_params(b, &params, &observer);
    params.handle_signals = true;
    int r = md_super_run(&params, &b->result, NULL);
    _exit(r == MD_OK ? (int)b->result.cancelled_count * 10 + b->result.signal : 99);
}

/* Asks the kernel: trying the lock would, for a moment, take it from the worker. */
static bool is_locked(const char *path)
{
    struct stat st;
    char line[256];
    md_autofclose FILE *locks = fopen("/proc/locks", "r");
    if (stat(path, &st) < 0 || !locks)
        return false;
    while (fgets(line, sizeof line, locks)) {
        unsigned long long inode = 0;
        if (sscanf(line, "%*s FLOCK %*s %*s %*d %*x:%*x:%llu", &inode) == 1 && inode == st.st_ino)
            return true;
    }
    return false;
}

/* Waits until a worker holds the movie's lock (or, with held = false, until none does). */
static bool wait_for_lock(const struct batch *b, bool held)
{
    const struct timespec pause = {.tv_nsec = 5 * 1000 * 1000};
    md_autofree char *lock = md_path_join(b->jobs[0].work_dir, "lock");
    for (int i = 0; i < 2000; i++) {
        if (is_locked(lock) == held)
            return true;
        nanosleep(&pause, NULL);
    }
    return false;
}

static void a_signal_ends_the_batch_and_is_reported(void **state)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    struct batch *b = *state;
    batch_add(b, "film", "shots slow 60000");
    for (int i = 0; i < 3; i++) {
        int status;
        pid_t pid = run_in_child(b);
        assert_true(wait_for_lock(b, true));
        kill(pid, signals[i]);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 10 + signals[i]);
        assert_true(wait_for_lock(b, false));
    }
}

static void no_worker_outlives_the_main_program(void **state)
{
    struct batch *b = *state;
    batch_add(b, "film", "shots hang");
    pid_t pid = run_in_child(b);
    int status;
    assert_true(wait_for_lock(b, true));
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(wait_for_lock(b, false));
    /* And the next run starts where it stopped. */
    assert_int_equal(md_file_write_atomic(b->jobs[0].movie_path, "shots slow 1", 12, NULL), MD_OK);
    batch_run(b);
    assert_int_equal(b->result.done_count, 1);
}

static void a_stopped_program_stops_its_workers_and_goes_on_with_them(void **state)
{
    struct batch *b = *state;
    batch_add(b, "film", "shots slow 300");
    pid_t pid = run_in_child(b);
    int status;
    assert_true(wait_for_lock(b, true));
    kill(pid, SIGTSTP);
    assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
    assert_true(WIFSTOPPED(status));
    kill(pid, SIGCONT);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, batch_open, batch_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_batch_is_done_and_a_second_run_does_nothing),
        TEST(a_change_redoes_what_depends_on_it_and_nothing_else),
        TEST(a_damaged_artifact_is_made_anew),
        TEST(force_does_everything_again),
        TEST(only_wanted_stages_run),
        TEST(a_crashed_worker_is_replaced),
        TEST(a_movie_that_keeps_crashing_fails_with_the_reason_and_the_batch_goes_on),
        TEST(a_stage_that_fails_is_not_tried_again),
        TEST(out_of_memory_gets_another_try),
        TEST(far_too_little_memory_slows_a_batch_down_but_does_not_end_it),
        TEST(a_worker_that_leaves_or_babbles_is_replaced),
        TEST(what_a_killed_worker_left_half_written_is_removed),
        TEST(units_are_done_by_one_worker_with_a_model_for_all_movies),
        TEST(what_a_model_lost_is_gone_on_with),
        TEST(a_model_given_up_costs_no_movie_and_is_asked_again_by_the_next_run),
        TEST(many_movies_run_side_by_side),
        TEST(paths_may_hold_any_bytes),
        TEST(folders_and_movies_that_cannot_be_used_are_named),
        TEST(without_keep_work_only_the_outputs_stay_and_still_nothing_is_redone),
        TEST(a_stamp_is_void_once_the_outputs_are_replaced),
        TEST(two_programs_do_not_work_on_one_movie),
        TEST(cancel_ends_willing_workers_at_once),
        TEST(cancel_kills_unwilling_workers_within_two_seconds),
        TEST(no_worker_program_is_an_error_of_every_movie),
        TEST(a_signal_ends_the_batch_and_is_reported),
        TEST(no_worker_outlives_the_main_program),
        TEST(a_stopped_program_stops_its_workers_and_goes_on_with_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
