/*
 * libgov: how the library speaks. It never prints; it hands complete messages to a callback.
 * No callback is called while a lock is held.
 */
#ifndef GOV_LOG_H
#define GOV_LOG_H

#include <gov/base.h>

#ifdef __cplusplus
extern "C" {
#endif

enum gov_log_level { GOV_LOG_DEBUG = 0, GOV_LOG_INFO = 1, GOV_LOG_WARNING = 2, GOV_LOG_ERROR = 3 };

/* message has no newline and lives for the call. */
typedef void (*gov_log_fn)(void *context, enum gov_log_level level, const char *message);

struct gov_log {
    gov_log_fn write; /* NULL: silent */
    void *context;
    enum gov_log_level lowest; /* messages below it are not made */
};

/*
 * Writes bytes as a person reads them, "8.2GB" (10^9 bytes, one decimal, rounded half away from
 * zero), into text. 24 bytes of room always suffice; less cuts. Returns text.
 */
GOV_API char *gov_format_gb(int64_t bytes, char *text, size_t size);

/* The same, but "137MB" for less than one gigabyte, where tenths say too little. */
GOV_API char *gov_format_size(int64_t bytes, char *text, size_t size);

#ifdef __cplusplus
}
#endif

#endif
