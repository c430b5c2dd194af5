/* One table per struct gives its JSON writer, its validating reader and its destructor.
 *
 * A reader never trusts: unknown keys are ignored, missing keys keep the zero value unless the
 * row says required, numbers outside [min, max] and arrays longer than max are MD_ERR_INPUT.
 */
#ifndef MD_MODEL_CODEC_H
#define MD_MODEL_CODEC_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/vec.h"

enum md_field_kind {
    MD_FIELD_INT,     /* int64_t */
    MD_FIELD_BOOL,    /* bool */
    MD_FIELD_FLOAT,   /* float, written with six significant digits */
    MD_FIELD_DOUBLE,  /* double, written with six significant digits */
    MD_FIELD_STRING,  /* char *, owned; NULL is left out */
    MD_FIELD_ENUM,    /* int, written as a word from `names` */
    MD_FIELD_OBJECT,  /* a nested struct described by `fields` */
    MD_FIELD_OBJECTS, /* struct MD_VEC(some struct) described by `fields` */
    MD_FIELD_FLOATS,  /* struct md_floats */
    MD_FIELD_INTS,    /* struct md_ints */
    MD_FIELD_STRINGS, /* struct md_strings; elements owned */
};

struct md_floats MD_VEC(float);
struct md_ints MD_VEC(int64_t);
struct md_strings MD_VEC(char *);

struct md_field {
    const char *name;
    enum md_field_kind kind;
    size_t offset;
    bool required;
    int64_t min, max;              /* INT: range. Arrays and strings: max is the longest allowed */
    const char *const *names;      /* ENUM: NULL-ended */
    const struct md_field *fields; /* OBJECT, OBJECTS: ended by a row without a name */
    size_t element_size;           /* OBJECTS */
};

#define MD_F_INT(type, member, lo, hi)                                                             \
    {                                                                                              \
        .name = #member, .kind = MD_FIELD_INT, .offset = offsetof(type, member), .min = lo,        \
        .max = hi                                                                                  \
    }
#define MD_F_TIME(type, member) MD_F_INT(type, member, -MD_TIME_MAX_US, MD_TIME_MAX_US)
#define MD_F_BOOL(type, member)                                                                    \
    {                                                                                              \
        .name = #member, .kind = MD_FIELD_BOOL, .offset = offsetof(type, member)                   \
    }
#define MD_F_FLOAT(type, member)                                                                   \
    {                                                                                              \
        .name = #member, .kind = MD_FIELD_FLOAT, .offset = offsetof(type, member)                  \
    }
#define MD_F_DOUBLE(type, member)                                                                  \
    {                                                                                              \
        .name = #member, .kind = MD_FIELD_DOUBLE, .offset = offsetof(type, member)                 \
    }
#define MD_F_STRING(type, member)                                                                  \
    {                                                                                              \
        .name = #member, .kind = MD_FIELD_STRING, .offset = offsetof(type, member), .max = 65536   \
    }
#define MD_F_ENUM(type, member, words)                                                             \
    {                                                                                              \
        .name = #member, .kind = MD_FIELD_ENUM, .offset = offsetof(type, member), .names = words   \
    }
#define MD_F_OBJECT(type, member, table)                                                           \
    {                                                                                              \
        .name = #member, .kind = MD_FIELD_OBJECT, .offset = offsetof(type, member),                \
        .fields = table                                                                            \
    }
#define MD_F_OBJECTS(type, member, table, most)                                                    \
    {                                                                                              \
        .name = #member, .kind = MD_FIELD_OBJECTS, .offset = offsetof(type, member), .max = most,  \
        .fields = table, .element_size = sizeof *((type *)0)->member.v                             \
    }
#define MD_F_FLOATS(type, member, most)                                                            \
    {                                                                                              \
        .name = #member, .kind = MD_FIELD_FLOATS, .offset = offsetof(type, member), .max = most    \
    }
#define MD_F_INTS(type, member, most)                                                              \
    {                                                                                              \
        .name = #member, .kind = MD_FIELD_INTS, .offset = offsetof(type, member), .max = most      \
    }
#define MD_F_STRINGS(type, member, most)                                                           \
    {                                                                                              \
        .name = #member, .kind = MD_FIELD_STRINGS, .offset = offsetof(type, member), .max = most   \
    }
#define MD_F_END                                                                                   \
    {                                                                                              \
        .name = NULL                                                                               \
    }

/* Times within ten years either way: sums of a few never overflow int64_t. */
#define MD_TIME_MAX_US INT64_C(315360000000000)

/* New reference, or NULL when out of memory or a string is not UTF-8. */
json_t *md_codec_write(const struct md_field *fields, const void *object);

/* Fills a zeroed struct. On failure the struct is destroyed and zero again. */
int md_codec_read(const struct md_field *fields, const json_t *json, void *object,
                  struct md_failure *failure);

/* Frees everything the struct owns and zeroes those members. */
void md_codec_done(const struct md_field *fields, void *object);

#endif
