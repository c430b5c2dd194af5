/*
 * A fault sweep: the n-th allocation fails, n = 1, 2, 3 ... until a whole run passes without. After
 * each the result is a typed error or success, the object still works, and nothing leaks.
 */
#include "failing_alloc.h"
#include "tree.h"

#include <unistd.h>

#include <gov/history.h>
#include <gov/post_mortem.h>
#include <gov/reclaim.h>

/* The linker sends the library's allocations here (--wrap). */

static int first_error;
static struct tree tree;

static bool ok(int error)
{
    if (error && !first_error)
        first_error = error;
    assert_true(error == 0 || error == GOV_E_NOMEM);
    return !error;
}

static int reclaim_nothing(void *context, enum gov_tier tier, int64_t want_bytes)
{
    (void)context;
    (void)tier;
    (void)want_bytes;
    return GOV_RECLAIM_NOTHING;
}

/* More leases than the ledger has slots at first, so that it must grow. */
static void lease_and_release(struct gov_governor *governor)
{
    enum { LEASES = 40 };
    uint64_t ids[LEASES];
    int held = 0;
    for (int i = 0; i < LEASES; i++) {
        struct gov_request request = {.owner = "m", .predicted_bytes = GOV_MB};
        struct gov_admission admission;
        request.pid = 1000 + i;
        if (ok(gov_governor_admit(governor, &request, &admission)) &&
            admission.verdict == GOV_GRANTED)
            ids[held++] = admission.lease_id;
        ok(gov_governor_watch(governor, 2000 + i));
    }
    ok(gov_governor_sample(governor, 1, NULL));
    assert_true(gov_governor_is_valid(governor));
    struct gov_status status;
    gov_governor_status(governor, &status);
    assert_int_equal(status.leases.now_count, held);
    while (held)
        assert_int_equal(gov_governor_release(governor, ids[--held], NULL), 0);
    gov_governor_status(governor, &status);
    assert_int_equal(status.leases.now_bytes, 0);
}

static void lease_and_release_few(struct gov_governor *governor)
{
    struct gov_request request = {.owner = "m", .predicted_bytes = GOV_MB};
    struct gov_admission admission;
    for (int i = 0; i < 3; i++) {
        if (ok(gov_governor_admit(governor, &request, &admission)) &&
            admission.verdict == GOV_GRANTED)
            assert_int_equal(gov_governor_release(governor, admission.lease_id, NULL), 0);
    }
}

static void use_governor(const char *spec, const struct gov_device_params *params)
{
    struct gov_device *device = NULL;
    struct gov_governor *governor = NULL;
    if (ok(gov_device_open(spec, params, &device)) &&
        ok(gov_governor_new(&gov_config_default, device, NULL, &governor))) {
        struct gov_reclaimer table[] = {{.name = "x", .tier = 1, .reclaim = reclaim_nothing}};
        struct gov_tier_run run = {0};
        ok(gov_governor_sample(governor, 1, NULL));
        lease_and_release(governor);
        if (ok(gov_governor_run_tier(governor, table, 1, GOV_TIER_STANDARD, 1, &run)))
            ok(gov_governor_end_tier(governor, 1, &run));
    }
    gov_governor_free(governor);
    gov_device_free(device);
}

/* Whatever failed, sums agree, and what was not given is not held. */
static void use_simulated_processes(void)
{
    static const struct gov_sim_neighbour script[] = {{.at_us = 2, .bytes = GOV_MB},
                                                      {.at_us = 1, .bytes = GOV_MB}};
    struct gov_device_params params = {
        .sim = {.neighbours = script, .neighbour_count = 2, .context_bytes = -1}};
    struct gov_device *device = NULL;
    if (ok(gov_device_open("sim:rtx3060", &params, &device))) {
        int64_t held = 0;
        for (int pid = 1; pid <= 20; pid++)
            held += ok(gov_sim_take(device, 0, pid, 1 << 21)) ? 1 << 21 : 0;
        struct gov_sample sample;
        assert_int_equal(gov_device_sample(device, 0, held, &sample), 0);
        assert_int_equal(sample.used_bytes, sample.reserved_bytes + held);
        struct gov_process all[40];
        size_t count = 4711;
        if (!ok(gov_device_list_processes(device, all, 40, &count)))
            assert_int_equal(count, 4711);
        assert_true(gov_sim_is_valid(device));
    }
    gov_device_free(device);
}

