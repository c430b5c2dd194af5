/* Both framings (lengths in files, start codes in broadcasts) are walked in place. Payloads are
 * unescaped into a buffer of their own before bits are read: headers are short, and a reader that
 * skips emulation prevention bit by bit is harder to get right. */
#include "media/nal.h"

#include <string.h>

#include "base/cleanup.h"

int md_bytes_add(struct md_bytes *bytes, const void *data, size_t n)
{
    if (md_vec_reserve(bytes, bytes->n + n) < 0)
        return MD_ERR_NOMEM;
    if (n)
        memcpy(bytes->v + bytes->n, data, n);
    bytes->n += n;
    return MD_OK;
}

/* ---- units ---- */

static bool next_by_length(struct md_nal_walk *walk, struct md_nal *ret)
{
    while (walk->end - walk->at >= walk->length_size) {
        size_t n = 0;
        for (int i = 0; i < walk->length_size; i++)
            n = n << 8 | *walk->at++;
        if (n > (size_t)(walk->end - walk->at))
            break;
        *ret = (struct md_nal){walk->at, n};
        walk->at += n;
        if (n > 0)
            return true;
    }
    walk->is_broken |= walk->at != walk->end;
    walk->at = walk->end;
    return false;
}

/* The next 00 00 01, or the end. */
static const uint8_t *find_start(const uint8_t *at, const uint8_t *end)
{
    while (end - at >= 3) {
        const uint8_t *one = memchr(at + 2, 1, (size_t)(end - at - 2));
        if (!one)
            break;
        if (one[-1] == 0 && one[-2] == 0)
            return one - 2;
        at = one - 1;
    }
    return end;
}

static bool next_by_start_code(struct md_nal_walk *walk, struct md_nal *ret)
{
    for (;;) {
        const uint8_t *start = find_start(walk->at, walk->end);
        if (start == walk->end) {
            walk->at = walk->end;
            return false;
        }
        start += 3;
        const uint8_t *end = find_start(start, walk->end);
        walk->at = end;
        while (end > start && end[-1] == 0) /* trailing_zero_8bits, or of the next start code */
            end--;
        *ret = (struct md_nal){start, (size_t)(end - start)};
        if (ret->n > 0)
            return true;
    }
}

bool md_nal_next(struct md_nal_walk *walk, struct md_nal *ret_nal)
{
    return walk->length_size > 0 ? next_by_length(walk, ret_nal)
                                 : next_by_start_code(walk, ret_nal);
}

int md_nal_put(struct md_bytes *out, const struct md_nal *nal)
{
    static const uint8_t start_code[] = {0, 0, 0, 1};
    if (md_bytes_add(out, start_code, sizeof start_code) < 0)
        return MD_ERR_NOMEM;
    return md_bytes_add(out, nal->data, nal->n);
}

int md_nal_unescape(const struct md_nal *nal, size_t header, size_t most, struct md_bytes *out)
{
    size_t zeros = 0;
    for (size_t i = header; i < nal->n && most > 0; i++) {
        uint8_t byte = nal->data[i];
        if (zeros >= 2 && byte == 3) {
            zeros = 0;
            continue;
        }
        zeros = byte == 0 ? zeros + 1 : 0;
        if (md_vec_push(out, byte) < 0)
            return MD_ERR_NOMEM;
        most--;
    }
    return MD_OK;
}

int md_nal_escape(const uint8_t *payload, size_t n, struct md_bytes *out)
{
    size_t zeros = 0;
    for (size_t i = 0; i < n; i++) {
        if (zeros >= 2 && payload[i] <= 3) {
            if (md_vec_push(out, 3) < 0)
                return MD_ERR_NOMEM;
            zeros = 0;
        }
        zeros = payload[i] == 0 ? zeros + 1 : 0;
        if (md_vec_push(out, payload[i]) < 0)
            return MD_ERR_NOMEM;
    }
    return MD_OK;
}

/* ---- bits ---- */

uint32_t md_bits_get(struct md_bits *bits, int n)
{
    uint32_t value = 0;
    if (bits->over || bits->n - bits->at < (size_t)n) {
        bits->over = true;
        return 0;
    }
    for (int i = 0; i < n; i++, bits->at++)
        value = value << 1 | (bits->data[bits->at / 8] >> (7 - bits->at % 8) & 1);
    return value;
}

uint32_t md_bits_ue(struct md_bits *bits)
{
    int zeros = 0;
    while (!bits->over && md_bits_get(bits, 1) == 0)
        zeros++;
    if (bits->over || zeros > 31) {
        bits->over = true;
        return 0;
    }
    return (UINT32_C(1) << zeros) - 1 + md_bits_get(bits, zeros);
}

int32_t md_bits_se(struct md_bits *bits)
{
    uint32_t code = md_bits_ue(bits);
    return code & 1 ? (int32_t)(code / 2 + 1) : -(int32_t)(code / 2);
}

void md_bits_put(struct md_bit_writer *writer, uint32_t value, int n)
{
    for (int i = n - 1; i >= 0; i--) {
        if (writer->free_bits == 0) {
            if (md_vec_push(writer->out, 0) < 0) {
                writer->failed = true;
                return;
            }
            writer->free_bits = 8;
        }
        writer->free_bits--;
        uint8_t *last = &writer->out->v[writer->out->n - 1];
        *last = (uint8_t)(*last | (value >> i & 1) << writer->free_bits);
    }
}

void md_bits_put_ue(struct md_bit_writer *writer, uint32_t value)
{
    int size = 0;
    for (uint64_t code = (uint64_t)value + 1; code > 1; code >>= 1)
        size++;
    md_bits_put(writer, 0, size);
    md_bits_put(writer, value + 1, size + 1);
}

void md_bits_copy(struct md_bit_writer *writer, struct md_bits bits, size_t from, size_t to)
{
    bits.at = from;
    while (bits.at < to && !bits.over && !writer->failed) {
        int n = (int)MD_MIN(to - bits.at, 24);
        md_bits_put(writer, md_bits_get(&bits, n), n);
    }
}

void md_bits_align(struct md_bit_writer *writer)
{
    md_bits_put(writer, 1, 1);
    md_bits_put(writer, 0, writer->free_bits);
}
