/* Slices of an HEVC encoder of ours, made to refer to a picture parameter set of another number.
 * The number stands at the front of a header of bits, so the header is read to its end, where the
 * bytes of the pictures begin, and written anew (H.265 7.3.6.1). */
#ifndef MD_RENDER_HEVC_SLICE_H
#define MD_RENDER_HEVC_SLICE_H

#include "render/param_sets.h"

/* What of the parameter sets shapes a slice header. */
struct md_hevc_slice_shape {
    uint32_t poc_bits;
    bool sao, temporal_mvp;
    bool output_flag, cabac_init, chroma_qp_offsets, deblocking_override, deblocking_off;
    bool loop_filter_across, has_entry_points, has_extension;
    uint32_t extra_bits;
};

/* From the sets of an encoder. MD_ERR_UNSUPPORTED: it uses what is not known here. */
int md_hevc_slice_shape_read(const struct md_param_sets *sets, struct md_hevc_slice_shape *ret);

/* Appends the slice, with a start code, referring to pps_id. MD_ERR_UNSUPPORTED, MD_ERR_NOMEM. */
int md_hevc_slice_renumber(const struct md_nal *nal, const struct md_hevc_slice_shape *shape,
                           uint32_t pps_id, struct md_bytes *out);

#endif
