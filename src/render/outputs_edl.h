/* SMPTE time codes for edit lists. */
#ifndef MD_RENDER_OUTPUTS_EDL_H
#define MD_RENDER_OUTPUTS_EDL_H

#include <stdbool.h>
#include <stdint.h>

/* How frames are counted. */
struct md_timecode_rate {
    int64_t fps_num, fps_den; /* the movie's frames per second */
    int nominal;              /* frames a time code second has: 24, 25, 30, 50, 60, ... */
    bool drop_frame;          /* NTSC 29.97 and 59.94: numbers are skipped to follow the clock */
};

/* Unknown rates (0/1) count as 25; above 60 only every second (third, ...) frame
 * has a number. */
struct md_timecode_rate md_timecode_rate_of(int64_t fps_num, int64_t fps_den);

/* The time code frame a time falls on, rounded to the nearest. */
int64_t md_timecode_frame(const struct md_timecode_rate *rate, int64_t us);

/* "hh:mm:ss:ff", "hh:mm:ss;ff" with drop frame; after 24 hours it starts again. Returns out. */
char *md_timecode_format(char out[16], const struct md_timecode_rate *rate, int64_t frame);

#endif
