/*
 * The row of blocks, the bins and the table of live blocks. Two-level segregated lists (Masmano
 * and others, "TLSF", 2004): finding a block that fits takes the same few steps whatever there is,
 * and 32 classes to a power of two waste little. Blocks are described in host memory, since the
 * host cannot write to the device's; a table by address finds a block that is given back.
 */
#include "arena_internal.h"

#include <stdlib.h>
#include <string.h>

enum {
    UNIT_SHIFT = 9,      /* log2 of GOV_ARENA_ALIGN */
    CLASS_SHIFT = 5,     /* log2 of ARENA_CLASSES */
    MOST_LOOKED_AT = 16, /* in one list, for the smallest that fits */
    FIRST_TABLE = 256
};

/* --- the row --- */

int gov_arena_spare(struct gov_arena *arena, size_t count)
{
    while (arena->spare_count < count) {
        struct arena_slab *slab = calloc(1, sizeof *slab);
        if (!slab)
            return GOV_E_NOMEM;
        slab->next = arena->slabs;
        arena->slabs = slab;
        for (size_t i = 0; i < ARENA_SLAB; i++) {
            slab->blocks[i].list_next = arena->spare;
            arena->spare = &slab->blocks[i];
        }
        arena->spare_count += ARENA_SLAB;
    }
    return GOV_OK;
}

struct arena_block *gov_arena_block_new(struct gov_arena *arena)
{
    struct arena_block *block = arena->spare;
    arena->spare = block->list_next;
    arena->spare_count--;
    *block = (struct arena_block){0};
    return block;
}

void gov_arena_block_drop(struct gov_arena *arena, struct arena_block *block)
{
    block->list_next = arena->spare;
    arena->spare = block;
    arena->spare_count++;
}

struct arena_block *gov_arena_split(struct gov_arena *arena, struct arena_block *block,
                                    int64_t bytes)
{
    struct arena_block *rest = gov_arena_block_new(arena);
    *rest = *block;
    rest->list_prev = rest->list_next = NULL;
    rest->address += (uint64_t)bytes;
    rest->bytes -= bytes;
    rest->prev = block;
    if (rest->next)
        rest->next->prev = rest;
    block->next = rest;
    block->bytes = bytes;
    return rest;
}

void gov_arena_join(struct gov_arena *arena, struct arena_block *block)
{
    struct arena_block *next = block->next;
    block->bytes += next->bytes;
    block->next = next->next;
    if (block->next)
        block->next->prev = block;
    if (next->tick > block->tick)
        block->tick = next->tick;
    gov_arena_block_drop(arena, next);
}

/* --- lists --- */

static void push(struct arena_block **list, struct arena_block *block)
{
    block->list_prev = NULL;
    block->list_next = *list;
    if (*list)
        (*list)->list_prev = block;
    *list = block;
}

static void pull(struct arena_block **list, struct arena_block *block)
{
    if (block->list_prev)
        block->list_prev->list_next = block->list_next;
    else
        *list = block->list_next;
    if (block->list_next)
        block->list_next->list_prev = block->list_prev;
}

struct place {
    int power, class;
};

static struct place place_of(int64_t bytes)
{
    uint64_t units = (uint64_t)bytes >> UNIT_SHIFT;
    if (units < ARENA_CLASSES)
        return (struct place){0, (int)units};
    int log = 63 - __builtin_clzll(units);
    int power = log - CLASS_SHIFT + 1;
    if (power >= ARENA_POWERS)
        return (struct place){ARENA_POWERS - 1, ARENA_CLASSES - 1};
    return (struct place){power, (int)(units >> (log - CLASS_SHIFT)) & (ARENA_CLASSES - 1)};
}

int gov_arena_need_bins(struct arena_heap *heap, int owner)
{
    if (!heap->bins[owner])
        heap->bins[owner] = calloc(1, sizeof *heap->bins[owner]);
    return heap->bins[owner] ? GOV_OK : GOV_E_NOMEM;
}

static void insert(struct arena_block *block)
{
    struct arena_bins *bins = block->region->heap->bins[block->owner];
    struct place at = place_of(block->bytes);
    push(&bins->lists[at.power][at.class], block);
    bins->classes[at.power] |= UINT32_C(1) << at.class;
    bins->powers |= UINT32_C(1) << at.power;
}

void gov_arena_unbin(struct gov_arena *arena, struct arena_block *block)
{
    struct arena_bins *bins = block->region->heap->bins[block->owner];
    struct place at = place_of(block->bytes);
    pull(&bins->lists[at.power][at.class], block);
    if (!bins->lists[at.power][at.class])
        bins->classes[at.power] &= ~(UINT32_C(1) << at.class);
    if (!bins->classes[at.power])
        bins->powers &= ~(UINT32_C(1) << at.power);
    if (block->owner)
        arena->stats.waiting.now -= block->bytes;
}

static bool may_join(const struct arena_block *a, const struct arena_block *b)
{
    return a && b && a->state == b->state && a->owner == b->owner;
}

