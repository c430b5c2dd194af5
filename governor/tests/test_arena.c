/*
 * Arenas on a strict make-believe device (arena_model.h): the limit, reuse in the order of streams,
 * pages mapped elsewhere, what trimming gives back, the last question before failing; and what
 * thousands of random steps must never break.
 */
#include "arena_model.h"

#define PAGE  ((int64_t)MODEL_PAGE)
#define BRIEF GOV_ARENA_BRIEF
#define LONG  GOV_ARENA_LONG

static struct gov_arena *open_arena(bool has_pages, int64_t capacity_pages, int64_t limit_pages)
{
    struct gov_arena_params params = {.limit_bytes = limit_pages * PAGE, .page_bytes = PAGE};
    struct gov_arena *arena = NULL;
    model_init(has_pages, capacity_pages);
    assert_int_equal(gov_arena_open(&model_ops, &params, &arena), 0);
    return arena;
}

static void close_arena(struct gov_arena *arena)
{
    assert_true(gov_arena_is_valid(arena));
    assert_int_equal(gov_arena_free(arena), 0);
    model_done();
}

static uint64_t take(struct gov_arena *arena, int64_t bytes, int stream)
{
    uint64_t address = 0;
    assert_int_equal(gov_arena_take(arena, bytes, BRIEF, model_stream(stream), &address), 0);
    assert_true(gov_arena_is_valid(arena));
    model_work(address, bytes, stream, true);
    return address;
}

static void give(struct gov_arena *arena, uint64_t address, int stream)
{
    assert_int_equal(gov_arena_give(arena, address, model_stream(stream)), 0);
    assert_true(gov_arena_is_valid(arena));
}

static struct gov_arena_stats stats_of(struct gov_arena *arena)
{
    struct gov_arena_stats stats;
    assert_int_equal(gov_arena_stats(arena, &stats), 0);
    return stats;
}

static void what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    struct gov_arena_params params = {0};
    struct gov_arena *arena = NULL;
    uint64_t address = 7;
    assert_int_equal(gov_arena_new("host", &params, &arena), GOV_E_INVALID);
    assert_int_equal(gov_arena_new(NULL, &params, &arena), GOV_E_INVALID);
    assert_int_equal(gov_arena_new("host", NULL, &arena), GOV_E_INVALID);
    params.limit_bytes = GOV_MB;
    assert_int_equal(gov_arena_new("tape", &params, &arena), GOV_E_NO_DEVICE);
    assert_null(arena);
    arena = open_arena(true, 8, 8);
    assert_int_equal(gov_arena_take(arena, 0, BRIEF, NULL, &address), GOV_E_INVALID);
    assert_int_equal(gov_arena_take(arena, -1, BRIEF, NULL, &address), GOV_E_INVALID);
    assert_int_equal(gov_arena_take(arena, INT64_MAX, BRIEF, NULL, &address), GOV_E_INVALID);
    assert_int_equal(gov_arena_take(arena, 1, (enum gov_arena_lifetime)2, NULL, &address),
                     GOV_E_INVALID);
    assert_int_equal(gov_arena_give(arena, 0, NULL), 0);
    assert_int_equal(gov_arena_give(arena, 512, NULL), GOV_E_INVALID);
    assert_int_equal(gov_arena_use(arena, 512, NULL), GOV_E_INVALID);
    assert_int_equal(gov_arena_trim(arena, -1, NULL), GOV_E_INVALID);
    assert_int_equal(gov_arena_reclaim(arena, GOV_TIER_NONE, NULL), GOV_E_INVALID);
    assert_int_equal(gov_arena_set_limit(arena, 0), GOV_E_INVALID);
    assert_int_equal(gov_arena_forget(arena, model_stream(1)), GOV_E_INVALID);
    assert_int_equal(address, 7);
    uint64_t given = take(arena, 1, 0);
    give(arena, given, 0);
    assert_int_equal(gov_arena_give(arena, given, NULL), GOV_E_INVALID); /* not twice */
    close_arena(arena);
    assert_int_equal(gov_arena_free(NULL), 0);
}

