/* report.html: one page that needs nothing but itself. Parts append their bodies, the page puts
 * them under headings and links; a part that appends nothing has no heading either.
 */
#include "render/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "model/language.h"
#include "render/outputs_text.h"
#include "render/poster.h"
#include "render/report_template.h"

/* Of all pictures together: a page that opens at once and fits into a mail. */
enum { MAX_IMAGE_BYTES = 10 * 1024 * 1024, POSTER_WIDTH = 960, BACKDROP_WIDTH = 48 };

char *md_report_range(char out[64], int64_t start_us, int64_t end_us)
{
    char a[24], b[24];
    snprintf(out, 64, "%s \xE2\x80\x93 %s", md_format_time(a, start_us), md_format_time(b, end_us));
    return out;
}

char *md_report_bytes(char out[32], int64_t bytes)
{
    double value = (double)bytes;
    if (bytes >= 1000000000)
        snprintf(out, 32, "%.2f GB", value / 1e9);
    else if (bytes >= 1000000)
        snprintf(out, 32, "%.0f MB", value / 1e6);
    else
        snprintf(out, 32, "%.0f kB", value / 1e3);
    return out;
}

int md_report_act_number(int act)
{
    return act >= 0 && act < MD_ACTS ? act + 1 : 0;
}

void md_report_meter(struct md_str *out, const char *name, double value)
{
    char percent[12], pixels[12];
    value = value >= 0 && value <= 1 ? value : value > 1 ? 1 : 0;
    snprintf(percent, sizeof percent, "%.0f", 100 * value);
    snprintf(pixels, sizeof pixels, "%.0f", 64 * value);
    md_report_put(out, "meter", {"name", name}, {"percent", percent}, {"pixels", pixels});
}

void md_report_picture(struct md_report *report, int64_t shot, int width,
                       struct md_report_picture *ret)
{
    int w = 0, h = 0;
    const struct md_shot_vec *shots = &report->o->shots->shots;
    *ret = (struct md_report_picture){.alt = ""};
    if (shot < 0 || (size_t)shot >= shots->n ||
        !md_report_images_append(report->images, shots->v[shot].key_image, width, &ret->uri, &w,
                                 &h))
        md_str_clear(&ret->uri);
    if (shot >= 0 && (size_t)shot < shots->n) {
        char time[24];
        snprintf(ret->alt, sizeof ret->alt, "Frame at %s",
                 md_format_time(time, shots->v[shot].key_us));
    }
    snprintf(ret->width, sizeof ret->width, "%d", w);
    snprintf(ret->height, sizeof ret->height, "%d", h);
}

int64_t md_report_chosen_us(const struct md_report *report, int64_t start_us, int64_t end_us)
{
    int64_t sum = 0;
    for (size_t i = 0; i < report->o->piece_count; i++) {
        const struct md_output_piece *at = &report->o->pieces[i];
        int64_t common = MD_MIN(at->end_us, end_us) - MD_MAX(at->start_us, start_us);
        sum += MD_MAX(common, 0);
    }
    return sum;
}

/* How well a shot stands for the movie: sharp, colourful, neither dark nor blown out; best when it
 * was chosen. Credits never do. */
static double poster_worth(const struct md_report *report, const struct md_shot *shot)
{
    if (shot->credits || !shot->key_image)
        return -1;
    double middle = 1 - 2 * (shot->luma > 0.45F ? shot->luma - 0.45F : 0.45F - shot->luma);
    double worth = 0.35 * (double)shot->sharpness + 0.3 * (double)shot->colorfulness +
                   0.2 * middle + 0.3 * (double)shot->contrast;
    return worth + (md_report_chosen_us(report, shot->key_us, shot->key_us + 1) > 0 ? 0.5 : 0);
}

static int64_t find_poster(const struct md_report *report)
{
    int64_t best = -1;
    double most = 0;
    for (size_t i = 0; i < report->o->shots->shots.n; i++) {
        double worth = poster_worth(report, &report->o->shots->shots.v[i]);
        if (worth > most) {
            most = worth;
            best = (int64_t)i;
        }
    }
    return best;
}

