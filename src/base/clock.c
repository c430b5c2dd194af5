/* clock_gettime through the vDSO: tens of nanoseconds, no system call. */
#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

static int64_t read_clock_us(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return ts.tv_sec * MD_SECOND_US + ts.tv_nsec / 1000;
}

int64_t md_clock_monotonic_us(void)
{
    return read_clock_us(CLOCK_MONOTONIC);
}

int64_t md_clock_wall_us(void)
{
    return read_clock_us(CLOCK_REALTIME);
}

char *md_format_time(char out[24], int64_t us)
{
    int64_t s = us < 0 ? 0 : us / MD_SECOND_US;
    if (s >= 3600)
        snprintf(out, 24, "%" PRId64 ":%02d:%02d", s / 3600 % 100000000, (int)(s / 60 % 60),
                 (int)(s % 60));
    else
        snprintf(out, 24, "%d:%02d", (int)(s / 60), (int)(s % 60));
    return out;
}

char *md_format_timestamp(char out[24], int64_t us, char separator)
{
    int64_t ms = us < 0 ? 0 : (us + 500) / 1000;
    snprintf(out, 24, "%02" PRId64 ":%02d:%02d%c%03d", ms / 3600000 % 100000000,
             (int)(ms / 60000 % 60), (int)(ms / 1000 % 60), separator, (int)(ms % 1000));
    return out;
}
