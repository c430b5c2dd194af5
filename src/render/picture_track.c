/* Frames keep the distances of the movie's own stamps, counted in the movie's own time base, so a
 * variable frame rate stays what it is and no rounding adds up, however many pieces there are. The
 * end of a piece is the beginning of the frame that would come next. */
#include "render/picture_track.h"

#include "base/cleanup.h"
#include "media/compat.h"
#include "media/input.h"
#include "media/video_av.h"

/* A frame that stays longer than this is a still (slides, screen recordings): it may be cut in its
 * middle. Shorter ones are shown whole or not at all. */
static const int64_t still_us = 250000;
/* Two roundings to microseconds may lie between a piece's time and its frame's. */
static const int64_t rounding_us = 2;
/* A deinterlacer wants to have seen the frames before the first. */
static const int64_t lead_in_us = 100000;
enum { REMEMBERED = 16 };

struct md_picture_track {
    struct md_picture_track_params params;
    struct md_video_reader *reader;
    AVRational time_base;
    struct md_look look;
    struct md_encoder *encoder; /* NULL before the first frame */
    struct md_picture_filter *filter;
    AVFrame *picture;
    /* Durations by stamp, for frames inside the filter. */
    struct {
        int64_t pts, duration;
    } sent[REMEMBERED];
    unsigned sent_n;

    int64_t now;         /* digest ticks where the next piece begins */
    int64_t shift;       /* digest ticks - movie ticks, of the piece under way */
    int64_t start, last; /* movie ticks of its first frame; digest ticks of the last encoded */
    bool wants_key;
    int64_t piece_start_us, piece_end_us; /* as asked for */
    struct md_video_av_frame frame;       /* first frame of the piece, found by begin */
};

static const struct md_stage_env *env_of(const struct md_picture_track *track)
{
    return track->params.env;
}

static const struct md_stream *stream_of(const struct md_picture_track *track)
{
    const struct md_media *media = track->params.media;
    return md_media_stream(media, media->video_stream);
}

/* The movie's own, unless it is finer than the microseconds in which frames are told apart. */
static AVRational choose_time_base(AVRational movie)
{
    const AVRational fine = {1, 90000};
    if (movie.num <= 0 || movie.den <= 0 || movie.den / movie.num > 500000 || movie.den > 1000000)
        return fine;
    return movie;
}

int md_picture_track_new(const struct md_picture_track_params *params,
                         struct md_picture_track **ret_track)
{
    const struct md_stage_env *env = params->env;
    struct md_picture_track *track = calloc(1, sizeof *track);
    if (!track)
        return md_fail(env->failure, MD_ERR_NOMEM, "out of memory");
    track->params = *params;
    track->last = INT64_MIN;
    track->picture = av_frame_alloc();
    struct md_video_params video = {
        .path = env->movie_path,
        .media = params->media,
        .threads = env->threads,
        .cancelled = env->cancelled,
        .user = env->user,
    };
    int rc = track->picture ? md_video_open(&video, &track->reader, env->failure)
                            : md_fail(env->failure, MD_ERR_NOMEM, "out of memory");
    if (rc < 0) {
        md_picture_track_free(track);
        return rc;
    }
    track->time_base = choose_time_base(md_video_av_stream(track->reader)->time_base);
    *ret_track = track;
    return MD_OK;
}

void md_picture_track_free(struct md_picture_track *track)
{
    if (!track)
        return;
    md_picture_filter_free(track->filter);
    md_encoder_free(track->encoder);
    md_video_close(track->reader);
    av_frame_free(&track->picture);
    free(track);
}

AVRational md_picture_track_time_base(const struct md_picture_track *track)
{
    return track->time_base;
}

const uint8_t *md_picture_matrix(const AVStream *stream)
{
    size_t size;
    const uint8_t *matrix = md_av_stream_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX, &size);
    return matrix && size >= 9 * sizeof(int32_t) ? matrix : NULL;
}

const uint8_t *md_picture_track_matrix(const struct md_picture_track *track)
{
    return md_picture_matrix(md_video_av_stream(track->reader));
}

