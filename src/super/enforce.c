/* Leases on the host are enforced by the kernel, so that a lease that is too small gives a real
 * out-of-memory of the one worker and not the slow death of the whole machine.
 *
 *   cgroup v2   memory.max of a group for each worker: exact; the kernel ends a worker that wants
 *               more, which is told from other deaths by the group's own count
 *   cgroup v1   memory.limit_in_bytes, the same
 *   RLIMIT_DATA where no group may be made: counts private writable address space, so an allocation
 *               returns "no memory" instead. It holds more than is resident (untouched parts of
 *               heaps and stacks), hence a limit relative to what is there when it is set:
 *                   VmData now + (lease - what is resident of it now)
 *               RLIMIT_AS would also count mapped files and the address space of drivers.
 *   looking     instead of RLIMIT_DATA for workers with a model: whisper maps half a gigabyte for
 *               each state and touches a twentieth of it, so address space says nothing. What is
 *               resident is looked at with every sample, and who has more than its lease is ended.
 *
 * Memory that a worker has already is never taken from it: a limit below that only keeps it from
 * taking more. Sanitizers map terabytes and keep freed memory: such workers go unlimited. */
#include "super/super_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"

/* No worker has so much of its own; what maps more is a sanitizer's shadow. */
static const int64_t sanitizer_bytes = INT64_C(1) << 40;

static const char *const limit_files[] = {
    [MD_ENFORCE_CGROUP_V2] = "memory.max", [MD_ENFORCE_CGROUP_V1] = "memory.limit_in_bytes"};
static const char *const usage_files[] = {
    [MD_ENFORCE_CGROUP_V2] = "memory.current", [MD_ENFORCE_CGROUP_V1] = "memory.usage_in_bytes"};
static const char *const kill_files[] = {
    [MD_ENFORCE_CGROUP_V2] = "memory.events", [MD_ENFORCE_CGROUP_V1] = "memory.oom_control"};
static const char *const unlimited[] = {
    [MD_ENFORCE_CGROUP_V2] = "max", [MD_ENFORCE_CGROUP_V1] = "-1"};

/* Small files of the kernel */

/* 0, or a value of errno. */
static int write_file(const char *folder, const char *name, const char *text)
{
    md_autofree char *path = md_path_join(folder, name);
    md_autoclose int fd = path ? open(path, O_WRONLY | O_CLOEXEC) : -1;
    if (!path)
        return ENOMEM;
    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        return errno;
    return 0;
}

/* Reads at most size - 1 bytes; false when it cannot be read. */
static bool read_file(const char *folder, const char *name, char *text, size_t size)
{
    md_autofree char *path = md_path_join(folder, name);
    md_autoclose int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    ssize_t n = fd >= 0 ? read(fd, text, size - 1) : -1;
    text[n > 0 ? n : 0] = '\0';
    return n >= 0;
}

/* The number after a word that begins a line; -1: not there. */
static int64_t number_after(const char *text, const char *word)
{
    size_t n = strlen(word);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, word, n) == 0)
            return strtoll(line + n, NULL, 10);
        if (!*line)
            break;
    }
    return -1;
}

/* Our own group */

/* The folder of our group in a hierarchy: controllers "" is v2. NULL: not there. */
static char *own_group(const char *root, const char *controller)
{
    char text[4096], line[4096], relative[3072] = "";
    if (!read_file("/proc/self", "cgroup", text, sizeof text))
        return NULL;
    for (char *at = text, *end; *at; at = *end ? end + 1 : end) {
        end = at + strcspn(at, "\n");
        snprintf(line, sizeof line, "%.*s", (int)(end - at), at);
        char *names = strchr(line, ':'), *path = names ? strchr(names + 1, ':') : NULL;
        if (!path)
            continue;
        *path++ = '\0';
        if (strcmp(names + 1, controller) == 0)
            snprintf(relative, sizeof relative, "%s", path);
    }
    if (!relative[0])
        return NULL;
    md_autofree char *folder = md_path_join(root, relative + 1);
    if (folder && access(folder, W_OK) == 0)
        return md_take_ptr(folder);
    /* In a container the path is the host's, and what we see is the root of our own. */
    return access(root, W_OK) == 0 ? strdup(root) : NULL;
}

