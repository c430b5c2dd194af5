/* render_cut MOVIE FOLDER START-END... [--OPTION=VALUE...]: renders these seconds of a movie, to
 * look at the result by hand. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run_render.h"

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

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: %s MOVIE FOLDER START-END... [--OPTION=VALUE...]\n", argv[0]);
        return 2;
    }
    struct run_render run;
    run_render_init(&run, argv[1], argv[2]);
    for (int i = 3; i < argc; i++) {
        double start, end;
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
    run_render_done(&run);
    return rc < 0;
}
