/* Decoder -> timeline -> converter. One decoded frame is held back, because a time stamp is only
 * believed when the next one agrees with it (audio_timeline.h). Silence takes the same way through
 * the converter as sound does, so that resampling never loses count. */
#include "media/audio_reader.h"

#include <string.h>

#include "base/cleanup.h"
#include "media/audio_convert.h"
#include "media/audio_timeline.h"
#include "media/input.h"
#include "model/media.h"

enum {
    SILENCE_CHUNK = 4096, /* samples fed at a time */
    PREROLL_US = 1000000, /* decoders need some packets to settle after a seek */
};

struct md_audio_reader {
    struct md_input *input;
    AVStream *stream;
    AVCodecContext *decoder;
    AVPacket *packet;
    AVFrame *current, *next; /* next is decoded ahead; empty frames have no samples */
    bool decoder_done;       /* nothing more comes from the decoder */
    bool draining;           /* the decoder was told that no packet follows */

    int64_t clock_zero_us, start_us;
    struct md_audio_timeline timeline; /* at the rate of `in` */
    struct md_av_audio_format in;      /* of what the converter takes */
    struct md_audio_format format;     /* of what comes out */
    AVChannelLayout out_layout;
    SwrContext *swr;
    bool flushed; /* the converter gave all it had */

    int64_t fill;                /* samples of silence to feed before current */
    int64_t taken;               /* samples of current already fed */
    uint8_t *silence;            /* SILENCE_CHUNK samples of input silence */
    float *out;                  /* MD_AUDIO_BLOCK_MAX frames */
    int64_t out_frames, out_end; /* delivered so far; where to stop */
    struct md_audio_stats stats;
};

static int no_memory(const struct md_audio_reader *r, struct md_failure *failure)
{
    return md_fail(failure, MD_ERR_NOMEM, "not enough memory to decode the sound of %s",
                   r->input ? r->input->name : "a movie");
}

/* ---- decoding ---- */

static int feed_decoder(struct md_audio_reader *r, struct md_failure *failure)
{
    int rc = md_input_read(r->input, r->packet, failure);
    if (rc == MD_ERR_EOF) {
        r->draining = true;
        avcodec_send_packet(r->decoder, NULL);
        return MD_OK;
    }
    if (rc < 0)
        return rc;
    if (r->packet->stream_index == r->stream->index) {
        rc = avcodec_send_packet(r->decoder, r->packet);
        if (rc < 0 && rc != AVERROR(ENOMEM))
            r->stats.lost_packets++;
    }
    av_packet_unref(r->packet);
    return rc == AVERROR(ENOMEM) ? no_memory(r, failure) : MD_OK;
}

/* Decodes into r->next, which stays empty at the end. */
static int decode_next(struct md_audio_reader *r, struct md_failure *failure)
{
    av_frame_unref(r->next);
    while (!r->decoder_done) {
        int rc = avcodec_receive_frame(r->decoder, r->next);
        struct md_av_audio_format format;
        if (rc >= 0) {
            if (md_av_audio_format_of(r->next, &format))
                return MD_OK;
            r->stats.lost_packets++;
            av_frame_unref(r->next);
        } else if (rc == AVERROR(ENOMEM)) {
            return no_memory(r, failure);
        } else if (rc == AVERROR_EOF || (r->draining && rc == AVERROR(EAGAIN))) {
            r->decoder_done = true;
        } else if (rc == AVERROR(EAGAIN)) {
            rc = feed_decoder(r, failure);
            if (rc < 0)
                return rc;
        } else {
            r->stats.lost_packets++;
        }
    }
    return MD_OK;
}

/* Movie time of a frame in samples of `rate`; MD_AUDIO_NO_STAMP when it has none. */
static int64_t stamp_of(const struct md_audio_reader *r, const AVFrame *frame, int rate)
{
    int64_t ts = frame->best_effort_timestamp;
    if (frame->nb_samples == 0 || ts == AV_NOPTS_VALUE)
        return MD_AUDIO_NO_STAMP;
    int64_t samples = av_rescale_q(ts, r->stream->time_base, (AVRational){1, rate});
    int64_t zero = av_rescale(r->clock_zero_us, rate, 1000000);
    int64_t stamp;
    return samples == INT64_MIN || __builtin_sub_overflow(samples, zero, &stamp) ? MD_AUDIO_NO_STAMP
                                                                                 : stamp;
}

