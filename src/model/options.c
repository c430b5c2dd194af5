/* Rows first, then one function per kind for reading and one for writing. */
#include "model/options.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/str.h"
#include "model/stage.h"

const char *const md_strategy_names[] = {"hybrid",       "importance", "narrative",
                                         "audio-visual", "emotional",  NULL};
const char *const md_transcribe_names[] = {"auto", "subtitles", "whisper", "off", NULL};
static const char *const subtitle_sync_names[] = {"check", "auto", "off", NULL};
const char *const md_shots_mode_names[] = {"auto", "fast", "accurate", NULL};
const char *const md_quality_names[] = {"draft", "standard", "high", NULL};
const char *const md_render_how_names[] = {"auto", "smart", "encode", NULL};
const char *const md_log_format_names[] = {"text", "json", NULL};
const char *const md_enforce_leases_names[] = {"auto", "cgroup", "rlimit", "off", NULL};
const char *const md_progress_names[] = {"auto", "always", "never", NULL};
static const char *const log_level_names[] = {"error", "warning", "info", "debug", NULL};

#define AT(member)  .offset = offsetof(struct md_options, member)
#define STAGE(name) (1u << MD_STAGE_##name)

static const char group_digest[] = "The digest";
static const char group_input[] = "Languages and analysis";
static const char group_run[] = "Running";
static const char group_memory[] = "Memory";
static const char group_log[] = "Messages";
static const char group_queue[] = "The queue";

