/* The sample count is the better clock from one packet to the next, the stamps over the long run.
 * So a stamp is believed only when it is off by more than jitter and the one after it agrees; then
 * the sound is moved there at once. Joined recordings, whose stamps start again, go on where the
 * ones before ended, as in video_clock.c. */
#include "media/audio_timeline.h"

#include <stdlib.h>

#include "base/cleanup.h"

/* 40 ms: below this the ear does not notice sound and picture apart (EBU R37 allows 40 ms early,
 * 60 ms late), and file formats with millisecond or packet clocks jitter less. */
enum { TOLERANCE_PER_SECOND = 25, JUMP_SECONDS = 10 };

/* Stamps of hostile files: beyond this they are treated as unknown, so no sum here overflows. */
#define STAMP_MAX (INT64_MAX / 8)

void md_audio_timeline_init(struct md_audio_timeline *t, int64_t position, int rate)
{
    *t = (struct md_audio_timeline){
        .position = position,
        .tolerance = rate / TOLERANCE_PER_SECOND,
        .jump = (int64_t)rate * JUMP_SECONDS,
    };
}

static int64_t scale(int64_t value, int from, int to)
{
    __int128 product = (__int128)value * to;
    return (int64_t)((product + (product < 0 ? -from / 2 : from / 2)) / from);
}

void md_audio_timeline_change_rate(struct md_audio_timeline *t, int old_rate, int new_rate)
{
    t->position = scale(t->position, old_rate, new_rate);
    t->offset = scale(t->offset, old_rate, new_rate);
    t->tolerance = new_rate / TOLERANCE_PER_SECOND;
    t->jump = (int64_t)new_rate * JUMP_SECONDS;
}

static bool is_usable(int64_t stamp)
{
    return stamp != MD_AUDIO_NO_STAMP && stamp > -STAMP_MAX && stamp < STAMP_MAX;
}

/* How far the stamp lies ahead of the position, 0 when it is not to be followed. */
static int64_t deviation(struct md_audio_timeline *t, int64_t stamp, int64_t after, int64_t samples)
{
    if (!is_usable(stamp))
        return 0;
    int64_t ahead = stamp + t->offset - t->position;
    /* the first stamp has nothing before it to agree with: it is followed to the sample */
    if (t->started && llabs(ahead) <= t->tolerance)
        return 0;
    bool confirmed = is_usable(after) && llabs(after - samples - stamp) <= t->tolerance;
    bool doubtful = t->started || ahead > t->jump;
    if (doubtful && !confirmed && (is_usable(after) || llabs(ahead) > t->jump))
        return 0;
    if (t->started && ahead < -t->jump) {
        t->offset -= ahead;
        return 0;
    }
    return ahead;
}

struct md_audio_placing md_audio_timeline_place(struct md_audio_timeline *t, int64_t stamp,
                                                int64_t after, int64_t samples)
{
    int64_t ahead = deviation(t, stamp, after, samples);
    struct md_audio_placing placing = {
        .fill = MD_MAX(ahead, 0),
        .drop = MD_MIN(MD_MAX(-ahead, 0), samples),
    };
    /* what lies wholly before the start of the output does not start it */
    t->started |= is_usable(stamp) && placing.drop < samples;
    t->position += placing.fill + samples - placing.drop;
    return placing;
}
