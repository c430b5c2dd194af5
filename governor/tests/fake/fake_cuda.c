/*
 * A fake libcuda.so.1: devices and contexts. Memory is in fake_cuda_memory.c and fake_cuda_vmm.c,
 * streams and events in fake_cuda_stream.c, modules, kernels and errors in fake_cuda_module.c.
 *
 * A sticky error (an illegal address, a lost GPU ...) is one for the rest of the process, as with
 * the real driver; here until all contexts are gone and cuInit is called again.
 */
#include "fake_cuda.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_CURRENT = 32 };

/* A driver library is one object for the process; this is it. */
static struct {
    pthread_mutex_t mutex;
    bool initialized;
    pid_t pid;              /* a child of fork must not go on with its parent's driver */
    int visible[FAKE_GPUS]; /* ordinal -> NVML's number */
    int count;
    struct context primary[FAKE_GPUS];
    int32_t held[FAKE_THINGS]; /* by this process */
    int sticky;                /* an error after which this process gets nothing but it */
} driver = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static _Thread_local struct context *stack[MOST_CURRENT];
static _Thread_local int depth;

static int usable(void)
{
    return driver.initialized && driver.pid == getpid() ? CU_OK : CU_NOT_INITIALIZED;
}

static bool is_sticky(int error)
{
    return error == 214 || error == 999 || (error >= 700 && error < 720 && error != 705);
}

/* A GPU that is gone answers nobody who has a context on it. */
static int broken(const struct fake_state *s)
{
    const struct context *context = fake_current();
    if (!driver.sticky && context && s->gpus[context->gpu].lost)
        driver.sticky = CU_UNKNOWN;
    return driver.sticky;
}

int fake_call(const char *function)
{
    int result = usable();
    struct fake_state *s = result ? NULL : fake_lock();
    if (!s)
        return CU_NOT_INITIALIZED;
    result = broken(s);
    bool named = !s->cuda_function[0] || !strcmp(s->cuda_function, function);
    if (!result && named && fake_fails(&s->cuda, function)) {
        result = s->cuda.error;
        driver.sticky = is_sticky(result) ? result : 0;
    }
    fake_unlock();
    return result;
}

void fake_count(enum fake_thing thing, int change)
{
    struct fake_state *s = fake_lock();
    if (!s)
        return;
    s->held[thing] += change;
    driver.held[thing] += change;
    fake_unlock();
}

int fake_gpu_of(int device)
{
    return device >= 0 && device < driver.count ? driver.visible[device] : -1;
}

int fake_charge(const char *function, int gpu, uint64_t bytes)
{
    struct fake_state *s = fake_lock();
    if (!s)
        return CU_NOT_INITIALIZED;
    int result = broken(s);
    if (result)
        ;
    else if (fake_fails(&s->allocation, function))
        result = s->allocation.error;
    else if (!fake_take(s, gpu, bytes))
        result = CU_NO_MEMORY;
    fake_unlock();
    return result;
}

void fake_discharge(int gpu, uint64_t bytes)
{
    struct fake_state *s = fake_lock();
    if (!s)
        return;
    fake_give(s, gpu, bytes);
    fake_unlock();
}

struct context *fake_current(void)
{
    return depth ? stack[depth - 1] : NULL;
}

/* --- devices --- */

static int find_visible(const struct fake_state *s, const char *entry, size_t length)
{
    char text[8], *end;
    if (length > 4 && !strncmp(entry, "GPU-", 4)) {
        for (int i = 0; i < s->gpu_count; i++) {
            char uuid[40] = "";
            for (int k = 0; k < 16; k++)
                sprintf(uuid + strlen(uuid), "%s%02x",
                        k == 4 || k == 6 || k == 8 || k == 10 ? "-" : "", s->gpus[i].uuid[k]);
            if (!strncmp(uuid, entry + 4, length - 4))
                return i;
        }
        return -1;
    }
    if (!length || length >= sizeof text)
        return -1;
    snprintf(text, sizeof text, "%.*s", (int)length, entry);
    long ordinal = strtol(text, &end, 10);
    return !*end && ordinal >= 0 && ordinal < s->gpu_count ? s->cuda_order[ordinal] : -1;
}

