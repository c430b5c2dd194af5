/* Evidence is counted for every capitalised word and judged at the end: a name is written with a
 * capital inside sentences, hardly ever small, hardly ever after an article, is called out ("Come
 * here, Anna!"), follows a title (Mr., Frau) or labels a line. In German, where every noun has a
 * capital, and in all-capital subtitles, only calls, titles and labels count. */
#include "story/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/chars.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "base/utf8.h"

enum { MOST_CHARACTERS = 24, NAME_BYTES = 96, NO_WORD = -1 };

/* What is known of one word, by its id. */
struct evidence {
    uint32_t capital;    /* written with a capital, anywhere */
    uint32_t small;      /* written small */
    uint32_t inside;     /* capital, not at the start of a sentence */
    uint32_t called;     /* set off by commas: "Come here, Anna!" */
    uint32_t alone;      /* a sentence of its own: "Anna!" */
    uint32_t determined; /* capital inside, after an article or possessive */
    uint32_t titled;     /* after a title */
    uint32_t lines;      /* labels a line */
    uint32_t place;      /* after in, at, from */
    uint32_t of_place;   /* before a word for a place: Gull Rock, New York */
    uint32_t title;      /* id + 1 of the title last seen before it */
    int64_t first_us, last_us;
};
struct evidence_vec MD_VEC(struct evidence);
struct spelling_vec MD_VEC(uint32_t);

/* Two capitalised words in a row: "Anna Karenina". */
struct pair {
    uint32_t first, second, count;
};
struct pair_vec MD_VEC(struct pair);

struct finder {
    const struct md_text_traits *traits;
    struct md_terms stop, determiners, titles, not_names, places;
    struct md_terms words;        /* lower case */
    struct md_terms shown;        /* as written, by `spelling` */
    struct spelling_vec spelling; /* word id -> id in shown */
    struct evidence_vec evidence;
    struct md_terms pair_keys;
    struct pair_vec pairs;
};

static int finder_init(struct finder *f, const struct md_text_traits *traits)
{
    const struct md_story_language *l = traits->language;
    f->traits = traits;
    if (md_terms_add_list(&f->stop, l->stop) < 0 ||
        md_terms_add_list(&f->determiners, l->determiners) < 0 ||
        md_terms_add_list(&f->titles, l->titles) < 0 ||
        md_terms_add_list(&f->not_names, l->not_names) < 0 ||
        md_terms_add_list(&f->places, l->place_words) < 0)
        return MD_ERR_NOMEM;
    return MD_OK;
}

static void finder_done(struct finder *f)
{
    md_terms_done(&f->stop);
    md_terms_done(&f->determiners);
    md_terms_done(&f->titles);
    md_terms_done(&f->not_names);
    md_terms_done(&f->places);
    md_terms_done(&f->words);
    md_terms_done(&f->shown);
    md_terms_done(&f->pair_keys);
    md_vec_done(&f->spelling);
    md_vec_done(&f->evidence);
    md_vec_done(&f->pairs);
}

/* Without "'s" and "'". */
static size_t strip_possessive(const char *s, size_t n)
{
    if (n > 2 && memcmp(s + n - 2, "'s", 2) == 0)
        return n - 2;
    return n > 1 && s[n - 1] == '\'' ? n - 1 : n;
}

/* "ANNA" and "anna" become "Anna". Returns bytes. */
static size_t in_title_case(const char *lower, size_t n, char *out, size_t size)
{
    bool start = true;
    size_t written = 0;
    for (size_t pos = 0; pos < n;) {
        uint32_t cp;
        char bytes[4];
        pos += md_char_next(lower + pos, n - pos, &cp);
        size_t used = md_utf8_encode(start ? md_char_upper(cp) : cp, bytes);
        if (written + used >= size)
            break;
        memcpy(out + written, bytes, used);
        written += used;
        start = cp == ' ' || cp == '-';
    }
    out[written] = '\0';
    return written;
}

static int add_word(struct finder *f, const char *lower, size_t n, const char *shown,
                    size_t shown_n, uint32_t *ret_id)
{
    uint32_t id, spelling;
    if (md_terms_add(&f->words, lower, n, &id) < 0 ||
        md_terms_add(&f->shown, shown, shown_n, &spelling) < 0)
        return MD_ERR_NOMEM;
    if (id >= f->evidence.n && (md_vec_push(&f->evidence, (struct evidence){0}) < 0 ||
                                md_vec_push(&f->spelling, spelling) < 0))
        return MD_ERR_NOMEM;
    *ret_id = id;
    return MD_OK;
}

