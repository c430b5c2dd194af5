/* The flight recorder: the ring, its lines and back, its trace, the post-mortem. */
#include "testing.h"

#include <gov/post_mortem.h>
#include <gov/reclaim.h>
#include <gov/recover.h>

#include "json_check.h"

/* A file in memory. */
struct file {
    char *text;
    size_t size;
    size_t room;
    int fails_after; /* writes until one fails; < 0: none */
};

static int write_file(void *context, const char *bytes, size_t size)
{
    struct file *file = context;
    if (file->fails_after == 0)
        return GOV_E_IO;
    file->fails_after--;
    if (file->size + size + 1 > file->room) {
        file->room = (file->size + size + 1) * 2;
        file->text = realloc(file->text, file->room);
        assert_non_null(file->text);
    }
    memcpy(file->text + file->size, bytes, size);
    file->size += size;
    file->text[file->size] = 0;
    return GOV_OK;
}

static size_t count_of(const char *text, const char *what)
{
    size_t count = 0;
    for (; (text = strstr(text, what)); text += strlen(what))
        count++;
    return count;
}

static struct gov_recorder *recorder_of(size_t capacity)
{
    struct gov_recorder *recorder = NULL;
    assert_int_equal(gov_recorder_new(capacity, &recorder), 0);
    return recorder;
}

static void the_ring_keeps_the_last_events(void **state)
{
    (void)state;
    struct gov_recorder *recorder = recorder_of(8);
    struct gov_event events[16];
    struct gov_recorder_stats stats;
    for (int i = 0; i < 20; i++) {
        char text[16];
        snprintf(text, sizeof text, "note %d", i);
        gov_recorder_note(recorder, i, text);
    }
    gov_recorder_stats(recorder, &stats);
    assert_int_equal(stats.recorded, 20);
    assert_int_equal(stats.first, 12);
    assert_int_equal(stats.count[GOV_EVENT_NOTE], 20);
    uint64_t serial = 0;
    assert_int_equal(gov_recorder_read(recorder, &serial, events, 3), 3);
    assert_int_equal(serial, 15);
    assert_string_equal(events[0].u.note.text, "note 12");
    assert_int_equal(gov_recorder_read(recorder, &serial, events, 16), 5);
    assert_string_equal(events[4].u.note.text, "note 19");
    assert_int_equal(events[4].serial, 19);
    assert_int_equal(gov_recorder_read(recorder, &serial, events, 16), 0);
    serial = 1000; /* of another recorder: nothing, and no harm */
    assert_int_equal(gov_recorder_read(recorder, &serial, events, 16), 0);
    gov_recorder_free(recorder);
}

static void times_never_run_backwards(void **state)
{
    (void)state;
    struct gov_recorder *recorder = recorder_of(8);
    struct gov_event events[8];
    gov_recorder_note(recorder, 100, "a");
    gov_recorder_note(recorder, 50, "b");
    gov_recorder_note(recorder, -1, "c");
    gov_recorder_tell_time(recorder, 170);
    gov_recorder_tell_time(recorder, 160);
    gov_recorder_note(recorder, -1, "d");
    uint64_t serial = 0;
    static const int64_t times[] = {100, 100, 100, 170};
    assert_int_equal(gov_recorder_read(recorder, &serial, events, 8), 4);
    for (int i = 0; i < 4; i++)
        assert_int_equal(events[i].at_us, times[i]);
    gov_recorder_free(recorder);
}

