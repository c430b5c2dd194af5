/* Sound to words. The plan of chunks depends on the sound alone; every chunk's words are a line of
 * the checkpoint as soon as they are there; the transcript is made of the checkpoint when it is
 * full. So it is the same whatever the batch was and whoever was killed. */
#include "workers/asr_stage.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "model/audio.h"
#include "model/transcript.h"
#include "transcript/assemble.h"
#include "transcript/sidecar.h"
#include "transcript/source.h"
#include "workers/asr_sound.h"
#include "workers/checkpoint.h"

static const char checkpoint_name[] = "speech.units";

enum {
    LANGUAGE_CHUNKS = 3,        /* the language is told from so many */
    LANGUAGE_UNIT = 1000000000, /* in the checkpoint */
};

struct hearing {
    const struct md_stage_env *env;
    const struct md_audio *audio;
    struct md_speech *speech;
    struct md_asr_sound sound;
    json_t **units; /* of each chunk: what was heard; NULL: not done */
    size_t done;
    struct md_ints todo;      /* chunks */
    const struct md_ints *at; /* what md_speech_run counts in */
    char *language;           /* NULL: not known yet */
    struct md_checkpoint *checkpoint;
};

static void hearing_done(struct hearing *h)
{
    for (size_t i = 0; h->units && i < h->sound.chunks.n; i++)
        json_decref(h->units[i]);
    free(h->units);
    md_vec_done(&h->todo);
    free(h->language);
    md_checkpoint_close(h->checkpoint);
    md_asr_sound_close(&h->sound);
}

static int no_memory(const struct hearing *h)
{
    return md_fail(h->env->failure, MD_ERR_NOMEM, "out of memory transcribing");
}

/* md_speech_run.read */
static int read_chunk(void *user, size_t index, float **ret_samples, size_t *ret_count)
{
    struct hearing *h = user;
    return md_asr_sound_read(&h->sound, (size_t)h->at->v[index], ret_samples, ret_count);
}

/* ---- units ---- */

static int told(void *user, int64_t unit, const json_t *data)
{
    struct hearing *h = user;
    if (unit == LANGUAGE_UNIT && json_is_string(data) && !h->language) {
        h->language = strdup(json_string_value(data));
        return h->language ? MD_OK : MD_ERR_NOMEM;
    }
    if (unit < (int64_t)h->sound.chunks.n && json_is_array(data) && !h->units[unit]) {
        h->units[unit] = json_incref((json_t *)(uintptr_t)data);
        h->done++;
    }
    return MD_OK;
}

/* All that shapes what is heard in a chunk. */
static int hash_all(struct hearing *h, uint64_t *ret_key)
{
    const struct md_options *o = h->env->options;
    uint64_t key = md_options_hash(o, MD_STAGE_TRANSCRIPT, MD_HASH_START);
    struct md_file_identity files[2];
    md_autofree char *pcm = md_path_join(h->env->work_dir, h->audio->pcm);
    int r = pcm ? md_file_identify(pcm, &files[0], h->env->failure) : no_memory(h);
    if (r == MD_OK)
        r = md_file_identify(o->asr_model, &files[1], h->env->failure);
    if (r < 0)
        return r;
    for (int i = 0; i < 2; i++) {
        key = md_hash(key, &files[i].size_bytes, sizeof files[i].size_bytes);
        key = md_hash(key, &files[i].sample_hash, sizeof files[i].sample_hash);
    }
    const int64_t revision = MD_TRANSCRIPT_REVISION;
    key = md_hash(key, &revision, sizeof revision);
    for (size_t i = 0; i < h->sound.chunks.n; i++)
        key =
            md_hash(key, h->sound.chunks.v[i].pieces,
                    (size_t)h->sound.chunks.v[i].piece_count * sizeof *h->sound.chunks.v[i].pieces);
    *ret_key = key;
    return MD_OK;
}

static int open_checkpoint(struct hearing *h)
{
    uint64_t key = 0;
    md_autofree char *path = md_path_join(h->env->work_dir, checkpoint_name);
    int r = path ? hash_all(h, &key) : no_memory(h);
    if (r == MD_OK)
        r = md_checkpoint_open(path, key, told, h, &h->checkpoint, h->env->failure);
    for (size_t i = 0; i < h->sound.chunks.n && r == MD_OK; i++)
        if (!h->units[i] && md_vec_push(&h->todo, (int64_t)i) < 0)
            r = no_memory(h);
    if (r == MD_OK)
        md_stage_units(h->env, (int64_t)h->done, (int64_t)h->sound.chunks.n);
    return r;
}

