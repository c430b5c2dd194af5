/* Choosing the picture that stands for a shot, while the film runs by once. */
#ifndef MD_ANALYSIS_KEYFRAME_H
#define MD_ANALYSIS_KEYFRAME_H

#include "analysis/change.h"
#include "analysis/look.h"
#include "media/image.h"

enum {
    MD_KEY_WIDTH = 640, /* box of the pictures */
    MD_KEY_HEIGHT = 640,
    MD_KEY_CANDIDATES = 32, /* pictures held at once: 22 MB, twice that for HDR */
};

struct md_keys;

/* rotation: degrees clockwise for display. NULL when out of memory. */
struct md_keys *md_keys_new(int rotation);
void md_keys_free(struct md_keys *keys);

/* Shows every frame in order, with its look and change (motion as md_motion_of). Takes a copy now
 * and then: often enough that every shot of a few frames has one. Candidates of frames before
 * shot_start are given up. MD_ERR_NOMEM. */
int md_keys_offer(struct md_keys *keys, const struct md_frame *frame, const struct md_look *look,
                  const struct md_change *change, float motion, int64_t shot_start);

/* The best candidate of frames [start, end), preferring those in [clear_start, clear_end), which is
 * the shot without its transitions. NULL when there is none. Borrowed until the next offer. */
const struct md_image *md_keys_choose(const struct md_keys *keys, int64_t start, int64_t end,
                                      int64_t clear_start, int64_t clear_end, float *ret_sharpness);

/* Mean gradient of a picture's luma, 0 flat to 1 very sharp. */
float md_image_sharpness(const struct md_image *image);

#endif