/* ---- conversion ---- */

static int set_converter(struct md_audio_reader *r, const struct md_av_audio_format *in,
                         struct md_failure *failure)
{
    swr_free(&r->swr);
    r->swr = md_av_audio_converter(in, r->format.sample_rate, &r->out_layout);
    int size = av_get_bytes_per_sample(in->sample_format);
    bool planar = av_sample_fmt_is_planar(in->sample_format);
    size_t bytes = (size_t)SILENCE_CHUNK * size * (planar ? 1 : in->layout.nb_channels);
    free(r->silence);
    r->silence = malloc(bytes);
    if (!r->swr || !r->silence)
        return no_memory(r, failure);
    /* unsigned 8-bit samples rest at 128 */
    memset(r->silence, size == 1 ? 0x80 : 0, bytes);
    r->in = *in;
    r->flushed = false;
    return MD_OK;
}

/* How many input samples are fed at a time so that the output buffer is never too small. */
static int64_t chunk_limit(const struct md_audio_reader *r)
{
    int64_t n = (int64_t)MD_AUDIO_BLOCK_MAX / 2 * r->in.sample_rate / r->format.sample_rate;
    return MD_CLAMP(n, 1, SILENCE_CHUNK);
}

/* Decoders of damaged float sound give NaN and worse; nobody behind this has to care. */
static void make_finite(float *samples, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float x = samples[i];
        samples[i] = x >= -MD_AUDIO_PEAK && x <= MD_AUDIO_PEAK ? x : 0;
    }
}

/* Feeds n samples (from current, or silence); returns frames put out, or a negative AVERROR. */
static int convert(struct md_audio_reader *r, bool silent, int64_t n)
{
    const uint8_t *in[MD_AUDIO_MAX_CHANNELS];
    int channels = r->in.layout.nb_channels;
    bool planar = av_sample_fmt_is_planar(r->in.sample_format);
    size_t step = (size_t)av_get_bytes_per_sample(r->in.sample_format) * (planar ? 1 : channels);
    for (int c = 0; c < (planar ? channels : 1); c++)
        in[c] = silent ? r->silence : r->current->extended_data[c] + (size_t)r->taken * step;
    return swr_convert(r->swr, (uint8_t *[]){(uint8_t *)r->out}, MD_AUDIO_BLOCK_MAX, in, (int)n);
}

static int flush_converter(struct md_audio_reader *r)
{
    int n = swr_convert(r->swr, (uint8_t *[]){(uint8_t *)r->out}, MD_AUDIO_BLOCK_MAX, NULL, 0);
    r->flushed = n <= 0;
    return MD_MAX(n, 0);
}

/* ---- putting frames in their place ---- */

static bool has_samples(const AVFrame *frame)
{
    return frame->nb_samples > 0;
}

static void place_current(struct md_audio_reader *r)
{
    int rate = r->in.sample_rate;
    int64_t samples = r->current->nb_samples;
    bool first = !r->timeline.started;
    struct md_audio_placing placing = md_audio_timeline_place(
        &r->timeline, stamp_of(r, r->current, rate), stamp_of(r, r->next, rate), samples);
    r->fill = placing.fill;
    r->taken = placing.drop;
    if (first)
        return;
    r->stats.gaps += placing.fill > 0;
    r->stats.filled_us += av_rescale(placing.fill, 1000000, rate);
    r->stats.dropped_us += av_rescale(placing.drop, 1000000, rate);
}

/* Makes the frame decoded ahead the current one. *ret_ready is false while the converter still has
 * samples of the old format to give. */
static int advance(struct md_audio_reader *r, bool *ret_ready, struct md_failure *failure)
{
    struct md_av_audio_format in;
    *ret_ready = true;
    if (has_samples(r->next) && md_av_audio_format_of(r->next, &in) &&
        !md_av_audio_format_equal(&in, &r->in)) {
        *ret_ready = r->flushed;
        if (!r->flushed)
            return MD_OK;
        md_audio_timeline_change_rate(&r->timeline, r->in.sample_rate, in.sample_rate);
        r->stats.format_changes++;
        int rc = set_converter(r, &in, failure);
        if (rc < 0)
            return rc;
    }
    AVFrame *swap = r->current;
    r->current = r->next;
    r->next = swap;
    int rc = decode_next(r, failure);
    if (rc < 0 || !has_samples(r->current))
        return rc;
    place_current(r);
    return MD_OK;
}

