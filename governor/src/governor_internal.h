/* libgov internal: the governor's fields, shared by governor.c, admit.c and reclaim.c. */
#ifndef GOV_SRC_GOVERNOR_INTERNAL_H
#define GOV_SRC_GOVERNOR_INTERNAL_H

#include <gov/governor.h>

#include <pthread.h>

/* A refused request, remembered so that it is not logged again and again. */
enum { GOV_WAITING_MAX = 64 };
struct gov_waiting {
    bool used;
    uint64_t name; /* a hash */
    enum gov_reason reason;
};

struct gov_governor {
    /* Set once. */
    struct gov_config config;
    struct gov_log log;
    bool device_is_host; /* else a GPU, real or simulated, or unknown */
    /* Under sample_lock, which is taken before lock. */
    pthread_mutex_t sample_lock;
    struct gov_device *device;
    /* Under lock. */
    pthread_mutex_t lock;
    struct gov_ledger *ledger;
    bool has_sample;
    struct gov_sample sample;
    struct gov_pressure_state pressure;
    int64_t *watched;
    size_t watched_count;
    size_t watched_capacity;
    int64_t peak_used_bytes;
    int64_t peak_own_bytes;
    int64_t samples_count;
    double fill_bytes_per_us; /* fastest growth of used, fading */
    int64_t verdict_count[3]; /* by enum gov_verdict */
    int64_t freed_bytes;
    struct gov_waiting waiting[GOV_WAITING_MAX];
    size_t next_waiting;
};

/* Messages made under the lock, to be said after it. */
enum { GOV_MESSAGES_MAX = 2, GOV_MESSAGE_SIZE = 320 };
struct gov_messages {
    size_t count;
    enum gov_log_level levels[GOV_MESSAGES_MAX];
    char lines[GOV_MESSAGES_MAX][GOV_MESSAGE_SIZE];
};

/* Room for one more message; NULL when nobody listens at this level. */
char *gov_governor_message(const struct gov_governor *g, struct gov_messages *messages,
                           enum gov_log_level level);
void gov_governor_say(const struct gov_governor *g, const struct gov_messages *messages);

#endif
