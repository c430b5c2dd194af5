/*
 * What every device backend promises, as one suite. A backend's test fills a conformance_backend
 * per kind of device it can open and calls conformance_run; see test_conformance.c. What a backend
 * cannot do it leaves NULL or 0, and the tests that need it are skipped and say so.
 */
#ifndef GOV_TESTS_CONFORMANCE_H
#define GOV_TESTS_CONFORMANCE_H

#include "testing.h"

#include <gov/device.h>

struct conformance_backend {
    const char *name; /* stands before the names of its tests */
    void *context;    /* given to every hook */

    /* Required. Opens a new device with this memory limit (0: none); all else is up to the hook. */
    int (*open)(void *context, int64_t memory_limit_bytes, struct gov_device **ret_device);
    /* Optional. Called after a test's last device is closed: processes and files of the hooks. */
    void (*reset)(void *context);
    const char *backend;        /* what gov_device_info says: "host", "sim", ... */
    int64_t total_bytes;        /* what the device has; 0: whatever it says */
    int64_t memory_limit_bytes; /* well below the total, to try one; 0: 100 MB */

    /*
     * Optional, but together. take makes a process use bytes of the device and names it; 0 or a
     * gov_error. Two takes without a give between should be two processes; if they cannot be, the
     * tests that tell own from others are skipped. give ends what the last take of pid took; where
     * pid then is gone, give_ends_process says so.
     */
    int (*take)(void *context, struct gov_device *device, int64_t now_us, int64_t bytes,
                int64_t *ret_pid);
    void (*give)(void *context, struct gov_device *device, int64_t pid);
    bool give_ends_process;
    int64_t take_bytes;  /* how much to take; two of it must fit */
    int64_t slack_bytes; /* readings differ from take_bytes by at most this: rounding, contexts */
    int64_t settle_us;   /* after a give, memory is back this much later on the device's clock */
    bool refuses;        /* a take beyond the device answers DEVICE_NOMEM */
    bool noisy;          /* others use the device meanwhile: only processes are exact */

    /* Optional. The device stops answering: gov_device_sample returns DEVICE_LOST from now on. */
    void (*lose)(void *context, struct gov_device *device);
};

/* Runs the suite for each backend as one cmocka group; the number of failed tests. */
int conformance_run(const char *group, const struct conformance_backend *backends, size_t count);

#endif
