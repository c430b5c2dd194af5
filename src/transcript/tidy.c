/* Order matters: times first, since the rest looks at neighbours in time; advertisements next, as
 * they hide between rolling lines; repetitions last.
 *
 * Rolling captions (live television, automatic captions of video sites) show each line two or three
 * times: "a", "a / b", "b / c". They are taken apart only where the file does it habitually; in an
 * ordinary film a repeated line is something a person said twice.
 */
#include "transcript/tidy.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"

static int compare_events(const void *a, const void *b)
{
    const struct md_subtitle_event *x = a, *y = b;
    if (x->start_us != y->start_us)
        return x->start_us < y->start_us ? -1 : 1;
    return x->line < y->line ? -1 : x->line > y->line;
}

/* Characters of UTF-8 text. */
static int64_t count_characters(const char *text)
{
    int64_t n = 0;
    for (; *text; text++)
        n += ((unsigned char)*text & 0xC0) != 0x80;
    return n;
}

/* How long a line without an end stays: 15 characters a second, the usual reading speed of
 * subtitle guidelines, but at least one second and at most seven. */
static int64_t reading_time_us(const char *text)
{
    int64_t us = count_characters(text) * MD_SECOND_US / 15;
    return MD_CLAMP(us, MD_SECOND_US, 7 * MD_SECOND_US);
}

static void drop_event(struct md_subtitle_track *track, size_t i)
{
    md_subtitle_event_done(&track->events.v[i]);
}

/* Closes the gaps that drop_event left (events without text). */
static void compact(struct md_subtitle_track *track)
{
    size_t kept = 0;
    for (size_t i = 0; i < track->events.n; i++)
        if (track->events.v[i].text)
            track->events.v[kept++] = track->events.v[i];
    track->events.n = kept;
}

static void fix_ends(struct md_subtitle_track *track)
{
    enum { LONGEST_SANE_S = 60 };
    for (size_t i = 0; i < track->events.n; i++) {
        struct md_subtitle_event *event = &track->events.v[i];
        bool endless = event->end_us <= event->start_us;
        bool lying = event->end_us - event->start_us > LONGEST_SANE_S * MD_SECOND_US &&
                     i + 1 < track->events.n;
        if (!endless && !lying)
            continue;
        if (lying)
            md_subtitle_note(track, event->line, "stays for more than %d s, shortened",
                             LONGEST_SANE_S);
        int64_t end = event->start_us + reading_time_us(event->text);
        for (size_t k = i + 1; k < track->events.n; k++) {
            if (track->events.v[k].start_us > event->start_us) {
                end = MD_MIN(end, track->events.v[k].start_us);
                break;
            }
        }
        event->end_us = end;
    }
}

void md_tidy_times(struct md_subtitle_track *track, int64_t duration_us)
{
    struct md_subtitle_event_vec *events = &track->events;
    if (events->n > 1)
        qsort(events->v, events->n, sizeof *events->v, compare_events);
    fix_ends(track);
    size_t beyond = 0, before = 0;
    for (size_t i = 0; i < events->n; i++) {
        struct md_subtitle_event *event = &events->v[i];
        bool late = duration_us > 0 && event->start_us >= duration_us;
        beyond += late;
        before += event->end_us <= 0;
        if (late || event->end_us <= 0) {
            drop_event(track, i);
            continue;
        }
        event->start_us = MD_MAX(event->start_us, 0);
        if (duration_us > 0)
            event->end_us = MD_MIN(event->end_us, duration_us);
    }
    size_t all = events->n;
    compact(track);
    if (beyond > 0)
        md_subtitle_note(track, 0, "%zu of %zu cues lie behind the end of the movie%s", beyond, all,
                         beyond > all / 10 ? "; are these the subtitles of another version?" : "");
    if (before > 0)
        md_subtitle_note(track, 0, "%zu cues lie before the start of the movie", before);
}

