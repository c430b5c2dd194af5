/* Subtitle cues joined into sentences. */
#ifndef MD_STORY_SENTENCES_H
#define MD_STORY_SENTENCES_H

#include "model/story.h"
#include "model/transcript.h"
#include "story/languages.h"

/* How a transcript is written, which decides what may be read from it. */
struct md_text_traits {
    const struct md_story_language *language; /* never NULL; code "" when unknown */
    bool has_case;                            /* a script that has capitals */
    bool all_capitals;                        /* … and nothing but capitals */
    bool punctuated;                          /* cues usually end as sentences do */
};

void md_story_read_traits(const struct md_transcript *transcript, struct md_text_traits *ret);

/* Appends to ret_sentences (sorted by start, importance and emotion 0) and, where something was
 * left out, a sentence for the person to warnings. Cues from limit_us on are not of this movie and
 * are dropped; sounds are left out. Cost is linear in the text. MD_ERR_NOMEM. */
int md_story_join_sentences(const struct md_transcript *transcript,
                            const struct md_text_traits *traits, int64_t limit_us,
                            struct md_sentence_vec *ret_sentences, struct md_strings *warnings);

#endif
