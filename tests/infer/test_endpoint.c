/* A language model on a server that behaves and one that does not: what is asked again, what is
 * given up, and that nothing lasts longer than it may. Patience is in milliseconds here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <jansson.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "infer/endpoint_wire.h"
#include "infer/text.h"
#include "server.h"

enum { REQUESTS = 6 };
#define ACTS(...)                                                                                  \
    .acts = (const enum server_act[]){__VA_ARGS__},                                                \
    .act_count = sizeof((const enum server_act[]){__VA_ARGS__}) / sizeof(enum server_act)
#define LIST_ACTS(...)                                                                             \
    .list_acts = (const enum server_act[]){__VA_ARGS__},                                           \
    .list_act_count = sizeof((const enum server_act[]){__VA_ARGS__}) / sizeof(enum server_act)

/* A millisecond stands for a second. Limits are there to be hit only where a test wants it. */
static const struct md_text_patience quick = {.connect_us = 5000000,
                                              .first_byte_us = 20000000,
                                              .stall_us = 20000000,
                                              .total_us = 30000000,
                                              .retry_us = 1000,
                                              .most_retry_us = 60000000,
                                              .tries = 5,
                                              .seed = 7};

struct talk {
    struct server *server;
    struct server_seen seen;
    void *model;
    char *replies[REQUESTS];
    int done[REQUESTS], done_count;
    int64_t cancel_at_us; /* 0: never */
    struct md_text_facts facts;
    struct md_failure failure;
    struct md_log log;
    char logged[2000];
};

static int read_request(void *user, size_t index, struct md_text_request *ret)
{
    static char text[200]; /* until the next call */
    (void)user;
    snprintf(text, sizeof text, "Scene %zu of 6, from 0 to 1.\n\nDialogue:\n1| \"line\" <|%zu|>\n",
             index + 1, index);
    *ret = (struct md_text_request){.system = "The task.",
                                    .user = text,
                                    .grammar = "root ::= \"x\"",
                                    .schema = "{\"type\":\"object\"}",
                                    .max_tokens = 99};
    return MD_OK;
}

static int take_reply(void *user, size_t index, const char *reply)
{
    struct talk *talk = user;
    assert_int_equal(talk->done[index], 0);
    talk->done[index] = 1;
    talk->done_count++;
    talk->replies[index] = reply ? strdup(reply) : NULL;
    return MD_OK;
}

static bool is_cancelled(void *user)
{
    const struct talk *talk = user;
    return talk->cancel_at_us && md_clock_monotonic_us() >= talk->cancel_at_us;
}

static void hear(void *user, enum md_log_level level, const char *component, const char *message)
{
    struct talk *talk = user;
    size_t n = strlen(talk->logged);
    (void)level;
    snprintf(talk->logged + n, sizeof talk->logged - n, "%s: %s\n", component, message);
}

static struct md_text_run make_run(struct talk *talk, int at_once)
{
    return (struct md_text_run){.count = REQUESTS,
                                .at_once = at_once,
                                .user = talk,
                                .read = read_request,
                                .done = take_reply,
                                .cancelled = is_cancelled,
                                .failure = &talk->failure};
}

static void begin(struct talk *talk, const struct server_params *params,
                  const struct md_text_patience *patience, const char *key, const char *name)
{
    char url[64];
    *talk = (struct talk){.server = server_start(params)};
    assert_non_null(talk->server);
    talk->log = (struct md_log){.level = MD_LOG_DEBUG, .write = hear, .user = talk};
    snprintf(url, sizeof url, "http://127.0.0.1:%d", server_port(talk->server));
    const struct md_text_server server = {
        .url = url, .name = name, .key = key, .patience = patience};
    const struct md_text_params text = {.server = &server, .sequences = 8, .log = &talk->log};
    if (md_text_endpoint.open(&text, &talk->model, &talk->failure) < 0)
        fail_msg("%s", talk->failure.message);
}

