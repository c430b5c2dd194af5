/* LexRank (Erkan and Radev 2004): PageRank on the graph of sentence similarities. The graph is
 * built through an inverted index, so that only sentences sharing a term meet; a term in very many
 * sentences links each only to the nearest of them in time, which bounds the cost and loses little,
 * as such a term weighs little. Rank alone favours long, bland sentences and says nothing about one
 * that stands alone, so it is mixed with length and names. */
#include "story/rank.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/chars.h"
#include "base/cleanup.h"

enum {
    MOST_LINKS = 16,    /* strongest neighbours kept for each sentence */
    MOST_POSTINGS = 48, /* of one term looked at from one sentence */
    ITERATIONS = 30,    /* 0.85^30 < 0.01 */
};
static const float least_similarity = 0.08f;
static const double damping = 0.85; /* Brin and Page 1998 */

struct link {
    uint32_t to;
    float weight;
};
struct link_vec MD_VEC(struct link);
struct start_vec MD_VEC(size_t);

struct graph {
    struct start_vec starts; /* n + 1 */
    struct link_vec links;
};

struct postings {
    struct start_vec starts; /* terms + 1 */
    struct md_tokens sentences;
};

static int sized(struct start_vec *v, size_t n)
{
    if (md_vec_reserve(v, n) < 0)
        return MD_ERR_NOMEM;
    memset(v->v, 0, n * sizeof *v->v);
    v->n = n;
    return MD_OK;
}

/* Every sentence once per distinct term, in time order. */
static int build_postings(const struct md_topics *topics, struct postings *p)
{
    size_t total = 0;
    if (sized(&p->starts, topics->use.n + 1) < 0)
        return MD_ERR_NOMEM;
    for (size_t t = 0; t < topics->use.n; t++) {
        p->starts.v[t] = total;
        total += topics->use.v[t].sentences;
    }
    p->starts.v[topics->use.n] = total;
    md_autofree size_t *fill = calloc(topics->use.n + 1, sizeof *fill);
    if (!fill || md_vec_reserve(&p->sentences, total + 1) < 0)
        return MD_ERR_NOMEM;
    p->sentences.n = total;
    for (size_t i = 0; i < topics->sentences.n; i++) {
        const struct md_sentence_terms *s = &topics->sentences.v[i];
        const uint32_t *token = topics->tokens.v + s->first;
        for (size_t k = 0; k < s->n; k++)
            if (k == 0 || token[k] != token[k - 1])
                p->sentences.v[p->starts.v[token[k]] + fill[token[k]]++] = (uint32_t)i;
    }
    /* terms dropped as too common leave their postings unused */
    for (size_t t = 0; t < topics->use.n; t++)
        for (size_t k = fill[t]; k < topics->use.v[t].sentences; k++)
            p->sentences.v[p->starts.v[t] + k] = UINT32_MAX;
    return MD_OK;
}

