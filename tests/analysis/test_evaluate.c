/* The measuring stick itself: what counts as found, missed and false. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/evaluate.h"

static struct md_truth_vec parse(const char *text)
{
    struct md_truth_vec truth = {0};
    assert_int_equal(md_truth_parse(text, strlen(text), &truth, NULL), MD_OK);
    return truth;
}

static void truth_files_are_read_with_header_negatives_and_extra_columns(void **state)
{
    struct md_truth_vec truth = parse("type,start_frame,end_frame,start_sec,end_sec\r\n"
                                      "cut,10,10,0.4,0.4\r\n"
                                      "\n"
                                      "neg_flash,20,22\n"
                                      "holiday,1,2\n"
                                      "fade_white,30,40\n"
                                      "cut,50,49\n"
                                      "wipe,60,70");
    assert_int_equal(truth.n, 4);
    assert_int_equal(truth.v[0].boundary.kind, MD_TRANSITION_CUT);
    assert_true(truth.v[1].is_negative);
    assert_int_equal(truth.v[2].boundary.kind, MD_TRANSITION_FADE_WHITE);
    assert_int_equal(truth.v[3].boundary.end_frame, 70);
    md_vec_done(&truth);
    struct md_failure failure = {0};
    assert_int_equal(md_truth_parse("hello\n", 6, &truth, &failure), MD_ERR_INPUT);
    assert_int_equal(md_truth_parse("", 0, &truth, &failure), MD_ERR_INPUT);
}

static void scores_count_hits_misses_and_false_alarms_by_kind(void **state)
{
    struct md_truth_vec truth = parse("cut,100,100\ncut,200,200\ncut,300,300\n"
                                      "dissolve,400,420\nfade_black,500,540\n"
                                      "neg_flash,600,602\nneg_flash,700,702\n");
    struct md_boundary_vec found = {0};
    static const struct md_boundary boundaries[] = {
        {100, 100, MD_TRANSITION_CUT, 1},      /* right */
        {202, 202, MD_TRANSITION_CUT, 1},      /* right, within tolerance */
        {303, 303, MD_TRANSITION_CUT, 1},      /* too far: a miss and a false alarm */
        {410, 410, MD_TRANSITION_CUT, 1},      /* of the wrong sort, forgiven by "all" only */
        {530, 560, MD_TRANSITION_DISSOLVE, 1}, /* right, of another gradual kind */
        {601, 601, MD_TRANSITION_CUT, 1},      /* falls for a flash */
    };
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(md_vec_push(&found, boundaries[i]), MD_OK);
    struct md_evaluation e = {0};
    int64_t matched[6];
    assert_int_equal(md_evaluate(&truth, &found, &e, matched), MD_OK);
    const struct md_score *cut = &e.scores[MD_SCORE_CUT], *all = &e.scores[MD_SCORE_ALL];
    assert_int_equal(cut->truth, 3);
    assert_int_equal(cut->found, 5);
    assert_int_equal(cut->hits, 2);
    assert_int_equal(cut->false_alarms, 3);
    assert_int_equal(e.scores[MD_SCORE_GRADUAL].hits, 1);
    assert_int_equal(e.scores[MD_SCORE_GRADUAL].kind_right, 0);
    assert_int_equal(e.scores[MD_SCORE_FADE].hits, 1);
    assert_int_equal(e.scores[MD_SCORE_DISSOLVE].hits, 0);
    assert_int_equal(e.scores[MD_SCORE_DISSOLVE].false_alarms, 0);
    assert_int_equal(all->truth, 5);
    assert_int_equal(all->found, 6);
    assert_int_equal(all->hits, 4);
    assert_int_equal(all->false_alarms, 2);
    assert_int_equal(e.negatives, 2);
    assert_int_equal(e.negatives_hit, 1);
    static const int64_t expected[6] = {0, 1, -1, 3, 4, -1};
    assert_memory_equal(matched, expected, sizeof expected);
    assert_float_equal(md_score_precision(cut), 0.4, 1e-9);
    assert_float_equal(md_score_recall(cut), 2.0 / 3, 1e-9);
    assert_float_equal(md_score_f1(cut), 0.5, 1e-9);
    /* Pooling adds. */
    assert_int_equal(md_evaluate(&truth, &found, &e, NULL), MD_OK);
    assert_int_equal(all->truth, 10);
    md_vec_done(&truth);
    md_vec_done(&found);
}

static void one_boundary_is_not_counted_for_two(void **state)
{
    struct md_truth_vec truth = parse("cut,100,100\ncut,102,102\n");
    struct md_boundary_vec found = {0};
    assert_int_equal(md_vec_push(&found, (struct md_boundary){101, 101, MD_TRANSITION_CUT, 1}),
                     MD_OK);
    struct md_evaluation e = {0};
    assert_int_equal(md_evaluate(&truth, &found, &e, NULL), MD_OK);
    assert_int_equal(e.scores[MD_SCORE_CUT].hits, 1);
    assert_int_equal(e.scores[MD_SCORE_CUT].false_alarms, 0);
    md_vec_done(&truth);
    md_vec_done(&found);
}

static void nothing_true_and_nothing_found_is_perfect(void **state)
{
    struct md_evaluation e = {0};
    struct md_truth_vec truth = {0};
    struct md_boundary_vec found = {0};
    assert_int_equal(md_evaluate(&truth, &found, &e, NULL), MD_OK);
    assert_float_equal(md_score_f1(&e.scores[MD_SCORE_ALL]), 1, 1e-9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(truth_files_are_read_with_header_negatives_and_extra_columns),
        cmocka_unit_test(scores_count_hits_misses_and_false_alarms_by_kind),
        cmocka_unit_test(one_boundary_is_not_counted_for_two),
        cmocka_unit_test(nothing_true_and_nothing_found_is_perfect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
