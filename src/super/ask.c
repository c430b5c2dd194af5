/* A child with two pipes and a deadline. What it measures is kept by the file's identity: a dry run
 * reads the whole vocabulary, which takes a second for large ones. */
#include "super/ask.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/utf8.h"
#include "super/process.h"

extern char **environ;

static const int64_t patience_us = 30 * MD_SECOND_US; /* a slow disk, a busy machine */
static const size_t most_measures = 256 << 10;        /* bytes of the file that keeps them */

static const char *const programs[MD_EXECUTORS] = {
    [MD_EXECUTOR_ASR] = "moviedigest-asr",
    [MD_EXECUTOR_LLM] = "moviedigest-llm",
};

struct answer {
    char out[512], err[512]; /* NUL-ended, cut */
    int status;              /* of waitpid */
    bool late;               /* it was ended */
};

static int spawn_child(const char *path, char *const *argv, int out, int err, pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, every;
    sigemptyset(&none);
    sigfillset(&every);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, out, 1);
    posix_spawn_file_actions_adddup2(&actions, err, 2);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &every);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    int r = posix_spawn(ret_pid, path, &actions, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return r;
}

/* Takes what is there; false at the end. What does not fit is dropped. */
static bool take_bytes(int fd, char *text, size_t size)
{
    char bytes[512];
    ssize_t n = read(fd, bytes, sizeof bytes);
    size_t used = strlen(text);
    if (n > 0) {
        size_t kept = MD_MIN((size_t)n, size - 1 - used);
        memcpy(text + used, bytes, kept);
        text[used + kept] = '\0';
    }
    return n > 0 || (n < 0 && errno == EINTR);
}

static void listen_to(int out, int err, int64_t until_us, struct answer *answer)
{
    struct pollfd fds[] = {{.fd = out, .events = POLLIN}, {.fd = err, .events = POLLIN}};
    while (fds[0].fd >= 0 || fds[1].fd >= 0) {
        int64_t left_us = until_us - md_clock_monotonic_us();
        if (left_us <= 0 || (poll(fds, 2, (int)(left_us / 1000) + 1) < 0 && errno != EINTR))
            return;
        for (int i = 0; i < 2; i++)
            if (fds[i].fd >= 0 && fds[i].revents &&
                !take_bytes(fds[i].fd, i ? answer->err : answer->out, sizeof answer->out))
                fds[i].fd = -1;
    }
}

static void end_child(pid_t pid, int64_t until_us, struct answer *answer)
{
    const struct timespec moment = {.tv_nsec = 1000000};
    for (;;) {
        pid_t r = waitpid(pid, &answer->status, WNOHANG);
        if (r == pid || (r < 0 && errno != EINTR))
            return;
        if (md_clock_monotonic_us() >= until_us && !answer->late) {
            kill(pid, SIGKILL);
            answer->late = true;
        }
        nanosleep(&moment, NULL);
    }
}

/* argv[0] is replaced by the program's path. */
static int ask(enum md_executor executor, char **argv, struct answer *ret,
               struct md_failure *failure)
{
    int out[2], err[2];
    md_autofree char *path = NULL;
    pid_t pid;
    *ret = (struct answer){0};
    int r = md_process_find(programs[executor], &path, NULL);
    if (r < 0)
        return md_fail(failure, r, "this moviedigest was built without %s: see docs/models.md",
                       executor == MD_EXECUTOR_ASR ? "speech recognition (moviedigest-asr)"
                                                   : "language models (moviedigest-llm)");
    argv[0] = path;
    if (pipe2(out, O_CLOEXEC) < 0)
        return md_fail_errno(failure, errno, "cannot make a pipe");
    md_autoclose int out_read = out[0], out_write = out[1];
    if (pipe2(err, O_CLOEXEC) < 0)
        return md_fail_errno(failure, errno, "cannot make a pipe");
    md_autoclose int err_read = err[0], err_write = err[1];
    r = spawn_child(path, argv, out_write, err_write, &pid);
    if (r == ENOENT) /* the program is there: what starts it is not */
        return md_fail(failure, MD_ERR_UNSUPPORTED,
                       "%s cannot start, since the libraries it was built with are gone; make the "
                       "runtime again with tools/make-runtime, or build again",
                       programs[executor]);
    if (r)
        return md_fail_errno(failure, r, "cannot start %s", path);
    close(md_take_fd(&out_write));
    close(md_take_fd(&err_write));
    int64_t until_us = md_clock_monotonic_us() + patience_us;
    listen_to(out_read, err_read, until_us, ret);
    end_child(pid, until_us, ret);
    return MD_OK;
}