/* One step: frames put into r->out, 0 when none came yet, MD_ERR_EOF at the end. */
static int step(struct md_audio_reader *r, struct md_failure *failure)
{
    int produced = 0;
    int64_t limit = chunk_limit(r);
    if (r->fill > 0) {
        int64_t n = MD_MIN(r->fill, limit);
        produced = convert(r, true, n);
        r->fill -= n;
    } else if (r->taken < r->current->nb_samples) {
        int64_t n = MD_MIN(r->current->nb_samples - r->taken, limit);
        produced = convert(r, false, n);
        r->taken += n;
    } else {
        bool ready = true;
        if (has_samples(r->next)) {
            int rc = advance(r, &ready, failure);
            return rc < 0 ? rc : ready ? 0 : flush_converter(r);
        }
        return r->flushed ? MD_ERR_EOF : flush_converter(r);
    }
    if (produced < 0)
        return md_input_fail(r->input, produced, failure, "converting the sound of");
    return produced;
}

int md_audio_next(struct md_audio_reader *r, struct md_audio_block *ret_block,
                  struct md_failure *failure)
{
    if (r->out_frames >= r->out_end)
        return MD_ERR_EOF;
    int n;
    do {
        /* long silences go without reading, which is where else this is asked */
        if (r->input->cancelled && r->input->cancelled(r->input->user))
            return md_input_fail(r->input, AVERROR_EXIT, failure, "decoding the sound of");
        n = step(r, failure);
    } while (n == 0);
    if (n < 0)
        return n;
    int64_t frames = MD_MIN(n, r->out_end - r->out_frames);
    make_finite(r->out, (size_t)frames * r->format.channels);
    *ret_block = (struct md_audio_block){
        .samples = r->out,
        .frames = frames,
        .start_us = r->start_us + av_rescale(r->out_frames, 1000000, r->format.sample_rate),
    };
    r->out_frames += frames;
    return MD_OK;
}

/* ---- opening ---- */

static void set_output_format(struct md_audio_reader *r, const struct md_audio_params *params,
                              const struct md_av_audio_format *first)
{
    const AVChannelLayout *layout = &first->layout;
    if (params->channels > 0)
        av_channel_layout_default(&r->out_layout, params->channels);
    else if (layout->order == AV_CHANNEL_ORDER_NATIVE && layout->nb_channels <= 8)
        r->out_layout = *layout;
    else
        av_channel_layout_default(&r->out_layout, MD_MIN(layout->nb_channels, 2));
    r->format.sample_rate = params->sample_rate > 0 ? params->sample_rate : first->sample_rate;
    r->format.channels = r->out_layout.nb_channels;
    av_channel_layout_describe(&r->out_layout, r->format.layout, sizeof r->format.layout);
}

/* A stream without any sound still has a format in its header. */
static bool header_format(const struct md_audio_reader *r, struct md_av_audio_format *ret_format)
{
    AVFrame frame = {
        .nb_samples = 1,
        .format = AV_SAMPLE_FMT_FLTP,
        .sample_rate = r->stream->codecpar->sample_rate,
    };
    av_channel_layout_default(&frame.ch_layout, r->stream->codecpar->ch_layout.nb_channels);
    return md_av_audio_format_of(&frame, ret_format);
}

static void restart_decoder(struct md_audio_reader *r)
{
    avcodec_flush_buffers(r->decoder);
    r->decoder_done = r->draining = false;
    r->stats.lost_packets = 0;
}

static void rewind_input(struct md_audio_reader *r)
{
    int64_t start = r->stream->start_time;
    if (av_seek_frame(r->input->format, r->stream->index, start == AV_NOPTS_VALUE ? 0 : start,
                      AVSEEK_FLAG_BACKWARD) < 0)
        av_seek_frame(r->input->format, -1, 0, AVSEEK_FLAG_BYTE);
    restart_decoder(r);
}

