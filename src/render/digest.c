/* One pass over the pieces, copying pictures where that is possible (smart_track.c), else encoding
 * them all (picture_track.c). The picture leads: it decides where a piece really begins and ends,
 * the sound follows it sample by sample, and both go into the file side by side, so memory does not
 * depend on the length of movie or digest. */
#include "render/digest.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/str.h"
#include "model/cut.h"
#include "model/media.h"
#include "model/shots.h"
#include "model/story.h"
#include "render/meter.h"
#include "render/mux.h"
#include "render/picture_track.h"
#include "render/retime.h"
#include "render/smart_track.h"
#include "render/sound_track.h"

struct digest {
    const struct md_stage_env *env;
    const struct md_artifacts *in;
    const char *path;
    struct md_render *render;
    struct md_smart_track *smart;     /* NULL: nothing is copied */
    struct md_picture_track *picture; /* NULL: no picture, or smart */
    bool copies;                      /* pictures are to be copied, if they can be */
    char *why_encoded;                /* a clause; NULL: nobody asked */
    struct md_sound_track *sound;     /* NULL: no sound */
    struct md_mux *mux;
    AVRational time_base;  /* of the digest's clock */
    struct md_ints origin; /* per rendered piece: its index in the cut */
    int64_t total_us;      /* about, for progress */
    struct md_look look;
};

int md_render_warn(struct md_render *render, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    char *copy = strdup(text);
    if (!copy || md_vec_push(&render->warnings, copy) < 0) {
        free(copy);
        return MD_ERR_NOMEM;
    }
    return MD_OK;
}

static int fail_nomem(const struct digest *d)
{
    return md_fail(d->env->failure, MD_ERR_NOMEM, "out of memory while rendering");
}

static const struct md_stream *stream_of(const struct digest *d, int64_t index)
{
    return md_media_stream(d->in->media, index);
}

/* ---- the file ---- */

/* Asks whether to stop, because encoders deliver what they hold back in long runs. */
static int write_picture(void *user, AVPacket *packet, struct md_failure *failure)
{
    struct digest *d = user;
    if (md_stage_cancelled(d->env))
        return md_fail(failure, MD_ERR_CANCELLED, "cancelled");
    return md_mux_write(d->mux, MD_MUX_VIDEO, packet, failure);
}

static int write_sound(void *user, AVPacket *packet, struct md_failure *failure)
{
    struct digest *d = user;
    return md_mux_write(d->mux, MD_MUX_SOUND, packet, failure);
}

static char *make_title(const struct md_media *media)
{
    md_autostr title = {0};
    const char *name = media->title && *media->title ? media->title : media->name;
    const char *dot = name == media->name && name ? strrchr(name, '.') : NULL;
    size_t n = !name ? 0 : dot && dot != name ? (size_t)(dot - name) : strlen(name);
    md_str_append_n(&title, name ? name : "", n);
    md_str_append(&title, n ? " (digest)" : "Digest");
    return md_str_take(&title);
}

static bool has_cues(const struct digest *d)
{
    return d->in->transcript && d->in->transcript->cues.n > 0;
}

static bool has_picture(const struct digest *d)
{
    return d->smart || d->picture;
}

static void describe_picture(const struct digest *d, const struct md_encoder *encoder,
                             const char *language, struct md_mux_params *params)
{
    if (d->smart) {
        const AVStream *stream = md_smart_track_stream(d->smart);
        params->video = (struct md_mux_track){md_smart_track_parameters(d->smart),
                                              md_smart_track_time_base(d->smart), language};
        params->hdr_of = stream;
        params->display_matrix = md_picture_matrix(stream);
    } else if (encoder) {
        params->video = (struct md_mux_track){md_encoder_parameters(encoder),
                                              md_encoder_time_base(encoder), language};
        params->display_matrix = md_picture_track_matrix(d->picture);
    }
}

