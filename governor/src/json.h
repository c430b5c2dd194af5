/* libgov internal: as much JSON as a flight needs. */
#ifndef GOV_SRC_JSON_H
#define GOV_SRC_JSON_H

#include <gov/recorder.h>

/* Text on its way out, gathered so that a file is written in large pieces. */
struct gov_out {
    gov_write_fn write;
    void *context;
    int error; /* the first that write returned; nothing is written after it */
    size_t length;
    char bytes[4096];
};

void gov_out_bytes(struct gov_out *out, const char *bytes, size_t size);
void gov_out_text(struct gov_out *out, const char *text);
/* Decimal. */
void gov_out_i64(struct gov_out *out, int64_t value);
/* A string with its quotes; what is not UTF-8 becomes U+FFFD. */
void gov_out_string(struct gov_out *out, const char *text);
/* Three decimals, whatever the locale; not a number is 0. */
void gov_out_real(struct gov_out *out, double value);
/* Hands over what is left. Returns the first error. */
int gov_out_flush(struct gov_out *out);

/* One member of a flat object: where key and value are in the text. */
struct gov_json_member {
    const char *key; /* behind its quote; keys with escapes match nothing */
    size_t key_size;
    const char *value;
    size_t value_size;
};

enum { GOV_JSON_MEMBERS_MAX = 32 };

/* Splits a flat object of numbers, strings, true, false and null. < 0: it is none, or too large. */
int gov_json_split(const char *text, size_t size, struct gov_json_member *members, size_t most);

const struct gov_json_member *gov_json_find(const struct gov_json_member *members, size_t count,
                                            const char *key);

/* Each false when the value is not of its type. */
bool gov_json_i64(const struct gov_json_member *member, int64_t *ret_value);
bool gov_json_u64(const struct gov_json_member *member, uint64_t *ret_value);
bool gov_json_real(const struct gov_json_member *member, double *ret_value);
/* Decodes a string; one that is too long is cut. */
bool gov_json_text(const struct gov_json_member *member, char *text, size_t size);

#endif
