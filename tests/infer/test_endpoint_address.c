/* Where a server is, and the key to it: what is taken, what is refused, and that no key is ever
 * repeated in a message. */
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
#include "infer/endpoint_address.h"

static void addresses_are_taken_with_and_without_a_path(void **state)
{
    static const struct {
        const char *url, *base, *root;
        bool secure, local;
    } rows[] = {
        {"http://127.0.0.1:11434", "http://127.0.0.1:11434/v1", "http://127.0.0.1:11434", false,
         true},
        {"http://localhost:8080/v1/", "http://localhost:8080/v1", "http://localhost:8080", false,
         true},
        {"http://[::1]:8080/v1", "http://[::1]:8080/v1", "http://[::1]:8080", false, true},
        {"HTTPS://api.example.org", "HTTPS://api.example.org/v1", "HTTPS://api.example.org", true,
         false},
        {"https://example.org/api/v1", "https://example.org/api/v1", "https://example.org/api",
         true, false},
        {"https://example.org/openai", "https://example.org/openai", "https://example.org/openai",
         true, false},
        {"http://127.0.0.1.example.org", "http://127.0.0.1.example.org/v1",
         "http://127.0.0.1.example.org", false, false},
        {"http://192.168.0.7:1", "http://192.168.0.7:1/v1", "http://192.168.0.7:1", false, false},
    };
    (void)state;
    for (size_t i = 0; i < MD_ARRAY_LEN(rows); i++) {
        struct md_endpoint_address address;
        assert_int_equal(md_endpoint_address_parse(rows[i].url, &address, NULL), MD_OK);
        assert_string_equal(address.base, rows[i].base);
        assert_string_equal(address.root, rows[i].root);
        assert_int_equal(address.secure, rows[i].secure);
        assert_int_equal(address.local, rows[i].local);
        md_endpoint_address_done(&address);
    }
}

static void what_is_no_address_is_refused_without_repeating_it(void **state)
{
    static const char *const urls[] = {"",
                                       "127.0.0.1:8080",
                                       "ftp://example.org",
                                       "file:///etc/passwd",
                                       "http://",
                                       "http:///v1",
                                       "http://:80",
                                       "http://host:0",
                                       "http://host:65536",
                                       "http://host:8x",
                                       "http://[::1",
                                       "http://user:secret@host/v1",
                                       "http://secret@host",
                                       "http://host/v1?key=secret",
                                       "http://host/#secret",
                                       "http://host/a b",
                                       "http://host/\n",
                                       "http://h\xc3\xb6st/",
                                       "http://host\\@secret/"};
    (void)state;
    for (size_t i = 0; i < MD_ARRAY_LEN(urls); i++) {
        struct md_endpoint_address address;
        struct md_failure failure = {0};
        if (md_endpoint_address_parse(urls[i], &address, &failure) != MD_ERR_INPUT)
            fail_msg("%s was taken", urls[i]);
        assert_null(strstr(failure.message, "secret"));
    }
    md_autofree char *all = calloc(1, 3001);
    struct md_endpoint_address address;
    memset(all, 'a', 3000);
    memcpy(all, "http://", 7);
    assert_int_equal(md_endpoint_address_parse(all, &address, NULL), MD_ERR_INPUT);
}

static void write_key(const char *path, const char *text, mode_t mode)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    assert_int_equal(chmod(path, mode), 0);
}

static void a_key_file_is_for_nobody_else(void **state)
{
    char folder[] = "/tmp/md-key-XXXXXX", path[64];
    char *key = NULL;
    struct md_failure failure = {0};
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/key", folder);
    assert_int_equal(md_endpoint_key_read(path, &key, &failure), MD_ERR_NOTFOUND);
    assert_int_equal(md_endpoint_key_read(folder, &key, &failure), MD_ERR_INPUT);
    write_key(path, "sk-secret-1\n", 0600);
    assert_int_equal(md_endpoint_key_read(path, &key, &failure), MD_OK);
    assert_string_equal(key, "sk-secret-1");
    md_endpoint_key_free(key);
    for (mode_t mode = 0604; mode; mode = mode == 0604 ? 0640 : mode == 0640 ? 0602 : 0) {
        chmod(path, mode);
        assert_int_equal(md_endpoint_key_read(path, &key, &failure), MD_ERR_INPUT);
        assert_non_null(strstr(failure.message, "chmod 600"));
        assert_null(strstr(failure.message, "secret"));
    }
    static const char *const bad[] = {"", "\n", "sk secret", "sk-secret\r\nX-Evil: 1",
                                      "k\xc3\xa4y"};
    for (size_t i = 0; i < MD_ARRAY_LEN(bad); i++) {
        write_key(path, bad[i], 0600);
        assert_int_equal(md_endpoint_key_read(path, &key, &failure), MD_ERR_INPUT);
        assert_null(strstr(failure.message, "secret"));
    }
    md_autofree char *large = calloc(1, 6001);
    memset(large, 'k', 6000);
    write_key(path, large, 0600);
    assert_int_equal(md_endpoint_key_read(path, &key, &failure), MD_ERR_INPUT);
    unlink(path);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_taken_with_and_without_a_path),
        cmocka_unit_test(what_is_no_address_is_refused_without_repeating_it),
        cmocka_unit_test(a_key_file_is_for_nobody_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
