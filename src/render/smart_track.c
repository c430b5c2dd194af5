/* The plan (copy_plan.c) says for each piece how many frames to encode, to copy and to encode
 * again; here they are fetched, and must be exactly those, or the whole attempt is given up.
 *
 * Stamps: a copied picture keeps its distance to its piece's start in the movie's own time base,
 * as everywhere in the digest. Decoding times are made new for the whole track: the stamps in
 * order of presentation, moved back by as many frames as any run needs, which is what an encoder
 * with that delay would have written. */
#include "render/smart_track.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "media/compat.h"
#include "media/video_av.h"
#include "render/copy_plan.h"
#include "render/edges.h"

static const int64_t rounding_us = 2, still_us = 250000; /* as in picture_track.c */
enum { MOST_WAITING = 18 };

struct md_smart_track {
    struct md_smart_track_params params;
    struct md_copy_source *source;
    struct md_copy_plan plan;
    struct md_edges *edges;
    struct md_video_reader *reader; /* of the edges' frames */
    AVCodecParameters *parameters;
    AVRational time_base;
    int64_t nominal; /* ticks of a frame */

    int64_t now, shift; /* as in struct md_picture_track */
    size_t index;
    const struct md_piece *piece;
    struct md_video_av_frame frame; /* first frame of the piece, where it is encoded */
    struct md_smart_share share;

    int64_t waiting[MOST_WAITING]; /* stamps not used as decoding times yet */
    int waits;
    int64_t written, last_dts, told;
    AVPacket *packet;
    struct md_bytes units;
};

static const struct md_stage_env *env_of(const struct md_smart_track *track)
{
    return track->params.env;
}

static int give_up(const struct md_smart_track *track, const char *why)
{
    return md_fail(env_of(track)->failure, MD_ERR_UNSUPPORTED, "%s", why);
}

static int fail_nomem(const struct md_smart_track *track)
{
    return md_fail(env_of(track)->failure, MD_ERR_NOMEM, "out of memory while rendering");
}

static int64_t ticks(const struct md_smart_track *track, int64_t us)
{
    return md_input_timestamp(us, track->time_base, track->params.media->clock_zero_us);
}

static int64_t movie_us(const struct md_smart_track *track, int64_t stamp)
{
    return md_input_movie_us(stamp, track->time_base, track->params.media->clock_zero_us);
}

/* ---- decoding times ---- */

static int64_t take_least(struct md_smart_track *track)
{
    int least = 0;
    for (int i = 1; i < track->waits; i++)
        if (track->waiting[i] < track->waiting[least])
            least = i;
    int64_t stamp = track->waiting[least];
    track->waiting[least] = track->waiting[--track->waits];
    return stamp;
}

/* Progress never falls, though decoding times lag behind. */
static int tell(struct md_smart_track *track, int64_t at)
{
    track->told = MD_MAX(track->told, at);
    return track->params.reached(track->params.user, track->told);
}

/* Writes a packet whose pts is the digest's. */
static int write_packet(struct md_smart_track *track, AVPacket *packet)
{
    int delay = track->plan.delay;
    track->waiting[track->waits++] = packet->pts;
    packet->dts =
        track->written < delay ? (track->written - delay) * track->nominal : take_least(track);
    if (track->written > 0 && packet->dts <= track->last_dts)
        return give_up(track, "its pictures are out of order");
    track->last_dts = packet->dts;
    track->written++;
    return track->params.sink.write(track->params.sink.user, packet, env_of(track)->failure);
}

static int write_edge(void *user, AVPacket *packet, struct md_failure *failure)
{
    (void)failure;
    return write_packet(user, packet);
}

/* ---- is it possible at all ---- */

