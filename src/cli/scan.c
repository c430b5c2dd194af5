/* fts(3) walks folders of any depth with bounded memory and detects cycles. A file in a folder is
 * taken for a movie when its name or its first bytes say so; the probe has the last word. Names
 * alone are not enough (a recording without extension), nor are bytes (a damaged .mp4 must be
 * reported, not passed over in silence). */
#include "cli/scan.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/utf8.h"

static const char *const movie_extensions[] = {
    "mp4", "m4v",  "mkv",  "webm",  "avi", "mov",    "qt",  "wmv", "asf",  "ts",   "m2ts", "mts",
    "m2t", "mpg",  "mpeg", "mpe",   "m2v", "m1v",    "vob", "ogv", "ogm",  "flv",  "f4v",  "3gp",
    "3g2", "divx", "rm",   "rmvb",  "mxf", "dv",     "nut", "y4m", "h264", "h265", "hevc", "ivf",
    "264", "265",  "mjpg", "mjpeg", "wtv", "dvr-ms", "amv", "trp", NULL};

/* Containers of movies that also hold music, pictures or unfinished downloads. */
static const char *const other_extensions[] = {
    "m4a",  "m4b",        "m4p",  "m4r",  "oga",  "ogg",  "opus", "spx", "wma",
    "mka",  "mks",        "heic", "heif", "avif", "wav",  "mp3",  "mp2", "aac",
    "part", "crdownload", "jp2",  "jpx",  "cr3",  "webp", NULL};

static bool extension_in(const char *path, const char *const *list)
{
    const char *dot = strrchr(md_path_base(path), '.');
    if (!dot || !dot[1])
        return false;
    for (; *list; list++)
        if (strcasecmp(dot + 1, *list) == 0)
            return true;
    return false;
}

bool md_scan_has_movie_name(const char *path)
{
    return extension_in(path, movie_extensions);
}

struct signature {
    size_t at;
    size_t n;
    const char *bytes;
};

static bool starts_with(const unsigned char *bytes, size_t n, const struct signature *s)
{
    return s->at + s->n <= n && memcmp(bytes + s->at, s->bytes, s->n) == 0;
}

/* A transport stream repeats its sync byte every 188 bytes (192 with time codes, on Blu-ray). */
static bool is_transport_stream(const unsigned char *bytes, size_t n)
{
    static const size_t packet_bytes[] = {188, 192, 204};
    enum { PACKETS = 5 };
    for (size_t i = 0; i < MD_ARRAY_LEN(packet_bytes); i++) {
        size_t offset = packet_bytes[i] == 192 ? 4 : 0;
        size_t k = 0;
        while (k < PACKETS && offset + k * packet_bytes[i] < n &&
               bytes[offset + k * packet_bytes[i]] == 0x47)
            k++;
        if (k == PACKETS)
            return true;
    }
    return false;
}

bool md_scan_looks_like_movie(const unsigned char *bytes, size_t n)
{
    static const struct signature signatures[] = {
        {0, 4, "\x1A\x45\xDF\xA3"}, /* Matroska, WebM */
        {4, 4, "ftyp"},             /* MP4, QuickTime, 3GP */
        {4, 4, "moov"},
        {4, 4, "mdat"},
        {4, 4, "wide"},
        {8, 4, "AVI "},
        {0, 4, "\x30\x26\xB2\x75"}, /* ASF, WMV */
        {0, 4, "\x00\x00\x01\xBA"}, /* MPEG program stream */
        {0, 4, "\x00\x00\x01\xB3"}, /* MPEG video */
        {0, 4, "FLV\x01"},
        {0, 4, "OggS"},
        {0, 4, ".RMF"},
        {0, 4, "\x06\x0E\x2B\x34"}, /* MXF */
        {0, 9, "YUV4MPEG2"},
        {0, 4, "DKIF"}, /* IVF */
        {0, 14, "nut/multimedia"},
    };
    for (size_t i = 0; i < MD_ARRAY_LEN(signatures); i++)
        if (starts_with(bytes, n, &signatures[i]))
            return true;
    return is_transport_stream(bytes, n);
}

static bool is_candidate(const char *path)
{
    enum { SNIFF_BYTES = 2048 };
    unsigned char bytes[SNIFF_BYTES];
    if (md_scan_has_movie_name(path))
        return true;
    if (extension_in(path, other_extensions))
        return false;
    md_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t n = fd < 0 ? -1 : read(fd, bytes, sizeof bytes);
    return n > 0 && md_scan_looks_like_movie(bytes, (size_t)n);
}

