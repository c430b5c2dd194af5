/*
 * Giving memory back to the device. Pages: whichever lie wholly in what is free for all are
 * unmapped and released, one by one, as each was mapped. Segments go when all of them is free.
 * When the driver refuses to unmap a page, its addresses are never used again: whether something
 * is still there nobody can tell.
 */
#include "arena_internal.h"

#include <stdlib.h>

#include "util.h"

int64_t gov_arena_whole_pages(const struct gov_arena *arena, const struct arena_block *block,
                              uint64_t *ret_address)
{
    uint64_t page = (uint64_t)arena->page_bytes, base = block->region->address;
    uint64_t first = (block->address - base + page - 1) / page;
    uint64_t end = (block->address - base + (uint64_t)block->bytes) / page;
    if (!block->region->handles || end <= first)
        return 0;
    *ret_address = base + first * page;
    return (int64_t)((end - first) * page);
}

/* What a block that is free for all could give back: pages, or its whole segment. */
static int64_t gives(const struct gov_arena *arena, const struct arena_block *block)
{
    uint64_t address;
    if (block->region->handles)
        return gov_arena_whole_pages(arena, block, &address);
    return block->bytes == block->region->bytes ? block->bytes : 0;
}

static struct arena_block *first_that_gives(const struct gov_arena *arena, struct arena_block *list)
{
    while (list && !gives(arena, list))
        list = list->list_next;
    return list;
}

struct arena_block *gov_arena_victim(const struct gov_arena *arena)
{
    struct arena_block *best = NULL;
    for (int h = 0; h < ARENA_HEAPS; h++) {
        const struct arena_bins *bins = arena->heaps[h].bins[0];
        struct arena_block *found = NULL;
        for (int p = ARENA_POWERS - 1; bins && bins->powers && p >= 0 && !found; p--) {
            for (int c = ARENA_CLASSES - 1; bins->classes[p] && c >= 0 && !found; c--)
                found = first_that_gives(arena, bins->lists[p][c]);
        }
        if (found && (!best || found->bytes > best->bytes))
            best = found;
    }
    return best;
}

int64_t gov_arena_trimmable(const struct gov_arena *arena)
{
    int64_t bytes = 0;
    for (int h = 0; h < ARENA_HEAPS; h++) {
        const struct arena_bins *bins = arena->heaps[h].bins[0];
        for (int p = 0; bins && bins->powers >> p && p < ARENA_POWERS; p++) {
            for (int c = 0; bins->classes[p] && c < ARENA_CLASSES; c++) {
                for (const struct arena_block *b = bins->lists[p][c]; b; b = b->list_next)
                    bytes += gives(arena, b);
            }
        }
    }
    return bytes;
}

int gov_arena_destroy_page(struct gov_arena *arena, uint64_t handle, void *unused)
{
    (void)unused;
    int error = gov_arena_note(arena, arena->ops->destroy(arena->state, arena->page_bytes, handle));
    gov_amount_add(&arena->stats.held, -arena->page_bytes);
    arena->stats.given_back_bytes += arena->page_bytes;
    return error;
}

/* The block that was set aside becomes what it is now: a hole, one dead page, and free again. */
static void settle_pages(struct gov_arena *arena, struct arena_block *block, int64_t hole_bytes,
                         bool has_dead)
{
    int64_t dead_bytes = has_dead ? arena->page_bytes : 0;
    if (hole_bytes + dead_bytes < block->bytes) {
        struct arena_block *rest = block;
        if (hole_bytes + dead_bytes)
            rest = gov_arena_split(arena, block, hole_bytes + dead_bytes);
        gov_arena_bin(arena, rest);
        if (rest == block)
            return;
    }
    if (has_dead) {
        struct arena_block *dead = hole_bytes ? gov_arena_split(arena, block, hole_bytes) : block;
        dead->state = ARENA_DEAD;
        arena->stats.lost_bytes += arena->page_bytes;
    }
    if (hole_bytes)
        gov_arena_dig(arena, block);
}

