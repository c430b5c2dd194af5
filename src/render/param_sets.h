/* The parameter sets of an H.264 or HEVC stream: those of a movie, which copied pictures go on
 * using, and those of an encoder, renumbered so that both can stand in one header. Includes libav
 * headers: inside src/render only. */
#ifndef MD_RENDER_PARAM_SETS_H
#define MD_RENDER_PARAM_SETS_H

#include <libavcodec/avcodec.h>

#include "base/error.h"
#include "media/nal.h"

enum md_param_kind { MD_PARAM_VPS, MD_PARAM_SPS, MD_PARAM_PPS };

struct md_param_set {
    int kind; /* enum md_param_kind */
    uint32_t id;
    struct md_bytes bytes; /* the unit, header first */
};
struct md_param_set_vec MD_VEC(struct md_param_set);

struct md_param_sets {
    bool is_hevc;
    int length_size; /* of the stream's packets, see md_nal_walk */
    struct md_param_set_vec sets;
};

/* What has to be alike in everything that goes into one track. */
struct md_picture_format {
    uint8_t profile_tier_level[12]; /* HEVC: the general part; H.264: profile, constraints, level */
    uint32_t chroma, luma_bits, chroma_bits; /* chroma: 1 is 4:2:0 */
    uint32_t coded_width, coded_height;      /* luma samples */
    uint32_t width, height;                  /* after cropping */
    bool frames_only;                        /* no fields (H.264) */
};

/* From codecpar->extradata (avcC, hvcC or start codes). Zeroed first; free with done.
 * MD_ERR_UNSUPPORTED: another codec, no parameter sets, or damaged ones; MD_ERR_NOMEM. */
int md_param_sets_read(const AVCodecParameters *parameters, struct md_param_sets *ret);
void md_param_sets_done(struct md_param_sets *sets);

bool md_param_sets_is_param(const struct md_param_sets *sets, const struct md_nal *nal);

/* A parameter set met in the stream: MD_OK when it is known or new (then it is added);
 * MD_ERR_UNSUPPORTED when it differs from the one of its number, or cannot be read. */
int md_param_sets_offer(struct md_param_sets *sets, const struct md_nal *nal);

/* The format all SPS agree on. MD_ERR_UNSUPPORTED: they do not, or one cannot be read. */
int md_param_sets_format(const struct md_param_sets *sets, struct md_picture_format *ret);

/* Reads an HEVC SPS up to the bit depths; bits->over says whether it was whole. */
void md_hevc_sps_read(struct md_bits *bits, uint32_t *ret_id, struct md_picture_format *ret);

bool md_param_sets_has(const struct md_param_sets *sets, int kind, uint32_t id);

/* Appends all of them with start codes: VPS, SPS, PPS, in the order they were met. */
int md_param_sets_write(const struct md_param_sets *sets, struct md_bytes *out);

/* Gives the sets of another (an encoder's, one of each kind) the numbers given and the profile,
 * tier and level of format, and adds them. MD_ERR_UNSUPPORTED, MD_ERR_NOMEM. */
struct md_param_ids {
    uint32_t vps, sps, pps;
};
int md_param_sets_adopt(struct md_param_sets *sets, const struct md_param_sets *other,
                        const struct md_picture_format *format, struct md_param_ids ids);

#endif
