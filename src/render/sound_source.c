/* Positions are counted in output samples from the moment of the last seek. The first decoded frame
 * is placed by its stamp, those after it follow without a gap as long as their stamps agree to
 * within SLACK (containers round stamps to a millisecond and more); where they do not, the sound
 * has a hole or an overlap, and is placed anew. So rounding never adds up over a piece and a hole
 * never moves what comes after it.
 *
 * The first stamp after a seek is the least to be trusted: transport streams give it to the wrong
 * frame. So decoding begins half a second early, and before the first sample that is wanted, all is
 * moved by the median of what the stamps until then said. */
#include "render/sound_source.h"

#include <string.h>

#include <libavutil/channel_layout.h>
#include <libavutil/opt.h>
#include <libswresample/swresample.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "media/compat.h"
#include "media/input.h"
#include "model/media.h"
#include "render/meter.h"

enum {
    SLACK = MD_SOUND_RATE * 15 / 1000,
    JUMP = MD_SOUND_RATE * 10, /* as in media/video_clock.c */
    SLICE = 4096,              /* input samples resampled at once */
    MOST_FRAME = 1 << 22,      /* samples in a frame; more is damage */
    LEAST_RATE = 4000,         /* Hz */
    MOST_RATE = 768000,
    MOST_FLUSH_ERRORS = 64,
    MOST_LED = 64, /* stamps looked at before the first wanted sample */
};
/* Decoders need what came before: MP3 half a second of it in the worst case, AAC and Opus less. */
enum { LEAD = MD_SOUND_RATE / 2 };
static const int64_t lead_us = MD_SECOND_US / 2;
/* Reading on is cheaper than a seek up to here. */
static const int64_t near_us = 3 * MD_SECOND_US;
static const int64_t same_us = 1000;

/* Dialogue sits in the centre channel: mixed in at 0 dB (3 dB more than ITU-R BS.775), surrounds
 * at -6 dB, effects bass left out, it stays in front. The level comes right later. */
static const double centre_level = 1.0, surround_level = 0.5, bass_level = 0;

struct kind {
    int rate, format;
    AVChannelLayout layout;
};

struct md_sound_source {
    const char *path;
    const struct md_media *media;
    bool (*cancelled)(void *user);
    void *user;
    struct md_input *input;
    AVStream *stream;
    AVCodecContext *decoder;
    AVPacket *packet;
    AVFrame *frame;
    bool frame_waits;          /* decoded, not yet resampled */
    int frame_done;            /* samples of it that were */
    struct SwrContext *swr;    /* NULL: to be made for the next frame */
    struct kind kind;          /* what it was made for */
    float *buffer[2];          /* resampled */
    size_t capacity, n, first; /* samples: allocated, held, already taken */

    int64_t origin_us;    /* movie time of position 0 */
    int64_t want;         /* position read next */
    int64_t at;           /* position of buffer[first]; */
    int64_t write;        /* position of the next sample out of swr */
    bool placed;          /* write is known */
    bool settled;         /* and corrected by the stamps of the lead-in */
    int led_by[MOST_LED]; /* what those stamps differed from it, samples */
    int led;
    bool flushing, ended;
    int flush_errors, failed_searches;
    bool sequential; /* places are reached by reading on, not by seeking */
    /* Joined recordings, whose stamps start again: what is added to the stamps, as the sound alone
     * tells, and as the picture does, which counts where both agree roughly. */
    int64_t offset_us, picture_offset_us;
    int64_t damage;
};

static int fail_nomem(const struct md_sound_source *source, struct md_failure *failure)
{
    return md_fail(failure, MD_ERR_NOMEM, "out of memory while decoding the sound of %s",
                   source->media->name ? source->media->name : "the movie");
}

static int open_file(struct md_sound_source *source, struct md_failure *failure)
{
    avcodec_free_context(&source->decoder);
    md_input_close(source->input);
    source->input = NULL;
    int rc = md_input_open(source->path, source->cancelled, source->user, &source->input, failure);
    if (rc < 0)
        return rc;
    source->stream = md_input_stream(source->input, source->media->audio_stream);
    if (!source->stream || source->stream->codecpar->codec_type != AVMEDIA_TYPE_AUDIO)
        return md_fail(failure, MD_ERR_INPUT, "%s has no audio stream %lld", source->input->name,
                       (long long)source->media->audio_stream);
    md_input_select(source->input, source->stream->index);
    return md_input_open_decoder(source->input, source->stream->index, 1, NULL, NULL,
                                 &source->decoder, failure);
}

