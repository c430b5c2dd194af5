/* Credits: text on a dark even ground, standing or rolling, for a while. */
#ifndef MD_ANALYSIS_CREDITS_H
#define MD_ANALYSIS_CREDITS_H

#include "analysis/look.h"
#include "base/error.h"
#include "media/frame.h"
#include "model/shots.h"

enum {
    MD_CREDITS_ROWS = 240, /* sampled of a picture, or all it has */
    MD_CREDITS_COLUMNS = 480,
    MD_CREDITS_PER_SECOND = 4, /* frames looked at */
};

/* Luma, 0..255. */
struct md_credits_grid {
    int32_t rows, columns;
    uint8_t samples[MD_CREDITS_ROWS][MD_CREDITS_COLUMNS];
};

struct md_credits_finder;

struct md_credits_finder *md_credits_finder_new(void); /* NULL when out of memory */
void md_credits_finder_free(struct md_credits_finder *finder);

/* Shows every frame in order with its look; about four a second are looked at, the dark ones
 * closely. MD_ERR_NOMEM. */
int md_credits_finder_add(struct md_credits_finder *finder, const struct md_frame *frame,
                          const struct md_look *look);

/* Is a frame of this time one that md_credits_finder_add looks at? */
bool md_credits_finder_wants(const struct md_credits_finder *finder, int64_t pts_us);

/* The samples it looks at; and the same as md_credits_finder_add for who takes them elsewhere
 * (analysis/cuda). */
void md_credits_sample(const struct md_frame *frame, struct md_credits_grid *ret_grid);
int md_credits_finder_add_grid(struct md_credits_finder *finder, int64_t pts_us,
                               const struct md_credits_grid *grid, const struct md_look *look);

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
