/* Only what our own encoder writes has to be understood: one slice a picture, no B-frames, no long
 * term references, no weights, no scaling lists. Anything else is refused, and then everything is
 * encoded instead. */
#include "render/hevc_slice.h"

#include "base/cleanup.h"

enum { SLICE_B = 0, SLICE_I = 2 };

static const struct md_param_set *first_of(const struct md_param_sets *sets, int kind)
{
    for (size_t i = 0; i < sets->sets.n; i++)
        if (sets->sets.v[i].kind == kind)
            return &sets->sets.v[i];
    return NULL;
}

/* Returns whether it is understood. */
static bool read_sps(struct md_bits *bits, struct md_hevc_slice_shape *shape)
{
    struct md_picture_format format;
    uint32_t id;
    uint32_t layers = bits->data[0] >> 1 & 7;
    md_hevc_sps_read(bits, &id, &format);
    shape->poc_bits = md_bits_ue(bits) + 4;
    for (uint32_t i = md_bits_get(bits, 1) ? 0 : layers; i <= layers; i++) {
        md_bits_ue(bits);
        md_bits_ue(bits);
        md_bits_ue(bits);
    }
    for (int i = 0; i < 6; i++) /* block sizes and depths */
        md_bits_ue(bits);
    bool scaling_lists = md_bits_get(bits, 1);
    md_bits_get(bits, 1); /* amp */
    shape->sao = md_bits_get(bits, 1);
    bool pcm = md_bits_get(bits, 1);
    uint32_t reference_sets = md_bits_ue(bits);
    bool long_term = md_bits_get(bits, 1);
    shape->temporal_mvp = md_bits_get(bits, 1);
    return format.chroma == 1 && shape->poc_bits <= 16 && !scaling_lists && !pcm &&
           reference_sets == 0 && !long_term && !bits->over;
}

static bool read_pps(struct md_bits *bits, struct md_hevc_slice_shape *shape)
{
    md_bits_ue(bits);
    md_bits_ue(bits);
    bool dependent = md_bits_get(bits, 1);
    shape->output_flag = md_bits_get(bits, 1);
    shape->extra_bits = md_bits_get(bits, 3);
    md_bits_get(bits, 1); /* sign_data_hiding */
    shape->cabac_init = md_bits_get(bits, 1);
    bool many = md_bits_ue(bits) > 0; /* references, where a slice does not say */
    md_bits_ue(bits);
    md_bits_se(bits);
    md_bits_get(bits, 2); /* constrained_intra, transform_skip */
    if (md_bits_get(bits, 1))
        md_bits_ue(bits);
    md_bits_se(bits);
    md_bits_se(bits);
    shape->chroma_qp_offsets = md_bits_get(bits, 1);
    bool weighted = md_bits_get(bits, 1); /* of B-frames, which there are none of: */
    md_bits_get(bits, 1);
    md_bits_get(bits, 1); /* transquant_bypass */
    bool tiles = md_bits_get(bits, 1);
    shape->has_entry_points = md_bits_get(bits, 1);
    shape->loop_filter_across = md_bits_get(bits, 1);
    if (md_bits_get(bits, 1)) {
        shape->deblocking_override = md_bits_get(bits, 1);
        shape->deblocking_off = md_bits_get(bits, 1);
        if (!shape->deblocking_off) {
            md_bits_se(bits);
            md_bits_se(bits);
        }
    }
    bool scaling_lists = md_bits_get(bits, 1);
    bool lists = md_bits_get(bits, 1);
    md_bits_ue(bits);
    shape->has_extension = md_bits_get(bits, 1);
    return !dependent && !many && !weighted && !tiles && !scaling_lists && !lists && !bits->over;
}

int md_hevc_slice_shape_read(const struct md_param_sets *sets, struct md_hevc_slice_shape *ret)
{
    *ret = (struct md_hevc_slice_shape){0};
    bool good = true;
    for (int kind = MD_PARAM_SPS; kind <= MD_PARAM_PPS && good; kind++) {
        const struct md_param_set *set = first_of(sets, kind);
        struct md_bytes payload = {0};
        if (set && md_nal_unescape(&(struct md_nal){set->bytes.v, set->bytes.n}, 2, set->bytes.n,
                                   &payload) < 0) {
            md_vec_done(&payload);
            return MD_ERR_NOMEM;
        }
        struct md_bits bits = md_bits_of(&payload);
        good =
            payload.n > 0 && (kind == MD_PARAM_SPS ? read_sps(&bits, ret) : read_pps(&bits, ret));
        md_vec_done(&payload);
    }
    return good ? MD_OK : MD_ERR_UNSUPPORTED;
}

