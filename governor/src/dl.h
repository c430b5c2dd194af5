/*
 * libgov internal: libraries loaded at run time as tables of functions. A table is a struct of
 * function pointers; each row of its description says where a symbol goes and whether the library
 * is of use without it.
 */
#ifndef GOV_SRC_DL_H
#define GOV_SRC_DL_H

#include <gov/base.h>

struct gov_dl_symbol {
    /* Names of one ABI, newest first, each ended by 0 ("new_v2\0new"): the first found is used. */
    const char *names;
    size_t offset; /* of the function pointer in the table; left NULL when there is none */
    bool required;
};

/*
 * Tries paths (NULL-ended) in order. Each is a soname, found as the system finds libraries, or an
 * absolute path: a relative one would make the current directory decide what is loaded.
 * Errors: INVALID (a relative path), NO_DEVICE (none loads, or a required symbol is missing);
 * reason (may be NULL) says which.
 */
int gov_dl_open(const char *const *paths, const struct gov_dl_symbol *symbols, size_t count,
                void *table, void **ret_handle, char *reason, size_t reason_size);

/* Writes a text for a person; text may be NULL. */
void gov_dl_say(char *text, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
