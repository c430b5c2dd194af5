/*
 * libgov internal: the parts of an arena.
 *
 * Addresses are cut into regions: reserved ranges whose pages may or may not be there, or segments.
 * A region is a row of blocks without gaps. Blocks of one state stand side by side only where
 * nothing may join them: live ones, and free ones of different owners.
 *
 *     hole     addresses without memory, whole pages
 *     free     memory; owner says in whose order it may be used
 *     live     held by somebody
 *     waiting  given back, used by several streams: free when all have passed
 *     kept     free memory set aside while pages are got for the run that it is a part of
 *     dead     addresses the driver refused to take back; never used again
 *
 * Owners are numbers of streams; 0 is everybody. Time is counted in ticks: an event recorded at
 * tick t covers all that was given back at ticks up to t.
 */
#ifndef GOV_SRC_ARENA_INTERNAL_H
#define GOV_SRC_ARENA_INTERNAL_H

#include <pthread.h>

#include <gov/cuda.h>

#include "arena_source.h"

enum {
    ARENA_STREAMS = 61, /* owners fit the bits of an uint64_t */
    ARENA_HEAPS = 4,    /* by lifetime, small and large ones apart */
    ARENA_CLASSES = 32, /* of each power of two: sizes of one class differ by 3 % at most */
    ARENA_POWERS = 32,
    ARENA_SLAB = 128 /* blocks to a piece of host memory */
};
#define ARENA_NO_HANDLE UINT64_MAX

enum arena_state { ARENA_HOLE = 0, ARENA_FREE, ARENA_LIVE, ARENA_WAITING, ARENA_KEPT, ARENA_DEAD };

struct arena_block {
    uint64_t address;
    int64_t bytes;
    struct arena_block *prev, *next;           /* in the region, by address */
    struct arena_block *list_prev, *list_next; /* in a bin, or in the list of holes or waiting */
    struct arena_region *region;
    uint64_t tick;  /* free, waiting: given back at */
    uint64_t users; /* live, waiting: bits of the streams that must have passed */
    enum arena_state state;
    int owner;
};

struct arena_region {
    struct arena_region *next;
    struct arena_heap *heap;
    struct arena_block *first;
    uint64_t address;
    int64_t bytes;
    uint64_t *handles; /* of each page; NULL: a segment */
};

/* Free blocks of one heap and owner, by size: two-level segregated lists. */
struct arena_bins {
    uint32_t powers; /* bits: which rows have a class */
    uint32_t classes[ARENA_POWERS];
    struct arena_block *lists[ARENA_POWERS][ARENA_CLASSES];
};

struct arena_heap {
    struct arena_region *regions;
    struct arena_block *holes;
    struct arena_bins *bins[ARENA_STREAMS]; /* by owner; NULL: never needed */
};

/* Entry 0 is everybody and no stream. */
struct arena_stream {
    gov_arena_stream handle;
    bool known;
    void *event;
    bool pending; /* the event is recorded and not known to be done */
    uint64_t event_tick;
    uint64_t passed_tick;
    uint64_t newest_tick; /* of what was given back */
};

struct arena_slab {
    struct arena_slab *next;
    struct arena_block blocks[ARENA_SLAB];
};

struct gov_arena {
    pthread_mutex_t lock;
    const struct gov_arena_source_ops *ops;
    void *state;
    struct gov_arena_params params;
    int64_t page_bytes;
    int64_t small_bytes; /* smaller blocks are small */
    bool maps;
    int broken; /* the error that ended it */

    struct arena_heap heaps[ARENA_HEAPS];
    struct arena_stream streams[ARENA_STREAMS];
    int last_stream; /* found last */
    uint64_t tick;
    struct arena_block *waiting;

    struct arena_slab *slabs;
    struct arena_block *spare; /* by list_next */
    size_t spare_count;

    struct arena_block **table; /* live blocks by address: open addressing, a power of two */
    size_t table_size;

    int64_t limit_bytes;
    struct gov_arena_stats stats; /* held, live, blocks, waiting and the counts are kept here */
};

static inline void gov_amount_add(struct gov_amount *amount, int64_t change)
{
    amount->now += change;
    if (change > 0)
        amount->total += change;
    if (amount->now > amount->peak)
        amount->peak = amount->now;
}

