/* libswresample behind the two calls that this program needs: any frame format in, interleaved
 * float out. For src/media only. */
#ifndef MD_MEDIA_AUDIO_CONVERT_H
#define MD_MEDIA_AUDIO_CONVERT_H

#include <stdbool.h>
#include <stdint.h>

#include <libavutil/channel_layout.h>
#include <libavutil/frame.h>
#include <libavutil/samplefmt.h>
#include <libswresample/swresample.h>

enum { MD_AUDIO_MAX_CHANNELS = 64 }; /* libswresample's own limit */

/* Format of samples as FFmpeg has them. layout is of native order or unspecified, so it owns no
 * memory and is copied by assignment. */
struct md_av_audio_format {
    enum AVSampleFormat sample_format;
    int sample_rate;
    AVChannelLayout layout;
};

/* The format of a decoded frame; false when it is none that can be used. */
bool md_av_audio_format_of(const AVFrame *frame, struct md_av_audio_format *ret_format);

bool md_av_audio_format_equal(const struct md_av_audio_format *a,
                              const struct md_av_audio_format *b);

/* A converter to interleaved float of the given rate and layout, whose mix never exceeds full scale
 * when the input does not. Channels without a known place are spread evenly. NULL when out of
 * memory or the pair is impossible. Free with swr_free. */
SwrContext *md_av_audio_converter(const struct md_av_audio_format *in, int out_rate,
                                  const AVChannelLayout *out_layout);

#endif
