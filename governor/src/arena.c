/*
 * The front of an arena: checks, the lock, and the order in which a take looks for memory. The way
 * that is taken all the time (something fits) makes no call to the driver and no system call; all
 * others are between enter and leave of the source.
 */
#include <stdlib.h>
#include <string.h>

#include "arena_internal.h"
#include "dl.h"
#include "util.h"

enum { MOST_ASKED = 3 };
#define MOST_PAGES   2048 /* of a limit, where nobody chose the size of a page */
#define LARGEST_PAGE (INT64_C(32) << 20)
#define MOST_BYTES   (INT64_C(1) << 44) /* of a limit: far more than any device has */

int gov_arena_note(struct gov_arena *arena, int error)
{
    if (gov_error_ends_process(error) && !arena->broken)
        arena->broken = error;
    return error;
}

/* --- new and free --- */

static const struct gov_arena_source_ops *find_source(const char *name)
{
    static const struct gov_arena_source_ops *const sources[] = {&gov_arena_source_cuda,
                                                                 &gov_arena_source_host};
    for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++) {
        if (!strcmp(sources[i]->name, name))
            return sources[i];
    }
    return NULL;
}

int gov_arena_new(const char *backend, const struct gov_arena_params *params,
                  struct gov_arena **ret_arena)
{
    if (!backend || !params)
        return GOV_E_INVALID;
    const struct gov_arena_source_ops *ops = find_source(backend);
    if (!ops) {
        gov_dl_say(params->reason, params->reason_size, "there is no arena on \"%s\"", backend);
        return GOV_E_NO_DEVICE;
    }
    return gov_arena_open(ops, params, ret_arena);
}

static int64_t choose_page(const struct gov_arena_params *params, int64_t granule)
{
    int64_t page = granule;
    if (params->page_bytes > 0) {
        while (page < params->page_bytes && page < MOST_BYTES)
            page *= 2;
        return page;
    }
    while (page < LARGEST_PAGE && params->limit_bytes / page > MOST_PAGES)
        page *= 2;
    return page;
}

int gov_arena_open(const struct gov_arena_source_ops *ops, const struct gov_arena_params *params,
                   struct gov_arena **ret_arena)
{
    if (!ret_arena || params->limit_bytes <= 0 || params->limit_bytes > MOST_BYTES ||
        params->page_bytes < 0 || params->page_bytes > MOST_BYTES)
        return GOV_E_INVALID;
    struct gov_arena *arena = calloc(1, sizeof *arena);
    if (!arena)
        return GOV_E_NOMEM;
    int64_t granule;
    int error = ops->open(params, &arena->state, &granule, &arena->maps);
    if (error || pthread_mutex_init(&arena->lock, NULL)) {
        if (!error)
            ops->close(arena->state);
        free(arena);
        return error ? error : GOV_E_NOMEM;
    }
    arena->ops = ops;
    arena->params = *params;
    arena->params.reason = NULL; /* was borrowed for the call */
    arena->params.cuda_path = NULL;
    arena->maps = arena->maps && !params->without_mapping;
    arena->page_bytes = choose_page(params, granule);
    arena->small_bytes = arena->page_bytes / 8;
    arena->limit_bytes = params->limit_bytes;
    arena->tick = 1; /* nothing has passed that one */
    *ret_arena = arena;
    return GOV_OK;
}

static int enter(struct gov_arena *arena)
{
    return arena->ops->enter ? gov_arena_note(arena, arena->ops->enter(arena->state)) : GOV_OK;
}

static void leave(struct gov_arena *arena)
{
    if (arena->ops->leave)
        arena->ops->leave(arena->state);
}

static void drop_memory(struct gov_arena *arena)
{
    bool freed;
    gov_arena_wait(arena, &freed); /* what is still at work must not lose its memory */
    for (int i = 1; i < ARENA_STREAMS; i++) {
        if (arena->streams[i].event)
            arena->ops->event_free(arena->state, arena->streams[i].event);
    }
    for (int h = 0; h < ARENA_HEAPS; h++) {
        while (arena->heaps[h].regions)
            gov_arena_region_drop(arena, arena->heaps[h].regions);
    }
}

