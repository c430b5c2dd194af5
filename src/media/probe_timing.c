/* One pass from the beginning: the first packets are also decoded (only a decoder knows which frame
 * is shown first and how large it really is), the rest only looked at. A small file is read to its
 * end, which makes every figure exact. For a large one the container's index gives the frames, or
 * else a sample in the middle and a fixed rate do; the end is found by seeking there and reading
 * the last packets, since a header may claim any duration. */
#include "media/probe_timing.h"

#include <math.h>

#include <libavutil/avstring.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "media/cadence.h"
#include "media/compat.h"
#include "media/probe_streams.h"
#include "media/sniff.h"

enum {
    EARLY_PACKETS = 64,   /* remembered, to leave out those before the first frame shown */
    LOOK_FRAMES = 8,      /* decoded, for interlacing and the first time stamp */
    LOOK_PACKETS = 3000,  /* without a single picture: the stream cannot be decoded */
    SAMPLE_PACKETS = 560, /* enough for MD_CADENCE_LEARN intervals */
    MIDDLE_PACKETS = 300,
    JOIN_SAMPLES = 32,  /* places where a large transport stream's time is looked at */
    JOIN_US = 10000000, /* a step back in decoding time that long is a new recording */
};

struct scan {
    struct md_input *input;
    AVStream *video;
    int64_t audio_index;
    AVPacket *packet;
    AVFrame *frame;
    AVCodecContext *decoder; /* NULL once the first look is over */
    struct md_stream *description;
    struct md_cadence cadence;
    int64_t frames_seen, interlaced_seen, packets_fed;
    bool encrypted;    /* some packet was */
    int64_t first_pts; /* of the first shown frame, in video time base */
    int64_t early[EARLY_PACKETS];
    bool stamped;        /* some packet had a presentation time */
    int64_t least_delay; /* from decoding to presentation, of all packets that had both */
    int64_t packets;     /* of video, shown ones */
    int64_t last_start_us,
        last_duration_us; /* container time: the latest picture's start, length */
    int64_t last_decoding_us, join_offset_us;
    int64_t audio_end_us;
};

static void scan_done(struct scan *scan)
{
    av_packet_free(&scan->packet);
    av_frame_free(&scan->frame);
    avcodec_free_context(&scan->decoder);
}

static int64_t container_us(int64_t ts, AVRational time_base)
{
    return md_input_movie_us(ts, time_base, 0);
}

/* Time stamps of a hostile file may lie anywhere. */
static int64_t add_clamped(int64_t a, int64_t b)
{
    int64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? (b > 0 ? INT64_MAX : INT64_MIN) : sum;
}

static int64_t subtract_clamped(int64_t a, int64_t b)
{
    int64_t difference;
    return __builtin_sub_overflow(a, b, &difference) ? (b < 0 ? INT64_MAX : INT64_MIN) : difference;
}

static int64_t time_of(const AVPacket *packet)
{
    return packet->pts != AV_NOPTS_VALUE ? packet->pts : packet->dts;
}

/* In a stream that has presentation times, a packet without one is shown at the usual delay after
 * its decoding, which is the least there is: only reference pictures wait longer. */
static int64_t video_time_of(struct scan *scan, const AVPacket *packet)
{
    if (packet->pts == AV_NOPTS_VALUE || packet->dts == AV_NOPTS_VALUE)
        return packet->pts == AV_NOPTS_VALUE && packet->dts != AV_NOPTS_VALUE && scan->stamped
                   ? add_clamped(packet->dts, scan->least_delay)
                   : time_of(packet);
    int64_t delay = subtract_clamped(packet->pts, packet->dts);
    if (!scan->stamped || delay < scan->least_delay)
        scan->least_delay = delay;
    scan->stamped = true;
    return packet->pts;
}

static void note_frame(struct scan *scan)
{
    AVFrame *frame = scan->frame;
    int64_t pts = frame->best_effort_timestamp;
    if (scan->frames_seen++ == 0) {
        scan->first_pts = pts;
        if (pts == AV_NOPTS_VALUE)
            scan->first_pts =
                scan->video->start_time != AV_NOPTS_VALUE ? scan->video->start_time : 0;
    }
    scan->interlaced_seen += md_av_frame_is_interlaced(frame);
}

