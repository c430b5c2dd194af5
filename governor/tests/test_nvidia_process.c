/*
 * Who uses an NVIDIA GPU: lists in three versions and four layouts, amounts that nobody tells,
 * pids of other namespaces, children, and how often the driver is asked.
 */
#include "nvidia_fake.h"
#include "nvidia_holder.h"
#include "tree.h"

#include <gov/governor.h>

#define NEW  "580.65.06"
#define HERE "pid:[4026531836]"

static struct gov_sample read_at(struct gov_device *device, int64_t now_us)
{
    struct gov_sample sample;
    assert_int_equal(gov_device_sample(device, now_us, -1, &sample), 0);
    return sample;
}

static void note_is(struct gov_device *device, const char *part)
{
    struct gov_device_info info;
    gov_device_info(device, &info);
    if (*part)
        assert_non_null(strstr(info.process_note, part));
    else
        assert_string_equal(info.process_note, "");
}

/* The users 501, 502 ... of 1, 2 ... GiB/16 each are told, and nothing else. */
static void expect_users(struct gov_device *device, int count)
{
    struct gov_process users[16];
    size_t found = 0;
    assert_int_equal(gov_device_list_processes(device, users, 16, &found), 0);
    assert_int_equal(found, count);
    for (int i = 0; i < count; i++) { /* the biggest first */
        assert_int_equal(users[i].pid, 500 + count - i);
        assert_int_equal(users[i].used_bytes, (count - i) * (GIB / 16));
        assert_true(users[i].valid & GOV_PROCESS_USED);
    }
}

static void add_users(struct fake *f, int count)
{
    for (int i = 1; i <= count; i++)
        fake_neighbour(f, 0, 500 + i, i * (GIB / 16));
}

static void the_newest_list_that_works_is_used(void **state)
{
    (void)state;
    for (int refused = 0; refused < 7; refused = refused * 2 + 1) {
        struct fake f;
        fake_init(&f, FAKE_NVML_580, NEW);
        f.state->lists_refused = refused;
        add_users(&f, 3);
        struct gov_device *device = fake_open(&f, "nvidia");
        expect_users(device, 3);
        int64_t before = f.state->list_calls;
        expect_users(device, 3);
        assert_int_equal(f.state->list_calls - before, 2); /* what was refused is not asked again */
        gov_device_free(device);
        fake_done(&f);
    }
}

/*
 * The trap of early R535, and layouts that no version announces: whatever the driver writes, the
 * right pids come out with the right bytes, whether it leaves the rest of the buffer alone or not.
 */
static void rows_of_every_length_are_understood(void **state)
{
    (void)state;
    static const struct {
        const char *version;
        int row_bytes; /* 0: as that driver does */
    } cases[] = {{"535.43.02", 0},  {"535.54.03", 0},  {"535.86.05", 0},  {"535.98", 0},
                 {"535.183.01", 0}, {"550.90.07", 0},  {NEW, 0},          {NEW, 32},
                 {NEW, 16},         {"535.54.03", 24}, {"535.54.03", 16}, {"", 0},
                 {"garbage", 32},   {"535", 32}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int count = 0; count <= 5; count++) {
            for (int dirty = 0; dirty < 2; dirty++) {
                struct fake f;
                fake_init(&f, FAKE_NVML_580, cases[i].version);
                f.state->row_bytes = cases[i].row_bytes;
                f.state->dirty_rows = dirty;
                add_users(&f, count);
                struct gov_device *device = fake_open(&f, "nvidia");
                expect_users(device, count);
                note_is(device, "");
                gov_device_free(device);
                fake_done(&f);
            }
        }
    }
}

/*
 * Rows of 32 bytes that would make sense as rows of 24 too: the protected bytes as a pid, a pid as
 * bytes. Only how far the driver wrote, or its version, tells them.
 */
static void rows_that_make_sense_either_way_are_told_apart(void **state)
{
    (void)state;
    for (int by_version = 0; by_version < 2; by_version++) {
        struct fake f;
        struct gov_process users[4];
        size_t count = 0;
        fake_init(&f, FAKE_NVML_580, by_version ? "535.54.03" : NEW);
        f.state->row_bytes = 32;
        f.state->dirty_rows = by_version;
        f.state->protected_bytes = 4096;
        f.state->gpus[0].total_bytes = (uint64_t)(80 * GIB);
        fake_neighbour(&f, 0, 501, 8 * GIB);
        fake_neighbour(&f, 0, 502, 4 * GIB);
        struct gov_device *device = fake_open(&f, "nvidia");
        assert_int_equal(gov_device_list_processes(device, users, 4, &count), 0);
        assert_int_equal(count, 2);
        assert_int_equal(users[0].pid, 501);
        assert_int_equal(users[1].pid, 502);
        assert_int_equal(users[1].used_bytes, 4 * GIB);
        gov_device_free(device);
        fake_done(&f);
    }
}

