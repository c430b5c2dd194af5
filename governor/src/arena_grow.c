/*
 * Getting memory for a block that fits nowhere. Addresses cost nothing, so there are always enough
 * in a row; what is needed is pages under them. The best place is where the fewest are missing, for
 * instance behind free memory at the end of what is used. Pages that are free elsewhere are mapped
 * there first and only the rest is new: that is what keeps what is held close to what is used,
 * whatever the sizes were before (the idea is that of GMLake, Guo and others, 2024).
 *
 * New pages are got before free ones are moved, so that a device that has none left changes
 * nothing.
 */
#include "arena_internal.h"

#include <stdlib.h>

#include "util.h"

enum { ADDRESSES_PER_LIMIT = 2 };
#define LARGEST_SEGMENT  (INT64_C(32) << 20)
#define SEGMENTS_A_LIMIT 32

/* --- regions --- */

static int add_region(struct gov_arena *arena, struct arena_heap *heap, uint64_t address,
                      int64_t bytes, struct arena_region **ret_region)
{
    struct arena_region *region = calloc(1, sizeof *region);
    int error = region ? gov_arena_spare(arena, 1) : GOV_E_NOMEM;
    if (!error && arena->maps) {
        size_t pages = (size_t)(bytes / arena->page_bytes);
        region->handles = malloc(pages * sizeof *region->handles);
        for (size_t i = 0; region->handles && i < pages; i++)
            region->handles[i] = ARENA_NO_HANDLE;
        error = region->handles ? GOV_OK : GOV_E_NOMEM;
    }
    if (error) {
        free(region);
        return error;
    }
    region->heap = heap;
    region->address = address;
    region->bytes = bytes;
    region->next = heap->regions;
    heap->regions = region;
    region->first = gov_arena_block_new(arena);
    region->first->region = region;
    region->first->address = address;
    region->first->bytes = bytes;
    *ret_region = region;
    return GOV_OK;
}

/* More addresses than can ever be in use at once, so that another range is hardly ever needed. */
static int reserve(struct gov_arena *arena, struct arena_heap *heap, int64_t bytes,
                   struct arena_block **ret_hole)
{
    int64_t page = arena->page_bytes;
    int64_t least = (bytes + page - 1) / page * page;
    int64_t wish = (ADDRESSES_PER_LIMIT * arena->limit_bytes + page - 1) / page * page;
    int64_t size = MAX(least, wish);
    uint64_t address;
    int error = arena->ops->reserve(arena->state, size, &address);
    if (error == GOV_E_DEVICE_NOMEM && size > least) {
        size = least;
        error = arena->ops->reserve(arena->state, size, &address);
    }
    if (gov_arena_note(arena, error))
        return error;
    struct arena_region *region;
    error = add_region(arena, heap, address, size, &region);
    if (error) {
        gov_arena_note(arena, arena->ops->unreserve(arena->state, address, size));
        return error;
    }
    *ret_hole = region->first;
    gov_arena_dig(arena, region->first);
    return GOV_OK;
}

/* --- a place --- */

static bool is_usable(const struct arena_block *block, int owner)
{
    return block && block->state == ARENA_FREE && (!block->owner || block->owner == owner);
}

/* Bytes of pages that are missing from here on for so many bytes; < 0: there is no such room. */
static int64_t missing_from(const struct gov_arena *arena, const struct arena_block *block,
                            int owner, int64_t bytes)
{
    int64_t missing = 0, page = arena->page_bytes;
    for (; bytes > 0; block = block->next) {
        if (!block || (block->state != ARENA_HOLE && !is_usable(block, owner)))
            return -1;
        if (block->state == ARENA_HOLE)
            missing += MIN(block->bytes, (bytes + page - 1) / page * page);
        bytes -= block->bytes;
    }
    return missing;
}

static struct arena_block *find_place(const struct gov_arena *arena, const struct arena_heap *heap,
                                      int owner, int64_t bytes)
{
    struct arena_block *best = NULL;
    int64_t fewest = INT64_MAX;
    for (struct arena_block *hole = heap->holes; hole; hole = hole->list_next) {
        struct arena_block *first = is_usable(hole->prev, owner) ? hole->prev : hole;
        int64_t missing = missing_from(arena, first, owner, bytes);
        if (missing >= 0 && missing < fewest) {
            best = first;
            fewest = missing;
        }
    }
    return best;
}

/* --- the run: blocks in a row, set aside --- */