int md_sound_source_new(const char *path, const struct md_media *media,
                        bool (*cancelled)(void *user), void *user,
                        struct md_sound_source **ret_source, struct md_failure *failure)
{
    struct md_sound_source *source = calloc(1, sizeof *source);
    if (!source)
        return md_fail(failure, MD_ERR_NOMEM, "out of memory");
    source->path = path;
    source->media = media;
    source->sequential = media->time_jumps > 0;
    source->cancelled = cancelled;
    source->user = user;
    source->packet = av_packet_alloc();
    source->frame = av_frame_alloc();
    int rc =
        source->packet && source->frame ? open_file(source, failure) : fail_nomem(source, failure);
    if (rc < 0) {
        md_sound_source_free(source);
        return rc;
    }
    *ret_source = source;
    return MD_OK;
}

void md_sound_source_free(struct md_sound_source *source)
{
    if (!source)
        return;
    avcodec_free_context(&source->decoder);
    av_packet_free(&source->packet);
    av_frame_free(&source->frame);
    swr_free(&source->swr);
    av_channel_layout_uninit(&source->kind.layout);
    free(source->buffer[0]);
    free(source->buffer[1]);
    md_input_close(source->input);
    free(source);
}

/* ---- resampling ---- */

static bool is_kind(const struct kind *kind, const AVFrame *frame)
{
    return kind->rate == frame->sample_rate && kind->format == frame->format &&
           av_channel_layout_compare(&kind->layout, &frame->ch_layout) == 0;
}

/* Channels nobody knows the places of: the first two are taken for left and right. */
static int set_plain_matrix(struct SwrContext *swr, int channels)
{
    double matrix[2 * 64] = {0};
    if (channels > 64)
        return AVERROR(EINVAL);
    matrix[0] = 1;
    matrix[channels + (channels > 1)] = 1;
    return swr_set_matrix(swr, matrix, channels);
}

static int make_swr(struct md_sound_source *source, const AVFrame *frame)
{
    AVChannelLayout stereo = AV_CHANNEL_LAYOUT_STEREO, in = {0};
    int channels = frame->ch_layout.nb_channels;
    bool plain = frame->ch_layout.order == AV_CHANNEL_ORDER_UNSPEC && channels > 2;
    if (frame->ch_layout.order == AV_CHANNEL_ORDER_UNSPEC && !plain)
        av_channel_layout_default(&in, channels);
    else if (av_channel_layout_copy(&in, &frame->ch_layout) < 0)
        return AVERROR(ENOMEM);
    swr_free(&source->swr);
    int rc = swr_alloc_set_opts2(&source->swr, &stereo, AV_SAMPLE_FMT_FLTP, MD_SOUND_RATE, &in,
                                 frame->format, frame->sample_rate, 0, NULL);
    av_channel_layout_uninit(&in);
    if (rc < 0)
        return rc;
    av_opt_set_double(source->swr, "center_mix_level", centre_level, 0);
    av_opt_set_double(source->swr, "surround_mix_level", surround_level, 0);
    av_opt_set_double(source->swr, "lfe_mix_level", bass_level, 0);
    av_opt_set_double(source->swr, "rematrix_maxval", 1000, 0); /* no level change by itself */
    av_opt_set_sample_fmt(source->swr, "internal_sample_fmt", AV_SAMPLE_FMT_FLTP, 0);
    if (plain)
        rc = set_plain_matrix(source->swr, channels);
    if (rc >= 0)
        rc = swr_init(source->swr);
    if (rc < 0) {
        swr_free(&source->swr);
        return rc;
    }
    source->kind.rate = frame->sample_rate;
    source->kind.format = frame->format;
    return av_channel_layout_copy(&source->kind.layout, &frame->ch_layout);
}

static int reserve(struct md_sound_source *source, size_t more)
{
    size_t want = source->n + more;
    if (want <= source->capacity)
        return MD_OK;
    for (int c = 0; c < 2; c++) {
        float *grown = realloc(source->buffer[c], want * sizeof *grown);
        if (!grown)
            return MD_ERR_NOMEM;
        source->buffer[c] = grown;
    }
    source->capacity = want;
    return MD_OK;
}

