/* Frames come one by one, each about which the detector is sure; a boundary among those decided
 * ends the open shot and begins the next. Pictures wait in their ring until their shot is over, so
 * that memory does not depend on the film's length but for the shots themselves. */
#include "analysis/shots_build.h"

#include <stdio.h>
#include <string.h>

#include "analysis/credits.h"
#include "analysis/keyframe.h"
#include "analysis/letterbox.h"
#include "analysis/shot_stats.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "media/video_reader.h"

enum { JPEG_QUALITY = 88, LETTERBOX_PER_SECOND = 2, MOST_SHOTS = 1000000 };

static const char keys_folder[] = "keys";

struct md_shots_build {
    const struct md_stage_env *env;
    const struct md_media *media;
    struct md_shots *shots; /* being filled */

    struct md_keys *keys;
    struct md_letterbox *letterbox;
    struct md_credits_finder *credits;
    char *keys_path;

    struct md_boundary_vec boundaries; /* decided, from next_boundary on not passed yet */
    size_t next_boundary;
    bool is_open; /* shot is one being filled */
    struct md_shot shot;
    struct md_shot_stats stats;
    struct md_curves curves;
    int64_t next_letterbox_us;
};

static int fail_nomem(struct md_shots_build *build)
{
    return md_fail(build->env->failure, MD_ERR_NOMEM, "out of memory while looking at %s",
                   build->media->name);
}

void md_shots_build_free(struct md_shots_build *build, bool done)
{
    if (!build)
        return;
    if (!done && build->keys_path)
        md_remove_tree(build->keys_path, NULL);
    md_credits_finder_free(build->credits);
    md_letterbox_free(build->letterbox);
    md_keys_free(build->keys);
    md_vec_done(&build->boundaries);
    md_vec_done(&build->shot.signature);
    free(build->shot.key_image);
    free(build->keys_path);
    free(build);
}

int md_shots_build_new(const struct md_stage_env *env, const struct md_media *media,
                       struct md_shots *shots, struct md_shots_build **ret_build)
{
    struct md_shots_build *build = calloc(1, sizeof *build);
    if (!build)
        return md_fail(env->failure, MD_ERR_NOMEM, "out of memory");
    const struct md_stream *stream = md_media_stream(media, media->video_stream);
    build->env = env;
    build->media = media;
    build->shots = shots;
    build->keys = md_keys_new(stream ? (int)stream->rotation : 0);
    build->letterbox = md_letterbox_new();
    build->credits = md_credits_finder_new();
    build->keys_path = md_path_join(env->work_dir, keys_folder);
    build->curves = (struct md_curves){.motion = &shots->motion_curve, .luma = &shots->luma_curve};
    build->next_letterbox_us = INT64_MIN;
    int rc = MD_OK;
    if (!build->keys || !build->letterbox || !build->credits || !build->keys_path)
        rc = fail_nomem(build);
    if (rc == MD_OK)
        rc = md_remove_tree(build->keys_path, env->failure);
    if (rc == MD_OK)
        rc = md_mkdir_p(build->keys_path, env->failure);
    if (rc < 0) {
        md_shots_build_free(build, false);
        return rc;
    }
    *ret_build = build;
    return MD_OK;
}

struct md_boundary_vec *md_shots_build_boundaries(struct md_shots_build *build)
{
    return &build->boundaries;
}

/* The boundary between the open shot and the next, or NULL when none is known. */
static const struct md_boundary *boundary_ahead(const struct md_shots_build *build)
{
    return build->next_boundary < build->boundaries.n ? &build->boundaries.v[build->next_boundary]
                                                      : NULL;
}

static int write_key(struct md_shots_build *build, const struct md_boundary *after)
{
    struct md_shot *shot = &build->shot;
    int64_t clear_end =
        after && after->kind != MD_TRANSITION_CUT ? after->start_frame + 1 : shot->end_frame;
    int64_t clear_start = shot->transition_end_frame;
    const struct md_image *image = md_keys_choose(build->keys, shot->start_frame, shot->end_frame,
                                                  clear_start, clear_end, &shot->sharpness);
    shot->key_us = (shot->start_us + shot->end_us) / 2;
    if (!image)
        return MD_OK;
    char name[32];
    snprintf(name, sizeof name, "%06zu.jpg", build->shots->shots.n);
    md_autofree char *path = md_path_join(build->keys_path, name);
    shot->key_image = md_path_join(keys_folder, name);
    if (!path || !shot->key_image)
        return fail_nomem(build);
    shot->key_us = image->pts_us;
    return md_image_write_jpeg(image, JPEG_QUALITY, path, build->env->failure);
}

/* Ends the open shot before frame end_frame, shown at end_us. after: the boundary there, or NULL at
 * the end of the film. */
static int close_shot(struct md_shots_build *build, int64_t end_frame, int64_t end_us,
                      const struct md_boundary *after)
{
    struct md_shot *shot = &build->shot;
    shot->end_frame = end_frame;
    shot->end_us = end_us;
    build->is_open = false;
    if (md_shot_stats_finish(&build->stats, shot) < 0)
        return fail_nomem(build);
    int rc = write_key(build, after);
    if (rc < 0)
        return rc;
    if (md_vec_push(&build->shots->shots, *shot) < 0)
        return fail_nomem(build);
    *shot = (struct md_shot){0};
    return MD_OK;
}

static void open_shot(struct md_shots_build *build, int64_t frame, int64_t start_us,
                      const struct md_boundary *boundary)
{
    build->stats = (struct md_shot_stats){0};
    build->is_open = true;
    build->shot = (struct md_shot){
        .start_us = start_us,
        .start_frame = frame,
        .transition = boundary ? boundary->kind : MD_TRANSITION_START,
        .transition_start_frame = boundary ? boundary->start_frame : frame,
        .transition_end_frame = boundary ? boundary->end_frame : frame,
        .confidence = boundary ? boundary->confidence : 1,
    };
}

