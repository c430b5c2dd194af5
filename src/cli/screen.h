/* The terminal: live lines at the bottom, log lines above them, and the log file. */
#ifndef MD_CLI_SCREEN_H
#define MD_CLI_SCREEN_H

#include <stdbool.h>
#include <stdio.h>

#include "base/log.h"
#include "base/str.h"
#include "cli/board.h"

struct md_screen {
    int fd;                           /* where live lines and log lines go: stderr */
    bool live;                        /* live lines are shown */
    bool json;                        /* log lines are JSON */
    enum md_log_level terminal_level; /* least important record shown on fd */
    int file_fd;                      /* log file, -1 none; gets every record */
    int columns;
    const struct md_board *board;
    int lines;         /* live lines on the screen now */
    int drawn_columns; /* and the width they were drawn for */
};

/* Columns of the terminal on fd; 80 when it does not say. */
int md_screen_columns(int fd);
/* Lines likewise; 24 when it does not say. */
int md_screen_lines(int fd);

/* Draws the live lines anew, in one write; nothing when not live. */
void md_screen_draw(struct md_screen *screen, int64_t now_us);

/* Takes the live lines away. */
void md_screen_clear(struct md_screen *screen);

/* For struct md_log: user is the screen. */
void md_screen_log(void *user, enum md_log_level level, const char *component, const char *message);

#endif
