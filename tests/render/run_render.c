#include "run_render.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"

void run_render_init(struct run_render *run, const char *movie, const char *out_dir)
{
    *run = (struct run_render){.movie = movie, .out_dir = out_dir, .threads = 2};
    run->in = (struct md_artifacts){
        .shots = &run->no_shots, .audio = &run->no_audio, .story = &run->no_story};
    if (md_options_init(&run->options) < 0)
        abort();
}

void run_render_piece(struct run_render *run, int64_t start_us, int64_t end_us)
{
    struct md_piece piece = {.start_us = start_us, .end_us = end_us};
    if (md_vec_push(&run->cut.pieces, piece) < 0)
        abort();
}

static struct md_stage_env env_of(struct run_render *run)
{
    return (struct md_stage_env){
        .movie_path = run->movie,
        .work_dir = run->out_dir,
        .out_dir = run->out_dir,
        .options = &run->options,
        .threads = run->threads,
        .failure = &run->failure,
        .cancelled = run->cancelled,
        .progress = run->progress,
        .user = run->user,
    };
}

int run_render_probe(struct run_render *run)
{
    struct md_stage_env env = env_of(run);
    struct md_artifacts none = {0};
    md_artifact_done(&md_artifact_media, &run->media);
    return md_stage_ops_probe.run(&env, &none, &run->media);
}

int run_render_go(struct run_render *run)
{
    struct md_stage_env env = env_of(run);
    int rc = run->media.streams.n ? MD_OK : run_render_probe(run);
    if (rc < 0)
        return rc;
    run->in.media = &run->media;
    run->in.cut = &run->cut;
    md_artifact_done(&md_artifact_render, &run->render);
    return md_stage_ops_render.run(&env, &run->in, &run->render);
}

void run_render_done(struct run_render *run)
{
    md_artifact_done(&md_artifact_media, &run->media);
    md_artifact_done(&md_artifact_render, &run->render);
    md_artifact_done(&md_artifact_cut, &run->cut);
    md_options_done(&run->options);
}
