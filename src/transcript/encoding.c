/* Each candidate character set decodes a sample, and the decoding is judged as language: a wrong
 * set gives words no language has. That separates even sets that share most of their bytes
 * (Windows-1250, -1252 and -1254) and needs no statistics per set. UTF-8 is recognised by its own
 * form, as no other text has it by chance.
 */
#include "transcript/encoding.h"

#include <iconv.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/utf8.h"
#include "model/language.h"
#include "transcript/recognise.h"

enum { SAMPLE_BYTES = 128 * 1024 };

static const char replacement[] = "\xEF\xBF\xBD";

/* In the order in which ties are decided. */
static const struct candidate {
    const char *name, *languages;
} candidates[] = {
    {"WINDOWS-1252", "en de fr es it pt nl sv da no fi id"},
    {"WINDOWS-1250", "pl cs sk hu ro hr sl de"},
    {"WINDOWS-1251", "ru uk bg sr"},
    {"WINDOWS-1253", "el"},
    {"WINDOWS-1254", "tr"},
    {"WINDOWS-1255", "he"},
    {"WINDOWS-1256", "ar fa"},
    {"WINDOWS-1257", "lt lv et"},
    {"WINDOWS-1258", "vi"},
    {"ISO-8859-2", "pl cs sk hu ro hr sl"},
    {"ISO-8859-15", "fr fi et"},
    {"ISO-8859-7", "el"},
    {"KOI8-R", "ru"},
    {"KOI8-U", "uk"},
    {"CP866", "ru"},
    {"CP850", "de fr es it pt nl sv da no fi"},
    {"CP852", "pl cs sk hu hr"},
    {"CP874", "th"},
    {"CP932", "ja"}, /* Shift-JIS as Windows writes it */
    {"EUC-JP", "ja"},
    {"ISO-2022-JP", "ja"},
    {"GB18030", "zh"}, /* holds GBK and GB2312 */
    {"BIG5-HKSCS", "zh"},
    {"CP949", "ko"}, /* holds EUC-KR */
};

struct buffer {
    char *s;
    size_t n, cap;
};

static int put(struct buffer *out, const char *bytes, size_t n)
{
    if (out->n + n + 1 > out->cap) {
        size_t cap = MD_MAX(out->cap * 2, out->n + n + 1);
        char *bigger = realloc(out->s, cap);
        if (!bigger)
            return MD_ERR_NOMEM;
        out->s = bigger;
        out->cap = cap;
    }
    memcpy(out->s + out->n, bytes, n);
    out->n += n;
    out->s[out->n] = '\0';
    return MD_OK;
}

/* Decodes everything; bytes that do not fit become U+FFFD and are counted. MD_ERR_UNSUPPORTED when
 * the system lacks the character set. */
static int decode(const char *name, const char *bytes, size_t n, struct buffer *out,
                  size_t *ret_replaced)
{
    iconv_t cd = iconv_open("UTF-8", name);
    if (cd == (iconv_t)-1)
        return MD_ERR_UNSUPPORTED;
    char chunk[4096];
    char *in = (char *)bytes;
    size_t left = n, replaced = 0;
    int r = put(out, "", 0);
    while (r == MD_OK && left > 0) {
        char *to = chunk;
        size_t room = sizeof chunk;
        size_t rc = iconv(cd, &in, &left, &to, &room);
        int why = rc == (size_t)-1 ? errno : 0;
        r = put(out, chunk, sizeof chunk - room);
        if (r == MD_OK && (why == EILSEQ || why == EINVAL)) {
            r = put(out, replacement, 3);
            replaced++;
            in++;
            left--;
            iconv(cd, NULL, NULL, NULL, NULL);
        }
    }
    iconv_close(cd);
    *ret_replaced = replaced;
    return r;
}

/* Copies what is valid; *ret_replaced counts what is not, *ret_multi the characters beyond ASCII.
 */
static int copy_utf8(const char *bytes, size_t n, struct buffer *out, size_t *ret_replaced,
                     size_t *ret_multi)
{
    size_t start = 0, replaced = 0, multi = 0;
    int r = put(out, "", 0);
    for (size_t i = 0; r == MD_OK && i < n;) {
        uint32_t cp;
        size_t used = md_utf8_decode(bytes + i, n - i, &cp);
        multi += used > 1;
        if (used == 0) {
            r = put(out, bytes + start, i - start);
            if (r == MD_OK)
                r = put(out, replacement, 3);
            replaced++;
            start = i + 1;
        }
        i += used ? used : 1;
    }
    if (r == MD_OK)
        r = put(out, bytes + start, n - start);
    *ret_replaced = replaced;
    *ret_multi = multi;
    return r;
}

/* UTF-16 without a mark: in subtitles digits and blanks make every second byte zero. */
static const char *sniff_utf16(const char *bytes, size_t n)
{
    size_t zeros[2] = {0}, look = MD_MIN(n, (size_t)4096) & ~(size_t)1;
    for (size_t i = 0; i < look; i++)
        zeros[i & 1] += bytes[i] == '\0';
    if (look < 8 || (zeros[0] + zeros[1]) * 8 < look)
        return NULL;
    return zeros[1] > zeros[0] * 4 ? "UTF-16LE" : zeros[0] > zeros[1] * 4 ? "UTF-16BE" : NULL;
}

