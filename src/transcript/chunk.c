/* Windows of audio.json say where speech may be; a curve of 20 ms steps says where to cut. Chunks
 * are filled greedily: their number is within a few per cent of the least possible, and a later
 * sound never changes an earlier chunk. */
#include "transcript/chunk.h"

#include "base/cleanup.h"

#define MS INT64_C(1000)

/* Below this a window counts only when the classifier called it speech. */
static const float least_speech = 0.25f;
static const int64_t bridge_us = 1000 * MS;  /* pauses so short are part of the talk */
static const int64_t margin_us = 250 * MS;   /* kept around a stretch: soft first and last sounds */
static const int64_t overlap_us = 1000 * MS; /* where there was no quiet place */
static const int64_t least_room_us = 3000 * MS; /* not worth cutting a stretch for less */
static const int64_t quiet_us = 200 * MS;       /* a pause between words */
static const float quiet_db = 12;               /* under the mean of the part it is looked for in */

/* ---- where there is speech ---- */

static bool is_wanted(const struct md_audio *audio, int64_t window, size_t *inout_range)
{
    int64_t middle_us = window * audio->window_us + audio->window_us / 2;
    while (*inout_range < audio->ranges.n &&
           audio->ranges.v[*inout_range].end_us - audio->start_us <= middle_us)
        (*inout_range)++;
    int sound = *inout_range < audio->ranges.n ? audio->ranges.v[*inout_range].sound
                                               : (int)MD_SOUND_SILENCE;
    float speech = (size_t)window < audio->speech.n ? audio->speech.v[window] : 0;
    return sound == MD_SOUND_SPEECH || (sound != MD_SOUND_SILENCE && speech >= least_speech);
}

static int add_span(struct md_span_us_vec *spans, int64_t start_us, int64_t end_us)
{
    if (spans->n > 0 && start_us - spans->v[spans->n - 1].end_us <= bridge_us) {
        spans->v[spans->n - 1].end_us = end_us;
        return MD_OK;
    }
    return md_vec_push(spans, (struct md_span_us){start_us, end_us});
}

static int find_speech(const struct md_audio *audio, struct md_span_us_vec *spans)
{
    size_t range = 0;
    int64_t windows = (audio->duration_us + audio->window_us - 1) / audio->window_us;
    for (int64_t i = 0; i < windows; i++) {
        int64_t end_us = MD_MIN((i + 1) * audio->window_us, audio->duration_us);
        if (is_wanted(audio, i, &range) && add_span(spans, i * audio->window_us, end_us) < 0)
            return MD_ERR_NOMEM;
    }
    for (size_t i = 0; i < spans->n; i++) {
        struct md_span_us *s = &spans->v[i];
        /* Pauses that are left are longer than two margins. */
        s->start_us = MD_MAX(s->start_us - margin_us, 0);
        s->end_us = MD_MIN(s->end_us + margin_us, audio->duration_us);
    }
    return MD_OK;
}

/* ---- where to cut ---- */

struct levels {
    const float *db;
    int64_t n;
};

static float mean_level(const struct levels *levels, int64_t from, int64_t to)
{
    double sum = 0;
    for (int64_t i = from; i < to; i++)
        sum += levels->db[i];
    return to > from ? (float)(sum / (double)(to - from)) : 0;
}

/* Where to cut in [from, to]: in the middle of the last pause, so that chunks are full; where there
 * is none (*ret_quiet), where it is quietest. Of a long pause the quietest part. */
static int64_t find_pause(const struct levels *levels, int64_t from_us, int64_t to_us,
                          bool *ret_quiet)
{
    const int64_t width = quiet_us / MD_CHUNK_STEP_US;
    int64_t from = from_us / MD_CHUNK_STEP_US, to = MD_MIN(to_us / MD_CHUNK_STEP_US, levels->n);
    *ret_quiet = false;
    if (to - from <= width)
        return to_us;
    const double limit = ((double)mean_level(levels, from, to) - (double)quiet_db) * (double)width;
    double sum = (double)mean_level(levels, to - width, to) * (double)width, least = sum;
    int64_t best = to - width;
    for (int64_t i = to - width - 1; i >= from && !(*ret_quiet && sum > limit); i--) {
        *ret_quiet |= sum <= limit;
        sum += (double)levels->db[i] - (double)levels->db[i + width];
        if (sum < least) {
            least = sum;
            best = i;
        }
    }
    *ret_quiet = least <= limit;
    return (best + width / 2) * MD_CHUNK_STEP_US;
}

