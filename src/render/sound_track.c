/* Everything counts samples of the digest from its start, so nothing can drift: a piece is given
 * exactly the samples from its first to its last frame's end, rounded once against the whole
 * digest's clock. The fade at the end of a piece needs to be known before the end is, so the last
 * few milliseconds are always held back. */
#include "render/sound_track.h"

#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "media/compat.h"
#include "render/level.h"
#include "render/limiter.h"
#include "render/meter.h"
#include "render/sound_source.h"

enum {
    FADE = MD_SOUND_RATE * 8 / 1000, /* samples: too short to hear as a fade, too long to click */
    CHUNK = 1024,
};
/* Encoding moves peaks a little; this leaves the decoded digest below -1 dBTP. */
static const double ceiling_dbtp = -1.5;

struct md_sound_track {
    const struct md_stage_env *env;
    struct md_sound_source *source;
    struct md_encoder *encoder;
    struct md_limiter limiter;
    struct md_meter meter;
    AVFrame *frame;
    int frame_filled;
    int64_t frames_sent; /* samples given to the encoder */
    int64_t to_skip;     /* of the limiter's delay */

    double *gain_db; /* per piece of the cut; NULL all 0 */
    size_t pieces;

    int64_t start, at; /* of the piece; the next sample */
    float gain;
    bool fades_in;
};

int md_sound_track_new(const struct md_stage_env *env, const struct md_media *media,
                       struct md_packet_sink sink, struct md_sound_track **ret_track)
{
    struct md_sound_track *track = calloc(1, sizeof *track);
    if (!track)
        return md_fail(env->failure, MD_ERR_NOMEM, "out of memory");
    track->env = env;
    md_limiter_init(&track->limiter, ceiling_dbtp);
    track->to_skip = MD_LIMITER_DELAY;
    track->frame = av_frame_alloc();
    int rc = track->frame ? MD_OK : md_fail(env->failure, MD_ERR_NOMEM, "out of memory");
    if (rc == MD_OK)
        rc = md_sound_source_new(env->movie_path, media, env->cancelled, env->user, &track->source,
                                 env->failure);
    if (rc == MD_OK)
        rc = md_sound_encoder_new(env->options->quality, sink, &track->encoder, env->failure);
    if (rc < 0) {
        md_sound_track_free(track);
        return rc;
    }
    *ret_track = track;
    return MD_OK;
}

void md_sound_track_free(struct md_sound_track *track)
{
    if (!track)
        return;
    md_sound_source_free(track->source);
    md_encoder_free(track->encoder);
    md_meter_done(&track->meter);
    av_frame_free(&track->frame);
    free(track->gain_db);
    free(track);
}

static int fail_nomem(const struct md_sound_track *track)
{
    return md_fail(track->env->failure, MD_ERR_NOMEM, "out of memory while making the sound");
}

/* ---- levels ---- */

static int listen(struct md_sound_track *track, const struct md_piece *piece,
                  struct md_meter *meter)
{
    float left[CHUNK], right[CHUNK];
    int rc = md_sound_source_seek(track->source, piece->start_us, track->env->failure);
    int64_t left_over = av_rescale(piece->end_us - piece->start_us, MD_SOUND_RATE, 1000000);
    while (rc == MD_OK && left_over > 0) {
        size_t n = (size_t)MD_MIN(left_over, CHUNK);
        rc = md_sound_source_read(track->source, left, right, n, track->env->failure);
        if (rc == MD_OK && md_meter_add(meter, left, right, n) < 0)
            rc = fail_nomem(track);
        left_over -= (int64_t)n;
    }
    return rc;
}

static bool follows(const struct md_piece_vec *pieces, size_t i)
{
    return i > 0 && pieces->v[i].start_us == pieces->v[i - 1].end_us;
}

struct groups MD_VEC(struct md_level_group);

/* One meter hears all groups; each group is a range of its steps. A group begins with a fresh step:
 * what little is left of a step belongs to nothing. */
static int measure(struct md_sound_track *track, const struct md_piece_vec *pieces,
                   struct md_meter *meter, struct groups *groups)
{
    for (size_t i = 0; i < pieces->n; i++) {
        if (!follows(pieces, i)) {
            struct md_meter_steps steps = meter->steps;
            *meter = (struct md_meter){.steps = steps};
            if (md_vec_push(groups, (struct md_level_group){0}) < 0)
                return fail_nomem(track);
        }
        size_t before = meter->steps.n;
        int rc = listen(track, &pieces->v[i], meter);
        if (rc < 0)
            return rc;
        groups->v[groups->n - 1].n += meter->steps.n - before;
    }
    size_t at = 0;
    for (size_t g = 0; g < groups->n; at += groups->v[g].n, g++)
        groups->v[g].steps = meter->steps.v + at;
    return MD_OK;
}

int md_sound_track_level(struct md_sound_track *track, const struct md_piece_vec *pieces,
                         double target_lufs)
{
    struct md_meter meter = {0};
    struct groups groups = {0};
    int rc = measure(track, pieces, &meter, &groups);
    if (rc == MD_OK) {
        md_autofree double *group_db = calloc(groups.n + 1, sizeof *group_db);
        track->gain_db = calloc(pieces->n + 1, sizeof *track->gain_db);
        track->pieces = pieces->n;
        if (!group_db || !track->gain_db ||
            md_level_plan(groups.v, groups.n, target_lufs, ceiling_dbtp, group_db) < 0)
            rc = fail_nomem(track);
        for (size_t i = 0, g = 0; rc == MD_OK && i < pieces->n; i++) {
            g += i > 0 && !follows(pieces, i);
            track->gain_db[i] = group_db[g];
        }
    }
    md_vec_done(&groups);
    md_meter_done(&meter);
    return rc;
}

