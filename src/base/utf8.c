/* A hand-written decoder, as glibc's mbrtowc depends on the locale and foreign bytes must be
 * judged the same everywhere. Rejects what RFC 3629 rejects. */
#include "base/utf8.h"

#include <string.h>

size_t md_utf8_decode(const char *s, size_t n, uint32_t *ret_cp)
{
    const unsigned char *p = (const unsigned char *)s;
    if (n == 0)
        return 0;
    if (p[0] < 0x80) {
        *ret_cp = p[0];
        return 1;
    }
    size_t len = p[0] >= 0xF0 ? 4 : p[0] >= 0xE0 ? 3 : 2;
    if (p[0] < 0xC2 || p[0] > 0xF4 || n < len)
        return 0;
    uint32_t cp = p[0] & (0xFFu >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xC0) != 0x80)
            return 0;
        cp = cp << 6 | (p[i] & 0x3Fu);
    }
    static const uint32_t smallest[5] = {0, 0, 0x80, 0x800, 0x10000};
    if (cp < smallest[len] || cp > 0x10FFFF || (cp >= 0xD800 && cp <= 0xDFFF))
        return 0;
    *ret_cp = cp;
    return len;
}

size_t md_utf8_encode(uint32_t cp, char out[4])
{
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    size_t len = cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
    static const unsigned char lead[5] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = len - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (cp & 0x3F));
        cp >>= 6;
    }
    out[0] = (char)(lead[len] | cp);
    return len;
}

bool md_utf8_is_valid(const char *s, size_t n)
{
    uint32_t cp;
    while (n > 0) {
        size_t used = md_utf8_decode(s, n, &cp);
        if (used == 0)
            return false;
        s += used;
        n -= used;
    }
    return true;
}

/* Control characters and bidirectional overrides can rearrange a terminal or a report. */
static bool is_control(uint32_t cp)
{
    return cp < 0x20 || (cp >= 0x7F && cp < 0xA0) || (cp >= 0x202A && cp <= 0x202E) ||
           (cp >= 0x2066 && cp <= 0x2069) || cp == 0x2028 || cp == 0x2029;
}

size_t md_utf8_sanitize(char *dst, size_t size, const char *src, size_t n)
{
    size_t out = 0;
    while (n > 0) {
        uint32_t cp;
        char bytes[4];
        size_t used = md_utf8_decode(src, n, &cp);
        if (used == 0) {
            cp = 0xFFFD;
            used = 1;
        } else if (is_control(cp)) {
            cp = ' ';
        }
        size_t len = md_utf8_encode(cp, bytes);
        if (out + len >= size)
            break;
        memcpy(dst + out, bytes, len);
        out += len;
        src += used;
        n -= used;
    }
    dst[out] = '\0';
    return out;
}
