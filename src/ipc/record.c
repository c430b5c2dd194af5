/* Text all the way: a record can be read in a debugger, has no byte order and no versions of
 * structs, and at some hundred records a second its cost does not matter. */
#include "ipc/record.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void append_string(struct md_str *bytes, const char *text)
{
    md_str_append_n(bytes, text, strlen(text) + 1);
}

void md_record_begin(struct md_record *record, const char *type)
{
    static const char header[MD_FRAME_HEADER];
    assert(*type && strlen(type) <= MD_RECORD_WORD_MAX);
    md_str_clear(&record->bytes);
    md_str_append_n(&record->bytes, header, sizeof header);
    append_string(&record->bytes, type);
}

void md_record_add(struct md_record *record, const char *key, const char *value)
{
    assert(*key && strlen(key) <= MD_RECORD_WORD_MAX);
    append_string(&record->bytes, key);
    append_string(&record->bytes, value);
}

void md_record_add_int(struct md_record *record, const char *key, int64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, value);
    md_record_add(record, key, text);
}

int md_record_finish(struct md_record *record, const char **ret_frame, size_t *ret_size)
{
    struct md_str *bytes = &record->bytes;
    if (md_str_failed(bytes))
        return MD_ERR_NOMEM;
    size_t size = bytes->n - MD_FRAME_HEADER;
    if (size > MD_RECORD_MAX)
        return MD_ERR_INPUT;
    for (int i = 0; i < MD_FRAME_HEADER; i++)
        bytes->s[i] = (char)(size >> (8 * i) & 0xFF);
    *ret_frame = bytes->s;
    *ret_size = bytes->n;
    return MD_OK;
}

void md_record_done(struct md_record *record)
{
    md_str_done(&record->bytes);
}

static bool is_word(const char *text)
{
    size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-_.");
    return n > 0 && n <= MD_RECORD_WORD_MAX && text[n] == '\0';
}

int md_record_parse(const char *bytes, size_t size, struct md_record_view *ret_view)
{
    if (size == 0 || size > MD_RECORD_MAX || bytes[size - 1] != '\0' || !is_word(bytes))
        return MD_ERR_INPUT;
    size_t first = strlen(bytes) + 1;
    for (size_t at = first; at < size;) {
        if (!is_word(bytes + at))
            return MD_ERR_INPUT;
        at += strlen(bytes + at) + 1;
        if (at >= size) /* a key without a value */
            return MD_ERR_INPUT;
        at += strlen(bytes + at) + 1;
    }
    *ret_view =
        (struct md_record_view){.type = bytes, .pairs = bytes + first, .pairs_size = size - first};
    return MD_OK;
}

bool md_record_next(const struct md_record_view *view, size_t *position, const char **ret_key,
                    const char **ret_value)
{
    if (*position >= view->pairs_size)
        return false;
    const char *key = view->pairs + *position;
    const char *value = key + strlen(key) + 1;
    *position = (size_t)(value + strlen(value) + 1 - view->pairs);
    *ret_key = key;
    *ret_value = value;
    return true;
}

const char *md_record_get(const struct md_record_view *view, const char *key)
{
    const char *found, *value;
    for (size_t at = 0; md_record_next(view, &at, &found, &value);)
        if (strcmp(found, key) == 0)
            return value;
    return NULL;
}

int md_record_get_int(const struct md_record_view *view, const char *key, int64_t min, int64_t max,
                      int64_t *ret)
{
    const char *text = md_record_get(view, key);
    if (!text)
        return MD_ERR_NOTFOUND;
    /* strtoll also takes leading blanks and '+', which we never write. */
    if (!(*text == '-' || (*text >= '0' && *text <= '9')))
        return MD_ERR_INPUT;
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno || *end || end == text || value < min || value > max)
        return MD_ERR_INPUT;
    *ret = value;
    return MD_OK;
}

enum { READER_BYTES = MD_FRAME_HEADER + MD_RECORD_MAX };

/* Size of the frame at the front, header included; 0 while the header is not complete. */
static size_t frame_size(const struct md_frame_reader *reader)
{
    const unsigned char *p = (const unsigned char *)reader->bytes + reader->taken;
    if (reader->size - reader->taken < MD_FRAME_HEADER)
        return 0;
    uint32_t size = p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
    return MD_FRAME_HEADER + (size_t)size;
}

int md_frame_room(struct md_frame_reader *reader, char **ret_room, size_t *ret_room_size)
{
    if (!reader->bytes) {
        reader->bytes = malloc(READER_BYTES);
        if (!reader->bytes)
            return MD_ERR_NOMEM;
    }
    if (reader->taken > 0) {
        memmove(reader->bytes, reader->bytes + reader->taken, reader->size - reader->taken);
        reader->size -= reader->taken;
        reader->taken = 0;
    }
    *ret_room = reader->bytes + reader->size;
    *ret_room_size = READER_BYTES - reader->size;
    return MD_OK;
}

void md_frame_filled(struct md_frame_reader *reader, size_t n)
{
    assert(n <= READER_BYTES - reader->size);
    reader->size += n;
}

int md_frame_next(struct md_frame_reader *reader, struct md_record_view *ret_view)
{
    if (!reader->bytes)
        return 0;
    size_t size = frame_size(reader);
    if (size == 0)
        return 0;
    if (size > READER_BYTES)
        return MD_ERR_INPUT;
    if (reader->size - reader->taken < size)
        return 0;
    const char *bytes = reader->bytes + reader->taken + MD_FRAME_HEADER;
    int r = md_record_parse(bytes, size - MD_FRAME_HEADER, ret_view);
    if (r < 0)
        return r;
    reader->taken += size;
    return 1;
}

void md_frame_reader_done(struct md_frame_reader *reader)
{
    free(reader->bytes);
    *reader = (struct md_frame_reader){0};
}