static void a_list_that_makes_no_sense_is_not_believed(void **state)
{
    (void)state;
    struct fake f;
    struct gov_process p = {.pid = getpid()}, gone = {.pid = INT32_MAX - 7};
    size_t count = 0;
    fake_init(&f, FAKE_NVML_580, NEW);
    f.state->garbage_rows = true;
    add_users(&f, 3);
    struct gov_device *device = fake_open(&f, "nvidia");
    assert_int_equal(gov_device_list_processes(device, &p, 1, &count), GOV_E_UNSUPPORTED);
    assert_int_equal(gov_device_processes(device, true, &p, 1), 0);
    assert_int_equal(p.valid, GOV_PROCESS_PRESENT);
    assert_int_equal(gov_device_processes(device, true, &gone, 1), 0);
    assert_int_equal(gone.valid, 0);
    note_is(device, "not understood");
    f.state->garbage_rows = false;
    expect_users(device, 3);
    note_is(device, "");
    gov_device_free(device);
    fake_done(&f);
}

/* Whatever a driver writes, and however it counts: no crash, and nothing that cannot be. */
static void a_driver_that_writes_anything_is_survived(void **state)
{
    (void)state;
    struct fake f;
    int believed = 0, refused = 0;
    fake_init(&f, FAKE_NVML_580, NEW);
    struct gov_device *device = fake_open(&f, "nvidia");
    for (uint32_t seed = 1; seed <= 1500; seed++) {
        struct gov_process users[64], p = {.pid = getpid()};
        size_t count = 0;
        f.state->random_rows = seed * 2654435761u | 1;
        int error = gov_device_list_processes(device, users, 64, &count);
        assert_true(error == 0 || error == GOV_E_UNSUPPORTED || error == GOV_E_IO);
        believed += !error && count;
        refused += error != 0;
        for (size_t i = 0; !error && i < count && i < 64; i++) {
            assert_true(users[i].pid > 0 && users[i].pid <= 4 * 1024 * 1024);
            assert_true(users[i].used_bytes >= 0);
        }
        assert_int_equal(gov_device_processes(device, true, &p, 1), 0);
    }
    assert_true(believed > 100 && refused > 100); /* both sides were tried */
    gov_device_free(device);
    fake_done(&f);
}

static void more_rows_than_the_first_buffer_holds(void **state)
{
    (void)state;
    struct fake f;
    fake_init(&f, FAKE_NVML_580, "535.54.03");
    add_users(&f, FAKE_NEIGHBOURS);
    f.state->gpus[0].total_bytes = (uint64_t)(80 * GIB);
    for (int i = 0; i < FAKE_SLOTS; i++) /* instances: their bytes add up */
        f.state->slots[i] = (struct fake_slot){.pid = getpid(), .bytes = FAKE_MIB};
    struct gov_device *device = fake_open(&f, "nvidia");
    struct gov_process users[32], p = {.pid = getpid()};
    size_t count = 0;
    read_at(device, 1);
    assert_int_equal(gov_device_list_processes(device, users, 32, &count), 0);
    assert_int_equal(count, FAKE_NEIGHBOURS + 1);
    assert_int_equal(gov_device_processes(device, false, &p, 1), 0);
    assert_int_equal(p.used_bytes, FAKE_SLOTS * MIB);
    gov_device_free(device);
    memset(f.state->slots, 0, sizeof f.state->slots);
    fake_done(&f);
}

static void who_computes_and_draws_is_counted_once(void **state)
{
    (void)state;
    struct fake f;
    struct gov_process users[4];
    size_t count = 0;
    fake_init(&f, FAKE_NVML_580, NEW);
    fake_neighbour(&f, 0, 501, GIB)->draws = true;
    struct fake_neighbour *desktop = fake_neighbour(&f, 0, 502, GIB / 2);
    desktop->computes = false;
    desktop->draws = true;
    struct gov_device *device = fake_open(&f, "nvidia");
    assert_int_equal(gov_device_list_processes(device, users, 4, &count), 0);
    assert_int_equal(count, 2);
    assert_int_equal(users[0].used_bytes, GIB);
    assert_int_equal(users[1].pid, 502);
    assert_int_equal(users[1].used_bytes, GIB / 2);
    gov_device_free(device);
    fake_done(&f);
}