/* A folder of ours in the group, and in it a trial: can a limit be set? */
static char *try_group(const char *group, enum md_enforcement how)
{
    char name[64];
    if (group)
        md_super_remove_dead_groups_(group);
    md_super_name_group_(getpid(), name, sizeof name);
    md_autofree char *folder = group ? md_path_join(group, name) : NULL;
    if (!folder || (mkdir(folder, 0755) < 0 && errno != EEXIST))
        return NULL;
    if (how == MD_ENFORCE_CGROUP_V2)
        (void)write_file(folder, "cgroup.subtree_control", "+memory");
    md_autofree char *trial = md_path_join(folder, "trial");
    bool works = trial && mkdir(trial, 0755) == 0 &&
                 write_file(trial, limit_files[how], unlimited[how]) == 0;
    if (trial)
        rmdir(trial);
    if (!works)
        rmdir(folder);
    return works ? md_take_ptr(folder) : NULL;
}

static bool find_group(struct md_super *s)
{
    static const struct {
        enum md_enforcement how;
        const char *root, *controller;
    } places[] = {{MD_ENFORCE_CGROUP_V2, "/sys/fs/cgroup", ""},
                  {MD_ENFORCE_CGROUP_V1, "/sys/fs/cgroup/memory", "memory"}};
    for (size_t i = 0; i < MD_ARRAY_LEN(places); i++) {
        md_autofree char *group = own_group(places[i].root, places[i].controller);
        s->cgroup = try_group(group, places[i].how);
        s->enforcement = s->cgroup ? places[i].how : MD_ENFORCE_NONE;
        if (s->cgroup)
            return true;
    }
    return false;
}

void md_super_begin_enforcing_(struct md_super *s)
{
    static const char *const words[] = {
        [MD_ENFORCE_NONE] = "not at all",
        [MD_ENFORCE_CGROUP_V2] = "by a cgroup for each worker",
        [MD_ENFORCE_CGROUP_V1] = "by a cgroup for each worker",
        [MD_ENFORCE_RLIMIT] = "by RLIMIT_DATA",
    };
    /* What is leased on a GPU is not the host's. */
    int wanted = s->memory.is_host ? s->params->options->enforce_leases : MD_ENFORCE_LEASES_OFF;
    bool found =
        (wanted == MD_ENFORCE_LEASES_AUTO || wanted == MD_ENFORCE_LEASES_CGROUP) && find_group(s);
    if (!found && (wanted == MD_ENFORCE_LEASES_AUTO || wanted == MD_ENFORCE_LEASES_RLIMIT))
        s->enforcement = MD_ENFORCE_RLIMIT;
    if (!found && wanted == MD_ENFORCE_LEASES_CGROUP)
        md_log(s->params->log, MD_LOG_WARNING, "super",
               "no cgroup may be made here: leases are not enforced");
    else
        md_log(s->params->log, MD_LOG_DEBUG, "super", "leases are enforced %s",
               words[s->enforcement]);
}

void md_super_end_enforcing_(struct md_super *s)
{
    if (s->cgroup)
        rmdir(s->cgroup);
    free(s->cgroup);
    s->cgroup = NULL;
}

/* A worker */

void md_super_confine_(struct md_super *s, struct md_process *process)
{
    char text[32];
    if (!s->cgroup)
        return;
    snprintf(text, sizeof text, "worker-%" PRIu32, process->id);
    md_autofree char *folder = md_path_join(s->cgroup, text);
    if (!folder || mkdir(folder, 0755) < 0)
        return;
    snprintf(text, sizeof text, "%ld", (long)process->pid);
    if (write_file(folder, "cgroup.procs", text) == 0)
        process->cgroup = md_take_ptr(folder);
    else
        rmdir(folder);
}

bool md_super_release_(struct md_super *s, struct md_process *process)
{
    char text[1024];
    if (!process->cgroup)
        return false;
    bool struck = read_file(process->cgroup, kill_files[s->enforcement], text, sizeof text) &&
                  number_after(text, "oom_kill ") > 0;
    rmdir(process->cgroup);
    free(process->cgroup);
    process->cgroup = NULL;
    return struck;
}

struct own_memory {
    int64_t data_bytes, anonymous_bytes;
};

static bool read_memory(const struct md_process *process, struct own_memory *ret)
{
    char folder[32], text[4096];
    snprintf(folder, sizeof folder, "/proc/%ld", (long)process->pid);
    if (!read_file(folder, "status", text, sizeof text))
        return false;
    ret->data_bytes = number_after(text, "VmData:") * 1024;
    ret->anonymous_bytes = number_after(text, "RssAnon:") * 1024;
    return ret->data_bytes >= 0 && ret->anonymous_bytes >= 0;
}

