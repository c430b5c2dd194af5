/* The transcript stage: collect candidates, load what is cheap (files beside the movie), read the
 * movie itself only where a stream in it could be the better source, since that means reading a
 * file of gigabytes once.
 */
#include "model/stage.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/str.h"
#include "media/subtitle_reader.h"
#include "model/audio.h"
#include "model/language.h"
#include "transcript/chunk.h"
#include "transcript/candidate.h"
#include "transcript/encoding.h"
#include "transcript/parse.h"
#include "transcript/source.h"
#include "transcript/speech.h"
#include "transcript/sync.h"
#include "transcript/tidy.h"

enum { MAX_FILES = 16, MAX_STREAMS = 16 };

struct work {
    const struct md_stage_env *env;
    const struct md_media *media;
    const struct md_audio *audio; /* NULL: not heard */
    const char *audio_language;   /* of the chosen track; NULL unknown */
    const char *hint;             /* languages to expect, for the character set */
    struct md_sidecar_vec sidecars;
    struct md_candidate_vec candidates;
    struct md_strings warnings;
};

static void work_done(struct work *work)
{
    for (size_t i = 0; i < work->candidates.n; i++)
        md_subtitle_track_done(&work->candidates.v[i].track);
    for (size_t i = 0; i < work->warnings.n; i++)
        free(work->warnings.v[i]);
    md_vec_done(&work->candidates);
    md_vec_done(&work->warnings);
    md_sidecar_vec_done(&work->sidecars);
}

static int out_of_memory(const struct md_stage_env *env)
{
    return md_fail(env->failure, MD_ERR_NOMEM, "out of memory reading subtitles");
}

static void warn(struct work *work, const char *text)
{
    char *copy = strdup(text);
    if (!copy || md_vec_push(&work->warnings, copy) < 0)
        free(copy);
}

static int add_candidate(struct work *work, struct md_candidate candidate)
{
    candidate.order = (int)work->candidates.n;
    candidate.language = candidate.given_language;
    return md_vec_push(&work->candidates, candidate);
}

static int collect_files(struct work *work)
{
    int r = md_sidecar_find(work->env->movie_path, &work->sidecars);
    for (size_t i = 0; r == MD_OK && i < work->sidecars.n && i < MAX_FILES; i++) {
        const struct md_sidecar *sidecar = &work->sidecars.v[i];
        struct md_candidate candidate = {.path = sidecar->path,
                                         .stream_index = -1,
                                         .given_language = sidecar->tags.language,
                                         .tags = sidecar->tags};
        snprintf(candidate.name, sizeof candidate.name, "%.255s", sidecar->shown);
        r = add_candidate(work, candidate);
    }
    return r;
}

static bool title_says(const struct md_stream *stream, const char *word)
{
    return stream->title && strcasestr(stream->title, word);
}

static int collect_streams(struct work *work)
{
    int r = MD_OK;
    size_t n = 0;
    for (size_t i = 0; r == MD_OK && i < work->media->streams.n && n < MAX_STREAMS; i++) {
        const struct md_stream *stream = &work->media->streams.v[i];
        if (stream->kind != MD_STREAM_SUBTITLE || !stream->is_text)
            continue;
        struct md_candidate candidate = {.stream_index = stream->index,
                                         .given_language = stream->language};
        candidate.tags = (struct md_subtitle_tags){
            .language = stream->language,
            .forced =
                stream->is_forced || title_says(stream, "forced") || title_says(stream, "signs"),
            .hearing_impaired = stream->is_hearing_impaired || title_says(stream, "sdh"),
            .commentary = stream->is_commentary || title_says(stream, "commentary"),
            .is_default = stream->is_default,
        };
        snprintf(candidate.name, sizeof candidate.name, "stream %lld", (long long)stream->index);
        r = add_candidate(work, candidate);
        n++;
    }
    return r;
}

static void start_track(const struct work *work, struct md_candidate *candidate, const char *unit)
{
    const struct md_options *options = work->env->options;
    candidate->track.name = candidate->name;
    candidate->track.unit = unit;
    candidate->track.rate = options->subtitle_delay_s != 0;
    candidate->track.delay_us = (int64_t)llround(options->subtitle_delay_s * 1e6);
    if (md_sync_moves(options, candidate)) {
        candidate->track.rate = candidate->fit.rate;
        candidate->track.delay_us = candidate->fit.delay_us;
    }
    candidate->loaded = true;
}

