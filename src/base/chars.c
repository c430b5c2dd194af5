/* Ranges in code order, searched by halving. Whatever is in none of them and above U+007F is a
 * letter: an unknown script is then read as words between spaces, which is the least wrong. */
#include "base/chars.h"

#include <string.h>

#include "base/utf8.h"

enum { LONGEST_WORD = 64 };

struct range {
    uint32_t first, last;
    enum md_char is;
};

static const struct range ranges[] = {
    {0x0080, 0x00A0, MD_CHAR_SPACE},       {0x00A1, 0x00A1, MD_CHAR_OPEN},
    {0x00A2, 0x00A9, MD_CHAR_OTHER},       {0x00AB, 0x00AB, MD_CHAR_OPEN},
    {0x00AC, 0x00B4, MD_CHAR_OTHER},       {0x00B6, 0x00B9, MD_CHAR_OTHER},
    {0x00BB, 0x00BB, MD_CHAR_CLOSE},       {0x00BC, 0x00BE, MD_CHAR_OTHER},
    {0x00BF, 0x00BF, MD_CHAR_OPEN},        {0x00D7, 0x00D7, MD_CHAR_OTHER},
    {0x00F7, 0x00F7, MD_CHAR_OTHER},       {0x037E, 0x037E, MD_CHAR_STOP},
    {0x0387, 0x0387, MD_CHAR_PAUSE},       {0x0589, 0x0589, MD_CHAR_STOP},
    {0x058A, 0x058A, MD_CHAR_DASH},        {0x05BE, 0x05BE, MD_CHAR_DASH},
    {0x05C3, 0x05C3, MD_CHAR_STOP},        {0x0600, 0x060B, MD_CHAR_OTHER},
    {0x060C, 0x060D, MD_CHAR_PAUSE},       {0x061B, 0x061B, MD_CHAR_PAUSE},
    {0x061C, 0x061C, MD_CHAR_OTHER},       {0x061D, 0x061F, MD_CHAR_STOP},
    {0x0660, 0x0669, MD_CHAR_DIGIT},       {0x066A, 0x066D, MD_CHAR_OTHER},
    {0x06D4, 0x06D4, MD_CHAR_STOP},        {0x06F0, 0x06F9, MD_CHAR_DIGIT},
    {0x0964, 0x0965, MD_CHAR_STOP},        {0x0966, 0x096F, MD_CHAR_DIGIT},
    {0x09E6, 0x09EF, MD_CHAR_DIGIT},       {0x0E00, 0x0E3E, MD_CHAR_IDEOGRAPH},
    {0x0E3F, 0x0E3F, MD_CHAR_OTHER},       {0x0E40, 0x0E4F, MD_CHAR_IDEOGRAPH},
    {0x0E50, 0x0E59, MD_CHAR_DIGIT},       {0x0E5A, 0x0EFF, MD_CHAR_IDEOGRAPH},
    {0x1000, 0x1049, MD_CHAR_IDEOGRAPH},   {0x104A, 0x104B, MD_CHAR_STOP},
    {0x104C, 0x109F, MD_CHAR_IDEOGRAPH},   {0x1362, 0x1362, MD_CHAR_STOP},
    {0x1363, 0x1366, MD_CHAR_PAUSE},       {0x1367, 0x1368, MD_CHAR_STOP},
    {0x1780, 0x17D3, MD_CHAR_IDEOGRAPH},   {0x17D4, 0x17D5, MD_CHAR_STOP},
    {0x17D6, 0x17FF, MD_CHAR_IDEOGRAPH},   {0x2000, 0x200B, MD_CHAR_SPACE},
    {0x200C, 0x200F, MD_CHAR_OTHER},       {0x2010, 0x2015, MD_CHAR_DASH},
    {0x2018, 0x2018, MD_CHAR_OPEN},        {0x2019, 0x2019, MD_CHAR_APOSTROPHE},
    {0x201A, 0x201A, MD_CHAR_OPEN},        {0x201B, 0x201B, MD_CHAR_CLOSE},
    {0x201C, 0x201C, MD_CHAR_OPEN},        {0x201D, 0x201D, MD_CHAR_CLOSE},
    {0x201E, 0x201F, MD_CHAR_OPEN},        {0x2020, 0x2025, MD_CHAR_OTHER},
    {0x2026, 0x2026, MD_CHAR_STOP},        {0x2027, 0x2027, MD_CHAR_OTHER},
    {0x2028, 0x2029, MD_CHAR_SPACE},       {0x202A, 0x202E, MD_CHAR_OTHER},
    {0x202F, 0x202F, MD_CHAR_SPACE},       {0x2030, 0x2038, MD_CHAR_OTHER},
    {0x2039, 0x2039, MD_CHAR_OPEN},        {0x203A, 0x203A, MD_CHAR_CLOSE},
    {0x203C, 0x203D, MD_CHAR_STOP},        {0x203E, 0x2046, MD_CHAR_OTHER},
    {0x2047, 0x2049, MD_CHAR_STOP},        {0x204A, 0x205E, MD_CHAR_OTHER},
    {0x205F, 0x205F, MD_CHAR_SPACE},       {0x2060, 0x2BFF, MD_CHAR_OTHER},
    {0x2E00, 0x2E7F, MD_CHAR_OTHER},       {0x2E80, 0x2FFF, MD_CHAR_IDEOGRAPH},
    {0x3000, 0x3000, MD_CHAR_SPACE},       {0x3001, 0x3001, MD_CHAR_PAUSE},
    {0x3002, 0x3002, MD_CHAR_STOP},        {0x3003, 0x3004, MD_CHAR_OTHER},
    {0x3005, 0x3007, MD_CHAR_IDEOGRAPH},   {0x3008, 0x3008, MD_CHAR_OPEN},
    {0x3009, 0x3009, MD_CHAR_CLOSE},       {0x300A, 0x300A, MD_CHAR_OPEN},
    {0x300B, 0x300B, MD_CHAR_CLOSE},       {0x300C, 0x300C, MD_CHAR_OPEN},
    {0x300D, 0x300D, MD_CHAR_CLOSE},       {0x300E, 0x300E, MD_CHAR_OPEN},
    {0x300F, 0x300F, MD_CHAR_CLOSE},       {0x3010, 0x3010, MD_CHAR_OPEN},
    {0x3011, 0x3011, MD_CHAR_CLOSE},       {0x3012, 0x303F, MD_CHAR_OTHER},
    {0x3041, 0x309F, MD_CHAR_IDEOGRAPH},   {0x30A0, 0x30A0, MD_CHAR_DASH},
    {0x30FB, 0x30FB, MD_CHAR_PAUSE},       {0x3105, 0x3130, MD_CHAR_IDEOGRAPH},
    {0x3190, 0x31EF, MD_CHAR_IDEOGRAPH},   {0x3200, 0x33FF, MD_CHAR_OTHER},
    {0x3400, 0x9FFF, MD_CHAR_IDEOGRAPH},   {0xE000, 0xF8FF, MD_CHAR_OTHER},
    {0xF900, 0xFAFF, MD_CHAR_IDEOGRAPH},   {0xFD3E, 0xFD3F, MD_CHAR_OTHER},
    {0xFE00, 0xFE6F, MD_CHAR_OTHER},       {0xFEFF, 0xFEFF, MD_CHAR_OTHER},
    {0xFF01, 0xFF01, MD_CHAR_STOP},        {0xFF02, 0xFF07, MD_CHAR_OTHER},
    {0xFF08, 0xFF08, MD_CHAR_OPEN},        {0xFF09, 0xFF09, MD_CHAR_CLOSE},
    {0xFF0A, 0xFF0B, MD_CHAR_OTHER},       {0xFF0C, 0xFF0C, MD_CHAR_PAUSE},
    {0xFF0D, 0xFF0D, MD_CHAR_DASH},        {0xFF0E, 0xFF0E, MD_CHAR_STOP},
    {0xFF0F, 0xFF0F, MD_CHAR_OTHER},       {0xFF10, 0xFF19, MD_CHAR_DIGIT},
    {0xFF1A, 0xFF1B, MD_CHAR_PAUSE},       {0xFF1C, 0xFF1E, MD_CHAR_OTHER},
    {0xFF1F, 0xFF1F, MD_CHAR_STOP},        {0xFF20, 0xFF20, MD_CHAR_OTHER},
    {0xFF3B, 0xFF40, MD_CHAR_OTHER},       {0xFF5B, 0xFF60, MD_CHAR_OTHER},
    {0xFF61, 0xFF61, MD_CHAR_STOP},        {0xFF62, 0xFF62, MD_CHAR_OPEN},
    {0xFF63, 0xFF63, MD_CHAR_CLOSE},       {0xFF64, 0xFF65, MD_CHAR_PAUSE},
    {0xFFE0, 0xFFFF, MD_CHAR_OTHER},       {0x1F000, 0x1FFFF, MD_CHAR_OTHER},
    {0x20000, 0x3FFFF, MD_CHAR_IDEOGRAPH}, {0xE0000, 0x10FFFF, MD_CHAR_OTHER},
};

