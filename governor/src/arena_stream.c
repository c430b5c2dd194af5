/*
 * Who may use what was given back. On the stream it was given back on, everybody at once: work on a
 * stream is done in order. On others, once an event recorded behind it is done. Events are recorded
 * only when memory is looked for and not found, one for each stream and not for each block: that
 * makes giving back a matter of some pointers, and an event recorded later covers all of before.
 */
#include "arena_internal.h"

#include "util.h"

void gov_arena_note_waiting(struct gov_arena *arena, int64_t bytes)
{
    struct gov_amount *waiting = &arena->stats.waiting;
    waiting->now += bytes;
    waiting->peak = MAX(waiting->peak, waiting->now);
}

int gov_arena_stream_find(struct gov_arena *arena, gov_arena_stream stream, int *ret_owner)
{
    int unused = 0;
    if (!arena->ops->wait) { /* work is done when the call that did it returns */
        *ret_owner = 0;
        return GOV_OK;
    }
    const struct arena_stream *last = &arena->streams[arena->last_stream];
    if (last->known && last->handle == stream) {
        *ret_owner = arena->last_stream;
        return GOV_OK;
    }
    for (int i = 1; i < ARENA_STREAMS; i++) {
        if (arena->streams[i].known && arena->streams[i].handle == stream) {
            *ret_owner = arena->last_stream = i;
            return GOV_OK;
        }
        if (!arena->streams[i].known && !unused)
            unused = i;
    }
    if (!unused)
        return GOV_E_FULL;
    /* Everything given back before is behind it: nothing of it waits. */
    arena->streams[unused] = (struct arena_stream){.handle = stream, .known = true};
    *ret_owner = arena->last_stream = unused;
    return GOV_OK;
}

void gov_arena_release(struct gov_arena *arena, struct arena_block *block, int owner)
{
    uint64_t users = owner ? block->users | UINT64_C(1) << owner : 0;
    block->tick = arena->tick;
    for (int i = 1; users >> i; i++) {
        if (users >> i & 1)
            arena->streams[i].newest_tick = arena->tick;
    }
    arena->stats.waiting.total += owner ? block->bytes : 0;
    if (!(users & (users - 1)) && block->region->heap->bins[owner]) { /* one stream at most */
        block->owner = owner;
        gov_arena_bin(arena, block);
        return;
    }
    block->state = ARENA_WAITING;
    block->users = users;
    block->list_prev = NULL;
    block->list_next = arena->waiting;
    if (arena->waiting)
        arena->waiting->list_prev = block;
    arena->waiting = block;
    gov_arena_note_waiting(arena, block->bytes);
}

/* --- what has passed --- */

static bool settle_list(struct gov_arena *arena, struct arena_block *list, uint64_t passed)
{
    bool freed = false;
    while (list) {
        struct arena_block *block = list;
        list = list->list_next;
        if (block->tick > passed)
            continue;
        gov_arena_unbin(arena, block);
        block->owner = 0;
        gov_arena_bin(arena, block);
        freed = true;
    }
    return freed;
}

static bool settle_owned(struct gov_arena *arena, int owner)
{
    bool freed = false;
    for (int h = 0; h < ARENA_HEAPS; h++) {
        struct arena_bins *bins = arena->heaps[h].bins[owner];
        if (!bins || !bins->powers)
            continue;
        for (int p = 0; p < ARENA_POWERS; p++) {
            for (int c = 0; c < ARENA_CLASSES && bins->classes[p] >> c; c++) {
                if (settle_list(arena, bins->lists[p][c], arena->streams[owner].passed_tick))
                    freed = true;
            }
        }
    }
    return freed;
}

static bool all_passed(const struct gov_arena *arena, const struct arena_block *block)
{
    for (int i = 1; i < ARENA_STREAMS; i++) {
        if (block->users >> i & 1 && arena->streams[i].known &&
            arena->streams[i].passed_tick < block->tick)
            return false;
    }
    return true;
}

static bool settle_waiting(struct gov_arena *arena)
{
    bool freed = false;
    for (struct arena_block *next, *block = arena->waiting; block; block = next) {
        next = block->list_next;
        if (!all_passed(arena, block))
            continue;
        if (block->list_prev)
            block->list_prev->list_next = next;
        else
            arena->waiting = next;
        if (next)
            next->list_prev = block->list_prev;
        arena->stats.waiting.now -= block->bytes;
        block->owner = 0;
        gov_arena_bin(arena, block);
        freed = true;
    }
    return freed;
}

/* --- asking and waiting --- */

static int ask(struct gov_arena *arena, struct arena_stream *stream)
{
    bool done = false;
    int error = GOV_OK;
    if (!stream->event)
        error = arena->ops->event_new(arena->state, &stream->event);
    if (!error && !stream->pending) {
        error = arena->ops->event_record(arena->state, stream->event, stream->handle);
        stream->event_tick = arena->tick;
        stream->pending = !error;
    }
    if (!error)
        error = arena->ops->event_done(arena->state, stream->event, &done);
    if (!error && done) {
        stream->pending = false;
        stream->passed_tick = stream->event_tick;
    }
    return error;
}

static int wait_for(struct gov_arena *arena, struct arena_stream *stream)
{
    int error = arena->ops->wait(arena->state, stream->handle);
    arena->stats.waits_count++;
    if (!error) {
        stream->pending = false;
        stream->passed_tick = arena->tick;
    }
    return error;
}

static int pass(struct gov_arena *arena, int (*how)(struct gov_arena *, struct arena_stream *),
                bool *ret_freed)
{
    bool freed = false;
    int first_error = GOV_OK;
    for (int i = 1; i < ARENA_STREAMS; i++) {
        struct arena_stream *stream = &arena->streams[i];
        if (!stream->known || stream->newest_tick <= stream->passed_tick)
            continue;
        int error = gov_arena_note(arena, how(arena, stream));
        if (error && !first_error)
            first_error = error;
        if (settle_owned(arena, i))
            freed = true;
    }
    arena->tick++; /* what is given back from now on is behind what was recorded */
    if (settle_waiting(arena))
        freed = true;
    *ret_freed = freed;
    return first_error;
}

int gov_arena_forget_locked(struct gov_arena *arena, int owner)
{
    struct arena_stream *stream = &arena->streams[owner];
    int error = gov_arena_note(arena, wait_for(arena, stream));
    stream->passed_tick = arena->tick; /* nothing can be asked of it any more */
    settle_owned(arena, owner);
    if (stream->event)
        arena->ops->event_free(arena->state, stream->event);
    *stream = (struct arena_stream){0};
    for (size_t i = 0; i < arena->table_size; i++) {
        if (arena->table[i])
            arena->table[i]->users &= ~(UINT64_C(1) << owner);
    }
    for (struct arena_block *block = arena->waiting; block; block = block->list_next)
        block->users &= ~(UINT64_C(1) << owner);
    settle_waiting(arena);
    return error;
}

int gov_arena_poll(struct gov_arena *arena, bool *ret_freed)
{
    return pass(arena, ask, ret_freed);
}

int gov_arena_wait(struct gov_arena *arena, bool *ret_freed)
{
    return pass(arena, wait_for, ret_freed);
}
