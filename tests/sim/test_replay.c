/* A recorded flight replayed: the same movies are done, on the same device in about the same time,
 * on a smaller one without a loss; what is no flight is refused by file and line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "sim/random.h"
#include "sim/replay.h"
#include "sim/world.h"

enum { MOVIES = 5 };

static int append(void *context, const char *bytes, size_t size)
{
    md_str_append_n(context, bytes, size);
    return 0;
}

/* A flight of the virtual world itself; ret_result is to be freed. */
static void record_on(const char *device, struct md_str *ret_lines,
                      struct md_sim_result *ret_result)
{
    struct md_sim_situation s;
    struct md_sim_machine machine;
    struct gov_recorder *recorder;
    struct md_failure failure;
    uint64_t serial = 0;
    assert_int_equal(md_sim_situation_for_device(device, &s, &failure), MD_OK);
    assert_int_equal(gov_recorder_new(100000, &recorder), GOV_OK);
    s.seed = 5;
    s.asr = md_sim_model_find("turbo");
    s.llm = md_sim_model_find("7b-q4");
    s.trouble = (struct md_sim_trouble){.skew_deviation = 0.2, .noise = 0.04};
    s.neighbours[0] = (struct gov_sim_neighbour){.bytes = 700 * GOV_MB};
    s.neighbours[1] = (struct gov_sim_neighbour){
        .at_us = INT64_C(1200000000), .until_us = INT64_C(2400000000), .bytes = 2 * GOV_GB};
    s.neighbour_count = 2;
    for (int i = 0; i < MOVIES; i++)
        s.movies[s.movie_count++] = md_sim_movie_make(9, i);
    assert_int_equal(md_sim_machine_open(&machine, &s, NULL, NULL), MD_OK);
    gov_governor_set_recorder(machine.governor, recorder);
    struct md_sim_params params = {.situation = &s, .recorder = recorder};
    assert_int_equal(md_sim_run(&machine, &params, ret_result), MD_OK);
    assert_false(ret_result->hung || ret_result->broken);
    assert_int_equal(gov_recorder_write_lines(recorder, &serial, append, ret_lines), 0);
    md_sim_machine_close(&machine);
    gov_recorder_free(recorder);
}

static void parse(const struct md_str *lines, struct md_flight *ret_flight)
{
    struct md_failure failure = {0};
    int r = md_flight_parse("night.jsonl", md_str_text(lines), lines->n, ret_flight, &failure);
    if (r < 0)
        print_message("%s\n", failure.message);
    assert_int_equal(r, MD_OK);
}

static void tell(const struct md_replay *replay)
{
    const struct md_replay_side *sides[] = {&replay->recorded, &replay->replayed};
    for (int i = 0; i < 2; i++)
        print_message("# %s: %d done, %d lost, %d OOMs, %d waits, %.0f s, peak %.2f GB\n",
                      i ? replay->device : "recorded", (int)sides[i]->done, (int)sides[i]->lost,
                      (int)sides[i]->ooms, (int)sides[i]->waits, (double)sides[i]->took_us / 1e6,
                      (double)sides[i]->peak_own_bytes / 1e9);
    for (size_t i = 0; i < replay->movie_count; i++)
        if (replay->movies[i].replayed != MD_FLIGHT_DONE)
            print_message("# movie %zu: %s\n", i, replay->movies[i].why);
    if (replay->hung || replay->broken)
        print_message("# %s\n", replay->why);
}

static void a_flight_says_what_each_stage_took(void **state)
{
    md_autostr lines = {0};
    struct md_sim_result result;
    struct md_flight flight;
    record_on("sim:rtx3060", &lines, &result);
    parse(&lines, &flight);
    assert_int_equal(flight.movies.n, MOVIES);
    assert_int_equal(flight.skipped, 0);
    assert_int_equal(flight.ooms, result.ooms.n);
    assert_int_equal(flight.peak_own_bytes, result.peak_own_bytes);
    assert_true(flight.total_bytes > 12 * GOV_GB);
    for (size_t i = 0; i < flight.movies.n; i++) {
        const struct md_flight_movie *movie = &flight.movies.v[i];
        const struct md_flight_stage *shots = &movie->stages[MD_STAGE_SHOTS];
        assert_int_equal(movie->end, MD_FLIGHT_DONE);
        assert_true(shots->held_us > 0 && shots->peak_bytes > 0 && shots->predicted_bytes > 0);
        assert_true(shots->asked_us <= shots->begin_us && shots->begin_us < shots->end_us);
        /* One model's worker tells all movies' stories. */
        assert_true(movie->stages[MD_STAGE_STORY].batch > 0);
        assert_true(movie->stages[MD_STAGE_STORY].held_us > 0);
    }
    /* 7b-q4 weighs 4.4 GB. */
    assert_in_range(flight.resident_bytes[MD_EXECUTOR_LLM], 4300 * GOV_MB, 5300 * GOV_MB);
    int64_t most_bytes = 0;
    for (size_t i = 0; i < flight.others.n; i++)
        most_bytes = flight.others.v[i].bytes > most_bytes ? flight.others.v[i].bytes : most_bytes;
    assert_true(most_bytes >= 2700 * GOV_MB);
    md_flight_done(&flight);
    md_sim_result_done(&result);
}