/* The first line, fit to be shown. */
static void first_line(const char *text, char *line, size_t size)
{
    md_utf8_sanitize(line, size, text, strcspn(text, "\n"));
}

int md_ask_worker(enum md_executor executor, struct md_worker_facts *ret_facts,
                  struct md_failure *failure)
{
    char word[] = "--check", line[400];
    char *argv[] = {NULL, word, NULL};
    struct answer answer;
    int r = ask(executor, argv, &answer, failure);
    if (r < 0)
        return r;
    if (answer.late)
        return md_fail(failure, MD_ERR_UNSUPPORTED, "%s does not answer", programs[executor]);
    if (!WIFEXITED(answer.status) || WEXITSTATUS(answer.status) != 0) {
        first_line(answer.err, line, sizeof line);
        return md_fail(failure, MD_ERR_UNSUPPORTED, "%s cannot be used: %s", programs[executor],
                       line[0] ? line : "it ended at once");
    }
    *ret_facts = (struct md_worker_facts){.has_gpu = strstr(answer.out, "CUDA0") ||
                                                     strstr(answer.out, "Vulkan0")};
    first_line(answer.out, ret_facts->text, sizeof ret_facts->text);
    return MD_OK;
}

/* ---- measuring ---- */

/* Everything the answer depends on. */
static int measure_key(const char *path, int64_t context, int sequences, enum md_settings settings,
                       uint64_t *ret_key, struct md_failure *failure)
{
    struct md_file_identity identity;
    struct md_worker_facts facts;
    int r = md_ask_worker(MD_EXECUTOR_LLM, &facts, failure);
    if (r == MD_OK)
        r = md_file_identify(path, &identity, failure);
    if (r < 0)
        return r;
    char text[700];
    int n = snprintf(text, sizeof text, "%" PRId64 " %" PRId64 " %" PRIx64 " %" PRId64 " %d %s %s",
                     identity.size_bytes, identity.mtime_ns, identity.sample_hash, context,
                     sequences, md_settings_names[settings], facts.text);
    *ret_key = md_hash(MD_HASH_START, text, (size_t)n);
    return MD_OK;
}

static bool parse_numbers(const char *text, struct md_measured *ret)
{
    const int64_t most = INT64_C(1) << 48;
    struct md_measured m;
    if (sscanf(text, "%" SCNd64 " %" SCNd64, &m.device_bytes, &m.host_bytes) != 2 ||
        m.device_bytes < 0 || m.host_bytes < 0 || m.device_bytes > most || m.host_bytes > most ||
        m.device_bytes + m.host_bytes == 0)
        return false;
    *ret = m;
    return true;
}

/* A line each: the key, then the answer; the last one counts. */
static bool recall(const char *measures, uint64_t key, struct md_measured *ret)
{
    md_autofree char *text = NULL;
    char name[20];
    bool found = false;
    if (!measures || md_file_read(measures, most_measures, &text, NULL, NULL) < 0)
        return false;
    snprintf(name, sizeof name, "%016" PRIx64 " ", key);
    for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n')
        if (strncmp(line, name, strlen(name)) == 0 && parse_numbers(line + strlen(name), ret))
            found = true;
    return found;
}

/* Best effort: what cannot be kept is measured again. */
static void remember(const char *measures, uint64_t key, const struct md_measured *m)
{
    char line[80];
    md_autofree char *text = NULL, *folder = measures ? strdup(measures) : NULL;
    if (!folder)
        return;
    folder[md_path_base(measures) - measures] = '\0';
    int n = snprintf(line, sizeof line, "%016" PRIx64 " %" PRId64 " %" PRId64 "\n", key,
                     m->device_bytes, m->host_bytes);
    if (*folder && md_mkdir_p(folder, NULL) < 0)
        return;
    /* Full, or not to be read: begun anew. */
    if (md_file_read(measures, most_measures - sizeof line, &text, NULL, NULL) == MD_ERR_INPUT)
        (void)md_file_write_atomic(measures, line, (size_t)n, NULL);
    else
        (void)md_file_append(measures, line, (size_t)n, NULL);
}