/* A sticky error is one for all later calls. Returns error. */
int gov_arena_note(struct gov_arena *arena, int error);

/* arena_block.c: blocks, bins, the table of live ones. */
int gov_arena_spare(struct gov_arena *arena, size_t count); /* so many new blocks cannot fail */
struct arena_block *gov_arena_block_new(struct gov_arena *arena);
void gov_arena_block_drop(struct gov_arena *arena, struct arena_block *block);
/* Cuts the block; what is behind `bytes` becomes a block of the same state, in no list. */
struct arena_block *gov_arena_split(struct gov_arena *arena, struct arena_block *block,
                                    int64_t bytes);
/* Joins the next block into this one; both are in no list. */
void gov_arena_join(struct gov_arena *arena, struct arena_block *block);
int gov_arena_need_bins(struct arena_heap *heap, int owner);
/* A free block with the neighbours that it may be joined to, into its bin. */
void gov_arena_bin(struct gov_arena *arena, struct arena_block *block);
void gov_arena_unbin(struct gov_arena *arena, struct arena_block *block);
/* The same for holes. */
void gov_arena_dig(struct gov_arena *arena, struct arena_block *block);
void gov_arena_undig(struct gov_arena *arena, struct arena_block *block);
/* The smallest of those that fit, as far as that is quickly found; NULL: none. */
struct arena_block *gov_arena_fit(const struct gov_arena *arena, const struct arena_heap *heap,
                                  int owner, int64_t bytes);
int gov_arena_table_grow(struct gov_arena *arena); /* room for one more */
void gov_arena_table_add(struct gov_arena *arena, struct arena_block *block);
struct arena_block *gov_arena_table_find(const struct gov_arena *arena, uint64_t address);
void gov_arena_table_remove(struct gov_arena *arena, uint64_t address);

/* arena_stream.c */
int gov_arena_stream_find(struct gov_arena *arena, gov_arena_stream stream, int *ret_owner);
/* Asks the device what is done and frees it for all; *ret_freed: something was. */
int gov_arena_poll(struct gov_arena *arena, bool *ret_freed);
int gov_arena_wait(struct gov_arena *arena, bool *ret_freed);
/* Given back: into its owner's bin, or to those that wait. */
void gov_arena_release(struct gov_arena *arena, struct arena_block *block, int owner);

void gov_arena_note_waiting(struct gov_arena *arena, int64_t bytes);
int gov_arena_forget_locked(struct gov_arena *arena, int owner);

/*
 * arena_grow.c: a free block in no list of at least so many bytes, from new pages, pages that are
 * free elsewhere, or a segment. NO_ROOM: the limit.
 */
int gov_arena_grow(struct gov_arena *arena, struct arena_heap *heap, int owner, int64_t bytes,
                   struct arena_block **ret_block);

/* arena_trim.c */
/* Whole pages in a block that is free for all; in bytes, *ret_address: the first. 0: none. */
int64_t gov_arena_whole_pages(const struct gov_arena *arena, const struct arena_block *block,
                              uint64_t *ret_address);
/* The largest block that is free for all, in any heap, and has a whole page; NULL: none. */
struct arena_block *gov_arena_victim(const struct gov_arena *arena);
/* All whole pages that are free for all; in bytes. */
int64_t gov_arena_trimmable(const struct gov_arena *arena);
/*
 * Unmaps at most most_bytes of the block's whole pages, from its end, and hands each to `take`,
 * which owns it even when it fails; a hole stays.
 */
typedef int gov_arena_page_fn(struct gov_arena *arena, uint64_t handle, void *user);
int gov_arena_unback(struct gov_arena *arena, struct arena_block *block, int64_t most_bytes,
                     gov_arena_page_fn *take, void *user);
int gov_arena_destroy_page(struct gov_arena *arena, uint64_t handle, void *unused);
int gov_arena_trim_locked(struct gov_arena *arena, int64_t keep_bytes);
/* Gives all of a region's memory back, whoever holds it; it is in no list afterwards and freed. */
void gov_arena_region_drop(struct gov_arena *arena, struct arena_region *region);
/* Regions of addresses without any memory go. */
void gov_arena_drop_empty(struct gov_arena *arena);

#endif
