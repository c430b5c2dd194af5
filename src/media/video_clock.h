/* From the stamps a file carries to times that can be worked with: strictly increasing, exact where
 * the stamps make sense, made up from the frame rate where they do not. Pure arithmetic. */
#ifndef MD_MEDIA_VIDEO_CLOCK_H
#define MD_MEDIA_VIDEO_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define MD_NO_TIME INT64_MIN

struct md_video_clock {
    int64_t nominal_us; /* usual distance of frames, > 0 */
    int64_t offset_us;  /* added to stamps since they last jumped back */
    int64_t last_us;    /* the time given last */
    bool started;
};

/* nominal_us: from the frame rate; <= 0 takes 40 ms until durations or stamps tell better. */
void md_video_clock_init(struct md_video_clock *clock, int64_t nominal_us);

/* After a seek: the next stamp may be anywhere. */
void md_video_clock_restart(struct md_video_clock *clock);

/* The time of a frame from its own stamp and that of the frame after it (MD_NO_TIME: none known).
 * A stamp far ahead that the next frame takes back is a slip and is ignored; stamps that jump back
 * for good (joined recordings) go on where the ones before ended; doubles are spread out. */
int64_t md_video_clock_next(struct md_video_clock *clock, int64_t stamp_us, int64_t after_us,
                            int64_t duration_us);

#endif