size_t gov_arena_free(struct gov_arena *arena)
{
    if (!arena)
        return 0;
    size_t live = (size_t)arena->stats.blocks.now;
    /* Even where nothing answers any more: what can be given back is. */
    bool entered = !enter(arena);
    drop_memory(arena);
    if (entered)
        leave(arena);
    arena->ops->close(arena->state);
    for (int h = 0; h < ARENA_HEAPS; h++) {
        for (int i = 0; i < ARENA_STREAMS; i++)
            free(arena->heaps[h].bins[i]);
    }
    for (struct arena_slab *next, *slab = arena->slabs; slab; slab = next) {
        next = slab->next;
        free(slab);
    }
    free(arena->table);
    pthread_mutex_destroy(&arena->lock);
    free(arena);
    return live;
}

/* --- taking --- */

/* What a take needs of the host, so that nothing can fail once memory is found. */
static int prepare(struct gov_arena *arena, struct arena_heap *heap, int owner)
{
    int error = arena->broken;
    if (!error && !arena->spare_count)
        error = gov_arena_spare(arena, 1);
    if (!error && (size_t)arena->stats.blocks.now + 1 > arena->table_size / 2)
        error = gov_arena_table_grow(arena);
    if (!error && !heap->bins[0])
        error = gov_arena_need_bins(heap, 0);
    if (!error && !heap->bins[owner])
        error = gov_arena_need_bins(heap, owner);
    return error;
}

/* The smaller of what is free for this stream and what is free for all. */
static struct arena_block *find(struct gov_arena *arena, const struct arena_heap *heap, int owner,
                                int64_t bytes)
{
    struct arena_block *own = owner ? gov_arena_fit(arena, heap, owner, bytes) : NULL;
    if (own && own->bytes == bytes)
        return own;
    struct arena_block *free_for_all = gov_arena_fit(arena, heap, 0, bytes);
    return !own || (free_for_all && free_for_all->bytes < own->bytes) ? free_for_all : own;
}

static void cut(struct gov_arena *arena, struct arena_block *block, int64_t bytes)
{
    gov_arena_unbin(arena, block);
    block->state = ARENA_LIVE;
    if (block->bytes > bytes)
        gov_arena_bin(arena, gov_arena_split(arena, block, bytes));
}

/* One try: what the device has done meanwhile, then more memory. */
static int look(struct gov_arena *arena, struct arena_heap *heap, int owner, int64_t bytes,
                bool wait, struct arena_block **ret_block)
{
    bool freed;
    int error = enter(arena);
    if (error)
        return error;
    error = wait ? gov_arena_wait(arena, &freed) : gov_arena_poll(arena, &freed);
    if (arena->broken) {
        error = arena->broken;
    } else {
        struct arena_block *block = find(arena, heap, owner, bytes);
        error = block ? gov_arena_spare(arena, 1) : GOV_OK;
        if (block && !error) {
            cut(arena, block, bytes);
            *ret_block = block;
        } else if (!error) {
            error = gov_arena_grow(arena, heap, owner, bytes, ret_block);
        }
    }
    leave(arena);
    return error;
}

static bool is_shortage(int error)
{
    return error == GOV_E_NO_ROOM || error == GOV_E_DEVICE_NOMEM;
}

static int search(struct gov_arena *arena, struct arena_heap *heap, int owner, int64_t bytes,
                  struct arena_block **ret_block)
{
    int error = look(arena, heap, owner, bytes, false, ret_block);
    for (int asked = 0; is_shortage(error); asked++) {
        if (arena->stats.waiting.now)
            error = look(arena, heap, owner, bytes, true, ret_block);
        if (!is_shortage(error) || !arena->params.short_of_memory || asked == MOST_ASKED)
            return error;
        arena->stats.asked_count++;
        pthread_mutex_unlock(&arena->lock);
        bool again = arena->params.short_of_memory(arena->params.context, bytes);
        pthread_mutex_lock(&arena->lock);
        if (!again)
            return error;
        error = prepare(arena, heap, owner);
        if (!error)
            error = look(arena, heap, owner, bytes, false, ret_block);
    }
    return error;
}

static void hand_out(struct gov_arena *arena, struct arena_block *block, int owner)
{
    block->state = ARENA_LIVE;
    block->owner = owner;
    block->users = 0;
    gov_arena_table_add(arena, block);
    gov_amount_add(&arena->stats.live, block->bytes);
    gov_amount_add(&arena->stats.blocks, 1);
    arena->stats.takes_count++;
}