static int run_measure(const char *path, int64_t context, int sequences, enum md_settings settings,
                       struct md_measured *ret, struct md_failure *failure)
{
    char word[] = "--measure", tokens[24], count[16], name[8], line[400];
    md_autofree char *model = strdup(path);
    if (!model)
        return md_fail(failure, MD_ERR_NOMEM, "out of memory");
    snprintf(tokens, sizeof tokens, "%" PRId64, context);
    snprintf(count, sizeof count, "%d", sequences);
    snprintf(name, sizeof name, "%s", md_settings_names[settings]);
    char *argv[] = {NULL, word, model, tokens, count, name, NULL};
    struct answer answer;
    int r = ask(MD_EXECUTOR_LLM, argv, &answer, failure);
    if (r < 0)
        return r;
    first_line(answer.err, line, sizeof line);
    bool ended = !answer.late && WIFEXITED(answer.status);
    if (ended && WEXITSTATUS(answer.status) == 0 && parse_numbers(answer.out, ret))
        return MD_OK;
    if (ended && WEXITSTATUS(answer.status) == 1)
        return md_fail(failure, MD_ERR_INPUT, "%s cannot be used: %s", path, line);
    return md_fail(failure, MD_ERR_EXTERNAL, "what %s takes cannot be measured%s%s", path,
                   line[0] ? ": " : "", line);
}

int md_ask_measure(const char *path, int64_t context, int sequences, enum md_settings settings,
                   const char *measures, struct md_measured *ret, struct md_failure *failure)
{
    uint64_t key = 0;
    int r = measure_key(path, context, sequences, settings, &key, failure);
    if (r < 0)
        return r;
    if (recall(measures, key, ret))
        return MD_OK;
    r = run_measure(path, context, sequences, settings, ret, failure);
    if (r == MD_OK)
        remember(measures, key, ret);
    return r;
}

/* From the dry run: one sequence, and many. ret_host: of the first, in main memory. */
static int measure_both(const char *path, int64_t context, enum md_settings settings,
                        const char *measures, struct md_model_memory *ret_memory,
                        int64_t *ret_host_bytes, struct md_failure *failure)
{
    enum { MANY = 4 };
    struct md_measured one, many;
    int r = md_ask_measure(path, context, 1, settings, measures, &one, failure);
    if (r == MD_OK)
        r = md_ask_measure(path, context, MANY, settings, measures, &many, failure);
    if (r < 0)
        return r;
    int64_t first = one.device_bytes + one.host_bytes;
    /* Each sequence has its own part of the cache; nothing else grows. */
    int64_t unit = (many.device_bytes + many.host_bytes - first) / (MANY - 1);
    if (unit <= 0 || unit >= first)
        return md_fail(failure, MD_ERR_EXTERNAL, "what was measured of %s makes no sense", path);
    *ret_memory = (struct md_model_memory){.resident_bytes = first - unit, .unit_bytes = unit};
    *ret_host_bytes = one.host_bytes;
    return MD_OK;
}

int md_ask_model(const char *path, const struct md_model_file *file, const struct md_model_use *use,
                 const char *measures, struct md_model_memory *ret_memory, bool *ret_exact,
                 struct md_failure *failure)
{
    int64_t host_bytes = 0;
    *ret_exact = false;
    md_model_file_memory(file, use, ret_memory);
    if (file->kind != MD_MODEL_GGUF)
        return MD_OK;
    int r = measure_both(path, use->context, MD_SETTINGS_NORMAL, measures, ret_memory, &host_bytes,
                         failure);
    *ret_exact = r == MD_OK;
    return r == MD_ERR_INPUT ? r : MD_OK;
}

void md_ask_smaller(const char *path, const struct md_model_file *file, int64_t context,
                    enum md_settings settings, bool on_cpu, const char *measures,
                    struct md_model_memory *ret_memory)
{
    struct md_failure ignored;
    struct md_model_memory whole;
    struct md_model_use use = md_model_use_at(settings, context);
    use.half_layers &= !on_cpu; /* there they stay where they are */
    int64_t host_bytes = 0, whole_host_bytes = 0;
    md_model_file_memory(file, &use, ret_memory);
    if (use.half_layers) /* without the library's word: about half of what is there */
        ret_memory->resident_bytes /= 2;
    if (measure_both(path, context, settings, measures, ret_memory, &host_bytes, &ignored) < 0 ||
        !use.half_layers)
        return;
    /* Layers that are not on the GPU are in main memory; what is there in any case is left in, as
     * it is for the whole model. */
    if (measure_both(path, context, MD_SETTINGS_SMALL, measures, &whole, &whole_host_bytes,
                     &ignored) == MD_OK)
        ret_memory->resident_bytes -=
            MD_CLAMP(host_bytes - whole_host_bytes, 0, ret_memory->resident_bytes - 1);
}
