#include "cli/place.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "cli/scan.h"

#define QUEUE_FILE "moviedigest/queue.db"

char *md_place_path(const struct md_options *options, char *(*get_env)(const char *name))
{
    if (options->queue)
        return md_scan_absolute(options->queue);
    const char *folder = get_env("XDG_STATE_HOME");
    if (folder && folder[0] == '/')
        return md_path_join(folder, QUEUE_FILE);
    const char *home = get_env("HOME");
    return home && home[0] == '/' ? md_path_join(home, ".local/state/" QUEUE_FILE) : NULL;
}

/* A command holds the lock for milliseconds; an instance that runs says where it can be reached. */
static int take_lock(struct md_place *place, const char *path, struct md_queue_holder *ret_holder,
                     struct md_failure *failure)
{
    const int64_t patience_us = 2 * MD_SECOND_US;
    const struct timespec moment = {.tv_nsec = 20000000};
    int64_t until_us = md_clock_monotonic_us() + patience_us;
    for (;;) {
        int r = md_queue_lock(path, &place->lock_fd, ret_holder, failure);
        if (r != MD_ERR_BUSY || ret_holder->socket[0] || md_clock_monotonic_us() >= until_us)
            return r;
        nanosleep(&moment, NULL);
    }
}

int md_place_open(struct md_place *place, const char *path, struct md_queue_holder *ret_holder,
                  struct md_failure *failure)
{
    *place = (struct md_place)MD_PLACE_NONE;
    *ret_holder = (struct md_queue_holder){0};
    int r = take_lock(place, path, ret_holder, failure);
    if (r == MD_OK)
        r = md_queue_lock_announce(place->lock_fd, NULL, failure);
    if (r == MD_OK && !(place->path = strdup(path)))
        r = md_fail(failure, MD_ERR_NOMEM, "out of memory");
    if (r == MD_OK)
        r = md_queue_open(path, &place->queue, failure);
    if (r == MD_OK)
        r = md_queue_take_over(place->queue, failure);
    if (r < 0)
        md_place_close(place);
    return r;
}

int md_place_open_memory(struct md_place *place, struct md_failure *failure)
{
    *place = (struct md_place)MD_PLACE_NONE;
    return md_queue_open(NULL, &place->queue, failure);
}

int md_place_open_copy(struct md_place *place, const char *path, struct md_failure *failure)
{
    *place = (struct md_place)MD_PLACE_NONE;
    int r = md_queue_open_copy(path, &place->queue, failure);
    return r == MD_OK ? md_queue_take_over(place->queue, failure) : r;
}

void md_place_close(struct md_place *place)
{
    md_queue_close(place->queue);
    if (place->lock_fd >= 0)
        close(place->lock_fd);
    free(place->path);
    *place = (struct md_place)MD_PLACE_NONE;
}

static bool is_ours(const char *folder)
{
    struct stat st;
    return folder && folder[0] == '/' && stat(folder, &st) == 0 && S_ISDIR(st.st_mode) &&
           st.st_uid == geteuid() && access(folder, W_OK) == 0;
}

bool md_place_socket(const char *path, char *(*get_env)(const char *name), char **ret_folder,
                     char **ret_name)
{
    const char *runtime = get_env("XDG_RUNTIME_DIR");
    md_autostr folder = {0}, name = {0};
    if (is_ours(runtime)) {
        /* One folder for all queues: the name tells them apart. */
        md_str_printf(&folder, "%s/moviedigest", runtime);
        md_str_printf(&name, "%016" PRIx64, md_hash(MD_HASH_START, path, strlen(path)));
    } else {
        md_str_printf(&folder, "%s.control", path);
        md_str_append(&name, "socket");
    }
    char *owned_folder = md_str_take(&folder), *owned_name = md_str_take(&name);
    if (!owned_folder || !owned_name) {
        free(owned_folder);
        free(owned_name);
        return false;
    }
    *ret_folder = owned_folder;
    *ret_name = owned_name;
    return true;
}
