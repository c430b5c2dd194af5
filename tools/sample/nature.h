// Skies, land, water and weather. t is always seconds; the same t draws the same picture.
#ifndef SAMPLE_NATURE_H
#define SAMPLE_NATURE_H

#include "shapes.h"

void na_stars(struct canvas *c, float t, int n, uint32_t seed, float alpha);
void na_moon(struct canvas *c, float x, float y, float r, float glow);
void na_sun(struct canvas *c, float x, float y, float r, uint32_t core, uint32_t halo);
// One cloud with a flat base; the colour runs from the top to the base, where it dissolves.
void na_cloud(struct canvas *c, float x, float y, float w, float h, uint32_t seed, uint32_t top,
              uint32_t base, float alpha);
struct na_cloudscape {
    int n;
    float y0, y1; // bases of the clouds
    float size;   // width of a middling one
    float speed;  // units a second
    uint32_t seed, top, base;
    float alpha;
};
void na_clouds(struct canvas *c, float t, const struct na_cloudscape *k);
// The low, torn ceiling of a storm, down to y.
void na_ceiling(struct canvas *c, float t, float y, uint32_t dark, uint32_t light, uint32_t seed);
void na_aurora(struct canvas *c, float t, float y, float height, float alpha);

// A mountain range with a lit and a shaded side to every peak. snow = 0 for none.
void na_range(struct canvas *c, float base, float height, float spacing, uint32_t seed,
              uint32_t lit, uint32_t shade, uint32_t snow);
void na_hills(struct canvas *c, float base, float height, float length, uint32_t seed, uint32_t top,
              uint32_t bottom);
float na_hill_y(float x, float base, float height, float length, uint32_t seed);
void na_pine(struct canvas *c, float x, float y, float h, float sway, uint32_t colour,
             uint32_t snow);
// Pines along the hill of the same numbers; snow 0 for none.
void na_forest(struct canvas *c, float base, float height, float length, uint32_t seed, float size,
               float gap, uint32_t colour, uint32_t snow);
// Rocks in the sea: a jagged silhouette with lit edges, standing on y.
void na_rocks(struct canvas *c, float x, float y, float w, float h, uint32_t seed, uint32_t lit,
              uint32_t dark);

struct na_sea {
    float horizon;
    uint32_t far, near;
    float glint_x;  // under the sun or the moon
    uint32_t glint; // 0 for none
    float glint_alpha, glint_width;
    uint32_t ripple; // colour of the small waves
    float chop;      // 0 calm .. 1 rough
};
void na_water(struct canvas *c, float t, const struct na_sea *k);

// One row of waves as a silhouette: height of the crests above y is 0..amp.
struct na_wave {
    float y, amp, length, speed, bottom;
    uint32_t seed, top, deep, foam; // foam 0 for none
};
float na_wave_y(const struct na_wave *k, float x, float t);
float na_wave_slope(const struct na_wave *k, float x, float t);
void na_wave(struct canvas *c, float t, const struct na_wave *k);

void na_rain(struct canvas *c, float t, int n, float slant, float length, float alpha);
void na_snow(struct canvas *c, float t, int n, float size, float wind, float alpha);
void na_bolt(struct canvas *c, float x0, float y0, float x1, float y1, uint32_t seed, float power);
void na_gull(struct canvas *c, float x, float y, float size, float flap, uint32_t colour);
void na_mist(struct canvas *c, float y0, float y1, uint32_t colour, float alpha);
void na_smoke(struct canvas *c, float x, float y, float t, float size, uint32_t colour,
              float alpha);
// Spray thrown up at x, y; u runs from 0 (the impact) to 1 (all fallen).
void na_spray(struct canvas *c, float x, float y, float size, float u, uint32_t seed, float alpha);

#endif