/* First posting at or after sentence i. */
static size_t find_posting(const struct postings *p, uint32_t term, uint32_t i)
{
    size_t low = p->starts.v[term], high = p->starts.v[term + 1];
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (p->sentences.v[middle] < i)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct scratch {
    float *dot;        /* per sentence */
    uint32_t *touched; /* sentences with a dot */
    size_t touched_n;
};

static void meet_term(const struct md_topics *topics, const struct postings *p, uint32_t i,
                      uint32_t term, float weight, struct scratch *scratch)
{
    size_t at = find_posting(p, term, i), first = p->starts.v[term], end = p->starts.v[term + 1];
    size_t from = at - first > MOST_POSTINGS / 2 ? at - MOST_POSTINGS / 2 : first;
    end = MD_MIN(end, from + MOST_POSTINGS);
    for (size_t k = from; k < end; k++) {
        uint32_t j = p->sentences.v[k];
        if (j == i || j == UINT32_MAX)
            continue;
        if (scratch->dot[j] == 0)
            scratch->touched[scratch->touched_n++] = j;
        scratch->dot[j] += weight * topics->use.v[term].idf;
    }
}

static int compare_links(const void *a, const void *b)
{
    const struct link *x = a, *y = b;
    if (x->weight != y->weight)
        return x->weight > y->weight ? -1 : 1;
    return x->to < y->to ? -1 : x->to > y->to;
}

/* The neighbours of sentence i; `all` has room for every touched one. */
static int link_sentence(const struct md_topics *topics, const struct postings *p, uint32_t i,
                         struct scratch *scratch, struct link *all, struct graph *graph)
{
    const struct md_sentence_terms *s = &topics->sentences.v[i];
    const uint32_t *token = topics->tokens.v + s->first;
    size_t n = 0;
    for (size_t k = 0, end; k < s->n; k = end) {
        for (end = k + 1; end < s->n && token[end] == token[k];)
            end++;
        float weight = (float)(end - k) * topics->use.v[token[k]].idf;
        meet_term(topics, p, i, token[k], weight, scratch);
    }
    for (size_t k = 0; k < scratch->touched_n; k++) {
        uint32_t j = scratch->touched[k];
        /* term frequency of the other side is taken as 1: dialogue hardly repeats within a line */
        float similarity = scratch->dot[j] / (s->norm * topics->sentences.v[j].norm);
        if (similarity >= least_similarity)
            all[n++] = (struct link){j, MD_MIN(similarity, 1.0f)};
        scratch->dot[j] = 0;
    }
    scratch->touched_n = 0;
    if (n > 1)
        qsort(all, n, sizeof *all, compare_links);
    n = MD_MIN(n, (size_t)MOST_LINKS);
    for (size_t k = 0; k < n; k++)
        if (md_vec_push(&graph->links, all[k]) < 0)
            return MD_ERR_NOMEM;
    return MD_OK;
}

static int build_graph(const struct md_topics *topics, struct graph *graph)
{
    size_t n = topics->sentences.n;
    struct postings p = {0};
    md_autofree float *dot = calloc(n + 1, sizeof *dot);
    md_autofree uint32_t *touched = calloc(n + 1, sizeof *touched);
    md_autofree struct link *all = calloc(n + 1, sizeof *all);
    struct scratch scratch = {dot, touched, 0};
    int r = dot && touched && all ? sized(&graph->starts, n + 1) : MD_ERR_NOMEM;
    if (r == MD_OK)
        r = build_postings(topics, &p);
    for (size_t i = 0; i < n && r == MD_OK; i++) {
        graph->starts.v[i] = graph->links.n;
        r = link_sentence(topics, &p, (uint32_t)i, &scratch, all, graph);
    }
    if (r == MD_OK)
        graph->starts.v[n] = graph->links.n;
    md_vec_done(&p.starts);
    md_vec_done(&p.sentences);
    return r;
}

/* Power iteration; sentences without links spread evenly. */
static int iterate(const struct graph *graph, size_t n, double *rank)
{
    md_autofree double *next = calloc(n + 1, sizeof *next);
    if (!next)
        return MD_ERR_NOMEM;
    for (size_t i = 0; i < n; i++)
        rank[i] = 1.0 / (double)n;
    for (int round = 0; round < ITERATIONS; round++) {
        double loose = 0;
        memset(next, 0, n * sizeof *next);
        for (size_t i = 0; i < n; i++) {
            size_t from = graph->starts.v[i], to = graph->starts.v[i + 1];
            double sum = 0;
            for (size_t k = from; k < to; k++)
                sum += graph->links.v[k].weight;
            if (sum <= 0) {
                loose += rank[i];
                continue;
            }
            for (size_t k = from; k < to; k++)
                next[graph->links.v[k].to] += rank[i] * graph->links.v[k].weight / sum;
        }
        double base = (1 - damping + damping * loose) / (double)n;
        for (size_t i = 0; i < n; i++)
            rank[i] = base + damping * next[i];
    }
    return MD_OK;
}

/* 0 to 1: eight to twenty words say something, two hardly, fifty cannot be quoted. */
static double length_factor(size_t words)
{
    const double full = 8, too_many = 22;
    double w = (double)words;
    return w < full ? 0.15 + 0.85 * w / full : w <= too_many ? 1 : too_many / w;
}

static bool names_someone(const char *text, const struct md_terms *names)
{
    struct md_word word;
    size_t pos = 0, n = strlen(text);
    while (names->terms.n > 0 && md_word_next(text, n, &pos, &word)) {
        char lower[128];
        size_t len = md_word_lower(&word, lower, sizeof lower);
        if (len > 2 && memcmp(lower + len - 2, "'s", 2) == 0)
            len -= 2;
        if (md_terms_find(names, lower, len) >= 0)
            return true;
    }
    return false;
}

int md_story_rank(const struct md_topics *topics, const struct md_terms *names,
                  struct md_sentence_vec *sentences)
{
    const double name_bonus = 1.1;
    size_t n = sentences->n;
    struct graph graph = {0};
    md_autofree double *rank = calloc(n + 1, sizeof *rank);
    double best = 0;
    if (n == 0)
        return MD_OK;
    int r = rank ? build_graph(topics, &graph) : MD_ERR_NOMEM;
    if (r == MD_OK)
        r = iterate(&graph, n, rank);
    md_vec_done(&graph.starts);
    md_vec_done(&graph.links);
    if (r < 0)
        return r;
    for (size_t i = 0; i < n; i++) {
        const struct md_sentence_terms *s = &topics->sentences.v[i];
        /* square root: rank is skewed, and what it adds to length is an order, not a distance */
        rank[i] = sqrt(rank[i]) * length_factor(s->words) * (s->topical > 0 ? 1 : 0.35) *
                  (names_someone(sentences->v[i].text, names) ? name_bonus : 1);
        best = MD_MAX(best, rank[i]);
    }
    for (size_t i = 0; i < n; i++)
        sentences->v[i].importance = best > 0 ? (float)(rank[i] / best) : 0;
    return MD_OK;
}
