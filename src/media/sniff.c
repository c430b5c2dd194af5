/* A table of magic numbers and one rule for text. FFmpeg's own probing says what a movie is; this
 * only names what is not one, so that the person reads "it holds text" rather than "invalid data
 * found", and keeps such files from ever reaching a demuxer. */
#include "media/sniff.h"

#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/utf8.h"

struct magic {
    size_t offset;
    const char *bytes;
    size_t n;
    const char *words;
};

#define MAGIC(at, text, words)                                                                     \
    {                                                                                              \
        at, text, sizeof text - 1, words                                                           \
    }
static const struct magic magics[] = {
    MAGIC(0, "#EXTM3U", "a playlist"),
    MAGIC(0, "ffconcat version", "a playlist"),
    MAGIC(0, "[playlist]", "a playlist"),
    MAGIC(0, "PK\3\4", "a ZIP archive"),
    MAGIC(0, "PK\5\6", "a ZIP archive"),
    MAGIC(0, "Rar!\x1a\7", "a RAR archive"),
    MAGIC(0, "7z\xbc\xaf\x27\x1c", "a 7z archive"),
    MAGIC(0, "\x1f\x8b\x08", "a gzip archive"),
    MAGIC(0, "BZh", "a bzip2 archive"),
    MAGIC(0,
          "\xfd"
          "7zXZ\0",
          "an xz archive"),
    MAGIC(0, "\x28\xb5\x2f\xfd", "a zstd archive"),
    MAGIC(257, "ustar", "a tar archive"),
    MAGIC(0, "\xff\xd8\xff\xe0", "a JPEG picture"),
    MAGIC(0, "\xff\xd8\xff\xe1", "a JPEG picture"),
    MAGIC(0, "\x89PNG\r\n\x1a\n", "a PNG picture"),
    MAGIC(0, "GIF87a", "a GIF picture"),
    MAGIC(0, "GIF89a", "a GIF picture"),
    MAGIC(0, "II*\0", "a TIFF picture"),
    MAGIC(0, "MM\0*", "a TIFF picture"),
    MAGIC(8, "WEBPVP8", "a WebP picture"),
    MAGIC(4, "ftypheic", "a HEIF picture"),
    MAGIC(4, "ftypheix", "a HEIF picture"),
    MAGIC(4, "ftypmif1", "a HEIF picture"),
    MAGIC(4, "ftypavif", "an AVIF picture"),
    MAGIC(0, "%PDF-", "a PDF document"),
    MAGIC(0,
          "\x7f"
          "ELF",
          "a program"),
    MAGIC(0, "SQLite format 3", "a database"),
    MAGIC(0, "d8:announce", "a torrent description, not the movie itself"),
    MAGIC(0, "d13:announce", "a torrent description, not the movie itself"),
};

static bool is_text_control(uint8_t c)
{
    return (c < 0x20 && c != '\t' && c != '\n' && c != '\r' && c != '\f' && c != 0x1b) || c == 0x7f;
}

/* No control characters at all; then UTF-8, or mostly printable in some 8-bit encoding. */
static bool is_text(const uint8_t *head, size_t n)
{
    if (n >= 2 && ((head[0] == 0xff && head[1] == 0xfe) || (head[0] == 0xfe && head[1] == 0xff))) {
        /* UTF-16: half of the bytes of Western text are zero; MPEG audio (ff fe) has no such run */
        size_t zeros = 0;
        for (size_t i = 2; i < n; i++)
            zeros += head[i] == 0;
        return n >= 4 && zeros * 3 >= n - 2 && zeros * 3 <= (n - 2) * 2;
    }
    size_t high = 0;
    for (size_t i = 0; i < n; i++) {
        if (is_text_control(head[i]))
            return false;
        high += head[i] >= 0x80;
    }
    if (n == 0)
        return false;
    /* a character cut in half by the end of the sample takes up to three bytes */
    for (size_t cut = 0; cut < 4 && cut < n; cut++)
        if (md_utf8_is_valid((const char *)head, n - cut))
            return true;
    return high * 2 < n;
}

const char *md_sniff_other(const uint8_t *head, size_t n)
{
    for (size_t i = 0; i < MD_ARRAY_LEN(magics); i++) {
        const struct magic *m = &magics[i];
        if (n >= m->offset + m->n && memcmp(head + m->offset, m->bytes, m->n) == 0)
            return m->words;
    }
    /* raw video has a text header */
    if (n >= 9 && memcmp(head, "YUV4MPEG2", 9) == 0)
        return NULL;
    return is_text(head, n) ? "text" : NULL;
}

bool md_sniff_is_zeros(const uint8_t *head, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (head[i])
            return false;
    return n > 0;
}

static uint64_t read_be(const uint8_t *p, int n)
{
    uint64_t value = 0;
    for (int i = 0; i < n; i++)
        value = value << 8 | p[i];
    return value;
}

/* Box layout: ISO/IEC 14496-12, 4.2: size, type, and a 64-bit size when size is 1; size 0 means to
 * the end of the file. */
struct md_sniff_boxes md_sniff_iso_boxes(int fd, int64_t size_bytes)
{
    struct md_sniff_boxes boxes = {0};
    int64_t at = 0;
    for (int i = 0; i < 10000 && at < size_bytes; i++) {
        uint8_t head[16];
        ssize_t n = pread(fd, head, sizeof head, at);
        if (n < 8) {
            boxes.cut_off = true;
            break;
        }
        uint64_t size = read_be(head, 4);
        if (size == 1)
            size = n == 16 ? read_be(head + 8, 8) : 0;
        else if (size == 0)
            size = (uint64_t)(size_bytes - at);
        boxes.has_ftyp |= memcmp(head + 4, "ftyp", 4) == 0;
        boxes.has_mdat |= memcmp(head + 4, "mdat", 4) == 0;
        boxes.has_moof |= memcmp(head + 4, "moof", 4) == 0;
        bool fits = size >= 8 && size <= (uint64_t)(size_bytes - at);
        boxes.has_moov |= fits && memcmp(head + 4, "moov", 4) == 0;
        if (!fits) {
            boxes.cut_off = true;
            break;
        }
        at += (int64_t)size;
    }
    return boxes;
}
