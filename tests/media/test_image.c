/* Key pictures come out upright, in the right colours and shape, and the same every time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <libavcodec/avcodec.h>

#include "base/file.h"
#include "media/image.h"
#include "media/image_colour.h"

enum { W = 96, H = 64 };

/* A 4:2:0 frame of 8 or 10 bits: left half dark, right half bright, red chroma in the top half. */
struct canvas {
    uint8_t bytes[W * H];
    uint8_t chroma[2][W * H / 4];
    uint16_t words[W * H];
    uint16_t word_chroma[2][W * H / 4];
    struct md_frame frame;
};

static struct canvas *make_canvas(int depth)
{
    struct canvas *canvas = calloc(1, sizeof *canvas);
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++) {
            canvas->bytes[y * W + x] = x < W / 2 ? 40 : 180;
            canvas->words[y * W + x] = (uint16_t)((x < W / 2 ? 40 : 180) << (depth - 8));
        }
    for (int y = 0; y < H / 2; y++)
        for (int x = 0; x < W / 2; x++)
            for (int c = 0; c < 2; c++) {
                int value = c == 1 && y < H / 4 ? 190 : 128;
                canvas->chroma[c][y * W / 2 + x] = (uint8_t)value;
                canvas->word_chroma[c][y * W / 2 + x] = (uint16_t)(value << (depth - 8));
            }
    int bytes = depth > 8 ? 2 : 1;
    canvas->frame = (struct md_frame){
        .plane = {bytes == 1 ? canvas->bytes : (uint8_t *)canvas->words,
                  bytes == 1 ? canvas->chroma[0] : (uint8_t *)canvas->word_chroma[0],
                  bytes == 1 ? canvas->chroma[1] : (uint8_t *)canvas->word_chroma[1]},
        .stride = {W * bytes, W / 2 * bytes, W / 2 * bytes},
        .step = {bytes, bytes, bytes},
        .width = W,
        .height = H,
        .chroma_shift_x = 1,
        .chroma_shift_y = 1,
        .bit_depth = depth,
        .matrix = MD_FRAME_BT709,
        .sar_num = 1,
        .sar_den = 1,
        .duration_us = 40000,
    };
    return canvas;
}

/* The planes JPEG gets, by value at relative places. */
static int sample(const struct md_image *image, int plane, double x, double y)
{
    size_t n = (size_t)image->width * image->height;
    uint8_t *samples = malloc(3 * n);
    uint8_t *planes[3] = {samples, samples + n, samples + 2 * n};
    assert_int_equal(md_image_to_jfif(image, planes), MD_OK);
    size_t at = (size_t)(y * (image->height - 1)) * image->width + (size_t)(x * (image->width - 1));
    int value = planes[plane][at];
    free(samples);
    return value;
}

/* Writes the JPEG twice, checks that the bytes are the same, and decodes it. Free the frame. */
static AVFrame *write_and_decode(const struct md_image *image)
{
    char folder[] = "/tmp/md-image-XXXXXX", path[128];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/a.jpg", folder);
    struct md_failure failure = {0};
    char *data[2] = {NULL, NULL};
    size_t size[2];
    for (int i = 0; i < 2; i++) {
        assert_int_equal(md_image_write_jpeg(image, 95, path, &failure), MD_OK);
        assert_int_equal(md_file_read(path, 1 << 20, &data[i], &size[i], &failure), MD_OK);
    }
    assert_int_equal(size[0], size[1]);
    assert_memory_equal(data[0], data[1], size[0]);
    AVCodecContext *decoder = avcodec_alloc_context3(avcodec_find_decoder(AV_CODEC_ID_MJPEG));
    assert_int_equal(avcodec_open2(decoder, NULL, NULL), 0);
    AVPacket *packet = av_packet_alloc();
    assert_int_equal(av_new_packet(packet, (int)size[0]), 0);
    memcpy(packet->data, data[0], size[0]);
    AVFrame *frame = av_frame_alloc();
    assert_int_equal(avcodec_send_packet(decoder, packet), 0);
    avcodec_send_packet(decoder, NULL);
    assert_int_equal(avcodec_receive_frame(decoder, frame), 0);
    assert_int_equal(frame->color_range, AVCOL_RANGE_JPEG);
    av_packet_free(&packet);
    avcodec_free_context(&decoder);
    free(data[0]);
    free(data[1]);
    md_remove_tree(folder, NULL);
    return frame;
}

