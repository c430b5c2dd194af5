/* Recognising a language: the script first, then, among its languages, the share of words that are
 * among the sixty most frequent of that language's dialogue. In running speech these make up 30 to
 * 50 % of all words; in another language, or in text decoded with the wrong character set, under
 * 10 %. Letters the language does not have count against it, its own special letters a little for
 * it. No trained tables are needed, and the same score also tells which character set was right
 * (encoding.c).
 */
#include "transcript/recognise.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/utf8.h"
#include "model/language.h"
#include "transcript/recognise_data.h"

enum { MAX_SAMPLE_BYTES = 256 * 1024, MAX_WORD_BYTES = 32, MAX_LANGUAGES = 48 };

/* Is a two-letter code in a list of them between blanks? */
static bool has_word(const char *list, const char *code)
{
    for (const char *p = list; *p; p += strcspn(p, " "), p += *p == ' ')
        if (strncmp(p, code, 2) == 0)
            return true;
    return false;
}

static int script_of(uint32_t cp)
{
    if (cp < 0x250)
        return (cp | 0x20) >= 'a' && (cp | 0x20) <= 'z' ? MD_SCRIPT_LATIN
               : cp >= 0xC0 && cp != 0xD7 && cp != 0xF7 ? MD_SCRIPT_LATIN
                                                        : -1;
    if (cp >= 0x1E00 && cp <= 0x1EFF)
        return MD_SCRIPT_LATIN;
    if ((cp >= 0x370 && cp <= 0x3FF) || (cp >= 0x1F00 && cp <= 0x1FFF))
        return MD_SCRIPT_GREEK;
    if (cp >= 0x400 && cp <= 0x52F)
        return MD_SCRIPT_CYRILLIC;
    if (cp >= 0x5D0 && cp <= 0x5EA)
        return MD_SCRIPT_HEBREW;
    if (cp >= 0x620 && cp <= 0x6D5 && cp != 0x640)
        return MD_SCRIPT_ARABIC;
    if (cp >= 0x900 && cp <= 0x97F)
        return MD_SCRIPT_DEVANAGARI;
    if (cp >= 0xE00 && cp <= 0xE7F)
        return MD_SCRIPT_THAI;
    if (cp >= 0xAC00 && cp <= 0xD7A3)
        return MD_SCRIPT_HANGUL;
    if (cp >= 0x3041 && cp <= 0x30FF && cp != 0x30FB)
        return MD_SCRIPT_KANA;
    if ((cp >= 0x4E00 && cp <= 0x9FFF) || (cp >= 0x3400 && cp <= 0x4DBF))
        return MD_SCRIPT_HAN;
    return -1;
}

/* Signs that right text may hold beside letters; others (currency signs, fractions, boxes, private
 * use, half-width kana) are the mark of a wrong character set. */
static bool is_usual_sign(uint32_t cp)
{
    static const uint16_t signs[] = {0xA0,  0xA1,  0xA3,   0xA9,   0xAA,   0xAB,  0xAD,  0xB0,
                                     0xB7,  0xBA,  0xBB,   0xBF,   0x37E,  0x387, 0x60C, 0x61B,
                                     0x61F, 0x640, 0x20AC, 0x2116, 0x2122, 0xFEFF};
    for (size_t i = 0; i < MD_ARRAY_LEN(signs); i++)
        if (signs[i] == cp)
            return true;
    return cp < 0x80 || (cp >= 0x2010 && cp <= 0x203A) || (cp >= 0x200B && cp <= 0x200F) ||
           (cp >= 0x202A && cp <= 0x202E) || (cp >= 0x3000 && cp <= 0x301F) ||
           (cp >= 0xFF01 && cp <= 0xFF5E) || (cp >= 0x2660 && cp <= 0x266F) || cp == 0x30FB ||
           (cp >= 0x5B0 && cp <= 0x5CF) || (cp >= 0x64B && cp <= 0x669) ||
           (cp >= 0x300 && cp <= 0x36F);
}

