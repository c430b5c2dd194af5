/* A channel carries records over a socketpair without blocking the main program. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "ipc/channel.h"

struct pair {
    struct md_channel main, worker;
};

static int open_pair(void **state)
{
    static struct pair pair;
    int nonblocking, blocking;
    if (md_channel_pair(&nonblocking, &blocking, NULL) < 0)
        return -1;
    md_channel_init(&pair.main, nonblocking);
    md_channel_init(&pair.worker, blocking);
    *state = &pair;
    return 0;
}

static int close_pair(void **state)
{
    struct pair *pair = *state;
    md_channel_done(&pair->main);
    md_channel_done(&pair->worker);
    return 0;
}

static void send_number(struct md_channel *channel, int n, int expected)
{
    md_autorecord record = {0};
    md_record_begin(&record, "progress");
    md_record_add_int(&record, "n", n);
    assert_int_equal(md_channel_send(channel, &record), expected);
}

static void expect_number(struct md_channel *channel, int expected)
{
    struct md_record_view view;
    int64_t n;
    assert_int_equal(md_channel_receive(channel, &view), 1);
    assert_int_equal(md_record_get_int(&view, "n", 0, INT32_MAX, &n), MD_OK);
    assert_int_equal(n, expected);
}

static void records_go_both_ways(void **state)
{
    struct pair *pair = *state;
    struct md_record_view view;
    assert_int_equal(md_channel_receive(&pair->main, &view), 0);
    assert_false(pair->main.ended);
    for (int i = 0; i < 10; i++)
        send_number(&pair->worker, i, MD_OK);
    for (int i = 0; i < 10; i++)
        expect_number(&pair->main, i);
    send_number(&pair->main, 99, MD_OK);
    expect_number(&pair->worker, 99);
}

static void a_closed_end_is_told_after_the_last_record(void **state)
{
    struct pair *pair = *state;
    struct md_record_view view;
    send_number(&pair->worker, 1, MD_OK);
    close(pair->worker.fd);
    pair->worker.fd = -1;
    expect_number(&pair->main, 1);
    assert_int_equal(md_channel_receive(&pair->main, &view), 0);
    assert_true(pair->main.ended);
    assert_int_equal(md_channel_receive(&pair->main, &view), 0);
    send_number(&pair->main, 2, MD_ERR_IO);
}

static void a_reader_that_sleeps_costs_bounded_memory_and_loses_nothing(void **state)
{
    struct pair *pair = *state;
    md_autorecord record = {0};
    char text[60000];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    int sent = 0, r;
    do {
        md_record_begin(&record, "progress");
        md_record_add_int(&record, "n", sent);
        md_record_add(&record, "text", text);
        r = md_channel_send(&pair->main, &record);
        sent += r == MD_OK;
    } while (r == MD_OK && sent < 10000);
    assert_int_equal(r, MD_ERR_BUSY);
    assert_true(md_channel_pending(&pair->main));
    for (int i = 0; i < sent; i++) {
        expect_number(&pair->worker, i);
        assert_int_equal(md_channel_flush(&pair->main), MD_OK);
    }
    assert_false(md_channel_pending(&pair->main));
}

static void noise_ends_the_conversation(void **state)
{
    struct pair *pair = *state;
    struct md_record_view view;
    assert_int_equal(write(pair->worker.fd, "\x04\0\0\0abc!", 8), 8);
    assert_int_equal(md_channel_receive(&pair->main, &view), MD_ERR_INPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(records_go_both_ways, open_pair, close_pair),
        cmocka_unit_test_setup_teardown(a_closed_end_is_told_after_the_last_record, open_pair,
                                        close_pair),
        cmocka_unit_test_setup_teardown(a_reader_that_sleeps_costs_bounded_memory_and_loses_nothing,
                                        open_pair, close_pair),
        cmocka_unit_test_setup_teardown(noise_ends_the_conversation, open_pair, close_pair),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
