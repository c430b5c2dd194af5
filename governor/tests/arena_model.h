/*
 * A make-believe device for arenas, strict where a real one is silent: memory that work may still
 * use must be neither handed out nor unmapped. It knows every physical page in units of 512 bytes
 * and who used each last; streams have work that is done when the test says so.
 */
#ifndef GOV_TESTS_ARENA_MODEL_H
#define GOV_TESTS_ARENA_MODEL_H

#include "testing.h"

#include "../src/arena_source.h"

enum {
    MODEL_STREAMS = 100, /* of them the first is the default stream */
    MODEL_PAGES = 512,   /* there are at most */
    MODEL_UNITS = 16,    /* to a page */
    MODEL_PAGE = MODEL_UNITS * GOV_ARENA_ALIGN
};

struct model_use {
    int stream;
    int64_t position; /* of the work that used it last; 0: none did */
};

struct model_page {
    bool exists;
    uint64_t mapped_at; /* 0: nowhere */
    bool allowed;
    struct model_use uses[MODEL_UNITS];
};

/* The device; one at a time, as a test makes one after the other. */
static struct model {
    bool has_pages;
    int64_t capacity_pages;
    int64_t pages_count;
    struct model_page pages[MODEL_PAGES];
    uint64_t next_address;
    int64_t reserved_count;
    int64_t events_count;
    int64_t submitted[MODEL_STREAMS], done[MODEL_STREAMS];
    int64_t calls;
    int64_t fail_at; /* the call that fails, counted from 1; 0: none */
    int fail_with;
    bool entered;
} model;

static inline void model_init(bool has_pages, int64_t capacity_pages)
{
    model = (struct model){.has_pages = has_pages, .capacity_pages = capacity_pages};
    model.next_address = UINT64_C(1) << 40;
    for (int i = 0; i < MODEL_STREAMS; i++)
        model.submitted[i] = model.done[i] = 1;
}

/* Nothing was kept. */
static inline void model_done(void)
{
    assert_int_equal(model.pages_count, 0);
    assert_int_equal(model.reserved_count, 0);
    assert_int_equal(model.events_count, 0);
    assert_false(model.entered);
}

static inline gov_arena_stream model_stream(int i)
{
    return (gov_arena_stream)(uintptr_t)i;
}

static inline void model_sync(int stream)
{
    model.done[stream] = model.submitted[stream];
}

static inline struct model_page *model_page_at(uint64_t address)
{
    for (int i = 0; i < MODEL_PAGES; i++) {
        struct model_page *page = &model.pages[i];
        if (page->exists && page->mapped_at && page->mapped_at <= address &&
            address < page->mapped_at + MODEL_PAGE)
            return page;
    }
    return NULL;
}

static inline struct model_use *model_use_at(uint64_t address)
{
    struct model_page *page = model_page_at(address);
    assert_non_null(page); /* memory is there */
    assert_true(page->allowed);
    return &page->uses[(address - page->mapped_at) / GOV_ARENA_ALIGN];
}

static inline bool model_is_done(const struct model_use *use)
{
    return use->position <= model.done[use->stream];
}

/* Work on the stream uses the block: whoever did before must be done, or be on the same stream. */
static inline void model_work(uint64_t address, int64_t bytes, int stream, bool is_first)
{
    int64_t position = ++model.submitted[stream];
    for (int64_t at = 0; at < bytes; at += GOV_ARENA_ALIGN) {
        struct model_use *use = model_use_at(address + (uint64_t)at);
        if (is_first)
            assert_true(use->stream == stream || model_is_done(use));
        *use = (struct model_use){stream, position};
    }
}

/* --- the backend --- */

static inline int model_call(void)
{
    assert_true(model.entered);
    return ++model.calls == model.fail_at ? model.fail_with : GOV_OK;
}

static inline int model_open(const struct gov_arena_params *params, void **ret_state,
                             int64_t *ret_granule_bytes, bool *ret_maps)
{
    (void)params;
    *ret_state = &model;
    *ret_granule_bytes = MODEL_PAGE;
    *ret_maps = model.has_pages;
    return GOV_OK;
}

static inline void model_close(void *state)
{
    (void)state;
}

static inline int model_enter(void *state)
{
    (void)state;
    assert_false(model.entered);
    model.entered = true;
    return GOV_OK;
}

static inline void model_leave(void *state)
{
    (void)state;
    assert_true(model.entered);
    model.entered = false;
}

static inline int model_reserve(void *state, int64_t bytes, uint64_t *ret_address)
{
    (void)state;
    int error = model_call();
    assert_int_equal(bytes % MODEL_PAGE, 0);
    if (error)
        return error;
    *ret_address = model.next_address;
    model.next_address += (uint64_t)bytes + 16 * MODEL_PAGE;
    model.reserved_count++;
    return GOV_OK;
}

static inline int model_unreserve(void *state, uint64_t address, int64_t bytes)
{
    (void)state;
    for (int64_t at = 0; at < bytes; at += MODEL_PAGE)
        assert_null(model_page_at(address + (uint64_t)at));
    model.reserved_count--;
    return model_call();
}

