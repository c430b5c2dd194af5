/* Any bytes go through what a subtitle file beside a movie goes through: character set, format,
 * markup, tidying, speakers; and out again as SRT and WebVTT. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "model/subtitles.h"
#include "transcript/candidate.h"
#include "transcript/speech.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
    if (!condition)
        abort();
}

/* What transcript.h promises of every cue. */
static void check_cues(const struct md_cue_vec *cues, int64_t duration_us)
{
    for (size_t i = 0; i < cues->n; i++) {
        const struct md_cue *cue = &cues->v[i];
        size_t n = strlen(cue->text);
        require(n > 0 && md_utf8_is_valid(cue->text, n));
        for (size_t k = 0; k < n; k++)
            require((unsigned char)cue->text[k] >= 0x20 || cue->text[k] == '\n');
        require(!cue->speaker || (*cue->speaker && !strchr(cue->speaker, '\n') &&
                                  md_utf8_is_valid(cue->speaker, strlen(cue->speaker))));
        require(cue->start_us >= 0 && cue->end_us >= cue->start_us);
        require(duration_us == 0 || cue->end_us <= duration_us);
        require(i == 0 || cue->start_us >= cues->v[i - 1].start_us);
    }
}

static void check_writers(const struct md_cue_vec *cues)
{
    md_autostr srt = {0}, vtt = {0};
    md_subtitles_write_srt(&srt, cues);
    md_subtitles_write_vtt(&vtt, cues, "en");
    require(md_utf8_is_valid(md_str_text(&srt), srt.n));
    require(md_utf8_is_valid(md_str_text(&vtt), vtt.n));
}

/* Guessing the character set takes far longer than all the rest: of the inputs that are not UTF-8,
 * only those of every eighth length are guessed at, the others made ASCII. */
static char *prepare(const uint8_t *data, size_t size)
{
    char *bytes = malloc(size + 1);
    require(bytes != NULL);
    if (size)
        memcpy(bytes, data, size);
    bytes[size] = '\0';
    if (size % 8 != 0 && !md_utf8_is_valid(bytes, size))
        for (size_t i = 0; i < size; i++)
            bytes[i] &= 0x7F;
    return bytes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *bytes = prepare(data, size);
    struct md_subtitle_track track = {.name = "fuzz", .unit = "line"};
    struct md_cue_vec cues = {0};
    /* Two lives of the same bytes: a movie of unknown length, and one of a minute. */
    for (int64_t duration_us = 0; duration_us <= 60000000; duration_us += 60000000) {
        int r = md_candidate_load_bytes(&track, bytes, size, NULL, duration_us);
        require(r == MD_OK || r == MD_ERR_NOMEM);
        if (r == MD_OK)
            r = md_speech_split(&track, &cues);
        if (r == MD_OK) {
            check_cues(&cues, duration_us);
            check_writers(&cues);
        }
        for (size_t i = 0; i < cues.n; i++) {
            free(cues.v[i].text);
            free(cues.v[i].speaker);
        }
        md_vec_done(&cues);
        md_subtitle_track_done(&track);
        track = (struct md_subtitle_track){.name = "fuzz", .unit = "line"};
    }
    free(bytes);
    return 0;
}
