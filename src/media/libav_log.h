/* FFmpeg's messages. Its log callback is process-global and has no user pointer, so this is the one
 * place in the program with process-global state: counters and the last message behind a mutex.
 * No libav types here. Thread-safe. */
#ifndef MD_MEDIA_LIBAV_LOG_H
#define MD_MEDIA_LIBAV_LOG_H

#include <stdint.h>

struct md_libav_messages {
    int64_t errors, warnings; /* since the process started */
    char last[256];           /* the newest error's text, valid UTF-8, no newline; "" none */
};

/* Routes FFmpeg's messages here instead of stderr and bounds its single allocations
 * (MD_LIBAV_MAX_ALLOC). md_input_open does it too; a worker's main calls it first of all. May be
 * called any number of times. */
void md_libav_init(void);

/* A snapshot. */
void md_libav_messages(struct md_libav_messages *ret_messages);

/* The largest block FFmpeg may allocate in one piece. A 8192x8192 picture in 16-bit 4:4:4 takes
 * 403 MB; a header that claims more than that is damaged or hostile. */
#define MD_LIBAV_MAX_ALLOC (INT64_C(512) << 20)

#endif
