/* libwhisper: one model and a state for each slot. States that decode side by side on one model are
 * what the library's own parallel mode does.
 *
 * Chosen so that the text of a stretch depends on nothing else:
 * - greedy, one candidate (best_of 1), no fallback to higher temperatures: the fallback draws from
 * a random generator that lives as long as the state, and rebuilds the state's caches at seven
 *   times their size in mid-run;
 * - no text of earlier windows as a prompt;
 * - no flash attention on the CPU: there it divides the sums among the threads, and the last bits
 *   depend on how many there are.
 *
 * After a failed call nothing is freed: the library frees states that are still ours, and leaves
 * buffers NULL that it does not look at again. */
#include "infer/speech.h"

#include <ctype.h>
#include <string.h>
#include <whisper.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/utf8.h"
#include "infer/ggml.h"
#include "infer/model_file.h"
#include "model/language.h"

static const int64_t tick_us = 10000; /* whisper counts hundredths of a second */

struct model {
    struct whisper_context *context;
    int state_count;
    struct whisper_state *states[MD_SPEECH_MAX_SLOTS];
};

static void hear(enum ggml_log_level level, const char *text, void *unused)
{
    md_ggml_hear((int)level, text, unused);
}

/* A failure that memory explains is out-of-memory, whatever the call returned. */
static int fail(struct md_failure *failure, const char *what)
{
    if (md_ggml_take_no_memory())
        return md_fail(failure, MD_ERR_NOMEM, "not enough memory to %s", what);
    return md_fail(failure, MD_ERR_EXTERNAL, "libwhisper failed to %s", what);
}

static int load(struct model *model, const struct md_speech_params *params,
                struct md_failure *failure)
{
    struct whisper_context_params settings = whisper_context_default_params();
    settings.use_gpu = !params->cpu_only && md_ggml_has_gpu();
    settings.flash_attn = settings.use_gpu;
    model->context = whisper_init_from_file_with_params_no_state(params->model_path, settings);
    if (!model->context)
        return fail(failure, "load the speech model");
    for (int i = 0; i < params->slots; i++) {
        model->states[i] = whisper_init_state(model->context);
        if (!model->states[i])
            return fail(failure, "prepare the speech model");
        model->state_count++;
    }
    return MD_OK;
}

static int whisper_open(const struct md_speech_params *params, void **ret_model,
                        struct md_failure *failure)
{
    struct md_model_file file;
    int r = md_model_file_read(params->model_path, &file, failure);
    if (r == MD_OK && file.kind != MD_MODEL_WHISPER)
        r = md_fail(failure, MD_ERR_INPUT, "%s is not a Whisper model", params->model_path);
    if (r == MD_OK)
        r = md_ggml_check_version("whisper", whisper_version(), MD_WHISPER_VERSION, failure);
    if (r == MD_OK)
        r = md_ggml_start(params->log, params->no_memory, failure);
    if (r < 0)
        return r;
    whisper_log_set(hear, NULL);
    struct model *model = calloc(1, sizeof *model);
    if (!model)
        return md_fail(failure, MD_ERR_NOMEM, "out of memory");
    r = load(model, params, failure);
    if (r < 0)
        free(model);
    else
        *ret_model = model;
    return r;
}

static void whisper_close(void *opaque)
{
    struct model *model = opaque;
    if (!model)
        return;
    for (int i = 0; i < model->state_count; i++)
        whisper_free_state(model->states[i]);
    whisper_free(model->context);
    free(model);
}

static bool must_stop(void *opaque)
{
    return atomic_load((const atomic_bool *)opaque);
}

/* The library's own code for a language however people write it; NULL: none, or not known. */
static const char *code_of(const char *language)
{
    char name[64] = "";
    int id = language ? whisper_lang_id(language) : -1;
    const char *english = language && id < 0 ? md_language_name(language) : NULL;
    for (size_t i = 0; english && english[i] && i < sizeof name - 1; i++)
        name[i] = (char)tolower((unsigned char)english[i]);
    if (name[0])
        id = whisper_lang_id(name);
    return id >= 0 ? whisper_lang_str(id) : NULL;
}

