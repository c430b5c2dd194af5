/* Opening files: what is not a movie is named for what it is, and nothing else is ever opened. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "media/input.h"
#include "media/sniff.h"

static char folder[] = "/tmp/md_test_input_XXXXXX";

static int make_folder(void **state)
{
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    return md_remove_tree(folder, NULL);
}

static int open_bytes(const char *name, const void *bytes, size_t n, struct md_failure *failure)
{
    md_autofree char *path = md_path_join(folder, name);
    assert_int_equal(md_file_write_atomic(path, bytes, n, NULL), MD_OK);
    md_autoinput input = NULL;
    *failure = (struct md_failure){0};
    return md_input_open(path, NULL, NULL, &input, failure);
}

static void check_refused(const char *name, const void *bytes, size_t n, int code,
                          const char *words)
{
    struct md_failure failure;
    assert_int_equal(open_bytes(name, bytes, n, &failure), code);
    assert_int_equal(failure.code, code);
    if (!strstr(failure.message, name) || !strstr(failure.message, words))
        fail_msg("\"%s\" lacks \"%s\" or \"%s\"", failure.message, name, words);
}

static void files_that_are_no_movies_are_named_for_what_they_are(void **state)
{
    static const char zeros[100000];
    static const char playlist[] = "#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n";
    static const char concat[] = "ffconcat version 1.0\nfile '/etc/passwd'\n";
    static const char zip[200] = "PK\3\4";
    static const char png[200] = "\x89PNG\r\n\x1a\n";
    check_refused("empty.mp4", "", 0, MD_ERR_INPUT, "is empty");
    check_refused("text.mp4", "Call me Ishmael.\n", 17, MD_ERR_UNSUPPORTED, "holds text");
    check_refused("latin.mp4", "Caf\xe9 cr\xe8me\n", 11, MD_ERR_UNSUPPORTED, "holds text");
    check_refused("list.ts", playlist, sizeof playlist - 1, MD_ERR_UNSUPPORTED, "playlist");
    check_refused("concat.mkv", concat, sizeof concat - 1, MD_ERR_UNSUPPORTED, "playlist");
    check_refused("zip.avi", zip, sizeof zip, MD_ERR_UNSUPPORTED, "ZIP archive");
    check_refused("png.mp4", png, sizeof png, MD_ERR_UNSUPPORTED, "PNG picture");
    check_refused("zeros.mkv", zeros, sizeof zeros, MD_ERR_INPUT, "zeros");
}

static void a_movie_without_its_index_is_called_cut_off(void **state)
{
    /* ftyp of 24 bytes, then an mdat that claims 1 MiB of which 1000 bytes are there */
    char bytes[24 + 1008] = {0,   0,   0, 24, 'f', 't', 'y', 'p', 'i', 's', 'o',
                             'm', 0,   0, 2,  0,   'i', 's', 'o', 'm', 'm', 'p',
                             '4', '1', 0, 16, 0,   0,   'm', 'd', 'a', 't'};
    check_refused("cut.mp4", bytes, sizeof bytes, MD_ERR_INPUT, "index (moov) is missing");
}

static void folders_pipes_and_missing_files_are_refused_without_waiting(void **state)
{
    struct md_failure failure = {0};
    md_autoinput input = NULL;
    assert_int_equal(md_input_open(folder, NULL, NULL, &input, &failure), MD_ERR_UNSUPPORTED);
    assert_non_null(strstr(failure.message, "folder"));
    md_autofree char *pipe_path = md_path_join(folder, "pipe.mp4");
    assert_int_equal(mkfifo(pipe_path, 0600), 0);
    assert_int_equal(md_input_open(pipe_path, NULL, NULL, &input, &failure), MD_ERR_UNSUPPORTED);
    assert_non_null(strstr(failure.message, "pipe"));
    md_autofree char *missing = md_path_join(folder, "missing.mp4");
    assert_int_equal(md_input_open(missing, NULL, NULL, &input, &failure), MD_ERR_NOTFOUND);
    assert_null(input);
}

static bool always(void *user)
{
    return true;
}

static void opening_can_be_cancelled(void **state)
{
    md_autofree char *path = md_path_join(folder, "cancel.mp4");
    static const char bytes[64] = {0, 0, 0, 24, 'f', 't', 'y', 'p', 'i', 's', 'o', 'm'};
    assert_int_equal(md_file_write_atomic(path, bytes, sizeof bytes, NULL), MD_OK);
    struct md_failure failure = {0};
    md_autoinput input = NULL;
    assert_int_equal(md_input_open(path, always, NULL, &input, &failure), MD_ERR_CANCELLED);
}

static void movie_times_survive_the_way_to_a_time_base_and_back(void **state)
{
    static const AVRational bases[] = {{1, 90000}, {1, 1000}, {1001, 60000}, {1, 48000}, {1, 25}};
    static const int64_t zeros[] = {0, 1400000, -21333, 95443717688};
    for (size_t b = 0; b < MD_ARRAY_LEN(bases); b++)
        for (size_t z = 0; z < MD_ARRAY_LEN(zeros); z++)
            for (int64_t ts = -1000; ts < INT64_C(1) << 40; ts = ts * 3 / 2 + 701) {
                int64_t us = md_input_movie_us(ts, bases[b], zeros[z]);
                assert_int_equal(md_input_timestamp(us, bases[b], zeros[z]), ts);
            }
    assert_int_equal(md_input_movie_us(AV_NOPTS_VALUE, bases[0], 5), AV_NOPTS_VALUE);
    assert_int_equal(md_input_movie_us(90000, bases[0], 400000), 600000);
    assert_int_equal(md_input_movie_us(INT64_MAX, (AVRational){1000, 1}, -5), AV_NOPTS_VALUE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_that_are_no_movies_are_named_for_what_they_are),
        cmocka_unit_test(a_movie_without_its_index_is_called_cut_off),
        cmocka_unit_test(folders_pipes_and_missing_files_are_refused_without_waiting),
        cmocka_unit_test(opening_can_be_cancelled),
        cmocka_unit_test(movie_times_survive_the_way_to_a_time_base_and_back),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
