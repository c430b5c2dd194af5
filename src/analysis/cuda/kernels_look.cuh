/* Boxes, and what follows from them: look.c. */

/* --- boxes --- */

enum { ROWS_PER_BOX = MD_LOOK_ROWS_PER_BOX };

/* The rows of samples of a row of boxes. */
struct band {
    const uint8_t *rows; /* the first */
    int32_t step;        /* bytes from one row that is read to the next */
    int32_t count;       /* of rows read, below 2 * ROWS_PER_BOX */
    int32_t width;       /* samples of a channel */
    int32_t channels;    /* in turns in a row */
    int32_t boxes;       /* side by side */
    bool wide;
};

/* In 32 bits: no decoder of a GPU knows sides of 2^24. */
MD_DEVICE int32_t box_from(int32_t i, int32_t width, int32_t boxes)
{
    return (int32_t)((uint32_t)i * (uint32_t)width / (uint32_t)boxes);
}

MD_DEVICE int32_t box_to(int32_t i, int32_t width, int32_t boxes)
{
    int32_t from = box_from(i, width, boxes), to = box_from(i + 1, width, boxes);
    return to > from ? to : from + 1;
}

MD_DEVICE void find_band(const struct md_gpu_picture *picture, int32_t row, struct band *band)
{
    bool chroma = row >= MD_LOOK_H;
    int32_t j = chroma ? row - MD_LOOK_H : row, bands = chroma ? MD_LOOK_CHROMA_H : MD_LOOK_H;
    int32_t height = chroma ? (picture->height + 1) / 2 : picture->height;
    int32_t pitch = chroma ? picture->chroma_pitch : picture->luma_pitch;
    int32_t y0 = box_from(j, height, bands), y1 = box_to(j, height, bands);
    int32_t step = (y1 - y0) / ROWS_PER_BOX;
    step = step > 1 ? step : 1;
    band->rows = (const uint8_t *)(uintptr_t)(chroma ? picture->chroma : picture->luma) +
                 (int64_t)y0 * pitch;
    band->step = step * pitch;
    band->count = (y1 - y0 + step - 1) / step;
    band->width = chroma ? (picture->width + 1) / 2 : picture->width;
    band->channels = chroma ? 2 : 1;
    band->boxes = chroma ? MD_LOOK_CHROMA_W : MD_LOOK_W;
    band->wide = picture->wide != 0;
}

/* Up to four bytes of a row as one number, the first lowest. */
MD_DEVICE uint32_t load(const uint8_t *p, int32_t bytes)
{
    if (bytes >= 4 && ((uintptr_t)p & 3) == 0)
        return *(const uint32_t *)p;
    uint32_t word = 0;
    for (int32_t i = 0; i < bytes && i < 4; i++)
        word |= (uint32_t)p[i] << 8 * i;
    return word;
}

/* Sums over the band's rows of the four bytes or two samples at byte `at` of a row. Two sums of up
 * to seven bytes fit one number. */
MD_DEVICE void add_rows(const struct band *band, int32_t at, uint32_t sums[4])
{
    int32_t left = band->width * band->channels * (band->wide ? 2 : 1) - at;
    uint32_t even = 0, odd = 0;
    const uint8_t *p = band->rows + at;
    for (int32_t y = 0; y < band->count; y++, p += band->step) {
        uint32_t word = load(p, left);
        even += band->wide ? word & 0xffff : word & 0x00ff00ff;
        odd += band->wide ? word >> 16 : word >> 8 & 0x00ff00ff;
    }
    sums[0] = band->wide ? even : even & 0xffff;
    sums[1] = band->wide ? odd : odd & 0xffff;
    sums[2] = even >> 16;
    sums[3] = odd >> 16;
}

MD_DEVICE void flush(const struct band *band, int32_t box, const uint32_t pending[2],
                     int32_t totals[2][MD_LOOK_W])
{
    md_add(&totals[0][box], (int32_t)pending[0]);
    if (band->channels == 2)
        md_add(&totals[1][box], (int32_t)pending[1]);
}

