/* What was read, how the digest was made, how long it took, which files there are; and warnings. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "model/language.h"
#include "render/outputs_text.h"
#include "render/report.h"
#include "render/report_template.h"

void md_report_warnings(struct md_str *out, struct md_report *report)
{
    enum { MAX_WARNINGS = 200 };
    const struct md_outputs *o = report->o;
    const struct {
        const char *stage;
        const struct md_strings *list;
    } all[] = {{"probe", &o->media->warnings}, {"shots", &o->shots->warnings},
               {"audio", &o->audio->warnings}, {"transcript", &o->transcript->warnings},
               {"story", &o->story->warnings}, {"render", &o->render->warnings}};
    md_autostr rows = {0};
    size_t n = 0;
    for (size_t i = 0; i < MD_ARRAY_LEN(all); i++)
        for (size_t k = 0; k < all[i].list->n && n < MAX_WARNINGS; k++, n++)
            md_report_put(&rows, "warning", {"stage", all[i].stage}, {"text", all[i].list->v[k]});
    if (rows.n)
        md_report_put(out, "warnings", {"rows", md_str_text(&rows)});
    out->failed |= md_str_failed(&rows);
}

static void describe_stream(char *out, size_t size, const struct md_stream *s)
{
    const char *codec = s->codec ? s->codec : "unknown";
    if (s->kind == MD_STREAM_VIDEO)
        snprintf(out, size, "%.40s %" PRId64 "\xC3\x97%" PRId64 "%s%.40s", codec, s->width,
                 s->height, s->color_transfer ? ", " : "",
                 s->color_transfer ? s->color_transfer : "");
    else if (s->kind == MD_STREAM_AUDIO)
        snprintf(out, size, "%.40s %.1f kHz %.40s", codec, (double)s->sample_rate / 1e3,
                 s->channel_layout ? s->channel_layout : "");
    else
        snprintf(out, size, "%.40s", codec);
    size_t n = strlen(out);
    snprintf(out + n, size - n, "%s%s%s%s", s->is_default ? ", default" : "",
             s->is_forced ? ", forced" : "", s->is_commentary ? ", commentary" : "",
             s->is_hearing_impaired ? ", hearing impaired" : "");
}

static void append_streams(struct md_str *out, const struct md_outputs *o)
{
    enum { MAX_STREAMS = 64 };
    static const char *const kinds[] = {"video", "audio", "subtitles", "other"};
    for (size_t i = 0; i < o->media->streams.n && i < MAX_STREAMS; i++) {
        const struct md_stream *s = &o->media->streams.v[i];
        char index[24], format[200];
        const char *language = s->language ? md_language_name(s->language) : NULL;
        bool used = s == o->video || s == o->sound;
        snprintf(index, sizeof index, "%" PRId64, s->index);
        describe_stream(format, sizeof format, s);
        md_report_put(out, "stream", {"class", used ? "used" : ""}, {"index", index},
                      {"kind", kinds[MD_CLAMP(s->kind, 0, 3)]}, {"format", format},
                      {"language", language ? language : s->language});
    }
}

static void put_fact(struct md_str *out, const char *name, const char *value)
{
    md_autostr html = {0};
    if (!value || !*value)
        return;
    md_text_xml(&html, value);
    md_report_put(out, "fact", {"name", name}, {"value", md_str_text(&html)});
    out->failed |= md_str_failed(&html);
}

static void append_facts(struct md_str *out, const struct md_outputs *o)
{
    char text[96], time[24];
    put_fact(out, "Shot detector", o->shots->detector);
    put_fact(out, "Story", o->story->method);
    put_fact(out, "Strategy", o->cut->strategy);
    put_fact(out, "Wanted length", md_format_time(time, o->cut->target_us));
    put_fact(out, "Digest video", o->render->video_encoding);
    put_fact(out, "Digest audio", o->render->audio_encoding);
    if (!o->audio->present)
        return;
    snprintf(text, sizeof text, "%.1f LUFS, range %.1f LU", o->audio->integrated_lufs,
             o->audio->range_lu);
    put_fact(out, "Movie loudness", text);
    snprintf(text, sizeof text, "%.1f dBTP", o->audio->true_peak_dbtp);
    put_fact(out, "True peak", text);
    if (o->render->audio_encoding) {
        snprintf(text, sizeof text, "%.1f LUFS", o->render->loudness_lufs);
        put_fact(out, "Digest loudness", text);
    }
}

/* One line of timings.jsonl: what a stage took, or why it had to be tried again. */
struct timing {
    char stage[32];
    double seconds;
    int64_t peak_bytes;
    bool cached;
    char run_with[160]; /* "": no model */
    char trouble[400];  /* "": none */
    bool over;          /* the stage has been done since */
};
enum { MAX_TIMINGS = 32 };
struct timings {
    struct timing stages[MAX_TIMINGS], troubles[MAX_TIMINGS];
    size_t count, trouble_count;
};

