/* Model files are foreign bytes: what is whole is read, what is not is refused, nothing else. */
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

/* ---- GGUF files of headers ---- */

struct gguf {
    char bytes[16384];
    size_t n;
    uint64_t pairs;
    uint32_t version;
    uint64_t tensors, claimed; /* claimed: what the header says instead, 0 the truth */
    bool cut;                  /* without the tensor's last byte */
};

static void put(struct gguf *g, const void *value, size_t n)
{
    assert_true(g->n + n <= sizeof g->bytes);
    memcpy(g->bytes + g->n, value, n);
    g->n += n;
}

static void put_u32(struct gguf *g, uint32_t value)
{
    put(g, &value, sizeof value);
}

static void put_u64(struct gguf *g, uint64_t value)
{
    put(g, &value, sizeof value);
}

static void put_text(struct gguf *g, const char *text)
{
    put_u64(g, strlen(text));
    put(g, text, strlen(text));
}

static void put_string(struct gguf *g, const char *key, const char *value)
{
    put_text(g, key);
    put_u32(g, 8);
    put_text(g, value);
    g->pairs++;
}

static void put_number(struct gguf *g, const char *key, uint32_t value)
{
    put_text(g, key);
    put_u32(g, 4);
    put_u32(g, value);
    g->pairs++;
}

static void put_words(struct gguf *g, const char *key, int count)
{
    put_text(g, key);
    put_u32(g, 9);
    put_u32(g, 8);
    put_u64(g, (uint64_t)count);
    for (int i = 0; i < count; i++)
        put_text(g, i % 2 ? "en" : "de");
    g->pairs++;
}

static void begin(struct gguf *g)
{
    *g = (struct gguf){.n = 24, .version = 3, .tensors = 1};
}

/* What an instruct model says of itself. */
static void put_model(struct gguf *g, const char *architecture)
{
    char key[64];
    const struct {
        const char *name;
        uint32_t value;
    } rows[] = {{"block_count", 28},
                {"embedding_length", 3584},
                {"context_length", 32768},
                {"attention.head_count", 28}};
    put_string(g, "general.architecture", architecture);
    put_number(g, "general.file_type", 15);
    for (size_t i = 0; i < MD_ARRAY_LEN(rows); i++) {
        snprintf(key, sizeof key, "%s.%s", architecture, rows[i].name);
        put_number(g, key, rows[i].value);
    }
    put_words(g, "tokenizer.ggml.tokens", 4);
}

/* Ends it with tensors of 64 x 32 f16. */
static size_t finish(struct gguf *g)
{
    size_t n = g->n;
    const uint64_t tensors = g->claimed ? g->claimed : g->tensors;
    for (uint64_t i = 0; i < g->tensors; i++) {
        put_text(g, "token_embd.weight");
        put_u32(g, 2);
        put_u64(g, 64);
        put_u64(g, 32);
        put_u32(g, 1);
        put_u64(g, 0);
    }
    n = (g->n + 31) / 32 * 32 + (g->tensors ? 64 * 32 * 2 : 0);
    assert_true(n <= sizeof g->bytes);
    memcpy(g->bytes, "GGUF", 4);
    memcpy(g->bytes + 4, &g->version, 4);
    memcpy(g->bytes + 8, &tensors, 8);
    memcpy(g->bytes + 16, &g->pairs, 8);
    return n - (g->cut ? 1 : 0);
}

static size_t make_gguf(struct gguf *g)
{
    begin(g);
    put_model(g, "qwen2");
    put_words(g, "general.languages", 3);
    put_string(g, "tokenizer.chat_template", "{{ messages }}");
    return finish(g);
}