/* The reference pictures of a slice, written out in it. */
static void read_references(struct md_bits *bits, const struct md_hevc_slice_shape *shape)
{
    md_bits_get(bits, (int)shape->poc_bits);
    bool from_sps = md_bits_get(bits, 1);
    uint32_t negative = md_bits_ue(bits), positive = md_bits_ue(bits);
    bits->over |= from_sps || negative > 16 || positive > 16;
    for (uint32_t i = 0; i < negative + positive && !bits->over; i++) {
        md_bits_ue(bits);
        md_bits_get(bits, 1);
    }
}

static void read_entry_points(struct md_bits *bits)
{
    uint32_t n = md_bits_ue(bits);
    if (n == 0)
        return;
    int size = (int)md_bits_ue(bits) + 1;
    bits->over |= size > 32;
    for (; n > 0 && !bits->over; n--)
        md_bits_get(bits, size);
}

/* From behind the number of the parameter set to byte_alignment. */
static void read_rest(struct md_bits *bits, int type, const struct md_hevc_slice_shape *shape)
{
    md_bits_get(bits, (int)shape->extra_bits);
    uint32_t slice = md_bits_ue(bits);
    bits->over |= slice > SLICE_I || slice == SLICE_B;
    if (shape->output_flag)
        md_bits_get(bits, 1);
    bool mvp = false;
    if (type != MD_HEVC_IDR_W_RADL && type != MD_HEVC_IDR_N_LP) {
        read_references(bits, shape);
        mvp = shape->temporal_mvp && md_bits_get(bits, 1);
    }
    uint32_t sao = shape->sao ? md_bits_get(bits, 2) : 0;
    if (slice != SLICE_I) {
        /* With one reference there is no collocated_ref_idx. */
        uint32_t references = md_bits_get(bits, 1) ? md_bits_ue(bits) + 1 : 1;
        bits->over |= references != 1 && mvp;
        if (shape->cabac_init)
            md_bits_get(bits, 1);
        md_bits_ue(bits);
    }
    md_bits_se(bits);
    if (shape->chroma_qp_offsets) {
        md_bits_se(bits);
        md_bits_se(bits);
    }
    bool deblocking_off = shape->deblocking_off;
    if (shape->deblocking_override && md_bits_get(bits, 1)) {
        deblocking_off = md_bits_get(bits, 1);
        if (!deblocking_off) {
            md_bits_se(bits);
            md_bits_se(bits);
        }
    }
    if (shape->loop_filter_across && (sao || !deblocking_off))
        md_bits_get(bits, 1);
    if (shape->has_entry_points)
        read_entry_points(bits);
    if (shape->has_extension)
        for (uint32_t n = md_bits_ue(bits); n > 0 && !bits->over; n--)
            md_bits_get(bits, 8);
}

static int renumber(const struct md_bytes *payload, int type,
                    const struct md_hevc_slice_shape *shape, uint32_t pps_id,
                    struct md_bytes *ret_payload)
{
    struct md_bits bits = md_bits_of(payload);
    bool first = md_bits_get(&bits, 1);
    if (type >= MD_HEVC_BLA_W_LP && type <= MD_HEVC_LAST_IRAP)
        md_bits_get(&bits, 1);
    size_t before = bits.at;
    md_bits_ue(&bits);
    size_t after = bits.at;
    read_rest(&bits, type, shape);
    size_t end = bits.at;
    if (!first || md_bits_get(&bits, 1) != 1)
        return MD_ERR_UNSUPPORTED;
    while (bits.at % 8 != 0)
        if (md_bits_get(&bits, 1) != 0)
            return MD_ERR_UNSUPPORTED;
    if (bits.over)
        return MD_ERR_UNSUPPORTED;
    struct md_bit_writer writer = {.out = ret_payload};
    md_bits_copy(&writer, bits, 0, before);
    md_bits_put_ue(&writer, pps_id);
    md_bits_copy(&writer, bits, after, end);
    md_bits_align(&writer);
    if (writer.failed)
        return MD_ERR_NOMEM;
    return md_bytes_add(ret_payload, payload->v + bits.at / 8, payload->n - bits.at / 8);
}

int md_hevc_slice_renumber(const struct md_nal *nal, const struct md_hevc_slice_shape *shape,
                           uint32_t pps_id, struct md_bytes *out)
{
    static const uint8_t start_code[] = {0, 0, 0, 1};
    struct md_bytes payload = {0}, changed = {0};
    int rc = nal->n > 2 ? md_nal_unescape(nal, 2, SIZE_MAX, &payload) : MD_ERR_UNSUPPORTED;
    if (rc == MD_OK)
        rc = renumber(&payload, md_hevc_type(nal), shape, pps_id, &changed);
    if (rc == MD_OK &&
        (md_bytes_add(out, start_code, sizeof start_code) < 0 ||
         md_bytes_add(out, nal->data, 2) < 0 || md_nal_escape(changed.v, changed.n, out) < 0))
        rc = MD_ERR_NOMEM;
    md_vec_done(&payload);
    md_vec_done(&changed);
    return rc;
}
