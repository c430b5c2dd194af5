/* Light stemming only. English loses plural, possessive, -ing and -ed; every other language is cut
 * to its first six letters, which for retrieval does about as well as a real stemmer (McNamee and
 * Mayfield 2004) and needs no rules. Stop words come from a list; where there is none, the terms
 * that very many sentences share are taken for them. */
#include "story/topics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/chars.h"
#include "base/cleanup.h"

enum { STEM_LETTERS = 6, WORD_BYTES = 256 };

static bool ends_with(const char *s, size_t n, const char *suffix, size_t least_rest)
{
    size_t len = strlen(suffix);
    return n >= len + least_rest && memcmp(s + n - len, suffix, len) == 0;
}

/* An S-stemmer (Harman 1991) with -ing and -ed, dropping a doubled consonant ("stopped"). */
static size_t stem_english(char *s, size_t n)
{
    if (ends_with(s, n, "'s", 1) || ends_with(s, n, "n't", 1))
        n -= 2;
    if (ends_with(s, n, "ies", 2)) {
        s[n - 3] = 'y';
        return n - 2;
    }
    if (ends_with(s, n, "sses", 1) || ends_with(s, n, "shes", 1) || ends_with(s, n, "ches", 1))
        n -= 2;
    else if (ends_with(s, n, "s", 3) && s[n - 2] != 's' && s[n - 2] != 'u')
        n -= 1;
    size_t cut = ends_with(s, n, "ing", 3) ? 3 : ends_with(s, n, "ed", 3) ? 2 : 0;
    n -= cut;
    if (cut && s[n - 1] == s[n - 2] && s[n - 1] != 'l' && s[n - 1] != 's')
        n--;
    if (n > 4 && s[n - 1] == 'e')
        n--;
    return n;
}

static size_t stem_by_length(const char *s, size_t n)
{
    size_t pos = 0;
    for (int letters = 0; pos < n && letters < STEM_LETTERS; letters++) {
        uint32_t cp;
        pos += md_char_next(s + pos, n - pos, &cp);
    }
    return pos;
}

struct reader {
    const struct md_text_traits *traits;
    struct md_terms stop;
    const struct md_terms *names;
    struct md_topics *topics;
};

/* Adds one word of the text unless it is a stop word. */
static int read_word(struct reader *r, const struct md_word *word, bool first)
{
    char text[WORD_BYTES];
    size_t n = md_word_lower(word, text, sizeof text);
    uint32_t form, stem;
    if (word->number && word->length < 2)
        return MD_OK;
    if (!word->pair && (word->length < 2 || md_terms_find(&r->stop, text, n) >= 0))
        return MD_OK;
    if (md_terms_add(&r->topics->forms, text, n, &form) < 0)
        return MD_ERR_NOMEM;
    size_t plain_n = n > 2 && memcmp(text + n - 2, "'s", 2) == 0 ? n - 2 : n;
    bool name = md_terms_find(r->names, text, plain_n) >= 0;
    bool english = strcmp(r->traits->language->code, "en") == 0;
    size_t stem_n = word->pair ? n : english ? stem_english(text, n) : stem_by_length(text, n);
    if (md_terms_add(&r->topics->stems, text, stem_n, &stem) < 0)
        return MD_ERR_NOMEM;
    if (stem >= r->topics->use.n &&
        md_vec_push(&r->topics->use, (struct md_term_use){.form = form}) < 0)
        return MD_ERR_NOMEM;
    r->topics->use.v[stem].name |= name;
    r->topics->use.v[stem].inside += !first;
    r->topics->use.v[stem].capital += !first && word->capital && !word->all_capitals;
    /* the shortest way it is written reads best as a key word */
    size_t now_n, form_n;
    md_terms_text(&r->topics->forms, r->topics->use.v[stem].form, &now_n);
    md_terms_text(&r->topics->forms, form, &form_n);
    if (form_n < now_n)
        r->topics->use.v[stem].form = form;
    return md_vec_push(&r->topics->tokens, stem);
}

