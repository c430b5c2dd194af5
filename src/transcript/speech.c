/* Labels first, then lines. A label in capitals ("ANNA:") is a speaker wherever it stands. One in
 * mixed case ("Anna:", "[Anna]") looks the same as "Remember:" or "[Laughs]", so it counts only
 * when the file uses it as a habit: names come back, exclamations rarely do.
 */
#include "transcript/speech.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/utf8.h"
#include "transcript/markup.h"

enum {
    MAX_LABEL_BYTES = 48,
    MAX_LABEL_WORDS = 4,
    MAX_BRACKET_BYTES = 240, /* longest "[...]" taken for a description */
    HABIT_COLON = 3,         /* uses that make "Anna:" a speaker */
    HABIT_BRACKET = 2,       /* uses that make "[Anna] ..." one */
};

struct span {
    const char *s;
    size_t n;
};
struct span_vec MD_VEC(struct span);

static struct span trim(struct span t)
{
    while (t.n > 0 && (t.s[0] == ' ' || t.s[0] == '\n'))
        t.s++, t.n--;
    while (t.n > 0 && (t.s[t.n - 1] == ' ' || t.s[t.n - 1] == '\n'))
        t.n--;
    return t;
}

static bool starts_with(struct span t, const char *word)
{
    size_t n = strlen(word);
    return t.n >= n && memcmp(t.s, word, n) == 0;
}

/* What a label is made of. Case is known for Latin, Greek and Cyrillic; other scripts count as
 * neither. */
struct look {
    int letters, upper, lower, words, digits;
    bool odd;         /* has something a name does not have */
    bool capitalised; /* every word starts with a capital or a digit */
};

static int letter_case(uint32_t cp)
{
    if (cp < 0x80)
        return cp >= 'A' && cp <= 'Z' ? 1 : cp >= 'a' && cp <= 'z' ? -1 : 0;
    if (cp >= 0xC0 && cp <= 0xDE && cp != 0xD7)
        return 1;
    if (cp >= 0xDF && cp <= 0xFF && cp != 0xF7)
        return -1;
    if ((cp >= 0x100 && cp <= 0x137) || (cp >= 0x14A && cp <= 0x177))
        return cp % 2 == 0 ? 1 : -1;
    if ((cp >= 0x139 && cp <= 0x148) || (cp >= 0x179 && cp <= 0x17E))
        return cp % 2 == 1 ? 1 : -1;
    if ((cp >= 0x391 && cp <= 0x3A9) || (cp >= 0x400 && cp <= 0x42F))
        return 1;
    if ((cp >= 0x3B1 && cp <= 0x3C9) || (cp >= 0x430 && cp <= 0x45F))
        return -1;
    return 0;
}

static struct look look_at(struct span label)
{
    struct look look = {.capitalised = true};
    bool in_word = false;
    for (size_t i = 0; i < label.n;) {
        uint32_t cp = 0xFFFD;
        size_t used = md_utf8_decode(label.s + i, label.n - i, &cp);
        int kind = letter_case(cp);
        bool other_script = cp >= 0x5D0 && !(cp >= 0x2000 && cp <= 0x206F) && cp != 0xFFFD &&
                            !(cp >= 0x3000 && cp <= 0x3002) && cp < 0xFF00;
        bool letter = kind != 0 || other_script, digit = cp >= '0' && cp <= '9';
        if ((letter || digit) && !in_word) {
            look.words++;
            look.capitalised &= kind == 1 || digit || other_script;
        }
        in_word = letter || digit || cp == '\'' || cp == 0x2019 || cp == '.' || cp == '-';
        look.letters += letter;
        look.upper += kind == 1;
        look.lower += kind == -1;
        look.digits += digit;
        look.odd |= !letter && !digit && cp != ' ' && cp != '\'' && cp != 0x2019 && cp != '.' &&
                    cp != '-' && cp != '#' && cp != '&' && cp != '/' && cp != ',';
        i += used ? used : 1;
    }
    return look;
}

