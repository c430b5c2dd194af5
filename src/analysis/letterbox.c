/* Each bright enough frame votes for the width of each bar; the bar is what nearly all have, so
 * that neither dark scenes (bars too wide) nor a subtitle in the bar now and then (too narrow)
 * decide. */
#include "analysis/letterbox.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

enum {
    MOST_BAR = MD_LETTERBOX_MOST_BAR,
    BLACK = MD_LETTERBOX_BLACK,
    LEAST_FRAMES = 8, /* before bars are believed */
};

struct md_letterbox {
    int width, height;
    int64_t frames;
    uint32_t votes[MD_SIDES][MOST_BAR]; /* frames whose bar has this width */
};

struct md_letterbox *md_letterbox_new(void)
{
    return calloc(1, sizeof(struct md_letterbox));
}

void md_letterbox_free(struct md_letterbox *letterbox)
{
    free(letterbox);
}

/* A line of samples: a row or a column. */
struct line {
    const uint8_t *data;
    ptrdiff_t step;
    int count;
};

static int sample(const struct md_frame *frame, const uint8_t *p)
{
    int value = frame->bit_depth > 8 ? *(const uint16_t *)p : *p;
    value >>= frame->bit_depth - 8 + frame->sample_shift;
    return frame->full_range ? value : (value - 16) * 255 / 219;
}

/* No more than one sample in fifty is lighter than black, and the mean is black. */
static bool is_black(const struct md_frame *frame, const struct line *line)
{
    int step = MD_MAX(line->count / 256, 1), light = 0, n = 0, sum = 0;
    for (int i = step / 2; i < line->count; i += step, n++) {
        int value = sample(frame, line->data + i * line->step);
        sum += value;
        light += value > 2 * BLACK;
    }
    return sum < BLACK * MD_MAX(n, 1) && light * 50 <= n;
}

static struct line line_at(const struct md_frame *frame, enum md_side side, int i)
{
    int row = side == MD_SIDE_TOP ? i : frame->height - 1 - i;
    int column = side == MD_SIDE_LEFT ? i : frame->width - 1 - i;
    if (side == MD_SIDE_TOP || side == MD_SIDE_BOTTOM)
        return (struct line){frame->plane[0] + row * frame->stride[0], frame->step[0],
                             frame->width};
    return (struct line){frame->plane[0] + (ptrdiff_t)column * frame->step[0], frame->stride[0],
                         frame->height};
}

static int measure(const struct md_frame *frame, enum md_side side)
{
    int size = side == MD_SIDE_TOP || side == MD_SIDE_BOTTOM ? frame->height : frame->width;
    int most = MD_MIN(size / 2, MOST_BAR - 1), bar = 0;
    while (bar < most) {
        struct line line = line_at(frame, side, bar);
        if (!is_black(frame, &line))
            break;
        bar++;
    }
    return bar;
}

/* Enough light in the middle third, or the dark tells nothing. */
static bool is_lit(const struct md_frame *frame)
{
    int64_t sum = 0, n = 0;
    int step_x = MD_MAX(frame->width / 96, 1), step_y = MD_MAX(frame->height / 54, 1);
    for (int y = frame->height / 3; y < frame->height * 2 / 3; y += step_y)
        for (int x = 0; x < frame->width; x += step_x, n++)
            sum += sample(frame,
                          frame->plane[0] + y * frame->stride[0] + (ptrdiff_t)x * frame->step[0]);
    return n > 0 && sum > n * 2 * BLACK;
}

void md_letterbox_see(const struct md_frame *frame, struct md_letterbox_sight *ret_sight)
{
    ret_sight->is_lit = is_lit(frame);
    for (enum md_side side = 0; side < MD_SIDES; side++)
        ret_sight->bars[side] = ret_sight->is_lit ? measure(frame, side) : 0;
}

void md_letterbox_add_sight(struct md_letterbox *letterbox, int width, int height,
                            const struct md_letterbox_sight *sight)
{
    if (width != letterbox->width || height != letterbox->height) {
        memset(letterbox, 0, sizeof *letterbox);
        letterbox->width = width;
        letterbox->height = height;
    }
    if (!sight->is_lit)
        return;
    letterbox->frames++;
    for (enum md_side side = 0; side < MD_SIDES; side++)
        letterbox->votes[side][MD_CLAMP(sight->bars[side], 0, MOST_BAR - 1)]++;
}

void md_letterbox_add(struct md_letterbox *letterbox, const struct md_frame *frame)
{
    struct md_letterbox_sight sight;
    md_letterbox_see(frame, &sight);
    md_letterbox_add_sight(letterbox, frame->width, frame->height, &sight);
}

static int usual(const struct md_letterbox *letterbox, enum md_side side)
{
    int64_t below = 0;
    for (int bar = 0; bar < MOST_BAR; bar++) {
        below += letterbox->votes[side][bar];
        if (below * 20 > letterbox->frames)
            return bar & ~1;
    }
    return 0;
}

struct md_bars md_letterbox_bars(const struct md_letterbox *letterbox)
{
    if (letterbox->frames < LEAST_FRAMES)
        return (struct md_bars){0};
    return (struct md_bars){
        .left = usual(letterbox, MD_SIDE_LEFT),
        .top = usual(letterbox, MD_SIDE_TOP),
        .right = usual(letterbox, MD_SIDE_RIGHT),
        .bottom = usual(letterbox, MD_SIDE_BOTTOM),
    };
}
