/* Candidates are compared by a row of numbers, smaller is better, the first difference decides:
 * what fits the sound before what does not, whole dialogue before parts of it, then language, then
 * the order the design gives (beside the movie before inside it), then plain before
 * hearing-impaired subtitles, as these have the same words and descriptions besides. A wrong
 * language beats forced subtitles of the right one: a dozen translated signs are no transcript.
 */
#include "transcript/candidate.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/utf8.h"
#include "model/language.h"
#include "transcript/encoding.h"
#include "transcript/markup.h"
#include "transcript/parse.h"
#include "transcript/recognise.h"
#include "transcript/tidy.h"

/* Replaces markup by plain text; events without any are dropped. */
static int strip_track(struct md_subtitle_track *track)
{
    size_t kept = 0;
    int r = MD_OK;
    for (size_t i = 0; i < track->events.n; i++) {
        struct md_subtitle_event *event = &track->events.v[i];
        md_autostr plain = {0};
        bool is_sung = false;
        if (r == MD_OK)
            md_markup_strip(&plain, event->text, track->format, &is_sung);
        if (md_str_failed(&plain))
            r = MD_ERR_NOMEM;
        if (r < 0 || plain.n == 0) {
            md_subtitle_event_done(event);
            continue;
        }
        free(event->text);
        event->text = md_str_take(&plain);
        event->is_sound |= is_sung;
        track->events.v[kept++] = *event;
    }
    track->events.n = kept;
    return r;
}

static int tidy_track(struct md_subtitle_track *track, int64_t duration_us)
{
    int r = strip_track(track);
    if (r < 0)
        return r;
    if (track->rate > 0)
        md_fit_apply(&track->events, track->rate, track->delay_us);
    md_tidy_times(track, duration_us);
    md_tidy_advertisements(track);
    return md_tidy_repetitions(track);
}

static void note_encoding(struct md_subtitle_track *track, const struct md_encoding_result *result)
{
    if (result->guessed_badly)
        md_subtitle_note(track, 0, "character set not recognised, read as %s", result->name);
    else if (result->replaced > 0)
        md_subtitle_note(track, 0, "%zu places cannot be read as %s", result->replaced,
                         result->name);
}

int md_candidate_load_bytes(struct md_subtitle_track *track, const char *bytes, size_t n,
                            const char *hint, int64_t duration_us)
{
    struct md_encoding_result text = {0};
    int r = md_encoding_decode(bytes, n, hint, &text);
    if (r == MD_OK)
        note_encoding(track, &text);
    if (r == MD_OK)
        r = md_subtitle_parse(track, text.text);
    free(text.text);
    return r == MD_OK ? tidy_track(track, duration_us) : r;
}

/* Between the texts of a stream while they are decoded together; in none of the character sets is
 * it part of anything else. */
enum { RECORD_SEPARATOR = '\x1E' };

static int join_texts(const struct md_subtitle_track *track, struct md_str *joined)
{
    for (size_t i = 0; i < track->events.n; i++) {
        for (const char *p = track->events.v[i].text; *p; p++)
            md_str_append_char(joined, *p == RECORD_SEPARATOR ? ' ' : *p);
        md_str_append_char(joined, RECORD_SEPARATOR);
    }
    return md_str_failed(joined) ? MD_ERR_NOMEM : MD_OK;
}

static int spread_texts(struct md_subtitle_track *track, const char *joined)
{
    for (size_t i = 0; i < track->events.n; i++) {
        const char *end = strchrnul(joined, RECORD_SEPARATOR);
        char *text = strndup(joined, (size_t)(end - joined));
        if (!text)
            return MD_ERR_NOMEM;
        free(track->events.v[i].text);
        track->events.v[i].text = text;
        joined = *end ? end + 1 : end;
    }
    return MD_OK;
}

static bool is_utf8_track(const struct md_subtitle_track *track)
{
    for (size_t i = 0; i < track->events.n; i++)
        if (!md_utf8_is_valid(track->events.v[i].text, strlen(track->events.v[i].text)))
            return false;
    return true;
}

