/*
 * The host's RAM as a governed device.
 *
 *   total = min(MemTotal, tightest cgroup limit)
 *   free  = min(MemAvailable, tightest cgroup headroom)     used = total - free
 *
 * Both minima are needed: a cgroup may allow 8 GB on a machine that has only 2 GB left. Used is
 * derived, so that what the kernel can reclaim at once never counts as used, and used + free =
 * total holds by construction. Swap is not memory here: digesting from swap is slower than waiting.
 *
 * A process uses its anonymous and shared pages. File pages are cache that the kernel drops, and
 * libraries are shared by all workers; RSS would count them once for each.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend.h"
#include "cgroup.h"
#include "util.h"

enum {
    TEXT_SIZE = 16384,
    PROC_PATH_MAX = 2048,
    MAX_DESCENDANTS = 4096 /* more than any worker starts; bounds a fork bomb */
};

struct host {
    char proc_path[PROC_PATH_MAX];
    struct gov_cgroup cgroup;
};

static int read_meminfo(const struct host *host, int64_t *ret_total, int64_t *ret_available)
{
    char path[PROC_PATH_MAX + 32], text[TEXT_SIZE];
    snprintf(path, sizeof path, "%s/meminfo", host->proc_path);
    if (gov_read_text(path, text, sizeof text) < 0)
        return GOV_E_IO;
    int64_t total, available;
    if (!gov_find_i64(text, "MemTotal:", &total) || total <= 0 || total > INT64_MAX / 1024)
        return GOV_E_FORMAT;
    if (!gov_find_i64(text, "MemAvailable:", &available)) {
        /* Before Linux 3.14: free plus caches, without tmpfs, which is in Cached. */
        int64_t parts[4] = {0};
        static const char *const keys[4] = {"MemFree:", "Buffers:", "Cached:", "Shmem:"};
        for (int i = 0; i < 4; i++) {
            gov_find_i64(text, keys[i], &parts[i]);
            parts[i] = MIN(parts[i], total);
        }
        available = MAX(parts[0] + parts[1] + parts[2] - parts[3], 0);
    }
    *ret_total = total * 1024;
    *ret_available = MIN(available, total) * 1024;
    return GOV_OK;
}

/* "some avg10=1.23 avg60=..." in percent. Not strtod: that reads a comma in some locales. */
static bool find_stall(const char *text, const char *kind, double *ret_percent)
{
    const char *line = strstr(text, kind);
    const char *value = line ? strstr(line, "avg10=") : NULL;
    if (!value)
        return false;
    value += strlen("avg10=");
    int64_t whole;
    if (!gov_parse_i64(&value, &whole) || whole > 100)
        return false;
    double percent = (double)whole, place = 0.1;
    if (*value == '.') {
        for (value++; *value >= '0' && *value <= '9'; value++, place /= 10)
            percent += (*value - '0') * place;
    }
    *ret_percent = percent;
    return true;
}

/* The stall of our own group where the kernel tells it, else of the machine. */
static void read_stall(const struct host *host, struct gov_sample *sample)
{
    char path[GOV_CGROUP_PATH_MAX + 64], text[512];
    int64_t length = -1;
    if (host->cgroup.version == GOV_CGROUP_V2) {
        snprintf(path, sizeof path, "%s/memory.pressure", host->cgroup.leaf);
        length = gov_read_text(path, text, sizeof text);
    }
    if (length <= 0) {
        snprintf(path, sizeof path, "%s/pressure/memory", host->proc_path);
        length = gov_read_text(path, text, sizeof text);
    }
    if (length <= 0)
        return;
    if (find_stall(text, "some", &sample->stall_some_percent))
        sample->valid |= GOV_SAMPLE_STALL_SOME;
    if (find_stall(text, "full", &sample->stall_full_percent))
        sample->valid |= GOV_SAMPLE_STALL_FULL;
}

static int host_sample(void *state, int64_t now_us, struct gov_sample *ret_sample)
{
    (void)now_us;
    const struct host *host = state;
    int64_t total, available;
    int error = read_meminfo(host, &total, &available);
    if (error)
        return error;
    ret_sample->physical_bytes = total;
    struct gov_cgroup_limits limits;
    gov_cgroup_read(&host->cgroup, total, &limits);
    if (limits.limited) {
        total = MIN(total, limits.limit_bytes);
        available = MIN(available, limits.headroom_bytes);
    }
    ret_sample->total_bytes = total;
    ret_sample->free_bytes = MIN(available, total);
    ret_sample->used_bytes = total - ret_sample->free_bytes;
    /* Virtual memory hides fragmentation: any free page serves. */
    ret_sample->largest_free_bytes = ret_sample->free_bytes;
    ret_sample->valid = GOV_SAMPLE_TOTAL | GOV_SAMPLE_USED | GOV_SAMPLE_FREE |
                        GOV_SAMPLE_LARGEST_FREE | GOV_SAMPLE_PHYSICAL;
    if (limits.has_oom_kills) {
        ret_sample->oom_kills = limits.oom_kills;
        ret_sample->valid |= GOV_SAMPLE_OOM_KILLS;
    }
    read_stall(host, ret_sample);
    return GOV_OK;
}

static bool find_kb(const char *text, const char *key, int64_t *ret_bytes)
{
    int64_t kb;
    if (!gov_find_i64(text, key, &kb) || kb > INT64_MAX / 1024)
        return false;
    *ret_bytes = kb * 1024;
    return true;
}

