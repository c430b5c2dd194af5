/* The ledger: sums, rollback, measurements, ids. */
#include "testing.h"

#include <gov/ledger.h>

static int setup(void **state)
{
    struct gov_ledger *ledger;
    assert_int_equal(gov_ledger_new(&ledger), 0);
    *state = ledger;
    return 0;
}

static int teardown(void **state)
{
    assert_true(gov_ledger_is_valid(*state));
    gov_ledger_free(*state);
    return 0;
}

static struct gov_lease lease_of(int64_t bytes, int64_t pid)
{
    struct gov_lease lease = {
        .owner = "movie", .stage = "shots", .predicted_bytes = bytes, .granted_bytes = bytes};
    lease.pid = pid;
    return lease;
}

static uint64_t add(struct gov_ledger *ledger, int64_t bytes, int64_t pid)
{
    struct gov_lease lease = lease_of(bytes, pid);
    uint64_t id = GOV_LEASE_NONE;
    assert_int_equal(gov_ledger_add(ledger, &lease, INT64_MAX, &id), 0);
    assert_true(id != GOV_LEASE_NONE);
    return id;
}

static struct gov_ledger_stats stats_of(const struct gov_ledger *ledger)
{
    struct gov_ledger_stats stats;
    gov_ledger_stats(ledger, &stats);
    return stats;
}

static void a_refused_lease_leaves_only_a_count(void **state)
{
    struct gov_ledger *ledger = *state;
    add(ledger, 600, 0);
    struct gov_ledger_stats before = stats_of(ledger);
    struct gov_lease lease = lease_of(401, 0);
    uint64_t id = 42;
    assert_int_equal(gov_ledger_add(ledger, &lease, 1000, &id), GOV_E_NO_ROOM);
    assert_int_equal(id, 42); /* untouched */
    before.rolled_back_count = 1;
    struct gov_ledger_stats after = stats_of(ledger);
    assert_memory_equal(&before, &after, sizeof before);
    lease = lease_of(400, 0);
    assert_int_equal(gov_ledger_add(ledger, &lease, 1000, &id), 0);
}

static void a_forced_lease_passes_the_limit_and_says_so(void **state)
{
    struct gov_ledger *ledger = *state;
    struct gov_lease lease = lease_of(5000, 0);
    lease.flags = GOV_LEASE_FORCED;
    uint64_t id;
    assert_int_equal(gov_ledger_add(ledger, &lease, 1000, &id), 0);
    assert_int_equal(gov_ledger_get(ledger, id, &lease), 0);
    assert_true(lease.flags & GOV_LEASE_FORCED);
    assert_int_equal(stats_of(ledger).forced_count, 1);
    assert_int_equal(stats_of(ledger).now_bytes, 5000);
}

static void nonsense_is_refused(void **state)
{
    struct gov_ledger *ledger = *state;
    struct gov_lease lease = lease_of(-1, 0);
    uint64_t id;
    assert_int_equal(gov_ledger_add(ledger, &lease, 10, &id), GOV_E_INVALID);
    lease = lease_of(1, -3);
    assert_int_equal(gov_ledger_add(ledger, &lease, 10, &id), GOV_E_INVALID);
    add(ledger, INT64_MAX - 5, 0);
    lease = lease_of(6, 0);
    assert_int_equal(gov_ledger_add(ledger, &lease, INT64_MAX, &id), GOV_E_RANGE);
    assert_int_equal(gov_ledger_remove(ledger, 12345, NULL), GOV_E_NOT_FOUND);
    assert_int_equal(gov_ledger_remove(ledger, GOV_LEASE_NONE, NULL), GOV_E_NOT_FOUND);
    assert_int_equal(gov_ledger_measure(ledger, 1, 5), GOV_E_NOT_FOUND);
}

static void an_ended_lease_is_never_mistaken_for_a_new_one(void **state)
{
    struct gov_ledger *ledger = *state;
    uint64_t first = add(ledger, 100, 0);
    assert_int_equal(gov_ledger_remove(ledger, first, NULL), 0);
    uint64_t second = add(ledger, 200, 0); /* takes the same slot */
    assert_true(first != second);
    assert_int_equal(gov_ledger_remove(ledger, first, NULL), GOV_E_NOT_FOUND);
    assert_int_equal(stats_of(ledger).now_bytes, 200);
}

static void pending_is_what_is_promised_and_not_yet_taken(void **state)
{
    struct gov_ledger *ledger = *state;
    uint64_t a = add(ledger, 1000, 0), b = add(ledger, 500, 0);
    assert_int_equal(stats_of(ledger).pending_bytes, 1500);
    assert_int_equal(gov_ledger_measure(ledger, a, 300), 0);
    assert_int_equal(stats_of(ledger).pending_bytes, 1200);
    assert_int_equal(gov_ledger_measure(ledger, a, 1400), 0); /* more than granted */
    assert_int_equal(stats_of(ledger).pending_bytes, 500);
    assert_int_equal(stats_of(ledger).over_granted_count, 1);
    assert_int_equal(gov_ledger_measure(ledger, a, 100), 0);
    struct gov_lease lease;
    assert_int_equal(gov_ledger_remove(ledger, a, &lease), 0);
    assert_int_equal(lease.current_bytes, 100);
    assert_int_equal(lease.peak_bytes, 1400);
    assert_int_equal(stats_of(ledger).pending_bytes, 500);
    assert_int_equal(gov_ledger_remove(ledger, b, &lease), 0);
    assert_int_equal(lease.peak_bytes, -1); /* never measured: unknown, not zero */
}

