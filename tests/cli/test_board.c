/* The live lines: never wider than the terminal, whatever the names and the width. */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "cli/board.h"

#define SECOND INT64_C(1000000)

static void add(struct md_board *board, const char *name, enum md_row_state state)
{
    struct md_row row = {.name = strdup(name), .state = state, .stage = MD_STAGE_SHOTS};
    row.start_us = row.stage_start_us = 10 * SECOND;
    row.done_us = 300 * SECOND;
    row.total_us = 600 * SECOND;
    row.movie_us = 600 * SECOND;
    assert_int_equal(md_vec_push(&board->rows, row), MD_OK);
}

static struct md_board make_board(void)
{
    struct md_board board = {.start_us = 0,
                             .memory_used_bytes = 8200000000,
                             .memory_total_bytes = 24000000000,
                             .memory_level = "low"};
    add(&board, "Night Train.mkv", MD_ROW_RUNNING);
    add(&board, "\xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E\xE3\x81\xAE\xE6\x98\xA0\xE7\x94\xBB.mkv",
        MD_ROW_RUNNING);
    add(&board, "done.mkv", MD_ROW_DONE);
    return board;
}

static void no_line_is_wider_than_the_terminal(void **state)
{
    struct md_board board = make_board();
    for (int ascii = 0; ascii < 2; ascii++) {
        board.ascii = ascii;
        for (int columns = 20; columns < 300; columns++) {
            md_autostr out = {0};
            int lines = md_board_draw(&board, columns, 20 * SECOND, &out);
            assert_int_equal(lines, 3);
            char *save = NULL;
            for (char *line = strtok_r(out.s, "\n", &save); line;
                 line = strtok_r(NULL, "\n", &save)) {
                assert_true(md_text_cells(line) <= columns - 1);
                lines--;
            }
            assert_int_equal(lines, 0);
        }
    }
    md_board_done(&board);
}

static void a_line_shows_percent_speed_and_time_left(void **state)
{
    struct md_board board = make_board();
    md_autostr out = {0};
    md_board_draw(&board, 120, 20 * SECOND, &out);
    assert_non_null(strstr(md_str_text(&out), "Night Train.mkv"));
    assert_non_null(strstr(md_str_text(&out), "shots"));
    assert_non_null(strstr(md_str_text(&out), " 50%"));
    assert_non_null(strstr(md_str_text(&out), "30x"));      /* 300 s of film in 10 s */
    assert_non_null(strstr(md_str_text(&out), "ETA 0:10")); /* as much again is left */
    assert_non_null(strstr(md_str_text(&out), "1 of 3 movies done"));
    assert_non_null(strstr(md_str_text(&out), "memory 8.2 of 24.0 GB (low)"));
    md_board_done(&board);
}

static void the_summary_gives_reasons_in_full(void **state)
{
    struct md_board board = make_board();
    add(&board, "broken.mp4", MD_ROW_FAILED);
    board.rows.v[3].problem = strdup("broken.mp4 is empty; copy it again from where it came");
    board.rows.v[2].report = strdup("digests/done/report.html");
    md_autostr out = {0};
    md_board_summary(&board, 40, 3600 * SECOND, &out);
    assert_non_null(strstr(md_str_text(&out), "digests/done/report.html\n"));
    assert_non_null(
        strstr(md_str_text(&out), "broken.mp4 is empty; copy it again from where it came\n"));
    assert_non_null(strstr(md_str_text(&out), "1 done, 1 failed, 2 stopped in 1:00:00"));
    md_board_done(&board);
}

int main(void)
{
    setlocale(LC_CTYPE, "C.UTF-8");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_line_is_wider_than_the_terminal),
        cmocka_unit_test(a_line_shows_percent_speed_and_time_left),
        cmocka_unit_test(the_summary_gives_reasons_in_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