int md_candidate_finish(struct md_subtitle_track *track, const char *hint, int64_t duration_us)
{
    if (!is_utf8_track(track)) {
        md_autostr joined = {0};
        struct md_encoding_result text = {0};
        int r = join_texts(track, &joined);
        if (r == MD_OK)
            r = md_encoding_decode(md_str_text(&joined), joined.n, hint, &text);
        if (r == MD_OK) {
            note_encoding(track, &text);
            r = spread_texts(track, text.text);
        }
        free(text.text);
        if (r < 0)
            return r;
    }
    return tidy_track(track, duration_us);
}

void md_candidate_recognise(struct md_candidate *candidate)
{
    enum { ENOUGH_BYTES = 256 * 1024 };
    if (candidate->language)
        return;
    md_autostr text = {0};
    for (size_t i = 0; i < candidate->track.events.n && text.n < ENOUGH_BYTES; i++) {
        md_str_append(&text, candidate->track.events.v[i].text);
        md_str_append_char(&text, '\n');
    }
    struct md_language_guess guess = md_language_recognise(md_str_text(&text), text.n, NULL);
    if (guess.code && guess.score >= MD_LANGUAGE_SURE)
        candidate->language = guess.code;
}

bool md_candidate_is_partial(const struct md_candidate_vec *candidates, size_t index)
{
    /* A track with a fifth of another's cues leaves out most of the dialogue, whatever its tags
     * say; forced tracks are seldom longer than 100 cues. */
    enum { SHARE = 5, FEW = 100 };
    const struct md_candidate *candidate = &candidates->v[index];
    if (candidate->tags.forced || candidate->tags.commentary)
        return true;
    if (!candidate->loaded || candidate->track.events.n >= FEW)
        return false;
    for (size_t i = 0; i < candidates->n; i++)
        if (candidates->v[i].loaded && !candidates->v[i].tags.commentary &&
            candidates->v[i].track.events.n > candidate->track.events.n * SHARE)
            return true;
    return false;
}

/* Where nothing tells, English goes first: the built-in analysis knows it best. */
enum {
    LANGUAGE_AUDIO = 1000,
    LANGUAGE_DEFAULT,
    LANGUAGE_UNTAGGED,
    LANGUAGE_ENGLISH,
    LANGUAGE_OTHER
};

static int language_class(const struct md_candidate *candidate, const char *wanted,
                          const char *audio_language)
{
    int rank = md_language_rank(wanted, candidate->language);
    if (rank >= 0)
        return MD_MIN(rank, LANGUAGE_AUDIO - 1);
    if (candidate->language && audio_language &&
        md_language_same(candidate->language, audio_language))
        return LANGUAGE_AUDIO;
    if (candidate->tags.is_default)
        return LANGUAGE_DEFAULT;
    if (!candidate->given_language)
        return LANGUAGE_UNTAGGED;
    return md_language_same(candidate->given_language, "eng") ? LANGUAGE_ENGLISH : LANGUAGE_OTHER;
}

enum { KEYS = 6 };

static void keys_of(const struct md_candidate_vec *candidates, size_t i, const char *wanted,
                    const char *audio_language, int keys[KEYS])
{
    const struct md_candidate *candidate = &candidates->v[i];
    keys[0] = candidate->misfit;
    keys[1] = md_candidate_is_partial(candidates, i) + 2 * candidate->tags.commentary;
    keys[2] = language_class(candidate, wanted, audio_language);
    keys[3] = candidate->path == NULL;
    keys[4] = candidate->tags.hearing_impaired;
    keys[5] = candidate->order;
}

static bool is_smaller(const int a[KEYS], const int b[KEYS])
{
    for (int i = 0; i < KEYS; i++)
        if (a[i] != b[i])
            return a[i] < b[i];
    return false;
}

int md_candidate_best(const struct md_candidate_vec *candidates, const char *wanted,
                      const char *audio_language)
{
    int best = -1, best_keys[KEYS] = {0};
    for (size_t i = 0; i < candidates->n; i++) {
        int keys[KEYS];
        if (candidates->v[i].loaded && candidates->v[i].track.events.n == 0)
            continue;
        keys_of(candidates, i, wanted, audio_language, keys);
        if (best < 0 || is_smaller(keys, best_keys)) {
            best = (int)i;
            memcpy(best_keys, keys, sizeof keys);
        }
    }
    return best;
}
