/*
 * Kept descriptors. Files of /proc and of control groups make their text anew for every read from
 * offset 0, so one descriptor serves for ever; and when the process or group behind it ends,
 * reading fails (ESRCH, ENODEV) even if a new one has the same name, so a kept descriptor never
 * tells another process's numbers.
 *
 * An application may have closed our descriptor (a daemon that closes all), and its number may by
 * now be another file. So the file's identity is compared now and then, and always before closing.
 */
#include "kept.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gov/error.h>

enum {
    PATH_SIZE = 4608,
    /*
     * The kernel hands out at least half a page (of 4 KiB) when there is more; what is shorter is
     * all, which saves the read that would only say so.
     */
    SURELY_ALL = 2048
};

/* Is the descriptor still the file that was opened? */
static bool is_ours(const struct gov_kept *kept)
{
    struct stat now;
    return !fstat(kept->fd, &now) && now.st_dev == kept->device && now.st_ino == kept->inode;
}

void gov_kept_close(struct gov_kept *kept)
{
    if (kept->open && is_ours(kept))
        close(kept->fd);
    kept->open = false;
    kept->absent = false;
}

static bool open_kept(struct gov_kept *kept, const char *folder, size_t folder_length,
                      const char *name)
{
    char path[PATH_SIZE];
    struct stat info;
    int n = snprintf(path, sizeof path, "%.*s/%s", (int)folder_length, folder, name);
    int fd = -1;
    if (n > 0 && (size_t)n < sizeof path)
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd >= 0 && fstat(fd, &info)) {
        close(fd);
        fd = -1;
    }
    kept->absent = fd < 0;
    if (fd < 0)
        return false;
    *kept = (struct gov_kept){.open = true, .fd = fd, .device = info.st_dev, .inode = info.st_ino};
    return true;
}

/* From the start. */
static int64_t read_all(const struct gov_kept *kept, char *text, size_t size)
{
    size_t length = 0;
    while (length < size - 1) {
        ssize_t n = pread(kept->fd, text + length, size - 1 - length, (off_t)length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return GOV_E_IO;
        length += (size_t)n;
        if (n < SURELY_ALL)
            break;
    }
    text[length] = 0;
    return (int64_t)length;
}

int64_t gov_kept_read(struct gov_kept *kept, const char *folder, size_t folder_length,
                      const char *name, enum gov_kept_effort effort, char *text, size_t size)
{
    if (kept->open && (effort != GOV_KEPT_LOOK || is_ours(kept))) {
        int64_t length = read_all(kept, text, size);
        if (length > 0)
            return length;
    }
    if (kept->open) {
        gov_kept_close(kept); /* what it was has gone, or is empty: is there a new one? */
        kept->absent = effort == GOV_KEPT_SAME;
    }
    if ((kept->absent && effort != GOV_KEPT_LOOK) || !open_kept(kept, folder, folder_length, name))
        return GOV_E_IO;
    int64_t length = read_all(kept, text, size);
    if (length <= 0)
        gov_kept_close(kept);
    kept->absent = length < 0;
    return length;
}
