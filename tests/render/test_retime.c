/* Cues of the digest: moved, clipped, joined over seamless joins, never two at once when flat. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "render/retime.h"

enum { SECOND = 1000000 };

static struct md_cue cue(double start_s, double end_s, const char *text)
{
    return (struct md_cue){.start_us = (int64_t)(start_s * SECOND),
                           .end_us = (int64_t)(end_s * SECOND),
                           .text = (char *)text};
}

static struct md_rendered_piece piece(double start_s, double end_s, double digest_s)
{
    return (struct md_rendered_piece){.source_start_us = (int64_t)(start_s * SECOND),
                                      .source_end_us = (int64_t)(end_s * SECOND),
                                      .digest_start_us = (int64_t)(digest_s * SECOND)};
}

static void expect(const struct md_cue *got, double start_s, double end_s, const char *text)
{
    assert_int_equal(got->start_us, (int64_t)(start_s * SECOND));
    assert_int_equal(got->end_us, (int64_t)(end_s * SECOND));
    assert_string_equal(got->text, text);
}

static struct md_cue_vec retimed(struct md_cue *cues, size_t n_cues,
                                 struct md_rendered_piece *pieces, size_t n_pieces)
{
    struct md_transcript transcript = {.cues = {.v = cues, .n = n_cues}};
    struct md_rendered_piece_vec vec = {.v = pieces, .n = n_pieces};
    struct md_cue_vec out;
    assert_int_equal(md_retime_cues(&transcript, &vec, &out), MD_OK);
    return out;
}

static void cues_move_with_their_piece_and_are_clipped_at_cuts(void **state)
{
    struct md_cue cues[] = {cue(1, 2, "before"), cue(9, 11, "into"), cue(12, 13, "inside"),
                            cue(14.5, 17, "out of"), cue(40, 41, "second")};
    struct md_rendered_piece pieces[] = {piece(10, 15, 0), piece(39, 42, 5)};
    struct md_cue_vec out = retimed(cues, 5, pieces, 2);
    assert_int_equal(out.n, 4);
    expect(&out.v[0], 0, 1, "into");
    expect(&out.v[1], 2, 3, "inside");
    expect(&out.v[2], 4.5, 5, "out of");
    expect(&out.v[3], 6, 7, "second");
    md_cues_done(&out);
}

static void a_cue_over_a_seamless_join_stays_one(void **state)
{
    struct md_cue cues[] = {cue(4, 6, "over"), cue(4.5, 5.5, "too")};
    struct md_rendered_piece pieces[] = {piece(3, 5, 0), piece(5, 8, 2)};
    struct md_cue_vec out = retimed(cues, 2, pieces, 2);
    assert_int_equal(out.n, 2);
    expect(&out.v[0], 1, 3, "over");
    expect(&out.v[1], 1.5, 2.5, "too");
    md_cues_done(&out);
}

static void a_long_cue_that_holds_others_is_not_lost(void **state)
{
    struct md_cue cues[] = {cue(0, 100, "long"), cue(1, 2, "a"), cue(50, 51, "b")};
    struct md_rendered_piece pieces[] = {piece(10, 12, 0), piece(50, 52, 2)};
    struct md_cue_vec out = retimed(cues, 3, pieces, 2);
    assert_int_equal(out.n, 2);
    expect(&out.v[0], 0, 4, "long");
    expect(&out.v[1], 2, 3, "b");
    md_cues_done(&out);
}

static void slivers_are_left_out(void **state)
{
    struct md_cue cues[] = {cue(9, 10.05, "sliver"), cue(9, 10.2, "short")};
    struct md_rendered_piece pieces[] = {piece(10, 15, 0)};
    struct md_cue_vec out = retimed(cues, 2, pieces, 1);
    assert_int_equal(out.n, 1);
    expect(&out.v[0], 0, 0.2, "short");
    md_cues_done(&out);
}

static void without_transcript_there_are_none(void **state)
{
    struct md_rendered_piece_vec none = {0};
    struct md_cue_vec out;
    assert_int_equal(md_retime_cues(NULL, &none, &out), MD_OK);
    assert_int_equal(out.n, 0);
}

static void flat_cues_never_overlap_and_show_all(void **state)
{
    struct md_cue cues[] = {cue(0, 4, "a"), cue(1, 2, "b"), cue(2, 3, "c"), cue(6, 7, "d")};
    struct md_cue_vec in = {.v = cues, .n = 4}, out;
    assert_int_equal(md_retime_flatten(&in, &out), MD_OK);
    assert_int_equal(out.n, 5);
    expect(&out.v[0], 0, 1, "a");
    expect(&out.v[1], 1, 2, "a\nb");
    expect(&out.v[2], 2, 3, "a\nc");
    expect(&out.v[3], 3, 4, "a");
    expect(&out.v[4], 6, 7, "d");
    md_cues_done(&out);
}

static void many_cues_at_once_stay_readable(void **state)
{
    enum { MANY = 500 };
    struct md_cue cues[MANY];
    for (int i = 0; i < MANY; i++)
        cues[i] = cue(i * 0.01, 100, "x");
    struct md_cue_vec in = {.v = cues, .n = MANY}, out;
    assert_int_equal(md_retime_flatten(&in, &out), MD_OK);
    for (size_t i = 0; i < out.n; i++)
        assert_true(strlen(out.v[i].text) <= 11);
    assert_int_equal(out.v[out.n - 1].end_us, 100 * SECOND);
    md_cues_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cues_move_with_their_piece_and_are_clipped_at_cuts),
        cmocka_unit_test(a_cue_over_a_seamless_join_stays_one),
        cmocka_unit_test(a_long_cue_that_holds_others_is_not_lost),
        cmocka_unit_test(slivers_are_left_out),
        cmocka_unit_test(without_transcript_there_are_none),
        cmocka_unit_test(flat_cues_never_overlap_and_show_all),
        cmocka_unit_test(many_cues_at_once_stay_readable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