static void the_limit_is_never_crossed(void **state)
{
    (void)state;
    for (int has_pages = 0; has_pages < 2; has_pages++) {
        struct gov_arena *arena = open_arena(has_pages, 100, 8);
        uint64_t a = take(arena, 5 * PAGE, 0), b = 0;
        assert_int_equal(gov_arena_take(arena, 4 * PAGE, BRIEF, NULL, &b), GOV_E_NO_ROOM);
        assert_int_equal(gov_arena_take(arena, 9 * PAGE, BRIEF, NULL, &b), GOV_E_NO_ROOM);
        assert_int_equal(b, 0);
        b = take(arena, 3 * PAGE, 0);
        assert_int_equal(stats_of(arena).held.now, 8 * PAGE);
        assert_int_equal(model.pages_count, 8);
        assert_int_equal(stats_of(arena).failed_count, 2);
        give(arena, a, 0);
        give(arena, b, 0);
        close_arena(arena);
    }
}

static void a_full_device_is_told_from_a_full_lease(void **state)
{
    (void)state;
    for (int has_pages = 0; has_pages < 2; has_pages++) {
        struct gov_arena *arena = open_arena(has_pages, 4, 8);
        uint64_t a = 0;
        assert_int_equal(gov_arena_take(arena, 5 * PAGE, BRIEF, NULL, &a), GOV_E_DEVICE_NOMEM);
        assert_int_equal(model.pages_count, 0); /* what was got for it went back */
        a = take(arena, 4 * PAGE, 0);
        give(arena, a, 0);
        close_arena(arena);
    }
}

static void the_same_stream_reuses_at_once_and_asks_nobody(void **state)
{
    (void)state;
    struct gov_arena *arena = open_arena(true, 100, 8);
    uint64_t a = take(arena, 3 * PAGE, 1);
    give(arena, a, 1);
    int64_t calls = model.calls;
    for (int i = 0; i < 10; i++) {
        uint64_t b = take(arena, 3 * PAGE - i * 512, 1);
        assert_int_equal(b, a);
        give(arena, b, 1);
    }
    assert_int_equal(model.calls, calls);
    assert_int_equal(stats_of(arena).hits_count, 10);
    close_arena(arena);
}

static void another_stream_waits_for_an_event_or_gets_other_memory(void **state)
{
    (void)state;
    struct gov_arena *arena = open_arena(true, 100, 6);
    uint64_t a = take(arena, 3 * PAGE, 1);
    give(arena, a, 1);
    uint64_t b = take(arena, 3 * PAGE, 2); /* stream 1 is still at work */
    assert_int_not_equal(a, b);
    give(arena, b, 2);
    model_sync(1);
    uint64_t c = take(arena, 3 * PAGE, 3); /* done meanwhile: asked, not waited for */
    assert_int_equal(stats_of(arena).waits_count, 0);
    uint64_t d = take(arena, 3 * PAGE, 3); /* nothing else is left: waited for */
    assert_true(stats_of(arena).waits_count > 0);
    assert_int_equal(model.done[2], model.submitted[2]);
    give(arena, c, 3);
    give(arena, d, 3);
    close_arena(arena);
}

static void a_block_used_elsewhere_waits_for_all_of_them(void **state)
{
    (void)state;
    struct gov_arena *arena = open_arena(true, 100, 4);
    uint64_t a = take(arena, 4 * PAGE, 1), b = 0;
    assert_int_equal(gov_arena_use(arena, a, model_stream(2)), 0);
    model_work(a, 4 * PAGE, 2, false);
    give(arena, a, 1);
    assert_int_equal(stats_of(arena).waiting.now, 4 * PAGE);
    b = take(arena, 4 * PAGE, 1); /* even here: the other one may not be done */
    assert_true(stats_of(arena).waits_count > 0);
    give(arena, b, 1);
    close_arena(arena);
}

static void a_stream_is_forgotten_when_its_work_is_done(void **state)
{
    (void)state;
    struct gov_arena *arena = open_arena(true, 100, 8);
    uint64_t held = take(arena, PAGE, 2);
    for (int round = 0; round < 200; round++) { /* more streams than there is room for */
        uint64_t a = take(arena, 2 * PAGE, 1);
        assert_int_equal(gov_arena_use(arena, held, model_stream(1)), 0);
        give(arena, a, 1);
        assert_int_equal(gov_arena_forget(arena, model_stream(1)), 0);
        assert_int_equal(model.done[1], model.submitted[1]);
        assert_int_equal(stats_of(arena).waiting.now, 0);
    }
    give(arena, held, 2);
    assert_int_equal(gov_arena_forget(arena, model_stream(2)), 0);
    assert_int_equal(model.events_count, 0);
    close_arena(arena);
}

