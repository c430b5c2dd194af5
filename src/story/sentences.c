/* One pass over the cues with a sentence under construction. What ends it: a full stop that is none
 * of an abbreviation, a change of speaker (dash, label, name of the cue), a long pause. What keeps
 * it open over the end of a cue: no full stop, a comma, dots followed by a small letter.
 * Transcripts without full stops (Japanese subtitles, automatic captions) end sentences at cues and
 * pauses. */
#include "story/sentences.h"

#include <stdlib.h>
#include <string.h>

#include "base/chars.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "story/terms.h"

enum {
    MOST_CUE_BYTES = 16384,     /* a cue is a line or two; more is a file gone wrong */
    MOST_SENTENCES = 200000,    /* forty times what a talkative film has */
    SOFT_SENTENCE_BYTES = 600,  /* from here on a comma or a space ends the sentence */
    HARD_SENTENCE_BYTES = 900,  /* from here on any character does */
    LONGEST_LABEL_BYTES = 32,   /* "ANNA KARENINA:" */
    LONGEST_BRACKET_BYTES = 200 /* "[door slams]" */
};

static const int64_t longest_pause_us = 2500000;  /* a sentence does not survive a longer one */
static const int64_t caption_pause_us = 600000;   /* in captions without any punctuation */
static const int64_t caption_length_us = 8000000; /* … and no sentence of theirs is longer */

struct builder {
    const struct md_text_traits *traits;
    struct md_terms abbreviations, titles, stop;
    struct md_sentence_vec *out;
    struct md_str text;
    int64_t start_us, end_us;
    char *speaker;  /* of the sentence under construction; owned, may be NULL */
    bool open;      /* its last full stop was dots, which may or may not end it */
    bool cut, full; /* something was left out: of a cue, or all from some point on */
};

/* --- traits --- */

static enum md_char last_class(const char *s, size_t n)
{
    while (n > 0) {
        size_t at = n - 1;
        uint32_t cp;
        while (at > 0 && ((unsigned char)s[at] & 0xC0) == 0x80)
            at--;
        md_char_next(s + at, n - at, &cp);
        enum md_char is = md_char_class(cp);
        if (is != MD_CHAR_SPACE && is != MD_CHAR_CLOSE && cp != '"' && is != MD_CHAR_OTHER)
            return is;
        n = at;
    }
    return MD_CHAR_SPACE;
}

static size_t cue_bytes(const struct md_cue *cue)
{
    return strnlen(cue->text, MOST_CUE_BYTES);
}

static void count_case(const char *s, size_t n, size_t *upper, size_t *lower)
{
    for (size_t pos = 0; pos < n;) {
        uint32_t cp;
        pos += md_char_next(s + pos, n - pos, &cp);
        *upper += md_char_is_upper(cp);
        *lower += md_char_is_lower(cp);
    }
}

static const struct md_story_language *detect(const struct md_transcript *transcript)
{
    enum { SAMPLE_CUES = 1000 };
    struct md_story_text texts[SAMPLE_CUES];
    size_t n = 0;
    for (size_t i = 0; i < transcript->cues.n && n < SAMPLE_CUES; i++) {
        const struct md_cue *cue = &transcript->cues.v[i];
        if (!cue->is_sound)
            texts[n++] = (struct md_story_text){cue->text, cue_bytes(cue)};
    }
    return md_story_language_detect(texts, n);
}

void md_story_read_traits(const struct md_transcript *transcript, struct md_text_traits *ret)
{
    const double least_punctuated = 0.25, least_capitals = 0.85;
    size_t upper = 0, lower = 0, cues = 0, stopped = 0;
    for (size_t i = 0; i < transcript->cues.n; i++) {
        const struct md_cue *cue = &transcript->cues.v[i];
        if (cue->is_sound)
            continue;
        size_t n = cue_bytes(cue);
        count_case(cue->text, n, &upper, &lower);
        stopped += last_class(cue->text, n) == MD_CHAR_STOP;
        cues++;
    }
    const struct md_story_language *detected = detect(transcript);
    ret->language = detected->code[0] ? detected : md_story_language_by_tag(transcript->language);
    ret->has_case = upper + lower > 0;
    ret->all_capitals = ret->has_case && (double)upper >= least_capitals * (double)(upper + lower);
    ret->punctuated = (double)stopped >= least_punctuated * (double)cues;
}

/* --- the sentence under construction --- */

