/*
 * libgov internal: NVML as we need it. The declarations are our own, from NVIDIA's published API
 * reference, so that building needs no SDK; names say which version of a struct is meant where
 * NVML has several.
 */
#ifndef GOV_SRC_DL_NVML_H
#define GOV_SRC_DL_NVML_H

#include <gov/base.h>

/* What NVML's functions return. */
enum gov_nvml_result {
    NVML_OK = 0,
    NVML_UNINITIALIZED = 1,
    NVML_INVALID_ARGUMENT = 2,
    NVML_NOT_SUPPORTED = 3,
    NVML_NO_PERMISSION = 4,
    NVML_NOT_FOUND = 6,
    NVML_INSUFFICIENT_SIZE = 7,
    NVML_DRIVER_NOT_LOADED = 9,
    NVML_TIMEOUT = 10,
    NVML_LIBRARY_NOT_FOUND = 12,
    NVML_FUNCTION_NOT_FOUND = 13,
    NVML_GPU_IS_LOST = 15,
    NVML_RESET_REQUIRED = 16,
    NVML_LIBRARY_MISMATCH = 18, /* the kernel's module is of another version: updated, no reboot */
    NVML_MEMORY = 20,
    NVML_ARGUMENT_VERSION_MISMATCH = 25,
    NVML_DEPRECATED = 26,
    NVML_GPU_NOT_FOUND = 28,
    NVML_UNKNOWN = 999
};

typedef struct gov_nvml_device_handle *gov_nvml_device; /* opaque, the library's */
typedef struct gov_nvml_events_handle *gov_nvml_events;

struct gov_nvml_memory_v1 {
    uint64_t total;
    uint64_t free;
    uint64_t used; /* the driver's share included */
};

struct gov_nvml_memory_v2 {
    uint32_t version; /* GOV_NVML_MEMORY_V2 */
    uint64_t total;
    uint64_t reserved;
    uint64_t free;
    uint64_t used; /* without reserved */
};
#define GOV_NVML_MEMORY_V2 ((uint32_t)sizeof(struct gov_nvml_memory_v2) | 2u << 24)

/*
 * One row of a process list: 16 bytes in the oldest lists, 24 since R450 (_v2, _v3), 32 in _v3 of
 * R535 before 535.98, whose authors changed the struct and not the symbol.
 */
struct gov_nvml_process {
    uint32_t pid;
    uint64_t used_bytes; /* GOV_NVML_UNAVAILABLE where the system does not say */
    uint32_t gpu_instance;
    uint32_t compute_instance;
    uint64_t protected_bytes;
};
enum { NVML_PROCESS_V1 = 16, NVML_PROCESS_V2 = 24, NVML_PROCESS_R535 = 32 };
#define GOV_NVML_UNAVAILABLE UINT64_MAX

struct gov_nvml_event {
    gov_nvml_device device;
    uint64_t type;
    uint64_t data; /* XID number */
    uint32_t gpu_instance;
    uint32_t compute_instance;
};
#define GOV_NVML_EVENT_XID UINT64_C(8)

struct gov_nvml_pci_v3 {
    char bus_id_legacy[16];
    uint32_t domain, bus, device, device_id, subsystem_id;
    char bus_id[32];
};

enum { NVML_LISTS = 3 }; /* versions of the process lists */
typedef int gov_nvml_list(gov_nvml_device device, unsigned *count, void *rows);

/* NULL: this driver does not have it. Required ones never are. */
struct gov_nvml {
    void *handle;
    int (*init)(void); /* required, as all to the gap */
    int (*shutdown)(void);
    int (*device_count)(unsigned *count);
    int (*device_by_index)(unsigned index, gov_nvml_device *device);
    int (*memory_v1)(gov_nvml_device device, struct gov_nvml_memory_v1 *memory);

    const char *(*error_string)(int result);
    int (*driver_version)(char *version, unsigned size);
    int (*device_by_uuid)(const char *uuid, gov_nvml_device *device);
    int (*device_by_pci)(const char *bus_id, gov_nvml_device *device);
    int (*device_name)(gov_nvml_device device, char *name, unsigned size);
    int (*device_uuid)(gov_nvml_device device, char *uuid, unsigned size);
    int (*device_index)(gov_nvml_device device, unsigned *index);
    int (*device_pci)(gov_nvml_device device, struct gov_nvml_pci_v3 *pci);
    int (*compute_capability)(gov_nvml_device device, int *major, int *minor);
    int (*memory_v2)(gov_nvml_device device, struct gov_nvml_memory_v2 *memory);
    gov_nvml_list *compute[NVML_LISTS]; /* newest first: _v3, _v2, unversioned */
    gov_nvml_list *graphics[NVML_LISTS];
    int (*mig_mode)(gov_nvml_device device, unsigned *current, unsigned *pending);
    int (*mig_max_count)(gov_nvml_device device, unsigned *count);
    int (*mig_by_index)(gov_nvml_device device, unsigned index, gov_nvml_device *mig);
    int (*mig_parent)(gov_nvml_device mig, gov_nvml_device *device);
    int (*events_new)(gov_nvml_events *events);
    int (*events_free)(gov_nvml_events events);
    int (*events_register)(gov_nvml_device device, uint64_t types, gov_nvml_events events);
    int (*events_wait)(gov_nvml_events events, struct gov_nvml_event *event, unsigned timeout_ms);
};

/* path NULL: the system's library. Errors: as gov_dl_open. */
int gov_nvml_load(const char *path, struct gov_nvml *ret_nvml, char *reason, size_t reason_size);

/* Accepts a table that was never loaded. Does not call shutdown. */
void gov_nvml_unload(struct gov_nvml *nvml);

#endif
