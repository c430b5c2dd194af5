/* Which packets a copy may begin with, by what is in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "media/entries.h"

static bool is_entry(enum AVCodecID codec, const uint8_t *extradata, int extradata_size,
                     const uint8_t *bytes, int n, int flags)
{
    uint8_t copy[64] = {0};
    memcpy(copy, extradata, (size_t)extradata_size);
    AVCodecParameters parameters = {
        .codec_id = codec, .extradata = copy, .extradata_size = extradata_size};
    uint8_t data[64] = {0};
    memcpy(data, bytes, (size_t)n);
    AVPacket packet = {.data = data, .size = n, .flags = flags};
    return md_packet_is_entry(&parameters, &packet);
}

static const uint8_t avcc[] = {1, 100, 0, 40, 0xff, 0xe0, 0}, hvcc[23] = {1, [21] = 3};

static bool avc(const uint8_t *bytes, int n, int flags)
{
    return is_entry(AV_CODEC_ID_H264, avcc, sizeof avcc, bytes, n, flags);
}

static bool hevc(int type)
{
    const uint8_t bytes[] = {0, 0, 0, 3, (uint8_t)(type << 1), 1, 0x80};
    return is_entry(AV_CODEC_ID_HEVC, hvcc, sizeof hvcc, bytes, sizeof bytes, AV_PKT_FLAG_KEY);
}

static void of_h264_only_idr_pictures_are_entries(void **state)
{
    const uint8_t idr[] = {0, 0, 0, 2, 0x09, 0xf0, 0, 0, 0, 3, 0x65, 0x88, 0x80};
    const uint8_t recovery[] = {0, 0, 0, 3, 0x06, 6, 1, 0, 0, 0, 3, 0x41, 0x9a, 0x80};
    assert_true(avc(idr, sizeof idr, AV_PKT_FLAG_KEY));
    assert_false(avc(idr, sizeof idr, 0));
    assert_false(avc(recovery, sizeof recovery, AV_PKT_FLAG_KEY));
}

static void start_codes_are_read_as_well(void **state)
{
    const uint8_t idr[] = {0, 0, 0, 1, 0x67, 0x64, 0, 0, 1, 0x65, 0x88, 0x80};
    const uint8_t header[] = {0, 0, 0, 1, 0x67, 0x64};
    assert_true(is_entry(AV_CODEC_ID_H264, header, sizeof header, idr, sizeof idr, 1));
    assert_false(is_entry(AV_CODEC_ID_H264, header, sizeof header, idr, 6, 1));
}

static void of_hevc_idr_bla_and_cra_are(void **state)
{
    for (int type = 0; type < 64; type++)
        assert_int_equal(hevc(type), type >= 16 && type <= 21);
}

static void damage_and_other_codecs_are_none(void **state)
{
    const uint8_t wild[] = {0xff, 0xff, 0xff, 0xff, 0x65};
    assert_false(avc(wild, sizeof wild, AV_PKT_FLAG_KEY));
    for (int n = 1; n < 5; n++)
        assert_false(avc(wild, n, AV_PKT_FLAG_KEY));
    assert_false(is_entry(AV_CODEC_ID_VP9, avcc, sizeof avcc, wild, sizeof wild, AV_PKT_FLAG_KEY));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_h264_only_idr_pictures_are_entries),
        cmocka_unit_test(start_codes_are_read_as_well),
        cmocka_unit_test(of_hevc_idr_bla_and_cra_are),
        cmocka_unit_test(damage_and_other_codecs_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
