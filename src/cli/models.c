/* Where models lie is known of the programs that people fetch them with. Ollama's store names files
 * by hash; only those whose header is a model's are shown. Nothing is fetched: what to get, and
 * where to put it, is told. */
#include "cli/models.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/str.h"
#include "base/utf8.h"
#include "base/vec.h"
#include "infer/model_file.h"

enum { MAX_DEPTH = 6, MAX_FILES = 2000, CONTEXT = 4096 };
static const int64_t least_bytes = 100000; /* smaller files are no models */

struct found {
    char *path;
    struct md_model_file file;
};
struct found_vec MD_VEC(struct found);

/* ---- where ---- */

struct place {
    const char *variable; /* of the environment; NULL: below HOME */
    const char *folder;
};
static const struct place places[] = {
    {"XDG_DATA_HOME", "moviedigest/models"},
    {NULL, ".local/share/moviedigest/models"},
    {NULL, ".cache/whisper.cpp"},
    {NULL, ".cache/whisper"},
    {"LLAMA_CACHE", ""},
    {NULL, ".cache/llama.cpp"},
    {NULL, ".cache/huggingface/hub"},
    {NULL, ".lmstudio/models"},
    {NULL, ".cache/lm-studio/models"},
    {"OLLAMA_MODELS", "blobs"},
    {NULL, ".ollama/models/blobs"},
};

/* NULL: there is no such place. */
static char *place_path(const struct place *place)
{
    const char *root = getenv(place->variable ? place->variable : "HOME");
    return root && *root ? md_path_join(root, place->folder) : NULL;
}

static char *own_folder(void)
{
    char *path = place_path(&places[0]);
    return path ? path : place_path(&places[1]);
}

/* ---- finding ---- */

static bool may_be_model(const char *name)
{
    size_t n = strlen(name);
    return (n > 4 && strcmp(name + n - 4, ".bin") == 0) ||
           (n > 5 && strcmp(name + n - 5, ".gguf") == 0) || strncmp(name, "sha256", 6) == 0;
}

static bool is_known(const struct found_vec *all, const char *path)
{
    struct stat a, b;
    for (size_t i = 0; i < all->n; i++)
        if (stat(path, &a) == 0 && stat(all->v[i].path, &b) == 0 && a.st_ino == b.st_ino &&
            a.st_dev == b.st_dev)
            return true;
    return false;
}

static void take_file(const char *path, struct found_vec *all)
{
    struct found found = {.path = strdup(path)};
    struct md_failure ignored = {0};
    if (!found.path || is_known(all, path) || md_model_file_read(path, &found.file, &ignored) < 0 ||
        md_vec_push(all, found) < 0)
        free(found.path);
}

static void search(const char *folder, int depth, struct found_vec *all)
{
    DIR *dir = depth < MAX_DEPTH ? opendir(folder) : NULL;
    if (!dir)
        return;
    for (struct dirent *entry; (entry = readdir(dir)) && all->n < MAX_FILES;) {
        struct stat st;
        md_autofree char *path =
            entry->d_name[0] == '.' ? NULL : md_path_join(folder, entry->d_name);
        if (!path || stat(path, &st) < 0)
            continue;
        if (S_ISDIR(st.st_mode))
            search(path, depth + 1, all);
        else if (S_ISREG(st.st_mode) && st.st_size >= least_bytes && may_be_model(entry->d_name))
            take_file(path, all);
    }
    closedir(dir);
}

static int by_kind_and_size(const void *a, const void *b)
{
    const struct found *x = a, *y = b;
    if (x->file.kind != y->file.kind)
        return x->file.kind < y->file.kind ? -1 : 1;
    if (x->file.size_bytes != y->file.size_bytes)
        return x->file.size_bytes < y->file.size_bytes ? -1 : 1;
    return strcmp(x->path, y->path);
}

/* ---- showing ---- */

static void print_path(const char *path)
{
    char text[4096];
    md_utf8_sanitize(text, sizeof text, path, strlen(path));
    printf("%s\n", text);
}

static double gb(int64_t bytes)
{
    return (double)bytes / 1e9;
}

/* One line of what it is, one of what it needs at batches of 1, 4 and 8. */
static void print_model(const struct found *found)
{
    const struct md_model_file *f = &found->file;
    struct md_model_memory memory;
    bool speech = f->kind == MD_MODEL_WHISPER;
    md_model_file_memory(f, CONTEXT, false, &memory);
    print_path(found->path);
    printf("  %s %s%s%s, %s, %.2f GB\n",
           speech ? "speech:" : "language model:", speech ? "Whisper" : f->architecture,
           f->name[0] ? " " : "", f->name, f->quantisation, gb(f->size_bytes));
    if (speech)
        printf("  %s; ", f->multilingual ? "many languages" : "English only");
    else
        printf("  %" PRId64 " tokens of context at most; ", f->context);
    printf("needs %.1f GB for 1 %s at once, %.1f for 4, %.1f for 8\n",
           gb(memory.resident_bytes + memory.unit_bytes), speech ? "chunk" : "prompt",
           gb(memory.resident_bytes + 4 * memory.unit_bytes),
           gb(memory.resident_bytes + 8 * memory.unit_bytes));
}

