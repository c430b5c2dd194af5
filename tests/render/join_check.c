/* Pictures are compared as 64x36 means of luma, after the brightness and contrast that fit best
 * were taken out, so that scaling, coding and tone mapping do not matter; sound by normalised
 * correlation of half a second, both ways by 100 ms. */
#include "join_check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "media/video_reader.h"
#include "model/stage.h"
#include "render/meter.h"
#include "render/sound_source.h"

enum {
    WIDE = 64,
    HIGH = 36,
    CELLS = WIDE * HIGH,
    NEAR = 3, /* frames looked at on each side */
    DECIMATE = 6,
    RATE = MD_SOUND_RATE / DECIMATE,
    WINDOW = RATE / 2,
    REACH = RATE / 10,
};

struct picture {
    float cell[CELLS];
    int64_t pts_us, duration_us;
};

struct check {
    struct md_media digest_media;
    struct md_video_reader *movie, *digest;             /* NULL: no picture */
    struct md_sound_source *movie_sound, *digest_sound; /* NULL: no sound */
    struct md_failure *failure;
};

static double luma(const struct md_frame *frame, int x, int y)
{
    const uint8_t *at = frame->plane[0] + y * frame->stride[0] + (ptrdiff_t)x * frame->step[0];
    if (frame->bit_depth <= 8)
        return *at;
    return ldexp((double)(*(const uint16_t *)at >> frame->sample_shift), 8 - frame->bit_depth);
}

static void take(const struct md_frame *frame, struct picture *picture)
{
    for (int cy = 0; cy < HIGH; cy++) {
        for (int cx = 0; cx < WIDE; cx++) {
            int top = cy * frame->height / HIGH, left = cx * frame->width / WIDE;
            int bottom = MD_MAX((cy + 1) * frame->height / HIGH, top + 1);
            int right = MD_MAX((cx + 1) * frame->width / WIDE, left + 1);
            double sum = 0;
            for (int y = top; y < bottom; y++)
                for (int x = left; x < right; x++)
                    sum += luma(frame, x, y);
            picture->cell[cy * WIDE + cx] = (float)(sum / ((bottom - top) * (right - left)));
        }
    }
    picture->pts_us = frame->pts_us;
    picture->duration_us = frame->duration_us;
}

/* Root mean square difference after a was brought to b's brightness and contrast. */
static double difference(const struct picture *a, const struct picture *b)
{
    double mean_a = 0, mean_b = 0, product = 0, power = 0, sum = 0;
    for (int i = 0; i < CELLS; i++) {
        mean_a += a->cell[i] / CELLS;
        mean_b += b->cell[i] / CELLS;
    }
    for (int i = 0; i < CELLS; i++) {
        product += (a->cell[i] - mean_a) * (b->cell[i] - mean_b);
        power += (a->cell[i] - mean_a) * (a->cell[i] - mean_a);
    }
    double gain = power > 1e-6 ? MD_CLAMP(product / power, 0.5, 2) : 1;
    for (int i = 0; i < CELLS; i++) {
        double d = (a->cell[i] - mean_a) * gain - (b->cell[i] - mean_b);
        sum += d * d;
    }
    return sqrt(sum / CELLS);
}

/* The frame shown at a time. */
static int picture_at(struct md_video_reader *reader, int64_t time_us, struct picture *picture,
                      struct md_failure *failure)
{
    const struct md_frame *frame;
    int rc = md_video_seek(reader, time_us, failure);
    if (rc == MD_OK)
        rc = md_video_next(reader, &frame, failure);
    if (rc == MD_OK)
        take(frame, picture);
    return rc;
}

