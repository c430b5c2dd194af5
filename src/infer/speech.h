/* Speech recognition behind one small interface: stretches of sound in, timed text out.
 *
 * A batch is that many stretches being decoded side by side, each in a slot of its own (with
 * whisper: a state and a thread), on one model. The result of a stretch depends on the model, the
 * parameters and its samples alone: not on the slots, on what was decoded before, or on threads.
 */
#ifndef MD_INFER_SPEECH_H
#define MD_INFER_SPEECH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"
#include "base/vec.h"
#include "model/codec.h"

enum { MD_SPEECH_RATE = 16000, MD_SPEECH_LONGEST_S = 30, MD_SPEECH_MAX_SLOTS = 64 };

struct md_speech_params {
    const char *model_path;
    int slots; /* 1 to MD_SPEECH_MAX_SLOTS */
    bool cpu_only;
    const struct md_log *log; /* may be NULL; outlives the speech object */
    void (*no_memory)(void);  /* may be NULL; called from any thread, when an allocation failed */
    bool (*cancelled)(void *user); /* asked while the model warms up, as in a run; may be NULL */
    void *user;
};

/* What shapes the text. Borrowed for the call. */
struct md_speech_style {
    const char *language; /* "en"; NULL: found out for each stretch by itself */
    bool translate;       /* to English */
    const char *prompt;   /* names and words to expect; NULL none */
};

struct md_speech_piece {
    int64_t start_us, end_us; /* from the first sample of the stretch */
    char *text;               /* valid UTF-8, words with one blank between, not empty; owned */
    struct md_ints word_us;   /* start and end of each word in turn; empty: not known */
    float probability;        /* mean of its tokens, 0 to 1 */
    float no_speech;          /* likelihood that there is none, 0 to 1 */
};
struct md_speech_pieces MD_VEC(struct md_speech_piece);

void md_speech_pieces_done(struct md_speech_pieces *pieces);

/* The main thread's part of a run; all are called from the thread that calls md_speech_run. */
struct md_speech_run {
    size_t count; /* stretches */
    int at_once;  /* of them, at most; <= 0: as many as there are slots */
    int threads;  /* to keep busy, shared among those; >= 1 */
    struct md_speech_style style;
    void *user;
    /* The samples of a stretch, mono, 16 kHz, -1 to 1; malloc'd, taken over. */
    int (*read)(void *user, size_t index, float **ret_samples, size_t *ret_count);
    /* A stretch is done; stretches may end in another order than they began. */
    int (*done)(void *user, size_t index, const struct md_speech_pieces *pieces);
    /* Asked ten times a second. May be NULL. */
    bool (*cancelled)(void *user);
    struct md_failure *failure;
};

struct md_speech;

/* A recogniser: a row in a table, no registration. */
struct md_speech_backend {
    const char *name;
    /* Loads the model and makes everything a decode needs, so that none allocates much. */
    int (*open)(const struct md_speech_params *params, void **ret_model,
                struct md_failure *failure);
    /* Thread-safe for different slots. Stops soon after *stop. */
    int (*decode)(void *model, int slot, int threads, const struct md_speech_style *style,
                  const float *samples, size_t count, const atomic_bool *stop,
                  struct md_speech_pieces *ret_pieces, struct md_failure *failure);
    /* Adds to scores (language_count of them) how likely each language is. */
    int (*detect)(void *model, int threads, const float *samples, size_t count, float *scores,
                  struct md_failure *failure);
    int (*language_count)(void *model);
    const char *(*language_code)(void *model, int index); /* "en" */
    void (*close)(void *model);                           /* accepts NULL */
};
extern const struct md_speech_backend md_speech_fake;    /* without a model, for tests */
extern const struct md_speech_backend md_speech_whisper; /* where libwhisper is */

/* Loads, and runs every slot once at its largest, so that memory has seen its peak while nothing
 * can be lost. MD_ERR_NOMEM, MD_ERR_INPUT (not a model), MD_ERR_NOTFOUND, MD_ERR_EXTERNAL. After a
 * failure of this or of a run the process is good for an answer and nothing else: libraries that
 * ran out of memory leave half-built things behind. */
int md_speech_new(const struct md_speech_backend *backend, const struct md_speech_params *params,
                  int threads, struct md_speech **ret_speech, struct md_failure *failure);
void md_speech_free(struct md_speech *speech); /* accepts NULL */

/* False once something failed: do not go on with it, end the process. */
bool md_speech_is_sound(const struct md_speech *speech);

int md_speech_run(struct md_speech *speech, const struct md_speech_run *run);

/* The language most likely spoken in `count` stretches, read by run->read(0..count-1); static text
 * in *ret_language. */
int md_speech_detect(struct md_speech *speech, const struct md_speech_run *run,
                     const char **ret_language);

/* Where libwhisper is: are the libraries the ones this was built for, and do they load? Writes
 * "ggml 0.27.0, whisper 1.9.5; CPU". MD_ERR_UNSUPPORTED, MD_ERR_EXTERNAL. */
int md_speech_check(const struct md_log *log, char *text, size_t size, struct md_failure *failure);

#endif
