/* Whatever the file does, sample n of the sound is heard at n / rate on the movie's clock. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "make_media.h"
#include "media/audio_reader.h"
#include "media/resampler.h"
#include "model/artifact.h"

#define PICTURE(seconds) "-f lavfi -i testsrc2=s=64x48:r=25:d=" #seconds " "
/* a beep of 50 ms at the beginning of every second, silence between */
#define BEEPS(seconds)                                                                             \
    "-f lavfi -i \"aevalsrc='0.5*sin(2*PI*1000*t)*lt(mod(t,1),0.05)':s=48000:d=" #seconds "\" "

enum { RATE = 16000 };

struct sound {
    float *v;
    int64_t n;
    struct md_audio_stats stats;
    struct md_audio_format format;
};

static struct sound read_all(struct md_audio_params params)
{
    struct sound s = {0};
    struct md_failure failure = {0};
    md_autoaudio reader = NULL;
    if (md_audio_open(&params, &reader, &failure) != MD_OK)
        fail_msg("%s", failure.message);
    s.format = *md_audio_format(reader);
    struct md_audio_block block;
    int rc;
    while ((rc = md_audio_next(reader, &block, &failure)) == MD_OK) {
        assert_in_range(block.frames, 1, MD_AUDIO_BLOCK_MAX);
        int64_t expected = params.start_us + s.n * 1000000 / s.format.sample_rate;
        assert_true(llabs(block.start_us - expected) <= 1);
        int c = s.format.channels;
        s.v = realloc(s.v, (size_t)(s.n + block.frames) * c * sizeof *s.v);
        memcpy(s.v + s.n * c, block.samples, (size_t)block.frames * c * sizeof *s.v);
        s.n += block.frames;
    }
    assert_int_equal(rc, MD_ERR_EOF);
    md_audio_stats_get(reader, &s.stats);
    return s;
}

static struct sound read_mono(const char *name, const struct md_media *media)
{
    return read_all((struct md_audio_params){
        .path = media_path(name), .media = media, .sample_rate = RATE, .channels = 1});
}

static double level(const struct sound *s, double from, double to)
{
    double sum = 0;
    int64_t a = (int64_t)(from * RATE), b = MD_MIN((int64_t)(to * RATE), s->n);
    for (int64_t i = a; i < b; i++)
        sum += s->v[i] * s->v[i];
    return b > a ? sqrt(sum / (double)(b - a)) : 0;
}

/* Beeps begin at `first` + k seconds, k < count, and nowhere else. */
static void check_beeps(const struct sound *s, double first, int count)
{
    for (int k = 0; k < count; k++) {
        double at = first + k;
        if (level(s, at + 0.005, at + 0.045) < 0.2)
            fail_msg("no beep at %g s", at);
        if (level(s, at + 0.06, at + 0.94) > 0.01)
            fail_msg("a beep between %g and %g s", at + 0.06, at + 0.94);
    }
}

static void sound_and_picture_share_one_clock_in_every_container(void **state)
{
    static const char *const rows[][2] = {
        {"-c:v mpeg4 -c:a aac sync.mp4", "sync.mp4"},
        {"-c:v mpeg4 -c:a libvorbis sync.mkv", "sync.mkv"},
        {"-c:v mpeg4 -c:a mp2 sync.avi", "sync.avi"},
        {"-c:v mpeg2video -c:a ac3 -muxdelay 0.5 sync.ts", "sync.ts"},
        {"-c:v mpeg2video -c:a mp2 sync.mpg", "sync.mpg"},
        {"-c:v mpeg4 -c:a pcm_u8 sync.mov", "sync.mov"},
        {"-c:v flv -c:a libmp3lame -ar 44100 sync.flv", "sync.flv"},
        {"-c:v wmv2 -c:a wmav2 sync.wmv", "sync.wmv"},
    };
    for (size_t i = 0; i < MD_ARRAY_LEN(rows); i++) {
        char arguments[500];
        snprintf(arguments, sizeof arguments, PICTURE(6) BEEPS(6) "-ac 2 %s", rows[i][0]);
        run_ffmpeg(arguments);
        struct md_media m = probed(rows[i][1], NULL);
        struct sound s = read_mono(rows[i][1], &m);
        /* the wma encoder loses its first packet */
        bool wma = strstr(rows[i][1], "wmv");
        check_beeps(&s, wma, 5 - wma);
        assert_int_equal(s.stats.gaps, 0);
        assert_int_equal(s.stats.lost_packets, 0);
        free(s.v);
        media_done(&m);
    }
}

