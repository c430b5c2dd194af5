/* Log records: LEVEL:component:message. No global logger: who may log is handed a struct md_log. */
#ifndef MD_BASE_LOG_H
#define MD_BASE_LOG_H

enum md_log_level { MD_LOG_ERROR, MD_LOG_WARNING, MD_LOG_INFO, MD_LOG_DEBUG };

/* Where records go: a terminal, a file, or the engine at the other end of a socket. */
struct md_log {
    enum md_log_level level; /* records above it are not made */
    void (*write)(void *user, enum md_log_level level, const char *component, const char *message);
    void *user;
};

/* Makes a record: one line, valid UTF-8, at most 2 KiB. log may be NULL (dropped). */
void md_log(const struct md_log *log, enum md_log_level level, const char *component,
            const char *format, ...) __attribute__((format(printf, 4, 5)));

/* "ERROR", "WARNING", "INFO", "DEBUG". */
const char *md_log_level_name(enum md_log_level level);

/* The level of a name in any case ("info", "warn"); -1 when there is no such level. */
int md_log_level_parse(const char *name);

#endif
