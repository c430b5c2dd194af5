/*
 * Arenas of a GPU's memory, through the driver loaded at run time. Pages by the virtual memory API
 * (CUDA 10.2) where driver and card have it, else segments by cuMemAlloc. Made current around each
 * group of calls is the context given, or the device's primary one, which other libraries of the
 * process share.
 */
#include <stdlib.h>
#include <string.h>

#include <gov/cuda.h>

#include "arena_source.h"
#include "dl.h"
#include "dl_cuda.h"

/* What cuMemAlloc takes from the device at once; the granule where there are no pages. */
#define SEGMENT_GRANULE (INT64_C(2) << 20)

struct cuda_source {
    struct gov_cuda_memory cuda;
    void *context;
    int device;
    bool retained;
    struct gov_cuda_properties properties;
};

static int find_device(struct cuda_source *s, const struct gov_arena_params *params)
{
    int result = s->cuda.init(0);
    if (result)
        return result;
    if (params->cuda_context) {
        s->context = params->cuda_context;
        result = s->cuda.push(s->context);
        if (result)
            return result;
        result = s->cuda.current_device(&s->device);
        s->cuda.pop(NULL);
        return result;
    }
    result = s->cuda.device_get(&s->device, params->cuda_device);
    if (!result)
        result = s->cuda.retain(&s->context, s->device);
    s->retained = !result;
    return result;
}

static int find_granule(struct cuda_source *s, int64_t *ret_granule_bytes, bool *ret_maps)
{
    enum { MAPPING_SUPPORTED = 102, MINIMUM = 0 };
    const struct gov_cuda_memory *cuda = &s->cuda;
    int maps = 0;
    *ret_granule_bytes = SEGMENT_GRANULE;
    *ret_maps = false;
    if (!cuda->granularity || !cuda->create || !cuda->destroy || !cuda->reserve ||
        !cuda->unreserve || !cuda->map || !cuda->unmap || !cuda->allow)
        return 0; /* a driver from before it */
    int result = cuda->attribute(&maps, MAPPING_SUPPORTED, s->device);
    if (result || !maps)
        return result;
    size_t granule = 0;
    result = cuda->granularity(&granule, &s->properties, MINIMUM);
    if (result == 801)
        return 0;
    if (result)
        return result;
    /* Blocks are multiples of GOV_ARENA_ALIGN, pages powers of two times the granule. */
    if (!granule || granule % GOV_ARENA_ALIGN || granule > (size_t)1 << 32)
        return 0;
    *ret_granule_bytes = (int64_t)granule;
    *ret_maps = true;
    return 0;
}

static void cuda_close(void *state)
{
    struct cuda_source *s = state;
    if (s->retained)
        s->cuda.release(s->device);
    gov_cuda_memory_unload(&s->cuda);
    free(s);
}

static int cuda_open(const struct gov_arena_params *params, void **ret_state,
                     int64_t *ret_granule_bytes, bool *ret_maps)
{
    struct cuda_source *s = calloc(1, sizeof *s);
    if (!s)
        return GOV_E_NOMEM;
    int error =
        gov_cuda_memory_load(params->cuda_path, &s->cuda, params->reason, params->reason_size);
    if (error) {
        free(s);
        return error;
    }
    int result = find_device(s, params);
    s->properties = gov_cuda_properties_of(s->device);
    if (!result)
        result = find_granule(s, ret_granule_bytes, ret_maps);
    if (result) {
        gov_dl_say(params->reason, params->reason_size, "CUDA cannot be used: %s (%d)",
                   gov_error_text(gov_cuda_error(result)), result);
        cuda_close(s);
        /* A number that names no GPU is not one that was lost. */
        return result == 101 ? GOV_E_NO_DEVICE : gov_cuda_error(result);
    }
    *ret_state = s;
    return GOV_OK;
}

static int cuda_enter(void *state)
{
    struct cuda_source *s = state;
    return gov_cuda_error(s->cuda.push(s->context));
}

static void cuda_leave(void *state)
{
    struct cuda_source *s = state;
    s->cuda.pop(NULL);
}

