/* Packets wait in memory until it is known whether their group is to be decoded: at most three or
 * four groups, some ten seconds each. That costs some megabytes where seeking back would cost an
 * index the file may not have, and an error wherever the index lies.
 *
 * A group is complete once the next but one begins: pictures that lead the next key frame are shown
 * in this group, and follow that key frame in the file. */
#include "media/video_groups.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "media/entries.h"
#include "media/video_groups_internal.h"
#include "model/media.h"

/* As the clock of the other reader (video_clock.c): longer is a broken stamp until shown otherwise.
 */
static const int64_t jump_us = 10 * MD_SECOND_US;
static const int64_t default_nominal_us = MD_SECOND_US / 25;

int md_groups_refuse_(struct md_failure *failure, const char *why)
{
    return md_fail(failure, MD_ERR_UNSUPPORTED, "%s", why);
}

static void held_done(struct md_groups *groups, struct md_group_held *held)
{
    for (size_t i = 0; i < held->packets.n; i++)
        av_packet_free(&held->packets.v[i].av);
    groups->bytes -= held->bytes;
    md_vec_done(&held->packets);
    md_vec_done(&held->frames);
}

void md_groups_close(struct md_groups *groups)
{
    if (!groups)
        return;
    for (size_t i = 0; i < groups->held.n; i++)
        held_done(groups, &groups->held.v[i]);
    md_vec_done(&groups->held);
    if (groups->parser)
        av_parser_close(groups->parser);
    avcodec_free_context(&groups->parser_context);
    avcodec_free_context(&groups->key_decoder);
    avcodec_free_context(&groups->decoder);
    av_packet_free(&groups->packet);
    for (int i = 0; i < 2; i++) {
        av_frame_free(&groups->key_av[i]);
        md_picture_converter_done(&groups->key_converter[i]);
    }
    av_frame_free(&groups->av);
    md_picture_converter_done(&groups->converter);
    md_input_close(groups->input);
    free(groups);
}

static void customize(AVCodecContext *decoder, void *user)
{
    const struct md_groups *groups = user;
    decoder->thread_type = FF_THREAD_FRAME | FF_THREAD_SLICE;
    decoder->max_pixels = groups->params.max_pixels;
    if (groups->params.skip_loop_filter)
        decoder->skip_loop_filter = AVDISCARD_ALL;
}

static int open_parser(struct md_groups *groups)
{
    const AVCodecParameters *parameters = groups->stream->codecpar;
    groups->parser = av_parser_init(parameters->codec_id);
    if (!groups->parser)
        return MD_OK; /* then sizes and key flags have to do */
    groups->parser->flags |= PARSER_FLAG_COMPLETE_FRAMES;
    groups->parser_context = avcodec_alloc_context3(NULL);
    if (!groups->parser_context ||
        avcodec_parameters_to_context(groups->parser_context, parameters) < 0)
        return MD_ERR_NOMEM;
    return MD_OK;
}

static int open_all(struct md_groups *groups, struct md_failure *failure)
{
    const struct md_video_params *params = &groups->params;
    int rc = md_input_open(params->path, params->cancelled, params->user, &groups->input, failure);
    if (rc < 0)
        return rc;
    int64_t index = params->media->video_stream;
    groups->stream = md_input_stream(groups->input, index);
    if (!groups->stream || groups->stream->codecpar->codec_type != AVMEDIA_TYPE_VIDEO)
        return md_fail(failure, MD_ERR_INPUT, "%s has no picture", groups->input->name);
    AVRational rate = groups->stream->avg_frame_rate;
    groups->nominal_us = default_nominal_us;
    if (rate.num > 0 && rate.den > 0)
        groups->nominal_us = MD_CLAMP(av_rescale(1000000, rate.den, rate.num), 1, jump_us);
    md_input_select(groups->input, index);
    groups->packet = av_packet_alloc();
    groups->key_av[0] = av_frame_alloc();
    groups->key_av[1] = av_frame_alloc();
    groups->av = av_frame_alloc();
    if (!groups->packet || !groups->key_av[0] || !groups->key_av[1] || !groups->av ||
        open_parser(groups) < 0)
        return md_fail(failure, MD_ERR_NOMEM, "out of memory");
    rc = md_input_open_decoder(groups->input, index, 1, customize, groups, &groups->key_decoder,
                               failure);
    if (rc == MD_OK)
        rc = md_input_open_decoder(groups->input, index, MD_CLAMP(params->threads, 1, 16),
                                   customize, groups, &groups->decoder, failure);
    return rc;
}