static void put_fact(struct md_str *out, const char *name, const char *value)
{
    md_autostr html = {0};
    if (!value || !*value)
        return;
    md_text_xml(&html, value);
    md_report_put(out, "fact", {"name", name}, {"value", md_str_text(&html)});
}

/* FFmpeg's short names as people write them. */
static const char *codec_name(const char *codec)
{
    static const char *const names[][2] = {
        {"h264", "H.264"},        {"hevc", "H.265 (HEVC)"}, {"av1", "AV1"},
        {"vp9", "VP9"},           {"vp8", "VP8"},           {"mpeg2video", "MPEG-2"},
        {"mpeg1video", "MPEG-1"}, {"mpeg4", "MPEG-4"},      {"prores", "ProRes"},
        {"dnxhd", "DNxHD"},       {"vc1", "VC-1"},          {"theora", "Theora"},
        {"aac", "AAC"},           {"ac3", "Dolby Digital"}, {"eac3", "Dolby Digital Plus"},
        {"dts", "DTS"},           {"truehd", "TrueHD"},     {"flac", "FLAC"},
        {"opus", "Opus"},         {"vorbis", "Vorbis"},     {"mp3", "MP3"}};
    for (size_t i = 0; codec && i < MD_ARRAY_LEN(names); i++)
        if (strcmp(codec, names[i][0]) == 0)
            return names[i][1];
    return codec ? codec : "unknown";
}

static void append_picture_facts(struct md_str *out, const struct md_outputs *o)
{
    static const char *const hdr[] = {NULL, "HDR (PQ)", "HDR (HLG)", "Dolby Vision"};
    const struct md_stream *v = o->video;
    char text[160];
    if (!v)
        return;
    snprintf(text, sizeof text, "%" PRId64 " \xC3\x97 %" PRId64,
             o->shots->width ? o->shots->width : v->width,
             o->shots->height ? o->shots->height : v->height);
    put_fact(out, "Picture", text);
    if (v->fps_num > 0 && v->fps_den > 0) {
        snprintf(text, sizeof text, "%.4g fps%s%s", (double)v->fps_num / (double)v->fps_den,
                 v->variable_frame_rate ? ", variable" : "", v->interlaced ? ", interlaced" : "");
        put_fact(out, "Frame rate", text);
    }
    snprintf(text, sizeof text, "%.40s%s%.40s%s", codec_name(v->codec), v->profile ? " " : "",
             v->profile ? v->profile : "",
             v->bit_depth > 8 ? v->bit_depth > 10 ? ", 12 bit" : ", 10 bit" : "");
    put_fact(out, "Video", text);
    put_fact(out, "Range", hdr[MD_CLAMP(v->hdr, 0, 3)]);
}

static void append_sound_facts(struct md_str *out, const struct md_outputs *o)
{
    char text[160];
    if (!o->sound) {
        put_fact(out, "Audio", "none");
        return;
    }
    snprintf(text, sizeof text, "%.40s, %.40s", codec_name(o->sound->codec),
             o->sound->channel_layout  ? o->sound->channel_layout
             : o->sound->channels == 1 ? "mono"
                                       : "several channels");
    put_fact(out, "Audio", text);
    const char *language = o->sound->language ? md_language_name(o->sound->language) : NULL;
    put_fact(out, "Language", language ? language : o->sound->language);
}

static void append_facts(struct md_str *out, const struct md_report *report)
{
    const struct md_outputs *o = report->o;
    char text[64];
    append_picture_facts(out, o);
    append_sound_facts(out, o);
    snprintf(text, sizeof text, "%zu", o->shots->shots.n);
    put_fact(out, "Shots", text);
    snprintf(text, sizeof text, "%zu", o->piece_count);
    put_fact(out, "Pieces chosen", text);
    put_fact(out, "File", o->media->name);
    if (o->media->size_bytes > 0)
        put_fact(out, "Size", md_report_bytes(text, o->media->size_bytes));
}