static int load_file(struct work *work, struct md_candidate *candidate)
{
    md_autofree char *bytes = NULL;
    size_t n = 0;
    struct md_failure why = {0};
    start_track(work, candidate, "line");
    int r = md_file_read(candidate->path, MD_SUBTITLE_MAX_BYTES, &bytes, &n, &why);
    if (r == MD_ERR_NOMEM)
        return r;
    if (r < 0) {
        md_subtitle_note(&candidate->track, 0, "cannot be used: %s", why.message);
        return MD_OK;
    }
    r = md_candidate_load_bytes(&candidate->track, bytes, n,
                                candidate->given_language ? candidate->given_language : work->hint,
                                work->media->duration_us);
    if (r == MD_OK)
        md_candidate_recognise(candidate);
    return r;
}

static int load_files(struct work *work)
{
    int r = MD_OK;
    for (size_t i = 0; r == MD_OK && i < work->candidates.n; i++) {
        if (md_stage_cancelled(work->env))
            return MD_ERR_CANCELLED;
        if (work->candidates.v[i].path)
            r = load_file(work, &work->candidates.v[i]);
    }
    return r;
}

static struct md_candidate *candidate_of_stream(struct work *work, int64_t index)
{
    for (size_t i = 0; i < work->candidates.n; i++)
        if (!work->candidates.v[i].path && work->candidates.v[i].stream_index == index)
            return &work->candidates.v[i];
    return NULL;
}

/* Texts of mov_text may be UTF-16, each with its own byte order mark. */
static bool has_utf16_mark(const char *s, size_t n)
{
    return n >= 2 && (memcmp(s, "\xFE\xFF", 2) == 0 || memcmp(s, "\xFF\xFE", 2) == 0);
}

static int take_text(struct md_subtitle_track *track, const struct md_subtitle_packet *packet,
                     const char *text)
{
    struct md_subtitle_event timing = {.start_us = packet->start_us,
                                       .end_us = packet->end_us,
                                       .line = (int64_t)track->events.n + 1};
    static const int formats[] = {[MD_SUBTITLE_MARKUP_SRT] = MD_SUBTITLE_SRT,
                                  [MD_SUBTITLE_MARKUP_VTT] = MD_SUBTITLE_VTT,
                                  [MD_SUBTITLE_MARKUP_ASS] = MD_SUBTITLE_ASS};
    track->format = formats[packet->markup];
    if (packet->markup == MD_SUBTITLE_MARKUP_ASS)
        return md_subtitle_parse_ass_packet(track, &timing, text);
    return md_subtitle_add(track, &timing, text, strlen(text), NULL, 0);
}

static int on_packet(void *user, const struct md_subtitle_packet *packet)
{
    struct work *work = user;
    struct md_candidate *candidate = candidate_of_stream(work, packet->stream_index);
    if (!candidate || candidate->track.full || packet->n == 0)
        return MD_OK;
    if (!has_utf16_mark(packet->text, packet->n)) {
        size_t most = MD_MIN(packet->n, (size_t)MD_SUBTITLE_MAX_TEXT_BYTES);
        md_autofree char *copy = strndup(packet->text, most);
        return copy ? take_text(&candidate->track, packet, copy) : MD_ERR_NOMEM;
    }
    struct md_encoding_result text = {0};
    int r = md_encoding_decode(packet->text, packet->n, NULL, &text);
    if (r == MD_OK)
        r = take_text(&candidate->track, packet, text.text);
    free(text.text);
    return r;
}

static bool on_cancelled(void *user)
{
    return md_stage_cancelled(((struct work *)user)->env);
}

static void on_progress(void *user, int64_t done_bytes, int64_t all_bytes)
{
    struct work *work = user;
    double share = all_bytes > 0 ? (double)done_bytes / (double)all_bytes : 0;
    md_stage_progress(work->env, (int64_t)(share * (double)work->media->duration_us),
                      work->media->duration_us);
}

/* Reads every text stream of the movie in one go. */
static int load_streams(struct work *work)
{
    int64_t indices[MAX_STREAMS];
    size_t n = 0;
    struct md_failure why = {0};
    for (size_t i = 0; i < work->candidates.n; i++) {
        if (work->candidates.v[i].path)
            continue;
        start_track(work, &work->candidates.v[i], "packet");
        indices[n++] = work->candidates.v[i].stream_index;
    }
    struct md_subtitle_reader_params params = {.movie_path = work->env->movie_path,
                                               .streams = indices,
                                               .stream_count = n,
                                               .clock_zero_us = work->media->clock_zero_us,
                                               .user = work,
                                               .packet = on_packet,
                                               .cancelled = on_cancelled,
                                               .progress = on_progress};
    int r = md_subtitle_reader_run(&params, &why);
    if (r == MD_ERR_NOMEM || r == MD_ERR_CANCELLED)
        return r;
    if (r < 0)
        warn(work, why.message);
    r = MD_OK;
    for (size_t i = 0; r == MD_OK && i < work->candidates.n; i++) {
        struct md_candidate *candidate = &work->candidates.v[i];
        if (candidate->path)
            continue;
        r = md_candidate_finish(&candidate->track,
                                candidate->given_language ? candidate->given_language : work->hint,
                                work->media->duration_us);
        md_candidate_recognise(candidate);
    }
    return r;
}

