/* Model files are foreign bytes: what is whole is read, what is not is refused, nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "infer/model_file.h"

static char *model_path(const char *name)
{
    return md_path_join(getenv("MOVIEDIGEST_TEST_MODELS"), name);
}

static int read_bytes(const void *bytes, size_t n, struct md_model_file *file)
{
    char path[] = "/tmp/moviedigest-model-XXXXXX";
    struct md_failure failure = {0};
    md_autoclose int fd = mkstemp(path);
    assert_int_equal(write(fd, bytes, n), n);
    int r = md_model_file_read(path, file, &failure);
    unlink(path);
    return r;
}

static void a_whisper_model_tells_its_sizes(void **state)
{
    struct md_model_file file;
    struct md_failure failure = {0};
    md_autofree char *path = model_path("whisper-script.bin");
    (void)state;
    assert_int_equal(md_model_file_read(path, &file, &failure), MD_OK);
    assert_int_equal(file.kind, MD_MODEL_WHISPER);
    assert_true(file.multilingual);
    assert_int_equal(file.layers, 1);
    assert_int_equal(file.width, 64);
    assert_string_equal(file.quantisation, "F16");
}

static void a_file_cut_off_anywhere_is_refused(void **state)
{
    struct md_model_file file;
    struct md_failure failure = {0};
    md_autofree char *path = model_path("whisper-script.bin");
    md_autofree char *bytes = NULL;
    size_t n = 0;
    (void)state;
    assert_int_equal(md_file_read(path, 1 << 28, &bytes, &n, &failure), MD_OK);
    for (size_t cut = 0; cut < n; cut += cut < 200 ? 1 : n / 23)
        assert_int_equal(read_bytes(bytes, cut, &file), MD_ERR_INPUT);
    assert_int_equal(read_bytes(bytes, n - 1, &file), MD_ERR_INPUT);
    md_autofree char *cut_off = model_path("whisper-cut-off.bin");
    assert_int_equal(md_model_file_read(cut_off, &file, &failure), MD_ERR_INPUT);
    assert_non_null(strstr(failure.message, "fetch it again"));
}

static size_t put(char *bytes, size_t at, const void *value, size_t n)
{
    memcpy(bytes + at, value, n);
    return at + n;
}

static size_t put_text(char *bytes, size_t at, const char *text)
{
    uint64_t n = strlen(text);
    return put(bytes, put(bytes, at, &n, 8), text, n);
}

static size_t put_number(char *bytes, size_t at, const char *key, uint32_t value)
{
    uint32_t type = 4;
    at = put_text(bytes, at, key);
    at = put(bytes, at, &type, 4);
    return put(bytes, at, &value, 4);
}

/* A GGUF file with one tensor of 64 x 32 f16. */
static size_t make_gguf(char *bytes)
{
    const uint32_t version = 3, text = 8, two = 2, f16 = 1;
    const uint64_t tensors = 1, pairs = 6, columns = 64, rows = 32, zero = 0;
    size_t at = put(bytes, 0, "GGUF", 4);
    at = put(bytes, at, &version, 4);
    at = put(bytes, at, &tensors, 8);
    at = put(bytes, at, &pairs, 8);
    at = put_text(bytes, at, "general.architecture");
    at = put(bytes, at, &text, 4);
    at = put_text(bytes, at, "qwen2");
    at = put_number(bytes, at, "general.file_type", 15);
    at = put_number(bytes, at, "qwen2.block_count", 28);
    at = put_number(bytes, at, "qwen2.embedding_length", 3584);
    at = put_number(bytes, at, "qwen2.context_length", 32768);
    at = put_number(bytes, at, "qwen2.attention.head_count", 28);
    at = put_text(bytes, at, "token_embd.weight");
    at = put(bytes, at, &two, 4);
    at = put(bytes, at, &columns, 8);
    at = put(bytes, at, &rows, 8);
    at = put(bytes, at, &f16, 4);
    at = put(bytes, at, &zero, 8);
    at = (at + 31) / 32 * 32;
    memset(bytes + at, 1, 64 * 32 * 2);
    return at + 64 * 32 * 2;
}

static void a_gguf_file_tells_what_a_context_takes(void **state)
{
    static char bytes[8192];
    struct md_model_file file;
    struct md_model_memory full, small;
    (void)state;
    size_t n = make_gguf(bytes);
    assert_int_equal(read_bytes(bytes, n, &file), MD_OK);
    assert_string_equal(file.architecture, "qwen2");
    assert_string_equal(file.quantisation, "Q4_K_M");
    assert_int_equal(file.key_length, 128);
    md_model_file_memory(&file, 4096, false, &full);
    md_model_file_memory(&file, 4096, true, &small);
    assert_int_equal(full.unit_bytes, INT64_C(4096) * 28 * 28 * 256 * 2);
    assert_int_equal(small.unit_bytes, full.unit_bytes / 64 * 34);
}

static void no_byte_of_a_header_makes_it_crash(void **state)
{
    static char bytes[8192];
    struct md_model_file file;
    (void)state;
    size_t n = make_gguf(bytes);
    for (size_t i = 0; i < n && i < 500; i++) {
        static const unsigned char values[] = {0, 1, 0x7f, 0xff};
        for (size_t k = 0; k < sizeof values; k++) {
            char kept = bytes[i];
            bytes[i] = (char)values[k];
            int r = read_bytes(bytes, n, &file);
            assert_true(r == MD_OK || r == MD_ERR_INPUT);
            bytes[i] = kept;
        }
    }
    for (size_t cut = 4; cut < n; cut += 13)
        assert_int_equal(read_bytes(bytes, cut, &file), MD_ERR_INPUT);
}

/* Facts measured with the real files: a state takes 543 MB for large-v3 and 250 MB for turbo. */
static void states_of_whisper_are_known_within_a_tenth(void **state)
{
    struct md_model_file file = {.kind = MD_MODEL_WHISPER, .width = 1280, .text_width = 1280};
    struct md_model_memory memory;
    (void)state;
    file.text_layers = 32;
    md_model_file_memory(&file, 0, false, &memory);
    assert_in_range(memory.unit_bytes, 543000000 / 10 * 9, 543000000 / 10 * 11);
    file.text_layers = 4;
    md_model_file_memory(&file, 0, false, &memory);
    assert_in_range(memory.unit_bytes, 250000000 / 10 * 9, 250000000 / 10 * 11);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whisper_model_tells_its_sizes),
        cmocka_unit_test(a_file_cut_off_anywhere_is_refused),
        cmocka_unit_test(a_gguf_file_tells_what_a_context_takes),
        cmocka_unit_test(no_byte_of_a_header_makes_it_crash),
        cmocka_unit_test(states_of_whisper_are_known_within_a_tenth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
