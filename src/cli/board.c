/* Text is laid out in terminal cells, not bytes: names may be Japanese or carry accents. */
#include "cli/board.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/utf8.h"

static int cells_of(uint32_t cp)
{
    int n = wcwidth((wchar_t)cp);
    return n < 0 ? 1 : n;
}

int md_text_cells(const char *text)
{
    int cells = 0;
    size_t n = strlen(text);
    while (n > 0) {
        uint32_t cp = 0xFFFD;
        size_t used = md_utf8_decode(text, n, &cp);
        used = used ? used : 1;
        cells += cells_of(cp);
        text += used;
        n -= used;
    }
    return cells;
}

void md_text_fit(struct md_str *out, const char *text, int cells, bool ascii)
{
    int have = md_text_cells(text);
    const char *ellipsis = ascii ? "~" : "\xE2\x80\xA6";
    int room = have > cells ? cells - 1 : cells;
    int used_cells = 0;
    size_t n = strlen(text);
    while (n > 0) {
        uint32_t cp = 0xFFFD;
        size_t used = md_utf8_decode(text, n, &cp);
        used = used ? used : 1;
        if (used_cells + cells_of(cp) > room)
            break;
        used_cells += cells_of(cp);
        md_str_append_n(out, text, used);
        text += used;
        n -= used;
    }
    if (have > cells && cells > 0) {
        md_str_append(out, ellipsis);
        used_cells++;
    }
    for (; used_cells < cells; used_cells++)
        md_str_append_char(out, ' ');
}

static double fraction_done(const struct md_row *row)
{
    if (row->total_us <= 0)
        return -1;
    return MD_CLAMP((double)row->done_us / (double)row->total_us, 0.0, 1.0);
}

/* A bar with eighths of a cell, so that it moves smoothly. */
static void append_bar(struct md_str *out, double fraction, int cells, bool ascii)
{
    static const char *const eighths[] = {" ",
                                          "\xE2\x96\x8F",
                                          "\xE2\x96\x8E",
                                          "\xE2\x96\x8D",
                                          "\xE2\x96\x8C",
                                          "\xE2\x96\x8B",
                                          "\xE2\x96\x8A",
                                          "\xE2\x96\x89",
                                          "\xE2\x96\x88"};
    int filled = (int)(fraction * cells * 8);
    for (int i = 0; i < cells; i++) {
        int part = MD_CLAMP(filled - i * 8, 0, 8);
        if (ascii)
            md_str_append_char(out, part >= 4 ? '#' : '.');
        else
            md_str_append(out, eighths[part]);
    }
}

static void append_rate(struct md_str *out, const struct md_row *row, int64_t now_us)
{
    char eta[24];
    double elapsed = (double)(now_us - row->stage_start_us);
    double speed = elapsed > 0 ? (double)row->done_us / elapsed : 0;
    double fraction = fraction_done(row);
    if (fraction <= 0 || elapsed < MD_SECOND_US) {
        md_str_printf(out, "%7s  %-9s", "", "");
        return;
    }
    int64_t left_us = (int64_t)(elapsed * (1 - fraction) / fraction);
    md_str_printf(out, "%6.*fx  ETA %-5s", speed < 10 ? 1 : 0, speed, md_format_time(eta, left_us));
}

/* name | stage | bar | percent | speed | ETA; the bar and the name share what is left over. */
static void draw_row(const struct md_row *row, const struct md_board *board, int columns,
                     int64_t now_us, struct md_str *out)
{
    enum { STAGE_CELLS = 10, PERCENT_CELLS = 5, RATE_CELLS = 18, GAPS = 6, MIN_BAR = 8 };
    int flexible = columns - 1 - STAGE_CELLS - PERCENT_CELLS - RATE_CELLS - GAPS;
    int bar = MD_CLAMP(flexible / 2, 0, 30);
    int name = MD_CLAMP(flexible - bar, 8, 48);
    struct md_str line = {0};
    double fraction = fraction_done(row);
    md_text_fit(&line, row->name, name, board->ascii);
    md_str_append(&line, "  ");
    md_text_fit(&line, row->stage >= 0 ? md_stage_names[row->stage] : "starting", STAGE_CELLS,
                board->ascii);
    if (row->waiting) {
        md_str_append(&line, "  waiting for memory");
    } else {
        if (bar >= MIN_BAR) {
            md_str_append(&line, "  ");
            append_bar(&line, MD_MAX(fraction, 0.0), bar, board->ascii);
        }
        if (fraction >= 0)
            md_str_printf(&line, " %3.0f%% ", fraction * 100);
        else
            md_str_printf(&line, "%6s", "");
        append_rate(&line, row, now_us);
    }
    md_text_fit(out, md_str_text(&line), MD_MIN(columns - 1, md_text_cells(md_str_text(&line))),
                board->ascii);
    md_str_append_char(out, '\n');
    md_str_done(&line);
}

struct counts {
    size_t of[MD_ROW_CANCELLED + 1];
};

static struct counts count_rows(const struct md_board *board)
{
    struct counts counts = {{0}};
    for (size_t i = 0; i < board->rows.n; i++)
        counts.of[board->rows.v[i].state]++;
    return counts;
}

