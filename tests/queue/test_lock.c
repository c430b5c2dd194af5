/* One process writes a queue; the others learn who it is. */
#include "harness.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "queue/lock.h"

static void the_second_one_learns_who_has_it(void **state)
{
    const struct place *place = *state;
    int ready[2], fd = -1;
    char byte;
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        int held;
        bool good = md_queue_lock(place->file, &held, NULL, NULL) == MD_OK &&
                    md_queue_lock_announce(held, "/run/somewhere/socket", NULL) == MD_OK &&
                    write(ready[1], "x", 1) == 1;
        if (good)
            pause();
        _exit(1);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    struct md_queue_holder holder;
    struct md_failure failure = {0};
    char words[80];
    assert_int_equal(md_queue_lock(place->file, &fd, &holder, &failure), MD_ERR_BUSY);
    assert_int_equal(holder.pid, child);
    assert_string_equal(holder.socket, "/run/somewhere/socket");
    snprintf(words, sizeof words, "another moviedigest (pid %ld) is running on this queue",
             (long)child);
    assert_non_null(strstr(failure.message, words));
    assert_non_null(strstr(failure.message, place->file));
    assert_non_null(strstr(failure.message, "queue add"));
    assert_non_null(strstr(failure.message, "--queue FILE"));

    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    assert_int_equal(md_queue_lock(place->file, &fd, NULL, NULL), MD_OK);
    close(fd);
    close(ready[0]);
    close(ready[1]);
}

static void a_child_that_is_executed_does_not_keep_it(void **state)
{
    const struct place *place = *state;
    int fd = -1, again = -1;
    assert_int_equal(md_queue_lock(place->file, &fd, NULL, NULL), MD_OK);
    int go[2];
    assert_int_equal(pipe(go), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(go[0], 0);
        close(1);
        close(go[1]);
        execlp("cat", "cat", (char *)NULL);
        _exit(1);
    }
    /* As soon as the child is cat, closing ours frees it. */
    assert_int_equal(write(go[1], "x", 1), 1);
    char name[64], comm[32] = "";
    snprintf(name, sizeof name, "/proc/%ld/comm", (long)child);
    while (strcmp(comm, "cat\n") != 0) {
        md_autofclose FILE *file = fopen(name, "r");
        if (!file || !fgets(comm, sizeof comm, file))
            break;
    }
    close(fd);
    assert_int_equal(md_queue_lock(place->file, &again, NULL, NULL), MD_OK);
    close(again);
    close(go[0]);
    close(go[1]);
    waitpid(child, NULL, 0);
}

static void nonsense_in_the_lock_file_is_nobody(void **state)
{
    static const char *const texts[] = {
        "", "\n", "12", "-5\n/x\n", "x\n/y\n", "7\n/no end", "99999999999999999999999\n\n"};
    const struct place *place = *state;
    md_autofree char *lock = md_path_join(place->folder, "state/queue.db.lock");
    int fd = -1, other = -1;
    assert_int_equal(md_queue_lock(place->file, &fd, NULL, NULL), MD_OK);
    for (size_t i = 0; i < MD_ARRAY_LEN(texts); i++) {
        struct md_queue_holder holder = {.pid = 1};
        assert_int_equal(ftruncate(fd, 0), 0);
        assert_int_equal(pwrite(fd, texts[i], strlen(texts[i]), 0), (int)strlen(texts[i]));
        assert_int_equal(md_queue_lock(place->file, &other, &holder, NULL), MD_ERR_BUSY);
        assert_string_equal(holder.socket, "");
    }
    assert_int_equal(access(lock, F_OK), 0);
    close(fd);
}

static void what_cannot_be_announced_is_refused(void **state)
{
    const struct place *place = *state;
    char too_long[2000];
    int fd = -1;
    memset(too_long, 'x', sizeof too_long - 1);
    too_long[sizeof too_long - 1] = '\0';
    assert_int_equal(md_queue_lock(place->file, &fd, NULL, NULL), MD_OK);
    assert_int_equal(md_queue_lock_announce(fd, too_long, NULL), MD_ERR_INPUT);
    assert_int_equal(md_queue_lock_announce(fd, "a\nb", NULL), MD_ERR_INPUT);
    assert_int_equal(md_queue_lock_announce(fd, NULL, NULL), MD_OK);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_second_one_learns_who_has_it, place_open, place_close),
        cmocka_unit_test_setup_teardown(a_child_that_is_executed_does_not_keep_it, place_open,
                                        place_close),
        cmocka_unit_test_setup_teardown(nonsense_in_the_lock_file_is_nobody, place_open,
                                        place_close),
        cmocka_unit_test_setup_teardown(what_cannot_be_announced_is_refused, place_open,
                                        place_close),
    };
    return cmocka_run_group_tests_name("queue_lock", tests, NULL, NULL);
}