static int take(struct gov_arena *arena, int64_t bytes, enum gov_arena_lifetime lifetime,
                gov_arena_stream stream, uint64_t *ret_address)
{
    struct arena_heap *heap = &arena->heaps[2 * lifetime + (bytes >= arena->small_bytes)];
    int owner;
    int error = gov_arena_stream_find(arena, stream, &owner);
    if (!error)
        error = prepare(arena, heap, owner);
    if (error)
        return error;
    struct arena_block *block = find(arena, heap, owner, bytes);
    if (block) {
        cut(arena, block, bytes);
        arena->stats.hits_count++;
    } else {
        error = search(arena, heap, owner, bytes, &block);
    }
    if (error)
        return error;
    hand_out(arena, block, owner);
    *ret_address = block->address;
    return GOV_OK;
}

int gov_arena_take(struct gov_arena *arena, int64_t bytes, enum gov_arena_lifetime lifetime,
                   gov_arena_stream stream, uint64_t *ret_address)
{
    if (!arena || !ret_address || bytes <= 0 || bytes > MOST_BYTES ||
        (lifetime != GOV_ARENA_BRIEF && lifetime != GOV_ARENA_LONG))
        return GOV_E_INVALID;
    bytes = (bytes + GOV_ARENA_ALIGN - 1) / GOV_ARENA_ALIGN * GOV_ARENA_ALIGN;
    pthread_mutex_lock(&arena->lock);
    int error = take(arena, bytes, lifetime, stream, ret_address);
    arena->stats.failed_count += error != GOV_OK;
    pthread_mutex_unlock(&arena->lock);
    return error;
}

/* --- giving back --- */

static int give(struct gov_arena *arena, uint64_t address, gov_arena_stream stream)
{
    int owner;
    struct arena_block *block = gov_arena_table_find(arena, address);
    if (!block)
        return GOV_E_INVALID;
    int error = gov_arena_stream_find(arena, stream, &owner);
    if (error)
        return error;
    gov_arena_table_remove(arena, address);
    gov_amount_add(&arena->stats.live, -block->bytes);
    gov_amount_add(&arena->stats.blocks, -1);
    gov_arena_release(arena, block, owner);
    return GOV_OK;
}

int gov_arena_give(struct gov_arena *arena, uint64_t address, gov_arena_stream stream)
{
    if (!arena)
        return GOV_E_INVALID;
    if (!address)
        return GOV_OK;
    pthread_mutex_lock(&arena->lock);
    int error = give(arena, address, stream);
    pthread_mutex_unlock(&arena->lock);
    return error;
}

int gov_arena_use(struct gov_arena *arena, uint64_t address, gov_arena_stream stream)
{
    if (!arena)
        return GOV_E_INVALID;
    int owner;
    pthread_mutex_lock(&arena->lock);
    struct arena_block *block = gov_arena_table_find(arena, address);
    int error = block ? gov_arena_stream_find(arena, stream, &owner) : GOV_E_INVALID;
    if (!error && owner)
        block->users |= UINT64_C(1) << owner;
    pthread_mutex_unlock(&arena->lock);
    return error;
}

int gov_arena_forget(struct gov_arena *arena, gov_arena_stream stream)
{
    if (!arena)
        return GOV_E_INVALID;
    int owner = 0;
    pthread_mutex_lock(&arena->lock);
    for (int i = 1; i < ARENA_STREAMS; i++) {
        if (arena->streams[i].known && arena->streams[i].handle == stream)
            owner = i;
    }
    int error = owner ? enter(arena) : GOV_E_INVALID;
    if (!error) {
        error = gov_arena_forget_locked(arena, owner);
        leave(arena);
    }
    pthread_mutex_unlock(&arena->lock);
    return error;
}

/* --- less --- */

