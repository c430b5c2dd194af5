/* Answers questions one after the other; see ipc/protocol.h for what they are. */
#include "workers/runner.h"

#include <inttypes.h>
#include <limits.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "ipc/protocol.h"
#include "model/media.h"
#include "workers/link.h"
#include "workers/self.h"
#include "workers/witness.h"
#include "workers/work.h"

/* Ten times a second is as often as anybody looks; a sign of life where there is no progress. */
static const int64_t progress_interval_us = MD_SECOND_US / 10;
static const int64_t alive_interval_us = MD_SECOND_US;

struct runner {
    struct md_link *link;
    const struct md_worker_program *program;
    struct md_log log;
    struct md_work work;
    bool has_work;
    const struct md_model_ops *model_ops; /* NULL: a media worker, or not known yet */
    void *model;
    char *model_path;                   /* NULL: no file */
    struct md_file_identity model_file; /* as it was before it was loaded */
    enum md_stage stage;                /* the one being run */
    _Atomic int64_t last_say_us;        /* stages may report from threads of their own */
    struct md_record answer;            /* main thread only */
};

/* What stages call, perhaps from their own threads */

static void send_log(void *user, enum md_log_level level, const char *component,
                     const char *message)
{
    struct runner *runner = user;
    md_autorecord record = {0};
    md_record_begin(&record, MD_SAY_LOG);
    md_record_add_int(&record, "level", level);
    md_record_add(&record, "component", component);
    md_record_add(&record, "message", message);
    md_link_send(runner->link, &record);
}

/* True for one caller each interval. */
static bool is_due(struct runner *runner, int64_t interval_us)
{
    int64_t now = md_clock_monotonic_us(), last = atomic_load(&runner->last_say_us);
    return now - last >= interval_us &&
           atomic_compare_exchange_strong(&runner->last_say_us, &last, now);
}

static void send_progress(void *user, int64_t done_us, int64_t total_us)
{
    struct runner *runner = user;
    if (!is_due(runner, progress_interval_us))
        return;
    md_autorecord record = {0};
    md_record_begin(&record, MD_SAY_PROGRESS);
    md_record_add(&record, "stage", md_stage_names[runner->stage]);
    md_record_add_int(&record, "done", done_us);
    md_record_add_int(&record, "total", total_us);
    md_link_send(runner->link, &record);
}

static void send_units(void *user, int64_t done, int64_t total)
{
    struct runner *runner = user;
    md_autorecord record = {0};
    md_record_begin(&record, MD_SAY_UNITS);
    md_record_add(&record, "stage", md_stage_names[runner->stage]);
    md_record_add_int(&record, "done", done);
    md_record_add_int(&record, "total", total);
    md_link_send(runner->link, &record);
}

/* Stages ask this in their loops: it proves that they turn. */
static bool is_cancelled(void *user)
{
    struct runner *runner = user;
    if (is_due(runner, alive_interval_us)) {
        md_autorecord record = {0};
        md_record_begin(&record, MD_SAY_ALIVE);
        md_record_add(&record, "of", MD_ALIVE_STAGE);
        md_link_send(runner->link, &record);
    }
    return md_link_cancelled(runner->link);
}

/* Answers */

static void answer(struct runner *runner)
{
    md_link_send(runner->link, &runner->answer);
}

static void answer_word(struct runner *runner, const char *word)
{
    md_record_begin(&runner->answer, word);
    answer(runner);
}

static void answer_failed(struct runner *runner, int code, const struct md_failure *failure)
{
    md_record_begin(&runner->answer, MD_SAY_FAILED);
    if (failure->stage[0])
        md_record_add(&runner->answer, "stage", failure->stage);
    md_record_add_int(&runner->answer, "code", code < 0 ? code : MD_ERR_BUG);
    md_record_add(&runner->answer, "message",
                  failure->message[0] ? failure->message : md_error_text(code));
    answer(runner);
}