static void a_gguf_file_tells_what_a_context_takes(void **state)
{
    static struct gguf g;
    struct md_model_file file;
    struct md_model_memory full, small;
    (void)state;
    size_t n = make_gguf(&g);
    assert_int_equal(read_bytes(g.bytes, n, &file), MD_OK);
    assert_string_equal(file.architecture, "qwen2");
    assert_string_equal(file.quantisation, "Q4_K_M");
    assert_string_equal(file.languages, "de,en,de");
    assert_int_equal(file.key_length, 128);
    assert_int_equal(file.parameters, 64 * 32);
    assert_true(file.has_template);
    md_model_file_memory(&file, &(struct md_model_use){.context = 4096}, &full);
    md_model_file_memory(&file, &(struct md_model_use){.context = 4096, .small_cache = true},
                         &small);
    assert_int_equal(full.unit_bytes, INT64_C(4096) * 28 * 28 * 256 * 2);
    assert_int_equal(small.unit_bytes, full.unit_bytes / 64 * 34);
}

static void no_byte_of_a_header_makes_it_crash(void **state)
{
    static struct gguf g;
    struct md_model_file file;
    (void)state;
    size_t n = make_gguf(&g);
    for (size_t i = 0; i < n && i < 600; i++) {
        static const unsigned char values[] = {0, 1, 0x7f, 0xff};
        for (size_t k = 0; k < sizeof values; k++) {
            char kept = g.bytes[i];
            g.bytes[i] = (char)values[k];
            int r = read_bytes(g.bytes, n, &file);
            assert_true(r == MD_OK || r == MD_ERR_INPUT);
            g.bytes[i] = kept;
        }
    }
    for (size_t cut = 4; cut < n; cut += 13)
        assert_int_equal(read_bytes(g.bytes, cut, &file), MD_ERR_INPUT);
}

/* ---- files that are of no use ---- */

static void expect_refusal(const void *bytes, size_t n, const char *words)
{
    char path[] = "/tmp/moviedigest-model-XXXXXX";
    struct md_failure failure = {0};
    struct md_model_file file;
    md_autoclose int fd = mkstemp(path);
    assert_int_equal(write(fd, bytes, n), n);
    int r = md_model_file_read(path, &file, &failure);
    unlink(path);
    assert_int_equal(r, MD_ERR_INPUT);
    if (!strstr(failure.message, words))
        fail_msg("\"%s\" does not say \"%s\"", failure.message, words);
}

static void expect_gguf_refusal(struct gguf *g, const char *words)
{
    expect_refusal(g->bytes, finish(g), words);
}

static void models_that_write_no_text_are_told(void **state)
{
    static struct gguf g;
    (void)state;
    begin(&g);
    put_model(&g, "nomic-bert");
    put_string(&g, "tokenizer.chat_template", "x");
    expect_gguf_refusal(&g, "embedding");
    begin(&g);
    put_model(&g, "qwen3");
    put_string(&g, "tokenizer.chat_template", "x");
    put_number(&g, "qwen3.pooling_type", 3);
    expect_gguf_refusal(&g, "embedding");
    begin(&g);
    put_string(&g, "general.architecture", "clip");
    put_string(&g, "general.type", "mmproj");
    expect_gguf_refusal(&g, "mmproj");
    begin(&g);
    put_model(&g, "llama");
    put_string(&g, "general.type", "adapter");
    put_string(&g, "adapter.type", "lora");
    expect_gguf_refusal(&g, "LoRA");
    begin(&g);
    put_model(&g, "wavtokenizer-dec");
    expect_gguf_refusal(&g, "vocoder");
    begin(&g);
    put_string(&g, "general.architecture", "flux");
    expect_gguf_refusal(&g, "no vocabulary");
}

static void a_base_model_is_told(void **state)
{
    static struct gguf g;
    (void)state;
    begin(&g);
    put_model(&g, "llama");
    expect_gguf_refusal(&g, "no chat template");
    begin(&g);
    put_model(&g, "llama");
    g.tensors = 0;
    expect_gguf_refusal(&g, "no weights");
}

