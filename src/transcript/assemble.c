/* Known inventions come from subtitles the models were trained on: thanks, subscriptions, credits
 * of subtitle makers. They are real sentences too; so they go only where hardly any speech was
 * found in the sound, or the model itself doubts that there is any. */
#include "transcript/assemble.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "transcript/lines.h"

enum {
    MAX_REPEATS = 3, /* people do say a thing three times */
    MAX_LOOP = 5,    /* the same words in a row inside one cue */
    MAX_LOOP_WORDS = 8,
    MAX_SEAM_WORDS = 12,
    MAX_WARNINGS = 100,
};
static const float doubtful_speech = 0.35f, doubtful_no_speech = 0.6f;
static const int64_t longest_gap_us = 2000000; /* inside a cue, where sound was left out */
static const int64_t linger_us = 300000;       /* a line stays so long after its last word */

/* In lower case without punctuation. */
static const char *const inventions[] = {
    "thanks for watching",
    "thank you for watching",
    "thank you so much for watching",
    "please subscribe",
    "dont forget to subscribe",
    "like and subscribe",
    "see you in the next video",
    "subtitles by the amara org community",
    "subtitles by",
    "transcribed by",
    "transcription by castingwords",
    "untertitel der amara org community",
    "untertitel von stephanie geiges",
    "untertitelung des zdf",
    "untertitelung im auftrag des zdf",
    "sous titres réalisés par la communauté d amara org",
    "sous titrage st 501",
    "merci d avoir regardé cette vidéo",
    "subtítulos realizados por la comunidad de amara org",
    "gracias por ver el video",
    "sottotitoli creati dalla comunità amara org",
    "legendas pela comunidade amara org",
    "ondertitels ingediend door de amara org gemeenschap",
};

struct assembly {
    const struct md_audio *audio;
    const struct md_chunk_vec *chunks;
    struct md_transcript *transcript;
    int repeats;          /* of the last cue, as heard in a row */
    size_t last_chunk;    /* of the last cue */
    int64_t dropped_more; /* beyond MAX_WARNINGS */
    int64_t dropped;
};

/* ---- words ---- */

/* Lower case for ASCII, punctuation as spaces, spaces single: to compare with. NULL: no memory. */
static char *plain(const char *text)
{
    struct md_str out = {0};
    bool space = false;
    for (const unsigned char *s = (const unsigned char *)text; *s; s++) {
        if (*s == '\'')
            continue;
        if (*s < 0x80 && !isalnum(*s)) {
            space = true;
            continue;
        }
        if (space && out.n > 0)
            md_str_append_char(&out, ' ');
        space = false;
        md_str_append_char(&out, (char)(*s < 0x80 ? tolower(*s) : *s));
    }
    return md_str_take(&out);
}

static size_t word_length(const char *text)
{
    return strcspn(text, " ");
}

static const char *next_word(const char *text)
{
    text += word_length(text);
    return *text ? text + 1 : text;
}

/* Where the words from the n-th on begin. */
static const char *after_words(const char *text, int n)
{
    while (n-- > 0 && *text)
        text = next_word(text);
    return text;
}

static int count_words(const char *text)
{
    int n = 0;
    for (; *text; text = next_word(text))
        n++;
    return n;
}

/* How many of the same `width` words stand in a row from text on. */
static int count_loop(const char *text, int width)
{
    int times = 1;
    const char *second = after_words(text, width);
    size_t n = (size_t)(second - text);
    if (!*second || n == 0)
        return 1;
    /* Words are compared with the space after them; the last of all has none. */
    while (strncmp(text, second, n - 1) == 0 && (second[n - 1] == ' ' || second[n - 1] == '\0')) {
        times++;
        if (second[n - 1] == '\0')
            break;
        second += n;
    }
    return times;
}

/* Does some phrase of a few words come over and over? */
static bool is_loop(const char *words)
{
    for (const char *at = words; *at; at = next_word(at))
        for (int width = 1; width <= MAX_LOOP_WORDS; width++)
            if (count_loop(at, width) >= MAX_LOOP)
                return true;
    return false;
}

/* How many words at the end of a are the first of b. */
static int common_words(const char *a, const char *b)
{
    int n = MD_MIN(MD_MIN(count_words(a), count_words(b)), MAX_SEAM_WORDS);
    size_t length = strlen(a);
    for (; n > 0; n--) {
        const char *end = after_words(b, n);
        size_t size = (size_t)(end - b) - (*end ? 1 : 0);
        if (size <= length && (size == length || a[length - size - 1] == ' ') &&
            strncmp(a + length - size, b, size) == 0)
            return n;
    }
    return 0;
}

