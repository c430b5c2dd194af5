/* What a plan says holds together: every stage of every movie has its place in time, the memory
 * stays below the device's, and risks are said where they are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/plan.h"

static void shelf(const char *device, struct md_sim_situation *s)
{
    struct md_failure failure;
    assert_int_equal(md_sim_situation_for_device(device, s, &failure), MD_OK);
    s->asr = md_sim_model_find("turbo");
    s->llm = md_sim_model_find("7b-q4");
    s->movie_count = 4;
    for (int i = 0; i < 4; i++)
        s->movies[i] = md_sim_movie_make(5, i);
}

static void every_stage_has_its_place(void **state)
{
    struct md_sim_situation s;
    struct md_plan plan;
    unsigned done[4] = {0};
    shelf("sim:rtx3060", &s);
    assert_int_equal(md_plan_make(&s, NULL, 3, &plan), MD_OK);
    assert_false(plan.failed);
    assert_int_equal(plan.movies.n, 4);
    for (size_t i = 0; i < plan.spans.n; i++) {
        const struct md_plan_span *span = &plan.spans.v[i];
        assert_in_range(span->movie, 0, 3);
        assert_true(span->start_us <= span->end_us && span->end_us <= plan.end_us);
        if (span->ended_well)
            done[span->movie] |= 1u << span->stage;
    }
    for (int m = 0; m < 4; m++)
        assert_int_equal(done[m], (1u << MD_STAGES) - 1);
    for (size_t i = 0; i < plan.points.n; i++) {
        assert_true(plan.points.v[i].used_bytes <= plan.total_bytes);
        assert_true(i == 0 || plan.points.v[i - 1].at_us <= plan.points.v[i].at_us);
    }
    md_plan_done(&plan);
}

static void a_device_too_small_shows_its_risks(void **state)
{
    struct md_sim_situation s;
    struct md_plan large, small;
    double large_ooms = 0, small_ooms = 0;
    shelf("sim:24GB", &s);
    assert_int_equal(md_plan_make(&s, NULL, 20, &large), MD_OK);
    shelf("sim:5GB", &s);
    assert_int_equal(md_plan_make(&s, NULL, 20, &small), MD_OK);
    for (size_t m = 0; m < 4; m++) {
        large_ooms += large.movies.v[m].oom_probability;
        small_ooms += small.movies.v[m].oom_probability;
        assert_false(large.movies.v[m].near_cap);
        assert_true(small.movies.v[m].near_cap);
        assert_true(small.movies.v[m].lost_probability == 0);
    }
    assert_true(small_ooms > 1);
    assert_true(large_ooms < small_ooms / 4);
    md_plan_done(&large);
    md_plan_done(&small);
}

static void a_movie_that_cannot_be_read_gets_the_safe_default(void **state)
{
    struct md_sim_situation s;
    struct md_plan plan;
    shelf("sim:rtx3060", &s);
    s.movies[1].facts.known = false;
    assert_int_equal(md_plan_make(&s, NULL, 0, &plan), MD_OK);
    assert_true(plan.movies.v[1].assumed);
    assert_int_equal(plan.movies.v[1].estimate_bytes[MD_STAGE_SHOTS], 0);
    assert_false(plan.movies.v[0].assumed);
    md_plan_done(&plan);
}

static void an_unknown_device_is_refused(void **state)
{
    struct md_sim_situation s;
    struct md_failure failure;
    assert_int_equal(md_sim_situation_for_device("sim:toaster", &s, &failure), MD_ERR_NOTFOUND);
    assert_int_equal(md_sim_situation_for_device("host", &s, &failure), MD_ERR_NOTFOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_stage_has_its_place),
        cmocka_unit_test(a_device_too_small_shows_its_risks),
        cmocka_unit_test(a_movie_that_cannot_be_read_gets_the_safe_default),
        cmocka_unit_test(an_unknown_device_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
