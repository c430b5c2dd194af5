/* Packets in, frames out, with two frames of look-ahead: a frame's time is judged by the stamp of
 * the frame after it (media/video_clock.h), and how long it stays is only known from the time of
 * that one. The price is two more surfaces; the gain is exact durations at any frame rate.
 *
 * Nothing the stream does ends it. A packet the decoder refuses is counted; the end comes with the
 * end of the file, so the work is bounded by its size. */
#include "media/video_reader.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "media/compat.h"
#include "media/entries.h"
#include "media/video_av.h"
#include "media/video_reader_internal.h"
#include "model/media.h"

/* Frames in flight in the decoder's threads, in luma samples: about 400 MB of 10-bit 4:2:0. An 8K
 * film gets 4 threads, one of 1080p as many as it likes. */
static const int64_t max_samples_in_flight = INT64_C(128) << 20;
enum { MAX_FLUSH_ERRORS = 256 };

static void customize(AVCodecContext *decoder, void *user)
{
    const struct md_video_reader *reader = user;
    int64_t samples = (int64_t)decoder->width * decoder->height;
    if (samples > 0) {
        int most = (int)MD_CLAMP(max_samples_in_flight / samples, 1, 64);
        decoder->thread_count = MD_MIN(decoder->thread_count, most);
    }
    decoder->thread_type = FF_THREAD_FRAME | FF_THREAD_SLICE;
    decoder->max_pixels = reader->max_pixels;
    if (reader->params.skip_loop_filter)
        decoder->skip_loop_filter = AVDISCARD_ALL;
    else if (reader->params.skip_unused_filter)
        decoder->skip_loop_filter = AVDISCARD_NONREF;
    if (reader->params.key_frames_only)
        decoder->skip_frame = AVDISCARD_NONKEY;
}

static int64_t choose_stream(const struct md_video_params *params, const struct md_input *input)
{
    if (params->media)
        return params->media->video_stream;
    return av_find_best_stream(input->format, AVMEDIA_TYPE_VIDEO, -1, -1, NULL, 0);
}

static int64_t nominal_us(const AVStream *stream)
{
    AVRational rate = stream->avg_frame_rate;
    if (rate.num <= 0 || rate.den <= 0)
        rate = stream->r_frame_rate;
    return rate.num > 0 && rate.den > 0 ? av_rescale(1000000, rate.den, rate.num) : 0;
}

static int start(struct md_video_reader *reader, struct md_failure *failure)
{
    const struct md_video_params *params = &reader->params;
    int64_t index = choose_stream(params, reader->input);
    reader->stream = index >= 0 ? md_input_stream(reader->input, index) : NULL;
    if (!reader->stream || reader->stream->codecpar->codec_type != AVMEDIA_TYPE_VIDEO)
        return md_fail(failure, MD_ERR_INPUT, "%s has no picture", reader->input->name);
    const AVCodecParameters *parameters = reader->stream->codecpar;
    if ((int64_t)parameters->width * parameters->height > reader->max_pixels)
        return md_fail(failure, MD_ERR_INPUT, "%s claims a picture of %d x %d, which is too large",
                       reader->input->name, parameters->width, parameters->height);
    int rc = md_input_open_decoder(reader->input, index, MD_MAX(params->threads, 1), customize,
                                   reader, &reader->decoder, failure);
    if (rc < 0)
        return rc;
    md_input_select(reader->input, index);
    md_video_clock_init(&reader->clock, nominal_us(reader->stream));
    reader->zero_us = params->media ? params->media->clock_zero_us : MD_NO_TIME;
    reader->sequential |= params->media && params->media->time_jumps > 0;
    return MD_OK;
}

int md_video_open_file_(struct md_video_reader *reader, struct md_failure *failure)
{
    const struct md_video_params *params = &reader->params;
    avcodec_free_context(&reader->decoder);
    md_input_close(reader->input);
    reader->input = NULL;
    reader->stream = NULL;
    int rc = md_input_open(params->path, params->cancelled, params->user, &reader->input, failure);
    return rc < 0 ? rc : start(reader, failure);
}

int md_video_open(const struct md_video_params *params, struct md_video_reader **ret_reader,
                  struct md_failure *failure)
{
    struct md_video_reader *reader = calloc(1, sizeof *reader);
    if (!reader)
        return md_fail(failure, MD_ERR_NOMEM, "out of memory");
    reader->params = *params;
    reader->max_pixels = params->max_pixels > 0 ? params->max_pixels : MD_VIDEO_MAX_PIXELS;
    reader->stats.first_damage_us = reader->stats.last_damage_us = MD_NO_TIME;
    bool allocated = (reader->packet = av_packet_alloc()) != NULL;
    for (int i = 0; i < QUEUE; i++)
        allocated &= (reader->queue[i].av = av_frame_alloc()) != NULL;
    int rc = allocated ? md_video_open_file_(reader, failure)
                       : md_fail(failure, MD_ERR_NOMEM, "out of memory");
    if (rc < 0) {
        md_video_close(reader);
        return rc;
    }
    *ret_reader = reader;
    return MD_OK;
}