/* Compares got with the movie's frames around wanted. */
static int compare_neighbours(struct check *check, struct join_side *side,
                              const struct picture *got, const struct picture *wanted)
{
    md_autofree struct picture *other = malloc(sizeof *other);
    if (!other)
        return MD_ERR_NOMEM;
    int64_t frame_us = MD_MAX(wanted->duration_us, 1000);
    double best = side->difference, nearest = HUGE_VAL;
    const struct md_frame *frame;
    int rc = md_video_seek(check->movie, wanted->pts_us - NEAR * frame_us + 2, check->failure);
    while (rc == MD_OK && (rc = md_video_next(check->movie, &frame, check->failure)) == MD_OK) {
        int off = (int)lrint((double)(frame->pts_us - wanted->pts_us) / (double)frame_us);
        if (off > NEAR)
            break;
        if (off == 0)
            continue;
        take(frame, other);
        double d = difference(got, other);
        nearest = fmin(nearest, difference(wanted, other));
        if (d < best * 0.9 - 0.1) { /* clearly closer, not by chance */
            best = d;
            side->frames_off = off;
        }
    }
    side->picture_told = nearest > 1; /* coding noise is about half of that */
    return rc == MD_ERR_EOF ? MD_OK : rc;
}

static int check_picture(struct check *check, struct join_side *side)
{
    md_autofree struct picture *got = malloc(sizeof *got);
    md_autofree struct picture *wanted = malloc(sizeof *wanted);
    if (!got || !wanted)
        return MD_ERR_NOMEM;
    int rc = picture_at(check->digest, side->digest_us, got, check->failure);
    if (rc == MD_OK)
        rc = picture_at(check->movie, side->movie_us, wanted, check->failure);
    if (rc < 0)
        return rc;
    side->difference = difference(got, wanted);
    return compare_neighbours(check, side, got, wanted);
}

/* n samples at RATE from a time on, both channels added. */
static int sound_at(struct md_sound_source *source, int64_t time_us, float *out, size_t n,
                    struct md_failure *failure)
{
    float left[DECIMATE], right[DECIMATE];
    int rc = md_sound_source_seek(source, time_us, failure);
    for (size_t i = 0; rc == MD_OK && i < n; i++) {
        rc = md_sound_source_read(source, left, right, DECIMATE, failure);
        out[i] = 0;
        for (int k = 0; k < DECIMATE; k++)
            out[i] += left[k] + right[k];
    }
    return rc;
}

static double correlation(const float *a, const float *b, int n)
{
    double product = 0, power_a = 1e-9, power_b = 1e-9;
    for (int i = 0; i < n; i++) {
        product += (double)a[i] * b[i];
        power_a += (double)a[i] * a[i];
        power_b += (double)b[i] * b[i];
    }
    return product / sqrt(power_a * power_b);
}

/* Compares n samples of both files that belong together. */
static int check_sound(struct check *check, struct join_side *side, int64_t digest_us,
                       int64_t movie_us, int n)
{
    float got[WINDOW], wanted[WINDOW + 2 * REACH];
    double matches[2 * REACH + 1], second = 0;
    int best = REACH;
    int rc = sound_at(check->digest_sound, digest_us, got, (size_t)n, check->failure);
    if (rc == MD_OK)
        rc = sound_at(check->movie_sound, movie_us - INT64_C(1000000) * REACH / RATE, wanted,
                      (size_t)(n + 2 * REACH), check->failure);
    if (rc < 0)
        return rc;
    for (int lag = 0; lag <= 2 * REACH; lag++) {
        matches[lag] = correlation(got, wanted + lag, n);
        best = matches[lag] > matches[best] ? lag : best;
    }
    for (int lag = 0; lag <= 2 * REACH; lag++)
        if (abs(lag - best) > RATE / 200)
            second = fmax(second, matches[lag]);
    side->sound_ms = 1000.0 * (REACH - best) / RATE;
    side->match = matches[best];
    side->sound_told = side->match > 0.7 && second < 0.9 * side->match;
    return MD_OK;
}

