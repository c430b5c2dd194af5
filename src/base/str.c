/* Failure is sticky: a report of a thousand appends is checked once, at its end. */
#include "base/str.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "base/vec.h"

static bool make_room(struct md_str *str, size_t extra)
{
    if (str->failed || extra >= SIZE_MAX - str->n ||
        md_vec_reserve_((void **)&str->s, &str->cap, str->n + extra + 1, 1) < 0) {
        str->failed = true;
        return false;
    }
    return true;
}

void md_str_append_n(struct md_str *str, const char *bytes, size_t n)
{
    if (!make_room(str, n))
        return;
    if (n > 0)
        memcpy(str->s + str->n, bytes, n);
    str->n += n;
    str->s[str->n] = '\0';
}

void md_str_append(struct md_str *str, const char *text)
{
    md_str_append_n(str, text, strlen(text));
}

void md_str_append_char(struct md_str *str, char c)
{
    md_str_append_n(str, &c, 1);
}

void md_str_printf(struct md_str *str, const char *format, ...)
{
    va_list ap, again;
    va_start(ap, format);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, format, ap);
    va_end(ap);
    if (n < 0 || !make_room(str, (size_t)n)) {
        str->failed = true;
    } else {
        vsnprintf(str->s + str->n, (size_t)n + 1, format, again);
        str->n += (size_t)n;
    }
    va_end(again);
}

static const char *xml_entity(uint32_t cp)
{
    switch (cp) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    }
    return NULL;
}

void md_str_append_xml(struct md_str *str, const char *text)
{
    size_t n = strlen(text);
    while (n > 0) {
        uint32_t cp = 0;
        size_t used = md_utf8_decode(text, n, &cp);
        bool bad = used == 0 || (cp < 0x20 && cp != '\t' && cp != '\n') || cp == 0x7F ||
                   cp == 0xFFFE || cp == 0xFFFF;
        const char *entity = used ? xml_entity(cp) : NULL;
        used = used ? used : 1;
        if (bad)
            md_str_append(str, "\xEF\xBF\xBD");
        else if (entity)
            md_str_append(str, entity);
        else
            md_str_append_n(str, text, used);
        text += used;
        n -= used;
    }
}

void md_str_append_uri_path(struct md_str *str, const char *bytes)
{
    static const char unreserved[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                     "0123456789-._~/";
    for (const unsigned char *p = (const unsigned char *)bytes; *p; p++) {
        if (strchr(unreserved, *p))
            md_str_append_char(str, (char)*p);
        else
            md_str_printf(str, "%%%02X", *p);
    }
}

void md_str_clear(struct md_str *str)
{
    str->n = 0;
    str->failed = false;
    if (str->s)
        str->s[0] = '\0';
}

void md_str_done(struct md_str *str)
{
    free(str->s);
    *str = (struct md_str){0};
}

char *md_str_take(struct md_str *str)
{
    char *text = str->failed ? NULL : str->s ? str->s : strdup("");
    if (str->failed)
        free(str->s);
    *str = (struct md_str){0};
    return text;
}
