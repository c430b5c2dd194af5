/* The only place that reads clocks; everything else is handed a time. */
#ifndef MD_BASE_CLOCK_H
#define MD_BASE_CLOCK_H

#include <stdint.h>

#define MD_SECOND_US INT64_C(1000000)

/* Microseconds on a clock that never jumps; no relation to the date. */
int64_t md_clock_monotonic_us(void);

/* Microseconds since 1970, for log lines. */
int64_t md_clock_wall_us(void);

/* Formats a time as h:mm:ss (or m:ss under an hour), rounded down, into out; returns out. */
char *md_format_time(char out[24], int64_t us);

/* Formats as hh:mm:ss.mmm, the form of WebVTT; separator '.' or ','. Negative times become 0. */
char *md_format_timestamp(char out[24], int64_t us, char separator);

#endif