static void without_a_recorder_nothing_happens(void **state)
{
    (void)state;
    struct gov_event event = {.kind = GOV_EVENT_KINDS};
    struct gov_recorder_stats stats;
    uint64_t serial = 0;
    gov_recorder_add(NULL, &event);
    gov_recorder_note(NULL, 0, "x");
    gov_recorder_rung(NULL, 0, "m", "s", "r", 1);
    gov_recorder_batch(NULL, 0, "r", 1, 2);
    gov_recorder_pause(NULL, 0, true);
    gov_recorder_resume(NULL, 0, true, 1);
    gov_recorder_tell_time(NULL, 1);
    gov_recorder_stats(NULL, &stats);
    gov_recorder_free(NULL);
    gov_flight_done(NULL);
    assert_int_equal(stats.recorded, 0);
    assert_int_equal(gov_recorder_read(NULL, &serial, &event, 1), 0);
    struct gov_recorder *recorder = recorder_of(0);
    gov_recorder_add(recorder, &event); /* of no kind */
    gov_recorder_stats(recorder, &stats);
    assert_int_equal(stats.recorded, 0);
    assert_int_equal(stats.capacity, GOV_RECORDER_DEFAULT);
    gov_recorder_free(recorder);
    assert_int_equal(gov_recorder_new(GOV_RECORDER_MOST + 1, &recorder), GOV_E_INVALID);
}

/* One event of every kind with every field its own value. */
static struct gov_event example_of(enum gov_event_kind kind)
{
    struct gov_event e = {.at_us = 1234567 + kind, .serial = (uint64_t)kind, .kind = kind};
    switch (kind) {
    case GOV_EVENT_BEGIN:
        e.u.begin = (struct gov_event_begin){12, 11, "simulated \"rtx3060\"\\"};
        break;
    case GOV_EVENT_SAMPLE:
        e.u.sample = (struct gov_event_sample){1, 2, 3, 4, 5, -1, 7, -8, 9, 10};
        break;
    case GOV_EVENT_LEVEL:
        e.u.level = (struct gov_event_level){GOV_LEVEL_HIGH, GOV_LEVEL_LOW, 81.125};
        break;
    case GOV_EVENT_TIER_BEGIN:
    case GOV_EVENT_TIER_END:
        e.u.tier = (struct gov_event_tier){GOV_TIER_EMERGENCY, 2, 3, 1, -1};
        break;
    case GOV_EVENT_OOM:
        e.u.oom = (struct gov_event_oom){1u << 20, 5, -1, 7, 8, 16, "Am\xc3\xa9lie.mkv", "shots"};
        break;
    case GOV_EVENT_RUNG:
        e.u.rung = (struct gov_event_rung){4, "emergency", "b.mkv", "transcript"};
        break;
    case GOV_EVENT_BATCH:
        e.u.batch = (struct gov_event_batch){16, 4, "rtx3060/transcript/large-v3/-/-"};
        break;
    case GOV_EVENT_PAUSE:
    case GOV_EVENT_RESUME:
        e.u.pause = (struct gov_event_pause){1, kind == GOV_EVENT_RESUME ? 77 : -1};
        break;
    case GOV_EVENT_NOTE:
        strcpy(e.u.note.text, "tab? no: \xf0\x9f\x8e\xac and / and \\u0041");
        break;
    default:
        e.u.lease =
            (struct gov_event_lease){.lease_id = 99,
                                     .owner_order = -3,
                                     .pid = 4,
                                     .predicted_bytes = 5,
                                     .granted_bytes = INT64_MAX,
                                     .room_bytes = -6,
                                     .peak_bytes = kind == GOV_EVENT_LEASE_RELEASED ? 7 : -1,
                                     .held_us = -1,
                                     .reason = GOV_REASON_PAUSED,
                                     .owner = "c.mkv",
                                     .stage = "render"};
    }
    return e;
}

