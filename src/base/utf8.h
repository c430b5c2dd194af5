/* UTF-8: validation and making foreign bytes fit to show. */
#ifndef MD_BASE_UTF8_H
#define MD_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decodes one code point at s (n > 0 bytes available). Returns the bytes it takes, 1 to 4,
 * or 0 when malformed (overlong, surrogate, > U+10FFFF, cut off). *ret_cp is set only on success.
 */
size_t md_utf8_decode(const char *s, size_t n, uint32_t *ret_cp);

/* Encodes cp (a valid scalar value) into out; returns the bytes written, 1 to 4. */
size_t md_utf8_encode(uint32_t cp, char out[4]);

bool md_utf8_is_valid(const char *s, size_t n);

/* Copies n bytes of src into dst (capacity size >= 1, always NUL-ended): malformed bytes become
 * U+FFFD, control characters (C0, DEL, C1, bidi overrides) a space. Never cuts a character in half.
 * Returns the length written. */
size_t md_utf8_sanitize(char *dst, size_t size, const char *src, size_t n);

#endif