void md_video_close(struct md_video_reader *reader)
{
    if (!reader)
        return;
    avcodec_free_context(&reader->decoder);
    av_packet_free(&reader->packet);
    for (int i = 0; i < QUEUE; i++)
        av_frame_free(&reader->queue[i].av);
    md_picture_converter_done(&reader->converter);
    md_input_close(reader->input);
    free(reader);
}

static void note_damage(struct md_video_reader *reader, int64_t time_us)
{
    if (reader->stats.first_damage_us == MD_NO_TIME)
        reader->stats.first_damage_us = time_us;
    reader->stats.last_damage_us = time_us;
}

static int fail_nomem(const struct md_video_reader *reader, struct md_failure *failure)
{
    return md_fail(failure, MD_ERR_NOMEM, "out of memory while decoding %s", reader->input->name);
}

/* Gives the decoder one packet, or tells it that none follow. The decoder was drained of frames
 * before, so it does not answer EAGAIN. */
static int feed(struct md_video_reader *reader, struct md_failure *failure)
{
    int rc = md_input_read(reader->input, reader->packet, failure);
    if (rc == MD_ERR_CANCELLED || rc == MD_ERR_NOMEM)
        return rc;
    if (rc < 0) {
        reader->stats.cut_off = rc != MD_ERR_EOF;
        reader->flushing = true;
        avcodec_send_packet(reader->decoder, NULL);
        return MD_OK;
    }
    rc = MD_OK;
    bool is_ours = reader->packet->stream_index == reader->stream->index;
    if (is_ours && reader->params.entries_us && reader->params.media &&
        md_entries_add(reader->params.entries_us, reader->stream, reader->packet,
                       reader->params.media->clock_zero_us) < 0)
        rc = fail_nomem(reader, failure);
    if (rc == MD_OK && is_ours && md_video_wants_packet_(reader)) {
        int sent = avcodec_send_packet(reader->decoder, reader->packet);
        if (sent == AVERROR(ENOMEM)) {
            rc = fail_nomem(reader, failure);
        } else if (sent < 0) {
            reader->stats.lost_packets++;
            note_damage(reader, reader->clock.started ? reader->clock.last_us : 0);
        }
    }
    av_packet_unref(reader->packet);
    return rc;
}

/* Decodes one frame into av. MD_ERR_EOF when there are no more, MD_ERR_NOTFOUND when a search for a
 * key frame went past its goal. */
static int decode(struct md_video_reader *reader, AVFrame *av, struct md_failure *failure)
{
    for (;;) {
        if (reader->params.cancelled && reader->params.cancelled(reader->params.user))
            return md_fail(failure, MD_ERR_CANCELLED, "cancelled");
        int rc = avcodec_receive_frame(reader->decoder, av);
        if (rc == 0)
            return MD_OK;
        if (rc == AVERROR(ENOMEM))
            return fail_nomem(reader, failure);
        if (rc == AVERROR_EOF)
            return MD_ERR_EOF;
        if (rc != AVERROR(EAGAIN)) {
            /* A frame was lost on the way out; the decoder goes on with the next. While flushing
             * there are only so many left: a decoder that fails more often is stuck. */
            reader->stats.lost_packets++;
            note_damage(reader, reader->clock.started ? reader->clock.last_us : 0);
            if (reader->flushing && ++reader->flush_errors > MAX_FLUSH_ERRORS)
                return MD_ERR_EOF;
            continue;
        }
        if (reader->flushing)
            return MD_ERR_EOF;
        if (reader->search.hopeless)
            return MD_ERR_NOTFOUND;
        rc = feed(reader, failure);
        if (rc < 0)
            return rc;
    }
}

static int64_t stamp_of(struct md_video_reader *reader, const AVFrame *av)
{
    int64_t stamp = av->best_effort_timestamp;
    if (stamp == AV_NOPTS_VALUE)
        return MD_NO_TIME;
    if (reader->zero_us == MD_NO_TIME)
        reader->zero_us = av_rescale_q(stamp, reader->stream->time_base, AV_TIME_BASE_Q);
    return md_input_movie_us(stamp, reader->stream->time_base, reader->zero_us);
}

