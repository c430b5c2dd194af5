/* Which file is whose: a subtitle belongs to the movie with the longest name that its own name
 * starts with, so that "film.2.srt" goes with film.2.mkv and not with film.mkv. What follows the
 * name must read as tags, or start with a dot as players have it.
 */
#include "transcript/sidecar.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/utf8.h"
#include "model/language.h"

enum { MAX_SIDECARS = 64, MAX_ENTRIES = 20000, MAX_NAME = 256 };

static bool is_one_of(const char *s, size_t n, const char *const *words)
{
    for (; *words; words++)
        if (strlen(*words) == n && strncasecmp(s, *words, n) == 0)
            return true;
    return false;
}

static bool is_subtitle_extension(const char *s, size_t n)
{
    static const char *const words[] = {"srt", "vtt", "webvtt", "ass", "ssa", NULL};
    return is_one_of(s, n, words);
}

static bool is_movie_extension(const char *s, size_t n)
{
    static const char *const words[] = {"mp4",  "m4v",  "mkv", "webm", "avi", "mov", "wmv", "ts",
                                        "m2ts", "mts",  "mpg", "mpeg", "ogv", "ogm", "flv", "3gp",
                                        "vob",  "divx", "asf", "rmvb", "mxf", NULL};
    return is_one_of(s, n, words);
}

/* The length of a name without its extension. */
static size_t stem_length(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && dot > name ? (size_t)(dot - name) : strlen(name);
}

static bool is_separator(char c)
{
    return c != '\0' && strchr(". _-[](),", c) != NULL;
}

static bool is_number(const char *s, size_t n)
{
    return n > 0 && n <= 3 && strspn(s, "0123456789") >= n;
}

/* Beside the codes and names of model/language.h, what subtitle sites write. */
static const char *language_of(const char *s, size_t n)
{
    static const char *const words[][2] = {{"vostfr", "fra"}, {"vff", "fra"}, {"vf", "fra"},
                                           {"pob", "por"},    {"pb", "por"},  {"castellano", "spa"},
                                           {"latino", "spa"}, {"esp", "spa"}, {"chs", "zho"},
                                           {"cht", "zho"},    {"cn", "zho"},  {"jp", "jpn"},
                                           {"scr", "hrv"},    {"scc", "srp"}, {"bokmal", "nor"}};
    char copy[32];
    if (n >= sizeof copy)
        return NULL;
    memcpy(copy, s, n);
    copy[n] = '\0';
    for (size_t i = 0; i < MD_ARRAY_LEN(words); i++)
        if (strcasecmp(copy, words[i][0]) == 0)
            return words[i][1];
    return md_language_code(copy);
}

static bool read_tag(const char *s, size_t n, struct md_subtitle_tags *tags, bool *saw_hi)
{
    static const char *const forced[] = {"forced", "foreign", "signs", "songs", "sign", NULL};
    static const char *const impaired[] = {"sdh", "cc", "hoh", "captions", NULL};
    static const char *const commentary[] = {"commentary", "comment", NULL};
    static const char *const plain[] = {"full",      "utf8",  "utf",      "subs",   "sub",
                                        "subtitles", "track", "dialogue", "dialog", "hearing",
                                        "impaired",  "only",  NULL};
    if (n == 2 && strncasecmp(s, "hi", 2) == 0)
        *saw_hi = true; /* Hindi or hearing impaired: see below */
    else if (is_one_of(s, n, forced))
        tags->forced = true;
    else if (is_one_of(s, n, impaired))
        tags->hearing_impaired = true;
    else if (is_one_of(s, n, commentary))
        tags->commentary = true;
    else if (n == 7 && strncasecmp(s, "default", n) == 0)
        tags->is_default = true;
    else if (!is_one_of(s, n, plain) && !is_number(s, n)) {
        const char *code = language_of(s, n);
        /* A region after its language ("pt-BR", "es.419") is no second language. */
        if (!code && !(tags->language && n == 2))
            return false;
        if (!tags->language)
            tags->language = code;
    }
    return true;
}

bool md_sidecar_read_tags(const char *words, size_t n, struct md_subtitle_tags *ret_tags)
{
    struct md_subtitle_tags tags = {0};
    bool understood = true, saw_hi = false;
    for (size_t i = 0; i < n;) {
        size_t start = i;
        while (i < n && !is_separator(words[i]))
            i++;
        if (i > start)
            understood &= read_tag(words + start, i - start, &tags, &saw_hi);
        i++;
    }
    if (saw_hi && tags.language)
        tags.hearing_impaired = true;
    else if (saw_hi)
        tags.language = md_language_code("hi");
    *ret_tags = tags;
    return understood;
}

