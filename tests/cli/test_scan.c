/* From paths to movies: content before names, hostile names, no digest of a digest. */
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
#include "cli/scan.h"

static const char matroska[] = "\x1A\x45\xDF\xA3 and more";

static void put(const char *folder, const char *name, const char *text, size_t n)
{
    md_autofree char *path = md_path_join(folder, name);
    assert_int_equal(md_file_write_atomic(path, text, n, NULL), MD_OK);
}

static char *make_folder(const char *parent, const char *name)
{
    char *path = md_path_join(parent, name);
    assert_int_equal(md_mkdir_p(path, NULL), MD_OK);
    return path;
}

static int setup(void **state)
{
    char template[] = "/tmp/md-scan-XXXXXX";
    *state = mkdtemp(template) ? strdup(template) : NULL;
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    md_remove_tree(*state, NULL);
    free(*state);
    return 0;
}

static void folders_give_what_is_a_movie_by_content_or_name_and_nothing_else(void **state)
{
    const char *root = *state;
    md_autofree char *deep = make_folder(root, "a/b/c");
    md_autofree char *hidden = make_folder(root, ".trash");
    md_autofree char *output = make_folder(root, "out");
    md_autofree char *old = make_folder(root, "old digest");
    put(root, "recording", matroska, sizeof matroska);
    put(root, "empty.mp4", "", 0);
    put(root, "notes.txt", "hello", 5);
    put(root, "cover.heic",
        "\0\0\0\x18"
        "ftypheic",
        12);
    put(deep, "film \n\"x\" \xff.mkv", matroska, sizeof matroska);
    put(hidden, "gone.mkv", matroska, sizeof matroska);
    put(output, "digest.mp4", "x", 1);
    put(old, "digest.mp4", "x", 1);
    put(old, MD_SCAN_STAMP, "0000000000000000\n", 17);
    struct md_scan scan;
    const char *paths[] = {root, root};
    assert_int_equal(md_scan_paths(paths, 2, output, &scan), MD_OK);
    assert_int_equal(scan.errors.n, 0);
    assert_int_equal(scan.movies.n, 3);
    assert_string_equal(md_path_base(scan.movies.v[0].path), "film \n\"x\" \xff.mkv");
    assert_string_equal(md_path_base(scan.movies.v[1].path), "empty.mp4");
    assert_string_equal(md_path_base(scan.movies.v[2].path), "recording");
    assert_false(scan.movies.v[0].named);
    md_scan_done(&scan);
}

static void paths_that_cannot_be_read_are_named_and_the_others_go_on(void **state)
{
    const char *root = *state;
    put(root, "a.mkv", matroska, sizeof matroska);
    md_autofree char *file = md_path_join(root, "a.mkv");
    md_autofree char *missing = md_path_join(root, "missing.mkv");
    md_autofree char *fifo = md_path_join(root, "pipe.mkv");
    assert_int_equal(mkfifo(fifo, 0600), 0);
    struct md_scan scan;
    const char *paths[] = {missing, fifo, file};
    assert_int_equal(md_scan_paths(paths, 3, "/nonexistent", &scan), MD_OK);
    assert_int_equal(scan.movies.n, 1);
    assert_true(scan.movies.v[0].named);
    assert_int_equal(scan.errors.n, 2);
    assert_non_null(strstr(scan.errors.v[0].failure.message, "missing.mkv"));
    assert_non_null(strstr(scan.errors.v[1].failure.message, "neither a file nor a folder"));
    md_scan_done(&scan);
}

static void movies_of_one_name_get_folders_of_their_own_in_every_run(void **state)
{
    const char *root = *state;
    md_autofree char *a = make_folder(root, "a"), *b = make_folder(root, "b");
    md_autofree char *output = make_folder(root, "out");
    put(a, "film.mkv", matroska, sizeof matroska);
    put(b, "film.mkv", matroska, sizeof matroska);
    struct md_scan both, second;
    const char *paths[] = {a, b};
    assert_int_equal(md_scan_paths(paths, 2, output, &both), MD_OK);
    assert_int_equal(both.movies.n, 2);
    assert_string_not_equal(both.movies.v[0].out_dir, both.movies.v[1].out_dir);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(md_scan_claim(&both.movies.v[i], NULL), MD_OK);
    assert_int_equal(md_scan_paths(paths + 1, 1, output, &second), MD_OK);
    assert_int_equal(second.movies.n, 1);
    assert_string_equal(second.movies.v[0].out_dir, both.movies.v[1].out_dir);
    md_scan_done(&both);
    md_scan_done(&second);
}

static void folder_names_are_safe_whatever_the_movie_is_called(void **state)
{
    static const char *const cases[][2] = {
        {"/m/Night Train (2020).mkv", "Night Train (2020)"},
        {"...mkv", "movie"},
        {"..", "movie"},
        {"-rf.mp4", "_rf"},
        {".hidden", "_hidden"},
        {"a:b?c*.mkv", "a_b_c_"},
        {"tab\tname .mkv", "tab name"},
        {"\xff\xfe.mkv", "\xEF\xBF\xBD\xEF\xBF\xBD"},
    };
    for (size_t i = 0; i < MD_ARRAY_LEN(cases); i++) {
        md_autofree char *name = md_scan_folder_name(cases[i][0]);
        assert_string_equal(name, cases[i][1]);
    }
    char longest[300];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    md_autofree char *name = md_scan_folder_name(longest);
    assert_true(strlen(name) < 200);
}

static void transport_streams_are_known_by_their_rhythm(void **state)
{
    unsigned char bytes[2048] = {0};
    for (size_t at = 0; at < sizeof bytes; at += 188)
        bytes[at] = 0x47;
    assert_true(md_scan_looks_like_movie(bytes, sizeof bytes));
    bytes[188] = 0;
    assert_false(md_scan_looks_like_movie(bytes, sizeof bytes));
    assert_false(md_scan_looks_like_movie(bytes, 0));
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(folders_give_what_is_a_movie_by_content_or_name_and_nothing_else),
        IN_FOLDER(paths_that_cannot_be_read_are_named_and_the_others_go_on),
        IN_FOLDER(movies_of_one_name_get_folders_of_their_own_in_every_run),
        cmocka_unit_test(folder_names_are_safe_whatever_the_movie_is_called),
        cmocka_unit_test(transport_streams_are_known_by_their_rhythm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