int md_groups_open(const struct md_video_params *params, struct md_groups **ret_groups,
                   struct md_failure *failure)
{
    if (params->media->time_jumps > 0)
        return md_groups_refuse_(failure, "its time stamps jump");
    struct md_groups *groups = calloc(1, sizeof *groups);
    if (!groups)
        return md_fail(failure, MD_ERR_NOMEM, "out of memory");
    groups->params = *params;
    if (groups->params.max_pixels <= 0)
        groups->params.max_pixels = MD_VIDEO_MAX_PIXELS;
    groups->zero_us = params->media->clock_zero_us;
    int rc = open_all(groups, failure);
    if (rc < 0) {
        md_groups_close(groups);
        return rc;
    }
    *ret_groups = groups;
    return MD_OK;
}

struct md_group_held *md_groups_held_(struct md_groups *groups, int64_t group)
{
    if (group < groups->first || group >= groups->first + (int64_t)groups->held.n)
        return NULL;
    return &groups->held.v[group - groups->first];
}

int64_t md_groups_first(const struct md_groups *groups)
{
    return groups->first;
}

int64_t md_groups_count(const struct md_groups *groups)
{
    return groups->complete;
}

const struct md_group *md_groups_at(struct md_groups *groups, int64_t group)
{
    struct md_group_held *held = md_groups_held_(groups, group);
    return held && group < groups->complete ? &held->view : NULL;
}

void md_groups_release(struct md_groups *groups, int64_t group)
{
    group = MD_MIN(group, groups->complete);
    size_t gone = group > groups->first ? (size_t)(group - groups->first) : 0;
    if (gone == 0)
        return;
    for (size_t i = 0; i < gone; i++)
        held_done(groups, &groups->held.v[i]);
    memmove(groups->held.v, groups->held.v + gone,
            (groups->held.n - gone) * sizeof groups->held.v[0]);
    groups->held.n -= gone;
    groups->first = group;
}

/* What the bitstream says of one packet. */
struct said {
    int coding;
    bool is_field, is_hidden;
};

static struct said parse(struct md_groups *groups, const AVPacket *packet)
{
    struct said said = {.coding = MD_CODING_UNKNOWN};
    AVCodecParserContext *parser = groups->parser;
    if (!parser || packet->size <= 0)
        return said;
    parser->pict_type = AV_PICTURE_TYPE_NONE;
    parser->picture_structure = AV_PICTURE_STRUCTURE_UNKNOWN;
    uint8_t *data;
    int size;
    av_parser_parse2(parser, groups->parser_context, &data, &size, packet->data, packet->size,
                     packet->pts, packet->dts, packet->pos);
    if (parser->pict_type == AV_PICTURE_TYPE_I)
        said.coding = MD_CODING_I;
    else if (parser->pict_type == AV_PICTURE_TYPE_P)
        said.coding = MD_CODING_P;
    else if (parser->pict_type == AV_PICTURE_TYPE_B)
        said.coding = MD_CODING_B;
    said.is_field = parser->picture_structure == AV_PICTURE_STRUCTURE_TOP_FIELD ||
                    parser->picture_structure == AV_PICTURE_STRUCTURE_BOTTOM_FIELD;
    /* RFC 6386, 9.1: bit 4 of a frame's first byte is show_frame. */
    said.is_hidden =
        groups->stream->codecpar->codec_id == AV_CODEC_ID_VP8 && !(packet->data[0] >> 4 & 1);
    return said;
}

