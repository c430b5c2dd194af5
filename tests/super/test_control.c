/* The control socket against clients that are slow, many, silent, mad, or somebody else. The
 * server's turns are taken by the test itself; waiting is poll(2) on its descriptor. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "super/control.h"

#define STATUS "{\"command\":\"status\"}\n"

struct place {
    char root[64], folder[96];
    struct md_control *control;
    int answered;
    size_t reply_bytes; /* an answer this long; 0: the command's name */
};

static void on_request(void *user, const struct md_request *request, struct md_str *reply)
{
    struct place *place = user;
    place->answered++;
    if (!place->reply_bytes) {
        md_str_printf(reply, "{\"ok\":true,\"was\":\"%s\"}", md_request_names[request->command]);
        return;
    }
    for (size_t i = 0; i < place->reply_bytes; i++)
        md_str_append_char(reply, 'x');
}

static int try_open(struct place *place, int64_t patience_us, struct md_failure *failure)
{
    const struct md_control_params params = {.folder = place->folder,
                                             .name = "socket",
                                             .answer = on_request,
                                             .user = place,
                                             .patience_us = patience_us};
    return md_control_open(&params, &place->control, failure);
}

static void open_control(struct place *place, int64_t patience_us)
{
    struct md_failure failure = {0};
    if (try_open(place, patience_us, &failure) < 0)
        fail_msg("%s", failure.message);
}

static int set_up(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    if (!place)
        return -1;
    snprintf(place->root, sizeof place->root, "/tmp/moviedigest-control-XXXXXX");
    if (!mkdtemp(place->root))
        return -1;
    snprintf(place->folder, sizeof place->folder, "%s/run", place->root);
    *state = place;
    return 0;
}

static int tear_down(void **state)
{
    struct place *place = *state;
    md_control_close(place->control);
    md_remove_tree(place->root, NULL);
    free(place);
    return 0;
}

static int join(const struct place *place)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", md_control_path(place->control));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* Turns as long as there is something to do. */
static void turns(struct place *place)
{
    struct pollfd one = {.fd = md_control_fd(place->control), .events = POLLIN};
    for (int i = 0; i < 10000 && poll(&one, 1, 0) == 1; i++)
        md_control_turn(place->control);
    assert_int_equal(poll(&one, 1, 0), 0); /* it comes to rest */
}

/* Turns until its own timer has made something happen, at most for ten seconds. */
static void turn_after_waiting(struct place *place)
{
    struct pollfd one = {.fd = md_control_fd(place->control), .events = POLLIN};
    assert_int_equal(poll(&one, 1, 10000), 1);
    md_control_turn(place->control);
}

static void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (int)strlen(text));
}

/* What came: a text, "" for nothing yet, "(closed)". */
static const char *heard(int fd, char out[256])
{
    ssize_t n = recv(fd, out, 255, 0);
    if (n > 0)
        out[n] = '\0';
    else if (n < 0 && errno == EAGAIN)
        out[0] = '\0';
    else
        strcpy(out, "(closed)");
    return out;
}

#define STATUS_REPLY "{\"ok\":true,\"was\":\"status\"}\n"

static void requests_are_answered_in_order(void **state)
{
    struct place *place = *state;
    char text[256];
    open_control(place, 0);
    int fd = join(place);
    say(fd, STATUS "{\"command\":\"list\"}\n" STATUS STATUS STATUS STATUS STATUS);
    turns(place);
    assert_string_equal(heard(fd, text),
                        STATUS_REPLY "{\"ok\":true,\"was\":\"list\"}\n" STATUS_REPLY STATUS_REPLY
                            STATUS_REPLY STATUS_REPLY STATUS_REPLY);
    assert_int_equal(place->answered, 7);
    close(fd);
    turns(place);
}

static void a_request_may_come_in_pieces(void **state)
{
    struct place *place = *state;
    char text[256], piece[2] = "";
    open_control(place, 0);
    int fd = join(place);
    for (const char *p = STATUS STATUS; *p; p++) {
        piece[0] = *p;
        say(fd, piece);
        turns(place);
    }
    assert_string_equal(heard(fd, text), STATUS_REPLY STATUS_REPLY);
    say(fd, "{\"command\":\"sta"); /* and then it dies */
    close(fd);
    turns(place);
    assert_int_equal(place->answered, 2);
}

