/* Copied pictures refer to their parameter sets by number, so these stay as they are; those of the
 * re-encoded edges get numbers that are free. Then one sample description holds them all, as
 * ISO/IEC 14496-15 foresees, and a player sees one stream whose sets never change.
 *
 * Only the beginnings of the sets are read (H.264 7.3.2.1, H.265 7.3.2.2). */
#include "render/param_sets.h"

#include <string.h>

#include "base/cleanup.h"

/* Real ones have tens of bytes, with scaling lists hundreds. */
enum { MOST_SET_BYTES = 4096, MOST_SETS = 64, PTL_BYTES = 12 };

static int kind_of(bool is_hevc, const struct md_nal *nal)
{
    if (is_hevc) {
        int type = nal->n >= 2 ? md_hevc_type(nal) : -1;
        return type == MD_HEVC_VPS   ? MD_PARAM_VPS
               : type == MD_HEVC_SPS ? MD_PARAM_SPS
               : type == MD_HEVC_PPS ? MD_PARAM_PPS
                                     : -1;
    }
    int type = md_h264_type(nal);
    return type == MD_H264_SPS ? MD_PARAM_SPS : type == MD_H264_PPS ? MD_PARAM_PPS : -1;
}

static size_t header_size(bool is_hevc)
{
    return is_hevc ? 2 : 1;
}

static int unescape(const struct md_param_sets *sets, const struct md_bytes *nal,
                    struct md_bytes *ret_payload)
{
    return md_nal_unescape(&(struct md_nal){nal->v, nal->n}, header_size(sets->is_hevc),
                           MOST_SET_BYTES, ret_payload);
}

/* ---- SPS ---- */

static void skip_scaling_lists(struct md_bits *bits, int lists)
{
    for (int i = 0; i < lists; i++) {
        if (!md_bits_get(bits, 1))
            continue;
        int32_t last = 8, next = 8;
        for (int k = 0; k < (i < 6 ? 16 : 64) && !bits->over; k++) {
            if (next)
                next = (int32_t)(((uint32_t)last + (uint32_t)md_bits_se(bits)) & 255);
            last = next ? next : last;
        }
    }
}

/* Profiles whose SPS say what their chroma is. */
static bool is_high(uint32_t profile)
{
    static const uint8_t high[] = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135};
    return memchr(high, (int)profile, sizeof high) != NULL;
}

static void crop(struct md_bits *bits, struct md_picture_format *f, uint32_t unit_x,
                 uint32_t unit_y)
{
    f->width = f->coded_width;
    f->height = f->coded_height;
    if (!md_bits_get(bits, 1))
        return;
    uint64_t x = (uint64_t)md_bits_ue(bits) + md_bits_ue(bits);
    uint64_t y = (uint64_t)md_bits_ue(bits) + md_bits_ue(bits);
    if (x * unit_x < f->width && y * unit_y < f->height) {
        f->width -= (uint32_t)x * unit_x;
        f->height -= (uint32_t)y * unit_y;
    }
}

static void read_h264_sps(struct md_bits *bits, uint32_t *ret_id, struct md_picture_format *f)
{
    for (int i = 0; i < 3; i++)
        f->profile_tier_level[i] = (uint8_t)md_bits_get(bits, 8);
    *ret_id = md_bits_ue(bits);
    f->chroma = 1;
    f->luma_bits = f->chroma_bits = 8;
    if (is_high(f->profile_tier_level[0])) {
        f->chroma = md_bits_ue(bits);
        if (f->chroma == 3)
            md_bits_get(bits, 1);
        f->luma_bits = 8 + md_bits_ue(bits);
        f->chroma_bits = 8 + md_bits_ue(bits);
        md_bits_get(bits, 1);
        if (md_bits_get(bits, 1))
            skip_scaling_lists(bits, f->chroma == 3 ? 12 : 8);
    }
    md_bits_ue(bits); /* log2_max_frame_num_minus4 */
    uint32_t order = md_bits_ue(bits);
    if (order == 0) {
        md_bits_ue(bits);
    } else if (order == 1) {
        md_bits_get(bits, 1);
        md_bits_se(bits);
        md_bits_se(bits);
        for (uint32_t n = md_bits_ue(bits); n > 0 && !bits->over; n--)
            md_bits_se(bits);
    }
    md_bits_ue(bits); /* max_num_ref_frames */
    md_bits_get(bits, 1);
    uint32_t wide = md_bits_ue(bits), high = md_bits_ue(bits);
    f->frames_only = md_bits_get(bits, 1);
    bits->over |= wide > 4096 || high > 4096;
    f->coded_width = (wide + 1) * 16;
    f->coded_height = (high + 1) * 16 * (f->frames_only ? 1 : 2);
    if (!f->frames_only)
        md_bits_get(bits, 1);
    md_bits_get(bits, 1); /* direct_8x8_inference */
    uint32_t unit = f->chroma == 1 ? 2 : 1;
    crop(bits, f, f->chroma == 1 || f->chroma == 2 ? 2 : 1, unit * (f->frames_only ? 1 : 2));
}