static void every_kind_is_read_back_as_it_was_written(void **state)
{
    (void)state;
    for (int kind = 0; kind < GOV_EVENT_KINDS; kind++) {
        struct gov_event written = example_of((enum gov_event_kind)kind), read;
        char line[GOV_EVENT_LINE_MAX], text[192];
        size_t length = gov_event_write_line(&written, line, sizeof line);
        assert_int_equal(length, strlen(line));
        assert_true(is_json(line));
        assert_null(strchr(line, '\n'));
        memset(&read, 0x55, sizeof read);
        if (gov_event_read_line(line, length, &read))
            fail_msg("not read back: %s", line);
        char again[GOV_EVENT_LINE_MAX];
        gov_event_write_line(&read, again, sizeof again);
        assert_string_equal(line, again);
        assert_int_equal(read.at_us, written.at_us);
        assert_int_equal(read.serial, written.serial);
        assert_true(strlen(gov_event_describe(&read, text, sizeof text)) > 5);
    }
    struct gov_event written = example_of(GOV_EVENT_SAMPLE), read;
    char line[GOV_EVENT_LINE_MAX];
    gov_event_read_line(line, gov_event_write_line(&written, line, sizeof line), &read);
    assert_memory_equal(&read, &written, sizeof read);
    written = example_of(GOV_EVENT_NOTE);
    gov_event_read_line(line, gov_event_write_line(&written, line, sizeof line), &read);
    assert_string_equal(read.u.note.text, written.u.note.text);
    assert_int_equal(strlen(gov_event_kind_name(GOV_EVENT_KINDS)), 1);
}

static void labels_of_any_bytes_make_valid_lines(void **state)
{
    (void)state;
    uint32_t random = 11;
    for (int i = 0; i < 3000; i++) {
        struct gov_event e = {.kind = GOV_EVENT_NOTE}, read;
        char line[GOV_EVENT_LINE_MAX], again[GOV_EVENT_LINE_MAX];
        for (size_t k = 0; k < sizeof e.u.note.text - 1; k++) {
            random = random * 1664525u + 1013904223u;
            e.u.note.text[k] = (char)(random >> 24 ? random >> 24 : 1);
        }
        size_t length = gov_event_write_line(&e, line, sizeof line);
        assert_true(length < sizeof line - 1);
        assert_true(is_json(line));
        assert_int_equal(gov_event_read_line(line, length, &read), 0);
        length = gov_event_write_line(&read, again, sizeof again);
        assert_true(is_json(again));
        struct gov_event third;
        assert_int_equal(gov_event_read_line(again, length, &third), 0);
        assert_string_equal(third.u.note.text, read.u.note.text);
    }
}

static void lines_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "",
        "{}",
        "[]",
        "null",
        "{\"at_us\":1}",
        "{\"at_us\":1,\"kind\":\"nothing\"}",
        "{\"at_us\":1,\"kind\":7,\"text\":\"x\"}",
        "{\"kind\":\"note\",\"text\":\"x\"}",
        "{\"at_us\":-1,\"kind\":\"note\",\"text\":\"x\"}",
        "{\"at_us\":1.5,\"kind\":\"note\",\"text\":\"x\"}",
        "{\"at_us\":99999999999999999999,\"kind\":\"note\",\"text\":\"x\"}",
        "{\"at_us\":1,\"kind\":\"note\"}",
        "{\"at_us\":1,\"kind\":\"note\",\"text\":5}",
        "{\"at_us\":1,\"kind\":\"note\",\"text\":\"x}",
        "{\"at_us\":1,\"kind\":\"note\",\"text\":\"\\\"}",
        "{\"at_us\":1,\"kind\":\"note\",\"text\":\"\\q\"}",
        "{\"at_us\":1,\"kind\":\"note\",\"text\":\"\\u12g4\"}",
        "{\"at_us\":1,\"kind\":\"note\",\"text\":\"\\u12\"}",
        "{\"at_us\":1,\"kind\":\"note\",\"text\":\"\\ud83c\\u12\"}",
        "{\"at_us\":1,\"kind\":\"note\",\"text\":\"x\"} x",
        "{\"at_us\":1,\"kind\":\"note\",\"text\":\"x\",}",
        "{\"at_us\":1 \"kind\":\"note\"}",
        "{\"at_us\":{\"a\":1},\"kind\":\"note\",\"text\":\"x\"}",
        "{\"at_us\":1,\"kind\":\"level\",\"level\":\"sky\",\"previous\":\"low\"}",
        "{\"at_us\":1,\"kind\":\"batch\",\"from\":4294967296,\"to\":1,\"regime\":\"r\"}",
        "{\"at_us\":1,\"kind\":\"pause\",\"by_memory\":2}",
        "{\"at_us\":1,\"kind\":\"oom\",\"lease_id\":-1,\"batch\":1,\"owner\":\"\",\"stage\":\"\"}",
    };
    struct gov_event event = {.at_us = 42}, before = event;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        if (gov_event_read_line(lines[i], strlen(lines[i]), &event) != GOV_E_FORMAT)
            fail_msg("was taken: %s", lines[i]);
        assert_memory_equal(&event, &before, sizeof event);
    }
    /* What a later version may add does not matter. */
    static const char later[] = " { \"kind\" : \"note\", \"new\": true, \"text\":\"\\u0041\\ud83c"
                                "\\udfac\\ud83c\\n\\u0000\", \"at_us\":7, \"also\": -1.5e3 } ";
    assert_int_equal(gov_event_read_line(later, strlen(later), &event), 0);
    assert_string_equal(event.u.note.text, "A\xf0\x9f\x8e\xac\xef\xbf\xbd??");
    assert_int_equal(event.at_us, 7);
}

