/* Our own AVIOContext over a file descriptor instead of FFmpeg's "file:" protocol: any name works,
 * the descriptor that was checked is the one that is read, every read can be cancelled and counted,
 * and FFmpeg is left without any way to open something else. */
#include "media/input.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libavutil/avstring.h>
#include <libavutil/opt.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/utf8.h"
#include "media/libav_log.h"
#include "media/sniff.h"

enum {
    AVIO_BUFFER_BYTES = 64 << 10,
    PROBE_FORMAT_BYTES = 1 << 20,   /* libavformat's own default */
    PROBE_STREAMS_BYTES = 20 << 20, /* a 40 Mbit/s transport stream shows all its streams in 4 s */
    PROBE_STREAMS_US = 10000000,
    MAX_STREAMS = 256,
    MAX_ERRORS_IN_A_ROW = 1000, /* read errors before a file counts as ended */
};

/* Demuxers for which a file is a movie or sound; any other is "not a movie". FFmpeg knows 350, most
 * of them pictures, subtitles, game data and things that open further files. */
static const char *const known_formats[] = {
    "mov",
    "matroska",
    "avi",
    "asf",
    "mpegts",
    "mpeg",
    "mpegvideo",
    "m4v",
    "h264",
    "hevc",
    "vc1",
    "flv",
    "ogg",
    "rm",
    "nut",
    "mxf",
    "gxf",
    "dv",
    "ivf",
    "av1",
    "obu",
    "wtv",
    "nsv",
    "nuv",
    "pva",
    "swf",
    "rl2",
    "bink",
    "smk",
    "roq",
    "mjpeg",
    "dirac",
    "cavsvideo",
    "yuv4mpegpipe",
    "ty",
    "pmp",
    "vvc",
    "flic",
    "ipmovie",
    "4xm",
    "film_cpk",
    "live_flv",
    "kux",
    "mpjpeg",
    "lvf",
    "vivo",
    "xmv",
    "mv",
    "thp",
    "viv",
    "evc",
    /* sound alone */
    "wav",
    "w64",
    "mp3",
    "flac",
    "aac",
    "ac3",
    "eac3",
    "dts",
    "aiff",
    "au",
    "amr",
    "amrnb",
    "amrwb",
    "caf",
    "ape",
    "wv",
    "tta",
    "mpc",
    "mpc8",
    "truehd",
    "voc",
    "tak",
    "dsf",
    "iff",
    "oma",
    "loas",
    "dtshd",
    "mlp",
    "qcp",
    "xwma",
};

static bool asked_to_stop(const struct md_input *input)
{
    return input->cancelled && input->cancelled(input->user);
}

static int on_interrupt(void *opaque)
{
    return asked_to_stop(opaque);
}

static int on_read(void *opaque, uint8_t *buffer, int size)
{
    struct md_input *input = opaque;
    if (asked_to_stop(input))
        return AVERROR_EXIT;
    if (input->read_limit > 0 && input->bytes_read > input->read_limit)
        return AVERROR_EOF;
    ssize_t n;
    do {
        n = pread(input->fd, buffer, (size_t)size, input->position);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        int error = errno;
        if (!input->io_errno)
            input->io_errno = error;
        return AVERROR(error);
    }
    if (n == 0)
        return AVERROR_EOF;
    input->position += n;
    input->bytes_read += n;
    return (int)n;
}

static int64_t on_seek(void *opaque, int64_t offset, int whence)
{
    struct md_input *input = opaque;
    whence &= ~AVSEEK_FORCE;
    if (whence == AVSEEK_SIZE)
        return input->size_bytes;
    int64_t base = whence == SEEK_CUR   ? input->position
                   : whence == SEEK_END ? input->size_bytes
                                        : 0;
    int64_t target;
    if (__builtin_add_overflow(base, offset, &target) || target < 0)
        return AVERROR(EINVAL);
    input->position = target;
    return target;
}

static int refuse_to_open(AVFormatContext *format, AVIOContext **avio, const char *url, int flags,
                          AVDictionary **options)
{
    return AVERROR(EACCES);
}

static const char *kind_of_file(mode_t mode)
{
    return S_ISDIR(mode)    ? "a folder"
           : S_ISFIFO(mode) ? "a pipe"
           : S_ISSOCK(mode) ? "a socket"
                            : "a device";
}

