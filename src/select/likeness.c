/* Pictures are alike by their shots' signatures, compared only where the sums of the signatures are
 * close (the difference of sums is a lower bound of the distance, so sorting by sum finds all pairs
 * without comparing all). Words are alike by shared runs of three words, which recaps, refrains and
 * slogans have and other sentences hardly ever. */
#include "select/likeness.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/chars.h"
#include "base/cleanup.h"
#include "base/file.h"

enum {
    MOST_PARTNERS =
        2, /* of one atom, the most alike: ten takes of one view cost nine times, not 45 */
    MOST_NEIGHBOURS = 64, /* looked at from one atom, in the order of sums */
    SHINGLE = 3,          /* words in a run */
    MOST_SHINGLES = 200000
};

/* --- picture --- */

struct summed {
    float sum;
    uint32_t atom;
    const struct md_shot *shot;
};

static int compare_sums(const void *a, const void *b)
{
    const struct summed *x = a, *y = b;
    if (x->sum != y->sum)
        return x->sum < y->sum ? -1 : 1;
    return x->atom < y->atom ? -1 : x->atom > y->atom;
}

/* The shot that fills most of an atom. */
static const struct md_shot *main_shot(const struct md_shots *shots, const struct md_atom *atom)
{
    const struct md_shot *best = NULL;
    int64_t best_us = 0;
    for (int64_t i = atom->first_shot; i < atom->first_shot + atom->shot_count; i++) {
        const struct md_shot *s = &shots->shots.v[i];
        int64_t overlap_us = MD_MIN(s->end_us, atom->end_us) - MD_MAX(s->start_us, atom->start_us);
        if (overlap_us > best_us) {
            best_us = overlap_us;
            best = s;
        }
    }
    return best;
}

static size_t sum_signatures(const struct md_atom_vec *atoms, const struct md_shots *shots,
                             struct summed *ret)
{
    size_t n = 0;
    for (size_t i = 0; i < atoms->n; i++) {
        const struct md_shot *shot = main_shot(shots, &atoms->v[i]);
        double sum = 0;
        if (!shot || shot->signature.n != MD_SIGNATURE_BINS)
            continue;
        for (size_t k = 0; k < shot->signature.n; k++)
            sum += shot->signature.v[k];
        if (isfinite(sum))
            ret[n++] = (struct summed){(float)(sum / MD_SIGNATURE_BINS), (uint32_t)i, shot};
    }
    if (n > 1)
        qsort(ret, n, sizeof *ret, compare_sums);
    return n;
}

static int compare_floats(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return x < y ? -1 : x > y;
}

/* The distance of unrelated pictures of this movie: the median over spread pairs. */
static float usual_distance(const struct summed *s, size_t n)
{
    enum { SAMPLES = 2000 };
    md_autofree float *d = calloc(SAMPLES, sizeof *d);
    size_t found = 0;
    for (size_t k = 0; d && n > 2 && k < SAMPLES; k++) {
        size_t i = (size_t)(fmod((double)k * 0.6180339887498949, 1.0) * (double)n);
        size_t j = (size_t)(fmod((double)k * 0.7548776662466927, 1.0) * (double)n);
        if (s[i].shot != s[j].shot)
            d[found++] = md_shot_distance(s[i].shot, s[j].shot);
    }
    if (found == 0)
        return 0;
    qsort(d, found, sizeof *d, compare_floats);
    return d[found / 2];
}

static bool far_apart(const struct md_atom_vec *atoms, uint32_t a, uint32_t b, int64_t apart_us)
{
    const struct md_atom *x = &atoms->v[MD_MIN(a, b)], *y = &atoms->v[MD_MAX(a, b)];
    return y->start_us - x->end_us >= apart_us;
}

static int add_pair(struct md_likeness_vec *ret, uint32_t a, uint32_t b, float cost)
{
    return md_vec_push(ret, (struct md_likeness){MD_MIN(a, b), MD_MAX(a, b), cost});
}

