/* libgov internal: the governor's fields, shared by governor.c, admit.c and reclaim.c. */
#ifndef GOV_SRC_GOVERNOR_INTERNAL_H
#define GOV_SRC_GOVERNOR_INTERNAL_H

#include <gov/governor.h>
#include <gov/recorder.h>

#include <pthread.h>

#include "admit.h"

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
    char device_name[GOV_LABEL_MAX];
    struct gov_recorder *recorder; /* may be NULL; has a lock of its own, taken last */
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
    int64_t now_us;         /* the latest that anybody said */
    bool has_begun;         /* the recorder knows what is governed */
    struct gov_amount used; /* now: as last known */
    struct gov_amount own;
    struct gov_amount others;
    int64_t peak_pending_bytes;
    struct gov_tier_stats tiers[GOV_TIER_COUNT]; /* [0] is not used */
    struct gov_pause_stats pauses;
    int64_t ooms_count;
    int64_t
        wanted_bytes; /* by what ran out of memory, until a tier has ended; INT64_MAX: unknown */
    int64_t resized_count;
    int64_t released_count;
    int64_t samples_failed_count;
    int64_t samples_count;
    double fill_bytes_per_us; /* fastest growth of used, fading */
    int64_t verdict_count[3]; /* by enum gov_verdict */
    struct gov_waiting waiting[GOV_WAITING_MAX];
    size_t next_waiting;
};

/* All with the lock held. */
struct gov_room gov_governor_room(const struct gov_governor *g);
void gov_governor_note_time(struct gov_governor *g, int64_t now_us);
/* After every change: peaks follow, and invariants are checked where the build asks for it. */
void gov_governor_changed(struct gov_governor *g);
void gov_governor_note_sample(struct gov_governor *g); /* g->sample is new */
void gov_governor_record_lease(struct gov_governor *g, enum gov_event_kind kind,
                               const struct gov_lease *lease, enum gov_reason reason,
                               int64_t room_bytes);

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
