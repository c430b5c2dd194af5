/* Who the movie talks about: names that recur. */
#ifndef MD_STORY_NAMES_H
#define MD_STORY_NAMES_H

#include "model/story.h"
#include "story/sentences.h"
#include "story/terms.h"

/* Fills ret_characters, most present first, and ret_words with the lower-case words of their names.
 * Says nothing rather than something doubtful. MD_ERR_NOMEM. */
int md_story_find_names(const struct md_sentence_vec *sentences,
                        const struct md_text_traits *traits,
                        struct md_character_vec *ret_characters, struct md_terms *ret_words);

#endif
