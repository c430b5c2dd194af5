/* Plain POSIX calls. Atomic writes follow the order that survives power loss on ext4, xfs and
 * btrfs: write, fsync the file, rename, fsync the folder. */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

static int read_all(int fd, char *data, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t n = read(fd, data + done, size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        done += (size_t)n;
    }
    return done == size ? 0 : -EIO;
}

int md_file_read(const char *path, size_t max_bytes, char **ret_data, size_t *ret_size,
                 struct md_failure *failure)
{
    struct stat st;
    /* O_NONBLOCK: a FIFO named like a subtitle must not hang us. */
    md_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) < 0)
        return md_fail_errno(failure, errno, "cannot open %s", path);
    if (!S_ISREG(st.st_mode))
        return md_fail(failure, MD_ERR_INPUT, "%s is not a regular file", path);
    if ((uint64_t)st.st_size > max_bytes)
        return md_fail(failure, MD_ERR_INPUT,
                       "%s is larger than the %zu bytes allowed for its kind", path, max_bytes);
    size_t size = (size_t)st.st_size;
    md_autofree char *data = malloc(size + 1);
    if (!data)
        return md_fail(failure, MD_ERR_NOMEM, "out of memory reading %s", path);
    int r = read_all(fd, data, size);
    if (r < 0)
        return md_fail_errno(failure, -r, "cannot read %s", path);
    data[size] = '\0';
    *ret_data = md_take_ptr(data);
    if (ret_size)
        *ret_size = size;
    return MD_OK;
}

static int write_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, data, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        data += n;
        size -= (size_t)n;
    }
    return 0;
}

static int sync_folder_of(const char *path)
{
    md_autofree char *folder = strdup(path);
    if (!folder)
        return -ENOMEM;
    char *slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder ? 1 : 0] = '\0';
    md_autoclose int fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    /* Some file systems cannot fsync a folder; the rename itself has succeeded by then. */
    if (fsync(fd) < 0 && errno != EINVAL && errno != ENOTSUP)
        return -errno;
    return 0;
}

int md_file_temp_name(const char *path, char **ret_temp)
{
    size_t n = strlen(path);
    char *temp = malloc(n + sizeof ".part");
    if (!temp)
        return MD_ERR_NOMEM;
    memcpy(temp, path, n);
    memcpy(temp + n, ".part", sizeof ".part");
    *ret_temp = temp;
    return MD_OK;
}

int md_file_commit(const char *temp, const char *path, struct md_failure *failure)
{
    md_autoclose int fd = open(temp, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) < 0 || rename(temp, path) < 0)
        return md_fail_errno(failure, errno, "cannot finish writing %s", path);
    int r = sync_folder_of(path);
    if (r < 0)
        return md_fail_errno(failure, -r, "cannot finish writing %s", path);
    return MD_OK;
}

int md_file_write_atomic(const char *path, const void *data, size_t size,
                         struct md_failure *failure)
{
    md_autofree char *temp = NULL;
    if (md_file_temp_name(path, &temp) < 0)
        return md_fail(failure, MD_ERR_NOMEM, "out of memory writing %s", path);
    int r = 0;
    {
        md_autoclose int fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        r = fd < 0 ? -errno : write_all(fd, data, size);
    }
    if (r < 0) {
        unlink(temp);
        return md_fail_errno(failure, -r, "cannot write %s", path);
    }
    r = md_file_commit(temp, path, failure);
    if (r < 0)
        unlink(temp);
    return r;
}

int md_file_append(const char *path, const void *data, size_t size, struct md_failure *failure)
{
    md_autoclose int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    int r = fd < 0 ? -errno : write_all(fd, data, size);
    if (r < 0)
        return md_fail_errno(failure, -r, "cannot write %s", path);
    return MD_OK;
}

static int make_one_folder(const char *path)
{
    struct stat st;
    if (mkdir(path, 0777) == 0)
        return 0;
    int why = errno;
    if (why != EEXIST)
        return -why;
    if (stat(path, &st) < 0)
        return -errno;
    return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

int md_mkdir_p(const char *path, struct md_failure *failure)
{
    md_autofree char *copy = strdup(path);
    if (!copy)
        return md_fail(failure, MD_ERR_NOMEM, "out of memory creating folder %s", path);
    int r = 0;
    for (char *p = copy + 1; r == 0 && *copy && *p; p++) {
        if (*p != '/')
            continue;
        *p = '\0';
        r = make_one_folder(copy);
        *p = '/';
    }
    if (r == 0)
        r = make_one_folder(copy);
    if (r == -ENOTDIR)
        return md_fail(failure, MD_ERR_INPUT, "cannot create folder %s: a file is in the way",
                       path);
    if (r < 0)
        return md_fail_errno(failure, -r, "cannot create folder %s", path);
    return MD_OK;
}

char *md_path_join(const char *folder, const char *name)
{
    size_t n = strlen(folder), m = strlen(name);
    bool slash = n > 0 && folder[n - 1] != '/';
    char *path = malloc(n + m + 2);
    if (!path)
        return NULL;
    memcpy(path, folder, n);
    if (slash)
        path[n++] = '/';
    memcpy(path + n, name, m + 1);
    return path;
}

const char *md_path_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static int remove_entry(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

int md_remove_tree(const char *path, struct md_failure *failure)
{
    enum { MAX_OPEN_FDS = 16 };
    if (nftw(path, remove_entry, MAX_OPEN_FDS, FTW_DEPTH | FTW_PHYS) < 0 && errno != ENOENT)
        return md_fail_errno(failure, errno, "cannot remove %s", path);
    return MD_OK;
}

uint64_t md_hash(uint64_t hash, const void *data, size_t n)
{
    const unsigned char *p = data;
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ p[i]) * 0x100000001b3u;
    return hash;
}

int md_file_identify(const char *path, struct md_file_identity *ret_identity,
                     struct md_failure *failure)
{
    enum { BLOCK_BYTES = 64 * 1024, BLOCKS = 16 };
    struct stat st;
    md_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) < 0)
        return md_fail_errno(failure, errno, "cannot open %s", path);
    if (!S_ISREG(st.st_mode))
        return md_fail(failure, MD_ERR_INPUT, "%s is not a regular file", path);
    md_autofree unsigned char *block = malloc(BLOCK_BYTES);
    if (!block)
        return md_fail(failure, MD_ERR_NOMEM, "out of memory reading %s", path);
    uint64_t hash = md_hash(MD_HASH_START, &st.st_size, sizeof st.st_size);
    for (int i = 0; i < BLOCKS; i++) {
        off_t at = st.st_size <= BLOCK_BYTES ? 0 : (st.st_size - BLOCK_BYTES) * i / (BLOCKS - 1);
        ssize_t n = pread(fd, block, BLOCK_BYTES, at);
        if (n < 0)
            return md_fail_errno(failure, errno, "cannot read %s", path);
        hash = md_hash(hash, block, (size_t)n);
        if (st.st_size <= BLOCK_BYTES)
            break;
    }
    *ret_identity = (struct md_file_identity){
        .size_bytes = st.st_size,
        .mtime_ns = st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec,
        .sample_hash = hash,
    };
    return MD_OK;
}

void md_remove_parts(const char *folder)
{
    static const char suffix[] = ".part";
    DIR *dir = opendir(folder);
    if (!dir)
        return;
    for (struct dirent *entry; (entry = readdir(dir));) {
        size_t n = strlen(entry->d_name);
        if (n > sizeof suffix - 1 && strcmp(entry->d_name + n - (sizeof suffix - 1), suffix) == 0)
            unlinkat(dirfd(dir), entry->d_name, 0);
    }
    closedir(dir);
}