static int cuda_reserve(void *state, int64_t bytes, uint64_t *ret_address)
{
    struct cuda_source *s = state;
    unsigned long long address;
    int error = gov_cuda_error(s->cuda.reserve(&address, (size_t)bytes, 0, 0, 0));
    if (!error)
        *ret_address = address;
    return error;
}

static int cuda_unreserve(void *state, uint64_t address, int64_t bytes)
{
    struct cuda_source *s = state;
    return gov_cuda_error(s->cuda.unreserve(address, (size_t)bytes));
}

static int cuda_create(void *state, int64_t bytes, uint64_t *ret_handle)
{
    struct cuda_source *s = state;
    unsigned long long handle;
    int error = gov_cuda_error(s->cuda.create(&handle, (size_t)bytes, &s->properties, 0));
    if (!error)
        *ret_handle = handle;
    return error;
}

static int cuda_destroy(void *state, int64_t bytes, uint64_t handle)
{
    struct cuda_source *s = state;
    (void)bytes;
    return gov_cuda_error(s->cuda.destroy(handle));
}

static int cuda_map(void *state, uint64_t address, int64_t bytes, uint64_t handle)
{
    struct cuda_source *s = state;
    return gov_cuda_error(s->cuda.map(address, (size_t)bytes, 0, handle, 0));
}

static int cuda_unmap(void *state, uint64_t address, int64_t bytes)
{
    struct cuda_source *s = state;
    return gov_cuda_error(s->cuda.unmap(address, (size_t)bytes));
}

static int cuda_allow(void *state, uint64_t address, int64_t bytes)
{
    struct cuda_source *s = state;
    struct gov_cuda_access access = gov_cuda_access_of(s->device);
    return gov_cuda_error(s->cuda.allow(address, (size_t)bytes, &access, 1));
}

static int cuda_take(void *state, int64_t bytes, uint64_t *ret_address)
{
    struct cuda_source *s = state;
    unsigned long long address;
    int error = gov_cuda_error(s->cuda.take(&address, (size_t)bytes));
    if (!error)
        *ret_address = address;
    return error;
}

static int cuda_give(void *state, uint64_t address, int64_t bytes)
{
    struct cuda_source *s = state;
    (void)bytes;
    return gov_cuda_error(s->cuda.give(address));
}

static int cuda_event_new(void *state, void **ret_event)
{
    enum { NO_TIMING = 2 };
    struct cuda_source *s = state;
    void *event;
    int error = gov_cuda_error(s->cuda.event_new(&event, NO_TIMING));
    if (!error)
        *ret_event = event;
    return error;
}

static void cuda_event_free(void *state, void *event)
{
    struct cuda_source *s = state;
    s->cuda.event_free(event);
}

static int cuda_event_record(void *state, void *event, gov_arena_stream stream)
{
    struct cuda_source *s = state;
    return gov_cuda_error(s->cuda.event_record(event, stream));
}

static int cuda_event_done(void *state, void *event, bool *ret_done)
{
    enum { NOT_READY = 600 };
    struct cuda_source *s = state;
    int result = s->cuda.event_query(event);
    *ret_done = result == 0;
    return result == NOT_READY ? GOV_OK : gov_cuda_error(result);
}

static int cuda_wait(void *state, gov_arena_stream stream)
{
    struct cuda_source *s = state;
    return gov_cuda_error(s->cuda.stream_wait(stream));
}

const struct gov_arena_source_ops gov_arena_source_cuda = {
    .name = "cuda",
    .open = cuda_open,
    .close = cuda_close,
    .enter = cuda_enter,
    .leave = cuda_leave,
    .reserve = cuda_reserve,
    .unreserve = cuda_unreserve,
    .create = cuda_create,
    .destroy = cuda_destroy,
    .map = cuda_map,
    .unmap = cuda_unmap,
    .allow = cuda_allow,
    .take = cuda_take,
    .give = cuda_give,
    .event_new = cuda_event_new,
    .event_free = cuda_event_free,
    .event_record = cuda_event_record,
    .event_done = cuda_event_done,
    .wait = cuda_wait,
};
