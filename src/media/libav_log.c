/* A mutex rather than atomics, as the message text is shared too and messages are rare. FFmpeg's
 * repeated-message folding is left out: only counts and the last text matter here. */
#include "media/libav_log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <libavutil/log.h>
#include <libavutil/mem.h>

#include "base/utf8.h"

/* Guards `messages`. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct md_libav_messages messages;
static pthread_once_t once = PTHREAD_ONCE_INIT;

__attribute__((format(printf, 3, 0))) static void on_message(void *object, int level,
                                                             const char *format, va_list ap)
{
    if (level > AV_LOG_WARNING)
        return;
    char raw[256] = "";
    if (level <= AV_LOG_ERROR)
        vsnprintf(raw, sizeof raw, format, ap);
    pthread_mutex_lock(&lock);
    if (level <= AV_LOG_ERROR) {
        messages.errors++;
        size_t n = strcspn(raw, "\n");
        md_utf8_sanitize(messages.last, sizeof messages.last, raw, n);
    } else {
        messages.warnings++;
    }
    pthread_mutex_unlock(&lock);
}

static void init(void)
{
    av_log_set_level(AV_LOG_WARNING);
    av_log_set_callback(on_message);
    av_max_alloc(MD_LIBAV_MAX_ALLOC);
}

void md_libav_init(void)
{
    pthread_once(&once, init);
}

void md_libav_messages(struct md_libav_messages *ret_messages)
{
    pthread_mutex_lock(&lock);
    *ret_messages = messages;
    pthread_mutex_unlock(&lock);
}