/* ---- dropping ---- */

static int warn_dropped(struct assembly *a, int64_t time_us, const char *why, const char *text)
{
    char line[240];
    int64_t s = time_us / 1000000;
    a->dropped++;
    if (a->transcript->warnings.n >= MAX_WARNINGS) {
        a->dropped_more++;
        return MD_OK;
    }
    /* cut between characters */
    size_t n = MD_MIN(strlen(text), (size_t)80);
    while (n > 0 && ((unsigned char)text[n] & 0xC0) == 0x80)
        n--;
    snprintf(line, sizeof line, "%" PRId64 ":%02d:%02d: %s was left out: \"%.*s\"", s / 3600,
             (int)(s / 60 % 60), (int)(s % 60), why, (int)n, text);
    char *copy = strdup(line);
    if (!copy || md_vec_push(&a->transcript->warnings, copy) < 0) {
        free(copy);
        return MD_ERR_NOMEM;
    }
    return MD_OK;
}

static bool is_invention(const struct assembly *a, const struct md_heard *heard, const char *words,
                         int64_t start_us, int64_t end_us)
{
    bool known = false;
    for (size_t i = 0; i < MD_ARRAY_LEN(inventions) && !known; i++)
        known = strncmp(words, inventions[i], strlen(inventions[i])) == 0;
    if (!known)
        return false;
    struct md_audio_measure sound;
    md_audio_measure(a->audio, start_us, MD_MAX(end_us, start_us + 1), &sound);
    return heard->no_speech >= doubtful_no_speech || !sound.known || sound.speech < doubtful_speech;
}

/* "[Music]", "(laughs)", notes: not speech. */
static bool is_sound(const char *text)
{
    size_t n = strlen(text);
    bool bracketed = (text[0] == '[' && text[n - 1] == ']') ||
                     (text[0] == '(' && text[n - 1] == ')') ||
                     (text[0] == '*' && text[n - 1] == '*');
    return bracketed || strncmp(text, "\u266a", 3) == 0 || strncmp(text, "\u266b", 3) == 0;
}

/* ---- one after the other ---- */

/* Text n bytes long, not ended. Takes word_us over. */
static int add_cue(struct assembly *a, const char *text, size_t n, int64_t start_us, int64_t end_us,
                   struct md_ints *word_us)
{
    struct md_cue_vec *cues = &a->transcript->cues;
    if (cues->n > 0)
        start_us = MD_MAX(start_us, cues->v[cues->n - 1].start_us);
    struct md_cue cue = {.start_us = start_us,
                         .end_us = MD_MAX(end_us, start_us),
                         .text = strndup(text, n),
                         .word_us = *word_us};
    *word_us = (struct md_ints){0};
    if (cue.text)
        cue.is_sound = is_sound(cue.text);
    if (!cue.text || md_vec_push(cues, cue) < 0) {
        free(cue.text);
        md_vec_done(&cue.word_us);
        return MD_ERR_NOMEM;
    }
    return MD_OK;
}

struct line_words MD_VEC(struct md_line_word);

/* The words of text, the last of those that were heard, on the movie's clock. Empty where their
 * times are not known. */
static int find_words(const struct assembly *a, const struct md_heard *heard, const char *text,
                      struct line_words *words)
{
    const struct md_chunk *chunk = &a->chunks->v[heard->chunk];
    size_t all = (size_t)count_words(heard->text), n = (size_t)count_words(text);
    if (heard->word_us.n != 2 * all || n > all || n == 0)
        return MD_OK;
    for (size_t i = all - n; i < all; i++, text = next_word(text)) {
        int64_t from_us = heard->word_us.v[2 * i], to_us = heard->word_us.v[2 * i + 1];
        struct md_line_word word = {
            .text = text,
            .n = word_length(text),
            .start_us = a->audio->start_us + md_chunk_time(chunk, from_us, false),
            .end_us = a->audio->start_us + md_chunk_time(chunk, to_us, true)};
        word.end_us = MD_MAX(word.end_us, word.start_us);
        if (md_vec_push(words, word) < 0)
            return MD_ERR_NOMEM;
    }
    return MD_OK;
}

static int add_line(struct assembly *a, const struct md_line_word *words, size_t n,
                    int64_t start_us, int64_t end_us)
{
    struct md_ints times = {0};
    size_t bytes = (size_t)(words[n - 1].text - words[0].text) + words[n - 1].n;
    for (size_t i = 0; i < n; i++) {
        if (md_vec_push(&times, words[i].start_us) < 0 ||
            md_vec_push(&times, words[i].end_us) < 0) {
            md_vec_done(&times);
            return MD_ERR_NOMEM;
        }
    }
    return add_cue(a, words[0].text, bytes, start_us, end_us, &times);
}