/* Never said in a film: drop wherever they stand. */
static const char *const sure_signs[] = {
    "opensubtitles",
    "osdb.link",
    "addic7ed",
    "subscene.com",
    "podnapisi",
    "yifysubtitles",
    "yts.mx",
    "yts.am",
    "tvsubtitles",
    "titlovi.com",
    "napisy24",
    "napiprojekt",
    "titulky.com",
    "argenteam",
    "subdivx",
    "legendas.tv",
    "legendei.",
    "subtitulamos",
    "tusubtitulo",
    "amara.org",
    "zimuku",
    "yyets",
    "shooter.cn",
    "subhd",
    "become vip member",
    "advertise your product",
    "please rate this subtitle",
    "subtitles by ",
    "subtitled by ",
    "subs by ",
    "synced by ",
    "sync by ",
    "sync & corrections",
    "sync and corrections",
    "resync by ",
    "encoded by ",
    "ripped by ",
    "subrip by ",
    "transcript by ",
    "transcribed by ",
    "captioned by ",
    "captioning by ",
    "captions by ",
    "untertitel von ",
    "untertitel: ",
    "untertitelung",
    "untertitel im auftrag",
    "sous-titres par ",
    "sous-titrage",
    "sous-titres :",
    "subtítulos por ",
    "subtítulos de ",
    "subtitulos por ",
    "subtitulado por ",
    "legendas por ",
    "legendas: ",
    "sottotitoli di ",
    "sottotitoli a cura",
    "napisy: ",
    "tłumaczenie: ",
    "titulky: ",
    "překlad: ",
    "ondertiteling: ",
    "ondertiteld door ",
    "undertexter av ",
    "tekstitys: ",
    "tekster av ",
    "субтитры: ",
    "перевод: ",
    "字幕组",
    "字幕組",
};

/* People may say these; advertisements do so at the very start or end. */
static const char *const edge_signs[] = {
    "www.",         "http://",       "https://",       ".com",         ".net",
    ".org",         "translated by", "translation by", "translation:", "corrections by",
    "corrected by", "adapted by",    "subtitles:",     "follow us",    "facebook",
    "twitter",      "telegram",      "discord.gg",     "patreon",      "support us",
    "download",     "release",
};

/* Lower-cases ASCII and basic Cyrillic into a bounded copy, lines joined by blanks. */
static void fold(char *dst, size_t size, const char *src)
{
    size_t n = 0;
    for (; *src && n + 2 < size; src++) {
        unsigned char c = (unsigned char)*src, next = (unsigned char)src[1];
        if (c == 0xD0 && next >= 0x90 && next <= 0xAF) { /* А-Я */
            dst[n++] = (char)(next < 0xA0 ? 0xD0 : 0xD1);
            dst[n++] = (char)(next < 0xA0 ? next + 0x20 : next - 0x20);
            src++;
        } else {
            dst[n++] = c == '\n' ? ' ' : (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
        }
    }
    dst[n++] = ' '; /* so that "subtitles by " at the end of a cue matches too */
    dst[n] = '\0';
}

static bool has_sign(const char *folded, const char *const *signs, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strstr(folded, signs[i]))
            return true;
    return false;
}

void md_tidy_advertisements(struct md_subtitle_track *track)
{
    enum { EDGE_CUES = 4, LONGEST_ADVERTISEMENT = 400 };
    size_t dropped = 0, n = track->events.n;
    int64_t first_us = 0;
    for (size_t i = 0; i < n; i++) {
        char folded[LONGEST_ADVERTISEMENT];
        const char *text = track->events.v[i].text;
        bool at_edge = i < EDGE_CUES || i + EDGE_CUES >= n;
        if (strlen(text) >= LONGEST_ADVERTISEMENT)
            continue;
        fold(folded, sizeof folded, text);
        if (!has_sign(folded, sure_signs, MD_ARRAY_LEN(sure_signs)) &&
            !(at_edge && has_sign(folded, edge_signs, MD_ARRAY_LEN(edge_signs))))
            continue;
        if (dropped++ == 0)
            first_us = track->events.v[i].start_us;
        drop_event(track, i);
    }
    compact(track);
    if (dropped > 0) {
        char when[24];
        md_subtitle_note(track, 0, "%zu advertisement%s left out, the first at %s", dropped,
                         dropped == 1 ? "" : "s", md_format_time(when, first_us));
    }
}

/* Two events belong together when the second starts before, or as soon as, the first ends. */
static bool touches(const struct md_subtitle_event *a, const struct md_subtitle_event *b)
{
    return b->start_us <= a->end_us + 50000;
}