static uint32_t lower(uint32_t cp)
{
    if ((cp >= 'A' && cp <= 'Z') || (cp >= 0xC0 && cp <= 0xDE && cp != 0xD7))
        return cp + 32;
    if (((cp >= 0x100 && cp <= 0x137) || (cp >= 0x14A && cp <= 0x177) ||
         (cp >= 0x1A0 && cp <= 0x1A5) || (cp >= 0x1E00 && cp <= 0x1EFF) || cp == 0x218 ||
         cp == 0x21A || (cp >= 0x490 && cp <= 0x491)) &&
        cp % 2 == 0 && cp != 0x130)
        return cp + 1;
    if (((cp >= 0x139 && cp <= 0x148) || (cp >= 0x179 && cp <= 0x17E)) && cp % 2 == 1)
        return cp + 1;
    if (cp == 0x1AF)
        return 0x1B0;
    if (cp == 0x130)
        return 'i';
    if (cp == 0x178)
        return 0xFF;
    if (cp >= 0x391 && cp <= 0x3A9)
        return cp + 32;
    if (cp >= 0x410 && cp <= 0x42F)
        return cp + 32;
    if (cp >= 0x400 && cp <= 0x40F)
        return cp + 80;
    return cp;
}

/* Every frequent word of the languages in question, in an open-addressed table. */
enum { TABLE_SLOTS = 8192 };
struct word_slot {
    const char *word;
    size_t n;
    uint64_t languages; /* bit set */
};

struct md_recogniser {
    struct word_slot slots[TABLE_SLOTS];
};

struct tally {
    const struct md_recogniser *recogniser;
    uint64_t wanted; /* languages in question */
    double hits[MAX_LANGUAGES];
    double special[MAX_LANGUAGES]; /* letters of the language's own */
    double foreign[MAX_LANGUAGES]; /* letters it does not have */
    double scripts[MD_SCRIPTS];
    double words, letters, signs;
};

static size_t slot_of(const struct md_recogniser *recogniser, const char *word, size_t n)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ (unsigned char)word[i]) * 16777619u;
    size_t at = hash % TABLE_SLOTS;
    const struct word_slot *slots = recogniser->slots;
    while (slots[at].word && (slots[at].n != n || memcmp(slots[at].word, word, n) != 0))
        at = (at + 1) % TABLE_SLOTS;
    return at;
}

static void learn(struct md_recogniser *recogniser, int language, const char *word, size_t n)
{
    struct word_slot *slot = &recogniser->slots[slot_of(recogniser, word, n)];
    slot->word = word;
    slot->n = n;
    slot->languages |= UINT64_C(1) << language;
}

static bool has_no_blanks(int script)
{
    return script == MD_SCRIPT_HAN || script == MD_SCRIPT_KANA || script == MD_SCRIPT_HANGUL ||
           script == MD_SCRIPT_THAI;
}

static void learn_language(struct md_recogniser *recogniser, int i)
{
    const char *p = md_language_traits[i].common;
    bool characters = has_no_blanks(md_language_traits[i].script);
    while (*p) {
        uint32_t cp;
        size_t n = characters ? md_utf8_decode(p, strlen(p), &cp) : strcspn(p, " ");
        if (n > 0)
            learn(recogniser, i, p, n);
        p += n ? n : 1;
        while (*p == ' ')
            p++;
    }
}

/* A word counts as one, shared between the languages that have it: "de" is Spanish, Portuguese,
 * French, Dutch and Romanian, and tells little. One-letter words count half. */
static void count_word(struct tally *tally, const char *word, size_t n)
{
    const struct md_recogniser *recogniser = tally->recogniser;
    const struct word_slot *slot = &recogniser->slots[slot_of(recogniser, word, n)];
    uint64_t languages = slot->languages & tally->wanted;
    tally->words++;
    int shared = __builtin_popcountll(languages);
    double weight = (n == 1 ? 0.5 : 1.0) * (shared > 3 ? 0.5 : 1.0);
    for (int i = 0; i < MAX_LANGUAGES; i++)
        if (languages >> i & 1)
            tally->hits[i] += weight;
}

static void count_special(struct tally *tally, uint32_t cp, int script)
{
    char bytes[5] = {0};
    bytes[md_utf8_encode(cp, bytes)] = '\0';
    for (int i = 0; md_language_traits[i].code; i++) {
        if (!(tally->wanted >> i & 1) || md_language_traits[i].script != script)
            continue;
        if (strstr(md_language_traits[i].letters, bytes))
            tally->special[i]++;
        else if (script == MD_SCRIPT_LATIN)
            tally->foreign[i]++;
    }
}

static bool is_special(uint32_t cp, int script)
{
    return (script == MD_SCRIPT_LATIN && cp >= 0x80) ||
           (script == MD_SCRIPT_CYRILLIC &&
            (cp < 0x430 || cp > 0x44F || cp == 0x44B || cp == 0x44D || cp == 0x44A)) ||
           (script == MD_SCRIPT_ARABIC && cp >= 0x67E);
}

