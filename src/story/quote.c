/* Character by character and by block, as few rules as do the work: what is quoted has to be read,
 * not reproduced. A server puts our text into its model's form and reads marks out of the whole, so
 * a subtitle must not be able to write one; a local model gets it as plain letters anyway. */
#include "story/quote.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/chars.h"
#include "base/utf8.h"

struct range {
    uint32_t first, last;
};

static bool is_in(const struct range *ranges, size_t n, uint32_t cp)
{
    for (size_t i = 0; i < n; i++)
        if (cp >= ranges[i].first && cp <= ranges[i].last)
            return true;
    return false;
}

static bool is_invisible(uint32_t cp)
{
    static const struct range ranges[] = {
        {0x00AD, 0x00AD},   /* soft hyphen */
        {0x034F, 0x034F},   /* joiner */
        {0x061C, 0x061C},   /* direction */
        {0x180B, 0x180F},   /* variations */
        {0x200B, 0x200F},   /* zero width, direction */
        {0x202A, 0x202E},   /* direction */
        {0x2060, 0x206F},   /* joiners, direction */
        {0xFE00, 0xFE0F},   /* variations */
        {0xFEFF, 0xFEFF},   /* byte order mark */
        {0xFFF0, 0xFFFB},   /* annotations */
        {0xE0000, 0xE0FFF}, /* tags, variations */
    };
    return is_in(ranges, sizeof ranges / sizeof *ranges, cp);
}

/* Some scripts are misspelt without. */
static bool is_joiner(uint32_t cp)
{
    return cp == 0x200C || cp == 0x200D;
}

static bool is_space(uint32_t cp)
{
    static const struct range ranges[] = {{0, 0x20},        {0x7F, 0xA0},     {0x2000, 0x200A},
                                          {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F},
                                          {0x3000, 0x3000}};
    return is_in(ranges, sizeof ranges / sizeof *ranges, cp);
}

static uint32_t harmless(uint32_t cp)
{
    static const uint32_t pairs[][2] = {
        {'<', 0x2039}, {'>', 0x203A},    {'[', '('},       {']', ')'},     {'{', '('},
        {'}', ')'},    {'|', 0xA6},      {0xFF5C, 0xA6},   {0x2502, 0xA6}, {'`', '\''},
        {'\\', '/'},   {0xFF1C, 0x2039}, {0xFF1E, 0x203A}, {0x2581, '_'}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (pairs[i][0] == cp)
            return pairs[i][1];
    return cp;
}

/* Appends at most max_bytes; returns how many bytes of text were taken. */
static size_t append(struct md_str *out, const char *text, size_t max_bytes, bool quoted)
{
    const size_t start = out->n, n = strlen(text);
    bool space = false;
    for (size_t i = 0, step; i < n; i += step) {
        char bytes[4];
        uint32_t cp;
        step = md_char_next(text + i, n - i, &cp);
        if (is_invisible(cp) && (quoted || !is_joiner(cp)))
            continue;
        if (is_space(cp)) {
            space = out->n > start;
            continue;
        }
        size_t length = md_utf8_encode(quoted ? harmless(cp) : cp, bytes);
        if (out->n - start + space + length > max_bytes || md_str_failed(out))
            return i;
        if (space)
            md_str_append_char(out, ' ');
        md_str_append_n(out, bytes, length);
        space = false;
    }
    return n;
}

void md_quote_line(struct md_str *out, const char *text, size_t max_bytes)
{
    append(out, text, max_bytes, true);
}

void md_quote_reply(struct md_str *out, const char *text, size_t max_bytes)
{
    static const char dots[] = "\xE2\x80\xA6";
    const size_t start = out->n;
    if (append(out, text, max_bytes, false) == strlen(text) || md_str_failed(out))
        return;
    size_t end = out->n;
    while (end > start && out->s[end - 1] != ' ')
        end--;
    if (end > start + (out->n - start) / 2) { /* a text without spaces is cut where it is */
        out->n = end - 1;
        out->s[out->n] = '\0';
    }
    md_str_append(out, dots);
}
