/* A made-up movie's artifacts, for the writers of output files. */
#ifndef MD_TEST_MAKE_OUTPUTS_H
#define MD_TEST_MAKE_OUTPUTS_H

#include "base/str.h"
#include "model/audio.h"
#include "model/cut.h"
#include "model/media.h"
#include "model/render.h"
#include "model/shots.h"
#include "model/stage.h"
#include "model/story.h"
#include "model/transcript.h"

struct make_outputs {
    /* set before make_outputs */
    int shots;  /* of five seconds each */
    int pieces; /* one shot each, evenly spread */
    int cues;   /* two seconds each, evenly spread; 0: no transcript */
    bool no_audio;
    bool no_video;
    const char *text; /* put wherever foreign text can be: titles, names, words, reasons */
    const char *uri;  /* of the movie */
    int64_t fps_num, fps_den;

    /* filled */
    char *work_dir, *out_dir;
    struct md_media media;
    struct md_shots shot_list;
    struct md_audio audio;
    struct md_transcript transcript;
    struct md_story story;
    struct md_cut cut;
    struct md_render render;
    struct md_options options;
    struct md_failure failure;
    struct md_artifacts in;
    struct md_stage_env env;
};

/* Makes fresh folders, key images (a few, used again and again) and all artifacts. */
void make_outputs(struct make_outputs *m);
void make_outputs_done(struct make_outputs *m);

/* The bytes of a file in the output folder; the caller frees. NULL when it is not there. */
char *read_output(const struct make_outputs *m, const char *name, size_t *ret_n);

#endif