static void use_simulated_pools(void)
{
    enum { POOLS = 12, SLICES = 30 };
    struct gov_device *device = NULL;
    if (!ok(gov_device_open("sim:8GB", NULL, &device)))
        return;
    for (int i = 0; i < POOLS; i++) {
        uint64_t pool = 0;
        struct gov_sim_pool_stats stats;
        int64_t addresses[SLICES], live = 0;
        size_t count = 0;
        if (!ok(gov_sim_pool_new(device, 1 + i, GOV_MB, &pool)))
            continue;
        for (int k = 0; k < SLICES; k++) {
            int64_t bytes = 512 * (1 + 300 * (k % 7));
            if (ok(gov_sim_pool_take(device, 0, pool, bytes, &addresses[count]))) {
                live += bytes;
                count++;
            }
        }
        assert_int_equal(gov_sim_pool_stats(device, pool, &stats), 0);
        assert_int_equal(stats.live_bytes, live);
        assert_int_equal(stats.slice_count, count);
        assert_true(gov_sim_is_valid(device));
        while (count)
            assert_int_equal(gov_sim_pool_give(device, pool, addresses[--count]), 0);
        assert_int_equal(gov_sim_pool_trim(device, pool, NULL), 0);
        assert_true(gov_sim_is_valid(device));
    }
    gov_device_free(device);
}

/* A host with groups, and with descendants to remember. */
static void use_made_up_host(void)
{
    enum { CHILDREN = 40 };
    char proc[80], cgroup[80];
    snprintf(proc, sizeof proc, "%s/proc", tree.root);
    snprintf(cgroup, sizeof cgroup, "%s/cgroup", tree.root);
    struct gov_device_params params = {.host = {.proc_path = proc, .cgroup_root = cgroup}};
    struct gov_device *device = NULL;
    if (!ok(gov_device_open("host", &params, &device)))
        return;
    for (int64_t second = 1; second < 4; second++) {
        /* Moved to another group: what it limits is looked for, unless memory lacks for that. */
        tree_write(&tree, "proc/self/cgroup", second == 2 ? "0::/a/b/\n" : "0::/a/b\n");
        struct gov_sample sample;
        struct gov_process p[2] = {{.pid = 10}, {.pid = 11}};
        assert_int_equal(gov_device_sample(device, second * 1000000, 0, &sample), 0);
        assert_int_equal(sample.total_bytes, 4 * GOV_GB);
        if (ok(gov_device_processes(device, true, p, 2)))
            assert_int_equal(p[0].used_bytes, (1 + CHILDREN) * 1024);
        assert_int_equal(gov_device_processes(device, false, p, 2), 0);
        assert_int_equal(p[0].used_bytes, 1024);
        size_t count = 4711;
        if (ok(gov_device_list_processes(device, p, 2, &count)))
            assert_int_equal(count, 1 + CHILDREN);
        else
            assert_int_equal(count, 4711);
    }
    gov_device_free(device);
}

static void make_host(void)
{
    char children[400] = "", path[64];
    for (int i = 0; i < 40; i++) {
        snprintf(path, sizeof path, "proc/%d/status", 100 + i);
        tree_write(&tree, path, "VmRSS: 1 kB\nRssAnon: 1 kB\n");
        snprintf(path, sizeof path, "%d ", 100 + i);
        strcat(children, path);
    }
    tree_write(&tree, "proc/10/status", "VmRSS: 1 kB\nRssAnon: 1 kB\n");
    tree_write(&tree, "proc/10/task/10/children", children);
    tree_write(&tree, "proc/meminfo", "MemTotal: 8388608 kB\nMemAvailable: 4194304 kB\n");
    tree_write(&tree, "proc/self/cgroup", "0::/a/b\n");
    tree_write(&tree, "cgroup/cgroup.controllers", "memory\n");
    tree_write(&tree, "cgroup/a/b/memory.max", "4000000000\n");
}

static void use_history(void)
{
    struct gov_history *history = NULL;
    if (ok(gov_history_new(&gov_config_default, 100, &history))) {
        for (int i = 0; i < 30; i++) {
            char key[16];
            snprintf(key, sizeof key, "r%d", i);
            ok(gov_history_add(history, key, GOV_MB, GOV_MB));
            gov_history_correct(history, key, GOV_MB);
            struct gov_batch *batch = gov_history_batch(history, key, 4, 8);
            if (!batch && !first_error)
                first_error = GOV_E_NOMEM;
        }
    }
    gov_history_free(history);
}

