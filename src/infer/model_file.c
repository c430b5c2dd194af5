/* Walks both containers from header to last tensor, so that a download cut off is found out before
 * a movie starts: the sum of what the tensors claim is compared with the file. What people have in
 * its place by mistake is told by its first bytes. */
#include "infer/model_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/str.h"
#include "infer/model_reader.h"

enum { MAX_PARTS = 1000 };

/* What it is, by its first bytes; NULL: nothing known. */
static const char *other_kind(const unsigned char *b, size_t n)
{
    static const struct {
        const char *start, *what;
    } rows[] = {
        {"lmgg", NULL}, /* ggml, GGUF: not another kind */
        {"GGUF", NULL},
        {"FUGG", "was made for big-endian machines; fetch the usual form"},
        {"fmgg", "is a language model in an old form (ggmf); fetch it as GGUF"},
        {"tjgg", "is a language model in an old form (ggjt); fetch it as GGUF"},
        {"algg", "is an adapter (LoRA) for another model, not a model"},
        {"<", "is a web page: what was saved is a page about the file, not the file"},
        {"version https://git-lfs", "is a pointer to a file kept by Git LFS; fetch the file"},
        {"PK\x03\x04", "is a PyTorch model or an archive; fetch it as GGUF or in whisper.cpp's "
                       "form (ggml-*.bin)"},
        {"\x80\x02", "is a PyTorch model; fetch it as GGUF or in whisper.cpp's form "
                     "(ggml-*.bin)"},
        {"Entry not found", "holds a server's \"not found\"; fetch it again"},
        {"Invalid username", "holds a server's refusal; fetch it again"},
    };
    for (size_t i = 0; i < MD_ARRAY_LEN(rows); i++)
        if (n >= strlen(rows[i].start) && memcmp(b, rows[i].start, strlen(rows[i].start)) == 0)
            return rows[i].what;
    if (n >= 9 && b[8] == '{' && memcmp(b + 3, "\0\0\0\0\0", 5) == 0)
        return "is a safetensors file; fetch it as GGUF or in whisper.cpp's form (ggml-*.bin)";
    return "is neither a Whisper model in ggml form nor a language model in GGUF form";
}

/* Not blocked by a fifo. */
static FILE *open_model(const char *path, struct stat *st, struct md_failure *failure)
{
    md_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, st) < 0) {
        md_fail_errno(failure, errno, "cannot read the model %s", path);
        return NULL;
    }
    if (!S_ISREG(st->st_mode)) {
        md_fail(failure, MD_ERR_INPUT, "the model %s is %s, not a file", path,
                S_ISDIR(st->st_mode) ? "a folder" : "something");
        return NULL;
    }
    FILE *stream = fdopen(fd, "rb");
    if (stream)
        md_take_fd(&fd);
    else
        md_fail_errno(failure, errno, "cannot read the model %s", path);
    return stream;
}

static int read_one(const char *path, struct md_model_file *ret_file, struct md_failure *failure)
{
    struct stat st;
    unsigned char start[32] = {0};
    int64_t wanted = 0;
    struct md_failure own = {0};
    md_autofclose FILE *stream = open_model(path, &st, &own);
    if (!stream) {
        int code = own.code;
        if (failure)
            *failure = own;
        return code;
    }
    struct md_model_reader r = {.file = stream, .size = st.st_size};
    struct md_model_file file = {.size_bytes = st.st_size, .quantisation = "?"};
    size_t n = fread(start, 1, sizeof start, stream);
    const char *why = n == 0 && st.st_size == 0 ? "is empty; fetch it again" : other_kind(start, n);
    if (ferror(stream) || fseeko(stream, 4, SEEK_SET) < 0)
        return md_fail_errno(failure, errno, "cannot read the model %s", path);
    if (!why)
        why = start[0] == 'l' ? md_model_read_whisper(&r, &file, &wanted)
                              : md_model_read_gguf(&r, &file, &wanted);
    if (why && wanted > st.st_size)
        return md_fail(failure, MD_ERR_INPUT,
                       "%s was not fetched whole: it has %.3f of %.3f GB; fetch it again", path,
                       (double)st.st_size / 1e9, (double)wanted / 1e9);
    if (why)
        return md_fail(failure, MD_ERR_INPUT, "%s %s", path, why);
    *ret_file = file;
    return MD_OK;
}

