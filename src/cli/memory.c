/* Looks at the machine and at the queue's history, and asks the instance that runs the queue, if
 * there is one, what it holds. A look is taken into one struct, from which text and
 * JSON are written. Live, each frame is one write that begins at the top and erases what is left
 * over: nothing flickers, whatever the terminal's size has become. */
#include "cli/memory.h"

#include <errno.h>
#include <gov/batch.h>
#include <gov/governor.h>
#include <gov/history.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "cli/args.h"
#include "cli/instance.h"
#include "cli/place.h"
#include "cli/screen.h"
#include "queue/queue.h"

enum { MOST_DEVICES = 64, MOST_PROCESSES = 512, SHOWN_PROCESSES = 10, MOST_REGIMES = 256 };

struct look {
    struct md_args args;
    struct gov_device *device;
    struct gov_governor *governor;
    struct gov_history *history; /* NULL: none was kept yet */
    char *queue_path;            /* NULL: there is no home either */
    json_t *instance;            /* what the running one told; NULL: none runs */
    char note[160];              /* why the device is not the one hoped for; "" */
    struct gov_device_info info;
    struct gov_device_entry devices[MOST_DEVICES];
    size_t device_count;
    struct gov_status status;
    enum gov_level level;
    struct gov_process processes[MOST_PROCESSES];
    size_t process_count;
};

/* Taking the look */

static int open_device(struct look *look, struct md_failure *failure)
{
    const char *spec = look->args.options.device;
    struct gov_device_params params = {.memory_limit_bytes = look->args.options.memory_limit,
                                       .reason = look->note,
                                       .reason_size = sizeof look->note};
    bool by_itself = !spec || strcmp(spec, "auto") == 0;
    int error = gov_device_open(by_itself ? "nvidia" : spec, &params, &look->device);
    if (error < 0 && by_itself)
        error = gov_device_open("host", &params, &look->device);
    if (error < 0)
        return md_fail(failure, MD_ERR_INPUT, "device %s cannot be used: %s", spec ? spec : "auto",
                       look->note[0] ? look->note : gov_error_text(error));
    gov_device_info(look->device, &look->info);
    return MD_OK;
}

static int open_governor(struct look *look, struct md_failure *failure)
{
    char why[200] = "";
    struct gov_sample sample = {0};
    struct gov_config_sources *sources = &look->args.memory;
    int64_t total =
        gov_device_sample(look->device, 0, -1, &sample) == GOV_OK && sample.valid & GOV_SAMPLE_TOTAL
            ? sample.total_bytes
            : 0;
    int error = gov_config_sources_resolve(sources, total, why, sizeof why);
    if (error == GOV_OK)
        error = gov_governor_new(&sources->config, look->device, NULL, &look->governor);
    return error < 0 ? md_fail(failure, MD_ERR_INPUT, "%s", why[0] ? why : gov_error_text(error))
                     : MD_OK;
}

struct row_taker {
    gov_history_row_fn each;
    void *user;
};

static int pass_row(void *user, const char *regime, const void *data, size_t size)
{
    const struct row_taker *taker = user;
    return taker->each(taker->user, regime, data, size);
}

static int load_rows(void *context, gov_history_row_fn each, void *user)
{
    struct row_taker taker = {each, user};
    return md_queue_load_memory(context, MD_QUEUE_HISTORY, pass_row, &taker, NULL) < 0 ? GOV_E_IO
                                                                                       : GOV_OK;
}

static int save_nothing(void *context, const char *regime, const char *row, size_t size)
{
    return GOV_OK;
}

static void open_history(struct look *look)
{
    const char *path = look->queue_path;
    struct md_queue *queue = NULL;
    struct md_failure ignored;
    size_t loaded = 0;
    /* Opening makes a queue: only one that is there already is looked at. */
    if (!path || access(path, R_OK) < 0 || md_queue_open(path, &queue, &ignored) < 0)
        return;
    const struct gov_history_store store = {queue, load_rows, save_nothing};
    if (gov_history_new(&look->args.memory.config, MOST_REGIMES, &look->history) == GOV_OK)
        (void)gov_history_load(look->history, &store, NULL, &loaded, NULL);
    md_queue_close(queue);
}