/* Asks all; the code of whatever failed first. */
static int ask(struct talk *talk, const struct server_params *params,
               const struct md_text_patience *patience, int at_once)
{
    begin(talk, params, patience, params->key, NULL);
    const struct md_text_run run = make_run(talk, at_once);
    int r = md_text_endpoint.prepare(talk->model, &run, &talk->facts);
    if (r == MD_OK)
        r = md_text_endpoint.run(talk->model, &run);
    assert_true(md_text_endpoint.is_sound(talk->model));
    return r;
}

static void end(struct talk *talk)
{
    md_text_endpoint.close(talk->model);
    server_see(talk->server, &talk->seen);
    server_stop(talk->server);
    for (int i = 0; i < REQUESTS; i++)
        free(talk->replies[i]);
}

static void check_good(const struct talk *talk)
{
    for (int i = 0; i < REQUESTS; i++) {
        char wanted[40];
        snprintf(wanted, sizeof wanted, "\"title\":\"Scene %d is told\"", i + 1);
        assert_non_null(talk->replies[i]);
        assert_int_equal(talk->replies[i][0], '{');
        assert_non_null(strstr(talk->replies[i], wanted));
    }
}

/* ---- all is well ---- */

static void replies_come_for_any_number_at_once(void **state)
{
    (void)state;
    for (int at_once = 1; at_once <= 8; at_once++) {
        struct talk talk;
        const struct server_params params = {.kind = SERVER_LLAMA, .context = 2048};
        assert_int_equal(ask(&talk, &params, &quick, at_once), MD_OK);
        check_good(&talk);
        assert_string_equal(talk.facts.name, "test-model");
        assert_int_equal(talk.facts.context, 2048);
        end(&talk);
        assert_int_equal(talk.seen.chats, REQUESTS);
        assert_true(talk.seen.most_at_once <= at_once);
    }
}

static void a_request_says_what_makes_replies_the_same_each_time(void **state)
{
    struct talk talk;
    const struct server_params params = {.kind = SERVER_VLLM, .context = 4096};
    (void)state;
    assert_int_equal(ask(&talk, &params, &quick, 1), MD_OK);
    server_see(talk.server, &talk.seen);
    json_t *root = json_loads(talk.seen.last_chat, 0, NULL);
    json_t *format = json_object_get(root, "response_format");
    json_t *user = json_array_get(json_object_get(root, "messages"), 1);
    assert_string_equal(json_string_value(json_object_get(root, "model")), "test-model");
    assert_int_equal(json_integer_value(json_object_get(root, "temperature")), 0);
    assert_true(json_is_integer(json_object_get(root, "seed")));
    assert_int_equal(json_integer_value(json_object_get(root, "max_tokens")), 99);
    assert_string_equal(json_string_value(json_object_get(format, "type")), "json_schema");
    assert_string_equal(json_string_value(json_object_get(user, "content")),
                        "Scene 6 of 6, from 0 to 1.\n\nDialogue:\n1| \"line\" <|5|>\n");
    json_decref(root);
    assert_int_equal(talk.facts.context, 4096);
    end(&talk);
}

static void what_ollama_really_has_is_asked_and_given_back(void **state)
{
    struct talk talk;
    const struct server_params params = {.kind = SERVER_OLLAMA, .context = 1536};
    (void)state;
    assert_int_equal(ask(&talk, &params, &quick, 2), MD_OK);
    assert_int_equal(talk.facts.context, 1536);
    md_text_endpoint.rest(talk.model);
    check_good(&talk);
    end(&talk);
    assert_int_equal(talk.seen.unloads, 1);
    const struct server_params other = {.kind = SERVER_LLAMA};
    assert_int_equal(ask(&talk, &other, &quick, 2), MD_OK);
    md_text_endpoint.rest(talk.model);
    end(&talk);
    assert_int_equal(talk.seen.unloads, 0);
}

