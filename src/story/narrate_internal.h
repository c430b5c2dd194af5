/* The narrator's parts:
 *   narrate.c         what the model is asked
 *   narrate_take.c    what becomes of its replies
 *   narrate_people.c  whom it has seen, held against the dialogue */
#ifndef MD_STORY_NARRATE_INTERNAL_H
#define MD_STORY_NARRATE_INTERNAL_H

#include "base/vec.h"
#include "story/narrate.h"

/* Somebody the model has seen in a scene, and who is in its words or is known anyway. */
struct md_told_name {
    char *name;
    int64_t segment;
};
struct md_told_names MD_VEC(struct md_told_name);

struct md_narrator {
    struct md_narrator_params params;
    struct md_ints scenes; /* segments with dialogue */
    int64_t *told_line;    /* of each segment: sentence; -1 none */
    size_t asked, useless;
    struct md_told_names names;
    struct md_str user;
};

/* Notes those of `who` that are really there. MD_ERR_NOMEM. */
int md_narrator_note_people_(struct md_narrator *n, int64_t segment, const struct md_strings *who);
/* All scenes are told: whoever was seen again and again becomes a character, and scenes with those
 * the story is about count for more. MD_ERR_NOMEM. */
int md_narrator_settle_people_(struct md_narrator *n);
/* Who somebody is; ignored for a name nobody has. MD_ERR_NOMEM. */
int md_narrator_describe_(struct md_narrator *n, const char *name, const char *role);

/* Moves the text over. */
static inline void md_narrator_replace_(char **text, char **by)
{
    free(*text);
    *text = *by;
    *by = NULL;
}

#endif