/* "4 at once on the CPU, context 4096, cache q8_0, 16 of 32 layers on the GPU" */
static void read_use(const json_t *json, char *text, size_t size)
{
    const char *device = json_string_value(json_object_get(json, "device"));
    const char *cache = json_string_value(json_object_get(json, "cache"));
    const char *at = device && strcmp(device, "server") == 0 ? "a " : "the ";
    json_int_t context = json_integer_value(json_object_get(json, "context"));
    json_int_t layers = json_integer_value(json_object_get(json, "layers"));
    json_int_t gpu = json_integer_value(json_object_get(json, "gpu_layers"));
    char more[110] = "";
    int n = 0;
    if (!device)
        return;
    if (context > 0)
        n = snprintf(more, sizeof more, ", context %lld", (long long)context);
    if (cache)
        n += snprintf(more + n, sizeof more - (size_t)n, ", cache %.12s", cache);
    if (gpu > 0)
        snprintf(more + n, sizeof more - (size_t)n, ", %lld of %lld layers there", (long long)gpu,
                 (long long)layers);
    snprintf(text, size, "%lld at once on %s%.16s%s",
             (long long)json_integer_value(json_object_get(json, "batch")), at, device, more);
}

static bool read_timing(const char *line, size_t n, struct timing *ret)
{
    json_t *json = json_loadb(line, n, 0, NULL);
    const char *stage = json_string_value(json_object_get(json, "stage"));
    const char *trouble = json_string_value(json_object_get(json, "trouble"));
    const char *remedy = json_string_value(json_object_get(json, "remedy"));
    double seconds = json_number_value(json_object_get(json, "seconds"));
    bool good = stage && (trouble ? remedy != NULL
                                  : json_is_number(json_object_get(json, "seconds")) &&
                                        seconds >= 0 && seconds < 1e9);
    if (good) {
        *ret = (struct timing){.seconds = seconds};
        snprintf(ret->stage, sizeof ret->stage, "%s", stage);
        ret->peak_bytes = json_integer_value(json_object_get(json, "peak_rss_bytes"));
        ret->cached = json_is_true(json_object_get(json, "cached"));
        read_use(json, ret->run_with, sizeof ret->run_with);
    }
    if (good && trouble)
        snprintf(ret->trouble, sizeof ret->trouble, "%.32s: %.240s; %.100s", stage, trouble,
                 remedy);
    json_decref(json);
    return good;
}

/* A stage that ran again counts with its last line, unless that one only found finished work. */
static void add_timing(struct timings *t, const struct timing *timing)
{
    for (size_t i = 0; i < t->count; i++) {
        if (strcmp(t->stages[i].stage, timing->stage) != 0)
            continue;
        if (!timing->cached || t->stages[i].cached)
            t->stages[i] = *timing;
        return;
    }
    if (t->count < MAX_TIMINGS)
        t->stages[t->count++] = *timing;
}

/* A stage's new line, good or bad, ends the story of how it was done before. */
static void forget_old_troubles(struct timings *t, const char *stage, bool done)
{
    size_t kept = 0;
    for (size_t i = 0; i < t->trouble_count; i++) {
        bool same = strcmp(t->troubles[i].stage, stage) == 0;
        if (same && t->troubles[i].over)
            continue;
        t->troubles[i].over |= same && done;
        t->troubles[kept++] = t->troubles[i];
    }
    t->trouble_count = kept;
}

static void add_line(struct timings *t, const struct timing *timing)
{
    bool trouble = timing->trouble[0];
    if (!timing->cached)
        forget_old_troubles(t, timing->stage, !trouble);
    if (!trouble)
        add_timing(t, timing);
    else if (t->trouble_count < MAX_TIMINGS)
        t->troubles[t->trouble_count++] = *timing;
}

