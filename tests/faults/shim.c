/* Makes the N-th operation of a kind fail, in the main program or in its workers, from outside:
 * preloaded, so that the programs under test are the very ones that people get.
 *
 *   MD_FAULT_WHAT     malloc, mmap, open, write, fsync, rename, spawn or thread
 *   MD_FAULT_WHO      main, worker (any), or which one: media, asr, llm
 *   MD_FAULT_AT       N, from 1: counted over all processes of the run, so that a transient fault
 *                     happens once and not once in each worker that is started anew
 *   MD_FAULT_KIND     once, or forever from there on
 *   MD_FAULT_COUNTER  a file of at least sizeof(struct counter), shared by all of them
 *
 * What it passes on it passes on to the C library's own entry points or to the kernel. */
/* Every function under its own name. */
#undef _FILE_OFFSET_BITS
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define SEEN __attribute__((visibility("default")))

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

struct counter {
    _Atomic int64_t operations; /* of the kind, so far */
    _Atomic int64_t failed;     /* of them made to fail */
    _Atomic int64_t fds_left;   /* open in the main program at its end, beside 0, 1 and 2 */
};

enum what { NOTHING, MALLOC, MMAP, OPEN, WRITE, FSYNC, RENAME, SPAWN, THREAD };
static const char *const names[] = {"",      "malloc", "mmap",  "open",  "write",
                                    "fsync", "rename", "spawn", "thread"};

static enum what what;
static bool forever, is_main;
static int64_t at;
static struct counter *counter;

static int (*next_spawn)(pid_t *, const char *, const posix_spawn_file_actions_t *,
                         const posix_spawnattr_t *, char *const[], char *const[]);
static int (*next_thread)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
static FILE *(*next_fopen)(const char *, const char *);
static DIR *(*next_opendir)(const char *);

static void find(const char *name, void *ret)
{
    void *found = dlsym(RTLD_NEXT, name);
    memcpy(ret, &found, sizeof found);
}

static bool concerns_us(void)
{
    char path[4096] = "";
    const char *who = getenv("MD_FAULT_WHO");
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    const char *base = n > 0 ? strrchr(path, '/') : NULL;
    if (!who || !base)
        return false;
    is_main = strcmp(base, "/moviedigest") == 0;
    if (strcmp(who, "main") == 0)
        return is_main;
    return strncmp(base, "/moviedigest-", 13) == 0 &&
           (strcmp(who, "worker") == 0 || strcmp(who, base + 13) == 0);
}

/* Constructors of other libraries may call in before ours ran. */
static void find_next(void)
{
    find("posix_spawn", &next_spawn);
    find("pthread_create", &next_thread);
    find("fopen", &next_fopen);
    find("opendir", &next_opendir);
}

__attribute__((constructor)) static void begin(void)
{
    find_next();
    const char *path = getenv("MD_FAULT_COUNTER"), *wanted = getenv("MD_FAULT_WHAT");
    const char *number = getenv("MD_FAULT_AT"), *kind = getenv("MD_FAULT_KIND");
    bool ours = concerns_us();
    if (!path || !wanted || !number || (!ours && !is_main))
        return;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
    void *memory =
        (void *)syscall(SYS_mmap, NULL, sizeof *counter, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (memory == MAP_FAILED)
        return;
    counter = memory;
    at = strtoll(number, NULL, 10);
    forever = kind && strcmp(kind, "forever") == 0;
    for (int i = 1; ours && i < (int)(sizeof names / sizeof *names); i++)
        if (strcmp(wanted, names[i]) == 0)
            what = (enum what)i;
}

__attribute__((destructor)) static void end(void)
{
    if (!is_main || !counter)
        return;
    what = NOTHING;
    for (int fd = 3; fd < 256; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            counter->fds_left++;
}

/* Is this the one? */
static bool fails(enum what kind, int error)
{
    if (kind != what)
        return false;
    int64_t number = atomic_fetch_add(&counter->operations, 1) + 1;
    if (number != at && !(forever && number > at))
        return false;
    atomic_fetch_add(&counter->failed, 1);
    errno = error;
    return true;
}

/* Memory */

SEEN void *malloc(size_t size)
{
    return fails(MALLOC, ENOMEM) ? NULL : __libc_malloc(size);
}

SEEN void *calloc(size_t count, size_t size)
{
    return fails(MALLOC, ENOMEM) ? NULL : __libc_calloc(count, size);
}

SEEN void *realloc(void *old, size_t size)
{
    return size && fails(MALLOC, ENOMEM) ? NULL : __libc_realloc(old, size);
}

SEEN void *memalign(size_t alignment, size_t size)
{
    return fails(MALLOC, ENOMEM) ? NULL : __libc_memalign(alignment, size);
}

SEEN void *aligned_alloc(size_t alignment, size_t size)
{
    return memalign(alignment, size);
}

SEEN int posix_memalign(void **ret, size_t alignment, size_t size)
{
    void *memory = memalign(alignment, size);
    if (!memory)
        return ENOMEM;
    *ret = memory;
    return 0;
}

SEEN void *mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
    if (fails(MMAP, ENOMEM))
        return MAP_FAILED;
    return (void *)syscall(SYS_mmap, address, size, protection, flags, fd, offset);
}

SEEN void *mmap64(void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
    return mmap(address, size, protection, flags, fd, offset);
}

SEEN int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *),
                        void *user)
{
    if (!next_thread)
        find_next();
    return fails(THREAD, EAGAIN) ? EAGAIN : next_thread(thread, attributes, start, user);
}