/* Stems of words that describe sounds; in capitals-only files "[SIGHS]" must not be a person. */
static bool is_sound_word(struct span t)
{
    static const char *const stems[] = {
        "sigh",   "gasp",          "laugh",      "chuckl",    "giggl",     "music",      "play",
        "door",   "phone",         "ring",       "applau",    "cheer",     "shout",      "whisper",
        "groan",  "grunt",         "scream",     "pant",      "cough",     "sob",        "cry",
        "crie",   "sniff",         "snor",       "breath",    "mutter",    "murmur",     "speak",
        "sing",   "humm",          "beep",       "buzz",      "bark",      "thunder",    "gun",
        "explo",  "crowd",         "engine",     "siren",     "knock",     "click",      "clatter",
        "rumbl",  "indistinct",    "inaudible",  "continu",   "silen",     "footstep",   "wind",
        "bell",   "chatter",       "scoff",      "exhal",     "inhal",     "yell",       "horn",
        "thud",   "crash",         "squeal",     "theme",     "song",      "clears",     "stammer",
        "gulp",   "whimper",       "wail",       "moan",      "growl",     "roar",       "tires",
        "alarm",  "dialogue",      "in english", "in french", "in german", "in spanish", "lach",
        "seufz",  "musik",         "rire",       "soupir",    "risas",     "risa",       "suspira",
        "musica", "m\xC3\xBAsica", "musique"};
    char folded[MAX_LABEL_BYTES + 1];
    size_t n = MD_MIN(t.n, (size_t)MAX_LABEL_BYTES);
    for (size_t i = 0; i < n; i++)
        folded[i] = (char)(t.s[i] >= 'A' && t.s[i] <= 'Z' ? t.s[i] | 0x20 : t.s[i]);
    folded[n] = '\0';
    for (size_t i = 0; i < MD_ARRAY_LEN(stems); i++) {
        const char *hit = strstr(folded, stems[i]);
        if (hit && (hit == folded || hit[-1] == ' '))
            return true;
    }
    return false;
}

enum label_kind { LABEL_NONE, LABEL_SURE, LABEL_IF_HABIT };

static enum label_kind judge_label(struct span label)
{
    if (label.n == 0 || label.n > MAX_LABEL_BYTES)
        return LABEL_NONE;
    struct look look = look_at(label);
    if (look.odd || look.letters < 2 || look.words == 0 || look.words > MAX_LABEL_WORDS)
        return LABEL_NONE;
    if (is_sound_word(label))
        return LABEL_NONE;
    if (look.lower == 0 && look.upper >= 2)
        return LABEL_SURE;
    return look.capitalised && look.words <= 3 ? LABEL_IF_HABIT : LABEL_NONE;
}

/* A line's label and what follows it. */
struct labelled {
    struct span label, rest;
    bool bracket; /* "[Anna] ..." rather than "Anna: ..." */
};

/* The bracket pairs that may hold a label or a sound, and how much the pair itself tells. */
struct bracket {
    const char *open, *close;
    bool anywhere; /* never part of ordinary speech, wherever it stands */
    bool names;    /* usually holds the speaker (Japanese and Chinese captions) */
};
static const struct bracket brackets[] = {
    {"[", "]", true, false},
    {"(", ")", false, false},
    {"\xEF\xBC\x88", "\xEF\xBC\x89", false, true}, /* （ ） */
    {"\xE3\x80\x90", "\xE3\x80\x91", true, false}, /* 【 】 */
    {"\xEF\xBC\xBB", "\xEF\xBC\xBD", true, false}, /* ［ ］ */
};

/* The bracket at the start of t: its inside and its length; false when there is none. */
static bool leading_bracket(struct span t, const struct bracket **ret_kind, struct span *ret_inside,
                            size_t *ret_length)
{
    for (size_t i = 0; i < MD_ARRAY_LEN(brackets); i++) {
        if (!starts_with(t, brackets[i].open))
            continue;
        size_t open = strlen(brackets[i].open), close = strlen(brackets[i].close);
        /* Bounded: a text of nothing but opening brackets must not cost its square. */
        size_t far = MD_MIN(t.n - open, (size_t)MAX_BRACKET_BYTES);
        const char *end = memmem(t.s + open, far, brackets[i].close, close);
        if (!end)
            return false;
        *ret_kind = &brackets[i];
        *ret_inside = trim((struct span){t.s + open, (size_t)(end - t.s) - open});
        *ret_length = (size_t)(end - t.s) + close;
        return true;
    }
    return false;
}

