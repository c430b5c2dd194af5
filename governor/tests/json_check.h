/* A strict reader of JSON that only says whether a text is some, written for the tests alone so
 * that what the library writes is not judged by the library. */
#ifndef GOV_TESTS_JSON_CHECK_H
#define GOV_TESTS_JSON_CHECK_H

#include <stdbool.h>
#include <string.h>

static bool json_value(const char **p, int depth);

static inline void json_blanks(const char **p)
{
    *p += strspn(*p, " \t\r\n");
}

static inline bool json_string(const char **p)
{
    if (*(*p)++ != '"')
        return false;
    for (; **p != '"'; (*p)++) {
        if ((unsigned char)**p < 0x20)
            return false;
        if (**p != '\\')
            continue;
        (*p)++;
        if (**p == 'u') {
            if (strspn(*p + 1, "0123456789abcdefABCDEF") < 4)
                return false;
            *p += 4;
        } else if (!**p || !strchr("\"\\/bfnrt", **p)) {
            return false;
        }
    }
    (*p)++;
    return true;
}

static inline bool json_number(const char **p)
{
    *p += **p == '-';
    size_t digits = strspn(*p, "0123456789");
    if (!digits || (digits > 1 && **p == '0'))
        return false;
    *p += digits;
    if (**p == '.') {
        (*p)++;
        digits = strspn(*p, "0123456789");
        *p += digits;
        return digits > 0;
    }
    return true;
}

static inline bool json_list(const char **p, char end, bool keys, int depth)
{
    (*p)++;
    json_blanks(p);
    if (**p == end)
        return (*p)++, true;
    for (;;) {
        json_blanks(p);
        if (keys) {
            if (!json_string(p))
                return false;
            json_blanks(p);
            if (*(*p)++ != ':')
                return false;
        }
        if (!json_value(p, depth))
            return false;
        json_blanks(p);
        char c = *(*p)++;
        if (c == end)
            return true;
        if (c != ',')
            return false;
    }
}

static inline bool json_value(const char **p, int depth)
{
    json_blanks(p);
    if (depth > 8)
        return false;
    if (**p == '{')
        return json_list(p, '}', true, depth + 1);
    if (**p == '[')
        return json_list(p, ']', false, depth + 1);
    if (**p == '"')
        return json_string(p);
    return json_number(p);
}

/* One value and nothing behind it. */
static inline bool is_json(const char *text)
{
    bool valid = json_value(&text, 0);
    json_blanks(&text);
    return valid && !*text;
}

#endif
