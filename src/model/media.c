/* The table of media.json. */
#include "model/media.h"

static const char *const stream_kinds[] = {"video", "audio", "subtitle", "other", NULL};
static const char *const hdr_kinds[] = {"none", "pq", "hlg", "dolby-vision", NULL};

#define S struct md_stream
static const struct md_field stream_fields[] = {
    MD_F_INT(S, index, 0, 10000),
    MD_F_ENUM(S, kind, stream_kinds),
    MD_F_STRING(S, codec),
    MD_F_STRING(S, profile),
    MD_F_STRING(S, language),
    MD_F_STRING(S, title),
    MD_F_BOOL(S, is_default),
    MD_F_BOOL(S, is_forced),
    MD_F_BOOL(S, is_commentary),
    MD_F_BOOL(S, is_hearing_impaired),
    MD_F_BOOL(S, is_visual_impaired),
    MD_F_BOOL(S, is_dub),
    MD_F_BOOL(S, is_attached_picture),
    MD_F_BOOL(S, decodable),
    MD_F_INT(S, bit_rate, 0, INT64_MAX),
    MD_F_INT(S, width, 0, 65536),
    MD_F_INT(S, height, 0, 65536),
    MD_F_INT(S, sar_num, 0, INT32_MAX),
    MD_F_INT(S, sar_den, 0, INT32_MAX),
    MD_F_INT(S, rotation, 0, 270),
    MD_F_INT(S, fps_num, 0, INT32_MAX),
    MD_F_INT(S, fps_den, 0, INT32_MAX),
    MD_F_BOOL(S, variable_frame_rate),
    MD_F_BOOL(S, interlaced),
    MD_F_INT(S, bit_depth, 0, 32),
    MD_F_STRING(S, pixel_format),
    MD_F_STRING(S, color_primaries),
    MD_F_STRING(S, color_transfer),
    MD_F_STRING(S, color_matrix),
    MD_F_STRING(S, color_range),
    MD_F_ENUM(S, hdr, hdr_kinds),
    MD_F_INT(S, sample_rate, 0, 10000000),
    MD_F_INT(S, channels, 0, 1024),
    MD_F_STRING(S, channel_layout),
    MD_F_BOOL(S, is_text),
    MD_F_END,
};

#define C struct md_chapter
static const struct md_field chapter_fields[] = {
    MD_F_TIME(C, start_us),
    MD_F_TIME(C, end_us),
    MD_F_STRING(C, title),
    MD_F_END,
};

#define M struct md_media
static const struct md_field media_fields[] = {
    MD_F_STRING(M, name),
    MD_F_STRING(M, uri),
    MD_F_INT(M, size_bytes, 0, INT64_MAX),
    MD_F_STRING(M, container),
    MD_F_STRING(M, title),
    MD_F_TIME(M, duration_us),
    MD_F_BOOL(M, duration_estimated),
    MD_F_INT(M, time_jumps, 0, INT64_MAX),
    MD_F_TIME(M, clock_zero_us),
    MD_F_INT(M, frame_count, 0, INT64_MAX),
    MD_F_OBJECTS(M, streams, stream_fields, 10000),
    MD_F_INT(M, video_stream, -1, 10000),
    MD_F_INT(M, audio_stream, -1, 10000),
    MD_F_OBJECTS(M, chapters, chapter_fields, 100000),
    MD_F_STRINGS(M, warnings, 1000),
    MD_F_END,
};

const struct md_stream *md_media_stream(const struct md_media *media, int64_t index)
{
    for (size_t i = 0; i < media->streams.n; i++)
        if (media->streams.v[i].index == index)
            return &media->streams.v[i];
    return NULL;
}

static int validate(const void *object, struct md_failure *failure)
{
    const struct md_media *media = object;
    if (!media->name || !media->uri)
        return md_fail(failure, MD_ERR_INPUT, "media.json names no movie");
    const struct md_stream *video = md_media_stream(media, media->video_stream);
    const struct md_stream *audio = md_media_stream(media, media->audio_stream);
    if ((media->video_stream >= 0 && (!video || video->kind != MD_STREAM_VIDEO)) ||
        (media->audio_stream >= 0 && (!audio || audio->kind != MD_STREAM_AUDIO)))
        return md_fail(failure, MD_ERR_INPUT, "media.json chooses a stream that is not there");
    return MD_OK;
}

const struct md_artifact_type md_artifact_media = {
    .schema = "moviedigest.media",
    .file = "media.json",
    .version = 1,
    .fields = media_fields,
    .size = sizeof(struct md_media),
    .validate = validate,
};
