/* The report's page is data (report/page.html); this puts values into it.
 *
 *   {{name}}            the value as text: cleaned and escaped
 *   {{{name}}}          the value as HTML, made by other sections or by us
 *   {{#name}}..{{/name}} kept when the value is not empty; {{^name}} when it is. Not nested in
 * itself.
 */
#ifndef MD_RENDER_REPORT_TEMPLATE_H
#define MD_RENDER_REPORT_TEMPLATE_H

#include "base/str.h"

struct md_report_section {
    const char *name, *text;
};
/* Generated from report/ at build time; sections ended by one without a name. */
extern const struct md_report_section md_report_sections[];
extern const char md_report_style[], md_report_script[], md_report_policy[];

struct md_report_field {
    const char *name;
    const char *value; /* NULL is empty; borrowed */
};

/* Appends a section with its fields (ended by one without a name). A name that is in the section
 * and not among the fields is a bug of ours: the text is marked as failed. */
void md_report_expand(struct md_str *out, const char *section,
                      const struct md_report_field *fields);

/* Shorthand: md_report_put(out, "chip", {"text", word}). */
#define md_report_put(out, section, ...)                                                           \
    md_report_expand(out, section, (const struct md_report_field[]){__VA_ARGS__, {0}})

#endif
