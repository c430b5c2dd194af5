/* A model is good at who is in a scene and bad at not inventing anybody, and a subtitle may tell it
 * to. So a name counts where the dialogue has it, written as a name, or where the analysis knows
 * it. */
#include <stdlib.h>
#include <string.h>

#include "base/chars.h"
#include "base/cleanup.h"
#include "story/narrate_internal.h"
#include "story/quote.h"

enum { LEADS = 3, MOST_NEW = 8, MOST_CHARACTERS = 40, NAME_BYTES = 60, ROLE_BYTES = 160 };
static const float lead_bonus = 0.05f; /* a whole point of ten from the model is as much */

static enum md_char class_at(const char *text, const char *end)
{
    uint32_t cp;
    md_char_next(text, (size_t)(end - text), &cp);
    return md_char_class(cp);
}

static bool is_wordlike(enum md_char class)
{
    return class == MD_CHAR_LETTER || class == MD_CHAR_DIGIT;
}

/* The character before, which is there. */
static enum md_char class_before(const char *text, const char *at)
{
    const char *start = at - 1;
    while (start > text && ((unsigned char)*start & 0xC0) == 0x80)
        start--;
    return class_at(start, at);
}

/* Whole words, in this spelling. *ret_inside: also elsewhere than where any word has a capital. */
static bool occurs(const char *text, const char *name, bool *ret_inside)
{
    const char *end = text + strlen(text);
    size_t n = strlen(name);
    bool found = false;
    *ret_inside = false;
    for (const char *at = text; n > 0 && (at = strstr(at, name)); at += n) {
        bool left = at > text && is_wordlike(class_before(text, at));
        bool right = at + n < end && is_wordlike(class_at(at + n, end));
        if (left || right)
            continue;
        found = true;
        const char *before = at;
        while (before > text && before[-1] == ' ')
            before--;
        enum md_char class = before > text ? class_before(text, before) : MD_CHAR_STOP;
        *ret_inside |= is_wordlike(class) || class == MD_CHAR_PAUSE || class == MD_CHAR_IDEOGRAPH;
    }
    return found;
}

static bool same_letters(const char *a, const char *b)
{
    size_t na = strlen(a), nb = strlen(b), i = 0, k = 0;
    while (i < na && k < nb) {
        uint32_t x, y;
        i += md_char_next(a + i, na - i, &x);
        k += md_char_next(b + k, nb - k, &y);
        if (md_char_lower(x) != md_char_lower(y))
            return false;
    }
    return i == na && k == nb;
}

/* By the whole name or by a part of it: Viktor is Viktor Orlok. -1: nobody. */
static int64_t find_character(const struct md_story *story, const char *name)
{
    bool inside;
    for (size_t i = 0; i < story->characters.n; i++)
        if (same_letters(story->characters.v[i].name, name))
            return (int64_t)i;
    for (size_t i = 0; i < story->characters.n; i++)
        if (occurs(story->characters.v[i].name, name, &inside) ||
            occurs(name, story->characters.v[i].name, &inside))
            return (int64_t)i;
    return -1;
}

static bool begins_like_a_name(const char *name)
{
    uint32_t cp;
    size_t n = strlen(name), first = n ? md_char_next(name, n, &cp) : 0;
    if (first == 0 || first == n) /* a single character is no name */
        return false;
    return md_char_class(cp) == MD_CHAR_IDEOGRAPH || md_char_is_upper(cp) ||
           (md_char_class(cp) == MD_CHAR_LETTER && md_char_upper(cp) == cp);
}

/* In the scene's words inside a sentence, or as who speaks. */
static bool is_in_scene(const struct md_story *story, int64_t segment, const char *name)
{
    const struct md_segment *s = &story->segments.v[segment];
    for (int64_t i = 0; i < s->sentence_count; i++) {
        const struct md_sentence *said = &story->sentences.v[s->first_sentence + i];
        bool inside;
        if (said->speaker && same_letters(said->speaker, name))
            return true;
        if (occurs(said->text, name, &inside) && inside)
            return true;
    }
    return false;
}

int md_narrator_note_people_(struct md_narrator *n, int64_t segment, const struct md_strings *who)
{
    const struct md_story *story = n->params.story;
    for (size_t i = 0; i < who->n; i++) {
        struct md_str name = {0};
        md_quote_line(&name, who->v[i], NAME_BYTES);
        struct md_told_name told = {.name = md_str_take(&name), .segment = segment};
        if (!told.name)
            return MD_ERR_NOMEM;
        bool good = begins_like_a_name(told.name) && (find_character(story, told.name) >= 0 ||
                                                      is_in_scene(story, segment, told.name));
        if (!good || md_vec_push(&n->names, told) < 0) {
            free(told.name);
            if (good)
                return MD_ERR_NOMEM;
        }
    }
    return MD_OK;
}

/* ---- characters ---- */