/* Two views of one face that say different things are not the same thing twice. */
static float novelty(const struct md_atom_vec *atoms, uint32_t a, uint32_t b)
{
    const float with_words = 0.35f;
    return atoms->v[a].sentence_count > 0 && atoms->v[b].sentence_count > 0 ? with_words : 1;
}

static int find_pictures(const struct md_atom_vec *atoms, const struct md_shots *shots,
                         int64_t apart_us, struct md_likeness_vec *ret)
{
    /* the same set-up seen again lies well under a third of the usual distance */
    const float alike_share = 0.3f;
    md_autofree struct summed *s = calloc(atoms->n + 1, sizeof *s);
    if (!s)
        return MD_ERR_NOMEM;
    size_t n = sum_signatures(atoms, shots, s);
    float most = usual_distance(s, n) * alike_share;
    for (size_t i = 0; i < n && most > 0; i++) {
        for (size_t j = i + 1; j < n && j - i <= MOST_NEIGHBOURS && s[j].sum - s[i].sum < most;
             j++) {
            if (s[i].shot == s[j].shot || !far_apart(atoms, s[i].atom, s[j].atom, apart_us))
                continue;
            float distance = md_shot_distance(s[i].shot, s[j].shot);
            float cost = (1 - distance / most) * novelty(atoms, s[i].atom, s[j].atom);
            if (distance < most && add_pair(ret, s[i].atom, s[j].atom, cost) < 0)
                return MD_ERR_NOMEM;
        }
    }
    return MD_OK;
}

/* --- words --- */

struct shingle {
    uint64_t hash;
    uint32_t atom;
};
struct shingle_vec MD_VEC(struct shingle);

static int compare_shingles(const void *a, const void *b)
{
    const struct shingle *x = a, *y = b;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return x->atom < y->atom ? -1 : x->atom > y->atom;
}

static int add_shingles(const char *text, uint32_t atom, struct shingle_vec *ret)
{
    uint64_t last[SHINGLE] = {0};
    struct md_word word;
    size_t pos = 0, n = strlen(text), words = 0;
    while (md_word_next(text, n, &pos, &word)) {
        char lower[256];
        size_t len = md_word_lower(&word, lower, sizeof lower);
        memmove(last, last + 1, (SHINGLE - 1) * sizeof *last);
        last[SHINGLE - 1] = md_hash(MD_HASH_START, lower, len);
        if (++words < SHINGLE || ret->n >= MOST_SHINGLES)
            continue;
        struct shingle s = {md_hash(MD_HASH_START, last, sizeof last), atom};
        if (md_vec_push(ret, s) < 0)
            return MD_ERR_NOMEM;
    }
    return MD_OK;
}

/* Pairs of atoms that share a run of words, one entry per shared run. */
static int share_shingles(const struct md_atom_vec *atoms, const struct shingle_vec *s,
                          int64_t apart_us, struct md_likeness_vec *shared)
{
    enum { MOST_SHARERS = 12 }; /* "I don't know" is no repetition */
    for (size_t i = 0, end; i < s->n; i = end) {
        for (end = i + 1; end < s->n && s->v[end].hash == s->v[i].hash;)
            end++;
        if (end - i > MOST_SHARERS)
            continue;
        for (size_t a = i; a < end; a++)
            for (size_t b = a + 1; b < end; b++)
                if (s->v[a].atom != s->v[b].atom &&
                    far_apart(atoms, s->v[a].atom, s->v[b].atom, apart_us) &&
                    add_pair(shared, s->v[a].atom, s->v[b].atom, 1) < 0)
                    return MD_ERR_NOMEM;
    }
    return MD_OK;
}

static int compare_pairs(const void *x, const void *y)
{
    const struct md_likeness *p = x, *q = y;
    if (p->a != q->a)
        return p->a < q->a ? -1 : 1;
    return p->b < q->b ? -1 : p->b > q->b;
}