/* --- reading a sentence --- */

/* The word before, as the next one sees it. */
struct before {
    int64_t id; /* of a capitalised word directly before, else NO_WORD */
    bool determiner, title, place;
    int64_t title_id;
};

/* What lies between two words. */
struct gap {
    bool starts; /* a sentence, quotation or clause after a colon starts here */
    bool comma;
    bool only_space;
};

static struct gap read_gap(const char *s, const char *from, const char *to, bool after_title)
{
    struct gap gap = {.starts = from == s, .only_space = true};
    for (const char *p = from; p < to;) {
        uint32_t cp;
        p += md_char_next(p, (size_t)(to - p), &cp);
        enum md_char is = md_char_class(cp);
        gap.comma |= cp == ',' || cp == 0x060C || cp == 0xFF0C;
        gap.starts |= (is == MD_CHAR_STOP && !after_title) || is == MD_CHAR_OPEN || cp == ':' ||
                      is == MD_CHAR_DASH;
        gap.only_space &= is == MD_CHAR_SPACE || (is == MD_CHAR_STOP && after_title);
    }
    return gap;
}

static int count_pair(struct finder *f, uint32_t first, uint32_t second)
{
    char key[32];
    uint32_t id;
    int n = snprintf(key, sizeof key, "%u %u", first, second);
    if (md_terms_add(&f->pair_keys, key, (size_t)n, &id) < 0)
        return MD_ERR_NOMEM;
    if (id >= f->pairs.n && md_vec_push(&f->pairs, (struct pair){first, second, 0}) < 0)
        return MD_ERR_NOMEM;
    f->pairs.v[id].count++;
    size_t len;
    const char *word = md_terms_text(&f->words, second, &len);
    f->evidence.v[first].of_place += md_terms_find(&f->not_names, word, len) >= 0;
    return MD_OK;
}

static void count_capital(struct evidence *e, const struct gap *gap, const struct before *before,
                          const struct md_word *word, bool only_word,
                          const struct md_sentence *sentence)
{
    bool ends = word->follows == MD_CHAR_STOP || word->follows == MD_CHAR_PAUSE ||
                (word->follows == MD_CHAR_SPACE && word->s[word->n] == '\0');
    if (e->capital++ == 0)
        e->first_us = sentence->start_us;
    e->last_us = sentence->start_us;
    e->inside += !gap->starts && !before->title;
    e->alone += only_word;
    e->called += gap->comma && ends && !only_word;
    e->determined += before->determiner;
    e->place += before->place;
    e->titled += before->title;
    if (before->title && before->title_id != NO_WORD)
        e->title = (uint32_t)before->title_id + 1;
}

static int read_word(struct finder *f, const struct md_sentence *sentence, const char *from,
                     const struct md_word *word, bool only_word, struct before *before)
{
    char lower[NAME_BYTES], shown[NAME_BYTES];
    struct before now = {.id = NO_WORD, .title_id = NO_WORD};
    struct gap gap = read_gap(sentence->text, from, word->s, before->title);
    size_t n = strip_possessive(lower, md_word_lower(word, lower, sizeof lower));
    bool caps = f->traits->all_capitals;
    bool letters = !word->pair && !word->number;
    bool acronym = word->all_capitals && !caps && word->length < 5;
    now.determiner = md_terms_find(&f->determiners, lower, n) >= 0;
    now.place = md_terms_find(&f->places, lower, n) >= 0;
    now.title = word->capital && md_terms_find(&f->titles, lower, n) >= 0;
    bool function_word = now.determiner || now.place || md_terms_find(&f->stop, lower, n) >= 0;
    if (letters && !function_word && word->length >= 2 && !acronym) {
        uint32_t id;
        size_t shown_n =
            caps || word->all_capitals ? in_title_case(lower, n, shown, sizeof shown) : n;
        const char *spelling = caps || word->all_capitals ? shown : word->s;
        if (add_word(f, lower, n, spelling, shown_n, &id) < 0)
            return MD_ERR_NOMEM;
        struct evidence *e = &f->evidence.v[id];
        now.title_id = id;
        if (word->capital) {
            count_capital(e, &gap, before, word, only_word, sentence);
            if (before->id != NO_WORD && gap.only_space &&
                count_pair(f, (uint32_t)before->id, id) < 0)
                return MD_ERR_NOMEM;
            now.id = id;
        } else {
            e->small++;
        }
    }
    *before = now;
    return MD_OK;
}

