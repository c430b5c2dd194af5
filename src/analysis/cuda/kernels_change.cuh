/* From one look to the next: change.c. */

/* --- from one look to the next (change.c) --- */

enum {
    PLACES_X = 2 * MD_SEARCH_X + 1,
    PLACES = PLACES_X * (2 * MD_SEARCH_Y + 1),
    STANDING = PLACES / 2,                  /* the place in the middle: no displacement */
    SEARCH_W = MD_LOOK_W + 2 * MD_SEARCH_X, /* samples before, with borders repeated */
    SEARCH_H = MD_BLOCK_H + 2 * MD_SEARCH_Y,
    TASKS = PLACES * MD_BLOCK_COLUMNS,
    BLOCK_SAMPLES = MD_BLOCK_W * MD_BLOCK_H,
};

/* A row of blocks being searched. */
struct search {
    uint8_t before[SEARCH_H][SEARCH_W], after[MD_BLOCK_H][MD_LOOK_W];
    int32_t sads[TASKS];             /* by place, then block */
    uint32_t best[MD_BLOCK_COLUMNS]; /* sum << 8 | place */
    int32_t worst_standing;
    struct md_change_block found[MD_BLOCK_COLUMNS];
};

MD_DEVICE void load_search(struct search *s, const struct md_look *before,
                           const struct md_look *after, int32_t row, int32_t t)
{
    for (int32_t i = t; i < SEARCH_H * SEARCH_W; i += MD_GPU_THREADS) {
        int32_t x = md_clamp(i % SEARCH_W - MD_SEARCH_X, 0, MD_LOOK_W - 1);
        int32_t y = md_clamp(row * MD_BLOCK_H + i / SEARCH_W - MD_SEARCH_Y, 0, MD_LOOK_H - 1);
        s->before[i / SEARCH_W][i % SEARCH_W] = before->luma[y * MD_LOOK_W + x];
    }
    for (int32_t i = t; i < MD_BLOCK_H * MD_LOOK_W; i += MD_GPU_THREADS)
        s->after[i / MD_LOOK_W][i % MD_LOOK_W] = after->luma[row * MD_BLOCK_H * MD_LOOK_W + i];
    if (t == 0)
        s->worst_standing = 0;
    if (t < MD_BLOCK_COLUMNS)
        s->best[t] = UINT32_MAX;
}

MD_DEVICE int32_t sad_at(const struct search *s, int32_t place, int32_t block)
{
    int32_t sad = 0, dx = place % PLACES_X, dy = place / PLACES_X;
    for (int32_t y = 0; y < MD_BLOCK_H; y++)
        for (int32_t x = block * MD_BLOCK_W; x < (block + 1) * MD_BLOCK_W; x++)
            sad += md_abs(s->after[y][x] - s->before[y + dy][x + dx]);
    return sad;
}