static const struct md_option table[] = {
    {"length", 'l', MD_OPTION_LENGTH, AT(length), .initial = "auto", .stages = STAGE(SELECT),
     .group = group_digest, .metavar = "LENGTH",
     .help = "Length of the digest: 15%, 5min, 90s, 1:30 or auto (15 % of a movie up to 90 "
             "minutes, 20 % of a longer one, from 2 to 25 minutes)."},
    {"strategy", 's', MD_OPTION_CHOICE, AT(strategy), .initial = "hybrid",
     .names = md_strategy_names, .stages = STAGE(SELECT), .group = group_digest, .metavar = "NAME",
     .help = "What a good piece is: hybrid weighs story 30, importance 40, audio-visual 20 and "
             "emotion 10; the others favour one of them."},
    {"min-piece", 0, MD_OPTION_DOUBLE, AT(min_piece_s), .initial = "3", .min = 0.5, .max = 60,
     .stages = STAGE(SELECT), .group = group_digest, .metavar = "SECONDS",
     .help = "No piece of the digest is shorter than this."},
    {"keep-credits", 0, MD_OPTION_FLAG, AT(keep_credits), .initial = "no",
     .stages = STAGE(STORY) | STAGE(SELECT), .group = group_digest,
     .help = "Let credits into the digest."},
    {"quality", 'q', MD_OPTION_CHOICE, AT(quality), .initial = "standard",
     .names = md_quality_names, .stages = STAGE(RENDER), .group = group_digest, .metavar = "NAME",
     .help = "Quality of the digest's picture against time and size."},
    {"max-height", 0, MD_OPTION_INT, AT(max_height), .initial = "1080", .min = 0, .max = 16384,
     .zero_word = "source", .zero_value = 0, .stages = STAGE(RENDER), .group = group_digest,
     .metavar = "LINES",
     .help = "Scale a larger picture down to this many lines; source keeps it."},
    {"render", 0, MD_OPTION_CHOICE, AT(render), .initial = "auto", .names = md_render_how_names,
     .stages = STAGE(RENDER), .group = group_digest, .metavar = "HOW",
     .help = "How the digest's picture is made: auto copies the movie's own pictures where the "
             "digest keeps them as they are, smart copies wherever that is possible and leaves "
             "size and HDR alone, encode makes every picture anew."},
    {"loudness", 0, MD_OPTION_DOUBLE, AT(loudness_lufs), .initial = "-18", .min = -40, .max = 0,
     .zero_word = "source", .zero_value = 0, .stages = STAGE(RENDER), .group = group_digest,
     .metavar = "LUFS", .help = "Loudness the digest is brought to (EBU R128); source keeps it."},

    {"audio-language", 'a', MD_OPTION_TEXT, AT(audio_language), .initial = "",
     .stages = STAGE(PROBE), .group = group_input, .metavar = "LANG[,LANG]",
     .help = "Wanted audio languages, best first (en, eng, english)."},
    {"audio-track", 0, MD_OPTION_INT, AT(audio_track), .initial = "auto", .min = -1, .max = 10000,
     .zero_word = "auto", .zero_value = -1, .stages = STAGE(PROBE), .group = group_input,
     .metavar = "N", .help = "Take the audio stream with this index whatever its language."},
    {"subtitle-language", 'S', MD_OPTION_TEXT, AT(subtitle_language), .initial = "",
     .stages = STAGE(TRANSCRIPT), .group = group_input, .metavar = "LANG[,LANG]",
     .help = "Wanted subtitle languages, best first."},
    {"subtitle-sync", 0, MD_OPTION_CHOICE, AT(subtitle_sync), .initial = "check",
     .names = subtitle_sync_names, .stages = STAGE(TRANSCRIPT), .group = group_input,
     .metavar = "HOW",
     .help = "Subtitles that do not fit what is heard (early, late, of another speed or another "
             "film): check says so, auto also puts their times right, off does not look."},
    {"subtitle-delay", 0, MD_OPTION_DOUBLE, AT(subtitle_delay_s), .initial = "0", .min = -86400,
     .max = 86400, .stages = STAGE(TRANSCRIPT), .group = group_input, .metavar = "SECONDS",
     .help = "Show subtitles so much later, or earlier when negative; then none are checked."},
    {"transcribe", 't', MD_OPTION_CHOICE, AT(transcribe), .initial = "auto",
     .names = md_transcribe_names, .stages = STAGE(TRANSCRIPT), .group = group_input,
     .metavar = "HOW",
     .help =
         "Where the words come from: subtitles beside or in the movie, whisper for what is "
         "heard, or off for picture and sound alone; auto takes subtitles where there are any."},
    {"asr-model", 0, MD_OPTION_TEXT, AT(asr_model), .initial = "", .group = group_input,
     .metavar = "MODEL",
     .help = "Whisper model (ggml) that writes down what is said: a file, a name of moviedigest "
             "models list, or none; when not given, the best of those added with moviedigest "
             "models add."},
    {"language", 0, MD_OPTION_TEXT, AT(language), .initial = "", .stages = STAGE(TRANSCRIPT),
     .group = group_input, .metavar = "LANG",
     .help = "Language spoken in the movie, for whisper; it is found out when not given."},
    {"translate", 0, MD_OPTION_FLAG, AT(translate), .initial = "no", .stages = STAGE(TRANSCRIPT),
     .group = group_input, .help = "Let whisper translate what is said into English."},
    {"glossary", 0, MD_OPTION_TEXT, AT(glossary), .initial = "", .stages = STAGE(TRANSCRIPT),
     .group = group_input, .metavar = "WORDS",
     .help = "Names and unusual words whisper is to expect, such as \"Orlok, Hutter, Wisborg\"."},
    {"llm-model", 0, MD_OPTION_TEXT, AT(llm_model), .initial = "", .group = group_input,
     .metavar = "MODEL",
     .help = "Language model (GGUF) that tells the story: a file, a name of moviedigest models "
             "list, or none; when not given, the best of those added with moviedigest models add; "
             "without one the built-in analysis does."},
    {"llm-url", 0, MD_OPTION_TEXT, AT(llm_url), .initial = "", .group = group_input,
     .metavar = "URL",
     .help = "Language model of a server that speaks OpenAI's protocol, such as "
             "http://127.0.0.1:11434/v1; the dialogue is sent there. Its key is taken from the "
             "environment (MOVIEDIGEST_LLM_KEY) or from a file."},
    {"llm-name", 0, MD_OPTION_TEXT, AT(llm_name), .initial = "", .group = group_input,
     .metavar = "NAME",
     .help = "How that server calls the model; not needed where there is only one."},
    {"llm-key-file", 0, MD_OPTION_TEXT, AT(llm_key_file), .initial = "", .group = group_input,
     .metavar = "FILE", .help = "File with that server's key; nobody else may read it."},
    {"llm-context", 0, MD_OPTION_INT, AT(llm_context), .initial = "4096", .min = 512,
     .max = 1048576, .stages = STAGE(STORY), .group = group_input, .metavar = "TOKENS",
     .help = "How much a prompt and its reply may hold together; what a model needs grows with "
             "it."},
    {"prompts", 0, MD_OPTION_TEXT, AT(prompts), .initial = "", .group = group_input,
     .metavar = "FOLDER",
     .help = "Take the language model's prompts from this folder where it has them."},
    {"shots", 0, MD_OPTION_CHOICE, AT(shots), .initial = "auto", .names = md_shots_mode_names,
     .stages = STAGE(SHOTS), .group = group_input, .metavar = "HOW",
     .help = "How shots are found: accurate decodes every frame, fast only those that packet sizes "
             "and key frames leave in doubt; auto is accurate for now."},
    {"detector", 0, MD_OPTION_TEXT, AT(detector), .initial = "accurate", .stages = STAGE(SHOTS),
     .group = group_input, .metavar = "NAME", .help = "Shot detector."},

    {"output", 'o', MD_OPTION_TEXT, AT(output), .initial = "digests", .group = group_run,
     .metavar = "FOLDER", .help = "Where digests go: one folder per movie in this one."},
    {"stages", 0, MD_OPTION_TEXT, AT(stages), .initial = "", .of_movie = true, .group = group_run,
     .metavar = "STAGE[,STAGE]",
     .help = "Run only these stages and what they need: probe, shots, audio, transcript, story, "
             "select, render."},
    {"keep-work", 'k', MD_OPTION_FLAG, AT(keep_work), .initial = "yes", .of_movie = true,
     .group = group_run,
     .help = "Keep the work folder, so that a changed option redoes only what depends on it; "
             "--no-keep-work removes it once a movie is done."},
    {"force", 'f', MD_OPTION_FLAG, AT(force), .initial = "no", .of_movie = true, .group = group_run,
     .help = "Do everything again, even where finished work is found."},
    {"dry-run", 'n', MD_OPTION_FLAG, AT(dry_run), .initial = "no", .group = group_run,
     .help = "Say what would be done and write nothing."},
    {"jobs", 'j', MD_OPTION_INT, AT(jobs), .initial = "auto", .min = 0, .max = 64,
     .zero_word = "auto", .zero_value = 0, .group = group_run, .metavar = "N",
     .help = "At most this many movies at once; auto takes what memory and cores allow."},
    {"threads", 0, MD_OPTION_INT, AT(threads), .initial = "auto", .min = 0, .max = 256,
     .zero_word = "auto", .zero_value = 0, .group = group_run, .metavar = "N",
     .help = "Threads for each movie, and for each model."},
    {"hang-after", 0, MD_OPTION_INT, AT(hang_after_s), .initial = "300", .min = 3, .max = 86400,
     .group = group_run, .metavar = "SECONDS",
     .help = "Take a worker that has shown no sign of life for so long for hung: it is ended, and "
             "another one goes on; more for disks and networks that take long to wake up."},
    {"config", 'c', MD_OPTION_TEXT, AT(config), .initial = "", .group = group_run,
     .metavar = "FILE", .help = "Read options from this INI file instead of the usual place."},

    {"memory-limit", 'm', MD_OPTION_BYTES, AT(memory_limit), .initial = "none", .min = 0,
     .max = 1e15, .zero_word = "none", .zero_value = 0, .group = group_memory, .metavar = "BYTES",
     .help = "Let the batch use at most this much memory, such as 4GB or 512MiB."},
    {"device", 0, MD_OPTION_TEXT, AT(device), .initial = "auto", .group = group_memory,
     .metavar = "DEVICE",
     .help = "The memory that is governed: host (this machine's RAM), nvidia or nvidia:WHICH (a "
             "GPU by number, UUID or PCI bus id), sim:PRESET (a simulated GPU), or auto for the "
             "first NVIDIA GPU and, without one, the host."},
    {"preset", 0, MD_OPTION_TEXT, AT(preset), .initial = "balanced", .group = group_memory,
     .metavar = "NAME",
     .help = "Batch sizes and limits of the memory governor at once: balanced, high-performance, "
             "max-stability, rtx3060, emergency, or auto, made for the device."},
    {"watch", 0, MD_OPTION_FLAG, AT(watch), .initial = "no", .group = group_memory,
     .help = "For memory: show it live, until Ctrl-C."},
    {"flight", 0, MD_OPTION_TEXT, AT(flight), .initial = "", .group = group_memory,
     .metavar = "FILE",
     .help = "Record every reading, lease, cleanup and out-of-memory of the run in this file, as "
             "JSON lines."},
    {"trace", 0, MD_OPTION_TEXT, AT(trace), .initial = "", .group = group_memory, .metavar = "FILE",
     .help = "The same at the end of the run as a trace for Perfetto or chrome://tracing."},
    {"enforce-leases", 0, MD_OPTION_CHOICE, AT(enforce_leases), .initial = "auto",
     .names = md_enforce_leases_names, .group = group_memory, .metavar = "HOW",
     .help = "How the kernel holds a worker to the memory it was promised: by a cgroup, by rlimit "
             "(RLIMIT_DATA), off, or auto for the first of these that works."},

    {"log-level", 0, MD_OPTION_CHOICE, AT(log_level), .initial = "info", .names = log_level_names,
     .group = group_log, .metavar = "LEVEL", .help = "Least important messages to show."},
    {"log-format", 0, MD_OPTION_CHOICE, AT(log_format), .initial = "text",
     .names = md_log_format_names, .group = group_log, .metavar = "FORMAT",
     .help = "Plain lines or JSON lines."},
    {"progress", 0, MD_OPTION_CHOICE, AT(progress), .initial = "auto", .names = md_progress_names,
     .group = group_log, .metavar = "WHEN",
     .help = "Show live progress: auto on a terminal; --no-progress is never."},

    {"queue", 0, MD_OPTION_TEXT, AT(queue), .initial = "", .group = group_queue, .metavar = "FILE",
     .help = "Keep the queue in this file instead of the usual place, "
             "~/.local/state/moviedigest/queue.db; several queues can be run side by side."},
    {"json", 0, MD_OPTION_FLAG, AT(json), .initial = "no", .group = group_queue,
     .help = "Answer as JSON."},
    {"failed", 0, MD_OPTION_FLAG, AT(failed), .initial = "no", .group = group_queue,
     .help = "For queue retry and queue clear: all movies that failed."},
    {"done", 0, MD_OPTION_FLAG, AT(done), .initial = "no", .group = group_queue,
     .help = "For queue clear: all movies that are done; so it is when nothing is said."},
    {"all", 0, MD_OPTION_FLAG, AT(all), .initial = "no", .group = group_queue,
     .help = "For queue clear: all movies, also those that wait; what runs is given up."},
    {.name = NULL},
};

