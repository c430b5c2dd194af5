/* An encoder cannot be emptied and go on, so every edge has one of its own; it is opened with
 * nothing kept back for looking ahead. H.264 wants two pictures that follow each other and open
 * streams to differ in idr_pic_id, which every encoder starts at 0: neighbouring edges therefore
 * take turns between two numbers of parameter sets. */
#include "render/edges.h"

#include <string.h>

#include "base/cleanup.h"
#include "render/hevc_slice.h"

enum { TURNS = 2, MOST_H264_ID = 31, MOST_VPS_ID = 15, MOST_SPS_ID = 15, MOST_PPS_ID = 63 };

struct md_edges {
    struct md_edges_params params;
    bool is_hevc;
    uint32_t id[TURNS]; /* of the picture parameter sets */
    struct md_hevc_slice_shape shape;
    struct md_encoder *encoder; /* NULL between edges */
    unsigned turn;
    AVFrame *picture;
    AVPacket *packet;
    struct md_bytes prefix, out;
};

static int fail_nomem(struct md_failure *failure)
{
    return md_fail(failure, MD_ERR_NOMEM, "out of memory while encoding");
}

static int refuse(int rc, struct md_failure *failure)
{
    if (rc == MD_ERR_NOMEM)
        return fail_nomem(failure);
    return md_fail(failure, rc, "the encoder cannot match its parameters");
}

/* ---- packets ---- */

static bool is_picture(bool is_hevc, const struct md_nal *nal)
{
    if (is_hevc)
        return nal->n > 2 && md_hevc_type(nal) <= MD_HEVC_LAST_SLICE;
    int type = md_h264_type(nal);
    return type >= MD_H264_SLICE && type <= MD_H264_IDR;
}

static int collect(struct md_edges *edges, const AVPacket *packet)
{
    struct md_bytes *out = &edges->out;
    out->n = 0;
    if ((packet->flags & AV_PKT_FLAG_KEY) &&
        md_bytes_add(out, edges->prefix.v, edges->prefix.n) < 0)
        return MD_ERR_NOMEM;
    struct md_nal_walk walk = {.at = packet->data, .end = packet->data + packet->size};
    struct md_nal nal;
    while (md_nal_next(&walk, &nal)) {
        if (!is_picture(edges->is_hevc, &nal))
            continue;
        int rc = edges->is_hevc ? md_hevc_slice_renumber(&nal, &edges->shape, edges->id[0], out)
                                : md_nal_put(out, &nal);
        if (rc < 0)
            return rc;
    }
    return MD_OK;
}

static int write_unit(void *user, AVPacket *packet, struct md_failure *failure)
{
    struct md_edges *edges = user;
    int rc = collect(edges, packet);
    if (rc < 0)
        return refuse(rc, failure);
    if (av_new_packet(edges->packet, (int)edges->out.n) < 0)
        return fail_nomem(failure);
    memcpy(edges->packet->data, edges->out.v, edges->out.n);
    edges->packet->pts = packet->pts;
    edges->packet->duration = packet->duration;
    edges->packet->flags = packet->flags & AV_PKT_FLAG_KEY;
    rc = edges->params.sink.write(edges->params.sink.user, edges->packet, failure);
    av_packet_unref(edges->packet);
    return rc;
}

/* ---- encoders ---- */

static int open_encoder(struct md_edges *edges, uint32_t id, struct md_failure *failure)
{
    struct md_edge_encoder_params params = {
        .like = edges->params.like,
        .time_base = edges->params.time_base,
        .frame_rate = edges->params.frame_rate,
        .quality = edges->params.quality,
        .small = edges->params.small,
        .parameter_id = (int)id,
        .sink = {write_unit, edges},
    };
    return md_edge_encoder_new(&params, &edges->encoder, failure);
}

/* Opens an encoder for what it says about itself. */
static int ask_encoder(struct md_edges *edges, uint32_t id, struct md_param_sets *ret_sets,
                       struct md_failure *failure)
{
    int rc = open_encoder(edges, id, failure);
    if (rc == MD_OK) {
        rc = md_param_sets_read(md_encoder_parameters(edges->encoder), ret_sets);
        if (rc < 0)
            rc = refuse(rc, failure);
    }
    md_encoder_free(edges->encoder);
    edges->encoder = NULL;
    return rc;
}

static bool is_alike(const struct md_picture_format *a, const struct md_picture_format *b)
{
    return a->chroma == b->chroma && a->luma_bits == b->luma_bits &&
           a->chroma_bits == b->chroma_bits && a->width == b->width && a->height == b->height &&
           a->frames_only == b->frames_only;
}