/* A governor on a simulated card lives through a little of everything. */
static void fly(struct gov_recorder *recorder, struct gov_governor **ret_governor,
                struct gov_device **ret_device)
{
    const struct gov_device_params params = {.sim = {.total_bytes = 12 * GOV_GB}};
    struct gov_device *device;
    struct gov_governor *g;
    assert_int_equal(gov_device_open("sim", &params, &device), 0);
    assert_int_equal(gov_governor_new(&gov_config_default, device, NULL, &g), 0);
    gov_governor_set_recorder(g, recorder);
    assert_int_equal(gov_governor_sample(g, 1000, NULL), 0);
    struct gov_request request = {.owner = "a.mkv",
                                  .stage = "transcript",
                                  .pid = 10,
                                  .predicted_bytes = 6 * GOV_GB,
                                  .now_us = 2000};
    struct gov_admission first, second;
    assert_int_equal(gov_governor_admit(g, &request, &first), 0);
    assert_int_equal(first.verdict, GOV_GRANTED);
    request.owner = "b.mkv";
    request.now_us = 3000;
    for (int i = 0; i < 5; i++) /* asked again and again: recorded once */
        assert_int_equal(gov_governor_admit(g, &request, &second), 0);
    assert_int_equal(second.verdict, GOV_QUEUED);
    request.predicted_bytes = 60 * GOV_GB;
    assert_int_equal(gov_governor_admit(g, &request, &second), 0);
    assert_int_equal(second.verdict, GOV_NEVER);
    assert_int_equal(gov_sim_take(device, 4000, 10, 11 * GOV_GB), 0);
    assert_int_equal(gov_governor_sample(g, 4000, NULL), 0);
    struct gov_pressure_decision decision;
    assert_int_equal(gov_governor_check_pressure(g, 4000, -1, &decision), 0);
    assert_int_equal(decision.tier, GOV_TIER_EMERGENCY);
    struct gov_tier_run run = {0};
    assert_int_equal(gov_governor_run_tier(g, NULL, 0, decision.tier, 4000, &run), 0);
    assert_int_equal(gov_sim_give(device, 10, 3 * GOV_GB), 0);
    assert_int_equal(gov_governor_end_tier(g, 5000, &run), 0);
    struct gov_oom oom = {
        .lease_id = first.lease_id, .wanted_bytes = 2 * GOV_GB, .batch = 8, .now_us = 6000};
    assert_int_equal(gov_governor_note_oom(g, &oom), 0);
    gov_recorder_rung(recorder, 6000, "a.mkv", "transcript", gov_rung_name(GOV_RUNG_EMERGENCY), 2);
    gov_recorder_batch(recorder, 6000, "sim/transcript/-/-/-", 8, 2);
    assert_int_equal(gov_sim_give(device, 10, -1), 0);
    assert_int_equal(gov_governor_sample(g, 7000, NULL), 0);
    assert_int_equal(gov_governor_check_pressure(g, 9000, -1, &decision), 0);
    assert_true(decision.resume);
    assert_int_equal(gov_governor_resize(g, first.lease_id, 2 * GOV_GB), 0);
    gov_governor_tell_time(g, 10000);
    assert_int_equal(gov_governor_release(g, first.lease_id, NULL), 0);
    assert_true(gov_governor_is_valid(g));
    *ret_governor = g;
    *ret_device = device;
}

