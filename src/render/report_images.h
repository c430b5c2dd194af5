/* Key frames for the report: small copies as data: URIs, and their colours. */
#ifndef MD_RENDER_REPORT_IMAGES_H
#define MD_RENDER_REPORT_IMAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"

/* Remembers how many bytes went into the page. */
struct md_report_images;

/* work_dir: where key images are; max_bytes: of all URIs together. NULL when out of memory. */
struct md_report_images *md_report_images_new(const char *work_dir, size_t max_bytes);
void md_report_images_free(struct md_report_images *images);

/* Appends "data:image/jpeg;base64,..." of a key image (a name as in shots.json) at most `width`
 * wide, never enlarged. Nothing is appended and false comes back when the image is missing or
 * damaged, or the page is full. */
bool md_report_images_append(struct md_report_images *images, const char *key_image, int width,
                             struct md_str *out, int *ret_width, int *ret_height);

/* The same of any JPEG file. */
bool md_report_images_append_file(struct md_report_images *images, const char *path, int width,
                                  struct md_str *out, int *ret_width, int *ret_height);

/* Fills colours[0..n) with the picture's rows from top to bottom as 0xRRGGBB, each the mean of its
 * row: the column it adds to a movie barcode. False as above. */
bool md_report_images_column(struct md_report_images *images, const char *key_image,
                             uint32_t *colours, size_t n);

/* Appends a picture of 0xRRGGBB samples (row by row) as a data: URI. */
bool md_report_images_append_pixels(struct md_report_images *images, const uint32_t *pixels,
                                    int width, int height, struct md_str *out);

#endif