static void nonsense_is_answered_and_does_no_harm(void **state)
{
    static const char *const lines[] = {
        "\n",
        "GET / HTTP/1.1\n",
        "{\"command\":\"format disk\"}\n",
        "[]\n",
        "\xff\xfe\x80\n",
        "{\"command\":\"status\",\"command\":\"stop\"}\n",
        "{\"command\":\"st\\u0000op\"}\n",
    };
    struct place *place = *state;
    char text[256];
    open_control(place, 0);
    int fd = join(place);
    for (size_t i = 0; i < MD_ARRAY_LEN(lines); i++) {
        say(fd, lines[i]);
        turns(place);
        assert_ptr_equal(strstr(heard(fd, text), "{\"ok\":false,\"error\":\""), text);
        assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
    }
    assert_int_equal(send(fd, "a\0b\n", 4, 0), 4);
    turns(place);
    heard(fd, text);
    assert_non_null(strstr(text, "not JSON"));
    assert_int_equal(place->answered, 0);
    say(fd, STATUS);
    turns(place);
    assert_string_equal(heard(fd, text), STATUS_REPLY);
    close(fd);
}

static void a_request_without_end_is_cut_off(void **state)
{
    struct place *place = *state;
    char text[256];
    static char block[60000];
    memset(block, '[', sizeof block);
    open_control(place, 0);
    int fd = join(place);
    size_t sent = 0;
    while (sent < 4u << 20) {
        ssize_t n = send(fd, block, sizeof block, MSG_NOSIGNAL);
        if (n > 0)
            sent += (size_t)n;
        else if (errno != EAGAIN)
            break;
        turns(place);
    }
    assert_true(sent < 3u << 20);
    assert_non_null(strstr(heard(fd, text), "too long"));
    assert_int_equal(place->answered, 0);
    close(fd);
}

static void many_clients_are_all_served(void **state)
{
    enum { MANY = 60 };
    struct place *place = *state;
    char text[256];
    int fds[MANY];
    open_control(place, 0);
    for (int i = 0; i < MANY; i++) {
        fds[i] = join(place);
        say(fds[i], STATUS);
    }
    /* Those that got in stay until they have what they wanted and go; then the next ones come. */
    for (int i = 0; i < MANY; i++) {
        turns(place);
        assert_string_equal(heard(fds[i], text), STATUS_REPLY);
        close(fds[i]);
    }
    turns(place);
    assert_int_equal(place->answered, MANY);
}

static void the_silent_are_shown_out(void **state)
{
    struct place *place = *state;
    char text[256];
    open_control(place, 30000);
    int silent[MD_CONTROL_MAX_CLIENTS];
    for (int i = 0; i < MD_CONTROL_MAX_CLIENTS; i++)
        silent[i] = join(place);
    say(silent[0], "{");
    turns(place);
    int fd = join(place); /* there is no room for it */
    say(fd, STATUS);
    while (!place->answered)
        turn_after_waiting(place);
    assert_string_equal(heard(fd, text), STATUS_REPLY);
    for (int i = 0; i < MD_CONTROL_MAX_CLIENTS; i++) {
        assert_string_equal(heard(silent[i], text), "(closed)");
        close(silent[i]);
    }
    close(fd);
}

static void who_does_not_take_an_answer_keeps_nobody_waiting(void **state)
{
    struct place *place = *state;
    char text[256];
    open_control(place, 0);
    int deaf = join(place);
    place->reply_bytes = 8 << 20;
    say(deaf, STATUS STATUS STATUS);
    turns(place);
    assert_int_equal(place->answered, 1); /* nothing more is done for it until it reads */
    place->reply_bytes = 0;
    int fd = join(place);
    say(fd, STATUS);
    turns(place);
    assert_string_equal(heard(fd, text), STATUS_REPLY);
    /* When it reads at last it gets all of it, in order. */
    static char block[1 << 16];
    size_t got = 0, lines = 0;
    while (lines < 3) {
        ssize_t n = recv(deaf, block, sizeof block, 0);
        for (ssize_t i = 0; i < n; i++)
            lines += block[i] == '\n';
        got += n > 0 ? (size_t)n : 0;
        turns(place);
    }
    assert_int_equal(got, (8 << 20) + 1 + 2 * strlen(STATUS_REPLY));
    close(deaf);
    close(fd);
}

