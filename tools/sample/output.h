// From a drawn frame to the yuv420p picture (BT.709, limited range) that the encoder gets.
#ifndef SAMPLE_OUTPUT_H
#define SAMPLE_OUTPUT_H

#include "canvas.h"

struct output {
    int w, h;
    uint8_t *vignette; // w x h, 255 = untouched
};

// What happens to the whole picture after drawing.
struct look {
    float black, white; // 0..1 towards black or white
    int letterbox;      // rows of black at top and bottom
    float sepia;        // 0..1
};

int output_init(struct output *o, int w, int h); // 0, or -1 without memory
void output_done(struct output *o);
// Writes w*h*3/2 bytes.
void output_frame(const struct output *o, const struct canvas *c, const struct look *look,
                  uint8_t *yuv);
// Mixes b over a in place: alpha 0..1, or a soft edge that travels from left to right (wipe).
void output_mix(struct canvas *a, const struct canvas *b, float alpha);
void output_wipe(struct canvas *a, const struct canvas *b, float u);

#endif
