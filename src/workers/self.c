#include "workers/self.h"

#include <fcntl.h>
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/cleanup.h"

/* Everything here is a favour, not a condition: a sandbox may refuse any of it. */
static void write_text(const char *path, const char *text)
{
    md_autoclose int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd >= 0)
        (void)!write(fd, text, strlen(text));
}

void md_self_settle(long parent)
{
    const struct rlimit no_core = {0, 0};
    const int niceness = 5; /* behind what a person waits for, before pure idle work */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (parent > 0 && getppid() != (pid_t)parent)
        _exit(0);
    setrlimit(RLIMIT_CORE, &no_core);
    write_text("/proc/self/oom_score_adj", "500"); /* of 1000: before the desktop and ourselves */
    (void)!nice(niceness);
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