static const char *refuse_stream(const struct md_stream *stream, const struct md_media *media)
{
    if (!stream || !stream->codec ||
        (strcmp(stream->codec, "h264") != 0 && strcmp(stream->codec, "hevc") != 0))
        return "it is neither H.264 nor HEVC";
    if (stream->hdr == MD_HDR_DOLBY_VISION)
        return "it is Dolby Vision";
    if (stream->interlaced)
        return "it is interlaced";
    if (media->time_jumps > 0)
        return "its time jumps";
    return NULL;
}

static const char *refuse_format(const struct md_picture_format *f, bool is_hevc,
                                 const AVCodecParameters *parameters)
{
    if (!f->frames_only)
        return "its pictures may be interlaced";
    if (f->chroma != 1 || f->luma_bits != f->chroma_bits ||
        (f->luma_bits != 8 && f->luma_bits != 10))
        return "it is not 4:2:0 in 8 or 10 bits";
    if ((int)f->width != parameters->width || (int)f->height != parameters->height)
        return "its size is not what its header says";
    uint8_t profile = f->profile_tier_level[0];
    if (is_hevc ? (profile & 31) != 1 && (profile & 31) != 2
                : profile != 66 && profile != 77 && profile != 100 && profile != 110)
        return "its profile cannot be matched";
    return NULL;
}

static bool is_exact(AVRational base)
{
    return base.num > 0 && base.den > 0 && base.den / base.num <= 500000 && base.den <= 1000000;
}

static const char *refuse(const struct md_smart_track *track)
{
    const AVStream *stream = md_copy_source_stream(track->source);
    const struct md_param_sets *sets = md_copy_source_sets(track->source);
    struct md_picture_format format;
    if (!is_exact(stream->time_base))
        return "its clock is finer than microseconds";
    if (md_param_sets_format(sets, &format) < 0)
        return "its parameter sets differ";
    return refuse_format(&format, sets->is_hevc, stream->codecpar);
}

/* ---- opening ---- */

static AVRational rate_of(const struct md_stream *stream)
{
    AVRational rate = {25, 1};
    if (stream->fps_num > 0 && stream->fps_den > 0)
        av_reduce(&rate.num, &rate.den, stream->fps_num, stream->fps_den, 1000000);
    double value = av_q2d(rate);
    return value >= 1 && value <= 480 ? rate : (AVRational){25, 1};
}

static int make_parameters(struct md_smart_track *track)
{
    struct md_bytes header = {0};
    AVCodecParameters *parameters = track->parameters = avcodec_parameters_alloc();
    const AVStream *stream = md_copy_source_stream(track->source);
    int rc = parameters && avcodec_parameters_copy(parameters, stream->codecpar) >= 0 &&
                     md_param_sets_write(md_copy_source_sets(track->source), &header) == MD_OK
                 ? MD_OK
                 : fail_nomem(track);
    if (rc == MD_OK) {
        av_freep(&parameters->extradata);
        parameters->extradata_size = 0;
        parameters->extradata = av_mallocz(header.n + AV_INPUT_BUFFER_PADDING_SIZE);
        rc = parameters->extradata ? MD_OK : fail_nomem(track);
    }
    if (rc == MD_OK) {
        memcpy(parameters->extradata, header.v, header.n);
        parameters->extradata_size = (int)header.n;
        /* hvc1: parameter sets in the header alone, which is what Apple's players ask for. */
        parameters->codec_tag =
            parameters->codec_id == AV_CODEC_ID_HEVC ? MKTAG('h', 'v', 'c', '1') : 0;
        if (stream->sample_aspect_ratio.num > 0)
            parameters->sample_aspect_ratio = stream->sample_aspect_ratio;
    }
    md_vec_done(&header);
    return rc;
}

static int open_reader(struct md_smart_track *track)
{
    const struct md_stage_env *env = env_of(track);
    struct md_video_params video = {
        .path = env->movie_path,
        .media = track->params.media,
        .threads = env->threads,
        .cancelled = env->cancelled,
        .user = env->user,
    };
    return md_video_open(&video, &track->reader, env->failure);
}

