/* How strong the feeling in the words is: its strength, not its kind. */
#ifndef MD_STORY_EMOTION_H
#define MD_STORY_EMOTION_H

#include "model/story.h"
#include "story/sentences.h"

/* Sets emotion, 0 to 1, of every sentence. MD_ERR_NOMEM. */
int md_story_feel(const struct md_text_traits *traits, struct md_sentence_vec *sentences);

#endif