/* Adds a word of samples, the first of which is number `first` of its row, to the boxes. */
MD_DEVICE void add_word(const struct band *band, int32_t first, const uint32_t sums[4],
                        int32_t totals[2][MD_LOOK_W])
{
    int32_t per_word = band->wide ? 2 : 4, samples = band->width * band->channels;
    int32_t x = first / band->channels;
    int32_t box =
        (int32_t)((((uint32_t)x + 1) * (uint32_t)band->boxes - 1) / (uint32_t)band->width);
    int32_t end = box_to(box, band->width, band->boxes);
    uint32_t pending[2] = {0, 0};
    MD_UNROLL
    for (int32_t i = 0; i < 4; i++) {
        if (i >= per_word || first + i >= samples)
            continue;
        if (first + i >= end * band->channels) {
            flush(band, box, pending, totals);
            pending[0] = pending[1] = 0;
            box++;
            end = box_to(box, band->width, band->boxes);
        }
        if (band->channels == 2 && (i & 1))
            pending[1] += sums[i];
        else
            pending[0] += sums[i];
    }
    flush(band, box, pending, totals);
}

/* In a picture narrower than its boxes these are single columns: totals are then kept by column. */
MD_DEVICE void add_columns(const struct band *band, int32_t first, const uint32_t sums[4],
                           int32_t totals[2][MD_LOOK_W])
{
    int32_t per_word = band->wide ? 2 : 4, samples = band->width * band->channels;
    MD_UNROLL
    for (int32_t i = 0; i < 4; i++)
        if (i < per_word && first + i < samples)
            md_add(&totals[(first + i) % band->channels][(first + i) / band->channels],
                   (int32_t)sums[i]);
}

/* Adds what thread t sees of a band to the boxes. */
MD_DEVICE void add_boxes(const struct band *band, int32_t t, int32_t totals[2][MD_LOOK_W])
{
    int32_t per_word = band->wide ? 2 : 4, samples = band->width * band->channels;
    for (int32_t first = t * per_word; first < samples; first += MD_GPU_THREADS * per_word) {
        uint32_t sums[4];
        add_rows(band, first * (band->wide ? 2 : 1), sums);
        if (band->width < band->boxes)
            add_columns(band, first, sums, totals);
        else
            add_word(band, first, sums, totals);
    }
}

/* The same operations as look.c, in the same order. */
MD_DEVICE uint8_t to_sample(int32_t total, int32_t columns, int32_t rows, float gain, float offset)
{
    float samples = (float)columns * (float)rows;
    float value = (float)total / samples * gain + offset;
    value = value > 0 ? value : 0;
    value = value < 255 ? value : 255;
    return (uint8_t)(int32_t)(value + 0.5f);
}

MD_DEVICE void store_box(const struct md_gpu_batch *batch, const struct md_gpu_picture *picture,
                         const struct band *band, int32_t row, int32_t channel, int32_t i,
                         int32_t totals[2][MD_LOOK_W], struct md_look *look)
{
    int32_t from = box_from(i, band->width, band->boxes);
    int32_t columns = box_to(i, band->width, band->boxes) - from;
    int32_t total = totals[channel][band->width < band->boxes ? from : i];
    const struct md_look_scale *scale = &picture->scale;
    if (band->channels == 2) {
        uint8_t value =
            to_sample(total, columns, band->count, scale->chroma_gain, scale->chroma_offset);
        uint8_t *plane = channel ? look->cr : look->cb;
        plane[(row - MD_LOOK_H) * MD_LOOK_CHROMA_W + i] = value;
        return;
    }
    uint8_t value = to_sample(total, columns, band->count, scale->luma_gain, scale->luma_offset);
    if (picture->transfer != MD_FRAME_SDR)
        value = batch->bend[picture->transfer == MD_FRAME_PQ ? 0 : 1][value];
    look->luma[row * MD_LOOK_W + i] = value;
}

MD_KERNEL md_gpu_boxes(const struct md_gpu_batch *batch, struct md_gpu_seen *seen)
{
    MD_SHARED int32_t totals[2][MD_LOOK_W];
    const struct md_gpu_picture *picture = &batch->pictures[md_block_y()];
    struct band band;
    find_band(picture, md_block_x(), &band);
    MD_THREADS(t)
    {
        if (t < 2 * MD_LOOK_W)
            totals[t / MD_LOOK_W][t % MD_LOOK_W] = 0;
    }
    MD_THREADS(t)
    {
        add_boxes(&band, t, totals);
    }
    MD_THREADS(t)
    {
        if (t < band.boxes * band.channels)
            store_box(batch, picture, &band, md_block_x(), t / band.boxes, t % band.boxes, totals,
                      &seen[md_block_y()].look);
    }
}

/* --- what follows from the samples (look.c) --- */

enum { BINS = MD_LOOK_QUADRANTS * MD_LOOK_BINS };

