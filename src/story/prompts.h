/* Prompts for the language model: data files a person can edit, with three sections each, a
 * fourth for servers, and {{places}} for what the movie brings. */
#ifndef MD_STORY_PROMPTS_H
#define MD_STORY_PROMPTS_H

#include <stdint.h>

#include "base/error.h"
#include "base/str.h"

enum md_prompt_kind { MD_PROMPT_SCENE, MD_PROMPT_ACT, MD_PROMPT_MOVIE, MD_PROMPTS };

struct md_prompt_text {
    const char *name; /* "scene.prompt" */
    const char *text;
};
extern const struct md_prompt_text md_prompt_texts[]; /* built in; ended by one without a name */

struct md_prompt {
    char *system, *user, *grammar;
    char *schema; /* the grammar's form as a JSON schema; NULL: there is none */
};
struct md_prompts {
    struct md_prompt kinds[MD_PROMPTS];
    uint64_t hash; /* of all their texts */
};

/* From folder where it has a file of the name, else built in; folder may be NULL. MD_ERR_INPUT (a
 * section is missing, a file too long), MD_ERR_NOMEM. */
int md_prompts_load(const char *folder, struct md_prompts *ret_prompts, struct md_failure *failure);
void md_prompts_done(struct md_prompts *prompts);

struct md_prompt_place {
    const char *name, *text; /* ended by one without a name */
};

/* Appends the text with its places filled; what fills them is not looked at again. */
void md_prompt_fill(const char *text, const struct md_prompt_place *places, struct md_str *out);

#endif
