/* digest.json: what a program wants to know of a digest, in one file with a schema of its own, so
 * that the artifacts may change without breaking whoever reads this.
 */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/utf8.h"
#include "render/outputs_private.h"

/* Raise when a reader of the old form would go wrong; adding members is not such a change. */
enum { VERSION = 1, REAL_DIGITS = 6 };

/* Artifacts hold UTF-8 only; what does not becomes U+FFFD rather than an error. */
static json_t *text(const char *s)
{
    if (!s)
        return json_null();
    json_t *json = json_string(s);
    if (json)
        return json;
    size_t n = strlen(s), size = n * 3 + 1;
    md_autofree char *clean = malloc(size);
    if (!clean)
        return NULL;
    md_utf8_sanitize(clean, size, s, n);
    return json_string(clean);
}

static double finite_or(double value, double otherwise)
{
    return isfinite(value) ? value : otherwise;
}

static json_t *texts(const struct md_strings *strings)
{
    json_t *array = json_array();
    for (size_t i = 0; array && i < strings->n; i++)
        json_array_append_new(array, text(strings->v[i]));
    return array;
}

static json_t *video_json(const struct md_outputs *o)
{
    const struct md_stream *v = o->video;
    static const char *const hdr[] = {"none", "pq", "hlg", "dolby-vision"};
    if (!v)
        return json_null();
    return json_pack("{s:o, s:I, s:I, s:I, s:I, s:I, s:b, s:b, s:I, s:s}", "codec", text(v->codec),
                     "width", o->shots->width ? o->shots->width : v->width, "height",
                     o->shots->height ? o->shots->height : v->height, "fps_num", v->fps_num,
                     "fps_den", v->fps_den, "bit_depth", v->bit_depth, "variable_frame_rate",
                     v->variable_frame_rate, "interlaced", v->interlaced, "rotation", v->rotation,
                     "hdr", hdr[MD_CLAMP(v->hdr, 0, 3)]);
}

static json_t *audio_json(const struct md_outputs *o)
{
    const struct md_stream *a = o->sound;
    if (!a)
        return json_null();
    return json_pack("{s:o, s:o, s:I, s:I, s:f, s:f, s:f}", "codec", text(a->codec), "language",
                     text(a->language), "sample_rate", a->sample_rate, "channels", a->channels,
                     "integrated_lufs", finite_or(o->audio->integrated_lufs, -70), "range_lu",
                     finite_or(o->audio->range_lu, 0), "true_peak_dbtp",
                     finite_or(o->audio->true_peak_dbtp, -70));
}

static json_t *movie_json(const struct md_outputs *o)
{
    const struct md_media *m = o->media;
    return json_pack("{s:o, s:o, s:o, s:o, s:I, s:I, s:o, s:o}", "title", text(o->title), "name",
                     text(m->name), "uri", text(m->uri), "container", text(m->container),
                     "size_bytes", m->size_bytes, "duration_us", m->duration_us, "video",
                     video_json(o), "audio", audio_json(o));
}

static json_t *digest_json(const struct md_outputs *o)
{
    const struct md_render *r = o->render;
    return json_pack("{s:o, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:f}", "file", text(r->video),
                     "duration_us", r->duration_us, "selected_us", o->cut->total_us, "target_us",
                     o->cut->target_us, "strategy", text(o->cut->strategy), "note",
                     text(o->cut->note), "video_encoding", text(r->video_encoding),
                     "audio_encoding", text(r->audio_encoding), "loudness_lufs",
                     finite_or(r->loudness_lufs, -70));
}

static json_t *pieces_json(const struct md_outputs *o)
{
    static const struct md_strings none = {0};
    json_t *array = json_array();
    for (size_t i = 0; array && i < o->piece_count; i++) {
        struct md_output_piece at = o->pieces[i];
        json_array_append_new(
            array, json_pack("{s:I, s:I, s:I, s:o, s:I, s:I, s:I, s:f, s:o}", "start_us",
                             at.start_us, "end_us", at.end_us, "digest_start_us", at.digest_us,
                             "act", at.piece ? text(md_act_names[at.piece->act]) : json_null(),
                             "segment", at.piece ? at.piece->segment : (int64_t)-1, "first_shot",
                             at.piece ? at.piece->first_shot : (int64_t)-1, "shot_count",
                             at.piece ? at.piece->shot_count : (int64_t)0, "score",
                             at.piece ? (double)at.piece->score : 0.0, "reasons",
                             texts(at.piece ? &at.piece->reasons : &none)));
    }
    return array;
}

static json_t *acts_json(const struct md_story *story)
{
    json_t *array = json_array();
    for (size_t i = 0; array && i < story->acts.n; i++) {
        const struct md_act_range *a = &story->acts.v[i];
        json_array_append_new(array, json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:o}", "act",
                                               md_act_names[a->act], "title", md_act_titles[a->act],
                                               "start_us", a->start_us, "end_us", a->end_us,
                                               "first_segment", a->first_segment, "segment_count",
                                               a->segment_count, "summary", text(a->summary)));
    }
    return array;
}

static json_t *segments_json(const struct md_story *story)
{
    json_t *array = json_array();
    for (size_t i = 0; array && i < story->segments.n; i++) {
        const struct md_segment *s = &story->segments.v[i];
        json_array_append_new(array,
                              json_pack("{s:I, s:I, s:I, s:I, s:s, s:o, s:o, s:o, s:f, s:f, s:f}",
                                        "start_us", s->start_us, "end_us", s->end_us, "first_shot",
                                        s->first_shot, "shot_count", s->shot_count, "act",
                                        md_act_names[s->act], "title", text(s->title), "summary",
                                        text(s->summary), "keywords", texts(&s->keywords),
                                        "importance", (double)s->importance, "audio_visual",
                                        (double)s->audio_visual, "emotion", (double)s->emotion));
    }
    return array;
}

