/* A run to which movies are added is closed only when all have ended: until then the engine waits
 * for more, though there may be nothing left to wait for. */
#include "super/super_internal.h"

#include "base/file.h"

const struct md_options *md_super_options_of_(const struct md_super *s, size_t movie)
{
    const struct md_options *own = s->jobs.v[movie].options;
    return own ? own : s->params->options;
}

unsigned md_super_stages_of_(const struct md_super *s, size_t movie)
{
    const unsigned all = (1u << MD_STAGES) - 1;
    unsigned own = s->jobs.v[movie].stages;
    return own ? own : s->params->stages ? s->params->stages : all;
}

int md_super_take_job_(struct md_super *s, const struct md_job *job)
{
    /* The engine's part cannot fail once there is room. */
    if (md_engine_reserve(s->engine, s->jobs.n + 1) < 0 || md_vec_push(&s->jobs, *job) < 0)
        return MD_ERR_NOMEM;
    size_t movie = s->jobs.n - 1;
    const struct md_options *options = md_super_options_of_(s, movie);
    md_super_tell_(s, &(struct md_event){
                          .kind = MD_EVENT_ADD,
                          .label = md_path_base(job->movie_path),
                          .stages = md_super_stages_of_(s, movie),
                          .max_height = options->max_height,
                          .force = options->force,
                      });
    return MD_OK;
}

void md_super_close_(struct md_super *s)
{
    size_t ended = 0;
    for (int end = 0; end < MD_MOVIE_ENDS; end++)
        ended += md_engine_count(s->engine, (enum md_movie_end)end);
    if (s->closed || (s->params->stays_open && ended < s->jobs.n))
        return;
    s->closed = true;
    md_super_tell_(s, &(struct md_event){.kind = MD_EVENT_CLOSE});
}

int md_super_add(struct md_super *s, const struct md_job *job, size_t *ret_movie)
{
    if (s->closed || s->stops || s->cancels)
        return MD_ERR_CANCELLED;
    int r = md_super_take_job_(s, job);
    if (r == MD_OK)
        *ret_movie = s->jobs.n - 1;
    return r;
}

void md_super_drop(struct md_super *s, size_t movie)
{
    md_super_tell_(s, &(struct md_event){.kind = MD_EVENT_DROP, .movie = movie});
}

enum md_wait md_super_waits_for(const struct md_super *s, size_t movie)
{
    return md_engine_waits_for(s->engine, movie);
}

void md_super_pause(struct md_super *s)
{
    md_super_tell_(s, &(struct md_event){.kind = MD_EVENT_PAUSE});
}

void md_super_resume(struct md_super *s)
{
    md_super_tell_(s, &(struct md_event){.kind = MD_EVENT_RESUME});
}

void md_super_stop(struct md_super *s)
{
    s->stops = true;
    md_super_tell_(s, &(struct md_event){.kind = MD_EVENT_STOP});
}
