/*
 * Writing and reading JSON, no more of it than a flight recorder's lines: flat objects. A general
 * parser would need memory and depth limits; this one reads in place and keeps nothing. Numbers are
 * made by hand, since printf and strtod follow the locale.
 */
#include "json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "util.h"

int gov_out_flush(struct gov_out *out)
{
    if (out->length && !out->error)
        out->error = out->write(out->context, out->bytes, out->length);
    out->length = 0;
    return out->error;
}

void gov_out_bytes(struct gov_out *out, const char *bytes, size_t size)
{
    while (size) {
        size_t part = MIN(size, sizeof out->bytes - out->length);
        memcpy(out->bytes + out->length, bytes, part);
        out->length += part;
        bytes += part;
        size -= part;
        if (out->length == sizeof out->bytes)
            gov_out_flush(out);
    }
}

void gov_out_text(struct gov_out *out, const char *text)
{
    gov_out_bytes(out, text, strlen(text));
}

void gov_out_i64(struct gov_out *out, int64_t value)
{
    char digits[24];
    size_t at = sizeof digits;
    uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        digits[--at] = (char)('0' + magnitude % 10);
        magnitude /= 10;
    } while (magnitude);
    if (value < 0)
        digits[--at] = '-';
    gov_out_bytes(out, digits + at, sizeof digits - at);
}

void gov_out_real(struct gov_out *out, double value)
{
    const double most = 1e12;
    if (!(value >= -most && value <= most))
        value = 0;
    int64_t thousandths = llround(value * 1000);
    if (thousandths < 0) {
        gov_out_text(out, "-");
        thousandths = -thousandths;
    }
    gov_out_i64(out, thousandths / 1000);
    int64_t part = thousandths % 1000;
    char decimals[] = {'.', (char)('0' + part / 100), (char)('0' + part / 10 % 10),
                       (char)('0' + part % 10)};
    gov_out_bytes(out, decimals, sizeof decimals);
}

/* How many bytes the UTF-8 character at p has; 0: it is none. */
static size_t utf8_length(const unsigned char *p)
{
    static const struct {
        unsigned char first_low, first_high, second_low, second_high, length;
    } forms[] = {
        {0x20, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (p[0] < forms[i].first_low || p[0] > forms[i].first_high)
            continue;
        if (forms[i].length > 1 && (p[1] < forms[i].second_low || p[1] > forms[i].second_high))
            return 0;
        for (size_t k = 2; k < forms[i].length; k++) {
            if ((p[k] & 0xc0) != 0x80)
                return 0;
        }
        return forms[i].length;
    }
    return 0;
}

void gov_out_string(struct gov_out *out, const char *text)
{
    gov_out_text(out, "\"");
    for (const unsigned char *p = (const unsigned char *)text; *p;) {
        size_t length = utf8_length(p);
        if (*p == '"' || *p == '\\') {
            gov_out_text(out, "\\");
            gov_out_bytes(out, (const char *)p++, 1);
        } else if (length) {
            gov_out_bytes(out, (const char *)p, length);
            p += length;
        } else if (*p < 0x20) {
            char escape[8];
            snprintf(escape, sizeof escape, "\\u%04x", (unsigned)*p++);
            gov_out_text(out, escape);
        } else {
            gov_out_text(out, "\\ufffd");
            p++;
        }
    }
    gov_out_text(out, "\"");
}

/* What is left of the text. */
struct scan {
    const char *at;
    const char *end;
};

static void skip_blanks(struct scan *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\t' || *s->at == '\r' || *s->at == '\n'))
        s->at++;
}

static bool take_char(struct scan *s, char c)
{
    skip_blanks(s);
    if (s->at == s->end || *s->at != c)
        return false;
    s->at++;
    return true;
}

/* From behind its first quote to behind its last. */
static bool skip_string(struct scan *s)
{
    for (; s->at < s->end; s->at++) {
        if ((unsigned char)*s->at < 0x20)
            return false;
        if (*s->at == '"') {
            s->at++;
            return true;
        }
        if (*s->at == '\\' && ++s->at == s->end)
            return false;
    }
    return false;
}

static bool skip_value(struct scan *s)
{
    skip_blanks(s);
    if (s->at < s->end && *s->at == '"') {
        s->at++;
        return skip_string(s);
    }
    const char *start = s->at;
    while (s->at < s->end && strchr("+-.0123456789abcdefghijklmnopqrstuvwxyzE", *s->at) && *s->at)
        s->at++;
    return s->at > start;
}

int gov_json_split(const char *text, size_t size, struct gov_json_member *members, size_t most)
{
    struct scan s = {text, text + size};
    size_t count = 0;
    if (!take_char(&s, '{'))
        return -1;
    if (!take_char(&s, '}')) {
        do {
            struct gov_json_member member = {0};
            if (count == most || !take_char(&s, '"'))
                return -1;
            member.key = s.at;
            if (!skip_string(&s))
                return -1;
            member.key_size = (size_t)(s.at - member.key) - 1;
            if (!take_char(&s, ':'))
                return -1;
            skip_blanks(&s);
            member.value = s.at;
            if (!skip_value(&s))
                return -1;
            member.value_size = (size_t)(s.at - member.value);
            members[count++] = member;
        } while (take_char(&s, ','));
        if (!take_char(&s, '}'))
            return -1;
    }
    skip_blanks(&s);
    return s.at == s.end ? (int)count : -1;
}

const struct gov_json_member *gov_json_find(const struct gov_json_member *members, size_t count,
                                            const char *key)
{
    size_t size = strlen(key);
    for (size_t i = 0; i < count; i++) {
        if (members[i].key_size == size && !memcmp(members[i].key, key, size))
            return &members[i];
    }
    return NULL;
}

bool gov_json_u64(const struct gov_json_member *member, uint64_t *ret_value)
{
    uint64_t value = 0;
    if (!member->value_size)
        return false;
    for (size_t i = 0; i < member->value_size; i++) {
        char c = member->value[i];
        if (c < '0' || c > '9' || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(c - '0'), &value))
            return false;
    }
    *ret_value = value;
    return true;
}

