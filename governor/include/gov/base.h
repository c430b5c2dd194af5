/* libgov: what every public header needs. C99, clean as C++. */
#ifndef GOV_BASE_H
#define GOV_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Marks what a shared build exports; everything else is hidden. */
#if defined(__GNUC__)
#define GOV_API __attribute__((visibility("default")))
#else
#define GOV_API
#endif

/* One decimal gigabyte. A person always reads GB = 10^9 bytes (a 12 GiB card is "12.9GB"). */
#define GOV_GB INT64_C(1000000000)
#define GOV_MB INT64_C(1000000)

/* Longest label kept (movie, stage, reclaimer), with its end; longer ones are cut. */
#define GOV_LABEL_MAX 64

/* now: at the last reading, -1 unknown; peak: since the last reset; total: all growth ever seen
 * from one reading to the next, or all there ever was. */
struct gov_amount {
    int64_t now;
    int64_t peak;
    int64_t total;
};

#endif
