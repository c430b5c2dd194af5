/* Files are whole or absent; folders, paths and identities behave on hostile names. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/file.h"

static int setup(void **state)
{
    char template[] = "/tmp/md-file-XXXXXX";
    *state = mkdtemp(template) ? strdup(template) : NULL;
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    md_remove_tree(*state, NULL);
    free(*state);
    return 0;
}

static void what_is_written_is_read_back_and_no_temporary_file_stays(void **state)
{
    md_autofree char *path = md_path_join(*state, "a \n \xff.json");
    md_autofree char *temp = NULL, *text = NULL;
    size_t n = 0;
    assert_int_equal(md_file_write_atomic(path, "one", 3, NULL), MD_OK);
    assert_int_equal(md_file_write_atomic(path, "second", 6, NULL), MD_OK);
    assert_int_equal(md_file_read(path, 100, &text, &n, NULL), MD_OK);
    assert_int_equal(n, 6);
    assert_string_equal(text, "second");
    assert_int_equal(md_file_temp_name(path, &temp), MD_OK);
    assert_int_not_equal(access(temp, F_OK), 0);
}

static void a_failed_write_leaves_the_old_file_and_no_rest(void **state)
{
    md_autofree char *folder = md_path_join(*state, "sub");
    md_autofree char *path = md_path_join(folder, "x");
    struct md_failure failure = {0};
    assert_int_equal(md_file_write_atomic(path, "x", 1, &failure), MD_ERR_NOTFOUND);
    assert_non_null(strstr(failure.message, "sub/x"));
    /* A full disk, for real. */
    if (access("/dev/full", W_OK) == 0) {
        assert_int_equal(md_file_append("/dev/full", "x", 1, &failure), MD_ERR_NOSPACE);
        assert_non_null(strstr(failure.message, "No space left"));
    }
}

static void reading_is_bounded_and_refuses_what_is_no_file(void **state)
{
    md_autofree char *path = md_path_join(*state, "big");
    md_autofree char *fifo = md_path_join(*state, "fifo");
    char *text = NULL;
    assert_int_equal(md_file_write_atomic(path, "123456", 6, NULL), MD_OK);
    assert_int_equal(md_file_read(path, 5, &text, NULL, NULL), MD_ERR_INPUT);
    assert_int_equal(md_file_read(*state, 5, &text, NULL, NULL), MD_ERR_INPUT);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_int_equal(md_file_read(fifo, 5, &text, NULL, NULL), MD_ERR_INPUT);
    assert_null(text);
}

static void folders_are_made_along_the_path_but_never_over_a_file(void **state)
{
    md_autofree char *deep = md_path_join(*state, "a/b/c/");
    md_autofree char *file = md_path_join(*state, "f");
    md_autofree char *below = md_path_join(file, "g");
    struct stat st;
    assert_int_equal(md_mkdir_p(deep, NULL), MD_OK);
    assert_int_equal(md_mkdir_p(deep, NULL), MD_OK);
    assert_int_equal(stat(deep, &st), 0);
    assert_int_equal(md_file_write_atomic(file, "", 0, NULL), MD_OK);
    assert_int_equal(md_mkdir_p(below, NULL), MD_ERR_INPUT);
}

static void removing_a_tree_does_not_follow_links_out_of_it(void **state)
{
    md_autofree char *inside = md_path_join(*state, "in");
    md_autofree char *outside = md_path_join(*state, "out");
    md_autofree char *link_path = md_path_join(inside, "link");
    md_autofree char *kept = md_path_join(outside, "kept");
    assert_int_equal(md_mkdir_p(inside, NULL), MD_OK);
    assert_int_equal(md_mkdir_p(outside, NULL), MD_OK);
    assert_int_equal(md_file_write_atomic(kept, "", 0, NULL), MD_OK);
    assert_int_equal(symlink(outside, link_path), 0);
    assert_int_equal(md_remove_tree(inside, NULL), MD_OK);
    assert_int_not_equal(access(inside, F_OK), 0);
    assert_int_equal(access(kept, F_OK), 0);
    assert_int_equal(md_remove_tree(inside, NULL), MD_OK);
}

static void identity_follows_content_and_time(void **state)
{
    md_autofree char *path = md_path_join(*state, "movie");
    struct md_file_identity a, b;
    char bytes[200000];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 7);
    assert_int_equal(md_file_write_atomic(path, bytes, sizeof bytes, NULL), MD_OK);
    assert_int_equal(md_file_identify(path, &a, NULL), MD_OK);
    assert_int_equal(a.size_bytes, sizeof bytes);
    assert_int_equal(md_file_identify(path, &b, NULL), MD_OK);
    assert_memory_equal(&a, &b, sizeof a);
    bytes[sizeof bytes - 1] ^= 1;
    assert_int_equal(md_file_write_atomic(path, bytes, sizeof bytes, NULL), MD_OK);
    assert_int_equal(md_file_identify(path, &b, NULL), MD_OK);
    assert_true(a.sample_hash != b.sample_hash);
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(what_is_written_is_read_back_and_no_temporary_file_stays),
        IN_FOLDER(a_failed_write_leaves_the_old_file_and_no_rest),
        IN_FOLDER(reading_is_bounded_and_refuses_what_is_no_file),
        IN_FOLDER(folders_are_made_along_the_path_but_never_over_a_file),
        IN_FOLDER(removing_a_tree_does_not_follow_links_out_of_it),
        IN_FOLDER(identity_follows_content_and_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