static void read_timings(const char *work_dir, struct timings *t)
{
    enum { MAX_BYTES = 1024 * 1024 };
    md_autofree char *path = work_dir ? md_path_join(work_dir, "timings.jsonl") : NULL;
    md_autofree char *text = NULL;
    if (!path || md_file_read(path, MAX_BYTES, &text, NULL, NULL) < 0)
        return;
    for (const char *line = text; *line;) {
        size_t length = strcspn(line, "\n");
        struct timing timing;
        if (read_timing(line, length, &timing))
            add_line(t, &timing);
        line += length + (line[length] != '\0');
    }
}

static void append_troubles(struct md_str *out, const struct timings *t)
{
    for (size_t i = 0; i < t->trouble_count; i++)
        put_fact(out, "Trouble", t->troubles[i].trouble);
}

static void append_uses(struct md_str *out, const struct timings *t)
{
    for (size_t i = 0; i < t->count; i++) {
        bool heard = strcmp(t->stages[i].stage, "transcript") == 0;
        put_fact(out, heard ? "Speech model ran" : "Language model ran", t->stages[i].run_with);
    }
}

static void append_timings(struct md_str *out, const struct timings *all)
{
    const struct timing *timings = all->stages;
    const size_t n = all->count;
    double longest = 0.001;
    for (size_t i = 0; i < n; i++)
        longest = MD_MAX(longest, timings[i].seconds);
    for (size_t i = 0; i < n; i++) {
        char time[48], pixels[12], memory[32] = "";
        if (timings[i].cached)
            snprintf(time, sizeof time, "kept from before");
        else
            snprintf(time, sizeof time, "%.1f s", timings[i].seconds);
        snprintf(pixels, sizeof pixels, "%.0f", 120 * timings[i].seconds / longest);
        if (timings[i].peak_bytes > 0)
            md_report_bytes(memory, timings[i].peak_bytes);
        md_report_put(out, "timing", {"stage", timings[i].stage}, {"time", time},
                      {"pixels", pixels}, {"memory", memory});
    }
}

static void append_files(struct md_str *out, const struct md_outputs *o)
{
    static const char *const files[][2] = {
        {"digest.srt", "the digest's subtitles"},
        {"digest.vtt", "the same for browsers"},
        {"movie.srt", "the whole transcript"},
        {"movie.vtt", "the same for browsers"},
        {"bookmarks.xspf", "playlist for VLC: the chosen pieces of the original movie"},
        {"chapters.ffmeta", "chapters for FFmpeg"},
        {"cut.edl", "edit decision list (CMX 3600) for editing programs"},
        {"cut.mpv.edl", "the digest played from the original movie, for mpv"},
        {"scenes.csv", "every shot with its measurements"},
        {"digest.md", "this report as plain text"},
        {"digest.json", "this report for programs"},
    };
    if (o->render->video) {
        md_autostr href = {0};
        md_str_append_uri_path(&href, o->render->video);
        md_report_put(out, "file", {"href", md_str_text(&href)}, {"name", o->render->video},
                      {"about", "the digest"});
    }
    for (size_t i = 0; i < MD_ARRAY_LEN(files); i++) {
        struct stat st;
        md_autofree char *path = md_path_join(o->env->out_dir, files[i][0]);
        if (path && stat(path, &st) == 0)
            md_report_put(out, "file", {"href", files[i][0]}, {"name", files[i][0]},
                          {"about", files[i][1]});
    }
}

void md_report_technical(struct md_str *out, struct md_report *report)
{
    md_autostr streams = {0}, facts = {0}, timings = {0}, files = {0};
    struct timings all = {0};
    read_timings(report->o->env->work_dir, &all);
    append_streams(&streams, report->o);
    append_facts(&facts, report->o);
    append_troubles(&facts, &all);
    append_uses(&facts, &all);
    append_timings(&timings, &all);
    append_files(&files, report->o);
    md_report_put(out, "technical", {"streams", md_str_text(&streams)},
                  {"facts", md_str_text(&facts)}, {"timings", md_str_text(&timings)},
                  {"files", md_str_text(&files)});
    out->failed |= md_str_failed(&streams) || md_str_failed(&facts) || md_str_failed(&timings) ||
                   md_str_failed(&files);
}