/* The list ends at the first entry that names nothing. */
static void choose_visible(const struct fake_state *s)
{
    const char *list = getenv("CUDA_VISIBLE_DEVICES");
    driver.count = 0;
    if (!list) {
        for (int i = 0; i < s->gpu_count; i++)
            driver.visible[driver.count++] = s->cuda_order[i];
        return;
    }
    while (driver.count < FAKE_GPUS) {
        size_t length = strcspn(list, ",");
        int gpu = find_visible(s, list, length);
        if (gpu < 0)
            return;
        driver.visible[driver.count++] = gpu;
        if (!list[length])
            return;
        list += length + 1;
    }
}

/*
 * A real driver stays as it was first initialized. Ours looks again at each cuInit without
 * contexts, so that one test program can set up many machines.
 */
API int cuInit(unsigned flags)
{
    if (flags)
        return CU_INVALID;
    if (driver.initialized && driver.pid != getpid())
        return CU_NOT_INITIALIZED;
    pthread_mutex_lock(&driver.mutex);
    int result = CU_NO_DEVICE;
    bool busy = false;
    for (int i = 0; i < FAKE_GPUS; i++)
        busy = busy || driver.primary[i].references;
    if (driver.initialized && !busy)
        fake_detach();
    if (busy || fake_attach()) {
        struct fake_state *s = fake_lock();
        result = CU_OK;
        if (!busy)
            choose_visible(s);
        driver.sticky = busy ? driver.sticky : 0; /* a test's next process */
        if (fake_fails(&s->cuda, __func__))
            result = s->cuda.error;
        else if (s->no_cuda || !driver.count)
            result = CU_NO_DEVICE;
        fake_unlock();
        if (result && !busy)
            fake_detach();
    }
    driver.initialized = !result;
    driver.pid = getpid();
    pthread_mutex_unlock(&driver.mutex);
    return result;
}

static void report_held(void)
{
    static const char *const names[FAKE_THINGS] = {"blocks",  "handles", "ranges", "mappings",
                                                   "streams", "events",  "modules"};
    for (int i = 0; i < FAKE_THINGS; i++) {
        if (driver.held[i])
            fprintf(stderr, "fake libcuda: %d %s not given back\n", driver.held[i], names[i]);
    }
}

/* A process that ends gives back what it holds; so does the next one to look, after a kill. */
static void __attribute__((destructor)) leave_process(void)
{
    struct fake_state *s = driver.initialized && driver.pid == getpid() ? fake_lock() : NULL;
    if (!s)
        return;
    if (getenv("FAKE_NVIDIA_REPORT"))
        report_held();
    for (int i = 0; i < FAKE_THINGS; i++)
        s->held[i] -= driver.held[i];
    for (int gpu = 0; gpu < FAKE_GPUS; gpu++)
        fake_give(s, gpu, UINT64_MAX);
    fake_unlock();
    fake_detach();
}

API int cuDriverGetVersion(int *version)
{
    struct fake_state *s = fake_lock();
    *version = s ? s->cuda_version : 13000;
    if (s)
        fake_unlock();
    return CU_OK;
}

API int cuDeviceGetCount(int *count)
{
    ENTER();
    *count = driver.count;
    return CU_OK;
}

API int cuDeviceGet(int *device, int ordinal)
{
    ENTER();
    if (ordinal < 0 || ordinal >= driver.count)
        return CU_INVALID_DEVICE;
    *device = ordinal;
    return CU_OK;
}

/* The GPU behind a device number, with the lock held; NULL: there is none. */
static struct fake_gpu *open_device(int device, struct fake_state **ret_state)
{
    if (usable() || device < 0 || device >= driver.count)
        return NULL;
    *ret_state = fake_lock();
    return *ret_state ? &(*ret_state)->gpus[driver.visible[device]] : NULL;
}

API int cuDeviceGetName(char *name, int size, int device)
{
    struct fake_state *s;
    const struct fake_gpu *gpu = open_device(device, &s);
    if (!gpu)
        return CU_INVALID_DEVICE;
    snprintf(name, (size_t)size, "%s", gpu->name);
    fake_unlock();
    return CU_OK;
}