static int load_a_few(void *context, gov_history_row_fn each_row, void *user)
{
    const char *row = context;
    for (int i = 0; i < 20; i++) {
        char key[16];
        snprintf(key, sizeof key, "r%d", i);
        int error = each_row(user, key, row, strlen(row));
        if (error)
            return error;
    }
    return GOV_OK;
}

static int save_nowhere(void *context, const char *regime, const char *row, size_t size)
{
    (void)context;
    (void)regime;
    (void)row;
    (void)size;
    return GOV_OK;
}

static void use_store(void)
{
    static char row[] = "gov-history 1 0 0 0 0 p 0 #654f1bdc";
    struct gov_history_store store = {row, load_a_few, save_nowhere};
    struct gov_history *history = NULL;
    if (ok(gov_history_new(&gov_config_default, 100, &history))) {
        size_t loaded = 0, skipped = 0;
        if (ok(gov_history_load(history, &store, NULL, &loaded, &skipped)))
            assert_int_equal(loaded, 20);
        assert_int_equal(skipped, 0);
        ok(gov_history_save(history, &store, NULL));
    }
    gov_history_free(history);
}

static int count_bytes(void *context, const char *bytes, size_t size)
{
    *(size_t *)context += size + (bytes[0] == 0);
    return 0;
}

static void use_recorder(void)
{
    struct gov_recorder *recorder = NULL;
    struct gov_governor *governor = NULL;
    if (ok(gov_recorder_new(64, &recorder)) &&
        ok(gov_governor_new(&gov_config_default, NULL, NULL, &governor))) {
        struct gov_sample sample = {.valid = GOV_SAMPLE_TOTAL | GOV_SAMPLE_FREE,
                                    .total_bytes = 8 * GOV_GB,
                                    .free_bytes = 8 * GOV_GB};
        struct gov_oom oom = {.owner = "m", .wanted_bytes = -1};
        char text[GOV_POST_MORTEM_MAX];
        size_t written = 0;
        gov_governor_set_recorder(governor, recorder);
        ok(gov_governor_feed(governor, &sample, NULL, 0));
        lease_and_release_few(governor);
        ok(gov_governor_note_oom(governor, &oom));
        /* At this of all moments nothing may be allocated. */
        long before = failed;
        assert_true(gov_post_mortem(governor, recorder, &oom, text, sizeof text) > 200);
        assert_int_equal(failed, before);
        ok(gov_recorder_write_trace(recorder, count_bytes, &written));
        uint64_t serial = 0;
        assert_int_equal(gov_recorder_write_lines(recorder, &serial, count_bytes, &written), 0);
    }
    gov_governor_free(governor);
    gov_recorder_free(recorder);
}

static void use_flight(void)
{
    struct gov_flight flight = {0};
    char text[200 * 48] = "";
    for (int i = 0; i < 200; i++)
        strcat(text, "{\"at_us\":1,\"kind\":\"note\",\"text\":\"x\"}\n");
    if (ok(gov_flight_read(text, strlen(text), 1000, &flight)))
        assert_int_equal(flight.count, 200);
    gov_flight_done(&flight);
}

static void everything(void)
{
    static const struct gov_device_params card = {.memory_limit_bytes = 3 * GOV_GB};
    use_governor("sim:rtx3060", &card);
    use_governor("host", NULL);
    use_simulated_processes();
    use_simulated_pools();
    use_made_up_host();
    use_history();
    use_store();
    use_recorder();
    use_flight();
}

static void sweep(bool persist)
{
    /* Only the readings around a tier may fail unsaid: two of them, on two devices, see reclaim.h.
     */
    enum { MOST = 10000, MOST_SILENT = 2 * 2 * 3 };
    long n = 0, silent = 0;
    for (; n < MOST; n++) {
        countdown = n;
        persistent = persist;
        failed = 0;
        first_error = 0;
        everything();
        countdown = -1;
        if (!failed)
            break;
        silent += first_error == 0;
    }
    assert_true(n > 15); /* it did fail that many allocations, one by one */
    assert_true(n < MOST);
    assert_int_equal(first_error, 0);
    assert_true(silent <= MOST_SILENT);
}

static void each_allocation_may_fail_once(void **state)
{
    (void)state;
    sweep(false);
}

static void each_allocation_may_be_the_last_that_succeeds(void **state)
{
    (void)state;
    sweep(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_allocation_may_fail_once),
        cmocka_unit_test(each_allocation_may_be_the_last_that_succeeds),
    };
    tree_init(&tree);
    make_host();
    int failures = cmocka_run_group_tests_name("nomem", tests, NULL, NULL);
    tree_done(&tree);
    return failures;
}