/* Finds the first frame at or before the start. An index may be wrong: then from further back. */
static int seek_to_start(struct md_audio_reader *r, struct md_failure *failure)
{
    static const int64_t back_us[] = {PREROLL_US, 10 * PREROLL_US, 60 * PREROLL_US};
    bool moved = false;
    int64_t begin =
        md_input_movie_us(r->stream->start_time, r->stream->time_base, r->clock_zero_us);
    for (size_t i = 0; i < MD_ARRAY_LEN(back_us); i++) {
        int64_t target_us = r->start_us - back_us[i];
        if (target_us <= 0 || (begin != AV_NOPTS_VALUE && target_us <= begin))
            break;
        int64_t ts = md_input_timestamp(target_us, r->stream->time_base, r->clock_zero_us);
        if (av_seek_frame(r->input->format, r->stream->index, ts, AVSEEK_FLAG_BACKWARD) < 0)
            break;
        moved = true;
        restart_decoder(r);
        int rc = decode_next(r, failure);
        if (rc < 0)
            return rc;
        int64_t stamp = stamp_of(r, r->next, 1000000);
        if (has_samples(r->next) && stamp != MD_AUDIO_NO_STAMP && stamp <= r->start_us)
            return MD_OK;
    }
    if (moved)
        rewind_input(r);
    return decode_next(r, failure);
}

static int begin(struct md_audio_reader *r, const struct md_audio_params *params,
                 struct md_failure *failure)
{
    int rc = seek_to_start(r, failure);
    if (rc < 0)
        return rc;
    struct md_av_audio_format first;
    if (has_samples(r->next) ? !md_av_audio_format_of(r->next, &first) : !header_format(r, &first))
        return md_fail(failure, MD_ERR_INPUT, "%s: no sound can be decoded from stream %d",
                       r->input->name, r->stream->index);
    set_output_format(r, params, &first);
    r->out = malloc(sizeof *r->out * MD_AUDIO_BLOCK_MAX * (size_t)r->format.channels);
    if (!r->out)
        return no_memory(r, failure);
    r->out_end = INT64_MAX;
    if (params->end_us > 0)
        r->out_end = av_rescale(MD_MAX(params->end_us - params->start_us, 0), r->format.sample_rate,
                                1000000);
    int64_t position = av_rescale(params->start_us, first.sample_rate, 1000000);
    md_audio_timeline_init(&r->timeline, position, first.sample_rate);
    return set_converter(r, &first, failure);
}

int md_audio_open(const struct md_audio_params *params, struct md_audio_reader **ret_reader,
                  struct md_failure *failure)
{
    md_autoaudio r = calloc(1, sizeof *r);
    if (!r)
        return md_fail(failure, MD_ERR_NOMEM, "not enough memory to decode sound");
    int rc = md_input_open(params->path, params->cancelled, params->user, &r->input, failure);
    if (rc < 0)
        return rc;
    int64_t index = params->stream > 0 ? params->stream - 1 : params->media->audio_stream;
    r->stream = md_input_stream(r->input, index);
    if (!r->stream || r->stream->codecpar->codec_type != AVMEDIA_TYPE_AUDIO)
        return md_fail(failure, MD_ERR_NOTFOUND, "%s has no audio stream %lld", r->input->name,
                       (long long)index);
    r->clock_zero_us = params->media->clock_zero_us;
    r->start_us = params->start_us;
    md_input_select(r->input, index);
    r->packet = av_packet_alloc();
    r->current = av_frame_alloc();
    r->next = av_frame_alloc();
    if (!r->packet || !r->current || !r->next)
        return no_memory(r, failure);
    rc = md_input_open_decoder(r->input, index, 1, NULL, NULL, &r->decoder, failure);
    if (rc == MD_OK)
        rc = begin(r, params, failure);
    if (rc == MD_OK)
        *ret_reader = md_take_ptr(r);
    return rc;
}

const struct md_audio_format *md_audio_format(const struct md_audio_reader *reader)
{
    return &reader->format;
}

void md_audio_stats_get(const struct md_audio_reader *reader, struct md_audio_stats *ret_stats)
{
    *ret_stats = reader->stats;
}

void md_audio_close(struct md_audio_reader *r)
{
    if (!r)
        return;
    swr_free(&r->swr);
    av_frame_free(&r->current);
    av_frame_free(&r->next);
    av_packet_free(&r->packet);
    avcodec_free_context(&r->decoder);
    md_input_close(r->input);
    free(r->silence);
    free(r->out);
    free(r);
}