/* With the lock. Waits for streams only when told to. */
static int shrink(struct gov_arena *arena, int64_t keep_bytes, bool wait, bool drop,
                  int64_t *ret_freed_bytes)
{
    bool freed;
    int64_t before = arena->stats.held.now;
    int error = enter(arena);
    if (error)
        return error;
    error = wait ? gov_arena_wait(arena, &freed) : gov_arena_poll(arena, &freed);
    int trim_error = gov_arena_trim_locked(arena, keep_bytes);
    if (drop)
        gov_arena_drop_empty(arena);
    for (int i = 1; drop && i < ARENA_STREAMS; i++) {
        struct arena_stream *stream = &arena->streams[i];
        if (stream->event && !stream->pending) {
            arena->ops->event_free(arena->state, stream->event);
            stream->event = NULL;
        }
    }
    leave(arena);
    if (ret_freed_bytes)
        *ret_freed_bytes = before - arena->stats.held.now;
    if (arena->broken)
        return arena->broken;
    return error ? error : trim_error;
}

int gov_arena_trim(struct gov_arena *arena, int64_t keep_bytes, int64_t *ret_freed_bytes)
{
    if (!arena || keep_bytes < 0)
        return GOV_E_INVALID;
    pthread_mutex_lock(&arena->lock);
    int error = shrink(arena, keep_bytes, false, false, ret_freed_bytes);
    pthread_mutex_unlock(&arena->lock);
    return error;
}

static void reset_peaks(struct gov_arena *arena)
{
    struct gov_amount *amounts[] = {&arena->stats.held, &arena->stats.live, &arena->stats.blocks,
                                    &arena->stats.waiting};
    for (size_t i = 0; i < sizeof amounts / sizeof amounts[0]; i++)
        amounts[i]->peak = amounts[i]->now;
}

int gov_arena_reclaim(struct gov_arena *arena, enum gov_tier tier, int64_t *ret_freed_bytes)
{
    if (!arena || tier <= GOV_TIER_NONE || tier >= GOV_TIER_COUNT)
        return GOV_E_INVALID;
    pthread_mutex_lock(&arena->lock);
    int error = shrink(arena, 0, true, tier >= GOV_TIER_AGGRESSIVE, ret_freed_bytes);
    if (tier >= GOV_TIER_AGGRESSIVE)
        reset_peaks(arena);
    pthread_mutex_unlock(&arena->lock);
    return error;
}

int gov_arena_set_limit(struct gov_arena *arena, int64_t limit_bytes)
{
    if (!arena || limit_bytes <= 0 || limit_bytes > MOST_BYTES)
        return GOV_E_INVALID;
    int error = GOV_OK;
    pthread_mutex_lock(&arena->lock);
    arena->limit_bytes = limit_bytes;
    if (arena->stats.held.now > limit_bytes)
        error = shrink(arena, limit_bytes, false, false, NULL);
    if (!error && arena->stats.held.now > limit_bytes)
        error = shrink(arena, limit_bytes, true, false, NULL);
    if (!error && arena->stats.held.now > limit_bytes)
        error = GOV_E_NO_ROOM;
    pthread_mutex_unlock(&arena->lock);
    return error;
}

/* --- statistics --- */

static int64_t largest_free(const struct gov_arena *arena)
{
    int64_t largest = 0;
    for (int h = 0; h < ARENA_HEAPS; h++) {
        const struct arena_bins *bins = arena->heaps[h].bins[0];
        if (!bins || !bins->powers)
            continue;
        int power = 31 - __builtin_clz(bins->powers);
        int class = 31 - __builtin_clz(bins->classes[power]);
        for (const struct arena_block *b = bins->lists[power][class]; b; b = b->list_next)
            largest = MAX(largest, b->bytes);
    }
    return largest;
}

int gov_arena_stats(struct gov_arena *arena, struct gov_arena_stats *ret_stats)
{
    if (!arena || !ret_stats)
        return GOV_E_INVALID;
    pthread_mutex_lock(&arena->lock);
    *ret_stats = arena->stats;
    ret_stats->limit_bytes = arena->limit_bytes;
    ret_stats->page_bytes = arena->page_bytes;
    ret_stats->maps = arena->maps;
    ret_stats->trimmable_bytes = gov_arena_trimmable(arena);
    ret_stats->largest_free_bytes = largest_free(arena);
    pthread_mutex_unlock(&arena->lock);
    return GOV_OK;
}

void gov_arena_reset_peaks(struct gov_arena *arena)
{
    if (!arena)
        return;
    pthread_mutex_lock(&arena->lock);
    reset_peaks(arena);
    pthread_mutex_unlock(&arena->lock);
}