static void a_model_is_chosen_by_name_where_there_are_several(void **state)
{
    static const char *const names[] = {"small:latest", "large", NULL};
    struct talk talk;
    const struct server_params params = {.models = names};
    const struct md_text_run run = make_run(&talk, 1);
    (void)state;
    assert_int_equal(ask(&talk, &params, &quick, 1), MD_ERR_EXTERNAL);
    assert_non_null(strstr(talk.failure.message, "small:latest, large"));
    end(&talk);
    begin(&talk, &params, &quick, NULL, "small");
    assert_int_equal(md_text_endpoint.prepare(talk.model, &run, &talk.facts), MD_OK);
    assert_string_equal(talk.facts.name, "small:latest");
    end(&talk);
    begin(&talk, &params, &quick, NULL, "medium");
    assert_int_equal(md_text_endpoint.prepare(talk.model, &run, &talk.facts), MD_ERR_EXTERNAL);
    end(&talk);
}

/* ---- what passes is asked again ---- */

static void passing_trouble_changes_no_reply(void **state)
{
    static const enum server_act acts[] = {SERVER_CUT,      SERVER_CLOSE, SERVER_BUSY,
                                           SERVER_FAIL,     SERVER_AWAY,  SERVER_HTML,
                                           SERVER_NONSENSE, SERVER_FENCED};
    (void)state;
    for (size_t i = 0; i < MD_ARRAY_LEN(acts); i++) {
        for (int at_once = 1; at_once <= 4; at_once += 3) {
            struct talk talk;
            const struct server_params params = {
                ACTS(acts[i], SERVER_GOOD, acts[i], acts[i], SERVER_GOOD)};
            if (ask(&talk, &params, &quick, at_once) != MD_OK)
                fail_msg("%s: %s", server_act_names[acts[i]], talk.failure.message);
            check_good(&talk);
            end(&talk);
        }
    }
}

static void a_server_that_comes_late_is_waited_for(void **state)
{
    struct talk talk;
    const struct server_params params = {
        LIST_ACTS(SERVER_CLOSE, SERVER_AWAY, SERVER_FAIL, SERVER_GOOD)};
    (void)state;
    assert_int_equal(ask(&talk, &params, &quick, 2), MD_OK);
    check_good(&talk);
    end(&talk);
    assert_int_equal(talk.seen.lists, 4);
}

static void silence_and_stalls_end_in_time(void **state)
{
    static const enum server_act acts[] = {SERVER_SILENT, SERVER_STALL};
    struct md_text_patience patience = quick;
    (void)state;
    patience.first_byte_us = patience.stall_us = 300000;
    for (size_t i = 0; i < MD_ARRAY_LEN(acts); i++) {
        struct talk talk;
        const struct server_params params = {ACTS(acts[i], SERVER_GOOD)};
        assert_int_equal(ask(&talk, &params, &patience, 1), MD_OK);
        check_good(&talk);
        end(&talk);
        assert_int_equal(talk.seen.chats, REQUESTS + 1);
    }
    struct talk talk;
    const struct server_params never = {ACTS(SERVER_STALL)};
    patience.stall_us = quick.stall_us;
    patience.total_us = 300000;
    int64_t began_us = md_clock_monotonic_us();
    assert_int_equal(ask(&talk, &never, &patience, 4), MD_ERR_EXTERNAL);
    assert_true(md_clock_monotonic_us() - began_us < 10000000);
    assert_non_null(strstr(talk.failure.message, "no answer in time"));
    end(&talk);
}

static void the_server_says_how_long_to_wait(void **state)
{
    struct talk talk;
    const struct server_params soon = {ACTS(SERVER_BUSY, SERVER_GOOD), .retry_after_s = 1};
    const struct server_params tomorrow = {ACTS(SERVER_BUSY), .retry_after_s = 86400};
    (void)state;
    int64_t began_us = md_clock_monotonic_us();
    assert_int_equal(ask(&talk, &soon, &quick, 1), MD_OK);
    assert_true(md_clock_monotonic_us() - began_us >= 1000000);
    end(&talk);
    assert_int_equal(ask(&talk, &tomorrow, &quick, 1), MD_ERR_EXTERNAL);
    end(&talk);
    assert_int_equal(talk.seen.chats, 1);
}

