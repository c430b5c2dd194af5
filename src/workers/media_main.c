/* moviedigest-media: one process for each movie in flight, with all stages in it. */
#include "workers/runner.h"

static const struct md_stage_ops *const table[] = {
    &md_stage_ops_probe, &md_stage_ops_shots,  &md_stage_ops_audio,  &md_stage_ops_transcript,
    &md_stage_ops_story, &md_stage_ops_select, &md_stage_ops_render, NULL,
};

int main(int argc, char **argv)
{
    static const struct md_worker_program program = {.name = "moviedigest-media", .table = table};
    return md_runner_main(argc, argv, &program);
}