char *md_scan_folder_name(const char *path)
{
    /* 255 bytes are the usual limit of a name; a suffix must still fit. */
    enum { MAX_NAME_BYTES = 180 };
    char name[MAX_NAME_BYTES];
    const char *base = md_path_base(path);
    const char *dot = strrchr(base, '.');
    size_t n = dot && dot > base ? (size_t)(dot - base) : strlen(base);
    size_t out = md_utf8_sanitize(name, sizeof name, base, n);
    for (size_t i = 0; i < out; i++)
        if (strchr("/\\:*?\"<>|", name[i]))
            name[i] = '_';
    /* Windows drops dots and spaces at the end; a leading dot hides, a leading dash is an option.
     */
    while (out > 0 && (name[out - 1] == '.' || name[out - 1] == ' '))
        name[--out] = '\0';
    char *start = name;
    while (*start == ' ')
        start++;
    if (*start == '.' || *start == '-')
        *start = '_';
    return strdup(*start ? start : "movie");
}

/* --- the walk --- */

struct known_file {
    dev_t dev;
    ino_t ino;
};
struct known_files MD_VEC(struct known_file);

struct walk {
    struct md_scan *scan;
    struct known_files files;
    const char *output;
    bool has_output;
    struct known_file output_folder;
    bool out_of_memory;
};

static bool met_before(struct walk *walk, const struct stat *st)
{
    for (size_t i = 0; i < walk->files.n; i++)
        if (walk->files.v[i].dev == st->st_dev && walk->files.v[i].ino == st->st_ino)
            return true;
    if (md_vec_push(&walk->files, (struct known_file){st->st_dev, st->st_ino}) < 0)
        walk->out_of_memory = true;
    return false;
}

static void add_error(struct walk *walk, const char *path, int errno_value, const char *what)
{
    struct md_scan_error error = {.path = strdup(path)};
    if (errno_value)
        md_fail_errno(&error.failure, errno_value, "%s %s", what, path);
    else
        md_fail(&error.failure, MD_ERR_INPUT, "%s is %s", path, what);
    if (!error.path || md_vec_push(&walk->scan->errors, error) < 0) {
        free(error.path);
        walk->out_of_memory = true;
    }
}

static bool folder_taken(const struct md_scan *scan, const char *folder)
{
    for (size_t i = 0; i < scan->movies.n; i++)
        if (strcasecmp(scan->movies.v[i].out_dir, folder) == 0)
            return true;
    return false;
}

/* What tells two movies of one name apart, also in a later run over only one of them. */
static uint64_t place_hash(const char *path)
{
    md_autofree char *real = realpath(path, NULL);
    const char *text = real ? real : path;
    return md_hash(MD_HASH_START, text, strlen(text));
}

enum { STAMP_DIGITS = 16, MAX_STAMP_BYTES = 64 };

static void format_stamp(char out[STAMP_DIGITS + 2], uint64_t place)
{
    snprintf(out, STAMP_DIGITS + 2, "%016" PRIx64 "\n", place);
}

/* Does the folder hold the digest of another movie? */
static bool belongs_to_another(const char *folder, uint64_t place)
{
    char own[STAMP_DIGITS + 2];
    md_autofree char *stamp = md_path_join(folder, MD_SCAN_STAMP);
    md_autofree char *text = NULL;
    if (!stamp || md_file_read(stamp, MAX_STAMP_BYTES, &text, NULL, NULL) < 0)
        return false;
    format_stamp(own, place);
    return strcmp(text, own) != 0;
}

int md_scan_claim(const struct md_candidate *movie, struct md_failure *failure)
{
    char own[STAMP_DIGITS + 2];
    md_autofree char *stamp = md_path_join(movie->out_dir, MD_SCAN_STAMP);
    int r = md_mkdir_p(movie->out_dir, failure);
    if (r < 0)
        return r;
    if (!stamp)
        return md_fail(failure, MD_ERR_NOMEM, "out of memory");
    if (access(stamp, F_OK) == 0)
        return MD_OK;
    format_stamp(own, place_hash(movie->path));
    return md_file_write_atomic(stamp, own, strlen(own), failure);
}

static char *choose_out_dir(struct walk *walk, const char *path)
{
    uint64_t place = place_hash(path);
    md_autofree char *name = md_scan_folder_name(path);
    char *folder = name ? md_path_join(walk->output, name) : NULL;
    if (!folder || (!folder_taken(walk->scan, folder) && !belongs_to_another(folder, place)))
        return folder;
    size_t n = strlen(folder);
    char *longer = realloc(folder, n + 10);
    if (!longer) {
        free(folder);
        return NULL;
    }
    snprintf(longer + n, 10, "-%08" PRIx32, (uint32_t)(place ^ place >> 32));
    return longer;
}