static enum md_char ascii_class(uint32_t cp)
{
    if ((cp >= 'a' && cp <= 'z') || (cp >= 'A' && cp <= 'Z'))
        return MD_CHAR_LETTER;
    if (cp >= '0' && cp <= '9')
        return MD_CHAR_DIGIT;
    switch (cp) {
    case '\'':
    case '`':
        return MD_CHAR_APOSTROPHE;
    case '-':
        return MD_CHAR_DASH;
    case '.':
    case '!':
    case '?':
        return MD_CHAR_STOP;
    case ',':
    case ';':
    case ':':
        return MD_CHAR_PAUSE;
    case '"':
    case '(':
    case '[':
    case '{':
        return MD_CHAR_OPEN;
    case ')':
    case ']':
    case '}':
        return MD_CHAR_CLOSE;
    default:
        return cp <= ' ' || cp == 0x7F ? MD_CHAR_SPACE : MD_CHAR_OTHER;
    }
}

enum md_char md_char_class(uint32_t cp)
{
    if (cp < 0x80)
        return ascii_class(cp);
    size_t low = 0, high = sizeof ranges / sizeof *ranges;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (cp > ranges[middle].last)
            low = middle + 1;
        else if (cp < ranges[middle].first)
            high = middle;
        else
            return ranges[middle].is;
    }
    return MD_CHAR_LETTER;
}

