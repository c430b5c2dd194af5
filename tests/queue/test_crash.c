/* kill -9 in mid-transaction, a full disk, two processes that write: what was said to be committed
 * is there, and all of it. Moments come from a seed. */
#include "harness.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"

enum { ALL = (1u << MD_JOB_STATES) - 1, TOGETHER = 3 };

/* Three jobs in one transaction, named after the turn. */
static int add_together(struct md_queue *queue, int turn, struct md_failure *failure)
{
    struct md_queue_job jobs[TOGETHER];
    char names[TOGETHER][40];
    for (int i = 0; i < TOGETHER; i++) {
        snprintf(names[i], sizeof names[i], "/%d/%d", turn, i);
        jobs[i] = (struct md_queue_job){.path = names[i],
                                        .out_dir = names[i],
                                        .work_dir = names[i],
                                        .options = (char *)"quality=draft\n",
                                        .added_us = 1};
    }
    return md_queue_add(queue, jobs, TOGETHER, failure);
}

/* Adds, changes and removes without end and tells the pipe of every add that was committed. */
static void write_for_ever(const struct place *place, int from, int told)
{
    struct md_queue *queue = NULL;
    if (md_queue_open(place->file, &queue, NULL) < 0)
        _exit(1);
    for (int turn = from;; turn++) {
        if (add_together(queue, turn, NULL) < 0)
            _exit(2);
        if (write(told, &turn, sizeof turn) != sizeof turn)
            _exit(3);
        md_queue_checkpoint(queue, turn % 50 + 1, MD_STAGE_SHOTS, turn, 0, NULL);
    }
}

static void killed_in_mid_transaction_nothing_is_lost_or_half(void **state)
{
    enum { KILLS = 30 };
    const struct place *place = *state;
    uint64_t chance = 7;
    int committed = 0;
    md_queue_close(open_queue(place));
    for (int i = 0; i < KILLS; i++) {
        int told[2];
        assert_int_equal(pipe(told), 0);
        pid_t child = fork();
        if (child == 0)
            write_for_ever(place, i * 100000 + 1, told[1]);
        close(told[1]);
        chance = chance * 6364136223846793005u + 1442695040888963407u;
        /* Some commits first, so that every round has some, then a moment within the next. */
        int turn, want = (int)(chance >> 60) % 4 + 1;
        while (want-- > 0 && read(told[0], &turn, sizeof turn) == sizeof turn)
            committed++;
        struct timespec moment = {.tv_nsec = (long)((chance >> 33) % 3000000)};
        nanosleep(&moment, NULL);
        assert_int_equal(kill(child, SIGKILL), 0);
        int status;
        waitpid(child, &status, 0);
        assert_true(WIFSIGNALED(status)); /* it did not end by itself */
        while (read(told[0], &turn, sizeof turn) == sizeof turn)
            committed++;
        close(told[0]);

        struct md_queue *queue = open_queue(place);
        size_t found = count(queue, ALL);
        assert_int_equal(found % TOGETHER, 0);
        assert_true(found >= (size_t)committed * TOGETHER);
        /* One more may have been committed without being told. */
        assert_true(found <= (size_t)(committed + i + 1) * TOGETHER);
        md_queue_close(queue);
    }
    assert_true(committed >= KILLS);
    assert_int_equal(ask_sql(place->file, "SELECT count(*) FROM pragma_integrity_check "
                                          "WHERE integrity_check <> 'ok'"),
                     0);
}