const struct md_option *md_option_table(void)
{
    return table;
}

const struct md_option *md_option_find(const char *name)
{
    for (const struct md_option *o = table; o->name; o++)
        if (strcmp(o->name, name) == 0)
            return o;
    return NULL;
}

static void *member(const struct md_options *options, const struct md_option *option)
{
    return (char *)options + option->offset;
}

static int refuse(struct md_failure *failure, const struct md_option *o, const char *text,
                  const char *allowed)
{
    return md_fail(failure, MD_ERR_INPUT, "option %s cannot be \"%s\": %s", o->name, text, allowed);
}

static int refuse_range(struct md_failure *failure, const struct md_option *o, const char *text)
{
    char allowed[160];
    snprintf(allowed, sizeof allowed, "a number from %.15g to %.15g%s%s%s is wanted", o->min,
             o->max, o->zero_word ? ", or \"" : "", o->zero_word ? o->zero_word : "",
             o->zero_word ? "\"," : "");
    return refuse(failure, o, text, allowed);
}

/* The whole of text as a finite number. */
static bool parse_number(const char *text, double *ret)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end || !isfinite(value))
        return false;
    *ret = value;
    return true;
}

static bool parse_ranged(const struct md_option *o, const char *text, double *ret)
{
    if (o->zero_word && strcasecmp(text, o->zero_word) == 0) {
        *ret = o->zero_value;
        return true;
    }
    return parse_number(text, ret) && *ret >= o->min && *ret <= o->max;
}