static void too_many_streams_are_refused(void **state)
{
    (void)state;
    struct gov_arena *arena = open_arena(true, 100, 8);
    uint64_t a;
    int known = 0;
    while (!gov_arena_take(arena, 512, BRIEF, model_stream(known), &a)) {
        assert_int_equal(gov_arena_give(arena, a, model_stream(known)), 0);
        known++;
        assert_true(known < 100);
    }
    assert_int_equal(known, 60);
    assert_int_equal(gov_arena_take(arena, 512, BRIEF, model_stream(99), &a), GOV_E_FULL);
    close_arena(arena);
}

static void free_pages_anywhere_serve_a_large_block(void **state)
{
    (void)state;
    struct gov_arena *arena = open_arena(true, 100, 16);
    uint64_t blocks[16];
    for (int i = 0; i < 16; i++)
        blocks[i] = take(arena, PAGE, 0);
    for (int i = 0; i < 16; i += 2)
        give(arena, blocks[i], 0);
    model_sync(0);
    uint64_t large = take(arena, 8 * PAGE, 0); /* no two free ones are neighbours */
    struct gov_arena_stats stats = stats_of(arena);
    assert_int_equal(stats.remapped_count, 8);
    assert_int_equal(stats.new_count, 16);
    assert_int_equal(stats.held.peak, 16 * PAGE);
    give(arena, large, 0);
    for (int i = 1; i < 16; i += 2)
        give(arena, blocks[i], 0);
    close_arena(arena);
}

static void memory_moves_between_lifetimes_and_sizes(void **state)
{
    (void)state;
    for (int has_pages = 0; has_pages < 2; has_pages++) {
        struct gov_arena *arena = open_arena(has_pages, 100, 8);
        uint64_t a = take(arena, 8 * PAGE, 0), b;
        give(arena, a, 0);
        model_sync(0);
        assert_int_equal(gov_arena_take(arena, 8 * PAGE, LONG, NULL, &b), 0);
        give(arena, b, 0);
        a = take(arena, 512, 0);
        give(arena, a, 0);
        assert_int_equal(model.pages_count, has_pages ? 8 : 1);
        close_arena(arena);
    }
}

static void trimming_really_gives_back(void **state)
{
    (void)state;
    struct gov_arena *arena = open_arena(true, 100, 16);
    int64_t freed = -1;
    uint64_t a = take(arena, 6 * PAGE + 512, 0), b = take(arena, 5 * PAGE, 0);
    give(arena, a, 0);
    assert_int_equal(gov_arena_trim(arena, 0, &freed), 0); /* the work still runs */
    assert_int_equal(freed, 0);
    model_sync(0);
    assert_int_equal(stats_of(arena).trimmable_bytes, 0); /* nobody has asked yet */
    assert_int_equal(gov_arena_trim(arena, 9 * PAGE, &freed), 0);
    assert_int_equal(freed, 3 * PAGE);
    assert_int_equal(model.pages_count, 9);
    assert_int_equal(gov_arena_trim(arena, 0, &freed), 0);
    assert_int_equal(freed, 3 * PAGE);
    assert_int_equal(model.pages_count, 6); /* the neighbour lies on a part of the seventh */
    assert_true(gov_arena_is_valid(arena));
    model_work(b, 5 * PAGE, 0, false); /* still there */
    give(arena, b, 0);
    assert_int_equal(gov_arena_reclaim(arena, GOV_TIER_STANDARD, &freed), 0); /* waits */
    assert_int_equal(freed, 6 * PAGE);
    assert_int_equal(model.pages_count, 0);
    assert_true(model.reserved_count > 0);
    assert_int_equal(gov_arena_reclaim(arena, GOV_TIER_AGGRESSIVE, &freed), 0);
    assert_int_equal(model.reserved_count, 0);
    assert_int_equal(model.events_count, 0);
    assert_int_equal(stats_of(arena).held.peak, 0);
    a = take(arena, PAGE, 0); /* and goes on */
    give(arena, a, 0);
    close_arena(arena);
}

