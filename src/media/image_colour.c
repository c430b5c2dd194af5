/* JFIF knows one colour space: full-range BT.601 equations. SDR needs a change of equations only;
 * the primaries are left alone, as every player without colour management does. HDR is taken to
 * light, its highlights rolled off on luminance (extended Reinhard), its primaries brought from
 * BT.2020 to BT.709, and back to gamma. Not a grade, but right in hue and readable, which is what a
 * key frame of 640 pixels is for. */
#include "media/image_colour.h"

#include <math.h>
#include <stdlib.h>

#include "base/cleanup.h"

/* Kr, Kb of ITU-R BT.709, BT.601, BT.2020. */
static const struct {
    float kr, kb;
} weights[] = {
    [MD_FRAME_BT709] = {0.2126f, 0.0722f},
    [MD_FRAME_BT601] = {0.299f, 0.114f},
    [MD_FRAME_BT2020] = {0.2627f, 0.0593f},
};

/* ITU-R BT.2408: diffuse white of HDR video. */
static const float reference_white_nits = 203.0f;
/* Brightest light told apart from white; most masters stop here. */
static const float peak_nits = 1000.0f;

enum { LUT_SIZE = 4096 };

struct colour_job {
    float y_offset, y_scale, c_offset, c_scale; /* sample -> Y' 0..1, C' -0.5..0.5 */
    float kr, kg, kb;
    float light[LUT_SIZE]; /* HDR: signal 0..1 -> light, 1 is reference white */
};

/* SMPTE ST 2084 EOTF, in units of reference white. */
static float pq_light(float signal)
{
    const double m1 = 2610.0 / 16384, m2 = 2523.0 / 4096 * 128, c1 = 3424.0 / 4096,
                 c2 = 2413.0 / 4096 * 32, c3 = 2392.0 / 4096 * 32;
    double p = pow(signal, 1 / m2);
    double light = pow(fmax(p - c1, 0) / (c2 - c3 * p), 1 / m1);
    return (float)(light * 10000 / reference_white_nits);
}

/* ARIB STD-B67 inverse OETF with the system gamma of a 1000 nit display (1.2) put on each channel,
 * in units of reference white. */
static float hlg_light(float signal)
{
    const double a = 0.17883277, b = 1 - 4 * a, c = 0.5 - a * log(4 * a);
    double scene = signal <= 0.5 ? signal * signal / 3 : (exp((signal - c) / a) + b) / 12;
    return (float)(pow(scene, 1.2) * peak_nits / reference_white_nits);
}

static void prepare(struct colour_job *job, const struct md_image *image)
{
    float top = image->sample_bytes == 1 ? 255.0f : 65535.0f;
    float unit = image->sample_bytes == 1 ? 1.0f : 256.0f; /* one step of the 8-bit scale */
    job->y_offset = image->full_range ? 0 : 16 * unit;
    job->y_scale = image->full_range ? 1 / top : 1 / (219 * unit);
    job->c_offset = 128 * unit;
    job->c_scale = image->full_range ? 1 / top : 1 / (224 * unit);
    job->kr = weights[image->matrix].kr;
    job->kb = weights[image->matrix].kb;
    job->kg = 1 - job->kr - job->kb;
    if (image->transfer == MD_FRAME_SDR)
        return;
    for (int i = 0; i < LUT_SIZE; i++) {
        float signal = (float)i / (LUT_SIZE - 1);
        job->light[i] = image->transfer == MD_FRAME_PQ ? pq_light(signal) : hlg_light(signal);
    }
}

static float sample_at(const struct md_image *image, size_t i)
{
    return image->sample_bytes == 1 ? image->samples[i] : ((const uint16_t *)image->samples)[i];
}

static float clamp01(float x)
{
    return MD_CLAMP(x, 0.0f, 1.0f);
}

/* Light of BT.2020 to gamma-coded SDR of BT.709, in place. */
static void tone_map(const struct colour_job *job, float rgb[3])
{
    float light[3];
    for (int c = 0; c < 3; c++)
        light[c] = job->light[(int)(clamp01(rgb[c]) * (LUT_SIZE - 1) + 0.5f)];
    float luminance = 0.2627f * light[0] + 0.6780f * light[1] + 0.0593f * light[2];
    const float white = peak_nits / reference_white_nits;
    /* Reinhard et al. 2002, equation 4, at the exposure that keeps middle grey about in place. */
    float mapped = 1.6f * luminance * (1 + 1.6f * luminance / (2.56f * white * white)) /
                   (1 + 1.6f * luminance);
    float gain = luminance > 1e-6f ? mapped / luminance : 1.6f;
    /* ITU-R BT.2087: BT.2020 to BT.709 primaries. */
    float r = 1.6605f * light[0] - 0.5876f * light[1] - 0.0728f * light[2];
    float g = -0.1246f * light[0] + 1.1329f * light[1] - 0.0083f * light[2];
    float b = -0.0182f * light[0] - 0.1006f * light[1] + 1.1187f * light[2];
    rgb[0] = powf(clamp01(r * gain), 1 / 2.2f);
    rgb[1] = powf(clamp01(g * gain), 1 / 2.2f);
    rgb[2] = powf(clamp01(b * gain), 1 / 2.2f);
}

static uint8_t to_byte(float x)
{
    return (uint8_t)(MD_CLAMP(x, 0.0f, 255.0f) + 0.5f);
}

int md_image_to_jfif(const struct md_image *image, uint8_t *const planes[3])
{
    md_autofree struct colour_job *job = malloc(sizeof *job);
    if (!job)
        return MD_ERR_NOMEM;
    prepare(job, image);
    size_t n = (size_t)image->width * image->height;
    for (size_t i = 0; i < n; i++) {
        float y = (sample_at(image, i) - job->y_offset) * job->y_scale;
        float cb = (sample_at(image, n + i) - job->c_offset) * job->c_scale;
        float cr = (sample_at(image, 2 * n + i) - job->c_offset) * job->c_scale;
        float rgb[3] = {y + 2 * (1 - job->kr) * cr, 0, y + 2 * (1 - job->kb) * cb};
        rgb[1] = (y - job->kr * rgb[0] - job->kb * rgb[2]) / job->kg;
        if (image->transfer != MD_FRAME_SDR)
            tone_map(job, rgb);
        float y601 = 0.299f * rgb[0] + 0.587f * rgb[1] + 0.114f * rgb[2];
        planes[0][i] = to_byte(255 * y601);
        planes[1][i] = to_byte(128 + 255 * (rgb[2] - y601) / 1.772f);
        planes[2][i] = to_byte(128 + 255 * (rgb[0] - y601) / 1.402f);
    }
    return MD_OK;
}
