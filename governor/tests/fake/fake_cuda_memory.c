/*
 * Memory of the fake libcuda.so.1. Bytes are pages of the host that nobody has touched, so copies
 * and fills really work, while amounts are counted against the card: plain allocations in whole
 * granules; stream-ordered pools in chunks of 32 MiB that stay until trimmed or synchronized, and
 * cannot go while a slice of theirs lives.
 */
#include "fake_cuda.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MOST_BLOCKS = 4096, MOST_CHUNKS = 1024, MOST_SLICES = 8192, MOST_POOLS = 16 };
#define CHUNK       (32 * FAKE_MIB)
#define SLICE_ALIGN UINT64_C(512)

struct block {
    cu_ptr address; /* 0: unused */
    uint64_t bytes;
    const struct context *context;
};

struct pool {
    bool used;
    int gpu;
    uint64_t threshold; /* bytes kept over a synchronization */
    uint64_t reserved, reserved_high, live, live_high;
};

struct chunk {
    cu_ptr address; /* 0: unused */
    uint64_t bytes;
    int pool;
};

struct slice {
    cu_ptr address; /* 0: unused */
    uint64_t bytes;
    int chunk;
};

static struct {
    pthread_mutex_t mutex;
    struct block blocks[MOST_BLOCKS];
    struct pool pools[MOST_POOLS]; /* the first FAKE_GPUS are the devices' own */
    struct chunk chunks[MOST_CHUNKS];
    struct slice slices[MOST_SLICES];
} memory = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static uint64_t round_up(uint64_t bytes, uint64_t step)
{
    return (bytes + step - 1) / step * step;
}

static cu_ptr map_pages(uint64_t bytes)
{
    void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return pages == MAP_FAILED ? 0 : (cu_ptr)(uintptr_t)pages;
}

static void *host(cu_ptr address)
{
    return (void *)(uintptr_t)address;
}

API int cuMemGetInfo_v2(size_t *ret_free, size_t *ret_total)
{
    ENTER();
    struct fake_state *s = fake_current() ? fake_lock() : NULL;
    if (!s)
        return CU_INVALID_CONTEXT;
    const struct fake_gpu *gpu = &s->gpus[fake_current()->gpu];
    fake_reading(s);
    *ret_total = gpu->total_bytes;
    *ret_free = gpu->total_bytes - gpu->reserved_bytes - fake_used(s, fake_current()->gpu);
    fake_unlock();
    return CU_OK;
}

/* --- plain allocations --- */

API int cuMemAlloc_v2(cu_ptr *ret_address, size_t bytes)
{
    ENTER();
    const struct context *context = fake_current();
    if (!context)
        return CU_INVALID_CONTEXT;
    if (!bytes)
        return CU_INVALID;
    uint64_t granules = round_up(bytes, FAKE_GRANULE);
    int result = fake_charge(__func__, context->gpu, granules);
    if (result)
        return result;
    struct block *block = NULL;
    pthread_mutex_lock(&memory.mutex);
    for (int i = 0; i < MOST_BLOCKS && !block; i++) {
        if (!memory.blocks[i].address)
            block = &memory.blocks[i];
    }
    cu_ptr address = block ? map_pages(granules) : 0;
    if (address)
        *block = (struct block){address, granules, context};
    pthread_mutex_unlock(&memory.mutex);
    if (!address) {
        fake_discharge(context->gpu, granules);
        return CU_NO_MEMORY;
    }
    fake_count(FAKE_BLOCKS, 1);
    *ret_address = address;
    return CU_OK;
}

API int cuMemAllocPitch_v2(cu_ptr *ret_address, size_t *ret_pitch, size_t width, size_t height,
                           unsigned element)
{
    (void)element;
    *ret_pitch = round_up(width, 512);
    return cuMemAlloc_v2(ret_address, *ret_pitch * height);
}

API int cuMemAllocManaged(cu_ptr *ret_address, size_t bytes, unsigned flags)
{
    (void)flags;
    return cuMemAlloc_v2(ret_address, bytes);
}

static void free_block(struct block *block)
{
    munmap(host(block->address), block->bytes);
    fake_count(FAKE_BLOCKS, -1);
    fake_discharge(block->context->gpu, block->bytes);
    block->address = 0;
}