static int open_mux(struct digest *d, const struct md_encoder *picture)
{
    const struct md_media *media = d->in->media;
    const struct md_stream *video = stream_of(d, media->video_stream);
    const struct md_stream *audio = stream_of(d, media->audio_stream);
    md_autofree char *title = make_title(media);
    if (!title)
        return fail_nomem(d);
    struct md_mux_params params = {
        .path = d->path,
        .title = title,
        .has_subtitles = has_cues(d),
        .subtitle_language = has_cues(d) ? d->in->transcript->language : NULL,
        .cancelled = d->env->cancelled,
        .user = d->env->user,
    };
    describe_picture(d, picture, video ? video->language : NULL, &params);
    if (d->sound) {
        const struct md_encoder *sound = md_sound_track_encoder(d->sound);
        params.sound =
            (struct md_mux_track){md_encoder_parameters(sound), md_encoder_time_base(sound),
                                  audio ? audio->language : NULL};
    }
    return md_mux_new(&params, &d->mux, d->env->failure);
}

static int picture_opened(void *user, const struct md_look *look, const struct md_encoder *encoder)
{
    struct digest *d = user;
    d->look = *look;
    if (look->tone_map_lacks &&
        md_render_warn(d->render, "The picture is HDR and this FFmpeg lacks zscale or tonemap: it "
                                  "was kept as HDR in 8 bits and may show bands.") < 0)
        return fail_nomem(d);
    return open_mux(d, encoder);
}

/* ---- pieces ---- */

static int64_t to_samples(const struct digest *d, int64_t ticks)
{
    return av_rescale_q(ticks, d->time_base, (AVRational){1, MD_SOUND_RATE});
}

static int64_t to_us(const struct digest *d, int64_t ticks)
{
    return av_rescale_q(ticks, d->time_base, (AVRational){1, 1000000});
}

static int reached(void *user, int64_t ticks)
{
    struct digest *d = user;
    md_stage_progress(d->env, MD_MIN(to_us(d, ticks), d->total_us), d->total_us);
    if (md_stage_cancelled(d->env))
        return md_fail(d->env->failure, MD_ERR_CANCELLED, "cancelled");
    return d->sound ? md_sound_track_reach(d->sound, to_samples(d, ticks)) : MD_OK;
}

static int record(struct digest *d, size_t index, const struct md_picture_piece *piece)
{
    struct md_rendered_piece rendered = {
        .source_start_us = piece->start_us,
        .source_end_us = piece->end_us,
        .digest_start_us = to_us(d, piece->start),
        .video_frames = has_picture(d) ? piece->frames : 0,
    };
    if (d->smart) {
        struct md_smart_share share = md_smart_track_share(d->smart);
        rendered.copy_start_us = share.copy_start_us;
        rendered.copy_end_us = share.copy_end_us;
        rendered.copied_frames = share.copied_frames;
    }
    if (md_vec_push(&d->render->pieces, rendered) < 0 ||
        md_vec_push(&d->origin, (int64_t)index) < 0)
        return fail_nomem(d);
    d->render->duration_us = to_us(d, piece->end);
    return MD_OK;
}

/* Does piece i of the cut go on where the piece rendered before it ended? */
static bool follows(const struct digest *d, size_t i)
{
    const struct md_piece_vec *pieces = &d->in->cut->pieces;
    return i > 0 && d->origin.n > 0 && d->origin.v[d->origin.n - 1] == (int64_t)i - 1 &&
           pieces->v[i].start_us == pieces->v[i - 1].end_us;
}

static bool goes_on(const struct digest *d, size_t i)
{
    const struct md_piece_vec *pieces = &d->in->cut->pieces;
    return i + 1 < pieces->n && pieces->v[i + 1].start_us == pieces->v[i].end_us;
}

static int warn_lost(struct digest *d, const struct md_piece *piece)
{
    char from[24], to[24];
    md_format_time(from, piece->start_us);
    md_format_time(to, piece->end_us);
    return md_render_warn(d->render,
                          "No picture could be decoded between %s and %s: this piece was left out.",
                          from, to) < 0
               ? fail_nomem(d)
               : MD_OK;
}

/* Without a picture the digest's clock counts microseconds and a piece is what was asked for. */
static struct md_picture_piece sound_piece(const struct digest *d, const struct md_piece *wanted)
{
    int64_t start = d->render->duration_us;
    return (struct md_picture_piece){
        .start_us = wanted->start_us,
        .end_us = wanted->end_us,
        .start = start,
        .end = start + wanted->end_us - wanted->start_us,
        .frames = 1,
    };
}

