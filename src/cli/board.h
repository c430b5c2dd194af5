/* What is going on in a batch, and the lines that show it. Pure: events in, text out. */
#ifndef MD_CLI_BOARD_H
#define MD_CLI_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "base/vec.h"
#include "model/stage.h"

enum md_row_state {
    MD_ROW_QUEUED,
    MD_ROW_RUNNING,
    MD_ROW_DONE,
    MD_ROW_FAILED,
    MD_ROW_SKIPPED, /* found in a folder and no movie after all */
    MD_ROW_DROPPED, /* the user took it out of the queue */
    MD_ROW_CANCELLED,
};

struct md_row {
    char *name;   /* to show, owned */
    char *report; /* path of the report, owned; NULL none */
    enum md_row_state state;
    bool waiting;                /* for memory */
    int stage;                   /* enum md_stage, the running one; -1 none */
    int64_t stage_start_us;      /* monotonic */
    int64_t done_us, total_us;   /* of the running stage, movie time */
    int64_t start_us, end_us;    /* monotonic; 0 not yet */
    int64_t movie_us, digest_us; /* lengths once known */
    unsigned cached;             /* stages that were found done */
    char *problem;               /* why it failed, owned */
};
struct md_rows MD_VEC(struct md_row);

struct md_board {
    struct md_rows rows;
    int64_t start_us;
    int64_t memory_used_bytes, memory_total_bytes; /* -1 unknown */
    const char *memory_level;
    bool cancelling;
    const char *paused; /* nothing new is started, and why: "paused"; NULL: not so */
    bool ascii;         /* the terminal does not speak UTF-8 */
};

/* The live display: one line per movie in flight and a last line for the batch; no line is wider
 * than columns - 1 cells. Returns the number of lines. */
int md_board_draw(const struct md_board *board, int columns, int64_t now_us, struct md_str *out);

/* The table at the end. */
void md_board_summary(const struct md_board *board, int columns, int64_t now_us,
                      struct md_str *out);

void md_board_done(struct md_board *board);

/* Terminal cells a UTF-8 text takes. */
int md_text_cells(const char *text);

/* Appends text cut or padded to exactly `cells`; a cut shows as an ellipsis. */
void md_text_fit(struct md_str *out, const char *text, int cells, bool ascii);

#endif
