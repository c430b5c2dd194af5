/* What a cut costs when the digest is made by copying: pictures between the start of a piece and
 * the film's next entry have to be encoded anew (docs/rendering.md). */
#ifndef MD_SELECT_ENTRIES_H
#define MD_SELECT_ENTRIES_H

#include "model/shots.h"

/* The first entry at or after a time, INT64_MAX when there is none; the last at or before it,
 * INT64_MIN when there is none. Entries and times that differ by less than half a millisecond are
 * the same. */
int64_t md_select_entry_after(const struct md_ints *entries_us, int64_t time_us);
int64_t md_select_entry_before(const struct md_ints *entries_us, int64_t time_us);

/* In seconds of film encoded; 0 where nothing is known of entries. */
double md_select_start_cost(const struct md_ints *entries_us, int64_t time_us);
double md_select_end_cost(const struct md_ints *entries_us, int64_t time_us);

#endif