static void add_facts(struct md_record *record, const struct md_media *media)
{
    const struct md_stream *video = md_media_stream(media, media->video_stream);
    const struct md_stream *audio = md_media_stream(media, media->audio_stream);
    md_record_add_int(record, "facts", 1);
    md_record_add_int(record, "duration", MD_MAX(media->duration_us, 0));
    if (video) {
        md_record_add_int(record, "width", video->width);
        md_record_add_int(record, "height", video->height);
        md_record_add_int(record, "bit-depth", MD_CLAMP(video->bit_depth, 0, 64));
        md_record_add(record, "codec", video->codec ? video->codec : "");
    }
    if (audio)
        md_record_add_int(record, "channels", audio->channels);
}

static void answer_done(struct runner *runner, enum md_stage stage, bool cached, int64_t wall_us,
                        int64_t cpu_us, int64_t peak_bytes)
{
    struct md_failure ignored;
    struct md_record *record = &runner->answer;
    const void *media;
    md_record_begin(record, MD_SAY_DONE);
    md_record_add(record, "stage", md_stage_names[stage]);
    md_record_add_int(record, "cached", cached);
    md_record_add_int(record, "wall", wall_us);
    md_record_add_int(record, "cpu", cpu_us);
    md_record_add_int(record, "peak", peak_bytes);
    /* Without its artifact (the movie is stamped) nothing will run that needs to know. */
    if (stage == MD_STAGE_PROBE &&
        md_work_load(&runner->work, MD_STAGE_PROBE, &media, &ignored) == MD_OK)
        add_facts(record, media);
    answer(runner);
}

/* Questions */

static int set_options(struct md_options *options, const struct md_record_view *view,
                       struct md_failure *failure)
{
    static const char prefix[] = "opt.";
    const char *key, *value;
    if (md_options_init(options) < 0)
        return md_fail(failure, MD_ERR_NOMEM, "out of memory");
    for (size_t at = 0; md_record_next(view, &at, &key, &value);) {
        if (strncmp(key, prefix, sizeof prefix - 1) != 0)
            continue;
        const struct md_option *option = md_option_find(key + sizeof prefix - 1);
        if (!option)
            return md_fail(failure, MD_ERR_INPUT, "worker of another build: no option %s", key);
        int r = md_options_set(options, option, value, failure);
        if (r < 0)
            return r;
    }
    return MD_OK;
}

static char *copy_value(const struct md_record_view *view, const char *key)
{
    const char *value = md_record_get(view, key);
    return value ? strdup(value) : NULL;
}

static int take_settings(struct runner *runner, const struct md_record_view *view,
                         struct md_options *ret_options, struct md_failure *failure)
{
    int64_t level = MD_LOG_INFO, heartbeat_us = 0;
    if (md_record_get_int(view, "log-level", 0, MD_LOG_DEBUG, &level) < 0 ||
        md_record_get_int(view, "heartbeat", 0, INT64_MAX / 2, &heartbeat_us) < 0)
        return md_fail(failure, MD_ERR_BUG, "settings that make no sense");
    runner->log.level = (enum md_log_level)level;
    md_link_set_heartbeat(runner->link, heartbeat_us);
    return set_options(ret_options, view, failure);
}

/* guest: the movie's media worker holds its lock and waits for us. */
static int take_movie(struct runner *runner, const struct md_record_view *view, bool guest,
                      struct md_failure *failure)
{
    struct md_work *work = &runner->work;
    int64_t stages = 0;
    if (runner->has_work)
        return md_fail(failure, MD_ERR_BUG, "a second movie for one worker");
    runner->has_work = true;
    *work = (struct md_work){.table = runner->program->table, .lock_fd = -1, .guest = guest};
    work->movie = copy_value(view, "movie");
    work->out_dir = copy_value(view, "out");
    work->work_dir = copy_value(view, "work");
    if (!work->movie || !work->out_dir || !work->work_dir ||
        md_record_get_int(view, "stages", 1, (1u << MD_STAGES) - 1, &stages) < 0)
        return md_fail(failure, MD_ERR_BUG, "a job that makes no sense");
    work->stages = (unsigned)stages;
    int r = take_settings(runner, view, &work->options, failure);
    return r < 0 ? r : md_work_open(work, failure);
}

