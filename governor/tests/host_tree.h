/* A made-up host: /proc and control groups in a throw-away tree, 16 GiB of which 12 are free. */
#ifndef GOV_TESTS_HOST_TREE_H
#define GOV_TESTS_HOST_TREE_H

#include "tree.h"

#include <gov/device.h>

#define MIB (INT64_C(1) << 20)
#define GIB (INT64_C(1) << 30)

struct fixture {
    struct tree tree;
    char proc[80];
    char cgroup[80];
};

static inline int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    tree_init(&f->tree);
    snprintf(f->proc, sizeof f->proc, "%s/proc", f->tree.root);
    snprintf(f->cgroup, sizeof f->cgroup, "%s/cgroup", f->tree.root);
    tree_write(&f->tree, "proc/meminfo",
               "MemTotal:       16777216 kB\nMemFree:         1000000 kB\n"
               "MemAvailable:   12582912 kB\nBuffers:          100000 kB\n"
               "Cached:          9000000 kB\nShmem:           2000000 kB\n");
    *state = f;
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *f = *state;
    tree_done(&f->tree);
    free(f);
    return 0;
}

static inline int open_host(const struct fixture *f, int64_t memory_limit,
                            struct gov_device **ret_device)
{
    struct gov_device_params params = {
        .memory_limit_bytes = memory_limit,
        .host = {.proc_path = f->proc, .cgroup_root = f->cgroup},
    };
    return gov_device_open("host", &params, ret_device);
}

/* A v2 tree: /a is limited to 8 GiB and fuller than /a/b, which allows 10 GiB. */
static inline void make_v2(const struct fixture *f)
{
    tree_write(&f->tree, "proc/self/cgroup", "0::/a/b\n");
    tree_write(&f->tree, "cgroup/cgroup.controllers", "cpuset cpu io memory pids\n");
    tree_write(&f->tree, "cgroup/a/memory.max", "8589934592\n");
    tree_write(&f->tree, "cgroup/a/memory.high", "max\n");
    tree_write(&f->tree, "cgroup/a/memory.current", "6442450944\n");
    tree_write(&f->tree, "cgroup/a/memory.stat",
               "anon 1\nfile 2\ninactive_file 536870912\nactive_file 1073741824\n"
               "slab_reclaimable 0\n");
    tree_write(&f->tree, "cgroup/a/b/memory.max", "10737418240\n");
    tree_write(&f->tree, "cgroup/a/b/memory.current", "1073741824\n");
    tree_write(&f->tree, "cgroup/a/b/memory.stat", "inactive_file 0\n");
    tree_write(&f->tree, "cgroup/a/b/memory.events", "low 0\nhigh 1\noom 2\noom_kill 3\n");
}

static inline void write_process(const struct fixture *f, int pid, int anon_kb, int shmem_kb,
                                 int file_kb, const char *children)
{
    char path[64], text[512];
    snprintf(path, sizeof path, "proc/%d/status", pid);
    snprintf(text, sizeof text,
             "Name:\tx\nVmHWM:\t%d kB\nVmRSS:\t%d kB\nRssAnon:\t%d kB\nRssFile:\t%d kB\n"
             "RssShmem:\t%d kB\n",
             2 * (anon_kb + shmem_kb + file_kb), anon_kb + shmem_kb + file_kb, anon_kb, file_kb,
             shmem_kb);
    tree_write(&f->tree, path, text);
    snprintf(path, sizeof path, "proc/%d/task/%d/children", pid, pid);
    tree_write(&f->tree, path, children);
}

#endif