static int set_choice(const struct md_option *o, const char *text, int *ret,
                      struct md_failure *failure)
{
    md_autostr allowed = {0};
    md_str_append(&allowed, "one of");
    for (int i = 0; o->names[i]; i++) {
        if (strcasecmp(text, o->names[i]) == 0) {
            *ret = i;
            return MD_OK;
        }
        md_str_printf(&allowed, "%s %s", i ? "," : "", o->names[i]);
    }
    md_str_append(&allowed, " is wanted");
    return refuse(failure, o, text, md_str_text(&allowed));
}

static int set_flag(const struct md_option *o, const char *text, bool *ret,
                    struct md_failure *failure)
{
    static const char *const words[2][5] = {{"no", "false", "off", "0", NULL},
                                            {"yes", "true", "on", "1", NULL}};
    for (int value = 0; value < 2; value++) {
        for (int i = 0; words[value][i]; i++) {
            if (strcasecmp(text, words[value][i]) == 0) {
                *ret = value;
                return MD_OK;
            }
        }
    }
    return refuse(failure, o, text, "yes or no is wanted");
}

struct unit {
    const char *name;
    double factor;
};

static bool parse_with_unit(const char *text, const struct unit *units, double *ret)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text || !isfinite(value))
        return false;
    while (*end == ' ')
        end++;
    for (const struct unit *u = units; u->name; u++) {
        if (strcasecmp(end, u->name) == 0) {
            *ret = value * u->factor;
            return true;
        }
    }
    return false;
}

