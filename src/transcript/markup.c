/* One pass over the bytes, appending what a viewer would see; a second pass tidies lines. Anything
 * that is not clearly markup stays, since "<3" and "{sic}" are things people write: in SRT only
 * tags of known names go, in WebVTT and ASS whatever the format reserves.
 */
#include "transcript/markup.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/utf8.h"

struct stripper {
    struct md_str *out;
    enum md_subtitle_format format;
    bool in_ruby;    /* inside <rt>: the reading of the characters before it */
    bool in_drawing; /* ASS \p1: the text is a path */
    bool is_sung;
};

/* Tags are short; a '<' without '>' soon after it is a less-than sign. */
enum { MAX_TAG_BYTES = 256 };

static bool name_is(const char *s, size_t n, const char *name)
{
    return strlen(name) == n && strncasecmp(s, name, n) == 0;
}

static bool is_known_tag(const char *s, size_t n)
{
    static const char *const names[] = {
        "i",  "b",      "u",  "s", "c",   "v", "font", "ruby", "rt",  "rp",  "lang",  "span",
        "em", "strong", "br", "p", "div", "a", "tt",   "sub",  "sup", "big", "small", "center"};
    for (size_t i = 0; i < MD_ARRAY_LEN(names); i++)
        if (name_is(s, n, names[i]))
            return true;
    return false;
}

static void append_speaker(struct md_str *out, const char *s, size_t n)
{
    while (n > 0 && (*s == ' ' || *s == '\t'))
        s++, n--;
    if (n == 0)
        return;
    md_str_append_char(out, MD_MARK_SPEAKER);
    for (size_t i = 0; i < n; i++)
        md_str_append_char(out, (unsigned char)s[i] < 0x20 ? ' ' : s[i]);
    md_str_append_char(out, MD_MARK_END);
}

/* s[0..n) is what stands between '<' and '>'. True when it is markup. */
static bool take_tag(struct stripper *st, const char *s, size_t n)
{
    bool closing = n > 0 && *s == '/';
    size_t at = closing ? 1 : 0, start = at;
    while (at < n && ((s[at] | 0x20) >= 'a' && (s[at] | 0x20) <= 'z'))
        at++;
    size_t name_n = at - start;
    bool is_time = n > 0 && s[0] >= '0' && s[0] <= '9' && memchr(s, ':', n) != NULL;
    if (st->format == MD_SUBTITLE_SRT && !is_time && !is_known_tag(s + start, name_n))
        return false;
    if (name_is(s + start, name_n, "br") || (closing && name_is(s + start, name_n, "p")))
        md_str_append_char(st->out, '\n');
    if (name_is(s + start, name_n, "rt") || name_is(s + start, name_n, "rp"))
        st->in_ruby = !closing;
    if (closing && name_is(s + start, name_n, "ruby"))
        st->in_ruby = false;
    if (!closing && name_is(s + start, name_n, "v")) {
        while (at < n && s[at] != ' ' && s[at] != '\t') /* classes: <v.loud Anna> */
            at++;
        append_speaker(st->out, s + at, n - at);
    }
    return true;
}

/* s[0..n) is what stands between '{' and '}'. True when it is markup. */
static bool take_braces(struct stripper *st, const char *s, size_t n)
{
    bool override = n > 0 && s[0] == '\\';
    bool microdvd = n >= 2 && ((s[0] | 0x20) >= 'a' && (s[0] | 0x20) <= 'z') && s[1] == ':';
    if (st->format != MD_SUBTITLE_ASS)
        return override || microdvd;
    for (size_t i = 0; i + 1 < n; i++) {
        if (s[i] != '\\')
            continue;
        char next = i + 2 < n ? s[i + 2] : '\0';
        if (s[i + 1] == 'p' && next >= '0' && next <= '9')
            st->in_drawing = next != '0';
        else if ((s[i + 1] == 'k' || s[i + 1] == 'K') &&
                 (next == 'f' || next == 'o' || (next >= '0' && next <= '9')))
            st->is_sung = true;
    }
    return true;
}

