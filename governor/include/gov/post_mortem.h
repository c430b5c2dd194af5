/* libgov: what there was when memory ran out, on one screen of text. */
#ifndef GOV_POST_MORTEM_H
#define GOV_POST_MORTEM_H

#include <gov/governor.h>
#include <gov/recorder.h>

#ifdef __cplusplus
extern "C" {
#endif

/* 24 lines of at most 80 characters, and room for what is not ASCII. */
#define GOV_POST_MORTEM_MAX 4096

/*
 * Writes what was asked for, the device, the budget, the level, the leases by owner (most first)
 * and the last events (recorder may be NULL). Lines end in '\n'; what does not fit is cut at a
 * line. Returns the text's length. Thread-safe.
 */
GOV_API size_t gov_post_mortem(struct gov_governor *governor, struct gov_recorder *recorder,
                               const struct gov_oom *oom, char *text, size_t size);

#ifdef __cplusplus
}
#endif

#endif