static struct span behind(struct span t, size_t used)
{
    return trim((struct span){t.s + used, t.n - used});
}

/* "ANNA (whispering): text": the aside goes, the name stays. */
static struct span without_aside(struct span label)
{
    const char *open = memchr(label.s, '(', label.n);
    const char *square = memchr(label.s, '[', label.n);
    if (square && (!open || square < open))
        open = square;
    if (open && open > label.s && (label.s[label.n - 1] == ')' || label.s[label.n - 1] == ']'))
        label.n = (size_t)(open - label.s);
    return trim(label);
}

/* Finds the form of a label at the start of a line, without judging it. */
static bool find_label(struct span line, struct labelled *ret)
{
    const struct bracket *kind;
    struct span inside;
    size_t length;
    if (leading_bracket(line, &kind, &inside, &length)) {
        struct span rest = behind(line, length);
        if (rest.n > 0 && rest.s[0] == ':')
            rest = behind(rest, 1);
        *ret = (struct labelled){inside, rest, true};
        return rest.n > 0;
    }
    size_t look = MD_MIN(line.n, (size_t)MAX_LABEL_BYTES + 24);
    const char *colon = memchr(line.s, ':', look);
    const char *wide = memmem(line.s, look, "\xEF\xBC\x9A", 3); /* ： */
    size_t width = 1;
    if (wide && (!colon || wide < colon)) {
        colon = wide;
        width = 3;
    }
    /* Not "10:30" and not "http://": a blank or the end follows. */
    if (!colon ||
        (width == 1 && colon + 1 < line.s + line.n && colon[1] != ' ' && colon[1] != '\n'))
        return false;
    *ret = (struct labelled){without_aside((struct span){line.s, (size_t)(colon - line.s)}),
                             behind(line, (size_t)(colon - line.s) + width), false};
    return true;
}

static int compare_spans(const void *a, const void *b)
{
    const struct span *x = a, *y = b;
    int order = memcmp(x->s, y->s, MD_MIN(x->n, y->n));
    return order ? order : x->n < y->n ? -1 : x->n > y->n;
}