/* ---- what does not pass is given up ---- */

static void a_server_that_is_down_ends_the_run_and_keeps_what_was_done(void **state)
{
    static const enum server_act acts[] = {SERVER_CLOSE, SERVER_AWAY, SERVER_BUSY, SERVER_CUT};
    (void)state;
    for (size_t i = 0; i < MD_ARRAY_LEN(acts); i++) {
        struct talk talk;
        const struct server_params params = {ACTS(SERVER_GOOD, SERVER_GOOD, acts[i])};
        assert_int_equal(ask(&talk, &params, &quick, 1), MD_ERR_EXTERNAL);
        assert_int_equal(talk.done_count, 2);
        assert_non_null(strstr(talk.failure.message, "does not answer"));
        end(&talk);
        /* One more where the library finds out that the connection it kept is gone. */
        assert_in_range(talk.seen.chats, 2 + quick.tries, 3 + quick.tries);
    }
}

static void what_no_try_changes_is_asked_once(void **state)
{
    static const enum server_act acts[] = {SERVER_DENY, SERVER_MISSING, SERVER_MOVED};
    (void)state;
    for (size_t i = 0; i < MD_ARRAY_LEN(acts); i++) {
        struct talk talk;
        const struct server_params chat = {ACTS(acts[i])};
        const struct server_params list = {LIST_ACTS(acts[i])};
        assert_int_equal(ask(&talk, &chat, &quick, 1), MD_ERR_EXTERNAL);
        assert_int_equal(talk.done_count, 0);
        end(&talk);
        assert_int_equal(talk.seen.chats, 1);
        assert_int_equal(ask(&talk, &list, &quick, 1), MD_ERR_EXTERNAL);
        end(&talk);
        assert_int_equal(talk.seen.lists, 1);
        assert_int_equal(talk.seen.chats, 0);
    }
}

static void one_prompt_that_a_server_dislikes_does_not_cost_the_others(void **state)
{
    static const struct {
        enum server_act act;
        int times;
    } rows[] = {{SERVER_FAIL, 5},
                {SERVER_NONSENSE, 5},
                {SERVER_LENGTH, 1},
                {SERVER_HUGE, 1},
                {SERVER_TOO_LONG, 1}};
    (void)state;
    for (size_t i = 0; i < MD_ARRAY_LEN(rows); i++) {
        enum server_act acts[8] = {SERVER_GOOD};
        struct talk talk;
        for (int k = 0; k < rows[i].times; k++)
            acts[1 + k] = rows[i].act;
        acts[1 + rows[i].times] = SERVER_GOOD;
        const struct server_params params = {.acts = acts, .act_count = (size_t)rows[i].times + 2};
        if (ask(&talk, &params, &quick, 1) != MD_OK)
            fail_msg("%s: %s", server_act_names[rows[i].act], talk.failure.message);
        assert_int_equal(talk.done_count, REQUESTS);
        assert_null(talk.replies[1]);
        assert_non_null(talk.replies[0]);
        assert_non_null(talk.replies[2]);
        end(&talk);
    }
}

