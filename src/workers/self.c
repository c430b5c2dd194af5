#include "workers/self.h"

#include <fcntl.h>
#include <inttypes.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "ipc/protocol.h"

/* Everything here is a favour, not a condition: a sandbox may refuse any of it. */
static void write_text(const char *path, const char *text)
{
    md_autoclose int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd >= 0)
        (void)!write(fd, text, strlen(text));
}

/* Memory that is asked for but never touched counts against a lease that is enforced by address
 * space (super/enforce.c): 8 MB of stack for each of a codec's threads, heaps of 64 MB for each of
 * them. FFmpeg and x264 live with the 1 MB that other systems give them. */
static void keep_address_space_small(void)
{
    const size_t stack_bytes = 1024 * 1024;
    const int arenas = 2;                /* two threads that allocate at once are the most here */
    const int mapped_bytes = 256 * 1024; /* pictures are given back whole, and at once */
    pthread_attr_t attributes;
    mallopt(M_ARENA_MAX, arenas);
    mallopt(M_MMAP_THRESHOLD, mapped_bytes);
    if (pthread_attr_init(&attributes) != 0)
        return;
    if (pthread_attr_setstacksize(&attributes, stack_bytes) == 0)
        (void)pthread_setattr_default_np(&attributes);
    pthread_attr_destroy(&attributes);
}

void md_self_settle(long parent)
{
    const struct rlimit no_core = {0, 0};
    const struct rlimit few_files = {256, 256}; /* a movie, its subtitles, a dozen outputs */
    const int niceness = 5; /* behind what a person waits for, before pure idle work */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (parent > 0 && getppid() != (pid_t)parent)
        _exit(0);
    signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error with a name, not an end */
    close_range(MD_IPC_WORKER_FD + 1, ~0U, 0); /* whatever a careless parent left open */
    setrlimit(RLIMIT_CORE, &no_core);
    setrlimit(RLIMIT_NOFILE, &few_files);
    write_text("/proc/self/oom_score_adj", "500"); /* of 1000: before the desktop and ourselves */
    (void)!nice(niceness);
    keep_address_space_small();
}

int64_t md_self_peak_bytes(void)
{
    md_autofclose FILE *status = fopen("/proc/self/status", "re");
    char line[256];
    int64_t kib;
    while (status && fgets(line, sizeof line, status))
        if (sscanf(line, "VmHWM: %" SCNd64 " kB", &kib) == 1)
            return kib * 1024;
    return 0;
}

void md_self_reset_peak(void)
{
    malloc_trim(0);                           /* what an earlier stage left is not this one's */
    write_text("/proc/self/clear_refs", "5"); /* proc(5): reset the peak resident set size */
}

static int64_t microseconds(struct timeval t)
{
    return (int64_t)t.tv_sec * 1000000 + t.tv_usec;
}

int64_t md_self_cpu_us(void)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) < 0)
        return 0;
    return microseconds(usage.ru_utime) + microseconds(usage.ru_stime);
}