static int render_sound_alone(struct digest *d, const struct md_picture_piece *piece)
{
    const int64_t step_us = 100000;
    int rc = MD_OK;
    for (int64_t t = piece->start; rc == MD_OK && t < piece->end; t += step_us)
        rc = reached(d, t);
    return rc;
}

static int begin_piece(struct digest *d, size_t i, bool joined, struct md_picture_piece *piece)
{
    if (d->smart)
        return md_smart_track_begin(d->smart, i, piece);
    return d->picture ? md_picture_track_begin(d->picture, &d->in->cut->pieces.v[i], joined, piece)
                      : MD_OK;
}

static int render_pictures(struct digest *d, struct md_picture_piece *piece)
{
    if (d->smart)
        return md_smart_track_render(d->smart, piece);
    return d->picture ? md_picture_track_render(d->picture, piece) : render_sound_alone(d, piece);
}

static int render_piece(struct digest *d, size_t i)
{
    const struct md_piece *wanted = &d->in->cut->pieces.v[i];
    bool joined = follows(d, i);
    struct md_picture_piece piece = sound_piece(d, wanted);
    int rc = begin_piece(d, i, joined, &piece);
    if (rc < 0)
        return rc;
    if (piece.frames == 0)
        return warn_lost(d, wanted);
    int64_t offset_us = d->picture ? md_picture_track_stamp_offset_us(d->picture) : 0;
    if (d->sound)
        rc = md_sound_track_begin(d->sound, i, piece.start_us, offset_us, joined);
    if (rc == MD_OK)
        rc = render_pictures(d, &piece);
    if (rc == MD_OK && d->sound)
        rc = md_sound_track_end(d->sound, to_samples(d, piece.end), goes_on(d, i));
    return rc < 0 ? rc : record(d, i, &piece);
}

/* ---- beginning and end ---- */

/* Does the digest show the movie's pictures as they are? NULL, or a clause that says why not. */
static const char *changes_picture(const struct digest *d)
{
    const struct md_options *options = d->env->options;
    const struct md_stream *s = stream_of(d, d->in->media->video_stream);
    if (options->render == MD_RENDER_SMART || !s)
        return NULL;
    struct md_geometry geometry =
        md_geometry_fit((int)s->width, (int)s->height, (int)s->sar_num, (int)s->sar_den,
                        (int)s->rotation, options->max_height);
    if (geometry.scales)
        return "it is scaled down";
    if (s->hdr != MD_HDR_NONE)
        return "it is HDR";
    if (s->codec && strcmp(s->codec, "h264") == 0 && s->bit_depth > 8)
        return "few players show H.264 in more than 8 bits";
    return NULL;
}

static int open_smart(struct digest *d)
{
    const char *why = changes_picture(d);
    /* What a decoder hides for us a player may stumble over. */
    if (!why && d->in->shots && d->in->shots->damaged_frames > 0)
        why = "it is damaged";
    struct md_smart_track_params params = {
        .env = d->env,
        .media = d->in->media,
        .pieces = &d->in->cut->pieces,
        .sink = {write_picture, d},
        .reached = reached,
        .user = d,
    };
    int rc = why ? md_fail(d->env->failure, MD_ERR_UNSUPPORTED, "%s", why)
                 : md_smart_track_new(&params, &d->smart);
    if (rc == MD_OK)
        d->time_base = md_smart_track_time_base(d->smart);
    return rc;
}

/* What is said where pictures could not be copied, or must not be. */
static int note_encoded(struct digest *d)
{
    free(d->why_encoded);
    d->why_encoded = strdup(d->env->failure->message);
    if (!d->why_encoded)
        return fail_nomem(d);
    md_log(d->env->log, MD_LOG_INFO, "render", "the picture is encoded anew: %s", d->why_encoded);
    return MD_OK;
}

static int open_picture(struct digest *d)
{
    d->time_base = (AVRational){1, 1000000};
    if (d->in->media->video_stream < 0)
        return MD_OK;
    if (d->copies) {
        int opened = open_smart(d);
        if (opened != MD_ERR_UNSUPPORTED)
            return opened;
        opened = note_encoded(d);
        if (opened < 0)
            return opened;
    }
    struct md_picture_track_params params = {
        .env = d->env,
        .media = d->in->media,
        .sink = {write_picture, d},
        .opened = picture_opened,
        .reached = reached,
        .user = d,
    };
    int rc = md_picture_track_new(&params, &d->picture);
    if (rc == MD_OK)
        d->time_base = md_picture_track_time_base(d->picture);
    return rc;
}

