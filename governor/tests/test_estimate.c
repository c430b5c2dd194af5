/* Predictions and what history makes of them. */
#include "testing.h"

#include <gov/estimate.h>
#include <gov/history.h>

static int setup(void **state)
{
    struct gov_history *history;
    assert_int_equal(gov_history_new(&gov_config_default, 4, &history), 0);
    *state = history;
    return 0;
}

static int teardown(void **state)
{
    gov_history_free(*state);
    return 0;
}

/*
 * Peak anonymous memory of `ffmpeg -threads N -i FILE -t 5 -an -f null -`, FFmpeg 5.1, in MB. The
 * formula must stay within 20 % or 7 MB of each.
 */
static void decoding_is_predicted_as_it_was_measured(void **state)
{
    (void)state;
    static const struct {
        int32_t width, height, threads, measured_mb;
    } rows[] = {
        {640, 360, 1, 15},    {640, 360, 2, 18},    {640, 360, 8, 29},    {854, 480, 1, 18},
        {854, 480, 2, 22},    {854, 480, 8, 37},    {960, 540, 1, 15},    {960, 540, 2, 19},
        {960, 540, 8, 37},    {1280, 720, 1, 26},   {1280, 720, 2, 31},   {1280, 720, 8, 56},
        {4096, 1744, 1, 122}, {4096, 1744, 2, 142}, {4096, 1744, 8, 271},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct gov_video_shape shape = {.width = rows[i].width,
                                        .height = rows[i].height,
                                        .chroma_w_shift = 1,
                                        .chroma_h_shift = 1,
                                        .decoder_threads = rows[i].threads};
        double predicted = (double)gov_estimate_video(&gov_config_default, &shape) / 1e6;
        double error = predicted - rows[i].measured_mb;
        double allowed = rows[i].measured_mb * 0.2 > 7 ? rows[i].measured_mb * 0.2 : 7;
        if (error > allowed || error < -allowed)
            fail_msg("%dx%d, %d threads: %.1f MB predicted, %d measured", rows[i].width,
                     rows[i].height, rows[i].threads, predicted, rows[i].measured_mb);
    }
}

static void more_of_anything_is_never_predicted_smaller(void **state)
{
    (void)state;
    struct gov_video_shape base = {
        .width = 1920, .height = 1080, .chroma_w_shift = 1, .chroma_h_shift = 1};
    int64_t bytes = gov_estimate_video(&gov_config_default, &base);
    struct gov_video_shape more[] = {base, base, base, base, base, base, base};
    more[0].width = 3840;
    more[1].height = 2160;
    more[2].bits_per_sample = 10;
    more[3].chroma_h_shift = 0;
    more[4].decoder_threads = 2;
    more[5].reference_frames = 16;
    more[6].batch_frames = 1;
    for (size_t i = 0; i < sizeof more / sizeof more[0]; i++)
        assert_true(gov_estimate_video(&gov_config_default, &more[i]) > bytes);
    assert_int_equal(gov_video_frame_bytes(&base), 1920 * 1088 * 3 / 2);
}

static void broken_headers_get_the_safe_default(void **state)
{
    (void)state;
    static const struct gov_video_shape broken[] = {
        {.width = 0},
        {.width = 1920, .height = 0},
        {.width = -1920, .height = 1080},
        {.width = INT32_MAX, .height = INT32_MAX},
        {.width = 64, .height = 64, .bits_per_sample = 99},
        {.width = 64, .height = 64, .chroma_w_shift = -1},
        {.width = 64, .height = 64, .chroma_h_shift = 60},
        {.width = 64, .height = 64, .decoder_threads = INT32_MAX},
        {.width = 64, .height = 64, .batch_frames = -1},
        {.width = 64, .height = 64, .constant_bytes = -1},
    };
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++)
        assert_int_equal(gov_estimate_video(&gov_config_default, &broken[i]), 4 * GOV_GB);
    struct gov_video_shape huge = {.width = 16384,
                                   .height = 16384,
                                   .bits_per_sample = 16,
                                   .batch_frames = INT32_MAX,
                                   .constant_bytes = INT64_MAX};
    assert_true(gov_estimate_video(&gov_config_default, &huge) == INT64_MAX);
}

static void the_buffer_falls_from_fifteen_to_ten_percent(void **state)
{
    (void)state;
    const struct gov_config *c = &gov_config_default;
    assert_true(gov_estimate_buffer_percent(c, 0) == 15);
    assert_true(gov_estimate_buffer_percent(c, -3) == 15);
    assert_true(gov_estimate_buffer_percent(c, 4) == 13);
    assert_true(gov_estimate_buffer_percent(c, 10) == 10);
    assert_true(gov_estimate_buffer_percent(c, INT64_MAX) == 10);
    struct gov_config none = *c;
    none.buffer_settled_count = 0;
    assert_true(gov_estimate_buffer_percent(&none, 0) == 10);
    assert_int_equal(gov_estimate_with_buffer(c, 1, 0), 2); /* rounded up */
    assert_int_equal(gov_estimate_with_buffer(c, 0, 0), 0);
    assert_true(gov_estimate_with_buffer(c, INT64_MAX, 0) == INT64_MAX);
}

