/* libswresample's default windowed sinc is used as it is: 70 dB of stop band is far more than
 * speech recognition or a feature extractor can tell. */
#include "media/resampler.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "media/audio_convert.h"

struct md_resampler {
    SwrContext *swr;
    int channels;
    float *out;
    int64_t capacity; /* frames */
};

static bool layout_of(const struct md_audio_format *format, AVChannelLayout *ret_layout)
{
    AVChannelLayout layout = {0};
    if (av_channel_layout_from_string(&layout, format->layout) < 0 ||
        layout.order != AV_CHANNEL_ORDER_NATIVE || layout.nb_channels != format->channels) {
        av_channel_layout_uninit(&layout);
        if (format->channels <= 0 || format->channels > MD_AUDIO_MAX_CHANNELS)
            return false;
        av_channel_layout_default(&layout, format->channels);
    }
    *ret_layout = layout;
    return true;
}

int md_resampler_new(const struct md_audio_format *from, int sample_rate, int channels,
                     struct md_resampler **ret_resampler, struct md_failure *failure)
{
    struct md_av_audio_format in = {
        .sample_format = AV_SAMPLE_FMT_FLT,
        .sample_rate = from->sample_rate,
    };
    AVChannelLayout out;
    if (from->sample_rate <= 0 || !layout_of(from, &in.layout))
        return md_fail(failure, MD_ERR_INPUT, "sound of %d Hz and %d channels cannot be converted",
                       from->sample_rate, from->channels);
    av_channel_layout_default(&out, channels);
    struct md_resampler *r = calloc(1, sizeof *r);
    if (r) {
        r->channels = channels;
        r->swr = md_av_audio_converter(&in, sample_rate, &out);
    }
    if (!r || !r->swr) {
        md_resampler_free(r);
        return md_fail(failure, MD_ERR_NOMEM, "not enough memory to resample sound");
    }
    *ret_resampler = r;
    return MD_OK;
}

int md_resampler_convert(struct md_resampler *r, const float *samples, int64_t frames,
                         const float **ret_samples, int64_t *ret_frames)
{
    int64_t bound = swr_get_out_samples(r->swr, (int)frames) + 64;
    if (bound > r->capacity) {
        float *out = realloc(r->out, (size_t)bound * r->channels * sizeof *out);
        if (!out)
            return MD_ERR_NOMEM;
        r->out = out;
        r->capacity = bound;
    }
    const uint8_t *in[] = {(const uint8_t *)samples};
    int n = swr_convert(r->swr, (uint8_t *[]){(uint8_t *)r->out}, (int)r->capacity,
                        samples ? in : NULL, samples ? (int)frames : 0);
    if (n < 0)
        return MD_ERR_NOMEM;
    *ret_samples = r->out;
    *ret_frames = n;
    return MD_OK;
}

void md_resampler_free(struct md_resampler *r)
{
    if (!r)
        return;
    swr_free(&r->swr);
    free(r->out);
    free(r);
}