/* Appends what swr makes of n input samples (NULL: of what it still holds) to the buffer. */
static int resample(struct md_sound_source *source, const uint8_t *const *in, int n)
{
    int64_t most = av_rescale_rnd(swr_get_delay(source->swr, source->kind.rate) + n, MD_SOUND_RATE,
                                  source->kind.rate, AV_ROUND_UP) +
                   64;
    if (reserve(source, (size_t)most) < 0)
        return MD_ERR_NOMEM;
    uint8_t *out[2] = {(uint8_t *)(source->buffer[0] + source->n),
                       (uint8_t *)(source->buffer[1] + source->n)};
    int made = swr_convert(source->swr, out, (int)most, (const uint8_t **)in, n);
    if (made < 0)
        return made == AVERROR(ENOMEM) ? MD_ERR_NOMEM : MD_ERR_EXTERNAL;
    source->n += (size_t)made;
    source->write += made;
    return MD_OK;
}

static int resample_slice(struct md_sound_source *source)
{
    const AVFrame *frame = source->frame;
    int n = MD_MIN(frame->nb_samples - source->frame_done, SLICE);
    bool planar = av_sample_fmt_is_planar(frame->format);
    int channels = frame->ch_layout.nb_channels;
    size_t offset = (size_t)source->frame_done * (size_t)av_get_bytes_per_sample(frame->format) *
                    (size_t)(planar ? 1 : channels);
    const uint8_t *planes[64];
    for (int c = 0; c < (planar ? channels : 1); c++)
        planes[c] = frame->extended_data[c] + offset;
    source->frame_done += n;
    return resample(source, planes, n);
}

/* ---- decoding ---- */

/* The two parts of a recording rarely end at the same moment in picture and sound; what belongs
 * together after a join is what the picture says. */
static int64_t stamp_offset_us(const struct md_sound_source *source)
{
    bool agree = llabs(source->offset_us - source->picture_offset_us) < 2 * MD_SECOND_US;
    return agree ? source->picture_offset_us : source->offset_us;
}

static int64_t position_of(const struct md_sound_source *source, const AVFrame *frame)
{
    int64_t us = md_input_movie_us(frame->best_effort_timestamp, source->stream->time_base,
                                   source->media->clock_zero_us);
    if (us == AV_NOPTS_VALUE)
        return AV_NOPTS_VALUE;
    us += stamp_offset_us(source) - source->origin_us;
    return av_rescale(us, MD_SOUND_RATE, MD_SECOND_US);
}

static bool is_usable(const AVFrame *frame)
{
    return frame->nb_samples > 0 && frame->nb_samples <= MOST_FRAME &&
           frame->sample_rate >= LEAST_RATE && frame->sample_rate <= MOST_RATE &&
           frame->ch_layout.nb_channels > 0 && frame->ch_layout.nb_channels <= 64;
}

static int feed(struct md_sound_source *source, struct md_failure *failure)
{
    int rc = md_input_read(source->input, source->packet, failure);
    if (rc == MD_ERR_CANCELLED || rc == MD_ERR_NOMEM)
        return rc;
    if (rc < 0) {
        source->flushing = true;
        avcodec_send_packet(source->decoder, NULL);
        return MD_OK;
    }
    if (source->packet->stream_index == source->stream->index) {
        int sent = avcodec_send_packet(source->decoder, source->packet);
        rc = sent == AVERROR(ENOMEM) ? fail_nomem(source, failure) : MD_OK;
        source->damage += sent < 0;
    }
    av_packet_unref(source->packet);
    return rc;
}

/* Makes frame a decoded frame that waits. MD_ERR_EOF when there are no more. */
static int decode(struct md_sound_source *source, struct md_failure *failure)
{
    while (!source->ended) {
        if (source->cancelled && source->cancelled(source->user))
            return md_fail(failure, MD_ERR_CANCELLED, "cancelled");
        int rc = avcodec_receive_frame(source->decoder, source->frame);
        if (rc == 0 && is_usable(source->frame)) {
            source->frame_waits = true;
            source->frame_done = 0;
            return MD_OK;
        }
        if (rc == AVERROR(ENOMEM))
            return fail_nomem(source, failure);
        if (rc == AVERROR_EOF || (rc == AVERROR(EAGAIN) && source->flushing)) {
            source->ended = true;
        } else if (rc == AVERROR(EAGAIN)) {
            rc = feed(source, failure);
            if (rc < 0)
                return rc;
        } else {
            source->damage++;
            source->ended = source->flushing && ++source->flush_errors > MOST_FLUSH_ERRORS;
        }
    }
    return MD_ERR_EOF;
}

/* Takes what swr still holds and forgets where it was. */
static int finish_run(struct md_sound_source *source)
{
    int rc = source->swr ? resample(source, NULL, 0) : MD_OK;
    swr_free(&source->swr);
    source->placed = false;
    return rc == MD_ERR_NOMEM ? rc : MD_OK;
}

