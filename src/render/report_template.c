/* A template language of three forms is enough when all logic stays in C; the page can then be read
 * and changed by people who know HTML only. */
#include "render/report_template.h"

#include <string.h>

#include "render/outputs_text.h"

static const char *find_section(const char *name)
{
    for (const struct md_report_section *s = md_report_sections; s->name; s++)
        if (strcmp(s->name, name) == 0)
            return s->text;
    return NULL;
}

/* The value of s[0..n); *ret_known says whether there is such a field. */
static const char *find_value(const struct md_report_field *fields, const char *s, size_t n,
                              bool *ret_known)
{
    for (; fields->name; fields++) {
        if (strlen(fields->name) == n && memcmp(fields->name, s, n) == 0) {
            *ret_known = true;
            return fields->value ? fields->value : "";
        }
    }
    *ret_known = false;
    return "";
}

/* The end of the block that {{#name}} opens: behind {{/name}}; NULL when it is not closed. */
static const char *find_close(const char *text, const char *name, size_t n)
{
    while ((text = strstr(text, "{{/")) != NULL) {
        text += 3;
        if (strncmp(text, name, n) == 0 && strncmp(text + n, "}}", 2) == 0)
            return text + n + 2;
    }
    return NULL;
}

/* Handles the tag at text ("{{"); returns what follows it, NULL for a bug in the page. */
static const char *expand_tag(struct md_str *out, const char *text,
                              const struct md_report_field *fields)
{
    bool raw = text[2] == '{';
    const char *name = text + (raw ? 3 : 2);
    char kind = raw ? '{' : *name;
    if (kind == '#' || kind == '^' || kind == '/')
        name++;
    size_t n = strcspn(name, "}");
    const char *behind = name + n + (raw ? 3 : 2);
    if (strncmp(name + n, raw ? "}}}" : "}}", raw ? 3 : 2) != 0)
        return NULL;
    bool known = false;
    const char *value = find_value(fields, name, n, &known);
    if (!known)
        return NULL;
    if (kind == '#' || kind == '^')
        return (*value != '\0') == (kind == '#') ? behind : find_close(behind, name, n);
    if (raw)
        md_str_append(out, value);
    else if (kind != '/')
        md_text_xml(out, value);
    return behind;
}

void md_report_expand(struct md_str *out, const char *section, const struct md_report_field *fields)
{
    const char *text = find_section(section);
    while (text) {
        const char *tag = strstr(text, "{{");
        md_str_append_n(out, text, tag ? (size_t)(tag - text) : strlen(text));
        if (!tag)
            return;
        text = expand_tag(out, tag, fields);
    }
    out->failed = true;
}
