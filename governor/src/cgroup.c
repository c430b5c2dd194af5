/*
 * Control groups. A limit anywhere on the path from our group to the root binds us, so every level
 * is read and the tightest wins, separately for the size of the pool (limit) and for what is
 * left of it (headroom): a parent shared with other containers may be fuller than our own group.
 *
 * Page cache counts as usage in a group but is dropped under pressure. As the kernel does for
 * MemAvailable we do not count all of it as free: the inactive file list and half of the active
 * one and of reclaimable slab. Shared memory and tmpfs are on the anonymous lists, hence in use.
 *
 * v2 has memory.max (kill) and memory.high (throttle to a crawl); both are treated as the end.
 * v1's memory.stat also states hierarchical_memory_limit, which includes parents that a container
 * cannot see.
 *
 * /proc/self/cgroup gives the path as seen from the root of our cgroup namespace; in a container
 * without one, the mount shows only a part of it. So leading components are dropped until the
 * folder exists; the mount itself always does.
 */
#include "cgroup.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util.h"

enum { TEXT_SIZE = 16384 };

static bool join(char *path, size_t size, const char *folder, const char *name)
{
    int n = snprintf(path, size, "%s/%s", folder, name);
    return n > 0 && (size_t)n < size;
}

static int64_t read_in(const char *folder, const char *name, char *text, size_t size)
{
    char path[GOV_CGROUP_PATH_MAX + 64];
    if (!join(path, sizeof path, folder, name))
        return -1;
    return gov_read_text(path, text, size);
}

static bool exists_in(const char *folder, const char *name)
{
    char path[GOV_CGROUP_PATH_MAX + 64];
    return join(path, sizeof path, folder, name) && !access(path, F_OK);
}

/* Does a v1 controller list ("cpu,memory") name memory? */
static bool names_memory(const char *list, size_t length)
{
    const char *end = list + length;
    while (list < end) {
        const char *comma = memchr(list, ',', (size_t)(end - list));
        size_t n = (size_t)((comma ? comma : end) - list);
        if (n == 6 && !memcmp(list, "memory", 6))
            return true;
        list += n + 1;
    }
    return false;
}

/*
 * Finds our path in /proc/self/cgroup, lines "ID:CONTROLLERS:PATH"; v2 is "0::PATH". The path is
 * ended in place. NULL when absent.
 */
static char *find_path(char *text, enum gov_cgroup_version version)
{
    for (char *line = text; line && *line;) {
        char *next = strchr(line, '\n');
        if (next)
            *next++ = 0;
        char *first = strchr(line, ':');
        char *second = first ? strchr(first + 1, ':') : NULL;
        if (second && second[1] == '/') {
            bool v2 = second == first + 1 && first - line == 1 && line[0] == '0';
            if (version == GOV_CGROUP_V2 && v2)
                return second + 1;
            if (version == GOV_CGROUP_V1 && names_memory(first + 1, (size_t)(second - first - 1)))
                return second + 1;
        }
        line = next;
    }
    return NULL;
}

static void find_leaf(struct gov_cgroup *group, const char *path)
{
    size_t mount_length = strlen(group->mount);
    memcpy(group->leaf, group->mount, mount_length + 1);
    /* ".." means a group outside of what we may see: all that is left is the mount. */
    if (!path || strstr(path, "/..") || mount_length + strlen(path) >= sizeof group->leaf)
        return;
    for (; path && *path == '/' && path[1]; path = strchr(path + 1, '/')) {
        memcpy(group->leaf + mount_length, path, strlen(path) + 1);
        if (!access(group->leaf, F_OK))
            return;
    }
    group->leaf[mount_length] = 0;
}

static bool try_mount(struct gov_cgroup *group, const char *root, const char *below,
                      enum gov_cgroup_version version, const char *proof, const char *proc_path)
{
    int n = snprintf(group->mount, sizeof group->mount, "%s%s", root, below);
    if (n <= 0 || n >= GOV_CGROUP_PATH_MAX / 2 || !exists_in(group->mount, proof))
        return false;
    char text[TEXT_SIZE];
    char *path = NULL;
    if (read_in(proc_path, "self/cgroup", text, sizeof text) > 0)
        path = find_path(text, version);
    find_leaf(group, path);
    group->version = version;
    return true;
}

/* Is memory governed by v2 here? On hybrid systems v2 is mounted but has no memory controller. */
static bool v2_has_memory(const struct gov_cgroup *group)
{
    char text[TEXT_SIZE];
    if (read_in(group->mount, "cgroup.controllers", text, sizeof text) < 0)
        return false;
    for (const char *p = text; (p = strstr(p, "memory")); p += 6) {
        bool starts = p == text || p[-1] == ' ';
        bool ends = p[6] == 0 || p[6] == ' ' || p[6] == '\n';
        if (starts && ends)
            return true;
    }
    return false;
}

void gov_cgroup_find(const char *proc_path, const char *cgroup_root, struct gov_cgroup *ret_group)
{
    static const char *const v2_places[] = {"", "/unified"};
    memset(ret_group, 0, sizeof *ret_group);
    for (size_t i = 0; i < sizeof v2_places / sizeof v2_places[0]; i++) {
        if (try_mount(ret_group, cgroup_root, v2_places[i], GOV_CGROUP_V2, "cgroup.controllers",
                      proc_path) &&
            v2_has_memory(ret_group))
            return;
    }
    if (try_mount(ret_group, cgroup_root, "/memory", GOV_CGROUP_V1, "memory.limit_in_bytes",
                  proc_path))
        return;
    memset(ret_group, 0, sizeof *ret_group);
}

