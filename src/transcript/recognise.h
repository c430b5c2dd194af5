/* Recognising the language of a text. */
#ifndef MD_TRANSCRIPT_RECOGNISE_H
#define MD_TRANSCRIPT_RECOGNISE_H

#include <stddef.h>

struct md_language_guess {
    const char *code; /* ISO 639-2/T as model/language.h has it ("deu"), static; NULL when nothing
                         fits */
    double score;     /* how well it fits, about 0.3 to 0.6 for clean text, < 0.1 for noise */
};

/* Only the first 256 KiB are looked at. only: NULL for every language known here, else ISO 639-1
 * codes between blanks ("pl cs hu"). */
struct md_language_guess md_language_recognise(const char *utf8, size_t n, const char *only);

/* For many guesses in a row: keeps the tables. NULL when out of memory. */
struct md_recogniser;
struct md_recogniser *md_recogniser_new(void);
void md_recogniser_free(struct md_recogniser *recogniser);
struct md_language_guess md_recogniser_guess(const struct md_recogniser *recogniser,
                                             const char *utf8, size_t n, const char *only);

/* A score from which on a guess is worth telling people. */
#define MD_LANGUAGE_SURE 0.12

#endif
