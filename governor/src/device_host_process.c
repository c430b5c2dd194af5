/*
 * Processes on the host. A process uses its anonymous and shared pages. File pages are cache that
 * the kernel drops, and libraries are shared by all workers; RSS would count them once for each.
 *
 * /proc/PID/status has all of it, and the high-water mark, in one read; statm is cheaper but knows
 * neither shared pages nor the mark, smaps_rollup walks the page tables and costs three times as
 * much. The file stays open between calls: reading costs a third of opening, and a descriptor of a
 * process that ended never shows the process that got its number.
 *
 * Who descends from whom takes a walk over threads and their lists of children, several times the
 * cost of all else; so it is looked up once a second and remembered. Without readings between
 * two calls there is no clock to tell its age by, and it is looked up again.
 */
#include "device_host.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util.h"

enum {
    TEXT_SIZE = 16384,
    UNUSED_CALLS = 16,     /* a process not asked for that often is let go */
    MAX_DESCENDANTS = 4096 /* more than any worker starts; bounds a fork bomb */
};

static bool find_kb(const char *text, const char *key, int64_t *ret_bytes)
{
    int64_t kb;
    if (!gov_find_i64(text, key, &kb) || kb > INT64_MAX / 1024)
        return false;
    *ret_bytes = kb * 1024;
    return true;
}

/* Adds one status file. A process without memory lines is a zombie: it uses nothing. */
static void add_status(const char *text, struct gov_process *process)
{
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

/* Its slot, or a free one made its own; NULL when all are taken. */
static struct host_process *find_slot(struct host *host, int64_t pid)
{
    struct host_process *unused = NULL;
    for (size_t i = 0; i < HOST_KEPT_PROCESSES; i++) {
        struct host_process *slot = &host->processes[i];
        if (slot->pid == pid)
            return slot;
        if (!slot->pid && !unused)
            unused = slot;
    }
    if (unused)
        *unused = (struct host_process){.pid = pid};
    return unused;
}

static void release_slot(struct host_process *slot)
{
    gov_kept_close(&slot->status);
    slot->pid = 0;
}

/* Adds one process to *process. again: if it has ended, whoever has its number now counts. */
static void add_process(struct host *host, int64_t pid, bool again, struct gov_process *process)
{
    char name[48], text[TEXT_SIZE];
    struct gov_kept once = {0};
    struct host_process *slot = find_slot(host, pid);
    struct gov_kept *kept = slot ? &slot->status : &once;
    snprintf(name, sizeof name, "%lld/status", (long long)pid);
    int64_t length = gov_kept_read(kept, host->proc_path, host->proc_length, name,
                                   again ? GOV_KEPT_LOOK : GOV_KEPT_SAME, text, sizeof text);
    if (length > 0)
        add_status(text, process);
    gov_kept_close(&once);
    if (!slot)
        return;
    slot->last_call = host->calls;
    if (length <= 0 && again)
        release_slot(slot);
}

static void release_unused(struct host *host)
{
    for (size_t i = 0; i < HOST_KEPT_PROCESSES; i++) {
        struct host_process *slot = &host->processes[i];
        if (slot->pid && host->calls - slot->last_call > UNUSED_CALLS)
            release_slot(slot);
    }
}

/* Makes room for one more element; NOMEM leaves everything as it was. */
static int grow(void **array, size_t count, size_t *capacity, size_t element_size)
{
    if (count < *capacity)
        return GOV_OK;
    size_t wanted = *capacity ? *capacity * 2 : 16;
    void *grown = realloc(*array, wanted * element_size);
    if (!grown)
        return GOV_E_NOMEM;
    *array = grown;
    *capacity = wanted;
    return GOV_OK;
}

/* Each process once: those named come first, so one named itself is nobody's descendant. */
static int add_descendant(struct host_family *family, int64_t pid, size_t owner)
{
    for (size_t i = 0; i < family->named_count; i++) {
        if (family->named[i] == pid)
            return GOV_OK;
    }
    for (size_t i = 0; i < family->found_count; i++) {
        if (family->found[i].pid == pid)
            return GOV_OK;
    }
    if (family->found_count == MAX_DESCENDANTS)
        return GOV_OK;
    void *array = family->found;
    int error = grow(&array, family->found_count, &family->found_capacity, sizeof *family->found);
    family->found = array;
    if (!error)
        family->found[family->found_count++] = (struct host_descendant){pid, owner};
    return error;
}

/* The children of one thread: a list of numbers. */
static int add_children(const struct host *host, const char *name, struct host_family *family,
                        size_t owner)
{
    char path[HOST_PATH_MAX + 320], text[TEXT_SIZE];
    snprintf(path, sizeof path, "%s/%.300s", host->proc_path, name);
    if (gov_read_text(path, text, sizeof text) <= 0)
        return GOV_OK;
    const char *p = text;
    int64_t child;
    int error = GOV_OK;
    while (!error && gov_parse_i64(&p, &child)) {
        /* A number that ends the buffer may be cut in half. */
        if (child > 0 && *p)
            error = add_descendant(family, child, owner);
    }
    return error;
}

/* Children are listed for the thread that started them, hence the loop over threads. */
static int look_for_children(const struct host *host, int64_t pid, struct host_family *family,
                             size_t owner)
{
    char path[HOST_PATH_MAX + 64], name[320];
    snprintf(path, sizeof path, "%s/%lld/task", host->proc_path, (long long)pid);
    DIR *threads = opendir(path);
    if (!threads)
        return GOV_OK;
    struct dirent *entry;
    int error = GOV_OK;
    /* cppcheck-suppress readdirCalled; a stream of our own, and glibc's readdir_r is obsolete */
    while (!error && (entry = readdir(threads))) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(name, sizeof name, "%lld/task/%.255s/children", (long long)pid, entry->d_name);
        error = add_children(host, name, family, owner);
    }
    closedir(threads);
    return error;
}

