/* The stages of a movie and the contract between a stage and whoever runs it. */
#ifndef MD_MODEL_STAGE_H
#define MD_MODEL_STAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"
#include "model/artifact.h"
#include "model/options.h"

struct md_media;
struct md_shots;
struct md_audio;
struct md_transcript;
struct md_story;
struct md_cut;

enum md_stage {
    MD_STAGE_PROBE,
    MD_STAGE_SHOTS,
    MD_STAGE_AUDIO,
    MD_STAGE_TRANSCRIPT,
    MD_STAGE_STORY,
    MD_STAGE_SELECT,
    MD_STAGE_RENDER,
    MD_STAGES
};
extern const char *const md_stage_names[]; /* "probe", ... NULL-ended */

/* Stages that must be done before this one, as a bit set of 1u << enum md_stage. */
unsigned md_stage_needs(enum md_stage stage);

/* The stage of a name, or -1. */
int md_stage_parse(const char *name);

/* The artifact a stage leaves. */
const struct md_artifact_type *md_stage_artifact(enum md_stage stage);

/* Who runs a stage: the movie's own media worker, or a worker that holds a model for all. */
enum md_executor { MD_EXECUTOR_MEDIA, MD_EXECUTOR_ASR, MD_EXECUTOR_LLM, MD_EXECUTORS };
extern const char *const md_executor_names[]; /* "media", "asr", "llm", NULL-ended */

/* How much a stage may take, once no smaller batch helps: each less than the one before it. The
 * artifact must not depend on it, but for a language model's words; the digest's picture may be
 * coded otherwise, never cut otherwise. */
enum md_settings {
    MD_SETTINGS_NORMAL,
    MD_SETTINGS_SMALL, /* a language model's cache quantised; fewer pictures at once */
    MD_SETTINGS_PART,  /* and half of a language model's layers on the GPU */
    MD_SETTINGS_SHORT, /* and half of its context */
    MD_SETTINGS_CPU,   /* nothing on the GPU, the whole context again */
};
enum { MD_SETTINGS = MD_SETTINGS_CPU + 1 };
extern const char *const md_settings_names[]; /* "normal", "small", "part", "short", "cpu" */

/* Why a stage that was for a model runs in its built-in form, in the movie's own worker. The same
 * words for the same trouble: they become part of the artifact. */
enum md_fallback {
    MD_FALLBACK_NONE,
    MD_FALLBACK_MEMORY, /* there is not enough for the model, however little it is given to do */
    MD_FALLBACK_LOAD,   /* its worker never gets ready */
    MD_FALLBACK_LOST,   /* its worker dies or hangs with this movie, again and again */
    MD_FALLBACK_FAILED, /* it answers that it cannot */
    MD_FALLBACKS
};
extern const char *const md_fallback_names[]; /* "none", "memory", ... NULL-ended */
/* "there is not enough memory for it", ...; NULL for MD_FALLBACK_NONE. */
const char *md_fallback_reason(enum md_fallback fallback);

/* What a stage really ran a model with. Words are static; NULL and 0: not known. */
struct md_stage_use {
    const char *device; /* "CPU", "GPU", "server" */
    int64_t batch;      /* units at once, at most */
    /* of language models */
    int64_t context;            /* tokens of a prompt and its reply */
    const char *cache;          /* "f16", "q8_0" */
    int64_t layers, gpu_layers; /* of the model; of them on the GPU */
};

/* What a running stage is given. All pointers are borrowed for the call.
 *
 * A stage is called once, returns MD_OK or a code and fills *failure; it may be called again after
 * a failure or a crash and must then produce the same bytes. It asks `cancelled` at least every
 * 100 ms of work and returns MD_ERR_CANCELLED soon after it says yes, leaving no finished name
 * behind. It reports progress at most every few milliseconds; the callee thins it out. */
struct md_stage_env {
    const char *movie_path; /* bytes as the person gave them */
    const char *work_dir;   /* artifacts, key frames, PCM */
    const char *out_dir;    /* what the person gets */
    const struct md_options *options;
    int threads; /* how many threads the stage may keep busy, >= 1 */
    int batch;   /* units at once, >= 1, for stages that have units */
    enum md_settings settings;
    /* Not NONE: a model was to do it and cannot. Built-in is done what can be, and a warning in the
     * artifact says so. The artifact gets another key than the model's would, so that it counts as
     * not done the next time. */
    enum md_fallback fallback;
    void *model;              /* what the worker holds for such stages; NULL in media workers */
    struct md_stage_use *use; /* filled by stages that run a model, for people; may be NULL */
    const struct md_log *log;
    struct md_failure *failure;
    void *user;
    bool (*cancelled)(void *user);
    /* done and total in movie time; total 0 when unknown */
    void (*progress)(void *user, int64_t done_us, int64_t total_us);
    /* So many units are on disk and will not be done again, whatever happens now. */
    void (*units)(void *user, int64_t done, int64_t total);
};

/* What running a stage takes; zero is a media worker and no units. */
struct md_stage_demand {
    enum md_executor executor;
    int64_t units_done, units_total; /* total 0: it has none */
};

/* The artifacts of the stages before, loaded by the runner; NULL where a stage has not run yet.
 * Borrowed for the call. */
struct md_artifacts {
    const struct md_media *media;
    const struct md_shots *shots;
    const struct md_audio *audio;
    const struct md_transcript *transcript;
    const struct md_story *story;
    const struct md_cut *cut;
};

/* The name of the lock file in a work folder: who works on the movie holds it with flock. */
#define MD_WORK_LOCK "lock"

/* Removes what killed writers left half-written in a movie's folders. */
void md_stage_clean_folders(const char *out_dir, const char *work_dir);

/* What a module offers the runner. The runner computes the key, loads `in`, calls run with a zeroed
 * artifact struct of md_stage_artifact(stage), saves what it filled and frees it. */
struct md_stage_ops {
    enum md_stage stage;
    int revision; /* raise when the same input would give another result: part of the key */
    int (*run)(const struct md_stage_env *env, const struct md_artifacts *in, void *ret_artifact);
    /* NULL, or: are the other files the stage writes beside its artifact still there? */
    bool (*outputs_present)(const struct md_stage_env *env, const void *artifact);
    /* NULL, or: chains into the key what shapes the artifact and is neither in the movie file, nor
     * in the artifacts before, nor in the options; for the transcript: name, size and modification
     * time of the subtitle files beside the movie, in sorted order. Called before run, at every
     * start; only movie_path and options of env may be used. */
    int (*chain_key)(const struct md_stage_env *env, uint64_t *inout_key);
    /* NULL, or: who has to run it, and how much of it an earlier try has left. Called when it was
     * found not done. */
    int (*demand)(const struct md_stage_env *env, const struct md_artifacts *in,
                  struct md_stage_demand *ret_demand);
};

/* One per module: src/media, analysis (two), transcript, story, select, render. */
extern const struct md_stage_ops md_stage_ops_probe, md_stage_ops_shots, md_stage_ops_audio,
    md_stage_ops_transcript, md_stage_ops_story, md_stage_ops_select, md_stage_ops_render;

static inline bool md_stage_cancelled(const struct md_stage_env *env)
{
    return env->cancelled && env->cancelled(env->user);
}
static inline void md_stage_progress(const struct md_stage_env *env, int64_t done_us,
                                     int64_t total_us)
{
    if (env->progress)
        env->progress(env->user, done_us, total_us);
}
static inline void md_stage_units(const struct md_stage_env *env, int64_t done, int64_t total)
{
    if (env->units)
        env->units(env->user, done, total);
}

#endif
