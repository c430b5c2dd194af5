/* libgov internal: memory limits of our control group and all groups above it, v2 and v1. */
#ifndef GOV_SRC_CGROUP_H
#define GOV_SRC_CGROUP_H

#include <gov/base.h>

#include "kept.h"

#define GOV_CGROUP_PATH_MAX 4096

enum gov_cgroup_version { GOV_CGROUP_NONE = 0, GOV_CGROUP_V1 = 1, GOV_CGROUP_V2 = 2 };

enum { GOV_CGROUP_LIMIT_FILES = 2 };

/* One group on the way from ours to the root. */
struct gov_cgroup_level {
    size_t folder_length; /* of leaf: the group's folder */
    struct gov_kept limits[GOV_CGROUP_LIMIT_FILES];
    struct gov_kept usage;
    struct gov_kept stat;
};

/* Where our group lives. Zero-fill is valid: no group. */
struct gov_cgroup {
    enum gov_cgroup_version version;
    char mount[GOV_CGROUP_PATH_MAX]; /* "/sys/fs/cgroup", "/sys/fs/cgroup/memory" */
    char leaf[GOV_CGROUP_PATH_MAX];  /* our group's folder, mount or below it */
    struct gov_cgroup_level *levels; /* ours first, the mount last */
    size_t level_count;
    struct gov_kept events;
    struct gov_kept pressure; /* v2 only */
    struct gov_kept leaf_stat;
    int64_t hidden_limit_bytes; /* v1: set above what we see; < 0: none */
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

/*
 * Finds our group. Leaves version NONE when no group limits memory; that is no error. self_cgroup
 * is the text of /proc/self/cgroup, "" when there is none; it is changed. Errors: NOMEM.
 */
int gov_cgroup_find(char *self_cgroup, const char *cgroup_root, struct gov_cgroup *ret_group);

/* Closes everything; the group is zero-filled. */
void gov_cgroup_done(struct gov_cgroup *group);

/*
 * Limits of at least unlimited_bytes (the machine's memory) count as none. look: also try files
 * that were absent before and limits that change hardly ever.
 */
void gov_cgroup_read(struct gov_cgroup *group, bool look, int64_t unlimited_bytes,
                     struct gov_cgroup_limits *ret_limits);

/* The group's own pressure (PSI) file; negative when there is none. */
int64_t gov_cgroup_read_pressure(struct gov_cgroup *group, bool look, char *text, size_t size);

#endif
