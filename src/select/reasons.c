/* Reasons are read off the same scores that decided, never made up: what a piece is best at among
 * all pieces or atoms of its act, which key moments and sentences it holds, what it opens. */
#include "select/reasons.h"

#include <stdlib.h>
#include <string.h>

#include "base/chars.h"
#include "base/cleanup.h"
#include "base/str.h"

enum { MOST_REASONS = 4, QUOTE_BYTES = 90, TOP_SENTENCES = 20 };

struct writer {
    const struct md_reasons_input *in;
    struct md_strings *out;
    size_t first, end; /* atoms of the run */
    bool failed;
};

static void add(struct writer *w, struct md_str *text)
{
    char *taken = md_str_take(text);
    if (!taken || w->out->n >= MOST_REASONS) {
        w->failed |= !taken;
        free(taken);
    } else if (md_vec_push(w->out, taken) < 0) {
        w->failed = true;
        free(taken);
    }
}

/* The text in quotation marks, shortened at a character. */
static void append_quote(struct md_str *out, const char *text)
{
    size_t n = strlen(text), pos = 0, cut = 0;
    while (pos < n && pos <= QUOTE_BYTES) {
        uint32_t cp;
        size_t used = md_char_next(text + pos, n - pos, &cp);
        if (md_char_class(cp) == MD_CHAR_SPACE || (cut == 0 && pos + used > QUOTE_BYTES))
            cut = pos;
        pos += used;
    }
    md_str_append(out, "\xE2\x80\x9C");
    if (n <= QUOTE_BYTES) {
        md_str_append(out, text);
    } else {
        md_str_append_n(out, text, cut);
        md_str_append(out, "\xE2\x80\xA6");
    }
    md_str_append(out, "\xE2\x80\x9D");
}

/* Ends the sentence; one that is cut short or ends a sentence itself needs no more. */
static void end_quote(struct md_str *out, const char *text)
{
    size_t n = strlen(text);
    if (n == 0 || (n <= QUOTE_BYTES && !strchr(".!?", text[n - 1])))
        md_str_append_char(out, '.');
}

static const char *act_words(int act)
{
    static const char *const words[MD_ACTS] = {"opening", "inciting incident", "rising action",
                                               "climax", "resolution"};
    return words[act];
}

/* --- the reasons, most telling first --- */

static void say_edges(struct writer *w)
{
    const struct md_atom_vec *atoms = w->in->atoms;
    md_autostr s = {0};
    if (w->first == 0) {
        md_str_append(&s, "Opens the digest where the movie opens.");
        add(w, &s);
    } else if (w->first == w->in->runs->v[0].first) {
        md_str_append(&s, "A scene to open the digest with.");
        add(w, &s);
    }
    if (w->end == atoms->n) {
        md_str_append(&s, "Keeps the movie's ending.");
        add(w, &s);
    }
}

static void say_act(struct writer *w)
{
    const struct md_story *story = w->in->story;
    const struct md_atom *atoms = w->in->atoms->v;
    for (size_t a = 1; a < story->acts.n; a++) {
        const struct md_act_range *act = &story->acts.v[a];
        if (act->act == atoms[w->first].act && act->start_us >= atoms[w->first].start_us &&
            act->start_us < atoms[w->end - 1].end_us) {
            md_autostr s = {0};
            md_str_printf(&s, "Opens the %s.", act_words(act->act));
            add(w, &s);
        }
    }
}

static void say_moments(struct writer *w)
{
    const struct md_story *story = w->in->story;
    const struct md_atom *atoms = w->in->atoms->v;
    for (size_t k = 0; k < story->key_moments.n; k++) {
        const struct md_key_moment *m = &story->key_moments.v[k];
        if (m->time_us < atoms[w->first].start_us || m->time_us >= atoms[w->end - 1].end_us)
            continue;
        md_autostr s = {0};
        md_str_printf(&s, "Carries a key moment (%s)", m->kind ? m->kind : "moment");
        if (m->quote) {
            md_str_append(&s, ": ");
            append_quote(&s, m->quote);
        }
        end_quote(&s, m->quote ? m->quote : "");
        add(w, &s);
    }
}

static int64_t best_sentence(const struct writer *w)
{
    int64_t best = -1;
    for (size_t i = w->first; i < w->end; i++) {
        int64_t k = w->in->scores->v[i].best_sentence;
        if (k >= 0 && (best < 0 || w->in->story->sentences.v[k].importance >
                                       w->in->story->sentences.v[best].importance))
            best = k;
    }
    return best;
}

