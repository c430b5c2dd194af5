/* In which order movies come to two models that do not fit the device together: how often each is
 * loaded, how long it all takes, and that nobody is forgotten. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/random.h"
#include "sim/world.h"

#define MINUTE_US INT64_C(60000000)

static void trace(void *user, int64_t now_us, const char *line)
{
    printf("%9.1f %s\n", (double)now_us / 1e6, line);
}

/* Films of an hour and a half; each so-manieth has subtitles (0: none). */
static void run_shelf(const char *device, const char *asr, const char *llm, size_t movies,
                      int subtitled, struct md_sim_result *ret)
{
    struct md_sim_situation s;
    struct md_sim_machine machine;
    struct md_failure failure;
    assert_int_equal(md_sim_situation_for_device(device, &s, &failure), MD_OK);
    s.seed = 11;
    s.asr = md_sim_model_find(asr);
    s.llm = md_sim_model_find(llm);
    for (; s.movie_count < movies; s.movie_count++) {
        struct md_sim_movie *movie = &s.movies[s.movie_count];
        *movie = (struct md_sim_movie){
            .facts = {.known = true, .width = 1920, .height = 1080, .bit_depth = 8, .channels = 2},
            .seed = s.movie_count + 1,
            .has_subtitles = subtitled && (int)s.movie_count % subtitled == 0};
        movie->facts.duration_us = (85 + (int64_t)s.movie_count % 10) * MINUTE_US;
        snprintf(movie->facts.codec, sizeof movie->facts.codec, "h264");
        snprintf(movie->label, sizeof movie->label, "movie %zu", s.movie_count + 1);
    }
    assert_int_equal(md_sim_machine_open(&machine, &s, NULL, NULL), MD_OK);
    struct md_sim_params params = {.situation = &s, .check = true};
    if (getenv("TRACE"))
        params.trace = trace;
    assert_int_equal(md_sim_run(&machine, &params, ret), MD_OK);
    md_sim_machine_close(&machine);
    if (ret->hung || ret->broken)
        print_message("%s\n", ret->why);
    assert_false(ret->hung || ret->broken);
    for (size_t i = 0; i < movies; i++)
        assert_true(ret->movies.v[i].end == MD_MOVIE_DONE && ret->movies.v[i].is_right);
    print_message("# %s, %s and %s, %zu movies: %d and %d loads, %.2f h\n", device, asr, llm,
                  movies, (int)ret->loads[MD_EXECUTOR_ASR], (int)ret->loads[MD_EXECUTOR_LLM],
                  (double)ret->end_us / 3.6e9);
}

static int loads(const struct md_sim_result *result)
{
    return (int)(result->loads[MD_EXECUTOR_ASR] + result->loads[MD_EXECUTOR_LLM]);
}

/* Once, and once more where what worked is tried with more at once. */
static void two_models_that_do_not_fit_are_loaded_once_for_a_batch(void **state)
{
    struct md_sim_result result;
    (void)state;
    run_shelf("sim:8GB", "large-v3", "7b-q4", 12, 0, &result);
    assert_in_range(result.loads[MD_EXECUTOR_ASR], 1, 2);
    assert_in_range(result.loads[MD_EXECUTOR_LLM], 1, 2);
    md_sim_result_done(&result);
    run_shelf("sim:rtx3060", "large-v3", "8b-q4", 12, 3, &result); /* some have subtitles */
    assert_in_range(loads(&result), 2, 8);
    md_sim_result_done(&result);
}

static void models_that_fit_stay_both(void **state)
{
    struct md_sim_result result;
    (void)state;
    run_shelf("sim:rtx4090", "turbo", "7b-q4", 12, 0, &result);
    assert_in_range(loads(&result), 2, 8); /* batches grow there, twice each */
    md_sim_result_done(&result);
}

static void without_transcripts_to_make_nobody_waits_for_them(void **state)
{
    struct md_sim_result result;
    (void)state;
    run_shelf("sim:8GB", "large-v3", "7b-q4", 6, 1, &result);
    assert_int_equal(result.loads[MD_EXECUTOR_ASR], 0);
    assert_in_range(result.loads[MD_EXECUTOR_LLM], 1, 6); /* renders may need its memory */
    assert_true(result.movies.v[0].end_us < result.end_us / 3);
    md_sim_result_done(&result);
}

/* Turns are bounded: the first digests of a long shelf do not wait for its last transcript. */
static void a_long_shelf_takes_turns(void **state)
{
    struct md_sim_result result;
    (void)state;
    run_shelf("sim:8GB", "turbo", "7b-q4", 60, 0, &result);
    assert_in_range(result.loads[MD_EXECUTOR_ASR], 3, 8);
    assert_true(result.movies.v[0].end_us < result.end_us / 2);
    for (size_t i = MD_ENGINE_LOOK_AHEAD + 4; i < 60; i++) /* nobody is overtaken by so many */
        assert_true(result.movies.v[i].end_us >
                    result.movies.v[i - MD_ENGINE_LOOK_AHEAD - 4].end_us);
    md_sim_result_done(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_models_that_do_not_fit_are_loaded_once_for_a_batch),
        cmocka_unit_test(models_that_fit_stay_both),
        cmocka_unit_test(without_transcripts_to_make_nobody_waits_for_them),
        cmocka_unit_test(a_long_shelf_takes_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
