/* Slots are threads that live as long as the model. The main thread hands out stretches, takes
 * results back and calls its caller; so callers need no locks, and no callback runs under one. */
#include "infer/speech.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"

static const long poll_ns = 100 * 1000 * 1000;

enum slot_state { SLOT_IDLE, SLOT_WORKING, SLOT_DONE, SLOT_LEAVING };

struct slot {
    struct md_speech *speech;
    int number;
    pthread_t thread;
    bool started;
    enum slot_state state; /* under speech->lock; all below belongs to whom the state says */
    size_t index;
    int threads;
    struct md_speech_style style;
    float *samples;
    size_t count;
    struct md_speech_pieces pieces;
    int result;
    struct md_failure failure;
};

struct md_speech {
    const struct md_speech_backend *backend;
    void *model;
    int slot_count;
    bool broken;
    atomic_bool stop;
    pthread_mutex_t lock; /* of the slots' states */
    pthread_cond_t to_slots, to_main;
    struct slot slots[];
};

void md_speech_pieces_done(struct md_speech_pieces *pieces)
{
    for (size_t i = 0; i < pieces->n; i++) {
        free(pieces->v[i].text);
        md_vec_done(&pieces->v[i].word_us);
    }
    md_vec_done(pieces);
}

static void *slot_main(void *argument)
{
    struct slot *slot = argument;
    struct md_speech *speech = slot->speech;
    pthread_mutex_lock(&speech->lock);
    while (slot->state != SLOT_LEAVING) {
        if (slot->state != SLOT_WORKING) {
            pthread_cond_wait(&speech->to_slots, &speech->lock);
            continue;
        }
        pthread_mutex_unlock(&speech->lock);
        slot->result = speech->backend->decode(speech->model, slot->number, slot->threads,
                                               &slot->style, slot->samples, slot->count,
                                               &speech->stop, &slot->pieces, &slot->failure);
        pthread_mutex_lock(&speech->lock);
        slot->state = SLOT_DONE;
        pthread_cond_signal(&speech->to_main);
    }
    pthread_mutex_unlock(&speech->lock);
    return NULL;
}

static void empty_slot(struct slot *slot)
{
    free(slot->samples);
    slot->samples = NULL;
    md_speech_pieces_done(&slot->pieces);
}

/* Waits a tenth of a second at most; NULL: none is done. */
static struct slot *wait_for_slot(struct md_speech *speech)
{
    struct timespec until;
    struct slot *done = NULL;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += poll_ns;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&speech->lock);
    for (int late = 0; !done && !late;) {
        for (int i = 0; i < speech->slot_count && !done; i++)
            if (speech->slots[i].state == SLOT_DONE)
                done = &speech->slots[i];
        if (!done)
            late = pthread_cond_timedwait(&speech->to_main, &speech->lock, &until);
    }
    if (done)
        done->state = SLOT_IDLE;
    pthread_mutex_unlock(&speech->lock);
    return done;
}

static int slots_in_use(const struct md_speech *speech, const struct md_speech_run *run)
{
    return run->at_once > 0 ? MD_MIN(run->at_once, speech->slot_count) : speech->slot_count;
}

/* Takes samples over. */
static void give_work(struct md_speech *speech, struct slot *slot, size_t index, float *samples,
                      size_t count, const struct md_speech_run *run)
{
    int busy = (int)MD_MIN((size_t)slots_in_use(speech, run), run->count);
    empty_slot(slot);
    slot->index = index;
    slot->samples = samples;
    slot->count = count;
    slot->style = run->style;
    slot->threads = MD_MAX(run->threads / MD_MAX(busy, 1), 1);
    slot->failure = (struct md_failure){0};
    pthread_mutex_lock(&speech->lock);
    slot->state = SLOT_WORKING;
    pthread_cond_broadcast(&speech->to_slots);
    pthread_mutex_unlock(&speech->lock);
}

/* Gives a stretch to every idle slot. Slots that work are not looked at, but for their state. */
static int feed(struct md_speech *speech, const struct md_speech_run *run, size_t *inout_next,
                size_t *inout_busy)
{
    int slots = slots_in_use(speech, run);
    for (int i = 0; i < slots && *inout_next < run->count; i++) {
        struct slot *slot = &speech->slots[i];
        pthread_mutex_lock(&speech->lock);
        bool idle = slot->state == SLOT_IDLE;
        pthread_mutex_unlock(&speech->lock);
        if (!idle)
            continue;
        float *samples = NULL;
        size_t count = 0;
        int r = run->read(run->user, *inout_next, &samples, &count);
        if (r < 0)
            return r;
        give_work(speech, slot, (*inout_next)++, samples, count, run);
        (*inout_busy)++;
    }
    return MD_OK;
}

/* What a finished slot brings; r is what has gone wrong before. */
static int collect(struct md_speech *speech, const struct md_speech_run *run, struct slot *slot,
                   int r)
{
    if (r == MD_OK && slot->result < 0) {
        r = slot->result;
        if (run->failure)
            *run->failure = slot->failure;
    }
    if (r == MD_OK)
        r = run->done(run->user, slot->index, &slot->pieces);
    if (slot->result < 0)
        speech->broken = true;
    empty_slot(slot);
    return r;
}