/* The poster that the render stage made, else the best key frame. */
static void get_poster(struct md_report *report, int width, struct md_report_picture *ret)
{
    int w = 0, h = 0;
    md_autofree char *path = md_path_join(report->o->env->out_dir, MD_POSTER_NAME);
    *ret = (struct md_report_picture){.alt = "A picture of the movie"};
    if (md_report_images_append_file(report->images, path, width, &ret->uri, &w, &h)) {
        snprintf(ret->width, sizeof ret->width, "%d", w);
        snprintf(ret->height, sizeof ret->height, "%d", h);
    } else {
        md_str_done(&ret->uri);
        md_report_picture(report, report->poster_shot, width, ret);
    }
}

void md_report_hero(struct md_str *out, struct md_report *report)
{
    const struct md_outputs *o = report->o;
    struct md_report_picture poster, backdrop;
    char movie[24], digest[24], share[32] = "";
    md_autostr facts = {0}, video = {0};
    get_poster(report, POSTER_WIDTH, &poster);
    get_poster(report, BACKDROP_WIDTH, &backdrop);
    append_facts(&facts, report);
    if (o->render->video)
        md_str_append_uri_path(&video, o->render->video);
    int64_t digest_us = o->render->video ? o->render->duration_us : o->cut->total_us;
    if (o->media->duration_us > 0)
        snprintf(share, sizeof share, "%.0f %% of the movie",
                 100 * (double)digest_us / (double)o->media->duration_us);
    bool has_picture = poster.uri.n > 0;
    md_report_put(out, "hero", {"backdrop", md_str_text(&backdrop.uri)}, {"title", o->title},
                  {"video", md_str_text(&video)}, {"poster", md_str_text(&poster.uri)},
                  {"still", video.n ? "" : md_str_text(&poster.uri)},
                  {"blank", video.n || has_picture ? "" : "yes"}, {"posteralt", poster.alt},
                  {"width", has_picture ? poster.width : "640"},
                  {"height", has_picture ? poster.height : "360"},
                  {"captions", o->digest_cues.n ? "yes" : ""},
                  {"language", o->transcript->language ? o->transcript->language : "und"},
                  {"movielength", md_format_time(movie, o->media->duration_us)},
                  {"digestlength", md_format_time(digest, digest_us)}, {"share", share},
                  {"facts", md_str_text(&facts)}, {"note", o->cut->note});
    out->failed |= md_str_failed(&facts) || md_str_failed(&video);
    md_str_done(&poster.uri);
    md_str_done(&backdrop.uri);
}

static void append_paragraphs(struct md_str *out, const char *text)
{
    enum { LONG_PARAGRAPH = 200 };
    bool first = true;
    while (text && *text) {
        const char *end = strstr(text, "\n\n");
        size_t n = end ? (size_t)(end - text) : strlen(text);
        md_autofree char *paragraph = strndup(text, n);
        if (!paragraph) {
            out->failed = true;
            return;
        }
        /* A large initial suits a letter and some lines behind it. */
        bool initial = first && n >= LONG_PARAGRAPH &&
                       ((*paragraph | 0x20) >= 'a' && (*paragraph | 0x20) <= 'z');
        if (strspn(paragraph, " \n") < n)
            md_report_put(out, "paragraph", {"class", initial ? "initial" : ""},
                          {"text", paragraph});
        first = false;
        text += n;
        text += strspn(text, "\n");
    }
}

static void append_aside(struct md_str *out, const struct md_story *story)
{
    enum { MAX_NAMES = 8, MAX_WORDS = 14 };
    md_autostr names = {0}, words = {0};
    for (size_t i = 0; i < story->characters.n && i < MAX_NAMES; i++)
        md_report_put(&names, "chip", {"text", story->characters.v[i].name});
    for (size_t i = 0; i < story->keywords.n && i < MAX_WORDS; i++)
        md_report_put(&words, "chip", {"text", story->keywords.v[i]});
    if (names.n)
        md_report_put(out, "aside", {"name", "Who"}, {"chips", md_str_text(&names)});
    if (words.n)
        md_report_put(out, "aside", {"name", "Key words"}, {"chips", md_str_text(&words)});
    out->failed |= md_str_failed(&names) || md_str_failed(&words);
}