static struct whisper_full_params make_params(struct model *model, int threads,
                                              const struct md_speech_style *style,
                                              const atomic_bool *stop)
{
    struct whisper_full_params p = whisper_full_default_params(WHISPER_SAMPLING_GREEDY);
    p.n_threads = threads;
    p.greedy.best_of = 1;
    p.temperature_inc = 0;
    p.no_context = true;
    p.n_max_text_ctx = style->prompt ? whisper_n_text_ctx(model->context) / 2 : 0;
    p.initial_prompt = style->prompt;
    p.carry_initial_prompt = style->prompt != NULL;
    p.translate = style->translate;
    p.language = whisper_is_multilingual(model->context) ? code_of(style->language) : "en";
    p.token_timestamps = true;
    p.suppress_blank = true;
    p.print_progress = p.print_realtime = p.print_timestamps = p.print_special = false;
    p.abort_callback = must_stop;
    p.abort_callback_user_data = (void *)(uintptr_t)stop;
    return p;
}

static float mean_probability(struct whisper_state *state, int segment)
{
    int n = whisper_full_n_tokens_from_state(state, segment);
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += whisper_full_get_token_p_from_state(state, segment, i);
    return n > 0 ? (float)(sum / n) : 0;
}

/* A piece being put together from tokens, which end anywhere: within words, within characters. */
struct building {
    struct md_str text, word; /* word: bytes as they come */
    struct md_ints times;
    int64_t start_us, end_us; /* of the word */
    bool timed;
};

static void building_done(struct building *b)
{
    md_str_done(&b->text);
    md_str_done(&b->word);
    md_vec_done(&b->times);
}

static int end_word(struct building *b)
{
    if (b->word.n == 0)
        return MD_OK;
    size_t size = 3 * b->word.n + 1;
    md_autofree char *clean = malloc(size);
    if (!clean)
        return MD_ERR_NOMEM;
    size_t n = md_utf8_sanitize(clean, size, b->word.s, b->word.n);
    md_str_done(&b->word);
    b->word = (struct md_str){0};
    if (n == 0)
        return MD_OK;
    if (b->text.n > 0)
        md_str_append_char(&b->text, ' ');
    md_str_append_n(&b->text, clean, n);
    int r = md_vec_push(&b->times, b->start_us);
    return r == MD_OK ? md_vec_push(&b->times, b->end_us) : r;
}

static int add_token(struct building *b, const char *text, const whisper_token_data *token)
{
    b->timed &= token->t0 >= 0 && token->t1 >= token->t0;
    for (; *text; text++) {
        if (isspace((unsigned char)*text)) {
            if (end_word(b) < 0)
                return MD_ERR_NOMEM;
            continue;
        }
        if (b->word.n == 0)
            b->start_us = token->t0 * tick_us;
        md_str_append_char(&b->word, *text);
        b->end_us = token->t1 * tick_us;
    }
    return MD_OK;
}

/* The library's times of tokens are a guess from the loudness between two of its timestamps: they
 * are brought into order within the piece. */
static void order_times(struct md_speech_piece *piece)
{
    int64_t last_us = piece->start_us;
    for (size_t i = 0; i < piece->word_us.n; i++) {
        piece->word_us.v[i] = MD_CLAMP(piece->word_us.v[i], last_us, piece->end_us);
        last_us = piece->word_us.v[i];
    }
}

static int build_text(struct model *model, struct whisper_state *state, int segment,
                      struct building *b)
{
    int n = whisper_full_n_tokens_from_state(state, segment), r = MD_OK;
    for (int i = 0; i < n && r == MD_OK; i++) {
        whisper_token_data token = whisper_full_get_token_data_from_state(state, segment, i);
        if (token.id >= whisper_token_eot(model->context))
            continue;
        r = add_token(b, whisper_full_get_token_text_from_state(model->context, state, segment, i),
                      &token);
    }
    return r == MD_OK ? end_word(b) : r;
}