static int copy_uuid(void *uuid, int device, bool instance)
{
    struct fake_state *s;
    const struct fake_gpu *gpu = open_device(device, &s);
    if (!gpu)
        return CU_INVALID_DEVICE;
    memcpy(uuid, instance && gpu->mig_count ? gpu->migs[0].uuid : gpu->uuid, 16);
    fake_unlock();
    return CU_OK;
}

API int cuDeviceGetUuid(void *uuid, int device)
{
    ENTER();
    return copy_uuid(uuid, device, false);
}

API int cuDeviceGetUuid_v2(void *uuid, int device)
{
    ENTER();
    return copy_uuid(uuid, device, true);
}

API int cuDeviceTotalMem_v2(size_t *bytes, int device)
{
    struct fake_state *s;
    const struct fake_gpu *gpu = open_device(device, &s);
    if (!gpu)
        return CU_INVALID_DEVICE;
    *bytes = gpu->total_bytes;
    fake_unlock();
    return CU_OK;
}

API int cuDeviceComputeCapability(int *major, int *minor, int device)
{
    struct fake_state *s;
    const struct fake_gpu *gpu = open_device(device, &s);
    if (!gpu)
        return CU_INVALID_DEVICE;
    *major = gpu->major;
    *minor = gpu->minor;
    fake_unlock();
    return CU_OK;
}

/* CUdevice_attribute numbers; an RTX 3060's values. */
API int cuDeviceGetAttribute(int *value, int attribute, int device)
{
    struct fake_state *s;
    static const int known[][2] = {
        {1, 1024} /* threads a block */,          {10, 32} /* warp */,
        {14, 512} /* texture alignment */,        {16, 28} /* multiprocessors */,
        {41, 1} /* unified addressing */,         {51, 32} /* texture pitch */,
        {102, 1} /* virtual memory management */, {115, 1} /* memory pools */};
    ENTER();
    const struct fake_gpu *gpu = open_device(device, &s);
    if (!gpu)
        return CU_INVALID_DEVICE;
    *value = attribute == 75 ? gpu->major : attribute == 76 ? gpu->minor : 0;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (known[i][0] == attribute)
            *value = known[i][1];
    }
    if (attribute == 102 && s->no_vmm)
        *value = 0;
    fake_unlock();
    return CU_OK;
}

/* --- contexts --- */

static int context_cost(uint64_t *ret_bytes, int change)
{
    struct fake_state *s = fake_lock();
    if (!s)
        return CU_NOT_INITIALIZED;
    *ret_bytes = s->context_bytes;
    s->contexts += change;
    fake_unlock();
    return CU_OK;
}

static int start_context(struct context *context, int device, unsigned flags, const char *function)
{
    uint64_t bytes;
    if (device < 0 || device >= driver.count)
        return CU_INVALID_DEVICE;
    int result = context_cost(&bytes, 0);
    if (!result)
        result = fake_charge(function, driver.visible[device], bytes);
    if (result)
        return result;
    *context = (struct context){.gpu = driver.visible[device], .references = 1, .flags = flags};
    return context_cost(&bytes, 1);
}

static void end_context(struct context *context)
{
    uint64_t bytes;
    fake_memory_drop(context);
    if (!context_cost(&bytes, -1))
        fake_discharge(context->gpu, bytes);
    for (int i = 0; i < depth; i++) {
        if (stack[i] == context)
            stack[i] = NULL;
    }
}

static int push(struct context *context)
{
    if (depth == MOST_CURRENT)
        return CU_INVALID_CONTEXT;
    stack[depth++] = context;
    return CU_OK;
}

API int cuCtxCreate_v2(struct context **ret_context, unsigned flags, int device)
{
    ENTER();
    struct context *context = calloc(1, sizeof *context);
    int result = context ? start_context(context, device, flags, __func__) : CU_NO_MEMORY;
    if (!result)
        result = push(context);
    if (result) {
        free(context);
        return result;
    }
    *ret_context = context;
    return CU_OK;
}

