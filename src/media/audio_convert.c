/* Layouts are reduced to native-order masks or a bare count at the entrance: custom layouts own
 * memory, and files that use them (ambisonics, discrete tracks) have no better downmix anyway. */
#include "media/audio_convert.h"

#include <string.h>

#include <libavutil/opt.h>

#include "base/cleanup.h"

/* Slower or faster than any sound recorded for a film: a damaged header. */
enum { RATE_MIN = 2000, RATE_MAX = 768000 };

bool md_av_audio_format_of(const AVFrame *frame, struct md_av_audio_format *ret_format)
{
    int channels = frame->ch_layout.nb_channels;
    if (frame->nb_samples <= 0 || channels <= 0 || channels > MD_AUDIO_MAX_CHANNELS ||
        frame->sample_rate < RATE_MIN || frame->sample_rate > RATE_MAX ||
        av_get_bytes_per_sample(frame->format) <= 0)
        return false;
    struct md_av_audio_format format = {
        .sample_format = frame->format,
        .sample_rate = frame->sample_rate,
    };
    if (frame->ch_layout.order == AV_CHANNEL_ORDER_NATIVE)
        av_channel_layout_from_mask(&format.layout, frame->ch_layout.u.mask);
    else
        av_channel_layout_default(&format.layout, channels);
    *ret_format = format;
    return true;
}

bool md_av_audio_format_equal(const struct md_av_audio_format *a,
                              const struct md_av_audio_format *b)
{
    return a->sample_format == b->sample_format && a->sample_rate == b->sample_rate &&
           av_channel_layout_compare(&a->layout, &b->layout) == 0;
}

/* For layouts FFmpeg has no places for: channel i goes to output i modulo the outputs. */
static int set_even_matrix(SwrContext *swr, int in, int out)
{
    double matrix[MD_AUDIO_MAX_CHANNELS * MD_AUDIO_MAX_CHANNELS] = {0};
    for (int i = 0; i < in; i++) {
        int to = i % out;
        int sharing = (in - to + out - 1) / out;
        matrix[to * in + i] = 1.0 / sharing;
    }
    return swr_set_matrix(swr, matrix, in);
}

SwrContext *md_av_audio_converter(const struct md_av_audio_format *in, int out_rate,
                                  const AVChannelLayout *out_layout)
{
    SwrContext *swr = NULL;
    /* before libswresample 5 the layouts were not const */
    AVChannelLayout from = in->layout, to = *out_layout;
    if (swr_alloc_set_opts2(&swr, &to, AV_SAMPLE_FMT_FLT, out_rate, &from, in->sample_format,
                            in->sample_rate, 0, NULL) < 0)
        return NULL;
    /* FFmpeg normalises the mix for integers only: without this a mono mix would be 3 dB hot */
    int rc = av_opt_set_double(swr, "rematrix_maxval", 1.0, 0);
    int channels = in->layout.nb_channels;
    if (rc >= 0 && in->layout.order != AV_CHANNEL_ORDER_NATIVE)
        rc = set_even_matrix(swr, channels, out_layout->nb_channels);
    if (rc >= 0)
        rc = swr_init(swr);
    if (rc < 0)
        swr_free(&swr);
    return swr;
}