struct names {
    char **v;
    size_t n, cap;
};

static void names_done(struct names *names)
{
    for (size_t i = 0; i < names->n; i++)
        free(names->v[i]);
    md_vec_done(names);
}
#define autonames MD_CLEANUP(names_done) struct names

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void close_dir(DIR **dir)
{
    if (*dir)
        closedir(*dir);
}

/* All names in a folder, sorted. One that is not ours to read is empty; but one that cannot be read
 * just now must not pass for empty, or the movie would lose its subtitles for good. */
static int list_folder(const char *path, struct names *ret)
{
    MD_CLEANUP(close_dir) DIR *dir = opendir(path);
    struct dirent *entry;
    if (!dir && (errno == ENOMEM || errno == EMFILE || errno == ENFILE))
        return MD_ERR_NOMEM;
    if (!dir && errno == EIO)
        return MD_ERR_IO;
    while (dir && ret->n < MAX_ENTRIES && (entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        char *copy = strdup(entry->d_name);
        if (!copy || md_vec_push(ret, copy) < 0) {
            free(copy);
            return MD_ERR_NOMEM;
        }
    }
    if (ret->n > 1)
        qsort(ret->v, ret->n, sizeof *ret->v, compare_names);
    return MD_OK;
}

struct search {
    const char *folder; /* the movie's, "." when the path has none */
    char *real_folder;  /* resolved; NULL when it cannot be */
    const char *stem;
    size_t stem_n;
    const char *movie_name;
    struct names movies; /* other movies' stems in the folder */
    struct md_sidecar_vec *found;
};

/* A regular file, or a link to one below the movie's folder. */
static bool is_readable_file(const struct search *search, const char *path)
{
    struct stat st;
    if (lstat(path, &st) < 0)
        return false;
    if (!S_ISLNK(st.st_mode))
        return S_ISREG(st.st_mode);
    md_autofree char *real = realpath(path, NULL);
    size_t n = search->real_folder ? strlen(search->real_folder) : 0;
    if (!real || n == 0 || strncmp(real, search->real_folder, n) != 0 ||
        (real[n] != '/' && search->real_folder[n - 1] != '/'))
        return false;
    return stat(real, &st) == 0 && S_ISREG(st.st_mode);
}

static int add(struct search *search, const char *path, const struct md_subtitle_tags *tags,
               int distance)
{
    if (search->found->n >= MAX_SIDECARS || !is_readable_file(search, path))
        return MD_OK;
    const char *below = path + (strcmp(search->folder, ".") == 0 ? 0 : strlen(search->folder));
    while (*below == '/' || (below[0] == '.' && below[1] == '/'))
        below++;
    char shown[2 * MAX_NAME];
    md_utf8_sanitize(shown, sizeof shown, below, strlen(below));
    struct md_sidecar sidecar = {strdup(path), strdup(shown), *tags, distance};
    if (!sidecar.path || !sidecar.shown || md_vec_push(search->found, sidecar) < 0) {
        free(sidecar.path);
        free(sidecar.shown);
        return MD_ERR_NOMEM;
    }
    return MD_OK;
}

/* Does another movie in the folder have a longer name that this one starts with? */
static bool is_anothers(const struct search *search, const char *name)
{
    for (size_t i = 0; i < search->movies.n; i++) {
        size_t n = strlen(search->movies.v[i]);
        if (n > search->stem_n && strncasecmp(name, search->movies.v[i], n) == 0 &&
            (name[n] == '\0' || is_separator(name[n])))
            return true;
    }
    return false;
}

/* The tags of a subtitle named after the movie; false when it is not. */
static bool match_name(const struct search *search, const char *name,
                       struct md_subtitle_tags *ret_tags)
{
    size_t n = stem_length(name);
    if (n < search->stem_n || strncasecmp(name, search->stem, search->stem_n) != 0 ||
        is_anothers(search, name))
        return false;
    const char *words = name + search->stem_n;
    size_t words_n = n - search->stem_n;
    if (words_n > 0 && !is_separator(*words))
        return false;
    /* "film.mkv.srt" */
    const char *own = search->movie_name + search->stem_n;
    size_t own_n = strlen(own);
    if (own_n > 0 && words_n >= own_n && strncasecmp(words, own, own_n) == 0) {
        words += own_n;
        words_n -= own_n;
    }
    bool understood = md_sidecar_read_tags(words, words_n, ret_tags);
    return understood || (words_n > 0 && *words == '.');
}

static bool has_subtitle_extension(const char *name)
{
    size_t n = stem_length(name);
    return name[n] == '.' && is_subtitle_extension(name + n + 1, strlen(name + n + 1));
}

/* named_only: files that do not carry the movie's name are somebody else's. */
static int search_folder(struct search *search, const char *folder, const struct names *names,
                         bool named_only, int distance)
{
    int r = MD_OK;
    for (size_t i = 0; r == MD_OK && i < names->n; i++) {
        const char *name = names->v[i];
        struct md_subtitle_tags tags;
        if (!has_subtitle_extension(name))
            continue;
        bool named = match_name(search, name, &tags);
        if (!named && named_only)
            continue;
        if (!named)
            md_sidecar_read_tags(name, stem_length(name), &tags);
        md_autofree char *path = md_path_join(folder, name);
        r = path ? add(search, path, &tags, named ? distance : 2) : MD_ERR_NOMEM;
    }
    return r;
}

static bool is_real_folder(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Subs/film.en.srt, Subs/film/2_English.srt, and Subs/2_English.srt where there is one movie. */
static int search_subs(struct search *search, const char *name)
{
    md_autofree char *folder = md_path_join(search->folder, name);
    autonames names = {0};
    if (!folder)
        return MD_ERR_NOMEM;
    if (!is_real_folder(folder))
        return MD_OK;
    int r = list_folder(folder, &names);
    if (r == MD_OK)
        r = search_folder(search, folder, &names, search->movies.n > 0, 1);
    for (size_t i = 0; r == MD_OK && i < names.n; i++) {
        if (strlen(names.v[i]) != search->stem_n ||
            strncasecmp(names.v[i], search->stem, search->stem_n) != 0)
            continue;
        md_autofree char *inner = md_path_join(folder, names.v[i]);
        autonames inner_names = {0};
        if (!inner)
            return MD_ERR_NOMEM;
        if (!is_real_folder(inner))
            continue;
        r = list_folder(inner, &inner_names);
        if (r == MD_OK)
            r = search_folder(search, inner, &inner_names, false, 1);
    }
    return r;
}

/* The stems of the other movies in the folder. */
static int collect_movies(struct search *search, const struct names *names)
{
    for (size_t i = 0; i < names->n; i++) {
        const char *name = names->v[i];
        size_t n = stem_length(name);
        if (name[n] != '.' || !is_movie_extension(name + n + 1, strlen(name + n + 1)) ||
            strcmp(name, search->movie_name) == 0)
            continue;
        char *stem = strndup(name, n);
        if (!stem || md_vec_push(&search->movies, stem) < 0) {
            free(stem);
            return MD_ERR_NOMEM;
        }
    }
    return MD_OK;
}

static int compare_sidecars(const void *a, const void *b)
{
    const struct md_sidecar *x = a, *y = b;
    return x->distance != y->distance ? x->distance - y->distance : strcmp(x->path, y->path);
}

static int search_all(struct search *search)
{
    static const char *const folders[] = {"subs", "sub", "subtitles", NULL};
    autonames names = {0};
    int r = list_folder(search->folder, &names);
    if (r == MD_OK)
        r = collect_movies(search, &names);
    if (r == MD_OK)
        r = search_folder(search, search->folder, &names, true, 0);
    for (size_t i = 0; r == MD_OK && i < names.n; i++)
        if (is_one_of(names.v[i], strlen(names.v[i]), folders))
            r = search_subs(search, names.v[i]);
    if (search->found->n > 1)
        qsort(search->found->v, search->found->n, sizeof *search->found->v, compare_sidecars);
    return r;
}

int md_sidecar_find(const char *movie_path, struct md_sidecar_vec *sidecars)
{
    const char *name = md_path_base(movie_path);
    size_t folder_n = (size_t)(name - movie_path);
    while (folder_n > 1 && movie_path[folder_n - 1] == '/')
        folder_n--;
    md_autofree char *folder = folder_n ? strndup(movie_path, folder_n) : strdup(".");
    if (!folder)
        return MD_ERR_NOMEM;
    struct search search = {.folder = folder,
                            .real_folder = realpath(folder, NULL),
                            .stem = name,
                            .stem_n = stem_length(name),
                            .movie_name = name,
                            .found = sidecars};
    int r = *name ? search_all(&search) : MD_OK;
    names_done(&search.movies);
    free(search.real_folder);
    return r;
}

void md_sidecar_vec_done(struct md_sidecar_vec *sidecars)
{
    for (size_t i = 0; i < sidecars->n; i++) {
        free(sidecars->v[i].path);
        free(sidecars->v[i].shown);
    }
    md_vec_done(sidecars);
}