API int cuCtxDestroy_v2(struct context *context)
{
    ENTER_TO_FREE(failure);
    if (!context || context->primary)
        return CU_INVALID_CONTEXT;
    bool current = fake_current() == context;
    end_context(context);
    depth -= current;
    free(context);
    return failure;
}

API int cuCtxPushCurrent_v2(struct context *context)
{
    ENTER();
    return context ? push(context) : CU_INVALID_CONTEXT;
}

API int cuCtxPopCurrent_v2(struct context **ret_context)
{
    ENTER_TO_FREE(failure);
    if (!depth)
        return CU_INVALID_CONTEXT;
    depth--;
    if (ret_context)
        *ret_context = stack[depth];
    return failure;
}

API int cuCtxGetCurrent(struct context **ret_context)
{
    ENTER();
    *ret_context = fake_current();
    return CU_OK;
}

API int cuCtxSetCurrent(struct context *context)
{
    ENTER();
    if (depth)
        depth--;
    return context ? push(context) : CU_OK;
}

API int cuCtxGetDevice(int *device)
{
    ENTER();
    for (int i = 0; fake_current() && i < driver.count; i++) {
        if (driver.visible[i] == fake_current()->gpu) {
            *device = i;
            return CU_OK;
        }
    }
    return CU_INVALID_CONTEXT;
}

API int cuCtxSetLimit(int limit, size_t value)
{
    (void)limit;
    (void)value;
    ENTER();
    return fake_current() ? CU_OK : CU_INVALID_CONTEXT;
}

API int cuCtxSynchronize(void)
{
    ENTER();
    if (!fake_current())
        return CU_INVALID_CONTEXT;
    fake_pools_settle(fake_current()->gpu);
    return CU_OK;
}

API int cuDevicePrimaryCtxRetain(struct context **ret_context, int device)
{
    ENTER();
    if (device < 0 || device >= driver.count)
        return CU_INVALID_DEVICE;
    struct context *context = &driver.primary[device];
    pthread_mutex_lock(&driver.mutex);
    int result = CU_OK;
    if (context->references)
        context->references++;
    else
        result = start_context(context, device, context->flags, __func__);
    context->primary = true;
    pthread_mutex_unlock(&driver.mutex);
    if (!result)
        *ret_context = context;
    return result;
}

API int cuDevicePrimaryCtxRelease_v2(int device)
{
    ENTER_TO_FREE(failure);
    if (device < 0 || device >= driver.count || !driver.primary[device].references)
        return CU_INVALID_CONTEXT;
    pthread_mutex_lock(&driver.mutex);
    if (!--driver.primary[device].references)
        end_context(&driver.primary[device]);
    pthread_mutex_unlock(&driver.mutex);
    return failure;
}

API int cuDevicePrimaryCtxSetFlags_v2(int device, unsigned flags)
{
    ENTER();
    if (device < 0 || device >= driver.count)
        return CU_INVALID_DEVICE;
    driver.primary[device].flags = flags;
    return CU_OK;
}

API int cuDevicePrimaryCtxReset_v2(int device)
{
    ENTER();
    if (device < 0 || device >= driver.count)
        return CU_INVALID_DEVICE;
    fake_memory_drop(&driver.primary[device]);
    return CU_OK;
}

/* The names from before CUDA 11. */
API int cuDevicePrimaryCtxReset(int device)
{
    return cuDevicePrimaryCtxReset_v2(device);
}

API int cuDevicePrimaryCtxRelease(int device)
{
    return cuDevicePrimaryCtxRelease_v2(device);
}

API int cuDevicePrimaryCtxSetFlags(int device, unsigned flags)
{
    return cuDevicePrimaryCtxSetFlags_v2(device, flags);
}

API int cuDevicePrimaryCtxGetState(int device, unsigned *flags, int *active)
{
    ENTER();
    if (device < 0 || device >= driver.count)
        return CU_INVALID_DEVICE;
    *flags = driver.primary[device].flags;
    *active = driver.primary[device].references > 0;
    return CU_OK;
}
