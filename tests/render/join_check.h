/* Measures the joins of any digest against its movie: no special content is needed. Both files are
 * decoded around each join; the picture there is compared with the frames of the movie near the one
 * that belongs there, the sound with the movie's sound around that moment. */
#ifndef MD_TESTS_JOIN_CHECK_H
#define MD_TESTS_JOIN_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/vec.h"
#include "model/media.h"
#include "model/render.h"

/* One side of a join. */
struct join_side {
    int64_t digest_us, movie_us; /* the frame in both, first or last of a piece */
    /* The digest shows the frame that many after the one that belongs there; 0 also where the
     * neighbours look the same. */
    int frames_off;
    bool picture_told; /* the neighbouring frames differ enough to tell */
    double difference; /* mean luma difference to the frame that belongs there, 0 to 255 */
    double sound_ms;   /* sound late (> 0) or early against the movie, at that picture */
    double match;      /* correlation at that delay, 0 to 1 */
    bool sound_told;   /* loud, long and varied enough to tell */
};

struct join {
    size_t piece;                /* in render->pieces */
    struct join_side start, end; /* of the piece */
};
struct joins MD_VEC(struct join);

/* Fills ret_joins (zeroed; md_vec_done) with one entry per piece. media: of the movie. */
int join_check(const char *movie, const struct md_media *media, const char *digest,
               const struct md_render *render, struct joins *ret_joins, struct md_failure *failure);

struct join_summary {
    int sides, pictures_told, pictures_off, sounds_told; /* off: by more than 0 frames */
    int most_frames_off;
    double most_sound_ms, mean_sound_ms; /* of absolute values */
};
struct join_summary join_summarize(const struct joins *joins);

#endif