/* ---- output ---- */

static int send_frame(struct md_sound_track *track)
{
    track->frame->nb_samples = track->frame_filled;
    int rc = md_encoder_send(track->encoder, track->frame, track->frames_sent, track->frame_filled,
                             false, track->env->failure);
    track->frames_sent += track->frame_filled;
    track->frame_filled = 0;
    av_frame_unref(track->frame);
    return rc;
}

static int start_frame(struct md_sound_track *track)
{
    AVFrame *frame = track->frame;
    frame->nb_samples = CHUNK;
    frame->format = AV_SAMPLE_FMT_FLTP;
    frame->sample_rate = MD_SOUND_RATE;
    frame->ch_layout = (AVChannelLayout)AV_CHANNEL_LAYOUT_STEREO;
    return av_frame_get_buffer(frame, 0) < 0 ? fail_nomem(track) : MD_OK;
}

/* Finished samples: measured, collected to frames, encoded. */
static int store(struct md_sound_track *track, const float *left, const float *right, size_t n)
{
    if (md_meter_add(&track->meter, left, right, n) < 0)
        return fail_nomem(track);
    for (size_t done = 0; done < n;) {
        int rc = track->frame_filled == 0 ? start_frame(track) : MD_OK;
        if (rc < 0)
            return rc;
        size_t count = MD_MIN(n - done, (size_t)(CHUNK - track->frame_filled));
        float *out[2] = {(float *)track->frame->extended_data[0],
                         (float *)track->frame->extended_data[1]};
        memcpy(out[0] + track->frame_filled, left + done, count * sizeof *left);
        memcpy(out[1] + track->frame_filled, right + done, count * sizeof *right);
        track->frame_filled += (int)count;
        done += count;
        if (track->frame_filled == CHUNK)
            rc = send_frame(track);
        if (rc < 0)
            return rc;
    }
    return MD_OK;
}

static int limit_and_store(struct md_sound_track *track, float *left, float *right, size_t n)
{
    md_limiter_run(&track->limiter, left, right, n);
    size_t skip = (size_t)MD_MIN(track->to_skip, (int64_t)n);
    track->to_skip -= (int64_t)skip;
    return store(track, left + skip, right + skip, n - skip);
}

/* Raised cosine from 0 to 1 over FADE samples; x counts from the silent end. */
static float fade(int64_t x)
{
    return x >= FADE ? 1 : (float)(0.5 - 0.5 * cos(M_PI * ((double)x + 0.5) / FADE));
}

/* Makes the piece's samples up to `until`; end is where it ends when it fades out there, else
 * INT64_MAX. */
static int produce(struct md_sound_track *track, int64_t until, int64_t end)
{
    float left[CHUNK], right[CHUNK];
    while (track->at < until) {
        size_t n = (size_t)MD_MIN(until - track->at, CHUNK);
        int rc = md_sound_source_read(track->source, left, right, n, track->env->failure);
        if (rc < 0)
            return rc;
        for (size_t i = 0; i < n; i++) {
            int64_t sample = track->at + (int64_t)i;
            float gain = track->gain;
            if (track->fades_in)
                gain *= fade(sample - track->start);
            if (end - sample <= FADE)
                gain *= fade(end - 1 - sample);
            left[i] *= gain;
            right[i] *= gain;
        }
        track->at += (int64_t)n;
        rc = limit_and_store(track, left, right, n);
        if (rc < 0)
            return rc;
    }
    return MD_OK;
}

int md_sound_track_begin(struct md_sound_track *track, size_t piece, int64_t movie_us,
                         int64_t stamp_offset_us, bool follows_before)
{
    md_sound_source_follow_picture(track->source, stamp_offset_us);
    track->start = track->at;
    track->fades_in = !follows_before;
    double db = track->gain_db && piece < track->pieces ? track->gain_db[piece] : 0;
    track->gain = (float)pow(10, db / 20);
    return md_sound_source_seek(track->source, movie_us, track->env->failure);
}

int md_sound_track_reach(struct md_sound_track *track, int64_t sample)
{
    return produce(track, sample - FADE, INT64_MAX);
}

int md_sound_track_end(struct md_sound_track *track, int64_t sample, bool goes_on)
{
    return produce(track, sample, goes_on ? INT64_MAX : sample);
}

int md_sound_track_finish(struct md_sound_track *track)
{
    float left[MD_LIMITER_DELAY] = {0}, right[MD_LIMITER_DELAY] = {0};
    int rc = limit_and_store(track, left, right, MD_LIMITER_DELAY);
    if (rc == MD_OK && track->frame_filled > 0)
        rc = send_frame(track);
    return rc < 0 ? rc : md_encoder_send(track->encoder, NULL, 0, 0, false, track->env->failure);
}

double md_sound_track_loudness(const struct md_sound_track *track)
{
    return md_meter_integrated(track->meter.steps.v, NULL, track->meter.steps.n);
}

int64_t md_sound_track_damage(const struct md_sound_track *track)
{
    return md_sound_source_damage(track->source);
}

const struct md_encoder *md_sound_track_encoder(const struct md_sound_track *track)
{
    return track->encoder;
}
