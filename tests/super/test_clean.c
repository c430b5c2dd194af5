/* Groups of runs that were killed go, and nobody else's: with plain folders, of which rmdir wants
 * the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "super/super_internal.h"

struct place {
    char folder[32];
};

static int make_place(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    snprintf(place->folder, sizeof place->folder, "/tmp/md-groups-XXXXXX");
    *state = place;
    return place && mkdtemp(place->folder) ? 0 : -1;
}

static int remove_place(void **state)
{
    struct place *place = *state;
    int r = md_remove_tree(place->folder, NULL);
    free(place);
    return r;
}

static void make(const struct place *place, const char *relative)
{
    md_autofree char *path = md_path_join(place->folder, relative);
    assert_int_equal(mkdir(path, 0755), 0);
}

static bool is_there(const struct place *place, const char *relative)
{
    md_autofree char *path = md_path_join(place->folder, relative);
    return access(path, F_OK) == 0;
}

/* The number of a process that lived a moment ago. */
static pid_t dead_pid(void)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    return pid;
}

static void groups_of_dead_runs_go_with_what_is_in_them(void **state)
{
    const struct place *place = *state;
    char name[64], worker[80];
    md_super_name_group_(dead_pid(), name, sizeof name);
    make(place, name);
    snprintf(worker, sizeof worker, "%s/worker-3", name);
    make(place, worker);
    snprintf(worker, sizeof worker, "%s/trial", name);
    make(place, worker);
    md_super_remove_dead_groups_(place->folder);
    assert_false(is_there(place, name));
}

static void a_group_that_is_not_empty_stays(void **state)
{
    const struct place *place = *state;
    char name[64], deep[96];
    md_super_name_group_(dead_pid(), name, sizeof name);
    make(place, name);
    snprintf(deep, sizeof deep, "%s/worker-3", name);
    make(place, deep);
    snprintf(deep, sizeof deep, "%s/worker-3/process", name); /* rmdir refuses, as for a process */
    make(place, deep);
    md_super_remove_dead_groups_(place->folder);
    assert_true(is_there(place, deep));
}

static void nobody_elses_groups_are_touched(void **state)
{
    const struct place *place = *state;
    char own[64], parents[64], foreign[64], old[64];
    pid_t dead = dead_pid();
    md_super_name_group_(getpid(), own, sizeof own);
    md_super_name_group_(getppid(), parents, sizeof parents);
    snprintf(foreign, sizeof foreign, "moviedigest-%ld-7", (long)dead); /* of another container */
    snprintf(old, sizeof old, "moviedigest-%ld", (long)dead);
    const char *const names[] = {own,          parents,           foreign, old, "moviedigest-x",
                                 "user.slice", "moviedigest--1-2"};
    for (size_t i = 0; i < MD_ARRAY_LEN(names); i++)
        make(place, names[i]);
    md_super_remove_dead_groups_(place->folder);
    for (size_t i = 0; i < MD_ARRAY_LEN(names); i++)
        assert_true(is_there(place, names[i]));
    md_super_remove_dead_groups_("/no/such/folder");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_place, remove_place)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(groups_of_dead_runs_go_with_what_is_in_them),
        TEST(a_group_that_is_not_empty_stays),
        TEST(nobody_elses_groups_are_touched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
