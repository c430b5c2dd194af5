/* hear-directly: libwhisper alone on the chunks that moviedigest-asr would give it.
 *
 *   hear-directly MODEL WORK [STATES [THREADS [all]]]
 *
 * WORK is the work folder of a movie whose audio stage is done. STATES chunks are decoded side by
 * side (1), each by THREADS threads (1); with "all" the windows are not chosen: 30 s each from the
 * beginning to the end, silence too. MODEL "-" only plans. Nothing of MovieDigest runs between two
 * calls of the library; its parameters are the worker's. Prints one JSON object: what loading took,
 * what the chunks took, how many there were and how much of them was filled. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <whisper.h>

#include <ggml-backend.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "infer/speech.h"
#include "workers/asr_sound.h"

enum { MOST_STATES = 16 };

struct direct {
    struct whisper_context *context;
    struct md_asr_sound sound;
    pthread_mutex_t reading;
    size_t next; /* chunk; under reading */
    int threads; /* of a state */
    atomic_int failed;
    atomic_long bytes; /* of text */
};

struct cost {
    double wall_s, cpu_s;
};

static void quiet(enum ggml_log_level level, const char *text, void *unused)
{
    (void)unused;
    if (level == GGML_LOG_LEVEL_ERROR)
        fputs(text, stderr);
}

static struct cost now(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (struct cost){(double)md_clock_monotonic_us() / 1e6,
                         (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
                             (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6};
}

/* The same as infer/whisper.c asks for. */
static struct whisper_full_params make_params(const struct direct *d)
{
    struct whisper_full_params p = whisper_full_default_params(WHISPER_SAMPLING_GREEDY);
    p.n_threads = d->threads;
    p.greedy.best_of = 1;
    p.temperature_inc = 0;
    p.no_context = true;
    p.n_max_text_ctx = 0;
    p.language = "en";
    p.token_timestamps = true;
    p.print_progress = p.print_realtime = p.print_timestamps = p.print_special = false;
    return p;
}

static bool take_chunk(struct direct *d, float **ret_samples, size_t *ret_count)
{
    pthread_mutex_lock(&d->reading);
    size_t chunk = d->next;
    bool some = chunk < d->sound.chunks.n;
    d->next += some;
    if (some && md_asr_sound_read(&d->sound, chunk, ret_samples, ret_count) < 0) {
        d->failed = 1;
        some = false;
    }
    pthread_mutex_unlock(&d->reading);
    return some;
}

struct slot {
    struct direct *direct;
    struct whisper_state *state;
    pthread_t thread;
};

static void *decode(void *argument)
{
    const struct slot *slot = argument;
    struct direct *d = slot->direct;
    float *samples;
    size_t count;
    while (!d->failed && take_chunk(d, &samples, &count)) {
        if (whisper_full_with_state(d->context, slot->state, make_params(d), samples, (int)count) !=
            0)
            d->failed = 1;
        free(samples);
        for (int i = 0; i < whisper_full_n_segments_from_state(slot->state); i++)
            d->bytes += (long)strlen(whisper_full_get_segment_text_from_state(slot->state, i));
    }
    return NULL;
}

/* In place of those that were planned. */
static int take_all(struct md_asr_sound *sound)
{
    sound->chunks.n = 0;
    for (int64_t at_us = 0; at_us < sound->audio->duration_us; at_us += MD_CHUNK_LONGEST_US) {
        int64_t end_us = MD_MIN(at_us + MD_CHUNK_LONGEST_US, sound->audio->duration_us);
        struct md_chunk chunk = {
            .pieces = {{at_us, end_us}}, .piece_count = 1, .length_us = end_us - at_us};
        if (md_vec_push(&sound->chunks, chunk) < 0)
            return MD_ERR_NOMEM;
    }
    return MD_OK;
}

static bool load(struct direct *d, const char *model, struct slot *slots, int states)
{
    struct whisper_context_params settings = whisper_context_default_params();
    whisper_log_set(quiet, NULL);
    ggml_log_set(quiet, NULL);
    ggml_backend_load_all_from_path(MD_GGML_BACKENDS);
    settings.use_gpu = settings.flash_attn = false;
    d->context = whisper_init_from_file_with_params_no_state(model, settings);
    for (int i = 0; d->context && i < states; i++) {
        slots[i] = (struct slot){.direct = d, .state = whisper_init_state(d->context)};
        if (!slots[i].state)
            return false;
    }
    return d->context != NULL;
}

static void run(struct slot *slots, int states)
{
    for (int i = 1; i < states; i++)
        if (pthread_create(&slots[i].thread, NULL, decode, &slots[i]) != 0)
            slots[i].direct->failed = 1;
    decode(&slots[0]);
    for (int i = 1; i < states && !slots[0].direct->failed; i++)
        pthread_join(slots[i].thread, NULL);
}

static void print(const struct direct *d, struct cost start, struct cost loaded, struct cost end)
{
    int64_t filled_us = 0;
    for (size_t i = 0; i < d->sound.chunks.n; i++)
        filled_us += d->sound.chunks.v[i].length_us;
    printf("{\"chunks\": %zu, \"filled_s\": %.3f, \"duration_s\": %.3f, \"text_bytes\": %ld, "
           "\"load_wall_s\": %.3f, \"load_cpu_s\": %.3f, \"wall_s\": %.3f, \"cpu_s\": %.3f}\n",
           d->sound.chunks.n, (double)filled_us / 1e6, (double)d->sound.audio->duration_us / 1e6,
           (long)d->bytes, loaded.wall_s - start.wall_s, loaded.cpu_s - start.cpu_s,
           end.wall_s - loaded.wall_s, end.cpu_s - loaded.cpu_s);
}

int main(int argc, char **argv)
{
    struct md_failure failure = {0};
    struct md_audio audio = {0};
    struct slot slots[MOST_STATES];
    struct direct d = {.reading = PTHREAD_MUTEX_INITIALIZER, .threads = 1};
    int states = argc > 3 ? atoi(argv[3]) : 1;
    if (argc > 4)
        d.threads = atoi(argv[4]);
    if (argc < 3 || states < 1 || states > MOST_STATES || d.threads < 1) {
        fprintf(stderr, "usage: hear-directly MODEL WORK [STATES [THREADS [all]]]\n");
        return 2;
    }
    const struct md_stage_env env = {.work_dir = argv[2], .failure = &failure};
    int r = md_artifact_load(&md_artifact_audio, argv[2], &audio, &failure);
    if (r == MD_OK)
        r = md_asr_sound_open(&d.sound, &env, &audio);
    if (r == MD_OK && argc > 5 && strcmp(argv[5], "all") == 0)
        r = take_all(&d.sound);
    struct cost start = now();
    const bool decodes = strcmp(argv[1], "-") != 0;
    if (r < 0 || (decodes && !load(&d, argv[1], slots, states))) {
        fprintf(stderr, "hear-directly: %s\n", failure.message);
        return 1;
    }
    struct cost loaded = now();
    if (decodes)
        run(slots, states);
    print(&d, start, loaded, now());
    for (int i = 0; i < states && decodes && !d.failed; i++)
        whisper_free_state(slots[i].state);
    whisper_free(d.context);
    md_asr_sound_close(&d.sound);
    md_artifact_done(&md_artifact_audio, &audio);
    return d.failed;
}