/* Blocks where upper and lower case alternate, the upper one even (or odd). */
static bool alternates_even(uint32_t cp)
{
    return (cp >= 0x100 && cp <= 0x137 && cp != 0x130 && cp != 0x131) ||
           (cp >= 0x14A && cp <= 0x177) || (cp >= 0x1DE && cp <= 0x1EF) ||
           (cp >= 0x1F8 && cp <= 0x21F) || (cp >= 0x222 && cp <= 0x233) ||
           (cp >= 0x3D8 && cp <= 0x3EF) || (cp >= 0x460 && cp <= 0x481) ||
           (cp >= 0x48A && cp <= 0x4BF) || (cp >= 0x4D0 && cp <= 0x52F) ||
           (cp >= 0x1E00 && cp <= 0x1E95) || (cp >= 0x1EA0 && cp <= 0x1EFF);
}
static bool alternates_odd(uint32_t cp)
{
    return (cp >= 0x139 && cp <= 0x148) || (cp >= 0x179 && cp <= 0x17E) ||
           (cp >= 0x1CD && cp <= 0x1DC) || (cp >= 0x4C1 && cp <= 0x4CE);
}

struct shift {
    uint32_t first, last; /* upper case */
    uint32_t by;          /* lower = upper + by */
};

static const struct shift shifts[] = {
    {'A', 'Z', 32},       {0xC0, 0xD6, 32},   {0xD8, 0xDE, 32},   {0x386, 0x386, 38},
    {0x388, 0x38A, 37},   {0x38C, 0x38C, 64}, {0x38E, 0x38F, 63}, {0x391, 0x3A1, 32},
    {0x3A3, 0x3AB, 32},   {0x400, 0x40F, 80}, {0x410, 0x42F, 32}, {0x531, 0x556, 48},
    {0xFF21, 0xFF3A, 32},
};

uint32_t md_char_lower(uint32_t cp)
{
    for (size_t i = 0; i < sizeof shifts / sizeof *shifts; i++)
        if (cp >= shifts[i].first && cp <= shifts[i].last)
            return cp + shifts[i].by;
    if (cp == 0x130)
        return 'i';
    if (cp == 0x178)
        return 0xFF;
    if (alternates_even(cp))
        return cp | 1;
    if (alternates_odd(cp))
        return cp % 2 ? cp + 1 : cp;
    return cp;
}

