/* What one step of the engine costs with a long queue, and whether it keeps anything of what is
 * done. Prints a line for each number of jobs:
 *
 *   jobs 1000  in flight 4  steps 41000  0.9 us a step  worst 12 us
 *   stream  stages 1000000  2.6 MB after a tenth, 2.6 MB at the end  leases 0
 *   recorder  1.62 us a step without, 1.64 us with: 1.2 %
 *
 * Every movie goes through all its stages, with units, two of them in workers that hold models; the
 * governor is real and fed by hand. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <gov/recorder.h>

#include "engine/engine.h"

struct bench {
    struct md_engine *engine;
    struct gov_governor *governor;
    struct gov_recorder *recorder; /* NULL: nothing is recorded */
    int64_t now_us, worst_ns, total_ns;
    long steps;
    struct md_event events[4096]; /* answers not given yet, a ring */
    unsigned head, tail;
    long stages, started;
    bool ended;
};

static void push(struct bench *b, struct md_event event)
{
    b->events[b->tail++ % 4096] = event;
}

static void answer(struct bench *b, const struct md_command *c)
{
    static const struct md_movie_facts facts = {
        .known = true, .width = 1920, .height = 1080, .bit_depth = 8, .codec = "h264"};
    struct md_event event = {.worker = c->worker, .stage = c->stage, .facts = &facts};
    switch (c->kind) {
    case MD_COMMAND_START_WORKER:
        event.kind = MD_EVENT_SPAWNED;
        event.pid = c->worker;
        push(b, event);
        event.kind = MD_EVENT_READY;
        break;
    case MD_COMMAND_CHECK:
        event.kind = MD_EVENT_NEEDED;
        event.units_total = 10;
        event.executor = c->stage == MD_STAGE_TRANSCRIPT ? MD_EXECUTOR_ASR
                         : c->stage == MD_STAGE_STORY    ? MD_EXECUTOR_LLM
                                                         : MD_EXECUTOR_MEDIA;
        break;
    case MD_COMMAND_RUN:
        b->stages++;
        for (int i = 0; i < 3; i++) {
            event.kind = MD_EVENT_ALIVE;
            push(b, event);
            event.kind = MD_EVENT_UNITS;
            event.units_done = i + 1;
            event.units_total = 10;
            push(b, event);
        }
        event.kind = MD_EVENT_DONE;
        event.result.peak_rss_bytes = 100 * GOV_MB;
        break;
    case MD_COMMAND_FINISH_MOVIE:
        event.kind = MD_EVENT_FINISHED;
        break;
    case MD_COMMAND_QUIT:
        event.kind = MD_EVENT_GONE;
        break;
    case MD_COMMAND_RUN_TIER:
        event.kind = MD_EVENT_TIER_DONE;
        break;
    case MD_COMMAND_MOVIE_STARTED:
        b->started++;
        return;
    case MD_COMMAND_END:
        b->ended = true;
        return;
    default:
        return;
    }
    push(b, event);
}

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void step(struct bench *b, const struct md_event *event)
{
    const struct md_command *commands;
    size_t count;
    int64_t start = now_ns();
    if (md_engine_step(b->engine, event, b->now_us++, &commands, &count) < 0)
        abort();
    int64_t took = now_ns() - start;
    b->total_ns += took;
    b->worst_ns = took > b->worst_ns ? took : b->worst_ns;
    b->steps++;
    for (size_t i = 0; i < count; i++)
        answer(b, &commands[i]);
}

static void feed(struct gov_governor *governor)
{
    struct gov_sample sample = {.valid = GOV_SAMPLE_TOTAL | GOV_SAMPLE_USED | GOV_SAMPLE_FREE |
                                         GOV_SAMPLE_OWN | GOV_SAMPLE_OTHERS,
                                .total_bytes = 64 * GOV_GB,
                                .free_bytes = 64 * GOV_GB};
    gov_governor_feed(governor, &sample, NULL, 0);
}

