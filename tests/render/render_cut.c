/* render_cut MOVIE FOLDER START-END... [--measure] [--OPTION=VALUE...]: renders these seconds of
 * a movie, to look at the result by hand, and measures the joins. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "join_check.h"
#include "run_render.h"

/* The longest the render stage went without asking whether it is to stop. */
struct patience {
    int64_t last_us, longest_us;
};

static bool ask(void *user)
{
    struct patience *patience = user;
    int64_t now_us = md_clock_monotonic_us();
    if (patience->last_us)
        patience->longest_us = MD_MAX(patience->longest_us, now_us - patience->last_us);
    patience->last_us = now_us;
    return false;
}

static int set_option(struct run_render *run, char *text)
{
    char *value = strchr(text, '=');
    if (!value)
        return -1;
    *value++ = '\0';
    const struct md_option *option = md_option_find(text);
    return option ? md_options_set(&run->options, option, value, &run->failure) : -1;
}

static void show(const struct run_render *run)
{
    const struct md_render *render = &run->render;
    printf("%s; %s; %.2f LUFS; %.3f s\n", render->video_encoding ? render->video_encoding : "-",
           render->audio_encoding ? render->audio_encoding : "-", render->loudness_lufs,
           (double)render->duration_us / 1e6);
    for (size_t i = 0; i < render->pieces.n; i++) {
        const struct md_rendered_piece *piece = &render->pieces.v[i];
        printf("%.6f - %.6f at %.6f, %lld frames\n", (double)piece->source_start_us / 1e6,
               (double)piece->source_end_us / 1e6, (double)piece->digest_start_us / 1e6,
               (long long)piece->video_frames);
    }
    for (size_t i = 0; i < render->warnings.n; i++)
        printf("warning: %s\n", render->warnings.v[i]);
}

static void show_side(const char *name, const struct join_side *side)
{
    printf("  %s: %+d frames%s (differs by %.2f), sound %+.2f ms%s (match %.3f)\n", name,
           side->frames_off, side->picture_told ? "" : "?", side->difference, side->sound_ms,
           side->sound_told ? "" : "?", side->match);
}

static int measure(struct run_render *run)
{
    struct joins joins = {0};
    md_autofree char *digest = md_path_join(run->out_dir, "digest.mp4");
    int rc = join_check(run->movie, &run->media, digest, &run->render, &joins, &run->failure);
    for (size_t i = 0; i < joins.n; i++) {
        printf("piece %zu\n", joins.v[i].piece);
        show_side("start", &joins.v[i].start);
        show_side("end  ", &joins.v[i].end);
    }
    struct join_summary s = join_summarize(&joins);
    printf("%d sides: picture told at %d, off at %d, by %d frames at most; sound told at %d, off "
           "by %.2f ms at most, %.2f on average\n",
           s.sides, s.pictures_told, s.pictures_off, s.most_frames_off, s.sounds_told,
           s.most_sound_ms, s.mean_sound_ms);
    md_vec_done(&joins);
    return rc;
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: %s MOVIE FOLDER START-END... [--measure] [--OPTION=VALUE...]\n",
                argv[0]);
        return 2;
    }
    bool measures = false;
    struct run_render run;
    struct patience patience = {0};
    run_render_init(&run, argv[1], argv[2]);
    run.cancelled = ask;
    run.user = &patience;
    for (int i = 3; i < argc; i++) {
        double start, end;
        if (strcmp(argv[i], "--measure") == 0) {
            measures = true;
            continue;
        }
        if (strncmp(argv[i], "--", 2) == 0) {
            if (set_option(&run, argv[i] + 2) < 0) {
                fprintf(stderr, "bad option %s %s\n", argv[i], run.failure.message);
                return 2;
            }
        } else if (sscanf(argv[i], "%lf-%lf", &start, &end) == 2) {
            run_render_piece(&run, (int64_t)(start * 1e6), (int64_t)(end * 1e6));
        } else {
            fprintf(stderr, "bad piece %s\n", argv[i]);
            return 2;
        }
    }
    int rc = run_render_go(&run);
    if (rc < 0)
        fprintf(stderr, "%s: %s\n", md_error_name(rc), run.failure.message);
    else
        show(&run);
    printf("asked whether to stop at least every %lld ms\n", (long long)patience.longest_us / 1000);
    if (rc == MD_OK && measures)
        rc = measure(&run);
    run_render_done(&run);
    return rc < 0;
}