static int best_of(const struct work *work)
{
    return md_candidate_best(&work->candidates, work->env->options->subtitle_language,
                             work->audio_language);
}

/* The best of those that fit; one that is not loaded is taken on trust. -1: there are no words. */
static int choose_loaded(struct work *work, int *ret_best)
{
    int r = MD_OK, best = best_of(work);
    while (r == MD_OK && best >= 0 && work->candidates.v[best].loaded &&
           !work->candidates.v[best].checked) {
        r = md_sync_check(work->env->options, work->audio, &work->candidates.v[best]);
        best = best_of(work);
    }
    *ret_best = best;
    return r;
}

/* Loads as far as needed to be sure of the best; *ret_best is -1 when there are no words. */
static int choose(struct work *work, int *ret_best)
{
    int r = load_files(work);
    if (r == MD_OK)
        r = choose_loaded(work, ret_best);
    if (r == MD_OK && *ret_best >= 0 && !work->candidates.v[*ret_best].loaded) {
        r = load_streams(work);
        if (r == MD_OK)
            r = choose_loaded(work, ret_best);
    }
    return r;
}

/* Puts the chosen one's times right. A file is read again: what lay beyond the movie's end may now
 * lie in it. */
static int put_right(struct work *work, struct md_candidate *chosen)
{
    if (!md_sync_moves(work->env->options, chosen))
        return MD_OK;
    if (chosen->path) {
        md_subtitle_track_done(&chosen->track);
        chosen->track = (struct md_subtitle_track){0};
        return load_file(work, chosen);
    }
    md_fit_apply(&chosen->track.events, chosen->fit.rate, chosen->fit.delay_us);
    md_tidy_times(&chosen->track, work->media->duration_us);
    return MD_OK;
}

/* In the log too: it is for the person to act on. */
static void warn_of_sync(struct work *work)
{
    char text[640];
    for (size_t i = 0; i < work->candidates.n; i++) {
        if (!md_sync_describe(work->env->options, &work->candidates.v[i], text, sizeof text))
            continue;
        warn(work, text);
        md_log(work->env->log, MD_LOG_WARNING, "transcript", "%s", text);
    }
}

static int take_notes(struct work *work, struct md_subtitle_track *track)
{
    for (size_t i = 0; i < track->notes.n; i++)
        warn(work, track->notes.v[i]);
    if (track->unwritten_notes > 0) {
        char more[320];
        snprintf(more, sizeof more, "%.200s: %lld more places like these", track->name,
                 (long long)track->unwritten_notes);
        warn(work, more);
    }
    return MD_OK;
}

/* First of all warnings: it explains the others. */
static void warn_of_fallback(struct work *work)
{
    char text[200];
    if (!work->env->fallback)
        return;
    snprintf(text, sizeof text,
             "the speech model did not listen: %s; only subtitles count, and it is asked again the "
             "next time",
             md_fallback_reason(work->env->fallback));
    warn(work, text);
}

static void warn_of_choice(struct work *work, int best)
{
    char text[512];
    const struct md_candidate *chosen = &work->candidates.v[best];
    const char *wanted = work->env->options->subtitle_language;
    const char *language = chosen->language ? md_language_name(chosen->language) : NULL;
    if (wanted && md_language_rank(wanted, chosen->language) < 0) {
        snprintf(text, sizeof text,
                 "no subtitles in the wanted language (%.60s) were found; %.200s "
                 "(%s) is used",
                 wanted, chosen->name, language ? language : "language unknown");
        warn(work, text);
    }
    if (md_candidate_is_partial(&work->candidates, (size_t)best)) {
        snprintf(text, sizeof text,
                 "%.200s is the only source of words and holds only part of the "
                 "dialogue",
                 chosen->name);
        warn(work, text);
    }
}

static int fill(struct work *work, int best, struct md_transcript *ret)
{
    struct md_candidate *chosen = &work->candidates.v[best];
    int r = put_right(work, chosen);
    if (r == MD_OK)
        r = md_speech_split(&chosen->track, &ret->cues);
    if (r < 0)
        return r;
    ret->source = chosen->path ? MD_TRANSCRIPT_SIDECAR : MD_TRANSCRIPT_EMBEDDED;
    ret->origin = strdup(chosen->name);
    if (chosen->language)
        ret->language = strdup(chosen->language);
    warn_of_choice(work, best);
    take_notes(work, &chosen->track);
    return ret->origin && (ret->language || !chosen->language) ? MD_OK : MD_ERR_NOMEM;
}

