/*
 * libgov internal: what a device backend provides. The generic functions in device.c check every
 * argument first; a backend may assume valid input.
 */
#ifndef GOV_SRC_BACKEND_H
#define GOV_SRC_BACKEND_H

#include <gov/device.h>

struct gov_backend {
    const char *name; /* the spec's part before ':' */
    const char *summary;
    /*
     * Required. argument is the spec's part after ':' or "". Fills info (zeroed; backend name and
     * has_processes are set by the front).
     */
    int (*open)(const char *argument, const struct gov_device_params *params, void **ret_state,
                struct gov_device_info *ret_info);
    /* Required. */
    void (*close)(void *state);
    /* Required. ret_sample is zeroed; own and others are set by the front. */
    int (*sample)(void *state, int64_t now_us, struct gov_sample *ret_sample);
    /* Optional; absent: own and others stay unknown. valid is 0 on entry. */
    int (*processes)(void *state, bool with_children, struct gov_process *processes, size_t count);
    /* Optional. Fills at most capacity entries, in any order, pid and readings; *ret_count: all. */
    int (*list)(void *state, struct gov_process *processes, size_t capacity, size_t *ret_count);
    /* Optional: brings what changes in info (process_note, id) up to date. */
    void (*refresh)(const void *state, struct gov_device_info *info);
    /* Optional; absent: the device has no events. NOT_FOUND when none waits. */
    int (*next_event)(void *state, struct gov_device_event *ret_event);
    /* Optional; absent: peaks are as fine as the sampling. */
    int (*reset_peak)(void *state, int64_t pid);
};

extern const struct gov_backend gov_backend_host;
extern const struct gov_backend gov_backend_sim;
extern const struct gov_backend gov_backend_nvidia;

/* The device's state when it is of this backend, else NULL. For a backend's own public functions.
 */
void *gov_device_state(const struct gov_device *device, const struct gov_backend *backend);

#endif