static void a_governor_records_by_itself(void **state)
{
    (void)state;
    struct gov_recorder *recorder = recorder_of(100);
    struct gov_governor *g;
    struct gov_device *device;
    fly(recorder, &g, &device);
    static const enum gov_event_kind kinds[] = {
        GOV_EVENT_BEGIN,         GOV_EVENT_SAMPLE,         GOV_EVENT_LEASE_GRANTED,
        GOV_EVENT_LEASE_QUEUED,  GOV_EVENT_LEASE_NEVER,    GOV_EVENT_SAMPLE,
        GOV_EVENT_LEVEL,         GOV_EVENT_PAUSE,          GOV_EVENT_SAMPLE,
        GOV_EVENT_TIER_BEGIN,    GOV_EVENT_SAMPLE,         GOV_EVENT_TIER_END,
        GOV_EVENT_OOM,           GOV_EVENT_RUNG,           GOV_EVENT_BATCH,
        GOV_EVENT_SAMPLE,        GOV_EVENT_LEVEL,          GOV_EVENT_RESUME,
        GOV_EVENT_LEASE_RESIZED, GOV_EVENT_LEASE_RELEASED,
    };
    struct gov_event events[100];
    uint64_t serial = 0;
    size_t count = gov_recorder_read(recorder, &serial, events, 100);
    for (size_t i = 0; i < count && i < sizeof kinds / sizeof kinds[0]; i++) {
        if (events[i].kind != kinds[i])
            fail_msg("event %zu is %s", i, gov_event_kind_name(events[i].kind));
    }
    assert_int_equal(count, sizeof kinds / sizeof kinds[0]);
    assert_string_equal(events[2].u.lease.owner, "a.mkv");
    assert_int_equal(events[3].u.lease.reason, GOV_REASON_BUDGET);
    assert_int_equal(events[11].u.tier.freed_bytes, 3 * GOV_GB);
    assert_int_equal(events[12].u.oom.leased_bytes, 6900 * GOV_MB);
    assert_string_equal(events[12].u.oom.stage, "transcript");
    assert_int_equal(events[17].u.pause.paused_us, 5000);
    assert_int_equal(events[19].at_us, 10000);
    assert_int_equal(events[19].u.lease.held_us, 8000);
    assert_int_equal(events[19].u.lease.peak_bytes, 11 * GOV_GB);

    struct gov_status status;
    gov_governor_status(g, &status);
    assert_int_equal(status.used.now, 0);
    assert_int_equal(status.used.peak, 11 * GOV_GB);
    assert_int_equal(status.own.total, 11 * GOV_GB);
    assert_int_equal(status.leased.now, 0);
    assert_int_equal(status.leased.peak, 6900 * GOV_MB);
    assert_int_equal(status.pending.peak, 6900 * GOV_MB);
    assert_int_equal(status.lease_count.total, 1);
    assert_int_equal(status.ooms_count, 1);
    assert_int_equal(status.resized_count, 1);
    assert_int_equal(status.released_count, 1);
    assert_int_equal(status.pauses.count, 1);
    assert_int_equal(status.pauses.total_us, 5000);
    assert_int_equal(status.pauses.longest_us, 5000);
    assert_int_equal(status.pauses.since_us, -1);
    assert_int_equal(status.tiers[GOV_TIER_EMERGENCY].runs, 1);
    assert_int_equal(status.tiers[GOV_TIER_EMERGENCY].freed_bytes, 3 * GOV_GB);
    assert_int_equal(status.tiers[GOV_TIER_NONE].freed_bytes, status.freed_bytes);
    gov_governor_free(g);
    gov_device_free(device);
    gov_recorder_free(recorder);
}

