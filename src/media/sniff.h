/* What a file is when it is not a movie, told from its first bytes. No libav types. Pure. */
#ifndef MD_MEDIA_SNIFF_H
#define MD_MEDIA_SNIFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Enough of the beginning for every rule below. */
enum { MD_SNIFF_BYTES = 4096 };

/* Words for a kind of file that surely is not a movie: "text", "a ZIP archive", "a JPEG picture",
 * "a playlist"; NULL when the bytes may be a movie (or anything else). Static text. */
const char *md_sniff_other(const uint8_t *head, size_t n);

/* Every byte is zero: what an unfinished download with reserved space starts with. */
bool md_sniff_is_zeros(const uint8_t *head, size_t n);

/* What the top-level boxes of an ISO file (mp4, mov) say about how it ends. */
struct md_sniff_boxes {
    bool has_ftyp, has_mdat, has_moov, has_moof;
    bool cut_off; /* the last box claims to reach beyond the end of the file */
};

/* Walks at most 10000 top-level boxes of fd, a file of size_bytes. */
struct md_sniff_boxes md_sniff_iso_boxes(int fd, int64_t size_bytes);

#endif
