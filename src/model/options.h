/* Every option of the program, one row each. The command line, the config file, the environment,
 * --help, the man page, docs/options.md, the messages to workers and the artifact keys all come
 * from this table. */
#ifndef MD_MODEL_OPTIONS_H
#define MD_MODEL_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"

enum md_strategy {
    MD_STRATEGY_HYBRID,
    MD_STRATEGY_IMPORTANCE,
    MD_STRATEGY_NARRATIVE,
    MD_STRATEGY_AUDIO_VISUAL,
    MD_STRATEGY_EMOTIONAL,
};
enum md_transcribe {
    MD_TRANSCRIBE_AUTO,
    MD_TRANSCRIBE_SUBTITLES,
    MD_TRANSCRIBE_WHISPER,
    MD_TRANSCRIBE_OFF
};
enum md_subtitle_sync { MD_SUBTITLE_SYNC_CHECK, MD_SUBTITLE_SYNC_AUTO, MD_SUBTITLE_SYNC_OFF };
enum md_shots_mode { MD_SHOTS_AUTO, MD_SHOTS_FAST, MD_SHOTS_ACCURATE };
enum md_quality { MD_QUALITY_DRAFT, MD_QUALITY_STANDARD, MD_QUALITY_HIGH };
enum md_render_how { MD_RENDER_AUTO, MD_RENDER_SMART, MD_RENDER_ENCODE };
enum md_log_format { MD_LOG_FORMAT_TEXT, MD_LOG_FORMAT_JSON };
enum md_enforce_leases {
    MD_ENFORCE_LEASES_AUTO,
    MD_ENFORCE_LEASES_CGROUP,
    MD_ENFORCE_LEASES_RLIMIT,
    MD_ENFORCE_LEASES_OFF
};
enum md_progress { MD_PROGRESS_AUTO, MD_PROGRESS_ALWAYS, MD_PROGRESS_NEVER };

extern const char *const md_strategy_names[],
    *const md_transcribe_names[], *const md_shots_mode_names[],
                                      *const md_quality_names[],
                                          *const md_render_how_names[],
                                              *const md_log_format_names[],
                                                  *const md_progress_names[],
                                                      *const md_enforce_leases_names[];

/* How long the digest is to be: exactly one of the two is not 0, or both are 0 for the default
 * (15 % of a movie up to 90 min, 20 % of a longer one, within 2 and 25 minutes). */
struct md_length {
    double percent; /* of the movie, 0 < percent <= 100 */
    int64_t us;
};

struct md_options {
    /* what is made of a movie */
    struct md_length length;
    int strategy;       /* enum md_strategy */
    double min_piece_s; /* shortest piece of a digest */
    bool keep_credits;
    char *audio_language;    /* "en,de": wanted languages, best first; NULL any */
    int64_t audio_track;     /* container stream index, -1 choose */
    char *subtitle_language; /* as above */
    int subtitle_sync;       /* enum md_subtitle_sync */
    double subtitle_delay_s; /* added to their times; 0: none is given */
    int transcribe;          /* enum md_transcribe */
    char *asr_model;         /* file of a Whisper model; NULL none */
    char *language;          /* spoken in the movie; NULL find out */
    bool translate;          /* speech to English */
    char *glossary;          /* names and words to expect; NULL none */
    char *llm_model;         /* GGUF file of a language model; NULL none */
    char *llm_url;           /* a server's instead; NULL none */
    char *llm_name;          /* of the model there; NULL the only one */
    char *llm_key_file;      /* NULL none */
    int64_t llm_context;     /* tokens a prompt and its reply may have */
    char *prompts;           /* folder with prompts instead of the built-in ones; NULL none */
    int shots;               /* enum md_shots_mode */
    char *detector;          /* shot detector by name */
    int quality;             /* enum md_quality */
    int64_t max_height;      /* of the digest's picture, 0 as the movie */
    int render;              /* enum md_render_how */
    double loudness_lufs;    /* target of the digest, 0 leave as it is */

