/* One pass over the film: each decoded frame becomes a look, the detector is asked, and as soon as
 * it is sure about a stretch of frames their numbers are added to the shot they belong to. Looks
 * wait for that in the history's ring and picture candidates in theirs, so that memory does not
 * depend on the film's length but for the shots themselves.
 *
 * It all happens on the thread that takes frames from the decoder, whose own threads decode ahead
 * meanwhile: for codecs with frame threads that is overlap enough, and no order can vary. */
#include <stdio.h>
#include <string.h>

#include "analysis/credits.h"
#include "analysis/detector.h"
#include "analysis/history.h"
#include "analysis/keyframe.h"
#include "analysis/letterbox.h"
#include "analysis/shot_stats.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "media/video_reader.h"
#include "model/media.h"
#include "model/shots.h"
#include "model/stage.h"

enum { JPEG_QUALITY = 88, LETTERBOX_PER_SECOND = 2, MOST_SHOTS = 1000000 };

static const char keys_folder[] = "keys";

struct work {
    const struct md_stage_env *env;
    const struct md_media *media;
    struct md_shots *shots; /* being filled */

    struct md_video_reader *reader;
    struct md_looker *looker;
    struct md_history *history;
    struct md_keys *keys;
    struct md_letterbox *letterbox;
    struct md_credits_finder *credits;
    const struct md_detector_ops *detector;
    void *detector_state;
    char *keys_path;

    struct md_boundary_vec boundaries; /* decided, from next_boundary on not passed yet */
    size_t next_boundary;
    int64_t added; /* frames whose numbers were added to shots */
    bool is_open;  /* shot is one being filled */
    struct md_shot shot;
    struct md_shot_stats stats;
    struct md_curves curves;
    int64_t next_letterbox_us;
};

static int fail_nomem(struct work *work)
{
    return md_fail(work->env->failure, MD_ERR_NOMEM, "out of memory while looking at %s",
                   work->media->name);
}

static int start(struct work *work)
{
    const struct md_stage_env *env = work->env;
    int rc = md_detector_find(env->options->detector, &work->detector, env->failure);
    if (rc < 0)
        return rc;
    if (work->media->video_stream < 0)
        return md_fail(env->failure, MD_ERR_INPUT, "%s has no picture", work->media->name);
    const struct md_stream *stream = md_media_stream(work->media, work->media->video_stream);
    work->looker = md_looker_new();
    work->history = md_history_new();
    work->keys = md_keys_new(stream ? (int)stream->rotation : 0);
    work->letterbox = md_letterbox_new();
    work->credits = md_credits_finder_new();
    work->keys_path = md_path_join(env->work_dir, keys_folder);
    if (!work->looker || !work->history || !work->keys || !work->letterbox || !work->credits ||
        !work->keys_path)
        return fail_nomem(work);
    work->detector_state = work->detector->create(work->history);
    work->shots->detector = strdup(work->detector->name);
    if (!work->detector_state || !work->shots->detector)
        return fail_nomem(work);
    work->curves =
        (struct md_curves){.motion = &work->shots->motion_curve, .luma = &work->shots->luma_curve};
    work->next_letterbox_us = INT64_MIN;
    rc = md_remove_tree(work->keys_path, env->failure);
    if (rc == MD_OK)
        rc = md_mkdir_p(work->keys_path, env->failure);
    if (rc < 0)
        return rc;
    struct md_video_params params = {
        .path = env->movie_path,
        .media = work->media,
        .threads = env->threads,
        .cancelled = env->cancelled,
        .user = env->user,
    };
    return md_video_open(&params, &work->reader, env->failure);
}

static void stop(struct work *work)
{
    md_video_close(work->reader);
    if (work->detector)
        work->detector->destroy(work->detector_state);
    md_credits_finder_free(work->credits);
    md_letterbox_free(work->letterbox);
    md_keys_free(work->keys);
    md_history_free(work->history);
    md_looker_free(work->looker);
    md_vec_done(&work->boundaries);
    md_vec_done(&work->shot.signature);
    free(work->shot.key_image);
    free(work->keys_path);
}

/* The boundary between the open shot and the next, or NULL when none is known. */
static const struct md_boundary *boundary_ahead(const struct work *work)
{
    return work->next_boundary < work->boundaries.n ? &work->boundaries.v[work->next_boundary]
                                                    : NULL;
}