static void a_server_takes_what_it_knows(void **state)
{
    static const struct {
        enum server_act act;
        const char *form; /* NULL: none */
    } rows[] = {{SERVER_NO_SCHEMA, "json_object"},
                {SERVER_NO_FORMAT, NULL},
                {SERVER_NO_SEED, "json_schema"}};
    (void)state;
    for (size_t i = 0; i < MD_ARRAY_LEN(rows); i++) {
        struct talk talk;
        const struct server_params params = {ACTS(rows[i].act)};
        assert_int_equal(ask(&talk, &params, &quick, 1), MD_OK);
        check_good(&talk);
        server_see(talk.server, &talk.seen);
        json_t *root = json_loads(talk.seen.last_chat, 0, NULL);
        const char *form =
            json_string_value(json_object_get(json_object_get(root, "response_format"), "type"));
        assert_true(form ? rows[i].form && strcmp(form, rows[i].form) == 0 : !rows[i].form);
        json_decref(root);
        end(&talk);
        assert_true(talk.seen.chats <= REQUESTS + 2); /* learnt once */
    }
}

/* ---- cancelling, keys ---- */

static void a_cancel_is_heard_at_once(void **state)
{
    static const enum server_act acts[] = {SERVER_SILENT, SERVER_STALL, SERVER_BUSY};
    (void)state;
    for (size_t i = 0; i < MD_ARRAY_LEN(acts); i++) {
        struct talk talk;
        const struct server_params params = {ACTS(acts[i]), .retry_after_s = 50};
        begin(&talk, &params, &quick, NULL, NULL);
        const struct md_text_run run = make_run(&talk, 3);
        assert_int_equal(md_text_endpoint.prepare(talk.model, &run, &talk.facts), MD_OK);
        talk.cancel_at_us = md_clock_monotonic_us() + 50000;
        assert_int_equal(md_text_endpoint.run(talk.model, &run), MD_ERR_CANCELLED);
        assert_true(md_clock_monotonic_us() - talk.cancel_at_us < 1900000);
        end(&talk);
    }
}

static void the_key_goes_into_one_header_and_nowhere_else(void **state)
{
    struct talk talk;
    const struct server_params params = {.key = "sk-very-secret", ACTS(SERVER_GOOD, SERVER_DENY)};
    const struct server_params other = {.key = "another"};
    (void)state;
    assert_int_equal(ask(&talk, &params, &quick, 1), MD_ERR_EXTERNAL);
    assert_int_equal(talk.done_count, 1);
    assert_null(strstr(talk.failure.message, "secret"));
    assert_null(strstr(talk.logged, "secret"));
    server_see(talk.server, &talk.seen);
    assert_null(strstr(talk.seen.last_chat, "secret"));
    end(&talk);
    assert_int_equal(talk.seen.refused_keys, 0);
    begin(&talk, &other, &quick, "sk-very-secret", NULL);
    const struct md_text_run run = make_run(&talk, 1);
    assert_int_equal(md_text_endpoint.prepare(talk.model, &run, &talk.facts), MD_ERR_EXTERNAL);
    assert_non_null(strstr(talk.failure.message, "does not take the key"));
    assert_null(strstr(talk.failure.message, "secret"));
    end(&talk);
    assert_int_equal(talk.seen.refused_keys, 1);
}

static void nobody_there_is_told_with_the_address(void **state)
{
    struct talk talk;
    const struct server_params params = {0};
    (void)state;
    begin(&talk, &params, &quick, NULL, NULL);
    const struct md_text_run run = make_run(&talk, 1);
    server_stop(talk.server);
    talk.server = server_start(&params); /* at another port */
    assert_int_equal(md_text_endpoint.prepare(talk.model, &run, &talk.facts), MD_ERR_EXTERNAL);
    assert_non_null(strstr(talk.failure.message, "http://127.0.0.1:"));
    end(&talk);
}

/* ---- texts ---- */