static int open_edges(struct md_smart_track *track, const struct md_stream *stream)
{
    const struct md_stage_env *env = env_of(track);
    struct md_edges_params params = {
        .like = md_copy_source_stream(track->source)->codecpar,
        .time_base = track->time_base,
        .frame_rate = rate_of(stream),
        .quality = env->options->quality,
        .small = env->settings != MD_SETTINGS_NORMAL,
        .sink = {write_edge, track},
    };
    int rc = md_edges_new(&params, md_copy_source_sets(track->source), &track->edges, env->failure);
    return rc < 0 ? rc : md_edges_set_prefix(track->edges, md_copy_source_metadata(track->source));
}

static int open_all(struct md_smart_track *track)
{
    const struct md_stage_env *env = env_of(track);
    const struct md_media *media = track->params.media;
    const struct md_stream *stream = md_media_stream(media, media->video_stream);
    const char *why = refuse_stream(stream, media);
    if (why)
        return give_up(track, why);
    track->packet = av_packet_alloc();
    int rc = track->packet ? md_copy_source_new(env, media, &track->source) : fail_nomem(track);
    if (rc == MD_OK && (why = refuse(track)))
        return give_up(track, why);
    if (rc == MD_OK)
        rc = md_copy_plan_make(env, media, track->params.pieces, track->source, &track->plan);
    if (rc == MD_OK && (why = refuse(track))) /* with the sets met on the way */
        return give_up(track, why);
    if (rc < 0)
        return rc;
    track->time_base = md_copy_source_stream(track->source)->time_base;
    AVRational rate = rate_of(stream);
    track->nominal = MD_MAX(av_rescale_q(1, av_inv_q(rate), track->time_base), 1);
    rc = open_edges(track, stream);
    if (rc == MD_OK)
        rc = make_parameters(track);
    return rc < 0 ? rc : open_reader(track);
}

int md_smart_track_new(const struct md_smart_track_params *params,
                       struct md_smart_track **ret_track)
{
    struct md_smart_track *track = calloc(1, sizeof *track);
    if (!track)
        return md_fail(params->env->failure, MD_ERR_NOMEM, "out of memory");
    track->params = *params;
    int rc = open_all(track);
    if (rc < 0) {
        md_smart_track_free(track);
        return rc;
    }
    *ret_track = track;
    return MD_OK;
}

void md_smart_track_free(struct md_smart_track *track)
{
    if (!track)
        return;
    md_edges_free(track->edges);
    md_video_close(track->reader);
    md_copy_source_free(track->source);
    md_copy_plan_done(&track->plan);
    avcodec_parameters_free(&track->parameters);
    av_packet_free(&track->packet);
    md_vec_done(&track->units);
    free(track);
}

const AVCodecParameters *md_smart_track_parameters(const struct md_smart_track *track)
{
    return track->parameters;
}

const AVStream *md_smart_track_stream(const struct md_smart_track *track)
{
    return md_copy_source_stream(track->source);
}

AVRational md_smart_track_time_base(const struct md_smart_track *track)
{
    return track->time_base;
}

struct md_smart_share md_smart_track_share(const struct md_smart_track *track)
{
    return track->share;
}

/* ---- edges ---- */

static int64_t end_of(const struct md_video_av_frame *frame)
{
    return frame->pts_us + frame->duration_us;
}

/* Decodes to the first frame of the piece; MD_ERR_EOF when there is none. */
static int find_first(struct md_smart_track *track)
{
    const struct md_stage_env *env = env_of(track);
    struct md_video_av_frame *frame = &track->frame;
    int rc = md_video_seek(track->reader, track->piece->start_us, env->failure);
    while (rc == MD_OK) {
        rc = md_video_next_av(track->reader, frame, env->failure);
        if (rc < 0)
            break;
        if (frame->pts_us >= track->piece->end_us - rounding_us)
            return MD_ERR_EOF;
        if (frame->pts_us >= track->piece->start_us - rounding_us)
            break;
        if (end_of(frame) - track->piece->start_us > still_us && !frame->is_damaged) {
            frame->duration_us = end_of(frame) - track->piece->start_us;
            frame->pts_us = track->piece->start_us;
            break;
        }
    }
    return rc;
}

