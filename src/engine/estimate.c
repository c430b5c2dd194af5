/* Decoder surfaces x size of a surface + what the stage keeps + a constant.
 *
 * A surface is pitch x height x bytes per pixel: the pitch is the width rounded up to 64 bytes and
 * the height to a superblock, 4:2:0 has 1.5 samples a pixel (4:2:2 and 4:4:4 are rare and covered
 * by the governor's buffer), more than 8 bits take two bytes a sample. FFmpeg's frame-threaded
 * decoders keep the reference pictures the codec allows, one picture a thread, and those on their
 * way out. The constants are resident sizes of the worker measured on small files, rounded up. */
#include "engine/estimate.h"

#include <string.h>

#include "base/cleanup.h"

#define MB INT64_C(1000000)

/* Larger claims come from broken headers; the stage itself refuses them or not, we do not guess. */
enum { MAX_SIDE = 16384 };

/* Pictures a decoder may have to keep: H.264 and HEVC A.4.2/A.3.1 allow 16, VP9 and AV1 have 8
 * slots; older codecs two or three. */
static int64_t reference_pictures(const char *codec)
{
    static const struct {
        const char *codec;
        int pictures;
    } rows[] = {{"h264", 16}, {"hevc", 16},  {"vvc", 16},      {"vp9", 8},
                {"av1", 10},  {"vp8", 4},    {"mpeg4", 3},     {"h263", 3},
                {"mjpeg", 1}, {"prores", 1}, {"mpeg2video", 3}};
    for (size_t i = 0; i < MD_ARRAY_LEN(rows); i++)
        if (strcmp(codec, rows[i].codec) == 0)
            return rows[i].pictures;
    return 16;
}

static int64_t surface_bytes(int64_t width, int64_t height, int64_t bit_depth)
{
    int64_t pitch = (width + 63) / 64 * 64, lines = (height + 63) / 64 * 64;
    return pitch * lines * 3 / 2 * (bit_depth > 8 || bit_depth == 0 ? 2 : 1);
}

static int64_t decoder_bytes(const struct md_movie_facts *facts, int threads)
{
    const int64_t on_their_way = 4;
    int64_t pictures = reference_pictures(facts->codec) + threads + on_their_way;
    return pictures * surface_bytes(facts->width, facts->height, facts->bit_depth);
}

/* x264 keeps the pictures of its look-ahead (40 to 60), references and one a thread, each with half
 * as much again for its scaled and filtered copies; always 8 bit. */
static int64_t encoder_bytes(const struct md_movie_facts *facts, int threads)
{
    const int64_t kept = 60 + 6;
    return (kept + threads) * surface_bytes(facts->width, facts->height, 8) * 3 / 2;
}

int64_t md_estimate_stage(enum md_stage stage, const struct md_movie_facts *facts, int threads)
{
    const int64_t base = 60 * MB, hour_us = INT64_C(3600000000);
    if (stage == MD_STAGE_PROBE)
        return 250 * MB; /* opens decoders of streams it knows nothing about yet */
    if (!facts->known)
        return 0;
    bool video = facts->width > 0 || facts->height > 0;
    if (video && (facts->width <= 0 || facts->height <= 0 || facts->width > MAX_SIDE ||
                  facts->height > MAX_SIDE))
        return 0;
    int64_t decoder = video ? decoder_bytes(facts, threads) : 0;
    int64_t hours = facts->duration_us / hour_us + 1;
    switch (stage) {
    case MD_STAGE_SHOTS:
        return base + 60 * MB + decoder;
    case MD_STAGE_AUDIO:
        return base + 60 * MB;
    case MD_STAGE_TRANSCRIPT:
        return base + 40 * MB;
    case MD_STAGE_STORY:
    case MD_STAGE_SELECT:
        return base + 60 * MB + hours * 30 * MB;
    case MD_STAGE_RENDER:
        return base + 100 * MB + hours * 20 * MB + decoder +
               (video ? encoder_bytes(facts, threads) : 0);
    default:
        return 0;
    }
}
