/* What a group of pictures says about shots before it is decoded, and which of its frames need a
 * look. Pure: sizes, kinds of coding and the looks of key frames in, a plan out. */
#ifndef MD_ANALYSIS_GROUP_PLAN_H
#define MD_ANALYSIS_GROUP_PLAN_H

#include "analysis/change.h"
#include "media/video_groups.h"

/* What the film's groups have in common, learnt as they come. Zero knows nothing. */
struct md_group_hints {
    int32_t longest; /* frames between two key frames */
    int64_t longest_seen, seen;
    int64_t frames, b_frames;
    int64_t tiny; /* groups too short to gain by */
    float calm;   /* 1 - the part of late frames that were looked at */
};
void md_group_hints_add(struct md_group_hints *hints, const struct md_group *group);

/* NULL, or why decoding groups apart is no gain in this film; asked after some groups. */
const char *md_group_hints_refuse(const struct md_group_hints *hints);

/* A group and the look of its key frame. */
struct md_group_sight {
    const struct md_group *group;
    const struct md_look *key;
    bool is_card; /* the key frame is a card of text: credits perhaps */
};

enum md_group_end {
    MD_GROUP_END_NOTHING, /* the shot goes on at the next key frame */
    MD_GROUP_END_CUT,     /* the next key frame begins a shot, without doubt */
    MD_GROUP_END_LOOK,    /* the frames there have to tell; they are in the range */
};

/* Frames of the film to be decoded, [from, to). */
struct md_group_look {
    int64_t from, to;
};
enum { MD_GROUP_LOOKS = 8 };

struct md_group_plan {
    int end;                                    /* enum md_group_end */
    float confidence;                           /* of that cut */
    struct md_group_look looks[MD_GROUP_LOOKS]; /* in order, apart; they begin in this group, the
                                                   last may end in those that follow */
    int look_count;
    bool same_scene; /* this key frame and the next show the same */
    const char *why; /* a word for the log; never NULL */
};

/* Adds a look, joining those that meet. */
void md_group_plan_look(struct md_group_plan *plan, int64_t from, int64_t to);

/* before (only its frames matter) and next may be NULL at the film's ends. rate: frames per second.
 */
void md_group_plan_make(const struct md_group_hints *hints, const struct md_group *before,
                        const struct md_group_sight *group, const struct md_group_sight *next,
                        float rate, struct md_group_plan *ret_plan);

/* Where nearly all is looked at, all is: to leave out the rest saves little and may cost a
 * boundary. Call once for each group, with its finished plan. */
void md_group_plan_settle(struct md_group_hints *hints, const struct md_group *group, float rate,
                          struct md_group_plan *plan);

enum { MD_GROUP_SIZES = 12 };

/* Motion from packet sizes, learnt from the frames that are decoded. Zero starts from the usual. */
struct md_group_motion {
    double sum[MD_GROUP_SIZES];
    int64_t count[MD_GROUP_SIZES];
};
/* A frame of a group by its place, with the motion that was measured (as md_motion_of). */
void md_group_motion_learn(struct md_group_motion *motion, const struct md_group *group,
                           int32_t place, float measured);
float md_group_motion_guess(const struct md_group_motion *motion, const struct md_group *group,
                            int32_t place);

#endif
