/* Each stream gets a tuple of ranks, most important first, and the greatest tuple wins: the order
 * of the rules is the order of the array, and no weights have to be balanced. */
#include "media/choose.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/language.h"

enum { RANKS = 8 };

struct candidate {
    int64_t index;
    int64_t ranks[RANKS];
};

static bool is_better(const struct candidate *a, const struct candidate *b)
{
    for (int i = 0; i < RANKS; i++)
        if (a->ranks[i] != b->ranks[i])
            return a->ranks[i] > b->ranks[i];
    return false;
}

int64_t md_choose_video(const struct md_streams *streams)
{
    struct candidate best = {.index = -1};
    for (size_t i = 0; i < streams->n; i++) {
        const struct md_stream *s = &streams->v[i];
        if (s->kind != MD_STREAM_VIDEO || s->is_attached_picture)
            continue;
        struct candidate c = {s->index, {s->decodable, s->is_default, s->width * s->height}};
        if (best.index < 0 || is_better(&c, &best))
            best = c;
    }
    return best.index;
}

/* Words of titles, in lower case; matched anywhere in the title. */
static const char *const commentary_words[] = {
    "commentary",
    "kommentar",
    "commentaire",
    "comentario",
    "coment\xc3\xa1rio",
    "commento",
    "comment by",
    "comments by",
    "director",
    "filmmaker",
    "behind the scenes",
    /* no dialogue either */
    "isolated score",
    "isolated music",
    "music only",
    "score only",
    "karaoke",
    NULL,
};
static const char *const not_commentary_words[] = {"director's cut", "directors cut", NULL};
static const char *const description_words[] = {
    "audio descri",      "audiodescri",      "audio-descri",  "descriptive",
    "described video",   "audiodeskription", "rfilm", /* Hoerfilm, with any spelling of the umlaut
                                                       */
    "visually impaired", "visual impaired",  "for the blind", NULL,
};
static const char *const hearing_words[] = {"hearing impaired", "hard of hearing", "sdh", NULL};
static const char *const dub_words[] = {"dubbed", "dub)", "doublage", "synchronfassung", NULL};

static bool has_word(const char *lower_title, const char *const *words)
{
    for (; *words; words++)
        if (strstr(lower_title, *words))
            return true;
    return false;
}

void md_choose_read_title(struct md_stream *stream)
{
    if (!stream->title)
        return;
    char lower[512];
    size_t n = 0;
    for (const char *p = stream->title; *p && n + 1 < sizeof lower; p++)
        lower[n++] = (char)tolower((unsigned char)*p);
    lower[n] = '\0';
    if (has_word(lower, commentary_words) && !has_word(lower, not_commentary_words))
        stream->is_commentary = true;
    if (stream->kind == MD_STREAM_AUDIO && has_word(lower, description_words))
        stream->is_visual_impaired = true;
    if (has_word(lower, hearing_words))
        stream->is_hearing_impaired = true;
    if (has_word(lower, dub_words))
        stream->is_dub = true;
}

int64_t md_choose_audio(const struct md_streams *streams, const char *wanted_languages)
{
    struct candidate best = {.index = -1};
    for (size_t i = 0; i < streams->n; i++) {
        const struct md_stream *s = &streams->v[i];
        if (s->kind != MD_STREAM_AUDIO)
            continue;
        int language = md_language_rank(wanted_languages, s->language);
        struct candidate c = {
            s->index,
            {
                s->decodable && s->channels > 0,
                !s->is_commentary && !s->is_visual_impaired,
                language < 0 ? INT64_MIN : -language,
                s->is_default,
                !s->is_dub,
                !s->is_hearing_impaired,
                MD_MIN(s->channels, 8),
            },
        };
        if (best.index < 0 || is_better(&c, &best))
            best = c;
    }
    return best.index;
}

char *md_choose_describe(char out[160], const struct md_stream *s)
{
    int n = snprintf(out, 160, "%lld (%.20s, %.40s", (long long)s->index,
                     s->language ? s->language : "no language", s->codec ? s->codec : "unknown");
    if (s->kind == MD_STREAM_AUDIO)
        n += snprintf(out + n, (size_t)(160 - n), ", %lld channels", (long long)s->channels);
    snprintf(out + n, (size_t)(160 - n), "%s)", s->is_commentary ? ", commentary" : "");
    return out;
}
