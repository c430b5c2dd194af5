/* Where models lie is known of the programs that people fetch them with. Ollama's store names files
 * by hash: its manifests tell what they are called. A file in two places is one model, told under
 * the first. */
#include "cli/model_store.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/str.h"

enum { MAX_DEPTH = 6, MAX_FILES = 2000, MANIFEST_BYTES = 256 << 10 };
static const int64_t least_bytes = 100000; /* smaller files are no models */

/* ---- where ---- */

struct place {
    const char *variable; /* of the environment; NULL: below HOME; "": as it stands */
    const char *folder, *label;
    bool own;
};
static const char own_label[] = "MovieDigest";
static const struct place places[] = {
    {"XDG_DATA_HOME", "moviedigest/models", own_label, true},
    {NULL, ".local/share/moviedigest/models", own_label, true},
    {"", "/usr/local/share/moviedigest/models", own_label, true},
    {"", "/usr/share/moviedigest/models", own_label, true},
    {"XDG_CACHE_HOME", "whisper.cpp", "whisper.cpp", false},
    {NULL, ".cache/whisper.cpp", "whisper.cpp", false},
    {NULL, ".cache/whisper", "whisper.cpp", false},
    {NULL, "whisper.cpp/models", "whisper.cpp", false},
    {"LLAMA_CACHE", "", "llama.cpp", false},
    {"XDG_CACHE_HOME", "llama.cpp", "llama.cpp", false},
    {NULL, ".cache/llama.cpp", "llama.cpp", false},
    {"HF_HUB_CACHE", "", "Hugging Face", false},
    {"HF_HOME", "hub", "Hugging Face", false},
    {NULL, ".cache/huggingface/hub", "Hugging Face", false},
    {NULL, ".lmstudio/models", "LM Studio", false},
    {NULL, ".cache/lm-studio/models", "LM Studio", false},
    {NULL, ".local/share/nomic.ai/GPT4All", "GPT4All", false},
};
/* Ollama's, of the user and of its service. */
static const struct place stores[] = {
    {"OLLAMA_MODELS", "", "Ollama", false},
    {NULL, ".ollama/models", "Ollama", false},
    {"", "/usr/share/ollama/.ollama/models", "Ollama", false},
    {"", "/var/lib/ollama/models", "Ollama", false},
};

/* NULL: there is no such place. */
static char *place_path(const struct place *place, char *(*get_env)(const char *name))
{
    if (place->variable && !*place->variable)
        return strdup(place->folder);
    const char *root = get_env(place->variable ? place->variable : "HOME");
    if (!root || root[0] != '/')
        return NULL;
    return *place->folder ? md_path_join(root, place->folder) : strdup(root);
}

char *md_model_store_folder(char *(*get_env)(const char *name))
{
    char *path = place_path(&places[0], get_env);
    return path ? path : place_path(&places[1], get_env);
}

/* ---- finding ---- */

static bool ends_with(const char *text, const char *ending)
{
    size_t n = strlen(text), m = strlen(ending);
    return n > m && strcasecmp(text + n - m, ending) == 0;
}

/* A later part of a model in several files: the first stands for all. */
static bool is_later_part(const char *name)
{
    const char *of = strstr(name, "-of-");
    return of && of - name >= 6 && strncmp(of - 6, "-00001", 6) != 0 && ends_with(name, ".gguf");
}

char *md_model_store_name(const char *path)
{
    const char *base = md_path_base(path);
    if (strncmp(base, "ggml-", 5) == 0)
        base += 5;
    char *name = strdup(base);
    if (name && ends_with(name, ".gguf"))
        name[strlen(name) - 5] = '\0';
    else if (name && ends_with(name, ".bin"))
        name[strlen(name) - 4] = '\0';
    return name;
}

static bool is_known(const struct md_found_models *all, const struct stat *st)
{
    for (size_t i = 0; i < all->n; i++)
        if (all->v[i].ino == st->st_ino && all->v[i].dev == st->st_dev)
            return true;
    return false;
}

static void model_done(struct md_found_model *model)
{
    free(model->path);
    free(model->name);
    free(model->why);
}

/* Other programs keep many things that are no models and were never meant to be. */
static bool is_worth_telling(const struct md_found_model *model)
{
    const char *base = md_path_base(model->path);
    return model->own || ends_with(base, ".gguf") || strncmp(base, "ggml-", 5) == 0 ||
           strcmp(model->where, "Ollama") == 0;
}