static void segments_go_when_all_of_them_is_free(void **state)
{
    (void)state;
    struct gov_arena *arena = open_arena(false, 400, 400);
    int64_t freed = -1;
    uint64_t a = take(arena, 8 * PAGE, 0), b = take(arena, 4 * PAGE, 0);
    assert_int_equal(model.pages_count, 12); /* a segment is a 32nd of the limit */
    give(arena, a, 0);
    model_sync(0);
    uint64_t c = take(arena, PAGE, 0);
    give(arena, b, 0);
    assert_int_equal(gov_arena_reclaim(arena, GOV_TIER_STANDARD, &freed), 0);
    assert_int_equal(freed, 0);
    give(arena, c, 0);
    assert_int_equal(gov_arena_reclaim(arena, GOV_TIER_STANDARD, &freed), 0);
    assert_int_equal(freed, 12 * PAGE);
    assert_int_equal(model.pages_count, 0);
    close_arena(arena);
}

static void a_smaller_lease_gives_back_at_once_what_is_free(void **state)
{
    (void)state;
    struct gov_arena *arena = open_arena(true, 100, 16);
    uint64_t a = take(arena, 8 * PAGE, 0), b = take(arena, 6 * PAGE, 0);
    give(arena, a, 0);
    assert_int_equal(gov_arena_set_limit(arena, 10 * PAGE), 0); /* waits for the stream */
    assert_int_equal(model.pages_count, 10);
    assert_int_equal(gov_arena_set_limit(arena, 4 * PAGE), GOV_E_NO_ROOM);
    assert_int_equal(model.pages_count, 6);
    assert_int_equal(gov_arena_take(arena, 512, BRIEF, NULL, &a), GOV_E_NO_ROOM);
    give(arena, b, 0);
    assert_int_equal(gov_arena_set_limit(arena, 4 * PAGE), 0);
    assert_int_equal(model.pages_count, 4);
    close_arena(arena);
}

/* --- the last question --- */

struct asked {
    struct gov_arena *arena;
    uint64_t address; /* to give back; 0: none */
    int64_t limit_bytes;
    int count;
    int64_t wanted_bytes;
};

static bool help(void *context, int64_t wanted_bytes)
{
    struct asked *asked = context;
    asked->count++;
    asked->wanted_bytes = wanted_bytes;
    /* Calling back in must not block. */
    assert_int_equal(gov_arena_give(asked->arena, asked->address, NULL), 0);
    asked->address = 0;
    if (asked->limit_bytes)
        assert_int_equal(gov_arena_set_limit(asked->arena, asked->limit_bytes), 0);
    return true;
}

static void before_it_fails_it_asks(void **state)
{
    (void)state;
    struct asked asked = {0};
    struct gov_arena_params params = {
        .limit_bytes = 8 * PAGE, .page_bytes = PAGE, .short_of_memory = help, .context = &asked};
    uint64_t a, b, c;
    model_init(true, 100);
    assert_int_equal(gov_arena_open(&model_ops, &params, &asked.arena), 0);
    a = take(asked.arena, 8 * PAGE, 0);
    asked.address = a;
    b = take(asked.arena, 6 * PAGE, 0);
    assert_int_equal(asked.count, 1);
    assert_int_equal(asked.wanted_bytes, 6 * PAGE);
    asked.limit_bytes = 12 * PAGE;
    c = take(asked.arena, 6 * PAGE, 0);
    assert_int_equal(asked.count, 2);
    asked.limit_bytes = 0; /* promises and does nothing */
    assert_int_equal(gov_arena_take(asked.arena, PAGE, BRIEF, NULL, &a), GOV_E_NO_ROOM);
    assert_int_equal(asked.count, 5);
    give(asked.arena, b, 0);
    give(asked.arena, c, 0);
    close_arena(asked.arena);
}