/* users tells which of them were holes; see fill. */
static void set_aside(struct gov_arena *arena, struct arena_block *block, int64_t bytes)
{
    int64_t page = arena->page_bytes;
    for (; bytes > 0; bytes -= block->bytes, block = block->next) {
        bool hole = block->state == ARENA_HOLE;
        int64_t most = hole ? (bytes + page - 1) / page * page : bytes;
        if (hole)
            gov_arena_undig(arena, block);
        else
            gov_arena_unbin(arena, block);
        block->users = hole;
        if (block->bytes > most) {
            struct arena_block *rest = gov_arena_split(arena, block, most);
            block->state = ARENA_KEPT;
            if (hole)
                gov_arena_dig(arena, rest);
            else
                gov_arena_bin(arena, rest);
        }
        block->state = ARENA_KEPT;
        if (block->bytes >= bytes)
            return;
    }
}

static struct arena_block *next_kept(const struct arena_block *block)
{
    return block->next && block->next->state == ARENA_KEPT ? block->next : NULL;
}

/* Where the next missing page goes. */
struct cursor {
    struct arena_block *block; /* NULL: none is missing */
    int64_t offset;
};

static void skip_backed(struct cursor *at)
{
    while (at->block && (!at->block->users || at->offset >= at->block->bytes)) {
        at->block = next_kept(at->block);
        at->offset = 0;
    }
}

static int64_t missing_after(struct cursor at)
{
    int64_t missing = 0;
    for (skip_backed(&at); at.block; skip_backed(&at)) {
        missing += at.block->bytes - at.offset;
        at.offset = at.block->bytes;
    }
    return missing;
}

static int map_next(struct gov_arena *arena, uint64_t handle, void *user)
{
    struct cursor *at = user;
    struct arena_region *region = at->block->region;
    uint64_t address = at->block->address + (uint64_t)at->offset;
    int error =
        gov_arena_note(arena, arena->ops->map(arena->state, address, arena->page_bytes, handle));
    if (error) {
        gov_arena_destroy_page(arena, handle, NULL);
        return error;
    }
    region->handles[(address - region->address) / (uint64_t)arena->page_bytes] = handle;
    at->offset += arena->page_bytes;
    skip_backed(at);
    return GOV_OK;
}

static int add_pages(struct gov_arena *arena, struct cursor *at, int64_t bytes)
{
    for (; bytes > 0; bytes -= arena->page_bytes) {
        uint64_t handle;
        int error =
            gov_arena_note(arena, arena->ops->create(arena->state, arena->page_bytes, &handle));
        if (error)
            return error;
        gov_amount_add(&arena->stats.held, arena->page_bytes);
        arena->stats.new_count++;
        error = map_next(arena, handle, at);
        if (error)
            return error;
    }
    return GOV_OK;
}

static int move_pages(struct gov_arena *arena, struct cursor *at, int64_t bytes)
{
    int64_t left = bytes;
    while (left > 0) {
        struct arena_block *victim = gov_arena_victim(arena);
        if (!victim)
            return GOV_E_BUG; /* they were counted before */
        uint64_t address;
        int64_t moved = MIN(left, gov_arena_whole_pages(arena, victim, &address));
        int error = gov_arena_unback(arena, victim, moved, map_next, at);
        if (error)
            return error;
        arena->stats.remapped_count += moved / arena->page_bytes;
        left -= moved;
    }
    return GOV_OK;
}

static int allow(struct gov_arena *arena, const struct arena_block *block)
{
    int error = GOV_OK;
    for (; block && !error; block = next_kept(block)) {
        if (block->users)
            error = gov_arena_note(arena,
                                   arena->ops->allow(arena->state, block->address, block->bytes));
    }
    return error;
}

static int fill(struct gov_arena *arena, struct arena_block *first)
{
    struct cursor at = {.block = first};
    skip_backed(&at);
    int64_t missing = missing_after(at), page = arena->page_bytes;
    int64_t movable = MIN(gov_arena_trimmable(arena), missing);
    int64_t room = (arena->limit_bytes - arena->stats.held.now) / page * page;
    if (missing - movable > room)
        return GOV_E_NO_ROOM;
    int error = add_pages(arena, &at, missing - movable);
    if (!error)
        error = move_pages(arena, &at, movable);
    return error ? error : allow(arena, first);
}