static void a_dead_ones_socket_is_replaced(void **state)
{
    struct place *place = *state;
    open_control(place, 0);
    char name[128];
    snprintf(name, sizeof name, "%s", md_control_path(place->control));
    struct md_control *first = place->control;
    open_control(place, 0); /* as after a kill -9: it is there and nobody listens */
    struct stat st;
    assert_int_equal(stat(name, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat(place->folder, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    close(join(place));
    md_control_close(place->control);
    place->control = first;
    assert_int_equal(access(name, F_OK), -1);
}

static void a_place_that_is_not_private_is_refused(void **state)
{
    struct place *place = *state;
    struct md_failure failure = {0};
    assert_int_equal(mkdir(place->folder, 0700), 0);
    assert_int_equal(chmod(place->folder, 0755), 0);
    assert_int_equal(try_open(place, 0, &failure), MD_ERR_INPUT);
    assert_non_null(strstr(failure.message, "open to others"));
    assert_int_equal(chmod(place->folder, 0700), 0);
    md_autofree char *file = md_path_join(place->folder, "socket");
    assert_int_equal(md_file_append(file, "precious", 8, NULL), MD_OK);
    assert_int_equal(try_open(place, 0, &failure), MD_ERR_INPUT);
    assert_int_equal(access(file, F_OK), 0);
    assert_int_equal(unlink(file), 0);
    assert_int_equal(rmdir(place->folder), 0);
    assert_int_equal(symlink("/tmp", place->folder), 0);
    assert_int_equal(try_open(place, 0, &failure), MD_ERR_IO);
    assert_null(place->control);
    snprintf(place->folder, sizeof place->folder, "%s/no/such", place->root);
    assert_int_equal(try_open(place, 0, &failure), MD_ERR_NOTFOUND);
}

static void another_user_is_not_heard(void **state)
{
    enum { NOBODY = 65534 };
    struct place *place = *state;
    if (geteuid() != 0)
        skip(); /* only root can become somebody else */
    open_control(place, 0);
    /* As if the folder had been opened to all: the socket itself asks who it is. */
    assert_int_equal(chmod(place->root, 0755) | chmod(place->folder, 0755) |
                         chmod(md_control_path(place->control), 0666),
                     0);
    pid_t child = fork();
    if (child == 0) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        snprintf(address.sun_path, sizeof address.sun_path, "%s", md_control_path(place->control));
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        char byte;
        bool said = setresuid(NOBODY, NOBODY, NOBODY) == 0 &&
                    connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
        (void)!send(fd, STATUS, strlen(STATUS), MSG_NOSIGNAL); /* it may be closed already */
        bool refused = recv(fd, &byte, 1, 0) <= 0;
        /* And it does not hear one that is not its own either. */
        struct md_str line = {.s = (char *)"{}", .n = 2};
        char *reply = NULL;
        int r = md_control_ask(md_control_path(place->control), &line, MD_SECOND_US, &reply, NULL);
        _exit(said && refused && r == MD_ERR_INPUT ? 0 : 1);
    }
    int status = 0;
    while (waitpid(child, &status, WNOHANG) == 0) {
        struct pollfd one = {.fd = md_control_fd(place->control), .events = POLLIN};
        if (poll(&one, 1, 10) == 1)
            md_control_turn(place->control);
    }
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(place->answered, 0);
}

static void a_folder_may_be_deep(void **state)
{
    struct place *place = *state;
    char deep[512];
    size_t n = (size_t)snprintf(deep, sizeof deep, "%s", place->root);
    for (int i = 0; i < 8; i++) {
        n += (size_t)snprintf(deep + n, sizeof deep - n, "/a-folder-with-a-rather-long-name-%d", i);
        assert_int_equal(mkdir(deep, 0700), 0);
    }
    const struct md_control_params params = {
        .folder = deep, .name = "socket", .answer = on_request, .user = place};
    assert_int_equal(md_control_open(&params, &place->control, NULL), MD_OK);
    pid_t child = fork();
    if (child == 0) {
        struct md_str line = {.s = (char *)"{\"command\":\"pause\"}", .n = 19};
        char *reply = NULL;
        int r =
            md_control_ask(md_control_path(place->control), &line, 10 * MD_SECOND_US, &reply, NULL);
        _exit(r == MD_OK && strcmp(reply, "{\"ok\":true,\"was\":\"pause\"}") == 0 ? 0 : 1);
    }
    while (!place->answered)
        turn_after_waiting(place);
    turns(place);
    int status;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
}

static void asking_tells_why_there_is_no_answer(void **state)
{
    struct place *place = *state;
    struct md_str line = {.s = (char *)"{}", .n = 2};
    struct md_failure failure = {0};
    char *reply = NULL, name[128];
    open_control(place, 0);
    snprintf(name, sizeof name, "%s", md_control_path(place->control));
    assert_int_equal(md_control_ask(name, &line, 20000, &reply, &failure), MD_ERR_BUSY);
    assert_non_null(strstr(failure.message, "does not answer"));
    md_control_close(place->control);
    place->control = NULL;
    assert_int_equal(md_control_ask(name, &line, 20000, &reply, &failure), MD_ERR_NOTFOUND);
    assert_int_equal(md_control_ask("/no/where/socket", &line, 20000, &reply, &failure),
                     MD_ERR_NOTFOUND);
    assert_null(reply);
}

/* --- requests --- */

static void requests_survive_the_way(void **state)
{
    char every[260] = "/";
    size_t n = 1;
    (void)state;
    for (int c = 1; c < 256; c++)
        every[n++] = (char)c;
    struct md_request request = {.command = MD_REQUEST_ADD}, back;
    struct md_request_movie movies[2] = {
        {.path = every,
         .out_dir = (char *)"/o",
         .options = (char *)"a=b\nc=\"d\"\n",
         .named = true},
        {.path = (char *)"/", .out_dir = every, .options = (char *)""}};
    request.movies.v = movies;
    request.movies.n = 2;
    md_autostr line = {0};
    md_request_format(&request, &line);
    assert_null(strchr(md_str_text(&line), '\n'));
    assert_int_equal(md_request_parse(line.s, line.n, &back, NULL), MD_OK);
    assert_int_equal(back.command, MD_REQUEST_ADD);
    assert_int_equal(back.movies.n, 2);
    for (int i = 0; i < 2; i++) {
        assert_string_equal(back.movies.v[i].path, movies[i].path);
        assert_string_equal(back.movies.v[i].out_dir, movies[i].out_dir);
        assert_string_equal(back.movies.v[i].options, movies[i].options);
        assert_int_equal(back.movies.v[i].named, movies[i].named);
    }
    md_request_done(&back);

    int64_t ids[] = {1, INT64_MAX};
    char *paths[] = {every};
    request = (struct md_request){.command = MD_REQUEST_RETRY, .failed = true};
    request.ids.v = ids;
    request.ids.n = 2;
    request.paths.v = paths;
    request.paths.n = 1;
    md_str_clear(&line);
    md_request_format(&request, &line);
    assert_int_equal(md_request_parse(line.s, line.n, &back, NULL), MD_OK);
    assert_int_equal(back.ids.n, 2);
    assert_true(back.ids.v[1] == INT64_MAX);
    assert_string_equal(back.paths.v[0], every);
    assert_true(back.failed && !back.done && !back.all);
    md_request_done(&back);
}

static void requests_that_make_no_sense_are_refused(void **state)
{
    static const char *const lines[] = {
        "",
        "{}",
        "{\"command\":7}",
        "{\"command\":\"status\",\"all\":true}",
        "{\"command\":\"memory\",\"ids\":[1]}",
        "{\"command\":\"clear\",\"fialed\":true}",
        "{\"command\":\"clear\",\"failed\":1}",
        "{\"command\":\"remove\",\"ids\":3}",
        "{\"command\":\"remove\",\"ids\":[0]}",
        "{\"command\":\"remove\",\"ids\":[1.5]}",
        "{\"command\":\"remove\",\"ids\":[99999999999999999999]}",
        "{\"command\":\"remove\",\"uris\":[\"/plain\"]}",
        "{\"command\":\"remove\",\"uris\":[\"file://host/x\"]}",
        "{\"command\":\"remove\",\"uris\":[\"file:///a%00b\"]}",
        "{\"command\":\"remove\",\"uris\":[\"file:///a%4\"]}",
        "{\"command\":\"remove\",\"uris\":[\"file:///a%\"]}",
        "{\"command\":\"remove\",\"uris\":[\"file:///a%zz\"]}",
        "{\"command\":\"add\",\"movies\":{}}",
        "{\"command\":\"add\",\"movies\":[[]]}",
        "{\"command\":\"add\",\"movies\":[{\"uri\":\"file:///a\",\"out\":\"file:///b\"}]}",
        "{\"command\":\"add\",\"movies\":[{\"uri\":\"file:///a\",\"out\":\"file:///b\","
        "\"options\":\"\",\"named\":true,\"root\":true}]}",
        "{\"command\":\"add\",\"movies\":[{\"uri\":\"file:///a\",\"out\":\"b\",\"options\":\"\","
        "\"named\":true}]}",
    };
    (void)state;
    for (size_t i = 0; i < MD_ARRAY_LEN(lines); i++) {
        struct md_request request;
        struct md_failure failure = {0};
        if (md_request_parse(lines[i], strlen(lines[i]), &request, &failure) != MD_ERR_INPUT)
            fail_msg("taken: %s", lines[i]);
        assert_true(failure.message[0]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(requests_are_answered_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_request_may_come_in_pieces, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nonsense_is_answered_and_does_no_harm, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_request_without_end_is_cut_off, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_clients_are_all_served, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_silent_are_shown_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_does_not_take_an_answer_keeps_nobody_waiting, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_dead_ones_socket_is_replaced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_place_that_is_not_private_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_user_is_not_heard, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_folder_may_be_deep, set_up, tear_down),
        cmocka_unit_test_setup_teardown(asking_tells_why_there_is_no_answer, set_up, tear_down),
        cmocka_unit_test(requests_survive_the_way),
        cmocka_unit_test(requests_that_make_no_sense_are_refused),
    };
    return cmocka_run_group_tests_name("control", tests, NULL, NULL);
}
