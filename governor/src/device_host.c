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
 * It is read ten times a second for days, so its files stay open (kept.h), and what changes seldom
 * is looked for once a second of the caller's clock: which group we are in, limits above what we
 * see, files that were absent. Without a clock (now_us 0) everything is looked for every time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "device_host.h"
#include "util.h"

enum { TEXT_SIZE = 16384 };

static int64_t read_proc(const struct host *host, struct gov_kept *kept, const char *name,
                         bool look, char *text, size_t size)
{
    return gov_kept_read(kept, host->proc_path, host->proc_length, name,
                         look ? GOV_KEPT_LOOK : GOV_KEPT_RETRY, text, size);
}

static int parse_meminfo(const char *text, int64_t *ret_total, int64_t *ret_available)
{
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

/* What makes no sense may be another file under our descriptor's number: once more, newly opened.
 */
static int read_meminfo(struct host *host, int64_t *ret_total, int64_t *ret_available)
{
    char text[TEXT_SIZE];
    int error = GOV_E_IO;
    for (int tries = 0; tries < 2; tries++) {
        if (read_proc(host, &host->meminfo, "meminfo", true, text, sizeof text) < 0)
            return GOV_E_IO;
        error = parse_meminfo(text, ret_total, ret_available);
        if (!error)
            break;
        gov_kept_close(&host->meminfo);
    }
    return error;
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
static void read_stall(struct host *host, bool look, struct gov_sample *sample)
{
    char text[512];
    int64_t length = gov_cgroup_read_pressure(&host->cgroup, look, text, sizeof text);
    if (length <= 0)
        length = read_proc(host, &host->pressure, "pressure/memory", look, text, sizeof text);
    if (length <= 0)
        return;
    if (find_stall(text, "some", &sample->stall_some_percent))
        sample->valid |= GOV_SAMPLE_STALL_SOME;
    if (find_stall(text, "full", &sample->stall_full_percent))
        sample->valid |= GOV_SAMPLE_STALL_FULL;
}

/* FNV-1a: whether a text is the one it was. */
static uint64_t hash_text(const char *text)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
    return hash;
}

/* Somebody may move us to another group while we run. NOMEM leaves us with the old one. */
static int look_for_group(struct host *host)
{
    if (host->ignore_cgroups)
        return GOV_OK;
    char text[TEXT_SIZE];
    if (read_proc(host, &host->self_cgroup, "self/cgroup", true, text, sizeof text) < 0)
        text[0] = 0;
    uint64_t hash = hash_text(text);
    if (host->cgroup.version != GOV_CGROUP_NONE && hash == host->self_cgroup_hash)
        return GOV_OK;
    struct gov_cgroup group;
    int error = gov_cgroup_find(text, host->cgroup_root, &group);
    if (error)
        return error;
    gov_cgroup_done(&host->cgroup);
    host->cgroup = group;
    host->self_cgroup_hash = hash;
    return GOV_OK;
}

/* Is it time to look for what changes seldom? */
static bool pass_time(struct host *host, int64_t now_us)
{
    host->now_us = now_us;
    host->samples++;
    bool look = now_us <= 0 || now_us < host->looked_us || now_us - host->looked_us >= HOST_LOOK_US;
    if (look)
        host->looked_us = MAX(now_us, 0);
    return look;
}

static int host_sample(void *state, int64_t now_us, struct gov_sample *ret_sample)
{
    struct host *host = state;
    int64_t total, available;
    bool look = pass_time(host, now_us);
    int error = read_meminfo(host, &total, &available);
    if (error)
        return error;
    if (look)
        look_for_group(host); /* without memory for it: the group we know, until the next look */
    ret_sample->physical_bytes = total;
    struct gov_cgroup_limits limits;
    gov_cgroup_read(&host->cgroup, look, total, &limits);
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
    read_stall(host, look, ret_sample);
    return GOV_OK;
}

static void host_close(void *state)
{
    struct host *host = state;
    gov_host_processes_done(host);
    gov_cgroup_done(&host->cgroup);
    gov_kept_close(&host->meminfo);
    gov_kept_close(&host->pressure);
    gov_kept_close(&host->self_cgroup);
    free(host);
}

static int start(struct host *host, struct gov_device_info *info)
{
    int64_t total, available;
    int error = read_meminfo(host, &total, &available);
    if (!error)
        error = look_for_group(host);
    if (error)
        return error;
    struct gov_cgroup_limits limits;
    gov_cgroup_read(&host->cgroup, true, total, &limits);
    if (limits.limited)
        snprintf(info->limited_by, sizeof info->limited_by, "%s", limits.limited_by);
    gov_copy_label(info->name, "host memory");
    return GOV_OK;
}

static int host_open(const char *argument, const struct gov_device_params *params, void **ret_state,
                     struct gov_device_info *ret_info)
{
    if (*argument)
        return GOV_E_NO_DEVICE;
    const char *proc_path = params->host.proc_path ? params->host.proc_path : "/proc";
    const char *cgroup_root =
        params->host.cgroup_root ? params->host.cgroup_root : "/sys/fs/cgroup";
    if (strlen(proc_path) >= HOST_PATH_MAX || strlen(cgroup_root) >= HOST_PATH_MAX)
        return GOV_E_INVALID;
    struct host *host = calloc(1, sizeof *host);
    if (!host)
        return GOV_E_NOMEM;
    snprintf(host->proc_path, sizeof host->proc_path, "%s", proc_path);
    snprintf(host->cgroup_root, sizeof host->cgroup_root, "%s", cgroup_root);
    host->proc_length = strlen(proc_path);
    host->ignore_cgroups = params->host.ignore_cgroups;
    int error = start(host, ret_info);
    if (error) {
        host_close(host);
        return error;
    }
    *ret_state = host;
    return GOV_OK;
}

const struct gov_backend gov_backend_host = {
    .name = "host",
    .summary = "this machine's RAM, within its control group's limits",
    .open = host_open,
    .close = host_close,
    .sample = host_sample,
    .processes = gov_host_processes,
    .list = gov_host_list,
    .reset_peak = gov_host_reset_peak,
};