static size_t span_count(const struct span_vec *sorted, struct span wanted)
{
    size_t lo = 0, hi = sorted->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (compare_spans(&sorted->v[mid], &wanted) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    size_t n = 0;
    while (lo + n < sorted->n && n < 8 && compare_spans(&sorted->v[lo + n], &wanted) == 0)
        n++;
    return n;
}

static size_t dash_length(struct span line)
{
    static const char *const dashes[] = {
        "-", "\xE2\x80\x93", "\xE2\x80\x94", "\xE2\x80\x90", "\xE2\x80\x91", "\xE2\x80\x95"};
    for (size_t i = 0; i < MD_ARRAY_LEN(dashes); i++)
        if (starts_with(line, dashes[i]) && !starts_with(line, "--"))
            return strlen(dashes[i]);
    return 0;
}

/* Calls for each line of the text, dash taken off. */
static bool next_line(struct span *rest, struct span *ret_line, bool *ret_dash)
{
    if (rest->n == 0)
        return false;
    const char *end = memchr(rest->s, '\n', rest->n);
    size_t n = end ? (size_t)(end - rest->s) : rest->n;
    struct span line = trim((struct span){rest->s, n});
    rest->s += end ? n + 1 : n;
    rest->n -= end ? n + 1 : n;
    size_t dash = dash_length(line);
    *ret_dash = dash > 0 && dash < line.n;
    *ret_line = *ret_dash ? behind(line, dash) : line;
    return true;
}

/* All labels of mixed case in the track, sorted, with repetitions: the file's habits. */
static int collect_habits(const struct md_subtitle_track *track, struct span_vec *habits)
{
    for (size_t i = 0; i < track->events.n; i++) {
        struct span rest = {track->events.v[i].text, strlen(track->events.v[i].text)}, line;
        struct labelled found;
        bool dash;
        while (next_line(&rest, &line, &dash))
            if (find_label(line, &found) && judge_label(found.label) == LABEL_IF_HABIT &&
                md_vec_push(habits, found.label) < 0)
                return MD_ERR_NOMEM;
    }
    if (habits->n > 1)
        qsort(habits->v, habits->n, sizeof *habits->v, compare_spans);
    return MD_OK;
}

static bool is_speaker(const struct labelled *found, bool names_bracket,
                       const struct span_vec *habits)
{
    enum label_kind kind = judge_label(found->label);
    if (kind == LABEL_IF_HABIT && found->bracket && names_bracket)
        return true;
    if (kind == LABEL_IF_HABIT)
        return span_count(habits, found->label) >=
               (found->bracket ? (size_t)HABIT_BRACKET : (size_t)HABIT_COLON);
    return kind == LABEL_SURE;
}

/* The cue being put together. */
struct builder {
    struct md_cue_vec *cues;
    const struct md_subtitle_event *event;
    struct md_str text;
    struct span speaker;
    bool is_sound;
    bool song; /* a ♪ was opened and not closed yet */
    int error;
};

/* A name fit to show, or NULL. */
static char *copy_name(const char *s, size_t n)
{
    char clean[MAX_LABEL_BYTES * 3];
    size_t written = md_utf8_sanitize(clean, sizeof clean, s, n);
    return written > 0 ? strdup(clean) : NULL;
}

static void finish(struct builder *b)
{
    if (b->text.n == 0 || b->error < 0)
        return;
    struct md_cue cue = {.start_us = b->event->start_us,
                         .end_us = b->event->end_us,
                         .is_sound = b->is_sound || b->event->is_sound};
    if (b->speaker.n > 0)
        cue.speaker = copy_name(b->speaker.s, b->speaker.n);
    else if (b->event->speaker)
        cue.speaker = copy_name(b->event->speaker, strlen(b->event->speaker));
    cue.text = md_str_take(&b->text);
    if (!cue.text || md_vec_push(b->cues, cue) < 0) {
        free(cue.text);
        free(cue.speaker);
        b->error = MD_ERR_NOMEM;
    }
    b->is_sound = false;
}

static void append(struct builder *b, struct span t, bool is_sound)
{
    if (t.n == 0)
        return;
    if (b->text.n > 0 && b->is_sound != is_sound)
        finish(b);
    if (b->text.n > 0)
        md_str_append_char(&b->text, '\n');
    b->is_sound = is_sound;
    md_str_append_n(&b->text, t.s, t.n);
}

static bool has_note(struct span t)
{
    return memmem(t.s, t.n, "\xE2\x99\xAA", 3) || memmem(t.s, t.n, "\xE2\x99\xAB", 3) ||
           memmem(t.s, t.n, "\xE2\x99\xA9", 3) || memmem(t.s, t.n, "\xE2\x99\xAC", 3);
}

/* "# La la la #": the note of typewriters. */
static bool is_hash_song(struct span t)
{
    return t.n > 3 && t.s[0] == '#' && (t.s[1] == ' ' || t.s[t.n - 1] == '#') &&
           !(t.s[1] >= '0' && t.s[1] <= '9');
}

/* Speech with "[sighs]" inside: the descriptions become cues of their own, before it. */
static void append_speech(struct builder *b, struct span line)
{
    md_autostr spoken = {0};
    size_t plain = 0;
    for (size_t i = 0; i < line.n;) {
        const struct bracket *kind;
        struct span inside;
        size_t length;
        if (leading_bracket((struct span){line.s + i, line.n - i}, &kind, &inside, &length) &&
            kind->anywhere) {
            md_str_append_n(&spoken, line.s + plain, i - plain);
            append(b, (struct span){line.s + i, length}, true);
            i += length;
            if (i < line.n && line.s[i] == ' ' && spoken.n > 0 && spoken.s[spoken.n - 1] == ' ')
                i++; /* no two blanks where it was */
            plain = i;
        } else {
            i++;
        }
    }
    md_str_append_n(&spoken, line.s + plain, line.n - plain);
    if (md_str_failed(&spoken))
        b->error = MD_ERR_NOMEM;
    append(b, trim((struct span){md_str_text(&spoken), spoken.n}), false);
}

/* Only brackets and blanks: "[door slams]", "(sighs)". */
static bool is_all_brackets(struct span line)
{
    const struct bracket *kind;
    struct span inside;
    size_t length, n = 0;
    while (line.n > 0 && leading_bracket(line, &kind, &inside, &length)) {
        line = behind(line, length);
        n++;
    }
    return n > 0 && line.n == 0;
}

static void take_rest(struct builder *b, struct span line)
{
    const struct bracket *kind;
    struct span inside;
    size_t length;
    if (has_note(line) || is_hash_song(line) || b->song) {
        append(b, line, true);
    } else if (is_all_brackets(line)) {
        append(b, line, true);
    } else if (leading_bracket(line, &kind, &inside, &length) && !kind->anywhere && length < 64) {
        /* "(sighs) I know." */
        append(b, (struct span){line.s, length}, true);
        append_speech(b, behind(line, length));
    } else {
        append_speech(b, line);
    }
}

static void take_line(struct builder *b, struct span line, bool dash, const struct span_vec *habits)
{
    struct labelled found;
    if (dash) {
        finish(b);
        b->speaker = (struct span){0};
    }
    const struct bracket *kind = NULL;
    struct span inside;
    size_t length;
    leading_bracket(line, &kind, &inside, &length);
    if (find_label(line, &found) && is_speaker(&found, kind && kind->names, habits)) {
        finish(b);
        b->speaker = found.label;
        line = found.rest;
    }
    take_rest(b, line);
}

/* Replaces the line breaks inside a bracket that spans lines, so that it is seen as one. */
static void join_bracket_lines(char *text)
{
    for (char *p = text; (p = strpbrk(p, "[(")) != NULL; p++) {
        size_t far = strnlen(p, MAX_BRACKET_BYTES);
        char *close = memchr(p, *p == '[' ? ']' : ')', far);
        for (char *q = p + 1; close && q < close; q++)
            if (*q == '\n')
                *q = ' ';
    }
}

/* Lines between two voice marks belong to one speaker. */
static void take_block(struct builder *b, struct span block, const struct span_vec *habits)
{
    struct span line;
    bool dash;
    while (next_line(&block, &line, &dash))
        take_line(b, line, dash, habits);
    finish(b);
}

static void take_event(struct builder *b, const struct span_vec *habits, char *text)
{
    join_bracket_lines(text);
    struct span rest = trim((struct span){text, strlen(text)});
    b->speaker = (struct span){0};
    /* One song sign at each end, lines between: the whole is sung. */
    b->song = has_note((struct span){rest.s, MD_MIN(rest.n, 3)}) ||
              (rest.n > 3 && has_note((struct span){rest.s + rest.n - 3, 3}) &&
               !memchr(rest.s, '\n', rest.n));
    while (rest.n > 0) {
        const char *mark = memchr(rest.s, MD_MARK_SPEAKER, rest.n);
        size_t n = mark ? (size_t)(mark - rest.s) : rest.n;
        take_block(b, trim((struct span){rest.s, n}), habits);
        rest.s += n;
        rest.n -= n;
        if (!mark)
            break;
        const char *end = memchr(rest.s, MD_MARK_END, rest.n);
        size_t used = end ? (size_t)(end - rest.s) + 1 : rest.n;
        b->speaker = end ? trim((struct span){rest.s + 1, used - 2}) : (struct span){0};
        rest.s += used;
        rest.n -= used;
    }
}

int md_speech_split(const struct md_subtitle_track *track, struct md_cue_vec *cues)
{
    struct span_vec habits = {0};
    struct builder b = {.cues = cues};
    b.error = collect_habits(track, &habits);
    for (size_t i = 0; b.error == MD_OK && i < track->events.n; i++) {
        md_autofree char *text = strdup(track->events.v[i].text);
        if (!text) {
            b.error = MD_ERR_NOMEM;
            break;
        }
        b.event = &track->events.v[i];
        take_event(&b, &habits, text);
    }
    md_str_done(&b.text);
    md_vec_done(&habits);
    return b.error;
}