/* profile_tier_level of the sub-layers (H.265 7.3.3). */
static void skip_sub_layers(struct md_bits *bits, uint32_t layers_minus1)
{
    uint32_t has = 0;
    for (uint32_t i = 0; i < layers_minus1; i++)
        has = has << 2 | md_bits_get(bits, 2);
    for (uint32_t i = layers_minus1; layers_minus1 > 0 && i < 8; i++)
        md_bits_get(bits, 2);
    for (uint32_t i = layers_minus1; i-- > 0;) {
        int size = (has >> (2 * i + 1) & 1 ? 88 : 0) + (has >> (2 * i) & 1 ? 8 : 0);
        for (; size > 0; size -= 8)
            md_bits_get(bits, 8);
    }
}

void md_hevc_sps_read(struct md_bits *bits, uint32_t *ret_id, struct md_picture_format *f)
{
    md_bits_get(bits, 4);
    uint32_t layers_minus1 = md_bits_get(bits, 3);
    md_bits_get(bits, 1);
    for (int i = 0; i < PTL_BYTES; i++)
        f->profile_tier_level[i] = (uint8_t)md_bits_get(bits, 8);
    skip_sub_layers(bits, layers_minus1);
    *ret_id = md_bits_ue(bits);
    f->chroma = md_bits_ue(bits);
    if (f->chroma == 3)
        md_bits_get(bits, 1);
    f->coded_width = md_bits_ue(bits);
    f->coded_height = md_bits_ue(bits);
    bits->over |= f->coded_width > 65536 || f->coded_height > 65536;
    crop(bits, f, f->chroma == 1 || f->chroma == 2 ? 2 : 1, f->chroma == 1 ? 2 : 1);
    f->luma_bits = 8 + md_bits_ue(bits);
    f->chroma_bits = 8 + md_bits_ue(bits);
    f->frames_only = true;
}

/* The number of a set, and for an SPS its format. */
static int read_set(const struct md_param_sets *sets, int kind, const struct md_bytes *nal,
                    uint32_t *ret_id, struct md_picture_format *ret_format)
{
    struct md_bytes payload = {0};
    struct md_picture_format format = {0};
    if (unescape(sets, nal, &payload) < 0) {
        md_vec_done(&payload);
        return MD_ERR_NOMEM;
    }
    struct md_bits bits = md_bits_of(&payload);
    if (kind == MD_PARAM_VPS)
        *ret_id = md_bits_get(&bits, 4);
    else if (kind == MD_PARAM_PPS)
        *ret_id = md_bits_ue(&bits);
    else if (sets->is_hevc)
        md_hevc_sps_read(&bits, ret_id, &format);
    else
        read_h264_sps(&bits, ret_id, &format);
    md_vec_done(&payload);
    if (bits.over || *ret_id > 255)
        return MD_ERR_UNSUPPORTED;
    if (ret_format)
        *ret_format = format;
    return MD_OK;
}

/* ---- the collection ---- */

bool md_param_sets_is_param(const struct md_param_sets *sets, const struct md_nal *nal)
{
    return kind_of(sets->is_hevc, nal) >= 0;
}

