/* Makes short movies for tests whose every frame says its number and whose sound says its time, and
 * reads both back out of any file. Asserts success (cmocka). */
#ifndef MD_TESTS_MAKE_MOVIE_H
#define MD_TESTS_MAKE_MOVIE_H

#include <stdbool.h>
#include <stdint.h>

#include <libavutil/pixfmt.h>
#include <libavutil/rational.h>

struct make_movie {
    const char *path; /* the name's ending chooses the container */
    const char *mux_options, *video_options, *sound_options; /* "a=b:c=d", may be NULL */

    const char *video; /* encoder; NULL none */
    enum AVPixelFormat format;
    int width, height, frames;
    AVRational time_base;        /* of stamps; 0: 1/25 */
    int64_t (*stamp)(int frame); /* NULL: frame */
    AVRational sar;
    int rotation; /* degrees clockwise to show it upright */
    int b_frames, gop;
    bool interlaced, full_range;
    enum AVColorPrimaries primaries;
    enum AVColorTransferCharacteristic transfer;
    enum AVColorSpace matrix;

    const char *sound; /* encoder; NULL none */
    int rate, channels;
    double sound_from_s, sound_to_s; /* to 0: as long as the picture */
    bool centre_only;                /* of 5.1: the signal in the centre channel alone */
    double (*signal)(double time_s); /* NULL: movie_signal */
    double duration_s;               /* where there is no picture */
};

void make_movie(const struct make_movie *movie);

/* The sound's value at a time: a sum of sines that resembles itself at no other time nearby. */
double movie_signal(double time_s);

/* Everything in a file. */
struct movie_content {
    int64_t frames;
    int *number;       /* read from the picture; -1 unreadable */
    int64_t *pts_us;   /* of the container */
    int64_t end_us;    /* of the track */
    int width, height; /* of the last frame */
    int sar_num, sar_den;
    int64_t samples; /* of the left channel at 48 kHz, from time 0 on */
    float *left, *right;
    bool has_video, has_sound;
};

/* Decodes a file of a picture (8-bit) and a 48 kHz float sound track. */
void movie_read(const char *path, struct movie_content *content);
void movie_content_done(struct movie_content *content);

/* How much later (samples, > 0) than wanted the signal of time source_s is found at `sample`,
 * looking `reach` samples both ways and comparing n samples. *ret_match: correlation, 1 perfect. */
int movie_sound_delay(const struct movie_content *content, int64_t sample, double source_s, int n,
                      int reach, double *ret_match);

#endif