static void other_forms_are_told(void **state)
{
    static struct gguf g;
    const int32_t vad[8] = {0x67676d6c, 10}, old[12] = {0x67676d6c, 32000, 4096, 256, 32, 32, 128};
    const struct {
        const char *bytes;
        size_t n;
        const char *words;
    } rows[] = {
        {"", 0, "is empty"},
        {"<!DOCTYPE html><html>", 21, "web page"},
        {"version https://git-lfs.github.com/spec/v1\n", 43, "Git LFS"},
        {"PK\x03\x04 archive/data.pkl", 20, "PyTorch"},
        {"tjgg\3\0\0\0........", 16, "old form"},
        {"fmgg\1\0\0\0........", 16, "old form"},
        {"algg\1\0\0\0........", 16, "LoRA"},
        {"FUGG\0\0\0\3........", 16, "big-endian"},
        {"\x50\1\0\0\0\0\0\0{\"__metadata__\"", 24, "safetensors"},
        {"hello, I am a text", 18, "neither"},
        {"GGU", 3, "neither"},
        {(const char *)vad, sizeof vad, "voice (VAD)"},
        {(const char *)old, sizeof old, "old form"},
    };
    (void)state;
    for (size_t i = 0; i < MD_ARRAY_LEN(rows); i++)
        expect_refusal(rows[i].bytes, rows[i].n, rows[i].words);
    make_gguf(&g);
    g.version = 1;
    memcpy(g.bytes + 4, &g.version, 4);
    expect_refusal(g.bytes, g.n, "first form");
    g.version = 0x03000000;
    memcpy(g.bytes + 4, &g.version, 4);
    expect_refusal(g.bytes, g.n, "big-endian");
    g.version = 9;
    memcpy(g.bytes + 4, &g.version, 4);
    expect_refusal(g.bytes, g.n, "newer form");
}

static void counts_that_cannot_be_are_refused_at_once(void **state)
{
    static struct gguf g;
    const uint64_t huge = UINT64_MAX / 2;
    (void)state;
    begin(&g);
    put_model(&g, "llama");
    g.claimed = huge;
    expect_gguf_refusal(&g, "damaged");
    size_t n = make_gguf(&g);
    memcpy(g.bytes + 16, &huge, 8);
    expect_refusal(g.bytes, n, "damaged");
    begin(&g);
    put_text(&g, "tokenizer.ggml.tokens"); /* an array of so many arrays */
    put_u32(&g, 9);
    put_u32(&g, 9);
    put_u64(&g, 1 << 24);
    g.pairs = 1;
    expect_gguf_refusal(&g, "damaged");
    begin(&g);
    put_text(&g, "tokenizer.ggml.tokens");
    put_u32(&g, 9);
    put_u32(&g, 8);
    put_u64(&g, huge);
    g.pairs = 1;
    expect_gguf_refusal(&g, "damaged");
}

static void what_is_missing_of_a_download_is_told(void **state)
{
    static struct gguf g;
    (void)state;
    make_gguf(&g);
    begin(&g);
    put_model(&g, "qwen2");
    put_string(&g, "tokenizer.chat_template", "x");
    g.cut = true;
    expect_gguf_refusal(&g, "was not fetched whole");
}

static void what_is_no_file_is_told_and_never_waited_for(void **state)
{
    char folder[] = "/tmp/moviedigest-models-XXXXXX";
    struct md_model_file file;
    struct md_failure failure = {0};
    (void)state;
    assert_non_null(mkdtemp(folder));
    md_autofree char *fifo = md_path_join(folder, "fifo.gguf");
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_int_equal(md_model_file_read(fifo, &file, &failure), MD_ERR_INPUT);
    assert_int_equal(md_model_file_read(folder, &file, &failure), MD_ERR_INPUT);
    assert_non_null(strstr(failure.message, "a folder"));
    unlink(fifo);
    assert_int_equal(md_model_file_read(fifo, &file, &failure), MD_ERR_NOTFOUND);
    assert_int_equal(md_model_file_read("/dev/null", &file, &failure), MD_ERR_INPUT);
    rmdir(folder);
}

/* ---- models in several files ---- */