/* A movie whose sound cannot be decoded still gives a digest, a silent one. */
static int open_sound(struct digest *d)
{
    const struct md_options *options = d->env->options;
    if (d->in->media->audio_stream < 0)
        return MD_OK;
    int rc = md_sound_track_new(d->env, d->in->media, (struct md_packet_sink){write_sound, d},
                                &d->sound);
    if ((rc == MD_ERR_UNSUPPORTED || rc == MD_ERR_INPUT) && has_picture(d))
        return md_render_warn(d->render, "The digest has no sound: %s.", d->env->failure->message) <
                       0
                   ? fail_nomem(d)
                   : MD_OK;
    if (rc == MD_OK && options->loudness_lufs != 0)
        rc = md_sound_track_level(d->sound, &d->in->cut->pieces, options->loudness_lufs);
    return rc;
}

/* A chapter for each run of pieces out of the same segment of the story. */
static int make_chapters(const struct digest *d, struct md_chapters *chapters)
{
    const struct md_piece_vec *cut = &d->in->cut->pieces;
    const struct md_story *story = d->in->story;
    int64_t segment = INT64_MIN;
    for (size_t i = 0; i < d->render->pieces.n; i++) {
        const struct md_piece *piece = &cut->v[d->origin.v[i]];
        int64_t start_us = d->render->pieces.v[i].digest_start_us;
        if (chapters->n && piece->segment == segment)
            continue;
        segment = piece->segment;
        if (chapters->n)
            chapters->v[chapters->n - 1].end_us = start_us;
        bool known = story && segment >= 0 && (uint64_t)segment < story->segments.n;
        struct md_chapter chapter = {.start_us = start_us, .end_us = d->render->duration_us};
        if (known && story->segments.v[segment].title)
            chapter.title = strdup(story->segments.v[segment].title);
        else if (asprintf(&chapter.title, "Part %zu", chapters->n + 1) < 0)
            chapter.title = NULL;
        if (!chapter.title || md_vec_push(chapters, chapter) < 0) {
            free(chapter.title);
            return fail_nomem(d);
        }
    }
    return MD_OK;
}

static int finish_file(struct digest *d)
{
    struct md_cue_vec cues = {0}, flat = {0};
    struct md_chapters chapters = {0};
    int rc = make_chapters(d, &chapters);
    if (rc == MD_OK && has_cues(d) &&
        (md_retime_cues(d->in->transcript, &d->render->pieces, &cues) < 0 ||
         md_retime_flatten(&cues, &flat) < 0))
        rc = fail_nomem(d);
    if (rc == MD_OK)
        rc = md_mux_finish(d->mux, &flat, &chapters, d->env->failure);
    md_cues_done(&cues);
    md_cues_done(&flat);
    for (size_t i = 0; i < chapters.n; i++)
        free(chapters.v[i].title);
    md_vec_done(&chapters);
    return rc;
}

static int describe_smart(const struct digest *d, struct md_str *text)
{
    const AVCodecParameters *p = md_smart_track_parameters(d->smart);
    bool is_hevc = p->codec_id == AV_CODEC_ID_HEVC;
    struct md_edge_row row = md_edge_row(is_hevc, d->env->options->quality);
    int64_t frames = 0, copied = 0;
    for (size_t i = 0; i < d->render->pieces.n; i++) {
        frames += d->render->pieces.v[i].video_frames;
        copied += d->render->pieces.v[i].copied_frames;
    }
    int percent = (int)(100 * copied / MD_MAX(frames, 1));
    md_str_printf(text, "%s %dx%d, %d %% of the frames copied", is_hevc ? "HEVC" : "H.264",
                  p->width, p->height, percent);
    if (copied < frames)
        md_str_printf(text, ", the edges %s %s crf %d", is_hevc ? "x265" : "x264", row.preset,
                      row.crf);
    md_log(d->env->log, MD_LOG_INFO, "render", "%lld of %lld frames were copied", (long long)copied,
           (long long)frames);
    return MD_OK;
}

