/* libgov internal: how much a lease could get. Pure. */
#ifndef GOV_SRC_ADMIT_H
#define GOV_SRC_ADMIT_H

#include <gov/config.h>
#include <gov/device.h>
#include <gov/ledger.h>

struct gov_room {
    bool known; /* false: the sample does not say enough */
    struct gov_budget budget;
    int64_t budget_room_bytes; /* what our budget has left; negative is a deficit */
    int64_t device_room_bytes; /* what the device has left, promises taken off */
    int64_t room_bytes;        /* the smaller */
};

/* sample may be NULL. */
struct gov_room gov_admit_room(const struct gov_config *config, const struct gov_sample *sample,
                               const struct gov_ledger_stats *stats);

#endif