static void write_part(const char *folder, int part, int parts)
{
    static struct gguf g;
    char name[64];
    struct md_failure failure = {0};
    begin(&g);
    if (part == 0) {
        put_model(&g, "llama");
        put_string(&g, "tokenizer.chat_template", "x");
    }
    put_number(&g, "split.no", (uint32_t)part);
    put_number(&g, "split.count", (uint32_t)parts);
    size_t n = finish(&g);
    snprintf(name, sizeof name, "m-%05d-of-%05d.gguf", part + 1, parts);
    md_autofree char *path = md_path_join(folder, name);
    assert_int_equal(md_file_write_atomic(path, g.bytes, n, &failure), MD_OK);
}

static void a_split_model_is_read_from_its_first_file(void **state)
{
    char folder[] = "/tmp/moviedigest-models-XXXXXX";
    struct md_model_file file;
    struct md_failure failure = {0};
    (void)state;
    assert_non_null(mkdtemp(folder));
    md_autofree char *first = md_path_join(folder, "m-00001-of-00003.gguf");
    md_autofree char *second = md_path_join(folder, "m-00002-of-00003.gguf");
    md_autofree char *other = md_path_join(folder, "n.gguf");
    write_part(folder, 0, 3);
    write_part(folder, 2, 3);
    assert_int_equal(md_model_file_read(first, &file, &failure), MD_ERR_INPUT);
    assert_non_null(strstr(failure.message, "m-00002-of-00003.gguf is not there"));
    write_part(folder, 1, 3);
    assert_int_equal(md_model_file_read(first, &file, &failure), MD_OK);
    assert_int_equal(file.parts, 3);
    assert_int_equal(file.parameters, 3 * 64 * 32);
    assert_true(file.size_bytes > 3 * 64 * 32 * 2);
    assert_int_equal(md_model_file_read(second, &file, &failure), MD_ERR_INPUT);
    assert_non_null(strstr(failure.message, "name the first one"));
    assert_int_equal(rename(first, other), 0);
    assert_int_equal(md_model_file_read(other, &file, &failure), MD_ERR_INPUT);
    assert_non_null(strstr(failure.message, "is not called so"));
    assert_int_equal(md_remove_tree(folder, &failure), MD_OK);
}

/* Facts measured with the real files: a state takes 543 MB for large-v3 and 250 MB for turbo; on a
 * CPU, where there is no flash attention, 157 MB more at their width. */
static void states_of_whisper_are_known_within_a_tenth(void **state)
{
    struct md_model_file file = {.kind = MD_MODEL_WHISPER, .width = 1280, .text_width = 1280};
    struct md_model_memory memory;
    (void)state;
    file.text_layers = 32;
    md_model_file_memory(&file, &(struct md_model_use){0}, &memory);
    assert_in_range(memory.unit_bytes, 543000000 / 10 * 9, 543000000 / 10 * 11);
    file.text_layers = 4;
    md_model_file_memory(&file, &(struct md_model_use){0}, &memory);
    assert_in_range(memory.unit_bytes, 250000000 / 10 * 9, 250000000 / 10 * 11);
    md_model_file_memory(&file, &(struct md_model_use){.on_cpu = true}, &memory);
    assert_in_range(memory.unit_bytes, 407000000 / 10 * 9, 407000000 / 10 * 11);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whisper_model_tells_its_sizes),
        cmocka_unit_test(a_file_cut_off_anywhere_is_refused),
        cmocka_unit_test(a_gguf_file_tells_what_a_context_takes),
        cmocka_unit_test(no_byte_of_a_header_makes_it_crash),
        cmocka_unit_test(models_that_write_no_text_are_told),
        cmocka_unit_test(a_base_model_is_told),
        cmocka_unit_test(other_forms_are_told),
        cmocka_unit_test(counts_that_cannot_be_are_refused_at_once),
        cmocka_unit_test(what_is_missing_of_a_download_is_told),
        cmocka_unit_test(what_is_no_file_is_told_and_never_waited_for),
        cmocka_unit_test(a_split_model_is_read_from_its_first_file),
        cmocka_unit_test(states_of_whisper_are_known_within_a_tenth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
