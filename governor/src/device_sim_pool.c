/*
 * Caching pools of the simulated device: the reason why "freed" memory does not come back. A pool
 * keeps chunks and cuts them into slices, first fit by address, as simple allocators do; one small
 * slice that lives on pins its whole chunk. This is where a GPU's memory fragments: the device
 * itself maps pages behind any range of addresses and has no holes.
 *
 * Each chunk remembers its largest gap, so looking for room visits chunks, not slices.
 */
#include "device_sim.h"

#include <stdlib.h>
#include <string.h>

#include "util.h"

/* As CUDA's allocators align; PyTorch's caching allocator rounds to the same. */
enum { SLICE_ALIGN = 512 };

static struct sim_pool *find_pool(const struct sim *sim, uint64_t id)
{
    for (size_t i = 0; i < sim->pool_count; i++) {
        if (sim->pools[i].id == id)
            return &sim->pools[i];
    }
    return NULL;
}

static void free_chunks(struct sim_pool *pool)
{
    for (size_t i = 0; i < pool->chunk_count; i++)
        free(pool->chunks[i].slices);
    free(pool->chunks);
    pool->chunks = NULL;
    pool->chunk_count = pool->chunk_capacity = 0;
}

void gov_sim_drop_pools(struct sim *sim, int64_t pid)
{
    size_t kept = 0;
    for (size_t i = 0; i < sim->pool_count; i++) {
        if (pid < 0 || sim->pools[i].pid == pid)
            free_chunks(&sim->pools[i]);
        else
            sim->pools[kept++] = sim->pools[i];
    }
    sim->pool_count = kept;
}

int gov_sim_pool_new(struct gov_device *device, int64_t pid, int64_t chunk_bytes,
                     uint64_t *ret_pool)
{
    if (!device || pid <= 0 || chunk_bytes <= 0 || !ret_pool)
        return GOV_E_INVALID;
    struct sim *sim = gov_sim_of(device);
    if (!sim)
        return GOV_E_UNSUPPORTED;
    if (sim->pool_count == sim->pool_capacity) {
        size_t capacity = sim->pool_capacity ? sim->pool_capacity * 2 : 8;
        struct sim_pool *grown = realloc(sim->pools, capacity * sizeof *grown);
        if (!grown)
            return GOV_E_NOMEM;
        sim->pools = grown;
        sim->pool_capacity = capacity;
    }
    struct sim_pool *pool = &sim->pools[sim->pool_count++];
    *pool = (struct sim_pool){.id = ++sim->last_pool_id,
                              .pid = pid,
                              .chunk_bytes = chunk_bytes,
                              .next_base = SLICE_ALIGN};
    *ret_pool = pool->id;
    return GOV_OK;
}

/* The chunk goes back to the device; its entry in the pool is the caller's to remove. */
static void return_chunk(struct sim *sim, const struct sim_pool *pool, struct sim_chunk *chunk)
{
    struct sim_process *process = gov_sim_find_process(sim, pool->pid);
    if (process)
        process->pool_bytes -= chunk->bytes;
    gov_sim_uncharge(sim, chunk->bytes);
    free(chunk->slices);
}

/* Errors: INVALID, UNSUPPORTED, NOT_FOUND. */
static int pool_of(struct gov_device *device, uint64_t id, struct sim **ret_sim,
                   struct sim_pool **ret_pool)
{
    if (!device)
        return GOV_E_INVALID;
    *ret_sim = gov_sim_of(device);
    if (!*ret_sim)
        return GOV_E_UNSUPPORTED;
    *ret_pool = find_pool(*ret_sim, id);
    return *ret_pool ? GOV_OK : GOV_E_NOT_FOUND;
}

int gov_sim_pool_free(struct gov_device *device, uint64_t id)
{
    struct sim *sim;
    struct sim_pool *pool;
    int error = pool_of(device, id, &sim, &pool);
    if (error)
        return error;
    for (size_t i = 0; i < pool->chunk_count; i++)
        return_chunk(sim, pool, &pool->chunks[i]);
    free(pool->chunks);
    *pool = sim->pools[--sim->pool_count];
    return GOV_OK;
}

