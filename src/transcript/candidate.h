/* The subtitles a movie could take its words from, and which of them it does. */
#ifndef MD_TRANSCRIPT_CANDIDATE_H
#define MD_TRANSCRIPT_CANDIDATE_H

#include "model/media.h"
#include "model/options.h"
#include "transcript/fit.h"
#include "transcript/sidecar.h"
#include "transcript/subtitle.h"

struct md_candidate {
    char name[256];             /* "film.en.srt", "stream 3" */
    const char *path;           /* sidecar; borrowed. NULL: a stream of the movie */
    int64_t stream_index;       /* of the movie */
    const char *given_language; /* as tagged; borrowed; NULL untagged */
    const char *language;       /* given or recognised from the text; NULL unknown */
    struct md_subtitle_tags tags;
    int order; /* as found */
    bool loaded;
    bool checked;                   /* against the sound; see sync.h */
    bool misfit;                    /* another film's, by all that can be told */
    struct md_fit fit;              /* zero when not checked */
    struct md_subtitle_track track; /* plain text, tidied; filled when loaded */
};
struct md_candidate_vec MD_VEC(struct md_candidate);

/* Bytes of a file in any encoding and format into a tidied track; name and unit of the track are
 * set. hint: languages between commas, or NULL. MD_OK or MD_ERR_NOMEM; whatever is wrong with the
 * bytes is said in the notes. */
int md_candidate_load_bytes(struct md_subtitle_track *track, const char *bytes, size_t n,
                            const char *hint, int64_t duration_us);

/* Raw events of a stream (bytes in any encoding) into a tidied track of plain text. */
int md_candidate_finish(struct md_subtitle_track *track, const char *hint, int64_t duration_us);

/* Recognises the language of a loaded candidate that has no tag. */
void md_candidate_recognise(struct md_candidate *candidate);

/* The best candidate by what is known of each: the index, or -1 when none is left that may hold
 * words. wanted: option subtitle-language; audio_language: of the chosen track, NULL unknown. */
int md_candidate_best(const struct md_candidate_vec *candidates, const char *wanted,
                      const char *audio_language);

/* Did this one turn out (or claim) to hold only parts of the dialogue? */
bool md_candidate_is_partial(const struct md_candidate_vec *candidates, size_t index);

#endif
