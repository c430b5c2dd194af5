/* The libraries' messages have no context to tell whom they are for, and their log callback is the
 * process's: so is what is kept here, the one place with state of its own (a worker has one
 * model). A failed allocation shows in the log before anything else happens, and often nothing
 * else tells it from other failures: the words are what is looked for. */
#include "infer/ggml.h"

#include <ggml-backend.h>
#include <ggml.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

static struct {
    const struct md_log *log;
    void (*no_memory)(void);
    atomic_bool out_of_memory;
} process;

static bool tells_no_memory(const char *text)
{
    static const char *const words[] = {
        "failed to allocate",   "out of memory",       "unable to allocate", "failed to init",
        "alloc_tensor_range",   "not enough space",    "bad_alloc",          "cannot allocate",
        "failed to create the", "insufficient memory",
    };
    for (size_t i = 0; i < MD_ARRAY_LEN(words); i++)
        if (strcasestr(text, words[i]))
            return true;
    return false;
}

static void note_no_memory(void)
{
    atomic_store(&process.out_of_memory, true);
    if (process.no_memory)
        process.no_memory();
}

void md_ggml_hear(int level, const char *text, void *unused)
{
    (void)unused;
    size_t n = strcspn(text, "\n");
    bool bad = level == GGML_LOG_LEVEL_ERROR || level == GGML_LOG_LEVEL_WARN;
    if (bad && tells_no_memory(text))
        note_no_memory();
    if (n > 1)
        md_log(process.log, MD_LOG_DEBUG, "ggml", "%.*s", (int)MD_MIN(n, 400), text);
}

static void hear_ggml(enum ggml_log_level level, const char *text, void *unused)
{
    md_ggml_hear((int)level, text, unused);
}

/* The last word before abort(): stderr is what is looked at when a worker is gone. */
static void on_abort(const char *message)
{
    if (tells_no_memory(message) && process.no_memory)
        process.no_memory();
    fprintf(stderr, "ggml: %s\n", message);
}

int md_ggml_check_version(const char *library, const char *is, const char *built,
                          struct md_failure *failure)
{
    size_t n = strspn(built, "0123456789."), m = strspn(is, "0123456789.");
    if (n == m && strncmp(is, built, n) == 0)
        return MD_OK;
    return md_fail(failure, MD_ERR_UNSUPPORTED,
                   "this program was built for %s %s and finds %s %s; build it again", library,
                   built, library, is);
}

int md_ggml_start(const struct md_log *log, void (*no_memory)(void), struct md_failure *failure)
{
    int r = md_ggml_check_version("ggml", ggml_version(), MD_GGML_VERSION, failure);
    if (r < 0)
        return r;
    process.log = log;
    process.no_memory = no_memory;
    /* A crash must not start a debugger to print where. */
    setenv("GGML_NO_BACKTRACE", "1", 1);
    ggml_log_set(hear_ggml, NULL);
    ggml_set_abort_callback(on_abort);
    if (ggml_backend_dev_count() == 0)
        ggml_backend_load_all_from_path(MD_GGML_BACKENDS);
    if (!ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU))
        return md_fail(failure, MD_ERR_EXTERNAL, "no compute backend can be loaded from %s",
                       MD_GGML_BACKENDS);
    return MD_OK;
}

bool md_ggml_take_no_memory(void)
{
    return atomic_exchange(&process.out_of_memory, false);
}

bool md_ggml_has_gpu(void)
{
    return ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_GPU) != NULL;
}

void md_ggml_devices(char *text, size_t size)
{
    size_t used = 0;
    *text = '\0';
    for (size_t i = 0; i < ggml_backend_dev_count() && used < size; i++) {
        ggml_backend_dev_t device = ggml_backend_dev_get(i);
        bool gpu = ggml_backend_dev_type(device) == GGML_BACKEND_DEVICE_TYPE_GPU;
        int n = snprintf(text + used, size - used, "%s%s%s%s", i ? ", " : "",
                         ggml_backend_dev_name(device), gpu ? " " : "",
                         gpu ? ggml_backend_dev_description(device) : "");
        used += n > 0 ? (size_t)n : 0;
    }
    if (!md_ggml_has_gpu() && access(MD_GGML_BACKENDS "/libggml-cuda.so", F_OK) == 0 && used < size)
        snprintf(text + used, size - used,
                 " (the CUDA backend is there but finds no GPU: is NVIDIA's driver installed?)");
}