static size_t decode_number(const char *s, size_t n, uint32_t *ret_cp)
{
    bool hex = n > 2 && (s[2] == 'x' || s[2] == 'X');
    uint32_t cp = 0;
    size_t i = hex ? 3 : 2, first = i;
    for (; i < n && i < first + 7; i++) {
        char c = s[i];
        int digit = c >= '0' && c <= '9'                            ? c - '0'
                    : hex && (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
                                                                    : -1;
        if (digit < 0)
            break;
        cp = cp * (hex ? 16 : 10) + (uint32_t)digit;
    }
    if (i == first || i >= n || s[i] != ';' || cp == 0 || cp > 0x10FFFF ||
        (cp >= 0xD800 && cp <= 0xDFFF))
        return 0;
    *ret_cp = cp;
    return i + 1;
}

/* Decodes an entity at s ('&'); returns the bytes it takes, 0 when it is none. */
static size_t take_entity(struct md_str *out, const char *s, size_t n)
{
    static const struct {
        const char *name, *text;
    } named[] = {{"&amp;", "&"},
                 {"&lt;", "<"},
                 {"&gt;", ">"},
                 {"&quot;", "\""},
                 {"&apos;", "'"},
                 {"&nbsp;", " "},
                 {"&lrm;", ""},
                 {"&rlm;", ""},
                 {"&mdash;", "\xE2\x80\x94"},
                 {"&ndash;", "\xE2\x80\x93"},
                 {"&hellip;", "\xE2\x80\xA6"}};
    for (size_t i = 0; i < MD_ARRAY_LEN(named); i++) {
        size_t len = strlen(named[i].name);
        if (n >= len && memcmp(s, named[i].name, len) == 0) {
            md_str_append(out, named[i].text);
            return len;
        }
    }
    uint32_t cp;
    size_t used = n > 2 && s[1] == '#' ? decode_number(s, n, &cp) : 0;
    if (used) {
        char bytes[4];
        size_t len = cp < 0x20 ? 0 : md_utf8_encode(cp, bytes);
        md_str_append_n(out, bytes, len);
    }
    return used;
}

/* ASS: \N and \n break lines, \h is a hard blank. SRT files copied from ASS have \N too. */
static size_t take_escape(struct stripper *st, const char *s, size_t n)
{
    if (n < 2 || (st->format != MD_SUBTITLE_ASS && s[1] != 'N'))
        return 0;
    if (s[1] != 'N' && s[1] != 'n' && s[1] != 'h')
        return 0;
    md_str_append_char(st->out, s[1] == 'N' ? '\n' : ' ');
    return 2;
}

/* Handles what starts at s; returns the bytes used, 0 when it is ordinary text. */
static size_t take_markup(struct stripper *st, const char *s, size_t n)
{
    if (*s == '\\')
        return take_escape(st, s, n);
    if (*s == '&')
        return st->format == MD_SUBTITLE_ASS ? 0 : take_entity(st->out, s, n);
    if (*s == '<' && st->format != MD_SUBTITLE_ASS) {
        const char *end = memchr(s, '>', MD_MIN(n, (size_t)MAX_TAG_BYTES));
        return end && take_tag(st, s + 1, (size_t)(end - s - 1)) ? (size_t)(end - s) + 1 : 0;
    }
    if (*s == '{') {
        /* In ASS every pair is markup and used up; elsewhere bounded, to stay linear. */
        size_t far = st->format == MD_SUBTITLE_ASS ? n : MD_MIN(n, (size_t)MAX_TAG_BYTES);
        const char *end = memchr(s, '}', far);
        return end && take_braces(st, s + 1, (size_t)(end - s - 1)) ? (size_t)(end - s) + 1 : 0;
    }
    return 0;
}

static void strip(struct stripper *st, const char *text)
{
    size_t n = strlen(text);
    /* memchr for '}' would be quadratic in a text of opening braces: look only while one is left.
     */
    const char *last_brace = memrchr(text, '}', n);
    while (n > 0) {
        bool candidate = *text == '\\' || *text == '&' || *text == '<' ||
                         (*text == '{' && last_brace && text < last_brace);
        size_t used = candidate ? take_markup(st, text, n) : 0;
        if (used == 0) {
            unsigned char c = (unsigned char)*text;
            if (!st->in_ruby && !st->in_drawing)
                md_str_append_char(st->out, c < 0x20 && c != '\n' ? ' ' : (char)c);
            used = 1;
        }
        text += used;
        n -= used;
    }
}

/* Characters that show nothing: byte order mark, zero-width blank, soft hyphen, direction marks. */
static bool is_invisible(uint32_t cp)
{
    return cp == 0xFEFF || cp == 0x200B || cp == 0xAD || cp == 0x200E || cp == 0x200F ||
           (cp >= 0x202A && cp <= 0x202E) || (cp >= 0x2066 && cp <= 0x2069);
}

static bool is_wide_blank(uint32_t cp)
{
    return cp == ' ' || cp == '\t' || cp == 0xA0 || cp == 0x3000 ||
           (cp >= 0x2000 && cp <= 0x200A) || cp == 0x202F || cp == 0x205F || cp == 0x7F ||
           (cp >= 0x80 && cp < 0xA0);
}

/* Collapses blanks, trims lines and drops empty ones. */
static void tidy_lines(struct md_str *out, const char *text, size_t n)
{
    bool pending_blank = false, pending_line = false, any = false;
    while (n > 0) {
        uint32_t cp = 0xFFFD;
        size_t used = md_utf8_decode(text, n, &cp);
        if (cp == '\n' || cp == 0x2028 || cp == 0x2029) {
            pending_line = any;
            pending_blank = false;
        } else if (is_wide_blank(cp)) {
            pending_blank = true;
        } else if (!is_invisible(cp)) {
            if (pending_line)
                md_str_append_char(out, '\n');
            else if (pending_blank && any)
                md_str_append_char(out, ' ');
            if (used)
                md_str_append_n(out, text, used);
            else
                md_str_append(out, "\xEF\xBF\xBD");
            pending_line = pending_blank = false;
            any = true;
        }
        text += used ? used : 1;
        n -= used ? used : 1;
    }
}

void md_markup_strip(struct md_str *out, const char *text, enum md_subtitle_format format,
                     bool *ret_is_sung)
{
    md_autostr seen = {0};
    struct stripper st = {.out = &seen, .format = format};
    strip(&st, text);
    if (md_str_failed(&seen))
        out->failed = true;
    else
        tidy_lines(out, md_str_text(&seen), seen.n);
    *ret_is_sung = st.is_sung;
}