static void open_bench(struct bench *b, int in_flight, bool records)
{
    struct md_engine_params params = md_engine_params_default;
    struct gov_config config = gov_config_default;
    *b = (struct bench){0};
    config.max_sample_age_us = 0;
    if (gov_governor_new(&config, NULL, NULL, &b->governor) < 0)
        abort();
    if (records) {
        if (gov_recorder_new(16384, &b->recorder) < 0)
            abort();
        gov_governor_set_recorder(b->governor, b->recorder);
        params.recorder = b->recorder;
    }
    feed(b->governor);
    params.governor = b->governor;
    params.cores = 16;
    params.max_movies = in_flight;
    params.stages = (1u << MD_STAGES) - 1;
    params.models[MD_EXECUTOR_ASR] = (struct md_engine_model){"ears", GOV_GB, GOV_MB, 1000};
    params.models[MD_EXECUTOR_LLM] = (struct md_engine_model){"wits", GOV_GB, GOV_MB, 1000};
    if (md_engine_new(&params, &b->engine) < 0)
        abort();
}

static void close_bench(struct bench *b)
{
    md_engine_free(b->engine);
    gov_governor_free(b->governor);
    gov_recorder_free(b->recorder);
}

/* The next event; when there is none, time passes to what the engine waits for. */
static void go_on(struct bench *b)
{
    if (b->head == b->tail) {
        int64_t deadline_us = md_engine_deadline_us(b->engine);
        if (deadline_us == INT64_MAX)
            abort();
        b->now_us = deadline_us > b->now_us ? deadline_us : b->now_us;
        step(b, &(struct md_event){.kind = MD_EVENT_TICK});
        return;
    }
    struct md_event event = b->events[b->head++ % 4096];
    step(b, &event);
}

/* Returns nanoseconds a step. */
static double do_jobs(struct bench *b, int jobs, int in_flight, bool records)
{
    open_bench(b, in_flight, records);
    if (md_engine_reserve(b->engine, (size_t)jobs) < 0)
        abort();
    for (int i = 0; i < jobs; i++)
        step(b, &(struct md_event){.kind = MD_EVENT_ADD, .label = "film"});
    step(b, &(struct md_event){.kind = MD_EVENT_CLOSE});
    while (!b->ended)
        go_on(b);
    close_bench(b);
    return (double)b->total_ns / (double)b->steps;
}

static void run(int jobs, int in_flight)
{
    static struct bench b;
    double ns = do_jobs(&b, jobs, in_flight, false);
    printf("jobs %6d  in flight %2d  steps %8ld  %.2f us a step  worst %.0f us\n", jobs, in_flight,
           b.steps, ns / 1e3, (double)b.worst_ns / 1e3);
}

/* The best of several turns each, side by side: the machine may have other work. */
static void compare_recorder(void)
{
    static struct bench b;
    double without = 0, with = 0;
    for (int i = 0; i < 9; i++) {
        double plain = do_jobs(&b, 1000, 4, false), recorded = do_jobs(&b, 1000, 4, true);
        without = i && without < plain ? without : plain;
        with = i && with < recorded ? with : recorded;
    }
    printf("recorder  %.3f us a step without, %.3f us with: %.1f %%\n", without / 1e3, with / 1e3,
           (with / without - 1) * 100);
}

static double heap_mb(void)
{
    struct mallinfo2 info = mallinfo2();
    return (double)(info.uordblks + info.hblkhd) / 1e6;
}

/* A queue that is filled as fast as it empties. */
static void stream(long stages, int in_flight)
{
    static struct bench b;
    double early_mb = 0;
    open_bench(&b, in_flight, false);
    for (long added = 0; b.stages < stages;) {
        for (; added < b.started + 8; added++)
            step(&b, &(struct md_event){.kind = MD_EVENT_ADD, .label = "film"});
        go_on(&b);
        if (!early_mb && b.stages >= stages / 10)
            early_mb = heap_mb();
    }
    step(&b, &(struct md_event){.kind = MD_EVENT_CLOSE});
    while (!b.ended)
        go_on(&b);
    struct gov_status status;
    gov_governor_status(b.governor, &status);
    printf("stream  stages %ld  %.2f MB after a tenth, %.2f MB at the end  leases %ld  %.2f us a "
           "step\n",
           b.stages, early_mb, heap_mb(), (long)status.leases.now_count,
           (double)b.total_ns / 1e3 / (double)b.steps);
    close_bench(&b);
}

int main(void)
{
    run(1, 1);
    run(1000, 1);
    run(1000, 4);
    run(1000, 64);
    run(100000, 4);
    stream(1000000, 4);
    compare_recorder();
    return 0;
}