static int compare_ids(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static int read_sentence(struct reader *r, const char *text)
{
    struct md_sentence_terms terms = {.first = r->topics->tokens.n};
    struct md_word word;
    size_t pos = 0, n = strlen(text);
    while (md_word_next(text, n, &pos, &word)) {
        if (read_word(r, &word, terms.words++ == 0) < 0)
            return MD_ERR_NOMEM;
    }
    terms.n = r->topics->tokens.n - terms.first;
    if (terms.n > 1)
        qsort(r->topics->tokens.v + terms.first, terms.n, sizeof(uint32_t), compare_ids);
    return md_vec_push(&r->topics->sentences, terms);
}

static void count_use(struct md_topics *topics)
{
    for (size_t i = 0; i < topics->sentences.n; i++) {
        const struct md_sentence_terms *s = &topics->sentences.v[i];
        const uint32_t *token = topics->tokens.v + s->first;
        for (size_t k = 0; k < s->n; k++) {
            topics->use.v[token[k]].total++;
            topics->use.v[token[k]].sentences += k == 0 || token[k] != token[k - 1];
        }
    }
}

/* Without a list: what so many sentences share says nothing about any of them. */
static bool is_too_common(const struct md_topics *topics, uint32_t stem)
{
    const double any_share = 0.06, short_share = 0.02;
    const size_t least_sentences = 30, short_bytes = 3;
    size_t n;
    md_terms_text(&topics->stems, stem, &n);
    double share = (double)topics->use.v[stem].sentences / (double)topics->sentences.n;
    return topics->sentences.n >= least_sentences &&
           share > (n <= short_bytes ? short_share : any_share);
}

static void drop_common(struct md_topics *topics)
{
    size_t kept = 0;
    for (size_t i = 0; i < topics->sentences.n; i++) {
        struct md_sentence_terms *s = &topics->sentences.v[i];
        size_t first = kept;
        for (size_t k = 0; k < s->n; k++) {
            uint32_t token = topics->tokens.v[s->first + k];
            if (!is_too_common(topics, token))
                topics->tokens.v[kept++] = token;
        }
        s->first = first;
        s->n = kept - first;
    }
    topics->tokens.n = kept;
}

/* The end of the run of equal tokens that starts at k. */
static size_t run_end(const uint32_t *token, size_t n, size_t k)
{
    size_t end = k + 1;
    while (end < n && token[end] == token[k])
        end++;
    return end;
}

static void weigh(struct md_topics *topics)
{
    const float name_share = 0.35f; /* "Look, Anna" and "No, Anna" have nothing in common */
    for (size_t t = 0; t < topics->use.n; t++)
        topics->use.v[t].idf =
            (topics->use.v[t].name ? name_share : 1) *
            (float)log(1 + (double)topics->sentences.n / MD_MAX(topics->use.v[t].sentences, 1u));
    for (size_t i = 0; i < topics->sentences.n; i++) {
        struct md_sentence_terms *s = &topics->sentences.v[i];
        const uint32_t *token = topics->tokens.v + s->first;
        double sum = 0;
        for (size_t k = 0, end; k < s->n; k = end) {
            end = run_end(token, s->n, k);
            s->topical += topics->use.v[token[k]].name ? 0 : end - k;
            double weight = (double)(end - k) * topics->use.v[token[k]].idf;
            sum += weight * weight;
        }
        s->norm = (float)sqrt(sum);
    }
}

int md_topics_build(const struct md_sentence_vec *sentences, const struct md_text_traits *traits,
                    const struct md_terms *names, struct md_topics *ret)
{
    struct reader r = {.traits = traits, .names = names, .topics = ret};
    int code = md_terms_add_list(&r.stop, traits->language->stop);
    for (size_t i = 0; i < sentences->n && code == MD_OK; i++)
        code = read_sentence(&r, sentences->v[i].text);
    md_terms_done(&r.stop);
    if (code < 0)
        return code;
    count_use(ret);
    if (!traits->language->code[0])
        drop_common(ret);
    weigh(ret);
    return MD_OK;
}

void md_topics_done(struct md_topics *topics)
{
    md_terms_done(&topics->stems);
    md_terms_done(&topics->forms);
    md_vec_done(&topics->use);
    md_vec_done(&topics->tokens);
    md_vec_done(&topics->sentences);
}

float md_topics_similarity(const struct md_topics *topics, size_t a, size_t b)
{
    const struct md_sentence_terms *x = &topics->sentences.v[a], *y = &topics->sentences.v[b];
    const uint32_t *p = topics->tokens.v + x->first, *q = topics->tokens.v + y->first;
    double dot = 0;
    if (x->norm <= 0 || y->norm <= 0)
        return 0;
    for (size_t i = 0, j = 0; i < x->n && j < y->n;) {
        size_t i_end = run_end(p, x->n, i), j_end = run_end(q, y->n, j);
        if (p[i] == q[j]) {
            double idf = topics->use.v[p[i]].idf;
            dot += (double)(i_end - i) * (double)(j_end - j) * idf * idf;
        }
        bool step_i = p[i] <= q[j], step_j = q[j] <= p[i];
        i = step_i ? i_end : i;
        j = step_j ? j_end : j;
    }
    return (float)(dot / ((double)x->norm * y->norm));
}