/* Fills the queue as far as the stream goes. */
static int fill(struct md_video_reader *reader, struct md_failure *failure)
{
    while (reader->queued < QUEUE && !reader->drained) {
        struct queued *slot = &reader->queue[reader->queued];
        int rc = decode(reader, slot->av, failure);
        if (rc == MD_ERR_EOF)
            reader->drained = true;
        else if (rc < 0)
            return rc;
        else {
            slot->stamp_us = stamp_of(reader, slot->av);
            slot->time_us = MD_NO_TIME;
            slot->duration_us = av_rescale_q(md_av_frame_duration(slot->av),
                                             reader->stream->time_base, AV_TIME_BASE_Q);
            reader->queued++;
        }
    }
    return MD_OK;
}

void md_video_drop_head_(struct md_video_reader *reader)
{
    AVFrame *av = reader->queue[0].av;
    av_frame_unref(av);
    memmove(&reader->queue[0], &reader->queue[1], (QUEUE - 1) * sizeof reader->queue[0]);
    reader->queue[QUEUE - 1] = (struct queued){.av = av};
    reader->queued--;
}

/* Gives queue[i] its time, if it has none yet. */
static void judge(struct md_video_reader *reader, int i)
{
    struct queued *slot = &reader->queue[i];
    if (slot->time_us != MD_NO_TIME)
        return;
    int64_t after_us = i + 1 < reader->queued ? reader->queue[i + 1].stamp_us : MD_NO_TIME;
    slot->time_us =
        md_video_clock_next(&reader->clock, slot->stamp_us, after_us, slot->duration_us);
}

int md_video_advance_(struct md_video_reader *reader, struct md_failure *failure)
{
    if (reader->head_delivered) {
        md_video_drop_head_(reader);
        reader->head_delivered = false;
    }
    int rc = fill(reader, failure);
    if (rc < 0)
        return rc;
    if (reader->queued == 0)
        return MD_ERR_EOF;
    judge(reader, 0);
    struct queued *head = &reader->queue[0];
    if (reader->queued > 1) {
        judge(reader, 1);
        head->duration_us = reader->queue[1].time_us - head->time_us;
    } else {
        head->duration_us = reader->clock.nominal_us;
    }
    return MD_OK;
}

static bool is_damaged(const AVFrame *av)
{
    return av->decode_error_flags != 0 || (av->flags & AV_FRAME_FLAG_CORRUPT);
}

/* The head is the caller's now. */
static void deliver(struct md_video_reader *reader)
{
    const struct queued *head = &reader->queue[0];
    const AVFrame *av = head->av;
    struct md_video_stats *stats = &reader->stats;
    reader->head_delivered = true;
    if (stats->frames > 0 &&
        (av->width != reader->last_width || av->height != reader->last_height ||
         av->format != reader->last_format))
        stats->format_changes++;
    reader->last_width = av->width;
    reader->last_height = av->height;
    reader->last_format = av->format;
    stats->frames++;
    stats->end_us = head->time_us + head->duration_us;
    if (is_damaged(av)) {
        stats->damaged_frames++;
        note_damage(reader, head->time_us);
    }
}

int md_video_next(struct md_video_reader *reader, const struct md_frame **ret_frame,
                  struct md_failure *failure)
{
    for (;;) {
        int rc = md_video_advance_(reader, failure);
        if (rc < 0)
            return rc;
        const struct queued *head = &reader->queue[0];
        struct md_frame *frame = &reader->frame;
        rc = md_picture_read(&reader->converter, head->av, frame);
        if (rc == MD_ERR_UNSUPPORTED) {
            reader->head_delivered = true;
            reader->stats.lost_packets++;
            note_damage(reader, head->time_us);
            continue;
        }
        if (rc < 0)
            return fail_nomem(reader, failure);
        deliver(reader);
        frame->pts_us = head->time_us;
        frame->duration_us = head->duration_us;
        frame->index = reader->next_index++;
        frame->is_key = md_av_frame_is_key(head->av);
        frame->is_interlaced = md_av_frame_is_interlaced(head->av);
        frame->is_damaged = is_damaged(head->av);
        *ret_frame = frame;
        return MD_OK;
    }
}

int md_video_next_av(struct md_video_reader *reader, struct md_video_av_frame *ret_frame,
                     struct md_failure *failure)
{
    int rc = md_video_advance_(reader, failure);
    if (rc < 0)
        return rc;
    deliver(reader);
    reader->next_index++;
    const struct queued *head = &reader->queue[0];
    *ret_frame = (struct md_video_av_frame){.av = head->av,
                                            .pts_us = head->time_us,
                                            .duration_us = head->duration_us,
                                            .is_damaged = is_damaged(head->av)};
    return MD_OK;
}

int64_t md_video_stamp_offset_us(const struct md_video_reader *reader)
{
    return reader->clock.offset_us;
}

const AVStream *md_video_av_stream(const struct md_video_reader *reader)
{
    return reader->stream;
}

void md_video_stats_get(const struct md_video_reader *reader, struct md_video_stats *ret_stats)
{
    *ret_stats = reader->stats;
}
