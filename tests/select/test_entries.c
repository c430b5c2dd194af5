/* Entries: found by time, and what a cut away from them costs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../story/film.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "select/atoms.h"
#include "select/entries.h"

static struct md_ints ten_seconds_apart(void)
{
    struct md_ints entries = {0};
    for (int64_t i = 0; i < 4; i++)
        assert_int_equal(md_vec_push(&entries, i * 10 * MD_SECOND_US), MD_OK);
    return entries;
}

static void the_entries_around_a_time_are_found(void **state)
{
    struct md_ints entries = ten_seconds_apart(), none = {0};
    assert_int_equal(md_select_entry_after(&entries, 1), 0); /* within half a millisecond */
    assert_int_equal(md_select_entry_after(&entries, 1000), 10 * MD_SECOND_US);
    assert_int_equal(md_select_entry_after(&entries, 30 * MD_SECOND_US), 30 * MD_SECOND_US);
    assert_int_equal(md_select_entry_after(&entries, 31 * MD_SECOND_US), INT64_MAX);
    assert_int_equal(md_select_entry_before(&entries, 9999900), 10 * MD_SECOND_US);
    assert_int_equal(md_select_entry_before(&entries, 9999000), 0);
    assert_int_equal(md_select_entry_before(&entries, -MD_SECOND_US), INT64_MIN);
    assert_int_equal(md_select_entry_after(&none, 0), INT64_MAX);
    assert_int_equal(md_select_entry_before(&none, 0), INT64_MIN);
    md_vec_done(&entries);
}

static void a_cut_costs_nothing_on_an_entry_and_more_the_farther_the_next(void **state)
{
    struct md_ints entries = ten_seconds_apart(), none = {0};
    double before = 1e9;
    assert_true(md_select_start_cost(&entries, 10 * MD_SECOND_US) == 0);
    assert_true(md_select_end_cost(&entries, 10 * MD_SECOND_US) == 0);
    for (int64_t s = 11; s < 20; s++) {
        double cost = md_select_start_cost(&entries, s * MD_SECOND_US);
        assert_true(cost > (double)(20 - s) && cost < before);
        assert_true(md_select_end_cost(&entries, s * MD_SECOND_US) > 0);
        before = cost;
    }
    assert_true(md_select_start_cost(&entries, 35 * MD_SECOND_US) > 10);
    assert_true(md_select_start_cost(&none, 35 * MD_SECOND_US) == 0);
    assert_true(md_select_end_cost(&none, 35 * MD_SECOND_US) == 0);
    md_vec_done(&entries);
}

static void add_shot(struct md_shots *shots, int64_t start_s, int64_t end_s)
{
    struct md_shot shot = {.start_us = start_s * MD_SECOND_US,
                           .end_us = end_s * MD_SECOND_US,
                           .start_frame = start_s * 25,
                           .end_frame = end_s * 25,
                           .transition = start_s ? MD_TRANSITION_CUT : MD_TRANSITION_START};
    assert_int_equal(md_vec_push(&shots->shots, shot), MD_OK);
}

/* Three shots of 20 s, one segment; entries as given; a word from `word_us` on for a second. */
static struct md_atom_vec atoms_of(const int64_t *entries_us, size_t n, int64_t word_us)
{
    struct md_shots shots = {.duration_us = 60 * MD_SECOND_US};
    struct md_story story = {0};
    struct md_atom_vec atoms = {0};
    for (int64_t i = 0; i < 3; i++)
        add_shot(&shots, 20 * i, 20 * i + 20);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(md_vec_push(&shots.entries_us, entries_us[i]), MD_OK);
    struct md_segment segment = {.end_us = shots.duration_us};
    assert_int_equal(md_vec_push(&story.segments, segment), MD_OK);
    struct md_sentence sentence = {.start_us = word_us, .end_us = word_us + MD_SECOND_US};
    assert_int_equal(md_vec_push(&story.sentences, sentence), MD_OK);
    struct md_atoms_input input = {.story = &story, .shots = &shots, .usual_us = 8 * MD_SECOND_US};
    assert_int_equal(md_select_make_atoms(&input, &atoms), MD_OK);
    md_vec_done(&shots.shots);
    md_vec_done(&shots.entries_us);
    md_vec_done(&story.segments);
    md_vec_done(&story.sentences);
    return atoms;
}

static const struct md_atom *atom_at(const struct md_atom_vec *atoms, int64_t start_us)
{
    for (size_t i = 0; i < atoms->n; i++)
        if (atoms->v[i].start_us == start_us)
            return &atoms->v[i];
    return NULL;
}

static void a_piece_starts_on_an_entry_close_behind_a_cut_unless_something_is_said(void **state)
{
    const int64_t entries[] = {0, 20 * MD_SECOND_US + 400000, 40 * MD_SECOND_US + 600000};
    struct md_atom_vec atoms = atoms_of(entries, 3, 50 * MD_SECOND_US);
    assert_int_equal(atom_at(&atoms, 20 * MD_SECOND_US)->in_us, entries[1]);
    assert_int_equal(atom_at(&atoms, 40 * MD_SECOND_US)->in_us, 40 * MD_SECOND_US); /* too far */
    md_vec_done(&atoms);
    atoms = atoms_of(entries, 3, 20 * MD_SECOND_US + 100000);
    assert_int_equal(atom_at(&atoms, 20 * MD_SECOND_US)->in_us, 20 * MD_SECOND_US);
    md_vec_done(&atoms);
}

static void a_piece_ends_on_an_entry_close_before_a_cut_unless_something_is_said(void **state)
{
    const int64_t entries[] = {0, 20 * MD_SECOND_US - 400000};
    struct md_atom_vec atoms = atoms_of(entries, 2, 50 * MD_SECOND_US);
    assert_int_equal((atom_at(&atoms, 20 * MD_SECOND_US) - 1)->out_us, entries[1]);
    md_vec_done(&atoms);
    atoms = atoms_of(entries, 2, 19 * MD_SECOND_US - 100000);
    assert_int_equal((atom_at(&atoms, 20 * MD_SECOND_US) - 1)->out_us, 20 * MD_SECOND_US);
    md_vec_done(&atoms);
}

static void a_long_take_may_be_entered_on_its_entries(void **state)
{
    const int64_t entries[] = {0, 26 * MD_SECOND_US + 40000, 46 * MD_SECOND_US};
    struct md_atom_vec atoms = atoms_of(entries, 3, 45 * MD_SECOND_US + 500000);
    assert_non_null(atom_at(&atoms, entries[1]));
    assert_null(atom_at(&atoms, entries[2])); /* somebody speaks */
    md_vec_done(&atoms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_entries_around_a_time_are_found),
        cmocka_unit_test(a_cut_costs_nothing_on_an_entry_and_more_the_farther_the_next),
        cmocka_unit_test(a_piece_starts_on_an_entry_close_behind_a_cut_unless_something_is_said),
        cmocka_unit_test(a_piece_ends_on_an_entry_close_before_a_cut_unless_something_is_said),
        cmocka_unit_test(a_long_take_may_be_entered_on_its_entries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