static int64_t shown_until(const struct md_smart_track *track, int64_t end_us)
{
    return end_us - track->piece->end_us > still_us ? track->piece->end_us : end_us;
}

static int send_frame(struct md_smart_track *track, struct md_picture_piece *piece)
{
    const struct md_video_av_frame *frame = &track->frame;
    int64_t until_us = shown_until(track, end_of(frame));
    int64_t at = ticks(track, frame->pts_us) + track->shift;
    piece->end_us = until_us;
    piece->end = ticks(track, until_us) + track->shift;
    int rc = md_edges_send(track->edges, frame->av, at, piece->end - at, env_of(track)->failure);
    return rc < 0 ? rc : tell(track, piece->end);
}

/* Encodes the frames from track->frame on: `count` of them, or to the end of the piece. */
static int encode(struct md_smart_track *track, int64_t count, struct md_picture_piece *piece)
{
    const struct md_stage_env *env = env_of(track);
    int rc = MD_OK;
    for (int64_t n = 1;; n++) {
        rc = send_frame(track, piece);
        piece->frames++;
        if (rc < 0 || n == count || piece->end_us >= track->piece->end_us - rounding_us)
            break;
        rc = md_video_next_av(track->reader, &track->frame, env->failure);
        if (rc == MD_ERR_EOF) {
            rc = MD_OK;
            break;
        }
        if (rc < 0)
            break;
    }
    return rc < 0 ? rc : md_edges_end(track->edges, env->failure);
}

static int encode_head(struct md_smart_track *track, const struct md_copy_run *run,
                       struct md_picture_piece *piece)
{
    if (run->head == 0)
        return MD_OK;
    int rc = encode(track, run->head, piece);
    if (rc == MD_OK && (piece->frames != run->head || piece->end_us != movie_us(track, run->from)))
        return give_up(track, "its frames are not where its packets say");
    return rc;
}

static int encode_tail(struct md_smart_track *track, const struct md_copy_run *run,
                       struct md_picture_piece *piece)
{
    const struct md_stage_env *env = env_of(track);
    if (run->tail == 0)
        return MD_OK;
    int64_t before = piece->frames;
    int rc = md_video_seek(track->reader, movie_us(track, run->until), env->failure);
    if (rc == MD_OK)
        rc = md_video_next_av(track->reader, &track->frame, env->failure);
    if (rc == MD_ERR_EOF || rc == MD_ERR_INPUT ||
        (rc == MD_OK && ticks(track, track->frame.pts_us) != run->until))
        return give_up(track, "its frames are not where its packets say");
    if (rc == MD_OK)
        rc = encode(track, run->tail, piece);
    if (rc == MD_OK && piece->frames - before != run->tail)
        return give_up(track, "its frames are not where its packets say");
    return rc;
}

/* ---- copying ---- */

static int write_copy(struct md_smart_track *track, const struct md_copy_run *run,
                      const struct md_copy_packet *packet, bool opens,
                      const struct md_picture_piece *piece)
{
    track->units.n = 0;
    if (md_copy_source_units(track->source, packet, opens, &track->units) < 0 ||
        av_new_packet(track->packet, (int)track->units.n) < 0)
        return fail_nomem(track);
    memcpy(track->packet->data, track->units.v, track->units.n);
    track->packet->pts = packet->pts + track->shift;
    track->packet->duration = MD_MAX(packet->duration, 1);
    if (packet->pts == run->last)
        track->packet->duration = MD_MAX(piece->end - track->packet->pts, 1);
    track->packet->flags = packet->is_entry || packet->is_key ? AV_PKT_FLAG_KEY : 0;
    int rc = write_packet(track, track->packet);
    av_packet_unref(track->packet);
    return rc;
}