static void add_movie(struct walk *walk, const char *path, const struct stat *st, bool named)
{
    if (met_before(walk, st))
        return;
    struct md_candidate movie = {
        .path = strdup(path), .out_dir = choose_out_dir(walk, path), .named = named};
    if (!movie.path || !movie.out_dir || md_vec_push(&walk->scan->movies, movie) < 0) {
        free(movie.path);
        free(movie.out_dir);
        walk->out_of_memory = true;
    }
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

/* A digest is not digested again. */
static bool is_digest_folder(const char *path)
{
    md_autofree char *stamp = md_path_join(path, MD_SCAN_STAMP);
    return stamp && access(stamp, F_OK) == 0;
}

static bool is_output(const struct walk *walk, const struct stat *st)
{
    return walk->has_output && st->st_dev == walk->output_folder.dev &&
           st->st_ino == walk->output_folder.ino;
}

static void visit(struct walk *walk, FTS *fts, FTSENT *entry)
{
    struct stat st;
    bool inside = entry->fts_level > FTS_ROOTLEVEL;
    switch (entry->fts_info) {
    case FTS_D:
        if (inside && (entry->fts_name[0] == '.' || is_output(walk, entry->fts_statp) ||
                       is_digest_folder(entry->fts_accpath)))
            fts_set(fts, entry, FTS_SKIP);
        break;
    case FTS_DNR:
    case FTS_ERR:
    case FTS_NS:
        add_error(walk, entry->fts_path, entry->fts_errno, "cannot read");
        break;
    case FTS_F:
    case FTS_SL:
        if (entry->fts_name[0] != '.' && stat(entry->fts_accpath, &st) == 0 &&
            S_ISREG(st.st_mode) && is_candidate(entry->fts_accpath))
            add_movie(walk, entry->fts_path, &st, false);
        break;
    default:
        break;
    }
}

static void walk_folder(struct walk *walk, const char *path)
{
    char *const roots[] = {(char *)path, NULL};
    FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, by_name);
    if (!fts) {
        add_error(walk, path, errno, "cannot read");
        return;
    }
    FTSENT *entry;
    while (!walk->out_of_memory && (entry = fts_read(fts)))
        visit(walk, fts, entry);
    fts_close(fts);
}

static void walk_path(struct walk *walk, const char *path)
{
    struct stat st;
    if (stat(path, &st) < 0)
        add_error(walk, path, errno, "cannot read");
    else if (S_ISDIR(st.st_mode))
        walk_folder(walk, path);
    else if (S_ISREG(st.st_mode))
        add_movie(walk, path, &st, true);
    else
        add_error(walk, path, 0, "neither a file nor a folder");
}

int md_scan_paths(const char *const *paths, size_t n, const char *output, struct md_scan *ret_scan)
{
    struct stat st;
    struct walk walk = {.scan = ret_scan, .output = output};
    *ret_scan = (struct md_scan){0};
    if (stat(output, &st) == 0) {
        walk.has_output = true;
        walk.output_folder = (struct known_file){st.st_dev, st.st_ino};
    }
    for (size_t i = 0; i < n && !walk.out_of_memory; i++)
        walk_path(&walk, paths[i]);
    md_vec_done(&walk.files);
    if (walk.out_of_memory)
        md_scan_done(ret_scan);
    return walk.out_of_memory ? MD_ERR_NOMEM : MD_OK;
}

char *md_scan_absolute(const char *path)
{
    const char *base = md_path_base(path);
    md_autofree char *folder = base == path ? strdup(".") : strndup(path, (size_t)(base - path));
    md_autofree char *real = folder ? realpath(folder, NULL) : NULL;
    /* A name that is none ("..", "a/") is part of the folder. */
    if (!*base || strcmp(base, ".") == 0 || strcmp(base, "..") == 0) {
        char *whole = realpath(path, NULL);
        if (whole)
            return whole;
    } else if (real) {
        return md_path_join(real, base);
    }
    if (path[0] == '/')
        return strdup(path);
    md_autofree char *current = getcwd(NULL, 0);
    return current ? md_path_join(current, path) : NULL;
}

void md_scan_done(struct md_scan *scan)
{
    for (size_t i = 0; i < scan->movies.n; i++) {
        free(scan->movies.v[i].path);
        free(scan->movies.v[i].out_dir);
    }
    for (size_t i = 0; i < scan->errors.n; i++)
        free(scan->errors.v[i].path);
    md_vec_done(&scan->movies);
    md_vec_done(&scan->errors);
}