static void draw_batch(const struct md_board *board, int columns, int64_t now_us,
                       struct md_str *out)
{
    char elapsed[24];
    struct md_str line = {0};
    struct counts counts = count_rows(board);
    const char *dot = board->ascii ? "-" : "\xC2\xB7";
    md_str_printf(&line, "%zu of %zu movies done", counts.of[MD_ROW_DONE], board->rows.n);
    if (counts.of[MD_ROW_FAILED])
        md_str_printf(&line, " %s %zu failed", dot, counts.of[MD_ROW_FAILED]);
    if (board->memory_used_bytes >= 0 && board->memory_total_bytes > 0)
        md_str_printf(&line, " %s memory %.1f of %.1f GB (%s)", dot,
                      (double)board->memory_used_bytes / 1e9,
                      (double)board->memory_total_bytes / 1e9,
                      board->memory_level ? board->memory_level : "unknown");
    md_str_printf(&line, " %s %s", dot, md_format_time(elapsed, now_us - board->start_us));
    if (board->paused)
        md_str_printf(&line, " %s %s", dot, board->paused);
    if (board->cancelling)
        md_str_printf(&line, " %s stopping", dot);
    md_text_fit(out, md_str_text(&line), MD_MIN(columns - 1, md_text_cells(md_str_text(&line))),
                board->ascii);
    md_str_append_char(out, '\n');
    md_str_done(&line);
}

int md_board_draw(const struct md_board *board, int columns, int64_t now_us, struct md_str *out)
{
    enum { NARROWEST = 20 };
    int lines = 1;
    columns = MD_MAX(columns, NARROWEST);
    for (size_t i = 0; i < board->rows.n; i++) {
        if (board->rows.v[i].state != MD_ROW_RUNNING)
            continue;
        draw_row(&board->rows.v[i], board, columns, now_us, out);
        lines++;
    }
    draw_batch(board, columns, now_us, out);
    return lines;
}

static const char *result_text(const struct md_row *row)
{
    switch (row->state) {
    case MD_ROW_DONE:
        return row->report ? row->report : "done";
    case MD_ROW_FAILED:
        return row->problem ? row->problem : "failed";
    case MD_ROW_SKIPPED:
        return "not a movie, left out";
    case MD_ROW_DROPPED:
        return "taken out of the queue";
    case MD_ROW_CANCELLED:
    case MD_ROW_QUEUED:
    case MD_ROW_RUNNING:
        break;
    }
    return "stopped before it was done";
}

static void append_length(struct md_str *out, int64_t us)
{
    char text[24];
    md_str_printf(out, "%8s", us > 0 ? md_format_time(text, us) : "-");
}

void md_board_summary(const struct md_board *board, int columns, int64_t now_us, struct md_str *out)
{
    enum { NUMBERS_CELLS = 3 * 8 + 2, MIN_NAME = 12, MAX_NAME = 40, MIN_RESULT = 20 };
    char elapsed[24];
    int name = MIN_NAME;
    for (size_t i = 0; i < board->rows.n; i++)
        name = MD_MAX(name, md_text_cells(board->rows.v[i].name));
    name = MD_CLAMP(columns - NUMBERS_CELLS - MIN_RESULT, MIN_NAME, MD_MIN(name, MAX_NAME));
    md_text_fit(out, "Movie", name, board->ascii);
    md_str_printf(out, "%8s%8s%8s  %s\n", "length", "digest", "took", "result");
    for (size_t i = 0; i < board->rows.n; i++) {
        const struct md_row *row = &board->rows.v[i];
        md_text_fit(out, row->name, name, board->ascii);
        append_length(out, row->movie_us);
        append_length(out, row->digest_us);
        append_length(out, row->start_us > 0 ? row->end_us - row->start_us : 0);
        /* Never cut: a person copies the path and must read the whole reason. */
        md_str_printf(out, "  %s\n", result_text(row));
    }
    struct counts counts = count_rows(board);
    md_str_printf(out, "\n%zu done, %zu failed", counts.of[MD_ROW_DONE], counts.of[MD_ROW_FAILED]);
    if (counts.of[MD_ROW_SKIPPED])
        md_str_printf(out, ", %zu left out", counts.of[MD_ROW_SKIPPED]);
    if (counts.of[MD_ROW_DROPPED])
        md_str_printf(out, ", %zu taken out", counts.of[MD_ROW_DROPPED]);
    size_t stopped =
        counts.of[MD_ROW_CANCELLED] + counts.of[MD_ROW_QUEUED] + counts.of[MD_ROW_RUNNING];
    if (stopped)
        md_str_printf(out, ", %zu stopped", stopped);
    md_str_printf(out, " in %s\n", md_format_time(elapsed, now_us - board->start_us));
}

void md_board_done(struct md_board *board)
{
    for (size_t i = 0; i < board->rows.n; i++) {
        free(board->rows.v[i].name);
        free(board->rows.v[i].report);
        free(board->rows.v[i].problem);
    }
    md_vec_done(&board->rows);
}