static void find_largest_gap(struct sim_chunk *chunk)
{
    int64_t end = 0, largest = 0;
    for (size_t i = 0; i < chunk->slice_count; i++) {
        largest = MAX(largest, chunk->slices[i].offset - end);
        end = chunk->slices[i].offset + chunk->slices[i].bytes;
    }
    chunk->largest_gap_bytes = MAX(largest, chunk->bytes - end);
}

/* Makes room for one slice more; NOMEM leaves the chunk as it was. */
static int grow_slices(struct sim_chunk *chunk)
{
    if (chunk->slice_count < chunk->slice_capacity)
        return GOV_OK;
    size_t capacity = chunk->slice_capacity ? chunk->slice_capacity * 2 : 8;
    struct sim_slice *grown = realloc(chunk->slices, capacity * sizeof *grown);
    if (!grown)
        return GOV_E_NOMEM;
    chunk->slices = grown;
    chunk->slice_capacity = capacity;
    return GOV_OK;
}

/* The chunk has a gap that is large enough. */
static int cut_slice(struct sim_chunk *chunk, int64_t bytes, int64_t *ret_address)
{
    int error = grow_slices(chunk);
    if (error)
        return error;
    int64_t end = 0;
    size_t at = 0;
    for (; at < chunk->slice_count && chunk->slices[at].offset - end < bytes; at++)
        end = chunk->slices[at].offset + chunk->slices[at].bytes;
    memmove(&chunk->slices[at + 1], &chunk->slices[at],
            (chunk->slice_count - at) * sizeof chunk->slices[0]);
    chunk->slices[at] = (struct sim_slice){end, bytes};
    chunk->slice_count++;
    chunk->live_bytes += bytes;
    find_largest_gap(chunk);
    *ret_address = chunk->base + end;
    return GOV_OK;
}

/* Takes a chunk of at least bytes from the device and cuts the slice out of it. */
static int cut_new_chunk(struct sim *sim, struct sim_pool *pool, int64_t bytes,
                         int64_t *ret_address)
{
    if (pool->chunk_count == pool->chunk_capacity) {
        size_t capacity = pool->chunk_capacity ? pool->chunk_capacity * 2 : 8;
        struct sim_chunk *grown = realloc(pool->chunks, capacity * sizeof *grown);
        if (!grown)
            return GOV_E_NOMEM;
        pool->chunks = grown;
        pool->chunk_capacity = capacity;
    }
    struct sim_chunk chunk = {.base = pool->next_base};
    chunk.bytes = gov_sim_round(sim, MAX(bytes, pool->chunk_bytes));
    int64_t next_base, address;
    if (__builtin_add_overflow(pool->next_base, chunk.bytes, &next_base) ||
        next_base > INT64_MAX - SLICE_ALIGN)
        return GOV_E_DEVICE_NOMEM; /* larger than any device; or 2^63 bytes of addresses used up */
    int error = cut_slice(&chunk, bytes, &address);
    struct sim_process *process = NULL;
    if (!error)
        error = gov_sim_charge(sim, pool->pid, chunk.bytes, &process);
    if (error) {
        free(chunk.slices);
        return error;
    }
    process->pool_bytes += chunk.bytes;
    process->peak_bytes = MAX(process->peak_bytes, gov_sim_process_bytes(process));
    pool->next_base = next_base + (SLICE_ALIGN - next_base % SLICE_ALIGN) % SLICE_ALIGN;
    pool->chunks[pool->chunk_count++] = chunk;
    *ret_address = address;
    return GOV_OK;
}