/* ---- amounts that nobody tells ---- */

static void an_amount_that_is_not_told_is_unknown_and_not_zero(void **state)
{
    (void)state;
    struct fake f;
    struct gov_process p[2] = {{.pid = 501}, {.pid = 502}};
    fake_init(&f, FAKE_NVML_580, NEW);
    fake_neighbour(&f, 0, 501, GIB)->unknown = true;
    fake_neighbour(&f, 0, 502, 2 * GIB);
    struct gov_device *device = fake_open(&f, "nvidia");
    assert_int_equal(gov_device_processes(device, false, p, 2), 0);
    assert_int_equal(p[0].valid, GOV_PROCESS_PRESENT);
    assert_int_equal(p[0].used_bytes, 0);
    assert_int_equal(p[1].valid, GOV_PROCESS_PRESENT | GOV_PROCESS_USED);
    assert_int_equal(p[1].used_bytes, 2 * GIB);
    note_is(device, "does not say how much");
    gov_device_free(device);
    fake_done(&f);
}

static void watch(struct gov_governor *governor, int64_t pid, int64_t now_us, bool own_known,
                  int64_t own_bytes)
{
    struct gov_sample s;
    assert_int_equal(gov_governor_watch(governor, pid), 0);
    assert_int_equal(gov_governor_sample(governor, now_us, &s), 0);
    assert_int_equal(!!(s.valid & GOV_SAMPLE_OWN), own_known);
    assert_int_equal(!!(s.valid & GOV_SAMPLE_OTHERS), own_known);
    if (own_known)
        assert_int_equal(s.own_bytes, own_bytes);
}

static void one_unknown_amount_makes_our_own_use_unknown(void **state)
{
    (void)state;
    struct fake f;
    struct gov_governor *governor;
    fake_init(&f, FAKE_NVML_580, NEW);
    fake_neighbour(&f, 0, 501, GIB);
    fake_neighbour(&f, 0, 502, GIB)->unknown = true;
    struct gov_device *device = fake_open(&f, "nvidia");
    assert_int_equal(gov_governor_new(&gov_config_default, device, NULL, &governor), 0);
    watch(governor, 501, 1000000, true, GIB);
    watch(governor, 502, 3000000, false, 0);
    /* Leases stand in for it: what no lease explains is others'. */
    struct gov_request request = {.owner = "movie", .predicted_bytes = GIB, .now_us = 3000000};
    struct gov_admission admission;
    assert_int_equal(gov_governor_admit(governor, &request, &admission), 0);
    assert_int_equal(admission.verdict, GOV_GRANTED);
    gov_governor_free(governor);
    gov_device_free(device);
    fake_done(&f);
}

static void a_driver_that_tells_nothing_of_processes_still_governs(void **state)
{
    (void)state;
    for (int way = 0; way < 3; way++) {
        struct fake f;
        struct gov_governor *governor;
        fake_init(&f, FAKE_NVML_580, NEW);
        f.state->gpus[0].processes_unknown = way == 0; /* Windows' driver model, WSL */
        f.state->gpus[0].processes_forbidden = way == 1;
        f.state->lists_refused = way == 2 ? 7 : 0;
        fake_neighbour(&f, 0, getpid(), GIB);
        struct gov_device *device = fake_open(&f, "nvidia");
        assert_int_equal(gov_governor_new(&gov_config_default, device, NULL, &governor), 0);
        watch(governor, getpid(), 1000000, false, 0);
        note_is(device, "the driver does not");
        gov_governor_free(governor);
        gov_device_free(device);
        fake_done(&f);
    }
}

/* ---- how often ---- */

static void the_list_is_read_once_a_second_of_the_callers_time(void **state)
{
    (void)state;
    struct fake f;
    struct gov_process p = {.pid = 501};
    fake_init(&f, FAKE_NVML_580, NEW);
    struct fake_neighbour *n = fake_neighbour(&f, 0, 501, GIB);
    struct gov_device *device = fake_open(&f, "nvidia");
    for (int i = 0; i < 100; i++) { /* ten seconds, ten readings a second */
        read_at(device, 1000000 + i * 100000);
        assert_int_equal(gov_device_processes(device, true, &p, 1), 0);
        assert_int_equal(p.used_bytes, GIB + i / 10 * 10 * MIB);
        n->bytes = (uint64_t)(GIB + (i + 1) * MIB);
    }
    assert_int_equal(f.state->list_calls, 2 * 10);
    gov_device_free(device);
    fake_done(&f);
}