int md_speech_run(struct md_speech *speech, const struct md_speech_run *run)
{
    size_t next = 0, busy = 0;
    int r = MD_OK;
    if (speech->broken)
        return md_fail(run->failure, MD_ERR_BUG, "the speech model has failed before");
    atomic_store(&speech->stop, false);
    for (;;) {
        if (r == MD_OK)
            r = feed(speech, run, &next, &busy);
        if (busy == 0)
            break;
        struct slot *slot = wait_for_slot(speech);
        if (slot) {
            r = collect(speech, run, slot, r);
            busy--;
        }
        if (r == MD_OK && run->cancelled && run->cancelled(run->user))
            r = md_fail(run->failure, MD_ERR_CANCELLED, "cancelled");
        if (r < 0)
            atomic_store(&speech->stop, true);
    }
    return r;
}

int md_speech_detect(struct md_speech *speech, const struct md_speech_run *run,
                     const char **ret_language)
{
    int languages = speech->backend->language_count(speech->model), best = 0;
    md_autofree float *scores = calloc((size_t)MD_MAX(languages, 1), sizeof *scores);
    if (!scores)
        return md_fail(run->failure, MD_ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < run->count; i++) {
        md_autofree float *samples = NULL;
        size_t count = 0;
        int r = run->read(run->user, i, &samples, &count);
        if (r < 0)
            return r;
        r = speech->backend->detect(speech->model, run->threads, samples, count, scores,
                                    run->failure);
        if (r < 0) {
            speech->broken = true;
            return r;
        }
        if (run->cancelled && run->cancelled(run->user))
            return md_fail(run->failure, MD_ERR_CANCELLED, "cancelled");
    }
    for (int i = 1; i < languages; i++)
        if (scores[i] > scores[best])
            best = i;
    *ret_language = speech->backend->language_code(speech->model, best);
    return MD_OK;
}

/* The largest there is: a full window of noise, which no decoder ends early on. */
static int read_noise(void *user, size_t index, float **ret_samples, size_t *ret_count)
{
    size_t count = (size_t)MD_SPEECH_LONGEST_S * MD_SPEECH_RATE;
    float *samples = malloc(count * sizeof *samples);
    uint32_t seed = 1 + (uint32_t)index;
    (void)user;
    if (!samples)
        return MD_ERR_NOMEM;
    for (size_t i = 0; i < count; i++) {
        seed = seed * 1664525 + 1013904223;
        samples[i] = ((float)(seed >> 8) / 8388608.0f - 1) * 0.1f;
    }
    *ret_samples = samples;
    *ret_count = count;
    return MD_OK;
}

static int ignore_pieces(void *user, size_t index, const struct md_speech_pieces *pieces)
{
    (void)user;
    (void)index;
    (void)pieces;
    return MD_OK;
}

static int warm_up(struct md_speech *speech, const struct md_speech_params *params, int threads,
                   struct md_failure *failure)
{
    struct md_speech_run run = {.user = params->user,
                                .cancelled = params->cancelled,
                                .count = (size_t)speech->slot_count,
                                .threads = threads,
                                .style = {.language = "en"},
                                .read = read_noise,
                                .done = ignore_pieces,
                                .failure = failure};
    return md_speech_run(speech, &run);
}

static int start_slots(struct md_speech *speech)
{
    for (int i = 0; i < speech->slot_count; i++) {
        struct slot *slot = &speech->slots[i];
        slot->speech = speech;
        slot->number = i;
        if (pthread_create(&slot->thread, NULL, slot_main, slot) != 0)
            return MD_ERR_NOMEM;
        slot->started = true;
    }
    return MD_OK;
}

int md_speech_new(const struct md_speech_backend *backend, const struct md_speech_params *params,
                  int threads, struct md_speech **ret_speech, struct md_failure *failure)
{
    if (params->slots < 1 || params->slots > MD_SPEECH_MAX_SLOTS)
        return md_fail(failure, MD_ERR_BUG, "%d stretches at once", params->slots);
    size_t size = sizeof(struct md_speech) + (size_t)params->slots * sizeof(struct slot);
    struct md_speech *speech = calloc(1, size);
    pthread_condattr_t clock;
    if (!speech)
        return md_fail(failure, MD_ERR_NOMEM, "out of memory");
    speech->backend = backend;
    speech->slot_count = params->slots;
    pthread_mutex_init(&speech->lock, NULL);
    pthread_cond_init(&speech->to_slots, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&speech->to_main, &clock);
    pthread_condattr_destroy(&clock);
    int r = backend->open(params, &speech->model, failure);
    if (r == MD_OK && start_slots(speech) < 0)
        r = md_fail(failure, MD_ERR_NOMEM, "out of memory starting threads");
    if (r == MD_OK)
        r = warm_up(speech, params, threads, failure);
    if (r < 0) {
        md_speech_free(speech);
        return r;
    }
    *ret_speech = speech;
    return MD_OK;
}

bool md_speech_is_sound(const struct md_speech *speech)
{
    return !speech->broken;
}

void md_speech_free(struct md_speech *speech)
{
    if (!speech)
        return;
    pthread_mutex_lock(&speech->lock);
    for (int i = 0; i < speech->slot_count; i++)
        speech->slots[i].state = SLOT_LEAVING;
    pthread_cond_broadcast(&speech->to_slots);
    pthread_mutex_unlock(&speech->lock);
    for (int i = 0; i < speech->slot_count; i++) {
        if (speech->slots[i].started)
            pthread_join(speech->slots[i].thread, NULL);
        empty_slot(&speech->slots[i]);
    }
    /* What a failed library left is not touched again: it ends with the process. */
    if (!speech->broken)
        speech->backend->close(speech->model);
    pthread_cond_destroy(&speech->to_slots);
    pthread_cond_destroy(&speech->to_main);
    pthread_mutex_destroy(&speech->lock);
    free(speech);
}
