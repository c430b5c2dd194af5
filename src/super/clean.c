/* A worker leaves nothing behind; one that was killed could not. The next worker on the movie
 * clears it away, but after the last one that is us. */
#include "super/super_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
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