/* name NULL: the file's. */
static int take_file(const char *path, const char *name, const struct place *place,
                     struct md_found_models *all)
{
    struct stat st;
    struct md_failure failure = {0};
    if (all->n >= MAX_FILES || stat(path, &st) < 0 || !S_ISREG(st.st_mode) ||
        st.st_size < least_bytes || is_known(all, &st))
        return MD_OK;
    struct md_found_model found = {.path = strdup(path),
                                   .name = name ? strdup(name) : md_model_store_name(path),
                                   .where = place->label,
                                   .own = place->own,
                                   .dev = st.st_dev,
                                   .ino = st.st_ino};
    bool is_whole = found.path && found.name;
    bool is_of_use = is_whole && md_model_file_read(path, &found.file, &failure) == MD_OK;
    if (is_whole && !is_of_use) {
        size_t n = strlen(path);
        bool named = strncmp(failure.message, path, n) == 0 && failure.message[n] == ' ';
        found.why = strdup(failure.message + (named ? n + 1 : 0));
        is_whole = found.why;
    }
    int r = !is_whole                                 ? MD_ERR_NOMEM
            : !is_of_use && !is_worth_telling(&found) ? MD_ERR_NOTFOUND
                                                      : md_vec_push(all, found);
    if (r < 0)
        model_done(&found);
    return r == MD_ERR_NOTFOUND ? MD_OK : r;
}

static int search(const char *folder, int depth, const struct place *place,
                  struct md_found_models *all)
{
    DIR *dir = depth < MAX_DEPTH ? opendir(folder) : NULL;
    int r = MD_OK;
    for (struct dirent *entry; dir && r == MD_OK && (entry = readdir(dir));) {
        struct stat st;
        const char *base = entry->d_name;
        md_autofree char *path = base[0] == '.' ? NULL : md_path_join(folder, base);
        if (!path || stat(path, &st) < 0)
            continue;
        if (S_ISDIR(st.st_mode))
            r = search(path, depth + 1, place, all);
        else if ((ends_with(base, ".bin") || ends_with(base, ".gguf")) && !is_later_part(base))
            r = take_file(path, NULL, place, all);
    }
    if (dir)
        closedir(dir);
    return r;
}

/* ---- Ollama ---- */

/* The digest of the layer that is the model, "sha256:..."; NULL: none, or one that cannot be. */
static const char *model_digest(const json_t *manifest)
{
    size_t i;
    json_t *layer;
    json_array_foreach(json_object_get(manifest, "layers"), i, layer)
    {
        const char *type = json_string_value(json_object_get(layer, "mediaType"));
        const char *digest = json_string_value(json_object_get(layer, "digest"));
        if (type && digest && ends_with(type, ".image.model") && strlen(digest) == 71 &&
            strncmp(digest, "sha256:", 7) == 0 && strspn(digest + 7, "0123456789abcdef") == 64)
            return digest;
    }
    return NULL;
}

/* registry.ollama.ai/library/NAME/TAG is called NAME:TAG, others with what stands before. */
static char *ollama_name(const char *relative)
{
    static const char usual[] = "registry.ollama.ai/", library[] = "library/";
    if (strncmp(relative, usual, sizeof usual - 1) == 0) {
        relative += sizeof usual - 1;
        if (strncmp(relative, library, sizeof library - 1) == 0)
            relative += sizeof library - 1;
    }
    char *name = strdup(relative), *slash = name ? strrchr(name, '/') : NULL;
    if (slash)
        *slash = ':';
    return name;
}

static int take_manifest(const char *root, const char *path, const char *relative,
                         const struct place *place, struct md_found_models *all)
{
    md_autofree char *text = NULL, *name = ollama_name(relative);
    md_autostr blob = {0};
    if (md_file_read(path, MANIFEST_BYTES, &text, NULL, NULL) < 0)
        return MD_OK;
    json_t *manifest = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    const char *digest = model_digest(manifest);
    if (digest)
        md_str_printf(&blob, "%s/blobs/sha256-%s", root, digest + 7);
    json_decref(manifest);
    if (!name || md_str_failed(&blob))
        return MD_ERR_NOMEM;
    return digest ? take_file(md_str_text(&blob), name, place, all) : MD_OK;
}

static int search_manifests(const char *root, const char *relative, int depth,
                            const struct place *place, struct md_found_models *all)
{
    md_autostr folder = {0};
    md_str_printf(&folder, "%s/manifests/%s", root, relative);
    DIR *dir = depth < MAX_DEPTH && !md_str_failed(&folder) ? opendir(md_str_text(&folder)) : NULL;
    int r = MD_OK;
    for (struct dirent *entry; dir && r == MD_OK && (entry = readdir(dir));) {
        struct stat st;
        md_autostr below = {0};
        md_autofree char *path =
            entry->d_name[0] == '.' ? NULL : md_path_join(md_str_text(&folder), entry->d_name);
        if (!path || stat(path, &st) < 0)
            continue;
        md_str_printf(&below, "%s%s%s", relative, *relative ? "/" : "", entry->d_name);
        if (md_str_failed(&below))
            r = MD_ERR_NOMEM;
        else if (S_ISDIR(st.st_mode))
            r = search_manifests(root, md_str_text(&below), depth + 1, place, all);
        else if (S_ISREG(st.st_mode))
            r = take_manifest(root, path, md_str_text(&below), place, all);
    }
    if (dir)
        closedir(dir);
    return r;
}