/* Feeds a packet (NULL: the end) to the decoder of the first look. Damage is passed over. */
static int look(struct scan *scan, const AVPacket *packet, struct md_failure *failure)
{
    scan->packets_fed += packet != NULL;
    if (packet && av_packet_get_side_data(packet, AV_PKT_DATA_ENCRYPTION_INFO, NULL))
        scan->encrypted = true;
    if (avcodec_send_packet(scan->decoder, packet) == AVERROR(ENOMEM))
        return md_input_fail(scan->input, AVERROR(ENOMEM), failure, "decoding");
    while (avcodec_receive_frame(scan->decoder, scan->frame) >= 0) {
        bool first = scan->frames_seen == 0;
        note_frame(scan);
        int rc = first ? md_probe_describe_frame(scan->input, scan->frame, scan->description) : 0;
        av_frame_unref(scan->frame);
        if (rc < 0)
            return md_fail(failure, rc, "not enough memory to probe %s", scan->input->name);
    }
    if (scan->frames_seen >= LOOK_FRAMES || scan->packets_fed >= LOOK_PACKETS || !packet)
        avcodec_free_context(&scan->decoder);
    return MD_OK;
}

static void note_audio(struct scan *scan, const AVPacket *packet)
{
    AVRational time_base = md_input_stream(scan->input, scan->audio_index)->time_base;
    int64_t ts = time_of(packet), end;
    if (ts == AV_NOPTS_VALUE || __builtin_add_overflow(ts, MD_MAX(packet->duration, 0), &end))
        return;
    int64_t us = container_us(end, time_base);
    if (us != AV_NOPTS_VALUE)
        us = add_clamped(us, scan->join_offset_us);
    if (us != AV_NOPTS_VALUE)
        scan->audio_end_us = MD_MAX(scan->audio_end_us, us);
}

/* Joined recordings start their time again: what follows goes on where the part before ended, as it
 * does for the readers (video_clock.h). */
static int64_t unjoined_us(struct scan *scan, const AVPacket *packet, int64_t us)
{
    int64_t decoding = container_us(packet->dts, scan->video->time_base);
    if (decoding == AV_NOPTS_VALUE)
        decoding = us;
    if (scan->last_decoding_us != INT64_MIN &&
        subtract_clamped(scan->last_decoding_us, decoding) > JOIN_US)
        scan->join_offset_us =
            subtract_clamped(add_clamped(scan->last_start_us, scan->last_duration_us), us);
    scan->last_decoding_us = decoding;
    return add_clamped(us, scan->join_offset_us);
}

static void note_video(struct scan *scan, const AVPacket *packet)
{
    if (packet->flags & AV_PKT_FLAG_DISCARD) /* cut away by an edit list */
        return;
    int64_t ts = video_time_of(scan, packet);
    if (scan->packets < EARLY_PACKETS)
        scan->early[scan->packets] = ts;
    scan->packets++;
    int64_t us = container_us(ts, scan->video->time_base);
    if (us == AV_NOPTS_VALUE)
        return;
    /* where only some packets have a presentation time, the decoding times of the others are
     * guesses */
    if (packet->pts == AV_NOPTS_VALUE && scan->stamped)
        md_cadence_add_unstamped(&scan->cadence);
    else
        md_cadence_add(&scan->cadence, ts);
    us = unjoined_us(scan, packet, us);
    if (us > scan->last_start_us) {
        scan->last_start_us = us;
        scan->last_duration_us = container_us(MD_MAX(packet->duration, 0), scan->video->time_base);
    }
}

/* Reads video packets until `limit` of them came or the file ends (MD_ERR_EOF). */
static int scan_packets(struct scan *scan, int64_t limit, struct md_failure *failure)
{
    for (int64_t n = 0; n < limit || scan->decoder;) {
        int rc = md_input_read(scan->input, scan->packet, failure);
        if (rc == MD_ERR_EOF && scan->decoder) {
            int rc2 = look(scan, NULL, failure);
            return rc2 < 0 ? rc2 : rc;
        }
        if (rc < 0)
            return rc;
        if (scan->packet->stream_index == scan->video->index) {
            n++;
            note_video(scan, scan->packet);
            if (scan->decoder)
                rc = look(scan, scan->packet, failure);
        } else if (scan->packet->stream_index == scan->audio_index) {
            note_audio(scan, scan->packet);
        }
        av_packet_unref(scan->packet);
        if (rc < 0)
            return rc;
    }
    return MD_OK;
}