/* O_NONBLOCK so that a pipe without a writer is refused instead of waited for. */
static int open_file(struct md_input *input, const char *path, struct md_failure *failure)
{
    input->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (input->fd < 0)
        return md_fail_errno(failure, errno, "%s cannot be opened", input->name);
    struct stat st;
    if (fstat(input->fd, &st) < 0)
        return md_fail_errno(failure, errno, "%s cannot be opened", input->name);
    if (!S_ISREG(st.st_mode))
        return md_fail(failure, MD_ERR_UNSUPPORTED, "%s is not a movie: it is %s", input->name,
                       kind_of_file(st.st_mode));
    if (st.st_size == 0)
        return md_fail(failure, MD_ERR_INPUT, "%s is empty", input->name);
    input->size_bytes = st.st_size;
    return MD_OK;
}

static int refuse_other_files(struct md_input *input, struct md_failure *failure)
{
    uint8_t head[MD_SNIFF_BYTES];
    ssize_t n = pread(input->fd, head, sizeof head, 0);
    if (n < 0)
        return md_fail_errno(failure, errno, "%s cannot be read", input->name);
    const char *other = md_sniff_other(head, (size_t)n);
    if (other)
        return md_fail(failure, MD_ERR_UNSUPPORTED, "%s is not a movie: it %s %s", input->name,
                       strcmp(other, "text") == 0 ? "holds" : "is", other);
    if (md_sniff_is_zeros(head, (size_t)n))
        return md_fail(failure, MD_ERR_INPUT,
                       "%s begins with zeros instead of a movie: probably an unfinished download",
                       input->name);
    return MD_OK;
}

static bool is_known_format(const AVInputFormat *format)
{
    for (size_t i = 0; i < MD_ARRAY_LEN(known_formats); i++)
        if (av_match_name(known_formats[i], format->name))
            return true;
    return false;
}

/* Judged by content: FFmpeg gets a name without an extension. */
static int choose_format(struct md_input *input, const AVInputFormat **ret_format,
                         struct md_failure *failure)
{
    const AVInputFormat *format = NULL;
    int rc = av_probe_input_buffer2(input->avio, &format, "movie", NULL, 0, PROBE_FORMAT_BYTES);
    if (rc == AVERROR_EXIT || rc == AVERROR(ENOMEM) || input->io_errno)
        return md_input_fail(input, rc, failure, "reading");
    if (rc < 0 || !format)
        return md_fail(failure, MD_ERR_UNSUPPORTED,
                       "%s is not a movie: its content is of no known kind", input->name);
    if (!is_known_format(format))
        return md_fail(failure, MD_ERR_UNSUPPORTED, "%s is not a movie: it holds %s", input->name,
                       format->long_name ? format->long_name : format->name);
    *ret_format = format;
    return MD_OK;
}

/* Why a movie could not be opened, as far as its structure tells. */
static int explain_damage(const struct md_input *input, const char *format, int averror,
                          struct md_failure *failure)
{
    if (averror == AVERROR_EXIT || averror == AVERROR(ENOMEM) || input->io_errno)
        return md_input_fail(input, averror, failure, "opening");
    if (av_match_name("mov", format)) {
        struct md_sniff_boxes boxes = md_sniff_iso_boxes(input->fd, input->size_bytes);
        if (!boxes.has_moov)
            return md_fail(failure, MD_ERR_INPUT, "%s is cut off: its index (moov) is missing%s",
                           input->name,
                           boxes.cut_off ? ", so recording or download did not finish" : "");
    }
    if (averror == AVERROR(EIO) || averror == AVERROR_EOF)
        return md_fail(failure, MD_ERR_INPUT, "%s is cut off: it ends inside its header",
                       input->name);
    char text[AV_ERROR_MAX_STRING_SIZE] = "no streams in it";
    if (averror < 0)
        av_strerror(averror, text, sizeof text);
    return md_fail(failure, MD_ERR_INPUT, "%s is damaged and cannot be opened (%s)", input->name,
                   text);
}

static int make_avio(struct md_input *input)
{
    uint8_t *buffer = av_malloc(AVIO_BUFFER_BYTES);
    if (!buffer)
        return MD_ERR_NOMEM;
    input->avio = avio_alloc_context(buffer, AVIO_BUFFER_BYTES, 0, input, on_read, NULL, on_seek);
    if (!input->avio) {
        av_free(buffer);
        return MD_ERR_NOMEM;
    }
    return MD_OK;
}