/* Stamps that step far back begin a new recording, which goes on where the one before ended. */
static void follow_join(struct md_sound_source *source)
{
    int64_t stamp = position_of(source, source->frame);
    int64_t expected =
        source->write + (source->swr ? swr_get_delay(source->swr, MD_SOUND_RATE) : 0);
    if (source->media->time_jumps > 0 && source->placed && stamp != AV_NOPTS_VALUE &&
        expected - stamp > JUMP)
        source->offset_us =
            stamp_offset_us(source) + av_rescale(expected - stamp, MD_SECOND_US, MD_SOUND_RATE);
}

/* Is the waiting frame the continuation of what went through swr last? */
static bool continues(const struct md_sound_source *source)
{
    if (!source->placed || !source->swr || !is_kind(&source->kind, source->frame))
        return false;
    int64_t stamp = position_of(source, source->frame);
    int64_t expected = source->write + swr_get_delay(source->swr, MD_SOUND_RATE);
    return stamp == AV_NOPTS_VALUE || llabs(stamp - expected) <= SLACK;
}

static int by_value(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

/* Notes the waiting frame's stamp while leading in; at its end corrects the place of all. */
static void settle(struct md_sound_source *source)
{
    if (source->settled)
        return;
    int64_t stamp = position_of(source, source->frame);
    int64_t next = source->write + swr_get_delay(source->swr, MD_SOUND_RATE);
    bool close = next >= source->want - LEAD; /* seeks may land many seconds early */
    if (close && stamp != AV_NOPTS_VALUE && source->led < MOST_LED)
        source->led_by[source->led++] = (int)(stamp - next);
    int64_t length =
        av_rescale(source->frame->nb_samples, MD_SOUND_RATE, source->frame->sample_rate);
    if (next + length + SLACK < source->want)
        return;
    source->settled = true;
    if (source->led == 0)
        return;
    qsort(source->led_by, (size_t)source->led, sizeof *source->led_by, by_value);
    source->write += source->led_by[source->led / 2];
    source->at = source->write;
}

static int start_run(struct md_sound_source *source)
{
    int64_t stamp = position_of(source, source->frame);
    if (stamp != AV_NOPTS_VALUE)
        source->write = stamp;
    source->at = source->write;
    source->placed = true;
    source->led = 0;
    int rc = make_swr(source, source->frame);
    return rc >= 0 ? MD_OK : rc == AVERROR(ENOMEM) ? MD_ERR_NOMEM : MD_ERR_EXTERNAL;
}

/* Puts more into the empty buffer. MD_ERR_EOF when nothing more comes. */
static int refill(struct md_sound_source *source, struct md_failure *failure)
{
    source->n = source->first = 0;
    source->at = source->write;
    int rc = source->frame_waits ? MD_OK : decode(source, failure);
    if (rc == MD_ERR_EOF && source->swr)
        return finish_run(source) < 0 ? fail_nomem(source, failure) : MD_OK;
    if (rc < 0)
        return rc;
    if (source->frame_done == 0)
        follow_join(source);
    if (source->frame_done == 0 && !continues(source)) {
        if (source->swr) { /* the tail first, the frame in the next round */
            if (finish_run(source) < 0)
                return fail_nomem(source, failure);
            if (source->n > 0)
                return MD_OK;
        }
        rc = start_run(source);
    }
    if (rc == MD_OK && source->frame_done == 0)
        settle(source);
    if (rc == MD_OK)
        rc = resample_slice(source);
    if (rc == MD_ERR_NOMEM)
        return fail_nomem(source, failure);
    if (rc < 0)
        source->damage++;
    if (rc < 0 || source->frame_done >= source->frame->nb_samples) {
        av_frame_unref(source->frame);
        source->frame_waits = false;
    }
    return MD_OK;
}

int md_sound_source_read(struct md_sound_source *source, float *left, float *right, size_t n,
                         struct md_failure *failure)
{
    size_t done = 0;
    while (done < n) {
        size_t held = source->n - source->first;
        int64_t ahead = source->at - source->want; /* > 0: silence until the buffer begins */
        int rc = MD_OK;
        if (held == 0) {
            rc = refill(source, failure);
            if (rc < 0 && rc != MD_ERR_EOF)
                return rc;
            if (rc == MD_OK)
                continue;
        }
        size_t count = n - done;
        if (rc == MD_ERR_EOF || ahead > 0) {
            if (rc != MD_ERR_EOF)
                count = (size_t)MD_MIN((int64_t)count, ahead);
            memset(left + done, 0, count * sizeof *left);
            memset(right + done, 0, count * sizeof *right);
        } else if (ahead < 0) {
            count = (size_t)MD_MIN((int64_t)held, -ahead);
            source->first += count;
            source->at += (int64_t)count;
            continue;
        } else {
            count = MD_MIN(count, held);
            memcpy(left + done, source->buffer[0] + source->first, count * sizeof *left);
            memcpy(right + done, source->buffer[1] + source->first, count * sizeof *right);
            source->first += count;
            source->at += (int64_t)count;
        }
        done += count;
        source->want += (int64_t)count;
    }
    return MD_OK;
}

/* ---- finding a place ---- */

static void forget(struct md_sound_source *source, int64_t time_us)
{
    av_frame_unref(source->frame);
    source->frame_waits = source->placed = source->settled = false;
    source->flushing = source->ended = false;
    source->flush_errors = 0;
    swr_free(&source->swr);
    source->n = source->first = 0;
    source->origin_us = time_us;
    source->offset_us = 0;
    source->want = source->at = source->write = 0;
}

static int jump(struct md_sound_source *source, int64_t from_us)
{
    AVFormatContext *format = source->input->format;
    int64_t us = from_us + source->media->clock_zero_us;
    int64_t stamp = av_rescale_q(us, AV_TIME_BASE_Q, source->stream->time_base);
    int rc = avformat_seek_file(format, source->stream->index, INT64_MIN, stamp, stamp, 0);
    if (rc < 0) /* an index of the picture alone */
        rc = avformat_seek_file(format, -1, INT64_MIN, us, us, 0);
    if (rc < 0)
        rc = av_seek_frame(format, -1, us, AVSEEK_FLAG_BACKWARD);
    avcodec_flush_buffers(source->decoder);
    return rc < 0 ? MD_ERR_NOTFOUND : MD_OK;
}

/* The movie time of the first sample in the stream, as far as the container tells. */
static int64_t first_us(const struct md_sound_source *source)
{
    int64_t us = md_input_movie_us(source->stream->start_time, source->stream->time_base,
                                   source->media->clock_zero_us);
    return us == AV_NOPTS_VALUE ? INT64_MIN : us;
}

/* After a jump: is the first frame that comes early enough? */
static int arrived(struct md_sound_source *source, int64_t time_us, struct md_failure *failure)
{
    int rc = decode(source, failure);
    if (rc == MD_ERR_EOF)
        return MD_ERR_NOTFOUND;
    if (rc < 0)
        return rc;
    int64_t position = position_of(source, source->frame);
    if (position == AV_NOPTS_VALUE)
        return MD_ERR_NOTFOUND;
    return position <= 0 || time_us <= first_us(source) ? MD_OK : MD_ERR_NOTFOUND;
}

/* Place of the last sample read, in movie time. */
static int64_t now_us(const struct md_sound_source *source)
{
    return source->origin_us + av_rescale(source->want, MD_SECOND_US, MD_SOUND_RATE);
}

int md_sound_source_seek(struct md_sound_source *source, int64_t time_us,
                         struct md_failure *failure)
{
    static const int64_t earlier_us[] = {0, 3 * MD_SECOND_US, 20 * MD_SECOND_US};
    int64_t ahead_us = time_us - now_us(source);
    bool started = source->placed || source->frame_waits;
    if (started && llabs(ahead_us) <= same_us)
        return MD_OK;
    if (started && ahead_us > 0 && (source->sequential || ahead_us <= near_us)) {
        source->want = av_rescale(time_us - source->origin_us, MD_SOUND_RATE, MD_SECOND_US);
        return MD_OK;
    }
    for (size_t i = 0; i < MD_ARRAY_LEN(earlier_us) && !source->sequential; i++) {
        forget(source, time_us);
        if (jump(source, time_us - lead_us - earlier_us[i]) < 0)
            continue;
        int rc = arrived(source, time_us, failure);
        if (rc != MD_ERR_NOTFOUND)
            return rc;
    }
    if (time_us > earlier_us[2])
        source->sequential |= ++source->failed_searches >= 2;
    forget(source, time_us);
    return open_file(source, failure);
}

void md_sound_source_follow_picture(struct md_sound_source *source, int64_t stamp_offset)
{
    source->picture_offset_us = stamp_offset;
}

int64_t md_sound_source_damage(const struct md_sound_source *source)
{
    return source->damage;
}
