// The film's table laid out in time: which frame shows what, who speaks when.
#ifndef SAMPLE_TIMELINE_H
#define SAMPLE_TIMELINE_H

#include "film.h"
#include "speech.h"

#include <stdint.h>

#define FLASH_FRAMES    3
#define END_FADE_FRAMES 24

struct tl_shot {
    const struct shot *shot;
    int start, end; // frames [start, end); in a dissolve or wipe it overlaps the shot before
};

struct tl_line {
    const struct line *line; // NULL for a remark of the commentary
    const char *text;
    enum who who;
    int64_t start, length; // samples at SPEECH_RATE
    struct speech speech;
};

struct timeline {
    struct tl_shot *shots;
    int n_shots;
    struct tl_line *lines, *remarks;
    int n_lines, n_remarks;
    int n_frames;
    uint8_t *mouth;  // per frame, 0..255
    uint8_t *talker; // per frame, enum who
};

// Reads the spoken lines line-NNN.wav and remark-NN.wav from dir. 0, or -1 with a message on
// stderr.
int tl_new(struct timeline *t, const char *dir, int brief);
void tl_free(struct timeline *t);
// Files in dir: truth.csv scenes.csv audio.csv subtitles.srt chapters.txt. 0 or -1.
int tl_write(const struct timeline *t, const char *dir, int brief);
// Number of frames of its transition that lie before (from the cut or the overlap's start) and in
// all.
int tl_fade_half(const struct shot *s);
float tl_flash(const struct tl_shot *s, int frame); // 0..1

// The number in a spoken line's file name.
int tl_line_number(int shot, int line);

#endif