static int compare_use(const void *a, const void *b)
{
    const struct gov_process *x = a, *y = b;
    return x->used_bytes < y->used_bytes ? 1 : x->used_bytes > y->used_bytes ? -1 : 0;
}

static void take(struct look *look)
{
    struct gov_pressure_decision pressure;
    struct gov_device_params params = {.memory_limit_bytes = look->args.options.memory_limit};
    int64_t now_us = md_clock_monotonic_us();
    json_decref(look->instance);
    look->instance = look->queue_path ? md_instance_ask(look->queue_path) : NULL;
    look->device_count = 0;
    (void)gov_device_list(&params, look->devices, MOST_DEVICES, &look->device_count);
    look->device_count = MD_MIN(look->device_count, MOST_DEVICES);
    (void)gov_governor_sample(look->governor, now_us, NULL);
    if (gov_governor_check_pressure(look->governor, now_us, -1, &pressure) == GOV_OK)
        look->level = pressure.level;
    gov_governor_status(look->governor, &look->status);
    look->process_count = 0;
    if (look->info.can_list &&
        gov_device_list_processes(look->device, look->processes, MOST_PROCESSES,
                                  &look->process_count) == GOV_OK) {
        look->process_count = MD_MIN(look->process_count, MOST_PROCESSES);
        qsort(look->processes, look->process_count, sizeof *look->processes, compare_use);
    } else {
        look->process_count = 0;
    }
}

static void process_name(int64_t pid, char *name, size_t size)
{
    char path[48];
    snprintf(path, sizeof path, "/proc/%lld/comm", (long long)pid);
    md_autofclose FILE *f = fopen(path, "re");
    if (!f || !fgets(name, (int)size, f))
        snprintf(name, size, "?");
    name[strcspn(name, "\n")] = '\0';
}

/* Text */

static const char *size_text(uint32_t valid, uint32_t field, int64_t bytes, char text[24])
{
    return valid & field ? gov_format_size(bytes, text, 24) : "?";
}

static void write_device(const struct look *look, struct md_str *out)
{
    const struct gov_sample *s = &look->status.sample;
    char a[24], b[24], c[24];
    md_str_printf(out, "%s: %s of %s used, %s free", look->info.name,
                  size_text(s->valid, GOV_SAMPLE_USED, s->used_bytes, a),
                  size_text(s->valid, GOV_SAMPLE_TOTAL, s->total_bytes, b),
                  size_text(s->valid, GOV_SAMPLE_FREE, s->free_bytes, c));
    if (look->info.limited_by[0])
        md_str_printf(out, " (limited by %s)", look->info.limited_by);
    double percent = gov_sample_used_percent(s);
    if (percent >= 0)
        md_str_printf(out, "\n  level    %s (%.1f%%)", gov_level_name(look->level), percent);
    md_str_printf(out, "\n  budget   %s for movies, at most %s\n",
                  gov_format_size(MD_MAX(look->status.budget.ours_bytes, 0), a, sizeof a),
                  gov_format_size(MD_MAX(look->status.budget.cap_bytes, 0), b, sizeof b));
    const struct gov_config *config = &look->args.memory.config;
    md_str_printf(out, "  preset   %s: %lld movies, %lld chunks, %lld prompts at once\n",
                  look->args.memory.preset, (long long)config->movies_default,
                  (long long)config->whisper_chunks, (long long)config->llm_prompts);
}

static void write_processes(const struct look *look, struct md_str *out)
{
    for (size_t i = 0; i < look->process_count && i < SHOWN_PROCESSES; i++) {
        const struct gov_process *p = &look->processes[i];
        char name[64], text[24];
        if (!(p->valid & GOV_PROCESS_USED) || p->used_bytes <= 0)
            continue;
        process_name(p->pid, name, sizeof name);
        md_str_printf(out, "%s  %8s  %7lld  %s\n", i ? "" : "\nWho uses most\n",
                      gov_format_size(p->used_bytes, text, sizeof text), (long long)p->pid, name);
    }
}

