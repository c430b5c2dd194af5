/* Two decoders: one takes key frames alone and is emptied after each, so that a key frame's picture
 * is there at once; the other runs over stretches with as many threads as there are. What comes
 * out of the second is compared with what the packets promised, frame by frame: the first
 * difference (a picture missing, one too many, an error) means that frames cannot be numbered
 * without decoding them all. */
#include "media/video_groups.h"

#include "base/cleanup.h"
#include "media/compat.h"
#include "media/video_groups_internal.h"

static bool is_damaged(const AVFrame *av)
{
    return av->decode_error_flags != 0 || (av->flags & AV_FRAME_FLAG_CORRUPT);
}

static int fail_nomem(struct md_failure *failure)
{
    return md_fail(failure, MD_ERR_NOMEM, "out of memory while decoding");
}

/* The picture of av as the numbered frame `shown` of the film. */
static int deliver(struct md_picture_converter *converter, const AVFrame *av,
                   const struct md_group_frame *shown, int64_t number, struct md_frame *frame,
                   struct md_failure *failure)
{
    int rc = md_picture_read(converter, av, frame);
    if (rc == MD_ERR_UNSUPPORTED)
        return md_groups_refuse_(failure, "its pixel format is unusual");
    if (rc < 0)
        return fail_nomem(failure);
    frame->pts_us = shown->pts_us;
    frame->duration_us = shown->duration_us;
    frame->index = number;
    frame->is_key = md_av_frame_is_key(av);
    frame->is_interlaced = md_av_frame_is_interlaced(av);
    frame->is_damaged = false;
    return MD_OK;
}

static int64_t time_of(const struct md_groups *groups, const AVFrame *av)
{
    return md_input_movie_us(av->best_effort_timestamp, groups->stream->time_base, groups->zero_us);
}

int md_groups_key(struct md_groups *groups, int64_t group, const struct md_frame **ret_frame,
                  struct md_failure *failure)
{
    const struct md_group_held *held = md_groups_held_(groups, group);
    AVCodecContext *decoder = groups->key_decoder;
    int slot = groups->key_slot = !groups->key_slot;
    AVFrame *av = groups->key_av[slot];
    av_frame_unref(av);
    int rc = avcodec_send_packet(decoder, held->packets.v[0].av);
    if (rc >= 0)
        rc = avcodec_send_packet(decoder, NULL);
    if (rc >= 0)
        rc = avcodec_receive_frame(decoder, av);
    avcodec_flush_buffers(decoder);
    groups->stats.keys++;
    if (rc == AVERROR(ENOMEM))
        return fail_nomem(failure);
    if (rc < 0)
        return md_groups_refuse_(failure, "key frames cannot be decoded alone");
    if (is_damaged(av))
        return md_groups_refuse_(failure, "it is damaged");
    if (time_of(groups, av) != held->packets.v[0].pts_us)
        return md_groups_refuse_(failure, "frames come with other times than their packets");
    rc = deliver(&groups->key_converter[slot], av, &held->view.frames[0], held->view.first_frame,
                 &groups->key_frame[slot], failure);
    if (rc == MD_OK)
        *ret_frame = &groups->key_frame[slot];
    return rc;
}

void md_groups_start(struct md_groups *groups, int64_t group, int64_t from_frame)
{
    const struct md_group_held *held = md_groups_held_(groups, group);
    int64_t first = held->view.first_frame;
    groups->from_us = held->view.frames[from_frame - first].pts_us;
    groups->from_frame = from_frame;
    if (groups->is_decoding && groups->next_frame <= from_frame && groups->next_frame >= first)
        return; /* it lies ahead, and no key frame is nearer */
    avcodec_flush_buffers(groups->decoder);
    groups->is_decoding = true;
    groups->draining = false;
    groups->feed_group = groups->start_group = groups->next_group = group;
    groups->feed_packet = 0;
    groups->next_frame = first;
}

