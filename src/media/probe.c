/* The probe stage: what the file is, which streams make the movie, and how long it really lasts.
 * Everything later trusts media.json, so this is where headers are checked against the data. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/pixdesc.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "media/choose.h"
#include "media/compat.h"
#include "media/probe_streams.h"
#include "media/probe_timing.h"
#include "model/language.h"
#include "model/media.h"
#include "model/stage.h"

enum { MAX_CHAPTERS = 10000, MAX_WARNINGS = 50 };

/* A header may be this far off before it counts as lying: the longer of a second and 2 %. */
static int64_t header_tolerance_us(int64_t us)
{
    return MD_MAX(MD_SECOND_US, us / 50);
}

/* Warnings are for the person; one too many is dropped, not an error. */
__attribute__((format(printf, 2, 3))) static int warn(struct md_media *media, const char *format,
                                                      ...)
{
    if (media->warnings.n >= MAX_WARNINGS)
        return MD_OK;
    char text[600];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    char *copy = strdup(text);
    if (!copy || md_vec_push(&media->warnings, copy) < 0) {
        free(copy);
        return MD_ERR_NOMEM;
    }
    return MD_OK;
}

static int no_memory(const struct md_input *input, struct md_failure *failure)
{
    return md_fail(failure, MD_ERR_NOMEM, "not enough memory to probe %s", input->name);
}

static int set_uri(struct md_media *media, const char *path, struct md_failure *failure)
{
    md_autofree char *absolute = realpath(path, NULL);
    if (!absolute)
        return md_fail_errno(failure, errno, "%s cannot be opened", media->name);
    md_autostr uri = {0};
    md_str_append(&uri, "file://");
    md_str_append_uri_path(&uri, absolute);
    media->uri = md_str_take(&uri);
    return media->uri ? MD_OK : md_fail(failure, MD_ERR_NOMEM, "not enough memory");
}

static int describe_file(struct md_media *media, struct md_input *input)
{
    media->name = strdup(input->name[0] ? input->name : "movie");
    media->container = strdup(input->format->iformat->name);
    media->title = md_probe_tag(input->format->metadata, "title");
    media->size_bytes = input->size_bytes;
    if (!media->name || !media->container)
        return MD_ERR_NOMEM;
    for (unsigned i = 0; i < input->format->nb_streams; i++) {
        if (md_vec_push(&media->streams, (struct md_stream){0}) < 0 ||
            md_probe_describe_stream(input, i, &media->streams.v[i]) < 0)
            return MD_ERR_NOMEM;
    }
    return MD_OK;
}

static struct md_stream *find_stream(struct md_media *media, int64_t index)
{
    return (struct md_stream *)md_media_stream(media, index);
}

static int choose_video(struct md_media *media, struct md_input *input, struct md_failure *failure)
{
    bool audio = false, cover = false;
    for (size_t i = 0; i < media->streams.n; i++) {
        audio |= media->streams.v[i].kind == MD_STREAM_AUDIO;
        cover |= media->streams.v[i].kind == MD_STREAM_VIDEO;
    }
    media->video_stream = md_choose_video(&media->streams);
    if (media->video_stream < 0)
        return md_fail(failure, MD_ERR_UNSUPPORTED,
                       "%s has no video stream%s: a digest needs a moving picture", media->name,
                       !audio  ? ""
                       : cover ? ", only sound and cover art"
                               : ", only sound");
    const struct md_stream *video = find_stream(media, media->video_stream);
    if (video->decodable)
        return MD_OK;
    if (md_probe_is_encrypted(md_input_stream(input, video->index)))
        return md_fail(failure, MD_ERR_INPUT, "%s is protected by DRM and cannot be decoded",
                       media->name);
    return md_fail(failure, MD_ERR_INPUT, "%s: there is no decoder for its picture (%s)",
                   media->name, video->codec);
}

static int refuse_track(struct md_media *media, int64_t track, struct md_failure *failure)
{
    md_autostr list = {0};
    for (size_t i = 0; i < media->streams.n; i++) {
        char words[160];
        if (media->streams.v[i].kind == MD_STREAM_AUDIO && list.n < 300)
            md_str_printf(&list, "%s%s", list.n ? ", " : "",
                          md_choose_describe(words, &media->streams.v[i]));
    }
    return md_fail(failure, MD_ERR_INPUT, "%s has no audio track %lld; it has %s", media->name,
                   (long long)track, list.n ? md_str_text(&list) : "no sound");
}

static int choose_audio(struct md_media *media, const struct md_options *options,
                        struct md_failure *failure)
{
    const struct md_stream *wanted = md_media_stream(media, options->audio_track);
    if (options->audio_track >= 0 && (!wanted || wanted->kind != MD_STREAM_AUDIO))
        return refuse_track(media, options->audio_track, failure);
    media->audio_stream =
        wanted ? wanted->index : md_choose_audio(&media->streams, options->audio_language);
    const struct md_stream *audio = md_media_stream(media, media->audio_stream);
    if (!audio)
        return MD_OK;
    char words[160];
    int rc = MD_OK;
    if (!audio->decodable || audio->channels == 0 || audio->sample_rate == 0) {
        rc = warn(media, "No audio track can be decoded, not even %s: there will be no sound.",
                  md_choose_describe(words, audio));
        media->audio_stream = -1;
    } else if (!wanted && options->audio_language &&
               md_language_rank(options->audio_language, audio->language) < 0) {
        rc = warn(media, "No audio track is tagged as %s; track %s was taken.",
                  options->audio_language, md_choose_describe(words, audio));
    }
    return rc < 0 ? md_fail(failure, rc, "not enough memory to probe %s", media->name) : MD_OK;
}