/* The first least, if it is less than standing still less the bonus of that. */
MD_DEVICE void propose(struct search *s, int32_t task)
{
    int32_t place = task / MD_BLOCK_COLUMNS, block = task % MD_BLOCK_COLUMNS;
    int32_t standing = s->sads[STANDING * MD_BLOCK_COLUMNS + block];
    if (s->worst_standing <= 2 * MD_CHANGE_STILL_BONUS ||
        s->sads[task] >= standing - MD_CHANGE_STILL_BONUS)
        return;
    uint32_t mine = (uint32_t)s->sads[task] << 8 | (uint32_t)place;
    uint32_t seen = s->best[block];
    while (mine < seen && !__atomic_compare_exchange_n(&s->best[block], &seen, mine, false,
                                                       __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        continue;
}

MD_DEVICE void choose(struct search *s, int32_t block)
{
    struct md_change_block *found = &s->found[block];
    int32_t place = s->best[block] == UINT32_MAX ? STANDING : (int32_t)(s->best[block] & 255);
    found->sad = s->sads[place * MD_BLOCK_COLUMNS + block];
    found->dx = place % PLACES_X - MD_SEARCH_X;
    found->dy = place / PLACES_X - MD_SEARCH_Y;
    found->shape = 0;
    found->sp = found->sq = found->pp = found->qq = found->pq = 0;
}

MD_DEVICE void read_pair(const struct search *s, int32_t i, int32_t *p, int32_t *q)
{
    int32_t block = i / BLOCK_SAMPLES, x = block * MD_BLOCK_W + i % MD_BLOCK_W;
    int32_t y = i % BLOCK_SAMPLES / MD_BLOCK_W;
    const struct md_change_block *found = &s->found[block];
    *p = s->after[y][x];
    *q = s->before[y + MD_SEARCH_Y + found->dy][x + MD_SEARCH_X + found->dx];
}

MD_DEVICE void add_moments(struct search *s, int32_t i)
{
    struct md_change_block *found = &s->found[i / BLOCK_SAMPLES];
    int32_t p, q;
    read_pair(s, i, &p, &q);
    md_add(&found->sp, p);
    md_add(&found->sq, q);
    md_add(&found->pp, p * p);
    md_add(&found->qq, q * q);
    md_add(&found->pq, p * q);
}

MD_DEVICE void add_shape(struct search *s, int32_t i)
{
    struct md_change_block *found = &s->found[i / BLOCK_SAMPLES];
    int32_t p, q, mean = (found->sp - found->sq) / BLOCK_SAMPLES;
    read_pair(s, i, &p, &q);
    md_add(&found->shape, md_abs(p - q - mean));
}

MD_DEVICE void search_row(const struct md_look *before, const struct md_look *after, int32_t row,
                          struct md_change_sums *out)
{
    MD_SHARED struct search s;
    enum { PAIRS = BLOCK_SAMPLES * MD_BLOCK_COLUMNS };
    MD_THREADS(t)
    {
        load_search(&s, before, after, row, t);
    }
    MD_THREADS(t)
    {
        for (int32_t task = t; task < TASKS; task += MD_GPU_THREADS)
            s.sads[task] = sad_at(&s, task / MD_BLOCK_COLUMNS, task % MD_BLOCK_COLUMNS);
    }
    MD_THREADS(t)
    {
        for (int32_t b = 0; t == 0 && b < MD_BLOCK_COLUMNS; b++) {
            int32_t sad = s.sads[STANDING * MD_BLOCK_COLUMNS + b];
            s.worst_standing = sad > s.worst_standing ? sad : s.worst_standing;
        }
    }
    MD_THREADS(t)
    {
        for (int32_t task = t; task < TASKS; task += MD_GPU_THREADS)
            propose(&s, task);
    }
    MD_THREADS(t)
    {
        if (t < MD_BLOCK_COLUMNS)
            choose(&s, t);
    }
    MD_THREADS(t)
    {
        for (int32_t i = t; i < PAIRS; i += MD_GPU_THREADS)
            add_moments(&s, i);
    }
    MD_THREADS(t)
    {
        for (int32_t i = t; i < PAIRS; i += MD_GPU_THREADS)
            add_shape(&s, i);
    }
    MD_THREADS(t)
    {
        if (t < MD_BLOCK_COLUMNS)
            out->blocks[row * MD_BLOCK_COLUMNS + t] = s.found[t];
    }
}

/* What is compared place by place: luma, cb, cr, and the histograms' bins. */
enum { PLAIN_LUMA, PLAIN_CB, PLAIN_CR, LUMA_BINS, CHROMA_BINS, PLAIN_SUMS };

MD_DEVICE void compare_places(const struct md_look *before, const struct md_look *after, int32_t t,
                              int32_t *sums)
{
    int32_t luma = 0, cb = 0, cr = 0;
    for (int32_t i = t; i < MD_LOOK_SIZE; i += MD_GPU_THREADS)
        luma += md_abs(before->luma[i] - after->luma[i]);
    for (int32_t i = t; i < MD_LOOK_CHROMA_SIZE; i += MD_GPU_THREADS) {
        cb += md_abs(before->cb[i] - after->cb[i]);
        cr += md_abs(before->cr[i] - after->cr[i]);
    }
    if (t < BINS) {
        int32_t q = t / MD_LOOK_BINS, bin = t % MD_LOOK_BINS;
        int32_t difference = md_abs(before->histogram[q][bin] - after->histogram[q][bin]);
        md_add(&sums[bin < MD_LOOK_LUMA_BINS ? LUMA_BINS : CHROMA_BINS], difference);
    }
    md_add(&sums[PLAIN_LUMA], luma);
    md_add(&sums[PLAIN_CB], cb);
    md_add(&sums[PLAIN_CR], cr);
}

MD_DEVICE void compare_all(const struct md_look *before, const struct md_look *after,
                           struct md_change_sums *out)
{
    MD_SHARED int32_t sums[PLAIN_SUMS];
    MD_THREADS(t)
    {
        if (t < PLAIN_SUMS)
            sums[t] = 0;
    }
    MD_THREADS(t)
    {
        compare_places(before, after, t, sums);
    }
    MD_THREADS(t)
    {
        if (t == 0) {
            out->luma = sums[PLAIN_LUMA];
            out->cb = sums[PLAIN_CB];
            out->cr = sums[PLAIN_CR];
            out->luma_bins = sums[LUMA_BINS];
            out->chroma_bins = sums[CHROMA_BINS];
        }
    }
}

MD_KERNEL md_gpu_change(struct md_gpu_seen *seen, const struct md_look *before_all)
{
    int32_t at = md_block_y();
    const struct md_look *before = at > 0 ? &seen[at - 1].look : before_all;
    if (!before)
        return;
    if (md_block_x() < MD_BLOCK_ROWS)
        search_row(before, &seen[at].look, md_block_x(), &seen[at].change);
    else
        compare_all(before, &seen[at].look, &seen[at].change);
}