/* Reads on to the packet with which the run opens. */
static int find_entry(struct md_smart_track *track, const struct md_copy_run *run,
                      struct md_copy_packet *packet)
{
    int rc = md_copy_source_seek(track->source, run->from);
    while (rc == MD_OK) {
        rc = md_copy_source_next(track->source, packet);
        if (rc == MD_OK && packet->is_entry && packet->pts == run->from)
            return MD_OK;
    }
    return rc == MD_ERR_EOF || rc == MD_ERR_NOTFOUND ? give_up(track, "it reads differently twice")
                                                     : rc;
}

static int copy(struct md_smart_track *track, const struct md_copy_run *run,
                struct md_picture_piece *piece)
{
    struct md_copy_packet packet;
    int rc = find_entry(track, run, &packet);
    bool leads = true;
    uint64_t check = 0;
    /* What is shown last ends with the piece, where no tail follows. */
    piece->end_us =
        run->tail ? movie_us(track, run->until) : shown_until(track, movie_us(track, run->end));
    piece->end = ticks(track, piece->end_us) + track->shift;
    for (int64_t n = 0; rc == MD_OK && n < run->frames;) {
        leads &= n == 0 || !packet.is_entry;
        bool skips = n > 0 && leads && packet.is_leading && packet.pts < run->from;
        if (!skips) {
            check = md_copy_check(check, packet.pts);
            rc = write_copy(track, run, &packet, n == 0, piece);
            n++;
        }
        if (rc == MD_OK && n < run->frames)
            rc = tell(track, MD_MIN(track->last_dts, piece->end));
        if (rc == MD_OK && n < run->frames)
            rc = md_copy_source_next(track->source, &packet);
    }
    if (rc == MD_ERR_EOF || (rc == MD_OK && check != run->check))
        return give_up(track, "it reads differently twice");
    piece->frames += run->frames;
    track->share = (struct md_smart_share){movie_us(track, run->from), piece->end_us, run->frames};
    return rc < 0 ? rc : tell(track, piece->end);
}

/* ---- pieces ---- */

int md_smart_track_begin(struct md_smart_track *track, size_t index,
                         struct md_picture_piece *ret_piece)
{
    const struct md_copy_run *run = &track->plan.runs.v[index];
    *ret_piece = (struct md_picture_piece){.start = track->now, .end = track->now};
    track->index = index;
    track->piece = &track->params.pieces->v[index];
    track->share = (struct md_smart_share){0};
    if (run->frames > 0 && run->head == 0) {
        ret_piece->start_us = movie_us(track, run->from);
    } else {
        int rc = find_first(track);
        if (rc == MD_ERR_EOF || rc == MD_ERR_INPUT)
            return run->frames > 0 ? give_up(track, "its frames are not where its packets say")
                                   : MD_OK;
        if (rc < 0)
            return rc;
        ret_piece->start_us = track->frame.pts_us;
    }
    ret_piece->frames = 1;
    track->shift = track->now - ticks(track, ret_piece->start_us);
    return MD_OK;
}

int md_smart_track_render(struct md_smart_track *track, struct md_picture_piece *piece)
{
    const struct md_copy_run *run = &track->plan.runs.v[track->index];
    piece->frames = 0;
    int rc;
    if (run->frames == 0) {
        rc = encode(track, -1, piece);
    } else {
        rc = encode_head(track, run, piece);
        if (rc == MD_OK)
            rc = copy(track, run, piece);
        if (rc == MD_OK)
            rc = encode_tail(track, run, piece);
    }
    track->now = piece->end;
    return rc;
}

int md_smart_track_finish(struct md_smart_track *track)
{
    return track->written > 0 ? MD_OK : give_up(track, "nothing was written");
}