static json_t *characters_json(const struct md_story *story)
{
    json_t *array = json_array();
    for (size_t i = 0; array && i < story->characters.n; i++) {
        const struct md_character *c = &story->characters.v[i];
        json_array_append_new(
            array, json_pack("{s:o, s:o*, s:I, s:I, s:I, s:I}", "name", text(c->name), "role",
                             c->role ? text(c->role) : NULL, "mentions", c->mentions, "lines",
                             c->lines, "first_us", c->first_us, "last_us", c->last_us));
    }
    return array;
}

static json_t *moments_json(const struct md_story *story)
{
    json_t *array = json_array();
    for (size_t i = 0; array && i < story->key_moments.n; i++) {
        const struct md_key_moment *m = &story->key_moments.v[i];
        json_array_append_new(
            array, json_pack("{s:I, s:I, s:I, s:f, s:o, s:o, s:o}", "time_us", m->time_us, "end_us",
                             m->end_us, "segment", m->segment, "score", (double)m->score, "kind",
                             text(m->kind), "reason", text(m->reason), "quote", text(m->quote)));
    }
    return array;
}

/* What the words depend on; how many prompts were at work at once they do not. */
static json_t *told_by_json(const struct md_story *story)
{
    if (story->told_by.n == 0)
        return json_null();
    const struct md_teller *t = &story->told_by.v[0];
    return json_pack("{s:o, s:o, s:I, s:o, s:I, s:I}", "name", text(t->name), "device",
                     text(t->device), "context", t->context, "cache", text(t->cache), "layers",
                     t->layers, "gpu_layers", t->gpu_layers);
}

static json_t *story_json(const struct md_outputs *o)
{
    const struct md_story *s = o->story;
    return json_pack("{s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o}", "method", text(s->method),
                     "told_by", told_by_json(s), "has_words", s->has_words, "synopsis",
                     text(s->synopsis), "keywords", texts(&s->keywords), "acts", acts_json(s),
                     "segments", segments_json(s), "characters", characters_json(s), "key_moments",
                     moments_json(s));
}

static json_t *shots_json(const struct md_outputs *o)
{
    int64_t counts[MD_TRANSITION_WIPE + 1] = {0};
    for (size_t i = 0; i < o->shots->shots.n; i++)
        counts[MD_CLAMP(o->shots->shots.v[i].transition, 0, MD_TRANSITION_WIPE)]++;
    json_t *transitions = json_object(), *credits = json_array();
    for (int i = MD_TRANSITION_CUT; transitions && i <= MD_TRANSITION_WIPE; i++)
        json_object_set_new(transitions, md_transition_names[i], json_integer(counts[i]));
    for (size_t i = 0; credits && i < o->shots->credits.n; i++) {
        const struct md_credits *c = &o->shots->credits.v[i];
        json_array_append_new(credits, json_pack("{s:I, s:I, s:b}", "start_us", c->start_us,
                                                 "end_us", c->end_us, "rolling", c->rolling));
    }
    return json_pack("{s:o, s:I, s:I, s:o, s:o}", "detector", text(o->shots->detector), "count",
                     (json_int_t)o->shots->shots.n, "frames", o->shots->frame_count, "transitions",
                     transitions, "credits", credits);
}

static json_t *transcript_json(const struct md_outputs *o)
{
    return json_pack(
        "{s:s, s:o, s:o, s:o, s:I}", "source", md_transcript_source_names[o->transcript->source],
        "origin", text(o->transcript->origin), "heard_on", text(o->transcript->heard_on),
        "language", text(o->transcript->language), "cues", (json_int_t)o->transcript->cues.n);
}

static json_t *warnings_json(const struct md_outputs *o)
{
    const struct {
        const char *stage;
        const struct md_strings *list;
    } all[] = {{"probe", &o->media->warnings}, {"shots", &o->shots->warnings},
               {"audio", &o->audio->warnings}, {"transcript", &o->transcript->warnings},
               {"story", &o->story->warnings}, {"render", &o->render->warnings}};
    json_t *array = json_array();
    for (size_t i = 0; array && i < MD_ARRAY_LEN(all); i++)
        for (size_t k = 0; k < all[i].list->n; k++)
            json_array_append_new(array, json_pack("{s:s, s:o}", "stage", all[i].stage, "message",
                                                   text(all[i].list->v[k])));
    return array;
}

int md_output_json(struct md_str *out, const struct md_outputs *o)
{
    json_t *json =
        json_pack("{s:s, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "schema", "moviedigest.digest",
                  "version", VERSION, "movie", movie_json(o), "digest", digest_json(o), "pieces",
                  pieces_json(o), "story", story_json(o), "shots", shots_json(o), "transcript",
                  transcript_json(o), "warnings", warnings_json(o));
    md_autofree char *dump =
        json ? json_dumps(json, JSON_INDENT(1) | JSON_REAL_PRECISION(REAL_DIGITS)) : NULL;
    json_decref(json);
    if (!dump)
        return MD_ERR_NOMEM;
    md_str_append(out, dump);
    md_str_append_char(out, '\n');
    return MD_OK;
}