static int check_piece(struct check *check, const struct md_rendered_piece *piece,
                       struct join *join)
{
    int64_t length_us = piece->source_end_us - piece->source_start_us;
    int64_t digest_end_us = piece->digest_start_us + length_us;
    /* Two microseconds inside, so that no rounding makes it the neighbour. */
    join->start = (struct join_side){piece->digest_start_us + 2, piece->source_start_us + 2};
    join->end = (struct join_side){digest_end_us - 2, piece->source_end_us - 2};
    int rc = MD_OK;
    if (check->movie && check->digest) {
        rc = check_picture(check, &join->start);
        if (rc == MD_OK)
            rc = check_picture(check, &join->end);
    }
    if (rc < 0 || !check->movie_sound || !check->digest_sound)
        return rc;
    int64_t edge_us = 20000; /* the fade */
    int64_t window_us = MD_MIN(length_us - 2 * edge_us, INT64_C(1000000) * WINDOW / RATE);
    int n = (int)(window_us * RATE / 1000000);
    if (n < RATE / 10)
        return MD_OK;
    rc = check_sound(check, &join->start, piece->digest_start_us + edge_us,
                     piece->source_start_us + edge_us, n);
    if (rc == MD_OK)
        rc = check_sound(check, &join->end, digest_end_us - edge_us - window_us,
                         piece->source_end_us - edge_us - window_us, n);
    return rc;
}

static int open_both(struct check *check, const char *movie, const struct md_media *media,
                     const char *digest)
{
    static const struct md_options defaults = {.audio_track = -1};
    struct md_stage_env env = {.movie_path = digest,
                               .work_dir = ".",
                               .out_dir = ".",
                               .options = &defaults,
                               .threads = 1,
                               .failure = check->failure};
    struct md_artifacts none = {0};
    int rc = md_stage_ops_probe.run(&env, &none, &check->digest_media);
    struct md_video_params params[2] = {
        {.path = movie, .media = media, .threads = 2},
        {.path = digest, .media = &check->digest_media, .threads = 2},
    };
    if (rc == MD_OK && media->video_stream >= 0)
        rc = md_video_open(&params[0], &check->movie, check->failure);
    if (rc == MD_OK && check->movie)
        rc = md_video_open(&params[1], &check->digest, check->failure);
    if (rc == MD_OK && media->audio_stream >= 0)
        rc = md_sound_source_new(movie, media, NULL, NULL, &check->movie_sound, check->failure);
    if (rc == MD_OK && check->movie_sound && check->digest_media.audio_stream >= 0)
        rc = md_sound_source_new(digest, &check->digest_media, NULL, NULL, &check->digest_sound,
                                 check->failure);
    return rc;
}

int join_check(const char *movie, const struct md_media *media, const char *digest,
               const struct md_render *render, struct joins *ret_joins, struct md_failure *failure)
{
    struct check check = {.failure = failure};
    int rc = open_both(&check, movie, media, digest);
    for (size_t i = 0; rc == MD_OK && i < render->pieces.n; i++) {
        struct join join = {.piece = i};
        rc = check_piece(&check, &render->pieces.v[i], &join);
        if (rc == MD_OK && md_vec_push(ret_joins, join) < 0)
            rc = MD_ERR_NOMEM;
    }
    md_video_close(check.movie);
    md_video_close(check.digest);
    md_sound_source_free(check.movie_sound);
    md_sound_source_free(check.digest_sound);
    md_artifact_done(&md_artifact_media, &check.digest_media);
    return rc;
}

static void add_side(struct join_summary *summary, const struct join_side *side)
{
    summary->sides++;
    if (side->picture_told) {
        summary->pictures_told++;
        summary->pictures_off += side->frames_off != 0;
        summary->most_frames_off = MD_MAX(summary->most_frames_off, abs(side->frames_off));
    }
    if (side->sound_told) {
        summary->sounds_told++;
        summary->most_sound_ms = fmax(summary->most_sound_ms, fabs(side->sound_ms));
        summary->mean_sound_ms += fabs(side->sound_ms);
    }
}

struct join_summary join_summarize(const struct joins *joins)
{
    struct join_summary summary = {0};
    for (size_t i = 0; i < joins->n; i++) {
        add_side(&summary, &joins->v[i].start);
        add_side(&summary, &joins->v[i].end);
    }
    if (summary.sounds_told)
        summary.mean_sound_ms /= summary.sounds_told;
    return summary;
}
