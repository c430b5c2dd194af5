/* Box averages straight from the decoder's planes: one pass over memory that the decoder has just
 * written, additions only, no colour conversion and no scaler. Of tall pictures every n-th row
 * is read, because a box of half a dozen rows is as good as one of sixty. Averages of 64 x 36 are
 * fine enough to follow motion and coarse enough not to see grain, field combing or block noise. */
#include "analysis/look.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/kernels.h"
#include "base/cleanup.h"

struct md_looker {
    const struct md_kernels *kernels;
    uint32_t *sums; /* one per column of the widest plane so far */
    int columns;
    uint8_t bend[256]; /* of luma */
    int bend_for;      /* enum md_frame_transfer */
};

struct md_looker *md_looker_new(void)
{
    struct md_looker *looker = calloc(1, sizeof *looker);
    if (looker)
        looker->kernels = md_kernels_best();
    return looker;
}

void md_looker_free(struct md_looker *looker)
{
    if (looker)
        free(looker->sums);
    free(looker);
}

static int reserve_columns(struct md_looker *looker, int columns)
{
    if (columns <= looker->columns)
        return MD_OK;
    uint32_t *sums = realloc(looker->sums, (size_t)columns * sizeof *sums + MD_KERNEL_SLACK);
    if (!sums)
        return MD_ERR_NOMEM;
    looker->sums = sums;
    looker->columns = columns;
    return MD_OK;
}

static void add_rows_16(const uint8_t *bytes, ptrdiff_t stride, int rows, int columns,
                        uint32_t *restrict sums)
{
    memset(sums, 0, (size_t)columns * sizeof *sums);
    for (int y = 0; y < rows; y++, bytes += stride) {
        const uint16_t *row = (const uint16_t *)bytes;
        for (int x = 0; x < columns; x++)
            sums[x] += row[x];
    }
}

/* One plane as the boxes see it. */
struct plane {
    const uint8_t *data;
    ptrdiff_t stride;
    int width, height;
    int spread; /* samples of the row per sample of the plane: 2 for interleaved chroma */
    bool wide;  /* 16-bit samples */
};

/* Which samples fall into which box of a row of them. */
struct boxes {
    int count;
    int from[MD_LOOK_W], to[MD_LOOK_W];
};

static void divide(int width, int count, struct boxes *ret_boxes)
{
    ret_boxes->count = count;
    for (int i = 0; i < count; i++) {
        ret_boxes->from[i] = (int)((int64_t)i * width / count);
        ret_boxes->to[i] = MD_MAX((int)((int64_t)(i + 1) * width / count), ret_boxes->from[i] + 1);
    }
}

/* Deep or interleaved samples: rare enough to be plain. */
static void sum_wide_boxes(struct md_looker *looker, const struct plane *plane, const uint8_t *data,
                           ptrdiff_t stride, int rows, const struct boxes *boxes, uint32_t *totals)
{
    int columns = (plane->width - 1) * plane->spread + 1;
    uint16_t *narrow = (uint16_t *)looker->sums;
    if (plane->wide)
        add_rows_16(data, stride, rows, columns, looker->sums);
    else
        looker->kernels->box_row(data, stride, rows, columns, boxes->from, boxes->to, 0, narrow,
                                 totals);
    for (int i = 0; i < boxes->count; i++) {
        totals[i] = 0;
        for (int x = boxes->from[i]; x < boxes->to[i]; x++)
            totals[i] += plane->wide ? looker->sums[x * plane->spread] : narrow[x * plane->spread];
    }
}

/* Sums of the row of boxes that covers rows y0 to y1; returns how many rows were taken. */
static int sum_boxes(struct md_looker *looker, const struct plane *plane, int y0, int y1,
                     const struct boxes *boxes, uint32_t *totals)
{
    int step = MD_MAX((y1 - y0) / MD_LOOK_ROWS_PER_BOX, 1);
    int rows = (y1 - y0 + step - 1) / step; /* below 2 * MD_LOOK_ROWS_PER_BOX */
    const uint8_t *data = plane->data + y0 * plane->stride;
    ptrdiff_t stride = plane->stride * step;
    if (plane->wide || plane->spread > 1)
        sum_wide_boxes(looker, plane, data, stride, rows, boxes, totals);
    else
        looker->kernels->box_row(data, stride, rows, plane->width, boxes->from, boxes->to,
                                 boxes->count, (uint16_t *)looker->sums, totals);
    return rows;
}