static void sound_that_begins_late_begins_with_silence(void **state)
{
    run_ffmpeg(PICTURE(6) "-itsoffset 2.5 " BEEPS(3) "-map 0 -map 1 -c:v mpeg4 -c:a aac late.mkv");
    struct md_media m = probed("late.mkv", NULL);
    struct sound s = read_mono("late.mkv", &m);
    assert_true(level(&s, 0, 2.45) == 0);
    check_beeps(&s, 2.5, 2);
    free(s.v);
    media_done(&m);
}

static void sound_before_the_first_picture_is_left_out(void **state)
{
    run_ffmpeg("-itsoffset 1.5 " PICTURE(4) BEEPS(5) "-map 0 -map 1 -c:v mpeg4 -c:a aac early.mkv");
    struct md_media m = probed("early.mkv", NULL);
    struct sound s = read_mono("early.mkv", &m);
    check_beeps(&s, 0.5, 2);
    free(s.v);
    media_done(&m);
}

static void missing_packets_become_silence_of_the_same_length(void **state)
{
    run_ffmpeg(PICTURE(9) BEEPS(9) "-c:v mpeg4 -c:a mp2 -bsf:a "
                                   "\"noise=drop='between(t,2.2,5.7)'\" holes.mkv "
                                   "2>/dev/null || ffmpeg -v error -nostdin -y " PICTURE(9)
                                       BEEPS(9) "-c:v mpeg4 -c:a mp2 -af "
                                                "\"aselect='not(between(t,2.2,5.7))'\" holes.mkv");
    struct md_media m = probed("holes.mkv", NULL);
    struct sound s = read_mono("holes.mkv", &m);
    check_beeps(&s, 0, 2);
    assert_true(level(&s, 2.5, 5.5) < 1e-4);
    check_beeps(&s, 6, 2);
    assert_int_equal(s.stats.gaps, 1);
    assert_true(s.stats.filled_us > 3300000 && s.stats.filled_us < 3700000);
    free(s.v);
    media_done(&m);
}

static void a_change_of_format_within_the_stream_is_converted(void **state)
{
    run_ffmpeg(PICTURE(2) BEEPS(
        2) "-c:v mpeg2video -af \"pan=5.1|c0=c0|c1=c0|c2=c0|c4=c0|c5=c0\" -c:a ac3 a.ts");
    run_ffmpeg(PICTURE(2) BEEPS(2) "-c:v mpeg2video -c:a ac3 -ac 1 -ar 44100 "
                                   "-output_ts_offset 2 b.ts");
    size_t a_size, b_size;
    char *a = read_media("a.ts", &a_size);
    md_autofree char *b = read_media("b.ts", &b_size);
    a = realloc(a, a_size + b_size);
    memcpy(a + a_size, b, b_size);
    write_media("change.ts", a, a_size + b_size);
    free(a);
    struct md_media m = probed("change.ts", NULL);
    struct sound s = read_mono("change.ts", &m);
    assert_int_equal(s.stats.format_changes, 1);
    check_beeps(&s, 0, 1);
    /* the second part begins at 1.96 s; offsets under 40 ms are left alone */
    check_beeps(&s, 2.98, 1);
    free(s.v);
    s = read_all((struct md_audio_params){.path = media_path("change.ts"), .media = &m});
    assert_int_equal(s.format.channels, 6);
    assert_int_equal(s.format.sample_rate, 48000);
    assert_true(llabs(s.n - 4 * 48000) < 4800);
    free(s.v);
    media_done(&m);
}