static void foreign_answers_are_read_with_care(void **state)
{
    static const char *const bodies[] = {
        "",
        "null",
        "[]",
        "{",
        "{\"choices\":{}}",
        "{\"choices\":[]}",
        "{\"choices\":[{\"message\":null}]}",
        "{\"choices\":[{\"message\":{\"content\":7}}]}",
        "{\"choices\":[{\"message\":{\"content\":\"a\\u0000b\"}}]}",
        "{\"choices\":[{\"message\":{\"content\":\"\xff\"}}]}"};
    char words[64];
    char *text = NULL;
    struct md_wire_model model;
    (void)state;
    for (size_t i = 0; i < MD_ARRAY_LEN(bodies); i++) {
        size_t n = strlen(bodies[i]);
        struct md_wire_style style = {0};
        assert_int_equal(md_wire_read_chat(bodies[i], n, &text), MD_WIRE_NONSENSE);
        md_wire_error(bodies[i], n, words, sizeof words);
        md_wire_read_refusal(bodies[i], n, &style);
        assert_true(md_wire_find_model(bodies[i], n, NULL, &model, NULL) < 0);
        assert_int_equal(md_wire_ollama_running(bodies[i], n, "x"), 0);
        assert_int_equal(md_wire_ollama_asked(bodies[i], n), 0);
    }
    static const char evil[] = "{\"data\":[{\"id\":\"a\\\",\\\"b\\n\"}]}";
    assert_int_equal(md_wire_find_model(evil, strlen(evil), NULL, &model, NULL), MD_ERR_EXTERNAL);
}

static void a_refusing_server_is_asked_a_bounded_number_of_times(void **state)
{
    static const char *const bodies[] = {"{}", "{\"error\":{\"message\":\"seed temperature\"}}",
                                         "{\"error\":{\"param\":\"max_tokens\"}}"};
    (void)state;
    for (size_t i = 0; i < MD_ARRAY_LEN(bodies); i++) {
        struct md_wire_style style = {0};
        int times = 0;
        while (md_wire_read_refusal(bodies[i], strlen(bodies[i]), &style) == MD_WIRE_OTHERWISE)
            assert_true(++times < 10);
        assert_int_equal(style.form, MD_WIRE_PLAIN);
    }
}

static void tokens_are_rather_guessed_too_high(void **state)
{
    /* What the vocabulary of GPT-4 (cl100k) makes of them, counted once. */
    static const struct {
        const char *text;
        int64_t tokens;
    } rows[] = {{"", 0},
                {"Where is the letter from the castle?", 8},
                {"Unbelievable extraordinary circumstances", 6},
                {"12:30:45", 5},
                {"Wo ist der Brief aus dem Schloss?", 10}};
    (void)state;
    for (size_t i = 0; i < MD_ARRAY_LEN(rows); i++)
        assert_in_range(md_wire_guess_tokens(rows[i].text), rows[i].tokens, rows[i].tokens * 3 + 1);
    assert_true(md_wire_guess_tokens("\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e") >= 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies_come_for_any_number_at_once),
        cmocka_unit_test(a_request_says_what_makes_replies_the_same_each_time),
        cmocka_unit_test(what_ollama_really_has_is_asked_and_given_back),
        cmocka_unit_test(a_model_is_chosen_by_name_where_there_are_several),
        cmocka_unit_test(passing_trouble_changes_no_reply),
        cmocka_unit_test(a_server_that_comes_late_is_waited_for),
        cmocka_unit_test(silence_and_stalls_end_in_time),
        cmocka_unit_test(the_server_says_how_long_to_wait),
        cmocka_unit_test(a_server_that_is_down_ends_the_run_and_keeps_what_was_done),
        cmocka_unit_test(what_no_try_changes_is_asked_once),
        cmocka_unit_test(one_prompt_that_a_server_dislikes_does_not_cost_the_others),
        cmocka_unit_test(a_server_takes_what_it_knows),
        cmocka_unit_test(a_cancel_is_heard_at_once),
        cmocka_unit_test(the_key_goes_into_one_header_and_nowhere_else),
        cmocka_unit_test(nobody_there_is_told_with_the_address),
        cmocka_unit_test(foreign_answers_are_read_with_care),
        cmocka_unit_test(a_refusing_server_is_asked_a_bounded_number_of_times),
        cmocka_unit_test(tokens_are_rather_guessed_too_high),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
