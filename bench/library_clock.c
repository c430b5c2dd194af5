/* Preloaded into a worker: notes each call of libwhisper or libllama that does work, a line
 *
 *   NAME PID START END CPU    microseconds of the monotonic clock; of the calling thread's CPU
 *
 * added to the file MD_LIBRARY_CLOCK. So what a worker takes beside the library is known within one
 * run, whatever else the machine does. With one thread a call the thread's CPU time is the call's.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <llama.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <whisper.h>

struct stamp {
    long long wall_us, cpu_us;
};

static long long us_of(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static struct stamp now(void)
{
    return (struct stamp){us_of(CLOCK_MONOTONIC), us_of(CLOCK_THREAD_CPUTIME_ID)};
}

static void note(const char *name, struct stamp start)
{
    struct stamp end = now();
    const char *path = getenv("MD_LIBRARY_CLOCK");
    char line[160];
    int n = snprintf(line, sizeof line, "%s %ld %lld %lld %lld\n", name, (long)getpid(),
                     start.wall_us, end.wall_us, end.cpu_us - start.cpu_us);
    int fd = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
    if (fd < 0)
        return;
    if (write(fd, line, (size_t)n) != n)
        _exit(99);
    close(fd);
}

/* One function of a library: TYPE NAME(PARAMETERS), called with ARGUMENTS. */
#define CLOCKED(TYPE, NAME, PARAMETERS, ARGUMENTS)                                                 \
    __attribute__((visibility("default"))) TYPE NAME PARAMETERS                                    \
    {                                                                                              \
        static TYPE(*real) PARAMETERS;                                                             \
        if (!real)                                                                                 \
            real = (TYPE(*) PARAMETERS)dlsym(RTLD_NEXT, #NAME);                                    \
        struct stamp start = now();                                                                \
        TYPE result = real ARGUMENTS;                                                              \
        note(#NAME, start);                                                                        \
        return result;                                                                             \
    }

CLOCKED(struct whisper_context *, whisper_init_from_file_with_params_no_state,
        (const char *path, struct whisper_context_params params), (path, params))
CLOCKED(struct whisper_state *, whisper_init_state, (struct whisper_context * context), (context))
CLOCKED(int, whisper_full_with_state,
        (struct whisper_context * context, struct whisper_state *state,
         struct whisper_full_params params, const float *samples, int count),
        (context, state, params, samples, count))

CLOCKED(struct llama_model *, llama_model_load_from_file,
        (const char *path, struct llama_model_params params), (path, params))
CLOCKED(struct llama_context *, llama_init_from_model,
        (struct llama_model * model, struct llama_context_params params), (model, params))
CLOCKED(int32_t, llama_decode, (struct llama_context * context, struct llama_batch batch),
        (context, batch))
CLOCKED(int32_t, llama_tokenize,
        (const struct llama_vocab *vocab, const char *text, int32_t length, llama_token *tokens,
         int32_t most, bool add_special, bool parse_special),
        (vocab, text, length, tokens, most, add_special, parse_special))
CLOCKED(struct llama_sampler *, llama_sampler_init_grammar,
        (const struct llama_vocab *vocab, const char *grammar, const char *root),
        (vocab, grammar, root))

/* The two that return nothing. */
__attribute__((visibility("default"))) void llama_sampler_apply(struct llama_sampler *sampler,
                                                                llama_token_data_array *candidates)
{
    static void (*real)(struct llama_sampler *, llama_token_data_array *);
    if (!real)
        real = (void (*)(struct llama_sampler *, llama_token_data_array *))dlsym(
            RTLD_NEXT, "llama_sampler_apply");
    struct stamp start = now();
    real(sampler, candidates);
    note("llama_sampler_apply", start);
}

__attribute__((visibility("default"))) void llama_sampler_accept(struct llama_sampler *sampler,
                                                                 llama_token token)
{
    static void (*real)(struct llama_sampler *, llama_token);
    if (!real)
        real =
            (void (*)(struct llama_sampler *, llama_token))dlsym(RTLD_NEXT, "llama_sampler_accept");
    struct stamp start = now();
    real(sampler, token);
    note("llama_sampler_accept", start);
}
