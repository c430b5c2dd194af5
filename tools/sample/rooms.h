// Interiors. Each sets user space for the camera and leaves it at depth 1 for whatever stands in
// the room.
#ifndef SAMPLE_ROOMS_H
#define SAMPLE_ROOMS_H

#include "film.h"

enum hour { DAY, DUSK, NIGHT, STORMY, MORNING };

void rm_sky(struct canvas *c, const struct view *v, enum hour hour); // what windows look out on
void rm_kitchen(struct canvas *c, const struct view *v, enum hour hour, float lamp);
void rm_lantern(struct canvas *c, const struct view *v, enum hour hour, float power);
void rm_bridge(struct canvas *c, const struct view *v, enum hour hour, float beam);
void rm_boathouse(struct canvas *c, const struct view *v, float water);
void rm_coach(struct canvas *c, const struct view *v);

// The tower's spiral stairs. Step 0 is at the bottom (y = 860); people stand on fractional steps.
void rm_stairs_back(struct canvas *c, const struct view *v, float light);
void rm_stairs_front(struct canvas *c, const struct view *v, float light);
void rm_stair_at(float step, float *ret_x, float *ret_y, float *ret_near);

#endif
