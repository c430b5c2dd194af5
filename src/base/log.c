/* Formatting happens once, here; sinks only move the finished line. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/utf8.h"

static const char *const level_names[] = {"ERROR", "WARNING", "INFO", "DEBUG"};

const char *md_log_level_name(enum md_log_level level)
{
    return level_names[level];
}

int md_log_level_parse(const char *name)
{
    for (int i = 0; i < 4; i++)
        if (strcasecmp(name, level_names[i]) == 0)
            return i;
    return strcasecmp(name, "warn") == 0 ? MD_LOG_WARNING : -1;
}

void md_log(const struct md_log *log, enum md_log_level level, const char *component,
            const char *format, ...)
{
    if (!log || !log->write || level > log->level)
        return;
    char raw[2048], line[2048];
    va_list ap;
    va_start(ap, format);
    vsnprintf(raw, sizeof raw, format, ap);
    va_end(ap);
    md_utf8_sanitize(line, sizeof line, raw, strlen(raw));
    log->write(log->user, level, component, line);
}
