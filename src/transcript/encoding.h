/* Foreign bytes into UTF-8: finding out which character set a subtitle file is in. */
#ifndef MD_TRANSCRIPT_ENCODING_H
#define MD_TRANSCRIPT_ENCODING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct md_encoding_result {
    char *text; /* UTF-8, NUL-ended, no NUL inside, no byte order mark; the caller frees */
    size_t n;
    const char *name;   /* "UTF-8", "WINDOWS-1251", ... static */
    size_t replaced;    /* places that could not be read: each became U+FFFD */
    bool guessed_badly; /* nothing fitted; read as Windows-1252 */
};

/* MD_ERR_NOMEM is the only error. hint: languages between commas, or NULL; breaks
 * ties. Order: byte order marks, UTF-16 without one, UTF-8, then the character set whose decoding
 * looks most like a language (recognise.h). */
int md_encoding_decode(const char *bytes, size_t n, const char *hint,
                       struct md_encoding_result *ret);

#endif
