#include "harness.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"

static void tell(struct batch *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void tell(struct batch *b, const char *format, ...)
{
    char line[256];
    va_list ap;
    va_start(ap, format);
    vsnprintf(line, sizeof line, format, ap);
    va_end(ap);
    md_str_printf(&b->told, "%s\n", line);
    if (b->cancel_at && strcmp(line, b->cancel_at) == 0)
        assert_int_equal(write(b->cancel_pipe[1], "x", 1), 1);
}

static void on_started(void *user, size_t movie)
{
    tell(user, "%zu started", movie);
}

static void on_stage_started(void *user, size_t movie, enum md_stage stage, int attempt)
{
    struct batch *b = user;
    b->runs[stage]++;
    tell(b, "%zu %s attempt %d", movie, md_stage_names[stage], attempt);
}

static void on_units(void *user, size_t movie, enum md_stage stage, int64_t done, int64_t total)
{
    tell(user, "%zu %s %d of %d", movie, md_stage_names[stage], (int)done, (int)total);
}

static void on_stage_finished(void *user, size_t movie, enum md_stage stage,
                              const struct md_stage_result *result)
{
    tell(user, "%zu %s %s", movie, md_stage_names[stage], result->cached ? "cached" : "done");
    if (!result->cached) {
        assert_true(result->wall_us >= 0 && result->cpu_us >= 0);
        assert_true(result->peak_rss_bytes > 0);
    }
}

static void on_stage_failed(void *user, size_t movie, enum md_stage stage,
                            const struct md_failure *failure, bool will_retry)
{
    tell(user, "%zu %s failed%s", movie, md_stage_names[stage], will_retry ? ", again" : "");
    assert_true(failure->code < 0 && failure->message[0]);
}

static void on_progress(void *user, size_t movie, enum md_stage stage, int64_t done_us,
                        int64_t total_us)
{
    assert_true(done_us >= 0 && total_us >= 0);
    tell(user, "%zu %s progress", movie, md_stage_names[stage]);
}

static void on_ended(void *user, size_t movie, enum md_movie_end end,
                     const struct md_failure *failure)
{
    static const char *const words[] = {"done", "failed", "cancelled"};
    struct batch *b = user;
    assert_true((end == MD_MOVIE_DONE) == !failure);
    if (end == MD_MOVIE_FAILED)
        b->failure = b->failures[movie] = *failure;
    tell(b, "%zu ended %s", movie, words[end]);
}

static void on_memory(void *user, const struct md_memory_view *memory)
{
    assert_true(memory->total_bytes > 0 && memory->used_bytes > 0 && memory->own_bytes > 0);
    assert_non_null(memory->level);
}

static void on_log(void *user, enum md_log_level level, const char *component, const char *message)
{
    struct batch *b = user;
    md_str_printf(&b->logged, "%s:%s:%s\n", md_log_level_name(level), component, message);
}

static int open_descriptors(void)
{
    int count = 0;
    DIR *dir = opendir("/proc/self/fd");
    while (dir && readdir(dir))
        count++;
    closedir(dir);
    return count;
}

int batch_open(void **state)
{
    struct batch *b = calloc(1, sizeof *b);
    snprintf(b->folder, sizeof b->folder, "/tmp/moviedigest-test-XXXXXX");
    if (!b || !mkdtemp(b->folder) || pipe(b->cancel_pipe) < 0 || md_options_init(&b->options) < 0)
        return -1;
    batch_set(b, "jobs", "1");
    b->descriptors = open_descriptors();
    *state = b;
    return 0;
}

int batch_close(void **state)
{
    struct batch *b = *state;
    for (size_t i = 0; i < b->count; i++) {
        free((char *)b->jobs[i].movie_path);
        free((char *)b->jobs[i].out_dir);
        free((char *)b->jobs[i].work_dir);
    }
    md_remove_tree(b->folder, NULL);
    md_options_done(&b->options);
    md_str_done(&b->told);
    md_str_done(&b->logged);
    close(b->cancel_pipe[0]);
    close(b->cancel_pipe[1]);
    free(b);
    return 0;
}

void batch_add(struct batch *b, const char *name, const char *orders)
{
    md_autofree char *folder = md_path_join(b->folder, "out");
    assert_true(b->count < MAX_MOVIES);
    struct md_job *job = &b->jobs[b->count++];
    job->movie_path = md_path_join(b->folder, name);
    job->out_dir = md_path_join(folder, name);
    job->work_dir = md_path_join(job->out_dir, "work");
    if (orders)
        assert_int_equal(md_file_write_atomic(job->movie_path, orders, strlen(orders), NULL),
                         MD_OK);
}

void batch_set(struct batch *b, const char *option, const char *value)
{
    assert_int_equal(md_options_set(&b->options, md_option_find(option), value, NULL), MD_OK);
}

void batch_params(struct batch *b, struct md_super_params *ret_params,
                  struct md_super_observer *ret_observer)
{
    static struct md_log log;
    log = (struct md_log){.level = MD_LOG_DEBUG, .write = on_log, .user = b};
    *ret_observer = (struct md_super_observer){
        .user = b,
        .movie_started = on_started,
        .stage_started = on_stage_started,
        .stage_progress = on_progress,
        .stage_finished = on_stage_finished,
        .units = on_units,
        .stage_failed = on_stage_failed,
        .movie_ended = on_ended,
        .memory = on_memory,
    };
    *ret_params = (struct md_super_params){
        .jobs = b->jobs,
        .job_count = b->count,
        .options = &b->options,
        .stages = b->stages,
        .log = &log,
        .observer = ret_observer,
        .models = b->models,
        .worker_path = getenv("MOVIEDIGEST_FAKE_WORKER"),
        .cancel_fd = b->cancel_pipe[0],
    };
    md_str_clear(&b->told);
    md_str_clear(&b->logged);
    memset(b->runs, 0, sizeof b->runs);
}

void batch_run(struct batch *b)
{
    struct md_super_params params;
    struct md_super_observer observer;
    struct md_failure failure = {0};
    batch_params(b, &params, &observer);
    assert_non_null(params.worker_path);
    if (md_super_run(&params, &b->result, &failure) != MD_OK)
        fail_msg("%s", failure.message);
    assert_int_equal(b->result.done_count + b->result.failed_count + b->result.cancelled_count,
                     b->count);
    for (size_t i = 0; i < b->count; i++) {
        char line[40];
        int ends = 0;
        for (int end = 0; end < 3; end++) {
            static const char *const words[] = {"done", "failed", "cancelled"};
            snprintf(line, sizeof line, "%zu ended %s", i, words[end]);
            ends += batch_was_told(b, line);
        }
        assert_int_equal(ends, 1);
    }
    assert_int_equal(open_descriptors(), b->descriptors);
}

bool batch_was_told(const struct batch *b, const char *line)
{
    size_t n = strlen(line);
    const char *text = md_str_text(&b->told);
    for (const char *at = text; (at = strstr(at, line)); at += n)
        if ((at == text || at[-1] == '\n') && at[n] == '\n')
            return true;
    return false;
}

bool batch_has(const struct batch *b, const char *relative)
{
    md_autofree char *path = md_path_join(b->folder, relative);
    return access(path, F_OK) == 0;
}

char *batch_read(const struct batch *b, const char *relative)
{
    md_autofree char *path = md_path_join(b->folder, relative);
    char *bytes = NULL;
    return md_file_read(path, 1 << 20, &bytes, NULL, NULL) == MD_OK ? bytes : NULL;
}

int batch_total_runs(const struct batch *b)
{
    int total = 0;
    for (int s = 0; s < MD_STAGES; s++)
        total += b->runs[s];
    return total;
}
