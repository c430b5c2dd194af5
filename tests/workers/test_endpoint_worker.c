/* The worker that tells stories with a model on a server: it needs none of the model libraries,
 * dies and goes on like any other, and shows its key to nobody. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "drive.h"
#include "ipc/protocol.h"
#include "movie.h"
#include "server.h"

enum { SECONDS = 600 };

struct remote {
    struct server *server;
    struct drive_params params;
    const char *options[8], *environment[2];
    char url[64];
};

static void set_up(struct remote *r, const struct server_params *server, int batch)
{
    *r = (struct remote){.server = server_start(server)};
    assert_non_null(r->server);
    snprintf(r->url, sizeof r->url, "http://127.0.0.1:%d/v1", server_port(r->server));
    r->options[0] = "llm-url";
    r->options[1] = r->url;
    r->environment[0] = MD_ENV_LLM_KEY "=sk-very-secret";
    r->params = (struct drive_params){.program = getenv("MOVIEDIGEST_TEST_ENDPOINT"),
                                      .executor = "llm",
                                      .batch = batch,
                                      .environment = r->environment,
                                      .options = r->options};
}

/* The address is part of what a story is made with: one server for all. */
static void every_batch_every_kill_and_passing_trouble_give_the_same_story(void **state)
{
    static const enum server_act acts[] = {SERVER_GOOD,  SERVER_CUT,  SERVER_FAIL, SERVER_GOOD,
                                           SERVER_GOOD,  SERVER_AWAY, SERVER_GOOD, SERVER_GOOD,
                                           SERVER_CLOSE, SERVER_GOOD};
    const struct server_params server = {
        .acts = acts, .act_count = MD_ARRAY_LEN(acts), .key = "sk-very-secret"};
    struct remote r;
    (void)state;
    set_up(&r, &server, 1);
    char *folder = movie_make_talk(SECONDS, 11, NULL);
    md_autofree char *wanted = drive_tell(&r.params, folder);
    assert_non_null(strstr(wanted, "language model test-model"));
    assert_non_null(strstr(wanted, "Scene 2 is told"));
    assert_null(strstr(wanted, "secret"));
    for (r.params.batch = 2; r.params.batch <= 8; r.params.batch *= 2) {
        movie_forget_story(folder);
        md_autofree char *bytes = drive_tell(&r.params, folder);
        assert_string_equal(bytes, wanted);
    }
    r.params.batch = 1;
    movie_forget_story(folder);
    int kills = 0;
    for (int64_t done = 0, total = 100; done < total;) {
        struct drive drive;
        drive_start(&drive, &r.params);
        drive_run(&drive, &r.params, folder, "story", done + 2);
        assert_true(drive.units_done >= done);
        done = drive.units_done;
        total = drive.units_total;
        kills += drive.killed;
        drive_end(&drive);
    }
    assert_true(kills >= 1);
    md_autofree char *bytes = drive_tell(&r.params, folder);
    assert_string_equal(bytes, wanted);
    movie_remove(folder);
    server_stop(r.server);
}

static bool shows(pid_t pid, const char *file, const char *text)
{
    char path[64], bytes[65536];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    size_t n = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    return memmem(bytes, n, text, strlen(text)) != NULL;
}

static void the_key_is_not_in_what_others_can_see(void **state)
{
    const struct server_params server = {.key = "another"};
    struct remote r;
    struct drive drive;
    (void)state;
    set_up(&r, &server, 1);
    char *folder = movie_make_talk(60, 3, NULL);
    drive_start(&drive, &r.params);
    assert_int_equal(drive.code, 0);
    assert_false(shows(drive.pid, "environ", "secret"));
    assert_false(shows(drive.pid, "cmdline", "secret"));
    drive_run(&drive, &r.params, folder, "story", 0);
    assert_int_equal(drive.code, MD_ERR_EXTERNAL);
    assert_non_null(strstr(drive.message, "does not take the key"));
    assert_null(strstr(drive.message, "secret"));
    drive_run(&drive, &r.params, folder, "story", 0); /* it lives on */
    assert_int_equal(drive.code, MD_ERR_EXTERNAL);
    assert_int_equal(drive_end(&drive), 0);
    movie_remove(folder);
    server_stop(r.server);
}

static void an_ollama_is_asked_to_unload_when_memory_gets_short(void **state)
{
    const struct server_params server = {.kind = SERVER_OLLAMA, .context = 2048};
    struct server_seen seen;
    struct remote r;
    struct drive drive;
    (void)state;
    set_up(&r, &server, 2);
    char *folder = movie_make_talk(120, 3, NULL);
    drive_start(&drive, &r.params);
    drive_run(&drive, &r.params, folder, "story", 0);
    assert_int_equal(drive.code, 0);
    md_record_begin(&drive.record, MD_SAY_DROP); /* what the aggressive tier sends */
    assert_int_equal(md_channel_send(&drive.channel, &drive.record), MD_OK);
    assert_int_equal(drive_end(&drive), 0); /* quits after that */
    server_see(r.server, &seen);
    assert_int_equal(seen.unloads, 1);
    movie_remove(folder);
    server_stop(r.server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_batch_every_kill_and_passing_trouble_give_the_same_story),
        cmocka_unit_test(the_key_is_not_in_what_others_can_see),
        cmocka_unit_test(an_ollama_is_asked_to_unload_when_memory_gets_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