static int find_words(const struct md_atom_vec *atoms, const struct md_story *story,
                      int64_t apart_us, struct md_likeness_vec *ret)
{
    struct shingle_vec s = {0};
    struct md_likeness_vec shared = {0};
    md_autofree uint32_t *runs = calloc(atoms->n + 1, sizeof *runs);
    int r = runs ? MD_OK : MD_ERR_NOMEM;
    for (size_t i = 0; i < atoms->n && r == MD_OK; i++) {
        const struct md_atom *a = &atoms->v[i];
        size_t before = s.n;
        for (size_t k = 0; k < a->sentence_count && r == MD_OK; k++)
            r = add_shingles(story->sentences.v[a->first_sentence + k].text, (uint32_t)i, &s);
        runs[i] = (uint32_t)(s.n - before);
    }
    if (s.n > 1)
        qsort(s.v, s.n, sizeof *s.v, compare_shingles);
    if (r == MD_OK)
        r = share_shingles(atoms, &s, apart_us, &shared);
    if (shared.n > 1)
        qsort(shared.v, shared.n, sizeof *shared.v, compare_pairs);
    for (size_t i = 0, end; i < shared.n && r == MD_OK; i = end) {
        const float least = 0.4f;
        for (end = i + 1; end < shared.n && compare_pairs(&shared.v[i], &shared.v[end]) == 0;)
            end++;
        uint32_t a = shared.v[i].a, b = shared.v[i].b;
        float share = (float)(end - i) / (float)MD_MAX(MD_MIN(runs[a], runs[b]), 2u);
        if (share >= least)
            r = add_pair(ret, a, b, MD_MIN(share, 1));
    }
    md_vec_done(&s);
    md_vec_done(&shared);
    return r;
}

/* --- both --- */

static int compare_costs(const void *x, const void *y)
{
    const struct md_likeness *p = x, *q = y;
    if (p->cost != q->cost)
        return p->cost > q->cost ? -1 : 1;
    return compare_pairs(x, y);
}

/* Equal pairs become one, with the higher cost. */
static void unite(struct md_likeness_vec *v)
{
    size_t kept = 0;
    for (size_t i = 0; i < v->n; i++) {
        if (kept > 0 && compare_pairs(&v->v[i], &v->v[kept - 1]) == 0)
            v->v[kept - 1].cost = MD_MAX(v->v[kept - 1].cost, v->v[i].cost);
        else
            v->v[kept++] = v->v[i];
    }
    v->n = kept;
}

/* The most alike first, each atom with a few partners. */
static int thin_out(const struct md_atom_vec *atoms, struct md_likeness_vec *v)
{
    md_autofree uint8_t *partners = calloc(atoms->n + 1, sizeof *partners);
    size_t kept = 0;
    if (!partners)
        return MD_ERR_NOMEM;
    qsort(v->v, v->n, sizeof *v->v, compare_costs);
    for (size_t i = 0; i < v->n; i++) {
        uint8_t *a = &partners[v->v[i].a], *b = &partners[v->v[i].b];
        if (*a >= MOST_PARTNERS || *b >= MOST_PARTNERS)
            continue;
        ++*a;
        ++*b;
        v->v[kept++] = v->v[i];
    }
    v->n = kept;
    return MD_OK;
}

int md_select_find_likeness(const struct md_atom_vec *atoms, const struct md_story *story,
                            const struct md_shots *shots, int64_t apart_us,
                            struct md_likeness_vec *ret)
{
    if (shots && shots->shots.n > 0 && find_pictures(atoms, shots, apart_us, ret) < 0)
        return MD_ERR_NOMEM;
    if (find_words(atoms, story, apart_us, ret) < 0)
        return MD_ERR_NOMEM;
    if (ret->n == 0)
        return MD_OK;
    qsort(ret->v, ret->n, sizeof *ret->v, compare_pairs);
    unite(ret);
    return thin_out(atoms, ret);
}
