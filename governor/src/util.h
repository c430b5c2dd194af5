/* libgov internal: small things several files need. */
#ifndef GOV_SRC_UTIL_H
#define GOV_SRC_UTIL_H

#include <gov/base.h>
#include <gov/config.h>

#ifndef MIN
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#endif

/* The build sets 1 except for release. */
#ifndef GOV_CHECK_INVARIANTS
#define GOV_CHECK_INVARIANTS 0
#endif

/* a + b, stopping at the ends of int64_t. */
int64_t gov_add_saturated(int64_t a, int64_t b);

/*
 * Copies text of any bytes into a fixed field of size > 0: NULL is "", control bytes become '?', a
 * cut never leaves half a UTF-8 character, the rest of the field is zero.
 */
void gov_copy_text(char *to, size_t size, const char *text);
void gov_copy_label(char label[GOV_LABEL_MAX], const char *text);

/*
 * Reads a small text file whole, at most size - 1 bytes, and ends it with 0. Returns its length or
 * a negative gov_error (IO).
 */
int64_t gov_read_text(const char *path, char *text, size_t size);

/*
 * Parses an unsigned decimal at *text (blanks before it are skipped) and moves *text behind it.
 * False when there is none or it does not fit int64_t.
 */
bool gov_parse_i64(const char **text, int64_t *ret_value);

/* Without regard to case. */
bool gov_key_is_called(const struct gov_config_key *key, const char *name);

/* The number after `key` at the start of a line ("MemTotal:   123 kB", "oom_kill 3"). */
bool gov_find_i64(const char *text, const char *key, int64_t *ret_value);

#endif