static void leave_movie(struct runner *runner)
{
    if (runner->has_work)
        md_work_close(&runner->work);
    runner->has_work = false;
}

/* What a run or a load says about how much may be taken. */
static int get_extent(const struct md_record_view *view, int64_t *ret_batch,
                      enum md_settings *ret_settings, int64_t *ret_lease,
                      struct md_failure *failure)
{
    int64_t settings;
    if (md_record_get_int(view, "batch", 1, INT_MAX, ret_batch) < 0 ||
        md_record_get_int(view, "settings", 0, MD_SETTINGS_CPU, &settings) < 0 ||
        md_record_get_int(view, "lease", 0, INT64_MAX / 2, ret_lease) < 0)
        return md_fail(failure, MD_ERR_BUG, "a question without batch, settings and lease");
    *ret_settings = (enum md_settings)settings;
    return MD_OK;
}

/* Absent: a model does it, or none was wanted. */
static int get_fallback(const struct md_record_view *view, enum md_fallback *ret,
                        struct md_failure *failure)
{
    const char *name = md_record_get(view, "fallback");
    for (int i = 0; name && i < MD_FALLBACKS; i++) {
        if (strcmp(name, md_fallback_names[i]) == 0) {
            *ret = (enum md_fallback)i;
            return MD_OK;
        }
    }
    return name ? md_fail(failure, MD_ERR_BUG, "an unknown fallback: %s", name) : MD_OK;
}

static struct md_stage_env make_env(struct runner *runner, struct md_failure *failure)
{
    return (struct md_stage_env){
        .movie_path = runner->work.movie,
        .work_dir = runner->work.work_dir,
        .out_dir = runner->work.out_dir,
        .options = &runner->work.options,
        .threads = 1,
        .batch = 1,
        .model = runner->model,
        .log = &runner->log,
        .failure = failure,
        .user = runner,
        .cancelled = is_cancelled,
        .progress = send_progress,
        .units = send_units,
    };
}

/* What the answer "needed" says besides the stage. */
static int find_demand(struct runner *runner, const struct md_stage_env *env, enum md_stage stage,
                       struct md_stage_demand *ret_demand)
{
    const struct md_stage_ops *ops = md_work_ops(&runner->work, stage);
    struct md_artifacts inputs;
    *ret_demand = (struct md_stage_demand){0};
    if (!ops->demand)
        return MD_OK;
    int r = md_work_see_inputs(&runner->work, stage, &inputs, env->failure);
    return r < 0 ? r : ops->demand(env, &inputs, ret_demand);
}

static int check_stage(struct runner *runner, enum md_stage stage, struct md_failure *failure)
{
    struct md_stage_env env = make_env(runner, failure);
    struct md_stage_demand demand;
    bool current = false;
    int r = md_work_check(&runner->work, &env, stage, &current, failure);
    if (r == MD_OK && !current)
        r = find_demand(runner, &env, stage, &demand);
    if (r < 0)
        return r;
    if (current) {
        answer_done(runner, stage, true, 0, 0, 0);
        return MD_OK;
    }
    md_record_begin(&runner->answer, MD_SAY_NEEDED);
    md_record_add(&runner->answer, "stage", md_stage_names[stage]);
    md_record_add(&runner->answer, "executor", md_executor_names[demand.executor]);
    md_record_add_int(&runner->answer, "done", demand.units_done);
    md_record_add_int(&runner->answer, "total", demand.units_total);
    answer(runner);
    return MD_OK;
}

