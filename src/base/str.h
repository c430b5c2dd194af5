/* A growable string that remembers failure, so that long texts are built without a check a line:
 *
 *   struct md_str s = {0};
 *   md_str_printf(&s, "%s\n", title);  md_str_append(&s, more);
 *   if (md_str_failed(&s)) return MD_ERR_NOMEM;
 */
#ifndef MD_BASE_STR_H
#define MD_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>

struct md_str {
    char *s; /* NUL-ended once anything was appended; may hold NULs inside; NULL when empty */
    size_t n, cap;
    bool failed; /* an allocation failed; everything after it was ignored */
};

void md_str_append(struct md_str *str, const char *text);
void md_str_append_n(struct md_str *str, const char *bytes, size_t n);
void md_str_append_char(struct md_str *str, char c);
void md_str_printf(struct md_str *str, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Appends text with & < > " ' escaped for HTML and XML; control characters other than tab and
 * newline, and malformed UTF-8, become U+FFFD. */
void md_str_append_xml(struct md_str *str, const char *text);
/* Appends bytes percent-encoded for a URI path: everything but A-Za-z0-9-._~/ is %XX. */
void md_str_append_uri_path(struct md_str *str, const char *bytes);

static inline bool md_str_failed(const struct md_str *str)
{
    return str->failed;
}
/* The text so far; "" when empty. */
static inline const char *md_str_text(const struct md_str *str)
{
    return str->s ? str->s : "";
}
void md_str_clear(struct md_str *str); /* keeps the memory */
void md_str_done(struct md_str *str);
/* Moves the text out (the caller frees it) and leaves str empty. NULL when something failed. */
char *md_str_take(struct md_str *str);

#define md_autostr __attribute__((cleanup(md_str_done))) struct md_str

#endif