static void print_advice(void)
{
    md_autofree char *own = own_folder();
    printf("\nTo get one: a Whisper model in ggml form (ggml-small.bin, ggml-large-v3-turbo.bin) "
           "from the\nwhisper.cpp project's page of models, an instruct model in GGUF form "
           "(Q4_K_M) from its maker's.\nPut it into %s\nand name it with --asr-model or "
           "--llm-model. See docs/models.md.\n",
           own ? own : "a folder of yours");
}

/* The largest of a kind that fits three quarters of main memory with four units at once. */
static void recommend(const struct found_vec *all, enum md_model_kind kind, const char *option)
{
    int64_t room = (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE) / 4 * 3;
    const struct found *best = NULL;
    for (size_t i = 0; i < all->n; i++) {
        struct md_model_memory memory;
        md_model_file_memory(&all->v[i].file, CONTEXT, false, &memory);
        if (all->v[i].file.kind == kind && memory.resident_bytes + 4 * memory.unit_bytes <= room)
            best = &all->v[i];
    }
    if (best) {
        printf("For the %.1f GB of this machine: %s ", gb(room / 3 * 4), option);
        print_path(best->path);
    }
}

static int list(void)
{
    struct found_vec all = {0};
    for (size_t i = 0; i < MD_ARRAY_LEN(places); i++) {
        md_autofree char *path = place_path(&places[i]);
        if (path)
            search(path, 0, &all);
    }
    if (all.n > 0)
        qsort(all.v, all.n, sizeof *all.v, by_kind_and_size);
    for (size_t i = 0; i < all.n; i++)
        print_model(&all.v[i]);
    if (all.n == 0)
        printf("No models were found.\n");
    recommend(&all, MD_MODEL_WHISPER, "--asr-model");
    recommend(&all, MD_MODEL_GGUF, "--llm-model");
    print_advice();
    for (size_t i = 0; i < all.n; i++)
        free(all.v[i].path);
    md_vec_done(&all);
    return MD_EXIT_DONE;
}

/* ---- check, add ---- */

static int check_one(const char *path)
{
    struct found found = {.path = (char *)(uintptr_t)path};
    struct md_failure failure = {0};
    if (md_model_file_read(path, &found.file, &failure) < 0) {
        fprintf(stderr, "moviedigest: %s\n", failure.message);
        return MD_EXIT_FAILED;
    }
    print_model(&found);
    return MD_EXIT_DONE;
}

/* A link: models are large, and their own programs want them where they are. */
static int add_one(const char *path)
{
    struct md_failure failure = {0};
    md_autofree char *own = own_folder();
    md_autofree char *real = realpath(path, NULL);
    if (check_one(path) != MD_EXIT_DONE)
        return MD_EXIT_FAILED;
    md_autofree char *link = own ? md_path_join(own, md_path_base(path)) : NULL;
    if (!real || !link || md_mkdir_p(own, &failure) < 0) {
        fprintf(stderr, "moviedigest: %s\n",
                failure.code ? failure.message : "there is no home folder to add models to");
        return MD_EXIT_FAILED;
    }
    if (symlink(real, link) < 0) {
        fprintf(stderr, "moviedigest: cannot make %s: %s\n", link, strerror(errno));
        return MD_EXIT_FAILED;
    }
    printf("  added as ");
    print_path(link);
    return MD_EXIT_DONE;
}

int md_models_command(const struct md_cli_command *self, int argc, char *const *argv)
{
    int status = MD_EXIT_DONE;
    bool check = argc > 1 && strcmp(argv[0], "check") == 0;
    bool add = argc > 1 && strcmp(argv[0], "add") == 0;
    (void)self;
    if (argc == 0 || (argc == 1 && strcmp(argv[0], "list") == 0))
        return list();
    if (!check && !add) {
        fprintf(stderr, "moviedigest: models takes list, check FILE... or add FILE...\n");
        return MD_EXIT_USAGE;
    }
    for (int i = 1; i < argc; i++) {
        int r = check ? check_one(argv[i]) : add_one(argv[i]);
        status = r == MD_EXIT_DONE ? status : r;
    }
    return status;
}
