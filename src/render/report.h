/* The parts of report.html; private to the report. Each appends the body of its section, or
 * nothing when there is nothing to say. */
#ifndef MD_RENDER_REPORT_H
#define MD_RENDER_REPORT_H

#include "render/outputs_private.h"
#include "render/report_images.h"

struct md_report {
    const struct md_outputs *o;
    struct md_report_images *images;
    int64_t duration_us; /* of the movie, > 0 */
    int64_t poster_shot; /* -1 none */
};

/* A picture of a shot's key frame, ready for a template; free the URI with md_str_done. */
struct md_report_picture {
    struct md_str uri; /* empty when there is none */
    char alt[48], width[12], height[12];
};
void md_report_picture(struct md_report *report, int64_t shot, int width,
                       struct md_report_picture *ret);

/* "0:12 to 0:18", "15 %", "1.4 GB" and so on into a buffer that the caller owns. */
char *md_report_range(char out[64], int64_t start_us, int64_t end_us);
char *md_report_bytes(char out[32], int64_t bytes);

/* The bar for a value of 0 to 1. */
void md_report_meter(struct md_str *out, const char *name, double value);

/* Class number of an act: 1 to 5. */
int md_report_act_number(int act);

/* How much of [start, end) the digest shows. */
int64_t md_report_chosen_us(const struct md_report *report, int64_t start_us, int64_t end_us);

typedef void md_report_part(struct md_str *out, struct md_report *report);
md_report_part md_report_hero, md_report_synopsis, md_report_timeline, md_report_acts,
    md_report_moments, md_report_pieces, md_report_characters, md_report_chapters,
    md_report_transcript, md_report_contact, md_report_warnings, md_report_technical;

#endif
