/*
 * A fake libnvidia-ml.so.1. FAKE_NVML says whose symbols it has: 390 (the first names only), 470
 * (no memory_v2, no _v3 lists), 580 (all), 0 (too few to be of use). Behaviour within a set of
 * symbols comes from the shared state.
 *
 * Declarations are written out here again, not taken from src/dl_nvml.h: a mistake there must
 * not be made twice in the same place.
 */
#include "fake_state.h"

#include <stdio.h>
#include <string.h>

#ifndef FAKE_NVML
#define FAKE_NVML 580
#endif

#define API __attribute__((visibility("default")))
#pragma GCC diagnostic ignored "-Wmissing-prototypes"

typedef unsigned long long u64;
enum {
    OK = 0,
    UNINITIALIZED = 1,
    INVALID = 2,
    UNSUPPORTED = 3,
    FORBIDDEN = 4,
    NOT_FOUND = 6,
    TOO_SMALL = 7,
    NO_DRIVER = 9,
    TIMEOUT = 10,
    NO_FUNCTION = 13,
    LOST = 15,
    WRONG_VERSION = 25
};

/* Every function but a few begins so: the state, or the failure it was told to have. */
#define ENTER(s)                                                                                   \
    struct fake_state *s = fake_lock();                                                            \
    if (!s)                                                                                        \
        return UNINITIALIZED;                                                                      \
    if (fake_fails(&s->nvml, __func__))                                                            \
    return leave(s->nvml.error)
#define ENTER_DEVICE(s, device, h)                                                                 \
    ENTER(s);                                                                                      \
    struct handle h;                                                                               \
    int bad = open_handle(s, device, &h);                                                          \
    if (bad)                                                                                       \
    return leave(bad)

/* Sessions nest; only the first starts the library, only the last ends it. */
static int references;

static int init(const char *name)
{
    if (!fake_attach())
        return NO_DRIVER;
    struct fake_state *s = fake_lock();
    int result = s->no_driver ? NO_DRIVER : OK;
    if (fake_fails(&s->nvml, name))
        result = s->nvml.error;
    if (!result) {
        s->nvml_references++;
        s->inits += !references++;
    }
    fake_unlock();
    if (result)
        fake_detach();
    return result;
}

#if FAKE_NVML >= 470 || FAKE_NVML == 0
API int nvmlInit_v2(void)
{
    return init(__func__);
}
#else
API int nvmlInit(void)
{
    return init(__func__);
}
#endif

#if FAKE_NVML > 0
/*
 * A handle names GPU, instance and the session it comes from: one kept over a shutdown is stale, as
 * with the real library.
 */
struct handle {
    int gpu;
    int mig; /* 1 + index */
};

static void *make_handle(const struct fake_state *s, int gpu, int mig)
{
    return (void *)(uintptr_t)((uint64_t)(s->inits & 0xffff) << 16 | (unsigned)(gpu + 1) << 8 |
                               (unsigned)mig);
}

static int open_handle(const struct fake_state *s, void *device, struct handle *h)
{
    uint64_t value = (uintptr_t)device;
    h->gpu = (int)(value >> 8 & 0xff) - 1;
    h->mig = (int)(value & 0xff);
    if (value >> 16 != (uint64_t)(s->inits & 0xffff) || h->gpu < 0 || h->gpu >= s->gpu_count ||
        h->mig > s->gpus[h->gpu].mig_count)
        return INVALID;
    return s->gpus[h->gpu].lost ? LOST : OK;
}

static int leave(int result)
{
    fake_unlock();
    return result;
}

API int nvmlShutdown(void)
{
    struct fake_state *s = fake_lock();
    if (!s)
        return UNINITIALIZED;
    s->nvml_references--;
    references--;
    bool fails = fake_fails(&s->nvml, __func__);
    int result = fails ? s->nvml.error : OK;
    fake_unlock();
    fake_detach();
    return result;
}

API const char *nvmlErrorString(int result)
{
    switch (result) {
    case OK:
        return "Success";
    case UNSUPPORTED:
        return "Not Supported";
    case NO_DRIVER:
        return "Driver Not Loaded";
    case LOST:
        return "GPU is lost";
    default:
        return "Unknown Error";
    }
}

API int nvmlSystemGetDriverVersion(char *text, unsigned size)
{
    ENTER(s);
    if (size <= strlen(s->driver_version))
        return leave(TOO_SMALL);
    strcpy(text, s->driver_version);
    return leave(OK);
}

static int device_count(struct fake_state *s, unsigned *count)
{
    *count = (unsigned)s->gpu_count;
    return leave(OK);
}

static int device_by_index(struct fake_state *s, unsigned index, void **device)
{
    if (index >= (unsigned)s->gpu_count)
        return leave(INVALID);
    if (s->gpus[index].lost)
        return leave(LOST);
    *device = make_handle(s, (int)index, 0);
    return leave(OK);
}