static void a_flight_is_written_and_read_back(void **state)
{
    (void)state;
    struct gov_recorder *recorder = recorder_of(100);
    struct gov_governor *g;
    struct gov_device *device;
    struct file file = {.fails_after = -1};
    struct gov_flight flight;
    uint64_t serial = 0;
    fly(recorder, &g, &device);
    assert_int_equal(gov_recorder_write_lines(recorder, &serial, write_file, &file), 0);
    assert_int_equal(serial, 20);
    gov_recorder_note(recorder, 11000, "later");
    file.fails_after = 0;
    assert_int_equal(gov_recorder_write_lines(recorder, &serial, write_file, &file), GOV_E_IO);
    assert_int_equal(serial, 20); /* it can be tried again */
    file.fails_after = -1;
    assert_int_equal(gov_recorder_write_lines(recorder, &serial, write_file, &file), 0);
    assert_int_equal(count_of(file.text, "\n"), 21);

    struct gov_event events[32];
    uint64_t from = 0;
    size_t count = gov_recorder_read(recorder, &from, events, 32);
    assert_int_equal(gov_flight_read(file.text, file.size, 1000, &flight), 0);
    assert_int_equal(flight.count, count);
    assert_int_equal(flight.skipped, 0);
    for (size_t i = 0; i < count; i++) {
        char a[GOV_EVENT_LINE_MAX], b[GOV_EVENT_LINE_MAX];
        gov_event_write_line(&flight.events[i], a, sizeof a);
        gov_event_write_line(&events[i], b, sizeof b);
        assert_string_equal(a, b);
    }
    gov_flight_done(&flight);
    /* Bounded, whatever the file says; torn last lines and rubbish are counted. */
    assert_int_equal(gov_flight_read(file.text, file.size - 5, 10, &flight), 0);
    assert_int_equal(flight.count, 10);
    assert_int_equal(flight.skipped, 11);
    gov_flight_done(&flight);
    assert_int_equal(gov_flight_read("\n\r\nrubbish\n", 11, 10, &flight), 0);
    assert_int_equal(flight.count, 0);
    assert_int_equal(flight.skipped, 1);
    gov_flight_done(&flight);
    assert_int_equal(gov_flight_read(NULL, 0, 10, &flight), 0);
    gov_flight_done(&flight);
    free(file.text);
    gov_governor_free(g);
    gov_device_free(device);
    gov_recorder_free(recorder);
}

static void the_trace_is_json_with_slices_that_close(void **state)
{
    (void)state;
    struct gov_recorder *recorder = recorder_of(100);
    struct gov_governor *g;
    struct gov_device *device;
    struct file file = {.fails_after = -1};
    fly(recorder, &g, &device);
    struct gov_request request = {.owner = "c\".mkv", .stage = "render", .predicted_bytes = GOV_MB};
    struct gov_admission admission;
    assert_int_equal(gov_governor_admit(g, &request, &admission), 0); /* never released */
    assert_int_equal(gov_recorder_write_trace(recorder, write_file, &file), 0);
    assert_true(is_json(file.text));
    assert_int_equal(count_of(file.text, "\"ph\":\"b\""), 2);
    assert_int_equal(count_of(file.text, "\"ph\":\"e\""), 2);
    assert_int_equal(count_of(file.text, "\"ph\":\"B\""), 2); /* a tier and a pause */
    assert_int_equal(count_of(file.text, "\"ph\":\"E\""), 2);
    assert_int_equal(count_of(file.text, "\"ph\":\"C\""), 3 * 5);
    assert_int_equal(count_of(file.text, "\"s\":\"g\""), 1); /* the out-of-memory */
    assert_non_null(strstr(file.text, "OUT OF MEMORY transcript of a.mkv, batch 8, wanted 2.0GB"));
    free(file.text);

    /* A ring that lost the beginning: still every end has its beginning. */
    struct gov_event events[100];
    uint64_t serial = 0;
    size_t count = gov_recorder_read(recorder, &serial, events, 100);
    for (size_t from = 0; from <= count; from++) {
        file = (struct file){.fails_after = -1};
        assert_int_equal(gov_events_write_trace(events + from, count - from, write_file, &file), 0);
        assert_true(is_json(file.text));
        assert_int_equal(count_of(file.text, "\"ph\":\"b\""), count_of(file.text, "\"ph\":\"e\""));
        assert_int_equal(count_of(file.text, "\"ph\":\"B\""), count_of(file.text, "\"ph\":\"E\""));
        free(file.text);
    }
    file = (struct file){.fails_after = 0};
    assert_int_equal(gov_recorder_write_trace(recorder, write_file, &file), GOV_E_IO);
    gov_governor_free(g);
    gov_device_free(device);
    gov_recorder_free(recorder);
}

