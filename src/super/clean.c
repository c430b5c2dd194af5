/* A worker leaves nothing behind; one that was killed could not. The next worker on the movie
 * clears it away, but after the last one that is us. And when we are killed, the next run is it. */
#include "super/super_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"

void md_super_clean_after_(const struct md_job *job)
{
    md_autofree char *path = md_path_join(job->work_dir, MD_WORK_LOCK);
    md_autoclose int fd = path ? open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW) : -1;
    /* Without a lock nobody had begun, or the worker left in good order. */
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
        return;
    md_stage_clean_folders(job->out_dir, job->work_dir);
    unlink(path);
    /* Only folders in which nothing came to be go. */
    rmdir(job->work_dir);
    rmdir(job->out_dir);
}

/* moviedigest-PID-NAMESPACE: whether that process lives can only be told where its number means
 * anything, and groups are seen by all containers of a machine. */
static const char group_prefix[] = "moviedigest-";

static uint64_t own_pid_namespace(void)
{
    struct stat st;
    return stat("/proc/self/ns/pid", &st) == 0 ? (uint64_t)st.st_ino : 0;
}

void md_super_name_group_(long pid, char *name, size_t size)
{
    snprintf(name, size, "%s%ld-%" PRIu64, group_prefix, pid, own_pid_namespace());
}

/* Its number may be somebody else's by now: then the folder is left for another time. */
static bool is_of_dead_run(const char *name)
{
    char expected[64], *end;
    if (strncmp(name, group_prefix, sizeof group_prefix - 1) != 0)
        return false;
    long pid = strtol(name + sizeof group_prefix - 1, &end, 10);
    if (pid <= 0 || *end != '-')
        return false;
    md_super_name_group_(pid, expected, sizeof expected);
    return strcmp(name, expected) == 0 && kill((pid_t)pid, 0) < 0 && errno == ESRCH;
}

/* Groups hold folders and the kernel's files, of which rmdir knows; one with a process in it stays.
 */
static void remove_group(const char *path)
{
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
            continue;
        md_autofree char *child = md_path_join(path, entry->d_name);
        if (child)
            (void)rmdir(child);
    }
    if (folder)
        closedir(folder);
    (void)rmdir(path);
}

void md_super_remove_dead_groups_(const char *parent)
{
    DIR *folder = opendir(parent);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        if (!is_of_dead_run(entry->d_name))
            continue;
        md_autofree char *path = md_path_join(parent, entry->d_name);
        if (path)
            remove_group(path);
    }
    if (folder)
        closedir(folder);
}
