/* The shots stage has looked at every picture already: its numbers choose the moment, and only that
 * one frame is decoded again, at full size. */
#include "render/poster.h"

#include <math.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "media/image.h"
#include "media/video_reader.h"
#include "model/cut.h"
#include "model/media.h"
#include "model/shots.h"

enum { POSTER_WIDTH = 1280, POSTER_HEIGHT = 1920, JPEG_QUALITY = 90 };

/* 0 to 1: how well a picture stands alone. Dark, flat and blurred ones do not. */
static double appeal(const struct md_shot *shot)
{
    double light = 1 - fabs(MD_CLAMP(shot->luma, 0, 1) - 0.45) / 0.55;
    double contrast = MD_MIN(shot->contrast / 0.25, 1);
    return 0.30 * light + 0.25 * contrast + 0.25 * shot->sharpness + 0.20 * shot->colorfulness;
}

int64_t md_poster_choose(const struct md_artifacts *in)
{
    const struct md_piece_vec *pieces = &in->cut->pieces;
    double best = -1;
    int64_t time_us = pieces->n ? (pieces->v[0].start_us + pieces->v[0].end_us) / 2 : -1;
    for (size_t p = 0; in->shots && p < pieces->n; p++) {
        const struct md_piece *piece = &pieces->v[p];
        int64_t last = MD_MIN(piece->first_shot + piece->shot_count, (int64_t)in->shots->shots.n);
        for (int64_t s = MD_MAX(piece->first_shot, 0); s < last; s++) {
            const struct md_shot *shot = &in->shots->shots.v[s];
            if (shot->credits || shot->key_us < piece->start_us || shot->key_us >= piece->end_us)
                continue;
            double score = 0.4 * MD_CLAMP(piece->score, 0, 1) + 0.6 * appeal(shot);
            if (score > best) {
                best = score;
                time_us = shot->key_us;
            }
        }
    }
    return time_us;
}

static int write_frame(const struct md_stage_env *env, const struct md_frame *frame, int rotation)
{
    struct md_image_scaler *scaler = md_image_scaler_new();
    struct md_image image = {0};
    md_autofree char *path = md_path_join(env->out_dir, MD_POSTER_NAME);
    struct md_image_params params = {
        .max_width = POSTER_WIDTH, .max_height = POSTER_HEIGHT, .rotation = rotation};
    int rc = scaler && path ? md_image_take(scaler, frame, &params, &image) : MD_ERR_NOMEM;
    if (rc < 0)
        rc = md_fail(env->failure, rc, "cannot make the poster: %s", md_error_text(rc));
    else
        rc = md_image_write_jpeg(&image, JPEG_QUALITY, path, env->failure);
    md_image_done(&image);
    md_image_scaler_free(scaler);
    return rc;
}

int md_poster_write(const struct md_stage_env *env, const struct md_artifacts *in)
{
    int64_t time_us = md_poster_choose(in);
    if (in->media->video_stream < 0 || time_us < 0)
        return MD_OK;
    struct md_video_params params = {
        .path = env->movie_path,
        .media = in->media,
        .threads = env->threads,
        .cancelled = env->cancelled,
        .user = env->user,
    };
    struct md_video_reader *reader = NULL;
    const struct md_frame *frame;
    int rc = md_video_open(&params, &reader, env->failure);
    if (rc == MD_OK)
        rc = md_video_seek(reader, time_us, env->failure);
    if (rc == MD_OK)
        rc = md_video_next(reader, &frame, env->failure);
    if (rc == MD_ERR_EOF)
        rc = md_fail(env->failure, MD_ERR_INPUT, "no picture for the poster");
    if (rc == MD_OK) {
        const struct md_stream *stream = md_media_stream(in->media, in->media->video_stream);
        rc = write_frame(env, frame, stream ? (int)stream->rotation : 0);
    }
    md_video_close(reader);
    return rc;
}
