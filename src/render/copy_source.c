/* Container flags say where a player may start, which is more than can be copied: an H.264 picture
 * with a recovery point is a key frame to a container, but only IDR pictures reset a decoder. So
 * the types of the units in each packet decide. */
#include "render/copy_source.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "media/compat.h"

struct md_copy_source {
    const struct md_stage_env *env;
    struct md_input *input;
    AVStream *stream;
    AVPacket *packet;
    bool packet_waits; /* found by a seek, not given out yet */
    struct md_param_sets sets;
    struct md_bytes metadata;
};

/* HDR: mastering display, content light level, alternative transfer (D.2 of H.265). */
static bool is_metadata(const struct md_nal *nal)
{
    return nal->n > 3 && (nal->data[2] == 137 || nal->data[2] == 144 || nal->data[2] == 147);
}

int md_copy_source_new(const struct md_stage_env *env, const struct md_media *media,
                       struct md_copy_source **ret_source)
{
    struct md_copy_source *source = calloc(1, sizeof *source);
    if (!source)
        return md_fail(env->failure, MD_ERR_NOMEM, "out of memory");
    source->env = env;
    source->packet = av_packet_alloc();
    int rc = source->packet ? md_input_open(env->movie_path, env->cancelled, env->user,
                                            &source->input, env->failure)
                            : md_fail(env->failure, MD_ERR_NOMEM, "out of memory");
    if (rc == MD_OK) {
        source->stream = md_input_stream(source->input, media->video_stream);
        rc = source->stream ? md_param_sets_read(source->stream->codecpar, &source->sets)
                            : MD_ERR_UNSUPPORTED;
        if (rc < 0)
            md_fail(env->failure, rc, "its parameter sets cannot be read");
    }
    if (rc < 0) {
        md_copy_source_free(source);
        return rc;
    }
    md_input_select(source->input, media->video_stream);
    *ret_source = source;
    return MD_OK;
}

void md_copy_source_free(struct md_copy_source *source)
{
    if (!source)
        return;
    av_packet_free(&source->packet);
    md_input_close(source->input);
    md_param_sets_done(&source->sets);
    md_vec_done(&source->metadata);
    free(source);
}

const AVStream *md_copy_source_stream(const struct md_copy_source *source)
{
    return source->stream;
}

struct md_param_sets *md_copy_source_sets(struct md_copy_source *source)
{
    return &source->sets;
}

const struct md_bytes *md_copy_source_metadata(const struct md_copy_source *source)
{
    return &source->metadata;
}

/* ---- reading ---- */

static int read_packet(struct md_copy_source *source)
{
    do {
        av_packet_unref(source->packet);
        int rc = md_input_read(source->input, source->packet, source->env->failure);
        if (rc < 0)
            return rc;
    } while (source->packet->stream_index != source->stream->index);
    return MD_OK;
}

/* Reads on to a key packet; MD_ERR_NOTFOUND when it is shown after the stamp. */
static int find_key(struct md_copy_source *source, int64_t stamp)
{
    int rc;
    do
        rc = read_packet(source);
    while (rc == MD_OK && !(source->packet->flags & AV_PKT_FLAG_KEY));
    if (rc == MD_ERR_EOF || rc == MD_ERR_IO)
        return MD_ERR_NOTFOUND;
    if (rc == MD_OK && (source->packet->pts == AV_NOPTS_VALUE || source->packet->pts > stamp))
        return MD_ERR_NOTFOUND;
    source->packet_waits = rc == MD_OK;
    return rc;
}

int md_copy_source_seek(struct md_copy_source *source, int64_t stamp)
{
    static const int64_t earlier_us[] = {0, 2 * MD_SECOND_US, 15 * MD_SECOND_US};
    AVFormatContext *format = source->input->format;
    source->packet_waits = false;
    for (size_t i = 0; i < MD_ARRAY_LEN(earlier_us); i++) {
        int64_t from =
            stamp - av_rescale_q(earlier_us[i], AV_TIME_BASE_Q, source->stream->time_base);
        int rc = avformat_seek_file(format, source->stream->index, INT64_MIN, from, from, 0);
        if (rc < 0)
            rc = av_seek_frame(format, source->stream->index, from, AVSEEK_FLAG_BACKWARD);
        if (rc < 0)
            continue;
        rc = find_key(source, stamp);
        if (rc != MD_ERR_NOTFOUND)
            return rc;
    }
    return MD_ERR_NOTFOUND;
}

struct content {
    int pictures, first_type; /* units of pictures; the type of the first */
    bool is_bad, has_rpu;
};

static void see_h264(const struct md_nal *nal, struct content *content)
{
    int type = md_h264_type(nal);
    content->is_bad |= nal->data[0] & 0x80 || type >= 20;
    content->is_bad |= type >= MD_H264_PARTITION_A && type <= MD_H264_PARTITION_C;
    if (type == MD_H264_SLICE || type == MD_H264_IDR) {
        if (content->pictures++ == 0)
            content->first_type = type;
        content->is_bad |= type != content->first_type;
    }
}