void md_report_synopsis(struct md_str *out, struct md_report *report)
{
    const struct md_story *story = report->o->story;
    md_autostr paragraphs = {0}, aside = {0};
    append_paragraphs(&paragraphs, story->synopsis
                                       ? story->synopsis
                                       : "No words of this movie could be read: there are no "
                                         "subtitles beside it or in it. The digest was made from "
                                         "picture and sound alone.");
    append_aside(&aside, story);
    md_report_put(out, "synopsis", {"paragraphs", md_str_text(&paragraphs)},
                  {"aside", md_str_text(&aside)},
                  {"language", story->synopsis ? report->o->transcript->language : NULL});
    out->failed |= md_str_failed(&paragraphs) || md_str_failed(&aside);
}

static const struct {
    const char *id, *name, *link, *lead;
    md_report_part *part;
} parts[] = {
    {"synopsis", "Synopsis", "Synopsis", NULL, md_report_synopsis},
    {"warnings", "Please note", "Notes", NULL, md_report_warnings},
    {"timeline", "The movie at a glance", "Timeline",
     "Each column of the picture strip is one key frame. Point at anything for its time and name.",
     md_report_timeline},
    {"acts", "Five acts", "Acts", NULL, md_report_acts},
    {"moments", "Key moments", "Moments", NULL, md_report_moments},
    {"pieces", "The digest, piece by piece", "Pieces", "What was chosen, and why.",
     md_report_pieces},
    {"characters", "Characters", "Characters",
     "Names that come back, and where in the movie they are heard.", md_report_characters},
    {"chapters", "Chapters", "Chapters", NULL, md_report_chapters},
    {"transcript", "Transcript", "Transcript", NULL, md_report_transcript},
    {"contact", "All shots", "Shots", NULL, md_report_contact},
    {"technical", "Technical notes", "Technical", NULL, md_report_technical},
};

/* "Five acts" where there are five. */
static const char *name_of(size_t part, const struct md_report *report)
{
    return parts[part].part == md_report_acts && report->o->story->acts.n != MD_ACTS
               ? "Acts"
               : parts[part].name;
}

static int append_sections(struct md_str *sections, struct md_str *contents,
                           struct md_report *report)
{
    for (size_t i = 0; i < MD_ARRAY_LEN(parts); i++) {
        md_autostr body = {0};
        if (md_stage_cancelled(report->o->env))
            return MD_ERR_CANCELLED;
        parts[i].part(&body, report);
        sections->failed |= md_str_failed(&body);
        if (body.n == 0)
            continue;
        const char *name = name_of(i, report);
        md_report_put(sections, "section", {"id", parts[i].id}, {"name", name},
                      {"lead", parts[i].lead}, {"body", md_str_text(&body)});
        md_report_put(contents, "contentslink", {"id", parts[i].id}, {"name", parts[i].link});
    }
    return MD_OK;
}

int md_output_report(struct md_str *out, const struct md_outputs *o)
{
    md_autostr hero = {0}, sections = {0}, contents = {0};
    struct md_report report = {.o = o};
    report.images = md_report_images_new(o->env->work_dir, MAX_IMAGE_BYTES);
    if (!report.images)
        return MD_ERR_NOMEM;
    report.duration_us = MD_MAX(o->media->duration_us, 1);
    report.poster_shot = find_poster(&report);
    md_report_hero(&hero, &report);
    int r = append_sections(&sections, &contents, &report);
    md_report_images_free(report.images);
    if (r < 0)
        return r;
    md_report_put(out, "page", {"policy", md_report_policy}, {"title", o->title},
                  {"style", md_report_style}, {"script", md_report_script},
                  {"hero", md_str_text(&hero)}, {"contents", md_str_text(&contents)},
                  {"sections", md_str_text(&sections)});
    return md_str_failed(&hero) || md_str_failed(&sections) || md_str_failed(&contents)
               ? MD_ERR_NOMEM
               : MD_OK;
}
