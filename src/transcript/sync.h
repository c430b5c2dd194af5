/* What options --subtitle-sync and --subtitle-delay do to a candidate. */
#ifndef MD_TRANSCRIPT_SYNC_H
#define MD_TRANSCRIPT_SYNC_H

#include "model/audio.h"
#include "transcript/candidate.h"

/* Compares a loaded candidate with the sound, once, where the options want that; sets its fit and
 * misfit. audio may be NULL. MD_OK or MD_ERR_NOMEM. */
int md_sync_check(const struct md_options *options, const struct md_audio *audio,
                  struct md_candidate *candidate);

/* Is it to be moved as its fit says? */
bool md_sync_moves(const struct md_options *options, const struct md_candidate *candidate);

/* What a person should know about it; false: nothing. */
bool md_sync_describe(const struct md_options *options, const struct md_candidate *candidate,
                      char *text, size_t size);

#endif
