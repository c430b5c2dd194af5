/* Credits: text on a dark even ground, standing or rolling, for a while. */
#ifndef MD_ANALYSIS_CREDITS_H
#define MD_ANALYSIS_CREDITS_H

#include "analysis/look.h"
#include "base/error.h"
#include "media/frame.h"
#include "model/shots.h"

struct md_credits_finder;

struct md_credits_finder *md_credits_finder_new(void); /* NULL when out of memory */
void md_credits_finder_free(struct md_credits_finder *finder);

/* Shows every frame in order with its look; about four a second are looked at, the dark ones
 * closely. MD_ERR_NOMEM. */
int md_credits_finder_add(struct md_credits_finder *finder, const struct md_frame *frame,
                          const struct md_look *look);

/* Is this picture a card of text? For a finder that serves nothing else. */
bool md_credits_finder_is_card(struct md_credits_finder *finder, const struct md_frame *frame,
                               const struct md_look *look);

/* What comes until until_us is not shown, and is as what was shown last. */
void md_credits_finder_skip(struct md_credits_finder *finder, int64_t until_us);

/* The ranges found, in order, in a film that ends at end_us. Call once, at the end. MD_ERR_NOMEM.
 */
int md_credits_finder_finish(struct md_credits_finder *finder, int64_t end_us,
                             struct md_credits_vec *ret_credits);

/* Moves the ends of ranges to shot boundaries nearby and marks the shots inside. */
void md_credits_mark(struct md_credits_vec *credits, struct md_shot_vec *shots);

#endif