/* ---- all ---- */

static int by_kind_and_size(const void *a, const void *b)
{
    const struct md_found_model *x = a, *y = b;
    if (!x->why != !y->why)
        return x->why ? 1 : -1;
    if (x->file.kind != y->file.kind)
        return x->file.kind < y->file.kind ? -1 : 1;
    if (x->file.size_bytes != y->file.size_bytes)
        return x->file.size_bytes < y->file.size_bytes ? -1 : 1;
    return strcmp(x->path, y->path);
}

int md_model_store_search(char *(*get_env)(const char *name), bool own_only,
                          struct md_found_models *ret)
{
    int r = MD_OK;
    *ret = (struct md_found_models){0};
    for (size_t i = 0; i < MD_ARRAY_LEN(places) && r == MD_OK; i++) {
        bool wanted = places[i].own || !own_only;
        md_autofree char *path = wanted ? place_path(&places[i], get_env) : NULL;
        if (path)
            r = search(path, 0, &places[i], ret);
    }
    for (size_t i = 0; i < MD_ARRAY_LEN(stores) && r == MD_OK && !own_only; i++) {
        md_autofree char *path = place_path(&stores[i], get_env);
        if (path)
            r = search_manifests(path, "", 0, &stores[i], ret);
    }
    if (r < 0)
        md_model_store_done(ret);
    else if (ret->n > 0)
        qsort(ret->v, ret->n, sizeof *ret->v, by_kind_and_size);
    return r;
}

void md_model_store_done(struct md_found_models *models)
{
    for (size_t i = 0; i < models->n; i++)
        model_done(&models->v[i]);
    md_vec_done(models);
}

/* ---- by name ---- */

static bool is_called(const struct md_found_model *model, const char *name)
{
    static const char latest[] = ":latest";
    size_t n = strlen(name);
    return strcasecmp(model->name, name) == 0 || strcasecmp(md_path_base(model->path), name) == 0 ||
           (strncasecmp(model->name, name, n) == 0 && strcmp(model->name + n, latest) == 0);
}

static void append_names(const struct md_found_models *models, enum md_model_kind kind,
                         struct md_str *out)
{
    int count = 0;
    for (size_t i = 0; i < models->n && count < 12; i++)
        if (!models->v[i].why && models->v[i].file.kind == kind)
            md_str_printf(out, "%s%s", count++ ? ", " : "", models->v[i].name);
}

static int tell_not_found(const struct md_found_models *models, enum md_model_kind kind,
                          const char *name, struct md_failure *failure)
{
    md_autostr names = {0};
    append_names(models, kind, &names);
    if (names.n == 0)
        return md_fail(failure, MD_ERR_NOTFOUND,
                       "there is no file %s, and no model of that name was found; see "
                       "moviedigest models list",
                       name);
    return md_fail(failure, MD_ERR_NOTFOUND,
                   "there is no file %s, and no model of that name; there are: %s", name,
                   md_str_text(&names));
}

int md_model_store_find(const struct md_found_models *models, enum md_model_kind kind,
                        const char *name, const struct md_found_model **ret_model,
                        struct md_failure *failure)
{
    const struct md_found_model *found = NULL, *useless = NULL, *other = NULL;
    for (size_t i = 0; i < models->n; i++) {
        const struct md_found_model *model = &models->v[i];
        if (!is_called(model, name))
            continue;
        if (model->why)
            useless = model;
        else if (model->file.kind != kind)
            other = model;
        else if (found && found->own == model->own)
            return md_fail(failure, MD_ERR_INPUT, "there are several models called %s: %s and %s",
                           name, found->path, model->path);
        else if (!found || model->own)
            found = model;
    }
    if (found) {
        *ret_model = found;
        return MD_OK;
    }
    if (useless)
        return md_fail(failure, MD_ERR_INPUT, "%s %s", useless->path, useless->why);
    if (other)
        return md_fail(failure, MD_ERR_INPUT, "%s is %s", other->path,
                       other->file.kind == MD_MODEL_WHISPER ? "a Whisper model"
                                                            : "a language model");
    return tell_not_found(models, kind, name, failure);
}