MD_DEVICE void add_soft(int32_t *bins, int32_t value, int32_t weight)
{
    int32_t low = value - 8;
    int32_t bin = low < 0 ? 0 : low >> 4, part = low < 0 ? 0 : low & 15;
    if (bin >= MD_LOOK_LUMA_BINS - 1) {
        md_add(&bins[MD_LOOK_LUMA_BINS - 1], 16 * weight);
        return;
    }
    md_add(&bins[bin], (16 - part) * weight);
    if (part)
        md_add(&bins[bin + 1], part * weight);
}

MD_DEVICE void measure_luma(const struct md_look *look, int32_t t, int32_t *bins,
                            struct md_look_sums *sums)
{
    int32_t sum = 0, squares = 0, gradient = 0;
    for (int32_t i = t; i < MD_LOOK_SIZE; i += MD_GPU_THREADS) {
        int32_t x = i % MD_LOOK_W, y = i / MD_LOOK_W, value = look->luma[i];
        int32_t quadrant = (y >= MD_LOOK_H / 2) * 2 + (x >= MD_LOOK_W / 2);
        sum += value;
        squares += value * value;
        if (x + 1 < MD_LOOK_W && y + 1 < MD_LOOK_H)
            gradient +=
                md_abs(look->luma[i + 1] - value) + md_abs(look->luma[i + MD_LOOK_W] - value);
        add_soft(bins + quadrant * MD_LOOK_BINS, value, 1);
    }
    md_add(&sums->sum, sum);
    md_add(&sums->squares, squares);
    md_add(&sums->gradient, gradient);
}

/* Chroma, and luma as coarse as chroma. */
MD_DEVICE void measure_chroma(struct md_look *look, int32_t t, int32_t *bins,
                              struct md_look_sums *sums)
{
    int32_t colour = 0;
    for (int32_t i = t; i < MD_LOOK_CHROMA_SIZE; i += MD_GPU_THREADS) {
        int32_t x = i % MD_LOOK_CHROMA_W, y = i / MD_LOOK_CHROMA_W;
        int32_t quadrant = (y >= MD_LOOK_CHROMA_H / 2) * 2 + (x >= MD_LOOK_CHROMA_W / 2);
        int32_t cb = look->cb[i] - 128, cr = look->cr[i] - 128;
        int32_t *chroma_bins = bins + quadrant * MD_LOOK_BINS + MD_LOOK_LUMA_BINS;
        const uint8_t *p = look->luma + 2 * y * MD_LOOK_W + 2 * x;
        colour += md_abs(cb) + md_abs(cr);
        add_soft(chroma_bins, md_clamp(128 + cb * 2, 0, 255), 4);
        add_soft(chroma_bins + MD_LOOK_CHROMA_BINS, md_clamp(128 + cr * 2, 0, 255), 4);
        look->half_luma[i] = (uint8_t)((p[0] + p[1] + p[MD_LOOK_W] + p[MD_LOOK_W + 1] + 2) / 4);
    }
    md_add(&sums->colour, colour);
}

MD_DEVICE void make_coarse(struct md_look *look, int32_t i)
{
    enum { PLANE = MD_LOOK_COARSE_W * MD_LOOK_COARSE_H };
    int32_t c = i / PLANE, x = i % MD_LOOK_COARSE_W, y = i % PLANE / MD_LOOK_COARSE_W;
    const uint8_t *plane = c == 0 ? look->half_luma : c == 1 ? look->cb : look->cr;
    const uint8_t *p = plane + 2 * y * MD_LOOK_CHROMA_W + 2 * x;
    look->coarse[i] = (int16_t)(p[0] + p[1] + p[MD_LOOK_CHROMA_W] + p[MD_LOOK_CHROMA_W + 1]);
}

MD_KERNEL md_gpu_measure(struct md_gpu_seen *seen)
{
    MD_SHARED int32_t bins[BINS];
    MD_SHARED struct md_look_sums sums;
    struct md_gpu_seen *mine = &seen[md_block_y()];
    MD_THREADS(t)
    {
        if (t < BINS)
            bins[t] = 0;
        if (t == 0)
            sums.sum = sums.squares = sums.gradient = sums.colour = 0;
    }
    MD_THREADS(t)
    {
        measure_luma(&mine->look, t, bins, &sums);
        measure_chroma(&mine->look, t, bins, &sums);
    }
    MD_THREADS(t)
    {
        for (int32_t i = t; i < MD_LOOK_COARSE_SIZE; i += MD_GPU_THREADS)
            make_coarse(&mine->look, i);
        if (t < BINS)
            mine->look.histogram[t / MD_LOOK_BINS][t % MD_LOOK_BINS] = (uint16_t)bins[t];
        if (t == 0)
            mine->sums = sums;
    }
}