#if FAKE_NVML >= 470
#define NAMED(name) name##_v2
#else
#define NAMED(name) name
#endif

API int NAMED(nvmlDeviceGetCount)(unsigned *count)
{
    ENTER(s);
    return device_count(s, count);
}

API int NAMED(nvmlDeviceGetHandleByIndex)(unsigned index, void **device)
{
    ENTER(s);
    return device_by_index(s, index, device);
}

API int NAMED(nvmlDeviceGetHandleByPciBusId)(const char *bus_id, void **device)
{
    ENTER(s);
    for (int i = 0; i < s->gpu_count; i++) {
        /* "0000:01:00.0" and "01:00.0" name what "00000000:01:00.0" does. */
        const char *full = s->gpus[i].pci;
        size_t length = strlen(bus_id), full_length = strlen(full);
        if (length >= 7 && length <= full_length && !strcmp(full + full_length - length, bus_id))
            return device_by_index(s, (unsigned)i, device);
    }
    return leave(NOT_FOUND);
}

static void write_uuid(const uint8_t uuid[16], const char *prefix, char *text)
{
    text += sprintf(text, "%s-", prefix);
    for (int i = 0; i < 16; i++)
        text += sprintf(text, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", uuid[i]);
}

static void uuid_of(const struct fake_state *s, const struct handle *h, char *text)
{
    const struct fake_gpu *gpu = &s->gpus[h->gpu];
    if (h->mig)
        write_uuid(gpu->migs[h->mig - 1].uuid, "MIG", text);
    else
        write_uuid(gpu->uuid, "GPU", text);
}

API int nvmlDeviceGetHandleByUUID(const char *uuid, void **device)
{
    char text[64];
    ENTER(s);
    for (int i = 0; i < s->gpu_count; i++) {
        for (int k = 0; k <= s->gpus[i].mig_count; k++) {
            uuid_of(s, &(struct handle){i, k}, text);
            if (strcmp(text, uuid) != 0)
                continue;
            if (s->gpus[i].lost)
                return leave(LOST);
            *device = make_handle(s, i, k);
            return leave(OK);
        }
    }
    return leave(NOT_FOUND);
}

API int nvmlDeviceGetUUID(void *device, char *uuid, unsigned size)
{
    char text[64];
    ENTER_DEVICE(s, device, h);
    uuid_of(s, &h, text);
    if (size <= strlen(text))
        return leave(TOO_SMALL);
    strcpy(uuid, text);
    return leave(OK);
}

API int nvmlDeviceGetName(void *device, char *name, unsigned size)
{
    ENTER_DEVICE(s, device, h);
    snprintf(name, size, "%s%s", s->gpus[h.gpu].name, h.mig ? " MIG" : "");
    return leave(OK);
}

API int nvmlDeviceGetIndex(void *device, unsigned *index)
{
    ENTER_DEVICE(s, device, h);
    *index = (unsigned)(h.mig ? h.mig - 1 : h.gpu);
    return leave(OK);
}

/* --- memory --- */

struct amounts {
    uint64_t total, reserved, used;
};

static int read_amounts(struct fake_state *s, const struct handle *h, struct amounts *a)
{
    struct fake_gpu *gpu = &s->gpus[h->gpu];
    if (gpu->no_memory)
        return UNSUPPORTED;
    fake_reading(s);
    if (h->mig) {
        const struct fake_mig *mig = &gpu->migs[h->mig - 1];
        *a = (struct amounts){mig->total_bytes, mig->reserved_bytes,
                              fake_neighbour_bytes(s, h->gpu, h->mig)};
    } else {
        *a = (struct amounts){gpu->total_bytes, gpu->reserved_bytes, fake_used(s, h->gpu)};
    }
    return OK;
}

API int nvmlDeviceGetMemoryInfo(void *device, u64 memory[3])
{
    struct amounts a;
    ENTER_DEVICE(s, device, h);
    int result = read_amounts(s, &h, &a);
    if (!result) {
        memory[0] = a.total;
        memory[1] = a.total - a.reserved - a.used;
        memory[2] = a.reserved + a.used;
    }
    return leave(result);
}

#if FAKE_NVML >= 510
struct memory_v2 {
    unsigned version;
    u64 total, reserved, free, used;
};

API int nvmlDeviceGetMemoryInfo_v2(void *device, struct memory_v2 *memory)
{
    struct amounts a;
    ENTER_DEVICE(s, device, h);
    if (s->no_memory_v2)
        return leave(NO_FUNCTION);
    if (memory->version != 0x02000028)
        return leave(WRONG_VERSION);
    int result = read_amounts(s, &h, &a);
    if (!result) {
        memory->total = a.total;
        memory->reserved = a.reserved;
        memory->used = a.used;
        memory->free = a.total - a.reserved - a.used;
    }
    return leave(result);
}
#endif

/* --- processes --- */

struct row {
    unsigned pid;
    u64 bytes;
};

enum { MOST_ROWS = FAKE_SLOTS + FAKE_NEIGHBOURS };

static unsigned gather(struct fake_state *s, const struct handle *h, bool draws, struct row *rows)
{
    const struct fake_gpu *gpu = &s->gpus[h->gpu];
    unsigned count = 0;
    fake_used(s, h->gpu); /* forgets processes that have died */
    for (int i = 0; !draws && !h->mig && i < FAKE_SLOTS; i++) {
        const struct fake_slot *slot = &s->slots[i];
        if (slot->pid && slot->gpu == h->gpu)
            rows[count++] = (struct row){(unsigned)(slot->pid + s->pid_offset), slot->bytes};
    }
    for (int i = 0; i < FAKE_NEIGHBOURS; i++) {
        const struct fake_neighbour *n = &gpu->neighbours[i];
        bool now = s->now_us >= n->from_us && (!n->until_us || s->now_us < n->until_us);
        if (n->pid && now && (!h->mig || n->mig == h->mig) && (draws ? n->draws : n->computes))
            rows[count++] = (struct row){(unsigned)n->pid, n->unknown ? ~0ull : n->bytes};
    }
    for (unsigned i = 0; i < count; i++) {
        if (gpu->processes_unknown)
            rows[i].bytes = ~0ull;
        if (s->garbage_rows)
            rows[i] = (struct row){0x7fffffffu - i, ~0ull - 7};
    }
    return count;
}

/* Drivers of R535 before 535.98 have rows of 32 bytes in the newest list. */
static size_t row_bytes(const struct fake_state *s, int version)
{
    int major = 0, minor = 0;
    sscanf(s->driver_version, "%d.%d", &major, &minor);
    if (s->row_bytes)
        return (size_t)s->row_bytes;
    if (version == 3 && major == 535 && minor < 98)
        return 32;
    return version == 1 ? 16 : 24;
}

/* xorshift32 (Marsaglia, 2003): the same seed gives the same lists. */
static uint32_t next_random(struct fake_state *s)
{
    s->random_rows ^= s->random_rows << 13;
    s->random_rows ^= s->random_rows >> 17;
    s->random_rows ^= s->random_rows << 5;
    return s->random_rows;
}

/* Anything at all, within the room there is; half the time nearly right; sometimes with a lie. */
static int write_anything(struct fake_state *s, unsigned *count, unsigned char *out)
{
    unsigned room = *count, rows = next_random(s) % 6;
    bool nearly = next_random(s) % 2, lies = next_random(s) % 8 == 0;
    size_t stride = 8 * (nearly ? 2 + next_random(s) % 3 : 1 + next_random(s) % 4);
    if (rows > room)
        rows = room;
    for (size_t i = 0; i < rows * stride; i++)
        out[i] = (unsigned char)(next_random(s) % 4 ? 0 : next_random(s));
    for (size_t i = 0; nearly && i < rows; i++) {
        struct row row = {next_random(s) % 4194304 + 1, next_random(s)};
        memcpy(out + i * stride, &row.pid, 4);
        memcpy(out + i * stride + 8, &row.bytes, 8);
        if (stride >= 24)
            memset(out + i * stride + 16, 0xff, 8);
    }
    *count = lies ? next_random(s) >> next_random(s) % 32 : rows;
    return next_random(s) % 8 == 0 ? TOO_SMALL : OK;
}

static int write_list(struct fake_state *s, const struct handle *h, int version, bool draws,
                      unsigned *count, unsigned char *out)
{
    struct row rows[MOST_ROWS];
    static const unsigned none = ~0u;
    size_t stride = row_bytes(s, version);
    s->list_calls++;
    if (s->gpus[h->gpu].processes_forbidden)
        return FORBIDDEN;
    if (s->lists_refused & 1 << (3 - version))
        return NO_FUNCTION;
    if (s->random_rows)
        return write_anything(s, count, out);
    unsigned found = gather(s, h, draws, rows), room = *count;
    *count = found;
    if (found > room)
        return TOO_SMALL;
    if (s->dirty_rows && out)
        memset(out, 0, room * stride);
    for (unsigned i = 0; i < found; i++, out += stride) {
        memset(out, 0, stride);
        memcpy(out, &rows[i].pid, 4);
        memcpy(out + 8, &rows[i].bytes, 8);
        if (stride >= 24) {
            memcpy(out + 16, &none, 4);
            memcpy(out + 20, &none, 4);
        }
        if (stride >= 32)
            memcpy(out + 24, &s->protected_bytes, 8);
    }
    return OK;
}

#define LIST(name, version, draws)                                                                 \
    API int name(void *device, unsigned *count, void *rows)                                        \
    {                                                                                              \
        ENTER_DEVICE(s, device, h);                                                                \
        return leave(write_list(s, &h, version, draws, count, rows));                              \
    }
LIST(nvmlDeviceGetComputeRunningProcesses, 1, false)
LIST(nvmlDeviceGetGraphicsRunningProcesses, 1, true)
#if FAKE_NVML >= 470
LIST(nvmlDeviceGetComputeRunningProcesses_v2, 2, false)
LIST(nvmlDeviceGetGraphicsRunningProcesses_v2, 2, true)
#endif
#if FAKE_NVML >= 510
LIST(nvmlDeviceGetComputeRunningProcesses_v3, 3, false)
LIST(nvmlDeviceGetGraphicsRunningProcesses_v3, 3, true)
#endif

/* --- what only newer drivers have --- */

#if FAKE_NVML >= 470
struct pci_info {
    char legacy[16];
    unsigned domain, bus, device, id, subsystem;
    char bus_id[32];
};

API int nvmlDeviceGetPciInfo_v3(void *device, struct pci_info *pci)
{
    ENTER_DEVICE(s, device, h);
    memset(pci, 0, sizeof *pci);
    memcpy(pci->bus_id, s->gpus[h.gpu].pci, sizeof pci->bus_id);
    return leave(OK);
}

API int nvmlDeviceGetCudaComputeCapability(void *device, int *major, int *minor)
{
    ENTER_DEVICE(s, device, h);
    *major = s->gpus[h.gpu].major;
    *minor = s->gpus[h.gpu].minor;
    return leave(OK);
}

API int nvmlDeviceGetMigMode(void *device, unsigned *current, unsigned *pending)
{
    ENTER_DEVICE(s, device, h);
    if (h.mig || !s->gpus[h.gpu].mig_count)
        return leave(UNSUPPORTED);
    *current = *pending = 1;
    return leave(OK);
}

API int nvmlDeviceGetMaxMigDeviceCount(void *device, unsigned *count)
{
    ENTER_DEVICE(s, device, h);
    *count = s->gpus[h.gpu].mig_count ? 7 : 0;
    return leave(OK);
}

API int nvmlDeviceGetMigDeviceHandleByIndex(void *device, unsigned index, void **mig)
{
    ENTER_DEVICE(s, device, h);
    if (index >= (unsigned)s->gpus[h.gpu].mig_count)
        return leave(NOT_FOUND);
    *mig = make_handle(s, h.gpu, (int)index + 1);
    return leave(OK);
}

API int nvmlDeviceGetDeviceHandleFromMigDeviceHandle(void *mig, void **device)
{
    ENTER_DEVICE(s, mig, h);
    *device = make_handle(s, h.gpu, 0);
    return leave(OK);
}
#endif

/* --- events --- */

struct event {
    void *device;
    u64 type, data;
#if FAKE_NVML >= 470
    unsigned gpu_instance, compute_instance;
#endif
};

/* A set names its GPU once something is registered. */
API int nvmlEventSetCreate(void **set)
{
    ENTER(s);
    s->event_sets++;
    *set = (void *)(uintptr_t)0x100;
    return leave(OK);
}

/* Like nvmlShutdown it does its work even when told to fail: nobody could do it again. */
API int nvmlEventSetFree(void *set)
{
    (void)set;
    struct fake_state *s = fake_lock();
    if (!s)
        return UNINITIALIZED;
    s->event_sets--;
    return leave(fake_fails(&s->nvml, __func__) ? s->nvml.error : OK);
}

API int nvmlDeviceRegisterEvents(void *device, u64 types, void *set)
{
    (void)set;
    (void)types;
    ENTER_DEVICE(s, device, h);
    return leave(h.mig ? INVALID : s->gpus[h.gpu].no_events ? UNSUPPORTED : OK);
}

/* One set in a process is all that is needed: the oldest XID of any GPU. */
API int NAMED(nvmlEventSetWait)(void *set, struct event *event, unsigned timeout_ms)
{
    (void)set;
    (void)timeout_ms;
    ENTER(s);
    for (int i = 0; i < s->gpu_count; i++) {
        struct fake_gpu *gpu = &s->gpus[i];
        if (!gpu->xid_count)
            continue;
        memset(event, 0, sizeof *event);
        event->device = make_handle(s, i, 0);
        event->type = 8;
        event->data = gpu->xids[0];
        memmove(gpu->xids, gpu->xids + 1, sizeof gpu->xids - sizeof gpu->xids[0]);
        gpu->xid_count--;
        return leave(OK);
    }
    return leave(TIMEOUT);
}
#endif