int gov_arena_unback(struct gov_arena *arena, struct arena_block *block, int64_t most_bytes,
                     gov_arena_page_fn *take, void *user)
{
    uint64_t from;
    struct arena_region *region = block->region;
    int64_t page = arena->page_bytes, whole = gov_arena_whole_pages(arena, block, &from);
    int64_t bytes = MIN(whole, most_bytes / page * page), done = 0;
    if (bytes <= 0)
        return GOV_OK;
    int error = gov_arena_spare(arena, 4);
    if (error)
        return error;
    from += (uint64_t)(whole - bytes);
    gov_arena_unbin(arena, block);
    struct arena_block *middle = block, *tail = NULL;
    if (from > block->address)
        middle = gov_arena_split(arena, block, (int64_t)(from - block->address));
    if (middle->bytes > bytes)
        tail = gov_arena_split(arena, middle, bytes);
    middle->state = ARENA_KEPT;
    if (middle != block)
        gov_arena_bin(arena, block);
    if (tail)
        gov_arena_bin(arena, tail);
    bool dead = false;
    while (done < bytes && !error) {
        uint64_t address = from + (uint64_t)done;
        uint64_t *handle = &region->handles[(address - region->address) / (uint64_t)page];
        uint64_t given = *handle;
        *handle = ARENA_NO_HANDLE;
        error = gov_arena_note(arena, arena->ops->unmap(arena->state, address, page));
        if (error) { /* what it holds stays counted: the device may not have it back */
            arena->ops->destroy(arena->state, page, given);
            dead = true;
            break;
        }
        done += page;
        error = take(arena, given, user);
    }
    settle_pages(arena, middle, done, dead);
    return error;
}

static int trim_pages(struct gov_arena *arena, struct arena_region *region, int64_t keep_bytes)
{
    struct arena_block *block = region->first;
    while (block && arena->stats.held.now > keep_bytes) {
        uint64_t address;
        if (block->state != ARENA_FREE || block->owner ||
            !gov_arena_whole_pages(arena, block, &address)) {
            block = block->next;
            continue;
        }
        struct arena_block *before = block->prev; /* neither free for all nor one that can go */
        int64_t excess = arena->stats.held.now - keep_bytes + arena->page_bytes - 1;
        int error = gov_arena_unback(arena, block, excess, gov_arena_destroy_page, NULL);
        if (error)
            return error;
        block = before ? before->next : region->first;
        if (block && block->state == ARENA_FREE && !block->owner)
            block = block->next; /* its rest, less than a page */
    }
    return GOV_OK;
}

void gov_arena_region_drop(struct gov_arena *arena, struct arena_region *region)
{
    int64_t page = arena->page_bytes;
    for (int64_t i = 0; region->handles && i < region->bytes / page; i++) {
        if (region->handles[i] == ARENA_NO_HANDLE)
            continue;
        gov_arena_note(
            arena, arena->ops->unmap(arena->state, region->address + (uint64_t)(i * page), page));
        gov_arena_destroy_page(arena, region->handles[i], NULL);
    }
    if (region->handles) {
        gov_arena_note(arena, arena->ops->unreserve(arena->state, region->address, region->bytes));
    } else {
        gov_arena_note(arena, arena->ops->give(arena->state, region->address, region->bytes));
        gov_amount_add(&arena->stats.held, -region->bytes);
        arena->stats.given_back_bytes += region->bytes;
    }
    struct arena_region **link = &region->heap->regions;
    while (*link != region)
        link = &(*link)->next;
    *link = region->next;
    for (struct arena_block *next, *block = region->first; block; block = next) {
        next = block->next;
        gov_arena_block_drop(arena, block);
    }
    free(region->handles);
    free(region);
}

static int trim_segment(struct gov_arena *arena, struct arena_region *region)
{
    struct arena_block *block = region->first;
    if (block->state != ARENA_FREE || block->owner || block->next)
        return GOV_OK;
    gov_arena_unbin(arena, block);
    gov_arena_region_drop(arena, region);
    return arena->broken;
}

int gov_arena_trim_locked(struct gov_arena *arena, int64_t keep_bytes)
{
    /* What is long free in the heap for what lives long is the least likely to be wanted soon. */
    for (int h = ARENA_HEAPS - 1; h >= 0; h--) {
        for (struct arena_region *next, *region = arena->heaps[h].regions; region; region = next) {
            next = region->next;
            if (arena->stats.held.now <= keep_bytes)
                return GOV_OK;
            int error = region->handles ? trim_pages(arena, region, keep_bytes)
                                        : trim_segment(arena, region);
            if (error)
                return error;
        }
    }
    return GOV_OK;
}

void gov_arena_drop_empty(struct gov_arena *arena)
{
    for (int h = 0; h < ARENA_HEAPS; h++) {
        for (struct arena_region *next, *region = arena->heaps[h].regions; region; region = next) {
            next = region->next;
            if (region->first->state != ARENA_HOLE || region->first->next)
                continue;
            gov_arena_undig(arena, region->first);
            gov_arena_region_drop(arena, region);
        }
    }
}