int gov_sim_pool_take(struct gov_device *device, int64_t now_us, uint64_t id, int64_t bytes,
                      int64_t *ret_address)
{
    if (!device || bytes < 0 || !ret_address)
        return GOV_E_INVALID;
    struct sim *sim = gov_sim_of(device);
    if (!sim)
        return GOV_E_UNSUPPORTED;
    gov_sim_pass_time(sim, now_us);
    if (sim->lost)
        return GOV_E_DEVICE_LOST;
    struct sim_pool *pool = find_pool(sim, id);
    if (!pool)
        return GOV_E_NOT_FOUND;
    if (bytes > INT64_MAX - SLICE_ALIGN)
        return GOV_E_DEVICE_NOMEM;
    bytes = MAX((bytes + SLICE_ALIGN - 1) / SLICE_ALIGN, 1) * SLICE_ALIGN;
    for (size_t i = 0; i < pool->chunk_count; i++) {
        if (pool->chunks[i].largest_gap_bytes >= bytes)
            return cut_slice(&pool->chunks[i], bytes, ret_address);
    }
    int error = gov_sim_enter(sim, GOV_SIM_CALL_TAKE);
    return error ? error : cut_new_chunk(sim, pool, bytes, ret_address);
}

static struct sim_chunk *find_chunk(const struct sim_pool *pool, int64_t address)
{
    size_t low = 0, high = pool->chunk_count; /* the last chunk whose base is not above address */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (pool->chunks[middle].base <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? &pool->chunks[low - 1] : NULL;
}

int gov_sim_pool_give(struct gov_device *device, uint64_t id, int64_t address)
{
    if (!device)
        return GOV_E_INVALID;
    struct sim *sim = gov_sim_of(device);
    if (!sim)
        return GOV_E_UNSUPPORTED;
    const struct sim_pool *pool = find_pool(sim, id);
    struct sim_chunk *chunk = pool ? find_chunk(pool, address) : NULL;
    size_t low = 0, high = chunk ? chunk->slice_count : 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (chunk->base + chunk->slices[middle].offset < address)
            low = middle + 1;
        else
            high = middle;
    }
    if (!chunk || low == chunk->slice_count || chunk->base + chunk->slices[low].offset != address)
        return GOV_E_NOT_FOUND;
    chunk->live_bytes -= chunk->slices[low].bytes;
    chunk->slice_count--;
    memmove(&chunk->slices[low], &chunk->slices[low + 1],
            (chunk->slice_count - low) * sizeof chunk->slices[0]);
    find_largest_gap(chunk);
    return GOV_OK;
}

int gov_sim_pool_trim(struct gov_device *device, uint64_t id, int64_t *ret_freed_bytes)
{
    struct sim *sim;
    struct sim_pool *pool;
    int error = pool_of(device, id, &sim, &pool);
    if (error)
        return error;
    int64_t freed = 0;
    size_t kept = 0;
    for (size_t i = 0; i < pool->chunk_count; i++) {
        if (pool->chunks[i].slice_count) {
            pool->chunks[kept++] = pool->chunks[i];
            continue;
        }
        freed += pool->chunks[i].bytes;
        return_chunk(sim, pool, &pool->chunks[i]);
    }
    pool->chunk_count = kept;
    if (ret_freed_bytes)
        *ret_freed_bytes = freed;
    return GOV_OK;
}

int gov_sim_pool_stats(const struct gov_device *device, uint64_t id,
                       struct gov_sim_pool_stats *ret_stats)
{
    if (!device || !ret_stats)
        return GOV_E_INVALID;
    const struct sim *sim = gov_sim_of(device);
    if (!sim)
        return GOV_E_UNSUPPORTED;
    const struct sim_pool *pool = find_pool(sim, id);
    if (!pool)
        return GOV_E_NOT_FOUND;
    struct gov_sim_pool_stats stats = {.chunk_count = pool->chunk_count};
    for (size_t i = 0; i < pool->chunk_count; i++) {
        const struct sim_chunk *chunk = &pool->chunks[i];
        stats.held_bytes += chunk->bytes;
        stats.live_bytes += chunk->live_bytes;
        stats.slice_count += chunk->slice_count;
        if (chunk->slice_count)
            stats.pinned_bytes += chunk->bytes;
        stats.largest_gap_bytes = MAX(stats.largest_gap_bytes, chunk->largest_gap_bytes);
    }
    *ret_stats = stats;
    return GOV_OK;
}
