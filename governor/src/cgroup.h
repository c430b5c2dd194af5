/* libgov internal: memory limits of our control group and all groups above it, v2 and v1. */
#ifndef GOV_SRC_CGROUP_H
#define GOV_SRC_CGROUP_H

#include <gov/base.h>

#define GOV_CGROUP_PATH_MAX 4096

enum gov_cgroup_version { GOV_CGROUP_NONE = 0, GOV_CGROUP_V1 = 1, GOV_CGROUP_V2 = 2 };

/* Where our group lives; found once, as a process hardly ever changes its group. */
struct gov_cgroup {
    enum gov_cgroup_version version;
    char mount[GOV_CGROUP_PATH_MAX]; /* "/sys/fs/cgroup", "/sys/fs/cgroup/memory" */
    char leaf[GOV_CGROUP_PATH_MAX];  /* our group's folder, mount or below it */
};

/* What the groups allow now. */
struct gov_cgroup_limits {
    bool limited;
    int64_t limit_bytes;    /* the smallest limit on the way up */
    int64_t headroom_bytes; /* the smallest of limit - (usage - cache), not below 0 */
    char limited_by[128];   /* the file that holds the smallest limit, below the mount */
    bool has_oom_kills;
    uint64_t oom_kills;
};

/* Finds our group. Leaves version NONE when no group limits memory; that is no error. */
void gov_cgroup_find(const char *proc_path, const char *cgroup_root, struct gov_cgroup *ret_group);

/* Limits of at least unlimited_bytes (the machine's memory) count as none. */
void gov_cgroup_read(const struct gov_cgroup *group, int64_t unlimited_bytes,
                     struct gov_cgroup_limits *ret_limits);

#endif