static void unknown_layouts_are_mixed_down_evenly(void **state)
{
    run_ffmpeg(PICTURE(1) "-f lavfi -i \"aevalsrc='0.5|0.5|0.5|0.5|0.5|0.5|0.5|0.5|0.5|0.5':"
                          "s=48000:d=1\" -c:v mpeg4 -c:a pcm_s16le ten.mkv");
    struct md_media m = probed("ten.mkv", NULL);
    assert_int_equal(md_media_stream(&m, m.audio_stream)->channels, 10);
    struct sound s = read_mono("ten.mkv", &m);
    assert_true(fabs(level(&s, 0.2, 0.8) - 0.5) < 0.01);
    free(s.v);
    s = read_all((struct md_audio_params){.path = media_path("ten.mkv"), .media = &m});
    assert_int_equal(s.format.channels, 2);
    free(s.v);
    media_done(&m);
}

static void a_mono_mix_is_never_louder_than_full_scale(void **state)
{
    run_ffmpeg(PICTURE(1) "-f lavfi -i \"aevalsrc='0.99*sin(2*PI*500*t)|0.99*sin(2*PI*500*t)':"
                          "s=48000:d=1\" -c:v mpeg4 -c:a pcm_s16le loud.mov");
    struct md_media m = probed("loud.mov", NULL);
    struct sound s = read_mono("loud.mov", &m);
    for (int64_t i = 0; i < s.n; i++)
        assert_true(fabsf(s.v[i]) <= 1.0f);
    assert_true(fabs(level(&s, 0.2, 0.8) - 0.7) < 0.01);
    free(s.v);
    media_done(&m);
}

static void reading_from_the_middle_gives_the_same_samples(void **state)
{
    static const char *const names[] = {"seek.mkv", "seek.mp4", "seek.ts"};
    run_ffmpeg(PICTURE(30) BEEPS(30) "-c:v mpeg2video -c:a mp2 seek.mkv");
    run_ffmpeg("-i seek.mkv -c copy seek.mp4");
    run_ffmpeg("-i seek.mkv -c copy seek.ts");
    for (size_t i = 0; i < MD_ARRAY_LEN(names); i++) {
        struct md_media m = probed(names[i], NULL);
        struct md_audio_params params = {
            .path = media_path(names[i]), .media = &m, .sample_rate = RATE, .channels = 1};
        struct sound all = read_all(params);
        params.start_us = 17300000;
        params.end_us = 19500000;
        struct sound part = read_all(params);
        assert_int_equal(part.n, (int64_t)(2.2 * RATE));
        double error = 0;
        for (int64_t n = 0; n < part.n; n++)
            error = fmax(error, fabsf(part.v[n] - all.v[n + (int64_t)(17.3 * RATE)]));
        assert_true(error < 0.02);
        check_beeps(&part, 0.7, 1);
        free(all.v);
        free(part.v);
        media_done(&m);
    }
}

static void damage_costs_only_what_is_damaged(void **state)
{
    run_ffmpeg(PICTURE(9) BEEPS(9) "-c:v mpeg4 -c:a aac -b:a 128k damage.mkv");
    struct md_media m = probed("damage.mkv", NULL);
    size_t size;
    md_autofree char *bytes = read_media("damage.mkv", &size);
    /* a few blocks of the middle, each shorter than a packet */
    unsigned seed = 7;
    for (size_t at = size * 4 / 10; at < size * 6 / 10; at += 5000)
        for (size_t i = 0; i < 20; i++)
            bytes[at + i] = (char)((seed = seed * 1103515245u + 12345u) >> 16);
    write_media("damage.mkv", bytes, size);
    struct sound s = read_mono("damage.mkv", &m);
    check_beeps(&s, 0, 3);
    check_beeps(&s, 6, 2);
    free(s.v);
    media_done(&m);
}

