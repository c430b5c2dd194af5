/* What is left is guessed from what was measured, and from what is usual where nothing was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "cli/eta.h"

#define HOUR_US (3600 * MD_SECOND_US)

static void nothing_known_is_said(void **state)
{
    const struct md_eta eta = {{0}};
    struct md_eta_movie movie = {.stages_left = 0x7f, .stage = -1, .fraction = -1};
    (void)state;
    assert_int_equal(md_eta_movie(&eta, &movie), -1);
    assert_int_equal(md_eta_batch(&eta, &movie, 1, 1), -1);
    assert_int_equal(md_eta_batch(&eta, NULL, 0, 1), 0);
}

static void measured_stages_speak_for_the_next_movie(void **state)
{
    struct md_eta eta = {{0}};
    (void)state;
    md_eta_learn(&eta, MD_STAGE_SHOTS, HOUR_US / 10, HOUR_US);
    md_eta_learn(&eta, MD_STAGE_RENDER, HOUR_US / 20, HOUR_US);
    md_eta_learn(&eta, MD_STAGE_RENDER, 0, HOUR_US); /* was found done: says nothing */
    struct md_eta_movie movie = {.movie_us = 2 * HOUR_US,
                                 .stages_left = 1u << MD_STAGE_SHOTS | 1u << MD_STAGE_RENDER,
                                 .stage = -1,
                                 .fraction = -1};
    assert_int_equal(md_eta_movie(&eta, &movie), HOUR_US / 5 + HOUR_US / 10);
    movie.stages_left = 1u << MD_STAGE_RENDER;
    assert_int_equal(md_eta_movie(&eta, &movie), HOUR_US / 10);
    movie.stages_left = 0;
    assert_int_equal(md_eta_movie(&eta, &movie), 0);
}

static void a_slow_machine_is_slow_in_other_stages_too(void **state)
{
    struct md_eta fast = {{0}}, slow = {{0}};
    struct md_eta_movie movie = {
        .movie_us = HOUR_US, .stages_left = 1u << MD_STAGE_RENDER, .stage = -1, .fraction = -1};
    (void)state;
    md_eta_learn(&fast, MD_STAGE_SHOTS, HOUR_US / 100, HOUR_US);
    md_eta_learn(&slow, MD_STAGE_SHOTS, HOUR_US / 10, HOUR_US);
    int64_t quick = md_eta_movie(&fast, &movie), late = md_eta_movie(&slow, &movie);
    assert_true(quick > 0);
    assert_in_range(late, 10 * quick - 20, 10 * quick + 20);
}

static void a_running_stage_is_judged_by_itself(void **state)
{
    struct md_eta eta = {{0}};
    struct md_eta_movie movie = {.movie_us = HOUR_US,
                                 .stages_left = 1u << MD_STAGE_SHOTS,
                                 .stage = MD_STAGE_SHOTS,
                                 .elapsed_us = 30 * MD_SECOND_US,
                                 .fraction = 0.75};
    (void)state;
    md_eta_learn(&eta, MD_STAGE_SHOTS, HOUR_US, HOUR_US);
    assert_in_range(md_eta_movie(&eta, &movie), 10 * MD_SECOND_US - 1, 10 * MD_SECOND_US + 1);
    movie.fraction = 1.5; /* more than all there is */
    assert_int_equal(md_eta_movie(&eta, &movie), 0);
}

static void movies_side_by_side_share_the_time(void **state)
{
    struct md_eta eta = {{0}};
    struct md_eta_movie movies[4];
    (void)state;
    md_eta_learn(&eta, MD_STAGE_SHOTS, HOUR_US / 10, HOUR_US);
    for (int i = 0; i < 4; i++) /* two of unknown length count as the others */
        movies[i] = (struct md_eta_movie){.movie_us = i < 2 ? HOUR_US : 0,
                                          .stages_left = 1u << MD_STAGE_SHOTS,
                                          .stage = -1,
                                          .fraction = -1};
    assert_int_equal(md_eta_batch(&eta, movies, 4, 1), 4 * HOUR_US / 10);
    assert_int_equal(md_eta_batch(&eta, movies, 4, 2), 2 * HOUR_US / 10);
    assert_int_equal(md_eta_batch(&eta, movies, 4, 100), HOUR_US / 10); /* the longest at least */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_known_is_said),
        cmocka_unit_test(measured_stages_speak_for_the_next_movie),
        cmocka_unit_test(a_slow_machine_is_slow_in_other_stages_too),
        cmocka_unit_test(a_running_stage_is_judged_by_itself),
        cmocka_unit_test(movies_side_by_side_share_the_time),
    };
    return cmocka_run_group_tests_name("eta", tests, NULL, NULL);
}