void gov_arena_bin(struct gov_arena *arena, struct arena_block *block)
{
    block->state = ARENA_FREE;
    block->users = 0;
    if (may_join(block, block->next)) {
        gov_arena_unbin(arena, block->next);
        gov_arena_join(arena, block);
    }
    if (may_join(block->prev, block)) {
        block = block->prev;
        gov_arena_unbin(arena, block);
        gov_arena_join(arena, block);
    }
    insert(block);
    if (block->owner)
        gov_arena_note_waiting(arena, block->bytes);
}

void gov_arena_undig(struct gov_arena *arena, struct arena_block *block)
{
    (void)arena;
    pull(&block->region->heap->holes, block);
}

void gov_arena_dig(struct gov_arena *arena, struct arena_block *block)
{
    block->state = ARENA_HOLE;
    block->owner = 0;
    block->users = block->tick = 0;
    if (may_join(block, block->next)) {
        gov_arena_undig(arena, block->next);
        gov_arena_join(arena, block);
    }
    if (may_join(block->prev, block)) {
        block = block->prev;
        gov_arena_undig(arena, block);
        gov_arena_join(arena, block);
    }
    push(&block->region->heap->holes, block);
}

static struct arena_block *smallest(struct arena_block *list, int64_t bytes)
{
    struct arena_block *best = NULL;
    for (int i = 0; list && i < MOST_LOOKED_AT; i++, list = list->list_next) {
        if (list->bytes >= bytes && (!best || list->bytes < best->bytes))
            best = list;
    }
    return best;
}

struct arena_block *gov_arena_fit(const struct gov_arena *arena, const struct arena_heap *heap,
                                  int owner, int64_t bytes)
{
    (void)arena;
    const struct arena_bins *bins = heap->bins[owner];
    if (!bins || !bins->powers)
        return NULL;
    struct place at = place_of(bytes);
    /* Its own class has some that are too small; the next ones have none. */
    struct arena_block *found = smallest(bins->lists[at.power][at.class], bytes);
    if (found)
        return found;
    uint32_t classes = bins->classes[at.power] & (uint32_t)(~UINT64_C(1) << at.class);
    if (!classes) {
        uint32_t powers = bins->powers & (uint32_t)(~UINT64_C(1) << at.power);
        if (!powers)
            return NULL;
        at.power = __builtin_ctz(powers);
        classes = bins->classes[at.power];
    }
    return smallest(bins->lists[at.power][__builtin_ctz(classes)], bytes);
}

/* --- the table --- */

/* Fibonacci hashing (Knuth, volume 3, 6.4): neighbouring addresses go far apart. */
static size_t slot_of(const struct gov_arena *arena, uint64_t address)
{
    uint64_t mixed = (address >> UNIT_SHIFT) * UINT64_C(0x9e3779b97f4a7c15);
    return (size_t)(mixed >> 32) & (arena->table_size - 1);
}

void gov_arena_table_add(struct gov_arena *arena, struct arena_block *block)
{
    size_t slot = slot_of(arena, block->address);
    while (arena->table[slot])
        slot = (slot + 1) & (arena->table_size - 1);
    arena->table[slot] = block;
}

int gov_arena_table_grow(struct gov_arena *arena)
{
    size_t count = (size_t)arena->stats.blocks.now;
    if (arena->table_size && count + 1 <= arena->table_size / 2)
        return GOV_OK;
    size_t old_size = arena->table_size;
    struct arena_block **old = arena->table;
    size_t size = old_size ? 2 * old_size : FIRST_TABLE;
    struct arena_block **table = calloc(size, sizeof *table);
    if (!table)
        return GOV_E_NOMEM;
    arena->table = table;
    arena->table_size = size;
    for (size_t i = 0; i < old_size; i++) {
        if (old[i])
            gov_arena_table_add(arena, old[i]);
    }
    free(old);
    return GOV_OK;
}

struct arena_block *gov_arena_table_find(const struct gov_arena *arena, uint64_t address)
{
    if (!arena->table_size)
        return NULL;
    size_t slot = slot_of(arena, address);
    while (arena->table[slot] && arena->table[slot]->address != address)
        slot = (slot + 1) & (arena->table_size - 1);
    return arena->table[slot];
}

/* Whoever was pushed on by the one that goes moves up, so that no gap ends a search early. */
void gov_arena_table_remove(struct gov_arena *arena, uint64_t address)
{
    size_t mask = arena->table_size - 1, slot = slot_of(arena, address);
    while (arena->table[slot]->address != address)
        slot = (slot + 1) & mask;
    size_t gap = slot;
    for (size_t i = (gap + 1) & mask; arena->table[i]; i = (i + 1) & mask) {
        size_t home = slot_of(arena, arena->table[i]->address);
        if (((i - home) & mask) >= ((i - gap) & mask)) {
            arena->table[gap] = arena->table[i];
            gap = i;
        }
    }
    arena->table[gap] = NULL;
}