    /* how the batch runs */
    char *output;
    char *stages; /* "probe,shots": only these and what they need; NULL all */
    bool keep_work;
    bool force, dry_run;
    int64_t jobs;         /* movies in flight, 0 as memory and cores allow */
    int64_t threads;      /* per movie, 0 automatic */
    int64_t hang_after_s; /* a worker silent for so long is replaced */
    int64_t memory_limit; /* bytes the batch may use, 0 no own limit */
    char *preset;         /* of gov_presets */
    bool watch;
    char *device;         /* "auto", "host", "nvidia:0", "sim:rtx3060": see gov/device.h */
    char *flight, *trace; /* files; NULL none */
    int enforce_leases;   /* enum md_enforce_leases */
    int log_level;        /* enum md_log_level */
    int log_format;       /* enum md_log_format */
    int progress;         /* enum md_progress */
    char *config;         /* config file; NULL the usual places */
    char *queue;          /* queue file; NULL the usual place */

    /* of the commands about the queue */
    bool json;
    bool failed, done, all;
};

enum md_option_kind {
    MD_OPTION_FLAG,   /* bool; "yes"/"no" in files, --name / --no-name on the command line */
    MD_OPTION_INT,    /* int64_t within [min, max]; words such as "auto" are named in `zero_word` */
    MD_OPTION_DOUBLE, /* double within [min, max] */
    MD_OPTION_TEXT,   /* char *, owned; "" is NULL */
    MD_OPTION_CHOICE, /* int, a word of `names` */
    MD_OPTION_LENGTH, /* struct md_length: "auto", "15%", "5min", "90s", "1:30", "1:02:03" */
    MD_OPTION_BYTES,  /* int64_t: "8GB", "500MB", "2GiB", plain bytes; "none" is 0 */
};

struct md_option {
    const char *name; /* "audio-language" */
    char letter;      /* 'o' for -o; 0 none */
    enum md_option_kind kind;
    size_t offset;       /* in struct md_options */
    const char *initial; /* default, as text */
    double min, max;     /* INT, DOUBLE, BYTES */
    const char *const *names;
    const char *zero_word; /* INT, DOUBLE: what the value `zero_value` is called, or NULL */
    double zero_value;
    unsigned stages;     /* bit set: the stages whose artifact it shapes; 0 none */
    bool of_movie;       /* belongs to a movie, not to the run, though it shapes no artifact */
    const char *group;   /* heading in --help */
    const char *metavar; /* "LENGTH" */
    const char *help;    /* one sentence */
};

/* All rows, ended by one without a name. */
const struct md_option *md_option_table(void);
const struct md_option *md_option_find(const char *name);

/* Defaults. MD_ERR_NOMEM. */
int md_options_init(struct md_options *options);
void md_options_done(struct md_options *options);

/* Sets one option from text. MD_ERR_INPUT with a sentence that names the option, the text and what
 * is allowed; options unchanged on failure. */
int md_options_set(struct md_options *options, const struct md_option *option, const char *text,
                   struct md_failure *failure);

/* The value as text that md_options_set reads back; caller frees; NULL when out of memory. */
char *md_options_get(const struct md_options *options, const struct md_option *option);

/* Does it belong to a movie, so that movies of one run may differ in it? */
static inline bool md_option_is_of_movie(const struct md_option *option)
{
    return option->stages || option->of_movie;
}

/* A copy of everything. On failure *ret is empty. MD_ERR_NOMEM. */
int md_options_copy(const struct md_options *options, struct md_options *ret);

/* Appends what belongs to a movie and is not the default, a line "name=value" each; ASCII, other
 * bytes and '%' as %XX. */
void md_options_differences(const struct md_options *options, struct md_str *out);

/* Brings everything that belongs to a movie to what such a text says, else to the default.
 * MD_ERR_INPUT: an option that is not known or a value that cannot be; MD_ERR_NOMEM. Then options
 * are somewhere between. */
int md_options_apply_differences(struct md_options *options, const char *text,
                                 struct md_failure *failure);

/* Chains the options that shape this stage's artifact into a key. */
uint64_t md_options_hash(const struct md_options *options, int stage, uint64_t hash);

/* The digest length wanted for a movie of this length. */
int64_t md_length_resolve(const struct md_length *length, int64_t movie_us);

#endif
