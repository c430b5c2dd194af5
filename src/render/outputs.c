/* The table of files, and what their writers share. Every file is built in memory (a report of some
 * megabytes is the largest) and written atomically, so that a full disk leaves whole files only.
 */
#include "render/outputs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "render/outputs_private.h"
#include "render/retime.h"

static bool always(const struct md_outputs *o)
{
    return true;
}

static bool has_words(const struct md_outputs *o)
{
    return o->transcript->cues.n > 0;
}

static bool has_pieces(const struct md_outputs *o)
{
    return o->piece_count > 0;
}

/* Report last: it lists the others. */
static const struct {
    const char *name;
    md_output_writer *write;
    bool (*applies)(const struct md_outputs *o);
} files[] = {
    {"digest.srt", md_output_digest_srt, has_words},
    {"digest.vtt", md_output_digest_vtt, has_words},
    {"movie.srt", md_output_movie_srt, has_words},
    {"movie.vtt", md_output_movie_vtt, has_words},
    {"bookmarks.xspf", md_output_xspf, always},
    {"chapters.ffmeta", md_output_ffmeta, always},
    {"cut.edl", md_output_cmx, has_pieces},
    {"cut.mpv.edl", md_output_mpv_edl, has_pieces},
    {"scenes.csv", md_output_csv, always},
    {"digest.md", md_output_markdown, always},
    {"digest.json", md_output_json, always},
    {"report.html", md_output_report, always},
};

/* The renderer may have moved a piece to frame boundaries or left out one that has no frames: the
 * choice behind a rendered piece is the one it overlaps most. */
static const struct md_piece *choice_of(const struct md_outputs *o, int64_t start_us,
                                        int64_t end_us)
{
    const struct md_piece *best = NULL;
    int64_t most = 0;
    for (size_t i = 0; i < o->cut->pieces.n; i++) {
        const struct md_piece *piece = &o->cut->pieces.v[i];
        int64_t common = MD_MIN(end_us, piece->end_us) - MD_MAX(start_us, piece->start_us);
        if (common > most) {
            most = common;
            best = piece;
        }
    }
    return best;
}

/* As rendered; as chosen where nothing could be rendered. */
static int fill_pieces(struct md_outputs *o)
{
    int64_t digest_us = 0;
    size_t n = o->render->pieces.n ? o->render->pieces.n : o->cut->pieces.n;
    o->pieces = calloc(n + 1, sizeof *o->pieces);
    if (!o->pieces)
        return MD_ERR_NOMEM;
    o->piece_count = n;
    for (size_t i = 0; i < n; i++) {
        if (o->render->pieces.n) {
            const struct md_rendered_piece *r = &o->render->pieces.v[i];
            o->pieces[i] =
                (struct md_output_piece){r->source_start_us, r->source_end_us, r->digest_start_us,
                                         choice_of(o, r->source_start_us, r->source_end_us)};
        } else {
            const struct md_piece *piece = &o->cut->pieces.v[i];
            o->pieces[i] =
                (struct md_output_piece){piece->start_us, piece->end_us, digest_us, piece};
            digest_us += piece->end_us - piece->start_us;
        }
    }
    return MD_OK;
}

const struct md_segment *md_outputs_segment_at(const struct md_outputs *o, int64_t us)
{
    size_t lo = 0, hi = o->story->segments.n; /* the last that starts at or before us */
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (o->story->segments.v[mid].start_us <= us)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo == 0 || o->story->segments.v[lo - 1].end_us <= us)
        return NULL;
    return &o->story->segments.v[lo - 1];
}

int64_t md_outputs_shot_at(const struct md_outputs *o, int64_t us)
{
    size_t lo = 0, hi = o->shots->shots.n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (o->shots->shots.v[mid].start_us <= us)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo > 0 ? (int64_t)lo - 1 : hi > 0 ? 0 : -1;
}

/* The file's own title, else its name without the extension; where dots or underscores stand for
 * blanks, blanks. */
static char *choose_title(const struct md_media *media)
{
    if (media->title && *media->title)
        return strdup(media->title);
    const char *name = media->name && *media->name ? media->name : "Movie";
    const char *dot = strrchr(name, '.');
    char *title = dot && dot > name ? strndup(name, (size_t)(dot - name)) : strdup(name);
    bool has_blanks = title && strchr(title, ' ');
    for (char *p = title; p && *p && !has_blanks; p++)
        if (*p == '_' || *p == '.')
            *p = ' ';
    return title;
}

static int remove_old(const char *path, struct md_failure *failure)
{
    if (unlink(path) < 0 && errno != ENOENT)
        return md_fail_errno(failure, errno, "cannot remove the old %s", path);
    return MD_OK;
}

static int write_one(const struct md_outputs *o, size_t i)
{
    struct md_failure *failure = o->env->failure;
    md_autofree char *path = md_path_join(o->env->out_dir, files[i].name);
    md_autostr text = {0};
    if (!path)
        return md_fail(failure, MD_ERR_NOMEM, "out of memory writing %s", files[i].name);
    if (!files[i].applies(o))
        return remove_old(path, failure);
    int r = files[i].write(&text, o);
    if (r == MD_OK && md_str_failed(&text))
        r = MD_ERR_NOMEM;
    if (r == MD_ERR_CANCELLED)
        return md_fail(failure, r, "cancelled");
    if (r < 0)
        return md_fail(failure, r, "cannot write %s: %s", path, md_error_text(r));
    return md_file_write_atomic(path, md_str_text(&text), text.n, failure);
}

int md_outputs_write(const struct md_stage_env *env, const struct md_artifacts *in,
                     const struct md_render *render)
{
    static const struct md_transcript silence = {0};
    struct md_outputs o = {.env = env,
                           .media = in->media,
                           .shots = in->shots,
                           .audio = in->audio,
                           .transcript = in->transcript ? in->transcript : &silence,
                           .story = in->story,
                           .cut = in->cut,
                           .render = render};
    o.video = md_media_stream(o.media, o.media->video_stream);
    o.sound = md_media_stream(o.media, o.media->audio_stream);
    o.title = choose_title(o.media);
    int r = o.title ? fill_pieces(&o) : MD_ERR_NOMEM;
    if (r == MD_OK)
        r = md_retime_cues(o.transcript, &render->pieces, &o.digest_cues);
    if (r < 0)
        md_fail(env->failure, r, "out of memory writing the digest's files");
    for (size_t i = 0; r == MD_OK && i < MD_ARRAY_LEN(files); i++)
        r = md_stage_cancelled(env) ? md_fail(env->failure, MD_ERR_CANCELLED, "cancelled")
                                    : write_one(&o, i);
    md_cues_done(&o.digest_cues);
    free(o.title);
    free(o.pieces);
    return r;
}

bool md_outputs_present(const char *out_dir)
{
    for (size_t i = 0; i < MD_ARRAY_LEN(files); i++) {
        if (files[i].applies != always)
            continue;
        md_autofree char *path = md_path_join(out_dir, files[i].name);
        if (!path || access(path, F_OK) < 0)
            return false;
    }
    return true;
}