static int compare_frames(const void *a, const void *b)
{
    const struct md_group_frame *x = a, *y = b;
    return (x->pts_us > y->pts_us) - (x->pts_us < y->pts_us);
}

/* Sorts the frames of a group and tells it from the next, which may be NULL at the end. */
static int complete(struct md_groups *groups, struct md_failure *failure)
{
    struct md_group_held *held = md_groups_held_(groups, groups->complete), *next = held + 1;
    bool is_last = groups->first + (int64_t)groups->held.n == groups->complete + 1;
    int64_t end_us = INT64_MAX;
    if (!is_last)
        end_us = next->packets.v[0].pts_us;
    qsort(held->frames.v, held->frames.n, sizeof held->frames.v[0], compare_frames);
    for (size_t i = 0; i < held->frames.n; i++) {
        struct md_group_frame *frame = &held->frames.v[i];
        int64_t until_us = i + 1 < held->frames.n ? frame[1].pts_us : end_us;
        if (until_us == INT64_MAX) {
            bool known = held->last_duration_us > 0 && held->last_duration_us <= jump_us;
            until_us = frame->pts_us + (known ? held->last_duration_us : groups->nominal_us);
        }
        frame->duration_us = until_us - frame->pts_us;
        if (frame->duration_us <= 0)
            return md_groups_refuse_(failure,
                                     "pictures share a time or lie outside of their group");
        if (frame->duration_us > jump_us)
            return md_groups_refuse_(failure, "its pictures are farther apart than ten seconds");
    }
    if (held->frames.v[0].pts_us != held->packets.v[0].pts_us)
        return md_groups_refuse_(failure, "its key frames are out of order");
    const struct md_group_frame *last = &held->frames.v[held->frames.n - 1];
    const struct md_group_held *before = md_groups_held_(groups, groups->complete - 1);
    int64_t first_frame = held->view.first_frame;
    if (before)
        first_frame = before->view.first_frame + before->view.frame_count;
    held->view = (struct md_group){
        .first_frame = first_frame,
        .frame_count = (int32_t)held->frames.n,
        .frames = held->frames.v,
        .end_us = last->pts_us + last->duration_us,
        .is_last = is_last,
    };
    if (!is_last) /* in case this one is released before the next is complete */
        next->view.first_frame = first_frame + held->view.frame_count;
    groups->complete++;
    return MD_OK;
}

static int begin_group(struct md_groups *groups, int64_t pts_us, struct md_failure *failure)
{
    if (groups->held.n == 0 && groups->complete == 0 && (pts_us < -1 || pts_us > 1))
        return md_groups_refuse_(failure, "it does not begin with a key frame");
    if (groups->held.n > 0 && pts_us <= groups->held.v[groups->held.n - 1].packets.v[0].pts_us)
        return md_groups_refuse_(failure, "its key frames are out of order");
    if (md_vec_push(&groups->held, (struct md_group_held){0}) < 0)
        return md_fail(failure, MD_ERR_NOMEM, "out of memory");
    return MD_OK;
}