/* For people and the report; no artifact, since it is different each time. */
static void note_timing(const struct runner *runner, enum md_stage stage, int64_t wall_us,
                        int64_t peak_bytes, const struct md_stage_use *use)
{
    md_autostr line = {0};
    struct md_failure ignored;
    md_autofree char *path = md_path_join(runner->work.work_dir, "timings.jsonl");
    md_str_printf(&line,
                  "{\"stage\": \"%s\", \"seconds\": %.3f, \"peak_rss_bytes\": %" PRId64
                  ", \"cached\": false",
                  md_stage_names[stage], (double)wall_us / 1e6, peak_bytes);
    if (use->device)
        md_str_printf(&line, ", \"device\": \"%s\", \"batch\": %" PRId64, use->device, use->batch);
    if (use->context > 0)
        md_str_printf(&line, ", \"context\": %" PRId64, use->context);
    if (use->cache)
        md_str_printf(&line,
                      ", \"cache\": \"%s\", \"layers\": %" PRId64 ", \"gpu_layers\": %" PRId64,
                      use->cache, use->layers, use->gpu_layers);
    md_str_append(&line, "}\n");
    if (path && !md_str_failed(&line))
        md_file_append(path, line.s, line.n, &ignored);
}

/* What a stage says about its failure, in the light of allocations that failed meanwhile. */
static int believe_witness(int r, struct md_failure *failure)
{
    if (r == MD_ERR_NOMEM || r == MD_ERR_CANCELLED || md_witness_failures() == 0)
        return r;
    return md_fail(failure, MD_ERR_NOMEM, "out of memory (%s)",
                   failure->message[0] ? failure->message : md_error_text(r));
}

static int note_model_file(struct runner *runner, const struct md_options *options,
                           struct md_failure *failure)
{
    const char *path = runner->model_ops->file ? runner->model_ops->file(options) : NULL;
    if (!path)
        return MD_OK;
    runner->model_path = strdup(path);
    if (!runner->model_path)
        return md_fail(failure, MD_ERR_NOMEM, "out of memory");
    int r = md_file_identify(path, &runner->model_file, failure);
    if (r == MD_ERR_NOTFOUND)
        return md_fail(failure, r,
                       "the model %s is not there any more: put it back, or name another one",
                       path);
    return r;
}

/* Another file in its place, or none, makes units and artifacts carry a wrong name: only a new
 * worker has what is there now. */
static void insist_on_model_file(const struct runner *runner)
{
    struct md_file_identity now;
    struct md_failure failure = {0};
    if (!runner->model_path)
        return;
    int r = md_file_identify(runner->model_path, &now, &failure);
    if (r == MD_OK && now.size_bytes == runner->model_file.size_bytes &&
        now.sample_hash == runner->model_file.sample_hash)
        return;
    if (r == MD_OK)
        fprintf(stderr, "the model %s was changed while it was in use\n", runner->model_path);
    else
        fprintf(stderr, "%s\n", failure.message);
    _exit(r == MD_ERR_NOMEM ? MD_EXIT_NO_MEMORY : 1);
}

int md_model_threads(const struct md_model_params *params)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    return params->options->threads > 0 ? (int)params->options->threads
                                        : (int)MD_CLAMP(processors, 1, 4096);
}

static int load_model(struct runner *runner, const struct md_record_view *view,
                      struct md_failure *failure)
{
    const char *name = md_record_get(view, "executor");
    int executor = MD_EXECUTOR_MEDIA + 1;
    struct md_options options = {0};
    struct md_model_params params = {
        .options = &options, .log = &runner->log, .cancelled = is_cancelled, .user = runner};
    int64_t batch;
    while (name && executor < MD_EXECUTORS && strcmp(name, md_executor_names[executor]) != 0)
        executor++;
    if (!name || executor == MD_EXECUTORS || !runner->program->models[executor] ||
        runner->model_ops || runner->has_work)
        return md_fail(failure, MD_ERR_BUG, "asked to load a model it does not know");
    int r = get_extent(view, &batch, &params.settings, &params.lease_bytes, failure);
    if (r == MD_OK)
        r = take_settings(runner, view, &options, failure);
    if (r == MD_OK) {
        params.batch = (int)batch;
        runner->model_ops = runner->program->models[executor];
        md_witness_reset();
        r = note_model_file(runner, &options, failure);
        if (r == MD_OK)
            r = runner->model_ops->load(&params, &runner->model, failure);
        if (r == MD_OK && md_witness_failures() > 0)
            r = md_fail(failure, MD_ERR_NOMEM, "out of memory loading the model");
        if (r < 0)
            r = believe_witness(r, failure);
    }
    md_options_done(&options);
    return r;
}

