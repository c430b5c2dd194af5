/* Finding a frame exactly. Containers seek by decoding times, from indexes that lie, to packets
 * that are not key frames, and groups of pictures may open with frames that refer to the group
 * before; so a place is only believed when the first frame that comes out of it is not after the
 * one that is wanted. Else the search starts earlier, at last with the file opened anew and read
 * from its beginning, which is what streams without index or stamps need anyway.
 *
 * From there on everything is decoded in order; only frames well before the goal that no other
 * frame refers to are left out, which changes no other frame. */
#include "media/video_reader.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "media/video_reader_internal.h"

/* Seeking costs the decoding of half a group of pictures on average, a few seconds of film. */
static const int64_t near_us = 2 * MD_SECOND_US;
/* Frames this close to the goal are all decoded: one of them may be the one that is shown then. */
static const int64_t margin_us = MD_SECOND_US;
/* Packets come in decoding order, at most this far from that of presentation. */
static const int64_t reorder_us = 2 * MD_SECOND_US;

static int64_t stamp_of_packet(const AVPacket *packet)
{
    return packet->pts != AV_NOPTS_VALUE ? packet->pts : packet->dts;
}

bool md_video_wants_packet_(struct md_video_reader *reader)
{
    struct md_video_search *search = &reader->search;
    if (!search->active || reader->params.key_frames_only)
        return true;
    int64_t stamp = stamp_of_packet(reader->packet);
    bool is_key = reader->packet->flags & AV_PKT_FLAG_KEY;
    if (search->wants_key && !is_key) {
        search->hopeless = stamp != AV_NOPTS_VALUE && stamp > search->hopeless_at;
        return false;
    }
    search->wants_key = false;
    bool skip = stamp != AV_NOPTS_VALUE && stamp < search->skip_until;
    reader->decoder->skip_frame = skip ? AVDISCARD_NONREF : AVDISCARD_DEFAULT;
    search->skipped |= skip;
    return true;
}

static int64_t container_stamp(const struct md_video_reader *reader, int64_t time_us)
{
    int64_t zero_us = reader->zero_us != MD_NO_TIME ? reader->zero_us : 0;
    return md_input_timestamp(time_us, reader->stream->time_base, zero_us);
}

/* Nothing decoded, nothing expected. */
static void forget(struct md_video_reader *reader)
{
    while (reader->queued > 0)
        md_video_drop_head_(reader);
    reader->head_delivered = reader->drained = reader->flushing = false;
    reader->flush_errors = 0;
    reader->next_index = 0;
    reader->search = (struct md_video_search){0};
    reader->decoder->skip_frame =
        reader->params.key_frames_only ? AVDISCARD_NONKEY : AVDISCARD_DEFAULT;
    md_video_clock_restart(&reader->clock);
}

/* Starts reading at the last key frame at or before from_us. */
static int jump(struct md_video_reader *reader, int64_t from_us)
{
    AVFormatContext *format = reader->input->format;
    int64_t stamp = container_stamp(reader, from_us);
    int rc = avformat_seek_file(format, reader->stream->index, INT64_MIN, stamp, stamp, 0);
    if (rc < 0)
        rc = av_seek_frame(format, reader->stream->index, stamp, AVSEEK_FLAG_BACKWARD);
    avcodec_flush_buffers(reader->decoder);
    forget(reader);
    return rc < 0 ? MD_ERR_NOTFOUND : MD_OK;
}

/* The same from the very beginning, without seeking. */
static int start_over(struct md_video_reader *reader, struct md_failure *failure)
{
    int64_t zero_us = reader->zero_us;
    int rc = md_video_open_file_(reader, failure);
    if (rc < 0)
        return rc;
    forget(reader);
    reader->zero_us = zero_us;
    return MD_OK;
}

static bool shows(const struct md_video_reader *reader, int64_t time_us)
{
    return reader->queue[0].time_us + reader->queue[0].duration_us > time_us;
}

