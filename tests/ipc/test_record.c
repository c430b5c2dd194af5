/* Records survive the wire whole, in any slicing, and whatever else comes is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ipc/record.h"

/* Parses bytes that sit at the very end of their allocation, so that ASan sees any overrun. */
static int parse_exact(const char *bytes, size_t n, struct md_record_view *ret_view,
                       char **ret_copy)
{
    *ret_copy = malloc(n ? n : 1);
    memcpy(*ret_copy, bytes, n);
    return md_record_parse(*ret_copy, n, ret_view);
}

static void values_come_back_byte_for_byte(void **state)
{
    md_autorecord record = {0};
    char any[256];
    for (int i = 0; i < 255; i++)
        any[i] = (char)(i + 1);
    any[255] = '\0';
    const char *frame;
    size_t size;
    for (int round = 0; round < 2; round++) { /* the second time in used memory */
        md_record_begin(&record, "job");
        md_record_add(&record, "movie", any);
        md_record_add(&record, "empty", "");
        md_record_add_int(&record, "low", INT64_MIN);
        md_record_add_int(&record, "high", INT64_MAX);
        assert_int_equal(md_record_finish(&record, &frame, &size), MD_OK);
    }
    struct md_record_view view;
    assert_int_equal(md_record_parse(frame + MD_FRAME_HEADER, size - MD_FRAME_HEADER, &view),
                     MD_OK);
    assert_string_equal(view.type, "job");
    assert_string_equal(md_record_get(&view, "movie"), any);
    assert_string_equal(md_record_get(&view, "empty"), "");
    assert_null(md_record_get(&view, "absent"));
    int64_t value = 1;
    assert_int_equal(md_record_get_int(&view, "low", INT64_MIN, INT64_MAX, &value), MD_OK);
    assert_true(value == INT64_MIN);
    assert_int_equal(md_record_get_int(&view, "high", INT64_MIN, INT64_MAX, &value), MD_OK);
    assert_true(value == INT64_MAX);
}

static void numbers_outside_their_range_or_not_numbers_are_refused(void **state)
{
    static const char *const bad[] = {
        "", " 1", "+1", "1 ", "1x", "0x1", "-", "99999999999999999999", "11", "-1", "one", NULL};
    md_autorecord record = {0};
    for (int i = 0; bad[i]; i++) {
        const char *frame;
        size_t size;
        int64_t value = 7;
        struct md_record_view view;
        md_record_begin(&record, "done");
        md_record_add(&record, "n", bad[i]);
        assert_int_equal(md_record_finish(&record, &frame, &size), MD_OK);
        assert_int_equal(md_record_parse(frame + MD_FRAME_HEADER, size - MD_FRAME_HEADER, &view),
                         MD_OK);
        assert_int_equal(md_record_get_int(&view, "n", 0, 10, &value), MD_ERR_INPUT);
        assert_int_equal(md_record_get_int(&view, "m", 0, 10, &value), MD_ERR_NOTFOUND);
        assert_int_equal(value, 7);
    }
}

static void malformed_records_are_refused(void **state)
{
    static const struct {
        const char *bytes;
        size_t n;
    } bad[] = {
        {"", 0},
        {"\0", 1},
        {"job", 3},
        {"job\0key", 7},
        {"job\0key\0", 8},
        {"job\0\0value", 9},
        {"job\0\0value\0", 11},
        {"job\0key\0value", 13},
        {"Job\0", 4},
        {"jo b\0", 5},
        {"job\0k=y\0v\0", 10},
        {"abcdefghijklmnopqrstuvwxyzabcdefg\0", 34},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct md_record_view view;
        char *copy;
        assert_int_equal(parse_exact(bad[i].bytes, bad[i].n, &view, &copy), MD_ERR_INPUT);
        free(copy);
    }
    char *large = calloc(1, MD_RECORD_MAX + 1);
    struct md_record_view view;
    memset(large, 'a', 5);
    assert_int_equal(md_record_parse(large, MD_RECORD_MAX + 1, &view), MD_ERR_INPUT);
    free(large);
}