static int see_hevc(struct md_copy_source *source, const struct md_nal *nal,
                    struct content *content)
{
    int type = nal->n > 2 ? md_hevc_type(nal) : -1;
    int layer = nal->n > 2 ? (nal->data[0] & 1) << 5 | nal->data[1] >> 3 : 0;
    content->has_rpu |= type == MD_HEVC_DOLBY_RPU;
    content->is_bad |= type < 0 || layer != 0 || nal->data[0] & 0x80;
    if (type < 0)
        return MD_OK;
    if (type <= MD_HEVC_LAST_SLICE) {
        if (content->pictures++ == 0)
            content->first_type = type;
        content->is_bad |= type != content->first_type;
    }
    if (type == MD_HEVC_PREFIX_SEI && is_metadata(nal) && source->metadata.n < 1024) {
        struct md_bytes *known = &source->metadata;
        if (!known->n || !memmem(known->v, known->n, nal->data, nal->n))
            return md_nal_put(known, nal);
    }
    return MD_OK;
}

static struct md_nal_walk walk_of(const struct md_copy_source *source, const AVPacket *packet)
{
    return (struct md_nal_walk){.at = packet->data,
                                .end = packet->data + packet->size,
                                .length_size = source->sets.length_size};
}

static int see(struct md_copy_source *source, struct content *content)
{
    struct md_nal_walk walk = walk_of(source, source->packet);
    struct md_nal nal;
    while (md_nal_next(&walk, &nal)) {
        int rc = MD_OK;
        if (md_param_sets_is_param(&source->sets, &nal)) {
            rc = md_param_sets_offer(&source->sets, &nal);
            content->is_bad |= rc == MD_ERR_UNSUPPORTED;
        } else if (source->sets.is_hevc) {
            rc = see_hevc(source, &nal, content);
        } else {
            see_h264(&nal, content);
        }
        if (rc == MD_ERR_NOMEM)
            return md_fail(source->env->failure, rc, "out of memory while reading the movie");
    }
    content->is_bad |= walk.is_broken;
    return MD_OK;
}

int md_copy_source_next(struct md_copy_source *source, struct md_copy_packet *ret)
{
    int rc = source->packet_waits ? MD_OK : read_packet(source);
    source->packet_waits = false;
    struct content content = {0};
    if (rc == MD_OK)
        rc = see(source, &content);
    if (rc < 0)
        return rc;
    const AVPacket *av = source->packet;
    int type = content.first_type;
    size_t size;
    bool bad = content.is_bad || content.pictures == 0 || av->pts == AV_NOPTS_VALUE ||
               (av->flags & (AV_PKT_FLAG_CORRUPT | AV_PKT_FLAG_DISCARD)) ||
               av_packet_get_side_data(av, AV_PKT_DATA_NEW_EXTRADATA, &size) ||
               (av->dts != AV_NOPTS_VALUE && av->dts > av->pts);
    *ret = (struct md_copy_packet){
        .pts = av->pts,
        .dts = av->dts,
        .duration = av->duration,
        .is_key = av->flags & AV_PKT_FLAG_KEY,
        .is_usable = !bad,
        .has_rpu = content.has_rpu,
        .av = av,
    };
    if (source->sets.is_hevc) {
        ret->is_entry = content.pictures && type >= MD_HEVC_BLA_W_LP && type <= MD_HEVC_CRA;
        ret->is_leading = content.pictures && type >= MD_HEVC_RADL_N && type <= MD_HEVC_RASL_R;
    } else {
        ret->is_entry = content.pictures && type == MD_H264_IDR;
    }
    return MD_OK;
}

/* ---- what is copied ---- */

static bool is_left_out(const struct md_copy_source *source, const struct md_nal *nal)
{
    if (md_param_sets_is_param(&source->sets, nal))
        return true;
    if (source->sets.is_hevc) {
        int type = nal->n >= 2 ? md_hevc_type(nal) : MD_HEVC_FILLER;
        return type >= MD_HEVC_DELIMITER && type <= MD_HEVC_FILLER;
    }
    int type = md_h264_type(nal);
    return type >= MD_H264_DELIMITER && type <= MD_H264_FILLER;
}

int md_copy_source_units(const struct md_copy_source *source, const struct md_copy_packet *packet,
                         bool opens, struct md_bytes *out)
{
    struct md_nal_walk walk = walk_of(source, packet->av);
    struct md_nal nal;
    while (md_nal_next(&walk, &nal)) {
        if (is_left_out(source, &nal))
            continue;
        size_t at = out->n + 4;
        if (md_nal_put(out, &nal) < 0)
            return MD_ERR_NOMEM;
        if (opens && source->sets.is_hevc && md_hevc_type(&nal) == MD_HEVC_CRA)
            out->v[at] = (uint8_t)((out->v[at] & 0x81) | MD_HEVC_BLA_N_LP << 1);
    }
    return MD_OK;
}
