/* One decoded picture as plain data: no libav type crosses this line.
 *
 * A frame is borrowed from whoever delivers it (media/video_reader.h says for how long). Tests fill
 * the struct by hand. Samples of 8 bits are bytes; deeper ones are uint16_t of the machine's order.
 */
#ifndef MD_MEDIA_FRAME_H
#define MD_MEDIA_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum md_frame_transfer { MD_FRAME_SDR, MD_FRAME_PQ, MD_FRAME_HLG };

/* Which Y'CbCr equations and primaries, as far as a picture for a person needs it. */
enum md_frame_matrix { MD_FRAME_BT709, MD_FRAME_BT601, MD_FRAME_BT2020 };

struct md_frame {
    /* Y, Cb, Cr. Rows are `stride` bytes apart (may be negative); samples in a row are `step` bytes
     * apart: 1 or 2 when planar, twice that for the interleaved chroma of nv12 and p010. */
    const uint8_t *plane[3];
    ptrdiff_t stride[3];
    int step[3];

    int width, height;                  /* coded picture in luma samples, before rotation */
    int chroma_shift_x, chroma_shift_y; /* 0 or 1: chroma is ceil(size / 2^shift) samples */
    int bit_depth;                      /* 8 to 16: significant bits of a sample */
    int sample_shift;                   /* zero bits below them (p010: 6) */
    bool full_range;                    /* luma 0..2^depth-1, else 16..235 scaled */
    int matrix;                         /* enum md_frame_matrix */
    int transfer;                       /* enum md_frame_transfer */
    int sar_num, sar_den;               /* sample aspect ratio, 1:1 when unknown */

    int64_t pts_us;      /* on the movie's clock (model/media.h); strictly increasing */
    int64_t duration_us; /* until the next frame is shown; > 0 */
    int64_t index;       /* frames in presentation order since open or the last seek, from 0 */
    bool is_key;         /* decodable on its own */
    bool is_interlaced;  /* two fields woven into one picture */
    bool is_damaged;     /* the decoder concealed errors in it */
};

static inline int md_frame_chroma_width(const struct md_frame *frame)
{
    return (frame->width + (1 << frame->chroma_shift_x) - 1) >> frame->chroma_shift_x;
}
static inline int md_frame_chroma_height(const struct md_frame *frame)
{
    return (frame->height + (1 << frame->chroma_shift_y) - 1) >> frame->chroma_shift_y;
}

#endif
