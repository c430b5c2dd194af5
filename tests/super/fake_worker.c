/* A worker with the real runner and stages that do what the "movie", a text file, says. One line
 * for each stage that is to do more than succeed:
 *
 *     STAGE VERB [NUMBER]
 *
 *     crash N    dies of SIGSEGV the first N times          kill N   of SIGKILL
 *     exit N     calls exit(N)                              fail     fails with a reason
 *     nomem N    says "out of memory" the first N times     noise    breaks the protocol
 *     hang       never returns and asks nothing             slow MS  works so long, asking
 *     deaf       closes its side and goes on                part     leaves a half-written file
 *     fill MB    takes so much memory and works for 1.6 s
 *     units N    has N units, which a worker with a model does; the third one does what the line
 *                "unit VERB N" says; where the model is given up, its transcript is a warning
 *
 * Its artifacts depend on the movie's bytes, the options and the artifacts before, nothing else. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "ipc/protocol.h"
#include "model/audio.h"
#include "model/cut.h"
#include "model/media.h"
#include "model/render.h"
#include "model/shots.h"
#include "model/story.h"
#include "model/transcript.h"
#include "workers/runner.h"

struct order {
    char verb[16];
    int number;
};

static struct order read_order_of(const struct md_stage_env *env, const char *wanted)
{
    struct order order = {"", 0};
    md_autofclose FILE *f = fopen(env->movie_path, "re");
    char line[128], name[32];
    while (f && fgets(line, sizeof line, f)) {
        struct order found = {"", 1};
        if (sscanf(line, "%31s %15s %d", name, found.verb, &found.number) >= 2 &&
            strcmp(name, wanted) == 0)
            order = found;
    }
    return order;
}

static struct order read_order(const struct md_stage_env *env, enum md_stage stage)
{
    return read_order_of(env, md_stage_names[stage]);
}

/* True the first n times; counted beside the work folder, which a finished movie may remove. */
static bool still_to_happen(const struct md_stage_env *env, enum md_stage stage, int n)
{
    char path[4096];
    struct md_failure ignored;
    md_autofree char *marks = NULL;
    size_t done = 0;
    snprintf(path, sizeof path, "%s.%s.times", env->work_dir, md_stage_names[stage]);
    (void)md_file_read(path, 4096, &marks, &done, &ignored);
    if (done >= (size_t)n)
        return false;
    md_file_append(path, "x", 1, &ignored);
    return true;
}

static int work_slowly(const struct md_stage_env *env, int ms)
{
    const struct timespec pause = {.tv_nsec = 2 * 1000 * 1000};
    int64_t start = md_clock_monotonic_us(), end = start + ms * INT64_C(1000);
    for (int64_t now; (now = md_clock_monotonic_us()) < end;) {
        if (md_stage_cancelled(env))
            return MD_ERR_CANCELLED;
        md_stage_progress(env, now - start, end - start);
        nanosleep(&pause, NULL);
    }
    return MD_OK;
}

static int fill_memory(const struct md_stage_env *env, int megabytes)
{
    size_t size = (size_t)megabytes * 1000 * 1000;
    md_autofree unsigned char *memory = malloc(size);
    for (size_t i = 0; memory && i < size; i += 512)
        memory[i] = (unsigned char)i;
    /* What is read is not optimised away. */
    return work_slowly(env, memory && memory[size / 1024 * 512] == 1 ? 0 : 1600);
}

static void leave_part(const struct md_stage_env *env)
{
    struct md_failure ignored;
    md_autofree char *path = md_path_join(env->out_dir, "digest.mp4.part");
    md_file_append(path, "half", 4, &ignored);
    raise(SIGKILL);
}

