/* Ways back into the original movie: a playlist for VLC and chapters for FFmpeg. */
#include <inttypes.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "render/outputs_private.h"
#include "render/outputs_text.h"

struct playlist {
    struct md_str *out;
    const struct md_outputs *o;
    int tracks;
};

/* The URI is percent-encoded ASCII already (model/media.h). start-time and stop-time are the two
 * options VLC takes from a playlist without asking; they are in seconds. */
static void append_track(struct playlist *list, const char *title, const char *comment,
                         int64_t start_us, int64_t end_us)
{
    struct md_str *out = list->out;
    md_str_append(out, "    <track>\n      <location>");
    md_text_xml(out, list->o->media->uri);
    md_str_append(out, "</location>\n      <title>");
    md_text_xml(out, title);
    md_str_append(out, "</title>\n");
    if (comment && *comment) {
        md_str_append(out, "      <annotation>");
        md_text_xml(out, comment);
        md_str_append(out, "</annotation>\n");
    }
    md_str_printf(out,
                  "      <duration>%" PRId64 "</duration>\n"
                  "      <extension application=\"http://www.videolan.org/vlc/playlist/0\">\n"
                  "        <vlc:id>%d</vlc:id>\n"
                  "        <vlc:option>start-time=%.3f</vlc:option>\n"
                  "        <vlc:option>stop-time=%.3f</vlc:option>\n"
                  "      </extension>\n    </track>\n",
                  (end_us - start_us) / 1000, list->tracks++, (double)start_us / 1e6,
                  (double)end_us / 1e6);
}

static void append_pieces(struct playlist *list)
{
    const struct md_outputs *o = list->o;
    for (size_t i = 0; i < o->piece_count; i++) {
        struct md_output_piece at = o->pieces[i];
        const struct md_segment *segment = md_outputs_segment_at(o, at.start_us);
        md_autostr title = {0};
        char time[24];
        md_str_printf(&title, "%zu. %s", i + 1, md_format_time(time, at.start_us));
        if (at.piece)
            md_str_printf(&title, " %s", md_act_titles[at.piece->act]);
        if (segment && segment->title)
            md_str_printf(&title, ": %s", segment->title);
        append_track(list, md_str_text(&title),
                     at.piece && at.piece->reasons.n ? at.piece->reasons.v[0] : NULL, at.start_us,
                     at.end_us);
        list->out->failed |= md_str_failed(&title);
    }
}

static void append_moments(struct playlist *list)
{
    const struct md_story *story = list->o->story;
    for (size_t i = 0; i < story->key_moments.n; i++) {
        const struct md_key_moment *moment = &story->key_moments.v[i];
        md_autostr title = {0};
        char time[24];
        md_str_printf(&title, "\xE2\x98\x85 %s %s", md_format_time(time, moment->time_us),
                      moment->kind ? moment->kind : "moment");
        if (moment->quote)
            md_str_printf(&title, ": %s", moment->quote);
        append_track(list, md_str_text(&title), moment->reason, moment->time_us,
                     MD_MAX(moment->end_us, moment->time_us + MD_SECOND_US));
        list->out->failed |= md_str_failed(&title);
    }
}

static void append_node(struct md_str *out, const char *title, int first, int end)
{
    if (first == end)
        return;
    md_str_printf(out, "    <vlc:node title=\"%s\">\n", title);
    for (int i = first; i < end; i++)
        md_str_printf(out, "      <vlc:item tid=\"%d\"/>\n", i);
    md_str_append(out, "    </vlc:node>\n");
}

int md_output_xspf(struct md_str *out, const struct md_outputs *o)
{
    struct playlist list = {out, o, 0};
    md_str_append(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                       "<playlist version=\"1\" xmlns=\"http://xspf.org/ns/0/\"\n"
                       "    xmlns:vlc=\"http://www.videolan.org/vlc/playlist/ns/0/\">\n  <title>");
    md_text_xml(out, o->title);
    md_str_append(out, "</title>\n  <trackList>\n");
    append_pieces(&list);
    int pieces = list.tracks;
    append_moments(&list);
    md_str_append(out, "  </trackList>\n"
                       "  <extension application=\"http://www.videolan.org/vlc/playlist/0\">\n");
    append_node(out, "Digest", 0, pieces);
    append_node(out, "Key moments", pieces, list.tracks);
    md_str_append(out, "  </extension>\n</playlist>\n");
    return MD_OK;
}

static void append_chapter(struct md_str *out, int64_t start_us, int64_t end_us, const char *title)
{
    if (end_us <= start_us)
        return;
    md_str_printf(out,
                  "\n[CHAPTER]\nTIMEBASE=1/1000000\nSTART=%" PRId64 "\nEND=%" PRId64 "\ntitle=",
                  start_us, end_us);
    md_text_ffmeta(out, title);
    md_str_append_char(out, '\n');
}

/* Chapter times are container time, while ours start at the first picture. */
static int64_t container_us(const struct md_outputs *o, int64_t movie_us)
{
    int64_t us = movie_us + o->media->clock_zero_us;
    return MD_MAX(us, 0);
}

int md_output_ffmeta(struct md_str *out, const struct md_outputs *o)
{
    md_str_append(out, ";FFMETADATA1\n"
                       "; ffmpeg -i MOVIE -i chapters.ffmeta -map 0 -map_metadata 0 "
                       "-map_chapters 1 -c copy OUT\ntitle=");
    md_text_ffmeta(out, o->title);
    md_str_append_char(out, '\n');
    size_t next = 0;
    for (size_t i = 0; i < o->story->segments.n; i++) {
        const struct md_segment *segment = &o->story->segments.v[i];
        for (; next < o->shots->credits.n && o->shots->credits.v[next].start_us < segment->start_us;
             next++)
            append_chapter(
                out, container_us(o, o->shots->credits.v[next].start_us),
                container_us(o, MD_MIN(o->shots->credits.v[next].end_us, segment->start_us)),
                "Credits");
        append_chapter(out, container_us(o, segment->start_us), container_us(o, segment->end_us),
                       segment->title ? segment->title : "Scene");
    }
    for (; next < o->shots->credits.n; next++) {
        int64_t story_end =
            o->story->segments.n ? o->story->segments.v[o->story->segments.n - 1].end_us : 0;
        append_chapter(out, container_us(o, MD_MAX(o->shots->credits.v[next].start_us, story_end)),
                       container_us(o, o->shots->credits.v[next].end_us), "Credits");
    }
    return MD_OK;
}
