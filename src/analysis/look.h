/* A look at one frame: what is left of a picture of any size, depth and format after reduction to a
 * few kilobytes. Everything that decides about shots works on looks; nothing else of a frame is
 * kept. */
#ifndef MD_ANALYSIS_LOOK_H
#define MD_ANALYSIS_LOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "media/frame.h"

enum {
    MD_LOOK_W = 64,
    MD_LOOK_H = 36,
    MD_LOOK_SIZE = MD_LOOK_W * MD_LOOK_H,
    MD_LOOK_CHROMA_W = 32,
    MD_LOOK_CHROMA_H = 18,
    MD_LOOK_CHROMA_SIZE = MD_LOOK_CHROMA_W * MD_LOOK_CHROMA_H,
    MD_LOOK_COARSE_W = 16,
    MD_LOOK_COARSE_H = 9,
    MD_LOOK_COARSE_SIZE = 3 * MD_LOOK_COARSE_W * MD_LOOK_COARSE_H,
    MD_LOOK_QUADRANTS = 4,
    MD_LOOK_LUMA_BINS = 16,
    MD_LOOK_CHROMA_BINS = 16,
    MD_LOOK_BINS = MD_LOOK_LUMA_BINS + 2 * MD_LOOK_CHROMA_BINS,
    MD_LOOK_ROWS_PER_BOX = 4, /* of taller boxes every n-th row is read, less than twice so many */
};

/* Samples are box averages on the scale 0..255 whatever range and depth the film has; chroma has
 * its zero at 128. HDR luma is bent to about what SDR would show. */
struct md_look {
    int64_t index, pts_us, duration_us;
    uint8_t luma[MD_LOOK_SIZE];
    uint8_t cb[MD_LOOK_CHROMA_SIZE], cr[MD_LOOK_CHROMA_SIZE];

    /* The same, smaller: luma as coarse as chroma; and luma, cb, cr of 16 x 9 one after the other,
     * in quarters of a grey level. */
    uint8_t half_luma[MD_LOOK_CHROMA_SIZE];
    int16_t coarse[MD_LOOK_COARSE_SIZE];

    /* Histograms of each quarter of the picture, each channel spread softly over two bins and
     * each sums to 9216 a channel. */
    uint16_t histogram[MD_LOOK_QUADRANTS][MD_LOOK_BINS];

    float mean;      /* of luma, 0..255 */
    float deviation; /* standard deviation of luma */
    float gradient;  /* mean absolute difference of horizontal and vertical neighbours */
    float colour;    /* mean of |cb - 128| + |cr - 128|: 0 grey, 40 colourful */
};

/* From the average of a frame's samples to 0..255: value * gain + offset. */
struct md_look_scale {
    float luma_gain, luma_offset, chroma_gain, chroma_offset;
};

/* Integers from which the float fields follow. */
struct md_look_sums {
    int32_t sum, squares; /* of luma */
    int32_t gradient;     /* of absolute differences to the right and downwards */
    int32_t colour;       /* of |cb - 128| + |cr - 128| */
};

/* Keeps working memory between frames. */
struct md_looker;
struct md_looker *md_looker_new(void); /* NULL when out of memory */
void md_looker_free(struct md_looker *looker);

/* MD_ERR_NOMEM; the frame may change size and format from call to call. */
int md_look_take(struct md_looker *looker, const struct md_frame *frame, struct md_look *ret_look);

/* Fills everything that follows from the samples: for looks painted by hand. */
void md_look_measure(struct md_look *look);

/* For who takes looks elsewhere (analysis/cuda): how samples are scaled, how HDR luma is bent (not
 * for MD_FRAME_SDR), and the float fields of a look whose others are filled. */
struct md_look_scale md_look_scale_of(const struct md_frame *frame);
void md_look_bend(int transfer, uint8_t ret_table[256]);
void md_look_finish(struct md_look *look, const struct md_look_sums *sums);

#endif