/* Averages one plane into boxes_w x boxes_h samples of 0..255 by value * gain + offset. */
static void average(struct md_looker *looker, const struct plane *plane, float gain, float offset,
                    int boxes_w, int boxes_h, uint8_t *out)
{
    uint32_t totals[MD_LOOK_W];
    struct boxes boxes;
    divide(plane->width, boxes_w, &boxes);
    for (int j = 0; j < boxes_h; j++) {
        int y0 = (int)((int64_t)j * plane->height / boxes_h);
        int y1 = MD_MAX((int)((int64_t)(j + 1) * plane->height / boxes_h), y0 + 1);
        float rows = (float)sum_boxes(looker, plane, y0, y1, &boxes, totals);
        for (int i = 0; i < boxes_w; i++) {
            float samples = (float)(boxes.to[i] - boxes.from[i]) * rows;
            float value = (float)(int32_t)totals[i] / samples * gain + offset;
            value = value > 0 ? value : 0;
            value = value < 255 ? value : 255;
            out[j * boxes_w + i] = (uint8_t)(int32_t)(value + 0.5f);
        }
    }
}

static struct plane plane_of(const struct md_frame *frame, int c)
{
    bool wide = frame->bit_depth > 8;
    return (struct plane){
        .data = frame->plane[c],
        .stride = frame->stride[c],
        .width = c ? md_frame_chroma_width(frame) : frame->width,
        .height = c ? md_frame_chroma_height(frame) : frame->height,
        .spread = frame->step[c] / (wide ? 2 : 1),
        .wide = wide,
    };
}

/* PQ and HLG spend their codes otherwise than gamma does: bring diffuse white (signal 0.58 and
 * 0.75, ITU-R BT.2408) to about 0.9 and leave the rest of the range to highlights. */
void md_look_bend(int transfer, uint8_t ret_table[256])
{
    float white = transfer == MD_FRAME_PQ ? 0.58f : 0.75f;
    float power = transfer == MD_FRAME_PQ ? 1.6f : 1.0f;
    for (int i = 0; i < 256; i++) {
        float x = (float)i / 255 / white;
        float bent = 255 * (x < 1 ? 0.9f * powf(x, power) : 1 - 0.1f * expf(-3 * (x - 1)));
        ret_table[i] = (uint8_t)(bent + 0.5f);
    }
}

static void bend_hdr(struct md_looker *looker, int transfer, uint8_t *luma)
{
    if (looker->bend_for != transfer) {
        md_look_bend(transfer, looker->bend);
        looker->bend_for = transfer;
    }
    for (int i = 0; i < MD_LOOK_SIZE; i++)
        luma[i] = looker->bend[luma[i]];
}

struct md_look_scale md_look_scale_of(const struct md_frame *frame)
{
    /* One step of the 8-bit scale in the frame's own samples. */
    float unit = (float)(1 << (frame->bit_depth - 8 + frame->sample_shift));
    float luma_gain = frame->full_range ? 1 / unit : 255.0f / 219 / unit;
    float chroma_gain = frame->full_range ? 1 / unit : 255.0f / 224 / unit;
    return (struct md_look_scale){
        .luma_gain = luma_gain,
        .luma_offset = frame->full_range ? 0 : -16 * unit * luma_gain,
        .chroma_gain = chroma_gain,
        .chroma_offset = 128 - 128 * unit * chroma_gain,
    };
}

int md_look_take(struct md_looker *looker, const struct md_frame *frame, struct md_look *ret_look)
{
    int rc = reserve_columns(looker, 2 * frame->width + 2);
    if (rc < 0)
        return rc;
    ret_look->index = frame->index;
    ret_look->pts_us = frame->pts_us;
    ret_look->duration_us = frame->duration_us;
    const struct md_look_scale scale = md_look_scale_of(frame);
    struct plane planes[3] = {plane_of(frame, 0), plane_of(frame, 1), plane_of(frame, 2)};
    average(looker, &planes[0], scale.luma_gain, scale.luma_offset, MD_LOOK_W, MD_LOOK_H,
            ret_look->luma);
    average(looker, &planes[1], scale.chroma_gain, scale.chroma_offset, MD_LOOK_CHROMA_W,
            MD_LOOK_CHROMA_H, ret_look->cb);
    average(looker, &planes[2], scale.chroma_gain, scale.chroma_offset, MD_LOOK_CHROMA_W,
            MD_LOOK_CHROMA_H, ret_look->cr);
    if (frame->transfer != MD_FRAME_SDR)
        bend_hdr(looker, frame->transfer, ret_look->luma);
    md_look_measure(ret_look);
    return MD_OK;
}

/* Adds one sample to the two bins around it, so that a small change of value is a small change of
 * histogram. Bins are 16 wide; weight is 16 for a whole sample. */
