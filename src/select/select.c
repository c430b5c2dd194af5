/* The stage: atoms, scores, plan, pieces with their reasons. */
#include "model/stage.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "model/cut.h"
#include "model/media.h"
#include "select/atoms.h"
#include "select/plan.h"
#include "select/reasons.h"
#include "select/score.h"

static const char component_name[] = "select";

/* Raise when the same input would give another cut. */
enum { REVISION = 3 };

struct selection {
    const struct md_stage_env *env;
    const struct md_artifacts *in;
    struct md_cut *cut;
    int64_t min_piece_us;
    struct md_atom_vec atoms;
    struct md_score_vec scores;
    struct md_plan plan;
};

static int64_t movie_duration(const struct md_artifacts *in)
{
    const struct md_segment_vec *segments = &in->story->segments;
    int64_t us = in->media ? in->media->duration_us : 0;
    if (us <= 0 && in->shots)
        us = in->shots->duration_us;
    return us > 0 ? us : segments->v[segments->n - 1].end_us;
}

static int make_atoms(struct selection *s)
{
    /* long enough to hold a thought, short enough to be chosen apart */
    const int64_t least_us = 6 * MD_SECOND_US, most_us = 10 * MD_SECOND_US;
    struct md_atoms_input input = {
        .story = s->in->story,
        .shots = s->in->shots,
        .audio = s->in->audio,
        .transcript = s->in->transcript,
        .usual_us = MD_CLAMP(2 * s->min_piece_us, least_us, most_us),
    };
    /* a very short digest needs finer material */
    input.usual_us = MD_MAX(MD_MIN(input.usual_us, s->cut->target_us / 4), MD_SECOND_US / 2);
    return md_select_make_atoms(&input, &s->atoms);
}

static int plan(struct selection *s)
{
    struct md_plan_input input = {
        .story = s->in->story,
        .shots = s->in->shots,
        .atoms = &s->atoms,
        .scores = &s->scores,
        .target_us = s->cut->target_us,
        .min_piece_us = s->min_piece_us,
        .watch = {s->env->cancelled, s->env->user},
        .log = s->env->log,
    };
    return md_select_plan(&input, &s->plan);
}

/* The segment that most of the run lies in, its shots, its mean score. */
static void describe(const struct selection *s, const struct md_run *run, struct md_piece *piece)
{
    const struct md_atom *first = &s->atoms.v[run->first], *last = first + run->n - 1;
    double weight = 0, score = 0;
    int64_t best_us = -1, in_segment_us = 0;
    for (size_t i = run->first; i < run->first + run->n; i++) {
        const struct md_atom *a = &s->atoms.v[i];
        double us = (double)(a->end_us - a->start_us);
        weight += us;
        score += us * s->scores.v[i].total;
        bool same = i > run->first && a[-1].segment == a->segment;
        in_segment_us = (same ? in_segment_us : 0) + a->end_us - a->start_us;
        if (in_segment_us > best_us) {
            best_us = in_segment_us;
            piece->segment = (int64_t)a->segment;
            piece->act = a->act;
        }
    }
    piece->start_us = first->in_us;
    piece->end_us = last->out_us;
    piece->score = (float)MD_CLAMP(score / MD_MAX(weight, 1), 0, 1);
    if (first->shot_count > 0) {
        piece->first_shot = first->first_shot;
        piece->shot_count = last->first_shot + last->shot_count - first->first_shot;
    }
}

static int write_pieces(struct selection *s)
{
    struct md_reasons_input input = {s->in->story, &s->atoms, &s->scores, &s->plan.runs};
    for (size_t r = 0; r < s->plan.runs.n; r++) {
        struct md_piece piece = {0};
        describe(s, &s->plan.runs.v[r], &piece);
        if (md_vec_push(&s->cut->pieces, piece) < 0)
            return MD_ERR_NOMEM;
        struct md_piece *kept = &s->cut->pieces.v[s->cut->pieces.n - 1];
        if (md_select_give_reasons(&input, r, &kept->reasons) < 0)
            return MD_ERR_NOMEM;
        s->cut->total_us += kept->end_us - kept->start_us;
    }
    return MD_OK;
}

static int select_all(struct selection *s)
{
    const struct md_options *o = s->env->options;
    int64_t duration_us = movie_duration(s->in);
    s->cut->target_us = MD_MAX(md_length_resolve(&o->length, duration_us), 1);
    s->cut->strategy = strdup(md_strategy_names[o->strategy]);
    /* a digest shorter than the shortest piece is one piece */
    s->min_piece_us = MD_MIN((int64_t)(o->min_piece_s * 1e6), s->cut->target_us * 9 / 10);
    if (!s->cut->strategy)
        return MD_ERR_NOMEM;
    int r = make_atoms(s);
    if (r == MD_OK && s->atoms.n == 0)
        return md_fail(s->env->failure, MD_ERR_INPUT, "there is nothing to make a digest of");
    md_stage_progress(s->env, duration_us / 4, duration_us);
    if (r == MD_OK)
        r = md_select_score(&s->atoms, s->in->story, s->in->shots, s->in->audio, o->strategy,
                            &s->scores);
    md_stage_progress(s->env, duration_us / 2, duration_us);
    if (r == MD_OK)
        r = plan(s);
    if (r == MD_OK)
        r = write_pieces(s);
    if (r == MD_OK && s->plan.note)
        s->cut->note = md_take_ptr(s->plan.note);
    md_stage_progress(s->env, duration_us, duration_us);
    return r;
}

static int run(const struct md_stage_env *env, const struct md_artifacts *in, void *ret_artifact)
{
    struct selection s = {.env = env, .in = in, .cut = ret_artifact};
    if (!in->story || in->story->segments.n == 0 || in->story->acts.n == 0)
        return md_fail(env->failure, MD_ERR_INPUT, "there is no story to select from");
    int r = select_all(&s);
    if (r == MD_OK) {
        char total[24];
        md_log(env->log, MD_LOG_INFO, component_name, "%zu pieces, %s", s.cut->pieces.n,
               md_format_time(total, s.cut->total_us));
    }
    md_vec_done(&s.atoms);
    md_vec_done(&s.scores);
    md_plan_done(&s.plan);
    if (r == MD_OK || r == MD_ERR_INPUT)
        return r;
    return md_fail(env->failure, r, "the pieces could not be selected: %s", md_error_text(r));
}

const struct md_stage_ops md_stage_ops_select = {
    .stage = MD_STAGE_SELECT,
    .revision = REVISION,
    .run = run,
};
