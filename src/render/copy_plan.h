/* Which groups of pictures of a movie a digest can take as they are. Includes libav headers: inside
 * src/render only. */
#ifndef MD_RENDER_COPY_PLAN_H
#define MD_RENDER_COPY_PLAN_H

#include "model/cut.h"
#include "render/copy_source.h"

/* Of one piece: its frames in order of presentation are `head` to encode, `frames` to copy, `tail`
 * to encode. Stamps are the stream's. */
struct md_copy_run {
    int64_t frames; /* 0: all are encoded, and nothing else is set */
    int64_t head, tail;
    int64_t from, until; /* the first one copied, the first after them */
    int64_t last;        /* of those copied, the one shown last */
    int64_t end;         /* the first after the piece */
    uint64_t check;      /* of their stamps in decoding order */
};
struct md_copy_run_vec MD_VEC(struct md_copy_run);

struct md_copy_plan {
    struct md_copy_run_vec runs; /* one a piece */
    int delay;                   /* most frames decoded before one that is shown earlier */
    int64_t frames, copied; /* of all pieces; frames of pieces that cannot be read are not in */
};

/* Reads the packets of the pieces once; memory is 40 bytes for each frame of the longest.
 * MD_ERR_UNSUPPORTED with a reason when nothing can be copied, MD_ERR_CANCELLED, MD_ERR_NOMEM. */
int md_copy_plan_make(const struct md_stage_env *env, const struct md_media *media,
                      const struct md_piece_vec *pieces, struct md_copy_source *source,
                      struct md_copy_plan *ret_plan);
void md_copy_plan_done(struct md_copy_plan *plan);

/* Chains a stamp into md_copy_run.check. */
static inline uint64_t md_copy_check(uint64_t check, int64_t pts)
{
    return (check ^ (uint64_t)pts) * UINT64_C(1099511628211);
}

#endif