static int seek_to(struct scan *scan, int64_t ts)
{
    md_cadence_break(&scan->cadence);
    scan->last_decoding_us = INT64_MIN;
    return av_seek_frame(scan->input->format, scan->video->index, ts, AVSEEK_FLAG_BACKWARD);
}

/* An index that lists every frame: mov and mp4 without fragments, AVI. */
static bool has_full_index(const struct scan *scan)
{
    const struct md_input *input = scan->input;
    if (avformat_index_get_entries_count(scan->video) < 2)
        return false;
    if (av_match_name("mov", input->format->iformat->name))
        return !md_sniff_iso_boxes(input->fd, input->size_bytes).has_moof;
    return av_match_name("avi", input->format->iformat->name);
}

/* Counts the index entries whose data is in the file; *ret_last_key is the last key frame's time.
 */
static int64_t read_index(struct scan *scan, int64_t *ret_last_key)
{
    int n = avformat_index_get_entries_count(scan->video);
    struct md_cadence cadence = {.tick_num = scan->video->time_base.num,
                                 .tick_den = scan->video->time_base.den};
    int64_t present = 0;
    for (int i = 0; i < n; i++) {
        const AVIndexEntry *e = avformat_index_get_entry(scan->video, i);
        if (!e || e->size <= 0 || (e->flags & AVINDEX_DISCARD_FRAME) ||
            e->pos > scan->input->size_bytes - e->size)
            continue;
        present++;
        md_cadence_add(&cadence, e->timestamp);
        if (e->flags & AVINDEX_KEYFRAME)
            *ret_last_key = e->timestamp;
    }
    scan->cadence = cadence;
    return present;
}

static int64_t header_duration_us(const struct scan *scan)
{
    const AVFormatContext *format = scan->input->format;
    /* FFmpeg's own estimates are no claim of the header. */
    if (format->duration_estimation_method != AVFMT_DURATION_FROM_STREAM)
        return 0;
    int64_t us = format->duration;
    if (scan->video->duration > 0)
        us = container_us(scan->video->duration, scan->video->time_base);
    /* AVI: the duration is already corrected by what is there, the number of frames is not */
    AVRational rate = scan->video->avg_frame_rate;
    if (av_match_name("avi", format->iformat->name) && rate.num > 0 && rate.den > 0)
        us = MD_MAX(us, av_rescale_q(MD_CLAMP(scan->video->nb_frames, 0, INT32_MAX), av_inv_q(rate),
                                     AV_TIME_BASE_Q));
    return MD_CLAMP(us, 0, MD_TIME_MAX_US);
}

/* Streams whose time may start again (joined recordings) cannot be measured by their last time
 * stamp. Looks at the time in JOIN_SAMPLES places; *ret_joined when it steps back between two. */
static int find_joins(struct scan *scan, bool *ret_joined, struct md_failure *failure)
{
    int64_t before = INT64_MIN;
    *ret_joined = false;
    for (int i = 0; i < JOIN_SAMPLES && !*ret_joined; i++) {
        int64_t at = scan->input->size_bytes / JOIN_SAMPLES * i;
        if (av_seek_frame(scan->input->format, -1, at, AVSEEK_FLAG_BYTE) < 0)
            return MD_OK;
        int64_t us = AV_NOPTS_VALUE;
        for (int n = 0; n < LOOK_PACKETS && us == AV_NOPTS_VALUE; n++) {
            int rc = md_input_read(scan->input, scan->packet, failure);
            if (rc < 0)
                return rc == MD_ERR_EOF ? MD_OK : rc;
            if (scan->packet->stream_index == scan->video->index)
                us = container_us(scan->packet->dts, scan->video->time_base);
            av_packet_unref(scan->packet);
        }
        if (us == AV_NOPTS_VALUE)
            continue;
        *ret_joined = before != INT64_MIN && subtract_clamped(before, us) > JOIN_US;
        before = us;
    }
    return MD_OK;
}