static int compare_chapters(const void *a, const void *b)
{
    const struct md_chapter *x = a, *y = b;
    return x->start_us != y->start_us ? (x->start_us > y->start_us) - (x->start_us < y->start_us)
                                      : (x->end_us > y->end_us) - (x->end_us < y->end_us);
}

/* Chapters within the movie, in time order, never overlapping. */
static int read_chapters(struct md_media *media, const struct md_input *input)
{
    const AVFormatContext *format = input->format;
    for (unsigned i = 0; i < format->nb_chapters && media->chapters.n < MAX_CHAPTERS; i++) {
        const AVChapter *c = format->chapters[i];
        int64_t start = md_input_movie_us(c->start, c->time_base, media->clock_zero_us);
        int64_t end = md_input_movie_us(c->end, c->time_base, media->clock_zero_us);
        if (start == AV_NOPTS_VALUE || start >= media->duration_us)
            continue;
        struct md_chapter chapter = {.start_us = MD_MAX(start, 0), .end_us = media->duration_us};
        if (end != AV_NOPTS_VALUE && end > start && end < media->duration_us)
            chapter.end_us = end;
        if (chapter.end_us <= chapter.start_us)
            continue;
        chapter.title = md_probe_tag(c->metadata, "title");
        if (md_vec_push(&media->chapters, chapter) < 0) {
            free(chapter.title);
            return MD_ERR_NOMEM;
        }
    }
    struct md_chapters *all = &media->chapters;
    if (all->n > 1)
        qsort(all->v, all->n, sizeof *all->v, compare_chapters);
    for (size_t i = 0; i + 1 < all->n; i++)
        all->v[i].end_us = MD_MIN(all->v[i].end_us, all->v[i + 1].start_us);
    return MD_OK;
}

static int warn_about_time(struct md_media *media, const struct md_probe_timing *t)
{
    char there[24], claimed[24];
    int rc = MD_OK;
    int64_t measured = MD_MAX(t->video_end_us, t->audio_end_us);
    md_format_time(there, measured);
    md_format_time(claimed, t->header_us);
    int64_t tolerance = header_tolerance_us(MD_MAX(measured, t->header_us));
    if (t->header_us > 0 && measured < t->header_us - tolerance)
        rc = warn(media, "The file is cut off or damaged: %s of the %s it should last are there.",
                  there, claimed);
    else if (t->header_us > 0 && measured > t->header_us + tolerance)
        rc = warn(media, "The header claims a length of %s, but the movie lasts %s.", claimed,
                  there);
    bool uneven = t->audio_end_us != INT64_MIN &&
                  llabs(t->audio_end_us - t->video_end_us) > 10 * MD_SECOND_US;
    if (rc == MD_OK && uneven) {
        md_format_time(there, t->video_end_us);
        md_format_time(claimed, t->audio_end_us);
        rc = warn(media, "The picture ends at %s, the sound at %s.", there, claimed);
    }
    if (rc == MD_OK && t->jumps > 0)
        rc = warn(media, "The time stamps jump %lld times; times after a jump may be wrong.",
                  (long long)t->jumps);
    return rc;
}

static int apply_timing(struct md_media *media, struct md_stream *video,
                        const struct md_probe_timing *t, struct md_failure *failure)
{
    if (t->video_end_us >= MD_TIME_MAX_US || t->zero_us >= MD_TIME_MAX_US ||
        t->zero_us <= -MD_TIME_MAX_US)
        return md_fail(failure, MD_ERR_INPUT, "%s is damaged: its time stamps span years",
                       media->name);
    media->clock_zero_us = t->zero_us;
    media->duration_us = t->video_end_us;
    media->frame_count = t->frame_count;
    int64_t measured = MD_MAX(t->video_end_us, t->audio_end_us);
    media->time_jumps = t->jumps;
    media->duration_estimated =
        t->header_us == 0 ||
        llabs(measured - t->header_us) > header_tolerance_us(MD_MAX(measured, t->header_us));
    if (t->fps_num > 0) {
        video->fps_num = t->fps_num;
        video->fps_den = t->fps_den;
    }
    video->variable_frame_rate = t->variable_frame_rate;
    video->interlaced |= t->interlaced;
    return MD_OK;
}

static int probe(struct md_media *media, const char *path, struct md_input *input,
                 const struct md_options *options, struct md_failure *failure)
{
    if (describe_file(media, input) < 0)
        return no_memory(input, failure);
    int rc = set_uri(media, path, failure);
    if (rc == MD_OK)
        rc = choose_video(media, input, failure);
    if (rc == MD_OK)
        rc = choose_audio(media, options, failure);
    if (rc < 0)
        return rc;
    struct md_probe_timing timing;
    struct md_stream *video = find_stream(media, media->video_stream);
    rc = md_probe_time(input, video, media->audio_stream, MD_PROBE_SCAN_BYTES, &timing, failure);
    if (rc == MD_OK)
        rc = apply_timing(media, video, &timing, failure);
    if (rc < 0)
        return rc;
    if (read_chapters(media, input) < 0 || warn_about_time(media, &timing) < 0)
        return no_memory(input, failure);
    return MD_OK;
}

static int run(const struct md_stage_env *env, const struct md_artifacts *in, void *ret_artifact)
{
    struct md_media *media = ret_artifact;
    media->video_stream = media->audio_stream = -1;
    md_autoinput input = NULL;
    int rc = md_input_open(env->movie_path, env->cancelled, env->user, &input, env->failure);
    if (rc < 0)
        return rc;
    rc = probe(media, env->movie_path, input, env->options, env->failure);
    if (rc == MD_OK)
        md_stage_progress(env, media->duration_us, media->duration_us);
    return rc;
}

const struct md_stage_ops md_stage_ops_probe = {
    .stage = MD_STAGE_PROBE,
    .revision = 2,
    .run = run,
};
