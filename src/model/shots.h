/* shots.json: where the picture changes, and what each shot looks like. */
#ifndef MD_MODEL_SHOTS_H
#define MD_MODEL_SHOTS_H

#include "model/artifact.h"
#include "model/options.h"

enum md_transition {
    MD_TRANSITION_START, /* the first shot has nothing before it */
    MD_TRANSITION_CUT,
    MD_TRANSITION_DISSOLVE,
    MD_TRANSITION_FADE_BLACK,
    MD_TRANSITION_FADE_WHITE,
    MD_TRANSITION_WIPE,
};
extern const char *const md_transition_names[]; /* "start", "cut", "dissolve", ... NULL-ended */

/* Entries: one every third of a second for a day. */
enum { MD_SIGNATURE_BINS = 48, MD_SHOTS_MOST_ENTRIES = 250000 };

/* Shots tile the movie: each starts where the one before ends; a gradual transition is split in its
 * middle. Ranges are half-open. */
struct md_shot {
    int64_t start_us, end_us;
    int64_t start_frame, end_frame; /* frames in presentation order from 0 */
    int transition;                 /* enum md_transition, how this shot begins */
    int64_t transition_start_frame,
        transition_end_frame;   /* first and last frame of it; a cut: start_frame twice */
    float confidence;           /* of that boundary, 0 to 1 */
    float motion;               /* mean motion magnitude, 0 still to 1 very fast */
    float luma;                 /* mean, 0 black to 1 white */
    float contrast;             /* standard deviation of luma, 0 to about 0.5 */
    float saturation;           /* mean chroma magnitude, 0 grey to 1 */
    float colorfulness;         /* Hasler and Suesstrunk 2003, scaled to 0..1 */
    float warmth;               /* -1 cold blue to 1 warm orange */
    float sharpness;            /* normalised gradient energy of the key frame, 0 to 1 */
    struct md_floats signature; /* MD_SIGNATURE_BINS colour-and-layout numbers; near-duplicates have
                                   a small L1 distance */
    int64_t key_us;             /* time of the key frame */
    char *key_image; /* "keys/000012.jpg" in the work folder; NULL when none could be made */
    bool credits;    /* lies in a credits range */
};

struct md_credits {
    int64_t start_us, end_us;
    bool rolling; /* scrolling text, else still cards */
};

struct md_shot_vec MD_VEC(struct md_shot);
struct md_credits_vec MD_VEC(struct md_credits);

struct md_shots {
    char *detector;         /* which method found the boundaries */
    int mode;               /* enum md_shots_mode: MD_SHOTS_FAST or MD_SHOTS_ACCURATE */
    char *mode_reason;      /* why it is not the fast one; NULL when it is, or was not wanted */
    int64_t frame_count;    /* frames of the film */
    int64_t frames_decoded; /* of them really; in fast mode key frames may count twice */
    int64_t damaged_frames; /* of those decoded: not wholly, or not at all */
    int64_t duration_us;    /* end of the last frame */
    int64_t width, height;  /* displayed size, after sample aspect and rotation */
    int64_t crop_left, crop_top, crop_right,
        crop_bottom; /* usual letterbox in coded pixels, 0 none */
    struct md_shot_vec shots;
    struct md_credits_vec credits;
    /* One value per second, for the timeline: mean motion and mean luma (0 to 1). */
    struct md_floats motion_curve, luma_curve;
    /* Where a copy of the film may begin, ascending (media/entries.h): its IDR pictures and the
     * like. Empty where nothing of it can be copied, and where it may begin anywhere. */
    struct md_ints entries_us;
    struct md_strings warnings; /* e.g. "3 damaged frames between 0:12 and 0:14 were skipped" */
};

/* Mean absolute difference of two signatures, 0 the same; INFINITY when either has none. */
float md_shot_distance(const struct md_shot *a, const struct md_shot *b);

#endif
