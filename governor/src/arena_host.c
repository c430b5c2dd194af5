/*
 * Arenas of the host's own memory: the same engine on pages of the kernel, to try it out and for
 * scratch memory under a limit. Addresses are a mapping without access; a page becomes memory when
 * it may be written and goes back when it is mapped anew. A handle names nothing, because the
 * kernel gives any page as well as another. Nothing is asynchronous: there are no streams.
 */
#include "arena_source.h"

#include <sys/mman.h>

/* As CUDA's: so that what is learnt here holds there. */
#define GRANULE (INT64_C(2) << 20)

enum { NAMELESS = 1 };

static int host_open(const struct gov_arena_params *params, void **ret_state,
                     int64_t *ret_granule_bytes, bool *ret_maps)
{
    (void)params;
    *ret_state = NULL;
    *ret_granule_bytes = GRANULE;
    *ret_maps = true;
    return GOV_OK;
}

static void host_close(void *state)
{
    (void)state;
}

static int get(int64_t bytes, int access, uint64_t *ret_address)
{
    void *pages =
        mmap(NULL, (size_t)bytes, access, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (pages == MAP_FAILED)
        return GOV_E_DEVICE_NOMEM;
    *ret_address = (uint64_t)(uintptr_t)pages;
    return GOV_OK;
}

static void *pointer(uint64_t address)
{
    return (void *)(uintptr_t)address;
}

static int host_reserve(void *state, int64_t bytes, uint64_t *ret_address)
{
    (void)state;
    return get(bytes, PROT_NONE, ret_address);
}

static int host_give(void *state, uint64_t address, int64_t bytes)
{
    (void)state;
    return munmap(pointer(address), (size_t)bytes) ? GOV_E_IO : GOV_OK;
}

static int host_create(void *state, int64_t bytes, uint64_t *ret_handle)
{
    (void)state;
    (void)bytes;
    *ret_handle = NAMELESS;
    return GOV_OK;
}

static int host_destroy(void *state, int64_t bytes, uint64_t handle)
{
    (void)state;
    (void)bytes;
    (void)handle;
    return GOV_OK;
}

/* Access is what makes it memory: see allow. */
static int host_map(void *state, uint64_t address, int64_t bytes, uint64_t handle)
{
    (void)state;
    (void)address;
    (void)bytes;
    (void)handle;
    return GOV_OK;
}

static int host_unmap(void *state, uint64_t address, int64_t bytes)
{
    (void)state;
    void *pages = mmap(pointer(address), (size_t)bytes, PROT_NONE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
    return pages == MAP_FAILED ? GOV_E_IO : GOV_OK;
}

static int host_allow(void *state, uint64_t address, int64_t bytes)
{
    (void)state;
    return mprotect(pointer(address), (size_t)bytes, PROT_READ | PROT_WRITE) ? GOV_E_DEVICE_NOMEM
                                                                             : GOV_OK;
}

static int host_take(void *state, int64_t bytes, uint64_t *ret_address)
{
    (void)state;
    return get(bytes, PROT_READ | PROT_WRITE, ret_address);
}

const struct gov_arena_source_ops gov_arena_source_host = {
    .name = "host",
    .open = host_open,
    .close = host_close,
    .reserve = host_reserve,
    .unreserve = host_give,
    .create = host_create,
    .destroy = host_destroy,
    .map = host_map,
    .unmap = host_unmap,
    .allow = host_allow,
    .take = host_take,
    .give = host_give,
};