static int write_key(struct work *work, const struct md_boundary *after)
{
    struct md_shot *shot = &work->shot;
    int64_t clear_end =
        after && after->kind != MD_TRANSITION_CUT ? after->start_frame + 1 : shot->end_frame;
    int64_t clear_start = shot->transition_end_frame;
    const struct md_image *image = md_keys_choose(work->keys, shot->start_frame, shot->end_frame,
                                                  clear_start, clear_end, &shot->sharpness);
    shot->key_us = (shot->start_us + shot->end_us) / 2;
    if (!image)
        return MD_OK;
    char name[32];
    snprintf(name, sizeof name, "%06zu.jpg", work->shots->shots.n);
    md_autofree char *path = md_path_join(work->keys_path, name);
    shot->key_image = md_path_join(keys_folder, name);
    if (!path || !shot->key_image)
        return fail_nomem(work);
    shot->key_us = image->pts_us;
    return md_image_write_jpeg(image, JPEG_QUALITY, path, work->env->failure);
}

/* Ends the open shot before frame end_frame, shown at end_us. after: the boundary there, or NULL at
 * the end of the film. */
static int close_shot(struct work *work, int64_t end_frame, int64_t end_us,
                      const struct md_boundary *after)
{
    struct md_shot *shot = &work->shot;
    shot->end_frame = end_frame;
    shot->end_us = end_us;
    work->is_open = false;
    if (md_shot_stats_finish(&work->stats, shot) < 0)
        return fail_nomem(work);
    int rc = write_key(work, after);
    if (rc < 0)
        return rc;
    if (md_vec_push(&work->shots->shots, *shot) < 0)
        return fail_nomem(work);
    *shot = (struct md_shot){0};
    return MD_OK;
}

static void open_shot(struct work *work, int64_t frame, int64_t start_us,
                      const struct md_boundary *boundary)
{
    work->stats = (struct md_shot_stats){0};
    work->is_open = true;
    work->shot = (struct md_shot){
        .start_us = start_us,
        .start_frame = frame,
        .transition = boundary ? boundary->kind : MD_TRANSITION_START,
        .transition_start_frame = boundary ? boundary->start_frame : frame,
        .transition_end_frame = boundary ? boundary->end_frame : frame,
        .confidence = boundary ? boundary->confidence : 1,
    };
}

/* Adds frames before `until`, about which the detector is sure, to their shots. */
static int add_frames(struct work *work, int64_t until)
{
    float rate = md_history_rate(work->history);
    for (; work->added < until; work->added++) {
        const struct md_look *look = md_history_look(work->history, work->added);
        const struct md_boundary *boundary = boundary_ahead(work);
        bool splits = boundary && md_boundary_split(boundary) <= work->added &&
                      work->shots->shots.n + 2 < MOST_SHOTS;
        if (splits && work->is_open) {
            int rc = close_shot(work, work->added, look->pts_us, boundary);
            if (rc < 0)
                return rc;
        }
        if (!work->is_open)
            open_shot(work, work->added, look->pts_us, splits ? boundary : NULL);
        work->next_boundary += splits;
        /* The change at a cut is no motion. */
        bool at_cut = splits || work->added == 0;
        float motion =
            at_cut ? -1 : md_motion_of(md_history_change(work->history, work->added), rate);
        md_shot_stats_add(&work->stats, look, motion);
        if (md_curves_add(&work->curves, look, motion) < 0)
            return fail_nomem(work);
    }
    if (work->next_boundary > 0 && work->next_boundary == work->boundaries.n)
        work->next_boundary = work->boundaries.n = 0;
    return MD_OK;
}

static int ask_detector(struct work *work, bool finish)
{
    int64_t settled = work->detector->step(work->detector_state, finish, &work->boundaries);
    if (settled < 0)
        return fail_nomem(work);
    return add_frames(work, MD_MIN(settled, md_history_count(work->history)));
}

static int add_frame(struct work *work, const struct md_frame *frame)
{
    struct md_look *look = md_history_slot(work->history);
    int rc = md_look_take(work->looker, frame, look);
    if (rc < 0)
        return fail_nomem(work);
    md_history_add(work->history);
    const struct md_change *change = md_history_change(work->history, look->index);
    float motion = md_motion_of(change, md_history_rate(work->history));
    int64_t shot_start = work->is_open ? work->shot.start_frame : 0;
    if (md_keys_offer(work->keys, frame, look, change, motion, shot_start) < 0 ||
        md_credits_finder_add(work->credits, frame, look) < 0)
        return fail_nomem(work);
    if (frame->pts_us >= work->next_letterbox_us) {
        md_letterbox_add(work->letterbox, frame);
        work->next_letterbox_us = frame->pts_us + MD_SECOND_US / LETTERBOX_PER_SECOND;
    }
    return ask_detector(work, false);
}

