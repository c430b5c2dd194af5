/*
 * libgov internal: where an arena gets memory from. A backend may assume valid input and is called
 * by one thread at a time, between enter and leave where it has them. All functions return 0 or a
 * negative gov_error; what gives something back has given it back for good even when it fails.
 */
#ifndef GOV_SRC_ARENA_SOURCE_H
#define GOV_SRC_ARENA_SOURCE_H

#include <gov/arena.h>

struct gov_arena_source_ops {
    const char *name;
    int (*open)(const struct gov_arena_params *params, void **ret_state, int64_t *ret_granule_bytes,
                bool *ret_maps);
    void (*close)(void *state);

    /* Around calls of the following; optional: absent where nothing has to be set up. */
    int (*enter)(void *state);
    void (*leave)(void *state);

    /* Pages: required where maps. Addresses without memory, memory without an address. */
    int (*reserve)(void *state, int64_t bytes, uint64_t *ret_address);
    int (*unreserve)(void *state, uint64_t address, int64_t bytes);
    int (*create)(void *state, int64_t bytes, uint64_t *ret_handle);
    int (*destroy)(void *state, int64_t bytes, uint64_t handle);
    int (*map)(void *state, uint64_t address, int64_t bytes, uint64_t handle);
    int (*unmap)(void *state, uint64_t address, int64_t bytes);
    int (*allow)(void *state, uint64_t address, int64_t bytes); /* of whole mappings */

    /* Segments: required. */
    int (*take)(void *state, int64_t bytes, uint64_t *ret_address);
    int (*give)(void *state, uint64_t address, int64_t bytes);

    /* Streams; all or none: without them what is given back is free for all at once. */
    int (*event_new)(void *state, void **ret_event);
    void (*event_free)(void *state, void *event);
    int (*event_record)(void *state, void *event, gov_arena_stream stream);
    int (*event_done)(void *state, void *event, bool *ret_done);
    int (*wait)(void *state, gov_arena_stream stream); /* until all of its work is done */
};

extern const struct gov_arena_source_ops gov_arena_source_cuda;
extern const struct gov_arena_source_ops gov_arena_source_host;

/* gov_arena_new, given the backend itself. */
int gov_arena_open(const struct gov_arena_source_ops *ops, const struct gov_arena_params *params,
                   struct gov_arena **ret_arena);

#endif