static const struct md_param_set *find(const struct md_param_sets *sets, int kind, uint32_t id)
{
    for (size_t i = 0; i < sets->sets.n; i++)
        if (sets->sets.v[i].kind == kind && sets->sets.v[i].id == id)
            return &sets->sets.v[i];
    return NULL;
}

bool md_param_sets_has(const struct md_param_sets *sets, int kind, uint32_t id)
{
    return find(sets, kind, id) != NULL;
}

static int add(struct md_param_sets *sets, int kind, uint32_t id, struct md_bytes *bytes)
{
    if (sets->sets.n >= MOST_SETS)
        return MD_ERR_UNSUPPORTED;
    struct md_param_set set = {kind, id, *bytes};
    if (md_vec_push(&sets->sets, set) < 0)
        return MD_ERR_NOMEM;
    *bytes = (struct md_bytes){0};
    return MD_OK;
}

int md_param_sets_offer(struct md_param_sets *sets, const struct md_nal *nal)
{
    int kind = kind_of(sets->is_hevc, nal);
    if (kind < 0 || nal->n <= header_size(sets->is_hevc) || nal->n > MOST_SET_BYTES)
        return MD_ERR_UNSUPPORTED;
    struct md_bytes bytes = {0};
    uint32_t id = 0;
    if (md_bytes_add(&bytes, nal->data, nal->n) < 0)
        return MD_ERR_NOMEM;
    while (bytes.n > 1 && bytes.v[bytes.n - 1] == 0)
        bytes.n--;
    int rc = read_set(sets, kind, &bytes, &id, NULL);
    const struct md_param_set *known = rc == MD_OK ? find(sets, kind, id) : NULL;
    if (known)
        rc = known->bytes.n == bytes.n && memcmp(known->bytes.v, bytes.v, bytes.n) == 0
                 ? MD_OK
                 : MD_ERR_UNSUPPORTED;
    else if (rc == MD_OK)
        rc = add(sets, kind, id, &bytes);
    md_vec_done(&bytes);
    return rc;
}

/* `count` units, each after 16 bits of length. */
static int read_array(struct md_param_sets *sets, const uint8_t **at, const uint8_t *end, int count)
{
    for (int i = 0; i < count; i++) {
        if (end - *at < 2)
            return MD_ERR_UNSUPPORTED;
        size_t n = (size_t)((*at)[0] << 8 | (*at)[1]);
        *at += 2;
        if (n == 0 || n > (size_t)(end - *at))
            return MD_ERR_UNSUPPORTED;
        struct md_nal nal = {*at, n};
        *at += n;
        if (kind_of(sets->is_hevc, &nal) < 0)
            continue; /* SEI */
        int rc = md_param_sets_offer(sets, &nal);
        if (rc < 0)
            return rc;
    }
    return MD_OK;
}

static int read_avcc(struct md_param_sets *sets, const uint8_t *data, const uint8_t *end)
{
    const uint8_t *at = data + 6;
    if (end - data < 7)
        return MD_ERR_UNSUPPORTED;
    sets->length_size = (data[4] & 3) + 1;
    int rc = read_array(sets, &at, end, data[5] & 31);
    if (rc < 0 || at >= end)
        return rc < 0 ? rc : MD_ERR_UNSUPPORTED;
    int count = *at++;
    return read_array(sets, &at, end, count);
}

static int read_hvcc(struct md_param_sets *sets, const uint8_t *data, const uint8_t *end)
{
    const uint8_t *at = data + 23;
    if (end - data < 23)
        return MD_ERR_UNSUPPORTED;
    sets->length_size = (data[21] & 3) + 1;
    for (int arrays = data[22]; arrays > 0; arrays--) {
        if (end - at < 3)
            return MD_ERR_UNSUPPORTED;
        int count = at[1] << 8 | at[2];
        at += 3;
        int rc = read_array(sets, &at, end, count);
        if (rc < 0)
            return rc;
    }
    return MD_OK;
}

