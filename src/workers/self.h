/* What a worker process does to itself first. */
#ifndef MD_WORKERS_SELF_H
#define MD_WORKERS_SELF_H

#include <stdint.h>

/* Dies with its parent (whose pid is given, so that a parent that is dead already is noticed),
 * leaves no core files, is the kernel's first choice when memory runs out, and gives way to what
 * the person does meanwhile. */
void md_self_settle(long parent);

/* Resident peak since the last md_self_reset_peak in bytes, 0 unknown; and user plus system
 * time so far, in microseconds. Linux: VmHWM of /proc/self/status, getrusage. */
int64_t md_self_peak_bytes(void);
void md_self_reset_peak(void);
int64_t md_self_cpu_us(void);

#endif
