/* Inside src/media: pixel colours of an md_image as JPEG wants them. */
#ifndef MD_MEDIA_IMAGE_COLOUR_H
#define MD_MEDIA_IMAGE_COLOUR_H

#include "base/error.h"
#include "media/image.h"

/* Fills width * height bytes per plane with full-range BT.601 Y'CbCr (JFIF) in SDR. MD_ERR_NOMEM.
 */
int md_image_to_jfif(const struct md_image *image, uint8_t *const planes[3]);

#endif
