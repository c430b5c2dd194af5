/* A video stream by its groups of pictures: what container and bitstream say about each picture
 * without decoding it, key frames decoded alone, and any stretch of frames decoded from the key
 * frame before it. The file is read once, from front to back; nothing is sought, so an index is
 * not needed.
 *
 * It only works where the packets can be trusted to be what the decoder will show: each a frame
 * with a time of its own. Wherever that turns out not to be so (no stamps, fields as packets,
 * damage, groups too large to hold) it gives up with MD_ERR_UNSUPPORTED and a failure that says
 * why; the film is then to be decoded as a whole.
 *
 * One thread at a time; the decoders have their own.
 */
#ifndef MD_MEDIA_VIDEO_GROUPS_H
#define MD_MEDIA_VIDEO_GROUPS_H

#include "media/video_reader.h"

enum md_coding { MD_CODING_UNKNOWN, MD_CODING_I, MD_CODING_P, MD_CODING_B };

/* A picture, undecoded. */
struct md_group_frame {
    int64_t pts_us, duration_us; /* movie clock; the duration is known of complete groups */
    int32_t bytes;
    int16_t coding; /* enum md_coding, of the first slice */
    bool is_key;
};

/* From one key frame to the next, in presentation order: frames[0] is the key frame. */
struct md_group {
    int64_t first_frame; /* number of frames[0] in the film */
    int32_t frame_count;
    const struct md_group_frame *frames;
    int64_t end_us; /* of its last frame */
    bool is_last;   /* of the film */
};

enum {
    MD_GROUP_MOST_FRAMES = 1500,      /* a minute at 25 frames per second */
    MD_GROUP_MOST_BYTES = 48 << 20,   /* ten seconds at 40 Mbit/s */
    MD_GROUPS_MOST_BYTES = 144 << 20, /* of all that are held */
};

struct md_groups;

/* params->media must be set; key_frames_only is ignored. As md_video_open, and
 * MD_ERR_UNSUPPORTED. */
int md_groups_open(const struct md_video_params *params, struct md_groups **ret_groups,
                   struct md_failure *failure);
void md_groups_close(struct md_groups *groups); /* NULL is fine */

/* Reads until one more group is complete. MD_ERR_EOF when there are no more, MD_ERR_UNSUPPORTED,
 * MD_ERR_CANCELLED, MD_ERR_NOMEM. */
int md_groups_advance(struct md_groups *groups, struct md_failure *failure);

/* Complete and not released groups are [first, count). */
int64_t md_groups_first(const struct md_groups *groups);
int64_t md_groups_count(const struct md_groups *groups);

/* Borrowed until the next md_groups_advance or _release. */
const struct md_group *md_groups_at(struct md_groups *groups, int64_t group);

/* Forgets the packets of groups before this one. */
void md_groups_release(struct md_groups *groups, int64_t group);

/* The key frame of a complete group, decoded alone; valid until the next call but one of this
 * function. frame->index is its number in the film. Errors as md_groups_advance. */
int md_groups_key(struct md_groups *groups, int64_t group, const struct md_frame **ret_frame,
                  struct md_failure *failure);

/* The next frame decoded is number from_frame of the film, which lies in this group. Cheap when it
 * is the one that would come anyway. Frames before it that no other refers to are not decoded. */
void md_groups_start(struct md_groups *groups, int64_t group, int64_t from_frame);

/* The next frame, numbered as in the film; reads on as needed; valid until the next call.
 * MD_ERR_EOF after the last of the film. Errors as md_groups_advance. */
int md_groups_next(struct md_groups *groups, const struct md_frame **ret_frame,
                   struct md_failure *failure);

/* Frames decoded so far, with those that were only decoded because others refer to them: key frames
 * alone, and in stretches. */
struct md_groups_stats {
    int64_t keys, frames;
    int64_t packets; /* read */
};
void md_groups_stats_get(const struct md_groups *groups, struct md_groups_stats *ret_stats);

#endif
