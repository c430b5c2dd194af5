/* Typographic quotation marks, as subtitles are full of straight ones and apostrophes. */
#include "story/prose.h"

#include <string.h>

#include "base/chars.h"
#include "model/story.h"

#define ELLIPSIS "\xE2\x80\xA6"

size_t md_prose_length(const char *text)
{
    size_t chars = 0;
    for (; *text; text++)
        chars += ((unsigned char)*text & 0xC0) != 0x80;
    return chars;
}

void md_prose_clip(const char *text, size_t max_chars, struct md_str *out)
{
    size_t n = strlen(text), pos = 0, chars = 0, last_space = 0;
    if (md_prose_length(text) <= max_chars) {
        md_str_append_n(out, text, n);
        return;
    }
    while (pos < n && chars + 1 < max_chars) {
        uint32_t cp;
        size_t used = md_char_next(text + pos, n - pos, &cp);
        if (md_char_class(cp) == MD_CHAR_SPACE)
            last_space = pos;
        pos += used;
        chars++;
    }
    /* a text without spaces is cut where it is */
    size_t end = last_space > pos / 2 ? last_space : pos;
    while (end > 0 && strchr(" ,;:-.", text[end - 1]))
        end--;
    md_str_append_n(out, text, end);
    md_str_append(out, ELLIPSIS);
}

void md_prose_quote(const char *text, size_t max_chars, struct md_str *out)
{
    md_autostr clipped = {0};
    bool open = false;
    md_prose_clip(text, max_chars, &clipped);
    md_str_append(out, "\xE2\x80\x9C");
    for (size_t pos = 0; pos < clipped.n;) {
        uint32_t cp;
        size_t used = md_char_next(clipped.s + pos, clipped.n - pos, &cp);
        if (cp == '"' || cp == 0x201C || cp == 0x201D || cp == 0x201E) {
            open = cp == '"' ? !open : cp != 0x201D;
            md_str_append(out, open ? "\xE2\x80\x98" : "\xE2\x80\x99");
        } else {
            md_str_append_n(out, clipped.s + pos, used);
        }
        pos += used;
    }
    md_str_append(out, "\xE2\x80\x9D");
    if (md_str_failed(&clipped))
        out->failed = true;
}

void md_prose_act_begins(int act, struct md_str *out)
{
    static const char *const texts[MD_ACTS] = {
        "The movie begins", "The inciting incident begins here", "The action starts to rise here",
        "The climax begins here", "The resolution begins here"};
    md_str_append(out, texts[act]);
}

void md_prose_list(const char *const *items, size_t n, struct md_str *out)
{
    for (size_t i = 0; i < n; i++) {
        md_str_append(out, i == 0 ? "" : i + 1 == n ? " and " : ", ");
        md_str_append(out, items[i]);
    }
}