static inline int model_create(void *state, int64_t bytes, uint64_t *ret_handle)
{
    (void)state;
    int error = model_call();
    assert_int_equal(bytes, MODEL_PAGE);
    if (error)
        return error;
    if (model.pages_count == model.capacity_pages)
        return GOV_E_DEVICE_NOMEM;
    for (uint64_t i = 0; i < MODEL_PAGES; i++) {
        if (model.pages[i].exists)
            continue;
        model.pages[i] = (struct model_page){.exists = true};
        model.pages_count++;
        *ret_handle = i;
        return GOV_OK;
    }
    return GOV_E_DEVICE_NOMEM;
}

static inline int model_destroy(void *state, int64_t bytes, uint64_t handle)
{
    (void)state;
    (void)bytes;
    assert_true(handle < MODEL_PAGES && model.pages[handle].exists);
    assert_int_equal(model.pages[handle].mapped_at, 0);
    model.pages[handle].exists = false;
    model.pages_count--;
    return model_call();
}

static inline int model_map(void *state, uint64_t address, int64_t bytes, uint64_t handle)
{
    (void)state;
    int error = model_call();
    assert_int_equal(bytes, MODEL_PAGE);
    assert_null(model_page_at(address));
    assert_true(model.pages[handle].exists && !model.pages[handle].mapped_at);
    if (!error) {
        model.pages[handle].mapped_at = address;
        model.pages[handle].allowed = false;
    }
    return error;
}

static inline int model_unmap(void *state, uint64_t address, int64_t bytes)
{
    (void)state;
    struct model_page *page = model_page_at(address);
    assert_true(page && page->mapped_at == address && bytes == MODEL_PAGE);
    for (int i = 0; i < MODEL_UNITS; i++)
        assert_true(model_is_done(&page->uses[i])); /* pulled away under running work */
    page->mapped_at = 0;
    return model_call();
}

static inline int model_allow(void *state, uint64_t address, int64_t bytes)
{
    (void)state;
    int error = model_call();
    for (int64_t at = 0; !error && at < bytes; at += MODEL_PAGE) {
        struct model_page *page = model_page_at(address + (uint64_t)at);
        assert_non_null(page);
        page->allowed = true;
    }
    return error;
}

/* A segment is pages that come and go together. */
static inline int model_take(void *state, int64_t bytes, uint64_t *ret_address)
{
    int error = model_call();
    int64_t count = bytes / MODEL_PAGE;
    if (error)
        return error;
    if (model.pages_count + count > model.capacity_pages)
        return GOV_E_DEVICE_NOMEM;
    uint64_t address = model.next_address;
    model.next_address += (uint64_t)bytes + 16 * MODEL_PAGE;
    for (int64_t i = 0; i < count; i++) {
        uint64_t handle = 0;
        model.calls--; /* one call, not many */
        assert_int_equal(model_create(state, MODEL_PAGE, &handle), 0);
        model.pages[handle].mapped_at = address + (uint64_t)(i * MODEL_PAGE);
        model.pages[handle].allowed = true;
    }
    *ret_address = address;
    return GOV_OK;
}

static inline int model_give(void *state, uint64_t address, int64_t bytes)
{
    (void)state;
    for (int64_t at = 0; at < bytes; at += MODEL_PAGE) {
        struct model_page *page = model_page_at(address + (uint64_t)at);
        assert_non_null(page);
        for (int i = 0; i < MODEL_UNITS; i++)
            assert_true(model_is_done(&page->uses[i]));
        page->exists = false;
        page->mapped_at = 0;
        model.pages_count--;
    }
    return model_call();
}

struct model_event {
    int stream;
    int64_t position;
};

static inline int model_event_new(void *state, void **ret_event)
{
    (void)state;
    int error = model_call();
    struct model_event *event = error ? NULL : calloc(1, sizeof *event);
    if (!event)
        return error ? error : GOV_E_NOMEM;
    model.events_count++;
    *ret_event = event;
    return GOV_OK;
}

static inline void model_event_free(void *state, void *event)
{
    (void)state;
    model.events_count--;
    free(event);
}

static inline int model_event_record(void *state, void *event, gov_arena_stream stream)
{
    (void)state;
    int error = model_call(), i = (int)(uintptr_t)stream;
    if (!error)
        *(struct model_event *)event = (struct model_event){i, model.submitted[i]};
    return error;
}

static inline int model_event_done(void *state, void *event, bool *ret_done)
{
    (void)state;
    const struct model_event *e = event;
    int error = model_call();
    if (!error)
        *ret_done = e->position <= model.done[e->stream];
    return error;
}

static inline int model_wait(void *state, gov_arena_stream stream)
{
    (void)state;
    int error = model_call();
    if (!error)
        model_sync((int)(uintptr_t)stream);
    return error;
}

static const struct gov_arena_source_ops model_ops = {
    .name = "model",
    .open = model_open,
    .close = model_close,
    .enter = model_enter,
    .leave = model_leave,
    .reserve = model_reserve,
    .unreserve = model_unreserve,
    .create = model_create,
    .destroy = model_destroy,
    .map = model_map,
    .unmap = model_unmap,
    .allow = model_allow,
    .take = model_take,
    .give = model_give,
    .event_new = model_event_new,
    .event_free = model_event_free,
    .event_record = model_event_record,
    .event_done = model_event_done,
    .wait = model_wait,
};

#endif
