/* Only packets that the container marks are looked into, and those only to their first picture:
 * what this adds to a pass over the film cannot be measured. */
#include "media/entries.h"

#include "media/input.h"
#include "media/nal.h"

/* Bytes of the length before each unit; 0: start codes (ISO/IEC 14496-15, avcC and hvcC). */
static int length_size(const AVCodecParameters *parameters)
{
    const uint8_t *data = parameters->extradata;
    bool is_hevc = parameters->codec_id == AV_CODEC_ID_HEVC;
    int least = is_hevc ? 23 : 7;
    if (!data || parameters->extradata_size < least || data[0] != 1)
        return 0;
    return (data[is_hevc ? 21 : 4] & 3) + 1;
}

bool md_packet_is_entry(const AVCodecParameters *parameters, const AVPacket *packet)
{
    bool is_hevc = parameters->codec_id == AV_CODEC_ID_HEVC;
    if (!(packet->flags & AV_PKT_FLAG_KEY) || packet->size <= 0 ||
        (!is_hevc && parameters->codec_id != AV_CODEC_ID_H264))
        return false;
    struct md_nal_walk walk = {.at = packet->data,
                               .end = packet->data + packet->size,
                               .length_size = length_size(parameters)};
    struct md_nal nal;
    while (md_nal_next(&walk, &nal)) {
        int type = is_hevc ? md_hevc_type(&nal) : md_h264_type(&nal);
        if (is_hevc && type <= MD_HEVC_LAST_SLICE)
            return type >= MD_HEVC_BLA_W_LP && type <= MD_HEVC_CRA;
        if (!is_hevc && type >= MD_H264_SLICE && type <= MD_H264_IDR)
            return type == MD_H264_IDR;
    }
    return false;
}

int md_entries_add(struct md_ints *entries_us, const AVStream *stream, const AVPacket *packet,
                   int64_t clock_zero_us)
{
    if (packet->pts == AV_NOPTS_VALUE || clock_zero_us == AV_NOPTS_VALUE ||
        entries_us->n >= MD_SHOTS_MOST_ENTRIES || !md_packet_is_entry(stream->codecpar, packet))
        return MD_OK;
    int64_t us = md_input_movie_us(packet->pts, stream->time_base, clock_zero_us);
    return us == AV_NOPTS_VALUE ? MD_OK : md_vec_push(entries_us, us);
}