static double factor(struct gov_history *history)
{
    return gov_history_correct(history, "r", GOV_GB).factor;
}

static void an_unknown_regime_leaves_a_prediction_alone(void **state)
{
    struct gov_prediction p = gov_history_correct(*state, "r", 123);
    assert_int_equal(p.bytes, 123);
    assert_int_equal(p.count, 0);
    assert_true(p.factor == 1);
    struct gov_regime_stats stats;
    assert_int_equal(gov_history_stats(*state, "r", &stats), GOV_E_NOT_FOUND);
}

static void too_low_is_corrected_at_once_and_too_high_slowly(void **state)
{
    struct gov_history *h = *state;
    assert_int_equal(gov_history_add(h, "low", GOV_GB, 3 * GOV_GB), 0);
    assert_int_equal(gov_history_correct(h, "low", GOV_GB).bytes, 3 * GOV_GB);
    assert_int_equal(gov_history_add(h, "r", 2 * GOV_GB, GOV_GB), 0);
    double after_one = factor(h);
    assert_true(after_one > 0.83 && after_one < 0.84); /* 1 - 0.5 / 3 */
    for (int i = 0; i < 30; i++)
        gov_history_add(h, "r", 2 * GOV_GB, GOV_GB);
    assert_true(factor(h) < 0.54);
}

static void a_few_outliers_do_not_move_the_correction(void **state)
{
    struct gov_history *h = *state;
    for (int i = 0; i < 30; i++)
        gov_history_add(h, "r", GOV_GB, i % 6 == 0 ? 50 * GOV_GB : 1200 * GOV_MB);
    assert_true(factor(h) > 1.199 && factor(h) < 1.201);
    struct gov_regime_stats stats;
    assert_int_equal(gov_history_stats(h, "r", &stats), 0);
    assert_int_equal(stats.peak_measured_bytes, 50 * GOV_GB);
    assert_int_equal(stats.count, 30);
}

static void corrections_stay_within_bounds(void **state)
{
    struct gov_history *h = *state;
    for (int i = 0; i < 100; i++) {
        gov_history_add(h, "r", 1, INT64_MAX);
        gov_history_add(h, "tiny", INT64_MAX, 1);
    }
    assert_true(factor(h) == 8);
    assert_true(gov_history_correct(h, "tiny", GOV_GB).factor == 0.125);
    assert_true(gov_history_correct(h, "r", INT64_MAX).bytes == INT64_MAX);
    assert_int_equal(gov_history_add(h, "r", 0, 1), GOV_E_INVALID);
    assert_int_equal(gov_history_add(h, "r", 1, 0), GOV_E_INVALID);
    assert_int_equal(gov_history_add(h, NULL, 1, 1), GOV_E_INVALID);
    char long_key[300];
    memset(long_key, 'k', sizeof long_key - 1);
    long_key[299] = 0;
    assert_int_equal(gov_history_add(h, long_key, 1, 1), GOV_E_INVALID);
}

/* A regime whose truth the model misses by 40 %, with 8 % of noise. */
static void after_the_first_measurements_predictions_are_hardly_ever_too_low(void **state)
{
    struct gov_history *h = *state;
    uint32_t random = 3;
    int64_t too_low_early = 0;
    for (int i = 0; i < 1000; i++) {
        random = random * 1664525u + 1013904223u;
        int64_t predicted = GOV_GB + (int64_t)(random >> 16) * 20000;
        double noise = 1 + 0.08 * ((random >> 4 & 0xfff) / 2047.5 - 1);
        gov_history_add(h, "r", predicted, (int64_t)((double)predicted * 1.4 * noise));
        struct gov_regime_stats stats;
        gov_history_stats(h, "r", &stats);
        if (i == 9)
            too_low_early = stats.too_low_count;
    }
    struct gov_regime_stats stats;
    assert_int_equal(gov_history_stats(h, "r", &stats), 0);
    assert_true(too_low_early >= 1 && too_low_early <= 2); /* the first, surely */
    assert_int_equal(stats.too_low_count, too_low_early);
    assert_true(stats.mean_error_percent < 10);
    assert_int_equal(stats.kept, GOV_HISTORY_KEPT);
}