static void a_process_with_several_leases_shares_its_use_among_them(void **state)
{
    struct gov_ledger *ledger = *state;
    uint64_t a = add(ledger, 100, 7), other = add(ledger, 100, 8), b = add(ledger, 100, 7);
    gov_ledger_measure_pid(ledger, 7, 150);
    struct gov_lease lease;
    gov_ledger_get(ledger, a, &lease);
    assert_int_equal(lease.current_bytes, 100);
    gov_ledger_get(ledger, b, &lease);
    assert_int_equal(lease.current_bytes, 50);
    gov_ledger_get(ledger, other, &lease);
    assert_int_equal(lease.current_bytes, -1);
    gov_ledger_measure_pid(ledger, 7, 350); /* what nobody was granted goes to the last */
    gov_ledger_get(ledger, b, &lease);
    assert_int_equal(lease.current_bytes, 250);
    gov_ledger_measure_pid(ledger, 0, 999);
    gov_ledger_measure_pid(ledger, 99, 999);
    assert_int_equal(gov_ledger_remove_pid(ledger, 7), 2);
    assert_int_equal(gov_ledger_remove_pid(ledger, 7), 0);
    assert_int_equal(gov_ledger_remove_pid(ledger, 0), 0);
    assert_int_equal(stats_of(ledger).now_count, 1);
}

static void growing_is_compared_with_the_limit_and_shrinking_is_not(void **state)
{
    struct gov_ledger *ledger = *state;
    uint64_t a = add(ledger, 600, 0);
    add(ledger, 300, 0);
    assert_int_equal(gov_ledger_resize(ledger, a, 701, 1000), GOV_E_NO_ROOM);
    assert_int_equal(stats_of(ledger).now_bytes, 900);
    assert_int_equal(stats_of(ledger).pending_bytes, 900);
    assert_int_equal(gov_ledger_resize(ledger, a, 700, 1000), 0);
    assert_int_equal(stats_of(ledger).peak_bytes, 1000);
    assert_int_equal(gov_ledger_resize(ledger, a, 500, 100), 0); /* over the limit, but less */
    assert_int_equal(stats_of(ledger).now_bytes, 800);
    assert_int_equal(gov_ledger_resize(ledger, a, -1, 1000), GOV_E_INVALID);
    assert_int_equal(gov_ledger_resize(ledger, a, INT64_MAX, INT64_MAX), GOV_E_RANGE);
}

static void leases_are_listed_in_the_order_they_were_granted(void **state)
{
    struct gov_ledger *ledger = *state;
    uint64_t ids[40];
    for (int i = 0; i < 40; i++)
        ids[i] = add(ledger, 10 + i, 0);
    for (int i = 0; i < 40; i += 3)
        assert_int_equal(gov_ledger_remove(ledger, ids[i], NULL), 0);
    uint64_t newest = add(ledger, 1, 0); /* in a slot freed in the middle */
    struct gov_lease leases[64];
    size_t count = gov_ledger_list(ledger, leases, 64);
    assert_int_equal(count, 40 - 14 + 1);
    for (size_t i = 1; i + 1 < count; i++)
        assert_true(leases[i - 1].granted_bytes < leases[i].granted_bytes);
    assert_true(leases[count - 1].id == newest);
    assert_int_equal(gov_ledger_list(ledger, leases, 2), count);
}

static void a_million_leases_leave_no_drift(void **state)
{
    struct gov_ledger *ledger = *state;
    enum { HELD = 8, ROUNDS = 1000000 };
    uint64_t held[HELD] = {0};
    uint32_t random = 1;
    int64_t refused = 0;
    for (int i = 0; i < ROUNDS; i++) {
        random = random * 1664525u + 1013904223u;
        uint64_t *id = &held[random >> 29];
        if (*id) {
            assert_int_equal(gov_ledger_remove(ledger, *id, NULL), 0);
            *id = GOV_LEASE_NONE;
        }
        struct gov_lease lease = lease_of(random >> 12 & 0xffff, random & 3);
        int error = gov_ledger_add(ledger, &lease, 200000, id);
        refused += error == GOV_E_NO_ROOM;
        gov_ledger_measure_pid(ledger, random & 3, random & 0xfffff);
    }
    assert_true(refused > ROUNDS / 100); /* both ways were taken */
    assert_true(stats_of(ledger).peak_bytes <= 200000);
    for (int i = 0; i < HELD; i++) {
        if (held[i])
            assert_int_equal(gov_ledger_remove(ledger, held[i], NULL), 0);
    }
    struct gov_ledger_stats stats = stats_of(ledger);
    assert_int_equal(stats.now_bytes, 0);
    assert_int_equal(stats.now_count, 0);
    assert_int_equal(stats.pending_bytes, 0);
    assert_int_equal(stats.total_count + stats.rolled_back_count, ROUNDS);
    gov_ledger_reset_peak(ledger);
    assert_int_equal(stats_of(ledger).peak_bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(a_refused_lease_leaves_only_a_count),
        TEST(a_forced_lease_passes_the_limit_and_says_so),
        TEST(nonsense_is_refused),
        TEST(an_ended_lease_is_never_mistaken_for_a_new_one),
        TEST(pending_is_what_is_promised_and_not_yet_taken),
        TEST(a_process_with_several_leases_shares_its_use_among_them),
        TEST(growing_is_compared_with_the_limit_and_shrinking_is_not),
        TEST(leases_are_listed_in_the_order_they_were_granted),
        TEST(a_million_leases_leave_no_drift),
    };
    return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