static int limit_group(struct md_super *s, const struct md_process *process, int64_t bytes)
{
    char text[64];
    snprintf(text, sizeof text, "%" PRId64, bytes);
    int error = write_file(process->cgroup, limit_files[s->enforcement],
                           bytes > 0 ? text : unlimited[s->enforcement]);
    return error;
}

/* v1 refuses a limit below what is used, v2 would kill for it. */
static int64_t at_least_used(struct md_super *s, const struct md_process *process, int64_t bytes)
{
    char text[64];
    if (!read_file(process->cgroup, usage_files[s->enforcement], text, sizeof text))
        return bytes;
    return MD_MAX(bytes, strtoll(text, NULL, 10));
}

static int limit_data(const struct md_process *process, const struct own_memory *memory,
                      int64_t bytes)
{
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
    if (bytes > 0)
        limit.rlim_cur = (rlim_t)(memory->data_bytes + MD_MAX(bytes - memory->anonymous_bytes, 0));
    return prlimit(process->pid, RLIMIT_DATA, &limit, NULL) < 0 ? errno : 0;
}

static bool is_looked_at(const struct md_super *s, const struct md_process *process)
{
    return s->enforcement == MD_ENFORCE_RLIMIT && process->executor != MD_EXECUTOR_MEDIA;
}

int64_t md_super_look_at_leases_(struct md_super *s)
{
    const int64_t interval_us = MD_SECOND_US / 10; /* loading fills some 100 MB in that time */
    int64_t next_us = INT64_MAX;
    for (size_t i = 0; i < s->processes.n; i++) {
        struct md_process *process = s->processes.v[i];
        struct own_memory memory;
        if (!is_looked_at(s, process) || process->enforced_bytes <= 0 || process->pid <= 0)
            continue;
        if (process->busy)
            next_us = interval_us;
        if (process->struck || !read_memory(process, &memory) ||
            memory.data_bytes > sanitizer_bytes ||
            memory.anonymous_bytes <= process->enforced_bytes)
            continue;
        process->struck = true;
        md_process_signal(process, SIGKILL);
    }
    return next_us;
}

static int enforce(struct md_super *s, struct md_process *process, int64_t bytes)
{
    struct own_memory memory;
    if (!read_memory(process, &memory))
        return 0; /* it is dying */
    if (memory.data_bytes > sanitizer_bytes) {
        if (!s->unenforced_said)
            md_log(s->params->log, MD_LOG_DEBUG, "super",
                   "leases are not enforced: workers were built with a sanitizer");
        s->unenforced_said = true;
        return 0;
    }
    if (is_looked_at(s, process))
        return 0;
    if (s->enforcement == MD_ENFORCE_RLIMIT)
        return limit_data(process, &memory, bytes);
    if (!process->cgroup)
        return 0;
    int error = limit_group(s, process, bytes);
    if (error == EBUSY)
        error = limit_group(s, process, at_least_used(s, process, bytes));
    return error;
}

/* What one worker may take at most, whatever it was promised: the user's own limit, less what this
 * program takes. A lease is larger than that only when it was forced. */
static int64_t within_limit(const struct md_super *s, int64_t lease_bytes)
{
    int64_t most = s->params->options->memory_limit;
    if (most <= 0)
        return lease_bytes;
    struct gov_process self = {.pid = getpid()};
    if (gov_device_processes(s->memory.device, false, &self, 1) == GOV_OK &&
        self.valid & GOV_PROCESS_USED)
        most = MD_MAX(most - self.used_bytes, 1);
    return MD_MIN(lease_bytes, most);
}

void md_super_set_lease_(struct md_super *s, struct md_process *process, int64_t lease_bytes)
{
    process->lease_bytes = lease_bytes;
    if (s->enforcement == MD_ENFORCE_NONE || process->pid <= 0)
        return;
    int64_t bytes = lease_bytes > 0 ? within_limit(s, lease_bytes) : 0;
    if (bytes == 0 && process->enforced_bytes == 0)
        return;
    int error = enforce(s, process, bytes);
    process->enforced_bytes = bytes;
    if (bytes > 0)
        md_log(s->params->log, MD_LOG_DEBUG, "super",
               "worker %" PRIu32 " may take %" PRId64 " MB%s%s", process->id, bytes / 1000000,
               error ? ": " : "", error ? strerror(error) : "");
    if (error && !s->unenforced_said) {
        md_log(s->params->log, MD_LOG_WARNING, "super", "leases cannot be enforced: %s",
               strerror(error));
        s->unenforced_said = true;
    }
}