static int64_t ticks(const struct md_picture_track *track, int64_t movie_us)
{
    return md_input_timestamp(movie_us, track->time_base, track->params.media->clock_zero_us);
}

/* ---- encoding ---- */

static AVRational frame_rate(const struct md_stream *stream)
{
    const AVRational usual = {25, 1};
    if (!stream || stream->fps_num <= 0 || stream->fps_den <= 0)
        return usual;
    AVRational rate;
    av_reduce(&rate.num, &rate.den, stream->fps_num, stream->fps_den, 1000000);
    double value = av_q2d(rate);
    return value >= 1 && value <= 480 ? rate : usual;
}

static int open_encoder(struct md_picture_track *track, const AVFrame *first)
{
    const struct md_stage_env *env = env_of(track);
    const struct md_stream *stream = stream_of(track);
    AVRational sar = first->sample_aspect_ratio;
    if (sar.num <= 0 || sar.den <= 0)
        sar =
            stream ? (AVRational){(int)stream->sar_num, (int)stream->sar_den} : (AVRational){1, 1};
    struct md_geometry geometry =
        md_geometry_fit(first->width, first->height, sar.num, sar.den,
                        stream ? (int)stream->rotation : 0, env->options->max_height);
    bool interlaced = (stream && stream->interlaced) || md_av_frame_is_interlaced(first);
    track->look = md_look_choose(first, &geometry, interlaced);
    struct md_video_encoder_params params = {
        .small = env->settings != MD_SETTINGS_NORMAL,
        .look = &track->look,
        .time_base = track->time_base,
        .frame_rate = frame_rate(stream),
        .quality = env->options->quality,
        .sink = track->params.sink,
    };
    int rc = md_video_encoder_new(&params, &track->encoder, env->failure);
    return rc < 0 ? rc : track->params.opened(track->params.user, &track->look, track->encoder);
}

static int64_t duration_of(const struct md_picture_track *track, int64_t pts)
{
    unsigned n = MD_MIN(track->sent_n, REMEMBERED);
    for (unsigned i = 1; i <= n; i++)
        if (track->sent[(track->sent_n - i) % REMEMBERED].pts == pts)
            return track->sent[(track->sent_n - i) % REMEMBERED].duration;
    return 0;
}

/* Encodes what the filter has ready. */
static int drain(struct md_picture_track *track)
{
    struct md_failure *failure = env_of(track)->failure;
    for (;;) {
        int rc = md_picture_filter_receive(track->filter, track->picture, failure);
        if (rc == MD_ERR_BUSY || rc == MD_ERR_EOF)
            return MD_OK;
        if (rc < 0)
            return rc;
        int64_t pts = track->picture->pts;
        if (pts >= track->start && pts + track->shift > track->last) {
            track->last = pts + track->shift;
            rc = md_encoder_send(track->encoder, track->picture, track->last,
                                 duration_of(track, pts), track->wants_key, failure);
            track->wants_key = false;
        }
        av_frame_unref(track->picture);
        if (rc < 0)
            return rc;
    }
}

static int end_filter(struct md_picture_track *track)
{
    if (!track->filter)
        return MD_OK;
    int rc = md_picture_filter_send(track->filter, NULL, 0, env_of(track)->failure);
    if (rc == MD_OK)
        rc = drain(track);
    md_picture_filter_free(track->filter);
    track->filter = NULL;
    return rc;
}

/* Sends a frame on its way; pts and end in movie ticks. */
static int send(struct md_picture_track *track, const AVFrame *av, int64_t pts, int64_t end)
{
    const struct md_stage_env *env = env_of(track);
    int rc = MD_OK;
    if (track->filter && !md_picture_filter_fits(track->filter, av))
        rc = end_filter(track);
    if (rc == MD_OK && !track->filter)
        rc = md_picture_filter_new(&track->look, av, track->time_base, env->threads, &track->filter,
                                   env->failure);
    if (rc < 0)
        return rc;
    unsigned slot = track->sent_n++ % REMEMBERED;
    track->sent[slot].pts = pts;
    track->sent[slot].duration = end - pts;
    rc = md_picture_filter_send(track->filter, av, pts, env->failure);
    return rc < 0 ? rc : drain(track);
}