static int set_bytes(const struct md_option *o, const char *text, int64_t *ret,
                     struct md_failure *failure)
{
    static const struct unit units[] = {{"", 1},
                                        {"B", 1},
                                        {"K", 1e3},
                                        {"KB", 1e3},
                                        {"M", 1e6},
                                        {"MB", 1e6},
                                        {"G", 1e9},
                                        {"GB", 1e9},
                                        {"T", 1e12},
                                        {"TB", 1e12},
                                        {"KiB", 1024},
                                        {"MiB", 1048576},
                                        {"GiB", 1073741824.0},
                                        {"TiB", 1099511627776.0},
                                        {NULL, 0}};
    double value;
    if (o->zero_word && strcasecmp(text, o->zero_word) == 0) {
        *ret = 0;
        return MD_OK;
    }
    if (!parse_with_unit(text, units, &value) || value < o->min || value > o->max)
        return refuse(failure, o, text, "a size such as 4GB or 512MiB is wanted");
    *ret = (int64_t)value;
    return MD_OK;
}

/* "1:30" and "1:02:03". */
static bool parse_clock(const char *text, double *ret_s)
{
    double total = 0;
    for (int parts = 0; parts < 3; parts++) {
        char *end;
        double value = strtod(text, &end);
        if (end == text || value < 0 || !isfinite(value))
            return false;
        total = total * 60 + value;
        if (*end == '\0') {
            *ret_s = total;
            return parts > 0;
        }
        if (*end != ':')
            return false;
        text = end + 1;
    }
    return false;
}

static int set_length(const struct md_option *o, const char *text, struct md_length *ret,
                      struct md_failure *failure)
{
    static const struct unit units[] = {{"s", 1},    {"sec", 1},      {"seconds", 1},
                                        {"m", 60},   {"min", 60},     {"minutes", 60},
                                        {"h", 3600}, {"hours", 3600}, {NULL, 0}};
    static const struct unit percent[] = {{"%", 1}, {"percent", 1}, {NULL, 0}};
    const double longest_s = 24 * 3600;
    double value;
    if (strcasecmp(text, "auto") == 0) {
        *ret = (struct md_length){0};
        return MD_OK;
    }
    if (parse_with_unit(text, percent, &value) && value > 0 && value <= 100) {
        *ret = (struct md_length){.percent = value};
        return MD_OK;
    }
    if ((parse_clock(text, &value) || parse_with_unit(text, units, &value)) && value >= 1 &&
        value <= longest_s) {
        *ret = (struct md_length){.us = (int64_t)(value * 1e6)};
        return MD_OK;
    }
    return refuse(failure, o, text, "a length such as 15%, 5min, 90s, 1:30 or auto is wanted");
}

