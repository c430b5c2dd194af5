/* Pieces and cues are both sorted by time, so one pass over the pieces with a moving lower bound
 * into the cues is enough, whatever their numbers. */
#include "render/retime.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"

void md_cues_done(struct md_cue_vec *cues)
{
    for (size_t i = 0; i < cues->n; i++) {
        free(cues->v[i].text);
        free(cues->v[i].speaker);
    }
    md_vec_done(cues);
}

static int push_copy(struct md_cue_vec *cues, const struct md_cue *cue, int64_t start_us,
                     int64_t end_us)
{
    struct md_cue copy = {.start_us = start_us, .end_us = end_us, .is_sound = cue->is_sound};
    copy.text = strdup(cue->text ? cue->text : "");
    copy.speaker = cue->speaker ? strdup(cue->speaker) : NULL;
    if (!copy.text || (cue->speaker && !copy.speaker) || md_vec_push(cues, copy) < 0) {
        free(copy.text);
        free(copy.speaker);
        return MD_ERR_NOMEM;
    }
    return MD_OK;
}

/* Per cue: the latest end of it and all before it, and where its newest part in the digest is. */
struct track {
    int64_t latest_end_us;
    size_t part; /* index + 1 into the result; 0 none yet */
};

static int retime_piece(const struct md_cue_vec *cues, struct track *tracks,
                        const struct md_rendered_piece *piece, size_t first, struct md_cue_vec *out)
{
    for (size_t i = first; i < cues->n && cues->v[i].start_us < piece->source_end_us; i++) {
        const struct md_cue *cue = &cues->v[i];
        int64_t start_us = MD_MAX(cue->start_us, piece->source_start_us);
        int64_t end_us = MD_MIN(cue->end_us, piece->source_end_us);
        if (end_us <= start_us)
            continue;
        int64_t shift_us = piece->digest_start_us - piece->source_start_us;
        struct track *track = &tracks[i];
        if (track->part && out->v[track->part - 1].end_us >= start_us + shift_us) {
            out->v[track->part - 1].end_us = end_us + shift_us;
            continue;
        }
        int rc = push_copy(out, cue, start_us + shift_us, end_us + shift_us);
        if (rc < 0)
            return rc;
        track->part = out->n;
    }
    return MD_OK;
}

static int by_start(const void *a, const void *b)
{
    const struct md_cue *x = a, *y = b;
    if (x->start_us != y->start_us)
        return x->start_us < y->start_us ? -1 : 1;
    if (x->end_us != y->end_us)
        return x->end_us < y->end_us ? -1 : 1;
    return strcmp(x->text, y->text);
}

static bool is_sorted(const struct md_cue_vec *cues)
{
    for (size_t i = 1; i < cues->n; i++)
        if (cues->v[i].start_us < cues->v[i - 1].start_us)
            return false;
    return true;
}

static void drop_slivers(struct md_cue_vec *cues)
{
    size_t kept = 0;
    for (size_t i = 0; i < cues->n; i++) {
        struct md_cue *cue = &cues->v[i];
        if (cue->end_us - cue->start_us >= MD_RETIME_SHORTEST_US) {
            cues->v[kept++] = *cue;
        } else {
            free(cue->text);
            free(cue->speaker);
        }
    }
    cues->n = kept;
}

int md_retime_cues(const struct md_transcript *transcript,
                   const struct md_rendered_piece_vec *pieces, struct md_cue_vec *ret_cues)
{
    *ret_cues = (struct md_cue_vec){0};
    if (!transcript || transcript->cues.n == 0)
        return MD_OK;
    const struct md_cue_vec *cues = &transcript->cues;
    md_autofree struct track *tracks = calloc(cues->n, sizeof *tracks);
    if (!tracks)
        return MD_ERR_NOMEM;
    for (size_t i = 0; i < cues->n; i++)
        tracks[i].latest_end_us =
            i == 0 ? cues->v[i].end_us : MD_MAX(cues->v[i].end_us, tracks[i - 1].latest_end_us);

    size_t first = 0;
    for (size_t p = 0; p < pieces->n; p++) {
        while (first < cues->n && tracks[first].latest_end_us <= pieces->v[p].source_start_us)
            first++;
        if (retime_piece(cues, tracks, &pieces->v[p], first, ret_cues) < 0) {
            md_cues_done(ret_cues);
            return MD_ERR_NOMEM;
        }
    }
    drop_slivers(ret_cues);
    /* Sorted already unless pieces were out of order; then sorting, which need not be stable, would
     * only mix up cues of one time (answers before questions). */
    if (!is_sorted(ret_cues))
        qsort(ret_cues->v, ret_cues->n, sizeof *ret_cues->v, by_start);
    return MD_OK;
}

/* As many texts as a screen holds. Also what keeps a hostile transcript, all of whose cues overlap,
 * from growing as the square of its size. */
enum { MOST_AT_ONCE = 6 };

struct on_screen {
    size_t cue[MOST_AT_ONCE]; /* indices, by start */
    size_t n;
};

static void remove_ended(struct on_screen *screen, const struct md_cue_vec *cues, int64_t now_us)
{
    size_t kept = 0;
    for (size_t i = 0; i < screen->n; i++)
        if (cues->v[screen->cue[i]].end_us > now_us)
            screen->cue[kept++] = screen->cue[i];
    screen->n = kept;
}

static int push_joined(const struct md_cue_vec *cues, const struct on_screen *screen,
                       int64_t start_us, int64_t end_us, struct md_cue_vec *out)
{
    md_autostr text = {0};
    for (size_t i = 0; i < screen->n; i++) {
        if (i)
            md_str_append_char(&text, '\n');
        md_str_append(&text, cues->v[screen->cue[i]].text);
    }
    if (md_str_failed(&text))
        return MD_ERR_NOMEM;
    const struct md_cue joined = {.text = text.s};
    return push_copy(out, &joined, start_us, end_us);
}

static int by_time(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

int md_retime_flatten(const struct md_cue_vec *cues, struct md_cue_vec *ret_cues)
{
    *ret_cues = (struct md_cue_vec){0};
    if (cues->n == 0)
        return MD_OK;
    md_autofree int64_t *times = calloc(cues->n, 2 * sizeof *times);
    if (!times)
        return MD_ERR_NOMEM;
    for (size_t i = 0; i < cues->n; i++) {
        times[2 * i] = cues->v[i].start_us;
        times[2 * i + 1] = cues->v[i].end_us;
    }
    qsort(times, 2 * cues->n, sizeof *times, by_time);

    struct on_screen screen = {.n = 0};
    size_t next = 0;
    for (size_t t = 0; t + 1 < 2 * cues->n; t++) {
        if (times[t] == times[t + 1])
            continue;
        remove_ended(&screen, cues, times[t]);
        for (; next < cues->n && cues->v[next].start_us <= times[t]; next++)
            if (screen.n < MOST_AT_ONCE && cues->v[next].end_us > times[t])
                screen.cue[screen.n++] = next;
        if (screen.n && push_joined(cues, &screen, times[t], times[t + 1], ret_cues) < 0) {
            md_cues_done(ret_cues);
            return MD_ERR_NOMEM;
        }
    }
    return MD_OK;
}
