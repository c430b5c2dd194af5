/* Titles and subtitles come from strangers. Each format's escaping is written once, here, on top of
 * one cleaning that all share. */
#include "render/outputs_text.h"

#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/utf8.h"

static bool is_harmful(uint32_t cp)
{
    return cp < 0x20 || (cp >= 0x7F && cp < 0xA0) || (cp >= 0x202A && cp <= 0x202E) ||
           (cp >= 0x2066 && cp <= 0x2069) || cp == 0x2028 || cp == 0x2029 || cp == 0xFEFF;
}

/* Calls put for every character that may stay. Line breaks and tabs are handed over as such. */
static void each_character(struct md_str *out, const char *text,
                           void (*put)(struct md_str *out, const char *bytes, size_t n))
{
    size_t left = text ? strlen(text) : 0;
    while (left > 0) {
        uint32_t cp = 0;
        size_t n = md_utf8_decode(text, left, &cp);
        if (n == 0) {
            put(out, "\xEF\xBF\xBD", 3);
            n = 1;
        } else if (cp == '\n' || cp == '\t' || !is_harmful(cp)) {
            put(out, text, n);
        }
        text += n;
        left -= n;
    }
}

static void put_plain(struct md_str *out, const char *bytes, size_t n)
{
    if (*bytes == '\n' || *bytes == '\t')
        md_str_append_char(out, ' ');
    else
        md_str_append_n(out, bytes, n);
}

void md_text_plain(struct md_str *out, const char *text)
{
    each_character(out, text, put_plain);
}

/* Markup in the middle of a line, and where links are made of plain text: "://", "www.", "a@b". */
static bool is_markup(const char *text, size_t i)
{
    if (strchr("\\`*_[]<>&|~^$@", text[i]))
        return true;
    if (text[i] == ':')
        return text[i + 1] == '/';
    return text[i] == '.' && i >= 3 && strncasecmp(text + i - 3, "www", 3) == 0;
}

/* The character that would make this line a heading, a list or a rule; SIZE_MAX: none. */
static size_t line_mark(const char *text)
{
    size_t blanks = strspn(text, " "), digits = strspn(text + blanks, "0123456789");
    char mark = text[blanks + digits];
    if (mark && strchr(digits ? ".)" : "#+-=", mark))
        return blanks + digits;
    return SIZE_MAX;
}

void md_text_markdown(struct md_str *out, const char *text)
{
    md_autostr clean = {0};
    md_text_plain(&clean, text);
    out->failed |= md_str_failed(&clean);
    const char *line = md_str_text(&clean);
    size_t mark = line_mark(line);
    for (size_t i = 0; line[i]; i++) {
        if (i == mark || is_markup(line, i))
            md_str_append_char(out, '\\');
        md_str_append_char(out, line[i]);
    }
}

static void put_csv(struct md_str *out, const char *bytes, size_t n)
{
    if (*bytes == '"')
        md_str_append_char(out, '"');
    put_plain(out, bytes, n);
}

void md_text_csv(struct md_str *out, const char *text)
{
    /* What spreadsheets take for the start of a formula, also behind blanks and in wide forms. */
    static const char *const starts[] = {
        "=",           "+", "-", "@", "\t", "\r", "\xEF\xBC\x9D", "\xEF\xBC\x8B", "\xEF\xBC\x8D",
        "\xEF\xBC\xA0"};
    const char *first = text ? text + strspn(text, " \n\t\r") : "";
    md_str_append_char(out, '"');
    for (size_t i = 0; i < MD_ARRAY_LEN(starts); i++) {
        if (strncmp(first, starts[i], strlen(starts[i])) == 0) {
            md_str_append_char(out, '\'');
            break;
        }
    }
    each_character(out, text, put_csv);
    md_str_append_char(out, '"');
}

static void put_lines(struct md_str *out, const char *bytes, size_t n)
{
    md_str_append_n(out, bytes, n);
}

void md_text_xml(struct md_str *out, const char *text)
{
    md_autostr clean = {0};
    md_text_plain(&clean, text);
    out->failed |= md_str_failed(&clean);
    md_str_append_xml(out, md_str_text(&clean));
}

void md_text_xml_lines(struct md_str *out, const char *text)
{
    md_autostr clean = {0};
    each_character(&clean, text, put_lines);
    out->failed |= md_str_failed(&clean);
    md_str_append_xml(out, md_str_text(&clean));
}

static void put_ffmeta(struct md_str *out, const char *bytes, size_t n)
{
    if (strchr("=;#\\", *bytes))
        md_str_append_char(out, '\\');
    put_plain(out, bytes, n);
}

void md_text_ffmeta(struct md_str *out, const char *text)
{
    each_character(out, text, put_ffmeta);
}

void md_text_range(struct md_str *out, int64_t start_us, int64_t end_us)
{
    char a[24], b[24];
    md_str_printf(out, "%s to %s", md_format_time(a, start_us), md_format_time(b, end_us));
}
