/* Films out of a seed: shots, sound and subtitles as the stages before would leave them. */
#ifndef MD_TEST_FILM_H
#define MD_TEST_FILM_H

#include "model/audio.h"
#include "model/media.h"
#include "model/shots.h"
#include "model/stage.h"
#include "model/transcript.h"

struct md_film {
    struct md_media media;
    struct md_shots shots;
    struct md_audio audio;
    struct md_transcript transcript;
    struct md_options options;
    struct md_failure failure;
    struct md_stage_env env;
    struct md_artifacts in; /* points to the above */
};

enum md_film_talk { MD_FILM_MUTE, MD_FILM_SPARSE, MD_FILM_USUAL, MD_FILM_DENSE, MD_FILM_ROLLING };

struct md_film_shape {
    uint64_t seed;
    double duration_s;
    double shot_s; /* mean */
    int fps;
    enum md_film_talk talk;
    bool has_audio;
    bool has_picture;
    double gradual;   /* share of shots that begin with a fade, dissolve or wipe */
    double credits;   /* share of the film at its end */
    int group_frames; /* key frames at most that far apart, as encoders set them; 0: none known */
};

/* A shape drawn from a seed: anything from one frame to two hours. */
struct md_film_shape md_film_any_shape(uint64_t seed);

/* Makes the film in place (it points into itself); free with md_film_done. */
void md_film_make(struct md_film *film, const struct md_film_shape *shape);
void md_film_done(struct md_film *film);

/* The next random number of a seed, [0, 1). */
double md_film_random(uint64_t *seed);

#endif