/* Reads everything from the first byte on, forgetting what was counted before. */
static int scan_again(struct scan *scan, struct md_failure *failure)
{
    if (av_seek_frame(scan->input->format, -1, 0, AVSEEK_FLAG_BYTE) < 0)
        return MD_OK;
    scan->cadence = (struct md_cadence){.tick_num = scan->video->time_base.num,
                                        .tick_den = scan->video->time_base.den};
    scan->packets = scan->join_offset_us = scan->last_duration_us = 0;
    scan->last_start_us = scan->last_decoding_us = scan->audio_end_us = INT64_MIN;
    return scan_packets(scan, INT64_MAX, failure);
}

/* A large file: its index or a sample of its middle, then its end. */
static int measure_large(struct scan *scan, struct md_probe_timing *t, struct md_failure *failure)
{
    int64_t start = scan->first_pts, last_key = AV_NOPTS_VALUE;
    bool indexed = has_full_index(scan);
    int64_t length_us = MD_MAX(scan->input->format->duration, t->header_us);
    int64_t length = av_rescale_q(MD_CLAMP(length_us, 0, MD_TIME_MAX_US), AV_TIME_BASE_Q,
                                  scan->video->time_base);
    if (indexed) {
        t->frame_count = read_index(scan, &last_key);
    } else if (length > 0 && seek_to(scan, add_clamped(start, length / 2)) >= 0) {
        int rc = scan_packets(scan, MIDDLE_PACKETS, failure);
        if (rc < 0 && rc != MD_ERR_EOF)
            return rc;
    }
    /* A header without a duration: ask for the end of time, which is the last key frame. */
    if (length <= 0)
        length = av_rescale_q(MD_TIME_MAX_US, AV_TIME_BASE_Q, scan->video->time_base);
    int64_t target = last_key != AV_NOPTS_VALUE ? last_key : add_clamped(start, length);
    int64_t before = scan->packets;
    struct md_cadence kept = scan->cadence;
    if (seek_to(scan, target) < 0 && seek_to(scan, start) < 0)
        return MD_OK; /* what was read so far is all that can be known */
    int rc = scan_packets(scan, INT64_MAX, failure);
    if (rc == MD_ERR_EOF && scan->packets == before && seek_to(scan, start) >= 0)
        rc = scan_packets(scan, INT64_MAX, failure); /* nothing at the claimed end: read it all */
    if (indexed)
        scan->cadence = kept;
    return rc == MD_ERR_EOF ? MD_OK : rc;
}

/* Pictures before the first one shown refer to what was cut away in front and are dropped. */
static int64_t leading_packets(const struct scan *scan)
{
    int64_t n = 0;
    if (!scan->stamped) /* decoding times say nothing about the order of showing */
        return 0;
    for (int64_t i = 0; i < MD_MIN(scan->packets, EARLY_PACKETS); i++)
        n += scan->early[i] != AV_NOPTS_VALUE && scan->early[i] < scan->first_pts;
    return n;
}

/* Without presentation times, frames get the decoding time of the packet that pushed them out of
 * the decoder: all are later than their own packet by the same delay. */
static int64_t decoder_delay_us(const struct scan *scan)
{
    if (scan->stamped || scan->packets == 0 || scan->early[0] == AV_NOPTS_VALUE)
        return 0;
    int64_t delay = subtract_clamped(scan->first_pts, scan->early[0]);
    return MD_CLAMP(container_us(delay, scan->video->time_base), 0, MD_SECOND_US);
}