static void a_sticky_error_is_the_last_word(void **state)
{
    (void)state;
    static const int errors[] = {GOV_E_CONTEXT_LOST, GOV_E_DEVICE_LOST};
    for (int i = 0; i < 2; i++) {
        struct gov_arena *arena = open_arena(true, 100, 8);
        uint64_t a = take(arena, PAGE, 0), b = 0;
        model.fail_at = model.calls + 1;
        model.fail_with = errors[i];
        assert_int_equal(gov_arena_take(arena, 2 * PAGE, BRIEF, NULL, &b), errors[i]);
        assert_int_equal(gov_arena_take(arena, 512, BRIEF, NULL, &b), errors[i]);
        assert_int_equal(gov_arena_take(arena, 512, BRIEF, NULL, &b), errors[i]);
        assert_int_equal(gov_arena_trim(arena, 0, NULL), errors[i]);
        assert_int_equal(b, 0);
        give(arena, a, 0);
        close_arena(arena);
    }
}

static void a_page_the_driver_keeps_is_never_used_again(void **state)
{
    (void)state;
    struct gov_arena *arena = open_arena(true, 100, 16);
    uint64_t a = take(arena, 6 * PAGE, 0);
    give(arena, a, 0);
    model_sync(0);
    assert_int_equal(gov_arena_trim(arena, 6 * PAGE, NULL), 0); /* settles, gives nothing back */
    model.fail_at = model.calls + 3;
    model.fail_with = GOV_E_IO;
    assert_int_equal(gov_arena_trim(arena, 0, NULL), GOV_E_IO);
    struct gov_arena_stats stats = stats_of(arena);
    assert_true(gov_arena_is_valid(arena));
    assert_int_equal(stats.lost_bytes, PAGE);
    assert_int_equal(gov_arena_trim(arena, 0, NULL), 0);
    assert_int_equal(stats_of(arena).held.now, PAGE); /* it still counts against the lease */
    uint64_t b = take(arena, 6 * PAGE, 0);
    give(arena, b, 0);
    close_arena(arena);
}

/* --- anything --- */

enum { MOST_LIVE = 64, STREAMS = 4 };

struct live {
    uint64_t address;
    int64_t bytes;
    int stream; /* whose order it is in */
};

struct walk {
    struct gov_arena *arena;
    uint32_t random;
    struct live live[MOST_LIVE];
    int count;
};

/* xorshift32 (Marsaglia, 2003) */
static uint32_t dice(struct walk *w, uint32_t sides)
{
    w->random ^= w->random << 13;
    w->random ^= w->random >> 17;
    w->random ^= w->random << 5;
    return w->random % sides;
}

static void walk_take(struct walk *w)
{
    if (w->count == MOST_LIVE)
        return;
    struct live *live = &w->live[w->count];
    int64_t most = dice(w, 4) ? MODEL_UNITS / 2 : 12 * MODEL_UNITS;
    live->bytes = (1 + dice(w, (uint32_t)most)) * 512;
    live->stream = (int)dice(w, STREAMS);
    enum gov_arena_lifetime lifetime = dice(w, 2) ? BRIEF : LONG;
    int error =
        gov_arena_take(w->arena, live->bytes, lifetime, model_stream(live->stream), &live->address);
    if (error) {
        assert_true(error == GOV_E_NO_ROOM || error == GOV_E_DEVICE_NOMEM);
        return;
    }
    model_work(live->address, live->bytes, live->stream, true);
    w->count++;
}

static void walk_give(struct walk *w)
{
    if (!w->count)
        return;
    struct live *live = &w->live[dice(w, (uint32_t)w->count)];
    int last = live->stream;
    if (dice(w, 4) == 0) { /* work elsewhere, unordered */
        int other = (int)dice(w, STREAMS);
        assert_int_equal(gov_arena_use(w->arena, live->address, model_stream(other)), 0);
        model_work(live->address, live->bytes, other, false);
        /* the model remembers one user of a unit: the first one's work is waited for */
        model_sync(live->stream);
    }
    if (dice(w, 4) == 0) { /* given back on another stream, which waits for this one */
        model_sync(live->stream);
        last = (int)dice(w, STREAMS);
    }
    assert_int_equal(gov_arena_give(w->arena, live->address, model_stream(last)), 0);
    *live = w->live[--w->count];
}