/* One cue, or, where the times of words are known and it is too long to read, several. */
static int add_cues(struct assembly *a, const struct md_heard *heard, const char *text,
                    int64_t start_us, int64_t end_us)
{
    struct line_words words = {0};
    struct md_ints none = {0};
    int r = find_words(a, heard, text, &words);
    a->last_chunk = heard->chunk;
    if (r == MD_OK && words.n == 0)
        r = add_cue(a, text, strlen(text), start_us, end_us, &none);
    for (size_t at = 0; r == MD_OK && at < words.n;) {
        const struct md_line_word *w = &words.v[at];
        size_t n = md_line_length(w, words.n - at);
        bool whole = at == 0 && text == heard->text, last = at + n == words.n;
        int64_t limit_us = last ? MD_MAX(end_us, w[n - 1].end_us) : w[n].start_us;
        r = add_line(a, w, n, whole ? start_us : w[0].start_us,
                     last && words.n == n ? end_us : MD_MIN(w[n - 1].end_us + linger_us, limit_us));
        at += n;
    }
    md_vec_done(&words);
    return r;
}

static bool is_word_byte(char c)
{
    return (unsigned char)c >= 0x80 || isalnum((unsigned char)c) || c == '\'';
}

/* The text after so many words, divided as `plain` divides it. */
static const char *skip_words(const char *text, int n)
{
    for (; n > 0; n--) {
        while (*text && !is_word_byte(*text))
            text++;
        while (*text && is_word_byte(*text))
            text++;
    }
    while (*text && !is_word_byte(*text))
        text++;
    return text;
}

/* What an overlapping chunk heard again of the last cue. */
static const char *skip_seam(const struct assembly *a, const struct md_heard *heard,
                             const char *words, const char *last_words)
{
    bool first = a->transcript->cues.n > 0 && heard->chunk == a->last_chunk + 1 &&
                 a->chunks->v[heard->chunk].overlaps && heard->start_us < 2 * 1000000;
    int common = first ? common_words(last_words, words) : 0;
    return common > 0 ? skip_words(heard->text, common) : heard->text;
}

static int take(struct assembly *a, const struct md_heard *heard)
{
    const struct md_chunk *chunk = &a->chunks->v[heard->chunk];
    const struct md_cue_vec *cues = &a->transcript->cues;
    int64_t start_us = a->audio->start_us + md_chunk_time(chunk, heard->start_us, false);
    int64_t end_us = a->audio->start_us + md_chunk_time(chunk, heard->end_us, true);
    md_autofree char *words = plain(heard->text);
    md_autofree char *last = plain(cues->n > 0 ? cues->v[cues->n - 1].text : "");
    if (!words || !last)
        return MD_ERR_NOMEM;
    if (heard->start_us >= chunk->length_us)
        return MD_OK; /* beyond what it was given */
    if (end_us - start_us > heard->end_us - heard->start_us + longest_gap_us)
        end_us = start_us + (heard->end_us - heard->start_us);
    a->repeats = *words && strcmp(words, last) == 0 ? a->repeats + 1 : 1;
    if (a->repeats > MAX_REPEATS)
        return warn_dropped(a, start_us, "a repeated line", heard->text);
    if (is_loop(words))
        return warn_dropped(a, start_us, "a line that goes round in circles", heard->text);
    if (is_invention(a, heard, words, start_us, end_us))
        return warn_dropped(a, start_us, "text that was most likely not spoken", heard->text);
    const char *text = skip_seam(a, heard, words, last);
    return *text ? add_cues(a, heard, text, start_us, end_us) : MD_OK;
}

static int warn_more(struct assembly *a)
{
    char line[80];
    if (a->dropped_more == 0)
        return MD_OK;
    snprintf(line, sizeof line, "%" PRId64 " more lines like these were left out", a->dropped_more);
    char *copy = strdup(line);
    if (!copy || md_vec_push(&a->transcript->warnings, copy) < 0) {
        free(copy);
        return MD_ERR_NOMEM;
    }
    return MD_OK;
}

int md_transcript_assemble(const struct md_audio *audio, const struct md_chunk_vec *chunks,
                           const struct md_heard_vec *heard, struct md_transcript *transcript)
{
    struct assembly a = {.audio = audio, .chunks = chunks, .transcript = transcript};
    int r = MD_OK;
    for (size_t i = 0; i < heard->n && r == MD_OK; i++)
        r = take(&a, &heard->v[i]);
    return r == MD_OK ? warn_more(&a) : r;
}