/* ---- filling ---- */

struct plan {
    struct levels levels;
    struct md_chunk_vec *chunks;
    struct md_chunk open;
};

static int close_chunk(struct plan *plan)
{
    if (plan->open.piece_count == 0)
        return MD_OK;
    int r = md_vec_push(plan->chunks, plan->open);
    plan->open = (struct md_chunk){0};
    return r;
}

static void add_piece(struct plan *plan, int64_t start_us, int64_t end_us, bool overlaps)
{
    struct md_chunk *chunk = &plan->open;
    if (chunk->piece_count == 0)
        chunk->overlaps = overlaps;
    chunk->pieces[chunk->piece_count++] = (struct md_span_us){start_us, end_us};
    chunk->length_us += end_us - start_us;
}

/* A stretch that does not fit the open chunk: cuts it where it is quiet. *inout_start_us moves to
 * what is left. */
static int cut(struct plan *plan, int64_t *inout_start_us, bool *inout_overlaps)
{
    int64_t room_us = MD_CHUNK_LONGEST_US - plan->open.length_us, start_us = *inout_start_us;
    bool quiet = false, whole = plan->open.piece_count == 0;
    int64_t at_us = start_us;
    if (room_us >= least_room_us)
        at_us = find_pause(&plan->levels, start_us + room_us * 2 / 5, start_us + room_us, &quiet);
    if (!quiet && !whole)
        return close_chunk(plan);
    add_piece(plan, start_us, at_us, *inout_overlaps);
    *inout_overlaps = !quiet;
    *inout_start_us = quiet ? at_us : at_us - overlap_us;
    return close_chunk(plan);
}

static int fill(struct plan *plan, const struct md_span_us *span)
{
    int64_t start_us = span->start_us;
    bool overlaps = false;
    int r = MD_OK;
    while (r == MD_OK) {
        struct md_chunk *chunk = &plan->open;
        if (chunk->piece_count == MD_CHUNK_PIECES) {
            r = close_chunk(plan);
        } else if (span->end_us - start_us <= MD_CHUNK_LONGEST_US - chunk->length_us) {
            add_piece(plan, start_us, span->end_us, overlaps);
            break;
        } else {
            r = cut(plan, &start_us, &overlaps);
        }
    }
    return r;
}

static int fill_all(const struct md_span_us_vec *spans, const float *level_db, size_t levels,
                    struct md_chunk_vec *ret_chunks)
{
    struct plan plan = {.levels = {level_db, (int64_t)levels}, .chunks = ret_chunks};
    int r = MD_OK;
    for (size_t i = 0; i < spans->n && r == MD_OK; i++)
        r = fill(&plan, &spans->v[i]);
    return r == MD_OK ? close_chunk(&plan) : r;
}

int md_chunk_plan(const struct md_audio *audio, const float *level_db, size_t levels,
                  struct md_chunk_vec *ret_chunks)
{
    struct md_span_us_vec spans = {0};
    int r = audio->present && audio->window_us > 0 ? find_speech(audio, &spans) : MD_OK;
    if (r == MD_OK)
        r = fill_all(&spans, level_db, levels, ret_chunks);
    md_vec_done(&spans);
    return r;
}

int md_chunk_plan_all(const struct md_audio *audio, const float *level_db, size_t levels,
                      struct md_chunk_vec *ret_chunks)
{
    struct md_span_us all = {0, audio->duration_us};
    struct md_span_us_vec spans = {.v = &all, .n = audio->duration_us > 0};
    return fill_all(&spans, level_db, levels, ret_chunks);
}

int64_t md_chunk_time(const struct md_chunk *chunk, int64_t offset_us, bool at_end)
{
    int64_t left_us = MD_MAX(offset_us, 0);
    for (int i = 0; i < chunk->piece_count; i++) {
        const struct md_span_us *piece = &chunk->pieces[i];
        int64_t length_us = piece->end_us - piece->start_us;
        if (left_us < length_us || (at_end && left_us == length_us) || i + 1 == chunk->piece_count)
            return piece->start_us + MD_MIN(left_us, length_us);
        left_us -= length_us;
    }
    return 0;
}