int md_options_set(struct md_options *options, const struct md_option *option, const char *text,
                   struct md_failure *failure)
{
    void *value = member(options, option);
    double number;
    char *copy;
    switch (option->kind) {
    case MD_OPTION_FLAG:
        return set_flag(option, text, value, failure);
    case MD_OPTION_CHOICE:
        return set_choice(option, text, value, failure);
    case MD_OPTION_LENGTH:
        return set_length(option, text, value, failure);
    case MD_OPTION_BYTES:
        return set_bytes(option, text, value, failure);
    case MD_OPTION_INT:
        if (!parse_ranged(option, text, &number) || number != floor(number))
            return refuse_range(failure, option, text);
        *(int64_t *)value = (int64_t)number;
        return MD_OK;
    case MD_OPTION_DOUBLE:
        if (!parse_ranged(option, text, &number))
            return refuse_range(failure, option, text);
        *(double *)value = number;
        return MD_OK;
    case MD_OPTION_TEXT:
        copy = *text ? strdup(text) : NULL;
        if (*text && !copy)
            return md_fail(failure, MD_ERR_NOMEM, "out of memory");
        free(*(char **)value);
        *(char **)value = copy;
        return MD_OK;
    }
    return MD_ERR_BUG;
}

static void get_length(const struct md_length *length, struct md_str *out)
{
    if (length->percent > 0)
        md_str_printf(out, "%.15g%%", length->percent);
    else if (length->us > 0)
        md_str_printf(out, "%.15gs", (double)length->us / 1e6);
    else
        md_str_append(out, "auto");
}

char *md_options_get(const struct md_options *options, const struct md_option *option)
{
    const void *value = member(options, option);
    struct md_str out = {0};
    switch (option->kind) {
    case MD_OPTION_FLAG:
        md_str_append(&out, *(const bool *)value ? "yes" : "no");
        break;
    case MD_OPTION_CHOICE:
        md_str_append(&out, option->names[*(const int *)value]);
        break;
    case MD_OPTION_LENGTH:
        get_length(value, &out);
        break;
    case MD_OPTION_INT:
    case MD_OPTION_BYTES:
        if (option->zero_word && (double)*(const int64_t *)value == option->zero_value)
            md_str_append(&out, option->zero_word);
        else
            md_str_printf(&out, "%" PRId64, *(const int64_t *)value);
        break;
    case MD_OPTION_DOUBLE:
        if (option->zero_word && *(const double *)value == option->zero_value)
            md_str_append(&out, option->zero_word);
        else
            md_str_printf(&out, "%.15g", *(const double *)value);
        break;
    case MD_OPTION_TEXT:
        md_str_append(&out, *(char *const *)value ? *(char *const *)value : "");
        break;
    }
    return md_str_take(&out);
}

int md_options_init(struct md_options *options)
{
    *options = (struct md_options){0};
    for (const struct md_option *o = table; o->name; o++) {
        struct md_failure failure;
        int r = md_options_set(options, o, o->initial, &failure);
        if (r < 0) {
            md_options_done(options);
            return r;
        }
    }
    return MD_OK;
}

void md_options_done(struct md_options *options)
{
    for (const struct md_option *o = table; o->name; o++) {
        if (o->kind == MD_OPTION_TEXT) {
            char **text = member(options, o);
            free(*text);
            *text = NULL;
        }
    }
}

uint64_t md_options_hash(const struct md_options *options, int stage, uint64_t hash)
{
    for (const struct md_option *o = table; o->name; o++) {
        if (!(o->stages & 1u << stage))
            continue;
        md_autofree char *text = md_options_get(options, o);
        hash = md_hash(hash, o->name, strlen(o->name) + 1);
        if (text)
            hash = md_hash(hash, text, strlen(text) + 1);
    }
    return hash;
}

int64_t md_length_resolve(const struct md_length *length, int64_t movie_us)
{
    const int64_t minute_us = INT64_C(60000000);
    if (length->percent > 0)
        return (int64_t)((double)movie_us * length->percent / 100);
    if (length->us > 0)
        return MD_MIN(length->us, movie_us);
    double share = movie_us <= 90 * minute_us ? 0.15 : 0.20;
    int64_t wanted_us =
        MD_CLAMP((int64_t)((double)movie_us * share), 2 * minute_us, 25 * minute_us);
    return MD_MIN(wanted_us, movie_us);
}
