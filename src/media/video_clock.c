/* A stamp alone cannot be judged, with its neighbours it can: the frame before says what to expect,
 * the frame after says whether a jump was meant. One frame of look-ahead is enough for every kind
 * of damage seen in the wild (missing, doubled, single slips, joined recordings), and leaves
 * variable frame rates exact. */
#include "media/video_clock.h"

#include "base/clock.h"

/* A gap this long between two frames is possible (slides), but has to be confirmed by the frame
 * after; a step back this long is a new time line, a shorter one bad ordering. */
static const int64_t jump_us = 10 * MD_SECOND_US;
static const int64_t default_nominal_us = MD_SECOND_US / 25;

void md_video_clock_init(struct md_video_clock *clock, int64_t nominal_us)
{
    *clock = (struct md_video_clock){
        .nominal_us = nominal_us > 0 && nominal_us <= jump_us ? nominal_us : default_nominal_us,
    };
}

void md_video_clock_restart(struct md_video_clock *clock)
{
    clock->started = false;
    clock->offset_us = 0;
}

/* Where a frame goes whose own stamp is useless: one step on, but before the frame after. */
static int64_t made_up(const struct md_video_clock *clock, int64_t after_us)
{
    int64_t time_us = clock->last_us + clock->nominal_us;
    if (after_us != MD_NO_TIME && after_us > clock->last_us && after_us <= time_us)
        time_us = clock->last_us + (after_us - clock->last_us) / 2;
    return time_us > clock->last_us ? time_us : clock->last_us + 1;
}

static int64_t judge(struct md_video_clock *clock, int64_t stamp_us, int64_t after_us)
{
    if (stamp_us == MD_NO_TIME)
        return made_up(clock, after_us);
    int64_t ahead_us = stamp_us - clock->last_us;
    if (ahead_us > jump_us && after_us != MD_NO_TIME && after_us < stamp_us - jump_us)
        return made_up(clock, after_us);
    if (ahead_us > 0)
        return stamp_us;
    int64_t time_us = made_up(clock, after_us);
    if (ahead_us < -jump_us && (after_us == MD_NO_TIME || after_us <= clock->last_us)) {
        time_us = clock->last_us + clock->nominal_us;
        clock->offset_us += time_us - stamp_us;
    }
    return time_us;
}

int64_t md_video_clock_next(struct md_video_clock *clock, int64_t stamp_us, int64_t after_us,
                            int64_t duration_us)
{
    if (stamp_us != MD_NO_TIME)
        stamp_us += clock->offset_us;
    if (after_us != MD_NO_TIME)
        after_us += clock->offset_us;
    if (duration_us > 0 && duration_us <= jump_us)
        clock->nominal_us = duration_us;
    int64_t time_us;
    if (clock->started)
        time_us = judge(clock, stamp_us, after_us);
    else if (stamp_us != MD_NO_TIME)
        time_us = stamp_us;
    else
        time_us = after_us != MD_NO_TIME ? after_us - clock->nominal_us : 0;
    clock->started = true;
    clock->last_us = time_us;
    return time_us;
}