API int cuMemFree_v2(cu_ptr address)
{
    ENTER_TO_FREE(failure);
    int result = address ? CU_INVALID : CU_OK;
    pthread_mutex_lock(&memory.mutex);
    for (int i = 0; address && i < MOST_BLOCKS; i++) {
        if (memory.blocks[i].address == address) {
            free_block(&memory.blocks[i]);
            result = CU_OK;
            break;
        }
    }
    pthread_mutex_unlock(&memory.mutex);
    return failure ? failure : result;
}

void fake_memory_drop(const struct context *context)
{
    pthread_mutex_lock(&memory.mutex);
    for (int i = 0; i < MOST_BLOCKS; i++) {
        if (memory.blocks[i].address && memory.blocks[i].context == context)
            free_block(&memory.blocks[i]);
    }
    pthread_mutex_unlock(&memory.mutex);
}

API int cuMemAllocHost_v2(void **ret_pages, size_t bytes)
{
    ENTER();
    *ret_pages = malloc(bytes);
    return *ret_pages ? CU_OK : CU_NO_MEMORY;
}

API int cuMemFreeHost(void *pages)
{
    ENTER_TO_FREE(failure);
    free(pages);
    return failure;
}

/* --- pools --- */

static uint64_t live_in(int chunk)
{
    uint64_t live = 0;
    for (int i = 0; i < MOST_SLICES; i++) {
        if (memory.slices[i].address && memory.slices[i].chunk == chunk)
            live += memory.slices[i].bytes;
    }
    return live;
}

/* Empty chunks go until no more than `keep` bytes are reserved. */
static void trim_pool(int pool, uint64_t keep)
{
    for (int i = 0; i < MOST_CHUNKS && memory.pools[pool].reserved > keep; i++) {
        struct chunk *chunk = &memory.chunks[i];
        if (!chunk->address || chunk->pool != pool || live_in(i))
            continue;
        munmap(host(chunk->address), chunk->bytes);
        fake_discharge(memory.pools[pool].gpu, chunk->bytes);
        memory.pools[pool].reserved -= chunk->bytes;
        chunk->address = 0;
    }
}

void fake_pools_settle(int gpu)
{
    pthread_mutex_lock(&memory.mutex);
    for (int i = 0; i < MOST_POOLS; i++) {
        if (memory.pools[i].used && memory.pools[i].gpu == gpu)
            trim_pool(i, memory.pools[i].threshold);
    }
    pthread_mutex_unlock(&memory.mutex);
}

static bool is_free(int chunk, cu_ptr address, uint64_t bytes)
{
    for (int i = 0; i < MOST_SLICES; i++) {
        const struct slice *s = &memory.slices[i];
        if (s->address && s->chunk == chunk && address < s->address + s->bytes &&
            s->address < address + bytes)
            return false;
    }
    return true;
}

/* First fit: the start of the chunk, or behind one of its slices. */
static cu_ptr find_gap(int chunk, uint64_t bytes)
{
    const struct chunk *c = &memory.chunks[chunk];
    if (c->bytes >= bytes && is_free(chunk, c->address, bytes))
        return c->address;
    for (int i = 0; i < MOST_SLICES; i++) {
        const struct slice *s = &memory.slices[i];
        cu_ptr after = s->address + s->bytes;
        if (s->address && s->chunk == chunk && after + bytes <= c->address + c->bytes &&
            is_free(chunk, after, bytes))
            return after;
    }
    return 0;
}

static int add_chunk(int pool, uint64_t bytes, int *ret_chunk)
{
    uint64_t size = round_up(bytes, CHUNK);
    int index = 0;
    while (index < MOST_CHUNKS && memory.chunks[index].address)
        index++;
    int result =
        index < MOST_CHUNKS ? fake_charge(__func__, memory.pools[pool].gpu, size) : CU_NO_MEMORY;
    if (result)
        return result;
    cu_ptr address = map_pages(size);
    if (!address) {
        fake_discharge(memory.pools[pool].gpu, size);
        return CU_NO_MEMORY;
    }
    struct pool *p = &memory.pools[pool];
    memory.chunks[index] = (struct chunk){address, size, pool};
    p->reserved += size;
    p->reserved_high = p->reserved > p->reserved_high ? p->reserved : p->reserved_high;
    *ret_chunk = index;
    return CU_OK;
}

