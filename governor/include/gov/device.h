/*
 * libgov: devices, the pools of memory that are governed, and samples, one reading of a device.
 *
 * A device is named by a spec: "host" (this machine's RAM as far as cgroups let us use it),
 * "sim:PRESET" or "sim:SIZE" (a simulated GPU, e.g. "sim:rtx3060" or "sim:8GB"; see gov/sim.h),
 * "nvidia" (see gov/nvidia.h for its forms). A device is used by one thread at a time.
 *
 * Every reading carries a validity bit: zero is a value, unknown is not.
 */
#ifndef GOV_DEVICE_H
#define GOV_DEVICE_H

#include <gov/error.h>
#include <gov/sim.h>

#ifdef __cplusplus
extern "C" {
#endif

struct gov_device;

/* Bits of gov_sample.valid. */
enum gov_sample_field {
    GOV_SAMPLE_TOTAL = 1 << 0,
    GOV_SAMPLE_USED = 1 << 1,
    GOV_SAMPLE_FREE = 1 << 2,
    GOV_SAMPLE_RESERVED = 1 << 3,
    GOV_SAMPLE_OWN = 1 << 4,
    GOV_SAMPLE_OTHERS = 1 << 5,
    GOV_SAMPLE_LARGEST_FREE = 1 << 6,
    GOV_SAMPLE_STALL_SOME = 1 << 7,
    GOV_SAMPLE_STALL_FULL = 1 << 8,
    GOV_SAMPLE_OOM_KILLS = 1 << 9,
    GOV_SAMPLE_PHYSICAL = 1 << 10
};

/* What one reading knows; see `valid`. used + free = total whenever the three are valid. */
struct gov_sample {
    uint32_t valid;             /* GOV_SAMPLE_* bits: which fields mean something */
    int64_t at_us;              /* when; the caller's monotonic clock, 0 when it gave none */
    int64_t total_bytes;        /* capacity after every limit (cgroup, memory limit) */
    int64_t used_bytes;         /* by anybody; caches the kernel drops at once not counted */
    int64_t free_bytes;         /* what an allocation could get now */
    int64_t reserved_bytes;     /* taken by the driver; part of used, neither own nor others */
    int64_t own_bytes;          /* by the processes named as ours */
    int64_t others_bytes;       /* used - reserved - own, never negative */
    int64_t largest_free_bytes; /* biggest single allocation that could succeed */
    int64_t physical_bytes;     /* the machine's own capacity before limits */
    double stall_some_percent;  /* host: PSI some avg10, 0..100 */
    double stall_full_percent;  /* host: PSI full avg10, 0..100 */
    uint64_t oom_kills;         /* kernel OOM kills so far in our cgroup (a growing counter) */
};

/* Bits of gov_process.valid. */
enum gov_process_field {
    GOV_PROCESS_USED = 1 << 0,
    GOV_PROCESS_PEAK = 1 << 1,
    GOV_PROCESS_FILE = 1 << 2,
    GOV_PROCESS_RSS = 1 << 3,
    /* The process is on this device or may be. Without USED: nobody says how much it uses. */
    GOV_PROCESS_PRESENT = 1 << 4
};

/* One process on a device. */
struct gov_process {
    int64_t pid;        /* in: which process; its descendants count too when asked for */
    uint32_t valid;     /* out: GOV_PROCESS_* bits; 0 when the process is gone or unreadable */
    int64_t used_bytes; /* what it takes from the device (host: anonymous + shared memory) */
    int64_t peak_bytes; /* high-water mark kept by the system (host: VmHWM, file pages included) */
    int64_t file_bytes; /* host: mapped file pages, which the kernel can drop; not in used */
    int64_t rss_bytes;  /* host: everything resident */
};

/* Where the host backend looks. Zero-fill is valid: the real /proc and /sys/fs/cgroup. */
struct gov_host_params {
    const char *proc_path;   /* default "/proc" */
    const char *cgroup_root; /* default "/sys/fs/cgroup" */
    bool ignore_cgroups;     /* see the whole machine */
};

/* Where the nvidia backend finds things. Zero-fill is valid: the driver's versioned sonames. */
struct gov_nvidia_params {
    const char *nvml_path; /* default "libnvidia-ml.so.1"; a soname or an absolute path */
    const char *cuda_path; /* default "libcuda.so.1"; loaded only where CUDA's order is asked for */
    const char *proc_path; /* default "/proc"; a container may be given the host's elsewhere */
};

/* How to open a device. Zero-fill is valid. Pointers are borrowed for the call. */
struct gov_device_params {
    int64_t memory_limit_bytes; /* --memory-limit: caps total, for any device; 0: none */
    struct gov_host_params host;
    struct gov_sim_params sim;
    struct gov_nvidia_params nvidia;
    /* Receives why opening or listing failed, for a person ("no NVIDIA driver: ..."); may be NULL.
     * Written on failure only, and when a list lacks the devices of a backend. */
    char *reason;
    size_t reason_size;
};

enum { GOV_DEVICE_SPEC_MAX = 112, GOV_DEVICE_UUID_MAX = 96 };

/* Which piece of hardware a device is. Empty or negative: unknown, or there is no such thing. */
struct gov_device_id {
    char uuid[GOV_DEVICE_UUID_MAX]; /* "GPU-...", "MIG-...": what CUDA_VISIBLE_DEVICES takes */
    char pci_bus_id[32];            /* "00000000:01:00.0" */
    char driver_version[48];        /* "580.65.06" */
    int compute_major;              /* CUDA compute capability, 8.6: 8 and 6 */
    int compute_minor;
    int index;      /* the driver's own order (nvidia-smi) */
    int cuda_index; /* the order CUDA programs of this environment see; -1: not asked or hidden */
};

/* One row of gov_device_list. */
struct gov_device_entry {
    char spec[GOV_DEVICE_SPEC_MAX]; /* opens it: "host", "sim:rtx3060", "nvidia:0" */
    char backend[GOV_LABEL_MAX];
    char name[GOV_LABEL_MAX]; /* for a person */
    int64_t total_bytes;      /* 0: unknown */
    struct gov_device_id id;
};

/* What a device is. */
struct gov_device_info {
    char backend[GOV_LABEL_MAX]; /* "host", "sim" */
    char name[GOV_LABEL_MAX];    /* for a person: "host memory", "simulated rtx3060" */
    char limited_by[128];        /* what makes total smaller than the machine, "" if nothing */
    /* Per-process readings should not be asked for more often than this (0: any time). */
    int64_t process_interval_us;
    bool has_processes; /* gov_device_processes works */
    bool can_list;      /* gov_device_list_processes works */
    /* Why readings of processes are missing or doubtful at present; "" when all is well. */
    char process_note[128];
    struct gov_device_id id;
};

/* What happened to a device; NVIDIA: code is the number of the XID in the kernel's log. */
enum gov_device_event_kind {
    GOV_DEVICE_EVENT_ERROR = 0, /* the device reported an error: code, damage, text */
    GOV_DEVICE_EVENT_LOST,      /* readings fail with DEVICE_LOST until it is back */
    GOV_DEVICE_EVENT_RECOVERED  /* it answers again; whatever was on it is gone */
};

/* What an error costs. */
enum gov_device_damage {
    GOV_DAMAGE_NONE = 0, /* worth a line in the log */
    GOV_DAMAGE_PROCESS,  /* a process that used the device has lost its work */
    GOV_DAMAGE_DEVICE    /* the device works for nobody until it is reset */
};

struct gov_device_event {
    enum gov_device_event_kind kind;
    enum gov_device_damage damage;
    int64_t at_us; /* the now_us of the reading that noticed it */
    int64_t code;  /* 0: none */
    char text[160];
};

/*
 * Opens the device named by spec. params may be NULL (all defaults).
 * Errors: INVALID (a bad spec or negative limit), NO_DEVICE (unknown backend, preset or GPU; no
 * NVIDIA driver: use the host), NOMEM, IO and FORMAT (host: /proc/meminfo unreadable), UNSUPPORTED
 * (a GPU that does not say its memory), DEVICE_LOST.
 */
GOV_API int gov_device_open(const char *spec, const struct gov_device_params *params,
                            struct gov_device **ret_device);

/* Accepts NULL. */
GOV_API void gov_device_free(struct gov_device *device);

GOV_API void gov_device_info(const struct gov_device *device, struct gov_device_info *ret_info);

/*
 * Lists what can be opened: the host, simulated presets, the GPUs of this machine. Fills at most
 * capacity entries (entries may be NULL when that is 0) and says how many there are. A backend
 * without its driver adds nothing, and params->reason says why. Loads the driver, hence some
 * milliseconds; creates no context on any GPU. params may be NULL. Errors: INVALID, NOMEM.
 */
GOV_API int gov_device_list(const struct gov_device_params *params,
                            struct gov_device_entry *entries, size_t capacity, size_t *ret_count);

/* The i-th backend's name and one-line summary (summary may be NULL); NULL after the last. */
GOV_API const char *gov_backend_name(size_t index, const char **ret_summary);

/*
 * Reads the device and applies the memory limit. now_us is only copied (and is a simulated
 * device's time). own_bytes is what our processes use (the sum from gov_device_processes), < 0 when
 * unknown: own and others are then not valid.
 * Errors: INVALID, IO, FORMAT, DEVICE_LOST.
 */
GOV_API int gov_device_sample(struct gov_device *device, int64_t now_us, int64_t own_bytes,
                              struct gov_sample *ret_sample);

/*
 * Fills processes[i] for each processes[i].pid (> 0). with_children adds all descendants that are
 * not listed themselves. A process that is gone gets valid = 0; that is no error. Between readings
 * of the device less than info.process_interval_us apart, the answer may be that of the last list.
 * Where the driver does not say who uses what, info.process_note tells why, and processes that
 * exist have PRESENT without USED. Errors: INVALID, UNSUPPORTED, NOMEM, IO, DEVICE_LOST.
 */
GOV_API int gov_device_processes(struct gov_device *device, bool with_children,
                                 struct gov_process *processes, size_t count);

/*
 * Lists the processes on the device, ours and foreign, biggest first: fills at most capacity
 * entries (processes may be NULL when it is 0) and always tells how many there are. Costs more than
 * a sample: for a person who asks, not for every reading.
 * Errors: INVALID, UNSUPPORTED, NOMEM, IO, DEVICE_LOST.
 */
GOV_API int gov_device_list_processes(struct gov_device *device, struct gov_process *processes,
                                      size_t capacity, size_t *ret_count);

/*
 * Takes the oldest event noticed by gov_device_sample. A device keeps the last 16; take them after
 * each reading, also after one that failed. Errors: INVALID, NOT_FOUND (none waits), UNSUPPORTED.
 */
GOV_API int gov_device_next_event(struct gov_device *device, struct gov_device_event *ret_event);

/*
 * Lets the system's high-water mark of a process (gov_process.peak_bytes) start again, so that
 * it belongs to one stage. Errors: INVALID, NOT_FOUND, UNSUPPORTED (also: not allowed to).
 */
GOV_API int gov_device_reset_peak(struct gov_device *device, int64_t pid);

/* Sets own and, where used is known, others = max(0, used - reserved - own). */
GOV_API void gov_sample_set_own(struct gov_sample *sample, int64_t own_bytes);

/*
 * Narrows a sample to a limit: a pool of limit_bytes in which our own processes live. Neighbours
 * count only for what they take away from it, that is, as far as the device itself is short:
 * free = min(free, limit - own). Set own first; unknown, it counts as 0. Does nothing when
 * limit_bytes <= 0 or the total is smaller already.
 */
GOV_API void gov_sample_apply_limit(struct gov_sample *sample, int64_t limit_bytes);

/* Percentage of the total in use, 0 to 100; negative when unknown. */
GOV_API double gov_sample_used_percent(const struct gov_sample *sample);

#ifdef __cplusplus
}
#endif

#endif