/* Decodes until the head is what is shown at time_us, or the last frame. */
static int forward(struct md_video_reader *reader, int64_t time_us, struct md_failure *failure)
{
    int rc = md_video_advance_(reader, failure);
    while (rc == MD_OK && !shows(reader, time_us) && reader->queued > 1) {
        md_video_drop_head_(reader);
        rc = md_video_advance_(reader, failure);
    }
    return rc;
}

enum how { FROM_START, SKIPPING, DECODING_ALL };

/* One attempt from where the file is now. MD_OK, MD_ERR_NOTFOUND, or an error that ends the search.
 * *ret_again: it may succeed from the same place with every frame decoded. */
static int try_here(struct md_video_reader *reader, int64_t time_us, enum how how, bool *ret_again,
                    struct md_failure *failure)
{
    *ret_again = false;
    reader->search = (struct md_video_search){
        .active = true,
        .wants_key = how != FROM_START,
        .skip_until = how == SKIPPING ? container_stamp(reader, time_us - margin_us) : INT64_MIN,
        .hopeless_at = container_stamp(reader, time_us + reorder_us),
    };
    int rc = md_video_advance_(reader, failure);
    if (rc < 0)
        return rc == MD_ERR_EOF ? MD_ERR_NOTFOUND : rc;
    if (how != FROM_START &&
        (reader->queue[0].stamp_us == MD_NO_TIME || reader->queue[0].time_us > time_us))
        return MD_ERR_NOTFOUND;
    rc = forward(reader, time_us, failure);
    if (rc < 0)
        return rc == MD_ERR_EOF ? MD_ERR_NOTFOUND : rc;
    /* A frame that stays on screen for long may be among those that were skipped. */
    *ret_again = reader->search.skipped && reader->queue[0].time_us < time_us - margin_us;
    reader->search = (struct md_video_search){0};
    if (!reader->params.key_frames_only)
        reader->decoder->skip_frame = AVDISCARD_DEFAULT;
    return *ret_again ? MD_ERR_NOTFOUND : MD_OK;
}

static bool is_ahead(const struct md_video_reader *reader, int64_t time_us)
{
    return reader->queued > 0 && !reader->head_delivered && reader->queue[0].time_us <= time_us &&
           (reader->sequential || time_us - reader->queue[0].time_us <= near_us);
}

static int search(struct md_video_reader *reader, int64_t time_us, struct md_failure *failure)
{
    static const int64_t earlier_us[] = {0, 2 * MD_SECOND_US, 15 * MD_SECOND_US};
    bool again;
    for (size_t i = 0; i < MD_ARRAY_LEN(earlier_us) && !reader->sequential; i++) {
        int64_t from_us = MD_MAX(time_us - earlier_us[i], 0);
        if (jump(reader, from_us) < 0)
            continue;
        int rc = try_here(reader, time_us, SKIPPING, &again, failure);
        if (again && jump(reader, from_us) == MD_OK)
            rc = try_here(reader, time_us, DECODING_ALL, &again, failure);
        if (rc != MD_ERR_NOTFOUND)
            return rc;
    }
    /* Twice is no accident: from then on places ahead are reached by decoding, not by seeking. */
    if (time_us > earlier_us[2])
        reader->sequential |= ++reader->failed_searches >= 2;
    int rc = start_over(reader, failure);
    return rc < 0 ? rc : try_here(reader, time_us, FROM_START, &again, failure);
}

int md_video_seek(struct md_video_reader *reader, int64_t time_us, struct md_failure *failure)
{
    int rc = MD_OK;
    time_us = MD_MAX(time_us, 0);
    if (reader->zero_us == MD_NO_TIME || (reader->head_delivered && !reader->drained))
        rc = md_video_advance_(reader, failure); /* the first frame tells where zero is */
    if (rc == MD_OK && is_ahead(reader, time_us))
        return forward(reader, time_us, failure);
    if (rc < 0 && rc != MD_ERR_EOF)
        return rc;
    rc = search(reader, time_us, failure);
    if (rc == MD_ERR_NOTFOUND || rc == MD_ERR_EOF)
        return md_fail(failure, MD_ERR_INPUT, "cannot find %.1f s in %s", (double)time_us / 1e6,
                       reader->input->name);
    return rc;
}