static void without_a_clock_every_question_is_answered_anew(void **state)
{
    (void)state;
    struct fake f;
    struct gov_process p = {.pid = 501};
    fake_init(&f, FAKE_NVML_580, NEW);
    struct fake_neighbour *n = fake_neighbour(&f, 0, 501, GIB);
    struct gov_device *device = fake_open(&f, "nvidia");
    for (int i = 0; i < 5; i++) {
        n->bytes += FAKE_MIB;
        read_at(device, 0);
        assert_int_equal(gov_device_processes(device, true, &p, 1), 0);
        assert_int_equal(p.used_bytes, n->bytes);
    }
    /* So does who asks twice with no reading in between, clock or not. */
    read_at(device, 5000000);
    for (int i = 0; i < 3; i++) {
        n->bytes += FAKE_MIB;
        assert_int_equal(gov_device_processes(device, true, &p, 1), 0);
        assert_int_equal(p.used_bytes, n->bytes);
    }
    gov_device_free(device);
    fake_done(&f);
}

/* ---- children ---- */

static void what_a_child_takes_counts_for_its_parent(void **state)
{
    (void)state;
    struct fake f;
    struct holders holders = {0};
    int64_t child = 0;
    fake_init(&f, FAKE_NVML_580, NEW);
    struct gov_device *device = fake_open(&f, "nvidia");
    assert_int_equal(holder_start(&holders, FAKE_CUDA, GIB, &child), 0);
    struct gov_process p[2] = {{.pid = getpid()}, {.pid = child}};
    assert_int_equal(gov_device_processes(device, true, p, 1), 0);
    assert_int_equal(p[0].used_bytes, GIB + 180 * MIB);
    assert_int_equal(gov_device_processes(device, true, p, 2), 0); /* named itself: not twice */
    assert_int_equal(p[0].valid, 0);
    assert_int_equal(p[1].used_bytes, GIB + 180 * MIB);
    assert_int_equal(gov_device_processes(device, false, p, 1), 0);
    assert_int_equal(p[0].valid, 0);
    holder_end(&holders, child);
    assert_int_equal(gov_device_processes(device, true, p, 2), 0);
    assert_int_equal(p[1].valid, 0);
    gov_device_free(device);
    f.state->contexts = 0; /* of the child, which ended without a word */
    fake_done(&f);
}

/* ---- other pid namespaces ---- */

static void say_process(const struct tree *tree, const char *pid, const char *levels,
                        const char *namespace)
{
    char path[96], target[160], text[128];
    snprintf(path, sizeof path, "%s/status", pid);
    snprintf(text, sizeof text, "Name:\tx\nPPid:\t1\nNSpid:\t%s\n", levels);
    tree_write(tree, path, text);
    snprintf(path, sizeof path, "%s/ns/made", pid);
    tree_write(tree, path, "");
    snprintf(target, sizeof target, "%s/%s/ns/pid", tree->root, pid);
    assert_int_equal(symlink(namespace, target), 0);
}

static void begin_namespace(struct fake *f, struct tree *tree, const char *own_levels,
                            const char *namespace)
{
    fake_init(f, FAKE_NVML_580, NEW);
    tree_init(tree);
    say_process(tree, "self", own_levels, namespace);
    f->params.nvidia.proc_path = tree->root;
}

static void end_namespace(struct fake *f, struct tree *tree, struct gov_device *device)
{
    gov_device_free(device);
    tree_done(tree);
    fake_done(f);
}

static struct gov_process ask(struct gov_device *device, int64_t pid)
{
    struct gov_process p = {.pid = pid};
    assert_int_equal(gov_device_processes(device, true, &p, 1), 0);
    return p;
}

static void in_the_first_namespace_absence_is_zero(void **state)
{
    (void)state;
    struct fake f;
    struct tree tree;
    begin_namespace(&f, &tree, "7", HERE);
    say_process(&tree, "40", "40", HERE);
    fake_neighbour(&f, 0, 4711, GIB); /* already gone from /proc: no reason for doubt */
    struct gov_device *device = fake_open(&f, "nvidia");
    assert_int_equal(ask(device, 40).valid, 0);
    note_is(device, "");
    end_namespace(&f, &tree, device);
}

