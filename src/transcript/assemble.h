/* From what a speech model heard in chunks to a transcript: one clock, nothing twice, nothing that
 * was not said. Pure. */
#ifndef MD_TRANSCRIPT_ASSEMBLE_H
#define MD_TRANSCRIPT_ASSEMBLE_H

#include "model/audio.h"
#include "model/transcript.h"
#include "transcript/chunk.h"

/* Times from the beginning of the chunk. Text is UTF-8, trimmed; borrowed. */
struct md_heard {
    size_t chunk;
    int64_t start_us, end_us;
    const char *text;
    struct md_ints word_us; /* start and end of each word in turn; empty: not known */
    float probability, no_speech;
};
struct md_heard_vec MD_VEC(struct md_heard);

/* Adds cues and warnings to a transcript. heard: by chunk, then start. What is dropped leaves a
 * warning that says what and where: text repeated over and over, phrases that speech models are
 * known to make of music, what both of two overlapping chunks heard. MD_ERR_NOMEM. */
int md_transcript_assemble(const struct md_audio *audio, const struct md_chunk_vec *chunks,
                           const struct md_heard_vec *heard, struct md_transcript *transcript);

#endif
