/* libgov internal: the parts of the nvidia backend, from the driver's session to one device. */
#ifndef GOV_SRC_DEVICE_NVIDIA_H
#define GOV_SRC_DEVICE_NVIDIA_H

#include <gov/nvidia.h>

#include "dl_nvml.h"

enum {
    NVIDIA_PATH_MAX = 512,
    NVIDIA_EVENTS_KEPT = 16 /* more than a GPU has to say between two readings */
};

/* An initialized NVML. */
struct gov_nvidia {
    struct gov_nvml nvml;
    bool initialized;
    bool memory_v2_refused; /* the symbol is there, the kernel's module is older */
    char cuda_path[NVIDIA_PATH_MAX];
    char driver_version[48];
    int driver_major; /* 535 of "535.54.03"; 0: unknown */
    int driver_minor; /* 54 */
};

/* Whose numbers the driver's pids are; see device_nvidia_pids.c. */
struct gov_nvidia_pids {
    char proc_path[NVIDIA_PATH_MAX];
    char own_namespace[48]; /* "pid:[4026531836]"; "" unknown */
    int own_level;          /* 1: proc_path shows our own namespace; more: one above it */
    bool foreign_possible;  /* we live in a namespace that is not the machine's first */
    bool confirmed;         /* the driver has named one of ours by the number we know */
};

/* Who uses a GPU, as last listed, each pid once. */
struct gov_nvidia_user {
    int64_t pid; /* as the driver says */
    int64_t used_bytes;
    bool known;
};

struct gov_nvidia_users {
    struct gov_nvidia_user *items;
    size_t count;
    size_t capacity;
    void *buffer; /* what the driver writes */
    size_t buffer_rows;
    int refused[2]; /* versions of the compute and graphics lists that do not work here: bits */
};

/* One open device. */
struct gov_nvidia_device {
    struct gov_nvidia *nvidia;
    gov_nvml_device handle;
    struct gov_device_id id;
    bool is_mig;
    bool lost;
    int failures; /* readings that failed in a row for no stated reason */
    int64_t total_bytes;
    int64_t now_us; /* of the last reading of memory; 0: the caller has no clock */
    int64_t tried_at_us;
    int64_t listed_at_us;
    bool listed;
    bool read_since_list;
    int list_error;
    const char *list_note;
    struct gov_nvidia_users users;
    struct gov_nvidia_pids pids;
    gov_nvml_events events; /* NULL: this driver has none for us */
    struct gov_device_event waiting[NVIDIA_EVENTS_KEPT];
    size_t first_event;
    size_t event_count;
};

/* device_nvidia_driver.c: the session */
int gov_nvidia_start(struct gov_nvidia *nvidia, char *reason, size_t reason_size);
void gov_nvidia_stop(struct gov_nvidia *nvidia);
/* The gov_error for an NVML result; NVML_OK is GOV_OK. */
int gov_nvidia_error(int result);
const char *gov_nvidia_text(const struct gov_nvidia *nvidia, int result);
int gov_nvidia_read_memory(struct gov_nvidia *nvidia, gov_nvml_device handle,
                           struct gov_nvidia_memory *ret_memory, int *ret_result);

/* device_nvidia_find.c: which GPU */
int gov_nvidia_find(struct gov_nvidia *nvidia, const char *which, gov_nvml_device *ret_handle,
                    int *ret_cuda_index, char *reason, size_t reason_size);
void gov_nvidia_identify(struct gov_nvidia *nvidia, gov_nvml_device handle,
                         struct gov_device_id *ret_id);
void gov_nvidia_name(struct gov_nvidia *nvidia, gov_nvml_device handle, char name[GOV_LABEL_MAX]);
/* The handle as the event functions want it: of the whole GPU. */
gov_nvml_device gov_nvidia_parent(struct gov_nvidia *nvidia, gov_nvml_device handle, bool is_mig);
int gov_nvidia_enumerate(const struct gov_device_params *params, struct gov_device_entry *entries,
                         size_t capacity, size_t *ret_count);

/* device_nvidia_process.c: the lists */
int gov_nvidia_list_users(struct gov_nvidia *nvidia, gov_nvml_device handle, int64_t total_bytes,
                          struct gov_nvidia_users *users, const char **ret_note);
void gov_nvidia_users_done(struct gov_nvidia_users *users);

/* device_nvidia_pids.c */
int gov_nvidia_pids_init(struct gov_nvidia_pids *pids, const char *proc_path);
/* The number by which we know a process that the driver calls pid; 0: none of ours can be it. */
int64_t gov_nvidia_pid_here(const struct gov_nvidia_pids *pids, int64_t pid);
bool gov_nvidia_pid_exists(const struct gov_nvidia_pids *pids, int64_t pid);
/* In the numbers of proc_path; 0: none or unknown. */
int64_t gov_nvidia_pid_parent(const struct gov_nvidia_pids *pids, int64_t pid);

/* device_nvidia_event.c */
void gov_nvidia_events_open(struct gov_nvidia_device *device);
void gov_nvidia_events_close(struct gov_nvidia_device *device);
/* Takes what waits at the driver, without waiting for more. Sets lost when an event says so. */
void gov_nvidia_events_poll(struct gov_nvidia_device *device);
void gov_nvidia_event_add(struct gov_nvidia_device *device, const struct gov_device_event *event);
void gov_nvidia_lose(struct gov_nvidia_device *device, const char *why);

#endif