/* A line that is too long ends with a part of its sentence, never within a word. */
static void a_post_mortem_cuts_no_words(void **state)
{
    (void)state;
    struct gov_recorder *recorder = recorder_of(50);
    struct gov_governor *g;
    struct gov_device *device;
    char text[GOV_POST_MORTEM_MAX];
    fly(recorder, &g, &device);
    char owner[GOV_LABEL_MAX] = "a";
    for (size_t n = 1; n + 1 < sizeof owner; n++) {
        struct gov_request request = {.owner = owner,
                                      .stage = "transcript",
                                      .predicted_bytes = 100 * 1000 * GOV_MB,
                                      .now_us = 20000 + (int64_t)n};
        struct gov_admission admission;
        owner[n] = 'a';
        assert_int_equal(gov_governor_admit(g, &request, &admission), 0);
        assert_int_equal(admission.verdict, GOV_NEVER);
        struct gov_oom oom = {.wanted_bytes = -1, .now_us = request.now_us};
        gov_post_mortem(g, recorder, &oom, text, sizeof text);
        const char *line = strstr(text, "refused ");
        assert_non_null(line);
        for (const char *next; (next = strstr(line + 1, "refused ")); line = next)
            ;
        char said[100];
        snprintf(said, sizeof said, "%.*s", (int)strcspn(line, "\n"), line);
        /* A name that is cut says so; after it comes all, or all but the room. */
        const char *name = strstr(said, " of a");
        assert_non_null(name);
        size_t letters = strspn(name + 4, "a");
        const char *end = name + 4 + letters;
        size_t whole = n + 1 < GOV_EVENT_OWNER_MAX ? n + 1 : GOV_EVENT_OWNER_MAX - 1;
        assert_true(letters >= 10 || letters == whole);
        if (letters < whole)
            assert_int_equal(strncmp(end, "..", 2), 0);
        end += letters < whole ? 2 : 0;
        const char *room = strstr(end, ", room for ");
        if (strncmp(end, ": cap", 5) != 0 || (!room && end[5]) ||
            (room && room[strlen(room) - 1] != 'B'))
            fail_msg("cut in a word: %s", said);
    }
    gov_governor_free(g);
    gov_device_free(device);
    gov_recorder_free(recorder);
}