static int read_start_codes(struct md_param_sets *sets, const uint8_t *data, const uint8_t *end)
{
    struct md_nal_walk walk = {.at = data, .end = end};
    struct md_nal nal;
    while (md_nal_next(&walk, &nal)) {
        int rc = kind_of(sets->is_hevc, &nal) >= 0 ? md_param_sets_offer(sets, &nal) : MD_OK;
        if (rc < 0)
            return rc;
    }
    return MD_OK;
}

int md_param_sets_read(const AVCodecParameters *parameters, struct md_param_sets *ret)
{
    *ret = (struct md_param_sets){.is_hevc = parameters->codec_id == AV_CODEC_ID_HEVC};
    const uint8_t *data = parameters->extradata;
    if ((!ret->is_hevc && parameters->codec_id != AV_CODEC_ID_H264) || !data ||
        parameters->extradata_size < 4)
        return MD_ERR_UNSUPPORTED;
    const uint8_t *end = data + parameters->extradata_size;
    int rc = data[0] == 0   ? read_start_codes(ret, data, end)
             : ret->is_hevc ? read_hvcc(ret, data, end)
                            : read_avcc(ret, data, end);
    if (rc == MD_OK && ret->length_size == 3)
        rc = MD_ERR_UNSUPPORTED;
    return rc;
}

void md_param_sets_done(struct md_param_sets *sets)
{
    for (size_t i = 0; i < sets->sets.n; i++)
        md_vec_done(&sets->sets.v[i].bytes);
    md_vec_done(&sets->sets);
}

int md_param_sets_format(const struct md_param_sets *sets, struct md_picture_format *ret)
{
    bool found = false;
    for (size_t i = 0; i < sets->sets.n; i++) {
        const struct md_param_set *set = &sets->sets.v[i];
        struct md_picture_format format;
        uint32_t id;
        if (set->kind != MD_PARAM_SPS)
            continue;
        int rc = read_set(sets, MD_PARAM_SPS, &set->bytes, &id, &format);
        if (rc < 0)
            return rc;
        if (found &&
            (memcmp(format.profile_tier_level, ret->profile_tier_level, PTL_BYTES) != 0 ||
             format.coded_width != ret->coded_width || format.coded_height != ret->coded_height ||
             format.width != ret->width || format.height != ret->height ||
             format.chroma != ret->chroma || format.luma_bits != ret->luma_bits ||
             format.chroma_bits != ret->chroma_bits || format.frames_only != ret->frames_only))
            return MD_ERR_UNSUPPORTED;
        *ret = format;
        found = true;
    }
    return found ? MD_OK : MD_ERR_UNSUPPORTED;
}

int md_param_sets_write(const struct md_param_sets *sets, struct md_bytes *out)
{
    for (int kind = MD_PARAM_VPS; kind <= MD_PARAM_PPS; kind++)
        for (size_t i = 0; i < sets->sets.n; i++) {
            const struct md_param_set *set = &sets->sets.v[i];
            if (set->kind == kind &&
                md_nal_put(out, &(struct md_nal){set->bytes.v, set->bytes.n}) < 0)
                return MD_ERR_NOMEM;
        }
    return MD_OK;
}

/* ---- renumbering ---- */

/* Where the payload's last one is: the stop bit. */
static size_t stop_bit(const struct md_bytes *payload)
{
    size_t n = payload->n * 8;
    while (n > 0 && !(payload->v[(n - 1) / 8] >> (7 - (n - 1) % 8) & 1))
        n--;
    return n > 0 ? n - 1 : 0;
}

static void renumber_vps(struct md_bytes *payload, const struct md_picture_format *format,
                         struct md_param_ids ids)
{
    /* id 4 bits, flags 2, layers 6, sub-layers 3, nesting 1, reserved 16, profile_tier_level */
    payload->v[0] = (uint8_t)((payload->v[0] & 15) | ids.vps << 4);
    memcpy(payload->v + 4, format->profile_tier_level, PTL_BYTES);
}