/* The packet, just read, as part of the last group. */
static int keep(struct md_groups *groups, int64_t pts_us, struct said said,
                struct md_failure *failure)
{
    struct md_group_held *held = &groups->held.v[groups->held.n - 1];
    AVPacket *packet = groups->packet;
    bool is_key = held->packets.n == 0;
    bool leads = !is_key && pts_us < held->packets.v[0].pts_us;
    struct md_group_held *shown_in =
        leads && !said.is_hidden && groups->held.n > 1 ? held - 1 : held;
    bool is_shown = !said.is_hidden && (!leads || groups->held.n > 1);
    if (is_key && said.is_hidden)
        return md_groups_refuse_(failure, "a key frame is hidden");
    if (held->packets.n >= MD_GROUP_MOST_FRAMES ||
        held->bytes + packet->size > MD_GROUP_MOST_BYTES ||
        groups->bytes + packet->size > MD_GROUPS_MOST_BYTES)
        return md_groups_refuse_(failure, "its key frames are too far apart");
    struct md_group_frame frame = {
        .pts_us = pts_us,
        .bytes = packet->size,
        .coding = is_key ? MD_CODING_I : said.coding,
        .is_key = is_key,
    };
    struct md_group_packet kept = {
        .av = av_packet_alloc(), .pts_us = pts_us, .leads = leads, .is_hidden = said.is_hidden};
    if (!kept.av || av_packet_make_refcounted(packet) < 0 ||
        md_vec_push(&held->packets, kept) < 0) {
        av_packet_free(&kept.av);
        return md_fail(failure, MD_ERR_NOMEM, "out of memory");
    }
    held->bytes += packet->size;
    groups->bytes += packet->size;
    /* Pictures that lead the film's first key frame are not shown at all. */
    if (is_shown && md_vec_push(&shown_in->frames, frame) < 0)
        return md_fail(failure, MD_ERR_NOMEM, "out of memory");
    if (is_shown && shown_in->frames.v[0].pts_us <= pts_us)
        shown_in->last_duration_us =
            av_rescale_q(packet->duration, groups->stream->time_base, AV_TIME_BASE_Q);
    av_packet_move_ref(kept.av, packet);
    return MD_OK;
}

static int take_packet(struct md_groups *groups, struct md_failure *failure)
{
    const AVPacket *packet = groups->packet;
    bool is_key = packet->flags & AV_PKT_FLAG_KEY;
    if (groups->held.n == 0 && !is_key)
        return groups->packets_read > MD_GROUP_MOST_FRAMES
                   ? md_groups_refuse_(failure, "it has no key frames")
                   : MD_OK;
    if (packet->flags & AV_PKT_FLAG_CORRUPT)
        return md_groups_refuse_(failure, "it is damaged");
    if (packet->flags & AV_PKT_FLAG_DISCARD)
        return md_groups_refuse_(failure, "an edit list hides pictures");
    int64_t pts_us = md_input_movie_us(packet->pts, groups->stream->time_base, groups->zero_us);
    if (packet->pts == AV_NOPTS_VALUE || pts_us == AV_NOPTS_VALUE)
        return md_groups_refuse_(failure, "pictures have no time stamps");
    struct said said = parse(groups, packet);
    if (said.is_field)
        return md_groups_refuse_(failure, "its pictures come as fields");
    int rc = is_key ? begin_group(groups, pts_us, failure) : MD_OK;
    return rc < 0 ? rc : keep(groups, pts_us, said, failure);
}

int md_groups_read_(struct md_groups *groups, struct md_failure *failure)
{
    int rc = md_input_read(groups->input, groups->packet, failure);
    if (rc == MD_ERR_EOF) {
        groups->ended = true;
        if (groups->held.n == 0 && groups->complete == 0)
            return md_groups_refuse_(failure, "it has no key frames");
        return MD_OK;
    }
    if (rc == MD_ERR_IO)
        return md_groups_refuse_(failure, "it cannot be read to its end");
    if (rc < 0)
        return rc;
    if (groups->packet->stream_index == groups->stream->index) {
        groups->packets_read++;
        if (groups->params.entries_us && md_entries_add(groups->params.entries_us, groups->stream,
                                                        groups->packet, groups->zero_us) < 0)
            rc = md_fail(failure, MD_ERR_NOMEM, "out of memory");
        if (rc == MD_OK)
            rc = take_packet(groups, failure);
    }
    av_packet_unref(groups->packet);
    return rc;
}

int md_groups_advance(struct md_groups *groups, struct md_failure *failure)
{
    for (;;) {
        int64_t open = groups->first + (int64_t)groups->held.n - groups->complete;
        if (open > 2 || (groups->ended && open > 0))
            return complete(groups, failure);
        if (groups->ended)
            return MD_ERR_EOF;
        int rc = md_groups_read_(groups, failure);
        if (rc < 0)
            return rc;
    }
}

void md_groups_stats_get(const struct md_groups *groups, struct md_groups_stats *ret_stats)
{
    *ret_stats = groups->stats;
    ret_stats->packets = groups->packets_read;
}