static void trim(struct md_str *text)
{
    while (text->n > 0 && (text->s[text->n - 1] == ' ' || text->s[text->n - 1] == '-'))
        text->s[--text->n] = '\0';
}

static bool has_words(const struct md_str *text)
{
    struct md_word word;
    size_t pos = 0;
    return text->n > 0 && md_word_next(text->s, text->n, &pos, &word);
}

/* Ends the sentence. The speaker stays for the next one. */
static int flush(struct builder *b)
{
    trim(&b->text);
    b->open = false;
    if (!has_words(&b->text)) {
        md_str_clear(&b->text);
        return MD_OK;
    }
    if (b->out->n >= MOST_SENTENCES) {
        b->full = true;
        md_str_clear(&b->text);
        return MD_OK;
    }
    struct md_sentence sentence = {.start_us = b->start_us, .end_us = b->end_us};
    sentence.text = strdup(b->text.s);
    sentence.speaker = b->speaker ? strdup(b->speaker) : NULL;
    if (!sentence.text || (b->speaker && !sentence.speaker) || md_vec_push(b->out, sentence) < 0) {
        free(sentence.text);
        free(sentence.speaker);
        return MD_ERR_NOMEM;
    }
    md_str_clear(&b->text);
    return MD_OK;
}

static int set_speaker(struct builder *b, const char *s, size_t n)
{
    char *copy = n > 0 ? strndup(s, n) : NULL;
    if (n > 0 && !copy)
        return MD_ERR_NOMEM;
    free(b->speaker);
    b->speaker = copy;
    return MD_OK;
}

/* --- where sentences end --- */

/* A cue made ready: brackets and music signs gone, '\n' between lines. */
struct line_text {
    const char *s;
    size_t n;
};

/* The first letter or digit at or after pos; 0 at the end of the text. */
static uint32_t first_letter(const struct line_text *t, size_t pos)
{
    while (pos < t->n) {
        uint32_t cp;
        pos += md_char_next(t->s + pos, t->n - pos, &cp);
        enum md_char is = md_char_class(cp);
        if (is == MD_CHAR_LETTER || is == MD_CHAR_IDEOGRAPH || is == MD_CHAR_DIGIT)
            return cp;
    }
    return 0;
}

/* Does the text end in an abbreviation and its full stop? */
static bool ends_in_abbreviation(const struct builder *b, bool titles_only)
{
    const char *s = b->text.s;
    size_t end = b->text.n - 1, start = end;
    while (start > 0 && s[start - 1] != ' ' && s[start - 1] != '"' && s[start - 1] != '(')
        start--;
    char lower[64];
    struct md_word word = {.s = s + start, .n = end - start};
    if (word.n == 0 || word.n >= sizeof lower)
        return false;
    size_t n = md_word_lower(&word, lower, sizeof lower);
    bool known = md_terms_find(&b->abbreviations, lower, n) >= 0;
    if (titles_only)
        return known && md_terms_find(&b->titles, lower, n) >= 0;
    bool initial = n == 1 && lower[0] != s[start] && lower[0] != 'i';
    return initial || known;
}

struct stop {
    bool dot;         /* one '.' and nothing else */
    bool dots;        /* an ellipsis is among it */
    bool ideographic; /* 。！？ and kin */
};

/* Does the full stop that ends at pos end the sentence? */
static bool ends_sentence(struct builder *b, const struct line_text *t, size_t pos,
                          const struct stop *stop)
{
    uint32_t cp = 0;
    if (pos >= t->n) {
        b->open = stop->dots;
        return !stop->dots && !(stop->dot && ends_in_abbreviation(b, true));
    }
    md_char_next(t->s + pos, t->n - pos, &cp);
    if (md_char_class(cp) != MD_CHAR_SPACE)
        return stop->ideographic && md_char_class(cp) != MD_CHAR_PAUSE;
    bool line_end = cp == '\n';
    uint32_t next = first_letter(t, pos);
    if (next == 0)
        return !stop->dots;
    if (md_char_is_lower(next) && !b->traits->all_capitals)
        return false;
    if (stop->dots && !md_char_is_upper(next))
        return line_end;
    if (stop->dots && next == 'I' && !line_end)
        return false;
    return !(stop->dot && ends_in_abbreviation(b, false));
}

/* --- cues --- */

static bool is_music_sign(uint32_t cp)
{
    return (cp >= 0x2669 && cp <= 0x266F) || cp == '#' || cp == 0xFFFD || cp == 0xFEFF ||
           (cp >= 0x200B && cp <= 0x200F && cp != 0x200C && cp != 0x200D) || cp == '\\';
}

