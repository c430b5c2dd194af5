/* A frame is built in memory and written at once, over the frame before it, and every line ends
 * with "erase to the end of the line": nothing is ever blank between two frames, so nothing
 * flickers. */
#include "cli/screen.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

#define ERASE_LINE  "\x1b[K"
#define ERASE_BELOW "\x1b[J"

int md_screen_columns(int fd)
{
    enum { USUAL = 80 };
    struct winsize size;
    return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : USUAL;
}

int md_screen_lines(int fd)
{
    enum { USUAL = 24 };
    struct winsize size;
    return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 ? size.ws_row : USUAL;
}

/* A terminal that is gone must not end the batch: errors are ignored. */
static void put(int fd, const char *text, size_t n)
{
    while (n > 0) {
        ssize_t done = write(fd, text, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return;
        text += done;
        n -= (size_t)done;
    }
}

/* To the start of the live lines. A narrower terminal has folded each of them into several. */
static void append_home(const struct md_screen *screen, struct md_str *out)
{
    int rows = screen->lines;
    if (screen->columns < screen->drawn_columns && screen->columns > 0)
        rows *= (screen->drawn_columns + screen->columns - 1) / screen->columns;
    md_str_append(out, "\r");
    if (rows > 0)
        md_str_printf(out, "\x1b[%dA", rows);
}

static void append_frame(struct md_screen *screen, int64_t now_us, struct md_str *out)
{
    md_autostr frame = {0};
    screen->lines = md_board_draw(screen->board, screen->columns, now_us, &frame);
    screen->drawn_columns = screen->columns;
    for (const char *p = md_str_text(&frame); *p; p++) {
        if (*p == '\n')
            md_str_append(out, ERASE_LINE);
        md_str_append_char(out, *p);
    }
}

void md_screen_draw(struct md_screen *screen, int64_t now_us)
{
    if (!screen->live)
        return;
    md_autostr out = {0};
    append_home(screen, &out);
    if (screen->columns < screen->drawn_columns)
        md_str_append(&out, ERASE_BELOW);
    append_frame(screen, now_us, &out);
    md_str_append(&out, ERASE_BELOW);
    put(screen->fd, md_str_text(&out), out.n);
}

void md_screen_clear(struct md_screen *screen)
{
    if (!screen->live || screen->lines == 0)
        return;
    md_autostr out = {0};
    append_home(screen, &out);
    md_str_append(&out, ERASE_BELOW);
    put(screen->fd, md_str_text(&out), out.n);
    screen->lines = 0;
}

static void append_record(struct md_str *out, bool as_json, enum md_log_level level,
                          const char *component, const char *message)
{
    if (!as_json) {
        md_str_printf(out, "%s:%s:%s\n", md_log_level_name(level), component, message);
        return;
    }
    json_t *record =
        json_pack("{s:f, s:s, s:s, s:s}", "time", (double)md_clock_wall_us() / 1e6, "level",
                  md_log_level_name(level), "component", component, "message", message);
    enum { TIME_DIGITS = 16 };
    md_autofree char *text =
        record ? json_dumps(record, JSON_COMPACT | JSON_REAL_PRECISION(TIME_DIGITS)) : NULL;
    json_decref(record);
    if (text)
        md_str_printf(out, "%s\n", text);
}

void md_screen_log(void *user, enum md_log_level level, const char *component, const char *message)
{
    struct md_screen *screen = user;
    md_autostr line = {0};
    append_record(&line, screen->json, level, component, message);
    if (md_str_failed(&line) && level == MD_LOG_ERROR) /* no memory: it must be said all the same */
        dprintf(screen->fd, "%s:%s:%s\n", md_log_level_name(level), component, message);
    if (screen->file_fd >= 0)
        put(screen->file_fd, md_str_text(&line), line.n);
    if (level > screen->terminal_level)
        return;
    if (!screen->live) {
        put(screen->fd, md_str_text(&line), line.n);
        return;
    }
    md_autostr out = {0};
    append_home(screen, &out);
    md_str_append(&out, ERASE_BELOW);
    md_str_append_n(&out, md_str_text(&line), line.n);
    append_frame(screen, md_clock_monotonic_us(), &out);
    put(screen->fd, md_str_text(&out), out.n);
}