static void the_end_is_where_it_was_asked_to_be(void **state)
{
    run_ffmpeg(PICTURE(2) BEEPS(9) "-map 0 -map 1 -c:v mpeg4 -c:a aac end.mkv");
    struct md_media m = probed("end.mkv", NULL);
    struct sound s = read_all((struct md_audio_params){.path = media_path("end.mkv"),
                                                       .media = &m,
                                                       .end_us = m.duration_us,
                                                       .sample_rate = RATE,
                                                       .channels = 1});
    assert_int_equal(s.n, m.duration_us * RATE / 1000000);
    free(s.v);
    media_done(&m);
}

static bool at_once(void *user)
{
    return ++*(int *)user > 30;
}

static void reading_can_be_cancelled_and_bad_streams_are_named(void **state)
{
    int asked = 0;
    run_ffmpeg(PICTURE(1) BEEPS(1) "-c:v mpeg4 -c:a aac cancel.mkv");
    struct md_media m = probed("cancel.mkv", NULL);
    struct md_failure failure = {0};
    md_autoaudio reader = NULL;
    struct md_audio_params params = {
        .path = media_path("cancel.mkv"), .media = &m, .cancelled = at_once, .user = &asked};
    int rc = md_audio_open(&params, &reader, &failure);
    struct md_audio_block block;
    while (rc == MD_OK)
        rc = md_audio_next(reader, &block, &failure);
    assert_int_equal(rc, MD_ERR_CANCELLED);
    struct md_audio_reader *none = NULL;
    params = (struct md_audio_params){.path = media_path("cancel.mkv"), .media = &m, .stream = 1};
    assert_int_equal(md_audio_open(&params, &none, &failure), MD_ERR_NOTFOUND);
    params.stream = 77;
    assert_int_equal(md_audio_open(&params, &none, &failure), MD_ERR_NOTFOUND);
    assert_null(none);
    media_done(&m);
}

static void resampling_keeps_time_and_level(void **state)
{
    struct md_audio_format from = {.sample_rate = 44100, .channels = 2, .layout = "stereo"};
    struct md_resampler *r = NULL;
    assert_int_equal(md_resampler_new(&from, 16000, 1, &r, NULL), MD_OK);
    enum { N = 44100 };
    float *in = malloc(2 * N * sizeof *in);
    for (int i = 0; i < N; i++)
        in[2 * i] = in[2 * i + 1] = (float)(0.8 * sin(2 * M_PI * 440 * i / 44100.0));
    int64_t total = 0;
    double error = 0;
    for (int at = 0; at <= N; at += 700) {
        const float *out;
        int64_t n, frames = MD_MIN(700, N - at);
        assert_int_equal(md_resampler_convert(r, frames > 0 ? in + 2 * at : NULL, frames, &out, &n),
                         MD_OK);
        for (int64_t i = 0; i < n; i++, total++)
            if (total > 100 && total < 15800)
                error = fmax(error, fabs(out[i] - 0.8 * sin(2 * M_PI * 440 * total / 16000.0)));
    }
    assert_true(llabs(total - 16000) <= 1);
    assert_true(error < 0.005);
    md_resampler_free(r);
    free(in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sound_and_picture_share_one_clock_in_every_container),
        cmocka_unit_test(sound_that_begins_late_begins_with_silence),
        cmocka_unit_test(sound_before_the_first_picture_is_left_out),
        cmocka_unit_test(missing_packets_become_silence_of_the_same_length),
        cmocka_unit_test(a_change_of_format_within_the_stream_is_converted),
        cmocka_unit_test(unknown_layouts_are_mixed_down_evenly),
        cmocka_unit_test(a_mono_mix_is_never_louder_than_full_scale),
        cmocka_unit_test(reading_from_the_middle_gives_the_same_samples),
        cmocka_unit_test(damage_costs_only_what_is_damaged),
        cmocka_unit_test(the_end_is_where_it_was_asked_to_be),
        cmocka_unit_test(reading_can_be_cancelled_and_bad_streams_are_named),
        cmocka_unit_test(resampling_keeps_time_and_level),
    };
    return cmocka_run_group_tests(tests, make_media_folder, remove_media_folder);
}
