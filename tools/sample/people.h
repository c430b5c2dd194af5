// The cast: Nora, her grandfather Elias, Captain Marlow and Pip, the small robot. Each exists as a
// whole figure (people.c) and as a face for close-ups (faces.c).
#ifndef SAMPLE_PEOPLE_H
#define SAMPLE_PEOPLE_H

#include "shapes.h"

enum who { NOBODY, NORA, ELIAS, MARLOW, PIP, NARRATOR, COMMENTATOR };

// Zero is standing still, looking to the right, arms down.
struct pose {
    float walk;      // phase of the stride, radians
    float stride;    // 0 stands .. 1 runs
    float arm, arm2; // near and far arm, radians forward from hanging down
    float elbow;     // bend of the near arm, radians
    float lean;      // radians forward
    float nod;       // head, radians down
    float mouth;     // 0 shut .. 1 open
    int sits;
    int left;    // faces left
    int lantern; // carries a lit lantern in the near hand
    int sad;
    float glow; // Pip: brightness of the eye, 0 is off
};

// Feet at x, y. At scale 1 a grown-up stands 190 units high, Nora 135, Pip 74.
void pe_figure(struct canvas *c, enum who who, float x, float y, float scale, const struct pose *p);
// A stranger in a crowd, as a plain figure with coat and hat from the seed.
void pe_stranger(struct canvas *c, float x, float y, float scale, uint32_t seed, float wave);

struct face {
    float turn;  // -1 left .. 1 right
    float tilt;  // radians
    float mouth; // 0 shut .. 1 open
    float smile; // -1 unhappy .. 1 happy
    float brow;  // -1 worried .. 1 raised
    float blink; // 0 open .. 1 shut
    float glow;  // Pip: brightness of the eye
    float wet;   // rain on the face
};

// Middle of the head at x, y; at scale 1 a head is about 200 units wide.
void pe_face(struct canvas *c, enum who who, float x, float y, float scale, const struct face *f);
// The eyelids of somebody awake at second t.
float pe_blink(float t, uint32_t seed);

#endif