static int make_format(struct md_input *input)
{
    AVFormatContext *format = avformat_alloc_context();
    if (!format)
        return MD_ERR_NOMEM;
    format->pb = input->avio;
    format->io_open = refuse_to_open;
    format->interrupt_callback = (AVIOInterruptCB){on_interrupt, input};
    format->probesize = PROBE_STREAMS_BYTES;
    format->max_analyze_duration = PROBE_STREAMS_US;
    format->max_streams = MAX_STREAMS;
    format->protocol_whitelist = av_strdup("none");
    if (!format->protocol_whitelist) {
        avformat_free_context(format);
        return MD_ERR_NOMEM;
    }
    input->format = format;
    return MD_OK;
}

/* Options for the decoders that avformat_find_stream_info opens to look at the first frames. */
static int find_stream_info(AVFormatContext *format)
{
    unsigned n = format->nb_streams;
    AVDictionary **options = n ? av_calloc(n, sizeof(*options)) : NULL;
    if (n && !options)
        return AVERROR(ENOMEM);
    for (unsigned i = 0; i < n; i++)
        av_dict_set_int(&options[i], "max_pixels", MD_INPUT_MAX_PIXELS, 0);
    int rc = avformat_find_stream_info(format, options);
    for (unsigned i = 0; i < n; i++)
        av_dict_free(&options[i]);
    av_free(options);
    return rc;
}

static int open_format(struct md_input *input, struct md_failure *failure)
{
    const AVInputFormat *kind = NULL;
    int rc = choose_format(input, &kind, failure);
    if (rc < 0)
        return rc;
    rc = make_format(input);
    if (rc < 0)
        return md_fail(failure, rc, "not enough memory to open %s", input->name);
    /* Frees input->format on failure. */
    rc = avformat_open_input(&input->format, "movie", (AVInputFormat *)kind, NULL);
    if (rc < 0)
        return explain_damage(input, kind->name, rc, failure);
    rc = find_stream_info(input->format);
    if (asked_to_stop(input))
        rc = AVERROR_EXIT;
    if (rc < 0 || input->format->nb_streams == 0)
        return explain_damage(input, kind->name, rc, failure);
    return MD_OK;
}

int md_input_open(const char *path, bool (*cancelled)(void *user), void *user,
                  struct md_input **ret_input, struct md_failure *failure)
{
    md_libav_init();
    md_autoinput input = calloc(1, sizeof *input);
    if (!input)
        return md_fail(failure, MD_ERR_NOMEM, "not enough memory to open a movie");
    input->fd = -1;
    input->cancelled = cancelled;
    input->user = user;
    const char *base = md_path_base(path);
    md_utf8_sanitize(input->name, sizeof input->name, base, strlen(base));

    int rc = open_file(input, path, failure);
    if (rc == MD_OK)
        rc = refuse_other_files(input, failure);
    if (rc < 0)
        return rc;
    rc = make_avio(input);
    if (rc < 0)
        return md_fail(failure, rc, "not enough memory to open %s", input->name);
    /* A header that makes a demuxer hop about for ever ends here; an honest one is read about once.
     */
    input->read_limit = input->size_bytes + 4 * (int64_t)PROBE_STREAMS_BYTES;
    rc = open_format(input, failure);
    if (rc < 0)
        return rc;
    input->read_limit = 0;
    *ret_input = md_take_ptr(input);
    return MD_OK;
}

void md_input_close(struct md_input *input)
{
    if (!input)
        return;
    avformat_close_input(&input->format);
    if (input->avio) {
        av_freep(&input->avio->buffer);
        avio_context_free(&input->avio);
    }
    if (input->fd >= 0)
        close(input->fd);
    free(input);
}

int md_input_read(struct md_input *input, AVPacket *packet, struct md_failure *failure)
{
    for (int i = 0; i < MAX_ERRORS_IN_A_ROW; i++) {
        if (asked_to_stop(input))
            return md_input_fail(input, AVERROR_EXIT, failure, "reading");
        int rc = av_read_frame(input->format, packet);
        if (rc >= 0)
            return MD_OK;
        if (rc == AVERROR_EXIT || rc == AVERROR(ENOMEM) || input->io_errno)
            return md_input_fail(input, rc, failure, "reading");
        if (rc == AVERROR_EOF || avio_feof(input->avio))
            break;
    }
    return MD_ERR_EOF;
}