static void a_post_mortem_fits_one_screen_and_says_it_all(void **state)
{
    (void)state;
    struct gov_recorder *recorder = recorder_of(200);
    struct gov_governor *g;
    struct gov_device *device;
    char text[GOV_POST_MORTEM_MAX];
    fly(recorder, &g, &device);
    uint64_t last = 0;
    for (int i = 0; i < 90; i++) {
        char owner[64];
        snprintf(owner, sizeof owner, "movie %02d \xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9.mkv",
                 i % 9);
        struct gov_request request = {.owner = owner,
                                      .stage = i % 2 ? "shots" : "render",
                                      .predicted_bytes = (i % 9 + 1) * 10 * GOV_MB,
                                      .flags = GOV_REQUEST_EXACT,
                                      .now_us = 20000 + i};
        struct gov_admission admission;
        assert_int_equal(gov_governor_admit(g, &request, &admission), 0);
        assert_int_equal(admission.verdict, GOV_GRANTED);
        last = admission.lease_id;
    }
    struct gov_oom oom = {
        .lease_id = last, .wanted_bytes = 543 * GOV_MB, .batch = 8, .now_us = 12345678};
    assert_int_equal(gov_governor_note_oom(g, &oom), 0);
    size_t length = gov_post_mortem(g, recorder, &oom, text, sizeof text);
    assert_int_equal(length, strlen(text));
    assert_int_equal(count_of(text, "\n"), 24);
    for (const char *line = text; *line; line = strchr(line, '\n') + 1) {
        size_t columns = 0;
        for (const char *p = line; *p != '\n'; p++)
            columns += ((unsigned char)*p & 0xc0) != 0x80;
        assert_true(columns <= 80);
    }
    static const char *const said[] = {
        "OUT OF MEMORY: shots of movie 08",
        "at 12.345 s\n",
        "requested 543MB more; leased 90MB",
        "device    12.0GB: used 0MB",
        "the largest piece 12.0GB",
        "most used so far 11.0GB",
        "at most 10.1GB; room for ",
        "level     low (0.0%), admission open; out of memory 2",
        "emergency 1; freed 3.0GB",
        "in 90 leases",
        "  before\n",
        "s  granted 80MB to render of movie 07",
    };
    for (size_t i = 0; i < sizeof said / sizeof said[0]; i++) {
        if (!strstr(text, said[i]))
            fail_msg("\"%s\" is missing in\n%s", said[i], text);
    }
    assert_null(strstr(text, "reading"));
    /* Any room, nothing known, no recorder. */
    for (size_t size = 1; size < 300; size++) {
        memset(text, 0x55, sizeof text);
        assert_true(gov_post_mortem(g, NULL, &oom, text, size) < size);
        assert_true(text[0] == 0 || text[strlen(text) - 1] == '\n');
        assert_int_equal(text[size], 0x55);
    }
    gov_governor_free(g);
    assert_int_equal(gov_governor_new(&gov_config_default, NULL, NULL, &g), 0);
    struct gov_oom unknown = {.wanted_bytes = -1};
    assert_true(gov_post_mortem(g, recorder, &unknown, text, sizeof text) > 200);
    assert_non_null(strstr(text, "\n  leased ? (predicted ?), measured peak ?\n"));
    /* A lease that has ended is told all the same. */
    const struct gov_lease ended = {
        .granted_bytes = 90 * GOV_MB, .predicted_bytes = 80 * GOV_MB, .peak_bytes = 95 * GOV_MB};
    unknown.lease = &ended;
    gov_post_mortem(g, recorder, &unknown, text, sizeof text);
    assert_non_null(strstr(text, "\n  leased 90MB (predicted 80MB), measured peak 95MB\n"));
    gov_governor_free(g);
    gov_device_free(device);
    gov_recorder_free(recorder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_ring_keeps_the_last_events),
        cmocka_unit_test(times_never_run_backwards),
        cmocka_unit_test(without_a_recorder_nothing_happens),
        cmocka_unit_test(every_kind_is_read_back_as_it_was_written),
        cmocka_unit_test(labels_of_any_bytes_make_valid_lines),
        cmocka_unit_test(lines_that_make_no_sense_are_refused),
        cmocka_unit_test(a_governor_records_by_itself),
        cmocka_unit_test(a_flight_is_written_and_read_back),
        cmocka_unit_test(the_trace_is_json_with_slices_that_close),
        cmocka_unit_test(a_post_mortem_fits_one_screen_and_says_it_all),
        cmocka_unit_test(a_post_mortem_cuts_no_words),
    };
    return cmocka_run_group_tests_name("recorder", tests, NULL, NULL);
}
