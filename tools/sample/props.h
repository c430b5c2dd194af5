// Things built by people: the lighthouse, houses, the train, boats, furniture. Unless said
// otherwise x, y is the middle of the foot (or of the waterline), and sizes are user units at
// scale 1.
#ifndef SAMPLE_PROPS_H
#define SAMPLE_PROPS_H

#include "shapes.h"

// 390 high, with the keeper's cottage on its left. lit and windows are 0..1.
void pr_lighthouse(struct canvas *c, float x, float y, float scale, float lit, float windows);
#define PR_LAMP_HEIGHT 328.0f
// The two opposite beams of a lamp at x, y; angle in radians, pi/2 points at the camera.
void pr_beam(struct canvas *c, float x, float y, float scale, float angle, float power);
void pr_house(struct canvas *c, float x, float y, float scale, uint32_t seed, float lit, int snow);
// A row of houses from x0 to x1 on the hill base, height, length, seed of nature.h.
void pr_village(struct canvas *c, float x0, float x1, float y, float scale, uint32_t seed,
                float lit, int snow);
void pr_rowboat(struct canvas *c, float x, float y, float scale, float tilt, float oar);
void pr_fishing_boat(struct canvas *c, float x, float y, float scale, float tilt, uint32_t hull);
void pr_sailing_ship(struct canvas *c, float x, float y, float scale, float tilt, float sails);
void pr_ferry(struct canvas *c, float x, float y, float scale, float tilt, float lit, float t);
void pr_train(struct canvas *c, float x, float y, float scale, float t, int coaches, float lit);
void pr_viaduct(struct canvas *c, float y, float depth, float arch, uint32_t light, uint32_t dark);

void pr_lens(struct canvas *c, float x, float y, float scale, float power, float t);
void pr_stove(struct canvas *c, float x, float y, float scale, float t);
void pr_table(struct canvas *c, float x, float y, float w, float h);
void pr_lamp_hanging(struct canvas *c, float x, float y, float drop, float scale, float lit);
void pr_shelf(struct canvas *c, float x, float y, float w, uint32_t seed);
void pr_radio(struct canvas *c, float x, float y, float scale, float lit);
void pr_barometer(struct canvas *c, float x, float y, float r, float angle);
void pr_wheel(struct canvas *c, float x, float y, float r, float angle);
void pr_battery(struct canvas *c, float x, float y, float scale, float glow, int broken);
// A letter lying flat: body lines drawn as pen strokes.
void pr_letter(struct canvas *c, float x, float y, float w, float h, float turn, uint32_t seed);

#endif