static int transcribe(struct work *work, struct md_transcript *ret)
{
    int best = -1;
    warn_of_fallback(work);
    int r = collect_files(work);
    if (r == MD_OK)
        r = collect_streams(work);
    if (r == MD_OK)
        r = choose(work, &best);
    if (r < 0)
        return r;
    warn_of_sync(work);
    if (best >= 0) {
        r = fill(work, best, ret);
    } else {
        for (size_t i = 0; i < work->candidates.n; i++)
            take_notes(work, &work->candidates.v[i].track);
    }
    ret->warnings = work->warnings;
    work->warnings = (struct md_strings){0};
    return r;
}

static struct work start(const struct md_stage_env *env, const struct md_artifacts *in)
{
    const struct md_stream *audio = md_media_stream(in->media, in->media->audio_stream);
    const char *wanted = env->options->subtitle_language;
    struct work work = {.env = env,
                        .media = in->media,
                        .audio = in->audio,
                        .audio_language = audio ? audio->language : NULL};
    work.hint = wanted ? wanted : work.audio_language;
    return work;
}

static int run(const struct md_stage_env *env, const struct md_artifacts *in, void *ret_artifact)
{
    struct md_transcript transcript = {0};
    if (env->options->transcribe == MD_TRANSCRIBE_OFF) {
        *(struct md_transcript *)ret_artifact = transcript;
        return MD_OK;
    }
    struct work work = start(env, in);
    int r = transcribe(&work, &transcript);
    work_done(&work);
    if (r < 0) {
        md_artifact_done(&md_artifact_transcript, &transcript);
        return r == MD_ERR_CANCELLED ? md_fail(env->failure, r, "cancelled") : out_of_memory(env);
    }
    *(struct md_transcript *)ret_artifact = transcript;
    return MD_OK;
}

/* Are there words to be read? A stream counts as words unread: to read it is to read the movie. A
 * file that belongs to another film does not, where somebody can listen instead. */
static int has_words(struct work *work, bool *ret_words)
{
    int best = -1;
    int r = collect_files(work);
    if (r == MD_OK)
        r = load_files(work);
    if (r == MD_OK)
        r = collect_streams(work);
    if (r == MD_OK)
        r = choose_loaded(work, &best);
    *ret_words = best >= 0 && !work->candidates.v[best].misfit;
    if (best >= 0 && !*ret_words)
        md_log(work->env->log, MD_LOG_WARNING, "transcript",
               "%s fits what is heard nowhere: the speech model listens instead",
               work->candidates.v[best].name);
    return r;
}

/* How many chunks there will be, within a few: where they are cut is known only when the sound is
 * read. So that a short film is not given a batch for a long one. */
static int count_chunks(const struct md_stage_env *env, const struct md_audio *audio,
                        int64_t *ret_count)
{
    struct md_chunk_vec chunks = {0};
    int r = md_chunk_plan(audio, NULL, 0, &chunks);
    *ret_count = MD_MAX((int64_t)chunks.n, 1);
    md_vec_done(&chunks);
    return r < 0 ? out_of_memory(env) : MD_OK;
}

static int demand(const struct md_stage_env *env, const struct md_artifacts *in,
                  struct md_stage_demand *ret_demand)
{
    bool listens = env->options->transcribe == MD_TRANSCRIBE_WHISPER;
    if (listens && !env->options->asr_model)
        return md_fail(env->failure, MD_ERR_INPUT,
                       "--transcribe=whisper needs a speech model: --asr-model FILE");
    if (env->options->transcribe == MD_TRANSCRIBE_AUTO && env->options->asr_model) {
        struct work work = start(env, in);
        bool words = false;
        int r = has_words(&work, &words);
        listens = in->audio && in->audio->present && !words;
        work_done(&work);
        if (r < 0)
            return r == MD_ERR_CANCELLED ? md_fail(env->failure, r, "cancelled")
                                         : out_of_memory(env);
    }
    ret_demand->executor = listens ? MD_EXECUTOR_ASR : MD_EXECUTOR_MEDIA;
    return listens && in->audio && in->audio->present
               ? count_chunks(env, in->audio, &ret_demand->units_total)
               : MD_OK;
}

const struct md_stage_ops md_stage_ops_transcript = {
    .stage = MD_STAGE_TRANSCRIPT,
    .revision = MD_TRANSCRIPT_REVISION,
    .run = run,
    .chain_key = md_transcript_chain_key,
    .demand = demand,
};