/* A piece of text; nothing when there is none in it. */
static int take_piece(struct model *model, struct whisper_state *state, int segment,
                      int64_t longest_us, struct md_speech_pieces *pieces)
{
    struct building b = {.timed = true};
    int r = build_text(model, state, segment, &b);
    if (r < 0 || md_str_failed(&b.text) || md_str_failed(&b.word) || b.text.n == 0) {
        bool empty = r == MD_OK && !md_str_failed(&b.text) && !md_str_failed(&b.word);
        building_done(&b);
        return empty ? MD_OK : MD_ERR_NOMEM;
    }
    struct md_speech_piece piece = {
        .start_us = whisper_full_get_segment_t0_from_state(state, segment) * tick_us,
        .end_us = whisper_full_get_segment_t1_from_state(state, segment) * tick_us,
        .probability = mean_probability(state, segment),
        .no_speech = whisper_full_get_segment_no_speech_prob_from_state(state, segment),
    };
    piece.start_us = MD_CLAMP(piece.start_us, 0, longest_us);
    piece.end_us = MD_CLAMP(piece.end_us, piece.start_us, longest_us);
    piece.text = md_str_take(&b.text);
    if (b.timed) {
        piece.word_us = b.times;
        b.times = (struct md_ints){0};
        order_times(&piece);
    }
    building_done(&b);
    if (piece.text && md_vec_push(pieces, piece) == MD_OK)
        return MD_OK;
    free(piece.text);
    md_vec_done(&piece.word_us);
    return MD_ERR_NOMEM;
}

static int whisper_decode_slot(void *opaque, int slot, int threads,
                               const struct md_speech_style *style, const float *samples,
                               size_t count, const atomic_bool *stop,
                               struct md_speech_pieces *ret_pieces, struct md_failure *failure)
{
    struct model *model = opaque;
    struct whisper_state *state = model->states[slot];
    int64_t longest_us = (int64_t)count * 1000000 / MD_SPEECH_RATE;
    struct whisper_full_params params = make_params(model, threads, style, stop);
    if (count > (size_t)MD_SPEECH_LONGEST_S * MD_SPEECH_RATE)
        return md_fail(failure, MD_ERR_BUG, "a stretch of sound is too long");
    int r = whisper_full_with_state(model->context, state, params, samples, (int)count);
    if (r != 0 && atomic_load(stop))
        return md_fail(failure, MD_ERR_CANCELLED, "cancelled");
    if (r != 0)
        return fail(failure, "transcribe");
    int segments = whisper_full_n_segments_from_state(state);
    for (int i = 0; i < segments; i++)
        if (take_piece(model, state, i, longest_us, ret_pieces) < 0)
            return md_fail(failure, MD_ERR_NOMEM, "out of memory");
    return MD_OK;
}

static int whisper_detect(void *opaque, int threads, const float *samples, size_t count,
                          float *scores, struct md_failure *failure)
{
    struct model *model = opaque;
    struct whisper_state *state = model->states[0];
    int languages = whisper_lang_max_id() + 1;
    if (!whisper_is_multilingual(model->context)) {
        scores[whisper_lang_id("en")] += 1;
        return MD_OK;
    }
    md_autofree float *likely = calloc((size_t)languages, sizeof *likely);
    if (!likely)
        return md_fail(failure, MD_ERR_NOMEM, "out of memory");
    if (whisper_pcm_to_mel_with_state(model->context, state, samples, (int)count, threads) != 0 ||
        whisper_lang_auto_detect_with_state(model->context, state, 0, threads, likely) < 0)
        return fail(failure, "tell the language");
    for (int i = 0; i < languages; i++)
        scores[i] += likely[i];
    return MD_OK;
}

static int whisper_language_count(void *opaque)
{
    (void)opaque;
    return whisper_lang_max_id() + 1;
}

static const char *whisper_language_code(void *opaque, int index)
{
    (void)opaque;
    return whisper_lang_str(index);
}

const struct md_speech_backend md_speech_whisper = {
    .name = "whisper",
    .open = whisper_open,
    .decode = whisper_decode_slot,
    .detect = whisper_detect,
    .language_count = whisper_language_count,
    .language_code = whisper_language_code,
    .close = whisper_close,
};
