/* The options of one movie as a text that survives in a queue: by name, so that rows may come and
 * go between versions, and only what differs, so that a default that gets better does so for movies
 * that wait, too. */
#include "model/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

int md_options_copy(const struct md_options *options, struct md_options *ret)
{
    int r = md_options_init(ret);
    for (const struct md_option *o = md_option_table(); r == MD_OK && o->name; o++) {
        md_autofree char *text = md_options_get(options, o);
        r = text ? md_options_set(ret, o, text, NULL) : MD_ERR_NOMEM;
    }
    if (r < 0)
        md_options_done(ret);
    return r;
}

static bool is_plain(unsigned char c)
{
    return c >= ' ' && c < 0x7f && c != '%';
}

void md_options_differences(const struct md_options *options, struct md_str *out)
{
    struct md_options defaults;
    if (md_options_init(&defaults) < 0) {
        out->failed = true;
        return;
    }
    for (const struct md_option *o = md_option_table(); o->name; o++) {
        if (!md_option_is_of_movie(o))
            continue;
        md_autofree char *text = md_options_get(options, o);
        md_autofree char *usual = md_options_get(&defaults, o);
        if (!text || !usual)
            out->failed = true;
        else if (strcmp(text, usual) != 0) {
            md_str_printf(out, "%s=", o->name);
            for (const char *p = text; *p; p++)
                md_str_printf(out, is_plain((unsigned char)*p) ? "%c" : "%%%02X",
                              (unsigned char)*p);
            md_str_append_char(out, '\n');
        }
    }
    md_options_done(&defaults);
}

static int hex_digit(char c)
{
    const char *digits = "0123456789ABCDEF", *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* Undoes %XX in place; false when it is none. */
static bool decode(char *text)
{
    char *out = text;
    for (const char *in = text; *in; in++) {
        if (*in != '%') {
            *out++ = *in;
            continue;
        }
        int high = hex_digit(in[1]), low = high < 0 ? -1 : hex_digit(in[2]);
        if (low < 0 || high * 16 + low == 0)
            return false;
        *out++ = (char)(high * 16 + low);
        in += 2;
    }
    *out = '\0';
    return true;
}

static int apply_line(struct md_options *options, char *line, struct md_failure *failure)
{
    char *equals = strchr(line, '=');
    if (equals)
        *equals = '\0';
    const struct md_option *o = md_option_find(line);
    if (!equals || !o || !md_option_is_of_movie(o))
        return md_fail(failure, MD_ERR_INPUT,
                       "the queue knows an option \"%s\" that this moviedigest does not", line);
    if (!decode(equals + 1))
        return md_fail(failure, MD_ERR_INPUT, "the queue's value of option %s cannot be read",
                       o->name);
    return md_options_set(options, o, equals + 1, failure);
}

int md_options_apply_differences(struct md_options *options, const char *text,
                                 struct md_failure *failure)
{
    md_autofree char *copy = strdup(text);
    char *rest = copy, *line;
    if (!copy)
        return md_fail(failure, MD_ERR_NOMEM, "out of memory");
    for (const struct md_option *o = md_option_table(); o->name; o++) {
        int r = md_option_is_of_movie(o) ? md_options_set(options, o, o->initial, failure) : MD_OK;
        if (r < 0)
            return r;
    }
    while ((line = strsep(&rest, "\n"))) {
        int r = *line ? apply_line(options, line, failure) : MD_OK;
        if (r < 0)
            return r;
    }
    return MD_OK;
}
