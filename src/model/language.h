/* Language codes as people and files write them: ISO 639-1 ("de"), 639-2 bibliographic and
 * terminological ("ger", "deu"), with a region ("de-AT"), or the English name ("German"). Any case.
 * Pure. */
#ifndef MD_MODEL_LANGUAGE_H
#define MD_MODEL_LANGUAGE_H

#include <stdbool.h>

/* The ISO 639-2/T code of a language written in any of these ways: "deu"; NULL when it is not in
 * the table. Static. */
const char *md_language_code(const char *text);

/* The English name: "German"; NULL when it is not in the table. Static. */
const char *md_language_name(const char *text);

/* Do both mean the same language? Codes that are not in the table must be equal but for case. */
bool md_language_same(const char *a, const char *b);

/* The place (from 0) of a language in a list such as "en,de"; -1 when it is not in it or either is
 * NULL. */
int md_language_rank(const char *wanted, const char *language);

#endif