/* Descriptors */

static int open_at(int folder, const char *path, int flags, va_list ap)
{
    unsigned mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(ap, unsigned) : 0;
    if (fails(OPEN, EMFILE))
        return -1;
    return (int)syscall(SYS_openat, folder, path, flags, mode);
}

#define OPEN_LIKE(name, folder_parameter, folder)                                                  \
    SEEN int name(folder_parameter const char *path, int flags, ...)                               \
    {                                                                                              \
        va_list ap;                                                                                \
        va_start(ap, flags);                                                                       \
        int fd = open_at(folder, path, flags, ap);                                                 \
        va_end(ap);                                                                                \
        return fd;                                                                                 \
    }
#define NO_FOLDER
#define A_FOLDER int at_folder,
OPEN_LIKE(open, NO_FOLDER, AT_FDCWD)
OPEN_LIKE(open64, NO_FOLDER, AT_FDCWD)
OPEN_LIKE(openat, A_FOLDER, at_folder)
OPEN_LIKE(openat64, A_FOLDER, at_folder)

SEEN FILE *fopen(const char *path, const char *mode)
{
    if (!next_fopen)
        find_next();
    return fails(OPEN, EMFILE) ? NULL : next_fopen(path, mode);
}

SEEN FILE *fopen64(const char *path, const char *mode)
{
    return fopen(path, mode);
}

SEEN DIR *opendir(const char *path)
{
    if (!next_opendir)
        find_next();
    return fails(OPEN, EMFILE) ? NULL : next_opendir(path);
}

SEEN int socketpair(int domain, int type, int protocol, int fds[2])
{
    return fails(OPEN, EMFILE) ? -1 : (int)syscall(SYS_socketpair, domain, type, protocol, fds);
}

SEEN int pipe2(int fds[2], int flags)
{
    return fails(OPEN, EMFILE) ? -1 : (int)syscall(SYS_pipe2, fds, flags);
}

SEEN int epoll_create1(int flags)
{
    return fails(OPEN, EMFILE) ? -1 : (int)syscall(SYS_epoll_create1, flags);
}

SEEN int epoll_ctl(int epoll, int action, int fd, struct epoll_event *event)
{
    if (action == EPOLL_CTL_ADD && fails(OPEN, ENOMEM))
        return -1;
    return (int)syscall(SYS_epoll_ctl, epoll, action, fd, event);
}

SEEN int timerfd_create(int clock, int flags)
{
    return fails(OPEN, EMFILE) ? -1 : (int)syscall(SYS_timerfd_create, clock, flags);
}

/* Files */

static bool is_regular(int fd)
{
    struct stat status;
    return what == WRITE && fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

SEEN ssize_t write(int fd, const void *bytes, size_t size)
{
    if (is_regular(fd) && fails(WRITE, ENOSPC))
        return -1;
    return syscall(SYS_write, fd, bytes, size);
}

SEEN int fsync(int fd)
{
    return fails(FSYNC, EIO) ? -1 : (int)syscall(SYS_fsync, fd);
}

SEEN int fdatasync(int fd)
{
    return fails(FSYNC, EIO) ? -1 : (int)syscall(SYS_fdatasync, fd);
}

SEEN int rename(const char *from, const char *to)
{
    return fails(RENAME, EIO) ? -1 : (int)syscall(SYS_rename, from, to);
}

SEEN int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
                     const posix_spawnattr_t *attributes, char *const argv[], char *const envp[])
{
    return fails(SPAWN, EAGAIN) ? EAGAIN : next_spawn(pid, path, actions, attributes, argv, envp);
}