/* Bytes up to and with the bracket that closes the one at s, 0 when it is not closed soon. */
static size_t bracket_length(const char *s, size_t n, uint32_t open)
{
    static const uint32_t pairs[][2] = {{'(', ')'},       {'[', ']'},       {'{', '}'},
                                        {0xFF08, 0xFF09}, {0x3010, 0x3011}, {0xFF3B, 0xFF3D}};
    for (size_t k = 0; k < MD_ARRAY_LEN(pairs); k++) {
        if (pairs[k][0] != open)
            continue;
        for (size_t pos = 0; pos < MD_MIN(n, LONGEST_BRACKET_BYTES);) {
            uint32_t cp;
            pos += md_char_next(s + pos, n - pos, &cp);
            if (cp == pairs[k][1])
                return pos;
        }
    }
    return 0;
}

static void clean_cue(const char *s, size_t n, struct md_str *out)
{
    for (size_t pos = 0; pos < n;) {
        uint32_t cp;
        size_t used = md_char_next(s + pos, n - pos, &cp);
        size_t bracket = bracket_length(s + pos, n - pos, cp);
        if (bracket > 0)
            used = bracket;
        else if (cp == '\n')
            md_str_append_char(out, '\n');
        else if (md_char_class(cp) == MD_CHAR_SPACE)
            md_str_append_char(out, ' ');
        else if (!is_music_sign(cp))
            md_str_append_n(out, s + pos, used);
        pos += used;
    }
}

/* Length of "ANNA:" at the start of a line, with the colon; 0 when there is none. */
static size_t label_length(const char *s, size_t n)
{
    size_t pos = 0;
    bool capitals = false;
    while (pos < MD_MIN(n, LONGEST_LABEL_BYTES)) {
        uint32_t cp;
        size_t used = md_char_next(s + pos, n - pos, &cp);
        enum md_char is = md_char_class(cp);
        if (cp == ':' || cp == 0xFF1A)
            return capitals && pos + used < n ? pos + used : 0;
        capitals |= md_char_is_upper(cp);
        if (md_char_is_lower(cp) ||
            (is != MD_CHAR_LETTER && is != MD_CHAR_DIGIT && cp != ' ' && cp != '.' && cp != '\''))
            return 0;
        pos += used;
    }
    return 0;
}

/* What stands at the start of a line and is no speech: dash, label, leading dots. Returns bytes. */
static int skip_line_start(struct builder *b, const struct line_text *t, size_t *inout_pos)
{
    size_t pos = *inout_pos;
    bool dash = false;
    while (pos < t->n) {
        uint32_t cp;
        size_t used = md_char_next(t->s + pos, t->n - pos, &cp);
        enum md_char is = md_char_class(cp);
        bool quiet = is == MD_CHAR_SPACE || is == MD_CHAR_DASH || cp == '.' || cp == 0x2026;
        if (cp == '\n' || !quiet)
            break;
        dash |= is == MD_CHAR_DASH;
        pos += used;
    }
    if (dash && (flush(b) < 0 || set_speaker(b, NULL, 0) < 0))
        return MD_ERR_NOMEM;
    size_t label = label_length(t->s + pos, t->n - pos);
    if (label > 0) {
        if (flush(b) < 0 || set_speaker(b, t->s + pos, label - 1) < 0)
            return MD_ERR_NOMEM;
        pos += label;
    }
    *inout_pos = pos;
    return MD_OK;
}

/* Takes the whole run of full stops and closing quotes at pos; returns its bytes. */
static size_t read_stop(const struct line_text *t, size_t pos, struct stop *ret)
{
    size_t start = pos;
    int stops = 0, dots = 0;
    *ret = (struct stop){0};
    while (pos < t->n) {
        uint32_t cp;
        size_t used = md_char_next(t->s + pos, t->n - pos, &cp);
        enum md_char is = md_char_class(cp);
        if (is != MD_CHAR_STOP && is != MD_CHAR_CLOSE && cp != '"' && cp != 0x2019)
            break;
        stops += is == MD_CHAR_STOP;
        dots += cp == '.' ? 1 : cp == 0x2026 ? 3 : 0;
        ret->ideographic |= is == MD_CHAR_STOP && (cp >= 0x3000 || cp == '!' || cp == '?');
        pos += used;
    }
    ret->dot = stops == 1 && dots == 1;
    ret->dots = dots >= 2 && stops <= dots;
    return pos - start;
}

