/* libgov internal: the host device's parts. */
#ifndef GOV_SRC_DEVICE_HOST_H
#define GOV_SRC_DEVICE_HOST_H

#include <gov/device.h>

#include "cgroup.h"
#include "kept.h"

enum {
    HOST_PATH_MAX = 2048,
    HOST_KEPT_PROCESSES = 64, /* more than we ever start; others are read without keeping */
    HOST_LOOK_US = 1000000    /* how often to look for what changes seldom */
};

/* A process whose status file is open. */
struct host_process {
    int64_t pid; /* 0: free */
    uint64_t last_call;
    struct gov_kept status;
};

struct host_descendant {
    int64_t pid;
    size_t owner; /* index of the named process it counts for */
};

/* Who descends from whom, as of at_us, for exactly these named processes. */
struct host_family {
    bool known;
    int64_t at_us;
    uint64_t sample; /* number of the last reading before it */
    int64_t *named;
    size_t named_count;
    size_t named_capacity;
    struct host_descendant *found;
    size_t found_count;
    size_t found_capacity;
};

struct host {
    char proc_path[HOST_PATH_MAX];
    size_t proc_length;
    char cgroup_root[HOST_PATH_MAX];
    bool ignore_cgroups;
    struct gov_kept meminfo;
    struct gov_kept pressure;
    struct gov_kept self_cgroup;
    uint64_t self_cgroup_hash;
    struct gov_cgroup cgroup;

    int64_t now_us; /* of the last reading */
    int64_t looked_us;
    uint64_t samples;

    uint64_t calls; /* of host_processes */
    struct host_process processes[HOST_KEPT_PROCESSES];
    struct host_family family;
};

/* device_host_process.c */
int gov_host_processes(void *state, bool with_children, struct gov_process *processes,
                       size_t count);
int gov_host_list(void *state, struct gov_process *processes, size_t capacity, size_t *ret_count);
int gov_host_reset_peak(void *state, int64_t pid);
void gov_host_processes_done(struct host *host);

#endif
