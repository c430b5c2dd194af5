/* Runs probe and render on a movie as the worker would, for tests. */
#ifndef MD_TESTS_RUN_RENDER_H
#define MD_TESTS_RUN_RENDER_H

#include "model/audio.h"
#include "model/cut.h"
#include "model/media.h"
#include "model/options.h"
#include "model/render.h"
#include "model/shots.h"
#include "model/stage.h"
#include "model/story.h"
#include "model/transcript.h"

struct run_render {
    const char *movie, *out_dir;
    struct md_options options; /* run_render_init sets the defaults */
    struct md_cut cut;         /* pieces: run_render_piece */
    struct md_artifacts in;    /* tests may set transcript, story, shots, audio */
    int threads;
    bool (*cancelled)(void *user);
    void (*progress)(void *user, int64_t done_us, int64_t total_us);
    void *user;

    struct md_shots no_shots; /* empty, what `in` points to unless a test says otherwise */
    struct md_audio no_audio;
    struct md_story no_story;
    struct md_media media;   /* filled by run_render_probe */
    struct md_render render; /* filled by run_render_go */
    struct md_failure failure;
};

/* run must not be moved afterwards. */
void run_render_init(struct run_render *run, const char *movie, const char *out_dir);
void run_render_piece(struct run_render *run, int64_t start_us, int64_t end_us);
int run_render_probe(struct run_render *run);
/* Probes first if that was not done. */
int run_render_go(struct run_render *run);
void run_render_done(struct run_render *run);

#endif