/* The packet to be decoded next, read from the file when it is not there yet; NULL at the end. */
static int next_packet(struct md_groups *groups, const struct md_group_packet **ret_packet,
                       struct md_failure *failure)
{
    *ret_packet = NULL;
    if (groups->feed_group < groups->first) { /* all of it was fed */
        groups->feed_group = groups->first;
        groups->feed_packet = 0;
    }
    for (;;) {
        const struct md_group_held *held = md_groups_held_(groups, groups->feed_group);
        if (held && groups->feed_packet < held->packets.n) {
            const struct md_group_packet *packet = &held->packets.v[groups->feed_packet++];
            if (packet->leads && groups->feed_group == groups->start_group)
                continue; /* refers to what was not decoded */
            *ret_packet = packet;
            return MD_OK;
        }
        if (held && md_groups_held_(groups, groups->feed_group + 1)) {
            groups->feed_group++;
            groups->feed_packet = 0;
        } else if (groups->ended) {
            return MD_OK;
        } else {
            int rc = md_groups_read_(groups, failure);
            if (rc < 0)
                return rc;
        }
    }
}

static int feed(struct md_groups *groups, struct md_failure *failure)
{
    const struct md_group_packet *packet;
    int rc = next_packet(groups, &packet, failure);
    if (rc < 0)
        return rc;
    groups->draining = packet == NULL;
    if (packet)
        groups->decoder->skip_frame =
            packet->pts_us < groups->from_us ? AVDISCARD_NONREF : AVDISCARD_DEFAULT;
    rc = avcodec_send_packet(groups->decoder, packet ? packet->av : NULL);
    if (rc == AVERROR(ENOMEM))
        return fail_nomem(failure);
    return rc < 0 ? md_groups_refuse_(failure, "it is damaged") : MD_OK;
}

static int decode(struct md_groups *groups, struct md_failure *failure)
{
    for (;;) {
        if (groups->params.cancelled && groups->params.cancelled(groups->params.user))
            return md_fail(failure, MD_ERR_CANCELLED, "cancelled");
        int rc = avcodec_receive_frame(groups->decoder, groups->av);
        if (rc == AVERROR(ENOMEM))
            return fail_nomem(failure);
        if (rc == AVERROR_EOF)
            return MD_ERR_EOF;
        if (rc != AVERROR(EAGAIN)) {
            groups->stats.frames += rc >= 0;
            return rc < 0 ? md_groups_refuse_(failure, "it is damaged") : MD_OK;
        }
        rc = feed(groups, failure);
        if (rc < 0)
            return rc;
    }
}

/* Moves to the group that holds the next frame, completing it first. */
static int reach_group(struct md_groups *groups, struct md_failure *failure)
{
    for (;;) {
        const struct md_group *group = md_groups_at(groups, groups->next_group);
        if (group && groups->next_frame < group->first_frame + group->frame_count)
            return MD_OK;
        if (group && group->is_last)
            return MD_ERR_EOF;
        if (group) {
            groups->next_group++;
            continue;
        }
        int rc = md_groups_advance(groups, failure);
        if (rc < 0)
            return rc;
    }
}

/* The number of the frame that was decoded; frames that were left out before it are passed. */
static int number_frame(struct md_groups *groups, const struct md_group_frame **ret_shown,
                        struct md_failure *failure)
{
    int64_t time_us = time_of(groups, groups->av);
    if (is_damaged(groups->av))
        return md_groups_refuse_(failure, "it is damaged");
    for (;; groups->next_frame++) {
        int rc = reach_group(groups, failure);
        if (rc == MD_ERR_EOF)
            return md_groups_refuse_(failure, "it has more frames than packets");
        if (rc < 0)
            return rc;
        const struct md_group *group = md_groups_at(groups, groups->next_group);
        *ret_shown = &group->frames[groups->next_frame - group->first_frame];
        if ((*ret_shown)->pts_us == time_us)
            return MD_OK;
        if ((*ret_shown)->pts_us > time_us || groups->next_frame >= groups->from_frame)
            return md_groups_refuse_(failure, "frames come with other times than their packets");
    }
}

int md_groups_next(struct md_groups *groups, const struct md_frame **ret_frame,
                   struct md_failure *failure)
{
    for (;;) {
        int rc = reach_group(groups, failure);
        if (rc < 0)
            return rc;
        av_frame_unref(groups->av);
        rc = decode(groups, failure);
        if (rc == MD_ERR_EOF)
            return md_groups_refuse_(failure, "it has fewer frames than packets");
        if (rc < 0)
            return rc;
        const struct md_group_frame *shown = NULL;
        rc = number_frame(groups, &shown, failure);
        if (rc < 0)
            return rc;
        int64_t number = groups->next_frame++;
        if (number < groups->from_frame)
            continue;
        rc = deliver(&groups->converter, groups->av, shown, number, &groups->frame, failure);
        if (rc == MD_OK)
            *ret_frame = &groups->frame;
        return rc;
    }
}