static void walk_step(struct walk *w)
{
    int stream = (int)dice(w, STREAMS);
    uint32_t what = dice(w, 100);
    if (what < 45) {
        walk_take(w);
    } else if (what < 85) {
        walk_give(w);
    } else if (what < 93) {
        int64_t undone = model.submitted[stream] - model.done[stream];
        model.done[stream] += dice(w, (uint32_t)undone + 1);
    } else if (what < 96) {
        assert_int_equal(gov_arena_trim(w->arena, dice(w, 40) * PAGE, NULL), 0);
    } else if (what < 97) {
        int tier = GOV_TIER_STANDARD + (int)dice(w, 3);
        assert_int_equal(gov_arena_reclaim(w->arena, (enum gov_tier)tier, NULL), 0);
    } else if (what < 99) {
        int64_t limit = (20 + dice(w, 60)) * PAGE;
        int error = gov_arena_set_limit(w->arena, limit);
        assert_true(error == 0 || error == GOV_E_NO_ROOM);
        assert_true(error || model.pages_count * PAGE <= limit);
    } else {
        int error = gov_arena_forget(w->arena, model_stream(stream));
        assert_true(error == 0 || error == GOV_E_INVALID);
    }
}

static void walk(uint32_t seed, bool has_pages)
{
    struct walk w = {.random = seed, .arena = open_arena(has_pages, 60, 64)};
    for (int i = 0; i < 1500; i++) {
        walk_step(&w);
        if (i % 16 == 0 && !gov_arena_is_valid(w.arena)) {
            print_message("seed %u, step %d\n", seed, i);
            fail();
        }
        assert_int_equal(stats_of(w.arena).held.now, model.pages_count * PAGE);
    }
    while (w.count--)
        give(w.arena, w.live[w.count].address, w.live[w.count].stream);
    close_arena(w.arena);
}

static void random_steps_break_nothing(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 24; seed++)
        walk(seed, seed % 3);
}

/* --- the host --- */

static void the_hosts_memory_holds_what_is_written(void **state)
{
    (void)state;
    for (int segments = 0; segments < 2; segments++) {
        struct gov_arena_params params = {.limit_bytes = 64 * GOV_MB, .without_mapping = segments};
        struct gov_arena *arena;
        uint64_t blocks[8], large;
        assert_int_equal(gov_arena_new("host", &params, &arena), 0);
        for (int i = 0; i < 8; i++) {
            assert_int_equal(gov_arena_take(arena, 5 * GOV_MB, BRIEF, NULL, &blocks[i]), 0);
            memset((void *)(uintptr_t)blocks[i], i, 5 * GOV_MB);
        }
        for (int i = 0; i < 8; i += 2)
            assert_int_equal(gov_arena_give(arena, blocks[i], NULL), 0);
        assert_int_equal(gov_arena_take(arena, 30 * GOV_MB, LONG, NULL, &large), 0);
        memset((void *)(uintptr_t)large, 99, 30 * GOV_MB);
        for (int i = 1; i < 8; i += 2) {
            const unsigned char *bytes = (void *)(uintptr_t)blocks[i];
            assert_true(bytes[0] == i && bytes[5 * GOV_MB - 1] == i);
        }
        assert_true(gov_arena_is_valid(arena));
        assert_int_equal(gov_arena_free(arena), 5); /* says how many were held */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_makes_no_sense_is_refused),
        cmocka_unit_test(the_limit_is_never_crossed),
        cmocka_unit_test(a_full_device_is_told_from_a_full_lease),
        cmocka_unit_test(the_same_stream_reuses_at_once_and_asks_nobody),
        cmocka_unit_test(another_stream_waits_for_an_event_or_gets_other_memory),
        cmocka_unit_test(a_block_used_elsewhere_waits_for_all_of_them),
        cmocka_unit_test(a_stream_is_forgotten_when_its_work_is_done),
        cmocka_unit_test(too_many_streams_are_refused),
        cmocka_unit_test(free_pages_anywhere_serve_a_large_block),
        cmocka_unit_test(memory_moves_between_lifetimes_and_sizes),
        cmocka_unit_test(trimming_really_gives_back),
        cmocka_unit_test(segments_go_when_all_of_them_is_free),
        cmocka_unit_test(a_smaller_lease_gives_back_at_once_what_is_free),
        cmocka_unit_test(before_it_fails_it_asks),
        cmocka_unit_test(a_sticky_error_is_the_last_word),
        cmocka_unit_test(a_page_the_driver_keeps_is_never_used_again),
        cmocka_unit_test(random_steps_break_nothing),
        cmocka_unit_test(the_hosts_memory_holds_what_is_written),
    };
    return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