static int cut_slice(int pool, uint64_t bytes, cu_ptr *ret_address)
{
    cu_ptr address = 0;
    int chunk = 0, slice = 0;
    while (slice < MOST_SLICES && memory.slices[slice].address)
        slice++;
    if (slice == MOST_SLICES)
        return CU_NO_MEMORY;
    for (int i = 0; i < MOST_CHUNKS && !address; i++) {
        if (memory.chunks[i].address && memory.chunks[i].pool == pool) {
            chunk = i;
            address = find_gap(i, bytes);
        }
    }
    if (!address) {
        int result = add_chunk(pool, bytes, &chunk);
        if (result)
            return result;
        address = memory.chunks[chunk].address;
    }
    struct pool *p = &memory.pools[pool];
    memory.slices[slice] = (struct slice){address, bytes, chunk};
    p->live += bytes;
    p->live_high = p->live > p->live_high ? p->live : p->live_high;
    *ret_address = address;
    return CU_OK;
}

API int cuDeviceGetDefaultMemPool(struct pool **ret_pool, int device)
{
    unsigned char uuid[16];
    extern int cuDeviceGetUuid(void *uuid, int device);
    ENTER();
    int result = cuDeviceGetUuid(uuid, device);
    struct fake_state *s = result ? NULL : fake_lock();
    if (!s)
        return CU_INVALID_DEVICE;
    for (int i = 0; i < s->gpu_count; i++) {
        if (!memcmp(s->gpus[i].uuid, uuid, 16)) {
            *ret_pool = &memory.pools[i];
            memory.pools[i].used = true;
            memory.pools[i].gpu = i;
        }
    }
    fake_unlock();
    return CU_OK;
}

API int cuMemPoolCreate(struct pool **ret_pool, const void *properties)
{
    (void)properties;
    ENTER();
    if (!fake_current())
        return CU_INVALID_CONTEXT;
    for (int i = FAKE_GPUS; i < MOST_POOLS; i++) {
        if (!memory.pools[i].used) {
            memory.pools[i] = (struct pool){.used = true, .gpu = fake_current()->gpu};
            *ret_pool = &memory.pools[i];
            return CU_OK;
        }
    }
    return CU_NO_MEMORY;
}

API int cuMemAllocFromPoolAsync(cu_ptr *ret_address, size_t bytes, struct pool *pool, void *stream)
{
    (void)stream;
    ENTER();
    if (!bytes || !pool)
        return CU_INVALID;
    pthread_mutex_lock(&memory.mutex);
    int result = cut_slice((int)(pool - memory.pools), round_up(bytes, SLICE_ALIGN), ret_address);
    pthread_mutex_unlock(&memory.mutex);
    return result;
}

API int cuMemAllocAsync(cu_ptr *ret_address, size_t bytes, void *stream)
{
    if (!fake_current())
        return CU_INVALID_CONTEXT;
    struct pool *pool = &memory.pools[fake_current()->gpu];
    pool->used = true;
    pool->gpu = fake_current()->gpu;
    return cuMemAllocFromPoolAsync(ret_address, bytes, pool, stream);
}

API int cuMemFreeAsync(cu_ptr address, void *stream)
{
    (void)stream;
    ENTER();
    int result = CU_INVALID;
    pthread_mutex_lock(&memory.mutex);
    for (int i = 0; i < MOST_SLICES; i++) {
        struct slice *slice = &memory.slices[i];
        if (address && slice->address == address) {
            memory.pools[memory.chunks[slice->chunk].pool].live -= slice->bytes;
            slice->address = 0;
            result = CU_OK;
        }
    }
    pthread_mutex_unlock(&memory.mutex);
    return result;
}

API int cuMemPoolTrimTo(struct pool *pool, size_t keep)
{
    ENTER();
    pthread_mutex_lock(&memory.mutex);
    trim_pool((int)(pool - memory.pools), keep);
    pthread_mutex_unlock(&memory.mutex);
    return CU_OK;
}

