/* The movie cut into atoms: the smallest stretches a digest may take or leave. Between two atoms a
 * cut disturbs nobody: no sentence is running, no dissolve is under way. */
#ifndef MD_SELECT_ATOMS_H
#define MD_SELECT_ATOMS_H

#include "model/audio.h"
#include "model/shots.h"
#include "model/story.h"
#include "model/transcript.h"

struct md_atom {
    int64_t start_us, end_us; /* atoms tile the content */
    /* Where a piece starts that begins with this atom, ends that ends with it: start_us and end_us,
     * moved out of a gradual transition, and to an entry close by. */
    int64_t in_us, out_us;
    bool can_start, can_end;
    bool follows; /* the atom before it ends where this one starts (no credits between) */
    int64_t first_shot, shot_count; /* shots it touches; 0, 0 without a picture */
    size_t segment;                 /* in story.json, the one it mostly lies in */
    int act;
    size_t first_sentence, sentence_count; /* sentences that start in it */
};
struct md_atom_vec MD_VEC(struct md_atom);

struct md_atoms_input {
    const struct md_story *story;           /* at least one segment */
    const struct md_shots *shots;           /* may be NULL or empty */
    const struct md_audio *audio;           /* may be NULL */
    const struct md_transcript *transcript; /* may be NULL */
    int64_t usual_us; /* a stretch longer than this is divided where it can be */
};

/* Appends the atoms, by time. MD_ERR_NOMEM. */
int md_select_make_atoms(const struct md_atoms_input *input, struct md_atom_vec *ret);

/* When somebody speaks: ranges of sentences and speech cues, by start, overlapping ones merged.
 * Where captions roll (most are still shown when the next begins) a range ends before the next
 * sentence, as it is then not known when it was really spoken. */
struct md_busy {
    int64_t start_us, end_us;
};
struct md_busy_vec MD_VEC(struct md_busy);
int md_select_find_speech(const struct md_story *story, const struct md_transcript *transcript,
                          struct md_busy_vec *ret);

/* Does a cut at this time go through speech? */
bool md_select_is_speaking(const struct md_busy_vec *busy, int64_t time_us);

#endif
