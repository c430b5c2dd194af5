/* Still pictures from frames: a small copy that outlives its frame, and its JPEG file. */
#ifndef MD_MEDIA_IMAGE_H
#define MD_MEDIA_IMAGE_H

#include "base/error.h"
#include "media/frame.h"

/* How a frame becomes a picture. Zero is valid. */
struct md_image_params {
    int max_width, max_height; /* box the shown picture fits into, never enlarged; 0 no limit */
    int rotation;              /* degrees clockwise for display: 0, 90, 180, 270 */
    int crop_left, crop_top, crop_right, crop_bottom; /* coded luma samples cut off before scaling;
                                                         ignored when nothing would be left */
};

/* A scaled copy: 4:4:4 planes in the colours of its frame. Zero is an empty one. Reused by
 * md_image_take without new memory where it fits. */
struct md_image {
    int width, height; /* as stored, before rotation; square pixels */
    int rotation;
    int sample_bytes; /* 1, or 2 (16-bit samples, all bits used) */
    bool full_range;
    int matrix, transfer; /* enum md_frame_matrix, md_frame_transfer */
    int64_t pts_us;
    uint8_t *samples; /* three planes of width * height, one after the other */
    size_t capacity;  /* bytes */
};

/* Keeps what scaling needs between frames of the same kind. One thread at a time. */
struct md_image_scaler;
struct md_image_scaler *md_image_scaler_new(void); /* NULL when out of memory */
void md_image_scaler_free(struct md_image_scaler *scaler);

/* Copies frame, cropped and scaled, into *image. Of an interlaced frame the first field only.
 * MD_ERR_NOMEM, MD_ERR_UNSUPPORTED (planes of no known layout); image is then empty. */
int md_image_take(struct md_image_scaler *scaler, const struct md_frame *frame,
                  const struct md_image_params *params, struct md_image *image);

void md_image_done(struct md_image *image);

/* Writes a baseline 4:2:0 JPEG, rotated for display, HDR brought to SDR. quality: 1 worst to 100.
 * The file is whole or not there; same image, same bytes. MD_ERR_NOMEM, MD_ERR_IO, MD_ERR_NOSPACE,
 * MD_ERR_EXTERNAL (the encoder refuses). */
int md_image_write_jpeg(const struct md_image *image, int quality, const char *path,
                        struct md_failure *failure);

#endif