/* Adds one process to *process. A process without memory lines is a zombie: it uses nothing. */
static void add_process(const struct host *host, int64_t pid, struct gov_process *process)
{
    char path[PROC_PATH_MAX + 64], text[TEXT_SIZE];
    snprintf(path, sizeof path, "%s/%lld/status", host->proc_path, (long long)pid);
    if (gov_read_text(path, text, sizeof text) <= 0)
        return;
    int64_t rss, anon, shared = 0, file = 0, peak;
    if (!find_kb(text, "VmRSS:", &rss))
        return;
    if (find_kb(text, "RssAnon:", &anon)) {
        find_kb(text, "RssShmem:", &shared);
        find_kb(text, "RssFile:", &file);
        process->file_bytes = gov_add_saturated(process->file_bytes, file);
        process->valid |= GOV_PROCESS_FILE;
    } else {
        anon = rss; /* before Linux 4.5 */
    }
    process->used_bytes = gov_add_saturated(process->used_bytes, gov_add_saturated(anon, shared));
    process->rss_bytes = gov_add_saturated(process->rss_bytes, rss);
    process->valid |= GOV_PROCESS_USED | GOV_PROCESS_RSS;
    if (find_kb(text, "VmHWM:", &peak)) {
        process->peak_bytes = gov_add_saturated(process->peak_bytes, peak);
        process->valid |= GOV_PROCESS_PEAK;
    }
}

/* A growing list of pids, each once. */
struct pid_list {
    int64_t *pids;
    size_t count;
};

static void list_add(struct pid_list *list, int64_t pid)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->pids[i] == pid)
            return;
    }
    if (list->count < MAX_DESCENDANTS)
        list->pids[list->count++] = pid;
}

/* Children are listed for the thread that started them, hence the loop over threads. */
static void list_children(const struct host *host, int64_t pid, struct pid_list *list)
{
    char path[PROC_PATH_MAX + 320], text[TEXT_SIZE];
    snprintf(path, sizeof path, "%s/%lld/task", host->proc_path, (long long)pid);
    DIR *threads = opendir(path);
    if (!threads)
        return;
    struct dirent *entry;
    /* cppcheck-suppress readdirCalled; a stream of our own, and glibc's readdir_r is obsolete */
    while ((entry = readdir(threads))) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%lld/task/%.255s/children", host->proc_path, (long long)pid,
                 entry->d_name);
        if (gov_read_text(path, text, sizeof text) <= 0)
            continue;
        const char *p = text;
        int64_t child;
        while (gov_parse_i64(&p, &child)) {
            /* A number that ends the buffer may be cut in half. */
            if (child > 0 && *p)
                list_add(list, child);
        }
    }
    closedir(threads);
}

/* All processes named come first in the list, so a descendant named itself is not counted twice. */
static void add_descendants(const struct host *host, struct gov_process *process,
                            struct pid_list *list)
{
    size_t next = list->count;
    list_children(host, process->pid, list);
    for (; next < list->count; next++) {
        add_process(host, list->pids[next], process);
        list_children(host, list->pids[next], list);
    }
}

static int host_processes(void *state, bool with_children, struct gov_process *processes,
                          size_t count)
{
    const struct host *host = state;
    struct pid_list list = {0};
    if (with_children && count) {
        list.pids = malloc((count + MAX_DESCENDANTS) * sizeof *list.pids);
        if (!list.pids)
            return GOV_E_NOMEM;
    }
    for (size_t i = 0; i < count && list.pids; i++)
        list.pids[list.count++] = processes[i].pid;
    for (size_t i = 0; i < count; i++) {
        add_process(host, processes[i].pid, &processes[i]);
        if (list.pids)
            add_descendants(host, &processes[i], &list);
    }
    free(list.pids);
    return GOV_OK;
}

static int host_reset_peak(void *state, int64_t pid)
{
    const struct host *host = state;
    char path[PROC_PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/%lld/clear_refs", host->proc_path, (long long)pid);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? GOV_E_NOT_FOUND : GOV_E_UNSUPPORTED;
    ssize_t n = write(fd, "5", 1); /* 5: reset the peak resident set size (proc(5)) */
    close(fd);
    return n == 1 ? GOV_OK : GOV_E_UNSUPPORTED;
}

static void host_close(void *state)
{
    free(state);
}

static int host_open(const char *argument, const struct gov_device_params *params, void **ret_state,
                     struct gov_device_info *ret_info)
{
    if (*argument)
        return GOV_E_NO_DEVICE;
    const char *proc_path = params->host.proc_path ? params->host.proc_path : "/proc";
    const char *cgroup_root =
        params->host.cgroup_root ? params->host.cgroup_root : "/sys/fs/cgroup";
    if (strlen(proc_path) >= PROC_PATH_MAX)
        return GOV_E_INVALID;
    struct host *host = calloc(1, sizeof *host);
    if (!host)
        return GOV_E_NOMEM;
    snprintf(host->proc_path, sizeof host->proc_path, "%s", proc_path);
    if (!params->host.ignore_cgroups)
        gov_cgroup_find(proc_path, cgroup_root, &host->cgroup);

    int64_t total, available;
    int error = read_meminfo(host, &total, &available);
    if (error) {
        free(host);
        return error;
    }
    struct gov_cgroup_limits limits;
    gov_cgroup_read(&host->cgroup, total, &limits);
    if (limits.limited)
        snprintf(ret_info->limited_by, sizeof ret_info->limited_by, "%s", limits.limited_by);
    gov_copy_label(ret_info->name, "host memory");
    *ret_state = host;
    return GOV_OK;
}

const struct gov_backend gov_backend_host = {
    .name = "host",
    .summary = "this machine's RAM, within its control group's limits",
    .open = host_open,
    .close = host_close,
    .sample = host_sample,
    .processes = host_processes,
    .reset_peak = host_reset_peak,
};
