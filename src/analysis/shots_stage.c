/* One pass over the film: each decoded frame becomes a look, the detector is asked, and as soon as
 * it is sure about a stretch of frames their numbers are added to the shot they belong to. Looks
 * wait for that in the history's ring, so that memory does not depend on the film's length.
 *
 * It all happens on the thread that takes frames from the decoder, whose own threads decode ahead
 * meanwhile: for codecs with frame threads that is overlap enough, and no order can vary. */
#include <string.h>
#include <unistd.h>

#include "analysis/detector.h"
#include "analysis/history.h"
#include "analysis/shot_stats.h"
#include "analysis/shots_build.h"
#include "analysis/shots_fast.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "media/video_reader.h"
#include "model/media.h"
#include "model/shots.h"
#include "model/stage.h"

struct work {
    const struct md_stage_env *env;
    const struct md_media *media;
    struct md_shots *shots; /* being filled */
    struct md_shots_build *build;

    struct md_video_reader *reader;
    struct md_looker *looker;
    struct md_history *history;
    const struct md_detector_ops *detector;
    void *detector_state;
    int64_t added; /* frames whose numbers were added to shots */
};

static int fail_nomem(struct work *work)
{
    return md_fail(work->env->failure, MD_ERR_NOMEM, "out of memory while looking at %s",
                   work->media->name);
}

static int start(struct work *work)
{
    const struct md_stage_env *env = work->env;
    work->looker = md_looker_new();
    work->history = md_history_new();
    if (!work->looker || !work->history)
        return fail_nomem(work);
    work->detector_state = work->detector->create(work->history);
    if (!work->detector_state)
        return fail_nomem(work);
    int rc = md_shots_build_new(env, work->media, work->shots, &work->build);
    if (rc < 0)
        return rc;
    struct md_video_params params = {
        .path = env->movie_path,
        .media = work->media,
        .threads = env->threads,
        .skip_unused_filter = true,
        .entries_us = &work->shots->entries_us,
        .cancelled = env->cancelled,
        .user = env->user,
    };
    return md_video_open(&params, &work->reader, env->failure);
}

static void stop(struct work *work, bool done)
{
    md_video_close(work->reader);
    work->detector->destroy(work->detector_state);
    md_shots_build_free(work->build, done);
    md_history_free(work->history);
    md_looker_free(work->looker);
}

static int ask_detector(struct work *work, enum md_detector_end end)
{
    int64_t settled =
        work->detector->step(work->detector_state, end, md_shots_build_boundaries(work->build));
    if (settled < 0)
        return fail_nomem(work);
    settled = MD_MIN(settled, md_history_count(work->history));
    float rate = md_history_rate(work->history);
    int rc = MD_OK;
    for (; rc == MD_OK && work->added < settled; work->added++)
        rc = md_shots_build_add(work->build, md_history_look(work->history, work->added),
                                md_motion_of(md_history_change(work->history, work->added), rate));
    return rc;
}

static int add_frame(struct work *work, const struct md_frame *frame)
{
    struct md_look *look = md_history_slot(work->history);
    if (md_look_take(work->looker, frame, look) < 0)
        return fail_nomem(work);
    md_history_add(work->history);
    const struct md_change *change = md_history_change(work->history, look->index);
    float motion = md_motion_of(change, md_history_rate(work->history));
    int rc = md_shots_build_show(work->build, frame, look, change, motion);
    return rc < 0 ? rc : ask_detector(work, MD_DETECTOR_GOES_ON);
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

static int finish(struct work *work)
{
    struct md_video_stats stats;
    md_video_stats_get(work->reader, &stats);
    work->shots->frames_decoded = stats.frames;
    int rc = ask_detector(work, MD_DETECTOR_FILM_END);
    return rc < 0 ? rc : md_shots_build_finish(work->build, &stats);
}

static int run_accurate(const struct md_stage_env *env, const struct md_media *media,
                        const struct md_detector_ops *detector, struct md_shots *shots)
{
    struct work work = {.env = env, .media = media, .shots = shots, .detector = detector};
    int rc = start(&work);
    if (rc == MD_OK)
        rc = read_film(&work);
    if (rc == MD_OK)
        rc = finish(&work);
    stop(&work, rc == MD_OK);
    return rc;
}

/* What the two ways tell about themselves, as one: what was done fast and in vain is done again
 * without going back. */
struct teller {
    const struct md_stage_env *env;
    int64_t most_us;
};

static void tell_progress(void *user, int64_t done_us, int64_t total_us)
{
    struct teller *teller = user;
    if (done_us >= teller->most_us) {
        teller->most_us = done_us;
        md_stage_progress(teller->env, done_us, total_us);
    }
}

static bool ask_cancelled(void *user)
{
    return md_stage_cancelled(((struct teller *)user)->env);
}

static int begin(struct md_shots *shots, const struct md_detector_ops *detector, int mode,
                 const char *reason, struct md_failure *failure)
{
    md_codec_done(md_artifact_shots.fields, shots);
    shots->mode = mode;
    shots->detector = strdup(detector->name);
    shots->mode_reason = reason ? strdup(reason) : NULL;
    if (!shots->detector || (reason && !shots->mode_reason))
        return md_fail(failure, MD_ERR_NOMEM, "out of memory");
    return MD_OK;
}

static int run_either(const struct md_stage_env *env, const struct md_media *media,
                      struct md_shots *shots)
{
    const struct md_detector_ops *detector;
    int rc = md_detector_find(env->options->detector, &detector, env->failure);
    if (rc < 0)
        return rc;
    if (media->video_stream < 0)
        return md_fail(env->failure, MD_ERR_INPUT, "%s has no picture", media->name);
    char reason[sizeof env->failure->message] = "";
    /* Not proved on enough films to be the default yet: auto is accurate. */
    if (env->options->shots == MD_SHOTS_FAST) {
        rc = begin(shots, detector, MD_SHOTS_FAST, NULL, env->failure);
        if (rc == MD_OK)
            rc = md_shots_fast_run(env, media, detector, shots);
        if (rc != MD_ERR_UNSUPPORTED)
            return rc;
        memcpy(reason, env->failure->message, sizeof reason);
        *env->failure = (struct md_failure){0};
    }
    rc = begin(shots, detector, MD_SHOTS_ACCURATE, *reason ? reason : NULL, env->failure);
    return rc < 0 ? rc : run_accurate(env, media, detector, shots);
}

static int run(const struct md_stage_env *env, const struct md_artifacts *in, void *ret_artifact)
{
    struct teller teller = {.env = env};
    struct md_stage_env told = *env;
    told.user = &teller;
    told.progress = tell_progress;
    told.cancelled = ask_cancelled;
    int rc = run_either(&told, in->media, ret_artifact);
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
    .revision = 5,
    .run = run,
    .outputs_present = outputs_present,
};
