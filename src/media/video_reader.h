/* Decodes one video stream in presentation order.
 *
 * One thread at a time. Errors in the stream do not end it: what cannot be decoded is counted and
 * skipped. The end (MD_ERR_EOF) comes when the file has no more packets or cannot be read further;
 * the statistics say which.
 */
#ifndef MD_MEDIA_VIDEO_READER_H
#define MD_MEDIA_VIDEO_READER_H

#include "base/error.h"
#include "media/frame.h"
#include "media/video_clock.h"

struct md_ints;
struct md_media;
struct md_video_reader;

/* Zero is valid but for path; pointers are borrowed until md_video_close. */
struct md_video_params {
    const char *path;              /* of the movie, any bytes */
    const struct md_media *media;  /* chooses the stream and sets the clock; NULL: the best stream,
                                      and its first frame is time 0 */
    int threads;                   /* decoder threads; 0 and 1 are one */
    bool skip_loop_filter;         /* faster, slightly blocky: for analysis */
    bool skip_unused_filter;       /* the same of pictures that no other is made from: others
                                      stay exact */
    bool key_frames_only;          /* decode nothing else */
    struct md_ints *entries_us;    /* NULL, or where the times of entries are appended as they are
                                      read, see media/entries.h; with media, and without seeks */
    int64_t max_pixels;            /* larger pictures are refused; 0: MD_VIDEO_MAX_PIXELS */
    bool (*cancelled)(void *user); /* may be NULL; asked at least for every packet */
    void *user;
};

/* 8192 x 4608: 8K with some room. What a broken header claims beyond it is not allocated. */
#define MD_VIDEO_MAX_PIXELS (INT64_C(8192) * 4608)

/* What became of the stream so far. */
struct md_video_stats {
    int64_t frames;                          /* delivered */
    int64_t damaged_frames;                  /* delivered, but with concealed errors */
    int64_t lost_packets;                    /* packets the decoder could make nothing of */
    int64_t first_damage_us, last_damage_us; /* MD_NO_TIME: none; about where, on the movie clock */
    int64_t format_changes;                  /* of size or pixel format within the stream */
    int64_t end_us;                          /* end of the last frame delivered; 0 before */
    bool cut_off;                            /* ended by an error from the file, not by its end */
};

/* MD_ERR_NOTFOUND, MD_ERR_INPUT (not a movie, no video), MD_ERR_UNSUPPORTED (no decoder),
 * MD_ERR_NOMEM, MD_ERR_CANCELLED, MD_ERR_IO. */
int md_video_open(const struct md_video_params *params, struct md_video_reader **ret_reader,
                  struct md_failure *failure);

/* The next frame; its planes stay valid until the next call for this reader. MD_ERR_EOF at the end
 * (failure untouched), MD_ERR_CANCELLED, MD_ERR_NOMEM. */
int md_video_next(struct md_video_reader *reader, const struct md_frame **ret_frame,
                  struct md_failure *failure);

/* The next frame delivered is the one shown at time_us, or the first or last there is. */
int md_video_seek(struct md_video_reader *reader, int64_t time_us, struct md_failure *failure);

void md_video_stats_get(const struct md_video_reader *reader, struct md_video_stats *ret_stats);

/* NULL is fine. */
void md_video_close(struct md_video_reader *reader);

#endif