static bool family_serves(const struct host *host, const struct gov_process *processes,
                          size_t count)
{
    const struct host_family *family = &host->family;
    if (!family->known || family->named_count != count || host->now_us <= 0 ||
        host->now_us < family->at_us || host->now_us - family->at_us >= HOST_LOOK_US ||
        host->samples == family->sample)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (family->named[i] != processes[i].pid)
            return false;
    }
    return true;
}

static int look_for_family(struct host *host, const struct gov_process *processes, size_t count)
{
    struct host_family *family = &host->family;
    int error = GOV_OK;
    family->known = false;
    family->named_count = family->found_count = 0;
    for (size_t i = 0; i < count; i++) {
        void *array = family->named;
        error = grow(&array, i, &family->named_capacity, sizeof *family->named);
        family->named = array;
        if (error)
            return error;
        family->named[i] = processes[i].pid;
        family->named_count++;
    }
    for (size_t i = 0; i < count; i++) {
        size_t next = family->found_count;
        error = look_for_children(host, processes[i].pid, family, i);
        for (; !error && next < family->found_count; next++)
            error = look_for_children(host, family->found[next].pid, family, i);
        if (error)
            return error;
    }
    family->known = true;
    family->at_us = host->now_us;
    family->sample = host->samples;
    return GOV_OK;
}

/*
 * Descendants just found are read whoever they are; those remembered only while they are the same
 * processes, as a number may have gone to a stranger since.
 */
static int add_family(struct host *host, struct gov_process *processes, size_t count)
{
    bool fresh = !family_serves(host, processes, count);
    int error = fresh ? look_for_family(host, processes, count) : GOV_OK;
    if (error)
        return error;
    for (size_t i = 0; i < host->family.found_count; i++) {
        const struct host_descendant *d = &host->family.found[i];
        add_process(host, d->pid, fresh, &processes[d->owner]);
    }
    return GOV_OK;
}

int gov_host_processes(void *state, bool with_children, struct gov_process *processes, size_t count)
{
    struct host *host = state;
    host->calls++;
    for (size_t i = 0; i < count; i++)
        add_process(host, processes[i].pid, true, &processes[i]);
    int error = with_children && count ? add_family(host, processes, count) : GOV_OK;
    release_unused(host);
    return error;
}

/* Every process that has memory of its own; kernel threads have none. */
int gov_host_list(void *state, struct gov_process *processes, size_t capacity, size_t *ret_count)
{
    const struct host *host = state;
    char path[HOST_PATH_MAX + 320], text[TEXT_SIZE];
    DIR *folder = opendir(host->proc_path);
    if (!folder)
        return GOV_E_IO;
    size_t n = 0;
    struct dirent *entry;
    /* cppcheck-suppress readdirCalled; as above */
    while ((entry = readdir(folder))) {
        const char *p = entry->d_name;
        struct gov_process found = {0};
        if (*p < '0' || *p > '9' || !gov_parse_i64(&p, &found.pid) || *p || found.pid <= 0)
            continue;
        snprintf(path, sizeof path, "%s/%.255s/status", host->proc_path, entry->d_name);
        if (gov_read_text(path, text, sizeof text) > 0)
            add_status(text, &found);
        if (!found.valid)
            continue;
        if (n < capacity)
            processes[n] = found;
        n++;
    }
    closedir(folder);
    *ret_count = n;
    return GOV_OK;
}

int gov_host_reset_peak(void *state, int64_t pid)
{
    const struct host *host = state;
    char path[HOST_PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/%lld/clear_refs", host->proc_path, (long long)pid);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? GOV_E_NOT_FOUND : GOV_E_UNSUPPORTED;
    ssize_t n = write(fd, "5", 1); /* 5: reset the peak resident set size (proc(5)) */
    close(fd);
    return n == 1 ? GOV_OK : GOV_E_UNSUPPORTED;
}

void gov_host_processes_done(struct host *host)
{
    for (size_t i = 0; i < HOST_KEPT_PROCESSES; i++) {
        if (host->processes[i].pid)
            release_slot(&host->processes[i]);
    }
    free(host->family.named);
    free(host->family.found);
}