API int cuMemPoolDestroy(struct pool *pool)
{
    int result = cuMemPoolTrimTo(pool, 0);
    if (!result && pool->reserved)
        return CU_INVALID; /* a slice lives; a real driver would wait for it */
    if (!result)
        pool->used = false;
    return result;
}

/* CUmemPool_attribute: 4 release threshold, 5/6 reserved now/high, 7/8 used now/high. */
API int cuMemPoolSetAttribute(struct pool *pool, int attribute, const uint64_t *value)
{
    ENTER();
    if (attribute == 4)
        pool->threshold = *value;
    else if (attribute == 6)
        pool->reserved_high = pool->reserved;
    else if (attribute == 8)
        pool->live_high = pool->live;
    return CU_OK;
}

API int cuMemPoolGetAttribute(struct pool *pool, int attribute, uint64_t *value)
{
    ENTER();
    const uint64_t values[] = {pool->threshold, pool->reserved, pool->reserved_high, pool->live,
                               pool->live_high};
    if (attribute < 4 || attribute > 8)
        return CU_INVALID;
    *value = values[attribute - 4];
    return CU_OK;
}

/* --- fills and copies --- */

static int copy(void *to, const void *from, size_t bytes)
{
    ENTER();
    memmove(to, from, bytes);
    return CU_OK;
}

API int cuMemsetD8Async(cu_ptr address, unsigned char value, size_t bytes, void *stream)
{
    (void)stream;
    ENTER();
    memset(host(address), value, bytes);
    return CU_OK;
}

API int cuMemcpy(cu_ptr to, cu_ptr from, size_t bytes)
{
    return copy(host(to), host(from), bytes);
}

API int cuMemcpyAsync(cu_ptr to, cu_ptr from, size_t bytes, void *stream)
{
    (void)stream;
    return copy(host(to), host(from), bytes);
}

API int cuMemcpyHtoD_v2(cu_ptr to, const void *from, size_t bytes)
{
    return copy(host(to), from, bytes);
}

API int cuMemcpyHtoDAsync_v2(cu_ptr to, const void *from, size_t bytes, void *stream)
{
    (void)stream;
    return copy(host(to), from, bytes);
}

API int cuMemcpyDtoH_v2(void *to, cu_ptr from, size_t bytes)
{
    return copy(to, host(from), bytes);
}

API int cuMemcpyDtoHAsync_v2(void *to, cu_ptr from, size_t bytes, void *stream)
{
    (void)stream;
    return copy(to, host(from), bytes);
}

API int cuMemcpyDtoD_v2(cu_ptr to, cu_ptr from, size_t bytes)
{
    return copy(host(to), host(from), bytes);
}

API int cuMemcpyDtoDAsync_v2(cu_ptr to, cu_ptr from, size_t bytes, void *stream)
{
    (void)stream;
    return copy(host(to), host(from), bytes);
}

/* CUDA_MEMCPY2D; memory types: 1 host, 2 device, 3 array, 4 unified. */
struct copy_2d {
    size_t from_x, from_y;
    int from_type;
    const void *from_host;
    cu_ptr from_device;
    void *from_array;
    size_t from_pitch;
    size_t to_x, to_y;
    int to_type;
    void *to_host;
    cu_ptr to_device;
    void *to_array;
    size_t to_pitch;
    size_t width, height;
};

API int cuMemcpy2D_v2(const struct copy_2d *c)
{
    ENTER();
    if (c->from_type == 3 || c->to_type == 3)
        return CU_UNSUPPORTED;
    const char *from = c->from_type == 1 ? c->from_host : host(c->from_device);
    char *to = c->to_type == 1 ? c->to_host : host(c->to_device);
    for (size_t y = 0; y < c->height; y++)
        memcpy(to + (c->to_y + y) * c->to_pitch + c->to_x,
               from + (c->from_y + y) * c->from_pitch + c->from_x, c->width);
    return CU_OK;
}

API int cuMemcpy2DAsync_v2(const struct copy_2d *c, void *stream)
{
    (void)stream;
    return cuMemcpy2D_v2(c);
}