static void add_soft(uint16_t *bins, int value, int weight)
{
    int low = value - 8;
    int bin = low < 0 ? 0 : low >> 4, part = low < 0 ? 0 : low & 15;
    if (bin >= MD_LOOK_LUMA_BINS - 1) {
        bins[MD_LOOK_LUMA_BINS - 1] = (uint16_t)(bins[MD_LOOK_LUMA_BINS - 1] + 16 * weight);
        return;
    }
    bins[bin] = (uint16_t)(bins[bin] + (16 - part) * weight);
    bins[bin + 1] = (uint16_t)(bins[bin + 1] + part * weight);
}

static void fill_histograms(struct md_look *look)
{
    memset(look->histogram, 0, sizeof look->histogram);
    for (int y = 0; y < MD_LOOK_H; y++)
        for (int x = 0; x < MD_LOOK_W; x++) {
            int quadrant = (y >= MD_LOOK_H / 2) * 2 + (x >= MD_LOOK_W / 2);
            add_soft(look->histogram[quadrant], look->luma[y * MD_LOOK_W + x], 1);
        }
    for (int y = 0; y < MD_LOOK_CHROMA_H; y++)
        for (int x = 0; x < MD_LOOK_CHROMA_W; x++) {
            int quadrant = (y >= MD_LOOK_CHROMA_H / 2) * 2 + (x >= MD_LOOK_CHROMA_W / 2);
            /* Chroma stays close to its zero: four times the resolution there. */
            int at = y * MD_LOOK_CHROMA_W + x;
            int cb = MD_CLAMP(128 + (look->cb[at] - 128) * 2, 0, 255);
            int cr = MD_CLAMP(128 + (look->cr[at] - 128) * 2, 0, 255);
            uint16_t *bins = look->histogram[quadrant] + MD_LOOK_LUMA_BINS;
            add_soft(bins, cb, 4);
            add_soft(bins + MD_LOOK_CHROMA_BINS, cr, 4);
        }
}

static void reduce(struct md_look *look)
{
    for (int y = 0; y < MD_LOOK_CHROMA_H; y++)
        for (int x = 0; x < MD_LOOK_CHROMA_W; x++) {
            const uint8_t *p = look->luma + 2 * y * MD_LOOK_W + 2 * x;
            int sum = p[0] + p[1] + p[MD_LOOK_W] + p[MD_LOOK_W + 1];
            look->half_luma[y * MD_LOOK_CHROMA_W + x] = (uint8_t)((sum + 2) / 4);
        }
    const uint8_t *const planes[3] = {look->half_luma, look->cb, look->cr};
    int16_t *out = look->coarse;
    for (int c = 0; c < 3; c++)
        for (int y = 0; y < MD_LOOK_COARSE_H; y++)
            for (int x = 0; x < MD_LOOK_COARSE_W; x++) {
                const uint8_t *p = planes[c] + 2 * y * MD_LOOK_CHROMA_W + 2 * x;
                *out++ = (int16_t)(p[0] + p[1] + p[MD_LOOK_CHROMA_W] + p[MD_LOOK_CHROMA_W + 1]);
            }
}

void md_look_finish(struct md_look *look, const struct md_look_sums *sums)
{
    double mean = (double)sums->sum / MD_LOOK_SIZE;
    look->mean = (float)mean;
    look->deviation = (float)sqrt(MD_MAX((double)sums->squares / MD_LOOK_SIZE - mean * mean, 0));
    look->gradient = (float)sums->gradient / (2.0f * (MD_LOOK_W - 1) * (MD_LOOK_H - 1));
    look->colour = (float)sums->colour / MD_LOOK_CHROMA_SIZE;
}

void md_look_measure(struct md_look *look)
{
    struct md_look_sums sums = {0}; /* 2304 x 255^2 fits */
    for (int i = 0; i < MD_LOOK_SIZE; i++) {
        int32_t value = look->luma[i];
        sums.sum += value;
        sums.squares += value * value;
    }
    for (int y = 0; y + 1 < MD_LOOK_H; y++)
        for (int x = 0; x + 1 < MD_LOOK_W; x++) {
            const uint8_t *p = look->luma + y * MD_LOOK_W + x;
            sums.gradient += abs(p[1] - p[0]) + abs(p[MD_LOOK_W] - p[0]);
        }
    for (int i = 0; i < MD_LOOK_CHROMA_SIZE; i++)
        sums.colour += abs(look->cb[i] - 128) + abs(look->cr[i] - 128);
    md_look_finish(look, &sums);
    reduce(look);
    fill_histograms(look);
}
