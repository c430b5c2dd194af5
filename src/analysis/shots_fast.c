/* Front to back: a group is planned as soon as the one after it is known, then done with. Frames in
 * a range go the way of all frames (look, detector, builder); the others are counted under the look
 * of their key frame, so that shots, curves and credits are made of the same pieces in the same
 * order as when everything is decoded. */
#include "analysis/shots_fast.h"

#include <string.h>

#include "analysis/credits.h"
#include "analysis/group_plan.h"
#include "analysis/range.h"
#include "analysis/shot_stats.h"
#include "analysis/shots_build.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "media/video_groups.h"

enum {
    FIRST_FRAMES = 24, /* always decoded: is the film what its packets say? */
    CARD_FRAMES = 36,  /* of each group of credits: do they roll? */
};

struct sight {
    struct md_look key;
    const struct md_frame *frame; /* of the key frame; of the last two groups only */
    bool is_card;
};

struct fast {
    const struct md_stage_env *env;
    const struct md_media *media;
    struct md_shots *shots;
    struct md_shots_build *build;
    struct md_groups *groups;
    struct md_looker *looker;
    struct md_range *range;
    struct md_credits_finder *cards;
    struct md_look *filler; /* the look of frames that are not decoded */

    struct md_group_hints hints;
    struct md_group_motion motion;
    struct sight sights[2]; /* by group % 2 */
    int64_t sighted;        /* groups whose key frame was looked at */

    bool in_range;      /* frames are being put to the detector */
    int64_t range_to;   /* frames before this belong to the range */
    int64_t next_frame; /* of the film, shown or passed */
    int64_t added;      /* frames given to the builder */
    int64_t decoded;    /* frames looked at */
    int64_t end_us;
};

static int fail_nomem(struct fast *fast)
{
    return md_fail(fast->env->failure, MD_ERR_NOMEM, "out of memory while looking at %s",
                   fast->media->name);
}

static int start(struct fast *fast, const struct md_detector_ops *detector)
{
    const struct md_stage_env *env = fast->env;
    struct md_video_params params = {
        .path = env->movie_path,
        .media = fast->media,
        .threads = env->threads,
        .entries_us = &fast->shots->entries_us,
        .cancelled = env->cancelled,
        .user = env->user,
    };
    int rc = md_groups_open(&params, &fast->groups, env->failure);
    if (rc < 0)
        return rc;
    fast->looker = md_looker_new();
    fast->range = md_range_new(detector);
    fast->cards = md_credits_finder_new();
    fast->filler = calloc(1, sizeof *fast->filler);
    if (!fast->looker || !fast->range || !fast->cards || !fast->filler)
        return fail_nomem(fast);
    fast->filler->index = -2; /* follows nothing */
    return md_shots_build_new(env, fast->media, fast->shots, &fast->build);
}

static void stop(struct fast *fast, bool done)
{
    md_shots_build_free(fast->build, done);
    free(fast->filler);
    md_credits_finder_free(fast->cards);
    md_range_free(fast->range);
    md_looker_free(fast->looker);
    md_groups_close(fast->groups);
}

/* Looks at the key frame of the next group. MD_ERR_EOF when there is none. */
static int sight_next(struct fast *fast)
{
    int64_t n = fast->sighted;
    while (md_groups_count(fast->groups) <= n) {
        int rc = md_groups_advance(fast->groups, fast->env->failure);
        if (rc < 0)
            return rc;
    }
    struct sight *sight = &fast->sights[n % 2];
    int rc = md_groups_key(fast->groups, n, &sight->frame, fast->env->failure);
    if (rc < 0)
        return rc;
    if (md_look_take(fast->looker, sight->frame, &sight->key) < 0)
        return fail_nomem(fast);
    sight->is_card = md_credits_finder_is_card(fast->cards, sight->frame, &sight->key);
    md_group_hints_add(&fast->hints, md_groups_at(fast->groups, n));
    fast->sighted++;
    return MD_OK;
}

/* Gives the frames to the builder about which the detector is sure. */
static int add_settled(struct fast *fast, int64_t settled)
{
    const struct md_history *history = md_range_history(fast->range);
    float rate = md_history_rate(history);
    int rc = MD_OK;
    settled = MD_MIN(settled, md_history_count(history));
    for (; rc == MD_OK && fast->added < settled; fast->added++)
        rc = md_shots_build_add(fast->build, md_history_look(history, fast->added),
                                md_motion_of(md_history_change(history, fast->added), rate));
    return rc;
}

