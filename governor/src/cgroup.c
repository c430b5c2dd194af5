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
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gov/error.h>

#include "util.h"

enum {
    TEXT_SIZE = 16384,
    KEPT_LEVELS = 16 /* deeper groups are read too, without keeping their files open */
};

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

static bool is_mount(struct gov_cgroup *group, const char *root, const char *below,
                     const char *proof)
{
    int n = snprintf(group->mount, sizeof group->mount, "%s%s", root, below);
    return n > 0 && n < GOV_CGROUP_PATH_MAX / 2 && exists_in(group->mount, proof);
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

/* One level for each folder from the leaf up to the mount. */
static int make_levels(struct gov_cgroup *group)
{
    size_t mount_length = strlen(group->mount), length = strlen(group->leaf);
    size_t count = 1;
    for (size_t i = mount_length; i < length; i++)
        count += group->leaf[i] == '/';
    group->levels = calloc(count, sizeof *group->levels);
    if (!group->levels)
        return GOV_E_NOMEM;
    for (;;) {
        group->levels[group->level_count++].folder_length = length;
        while (length > mount_length && group->leaf[length - 1] != '/')
            length--;
        if (length == mount_length)
            return GOV_OK;
        length--;
    }
}

static int settle(struct gov_cgroup *group, enum gov_cgroup_version version, char *self_cgroup)
{
    find_leaf(group, find_path(self_cgroup, version));
    int error = make_levels(group);
    if (!error)
        group->version = version;
    return error;
}

int gov_cgroup_find(char *self_cgroup, const char *cgroup_root, struct gov_cgroup *ret_group)
{
    static const char *const v2_places[] = {"", "/unified"};
    memset(ret_group, 0, sizeof *ret_group);
    ret_group->hidden_limit_bytes = -1;
    for (size_t i = 0; i < sizeof v2_places / sizeof v2_places[0]; i++) {
        if (is_mount(ret_group, cgroup_root, v2_places[i], "cgroup.controllers") &&
            v2_has_memory(ret_group))
            return settle(ret_group, GOV_CGROUP_V2, self_cgroup);
    }
    if (is_mount(ret_group, cgroup_root, "/memory", "memory.limit_in_bytes"))
        return settle(ret_group, GOV_CGROUP_V1, self_cgroup);
    memset(ret_group, 0, sizeof *ret_group);
    return GOV_OK;
}

static void close_level(struct gov_cgroup_level *level)
{
    for (size_t i = 0; i < GOV_CGROUP_LIMIT_FILES; i++)
        gov_kept_close(&level->limits[i]);
    gov_kept_close(&level->usage);
    gov_kept_close(&level->stat);
}

void gov_cgroup_done(struct gov_cgroup *group)
{
    for (size_t i = 0; i < group->level_count; i++)
        close_level(&group->levels[i]);
    free(group->levels);
    gov_kept_close(&group->events);
    gov_kept_close(&group->pressure);
    gov_kept_close(&group->leaf_stat);
    memset(group, 0, sizeof *group);
}

/* One reading of all levels. */
struct reading {
    struct gov_cgroup *group;
    enum gov_kept_effort effort;
    int64_t unlimited_bytes;
    struct gov_cgroup_limits *limits;
};

static int64_t read_level_file(const struct reading *r, struct gov_kept *kept,
                               const struct gov_cgroup_level *level, const char *name, char *text,
                               size_t size)
{
    return gov_kept_read(kept, r->group->leaf, level->folder_length, name, r->effort, text, size);
}

/* "max" is no limit, and so is what cannot be read. */
static bool read_number(const struct reading *r, struct gov_kept *kept,
                        const struct gov_cgroup_level *level, const char *name, int64_t *ret_bytes)
{
    char text[64];
    const char *p = text;
    return read_level_file(r, kept, level, name, text, sizeof text) > 0 &&
           gov_parse_i64(&p, ret_bytes);
}

static int64_t reclaimable_cache(const struct reading *r, struct gov_cgroup_level *level)
{
    char text[TEXT_SIZE];
    if (read_level_file(r, &level->stat, level, "memory.stat", text, sizeof text) <= 0)
        return 0;
    bool v2 = r->group->version == GOV_CGROUP_V2;
    int64_t inactive = 0, active = 0, slab = 0;
    gov_find_i64(text, v2 ? "inactive_file " : "total_inactive_file ", &inactive);
    gov_find_i64(text, v2 ? "active_file " : "total_active_file ", &active);
    if (v2)
        gov_find_i64(text, "slab_reclaimable ", &slab);
    return gov_add_saturated(inactive, gov_add_saturated(active / 2, slab / 2));
}

static int64_t level_usage(const struct reading *r, struct gov_cgroup_level *level)
{
    bool v2 = r->group->version == GOV_CGROUP_V2;
    int64_t usage;
    if (!read_number(r, &level->usage, level, v2 ? "memory.current" : "memory.usage_in_bytes",
                     &usage))
        usage = 0;
    return MAX(usage - reclaimable_cache(r, level), 0);
}

static void apply(const struct reading *r, const struct gov_cgroup_level *level,
                  int64_t limit_bytes, int64_t usage_bytes, const char *file)
{
    struct gov_cgroup_limits *limits = r->limits;
    int64_t headroom = MAX(limit_bytes - usage_bytes, 0);
    if (!limits->limited || headroom < limits->headroom_bytes)
        limits->headroom_bytes = headroom;
    if (!limits->limited || limit_bytes < limits->limit_bytes) {
        size_t mount_length = strlen(r->group->mount);
        size_t length = level->folder_length - mount_length;
        const char *below = length ? r->group->leaf + mount_length : "/";
        limits->limit_bytes = limit_bytes;
        snprintf(limits->limited_by, sizeof limits->limited_by, "%s of cgroup %.*s", file,
                 (int)MIN(MAX(length, 1), 80), below);
    }
    limits->limited = true;
}

static void read_level(const struct reading *r, struct gov_cgroup_level *level)
{
    static const char *const v2_files[] = {"memory.max", "memory.high"};
    static const char *const v1_files[] = {"memory.limit_in_bytes"};
    bool v2 = r->group->version == GOV_CGROUP_V2;
    int64_t limit, usage = -1;
    for (size_t i = 0; i < (v2 ? 2 : 1); i++) {
        const char *file = v2 ? v2_files[i] : v1_files[i];
        if (!read_number(r, &level->limits[i], level, file, &limit) || limit >= r->unlimited_bytes)
            continue;
        if (usage < 0)
            usage = level_usage(r, level);
        apply(r, level, limit, usage, file);
    }
}

/* v1 tells a limit above the visible part of the tree only in memory.stat: read seldom. */
static void read_hidden_limit(const struct reading *r)
{
    struct gov_cgroup *group = r->group;
    if (r->effort == GOV_KEPT_LOOK) {
        char text[TEXT_SIZE];
        group->hidden_limit_bytes = -1;
        if (read_level_file(r, &group->leaf_stat, &group->levels[0], "memory.stat", text,
                            sizeof text) > 0 &&
            !gov_find_i64(text, "hierarchical_memory_limit ", &group->hidden_limit_bytes))
            group->hidden_limit_bytes = -1;
    }
    int64_t limit = group->hidden_limit_bytes;
    if (limit < 0 || limit >= r->unlimited_bytes ||
        (r->limits->limited && limit >= r->limits->limit_bytes))
        return;
    struct gov_cgroup_level *mount = &group->levels[group->level_count - 1];
    apply(r, mount, limit, level_usage(r, mount), "hierarchical_memory_limit");
}

static void read_oom_kills(const struct reading *r)
{
    char text[TEXT_SIZE];
    struct gov_cgroup *group = r->group;
    const char *name = group->version == GOV_CGROUP_V2 ? "memory.events" : "memory.oom_control";
    int64_t kills;
    if (read_level_file(r, &group->events, &group->levels[0], name, text, sizeof text) > 0 &&
        gov_find_i64(text, "oom_kill ", &kills)) {
        r->limits->has_oom_kills = true;
        r->limits->oom_kills = (uint64_t)kills;
    }
}

void gov_cgroup_read(struct gov_cgroup *group, bool look, int64_t unlimited_bytes,
                     struct gov_cgroup_limits *ret_limits)
{
    memset(ret_limits, 0, sizeof *ret_limits);
    if (group->version == GOV_CGROUP_NONE)
        return;
    struct reading r = {group, look ? GOV_KEPT_LOOK : GOV_KEPT_RETRY, unlimited_bytes, ret_limits};
    for (size_t i = 0; i < group->level_count; i++) {
        read_level(&r, &group->levels[i]);
        if (i >= KEPT_LEVELS)
            close_level(&group->levels[i]);
    }
    if (group->version == GOV_CGROUP_V1)
        read_hidden_limit(&r);
    read_oom_kills(&r);
}

int64_t gov_cgroup_read_pressure(struct gov_cgroup *group, bool look, char *text, size_t size)
{
    if (group->version != GOV_CGROUP_V2)
        return GOV_E_IO;
    struct reading r = {.group = group, .effort = look ? GOV_KEPT_LOOK : GOV_KEPT_RETRY};
    return read_level_file(&r, &group->pressure, &group->levels[0], "memory.pressure", text, size);
}