static int obey(const struct md_stage_env *env, enum md_stage stage)
{
    struct order order = read_order(env, stage);
    if (strcmp(order.verb, "crash") == 0 && still_to_happen(env, stage, order.number)) {
        fprintf(stderr, "the picture is\x01 broken\n");
        signal(SIGSEGV, SIG_DFL); /* a sanitizer would exit instead */
        raise(SIGSEGV);
    }
    if (strcmp(order.verb, "kill") == 0 && still_to_happen(env, stage, order.number))
        raise(SIGKILL);
    if (strcmp(order.verb, "part") == 0 && still_to_happen(env, stage, 1))
        leave_part(env);
    if (strcmp(order.verb, "exit") == 0)
        _exit(order.number);
    if (strcmp(order.verb, "fail") == 0)
        return md_fail(env->failure, MD_ERR_INPUT, "%s has no pictures", env->movie_path);
    if (strcmp(order.verb, "nomem") == 0 && still_to_happen(env, stage, order.number))
        return md_fail(env->failure, MD_ERR_NOMEM, "no memory for pictures");
    if (strcmp(order.verb, "noise") == 0)
        (void)!write(MD_IPC_WORKER_FD, "\xff\xff\xff\xff noise", 10);
    if (strcmp(order.verb, "deaf") == 0)
        shutdown(MD_IPC_WORKER_FD, SHUT_WR);
    if (strcmp(order.verb, "hang") == 0 || strcmp(order.verb, "noise") == 0 ||
        strcmp(order.verb, "deaf") == 0)
        for (;;)
            pause();
    if (strcmp(order.verb, "slow") == 0)
        return work_slowly(env, order.number);
    if (strcmp(order.verb, "fill") == 0)
        return fill_memory(env, order.number);
    md_log(env->log, MD_LOG_DEBUG, "fake", "%s with %d threads", md_stage_names[stage],
           env->threads);
    return MD_OK;
}

static int run_probe(const struct md_stage_env *env, const struct md_artifacts *in, void *artifact)
{
    struct md_media *media = artifact;
    media->name = strdup("fake");
    media->uri = strdup("file:///fake");
    media->video_stream = media->audio_stream = -1;
    media->duration_us = 60 * MD_SECOND_US;
    return obey(env, MD_STAGE_PROBE);
}

static int run_shots(const struct md_stage_env *env, const struct md_artifacts *in, void *artifact)
{
    struct md_shots *shots = artifact;
    if (!in->media || in->audio)
        return md_fail(env->failure, MD_ERR_BUG, "wrong inputs");
    shots->detector = strdup(env->options->detector);
    return obey(env, MD_STAGE_SHOTS);
}

static int run_audio(const struct md_stage_env *env, const struct md_artifacts *in, void *artifact)
{
    struct md_audio *audio = artifact;
    audio->duration_us = in->media->duration_us;
    return obey(env, MD_STAGE_AUDIO);
}

/* Units done are bytes of a file: what was done is never done again. */
static size_t units_done(const struct md_stage_env *env)
{
    struct md_failure ignored;
    md_autofree char *path = md_path_join(env->work_dir, "units");
    md_autofree char *bytes = NULL;
    size_t done = 0;
    (void)md_file_read(path, 4096, &bytes, &done, &ignored);
    return done;
}

static int demand_units(const struct md_stage_env *env, const struct md_artifacts *in,
                        struct md_stage_demand *ret_demand)
{
    struct order order = read_order(env, MD_STAGE_TRANSCRIPT);
    if (strcmp(order.verb, "units") == 0)
        *ret_demand = (struct md_stage_demand){.executor = MD_EXECUTOR_ASR,
                                               .units_done = (int64_t)units_done(env),
                                               .units_total = order.number};
    return MD_OK;
}

static int third_unit(const struct md_stage_env *env)
{
    struct order order = read_order_of(env, "unit");
    md_autofree char *path = md_path_join(env->out_dir, "unit.times");
    md_autofree char *marks = NULL;
    struct md_failure ignored;
    size_t done = 0;
    (void)md_file_read(path, 4096, &marks, &done, &ignored);
    if (!order.verb[0] || done >= (size_t)order.number)
        return MD_OK;
    md_file_append(path, "x", 1, &ignored);
    if (strcmp(order.verb, "nomem") == 0)
        return md_fail(env->failure, MD_ERR_NOMEM, "no memory for a unit");
    if (strcmp(order.verb, "abort") == 0)
        raise(SIGKILL);
    return MD_OK;
}

static int run_units(const struct md_stage_env *env, int total)
{
    struct md_failure ignored;
    md_autofree char *path = md_path_join(env->work_dir, "units");
    if (!env->model)
        return md_fail(env->failure, MD_ERR_BUG, "units without a model");
    for (int i = (int)units_done(env); i < total; i++) {
        int r = i == 2 ? third_unit(env) : MD_OK;
        if (r < 0)
            return r;
        md_file_append(path, "x", 1, &ignored);
        md_stage_units(env, i + 1, total);
    }
    return MD_OK;
}