static int finish_range(struct fast *fast, bool at_film_end)
{
    if (!fast->in_range)
        return MD_OK;
    fast->in_range = false;
    if (md_range_finish(fast->range, at_film_end, md_shots_build_boundaries(fast->build)) < 0)
        return fail_nomem(fast);
    return add_settled(fast, INT64_MAX);
}

static int look_at(struct fast *fast, const struct md_group *group, const struct md_frame *frame)
{
    if (md_look_take(fast->looker, frame, md_range_slot(fast->range)) < 0 ||
        md_range_add(fast->range, md_shots_build_boundaries(fast->build)) < 0)
        return fail_nomem(fast);
    const struct md_history *history = md_range_history(fast->range);
    const struct md_change *change = md_history_change(history, frame->index);
    float motion = md_motion_of(change, md_history_rate(history));
    if (frame->index > md_history_first(history) && frame->index > group->first_frame)
        md_group_motion_learn(&fast->motion, group, (int32_t)(frame->index - group->first_frame),
                              motion);
    fast->decoded++;
    int rc = md_shots_build_show(fast->build, frame, md_history_look(history, frame->index), change,
                                 motion);
    return rc < 0 ? rc : add_settled(fast, md_range_settled(fast->range));
}

/* Decodes frames up to `to`, in group n, and puts them to the detector. */
static int decode_until(struct fast *fast, int64_t n, int64_t to)
{
    if (fast->next_frame >= to)
        return MD_OK;
    if (!fast->in_range) {
        if (md_range_begin(fast->range, fast->next_frame) < 0)
            return fail_nomem(fast);
        fast->in_range = true;
    }
    md_groups_start(fast->groups, n, fast->next_frame);
    while (fast->next_frame < to) {
        const struct md_frame *frame;
        int rc = md_groups_next(fast->groups, &frame, fast->env->failure);
        if (rc == MD_OK)
            rc = look_at(fast, md_groups_at(fast->groups, n), frame);
        if (rc < 0)
            return rc;
        fast->next_frame++;
    }
    return MD_OK;
}

/* Passes over frames up to `to`, in group n; from the key frame to their middle they look like that
 * one, then like the next one if that is of the same shot. */
static int pass_until(struct fast *fast, int64_t n, int64_t to, const struct md_group_plan *plan,
                      bool has_next)
{
    const struct md_group *group = md_groups_at(fast->groups, n);
    const struct sight *sight = &fast->sights[n % 2], *next = &fast->sights[(n + 1) % 2];
    if (fast->next_frame >= to)
        return MD_OK;
    int rc = finish_range(fast, false);
    if (rc == MD_OK && fast->next_frame == group->first_frame) {
        float motion = md_group_motion_guess(&fast->motion, group, 0);
        rc = md_shots_build_show(fast->build, sight->frame, &sight->key, &(struct md_change){0},
                                 motion);
    }
    int64_t middle = group->first_frame + group->frame_count / 2;
    bool goes_on = has_next && plan->end == MD_GROUP_END_NOTHING;
    for (; rc == MD_OK && fast->next_frame < to; fast->next_frame++, fast->added++) {
        int32_t place = (int32_t)(fast->next_frame - group->first_frame);
        if (place == 0 || fast->filler->index != fast->next_frame - 1 || fast->next_frame == middle)
            *fast->filler = goes_on && fast->next_frame >= middle ? next->key : sight->key;
        fast->filler->index = fast->next_frame;
        fast->filler->pts_us = group->frames[place].pts_us;
        fast->filler->duration_us = group->frames[place].duration_us;
        rc = md_shots_build_add(fast->build, fast->filler,
                                md_group_motion_guess(&fast->motion, group, place));
    }
    if (rc == MD_OK)
        md_shots_build_skip(fast->build, to == group->first_frame + group->frame_count
                                             ? group->end_us
                                             : group->frames[to - group->first_frame].pts_us);
    return rc;
}

static float rate_of(const struct md_group *group)
{
    int64_t span_us = MD_MAX(group->end_us - group->frames[0].pts_us, 1);
    return MD_CLAMP((float)group->frame_count * 1e6f / (float)span_us, 1.0f, 1000.0f);
}