static void near(int value, int expected, int slack)
{
    assert_in_range(value, expected - slack < 0 ? 0 : expected - slack, expected + slack);
}

static void colours_survive_in_eight_and_ten_bits(void **state)
{
    struct md_image_scaler *scaler = md_image_scaler_new();
    for (int depth = 8; depth <= 10; depth += 2) {
        struct canvas *canvas = make_canvas(depth);
        struct md_image image = {0};
        assert_int_equal(
            md_image_take(scaler, &canvas->frame, &(struct md_image_params){0}, &image), MD_OK);
        assert_int_equal(image.width, W);
        /* Bottom: grey. 40 and 180 of 16..235 are 28 and 191 of 0..255. */
        near(sample(&image, 0, 0, 1), 28, 1);
        near(sample(&image, 0, 1, 1), 191, 1);
        near(sample(&image, 2, 1, 1), 128, 1);
        /* Top: Cr 190 of BT.709, that is R' = Y' + 1.5748 * 62/224. */
        near(sample(&image, 2, 0, 0), 198, 3);
        AVFrame *decoded = write_and_decode(&image);
        near(decoded->data[0][(H - 4) * decoded->linesize[0] + W - 4], 191, 3);
        near(decoded->data[2][(H / 2 - 4) * decoded->linesize[2] + W / 2 - 4], 128, 3);
        near(decoded->data[2][4 * decoded->linesize[2] + 4], 198, 5);
        av_frame_free(&decoded);
        md_image_done(&image);
        free(canvas);
    }
    md_image_scaler_free(scaler);
}

static void pictures_fit_the_box_in_their_display_shape(void **state)
{
    static const struct {
        int sar_num, sar_den, rotation, box_w, box_h, shown_w, shown_h;
        bool interlaced;
    } cases[] = {
        {1, 1, 0, 48, 0, 48, 32, false},     {1, 1, 90, 48, 0, 48, 72, false},
        {1, 1, 270, 0, 48, 32, 48, false},   {2, 1, 0, 96, 96, 96, 32, false},
        {1, 2, 0, 0, 0, 96, 128, false},     {1, 1, 0, 0, 0, 96, 64, true},
        {1, 1, 180, 640, 640, 96, 64, true},
    };
    struct md_image_scaler *scaler = md_image_scaler_new();
    struct canvas *canvas = make_canvas(8);
    struct md_image image = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        canvas->frame.sar_num = cases[i].sar_num;
        canvas->frame.sar_den = cases[i].sar_den;
        canvas->frame.is_interlaced = cases[i].interlaced;
        struct md_image_params params = {.max_width = cases[i].box_w,
                                         .max_height = cases[i].box_h,
                                         .rotation = cases[i].rotation};
        assert_int_equal(md_image_take(scaler, &canvas->frame, &params, &image), MD_OK);
        AVFrame *decoded = write_and_decode(&image);
        assert_int_equal(decoded->width, cases[i].shown_w);
        assert_int_equal(decoded->height, cases[i].shown_h);
        av_frame_free(&decoded);
    }
    md_image_done(&image);
    md_image_scaler_free(scaler);
    free(canvas);
}