/* ---- pieces ---- */

static int64_t end_of(const struct md_video_av_frame *frame)
{
    return frame->pts_us + frame->duration_us;
}

/* Reads to the first frame of the piece, giving the deinterlacer those before. MD_ERR_EOF when
 * there is none. */
static int find_first(struct md_picture_track *track)
{
    for (;;) {
        int rc = md_video_next_av(track->reader, &track->frame, env_of(track)->failure);
        if (rc < 0)
            return rc;
        struct md_video_av_frame *frame = &track->frame;
        if (frame->pts_us >= track->piece_end_us - rounding_us)
            return MD_ERR_EOF;
        if (frame->pts_us >= track->piece_start_us - rounding_us)
            return MD_OK;
        if (end_of(frame) - track->piece_start_us > still_us && !frame->is_damaged) {
            frame->duration_us = end_of(frame) - track->piece_start_us;
            frame->pts_us = track->piece_start_us;
            return MD_OK;
        }
        if (track->encoder && track->look.deinterlace) {
            rc = send(track, frame->av, ticks(track, frame->pts_us), ticks(track, end_of(frame)));
            if (rc < 0)
                return rc;
        }
    }
}

int md_picture_track_begin(struct md_picture_track *track, const struct md_piece *piece,
                           bool follows, struct md_picture_piece *ret_piece)
{
    const struct md_stage_env *env = env_of(track);
    *ret_piece = (struct md_picture_piece){.start = track->now, .end = track->now};
    track->piece_start_us = piece->start_us;
    track->piece_end_us = piece->end_us;
    track->start = INT64_MAX; /* nothing that comes out of the filter is wanted yet */
    bool leads_in = track->encoder && track->look.deinterlace;
    int rc =
        md_video_seek(track->reader, piece->start_us - (leads_in ? lead_in_us : 0), env->failure);
    if (rc == MD_OK)
        rc = find_first(track);
    if (rc == MD_ERR_EOF || rc == MD_ERR_INPUT)
        return MD_OK;
    if (rc == MD_OK && !track->encoder)
        rc = open_encoder(track, track->frame.av);
    if (rc < 0)
        return rc;
    ret_piece->start_us = track->frame.pts_us;
    ret_piece->frames = 1;
    track->start = ticks(track, track->frame.pts_us);
    track->shift = track->now - track->start;
    track->wants_key = !follows;
    return MD_OK;
}

int64_t md_picture_track_stamp_offset_us(const struct md_picture_track *track)
{
    return md_video_stamp_offset_us(track->reader);
}

/* Where the picture of this frame ends in the digest: at the next frame, or where the piece ends
 * if that comes much earlier. */
static int64_t shown_until(const struct md_picture_track *track,
                           const struct md_video_av_frame *frame)
{
    int64_t end_us = end_of(frame);
    return end_us - track->piece_end_us > still_us ? track->piece_end_us : end_us;
}

int md_picture_track_render(struct md_picture_track *track, struct md_picture_piece *piece)
{
    struct md_video_av_frame *frame = &track->frame;
    int rc = MD_OK;
    for (;;) {
        int64_t until_us = shown_until(track, frame);
        rc = send(track, frame->av, ticks(track, frame->pts_us), ticks(track, until_us));
        if (rc < 0)
            return rc;
        piece->end_us = until_us;
        piece->end = ticks(track, until_us) + track->shift;
        rc = track->params.reached(track->params.user, piece->end);
        if (rc < 0)
            return rc;
        if (until_us >= track->piece_end_us - rounding_us)
            break;
        rc = md_video_next_av(track->reader, frame, env_of(track)->failure);
        if (rc == MD_ERR_EOF)
            break;
        if (rc < 0)
            return rc;
        piece->frames++;
    }
    track->now = piece->end;
    return track->look.deinterlace ? end_filter(track) : MD_OK;
}

int md_picture_track_finish(struct md_picture_track *track)
{
    if (!track->encoder)
        return MD_OK;
    int rc = end_filter(track);
    return rc < 0 ? rc : md_encoder_send(track->encoder, NULL, 0, 0, false, env_of(track)->failure);
}
