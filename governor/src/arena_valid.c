/*
 * All that must hold of an arena, recomputed: rows without gaps, what stands in which list, memory
 * under everything but holes, sums. Written without the helpers that keep it so.
 */
#include "arena_internal.h"

struct sums {
    int64_t held, live, blocks, waiting;
};

static bool is_listed(const struct arena_block *list, const struct arena_block *block)
{
    for (; list; list = list->list_next) {
        if (list == block)
            return true;
    }
    return false;
}

static bool is_binned(const struct arena_block *block)
{
    const struct arena_bins *bins = block->region->heap->bins[block->owner];
    for (int p = 0; bins && p < ARENA_POWERS; p++) {
        for (int c = 0; c < ARENA_CLASSES; c++) {
            bool has_bits = bins->powers >> p & bins->classes[p] >> c & 1;
            if (is_listed(bins->lists[p][c], block))
                return has_bits;
        }
    }
    return false;
}

/* Pages under it: all, or none; for parts of pages the neighbours count as well. */
static bool is_backed(const struct gov_arena *arena, const struct arena_block *block, bool expected)
{
    const struct arena_region *region = block->region;
    uint64_t page = (uint64_t)arena->page_bytes, offset = block->address - region->address;
    if (!region->handles)
        return expected;
    for (uint64_t i = offset / page; i * page < offset + (uint64_t)block->bytes; i++) {
        if ((region->handles[i] != ARENA_NO_HANDLE) != expected)
            return false;
    }
    return expected || (offset % page == 0 && (uint64_t)block->bytes % page == 0);
}

static bool check_block(const struct gov_arena *arena, const struct arena_block *block,
                        struct sums *sums)
{
    const struct arena_block *next = block->next;
    bool joinable = block->state == ARENA_FREE || block->state == ARENA_HOLE;
    if (block->bytes <= 0 || block->bytes % GOV_ARENA_ALIGN || block->owner < 0 ||
        block->owner >= ARENA_STREAMS)
        return false;
    if (next && (next->prev != block || next->address != block->address + (uint64_t)block->bytes ||
                 (joinable && next->state == block->state && next->owner == block->owner)))
        return false;
    switch (block->state) {
    case ARENA_HOLE:
        return is_listed(block->region->heap->holes, block) && is_backed(arena, block, false);
    case ARENA_FREE:
        sums->waiting += block->owner ? block->bytes : 0;
        return is_binned(block) && is_backed(arena, block, true);
    case ARENA_LIVE:
        sums->live += block->bytes;
        sums->blocks++;
        return gov_arena_table_find(arena, block->address) == block &&
               is_backed(arena, block, true);
    case ARENA_WAITING:
        sums->waiting += block->bytes;
        return is_listed(arena->waiting, block) && is_backed(arena, block, true);
    case ARENA_DEAD:
        sums->held += block->bytes; /* the device may not have it back */
        return is_backed(arena, block, false);
    case ARENA_KEPT:
        break;
    }
    return false;
}

static bool check_region(const struct gov_arena *arena, const struct arena_region *region,
                         struct sums *sums)
{
    uint64_t end = region->address;
    for (const struct arena_block *block = region->first; block; block = block->next) {
        if (block->region != region || !check_block(arena, block, sums))
            return false;
        end = block->address + (uint64_t)block->bytes;
    }
    for (int64_t i = 0; region->handles && i < region->bytes / arena->page_bytes; i++)
        sums->held += region->handles[i] != ARENA_NO_HANDLE ? arena->page_bytes : 0;
    sums->held += region->handles ? 0 : region->bytes;
    return end == region->address + (uint64_t)region->bytes;
}

static bool check(const struct gov_arena *arena)
{
    struct sums sums = {0};
    for (int h = 0; h < ARENA_HEAPS; h++) {
        for (const struct arena_region *r = arena->heaps[h].regions; r; r = r->next) {
            if (r->heap != &arena->heaps[h] || !check_region(arena, r, &sums))
                return false;
        }
    }
    const struct gov_arena_stats *stats = &arena->stats;
    return sums.held == stats->held.now && sums.live == stats->live.now &&
           sums.blocks == stats->blocks.now && sums.waiting == stats->waiting.now &&
           stats->live.now + stats->waiting.now <= stats->held.now &&
           stats->held.peak >= stats->held.now && stats->live.peak >= stats->live.now;
}

bool gov_arena_is_valid(struct gov_arena *arena)
{
    if (!arena)
        return false;
    pthread_mutex_lock(&arena->lock);
    bool valid = check(arena);
    pthread_mutex_unlock(&arena->lock);
    return valid;
}
