/*
 * Small helpers. Everything the kernel tells us is text of a few kilobytes; it is read into a
 * buffer of fixed size and parsed without locale, sscanf or unchecked overflow, because in a
 * container these files can be anything.
 */
#include "util.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <gov/error.h>
#include <gov/log.h>

int64_t gov_add_saturated(int64_t a, int64_t b)
{
    int64_t sum;
    if (__builtin_add_overflow(a, b, &sum))
        return a < 0 ? INT64_MIN : INT64_MAX;
    return sum;
}

void gov_copy_text(char *to, size_t size, const char *text)
{
    size_t n = 0;
    for (; text && text[n] && n < size - 1; n++) {
        unsigned char c = (unsigned char)text[n];
        to[n] = c < 0x20 || c == 0x7f ? '?' : text[n];
    }
    bool cut = text && text[n];
    /* Cut inside a character: drop its continuation bytes and its first byte. */
    if (cut && ((unsigned char)text[n] & 0xc0) == 0x80) {
        size_t back = n;
        while (back > 0 && n - back < 4 && ((unsigned char)to[back - 1] & 0xc0) == 0x80)
            back--;
        if (back > 0 && ((unsigned char)to[back - 1] & 0xc0) == 0xc0)
            n = back - 1;
    }
    memset(to + n, 0, size - n);
}

void gov_copy_label(char label[GOV_LABEL_MAX], const char *text)
{
    gov_copy_text(label, GOV_LABEL_MAX, text);
}

int64_t gov_read_text(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return GOV_E_IO;
    size_t length = 0;
    while (length < size - 1) {
        ssize_t n = read(fd, text + length, size - 1 - length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            close(fd);
            return GOV_E_IO;
        }
        if (n == 0)
            break;
        length += (size_t)n;
    }
    close(fd);
    text[length] = 0;
    return (int64_t)length;
}

bool gov_parse_i64(const char **text, int64_t *ret_value)
{
    const char *p = *text;
    while (*p == ' ' || *p == '\t')
        p++;
    if (*p < '0' || *p > '9')
        return false;
    int64_t value = 0;
    for (; *p >= '0' && *p <= '9'; p++) {
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, *p - '0', &value))
            return false;
    }
    *text = p;
    *ret_value = value;
    return true;
}

bool gov_find_i64(const char *text, const char *key, int64_t *ret_value)
{
    size_t key_length = strlen(key);
    while (text && *text) {
        if (!strncmp(text, key, key_length)) {
            const char *p = text + key_length;
            return gov_parse_i64(&p, ret_value);
        }
        text = strchr(text, '\n');
        if (text)
            text++;
    }
    return false;
}

/* By hand, not by snprintf: this runs in every admission and needs no locale. */
char *gov_format_gb(int64_t bytes, char *text, size_t size)
{
    char digits[24];
    size_t n = 0;
    uint64_t magnitude = bytes < 0 ? 0 - (uint64_t)bytes : (uint64_t)bytes;
    uint64_t tenths = (magnitude + GOV_GB / 20) / (GOV_GB / 10);
    digits[n++] = 'B';
    digits[n++] = 'G';
    digits[n++] = (char)('0' + tenths % 10);
    digits[n++] = '.';
    bool zero = tenths == 0;
    tenths /= 10;
    do {
        digits[n++] = (char)('0' + tenths % 10);
        tenths /= 10;
    } while (tenths);
    if (bytes < 0 && !zero)
        digits[n++] = '-';
    if (!size)
        return text;
    size_t length = MIN(n, size - 1);
    for (size_t i = 0; i < length; i++)
        text[i] = digits[n - 1 - i];
    text[length] = 0;
    return text;
}

char *gov_format_size(int64_t bytes, char *text, size_t size)
{
    if (bytes <= -GOV_GB || bytes >= GOV_GB)
        return gov_format_gb(bytes, text, size);
    int64_t half = bytes < 0 ? -GOV_MB / 2 : GOV_MB / 2;
    snprintf(text, size, "%lldMB", (long long)((bytes + half) / GOV_MB));
    return text;
}