/* A container whose driver names processes by the machine's numbers. */
static void foreign_numbers_are_not_taken_for_ours(void **state)
{
    (void)state;
    struct fake f;
    struct tree tree;
    begin_namespace(&f, &tree, "7", "pid:[4026532999]");
    say_process(&tree, "40", "40", "pid:[4026532999]");
    fake_neighbour(&f, 0, 40, GIB);       /* on the machine 40 is somebody else */
    fake_neighbour(&f, 0, 8123, 2 * GIB); /* this is our 40 */
    struct gov_device *device = fake_open(&f, "nvidia");
    assert_int_equal(ask(device, 40).valid, GOV_PROCESS_PRESENT);
    note_is(device, "namespace");
    assert_int_equal(ask(device, 41).valid, 0); /* there is no such process at all */
    end_namespace(&f, &tree, device);
}

/* A container whose driver translates them. */
static void translated_numbers_are_believed_once_ours_was_among_them(void **state)
{
    (void)state;
    struct fake f;
    struct tree tree;
    begin_namespace(&f, &tree, "7", "pid:[4026532999]");
    say_process(&tree, "40", "40", "pid:[4026532999]");
    say_process(&tree, "50", "50", "pid:[4026532999]");
    struct gov_device *device = fake_open(&f, "nvidia");
    assert_int_equal(ask(device, 40).valid, GOV_PROCESS_PRESENT); /* an empty list proves nothing */
    note_is(device, "namespace");
    struct fake_neighbour *ours = fake_neighbour(&f, 0, 40, GIB);
    assert_int_equal(ask(device, 40).used_bytes, GIB);
    note_is(device, "");
    assert_int_equal(ask(device, 50).valid, 0); /* now absence is zero */
    ours->pid = 0;
    assert_int_equal(ask(device, 40).valid, 0);
    fake_neighbour(&f, 0, 9999, GIB); /* a number that is nobody's here: doubt again */
    assert_int_equal(ask(device, 40).valid, GOV_PROCESS_PRESENT);
    end_namespace(&f, &tree, device);
}

/* The machine's /proc mounted into the container says what our processes are called there. */
static void the_hosts_proc_translates_exactly(void **state)
{
    (void)state;
    struct fake f;
    struct tree tree;
    begin_namespace(&f, &tree, "8000 7", "pid:[4026532999]");
    say_process(&tree, "8123", "8123 40", "pid:[4026532999]");
    say_process(&tree, "8200", "8200 40", "pid:[4026533555]"); /* next door */
    say_process(&tree, "40", "40", HERE);
    say_process(&tree, "8124", "8124 41", "pid:[4026532999]");
    tree_write(&tree, "8124/status", "Name:\tx\nPPid:\t8123\nNSpid:\t8124\t41\n");
    fake_neighbour(&f, 0, 8123, 2 * GIB);
    fake_neighbour(&f, 0, 8200, GIB);
    fake_neighbour(&f, 0, 40, GIB / 2);
    struct gov_device *device = fake_open(&f, "nvidia");
    assert_int_equal(ask(device, 40).used_bytes, 2 * GIB);
    note_is(device, "");
    fake_neighbour(&f, 0, 8124, GIB); /* its child */
    assert_int_equal(ask(device, 40).used_bytes, 3 * GIB);
    assert_int_equal(ask(device, 8123).valid, 0);
    end_namespace(&f, &tree, device);
}

int main(int argc, char **argv)
{
    if (argc == 3 && !strcmp(argv[0], "hold"))
        return holder_main(argv[1], argv[2]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_list_that_works_is_used),
        cmocka_unit_test(rows_of_every_length_are_understood),
        cmocka_unit_test(rows_that_make_sense_either_way_are_told_apart),
        cmocka_unit_test(a_list_that_makes_no_sense_is_not_believed),
        cmocka_unit_test(a_driver_that_writes_anything_is_survived),
        cmocka_unit_test(more_rows_than_the_first_buffer_holds),
        cmocka_unit_test(who_computes_and_draws_is_counted_once),
        cmocka_unit_test(an_amount_that_is_not_told_is_unknown_and_not_zero),
        cmocka_unit_test(one_unknown_amount_makes_our_own_use_unknown),
        cmocka_unit_test(a_driver_that_tells_nothing_of_processes_still_governs),
        cmocka_unit_test(the_list_is_read_once_a_second_of_the_callers_time),
        cmocka_unit_test(without_a_clock_every_question_is_answered_anew),
        cmocka_unit_test(what_a_child_takes_counts_for_its_parent),
        cmocka_unit_test(in_the_first_namespace_absence_is_zero),
        cmocka_unit_test(foreign_numbers_are_not_taken_for_ours),
        cmocka_unit_test(translated_numbers_are_believed_once_ours_was_among_them),
        cmocka_unit_test(the_hosts_proc_translates_exactly),
    };
    return cmocka_run_group_tests_name("nvidia processes", tests, NULL, NULL);
}
