/* The transcript, with what the digest has of it marked. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "model/language.h"
#include "render/report.h"
#include "render/report_template.h"

/* Films have 1500 cues; what is beyond this is in movie.srt. OPEN_CUES: more start folded up. */
enum { MAX_CUES = 12000, OPEN_CUES = 120 };

static void append_cue(struct md_str *out, const struct md_cue *cue, bool in_digest)
{
    char time[24];
    const char *class_name = in_digest       ? cue->is_sound ? "in sound" : "in"
                             : cue->is_sound ? "sound"
                                             : "";
    md_report_put(out, "cue", {"class", class_name}, {"time", md_format_time(time, cue->start_us)},
                  {"speaker", cue->is_sound ? "" : cue->speaker}, {"text", cue->text});
}

static void describe_source(char *out, size_t size, const struct md_transcript *transcript)
{
    static const char *const sources[] = {"", "a file beside the movie", "a stream of the movie",
                                          "speech recognition"};
    const char *language = transcript->language ? md_language_name(transcript->language) : NULL;
    snprintf(out, size, "From %s%s%.200s%s%s%s.",
             sources[MD_CLAMP(transcript->source, MD_TRANSCRIPT_SIDECAR, MD_TRANSCRIPT_WHISPER)],
             transcript->origin ? " (" : "", transcript->origin ? transcript->origin : "",
             transcript->origin ? ")" : "", language ? ", in " : "", language ? language : "");
}

void md_report_transcript(struct md_str *out, struct md_report *report)
{
    const struct md_transcript *transcript = report->o->transcript;
    const struct md_outputs *o = report->o;
    md_autostr rows = {0};
    char count[64], source[360], more[96] = "";
    if (transcript->cues.n == 0)
        return;
    size_t n = MD_MIN(transcript->cues.n, (size_t)MAX_CUES), piece = 0;
    for (size_t i = 0; i < n; i++) {
        const struct md_cue *cue = &transcript->cues.v[i];
        while (piece < o->piece_count && o->pieces[piece].end_us <= cue->start_us)
            piece++;
        append_cue(&rows, cue, piece < o->piece_count && o->pieces[piece].start_us < cue->end_us);
    }
    snprintf(count, sizeof count, "%zu lines", transcript->cues.n);
    describe_source(source, sizeof source, transcript);
    if (n < transcript->cues.n)
        snprintf(more, sizeof more, "The first %zu lines; all are in movie.srt.", n);
    md_report_put(out, "transcript", {"source", source}, {"count", count},
                  {"open", n <= OPEN_CUES ? "open" : ""}, {"language", transcript->language},
                  {"rows", md_str_text(&rows)}, {"more", more});
    out->failed |= md_str_failed(&rows);
}