bool gov_json_i64(const struct gov_json_member *member, int64_t *ret_value)
{
    struct gov_json_member digits = *member;
    uint64_t magnitude;
    bool negative = digits.value_size && digits.value[0] == '-';
    digits.value += negative;
    digits.value_size -= negative;
    if (!gov_json_u64(&digits, &magnitude) || magnitude > (uint64_t)INT64_MAX)
        return false;
    *ret_value = negative ? -(int64_t)magnitude : (int64_t)magnitude;
    return true;
}

/* At most nine decimals and no exponent: what gov_out_real writes, and a little more. */
bool gov_json_real(const struct gov_json_member *member, double *ret_value)
{
    const char *point = memchr(member->value, '.', member->value_size);
    struct gov_json_member whole = *member, part = {0};
    int64_t integer;
    uint64_t decimals = 0;
    double scale = 1;
    if (point) {
        whole.value_size = (size_t)(point - member->value);
        part.value = point + 1;
        part.value_size = member->value_size - whole.value_size - 1;
        if (part.value_size > 9 || !gov_json_u64(&part, &decimals))
            return false;
        for (size_t i = 0; i < part.value_size; i++)
            scale *= 10;
    }
    if (!gov_json_i64(&whole, &integer))
        return false;
    double fraction = (double)decimals / scale;
    *ret_value = member->value[0] == '-' ? (double)integer - fraction : (double)integer + fraction;
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static int32_t take_hex(struct scan *s)
{
    int32_t value = 0;
    if (s->end - s->at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(*s->at++);
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

/* Behind "\u"; a half of a surrogate pair alone becomes U+FFFD. */
static int32_t take_code_point(struct scan *s)
{
    const int32_t replacement = 0xfffd;
    int32_t code = take_hex(s);
    if (code < 0xd800 || code > 0xdfff)
        return code;
    struct scan ahead = *s;
    if (code > 0xdbff || ahead.end - ahead.at < 2 || ahead.at[0] != '\\' || ahead.at[1] != 'u')
        return replacement;
    ahead.at += 2;
    int32_t low = take_hex(&ahead);
    if (low < 0xdc00 || low > 0xdfff)
        return low < 0 ? low : replacement;
    *s = ahead;
    return 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
}

static size_t encode(int32_t code, char bytes[4])
{
    if (code < 0x80) {
        bytes[0] = (char)(code ? code : '?'); /* text ends at a 0 */
        return 1;
    }
    size_t length = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned char marks[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = length - 1; i > 0; i--) {
        bytes[i] = (char)(0x80 | (code & 0x3f));
        code >>= 6;
    }
    bytes[0] = (char)(marks[length] | code);
    return length;
}

static bool take_escape(struct scan *s, char bytes[4], size_t *ret_length)
{
    static const char names[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    char name = *s->at++;
    if (name == 'u') {
        int32_t code = take_code_point(s);
        if (code < 0)
            return false;
        *ret_length = encode(code, bytes);
        return true;
    }
    const char *found = name ? strchr(names, name) : NULL;
    if (!found)
        return false;
    bytes[0] = meanings[found - names];
    *ret_length = 1;
    return true;
}

bool gov_json_text(const struct gov_json_member *member, char *text, size_t size)
{
    char decoded[4 * GOV_EVENT_TEXT_MAX];
    size_t length = 0;
    if (member->value_size < 2 || member->value[0] != '"')
        return false;
    struct scan s = {member->value + 1, member->value + member->value_size - 1};
    while (s.at < s.end) {
        char bytes[4] = {*s.at++};
        size_t part = 1;
        if (bytes[0] == '\\' && (s.at == s.end || !take_escape(&s, bytes, &part)))
            return false;
        if (length + part < sizeof decoded) {
            memcpy(decoded + length, bytes, part);
            length += part;
        }
    }
    decoded[length] = 0;
    /* Bytes that are no UTF-8 would grow when written: what was read must fit again. */
    for (size_t i = 0; i < length;) {
        size_t part = utf8_length((const unsigned char *)decoded + i);
        if (!part)
            decoded[i] = '?';
        i += MAX(part, (size_t)1);
    }
    gov_copy_text(text, size, decoded);
    return true;
}
