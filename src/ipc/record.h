/* Records: what workers and the main program say to each other.
 *
 * A record is a type and key/value pairs, as NUL-ended strings one after the other:
 *     type \0 key \0 value \0 key \0 value \0 ...
 * Values hold any bytes but NUL, so paths need no escaping. Types and keys are lower-case words.
 * On the wire a record is a frame: its size as 32 bits, little-endian, then its bytes. Bulk data
 * never goes this way: a record has at most MD_RECORD_MAX bytes.
 */
#ifndef MD_IPC_RECORD_H
#define MD_IPC_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"

enum {
    MD_RECORD_MAX = 64 * 1024,
    MD_FRAME_HEADER = 4,
    MD_RECORD_WORD_MAX = 32, /* longest type or key */
};

/* A record being written. Zero is empty; errors are remembered until md_record_finish. */
struct md_record {
    struct md_str bytes; /* the frame, header included */
};

/* Starts anew, keeping the memory. */
void md_record_begin(struct md_record *record, const char *type);
void md_record_add(struct md_record *record, const char *key, const char *value);
void md_record_add_int(struct md_record *record, const char *key, int64_t value);
/* Completes the header. *ret_frame points into the record. MD_ERR_NOMEM, MD_ERR_INPUT (too long).
 */
int md_record_finish(struct md_record *record, const char **ret_frame, size_t *ret_size);
void md_record_done(struct md_record *record);

#define md_autorecord __attribute__((cleanup(md_record_done))) struct md_record

/* A record being read; points into the bytes it was parsed from. */
struct md_record_view {
    const char *type;
    const char *pairs; /* the first key */
    size_t pairs_size;
};

/* Checks the whole form, so that everything below is safe. MD_ERR_INPUT. */
int md_record_parse(const char *bytes, size_t size, struct md_record_view *ret_view);

/* The value of a key's first occurrence, or NULL. */
const char *md_record_get(const struct md_record_view *view, const char *key);

/* The same as a whole number in [min, max]. MD_ERR_NOTFOUND, MD_ERR_INPUT; *ret untouched then. */
int md_record_get_int(const struct md_record_view *view, const char *key, int64_t min, int64_t max,
                      int64_t *ret);

/* Walks the pairs: start with *position = 0; false at the end. */
bool md_record_next(const struct md_record_view *view, size_t *position, const char **ret_key,
                    const char **ret_value);

/* Takes bytes as they come and gives whole records. Never holds more than one frame and what came
 * with it. Zero is a valid start. */
struct md_frame_reader {
    char *bytes; /* MD_FRAME_HEADER + MD_RECORD_MAX once used */
    size_t size, taken;
};

/* Where the next bytes are to be put, and how many fit; *ret_room is 0 only while a whole record
 * waits for md_frame_next. MD_ERR_NOMEM. Afterwards tell how many came with md_frame_filled. */
int md_frame_room(struct md_frame_reader *reader, char **ret_room, size_t *ret_room_size);
void md_frame_filled(struct md_frame_reader *reader, size_t n);

/* 1: *ret_view is a record, valid until the next call on the reader. 0: more bytes are needed.
 * MD_ERR_INPUT: this is no stream of records; there is no way on. */
int md_frame_next(struct md_frame_reader *reader, struct md_record_view *ret_view);

void md_frame_reader_done(struct md_frame_reader *reader);

#endif
