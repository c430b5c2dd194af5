/* A scene for the engine: a governor whose memory is said, an engine, and what it last commanded.
 */
#ifndef MD_TESTS_ENGINE_SCENE_H
#define MD_TESTS_ENGINE_SCENE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "engine/engine.h"

enum { MAX_COMMANDS = 256 };
#define BIT(name)     (1u << MD_STAGE_##name)
#define SECOND_US     INT64_C(1000000)
#define ALL_STAGES    ((1u << MD_STAGES) - 1)
#define EVENT(k, ...) (&(struct md_event){.kind = MD_EVENT_##k, __VA_ARGS__})

struct scene {
    struct gov_governor *governor;
    struct md_engine *engine;
    int64_t now_us;
    struct md_command commands[MAX_COMMANDS]; /* of the last step */
    size_t count;
    struct md_failure failure; /* of the last command that carried one */
};

extern const struct md_movie_facts facts; /* of a usual film */

/* Four cores; governor and cores of the wishes do not count. */
void open_scene(struct scene *w, const struct md_engine_params *wishes, double total_gb);
void open_world(struct scene *w, int max_movies, unsigned stages, double total_gb);
void close_world(struct scene *w);
/* What the device shows from now on; nothing of it is ours. */
void feed(struct scene *w, double total_gb, double others_gb);
void step(struct scene *w, const struct md_event *event);

/* The n-th command of a kind in the last step, or NULL. */
const struct md_command *find(const struct scene *w, enum md_command_kind kind, int n);
/* The only one. */
const struct md_command *expect(const struct scene *w, enum md_command_kind kind);

void add(struct scene *w, int movies);
/* The worker is there and ready. */
void begin(struct scene *w, uint32_t worker);
void say_done(struct scene *w, uint32_t worker, enum md_stage stage, bool cached);
/* From the CHECK that was just asked to the end of the stage. */
void run_stage(struct scene *w, uint32_t worker, enum md_stage stage);
void finish_movie(struct scene *w, uint32_t worker);
int64_t leased_bytes(struct scene *w);

#endif