static void fill_timing(struct scan *scan, bool whole, struct md_probe_timing *t)
{
    struct md_cadence_result r = md_cadence_finish(&scan->cadence);
    AVRational time_base = scan->video->time_base;
    t->zero_us = container_us(scan->first_pts, time_base);
    t->variable_frame_rate = r.variable;
    t->interlaced = scan->interlaced_seen * 2 >= scan->frames_seen + 1;
    t->jumps = r.jumps;
    t->fps_num = r.fps_num;
    t->fps_den = r.fps_den;
    int64_t interval_us = container_us(r.interval_ticks, time_base);
    if (interval_us <= 0 && scan->description->fps_num > 0)
        interval_us = MD_SECOND_US * scan->description->fps_den / scan->description->fps_num;
    if (interval_us <= 0)
        interval_us = MD_SECOND_US / 25;
    int64_t last = scan->last_duration_us > 0 ? scan->last_duration_us : interval_us;
    int64_t start = scan->last_start_us == INT64_MIN ? t->zero_us : scan->last_start_us;
    start = add_clamped(start, decoder_delay_us(scan));
    t->video_end_us = add_clamped(MD_MAX(subtract_clamped(start, t->zero_us), 0), last);
    if (scan->audio_end_us != INT64_MIN)
        t->audio_end_us = MD_CLAMP(subtract_clamped(scan->audio_end_us, t->zero_us),
                                   -MD_TIME_MAX_US, MD_TIME_MAX_US);
    if (whole)
        t->frame_count = scan->packets - leading_packets(scan);
    else if (t->frame_count == 0 && !r.variable && r.fps_num > 0)
        t->frame_count =
            llround((double)t->video_end_us / 1e6 * (double)r.fps_num / (double)r.fps_den);
}

static int scan_init(struct scan *scan, struct md_input *input, struct md_stream *video,
                     int64_t audio_stream, struct md_failure *failure)
{
    AVStream *stream = md_input_stream(input, video->index);
    *scan = (struct scan){
        .input = input,
        .video = stream,
        .audio_index = audio_stream,
        .description = video,
        .cadence = {.tick_num = stream->time_base.num, .tick_den = stream->time_base.den},
        .first_pts = AV_NOPTS_VALUE,
        .last_start_us = INT64_MIN,
        .last_decoding_us = INT64_MIN,
        .audio_end_us = INT64_MIN,
        .packet = av_packet_alloc(),
        .frame = av_frame_alloc(),
    };
    if (!scan->packet || !scan->frame)
        return md_fail(failure, MD_ERR_NOMEM, "not enough memory to probe %s", input->name);
    md_input_select(input, video->index);
    if (md_input_stream(input, audio_stream))
        md_input_stream(input, audio_stream)->discard = AVDISCARD_DEFAULT;
    return md_input_open_decoder(input, video->index, 1, NULL, NULL, &scan->decoder, failure);
}

int md_probe_time(struct md_input *input, struct md_stream *video, int64_t audio_stream,
                  int64_t scan_bytes, struct md_probe_timing *ret_timing,
                  struct md_failure *failure)
{
    __attribute__((cleanup(scan_done))) struct scan scan;
    struct md_probe_timing t = {.audio_end_us = INT64_MIN};
    int rc = scan_init(&scan, input, video, audio_stream, failure);
    if (rc < 0)
        return rc;
    t.header_us = header_duration_us(&scan);
    bool small = input->size_bytes <= scan_bytes;
    rc = scan_packets(&scan, small ? INT64_MAX : SAMPLE_PACKETS, failure);
    bool whole = rc == MD_ERR_EOF;
    if (rc < 0 && !whole)
        return rc;
    if (scan.packets_fed == 0)
        return md_fail(failure, MD_ERR_INPUT, "%s has a video stream, but no picture in it",
                       input->name);
    if (scan.encrypted)
        return md_fail(failure, MD_ERR_INPUT, "%s is protected by DRM and cannot be decoded",
                       input->name);
    if (scan.frames_seen == 0)
        return md_fail(failure, MD_ERR_INPUT, "%s: none of its pictures can be decoded (%s)",
                       input->name, video->codec ? video->codec : "unknown codec");
    if (!whole) {
        bool joined = false;
        rc = input->format->iformat->flags & AVFMT_TS_DISCONT ? find_joins(&scan, &joined, failure)
                                                              : MD_OK;
        if (rc == MD_OK && joined) {
            rc = scan_again(&scan, failure);
            whole = rc == MD_ERR_EOF;
        } else if (rc == MD_OK) {
            rc = measure_large(&scan, &t, failure);
        }
        if (rc < 0 && !whole)
            return rc;
    }
    fill_timing(&scan, whole, &t);
    *ret_timing = t;
    return MD_OK;
}
