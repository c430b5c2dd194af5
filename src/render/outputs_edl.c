/* Edit decision lists: CMX 3600 for editing programs, and mpv's own, with which a player shows the
 * digest from the original file without rendering anything.
 *
 * Time code at 29.97 and 59.94 is drop frame (SMPTE ST 12-1: two or four numbers skipped each
 * minute except every tenth), as editors expect of such material; 23.976 has no drop-frame form.
 */
#include "render/outputs_edl.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "render/outputs_private.h"
#include "render/outputs_text.h"

static int64_t rounded(int64_t num, int64_t den)
{
    int64_t n = (2 * num + den) / (2 * den);
    return MD_MAX(n, 1);
}

struct md_timecode_rate md_timecode_rate_of(int64_t fps_num, int64_t fps_den)
{
    enum { MOST = 60, USUAL = 25 };
    struct md_timecode_rate rate = {.fps_num = fps_num, .fps_den = fps_den};
    if (fps_num <= 0 || fps_den <= 0 || fps_num / fps_den > 1000)
        rate = (struct md_timecode_rate){.fps_num = USUAL, .fps_den = 1};
    int64_t whole = rounded(rate.fps_num, rate.fps_den);
    rate.fps_den *= (whole + MOST - 1) / MOST; /* time code has two digits for frames */
    rate.nominal = (int)rounded(rate.fps_num, rate.fps_den);
    rate.drop_frame = rate.fps_den % 1001 == 0 && (rate.nominal == 30 || rate.nominal == 60);
    return rate;
}

int64_t md_timecode_frame(const struct md_timecode_rate *rate, int64_t us)
{
    __int128 scaled = (__int128)MD_MAX(us, 0) * rate->fps_num;
    __int128 unit = (__int128)rate->fps_den * MD_SECOND_US;
    return (int64_t)((scaled + unit / 2) / unit);
}

char *md_timecode_format(char out[16], const struct md_timecode_rate *rate, int64_t frame)
{
    int64_t number = MD_MAX(frame, 0), per_second = rate->nominal;
    if (rate->drop_frame) {
        int64_t dropped = rate->nominal / 15; /* 2 or 4 */
        int64_t minute = 60 * per_second - dropped;
        int64_t ten_minutes = 10 * minute + dropped;
        int64_t tens = number / ten_minutes, rest = number % ten_minutes;
        number += tens * 9 * dropped;
        if (rest >= dropped)
            number += dropped * ((rest - dropped) / minute);
    }
    int64_t seconds = number / per_second;
    snprintf(out, 16, "%02u:%02u:%02u%c%02u", (unsigned)(seconds / 3600 % 24),
             (unsigned)(seconds / 60 % 60), (unsigned)(seconds % 60), rate->drop_frame ? ';' : ':',
             (unsigned)(number % per_second) % 100);
    return out;
}

/* Eight capitals and digits, as CMX 3600 has them. */
static void reel_name(char out[9], const char *name)
{
    size_t n = 0;
    for (const char *dot = name ? strrchr(name, '.') : NULL; name && *name && name != dot && n < 8;
         name++) {
        char c = (char)(*name >= 'a' && *name <= 'z' ? *name - 32 : *name);
        if ((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
            out[n++] = c;
    }
    out[n] = '\0';
    if (n == 0)
        memcpy(out, "MOVIE", 6);
}

static void append_comment(struct md_str *out, const char *key, const char *text)
{
    md_str_printf(out, "* %s: ", key);
    md_text_plain(out, text);
    md_str_append_char(out, '\n');
}

static void append_event(struct md_str *out, const struct md_outputs *o,
                         const struct md_timecode_rate *rate, size_t i, int64_t *record)
{
    char reel[9], times[4][16];
    struct md_output_piece at = o->pieces[i];
    int64_t start = md_timecode_frame(rate, at.start_us);
    int64_t end = MD_MAX(md_timecode_frame(rate, at.end_us), start + 1);
    reel_name(reel, o->media->name);
    md_str_printf(out, "%03zu  %-8s %-5s C        %s %s %s %s\n", i + 1, reel,
                  !o->video  ? "AA"
                  : o->sound ? "AA/V"
                             : "V",
                  md_timecode_format(times[0], rate, start),
                  md_timecode_format(times[1], rate, end),
                  md_timecode_format(times[2], rate, *record),
                  md_timecode_format(times[3], rate, *record + end - start));
    *record += end - start;
    append_comment(out, "FROM CLIP NAME", o->media->name);
    if (at.piece)
        for (size_t k = 0; k < at.piece->reasons.n && k < 3; k++)
            append_comment(out, "COMMENT", at.piece->reasons.v[k]);
}

int md_output_cmx(struct md_str *out, const struct md_outputs *o)
{
    struct md_timecode_rate rate = o->video
                                       ? md_timecode_rate_of(o->video->fps_num, o->video->fps_den)
                                       : md_timecode_rate_of(0, 1);
    md_str_append(out, "TITLE: ");
    md_text_plain(out, o->title);
    md_str_printf(out, "\nFCM: %sDROP FRAME\n", rate.drop_frame ? "" : "NON-");
    md_str_printf(out, "* FRAME RATE: %" PRId64 "/%" PRId64 "%s\n\n", rate.fps_num, rate.fps_den,
                  o->video && o->video->variable_frame_rate ? " (average of a variable rate)" : "");
    /* Programs start at hour one by custom, so that trims before the start stay positive. */
    int64_t record = (int64_t)rate.nominal * 3600;
    if (rate.drop_frame)
        record -= (int64_t)54 * rate.nominal / 15; /* numbers dropped in an hour */
    for (size_t i = 0; i < o->piece_count; i++)
        append_event(out, o, &rate, i, &record);
    return MD_OK;
}

static int hex_value(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
}

/* The path inside a file:// URI, as bytes. */
static void decode_path(struct md_str *out, const char *uri)
{
    static const char scheme[] = "file://";
    if (strncmp(uri, scheme, sizeof scheme - 1) == 0)
        uri += sizeof scheme - 1;
    for (; *uri; uri++) {
        int hi = *uri == '%' ? hex_value(uri[1]) : -1, lo = hi >= 0 ? hex_value(uri[2]) : -1;
        if (lo >= 0 && hi * 16 + lo != 0) {
            md_str_append_char(out, (char)(hi * 16 + lo));
            uri += 2;
        } else {
            md_str_append_char(out, *uri);
        }
    }
}

int md_output_mpv_edl(struct md_str *out, const struct md_outputs *o)
{
    md_autostr path = {0};
    decode_path(&path, o->media->uri ? o->media->uri : "");
    if (md_str_failed(&path))
        return MD_ERR_NOMEM;
    md_str_append(out, "# mpv EDL v0\n");
    for (size_t i = 0; i < o->piece_count; i++) {
        struct md_output_piece at = o->pieces[i];
        /* %n% says how many bytes follow, so that any path needs no escaping. */
        md_str_printf(out, "%%%zu%%", path.n);
        md_str_append_n(out, md_str_text(&path), path.n);
        md_str_printf(out, ",%.6f,%.6f\n", (double)at.start_us / 1e6,
                      (double)(at.end_us - at.start_us) / 1e6);
    }
    return MD_OK;
}
