/* Events and notes with their limits in one place, so that no parser can forget them. */
#include "transcript/subtitle.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/utf8.h"

void md_subtitle_note(struct md_subtitle_track *track, int64_t line, const char *format, ...)
{
    char message[256], whole[512], clean[512];
    if (track->notes.n >= MD_SUBTITLE_MAX_NOTES) {
        track->unwritten_notes++;
        return;
    }
    va_list ap;
    va_start(ap, format);
    vsnprintf(message, sizeof message, format, ap);
    va_end(ap);
    if (line > 0)
        snprintf(whole, sizeof whole, "%.200s %s %" PRId64 ": %s", track->name, track->unit, line,
                 message);
    else
        snprintf(whole, sizeof whole, "%.200s: %s", track->name, message);
    md_utf8_sanitize(clean, sizeof clean, whole, strlen(whole));
    char *copy = strdup(clean);
    if (!copy || md_vec_push(&track->notes, copy) < 0)
        free(copy);
}

/* The longest prefix of at most `most` bytes that does not cut a character in half. */
static size_t clip(const char *text, size_t n, size_t most)
{
    if (n <= most)
        return n;
    n = most;
    while (n > 0 && ((unsigned char)text[n] & 0xC0) == 0x80)
        n--;
    return n;
}

int md_subtitle_add(struct md_subtitle_track *track, const struct md_subtitle_event *timing,
                    const char *text, size_t n, const char *speaker, size_t speaker_n)
{
    if (track->events.n >= MD_SUBTITLE_MAX_EVENTS || track->bytes + n > MD_SUBTITLE_MAX_ALL_BYTES) {
        if (!track->full)
            md_subtitle_note(track, timing->line,
                             "more cues than any movie has (%zu, %zu bytes); "
                             "the rest is left out",
                             track->events.n, track->bytes);
        track->full = true;
        return MD_OK;
    }
    struct md_subtitle_event event = *timing;
    event.speaker = NULL;
    event.text = strndup(text, clip(text, n, MD_SUBTITLE_MAX_TEXT_BYTES));
    if (event.text && speaker && speaker_n > 0)
        event.speaker = strndup(speaker, clip(speaker, speaker_n, 128));
    track->bytes += n;
    if (!event.text || (speaker && speaker_n > 0 && !event.speaker) ||
        md_vec_push(&track->events, event) < 0) {
        md_subtitle_event_done(&event);
        return MD_ERR_NOMEM;
    }
    return MD_OK;
}

void md_subtitle_event_done(struct md_subtitle_event *event)
{
    free(event->text);
    free(event->speaker);
    event->text = event->speaker = NULL;
}

void md_subtitle_track_done(struct md_subtitle_track *track)
{
    for (size_t i = 0; i < track->events.n; i++)
        md_subtitle_event_done(&track->events.v[i]);
    for (size_t i = 0; i < track->notes.n; i++)
        free(track->notes.v[i]);
    md_vec_done(&track->events);
    md_vec_done(&track->notes);
}