/* In a child, as the limit could not be raised again. 0 when all is as it should be. */
static int fill_the_disk(const struct place *place)
{
    struct md_queue *queue = NULL;
    struct md_failure failure = {0};
    signal(SIGXFSZ, SIG_IGN);
    if (md_queue_open(place->file, &queue, NULL) < 0)
        return 1;
    int turn = 0;
    for (; turn < 5; turn++)
        if (add_together(queue, turn, NULL) < 0)
            return 2;
    char wal[120];
    struct stat st;
    snprintf(wal, sizeof wal, "%s-wal", place->file);
    if (stat(wal, &st) < 0)
        return 3;
    struct rlimit before, small = {.rlim_cur = (rlim_t)st.st_size + 10000};
    getrlimit(RLIMIT_FSIZE, &before);
    small.rlim_max = before.rlim_max;
    setrlimit(RLIMIT_FSIZE, &small);
    int r = MD_OK, committed = turn;
    for (; r == MD_OK && turn < 1000; turn++)
        if ((r = add_together(queue, turn, &failure)) == MD_OK)
            committed++;
    if (r != MD_ERR_NOSPACE || !strstr(failure.message, "no space is left"))
        return 4;
    /* What is there can be read, and it is whole. */
    if (count(queue, ALL) != (size_t)committed * TOGETHER)
        return 5;
    /* There is room again: on it goes, with the same queue. */
    setrlimit(RLIMIT_FSIZE, &before);
    if (add_together(queue, 5000, &failure) < 0)
        return 6;
    if (count(queue, ALL) != (size_t)(committed + 1) * TOGETHER)
        return 7;
    md_queue_close(queue);
    return 0;
}

static void a_full_disk_is_said_and_leaves_what_was_committed(void **state)
{
    const struct place *place = *state;
    pid_t child = fork();
    if (child == 0)
        _exit(fill_the_disk(place));
    int status;
    waitpid(child, &status, 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    struct md_queue *queue = open_queue(place);
    assert_int_equal(count(queue, ALL) % TOGETHER, 0);
    assert_true(count(queue, ALL) >= 6 * TOGETHER);
    md_queue_close(queue);
}

static void a_disk_without_room_for_a_queue_is_said(void **state)
{
    const struct place *place = *state;
    pid_t child = fork();
    if (child == 0) {
        struct rlimit none = {.rlim_cur = 1000, .rlim_max = RLIM_INFINITY};
        struct md_queue *queue = NULL;
        struct md_failure failure = {0};
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &none);
        int r = md_queue_open(place->file, &queue, &failure);
        _exit(r == MD_ERR_NOSPACE && strstr(failure.message, place->file) ? 0 : 1);
    }
    int status;
    waitpid(child, &status, 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    /* Half a file must not be in the way once there is room. */
    struct md_queue *queue = open_queue(place);
    add(queue, "/one");
    md_queue_close(queue);
}

/* The lock keeps them apart; should it fail to, the database still does. */
static void two_processes_that_write_do_not_damage_it(void **state)
{
    enum { TURNS = 40 };
    const struct place *place = *state;
    pid_t children[2];
    for (int c = 0; c < 2; c++) {
        children[c] = fork();
        if (children[c] == 0) {
            struct md_queue *queue = NULL; /* both make and migrate the file at once */
            if (md_queue_open(place->file, &queue, NULL) < 0)
                _exit(1);
            for (int turn = 0; turn < TURNS; turn++)
                if (add_together(queue, c * 1000 + turn, NULL) < 0)
                    _exit(2);
            md_queue_close(queue);
            _exit(0);
        }
    }
    for (int c = 0; c < 2; c++) {
        int status;
        waitpid(children[c], &status, 0);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
    }
    struct md_queue *queue = open_queue(place);
    assert_int_equal(count(queue, ALL), 2 * TURNS * TOGETHER);
    md_queue_close(queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(killed_in_mid_transaction_nothing_is_lost_or_half,
                                        place_open, place_close),
        cmocka_unit_test_setup_teardown(a_full_disk_is_said_and_leaves_what_was_committed,
                                        place_open, place_close),
        cmocka_unit_test_setup_teardown(a_disk_without_room_for_a_queue_is_said, place_open,
                                        place_close),
        cmocka_unit_test_setup_teardown(two_processes_that_write_do_not_damage_it, place_open,
                                        place_close),
    };
    return cmocka_run_group_tests_name("queue_crash", tests, NULL, NULL);
}
