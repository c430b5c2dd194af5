/* What is measured now and then: letterbox.c, credits.c. */

/* --- bars (letterbox.c) --- */

enum {
    BLACK = MD_LETTERBOX_BLACK,
    LINES = 8,                        /* looked at together */
    READERS = MD_GPU_THREADS / LINES, /* threads of a line */
};

MD_DEVICE int32_t full_sample(const struct md_gpu_picture *picture, int32_t x, int32_t y)
{
    const uint8_t *row =
        (const uint8_t *)(uintptr_t)picture->luma + (int64_t)y * picture->luma_pitch;
    int32_t value = picture->wide ? ((const uint16_t *)row)[x] : row[x];
    value >>= picture->shift;
    return picture->full_range ? value : (value - 16) * 255 / 219;
}

MD_DEVICE int32_t side_sample(const struct md_gpu_picture *picture, int32_t side, int32_t line,
                              int32_t i)
{
    switch (side) {
    case MD_SIDE_LEFT:
        return full_sample(picture, line, i);
    case MD_SIDE_RIGHT:
        return full_sample(picture, picture->width - 1 - line, i);
    case MD_SIDE_TOP:
        return full_sample(picture, i, line);
    default:
        return full_sample(picture, i, picture->height - 1 - line);
    }
}

/* What is seen of LINES lines. */
struct lines {
    int32_t sum[LINES], light[LINES], count[LINES];
    int32_t bar; /* lines that are black, from the first; < 0: not known yet */
};

MD_DEVICE void read_line(const struct md_gpu_picture *picture, int32_t side, int32_t line,
                         int32_t reader, struct lines *lines, int32_t slot)
{
    bool lies = side == MD_SIDE_TOP || side == MD_SIDE_BOTTOM;
    int32_t length = lies ? picture->width : picture->height;
    int32_t step = length / 256 > 1 ? length / 256 : 1, sum = 0, light = 0, count = 0;
    for (int32_t i = step / 2 + reader * step; i < length; i += READERS * step, count++) {
        int32_t value = side_sample(picture, side, line, i);
        sum += value;
        light += value > 2 * BLACK;
    }
    md_add(&lines->sum[slot], sum);
    md_add(&lines->light[slot], light);
    md_add(&lines->count[slot], count);
}

MD_DEVICE void judge_lines(struct lines *lines, int32_t first, int32_t most)
{
    for (int32_t i = 0; i < LINES && lines->bar < 0; i++) {
        int32_t n = lines->count[i] > 1 ? lines->count[i] : 1;
        bool black = lines->sum[i] < BLACK * n && lines->light[i] * 50 <= lines->count[i];
        if (first + i >= most)
            lines->bar = most;
        else if (!black)
            lines->bar = first + i;
    }
    for (int32_t i = 0; i < LINES; i++)
        lines->sum[i] = lines->light[i] = lines->count[i] = 0;
}

MD_DEVICE void find_bar(const struct md_gpu_picture *picture, int32_t side,
                        struct md_letterbox_sight *out)
{
    MD_SHARED struct lines lines;
    bool lies = side == MD_SIDE_TOP || side == MD_SIDE_BOTTOM;
    int32_t size = (lies ? picture->height : picture->width) / 2;
    int32_t most = size < MD_LETTERBOX_MOST_BAR - 1 ? size : MD_LETTERBOX_MOST_BAR - 1;
    MD_THREADS(t)
    {
        if (t < LINES)
            lines.sum[t] = lines.light[t] = lines.count[t] = 0;
        if (t == 0)
            lines.bar = most > 0 ? -1 : 0;
    }
    for (int32_t first = 0; lines.bar < 0; first += LINES) {
        MD_THREADS(t)
        {
            if (first + t / READERS < most)
                read_line(picture, side, first + t / READERS, t % READERS, &lines, t / READERS);
        }
        MD_THREADS(t)
        {
            if (t == 0)
                judge_lines(&lines, first, most);
        }
    }
    MD_THREADS(t)
    {
        if (t == 0)
            out->bars[side] = lines.bar;
    }
}

/* Light in the middle third. */
MD_DEVICE void find_light(const struct md_gpu_picture *picture, struct md_letterbox_sight *out)
{
    MD_SHARED int32_t sum;
    int32_t step_x = picture->width / 96 > 1 ? picture->width / 96 : 1;
    int32_t step_y = picture->height / 54 > 1 ? picture->height / 54 : 1;
    int32_t columns = (picture->width + step_x - 1) / step_x;
    int32_t top = picture->height / 3, height = picture->height * 2 / 3 - top;
    int32_t n = height > 0 ? (height + step_y - 1) / step_y * columns : 0;
    MD_THREADS(t)
    {
        if (t == 0)
            sum = 0;
    }
    MD_THREADS(t)
    {
        int32_t mine = 0;
        for (int32_t i = t; i < n; i += MD_GPU_THREADS)
            mine += full_sample(picture, i % columns * step_x, top + i / columns * step_y);
        md_add(&sum, mine);
    }
    MD_THREADS(t)
    {
        if (t == 0)
            out->is_lit = n > 0 && sum > n * 2 * BLACK;
    }
}

MD_KERNEL md_gpu_bars(const struct md_gpu_batch *batch, struct md_gpu_seen *seen)
{
    const struct md_gpu_picture *picture = &batch->pictures[md_block_y()];
    struct md_letterbox_sight *out = &seen[md_block_y()].bars;
    if (!(picture->wants & MD_GPU_WANTS_BARS))
        return;
    if (md_block_x() < MD_SIDES)
        find_bar(picture, md_block_x(), out);
    else
        find_light(picture, out);
}

/* --- samples for credits (credits.c) --- */

MD_KERNEL md_gpu_grid(const struct md_gpu_batch *batch, struct md_credits_grid *grids)
{
    const struct md_gpu_picture *picture = &batch->pictures[md_block_y()];
    struct md_credits_grid *grid = &grids[md_block_y()];
    int32_t j = md_block_x();
    int32_t rows = picture->height < MD_CREDITS_ROWS ? picture->height : MD_CREDITS_ROWS;
    int32_t columns = picture->width < MD_CREDITS_COLUMNS ? picture->width : MD_CREDITS_COLUMNS;
    if (!(picture->wants & MD_GPU_WANTS_GRID) || j >= rows)
        return;
    MD_THREADS(t)
    {
        if (j == 0 && t == 0) {
            grid->rows = rows;
            grid->columns = columns;
        }
        for (int32_t i = t; i < columns; i += MD_GPU_THREADS) {
            int32_t x = box_from(i, picture->width, columns);
            int32_t y = box_from(j, picture->height, rows);
            grid->samples[j][i] = (uint8_t)md_clamp(full_sample(picture, x, y), 0, 255);
        }
    }
}