static void write_history(const struct look *look, struct md_str *out)
{
    const char *regime;
    for (size_t i = 0; look->history && (regime = gov_history_regime(look->history, i)); i++) {
        struct gov_regime_stats stats;
        char mean[24], peak[24];
        const struct gov_batch *batch = gov_history_find_batch(look->history, regime);
        if (gov_history_stats(look->history, regime, &stats) < 0)
            continue;
        md_str_printf(out, "%s  %-40s %5lld times  mean %8s  most %8s", i ? "" : "\nHistory\n",
                      regime, (long long)stats.count,
                      gov_format_size(stats.mean_measured_bytes, mean, sizeof mean),
                      gov_format_size(stats.peak_measured_bytes, peak, sizeof peak));
        if (batch)
            md_str_printf(out, "  recommended batch %d", (int)gov_batch_recommended(batch));
        md_str_append_char(out, '\n');
    }
}

static void write_text(const struct look *look, struct md_str *out)
{
    char text[24];
    md_str_append(out, "Devices\n");
    for (size_t i = 0; i < look->device_count; i++) {
        const struct gov_device_entry *d = &look->devices[i];
        if (strcmp(d->backend, "sim") != 0 || look->args.options.all)
            md_str_printf(out, "  %-16s %8s  %s\n", d->spec,
                          d->total_bytes ? gov_format_size(d->total_bytes, text, sizeof text) : "?",
                          d->name);
    }
    if (look->note[0])
        md_str_printf(out, "  %s\n", look->note);
    md_str_append_char(out, '\n');
    if (look->instance)
        md_instance_write(look->instance, out);
    else
        write_device(look, out);
    write_processes(look, out);
    write_history(look, out);
}

/* JSON */

static json_t *known(uint32_t valid, uint32_t field, int64_t bytes)
{
    return valid & field ? json_integer(bytes) : json_null();
}

static json_t *pack_processes(const struct look *look)
{
    json_t *list = json_array();
    for (size_t i = 0; i < look->process_count; i++) {
        const struct gov_process *p = &look->processes[i];
        json_array_append_new(list, json_pack("{s:I, s:o}", "pid", (json_int_t)p->pid, "used_bytes",
                                              known(p->valid, GOV_PROCESS_USED, p->used_bytes)));
    }
    return list;
}

static json_t *pack_devices(const struct look *look)
{
    json_t *list = json_array();
    for (size_t i = 0; i < look->device_count; i++) {
        const struct gov_device_entry *d = &look->devices[i];
        if (strcmp(d->backend, "sim") != 0 || look->args.options.all)
            json_array_append_new(list,
                                  json_pack("{s:s, s:s, s:I}", "device", d->spec, "name", d->name,
                                            "total_bytes", (json_int_t)d->total_bytes));
    }
    return list;
}

static json_t *pack_history(const struct look *look)
{
    json_t *list = json_array();
    const char *regime;
    for (size_t i = 0; look->history && (regime = gov_history_regime(look->history, i)); i++) {
        struct gov_regime_stats stats;
        const struct gov_batch *batch = gov_history_find_batch(look->history, regime);
        if (gov_history_stats(look->history, regime, &stats) == GOV_OK)
            json_array_append_new(
                list, json_pack("{s:s, s:I, s:I, s:I, s:o}", "regime", regime, "count",
                                (json_int_t)stats.count, "mean_bytes",
                                (json_int_t)stats.mean_measured_bytes, "peak_bytes",
                                (json_int_t)stats.peak_measured_bytes, "recommended_batch",
                                batch ? json_integer(gov_batch_recommended(batch)) : json_null()));
    }
    return list;
}

static void write_json(const struct look *look, struct md_str *out)
{
    const struct gov_sample *s = &look->status.sample;
    json_t *all = json_pack(
        "{s:o, s:s, s:s, s:o, s:o, s:o, s:s, s:I, s:I, s:s, s:o, s:o, s:O?}", "devices",
        pack_devices(look), "governed", look->info.name, "note", look->note, "total_bytes",
        known(s->valid, GOV_SAMPLE_TOTAL, s->total_bytes), "used_bytes",
        known(s->valid, GOV_SAMPLE_USED, s->used_bytes), "free_bytes",
        known(s->valid, GOV_SAMPLE_FREE, s->free_bytes), "level", gov_level_name(look->level),
        "budget_bytes", (json_int_t)look->status.budget.ours_bytes, "cap_bytes",
        (json_int_t)look->status.budget.cap_bytes, "preset", look->args.memory.preset, "processes",
        pack_processes(look), "history", pack_history(look), "instance", look->instance);
    md_autofree char *text =
        all ? json_dumps(all, look->args.options.watch ? JSON_COMPACT : JSON_INDENT(2)) : NULL;
    json_decref(all);
    if (text)
        md_str_printf(out, "%s\n", text);
    else
        out->failed = true;
}