static void renumber_hevc_sps(struct md_bytes *payload, struct md_bit_writer *writer,
                              const struct md_picture_format *format, struct md_param_ids ids)
{
    payload->v[0] = (uint8_t)((payload->v[0] & 15) | ids.vps << 4);
    memcpy(payload->v + 1, format->profile_tier_level, PTL_BYTES);
    struct md_bits bits = md_bits_of(payload);
    bits.at = 8 + 8 * PTL_BYTES;
    skip_sub_layers(&bits, payload->v[0] >> 1 & 7);
    md_bits_copy(writer, bits, 0, bits.at);
    md_bits_ue(&bits);
    md_bits_put_ue(writer, ids.sps);
    md_bits_copy(writer, bits, bits.at, stop_bit(payload));
    md_bits_align(writer);
}

static void renumber_h264_sps(struct md_bytes *payload, struct md_bit_writer *writer,
                              const struct md_picture_format *format, struct md_param_ids ids)
{
    memcpy(payload->v, format->profile_tier_level, 3);
    struct md_bits bits = md_bits_of(payload);
    bits.at = 24;
    md_bits_copy(writer, bits, 0, bits.at);
    md_bits_ue(&bits);
    md_bits_put_ue(writer, ids.sps);
    md_bits_copy(writer, bits, bits.at, stop_bit(payload));
    md_bits_align(writer);
}

static void renumber_pps(const struct md_bytes *payload, struct md_bit_writer *writer,
                         struct md_param_ids ids)
{
    struct md_bits bits = md_bits_of(payload);
    md_bits_ue(&bits);
    md_bits_ue(&bits);
    md_bits_put_ue(writer, ids.pps);
    md_bits_put_ue(writer, ids.sps);
    md_bits_copy(writer, bits, bits.at, stop_bit(payload));
    md_bits_align(writer);
}

static int adopt(struct md_param_sets *sets, const struct md_param_set *set,
                 const struct md_picture_format *format, struct md_param_ids ids)
{
    struct md_bytes payload = {0}, changed = {0}, nal = {0};
    struct md_bit_writer writer = {.out = &changed};
    int rc = unescape(sets, &set->bytes, &payload);
    if (rc == MD_OK && payload.n < (set->kind == MD_PARAM_PPS ? 1 : 4 + PTL_BYTES) &&
        (sets->is_hevc || payload.n < 4))
        rc = MD_ERR_UNSUPPORTED;
    uint32_t id = set->kind == MD_PARAM_VPS   ? ids.vps
                  : set->kind == MD_PARAM_SPS ? ids.sps
                                              : ids.pps;
    if (rc == MD_OK) {
        const struct md_bytes *written = &changed;
        if (set->kind == MD_PARAM_VPS) {
            renumber_vps(&payload, format, ids);
            written = &payload;
        } else if (set->kind == MD_PARAM_PPS) {
            renumber_pps(&payload, &writer, ids);
        } else if (sets->is_hevc) {
            renumber_hevc_sps(&payload, &writer, format, ids);
        } else {
            renumber_h264_sps(&payload, &writer, format, ids);
        }
        if (writer.failed || md_bytes_add(&nal, set->bytes.v, header_size(sets->is_hevc)) < 0 ||
            md_nal_escape(written->v, written->n, &nal) < 0)
            rc = MD_ERR_NOMEM;
    }
    if (rc == MD_OK)
        rc = add(sets, set->kind, id, &nal);
    md_vec_done(&payload);
    md_vec_done(&changed);
    md_vec_done(&nal);
    return rc;
}

int md_param_sets_adopt(struct md_param_sets *sets, const struct md_param_sets *other,
                        const struct md_picture_format *format, struct md_param_ids ids)
{
    int kinds[3] = {0};
    for (size_t i = 0; i < other->sets.n; i++)
        kinds[other->sets.v[i].kind]++;
    if (kinds[MD_PARAM_VPS] != sets->is_hevc || kinds[MD_PARAM_SPS] != 1 ||
        kinds[MD_PARAM_PPS] != 1)
        return MD_ERR_UNSUPPORTED;
    for (size_t i = 0; i < other->sets.n; i++) {
        int rc = adopt(sets, &other->sets.v[i], format, ids);
        if (rc < 0)
            return rc;
    }
    return MD_OK;
}