static bool is_told(const struct writer *w, const char *text)
{
    md_autostr quote = {0};
    append_quote(&quote, text);
    for (size_t i = 0; i < w->out->n; i++)
        if (!md_str_failed(&quote) && strstr(w->out->v[i], md_str_text(&quote)))
            return true;
    return false;
}

static void say_sentence(struct writer *w)
{
    const struct md_sentence_vec *all = &w->in->story->sentences;
    int64_t best = best_sentence(w);
    size_t rank = 1;
    if (best < 0 || is_told(w, all->v[best].text))
        return;
    for (size_t i = 0; i < all->n; i++)
        rank += all->v[i].importance > all->v[best].importance;
    if (rank > MD_MAX((size_t)TOP_SENTENCES, all->n / 10))
        return;
    static const char *const suffix[] = {"th", "st", "nd", "rd"};
    bool plain = rank % 10 > 3 || (rank % 100 >= 11 && rank % 100 <= 13);
    md_autostr s = {0};
    if (rank == 1)
        md_str_printf(&s, "Holds the most telling of %zu sentences: ", all->n);
    else
        md_str_printf(&s, "Holds the %zu%s most telling of %zu sentences: ", rank,
                      suffix[plain ? 0 : rank % 10], all->n);
    append_quote(&s, all->v[best].text);
    end_quote(&s, all->v[best].text);
    add(w, &s);
}

/* The best of a component over the act's atoms lies in this run? */
static bool is_best_of_act(const struct writer *w, float (*read)(const struct md_score *))
{
    const struct md_atom *atoms = w->in->atoms->v;
    float own = 0, others = 0;
    for (size_t i = 0; i < w->in->atoms->n; i++) {
        float value = read(&w->in->scores->v[i]);
        if (atoms[i].act != atoms[w->first].act)
            continue;
        if (i >= w->first && i < w->end)
            own = MD_MAX(own, value);
        else
            others = MD_MAX(others, value);
    }
    return own > others;
}

static float read_picture(const struct md_score *s)
{
    return s->audio_visual;
}
static float read_feeling(const struct md_score *s)
{
    return s->emotion;
}

static void say_best(struct writer *w)
{
    int act = w->in->atoms->v[w->first].act;
    md_autostr s = {0};
    if (is_best_of_act(w, read_picture)) {
        md_str_printf(&s, "The most intense picture and sound of the %s.", act_words(act));
        add(w, &s);
    }
    if (is_best_of_act(w, read_feeling)) {
        md_str_printf(&s, "The strongest feeling of the %s.", act_words(act));
        add(w, &s);
    }
}

/* When nothing stands out: what it is mostly good for. */
static void say_general(struct writer *w)
{
    static const char *const for_what[] = {
        "Keeps the story's thread in the %s", "Among the most telling parts of the %s",
        "Strong picture and sound in the %s", "Felt more than most of the %s"};
    double sum[4] = {0};
    for (size_t i = w->first; i < w->end; i++) {
        const struct md_score *x = &w->in->scores->v[i];
        sum[0] += x->story;
        sum[1] += x->importance;
        sum[2] += x->audio_visual;
        sum[3] += x->emotion;
    }
    size_t best = 0;
    for (size_t k = 1; k < 4; k++)
        if (sum[k] > sum[best])
            best = k;
    const struct md_atom *atom = &w->in->atoms->v[w->first];
    md_autostr s = {0}, text = {0};
    md_str_printf(&text, for_what[best], act_words(atom->act));
    md_str_printf(&s, "%s, from ", md_str_text(&text));
    append_quote(&s, w->in->story->segments.v[atom->segment].title);
    end_quote(&s, w->in->story->segments.v[atom->segment].title);
    add(w, &s);
}

int md_select_give_reasons(const struct md_reasons_input *in, size_t r, struct md_strings *ret)
{
    struct writer w = {.in = in, .out = ret};
    w.first = in->runs->v[r].first;
    w.end = w.first + in->runs->v[r].n;
    say_edges(&w);
    say_act(&w);
    say_moments(&w);
    say_sentence(&w);
    say_best(&w);
    if (ret->n == 0)
        say_general(&w);
    return w.failed ? MD_ERR_NOMEM : MD_OK;
}