static void count_text(struct tally *tally, const char *text, size_t n)
{
    char word[MAX_WORD_BYTES];
    size_t word_n = 0;
    bool too_long = false;
    for (size_t i = 0; i <= n;) {
        uint32_t cp = ' ';
        size_t used = i < n ? md_utf8_decode(text + i, n - i, &cp) : 1;
        if (used == 0) {
            cp = 0xFFFD;
            used = 1;
        }
        i += used;
        cp = lower(cp);
        int script = script_of(cp);
        bool joins = script >= 0 && !has_no_blanks(script);
        bool apostrophe = (cp == '\'' || cp == 0x2019 || cp == '-') && word_n > 0;
        if (script >= 0) {
            tally->scripts[script]++;
            tally->letters++;
            if (is_special(cp, script))
                count_special(tally, cp, script);
        } else if (!is_usual_sign(cp)) {
            tally->signs++;
        }
        char bytes[4];
        size_t len = md_utf8_encode(cp == 0x2019 ? '\'' : cp, bytes);
        if (joins || apostrophe) {
            too_long |= word_n + len > sizeof word;
            if (!too_long) {
                memcpy(word + word_n, bytes, len);
                word_n += len;
            }
            continue;
        }
        while (word_n > 0 && (word[word_n - 1] == '\'' || word[word_n - 1] == '-'))
            word_n--;
        if (word_n > 0 && !too_long)
            count_word(tally, word, word_n);
        word_n = 0;
        too_long = false;
        if (script >= 0) /* a script without blanks: each character is a word */
            count_word(tally, bytes, len);
    }
}

static double script_share(const struct tally *tally, int script)
{
    double n = tally->scripts[script];
    if (script == MD_SCRIPT_KANA)
        n = n * 5 > tally->scripts[MD_SCRIPT_HAN] ? n + tally->scripts[MD_SCRIPT_HAN] : 0;
    if (script == MD_SCRIPT_HAN)
        n = tally->scripts[MD_SCRIPT_KANA] * 5 > n ? 0 : n;
    return tally->letters > 0 ? n / tally->letters : 0;
}

static double score_of(const struct tally *tally, int i)
{
    double share = script_share(tally, md_language_traits[i].script);
    if (share < 0.3 || tally->words < 1)
        return 0;
    /* Words of another script (names, titles) are no evidence against this one. */
    double words = tally->words * share;
    double score = tally->hits[i] / MD_MAX(words, 1.0);
    score += MD_MIN(0.1, 2 * tally->special[i] / tally->letters);
    score -= 3 * tally->foreign[i] / tally->letters;
    return score - 3 * tally->signs / (tally->letters + tally->signs);
}

/* Cuts the sample between characters. */
static size_t sample_size(const char *text, size_t n)
{
    if (n <= MAX_SAMPLE_BYTES)
        return n;
    n = MAX_SAMPLE_BYTES;
    while (n > 0 && ((unsigned char)text[n] & 0xC0) == 0x80)
        n--;
    return n;
}

struct md_recogniser *md_recogniser_new(void)
{
    struct md_recogniser *recogniser = calloc(1, sizeof *recogniser);
    for (int i = 0; recogniser && md_language_traits[i].code; i++)
        learn_language(recogniser, i);
    return recogniser;
}

void md_recogniser_free(struct md_recogniser *recogniser)
{
    free(recogniser);
}

struct md_language_guess md_recogniser_guess(const struct md_recogniser *recogniser,
                                             const char *utf8, size_t n, const char *only)
{
    struct md_language_guess best = {0};
    struct tally tally = {.recogniser = recogniser};
    for (int i = 0; md_language_traits[i].code; i++)
        if (!only || has_word(only, md_language_traits[i].code))
            tally.wanted |= UINT64_C(1) << i;
    count_text(&tally, utf8, sample_size(utf8, n));
    for (int i = 0; md_language_traits[i].code; i++) {
        double score = tally.wanted >> i & 1 ? score_of(&tally, i) : 0;
        if (score > best.score)
            best = (struct md_language_guess){md_language_code(md_language_traits[i].code), score};
    }
    return best;
}

struct md_language_guess md_language_recognise(const char *utf8, size_t n, const char *only)
{
    struct md_language_guess guess = {0};
    struct md_recogniser *recogniser = md_recogniser_new();
    if (recogniser)
        guess = md_recogniser_guess(recogniser, utf8, n, only);
    md_recogniser_free(recogniser);
    return guess;
}