static size_t count_scenes(const struct md_narrator *n, const char *name)
{
    size_t scenes = 0;
    int64_t last = -1;
    for (size_t i = 0; i < n->names.n; i++) {
        if (n->names.v[i].segment != last && same_letters(n->names.v[i].name, name)) {
            last = n->names.v[i].segment;
            scenes++;
        }
    }
    return scenes;
}

static void measure(const struct md_story *story, struct md_character *c)
{
    c->first_us = -1;
    for (size_t i = 0; i < story->sentences.n; i++) {
        const struct md_sentence *s = &story->sentences.v[i];
        bool inside, speaks = s->speaker && same_letters(s->speaker, c->name);
        bool named = occurs(s->text, c->name, &inside);
        if (!speaks && !named)
            continue;
        c->lines += speaks;
        c->mentions += named;
        c->first_us = c->first_us < 0 ? s->start_us : c->first_us;
        c->last_us = s->end_us;
    }
    c->first_us = MD_MAX(c->first_us, 0);
}

static int add_character(struct md_story *story, const char *name)
{
    struct md_character c = {.name = strdup(name)};
    if (!c.name || md_vec_push(&story->characters, c) < 0) {
        free(c.name);
        return MD_ERR_NOMEM;
    }
    struct md_character *all = story->characters.v;
    size_t at = story->characters.n - 1;
    measure(story, &all[at]);
    for (c = all[at]; at > 0 && all[at - 1].mentions + all[at - 1].lines < c.mentions + c.lines;
         at--)
        all[at] = all[at - 1];
    all[at] = c;
    return MD_OK;
}

static int add_new(struct md_narrator *n)
{
    struct md_story *story = n->params.story;
    int added = 0;
    for (size_t i = 0; i < n->names.n && added < MOST_NEW; i++) {
        const char *name = n->names.v[i].name;
        if (story->characters.n >= MOST_CHARACTERS || find_character(story, name) >= 0 ||
            count_scenes(n, name) < 2)
            continue;
        if (add_character(story, name) < 0)
            return MD_ERR_NOMEM;
        added++;
    }
    return MD_OK;
}

/* The characters in the most scenes; the earlier of equals. */
static size_t find_leads(const int64_t *scenes, size_t n, int64_t *leads)
{
    size_t found = 0;
    while (found < LEADS) {
        int64_t best = -1;
        for (size_t i = 0; i < n; i++) {
            bool taken = scenes[i] < 2;
            for (size_t k = 0; k < found; k++)
                taken |= leads[k] == (int64_t)i;
            if (!taken && (best < 0 || scenes[i] > scenes[best]))
                best = (int64_t)i;
        }
        if (best < 0)
            break;
        leads[found++] = best;
    }
    return found;
}

int md_narrator_settle_people_(struct md_narrator *n)
{
    struct md_story *story = n->params.story;
    int64_t leads[LEADS];
    int r = add_new(n);
    md_autofree int64_t *scenes = calloc(story->characters.n + 1, sizeof *scenes);
    md_autofree int64_t *last = calloc(story->characters.n + 1, sizeof *last);
    if (r < 0 || !scenes || !last)
        return MD_ERR_NOMEM;
    for (size_t i = 0; i < n->names.n; i++) {
        int64_t who = find_character(story, n->names.v[i].name);
        if (who >= 0 && last[who] != n->names.v[i].segment + 1) {
            last[who] = n->names.v[i].segment + 1;
            scenes[who]++;
        }
    }
    size_t found = find_leads(scenes, story->characters.n, leads);
    for (size_t k = 0; k < found; k++) {
        int64_t before = -1;
        for (size_t i = 0; i < n->names.n; i++) {
            int64_t segment = n->names.v[i].segment;
            if (segment == before || find_character(story, n->names.v[i].name) != leads[k])
                continue;
            before = segment;
            float *importance = &story->segments.v[segment].importance;
            *importance = MD_MIN(*importance + lead_bonus, 1);
        }
    }
    return MD_OK;
}

int md_narrator_describe_(struct md_narrator *n, const char *name, const char *role)
{
    struct md_story *story = n->params.story;
    struct md_str text = {0};
    md_autostr clean = {0};
    if (!name || !role)
        return MD_OK;
    md_quote_line(&clean, name, NAME_BYTES);
    int64_t who = clean.n ? find_character(story, md_str_text(&clean)) : -1;
    if (md_str_failed(&clean))
        return MD_ERR_NOMEM;
    if (who < 0 || story->characters.v[who].role)
        return MD_OK;
    md_quote_reply(&text, role, ROLE_BYTES);
    if (text.n == 0 && !md_str_failed(&text))
        return MD_OK;
    char *taken = md_str_take(&text);
    if (!taken)
        return MD_ERR_NOMEM;
    md_narrator_replace_(&story->characters.v[who].role, &taken);
    return MD_OK;
}