int md_shots_build_add(struct md_shots_build *build, const struct md_look *look, float motion)
{
    const struct md_boundary *boundary = boundary_ahead(build);
    bool splits = boundary && md_boundary_split(boundary) <= look->index &&
                  build->shots->shots.n + 2 < MOST_SHOTS;
    if (splits && build->is_open) {
        int rc = close_shot(build, look->index, look->pts_us, boundary);
        if (rc < 0)
            return rc;
    }
    if (!build->is_open)
        open_shot(build, look->index, look->pts_us, splits ? boundary : NULL);
    build->next_boundary += splits;
    if (build->next_boundary > 0 && build->next_boundary == build->boundaries.n)
        build->next_boundary = build->boundaries.n = 0;
    if (splits || look->index == 0)
        motion = -1; /* the change at a cut is no motion */
    md_shot_stats_add(&build->stats, look, motion);
    return md_curves_add(&build->curves, look, motion) < 0 ? fail_nomem(build) : MD_OK;
}

int md_shots_build_show(struct md_shots_build *build, const struct md_frame *frame,
                        const struct md_look *look, const struct md_change *change, float motion)
{
    int64_t shot_start = build->is_open ? build->shot.start_frame : 0;
    if (md_keys_offer(build->keys, frame, look, change, motion, shot_start) < 0 ||
        md_credits_finder_add(build->credits, frame, look) < 0)
        return fail_nomem(build);
    if (frame->pts_us >= build->next_letterbox_us) {
        md_letterbox_add(build->letterbox, frame);
        build->next_letterbox_us = frame->pts_us + MD_SECOND_US / LETTERBOX_PER_SECOND;
    }
    return MD_OK;
}

static int warn(struct md_shots_build *build, const char *text)
{
    char *copy = strdup(text);
    if (!copy || md_vec_push(&build->shots->warnings, copy) < 0) {
        free(copy);
        return fail_nomem(build);
    }
    return MD_OK;
}

static int add_warnings(struct md_shots_build *build, const struct md_video_stats *stats)
{
    char text[256], from[24], to[24];
    int rc = MD_OK;
    build->shots->damaged_frames = stats->damaged_frames + stats->lost_packets;
    if (build->shots->damaged_frames > 0) {
        snprintf(text, sizeof text,
                 "%lld damaged frames between %s and %s (%lld could not be decoded at all)",
                 (long long)build->shots->damaged_frames,
                 md_format_time(from, MD_MAX(stats->first_damage_us, 0)),
                 md_format_time(to, MD_MAX(stats->last_damage_us, 0)),
                 (long long)stats->lost_packets);
        rc = warn(build, text);
    }
    /* Some files count the sound's last second, or a last frame that lasts. */
    int64_t missing_us = build->media->duration_us - stats->end_us;
    if (rc == MD_OK && missing_us > MD_MAX(3 * MD_SECOND_US, build->media->duration_us / 50)) {
        snprintf(text, sizeof text, "the picture ends at %s, the movie at %s",
                 md_format_time(from, stats->end_us),
                 md_format_time(to, build->media->duration_us));
        rc = warn(build, text);
    }
    return rc;
}

/* The shown size: square samples, turned. */
static void set_size(struct md_shots_build *build)
{
    const struct md_stream *stream = md_media_stream(build->media, build->media->video_stream);
    int64_t width = stream->width, height = stream->height;
    if (stream->sar_num > 0 && stream->sar_den > 0 && stream->sar_num <= 100 * stream->sar_den)
        width = MD_MAX((width * stream->sar_num + stream->sar_den / 2) / stream->sar_den, 1);
    bool turned = stream->rotation == 90 || stream->rotation == 270;
    build->shots->width = turned ? height : width;
    build->shots->height = turned ? width : height;
}

void md_shots_build_skip(struct md_shots_build *build, int64_t until_us)
{
    md_credits_finder_skip(build->credits, until_us);
}

/* Out of order they are of joined recordings, and too many of a film that may be cut anywhere. */
static void check_entries(struct md_ints *entries_us)
{
    bool sound = entries_us->n < MD_SHOTS_MOST_ENTRIES;
    for (size_t i = 1; i < entries_us->n && sound; i++)
        sound = entries_us->v[i] > entries_us->v[i - 1];
    if (!sound)
        entries_us->n = 0;
}

int md_shots_build_finish(struct md_shots_build *build, const struct md_video_stats *stats)
{
    struct md_shots *shots = build->shots;
    if (stats->frames == 0)
        return md_fail(build->env->failure, MD_ERR_INPUT, "no picture of %s can be decoded",
                       build->media->name);
    int rc = MD_OK;
    if (build->is_open)
        rc = close_shot(build, stats->frames, stats->end_us, NULL);
    if (rc == MD_OK && md_curves_finish(&build->curves) < 0)
        rc = fail_nomem(build);
    if (rc == MD_OK && md_credits_finder_finish(build->credits, stats->end_us, &shots->credits) < 0)
        rc = fail_nomem(build);
    if (rc < 0)
        return rc;
    md_credits_mark(&shots->credits, &shots->shots);
    shots->frame_count = stats->frames;
    shots->duration_us = stats->end_us;
    set_size(build);
    struct md_bars bars = md_letterbox_bars(build->letterbox);
    check_entries(&shots->entries_us);
    shots->crop_left = bars.left;
    shots->crop_top = bars.top;
    shots->crop_right = bars.right;
    shots->crop_bottom = bars.bottom;
    return add_warnings(build, stats);
}
