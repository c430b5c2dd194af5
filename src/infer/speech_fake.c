/* A recogniser without a model: says what it was given, in numbers. For tests of everything around
 * the real one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "infer/speech.h"

static int fake_open(const struct md_speech_params *params, void **ret_model,
                     struct md_failure *failure)
{
    static const char nothing[] = "a model"; /* to free: one that failed is never closed */
    (void)params;
    (void)failure;
    *ret_model = (void *)(uintptr_t)nothing;
    return MD_OK;
}

static void fake_close(void *model)
{
    (void)model;
}

/* One piece: how long the stretch is, and a sum over it. */
static int fake_decode(void *model, int slot, int threads, const struct md_speech_style *style,
                       const float *samples, size_t count, const atomic_bool *stop,
                       struct md_speech_pieces *ret_pieces, struct md_failure *failure)
{
    char text[96];
    double sum = 0;
    (void)model;
    (void)slot;
    (void)threads;
    if (atomic_load(stop))
        return md_fail(failure, MD_ERR_CANCELLED, "cancelled");
    for (size_t i = 0; i < count; i++)
        sum += samples[i] * (double)(i % 97);
    snprintf(text, sizeof text, "%zu samples in %s, sum %.6g", count,
             style->language ? style->language : "some language", sum);
    struct md_speech_piece piece = {.end_us = (int64_t)count * 1000000 / MD_SPEECH_RATE,
                                    .text = strdup(text),
                                    .probability = 1};
    if (!piece.text || md_vec_push(ret_pieces, piece) < 0) {
        free(piece.text);
        return md_fail(failure, MD_ERR_NOMEM, "out of memory");
    }
    return MD_OK;
}

static int fake_detect(void *model, int threads, const float *samples, size_t count, float *scores,
                       struct md_failure *failure)
{
    (void)model;
    (void)threads;
    (void)failure;
    scores[count > 0 && samples[0] > 0.5f] += 1;
    return MD_OK;
}

static int fake_language_count(void *model)
{
    (void)model;
    return 2;
}

static const char *fake_language_code(void *model, int index)
{
    (void)model;
    return index ? "de" : "en";
}

const struct md_speech_backend md_speech_fake = {
    .name = "fake",
    .open = fake_open,
    .decode = fake_decode,
    .detect = fake_detect,
    .language_count = fake_language_count,
    .language_code = fake_language_code,
    .close = fake_close,
};