static void a_replay_on_the_same_device_comes_out_alike(void **state)
{
    static const char *const devices[] = {"sim:rtx3060", "sim:rtx4090", "sim:8GB"};
    for (size_t i = 0; i < 3; i++) {
        md_autostr lines = {0};
        struct md_sim_result result;
        struct md_flight flight;
        struct md_replay replay, again;
        struct md_failure failure;
        record_on(devices[i], &lines, &result);
        parse(&lines, &flight);
        assert_int_equal(md_replay_run(&flight, devices[i], NULL, NULL, &replay, &failure), MD_OK);
        tell(&replay);
        assert_false(replay.hung || replay.broken);
        assert_int_equal(replay.recorded.done, MOVIES);
        assert_int_equal(replay.replayed.done, MOVIES);
        assert_true(replay.replayed.took_us * 10 >= replay.recorded.took_us * 9);
        assert_true(replay.replayed.took_us * 10 <= replay.recorded.took_us * 11);
        assert_true(replay.replayed.peak_own_bytes * 10 >= replay.recorded.peak_own_bytes * 9);
        assert_true(replay.replayed.peak_own_bytes * 10 <= replay.recorded.peak_own_bytes * 11);
        assert_int_equal(md_replay_run(&flight, devices[i], NULL, NULL, &again, &failure), MD_OK);
        assert_memory_equal(&replay.replayed, &again.replayed, sizeof again.replayed);
        md_flight_done(&flight);
        md_sim_result_done(&result);
    }
}

static void on_smaller_devices_nothing_is_lost(void **state)
{
    static const char *const devices[] = {"sim:12GB", "sim:8GB", "sim:6GB", "sim:4GB"};
    md_autostr lines = {0};
    struct md_sim_result result;
    struct md_flight flight;
    struct md_failure failure;
    record_on("sim:rtx4090", &lines, &result);
    parse(&lines, &flight);
    for (size_t i = 0; i < 4; i++) {
        struct md_replay replay;
        assert_int_equal(md_replay_run(&flight, devices[i], NULL, NULL, &replay, &failure), MD_OK);
        tell(&replay);
        assert_false(replay.hung || replay.broken);
        assert_int_equal(replay.replayed.done, MOVIES);
        assert_int_equal(replay.replayed.lost, 0);
        assert_true(replay.replayed.peak_used_bytes <= replay.replayed.total_bytes);
    }
    struct md_replay replay;
    assert_int_equal(md_replay_run(&flight, "nvidia", NULL, NULL, &replay, &failure),
                     MD_ERR_NOTFOUND);
    md_flight_done(&flight);
    md_sim_result_done(&result);
}

static void what_is_no_flight_is_refused_by_file_and_line(void **state)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"", "night.jsonl:1: the file is empty"},
        {"\n\n", "night.jsonl:1: the file is empty"},
        {"\nRIFF\x01\x02\n", "night.jsonl:2: \"RIFF"},
        {"{\"kind\":\"party\",\"at_us\":1}\n", "night.jsonl:1: \"{"},
        {"{\"kind\":\"note\",\"at_us\":1,\"text\":\"x\"}\n", "night.jsonl:1: the flight ends"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct md_flight flight;
        struct md_failure failure = {0};
        assert_int_equal(
            md_flight_parse("night.jsonl", cases[i].text, strlen(cases[i].text), &flight, &failure),
            MD_ERR_INPUT);
        if (!strstr(failure.message, cases[i].says))
            fail_msg("\"%s\" lacks \"%s\"", failure.message, cases[i].says);
        md_flight_done(&flight);
    }
}

static void damaged_lines_are_skipped_and_counted(void **state)
{
    md_autostr lines = {0}, damaged = {0};
    struct md_sim_result result;
    struct md_flight flight;
    record_on("sim:rtx3060", &lines, &result);
    const char *second = strchr(md_str_text(&lines), '\n') + 1;
    md_str_append_n(&damaged, md_str_text(&lines), (size_t)(second - md_str_text(&lines)));
    md_str_append(&damaged, "{\"kind\":\"sam\nnothing\n");
    md_str_append(&damaged, second);
    parse(&damaged, &flight);
    assert_int_equal(flight.skipped, 2);
    assert_int_equal(flight.first_skipped, 2);
    assert_int_equal(flight.movies.n, MOVIES);
    md_flight_done(&flight);
    md_sim_result_done(&result);
}

/* Bytes overwritten anywhere, digits above all: numbers become absurd. */
static void hostile_flights_neither_crash_nor_hang(void **state)
{
    md_autostr lines = {0};
    struct md_sim_result result;
    struct md_sim_random random = {77};
    record_on("sim:rtx3060", &lines, &result);
    for (int round = 0; round < 25; round++) {
        md_autostr bad = {0};
        struct md_flight flight;
        struct md_failure failure;
        struct md_replay replay;
        size_t from = (size_t)md_sim_below(&random, (int64_t)lines.n / 2);
        md_str_append_n(&bad, md_str_text(&lines) + from, lines.n - from);
        for (int i = 0; i < 2000; i++) {
            char *at = &bad.s[md_sim_below(&random, (int64_t)bad.n)];
            if (*at >= '0' && *at <= '9')
                *at = (char)('0' + md_sim_below(&random, 10));
            else if (md_sim_chance(&random, 0.05))
                *at = (char)md_sim_below(&random, 256);
        }
        if (md_flight_parse("bad", bad.s, bad.n, &flight, &failure) == MD_OK) {
            assert_int_equal(md_replay_run(&flight, "sim:8GB", NULL, NULL, &replay, &failure),
                             MD_OK);
            tell(&replay);
            assert_false(replay.broken);
            assert_int_equal(replay.replayed.lost, 0);
        }
        md_flight_done(&flight);
    }
    md_sim_result_done(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flight_says_what_each_stage_took),
        cmocka_unit_test(a_replay_on_the_same_device_comes_out_alike),
        cmocka_unit_test(on_smaller_devices_nothing_is_lost),
        cmocka_unit_test(what_is_no_flight_is_refused_by_file_and_line),
        cmocka_unit_test(damaged_lines_are_skipped_and_counted),
        cmocka_unit_test(hostile_flights_neither_crash_nor_hang),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
