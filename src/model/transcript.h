/* transcript.json: what is said, from whichever source. */
#ifndef MD_MODEL_TRANSCRIPT_H
#define MD_MODEL_TRANSCRIPT_H

#include "model/artifact.h"

enum md_transcript_source {
    MD_TRANSCRIPT_NONE,
    MD_TRANSCRIPT_SIDECAR,  /* a subtitle file beside the movie */
    MD_TRANSCRIPT_EMBEDDED, /* a text subtitle stream in it */
    MD_TRANSCRIPT_WHISPER,
};
extern const char *const md_transcript_source_names[]; /* "none", "sidecar", ... NULL-ended */

/* Cues are sorted by start; they may overlap. Text is plain UTF-8, markup removed, lines joined by
 * '\n'. Cues that are only sound descriptions ("[door slams]") or songs are kept and marked. */
struct md_cue {
    int64_t start_us, end_us;
    char *text;
    char *speaker; /* from "ANNA:" prefixes, <v Anna> or an ASS name; NULL unknown */
    bool is_sound; /* a description of a sound or music, not speech */
    /* Of a speech model: start and end of each word of the text (what blanks divide) in turn;
     * empty: not known. */
    struct md_ints word_us;
};
struct md_cue_vec MD_VEC(struct md_cue);

struct md_transcript {
    int source;     /* enum md_transcript_source */
    char *origin;   /* file name or "stream 3"; NULL when none */
    char *heard_on; /* where the speech model ran: "CPU", "GPU"; NULL: there was none */
    char *language; /* ISO 639 as given, else detected from the text; NULL unknown */
    struct md_cue_vec cues;
    struct md_strings warnings; /* "film.srt line 812: time code cannot be read, cue skipped" */
};

#endif
