/* The units an H.264 or HEVC stream is made of (ITU-T H.264 7.3.1, H.265 7.3.1), and their bits.
 * Reads only, from bytes nobody has checked; whatever they say, nothing outside them is touched. */
#ifndef MD_MEDIA_NAL_H
#define MD_MEDIA_NAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/vec.h"

struct md_bytes MD_VEC(uint8_t);

/* Appends. MD_ERR_NOMEM. */
int md_bytes_add(struct md_bytes *bytes, const void *data, size_t n);

struct md_nal {
    const uint8_t *data; /* header first */
    size_t n;            /* > 0 */
};

enum md_h264_nal {
    MD_H264_SLICE = 1,
    MD_H264_PARTITION_A = 2,
    MD_H264_PARTITION_C = 4,
    MD_H264_IDR = 5,
    MD_H264_SEI = 6,
    MD_H264_SPS = 7,
    MD_H264_PPS = 8,
    MD_H264_DELIMITER = 9,
    MD_H264_END_OF_SEQUENCE = 10,
    MD_H264_END_OF_STREAM = 11,
    MD_H264_FILLER = 12,
};

enum md_hevc_nal {
    MD_HEVC_RADL_N = 6,
    MD_HEVC_RASL_N = 8,
    MD_HEVC_RASL_R = 9,
    MD_HEVC_BLA_W_LP = 16,
    MD_HEVC_BLA_N_LP = 18,
    MD_HEVC_IDR_W_RADL = 19,
    MD_HEVC_IDR_N_LP = 20,
    MD_HEVC_CRA = 21,
    MD_HEVC_LAST_IRAP = 23,
    MD_HEVC_LAST_SLICE = 31,
    MD_HEVC_VPS = 32,
    MD_HEVC_SPS = 33,
    MD_HEVC_PPS = 34,
    MD_HEVC_DELIMITER = 35,
    MD_HEVC_END_OF_SEQUENCE = 36,
    MD_HEVC_END_OF_STREAM = 37,
    MD_HEVC_FILLER = 38,
    MD_HEVC_PREFIX_SEI = 39,
    MD_HEVC_DOLBY_RPU = 62,
};

static inline int md_h264_type(const struct md_nal *nal)
{
    return nal->data[0] & 31;
}
static inline int md_hevc_type(const struct md_nal *nal)
{
    return nal->data[0] >> 1 & 63;
}

/* Goes through a packet. length_size: bytes of the length before each unit (MP4, Matroska: 1, 2 or
 * 4); 0: start codes (Annex B). */
struct md_nal_walk {
    const uint8_t *at, *end;
    int length_size;
    bool is_broken; /* a length pointed outside; set when the walk has ended */
};

bool md_nal_next(struct md_nal_walk *walk, struct md_nal *ret_nal);

/* Appends the unit with a start code before it. MD_ERR_NOMEM. */
int md_nal_put(struct md_bytes *out, const struct md_nal *nal);

/* The payload after `header` bytes, without emulation prevention, at most `most` bytes of it;
 * appends. MD_ERR_NOMEM. */
int md_nal_unescape(const struct md_nal *nal, size_t header, size_t most, struct md_bytes *out);

/* Appends payload with emulation prevention. MD_ERR_NOMEM. */
int md_nal_escape(const uint8_t *payload, size_t n, struct md_bytes *out);

struct md_bits {
    const uint8_t *data;
    size_t n, at; /* in bits */
    bool over;    /* something was read past the end: all that was read since is 0 */
};

static inline struct md_bits md_bits_of(const struct md_bytes *payload)
{
    return (struct md_bits){.data = payload->v, .n = payload->n * 8};
}
uint32_t md_bits_get(struct md_bits *bits, int n); /* 0 to 32 */
uint32_t md_bits_ue(struct md_bits *bits);         /* 9.1 of H.264; at most 2^32 - 2 */
int32_t md_bits_se(struct md_bits *bits);

struct md_bit_writer {
    struct md_bytes *out;
    int free_bits; /* in the last byte */
    bool failed;   /* out of memory */
};
void md_bits_put(struct md_bit_writer *writer, uint32_t value, int n);
void md_bits_put_ue(struct md_bit_writer *writer, uint32_t value);
/* The bits from..to of `bits`. */
void md_bits_copy(struct md_bit_writer *writer, struct md_bits bits, size_t from, size_t to);
/* A one, then zeros to the end of the byte (rbsp_trailing_bits, byte_alignment). */
void md_bits_align(struct md_bit_writer *writer);

#endif