uint32_t md_char_upper(uint32_t cp)
{
    for (size_t i = 0; i < sizeof shifts / sizeof *shifts; i++)
        if (cp >= shifts[i].first + shifts[i].by && cp <= shifts[i].last + shifts[i].by)
            return cp - shifts[i].by;
    if (cp == 0x3C2) /* final sigma */
        return 0x3A3;
    if (cp == 0xFF)
        return 0x178;
    if (alternates_even(cp))
        return cp & ~UINT32_C(1);
    if (alternates_odd(cp))
        return cp % 2 ? cp : cp - 1;
    return cp;
}

size_t md_char_next(const char *s, size_t n, uint32_t *ret_cp)
{
    size_t used = md_utf8_decode(s, n, ret_cp);
    if (used > 0)
        return used;
    *ret_cp = 0xFFFD;
    return 1;
}

static enum md_char class_at(const char *s, size_t n, size_t pos)
{
    uint32_t cp;
    if (pos >= n)
        return MD_CHAR_SPACE;
    md_char_next(s + pos, n - pos, &cp);
    return md_char_class(cp);
}

/* Letters and digits, with single apostrophes and hyphens between letters inside. */
static size_t word_end(const char *s, size_t n, size_t pos, struct md_word *word)
{
    bool upper = false, lower = false;
    while (pos < n && word->length < LONGEST_WORD) {
        uint32_t cp;
        size_t used = md_char_next(s + pos, n - pos, &cp);
        enum md_char is = md_char_class(cp);
        bool joins = (is == MD_CHAR_APOSTROPHE || is == MD_CHAR_DASH) &&
                     class_at(s, n, pos + used) == MD_CHAR_LETTER;
        if (is != MD_CHAR_LETTER && is != MD_CHAR_DIGIT && !joins)
            break;
        upper |= md_char_is_upper(cp);
        lower |= md_char_is_lower(cp);
        word->length++;
        pos += used;
    }
    word->all_capitals = upper && !lower && word->length >= 2;
    return pos;
}

bool md_word_next(const char *s, size_t n, size_t *inout_pos, struct md_word *ret_word)
{
    size_t pos = *inout_pos;
    while (pos < n) {
        uint32_t cp;
        size_t used = md_char_next(s + pos, n - pos, &cp);
        enum md_char is = md_char_class(cp);
        size_t end = pos + used;
        struct md_word word = {.s = s + pos, .number = is == MD_CHAR_DIGIT};
        if (is == MD_CHAR_LETTER || is == MD_CHAR_DIGIT) {
            word.capital = md_char_is_upper(cp);
            end = word_end(s, n, pos, &word);
            *inout_pos = end;
        } else if (is == MD_CHAR_IDEOGRAPH) {
            bool has_next = class_at(s, n, end) == MD_CHAR_IDEOGRAPH;
            bool has_third;
            *inout_pos = end;
            if (has_next)
                end += md_char_next(s + end, n - end, &cp);
            /* the last character of a run is the second of the pair before */
            has_third = has_next && class_at(s, n, end) == MD_CHAR_IDEOGRAPH;
            if (has_next && !has_third)
                *inout_pos = end;
            word.length = has_next ? 2 : 1;
            word.pair = true;
        } else {
            pos = end;
            continue;
        }
        word.n = (size_t)(s + end - word.s);
        word.follows = class_at(s, n, end);
        *ret_word = word;
        return true;
    }
    *inout_pos = n;
    return false;
}

size_t md_word_lower(const struct md_word *word, char *out, size_t size)
{
    size_t written = 0;
    for (size_t pos = 0; pos < word->n;) {
        uint32_t cp;
        char bytes[4];
        pos += md_char_next(word->s + pos, word->n - pos, &cp);
        size_t used = md_utf8_encode(cp == 0x2019 || cp == '`' ? '\'' : md_char_lower(cp), bytes);
        if (written + used >= size)
            break;
        memcpy(out + written, bytes, used);
        written += used;
    }
    out[written] = '\0';
    return written;
}