static const char *sniff_mark(const char *bytes, size_t n, size_t *ret_skip)
{
    static const struct {
        const char *name, *mark;
        size_t n;
    } marks[] = {{"UTF-32LE", "\xFF\xFE\0\0", 4}, {"UTF-32BE", "\0\0\xFE\xFF", 4},
                 {"UTF-8", "\xEF\xBB\xBF", 3},    {"UTF-16LE", "\xFF\xFE", 2},
                 {"UTF-16BE", "\xFE\xFF", 2},     {"GB18030", "\x84\x31\x95\x33", 4}};
    for (size_t i = 0; i < MD_ARRAY_LEN(marks); i++) {
        if (n >= marks[i].n && memcmp(bytes, marks[i].mark, marks[i].n) == 0) {
            *ret_skip = marks[i].n;
            return marks[i].name;
        }
    }
    return NULL;
}

/* The sample ends at a line end, so that it cuts no character in half: no multi-byte character of
 * any candidate has 0x0A in it. */
static size_t sample_size(const char *bytes, size_t n)
{
    if (n <= SAMPLE_BYTES || !bytes)
        return n;
    const char *end = memrchr(bytes, '\n', SAMPLE_BYTES);
    return end ? (size_t)(end - bytes) : SAMPLE_BYTES;
}

static double judge(const struct md_recogniser *recogniser, const struct candidate *candidate,
                    const char *bytes, size_t n, const char *hint)
{
    struct buffer out = {0};
    size_t replaced = 0;
    double score = -1;
    if (decode(candidate->name, bytes, n, &out, &replaced) == MD_OK) {
        struct md_language_guess guess =
            md_recogniser_guess(recogniser, out.s, out.n, candidate->languages);
        score = guess.score - 20.0 * (double)replaced / (double)MD_MAX(n, (size_t)1);
        if (md_language_rank(hint, guess.code) >= 0)
            score += 0.03;
    }
    free(out.s);
    return score;
}

static const struct candidate *choose(const char *bytes, size_t n, const char *hint,
                                      double *ret_score)
{
    const struct candidate *best = NULL;
    size_t sample = sample_size(bytes, n);
    *ret_score = 0;
    struct md_recogniser *recogniser = md_recogniser_new();
    bool escapes = memchr(bytes, '\x1B', sample) != NULL;
    for (size_t i = 0; recogniser && i < MD_ARRAY_LEN(candidates); i++) {
        if (strcmp(candidates[i].name, "ISO-2022-JP") == 0 && !escapes)
            continue;
        double score = judge(recogniser, &candidates[i], bytes, sample, hint);
        if (score > *ret_score + 0.002) {
            *ret_score = score;
            best = &candidates[i];
        }
    }
    md_recogniser_free(recogniser);
    return best;
}

/* NULs would end the text early, and say nothing. */
static void take_result(struct buffer *out, struct md_encoding_result *ret)
{
    for (size_t i = 0; i < out->n; i++)
        if (out->s[i] == '\0')
            out->s[i] = ' ';
    ret->text = out->s;
    ret->n = out->n;
}

static bool is_ascii(const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)bytes[i] >= 0x80 || bytes[i] == '\x1B')
            return false;
    return true;
}

static int decode_unmarked(const char *bytes, size_t n, const char *hint,
                           struct md_encoding_result *result, struct buffer *out)
{
    size_t multi = 0;
    int r = copy_utf8(bytes, n, out, &result->replaced, &multi);
    /* A few broken places (a cut-off end, a pasted line) do not make UTF-8 something else. */
    bool utf8 = result->replaced == 0 || multi > result->replaced * 10;
    result->name = "UTF-8";
    if (r < 0 || (utf8 && !memchr(bytes, '\x1B', n)))
        return r;
    double score = 0;
    const struct candidate *best = choose(bytes, n, hint, &score);
    if (utf8 && (!best || strcmp(best->name, "ISO-2022-JP") != 0))
        return MD_OK; /* UTF-8 with a stray escape character */
    result->guessed_badly = !best || score < 0.02;
    result->name = best ? best->name : candidates[0].name;
    out->n = 0;
    return decode(result->name, bytes, n, out, &result->replaced);
}

int md_encoding_decode(const char *bytes, size_t n, const char *hint,
                       struct md_encoding_result *ret)
{
    struct md_encoding_result result = {0};
    struct buffer out = {0};
    size_t skip = 0, multi = 0;
    int r = MD_OK;
    const char *name = sniff_mark(bytes, n, &skip);
    if (!name && !is_ascii(bytes, n))
        name = sniff_utf16(bytes, n);
    else if (!name && memchr(bytes, '\0', n))
        name = sniff_utf16(bytes, n);
    result.name = name;
    if (!name)
        r = decode_unmarked(bytes, n, hint, &result, &out);
    else if (strcmp(name, "UTF-8") == 0)
        r = copy_utf8(bytes + skip, n - skip, &out, &result.replaced, &multi);
    else
        r = decode(name, bytes + skip, n - skip, &out, &result.replaced);
    if (r < 0) {
        free(out.s);
        return r == MD_ERR_UNSUPPORTED ? MD_ERR_EXTERNAL : r;
    }
    take_result(&out, &result);
    *ret = result;
    return MD_OK;
}