static int run_fallback(const struct md_stage_env *env, struct md_transcript *transcript)
{
    char *warning = strdup(md_fallback_reason(env->fallback));
    if (warning && md_vec_push(&transcript->warnings, warning) == MD_OK)
        return MD_OK;
    free(warning);
    return md_fail(env->failure, MD_ERR_NOMEM, "no memory for a warning");
}

static int run_transcript(const struct md_stage_env *env, const struct md_artifacts *in,
                          void *artifact)
{
    struct order order = read_order(env, MD_STAGE_TRANSCRIPT);
    if (env->fallback)
        return run_fallback(env, artifact);
    if (strcmp(order.verb, "units") == 0)
        return run_units(env, order.number);
    return obey(env, MD_STAGE_TRANSCRIPT);
}

static int load_model(const struct md_model_params *params, void **ret_model,
                      struct md_failure *failure)
{
    *ret_model = malloc(1000);
    md_log(params->log, MD_LOG_DEBUG, "fake", "a model for %d units", params->batch);
    return *ret_model ? MD_OK : md_fail(failure, MD_ERR_NOMEM, "no memory for a model");
}

static int run_story(const struct md_stage_env *env, const struct md_artifacts *in, void *artifact)
{
    struct md_story *story = artifact;
    story->method = strdup(in->shots->detector);
    return obey(env, MD_STAGE_STORY);
}

static int run_select(const struct md_stage_env *env, const struct md_artifacts *in, void *artifact)
{
    struct md_cut *cut = artifact;
    cut->target_us = cut->total_us =
        md_length_resolve(&env->options->length, in->media->duration_us);
    if (md_vec_push(&cut->pieces, (struct md_piece){.end_us = cut->total_us}) < 0)
        return MD_ERR_NOMEM;
    return obey(env, MD_STAGE_SELECT);
}

static int run_render(const struct md_stage_env *env, const struct md_artifacts *in, void *artifact)
{
    struct md_render *render = artifact;
    char text[64];
    int r = obey(env, MD_STAGE_RENDER);
    md_autofree char *path = md_path_join(env->out_dir, "digest.mp4");
    if (r < 0)
        return r;
    render->video = strdup("digest.mp4");
    render->duration_us = in->cut->total_us;
    int n = snprintf(text, sizeof text, "digest of %lld\n", (long long)in->cut->total_us);
    return md_file_write_atomic(path, text, (size_t)n, env->failure);
}

static bool has_video(const struct md_stage_env *env, const void *artifact)
{
    const struct md_render *render = artifact;
    md_autofree char *path = md_path_join(env->out_dir, render->video);
    return path && access(path, R_OK) == 0;
}

/* A file beside the movie shapes the transcript. */
static int chain_sidecar(const struct md_stage_env *env, uint64_t *inout_key)
{
    char path[4096];
    struct md_failure ignored;
    md_autofree char *bytes = NULL;
    size_t n = 0;
    snprintf(path, sizeof path, "%s.srt", env->movie_path);
    if (md_file_read(path, 65536, &bytes, &n, &ignored) == MD_OK)
        *inout_key = md_hash(*inout_key, bytes, n);
    return MD_OK;
}

static const struct md_stage_ops probe = {.stage = MD_STAGE_PROBE, .run = run_probe};
static const struct md_stage_ops shots = {.stage = MD_STAGE_SHOTS, .run = run_shots};
static const struct md_stage_ops audio = {.stage = MD_STAGE_AUDIO, .run = run_audio};
static const struct md_stage_ops transcript = {.stage = MD_STAGE_TRANSCRIPT,
                                               .run = run_transcript,
                                               .chain_key = chain_sidecar,
                                               .demand = demand_units};
static const struct md_stage_ops story = {.stage = MD_STAGE_STORY, .run = run_story};
static const struct md_stage_ops selection = {.stage = MD_STAGE_SELECT, .run = run_select};
static const struct md_stage_ops render = {
    .stage = MD_STAGE_RENDER, .run = run_render, .outputs_present = has_video};

int main(int argc, char **argv)
{
    static const struct md_stage_ops *const table[] = {&probe, &shots,     &audio,  &transcript,
                                                       &story, &selection, &render, NULL};
    static const struct md_model_ops model = {.load = load_model, .unload = free};
    static const struct md_worker_program program = {
        .name = "fake-worker", .table = table, .models = {[MD_EXECUTOR_ASR] = &model}};
    return md_runner_main(argc, argv, &program);
}