static bool same_speaker(const struct md_subtitle_event *a, const struct md_subtitle_event *b)
{
    return !a->speaker || !b->speaker || strcmp(a->speaker, b->speaker) == 0;
}

/* Joins equal texts within the last few events that are still open. */
static void join_equal(struct md_subtitle_track *track)
{
    enum { LOOK_BACK = 16 };
    struct md_subtitle_event *v = track->events.v;
    for (size_t i = 1; i < track->events.n; i++) {
        for (size_t back = 1; back <= LOOK_BACK && back <= i; back++) {
            struct md_subtitle_event *before = &v[i - back];
            if (!before->text || !touches(before, &v[i]) || !same_speaker(before, &v[i]) ||
                strcmp(before->text, v[i].text) != 0)
                continue;
            before->end_us = MD_MAX(before->end_us, v[i].end_us);
            /* Later frames must still find it within the look-back: it moves up. */
            struct md_subtitle_event moved = *before;
            *before = v[i];
            v[i] = moved;
            drop_event(track, i - back);
            break;
        }
    }
    compact(track);
    if (track->events.n > 1)
        qsort(track->events.v, track->events.n, sizeof *v, compare_events);
}

/* Bytes at the start of `next` that repeat the last lines of `before` (the longest such run);
 * 0 when none. */
static size_t rolled_over(const char *before, const char *next)
{
    enum { MAX_LINES = 4 };
    const char *starts[MAX_LINES];
    size_t lines = 0, n = strlen(before);
    for (const char *p = before + n; lines < MAX_LINES; p--) {
        if (p == before || p[-1] == '\n')
            starts[lines++] = p;
        if (p == before)
            break;
    }
    for (size_t i = lines; i > 0; i--) {
        size_t tail = n - (size_t)(starts[i - 1] - before);
        if (tail > 0 && strncmp(next, starts[i - 1], tail) == 0 &&
            (next[tail] == '\n' || next[tail] == '\0'))
            return next[tail] ? tail + 1 : tail;
    }
    return 0;
}

/* "I", "I have", "I have a dream": the next text only adds words. */
static bool paints_on(const char *before, const char *next)
{
    size_t n = strlen(before);
    return n > 0 && strncmp(before, next, n) == 0 && (next[n] == ' ' || next[n] == '\n');
}

static bool is_habitual(const struct md_subtitle_track *track)
{
    size_t rolled = 0, n = track->events.n;
    for (size_t i = 1; i < n; i++) {
        const struct md_subtitle_event *a = &track->events.v[i - 1], *b = &track->events.v[i];
        rolled +=
            touches(a, b) && (rolled_over(a->text, b->text) > 0 || paints_on(a->text, b->text));
    }
    return n >= 6 && rolled * 4 >= n;
}

/* `shown` is what stood on the screen before, including lines already taken out. */
static int unroll(struct md_subtitle_track *track)
{
    md_autofree char *shown = NULL;
    int64_t shown_end = INT64_MIN;
    size_t last = 0; /* the last event that kept its text */
    struct md_subtitle_event *v = track->events.v;
    for (size_t i = 0; i < track->events.n; i++) {
        char *whole = v[i].text;
        bool touching = shown && v[i].start_us <= shown_end + 50000;
        bool painted = touching && paints_on(shown, whole) && v[last].text;
        size_t skip = touching ? rolled_over(shown, whole) : 0;
        shown_end = v[i].end_us;
        char *copy = strdup(whole);
        if (!copy)
            return MD_ERR_NOMEM;
        free(shown);
        shown = copy;
        if (skip == 0 && painted && strncmp(v[last].text, whole, strlen(v[last].text)) == 0) {
            v[last].end_us = v[i].end_us;
            free(v[last].text);
            v[last].text = v[i].text;
            v[i].text = NULL;
            drop_event(track, i);
        } else if (skip > 0 && !whole[skip]) {
            v[last].end_us = MD_MAX(v[last].end_us, v[i].end_us);
            drop_event(track, i);
        } else {
            memmove(whole, whole + skip, strlen(whole + skip) + 1);
            last = i;
        }
    }
    compact(track);
    return MD_OK;
}

int md_tidy_repetitions(struct md_subtitle_track *track)
{
    join_equal(track);
    return is_habitual(track) ? unroll(track) : MD_OK;
}
