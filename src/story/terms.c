/* Open addressing over FNV-1a, doubled at half full; texts lie end to end in one pool. */
#include "story/terms.h"

#include <string.h>

#include "base/file.h"

static const struct md_term *slot_term(const struct md_terms *terms, size_t slot)
{
    uint32_t id = terms->slots.v[slot];
    return id ? &terms->terms.v[id - 1] : NULL;
}

/* The slot that holds the text, or the free one where it belongs. */
static size_t find_slot(const struct md_terms *terms, const char *s, size_t n)
{
    size_t mask = terms->slots.n - 1;
    size_t slot = (size_t)md_hash(MD_HASH_START, s, n) & mask;
    const struct md_term *term;
    while ((term = slot_term(terms, slot)) != NULL) {
        if (term->n == n && memcmp(terms->pool.v + term->at, s, n) == 0)
            break;
        slot = (slot + 1) & mask;
    }
    return slot;
}

static int grow(struct md_terms *terms)
{
    const size_t first_slots = 256;
    size_t want = terms->slots.n ? terms->slots.n * 2 : first_slots;
    struct md_term_slots bigger = {0};
    if (md_vec_reserve(&bigger, want) < 0)
        return MD_ERR_NOMEM;
    memset(bigger.v, 0, want * sizeof *bigger.v);
    bigger.n = want;
    md_vec_done(&terms->slots);
    terms->slots = bigger;
    for (size_t i = 0; i < terms->terms.n; i++) {
        const struct md_term *term = &terms->terms.v[i];
        size_t slot = find_slot(terms, terms->pool.v + term->at, term->n);
        terms->slots.v[slot] = (uint32_t)i + 1;
    }
    return MD_OK;
}

int md_terms_add(struct md_terms *terms, const char *s, size_t n, uint32_t *ret_id)
{
    if (terms->terms.n * 2 >= terms->slots.n && grow(terms) < 0)
        return MD_ERR_NOMEM;
    size_t slot = find_slot(terms, s, n);
    if (!terms->slots.v[slot]) {
        if (md_vec_reserve(&terms->pool, terms->pool.n + n + 1) < 0 ||
            md_vec_push(&terms->terms, (struct md_term){terms->pool.n, n}) < 0)
            return MD_ERR_NOMEM;
        memcpy(terms->pool.v + terms->pool.n, s, n);
        terms->pool.n += n;
        terms->pool.v[terms->pool.n++] = '\0';
        terms->slots.v[slot] = (uint32_t)terms->terms.n;
    }
    if (ret_id)
        *ret_id = terms->slots.v[slot] - 1;
    return MD_OK;
}

int64_t md_terms_find(const struct md_terms *terms, const char *s, size_t n)
{
    if (terms->slots.n == 0)
        return MD_TERM_NONE;
    return (int64_t)terms->slots.v[find_slot(terms, s, n)] - 1;
}

int md_terms_add_list(struct md_terms *terms, const char *list)
{
    for (const char *p = list; *p;) {
        size_t n = strcspn(p, " ");
        if (n > 0 && md_terms_add(terms, p, n, NULL) < 0)
            return MD_ERR_NOMEM;
        p += n + strspn(p + n, " ");
    }
    return MD_OK;
}

void md_terms_done(struct md_terms *terms)
{
    md_vec_done(&terms->terms);
    md_vec_done(&terms->pool);
    md_vec_done(&terms->slots);
}
