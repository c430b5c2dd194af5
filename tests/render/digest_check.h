/* Proves a finished digest: its file is what players ask for, it decodes without a complaint, what
 * was copied is the movie's to the bit, what was encoded at the edges is close to it, and every
 * frame stands where it belongs. No special content is needed. */
#ifndef MD_TESTS_DIGEST_CHECK_H
#define MD_TESTS_DIGEST_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/vec.h"
#include "model/artifact.h"
#include "model/media.h"
#include "model/render.h"

/* Luma, the least of any encoded frame and the mean over all of them. */
#define DIGEST_CHECK_LEAST_PSNR 32.0
#define DIGEST_CHECK_MEAN_PSNR  38.0

struct digest_check {
    int64_t frames, copied, encoded; /* compared with the movie */
    double least_psnr, mean_psnr;    /* of those encoded; 100 where all is the same */
    double end_offset_ms;            /* the sound ends this much after the picture */
    struct md_strings problems;      /* sentences; none: the digest is good */
};

/* media: of the movie. An error is one of reading; what is wrong with the digest is in problems.
 * Free with digest_check_done. */
int digest_check(const char *movie, const struct md_media *media, const char *digest,
                 const struct md_render *render, struct digest_check *ret,
                 struct md_failure *failure);
void digest_check_done(struct digest_check *check);

#endif
