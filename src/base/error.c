/* One list gives enum, name and text, so they cannot drift apart. */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

const char *md_error_text(int code)
{
    switch (code) {
    case MD_OK:
        return "success";
#define MD_ERROR_TEXT(name, number, text)                                                          \
    case name:                                                                                     \
        return text;
        MD_ERROR_LIST(MD_ERROR_TEXT)
#undef MD_ERROR_TEXT
    }
    return "unknown error";
}

const char *md_error_name(int code)
{
    switch (code) {
    case MD_OK:
        return "MD_OK";
#define MD_ERROR_NAME(name, number, text)                                                          \
    case name:                                                                                     \
        return #name;
        MD_ERROR_LIST(MD_ERROR_NAME)
#undef MD_ERROR_NAME
    }
    return "MD_ERR_UNKNOWN";
}

static void set_message(struct md_failure *failure, int code, const char *raw)
{
    failure->code = code;
    md_utf8_sanitize(failure->message, sizeof failure->message, raw, strlen(raw));
}

int md_fail(struct md_failure *failure, int code, const char *format, ...)
{
    if (failure) {
        char raw[sizeof failure->message];
        va_list ap;
        va_start(ap, format);
        vsnprintf(raw, sizeof raw, format, ap);
        va_end(ap);
        set_message(failure, code, raw);
    }
    return code;
}

static int code_of_errno(int value)
{
    switch (value) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG: /* ulimit -f, or a file system of old */
        return MD_ERR_NOSPACE;
    case ENOMEM:
    case EMFILE: /* like memory, they come back */
    case ENFILE:
        return MD_ERR_NOMEM;
    case ENOENT:
        return MD_ERR_NOTFOUND;
    default:
        return MD_ERR_IO;
    }
}

int md_fail_errno(struct md_failure *failure, int errno_value, const char *format, ...)
{
    int code = code_of_errno(errno_value);
    if (failure) {
        char raw[sizeof failure->message];
        char system_text[128];
        va_list ap;
        va_start(ap, format);
        vsnprintf(raw, sizeof raw, format, ap);
        va_end(ap);
        /* GNU strerror_r: thread-safe, returns the text. */
        const char *text = strerror_r(errno_value, system_text, sizeof system_text);
        size_t used = strlen(raw);
        snprintf(raw + used, sizeof raw - used, ": %s", text);
        set_message(failure, code, raw);
    }
    return code;
}