static int64_t time_at(const struct md_cue *cue, size_t pos, size_t n)
{
    return cue->start_us +
           (int64_t)((double)(cue->end_us - cue->start_us) * (double)pos / (double)MD_MAX(n, 1));
}

static void append(struct builder *b, const struct md_cue *cue, const struct line_text *t,
                   size_t pos, size_t used)
{
    if (b->text.n == 0)
        b->start_us = time_at(cue, pos, t->n);
    md_str_append_n(&b->text, t->s + pos, used);
    b->end_us = MD_MAX(time_at(cue, pos + used, t->n), b->start_us);
}

static int add_text(struct builder *b, const struct md_cue *cue, const struct line_text *t)
{
    bool line_start = true;
    for (size_t pos = 0; pos < t->n;) {
        if (line_start && skip_line_start(b, t, &pos) < 0)
            return MD_ERR_NOMEM;
        line_start = false;
        if (pos >= t->n)
            break;
        uint32_t cp;
        size_t used = md_char_next(t->s + pos, t->n - pos, &cp);
        enum md_char is = md_char_class(cp);
        struct stop stop;
        bool ends = false;
        if (is == MD_CHAR_SPACE) {
            line_start = cp == '\n';
            ends = b->text.n >= SOFT_SENTENCE_BYTES ||
                   (line_start && last_class(b->text.s, b->text.n) == MD_CHAR_IDEOGRAPH);
            if (b->text.n > 0 && b->text.s[b->text.n - 1] != ' ')
                md_str_append_char(&b->text, ' ');
        } else if (is == MD_CHAR_STOP) {
            used = read_stop(t, pos, &stop);
            if (b->text.n > 0) {
                append(b, cue, t, pos, used);
                ends = ends_sentence(b, t, pos + used, &stop);
            }
        } else if (b->text.n > 0 || (is != MD_CHAR_PAUSE && is != MD_CHAR_CLOSE)) {
            append(b, cue, t, pos, used);
            b->open = false;
            ends = b->text.n >= HARD_SENTENCE_BYTES ||
                   (b->text.n >= SOFT_SENTENCE_BYTES && is == MD_CHAR_PAUSE);
        }
        pos += used;
        if (ends && flush(b) < 0)
            return MD_ERR_NOMEM;
    }
    return MD_OK;
}

/* "Everything is safe" after a line without a full stop: a capital that is none of a name. */
static bool starts_anew(const struct builder *b, const struct line_text *t)
{
    struct md_word word;
    size_t pos = 0;
    char lower[64];
    if (b->traits->all_capitals || !md_word_next(t->s, t->n, &pos, &word) || !word.capital)
        return false;
    size_t n = md_word_lower(&word, lower, sizeof lower);
    bool always_capital = lower[0] == 'i' && (n == 1 || lower[1] == '\'');
    return !always_capital && md_terms_find(&b->stop, lower, n) >= 0;
}

/* Does the sentence go on in the next cue? */
static bool goes_on(const struct builder *b, const struct md_cue *cue, const struct md_cue *next)
{
    const struct md_text_traits *traits = b->traits;
    int64_t gap_us = next->start_us - cue->end_us;
    if (gap_us > longest_pause_us || b->text.n >= SOFT_SENTENCE_BYTES / 2)
        return false;
    if (next->speaker && (!cue->speaker || strcmp(next->speaker, cue->speaker) != 0))
        return false;
    struct line_text t = {next->text, cue_bytes(next)};
    uint32_t letter = first_letter(&t, 0);
    bool small = md_char_is_lower(letter);
    if (b->open)
        return small || (strncmp(next->text, "...", 3) == 0 && !md_char_is_upper(letter)) ||
               strncmp(next->text, "\xE2\x80\xA6", 3) == 0;
    enum md_char last = last_class(b->text.s, b->text.n);
    if (last == MD_CHAR_PAUSE || last == MD_CHAR_DASH)
        return true;
    if (last == MD_CHAR_IDEOGRAPH || md_char_class(letter) == MD_CHAR_IDEOGRAPH)
        return false;
    if (traits->punctuated)
        return !starts_anew(b, &t);
    if (!traits->has_case)
        return false;
    return (small || traits->all_capitals) && gap_us <= caption_pause_us &&
           cue->end_us - b->start_us <= caption_length_us;
}