/* Numbers are written in whole thousandths, so that a unit read back is the one that was written.
 */
static json_t *times_of(const struct md_ints *times)
{
    json_t *array = json_array();
    for (size_t i = 0; i < times->n && array; i++)
        if (json_array_append_new(array, json_integer((json_int_t)times->v[i])) < 0) {
            json_decref(array);
            return NULL;
        }
    return array;
}

static json_t *unit_of(const struct md_speech_pieces *pieces)
{
    json_t *array = json_array();
    for (size_t i = 0; i < pieces->n && array; i++) {
        const struct md_speech_piece *p = &pieces->v[i];
        json_t *piece =
            json_pack("[I, I, I, I, s, o]", (json_int_t)p->start_us, (json_int_t)p->end_us,
                      (json_int_t)lrintf(p->probability * 1000),
                      (json_int_t)lrintf(p->no_speech * 1000), p->text, times_of(&p->word_us));
        if (!piece || json_array_append_new(array, piece) < 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

/* md_speech_run.done */
static int take_chunk(void *user, size_t index, const struct md_speech_pieces *pieces)
{
    struct hearing *h = user;
    int64_t number = h->at->v[index];
    json_t *unit = unit_of(pieces);
    if (!unit)
        return no_memory(h);
    int r = md_checkpoint_add(h->checkpoint, number, unit, h->env->failure);
    if (r < 0) {
        json_decref(unit);
        return r;
    }
    h->units[number] = unit;
    h->done++;
    md_stage_units(h->env, (int64_t)h->done, (int64_t)h->sound.chunks.n);
    md_stage_progress(h->env, h->audio->duration_us * (int64_t)h->done / (int64_t)h->sound.chunks.n,
                      h->audio->duration_us);
    return MD_OK;
}

static bool is_cancelled(void *user)
{
    const struct hearing *h = user;
    return md_stage_cancelled(h->env);
}

static struct md_speech_run make_run(struct hearing *h, const struct md_ints *which)
{
    const struct md_options *o = h->env->options;
    h->at = which;
    return (struct md_speech_run){
        .count = which->n,
        .at_once = h->env->batch,
        .threads = h->env->threads,
        .style = {.language = h->language, .translate = o->translate, .prompt = o->glossary},
        .user = h,
        .read = read_chunk,
        .done = take_chunk,
        .cancelled = is_cancelled,
        .failure = h->env->failure,
    };
}

/* ---- language ---- */

/* The fullest chunks, the earlier of equals: they have the most to tell from. */
static int choose_chunks(const struct hearing *h, struct md_ints *ret)
{
    for (int i = 0; i < LANGUAGE_CHUNKS && (size_t)i < h->sound.chunks.n; i++) {
        int64_t best = -1;
        for (size_t k = 0; k < h->sound.chunks.n; k++) {
            bool taken = false;
            for (size_t t = 0; t < ret->n; t++)
                taken |= ret->v[t] == (int64_t)k;
            if (!taken &&
                (best < 0 || h->sound.chunks.v[k].length_us > h->sound.chunks.v[best].length_us))
                best = (int64_t)k;
        }
        if (md_vec_push(ret, best) < 0)
            return MD_ERR_NOMEM;
    }
    return MD_OK;
}

static int detect_language(struct hearing *h)
{
    struct md_ints which = {0};
    const char *language = NULL;
    int r = choose_chunks(h, &which) < 0 ? no_memory(h) : MD_OK;
    if (r == MD_OK) {
        struct md_speech_run run = make_run(h, &which);
        r = md_speech_detect(h->speech, &run, &language);
    }
    md_vec_done(&which);
    if (r < 0)
        return r;
    json_t *unit = json_string(language ? language : "");
    h->language = strdup(language ? language : "");
    r = unit && h->language ? md_checkpoint_add(h->checkpoint, LANGUAGE_UNIT, unit, h->env->failure)
                            : no_memory(h);
    json_decref(unit);
    return r;
}

static int settle_language(struct hearing *h)
{
    const char *given = h->env->options->language;
    if (given) {
        free(h->language);
        h->language = strdup(given);
        return h->language ? MD_OK : no_memory(h);
    }
    return h->language || h->sound.chunks.n == 0 ? MD_OK : detect_language(h);
}

/* ---- the transcript ---- */

static int take_times(const json_t *array, struct md_ints *times)
{
    size_t i;
    const json_t *time;
    json_array_foreach((json_t *)(uintptr_t)array, i,
                       time) if (md_vec_push(times, (int64_t)json_integer_value(time)) <
                                 0) return MD_ERR_NOMEM;
    return MD_OK;
}

static int collect(const struct hearing *h, struct md_heard_vec *heard)
{
    for (size_t i = 0; i < h->sound.chunks.n; i++) {
        size_t k;
        json_t *piece;
        json_array_foreach(h->units[i], k, piece)
        {
            json_int_t start, end, probability, no_speech;
            const char *text;
            json_t *words;
            if (json_unpack(piece, "[I, I, I, I, s, o]", &start, &end, &probability, &no_speech,
                            &text, &words) < 0)
                continue; /* the check sum is right: it is ours, from another day */
            struct md_heard one = {.chunk = i,
                                   .start_us = start,
                                   .end_us = end,
                                   .text = text,
                                   .probability = (float)probability / 1000,
                                   .no_speech = (float)no_speech / 1000};
            if (take_times(words, &one.word_us) < 0 || md_vec_push(heard, one) < 0) {
                md_vec_done(&one.word_us);
                return MD_ERR_NOMEM;
            }
        }
    }
    return MD_OK;
}

static int warn(struct md_transcript *transcript, const char *text)
{
    char *copy = strdup(text);
    if (!copy || md_vec_push(&transcript->warnings, copy) < 0) {
        free(copy);
        return MD_ERR_NOMEM;
    }
    return MD_OK;
}

/* Files beside the movie that were passed over to get here. */
static int warn_of_files(const struct hearing *h, struct md_transcript *transcript)
{
    struct md_sidecar_vec files = {0};
    char text[400];
    int r = MD_OK;
    if (h->env->options->transcribe == MD_TRANSCRIBE_AUTO)
        r = md_sidecar_find(h->env->movie_path, &files);
    if (r == MD_OK && files.n > 0) {
        snprintf(text, sizeof text,
                 "%.200s was not used: it holds no words, or does not fit what is heard "
                 "(--transcribe=subtitles takes it all the same)",
                 files.v[0].shown);
        r = warn(transcript, text);
    }
    md_sidecar_vec_done(&files);
    return r;
}

static int write_down(const struct hearing *h, struct md_transcript *transcript)
{
    const struct md_asr_model *model = h->env->model;
    struct md_heard_vec heard = {0};
    int r = collect(h, &heard);
    if (r == MD_OK)
        r = md_transcript_assemble(h->audio, &h->sound.chunks, &heard, transcript);
    for (size_t i = 0; i < heard.n; i++)
        md_vec_done(&heard.v[i].word_us);
    md_vec_done(&heard);
    if (r == MD_OK)
        r = warn_of_files(h, transcript);
    if (r == MD_OK && h->sound.chunks.n == 0)
        r = warn(transcript, "no speech was found in the sound");
    transcript->source = MD_TRANSCRIPT_WHISPER;
    transcript->origin = strdup(model->name);
    transcript->heard_on = model->device ? strdup(model->device) : NULL;
    if (h->env->use)
        *h->env->use = (struct md_stage_use){.device = model->device, .batch = h->env->batch};
    const char *language = h->env->options->translate ? "en" : h->language;
    if (language && *language)
        transcript->language = strdup(language);
    return r == MD_OK && transcript->origin && (transcript->heard_on || !model->device)
               ? MD_OK
               : no_memory(h);
}

static int hear(struct hearing *h, struct md_transcript *transcript)
{
    int r = md_asr_sound_open(&h->sound, h->env, h->audio);
    if (r == MD_OK) {
        h->units = calloc(h->sound.chunks.n + 1, sizeof(json_t *));
        r = h->units ? open_checkpoint(h) : no_memory(h);
    }
    if (r == MD_OK)
        r = settle_language(h);
    if (r == MD_OK && h->todo.n > 0) {
        struct md_speech_run run = make_run(h, &h->todo);
        r = md_speech_run(h->speech, &run);
    }
    return r == MD_OK ? write_down(h, transcript) : r;
}

static int run(const struct md_stage_env *env, const struct md_artifacts *in, void *ret_artifact)
{
    const struct md_asr_model *model = env->model;
    struct hearing h = {.env = env, .audio = in->audio, .speech = model->speech};
    struct md_transcript *transcript = ret_artifact;
    int r = MD_OK;
    if (in->audio->present && in->audio->pcm)
        r = hear(&h, transcript);
    else if (warn(transcript, "the movie has no sound") < 0)
        r = no_memory(&h);
    hearing_done(&h);
    return r;
}

const struct md_stage_ops md_stage_ops_transcript_asr = {
    .stage = MD_STAGE_TRANSCRIPT,
    .revision = MD_TRANSCRIPT_REVISION,
    .run = run,
    .chain_key = md_transcript_chain_key,
};