static int read_film(struct work *work)
{
    for (;;) {
        const struct md_frame *frame;
        int rc = md_video_next(work->reader, &frame, work->env->failure);
        if (rc == MD_ERR_EOF)
            return MD_OK;
        if (rc == MD_OK)
            rc = add_frame(work, frame);
        if (rc < 0)
            return rc;
        md_stage_progress(work->env, frame->pts_us + frame->duration_us, work->media->duration_us);
    }
}

static int warn(struct work *work, const char *text)
{
    char *copy = strdup(text);
    if (!copy || md_vec_push(&work->shots->warnings, copy) < 0) {
        free(copy);
        return fail_nomem(work);
    }
    return MD_OK;
}

static int add_warnings(struct work *work, const struct md_video_stats *stats)
{
    char text[256], from[24], to[24];
    int rc = MD_OK;
    if (stats->damaged_frames + stats->lost_packets > 0) {
        snprintf(text, sizeof text,
                 "%lld damaged frames between %s and %s (%lld could not be decoded at all)",
                 (long long)(stats->damaged_frames + stats->lost_packets),
                 md_format_time(from, MD_MAX(stats->first_damage_us, 0)),
                 md_format_time(to, MD_MAX(stats->last_damage_us, 0)),
                 (long long)stats->lost_packets);
        rc = warn(work, text);
    }
    /* Some files count the sound's last second, or a last frame that lasts. */
    int64_t missing_us = work->media->duration_us - stats->end_us;
    if (rc == MD_OK && missing_us > MD_MAX(3 * MD_SECOND_US, work->media->duration_us / 50)) {
        snprintf(text, sizeof text, "the picture ends at %s, the movie at %s",
                 md_format_time(from, stats->end_us), md_format_time(to, work->media->duration_us));
        rc = warn(work, text);
    }
    return rc;
}

/* The shown size: square samples, turned. */
static void set_size(struct work *work)
{
    const struct md_stream *stream = md_media_stream(work->media, work->media->video_stream);
    int64_t width = stream->width, height = stream->height;
    if (stream->sar_num > 0 && stream->sar_den > 0 && stream->sar_num <= 100 * stream->sar_den)
        width = MD_MAX((width * stream->sar_num + stream->sar_den / 2) / stream->sar_den, 1);
    bool turned = stream->rotation == 90 || stream->rotation == 270;
    work->shots->width = turned ? height : width;
    work->shots->height = turned ? width : height;
}

static int finish(struct work *work)
{
    struct md_shots *shots = work->shots;
    struct md_video_stats stats;
    md_video_stats_get(work->reader, &stats);
    if (stats.frames == 0)
        return md_fail(work->env->failure, MD_ERR_INPUT, "no picture of %s can be decoded",
                       work->media->name);
    int rc = ask_detector(work, true);
    if (rc == MD_OK && work->is_open)
        rc = close_shot(work, stats.frames, stats.end_us, NULL);
    if (rc == MD_OK && md_curves_finish(&work->curves) < 0)
        rc = fail_nomem(work);
    if (rc == MD_OK && md_credits_finder_finish(work->credits, stats.end_us, &shots->credits) < 0)
        rc = fail_nomem(work);
    if (rc < 0)
        return rc;
    md_credits_mark(&shots->credits, &shots->shots);
    shots->frame_count = stats.frames;
    shots->duration_us = stats.end_us;
    set_size(work);
    struct md_bars bars = md_letterbox_bars(work->letterbox);
    shots->crop_left = bars.left;
    shots->crop_top = bars.top;
    shots->crop_right = bars.right;
    shots->crop_bottom = bars.bottom;
    return add_warnings(work, &stats);
}

static int run(const struct md_stage_env *env, const struct md_artifacts *in, void *ret_artifact)
{
    struct work work = {.env = env, .media = in->media, .shots = ret_artifact};
    int rc = start(&work);
    if (rc == MD_OK)
        rc = read_film(&work);
    if (rc == MD_OK)
        rc = finish(&work);
    if (rc < 0 && work.keys_path) /* no finished name stays behind */
        md_remove_tree(work.keys_path, NULL);
    stop(&work);
    if (rc < 0)
        md_codec_done(md_artifact_shots.fields, ret_artifact);
    return rc;
}

/* Are the pictures still there? */
static bool outputs_present(const struct md_stage_env *env, const void *artifact)
{
    const struct md_shots *shots = artifact;
    for (size_t i = 0; i < shots->shots.n; i++) {
        const char *name = shots->shots.v[i].key_image;
        if (!name)
            continue;
        md_autofree char *path = md_path_join(env->work_dir, name);
        if (!path || access(path, R_OK) < 0)
            return false;
    }
    return true;
}

const struct md_stage_ops md_stage_ops_shots = {
    .stage = MD_STAGE_SHOTS,
    .revision = 2,
    .run = run,
    .outputs_present = outputs_present,
};