static int describe(struct digest *d)
{
    struct md_render *render = d->render;
    const struct md_quality_row *row = md_quality_row(d->env->options->quality);
    md_autostr text = {0};
    render->loudness_lufs = d->sound ? md_sound_track_loudness(d->sound) : MD_METER_NONE;
    if (d->smart) {
        describe_smart(d, &text);
        render->video_encoding = md_str_take(&text);
    } else if (d->picture) {
        md_str_printf(&text, "H.264 %dx%d, x264 %s crf %d%s%s", d->look.geometry.width,
                      d->look.geometry.height, row->preset, row->crf,
                      d->look.tone_map ? ", HDR brought to SDR" : "",
                      d->look.deinterlace ? ", deinterlaced" : "");
        if (d->why_encoded)
            md_str_printf(&text, "; not copied: %s", d->why_encoded);
        render->video_encoding = md_str_take(&text);
    }
    if (d->sound) {
        md_str_printf(&text, "AAC stereo 48 kHz %lld kbit/s",
                      (long long)(row->sound_bit_rate / 1000));
        render->audio_encoding = md_str_take(&text);
    }
    if ((has_picture(d) && !render->video_encoding) || (d->sound && !render->audio_encoding))
        return fail_nomem(d);
    return MD_OK;
}

static int run(struct digest *d)
{
    const struct md_piece_vec *pieces = &d->in->cut->pieces;
    for (size_t i = 0; i < pieces->n; i++)
        d->total_us += pieces->v[i].end_us - pieces->v[i].start_us;
    int rc = open_picture(d);
    if (rc == MD_OK)
        rc = open_sound(d);
    if (rc == MD_OK && !has_picture(d) && !d->sound)
        return md_fail(d->env->failure, MD_ERR_INPUT, "%s has neither picture nor sound",
                       d->in->media->name ? d->in->media->name : "the movie");
    if (rc == MD_OK && !d->picture) /* else it opens with the first picture */
        rc = open_mux(d, NULL);
    for (size_t i = 0; i < pieces->n && rc == MD_OK; i++)
        rc = render_piece(d, i);
    if (rc == MD_OK && d->render->pieces.n == 0)
        return md_fail(d->env->failure, MD_ERR_INPUT,
                       "nothing of the chosen pieces of %s can be decoded",
                       d->in->media->name ? d->in->media->name : "the movie");
    if (rc == MD_OK && d->smart)
        rc = md_smart_track_finish(d->smart);
    if (rc == MD_OK && d->picture)
        rc = md_picture_track_finish(d->picture);
    if (rc == MD_OK && d->sound)
        rc = md_sound_track_finish(d->sound);
    if (rc == MD_OK)
        rc = finish_file(d);
    return rc < 0 ? rc : describe(d);
}

static void close_all(struct digest *d)
{
    md_smart_track_free(d->smart);
    md_picture_track_free(d->picture);
    md_sound_track_free(d->sound);
    md_mux_free(d->mux);
    md_vec_done(&d->origin);
    d->smart = NULL;
    d->picture = NULL;
    d->sound = NULL;
    d->mux = NULL;
    d->total_us = 0;
}

/* Forgets what was rendered so far. */
static void forget(struct md_render *render)
{
    render->pieces.n = 0;
    render->duration_us = 0;
    for (size_t i = 0; i < render->warnings.n; i++)
        free(render->warnings.v[i]);
    render->warnings.n = 0;
}

int md_digest_render(const struct md_stage_env *env, const struct md_artifacts *in,
                     const char *path, struct md_render *render)
{
    struct digest d = {.env = env, .in = in, .path = path, .render = render};
    d.copies = env->options->render != MD_RENDER_ENCODE;
    int rc = run(&d);
    /* The stream was not what it seemed: once more, without relying on it. */
    if (rc == MD_ERR_UNSUPPORTED && d.smart) {
        d.copies = false;
        close_all(&d);
        forget(render);
        rc = note_encoded(&d);
        if (rc == MD_OK)
            rc = run(&d);
    }
    close_all(&d);
    free(d.why_encoded);
    return rc;
}