static void a_record_too_long_is_not_sent(void **state)
{
    md_autorecord record = {0};
    char *text = malloc(MD_RECORD_MAX + 1);
    memset(text, 'x', MD_RECORD_MAX);
    text[MD_RECORD_MAX] = '\0';
    const char *frame;
    size_t size;
    md_record_begin(&record, "log");
    md_record_add(&record, "message", text);
    assert_int_equal(md_record_finish(&record, &frame, &size), MD_ERR_INPUT);
    text[MD_RECORD_MAX - 4 - 8 - 1] = '\0'; /* type, key and NULs: exactly the limit */
    md_record_begin(&record, "log");
    md_record_add(&record, "message", text);
    assert_int_equal(md_record_finish(&record, &frame, &size), MD_OK);
    assert_int_equal(size, MD_FRAME_HEADER + MD_RECORD_MAX);
    free(text);
}

static void the_reader_gives_the_same_records_in_any_slicing(void **state)
{
    struct md_str stream = {0};
    md_autorecord record = {0};
    enum { RECORDS = 200 };
    srand(1);
    for (int i = 0; i < RECORDS; i++) {
        const char *frame;
        size_t size;
        static char filler[40000];
        size_t n = (size_t)rand() % (i % 10 == 0 ? sizeof filler : 100);
        memset(filler, 'a' + i % 26, n);
        filler[n] = '\0';
        md_record_begin(&record, "log");
        md_record_add_int(&record, "n", i);
        md_record_add(&record, "filler", filler);
        assert_int_equal(md_record_finish(&record, &frame, &size), MD_OK);
        md_str_append_n(&stream, frame, size);
    }
    for (int round = 0; round < 5; round++) {
        struct md_frame_reader reader = {0};
        size_t fed = 0;
        int seen = 0;
        while (seen < RECORDS) {
            struct md_record_view view;
            int64_t n;
            int r = md_frame_next(&reader, &view);
            assert_true(r >= 0);
            if (r == 1) {
                assert_int_equal(md_record_get_int(&view, "n", 0, RECORDS, &n), MD_OK);
                assert_int_equal(n, seen);
                const char *filler = md_record_get(&view, "filler");
                assert_true(!*filler || *filler == 'a' + seen % 26);
                seen++;
                continue;
            }
            char *room;
            size_t size;
            assert_int_equal(md_frame_room(&reader, &room, &size), MD_OK);
            assert_true(size > 0);
            size_t slice = round == 0 ? 1 : 1 + (size_t)rand() % (round == 1 ? 7 : 100000);
            slice = slice < size ? slice : size;
            slice = slice < stream.n - fed ? slice : stream.n - fed;
            assert_true(slice > 0);
            memcpy(room, stream.s + fed, slice);
            md_frame_filled(&reader, slice);
            fed += slice;
        }
        assert_int_equal(fed, stream.n);
        md_frame_reader_done(&reader);
    }
    md_str_done(&stream);
}

static void a_frame_that_claims_too_much_is_refused_at_its_header(void **state)
{
    static const unsigned char headers[][4] = {
        {0, 0, 0, 0}, {1, 0, 1, 0}, {0xFF, 0xFF, 0xFF, 0xFF}, {0, 0, 0, 0x80}};
    for (int i = 0; i < 4; i++) {
        struct md_frame_reader reader = {0};
        struct md_record_view view;
        char *room;
        size_t size;
        assert_int_equal(md_frame_next(&reader, &view), 0);
        assert_int_equal(md_frame_room(&reader, &room, &size), MD_OK);
        memcpy(room, headers[i], 4);
        md_frame_filled(&reader, 4);
        assert_int_equal(md_frame_next(&reader, &view), MD_ERR_INPUT);
        md_frame_reader_done(&reader);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_come_back_byte_for_byte),
        cmocka_unit_test(numbers_outside_their_range_or_not_numbers_are_refused),
        cmocka_unit_test(malformed_records_are_refused),
        cmocka_unit_test(a_record_too_long_is_not_sent),
        cmocka_unit_test(the_reader_gives_the_same_records_in_any_slicing),
        cmocka_unit_test(a_frame_that_claims_too_much_is_refused_at_its_header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
