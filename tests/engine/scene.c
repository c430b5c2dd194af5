#include "scene.h"

void feed(struct scene *w, double total_gb, double others_gb)
{
    struct gov_sample sample = {
        .valid = GOV_SAMPLE_TOTAL | GOV_SAMPLE_USED | GOV_SAMPLE_FREE | GOV_SAMPLE_OWN |
                 GOV_SAMPLE_OTHERS,
        .at_us = w->now_us,
        .total_bytes = (int64_t)(total_gb * 1e9),
        .used_bytes = (int64_t)(others_gb * 1e9),
        .free_bytes = (int64_t)((total_gb - others_gb) * 1e9),
        .others_bytes = (int64_t)(others_gb * 1e9),
    };
    assert_int_equal(gov_governor_feed(w->governor, &sample, NULL, 0), GOV_OK);
}

void open_scene(struct scene *w, const struct md_engine_params *wishes, double total_gb)
{
    *w = (struct scene){.now_us = SECOND_US};
    struct gov_config config = gov_config_default;
    config.max_sample_age_us = 0;
    assert_int_equal(gov_governor_new(&config, NULL, NULL, &w->governor), GOV_OK);
    feed(w, total_gb, 0.1);
    struct md_engine_params params = *wishes;
    params.governor = w->governor;
    params.cores = 4;
    assert_int_equal(md_engine_new(&params, &w->engine), MD_OK);
}

void open_world(struct scene *w, int max_movies, unsigned stages, double total_gb)
{
    struct md_engine_params params = md_engine_params_default;
    params.max_movies = max_movies;
    params.stages = stages;
    open_scene(w, &params, total_gb);
}

void close_world(struct scene *w)
{
    md_engine_free(w->engine);
    struct gov_status status;
    gov_governor_status(w->governor, &status);
    assert_int_equal(status.leases.now_count, 0);
    gov_governor_free(w->governor);
}

void step(struct scene *w, const struct md_event *event)
{
    const struct md_command *commands;
    assert_int_equal(md_engine_step(w->engine, event, w->now_us, &commands, &w->count), MD_OK);
    assert_in_range(w->count, 0, MAX_COMMANDS);
    memcpy(w->commands, commands, w->count * sizeof *commands);
    for (size_t i = 0; i < w->count; i++)
        if (commands[i].failure)
            w->failure = *commands[i].failure;
    assert_true(md_engine_is_valid(w->engine));
}

const struct md_command *find(const struct scene *w, enum md_command_kind kind, int n)
{
    for (size_t i = 0; i < w->count; i++)
        if (w->commands[i].kind == kind && n-- == 0)
            return &w->commands[i];
    return NULL;
}

const struct md_command *expect(const struct scene *w, enum md_command_kind kind)
{
    const struct md_command *command = find(w, kind, 0);
    if (!command || find(w, kind, 1))
        fail_msg("command %d is there %s", (int)kind, command ? "twice" : "not at all");
    return command;
}

void add(struct scene *w, int movies)
{
    for (int i = 0; i < movies; i++) {
        char label[32];
        snprintf(label, sizeof label, "movie %d", i);
        step(w, EVENT(ADD, .label = label));
    }
}

void begin(struct scene *w, uint32_t worker)
{
    step(w, EVENT(SPAWNED, .worker = worker, .pid = 1000 + worker));
    step(w, EVENT(READY, .worker = worker));
}

const struct md_movie_facts facts = {.known = true,
                                     .duration_us = 5400 * SECOND_US,
                                     .width = 1920,
                                     .height = 1080,
                                     .bit_depth = 8,
                                     .codec = "h264"};

void say_done(struct scene *w, uint32_t worker, enum md_stage stage, bool cached)
{
    step(w, EVENT(DONE, .worker = worker, .stage = stage, .result = {.cached = cached},
                  .facts = stage == MD_STAGE_PROBE ? &facts : NULL));
}

void run_stage(struct scene *w, uint32_t worker, enum md_stage stage)
{
    step(w, EVENT(NEEDED, .worker = worker, .stage = stage));
    assert_int_equal(expect(w, MD_COMMAND_RUN)->stage, stage);
    say_done(w, worker, stage, false);
}

void finish_movie(struct scene *w, uint32_t worker)
{
    assert_int_equal(expect(w, MD_COMMAND_FINISH_MOVIE)->worker, worker);
    step(w, EVENT(FINISHED, .worker = worker));
    assert_int_equal(expect(w, MD_COMMAND_QUIT)->worker, worker);
    step(w, EVENT(GONE, .worker = worker));
}

int64_t leased_bytes(struct scene *w)
{
    struct gov_status status;
    gov_governor_status(w->governor, &status);
    return status.leases.now_bytes;
}