static int adopt(struct md_edges *edges, struct md_param_sets *sets, struct md_param_ids ids,
                 struct md_failure *failure)
{
    struct md_param_sets own = {0};
    struct md_picture_format format, wanted;
    int rc = ask_encoder(edges, ids.pps, &own, failure);
    if (rc < 0) {
        md_param_sets_done(&own);
        return rc;
    }
    rc = md_param_sets_format(sets, &wanted);
    if (rc == MD_OK)
        rc = md_param_sets_format(&own, &format);
    if (rc == MD_OK && !is_alike(&format, &wanted))
        rc = MD_ERR_UNSUPPORTED;
    /* Blocks of 16 in H.264; HEVC's smallest blocks differ, and what counts is what is shown. */
    if (rc == MD_OK && !edges->is_hevc &&
        (format.profile_tier_level[0] != wanted.profile_tier_level[0] ||
         format.coded_width != wanted.coded_width || format.coded_height != wanted.coded_height))
        rc = MD_ERR_UNSUPPORTED;
    if (rc == MD_OK && edges->is_hevc)
        rc = md_hevc_slice_shape_read(&own, &edges->shape);
    if (rc == MD_OK)
        rc = md_param_sets_adopt(sets, &own, &wanted, ids);
    md_param_sets_done(&own);
    return rc < 0 ? refuse(rc, failure) : MD_OK;
}

/* The first number that is free among sets of these kinds; `most` + 1 when there is none. */
static uint32_t free_id(const struct md_param_sets *sets, int kind, int other, uint32_t most)
{
    uint32_t id = 1;
    while (id <= most && (md_param_sets_has(sets, kind, id) || md_param_sets_has(sets, other, id)))
        id++;
    return id;
}

static int adopt_h264(struct md_edges *edges, struct md_param_sets *sets,
                      struct md_failure *failure)
{
    for (int i = 0; i < TURNS; i++) {
        uint32_t id = free_id(sets, MD_PARAM_SPS, MD_PARAM_PPS, MOST_H264_ID);
        if (id > MOST_H264_ID)
            return refuse(MD_ERR_UNSUPPORTED, failure);
        edges->id[i] = id;
        int rc = adopt(edges, sets, (struct md_param_ids){.sps = id, .pps = id}, failure);
        if (rc < 0)
            return rc;
    }
    return MD_OK;
}

static int adopt_hevc(struct md_edges *edges, struct md_param_sets *sets,
                      struct md_failure *failure)
{
    struct md_param_ids ids = {
        .vps = free_id(sets, MD_PARAM_VPS, MD_PARAM_VPS, MOST_VPS_ID),
        .sps = free_id(sets, MD_PARAM_SPS, MD_PARAM_SPS, MOST_SPS_ID),
        .pps = free_id(sets, MD_PARAM_PPS, MD_PARAM_PPS, MOST_PPS_ID),
    };
    if (ids.vps > MOST_VPS_ID || ids.sps > MOST_SPS_ID || ids.pps > MOST_PPS_ID)
        return refuse(MD_ERR_UNSUPPORTED, failure);
    edges->id[0] = ids.pps;
    return adopt(edges, sets, ids, failure);
}

int md_edges_new(const struct md_edges_params *params, struct md_param_sets *sets,
                 struct md_edges **ret_edges, struct md_failure *failure)
{
    struct md_edges *edges = calloc(1, sizeof *edges);
    if (!edges)
        return fail_nomem(failure);
    edges->params = *params;
    edges->is_hevc = params->like->codec_id == AV_CODEC_ID_HEVC;
    edges->picture = av_frame_alloc();
    edges->packet = av_packet_alloc();
    int rc = !edges->picture || !edges->packet ? fail_nomem(failure)
             : edges->is_hevc                  ? adopt_hevc(edges, sets, failure)
                                               : adopt_h264(edges, sets, failure);
    if (rc < 0) {
        md_edges_free(edges);
        return rc;
    }
    *ret_edges = edges;
    return MD_OK;
}

void md_edges_free(struct md_edges *edges)
{
    if (!edges)
        return;
    md_encoder_free(edges->encoder);
    av_frame_free(&edges->picture);
    av_packet_free(&edges->packet);
    md_vec_done(&edges->prefix);
    md_vec_done(&edges->out);
    free(edges);
}

int md_edges_set_prefix(struct md_edges *edges, const struct md_bytes *units)
{
    edges->prefix.n = 0;
    return md_bytes_add(&edges->prefix, units->v, units->n);
}

int md_edges_send(struct md_edges *edges, const AVFrame *frame, int64_t pts, int64_t duration,
                  struct md_failure *failure)
{
    const AVCodecParameters *like = edges->params.like;
    if (frame->width != like->width || frame->height != like->height ||
        frame->format != like->format)
        return md_fail(failure, MD_ERR_UNSUPPORTED, "the size of its picture changes");
    int rc = MD_OK;
    if (!edges->encoder)
        rc = open_encoder(edges, edges->id[edges->is_hevc ? 0 : edges->turn++ % TURNS], failure);
    if (rc < 0)
        return rc;
    if (av_frame_ref(edges->picture, frame) < 0)
        return fail_nomem(failure);
    rc = md_encoder_send(edges->encoder, edges->picture, pts, duration, false, failure);
    av_frame_unref(edges->picture);
    return rc;
}

int md_edges_end(struct md_edges *edges, struct md_failure *failure)
{
    if (!edges->encoder)
        return MD_OK;
    int rc = md_encoder_send(edges->encoder, NULL, 0, 0, false, failure);
    md_encoder_free(edges->encoder);
    edges->encoder = NULL;
    return rc;
}