static int read_label(struct finder *f, const struct md_sentence *sentence)
{
    char lower[NAME_BYTES], shown[NAME_BYTES];
    uint32_t id;
    struct md_word label = {.s = sentence->speaker, .n = strlen(sentence->speaker)};
    size_t n = md_word_lower(&label, lower, sizeof lower);
    size_t shown_n = in_title_case(lower, n, shown, sizeof shown);
    if (n == 0)
        return MD_OK;
    if (add_word(f, lower, n, shown, shown_n, &id) < 0)
        return MD_ERR_NOMEM;
    struct evidence *e = &f->evidence.v[id];
    if (e->lines++ == 0 && e->capital == 0)
        e->first_us = sentence->start_us;
    e->last_us = MD_MAX(e->last_us, sentence->start_us);
    return MD_OK;
}

static int read_sentence(struct finder *f, const struct md_sentence *sentence)
{
    struct before before = {.id = NO_WORD};
    struct md_word word, next = {0};
    const char *text = sentence->text, *from = text;
    size_t pos = 0, n = strlen(text);
    bool more = md_word_next(text, n, &pos, &word);
    bool only_word = more && !md_word_next(text, n, &(size_t){pos}, &next);
    while (more) {
        if (read_word(f, sentence, from, &word, only_word, &before) < 0)
            return MD_ERR_NOMEM;
        from = word.s + word.n;
        more = md_word_next(text, n, &pos, &word);
    }
    return sentence->speaker ? read_label(f, sentence) : MD_OK;
}

/* --- judging --- */

static bool is_generic_label(const char *s, size_t n)
{
    static const char *const generic[] = {
        "man",   "woman", "boy",   "girl",      "all",      "both",     "crowd", "voice",
        "other", "child", "radio", "announcer", "reporter", "tv",       "male",  "female",
        "kid",   "guard", "cop",   "mann",      "frau",     "homme",    "femme", "hombre",
        "mujer", "uomo",  "donna", "everyone",  "children", "together", "group", "audience"};
    size_t word = 0;
    while (word < n && s[word] != ' ')
        word++;
    for (size_t i = 0; i < MD_ARRAY_LEN(generic); i++)
        if (strlen(generic[i]) == word && memcmp(generic[i], s, word) == 0)
            return true;
    return false;
}

static bool is_name(const struct finder *f, uint32_t id)
{
    const struct evidence *e = &f->evidence.v[id];
    size_t n;
    const char *lower = md_terms_text(&f->words, id, &n);
    if (e->lines >= 2)
        return !is_generic_label(lower, n);
    if (md_terms_find(&f->not_names, lower, n) >= 0 || md_terms_find(&f->titles, lower, n) >= 0 ||
        n < 2)
        return false;
    if (e->of_place * 2 > e->capital)
        return false;
    if (e->titled >= 1 && e->small * 4 <= e->capital)
        return true;
    uint32_t calls = 2 * e->called + e->alone;
    if (f->traits->all_capitals)
        return e->called >= 2 && e->called * 3 >= e->capital;
    if (e->small * 6 > e->capital || e->determined * 3 > e->inside + calls)
        return false;
    if (f->traits->language->nouns_capitalised)
        return calls >= 2 && calls * 5 >= e->capital;
    if (e->place * 2 >= e->inside && calls == 0)
        return false;
    return e->inside + calls >= 2 && (e->inside >= 1 || e->called >= 1 || e->alone >= 2);
}

/* A name as it will be shown: one word, or two that keep appearing together. */
struct candidate {
    uint32_t id;
    int64_t second; /* id of a family name, or NO_WORD */
    bool absorbed;  /* it is the family name of another */
    struct evidence sum;
};
struct candidate_vec MD_VEC(struct candidate);

static int64_t find_candidate(const struct candidate_vec *all, uint32_t id)
{
    for (size_t i = 0; i < all->n; i++)
        if (all->v[i].id == id)
            return (int64_t)i;
    return NO_WORD;
}

