/* Encoders look for cuts, too. One that finds a cut begins a group there, so that a key frame that
 * comes before it is due and looks nothing like the one before is a cut, if the pictures on both
 * sides are as large as ever: then nothing but the cut made the encoder do it. Whatever happens
 * inside of a group leaves its mark in sizes (a cut costs almost a key frame; a dissolve, for its
 * length, half as much again as usual) and in kinds (encoders give up B pictures where two
 * neighbours do not predict what lies between them, which is what a fade or dissolve is).
 *
 * The marks are not proofs. All that is doubtful is decoded: thresholds here decide about speed
 * first, and about accuracy only where they let something pass. */
#include "analysis/group_plan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/cuts.h"
#include "analysis/gradual.h"
#include "analysis/range.h"
#include "analysis/rate.h"
#include "base/cleanup.h"

enum {
    TINY = 12,      /* a group of fewer frames is not worth a key frame's extra decoding */
    LEARN = 24,     /* groups before a film is judged by them */
    LEAST_RUN = 5,  /* pictures in a row coded as P where B are usual */
    SMOOTH = 4,     /* bytes are averaged over so many frames on each side: two small groups of B */
    NEIGHBOURS = 4, /* pictures of the same kind on each side that a spike is compared with */
    APART = 12,     /* looks nearer to each other are one */
    AROUND_KEPT = 96, /* frames of the groups before and after */

    /* In frames at 24 per second. */
    NEAR_END = 12,       /* what lies nearer to a key frame may belong to it */
    CUT_MARGIN = 12,     /* a look at a key frame begins so long before it */
    GRADUAL_MARGIN = 30, /* a look goes so far beyond what is strange */
    SHORT = 30,          /* of groups that follow each other so soon none is taken on trust */
    REACH = 40, /* from the middle of a gradual transition it is at most so far to where sizes
                   are as before and after */
    WITHIN = 6, /* and at least so far */
};

/* Strange is a picture that costs more than its neighbours, a stretch that costs more than what is
 * before and what is after it: by how much, up to MOST times, and less for those that are small
 * beside a key frame (whose size times these is enough). */
static const float spike = 1.7f, spike_of_key = 0.4f;
static const float bump = 1.6f, bump_of_key = 0.2f;
static const float most_times = 2.2f;
/* Where B pictures are usual, a run without them is strange unless it is nearly still. */
static const float run_of_key = 0.06f;

/* Score of two key frames (see differ): above sure they show different scenes, below same they
 * show the same one, unless motion between them is as large as sizes say. */
static const float sure = 5.0f, same = 0.0f;
/* Mean size of the pictures between, of the key frame's, up to which motion does not explain why
 * two key frames differ. */
static const float calm_share = 0.35f;
/* Below it nothing moves at all. */
static const float still_share = 0.01f;
/* So much lighter and so even a key frame may be in the middle of an explosion. */
static const float flash_mean = 80, flash_deviation = 40;

/* A film is busy where less than this part of it could be left out, over about so long. */
static const float least_calm = 0.4f, busy_seconds = 40;

void md_group_hints_add(struct md_group_hints *hints, const struct md_group *group)
{
    hints->seen++;
    hints->frames += group->frame_count;
    for (int i = 0; i < group->frame_count; i++)
        hints->b_frames += group->frames[i].coding == MD_CODING_B;
    hints->tiny += group->frame_count < TINY && !group->is_last;
    if (group->is_last)
        return;
    if (group->frame_count > hints->longest) {
        hints->longest = group->frame_count;
        hints->longest_seen = 0;
    }
    hints->longest_seen += group->frame_count == hints->longest;
}

const char *md_group_hints_refuse(const struct md_group_hints *hints)
{
    if (hints->seen >= LEARN && hints->tiny * 2 > hints->seen)
        return "key frames are too close to each other";
    return NULL;
}

/* The pictures of a group in a row with some before and after. */
struct row {
    const struct md_group_frame *frames[MD_GROUP_MOST_FRAMES + 2 * AROUND_KEPT];
    int first, end, count;                                /* of the group's own */
    float level[MD_GROUP_MOST_FRAMES + 2 * AROUND_KEPT];  /* bytes, smoothed, key frames left out */
    bool strange[MD_GROUP_MOST_FRAMES + 2 * AROUND_KEPT]; /* something happens here */
    float key_bytes;                                      /* mean of its key frame and the next */
    float share; /* mean size of the group's others relative to its key frame */
};

static void append(struct row *row, const struct md_group *group, int from, int to)
{
    for (int i = MD_MAX(from, 0); i < MD_MIN(to, group->frame_count); i++)
        row->frames[row->count++] = &group->frames[i];
}