static void rotation_turns_clockwise(void **state)
{
    struct md_image_scaler *scaler = md_image_scaler_new();
    struct canvas *canvas = make_canvas(8);
    struct md_image image = {0};
    memset(canvas->chroma[1], 128, sizeof canvas->chroma[1]);
    /* The bright right half of the stored picture ends below, left, above. */
    static const struct {
        int rotation, bright_x, bright_y, dark_x, dark_y;
    } cases[] = {
        {0, 90, 30, 5, 30}, {90, 30, 90, 30, 5}, {180, 5, 30, 90, 30}, {270, 30, 5, 30, 90}};
    for (size_t i = 0; i < 4; i++) {
        struct md_image_params params = {.rotation = cases[i].rotation};
        assert_int_equal(md_image_take(scaler, &canvas->frame, &params, &image), MD_OK);
        AVFrame *shown = write_and_decode(&image);
        near(shown->data[0][cases[i].bright_y * shown->linesize[0] + cases[i].bright_x], 191, 3);
        near(shown->data[0][cases[i].dark_y * shown->linesize[0] + cases[i].dark_x], 28, 3);
        av_frame_free(&shown);
    }
    md_image_done(&image);
    md_image_scaler_free(scaler);
    free(canvas);
}

static void letterbox_can_be_cut_off(void **state)
{
    struct md_image_scaler *scaler = md_image_scaler_new();
    struct canvas *canvas = make_canvas(10);
    struct md_image image = {0};
    struct md_image_params params = {.crop_left = W / 2, .crop_top = 8, .crop_bottom = 8};
    assert_int_equal(md_image_take(scaler, &canvas->frame, &params, &image), MD_OK);
    assert_int_equal(image.width, W / 2);
    assert_int_equal(image.height, H - 16);
    near(sample(&image, 0, 0.5, 1), 191, 1); /* all bright */
    near(sample(&image, 0, 0.1, 1), 191, 1);
    params.crop_left = W; /* nothing would be left */
    assert_int_equal(md_image_take(scaler, &canvas->frame, &params, &image), MD_OK);
    assert_int_equal(image.width, W);
    md_image_done(&image);
    md_image_scaler_free(scaler);
    free(canvas);
}

static void hdr_is_brought_to_sdr(void **state)
{
    struct md_image_scaler *scaler = md_image_scaler_new();
    struct canvas *canvas = make_canvas(10);
    canvas->frame.matrix = MD_FRAME_BT2020;
    struct md_image image = {0};
    /* Reference white (203 nits): PQ signal 0.58, HLG 0.75 (ITU-R BT.2408). */
    static const struct {
        int transfer;
        double white;
    } cases[] = {{MD_FRAME_PQ, 0.58}, {MD_FRAME_HLG, 0.75}};
    for (int i = 0; i < 2; i++) {
        canvas->frame.transfer = cases[i].transfer;
        for (int k = 0; k < W * H; k++)
            canvas->words[k] = (uint16_t)(k % W < W / 2 ? 64 : 64 + 876 * cases[i].white);
        assert_int_equal(
            md_image_take(scaler, &canvas->frame, &(struct md_image_params){0}, &image), MD_OK);
        near(sample(&image, 0, 0, 1), 0, 1);
        near(sample(&image, 0, 1, 1), 213, 15); /* white, with room for highlights above */
        near(sample(&image, 2, 1, 1), 128, 2);
    }
    md_image_done(&image);
    md_image_scaler_free(scaler);
    free(canvas);
}

static void a_full_or_missing_folder_is_an_error_that_names_the_file(void **state)
{
    struct md_image_scaler *scaler = md_image_scaler_new();
    struct canvas *canvas = make_canvas(8);
    struct md_image image = {0};
    assert_int_equal(md_image_take(scaler, &canvas->frame, &(struct md_image_params){0}, &image),
                     MD_OK);
    struct md_failure failure = {0};
    assert_int_equal(md_image_write_jpeg(&image, 90, "/nonexistent/x.jpg", &failure),
                     MD_ERR_NOTFOUND);
    assert_non_null(strstr(failure.message, "x.jpg"));
    md_image_done(&image);
    md_image_scaler_free(scaler);
    free(canvas);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(colours_survive_in_eight_and_ten_bits),
        cmocka_unit_test(pictures_fit_the_box_in_their_display_shape),
        cmocka_unit_test(rotation_turns_clockwise),
        cmocka_unit_test(letterbox_can_be_cut_off),
        cmocka_unit_test(hdr_is_brought_to_sdr),
        cmocka_unit_test(a_full_or_missing_folder_is_an_error_that_names_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