static int run_and_save(struct runner *runner, const struct md_stage_env *env, enum md_stage stage)
{
    const struct md_artifact_type *type = md_stage_artifact(stage);
    struct md_artifacts inputs;
    uint64_t key;
    int r = md_work_inputs(&runner->work, env, stage, &inputs, &key, env->failure);
    if (r < 0)
        return r;
    md_autofree void *object = calloc(1, type->size);
    if (!object)
        return md_fail(env->failure, MD_ERR_NOMEM, "out of memory");
    r = md_work_ops(&runner->work, stage)->run(env, &inputs, object);
    /* Something somewhere did without memory it wanted: the result may be another than with it. */
    if (r == MD_OK && md_witness_failures() > 0)
        r = md_fail(env->failure, MD_ERR_NOMEM, "out of memory during the stage");
    if (r == MD_OK)
        r = md_work_save(&runner->work, stage, key, object, env->failure);
    md_artifact_done(type, object);
    return r;
}

static int run_stage(struct runner *runner, enum md_stage stage, const struct md_record_view *view,
                     struct md_failure *failure)
{
    int64_t threads = 1, batch = 1, lease_bytes;
    struct md_stage_use use = {0};
    struct md_stage_env env = make_env(runner, failure);
    env.use = &use;
    if (md_record_get_int(view, "threads", 1, 4096, &threads) < 0)
        return md_fail(failure, MD_ERR_BUG, "a stage without threads");
    if (get_extent(view, &batch, &env.settings, &lease_bytes, failure) < 0 ||
        get_fallback(view, &env.fallback, failure) < 0)
        return failure->code;
    /* Each thread of a decoder holds pictures of its own. */
    env.threads = env.settings == MD_SETTINGS_NORMAL ? (int)threads : 1;
    env.batch = (int)batch;
    runner->stage = stage;
    md_work_clean(&runner->work);
    md_self_reset_peak();
    int64_t wall_us = md_clock_monotonic_us(), cpu_us = md_self_cpu_us();
    md_witness_reset();
    int r = run_and_save(runner, &env, stage);
    if (r < 0)
        return believe_witness(r, failure);
    wall_us = md_clock_monotonic_us() - wall_us;
    cpu_us = md_self_cpu_us() - cpu_us;
    int64_t peak_bytes = md_self_peak_bytes();
    note_timing(runner, stage, wall_us, peak_bytes, &use);
    answer_done(runner, stage, false, wall_us, cpu_us, peak_bytes);
    return MD_OK;
}

static int on_stage_question(struct runner *runner, const struct md_record_view *view,
                             struct md_failure *failure)
{
    const char *name = md_record_get(view, "stage");
    int stage = name ? md_stage_parse(name) : -1;
    if (stage < 0)
        return md_fail(failure, MD_ERR_BUG, "a question that makes no sense: %s", view->type);
    snprintf(failure->stage, sizeof failure->stage, "%s", md_stage_names[stage]);
    if (strcmp(view->type, MD_SAY_CHECK) == 0)
        return check_stage(runner, (enum md_stage)stage, failure);
    if (strcmp(view->type, MD_SAY_RUN) == 0)
        return run_stage(runner, (enum md_stage)stage, view, failure);
    return md_fail(failure, MD_ERR_BUG, "a question that makes no sense: %s", view->type);
}

/* A worker with a model takes any movie's stage and leaves it again. */
static int on_visit(struct runner *runner, const struct md_record_view *view,
                    struct md_failure *failure)
{
    if (strcmp(view->type, MD_SAY_RUN) != 0)
        return md_fail(failure, MD_ERR_BUG, "a question for a media worker: %s", view->type);
    insist_on_model_file(runner);
    int r = take_movie(runner, view, true, failure);
    if (r == MD_OK)
        r = on_stage_question(runner, view, failure);
    leave_movie(runner);
    return r;
}