void md_input_select(struct md_input *input, int64_t stream_index)
{
    for (unsigned i = 0; i < input->format->nb_streams; i++)
        input->format->streams[i]->discard =
            stream_index < 0 || i == stream_index ? AVDISCARD_DEFAULT : AVDISCARD_ALL;
}

AVStream *md_input_stream(const struct md_input *input, int64_t stream_index)
{
    if (stream_index < 0 || stream_index >= input->format->nb_streams)
        return NULL;
    return input->format->streams[stream_index];
}

static int configure_decoder(AVCodecContext *context, const AVStream *stream, int threads)
{
    int rc = avcodec_parameters_to_context(context, stream->codecpar);
    if (rc < 0)
        return rc;
    context->pkt_timebase = stream->time_base;
    context->thread_count = MD_CLAMP(threads, 1, 64);
    context->max_pixels = MD_INPUT_MAX_PIXELS;
    return 0;
}

int md_input_open_decoder(struct md_input *input, int64_t stream_index, int threads,
                          void (*customize)(AVCodecContext *context, void *user), void *user,
                          AVCodecContext **ret_context, struct md_failure *failure)
{
    const AVStream *stream = md_input_stream(input, stream_index);
    if (!stream)
        return md_fail(failure, MD_ERR_INPUT, "%s has no stream %lld", input->name,
                       (long long)stream_index);
    const AVCodec *codec = avcodec_find_decoder(stream->codecpar->codec_id);
    if (!codec)
        return md_fail(failure, MD_ERR_UNSUPPORTED, "%s: no decoder for %s (stream %lld)",
                       input->name, avcodec_get_name(stream->codecpar->codec_id),
                       (long long)stream_index);
    AVCodecContext *context = avcodec_alloc_context3(codec);
    int rc = context ? configure_decoder(context, stream, threads) : AVERROR(ENOMEM);
    if (rc >= 0) {
        if (customize)
            customize(context, user);
        rc = avcodec_open2(context, codec, NULL);
    }
    if (rc < 0) {
        avcodec_free_context(&context);
        return md_input_fail(input, rc, failure, "decoding");
    }
    *ret_context = context;
    return MD_OK;
}

int md_input_fail(const struct md_input *input, int averror, struct md_failure *failure,
                  const char *doing)
{
    if (averror == AVERROR_EXIT)
        return md_fail(failure, MD_ERR_CANCELLED, "%s %s was cancelled", doing, input->name);
    if (averror == AVERROR(ENOMEM))
        return md_fail(failure, MD_ERR_NOMEM, "not enough memory for %s %s", doing, input->name);
    if (averror == AVERROR(ENOSPC))
        return md_fail_errno(failure, ENOSPC, "%s %s failed", doing, input->name);
    if (input->io_errno)
        return md_fail_errno(failure, input->io_errno, "%s cannot be read", input->name);
    char text[AV_ERROR_MAX_STRING_SIZE];
    av_strerror(averror, text, sizeof text);
    return md_fail(failure, MD_ERR_INPUT, "%s %s failed: %s", doing, input->name, text);
}

int64_t md_input_movie_us(int64_t timestamp, AVRational time_base, int64_t clock_zero_us)
{
    if (timestamp == AV_NOPTS_VALUE)
        return AV_NOPTS_VALUE;
    int64_t us = av_rescale_q(timestamp, time_base, (AVRational){1, 1000000});
    int64_t movie;
    return us == INT64_MIN || __builtin_sub_overflow(us, clock_zero_us, &movie) ? AV_NOPTS_VALUE
                                                                                : movie;
}

int64_t md_input_timestamp(int64_t movie_us, AVRational time_base, int64_t clock_zero_us)
{
    int64_t us;
    if (movie_us == AV_NOPTS_VALUE || __builtin_add_overflow(movie_us, clock_zero_us, &us))
        return AV_NOPTS_VALUE;
    return av_rescale_q(us, (AVRational){1, 1000000}, time_base);
}