static int add_cue(struct builder *b, const struct md_cue *cue, const struct md_cue *next)
{
    md_autostr clean = {0};
    size_t n = cue_bytes(cue);
    b->cut |= n == MOST_CUE_BYTES;
    clean_cue(cue->text, n, &clean);
    if (md_str_failed(&clean))
        return MD_ERR_NOMEM;
    struct line_text t = {md_str_text(&clean), clean.n};
    if (b->text.n == 0 || cue->speaker) {
        const char *speaker = cue->speaker ? cue->speaker : "";
        if (set_speaker(b, speaker, strnlen(speaker, LONGEST_LABEL_BYTES * 2)) < 0)
            return MD_ERR_NOMEM;
    }
    if (add_text(b, cue, &t) < 0)
        return MD_ERR_NOMEM;
    if (b->text.n > 0 && (!next || !goes_on(b, cue, next)) && flush(b) < 0)
        return MD_ERR_NOMEM;
    if (b->text.n > 0 && b->text.s[b->text.n - 1] != ' ')
        md_str_append_char(&b->text, ' ');
    return md_str_failed(&b->text) ? MD_ERR_NOMEM : MD_OK;
}

/* --- the whole transcript --- */

/* Captions that roll repeat a line as long as it is seen. */
static bool repeats(const struct md_cue *cue, const struct md_cue *before)
{
    const int64_t slack_us = 200000;
    return before && cue->start_us <= before->end_us + slack_us &&
           strcmp(cue->text, before->text) == 0;
}

static const struct md_cue *next_speech(const struct md_transcript *transcript, size_t from,
                                        int64_t limit_us)
{
    for (size_t i = from; i < transcript->cues.n; i++)
        if (!transcript->cues.v[i].is_sound)
            return transcript->cues.v[i].start_us < limit_us ? &transcript->cues.v[i] : NULL;
    return NULL;
}

static int compare_start(const void *a, const void *b)
{
    const struct md_sentence *x = a, *y = b;
    if (x->start_us != y->start_us)
        return x->start_us < y->start_us ? -1 : 1;
    return x->end_us != y->end_us ? (x->end_us < y->end_us ? -1 : 1) : strcmp(x->text, y->text);
}

static int warn(struct md_strings *warnings, const char *format, size_t n)
{
    md_autostr text = {0};
    md_str_printf(&text, "%zu ", n);
    md_str_append(&text, format);
    char *taken = md_str_take(&text);
    if (!taken || md_vec_push(warnings, taken) < 0) {
        free(taken);
        return MD_ERR_NOMEM;
    }
    return MD_OK;
}

static int join_all(struct builder *b, const struct md_transcript *transcript, int64_t limit_us,
                    size_t *ret_late)
{
    const struct md_cue *before = NULL;
    for (size_t i = 0; i < transcript->cues.n; i++) {
        const struct md_cue *cue = &transcript->cues.v[i];
        if (cue->is_sound)
            continue;
        if (cue->start_us >= limit_us) {
            ++*ret_late;
            continue;
        }
        if (!repeats(cue, before) && add_cue(b, cue, next_speech(transcript, i + 1, limit_us)) < 0)
            return MD_ERR_NOMEM;
        before = cue;
    }
    return flush(b);
}

int md_story_join_sentences(const struct md_transcript *transcript,
                            const struct md_text_traits *traits, int64_t limit_us,
                            struct md_sentence_vec *ret_sentences, struct md_strings *warnings)
{
    struct builder b = {.traits = traits, .out = ret_sentences};
    size_t late = 0;
    int r = MD_ERR_NOMEM;
    if (md_terms_add_list(&b.abbreviations, traits->language->abbreviations) == MD_OK &&
        md_terms_add_list(&b.titles, traits->language->titles) == MD_OK &&
        md_terms_add_list(&b.stop, traits->language->stop) == MD_OK)
        r = join_all(&b, transcript, limit_us, &late);
    if (r == MD_OK && late > 0)
        r = warn(warnings, "subtitle lines lie after the end of the movie and were left out", late);
    if (r == MD_OK && b.full)
        r = warn(warnings, "sentences were read, the rest of the transcript was left out",
                 ret_sentences->n);
    if (r == MD_OK && b.cut)
        r = warn(warnings, "bytes is the most that is read of one subtitle line, some are longer",
                 MOST_CUE_BYTES);
    if (r == MD_OK && ret_sentences->n > 1)
        qsort(ret_sentences->v, ret_sentences->n, sizeof *ret_sentences->v, compare_start);
    md_terms_done(&b.abbreviations);
    md_terms_done(&b.titles);
    md_terms_done(&b.stop);
    md_str_done(&b.text);
    free(b.speaker);
    return r;
}
