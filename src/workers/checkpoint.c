/* A line is HASH UNIT JSON, and the hash is over the key too: a line of another key is not ours.
 * One write(2) a line and one fdatasync: a unit is some seconds of work, beside which that is
 * nothing. */
#include "workers/checkpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/str.h"

enum { MAX_BYTES = 256 * 1024 * 1024 };

struct md_checkpoint {
    uint64_t key;
    int fd;
    char *path;
};

static uint64_t hash_line(uint64_t key, int64_t unit, const char *json, size_t n)
{
    uint64_t hash = md_hash(key, &unit, sizeof unit);
    return md_hash(hash, json, n);
}

/* One line without its end; false: it is not whole, or of another key. */
static bool parse_line(char *line, uint64_t key, int64_t *ret_unit, json_t **ret_data)
{
    char *end;
    uint64_t hash = strtoull(line, &end, 16);
    if (end != line + 16 || *end != ' ')
        return false;
    int64_t unit = strtoll(end + 1, &end, 10);
    if (*end != ' ' || unit < 0 || hash != hash_line(key, unit, end + 1, strlen(end + 1)))
        return false;
    *ret_data = json_loads(end + 1, JSON_DECODE_ANY, NULL);
    *ret_unit = unit;
    return *ret_data != NULL;
}

/* Tells the whole lines; *ret_good: bytes up to where they end. */
static int read_lines(char *bytes, uint64_t key,
                      int (*told)(void *user, int64_t unit, const json_t *data), void *user,
                      size_t *ret_good)
{
    int r = MD_OK;
    char *at = bytes;
    for (char *end; r == MD_OK && (end = strchr(at, '\n')); at = end + 1) {
        int64_t unit;
        json_t *data;
        *end = '\0';
        if (!parse_line(at, key, &unit, &data))
            break;
        r = told(user, unit, data);
        json_decref(data);
    }
    *ret_good = (size_t)(at - bytes);
    return r;
}

static int fail_to_write(const struct md_checkpoint *checkpoint, int why,
                         struct md_failure *failure)
{
    return md_fail_errno(failure, why,
                         "finished units cannot be kept in %s: make room, or let it "
                         "be written, and run again",
                         checkpoint->path);
}

static int open_file(struct md_checkpoint *checkpoint,
                     int (*told)(void *user, int64_t unit, const json_t *data), void *user,
                     struct md_failure *failure)
{
    md_autofree char *bytes = NULL;
    size_t size = 0, good = 0;
    struct md_failure ignored = {0};
    int r = md_file_read(checkpoint->path, MAX_BYTES, &bytes, &size, &ignored);
    if (r == MD_ERR_NOMEM)
        return md_fail(failure, r, "out of memory");
    if (r == MD_OK)
        r = read_lines(bytes, checkpoint->key, told, user, &good);
    else
        r = MD_OK;
    if (r < 0)
        return md_fail(failure, r, "the units in %s cannot be used", checkpoint->path);
    checkpoint->fd =
        open(checkpoint->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (checkpoint->fd < 0 || ftruncate(checkpoint->fd, (off_t)good) < 0)
        return fail_to_write(checkpoint, errno, failure);
    return MD_OK;
}

int md_checkpoint_open(const char *path, uint64_t key,
                       int (*told)(void *user, int64_t unit, const json_t *data), void *user,
                       struct md_checkpoint **ret_checkpoint, struct md_failure *failure)
{
    struct md_checkpoint *checkpoint = calloc(1, sizeof *checkpoint);
    if (!checkpoint)
        return md_fail(failure, MD_ERR_NOMEM, "out of memory");
    checkpoint->fd = -1;
    checkpoint->key = key;
    checkpoint->path = strdup(path);
    int r = checkpoint->path ? open_file(checkpoint, told, user, failure)
                             : md_fail(failure, MD_ERR_NOMEM, "out of memory");
    if (r < 0) {
        md_checkpoint_close(checkpoint);
        return r;
    }
    *ret_checkpoint = checkpoint;
    return MD_OK;
}

int md_checkpoint_add(struct md_checkpoint *checkpoint, int64_t unit, const json_t *data,
                      struct md_failure *failure)
{
    md_autofree char *json = json_dumps(data, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
    md_autostr line = {0};
    if (!json)
        return md_fail(failure, MD_ERR_NOMEM, "out of memory");
    md_str_printf(&line, "%016" PRIx64 " %" PRId64 " %s\n",
                  hash_line(checkpoint->key, unit, json, strlen(json)), unit, json);
    if (md_str_failed(&line))
        return md_fail(failure, MD_ERR_NOMEM, "out of memory");
    ssize_t n = write(checkpoint->fd, line.s, line.n);
    if (n != (ssize_t)line.n)
        return fail_to_write(checkpoint, n < 0 ? errno : ENOSPC, failure);
    if (fdatasync(checkpoint->fd) < 0)
        return fail_to_write(checkpoint, errno, failure);
    return MD_OK;
}

void md_checkpoint_close(struct md_checkpoint *checkpoint)
{
    if (!checkpoint)
        return;
    if (checkpoint->fd >= 0)
        close(checkpoint->fd);
    free(checkpoint->path);
    free(checkpoint);
}