static void merge_pair(const struct finder *f, const struct pair *pair, struct candidate_vec *all)
{
    int64_t first = find_candidate(all, pair->first), second = find_candidate(all, pair->second);
    if (first == NO_WORD || second == NO_WORD || first == second || pair->count < 2)
        return;
    struct candidate *a = &all->v[first], *b = &all->v[second];
    uint32_t seldomer = MD_MIN(a->sum.capital, b->sum.capital);
    /* "Frank Anna" once in a list is no full name */
    if (a->second != NO_WORD || b->absorbed || a->absorbed || pair->count * 4 < seldomer)
        return;
    a->second = pair->second;
    b->absorbed = true;
    a->sum.capital += b->sum.capital - MD_MIN(pair->count, b->sum.capital);
    a->sum.lines += b->sum.lines;
    a->sum.first_us = MD_MIN(a->sum.first_us, b->sum.first_us);
    a->sum.last_us = MD_MAX(a->sum.last_us, b->sum.last_us);
}

static int compare_candidates(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    uint32_t p = x->sum.capital + x->sum.lines, q = y->sum.capital + y->sum.lines;
    if (p != q)
        return p > q ? -1 : 1;
    if (x->sum.first_us != y->sum.first_us)
        return x->sum.first_us < y->sum.first_us ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

static int collect(const struct finder *f, struct candidate_vec *all)
{
    for (uint32_t id = 0; id < f->evidence.n; id++) {
        struct candidate c = {.id = id, .second = NO_WORD, .sum = f->evidence.v[id]};
        if (is_name(f, id) && md_vec_push(all, c) < 0)
            return MD_ERR_NOMEM;
    }
    /* so that merging compares few: only the most present can be characters */
    if (all->n > 1)
        qsort(all->v, all->n, sizeof *all->v, compare_candidates);
    all->n = MD_MIN(all->n, (size_t)MOST_CHARACTERS * 4);
    for (size_t i = 0; i < f->pairs.n; i++)
        merge_pair(f, &f->pairs.v[i], all);
    if (all->n > 1)
        qsort(all->v, all->n, sizeof *all->v, compare_candidates);
    return MD_OK;
}

static void append_shown(const struct finder *f, uint32_t id, struct md_str *out)
{
    char text[NAME_BYTES];
    size_t n;
    const char *shown = md_terms_text(&f->shown, f->spelling.v[id], &n);
    struct md_word word = {.s = shown, .n = n};
    /* as written, with the possessive and shouting gone */
    size_t len = md_word_lower(&word, text, sizeof text);
    md_str_append_n(out, shown, MD_MIN(n, strip_possessive(text, len)));
}

static int add_character(const struct finder *f, const struct candidate *c,
                         struct md_character_vec *ret, struct md_terms *ret_words)
{
    md_autostr name = {0};
    size_t n;
    const char *lower = md_terms_text(&f->words, c->id, &n);
    if (c->sum.titled * 2 > c->sum.capital && c->sum.title > 0) {
        append_shown(f, c->sum.title - 1, &name);
        md_str_append_char(&name, ' ');
    }
    append_shown(f, c->id, &name);
    if (md_terms_add(ret_words, lower, n, NULL) < 0)
        return MD_ERR_NOMEM;
    if (c->second != NO_WORD) {
        md_str_append_char(&name, ' ');
        append_shown(f, (uint32_t)c->second, &name);
        lower = md_terms_text(&f->words, (uint32_t)c->second, &n);
        if (md_terms_add(ret_words, lower, n, NULL) < 0)
            return MD_ERR_NOMEM;
    }
    struct md_character character = {.name = md_str_take(&name),
                                     .mentions = c->sum.capital,
                                     .lines = c->sum.lines,
                                     .first_us = c->sum.first_us,
                                     .last_us = c->sum.last_us};
    if (!character.name || md_vec_push(ret, character) < 0) {
        free(character.name);
        return MD_ERR_NOMEM;
    }
    return MD_OK;
}

int md_story_find_names(const struct md_sentence_vec *sentences,
                        const struct md_text_traits *traits,
                        struct md_character_vec *ret_characters, struct md_terms *ret_words)
{
    struct finder f = {0};
    struct candidate_vec all = {0};
    int r = finder_init(&f, traits);
    for (size_t i = 0; i < sentences->n && r == MD_OK; i++)
        r = read_sentence(&f, &sentences->v[i]);
    if (r == MD_OK)
        r = collect(&f, &all);
    for (size_t i = 0; i < all.n && ret_characters->n < MOST_CHARACTERS && r == MD_OK; i++)
        if (!all.v[i].absorbed)
            r = add_character(&f, &all.v[i], ret_characters, ret_words);
    md_vec_done(&all);
    finder_done(&f);
    return r;
}