static void unfill(struct gov_arena *arena, struct arena_block *block)
{
    for (struct arena_block *next; block; block = next) {
        next = next_kept(block);
        if (!block->users) {
            gov_arena_bin(arena, block);
            continue;
        }
        struct arena_region *region = block->region;
        for (int64_t offset = 0; offset < block->bytes; offset += arena->page_bytes) {
            uint64_t address = block->address + (uint64_t)offset;
            uint64_t *handle =
                &region->handles[(address - region->address) / (uint64_t)arena->page_bytes];
            if (*handle == ARENA_NO_HANDLE)
                continue;
            gov_arena_note(arena, arena->ops->unmap(arena->state, address, arena->page_bytes));
            gov_arena_destroy_page(arena, *handle, NULL);
            *handle = ARENA_NO_HANDLE;
        }
        gov_arena_dig(arena, block);
    }
}

/* One block of exactly these bytes; what the last page has more is free for all. */
static struct arena_block *fuse(struct gov_arena *arena, struct arena_block *first, int64_t bytes)
{
    while (next_kept(first))
        gov_arena_join(arena, first);
    first->users = 0;
    first->owner = 0;
    if (first->bytes > bytes) {
        struct arena_block *rest = gov_arena_split(arena, first, bytes);
        gov_arena_bin(arena, rest);
    }
    return first;
}

static int grow_pages(struct gov_arena *arena, struct arena_heap *heap, int owner, int64_t bytes,
                      struct arena_block **ret_block)
{
    int error = gov_arena_spare(arena, 3);
    struct arena_block *first = find_place(arena, heap, owner, bytes);
    if (!error && !first)
        error = reserve(arena, heap, bytes, &first);
    if (!error)
        error = gov_arena_spare(arena, 3);
    if (error)
        return error;
    set_aside(arena, first, bytes);
    error = fill(arena, first);
    if (!error)
        error = gov_arena_spare(arena, 1);
    if (error) {
        unfill(arena, first);
        return error;
    }
    *ret_block = fuse(arena, first, bytes);
    return GOV_OK;
}

/* --- segments --- */

static int64_t segment_bytes(const struct gov_arena *arena, const struct arena_heap *heap,
                             int64_t bytes)
{
    int64_t page = arena->page_bytes;
    int64_t usual = MIN(LARGEST_SEGMENT, arena->limit_bytes / SEGMENTS_A_LIMIT);
    bool is_small = (heap - arena->heaps) % 2 == 0;
    return MAX(is_small ? page : usual / page * page, (bytes + page - 1) / page * page);
}

static int take_segment(struct gov_arena *arena, int64_t bytes, uint64_t *ret_address)
{
    if (bytes > arena->limit_bytes - arena->stats.held.now)
        return GOV_E_NO_ROOM;
    return gov_arena_note(arena, arena->ops->take(arena->state, bytes, ret_address));
}

static int grow_segment(struct gov_arena *arena, struct arena_heap *heap, int64_t bytes,
                        struct arena_block **ret_block)
{
    int64_t least = (bytes + arena->page_bytes - 1) / arena->page_bytes * arena->page_bytes;
    int64_t size = segment_bytes(arena, heap, bytes);
    uint64_t address;
    int error = take_segment(arena, size, &address);
    if ((error == GOV_E_NO_ROOM || error == GOV_E_DEVICE_NOMEM) && size > least) {
        size = least;
        error = take_segment(arena, size, &address);
    }
    if (error == GOV_E_NO_ROOM || error == GOV_E_DEVICE_NOMEM) {
        int first_error = error;
        int64_t keep = error == GOV_E_NO_ROOM ? MAX(arena->limit_bytes - size, 0) : 0;
        error = gov_arena_trim_locked(arena, keep);
        if (!error)
            error = take_segment(arena, size, &address);
        error = error == GOV_E_NO_ROOM ? first_error : error;
    }
    if (error)
        return error;
    struct arena_region *region;
    error = add_region(arena, heap, address, size, &region);
    if (error) {
        gov_arena_note(arena, arena->ops->give(arena->state, address, size));
        return error;
    }
    gov_amount_add(&arena->stats.held, size);
    arena->stats.new_count++;
    *ret_block = region->first;
    error = gov_arena_spare(arena, 1);
    if (error) {
        gov_arena_region_drop(arena, region);
        return error;
    }
    (*ret_block)->state = ARENA_KEPT;
    *ret_block = fuse(arena, *ret_block, bytes);
    return GOV_OK;
}

int gov_arena_grow(struct gov_arena *arena, struct arena_heap *heap, int owner, int64_t bytes,
                   struct arena_block **ret_block)
{
    return arena->maps ? grow_pages(arena, heap, owner, bytes, ret_block)
                       : grow_segment(arena, heap, bytes, ret_block);
}