static void memory_is_bounded_and_the_longest_unused_regime_makes_room(void **state)
{
    struct gov_history *h = *state; /* four at most */
    static const char *const keys[] = {"a", "b", "c", "d", "e"};
    for (int i = 0; i < 4; i++)
        assert_int_equal(gov_history_add(h, keys[i], 1000, 2000), 0);
    gov_history_correct(h, "a", 1);
    assert_int_equal(gov_history_add(h, "e", 1000, 2000), 0);
    assert_int_equal(gov_history_correct(h, "a", 1).count, 1);
    assert_int_equal(gov_history_correct(h, "b", 1).count, 0);
    size_t n = 0;
    while (gov_history_regime(h, n))
        n++;
    assert_int_equal(n, 4);
}

static void regime_keys_are_plain_and_fit(void **state)
{
    (void)state;
    char key[GOV_REGIME_MAX], text[500];
    struct gov_regime regime = {"host", "shots", NULL, "h264", 1920, 800};
    assert_string_equal(gov_regime_key(&regime, key), "host/shots/-/1080p/h264");
    memset(text, '/', sizeof text - 1);
    text[499] = 0;
    regime = (struct gov_regime){text, text, text, text, 7680, 4320};
    gov_regime_key(&regime, key);
    assert_true(strlen(key) < GOV_REGIME_MAX);
    size_t slashes = 0;
    for (const char *p = key; *p; p++)
        slashes += *p == '/';
    assert_int_equal(slashes, 4);
    static const struct {
        int32_t width, height;
        const char *name;
    } rows[] = {{0, 0, "-/-/-/-/-"},           {640, 360, "-/-/-/480p/-"},
                {854, 480, "-/-/-/480p/-"},    {1280, 720, "-/-/-/720p/-"},
                {2560, 1440, "-/-/-/1440p/-"}, {4096, 2160, "-/-/-/2160p/-"},
                {7680, 4320, "-/-/-/4320p/-"}, {INT32_MAX, INT32_MAX, "-/-/-/4320p/-"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        regime = (struct gov_regime){.width = rows[i].width, .height = rows[i].height};
        assert_string_equal(gov_regime_key(&regime, key), rows[i].name);
    }
}

/* FACTS: 38 MiB at 1080p, 152 MiB at 2160p, 557 MiB with 16 threads, measured. */
static void the_gpu_decoder_takes_what_was_measured(void **state)
{
    (void)state;
    static const struct {
        int32_t width, height, threads, mib;
    } rows[] = {{1920, 1080, 1, 38}, {3840, 2160, 1, 152}, {3840, 2160, 16, 557}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct gov_nvdec_shape shape = {
            .width = rows[i].width, .height = rows[i].height, .threads = rows[i].threads};
        int64_t bytes = gov_estimate_nvdec(&gov_config_default, &shape);
        assert_in_range(bytes, (rows[i].mib - 1) << 20, (rows[i].mib + 1) << 20);
    }
    struct gov_nvdec_shape shape = {.width = 1920, .height = 1080, .surfaces = 10};
    int64_t ten = gov_estimate_nvdec(&gov_config_default, &shape);
    shape.bits_per_sample = 10;
    /* 3840 bytes a line, padded to 4096. */
    assert_int_equal(gov_estimate_nvdec(&gov_config_default, &shape), 4096 * 1080 * 15);
    shape.bits_per_sample = 8;
    shape.is_444 = true;
    assert_int_equal(gov_estimate_nvdec(&gov_config_default, &shape), 2 * ten);
    shape.is_444 = false;
    shape.batch_frames = 10;
    shape.constant_bytes = 300 * GOV_MB;
    assert_int_equal(gov_estimate_nvdec(&gov_config_default, &shape), 2 * ten + 300 * GOV_MB);
    shape.batch_frames = INT32_MAX;
    assert_true(gov_estimate_nvdec(&gov_config_default, &shape) > INT64_C(1) << 50);
    shape.height = 0;
    assert_int_equal(gov_estimate_nvdec(&gov_config_default, &shape), 4 * GOV_GB);
}

static void whisper_takes_its_weights_and_a_state_for_each_chunk(void **state)
{
    (void)state;
    struct gov_whisper_shape shape;
    assert_int_equal(gov_whisper_model("large-v3", &shape), 0);
    assert_int_equal(gov_estimate_whisper(&gov_config_default, &shape), (3094 + 543) * GOV_MB);
    shape.batch = 8; /* the rtx3060 preset: fits 11.0 GB with room for the rest */
    assert_int_equal(gov_estimate_whisper(&gov_config_default, &shape), (3094 + 8 * 543) * GOV_MB);
    shape.batch = 1;
    shape.best_of = 5; /* measured: 503 MB more, in mid-run */
    int64_t more = gov_estimate_whisper(&gov_config_default, &shape) - (3094 + 543) * GOV_MB;
    assert_in_range(more, 503 * GOV_MB, 504 * GOV_MB);
    assert_int_equal(gov_whisper_model("turbo", &shape), 0);
    shape.batch = 4;
    shape.constant_bytes = 300 * GOV_MB;
    assert_int_equal(gov_estimate_whisper(&gov_config_default, &shape),
                     (1624 + 4 * 250 + 300) * GOV_MB);
    struct gov_whisper_shape unknown = {0}, before = unknown;
    assert_int_equal(gov_whisper_model("huge-v9", &unknown), GOV_E_NOT_FOUND);
    assert_int_equal(gov_whisper_model(NULL, &unknown), GOV_E_NOT_FOUND);
    assert_memory_equal(&unknown, &before, sizeof unknown);
    assert_int_equal(gov_estimate_whisper(&gov_config_default, &unknown), 4 * GOV_GB);
    shape.batch = -1;
    assert_int_equal(gov_estimate_whisper(&gov_config_default, &shape), 4 * GOV_GB);
}

static void a_language_model_takes_its_weights_cache_and_compute(void **state)
{
    (void)state;
    /* 32 layers, 8 heads of 128 for the KV: 128 KiB a token at f16, as is known of such models. */
    struct gov_llm_shape shape = {.weights_bytes = 4900 * GOV_MB,
                                  .layers = 32,
                                  .device_layers = -1,
                                  .kv_heads = 8,
                                  .head_size = 128,
                                  .context_tokens = 8192,
                                  .compute_bytes = 560 * GOV_MB};
    assert_int_equal(gov_llm_kv_bytes(&shape), INT64_C(8192) * 128 * 1024);
    assert_int_equal(gov_estimate_llm(&gov_config_default, &shape),
                     5460 * GOV_MB + (INT64_C(1) << 30));
    shape.batch = 4;
    assert_int_equal(gov_llm_kv_bytes(&shape), INT64_C(4) << 30);
    shape.context_tokens = 8191; /* padded to 256 */
    assert_int_equal(gov_llm_kv_bytes(&shape), INT64_C(4) << 30);
    shape.key_type = shape.value_type = GOV_KV_Q8_0; /* about half */
    assert_int_equal(gov_llm_kv_bytes(&shape), (INT64_C(4) << 30) / 64 * 34);
    shape.key_type = shape.value_type = GOV_KV_Q4_0;
    assert_int_equal(gov_llm_kv_bytes(&shape), (INT64_C(4) << 30) / 64 * 18);
    shape.key_type = shape.value_type = GOV_KV_F32;
    assert_int_equal(gov_llm_kv_bytes(&shape), INT64_C(8) << 30);
    shape.device_layers = 16; /* half of everything that belongs to layers */
    assert_int_equal(gov_llm_kv_bytes(&shape), INT64_C(4) << 30);
    assert_int_equal(gov_estimate_llm(&gov_config_default, &shape),
                     (2450 + 560) * GOV_MB + (INT64_C(4) << 30));
    shape.device_layers = 0;
    assert_int_equal(gov_estimate_llm(&gov_config_default, &shape), 560 * GOV_MB);
    shape.device_layers = 33;
    assert_int_equal(gov_estimate_llm(&gov_config_default, &shape), 4 * GOV_GB);
    struct gov_llm_shape huge = {.weights_bytes = INT64_MAX,
                                 .layers = 1024,
                                 .device_layers = -1,
                                 .kv_heads = 1024,
                                 .head_size = 16384,
                                 .context_tokens = INT64_C(1) << 28,
                                 .batch = 1024,
                                 .compute_bytes = INT64_MAX,
                                 .constant_bytes = INT64_MAX};
    assert_int_equal(gov_estimate_llm(&gov_config_default, &huge), INT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_gpu_decoder_takes_what_was_measured),
        cmocka_unit_test(whisper_takes_its_weights_and_a_state_for_each_chunk),
        cmocka_unit_test(a_language_model_takes_its_weights_cache_and_compute),
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        cmocka_unit_test(decoding_is_predicted_as_it_was_measured),
        cmocka_unit_test(more_of_anything_is_never_predicted_smaller),
        cmocka_unit_test(broken_headers_get_the_safe_default),
        cmocka_unit_test(the_buffer_falls_from_fifteen_to_ten_percent),
        TEST(an_unknown_regime_leaves_a_prediction_alone),
        TEST(too_low_is_corrected_at_once_and_too_high_slowly),
        TEST(a_few_outliers_do_not_move_the_correction),
        TEST(corrections_stay_within_bounds),
        TEST(after_the_first_measurements_predictions_are_hardly_ever_too_low),
        TEST(memory_is_bounded_and_the_longest_unused_regime_makes_room),
        cmocka_unit_test(regime_keys_are_plain_and_fit),
    };
    return cmocka_run_group_tests_name("estimate", tests, NULL, NULL);
}