/* MD_OK when it was answered; else what is to be answered as failed. */
static int on_question(struct runner *runner, const struct md_record_view *view,
                       struct md_failure *failure)
{
    bool job = strcmp(view->type, MD_SAY_JOB) == 0;
    if (job || strcmp(view->type, MD_SAY_LOAD) == 0) {
        int r = job ? take_movie(runner, view, false, failure) : load_model(runner, view, failure);
        if (r == MD_OK)
            answer_word(runner, MD_SAY_READY);
        return r;
    }
    if (runner->model_ops)
        return on_visit(runner, view, failure);
    if (!runner->has_work || runner->work.lock_fd < 0)
        return md_fail(failure, MD_ERR_BUG, "asked to work without a movie");
    if (strcmp(view->type, MD_SAY_FINISH) == 0) {
        struct md_stage_env env = make_env(runner, failure);
        int r = md_work_finish(&runner->work, &env, failure);
        if (r == MD_OK)
            answer_word(runner, MD_SAY_FINISHED);
        return r;
    }
    return on_stage_question(runner, view, failure);
}

static void say_hello(struct runner *runner, const char *program)
{
    md_record_begin(&runner->answer, MD_SAY_HELLO);
    md_record_add_int(&runner->answer, "protocol", MD_IPC_VERSION);
    md_record_add_int(&runner->answer, "pid", getpid());
    md_record_add(&runner->answer, "program", program);
    answer(runner);
}

/* Is there a model that must not be used any more: it could not be loaded, or something failed to
 * allocate while it was at work? */
static bool has_broken_model(const struct runner *runner)
{
    const struct md_model_ops *ops = runner->model_ops;
    return ops && (!runner->model || md_witness_failures() > 0 ||
                   (ops->is_sound && !ops->is_sound(runner->model)));
}

static long parent_of(int argc, char **argv)
{
    static const char prefix[] = "--parent=";
    if (argc == 2 && strncmp(argv[1], prefix, sizeof prefix - 1) == 0)
        return strtol(argv[1] + sizeof prefix - 1, NULL, 10);
    return 0;
}

/* Nobody waits for an answer; only while nothing runs does this come to its turn. */
static void drop_caches(struct runner *runner)
{
    if (runner->has_work)
        md_work_forget(&runner->work);
    if (runner->model && runner->model_ops->rest)
        runner->model_ops->rest(runner->model);
    malloc_trim(0);
}

int md_runner_main(int argc, char **argv, const struct md_worker_program *program)
{
    struct runner runner = {.program = program};
    runner.log = (struct md_log){.level = MD_LOG_INFO, .write = send_log, .user = &runner};
    long parent = parent_of(argc, argv);
    if (parent <= 0) {
        fprintf(stderr, "%s is started by moviedigest, not by hand\n", program->name);
        return 2;
    }
    md_self_settle(parent);
    if (md_link_open(MD_IPC_WORKER_FD, &runner.link) < 0)
        return 1;
    say_hello(&runner, program->name);
    for (;;) {
        struct md_record_view view;
        struct md_failure failure = {0};
        md_link_next(runner.link, &view);
        if (strcmp(view.type, MD_SAY_QUIT) == 0)
            break;
        if (strcmp(view.type, MD_SAY_DROP) == 0) {
            drop_caches(&runner);
            continue;
        }
        int r = on_question(&runner, &view, &failure);
        if (r < 0)
            answer_failed(&runner, r, &failure);
        if (has_broken_model(&runner))
            _exit(r == MD_ERR_NOMEM ? MD_EXIT_NO_MEMORY : 1);
    }
    leave_movie(&runner);
    if (runner.model_ops)
        runner.model_ops->unload(runner.model);
    free(runner.model_path);
    md_record_done(&runner.answer);
    return 0; /* the link's thread still reads: the process takes it along */
}