/* Showing it */

static bool put(const struct md_str *text)
{
    const char *at = md_str_text(text);
    for (size_t left = text->n; left > 0;) {
        ssize_t n = write(STDOUT_FILENO, at, left);
        if (n < 0 && errno != EINTR)
            return false;
        at += MD_MAX(n, 0);
        left -= (size_t)MD_MAX(n, 0);
    }
    return !md_str_failed(text);
}

/* One frame: as many lines and columns as the terminal has, each erased behind its end. */
static void write_frame(const struct look *look, struct md_str *out)
{
    md_autostr text = {0};
    int columns = md_screen_columns(STDOUT_FILENO), lines = md_screen_lines(STDOUT_FILENO);
    write_text(look, &text);
    md_str_append(out, "\x1b[H");
    for (const char *line = md_str_text(&text); *line && lines-- > 1;) {
        size_t n = strcspn(line, "\n");
        md_str_append_n(out, line, MD_MIN(n, (size_t)columns - 1));
        md_str_append(out, "\x1b[K\n");
        line += n + (line[n] == '\n');
    }
    md_str_append(out, "\x1b[J");
}

static int watch(struct look *look)
{
    static const char begin[] = "\x1b[?1049h\x1b[?25l", end[] = "\x1b[?25h\x1b[?1049l";
    const int interval_ms = 1000;
    sigset_t signals;
    bool live = isatty(STDOUT_FILENO) && !look->args.options.json, going = true;
    sigemptyset(&signals);
    const int taken[] = {SIGINT, SIGTERM, SIGHUP, SIGWINCH};
    for (size_t i = 0; i < MD_ARRAY_LEN(taken); i++)
        sigaddset(&signals, taken[i]);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    md_autoclose int fd = signalfd(-1, &signals, SFD_CLOEXEC);
    if (fd < 0)
        return MD_EXIT_FAILED;
    if (live)
        (void)!write(STDOUT_FILENO, begin, sizeof begin - 1);
    while (going) {
        struct signalfd_siginfo info;
        struct pollfd waiting = {.fd = fd, .events = POLLIN};
        md_autostr out = {0};
        take(look);
        if (look->args.options.json)
            write_json(look, &out);
        else if (live)
            write_frame(look, &out);
        else
            write_text(look, &out);
        going = put(&out);
        if (going && poll(&waiting, 1, interval_ms) > 0 &&
            read(fd, &info, sizeof info) == (ssize_t)sizeof info)
            going = info.ssi_signo == SIGWINCH;
    }
    if (live)
        (void)!write(STDOUT_FILENO, end, sizeof end - 1);
    return MD_EXIT_DONE;
}

static int show(struct look *look, struct md_failure *failure)
{
    if (open_device(look, failure) < 0 || open_governor(look, failure) < 0) {
        fprintf(stderr, "moviedigest: %s\n", failure->message);
        return MD_EXIT_USAGE;
    }
    look->queue_path = md_place_path(&look->args.options, getenv);
    open_history(look);
    if (look->args.options.watch)
        return watch(look);
    md_autostr out = {0};
    take(look);
    if (look->args.options.json)
        write_json(look, &out);
    else
        write_text(look, &out);
    return put(&out) ? MD_EXIT_DONE : MD_EXIT_FAILED;
}

int md_memory_command(const struct md_cli_command *self, int argc, char *const *argv)
{
    struct md_failure failure = {0};
    struct look *look = calloc(1, sizeof *look); /* too large for a stack */
    if (!look || md_args_parse(&look->args, argc, argv, getenv, &failure) < 0) {
        fprintf(stderr, "moviedigest: %s\n", look ? failure.message : "out of memory");
        free(look);
        return MD_EXIT_USAGE;
    }
    int status = show(look, &failure);
    json_decref(look->instance);
    free(look->queue_path);
    gov_history_free(look->history);
    gov_governor_free(look->governor);
    gov_device_free(look->device);
    md_args_done(&look->args);
    free(look);
    return status;
}