/* NAME-00001-of-00003.gguf: the others must lie beside it, whole. */
static int read_parts(const char *path, struct md_model_file *file, struct md_failure *failure)
{
    char ending[32];
    snprintf(ending, sizeof ending, "-00001-of-%05d.gguf", (int)file->parts);
    size_t n = strlen(path), m = strlen(ending);
    if (n <= m || strcmp(path + n - m, ending) != 0)
        return md_fail(failure, MD_ERR_INPUT,
                       "%s is the first of %d parts but is not called so (...%s)", path,
                       (int)file->parts, ending);
    for (int i = 1; i < file->parts; i++) {
        struct md_model_file part;
        md_autostr name = {0};
        md_str_append_n(&name, path, n - m);
        md_str_printf(&name, "-%05d-of-%05d.gguf", i + 1, (int)file->parts);
        if (md_str_failed(&name))
            return md_fail(failure, MD_ERR_NOMEM, "out of memory");
        int r = read_one(md_str_text(&name), &part, failure);
        if (r == MD_ERR_NOTFOUND)
            return md_fail(failure, MD_ERR_INPUT, "%s has %d parts, and %s is not there", path,
                           (int)file->parts, md_path_base(md_str_text(&name)));
        if (r < 0)
            return r;
        if (part.kind != MD_MODEL_GGUF || part.part != i || part.parts != file->parts)
            return md_fail(failure, MD_ERR_INPUT, "%s is not part %d of %s", md_str_text(&name),
                           i + 1, path);
        file->size_bytes += part.size_bytes;
        file->parameters += part.parameters;
    }
    return MD_OK;
}

int md_model_file_read(const char *path, struct md_model_file *ret_file, struct md_failure *failure)
{
    struct md_model_file file;
    int r = read_one(path, &file, failure);
    if (r < 0)
        return r;
    if (file.part > 0)
        return md_fail(failure, MD_ERR_INPUT,
                       "%s is part %d of a model in %d files; name the first one", path,
                       (int)file.part + 1, (int)file.parts);
    if (file.parts > MAX_PARTS)
        return md_fail(failure, MD_ERR_INPUT, "%s " MD_MODEL_DAMAGED, path);
    r = file.parts > 1 ? read_parts(path, &file, failure) : MD_OK;
    if (r == MD_OK)
        *ret_file = file;
    return r;
}

/* Whisper's state, fitted to libwhisper 1.9 (f16, flash attention): large-v3 543 MB, turbo 250 MB.
 * Both caches are two f16 vectors a place and layer, of 1536 and 512 places; then buffers for the
 * logits of a prompt (96 MB) and for encoding (80.5 kB a column). Without flash attention encoding
 * keeps its scores as well: 122.7 kB a column more, measured at 384 to 1280 columns. */
static void whisper_memory(const struct md_model_file *file, bool on_cpu,
                           struct md_model_memory *ret)
{
    const int64_t places = 1536 + 512;
    ret->resident_bytes = file->size_bytes;
    ret->unit_bytes = file->text_layers * places * file->text_width * 4 + 1536 * file->width * 4 +
                      96000000 + (on_cpu ? 203200 : 80500) * file->width;
}

struct md_model_use md_model_use_at(enum md_settings settings, int64_t context)
{
    const int64_t least = 1024; /* a prompt and its reply */
    bool is_short = settings == MD_SETTINGS_SHORT;
    return (struct md_model_use){
        .context = is_short ? MD_MIN(context, MD_MAX(context / 2, least)) : context,
        .small_cache = settings != MD_SETTINGS_NORMAL,
        .half_layers = settings == MD_SETTINGS_PART || is_short,
        .on_cpu = settings == MD_SETTINGS_CPU,
    };
}

bool md_model_file_has_small_cache(const struct md_model_file *file)
{
    return file->key_length % 32 == 0 && file->value_length % 32 == 0;
}

void md_model_file_memory(const struct md_model_file *file, const struct md_model_use *use,
                          struct md_model_memory *ret_memory)
{
    if (file->kind == MD_MODEL_WHISPER) {
        whisper_memory(file, use->on_cpu, ret_memory);
        return;
    }
    /* A value of the cache takes two bytes, or 34 for 32 in q8_0. Computing: for each of 512 tokens
     * some eight rows of activations, and the larger of logits and (without flash attention, which
     * a q8_0 cache needs) attention to the whole context. Within 3 % of the library's own figures
     * for models as made by tools/models/make_known.py. */
    int64_t values = file->all_heads_kv * (file->key_length + file->value_length);
    bool small = use->small_cache && md_model_file_has_small_cache(file);
    int64_t token_bytes = small ? values * 34 / 32 : values * 2;
    int64_t scores = small ? 0 : MD_MIN(use->context, 1 << 24) * file->heads;
    ret_memory->resident_bytes =
        file->size_bytes + 512 * 4 * (MD_MAX(file->vocabulary, scores) + 8 * file->width);
    ret_memory->unit_bytes = use->context * token_bytes;
}
