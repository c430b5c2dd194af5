/* A movie's work folder as the stages before leave it, made on the spot. */
#ifndef MD_TESTS_WORKERS_MOVIE_H
#define MD_TESTS_WORKERS_MOVIE_H

#include <stdint.h>

#include "base/file.h"

/* A fresh folder with "movie" and "work": media.json, audio.json and audio.pcm of `seconds` of
 * sound in which noise like talk (3 to 20 s) and silence (2 to 9 s) take turns. Free with
 * movie_remove. */
char *movie_make(int seconds, unsigned seed);
/* With a shot each five seconds and subtitles; each third of them says `extra`, when not NULL. */
char *movie_make_talk(int seconds, unsigned seed, const char *extra);
void movie_remove(char *folder);

/* The bytes of a file in its work folder, NUL-ended; NULL: there is none. */
char *movie_read(const char *folder, const char *name);

/* Takes a file of the work folder away. */
void movie_forget(const char *folder, const char *name);
/* The story and what of it was told already. */
void movie_forget_story(const char *folder);

#endif