/* A key frame has a group's first place; other pictures coded alone are what is looked for. */
static bool is_key(const struct row *row, int i)
{
    return row->frames[i]->is_key;
}

static void smooth(struct row *row)
{
    for (int i = 0; i < row->count; i++) {
        int64_t sum = 0, n = 0;
        for (int j = MD_MAX(i - SMOOTH, 0); j <= MD_MIN(i + SMOOTH, row->count - 1); j++)
            if (!is_key(row, j)) {
                sum += row->frames[j]->bytes;
                n++;
            }
        row->level[i] = n > 0 ? MD_MAX((float)sum / (float)n, 1.0f) : 1;
    }
    int64_t sum = 0, n = 0;
    for (int i = row->first; i < row->end; i++)
        if (!is_key(row, i)) {
            sum += row->frames[i]->bytes;
            n++;
        }
    row->share =
        (float)sum / (float)MD_MAX(n, 1) / (float)MD_MAX(row->frames[row->first]->bytes, 1);
}

static int compare_ints(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

/* The median size of the nearest pictures of the same kind. */
static float usual_near(const struct row *row, int at)
{
    int32_t sizes[2 * NEIGHBOURS] = {0};
    int n = 0;
    for (int step = -1; step <= 1; step += 2)
        for (int i = at + step, k = 0; i >= 0 && i < row->count && k < NEIGHBOURS; i += step)
            if (!is_key(row, i) && row->frames[i]->coding == row->frames[at]->coding) {
                sizes[n++] = row->frames[i]->bytes;
                k++;
            }
    qsort(sizes, (size_t)n, sizeof *sizes, compare_ints);
    return n > 0 ? (float)MD_MAX(sizes[n / 2], 1) : (float)row->frames[at]->bytes;
}

/* How strange a cost is that is so many times the usual. */
static float weigh(const struct row *row, float times, float bytes, float of_key)
{
    return MD_MIN(times, most_times) * MD_MIN(bytes / (of_key * row->key_bytes), 1.0f);
}

static void find_spikes(struct row *row)
{
    for (int i = 0; i < row->count; i++) {
        const struct md_group_frame *frame = row->frames[i];
        float bytes = (float)frame->bytes;
        if (is_key(row, i))
            continue;
        if (frame->coding == MD_CODING_I)
            row->strange[i] = true;
        else if (frame->coding != MD_CODING_B)
            row->strange[i] = weigh(row, bytes / usual_near(row, i), bytes, spike_of_key) > spike;
    }
}

/* Stretches without B pictures in a film that has them. */
static void find_runs(struct row *row, bool has_b)
{
    int run = 0;
    int64_t bytes = 0;
    for (int i = 0; has_b && i <= row->count; i++) {
        bool is_p = i < row->count && row->frames[i]->coding == MD_CODING_P;
        bool is_strange =
            !is_p && run >= LEAST_RUN && (float)bytes > run_of_key * row->key_bytes * (float)run;
        for (int j = i - run; is_strange && j < i; j++)
            row->strange[j] = true;
        run = is_p ? run + 1 : 0;
        bytes = is_p ? bytes + row->frames[i]->bytes : 0;
    }
}

/* Least level of frames [from, to] of the row; INFINITY when there are none. */
static float lowest(const struct row *row, int from, int to)
{
    float least = INFINITY;
    for (int i = MD_MAX(from, 0); i <= MD_MIN(to, row->count - 1); i++)
        least = MD_MIN(least, row->level[i]);
    return least;
}

static void find_bumps(struct row *row, float rate)
{
    int reach = md_rate_frames(rate, REACH, 8, AROUND_KEPT),
        within = md_rate_frames(rate, WITHIN, 2, 24);
    int until = MD_MIN(row->end + md_rate_frames(rate, NEAR_END, 4, 40), row->count);
    for (int i = row->first; i < until; i++) {
        /* Another shot's level says nothing, unless there is too little of this one's. */
        int from = i - row->first >= 2 * within ? MD_MAX(i - reach, row->first) : i - reach;
        int to = i < row->end - 2 * within ? MD_MIN(i + reach, row->end - 1) : i + reach;
        float left = lowest(row, from, i - within), right = lowest(row, i + within, to);
        if (isfinite(left) && isfinite(right) &&
            weigh(row, row->level[i] / MD_MAX(left, right), row->level[i], bump_of_key) > bump)
            row->strange[i] = true;
    }
}

static void make_row(struct row *row, const struct md_group_hints *hints,
                     const struct md_group *before, const struct md_group *group,
                     const struct md_group *next, float rate)
{
    memset(row->strange, 0, sizeof row->strange);
    row->count = 0;
    if (before)
        append(row, before, before->frame_count - AROUND_KEPT, before->frame_count);
    row->first = row->count;
    append(row, group, 0, group->frame_count);
    row->end = row->count;
    if (next)
        append(row, next, 0, AROUND_KEPT);
    smooth(row);
    int64_t bytes = group->frames[0].bytes;
    if (next)
        bytes = (bytes + next->frames[0].bytes) / 2;
    row->key_bytes = (float)MD_MAX(bytes, 1);
    find_spikes(row);
    find_runs(row, hints->b_frames * 5 > hints->frames * 2);
    find_bumps(row, rate);
}

/* How little two key frames have in common, by the weights of cuts.c in still surroundings. */
static float differ(const struct md_change *change)
{
    return 5.4f + 2.35f * logf(1 + change->residual) + 2.8f * logf(0.03f + change->histogram) +
           3.8f * logf(0.05f + change->unlike);
}

static bool is_dim(const struct md_look *look)
{
    return look->deviation < 12 || look->mean < 10 || look->mean > 235;
}

/* First and last strange frame of [from, to) of a row; false when there is none. */
static bool find_strange(const struct row *row, int from, int to, int *ret_first, int *ret_last)
{
    *ret_first = *ret_last = -1;
    for (int i = MD_MAX(from, 0); i < MD_MIN(to, row->count); i++)
        if (row->strange[i]) {
            if (*ret_first < 0)
                *ret_first = i;
            *ret_last = i;
        }
    return *ret_first >= 0;
}

/* What is to be thought of the next key frame. */
static int judge_end(const struct md_group_hints *hints, const struct md_group_sight *group,
                     const struct md_group_sight *next, const struct row *row, float rate,
                     struct md_group_plan *plan)
{
    struct md_change change;
    md_change_measure(group->key, next->key, &change);
    float score = differ(&change);
    int near = md_rate_frames(rate, NEAR_END, 4, 40), first, last;
    bool strange =
        find_strange(row, MD_MAX(row->end - near, row->first), row->end + near, &first, &last);
    /* As long as nothing longer was met twice, no length is known to be that of an encoder that
     * found no cut. */
    bool regular = group->group->frame_count >= hints->longest;
    bool known = hints->longest_seen >= 2;
    plan->same_scene = score < same;
    if (is_dim(group->key) != is_dim(next->key) || (is_dim(next->key) && score >= same)) {
        plan->why = "dim";
        return MD_GROUP_END_LOOK;
    }
    if (score < same) { /* a transition may begin just there */
        plan->why = "same";
        if (!find_strange(row, row->end, row->end + near, &first, &last))
            return MD_GROUP_END_NOTHING;
    }
    if (next->key->mean > group->key->mean + flash_mean && next->key->deviation < flash_deviation) {
        plan->why = "bright"; /* a shot, or a flash */
        return MD_GROUP_END_LOOK;
    }
    if (strange) {
        plan->why = "unsteady";
        return MD_GROUP_END_LOOK;
    }
    if (regular && known) {
        plan->why = score >= sure ? "changed" : "regular";
        return MD_GROUP_END_NOTHING;
    }
    bool is_short = next->group->frame_count < md_rate_frames(rate, SHORT, 12, 75);
    if (score >= sure && !regular && !is_short && row->share < calm_share) {
        plan->why = "cut";
        plan->confidence = 1 / (1 + expf(-(score - sure / 2)));
        return MD_GROUP_END_CUT;
    }
    plan->why = regular ? "unknown" : "unsure";
    return MD_GROUP_END_LOOK;
}

void md_group_plan_look(struct md_group_plan *plan, int64_t from, int64_t to)
{
    struct md_group_look *looks = plan->looks;
    int at = plan->look_count;
    if (from >= to)
        return;
    while (at > 0 && looks[at - 1].to + APART >= from)
        at--;
    int end = at;
    while (end < plan->look_count && looks[end].from <= to + APART) {
        from = MD_MIN(from, looks[end].from);
        to = MD_MAX(to, looks[end].to);
        end++;
    }
    if (end == at && plan->look_count == MD_GROUP_LOOKS) { /* no room: the nearest takes it in */
        at = MD_MIN(at, MD_GROUP_LOOKS - 1);
        looks[at].from = MD_MIN(from, looks[at].from);
        looks[at].to = MD_MAX(to, looks[at].to);
        return;
    }
    memmove(&looks[at + 1], &looks[end], (size_t)(plan->look_count - end) * sizeof *looks);
    looks[at] = (struct md_group_look){from, to};
    plan->look_count += 1 - (end - at);
}

/* Around each strange place. */
static void look_at_strange(const struct row *row, int64_t base, int margin,
                            struct md_group_plan *plan)
{
    for (int i = row->first + 1; i < row->end; i++)
        if (row->strange[i]) {
            int64_t frame = base + i - row->first;
            md_group_plan_look(plan, MD_MAX(frame - margin, base), frame + 1 + margin);
        }
}

static void look_at_end(const struct md_group_plan *plan, int64_t next_key, float rate,
                        int64_t *ret_from, int64_t *ret_to)
{
    bool gradual = strcmp(plan->why, "unsteady") == 0 || strcmp(plan->why, "dim") == 0;
    int margin = gradual ? md_rate_frames(rate, GRADUAL_MARGIN, 12, 100)
                         : md_rate_frames(rate, CUT_MARGIN, CUT_MARGIN, 40);
    *ret_from = next_key - margin;
    *ret_to = next_key + MD_MAX(margin, md_cut_look_ahead(rate) + CUT_MARGIN);
}

void md_group_plan_make(const struct md_group_hints *hints, const struct md_group *before,
                        const struct md_group_sight *group, const struct md_group_sight *next,
                        float rate, struct md_group_plan *ret_plan)
{
    struct row row;
    struct md_group_plan plan = {.why = "calm"};
    int64_t base = group->group->first_frame, end = base + group->group->frame_count;
    make_row(&row, hints, before, group->group, next ? next->group : NULL, rate);
    look_at_strange(&row, base, md_rate_frames(rate, GRADUAL_MARGIN, 12, 100), &plan);
    bool is_strange = plan.look_count > 0, dim = is_dim(group->key);
    if (next) {
        plan.end = judge_end(hints, group, next, &row, rate, &plan);
        if (plan.end == MD_GROUP_END_LOOK) {
            int64_t from, to;
            look_at_end(&plan, end, rate, &from, &to);
            md_group_plan_look(&plan, MD_MAX(from, base), to);
        }
        /* Something happened, but the sizes do not tell where. Or white letters on black. */
        bool hidden = strcmp(plan.why, "changed") == 0 && !is_strange;
        if (hidden || (dim && is_dim(next->key) && row.share > still_share))
            md_group_plan_look(&plan, base, end);
    }
    if (dim && base == 0)
        md_group_plan_look(&plan, 0, end);
    for (int i = 0; plan.end == MD_GROUP_END_CUT && i < plan.look_count; i++)
        plan.looks[i].to = MD_MIN(plan.looks[i].to, end);
    *ret_plan = plan;
}

void md_group_plan_settle(struct md_group_hints *hints, const struct md_group *group, float rate,
                          struct md_group_plan *plan)
{
    int64_t base = group->first_frame, end = base + group->frame_count, left_out = end - base;
    for (int i = 0; i < plan->look_count; i++)
        left_out -= MD_MIN(plan->looks[i].to, end) - MD_MIN(plan->looks[i].from, end);
    float weight = (float)group->frame_count / ((float)group->frame_count + busy_seconds * rate);
    hints->calm += weight * ((float)MD_MAX(left_out, 0) / (float)group->frame_count - hints->calm);
    if (hints->calm >= least_calm)
        return;
    md_group_plan_look(plan, base, end);
    if (group->is_last)
        return;
    int64_t from, to;
    look_at_end(plan, end, rate, &from, &to);
    md_group_plan_look(plan, MD_MAX(from, base), to);
    plan->end = MD_GROUP_END_LOOK;
    plan->why = "busy";
}

/* Mean size around a frame relative to the key frame's, in octaves. */
static int size_class(const struct md_group *group, int32_t place)
{
    int64_t sum = 0, n = 0;
    for (int i = MD_MAX(place - 4, 1); i <= MD_MIN(place + 4, group->frame_count - 1); i++, n++)
        sum += group->frames[i].bytes;
    if (n == 0)
        return 0;
    float ratio = (float)sum / (float)n / (float)MD_MAX(group->frames[0].bytes, 1);
    return MD_CLAMP((int)floorf(log2f(MD_MAX(ratio, 1e-4f)) + MD_GROUP_SIZES - 2), 0,
                    MD_GROUP_SIZES - 1);
}

void md_group_motion_learn(struct md_group_motion *motion, const struct md_group *group,
                           int32_t place, float measured)
{
    int class = size_class(group, place);
    motion->sum[class] += measured;
    motion->count[class]++;
}

float md_group_motion_guess(const struct md_group_motion *motion, const struct md_group *group,
                            int32_t place)
{
    /* A first guess, more motion where pictures cost more; counts as much as PRIOR frames seen. */
    static const float usual[MD_GROUP_SIZES] = {0.01f, 0.01f, 0.01f, 0.02f, 0.03f, 0.05f,
                                                0.08f, 0.12f, 0.18f, 0.25f, 0.35f, 0.45f};
    enum { PRIOR = 48 };
    int class = size_class(group, place);
    return (float)((motion->sum[class] + PRIOR * (double)usual[class]) /
                   (double)(motion->count[class] + PRIOR));
}