/* What is to be done with group n: the plan, and what else needs pictures. */
static void make_plan(struct fast *fast, int64_t n, bool has_next, struct md_group_plan *plan)
{
    const struct md_group *group = md_groups_at(fast->groups, n);
    const struct sight *sight = &fast->sights[n % 2], *next = &fast->sights[(n + 1) % 2];
    struct md_group_sight a = {group, &sight->key, sight->is_card};
    struct md_group_sight b = {has_next ? md_groups_at(fast->groups, n + 1) : NULL, &next->key,
                               next->is_card};
    const struct md_group *before = md_groups_at(fast->groups, n - 1);
    md_group_plan_make(&fast->hints, before, &a, has_next ? &b : NULL, rate_of(group), plan);
    int64_t first = group->first_frame, count = group->frame_count;
    if (n == 0)
        md_group_plan_look(plan, 0, MD_MIN(FIRST_FRAMES, count));
    if (sight->is_card || (has_next && next->is_card)) {
        bool inside = has_next ? sight->is_card && next->is_card : group->is_last;
        md_group_plan_look(plan, first, first + (inside ? MD_MIN(CARD_FRAMES, count) : count));
    }
    md_group_plan_settle(&fast->hints, group, rate_of(group), plan);
}

static int do_group(struct fast *fast, int64_t n, bool has_next)
{
    struct md_group_plan plan;
    make_plan(fast, n, has_next, &plan);
    const struct md_group *group = md_groups_at(fast->groups, n);
    int64_t end = group->first_frame + group->frame_count;
    int rc = MD_OK;
    for (int i = 0; rc == MD_OK && i <= plan.look_count; i++) {
        int64_t from = i < plan.look_count ? plan.looks[i].from : end;
        /* A look may begin before the one in the group before has ended. */
        if (fast->in_range && from > fast->range_to)
            rc = decode_until(fast, n, MD_MIN(fast->range_to, end));
        if (rc == MD_OK && from > fast->next_frame && !(fast->in_range && from <= fast->range_to))
            rc = pass_until(fast, n, MD_MIN(from, end), &plan, has_next);
        if (i < plan.look_count)
            fast->range_to =
                fast->in_range ? MD_MAX(fast->range_to, plan.looks[i].to) : plan.looks[i].to;
        if (rc == MD_OK && i < plan.look_count)
            rc = decode_until(fast, n, MD_MIN(fast->range_to, end));
    }
    bool decided_there = fast->in_range && fast->range_to > end;
    if (rc == MD_OK && plan.end == MD_GROUP_END_CUT && !decided_there) {
        rc = finish_range(fast, false);
        struct md_boundary cut = {end, end, MD_TRANSITION_CUT, plan.confidence};
        if (rc == MD_OK && md_vec_push(md_shots_build_boundaries(fast->build), cut) < 0)
            rc = fail_nomem(fast);
    }
    fast->end_us = md_groups_at(fast->groups, n)->end_us;
    return rc;
}

static int read_film(struct fast *fast)
{
    int rc = sight_next(fast);
    for (int64_t n = 0; rc == MD_OK; n++) {
        rc = sight_next(fast);
        bool has_next = rc == MD_OK;
        if (rc < 0 && rc != MD_ERR_EOF)
            return rc;
        int done = do_group(fast, n, has_next);
        if (done < 0)
            return done;
        const char *why = md_group_hints_refuse(&fast->hints);
        if (why)
            return md_fail(fast->env->failure, MD_ERR_UNSUPPORTED, "%s", why);
        md_groups_release(fast->groups, n - 1); /* the plan of the next looks back at this one */
        md_stage_progress(fast->env, fast->end_us, fast->media->duration_us);
    }
    return rc == MD_ERR_EOF ? finish_range(fast, true) : rc;
}

static int finish(struct fast *fast)
{
    struct md_groups_stats read;
    md_groups_stats_get(fast->groups, &read);
    struct md_video_stats stats = {
        .frames = fast->next_frame,
        .first_damage_us = MD_NO_TIME,
        .last_damage_us = MD_NO_TIME,
        .end_us = fast->end_us,
    };
    fast->shots->frames_decoded = read.keys + read.frames;
    return md_shots_build_finish(fast->build, &stats);
}

int md_shots_fast_run(const struct md_stage_env *env, const struct md_media *media,
                      const struct md_detector_ops *detector, struct md_shots *shots)
{
    struct fast fast = {.env = env, .media = media, .shots = shots};
    int rc = start(&fast, detector);
    if (rc == MD_OK)
        rc = read_film(&fast);
    if (rc == MD_OK)
        rc = finish(&fast);
    stop(&fast, rc == MD_OK);
    return rc;
}