/* "max" is no limit, and so is what cannot be read. */
static bool read_limit(const char *folder, const char *name, int64_t unlimited_bytes,
                       int64_t *ret_bytes)
{
    char text[64];
    const char *p = text;
    if (read_in(folder, name, text, sizeof text) <= 0 || !gov_parse_i64(&p, ret_bytes))
        return false;
    return *ret_bytes < unlimited_bytes;
}

static int64_t read_number(const char *folder, const char *name)
{
    char text[64];
    const char *p = text;
    int64_t value;
    if (read_in(folder, name, text, sizeof text) <= 0 || !gov_parse_i64(&p, &value))
        return 0;
    return value;
}

static int64_t reclaimable_cache(const char *folder, enum gov_cgroup_version version)
{
    char text[TEXT_SIZE];
    if (read_in(folder, "memory.stat", text, sizeof text) <= 0)
        return 0;
    bool v2 = version == GOV_CGROUP_V2;
    int64_t inactive = 0, active = 0, slab = 0;
    gov_find_i64(text, v2 ? "inactive_file " : "total_inactive_file ", &inactive);
    gov_find_i64(text, v2 ? "active_file " : "total_active_file ", &active);
    if (v2)
        gov_find_i64(text, "slab_reclaimable ", &slab);
    return gov_add_saturated(inactive, gov_add_saturated(active / 2, slab / 2));
}

struct level {
    const char *folder;
    const char *below_mount;
    int64_t usage_bytes; /* cache taken off; -1: not read yet */
};

static void apply(const struct gov_cgroup *group, struct level *level, int64_t limit_bytes,
                  const char *file, struct gov_cgroup_limits *limits)
{
    if (level->usage_bytes < 0) {
        bool v2 = group->version == GOV_CGROUP_V2;
        int64_t usage = read_number(level->folder, v2 ? "memory.current" : "memory.usage_in_bytes");
        level->usage_bytes = MAX(usage - reclaimable_cache(level->folder, group->version), 0);
    }
    int64_t headroom = MAX(limit_bytes - level->usage_bytes, 0);
    if (!limits->limited || headroom < limits->headroom_bytes)
        limits->headroom_bytes = headroom;
    if (!limits->limited || limit_bytes < limits->limit_bytes) {
        limits->limit_bytes = limit_bytes;
        const char *path = *level->below_mount ? level->below_mount : "/";
        snprintf(limits->limited_by, sizeof limits->limited_by, "%s of cgroup %.80s", file, path);
    }
    limits->limited = true;
}

static void read_level(const struct gov_cgroup *group, struct level *level, int64_t unlimited_bytes,
                       struct gov_cgroup_limits *limits)
{
    static const char *const v2_files[] = {"memory.max", "memory.high", NULL};
    static const char *const v1_files[] = {"memory.limit_in_bytes", NULL};
    const char *const *files = group->version == GOV_CGROUP_V2 ? v2_files : v1_files;
    int64_t limit;
    for (; *files; files++) {
        if (read_limit(level->folder, *files, unlimited_bytes, &limit))
            apply(group, level, limit, *files, limits);
    }
}

/* v1 tells a limit above the visible part of the tree only here. */
static void read_hidden_limit(const struct gov_cgroup *group, int64_t unlimited_bytes,
                              struct gov_cgroup_limits *limits)
{
    char text[TEXT_SIZE];
    int64_t limit;
    if (read_in(group->leaf, "memory.stat", text, sizeof text) <= 0 ||
        !gov_find_i64(text, "hierarchical_memory_limit ", &limit) || limit >= unlimited_bytes ||
        (limits->limited && limit >= limits->limit_bytes))
        return;
    struct level level = {group->mount, "", -1};
    apply(group, &level, limit, "hierarchical_memory_limit", limits);
}

static void read_oom_kills(const struct gov_cgroup *group, struct gov_cgroup_limits *limits)
{
    char text[TEXT_SIZE];
    bool v2 = group->version == GOV_CGROUP_V2;
    int64_t kills;
    if (read_in(group->leaf, v2 ? "memory.events" : "memory.oom_control", text, sizeof text) > 0 &&
        gov_find_i64(text, "oom_kill ", &kills)) {
        limits->has_oom_kills = true;
        limits->oom_kills = (uint64_t)kills;
    }
}

void gov_cgroup_read(const struct gov_cgroup *group, int64_t unlimited_bytes,
                     struct gov_cgroup_limits *ret_limits)
{
    memset(ret_limits, 0, sizeof *ret_limits);
    if (group->version == GOV_CGROUP_NONE)
        return;
    char folder[GOV_CGROUP_PATH_MAX];
    size_t mount_length = strlen(group->mount);
    memcpy(folder, group->leaf, strlen(group->leaf) + 1);
    for (;;) {
        struct level level = {folder, folder + mount_length, -1};
        read_level(group, &level, unlimited_bytes, ret_limits);
        char *slash = strrchr(folder + mount_length, '/');
        if (!slash)
            break;
        *slash = 0;
    }
    if (group->version == GOV_CGROUP_V1)
        read_hidden_limit(group, unlimited_bytes, ret_limits);
    read_oom_kills(group, ret_limits);
}
