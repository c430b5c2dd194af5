// The drawing functions of all shots but the close-ups. Variants are noted where there are any.
#ifndef SAMPLE_SCENES_H
#define SAMPLE_SCENES_H

#include "film.h"

// titles.c
void sc_presents(struct canvas *c, const struct view *v);
void sc_title(struct canvas *c, const struct view *v);
void sc_the_end(struct canvas *c, const struct view *v);
void sc_credits(struct canvas *c, const struct view *v);
void sc_still(struct canvas *c, const struct view *v);
float sc_credits_seconds(int brief);

// act1.c: the journey
void sc_viaduct(struct canvas *c, const struct view *v);
void sc_train_side(struct canvas *c, const struct view *v);
void sc_train_pass(struct canvas *c, const struct view *v);
void sc_vista(struct canvas *c, const struct view *v);
void sc_harbour(struct canvas *c, const struct view *v);
void sc_quay(struct canvas *c,
             const struct view *v); // 0 Elias waits, 1 Nora and Pip come, 2 all three leave

// act2.c: the letter
void sc_rowing(struct canvas *c, const struct view *v);
void sc_in_boat(struct canvas *c, const struct view *v);
void sc_tower(struct canvas *c, const struct view *v);
void sc_ferry_pass(struct canvas *c, const struct view *v);
void sc_kitchen(struct canvas *c, const struct view *v); // 0 supper, 1 at the window, from behind
void sc_letter(struct canvas *c, const struct view *v);  // 0 the lamp goes, 1 the lamp stays
void sc_stairs(struct canvas *c,
               const struct view *v); // 0 going up, 1 hurrying down, 2 fallen, 3 racing up
void sc_lantern(struct canvas *c,
                const struct view *v); // 0 lighting, 1 it dies, 2 two before the dark lens
void sc_night_beam(struct canvas *c, const struct view *v);

// memory.c: the wreck of the Albatross
void sc_old_ship(struct canvas *c, const struct view *v);
void sc_old_beach(struct canvas *c, const struct view *v); // 0 waiting, 1 reunion
void sc_old_flame(struct canvas *c, const struct view *v);
void sc_old_reef(struct canvas *c, const struct view *v);

// act3.c: the storm comes
void sc_moon_clouds(struct canvas *c, const struct view *v);
void sc_barometer(struct canvas *c, const struct view *v);
void sc_first_rain(struct canvas *c, const struct view *v);
void sc_radio_room(struct canvas *c, const struct view *v);
void sc_ferry_storm(struct canvas *c,
                    const struct view *v); // 0 heavy sea, 1 lights fail, 2 close by
void sc_strike(struct canvas *c, const struct view *v);
void sc_dark_tower(struct canvas *c, const struct view *v);
void sc_falling_lantern(struct canvas *c, const struct view *v);
void sc_landing(struct canvas *c, const struct view *v);

// act4.c: the cup of light
void sc_door(struct canvas *c, const struct view *v);
void sc_causeway(struct canvas *c, const struct view *v); // 0 out, 1 back
void sc_breaker(struct canvas *c, const struct view *v);
void sc_feet(struct canvas *c, const struct view *v);
void sc_boathouse_outside(struct canvas *c, const struct view *v);
void sc_boathouse(struct canvas *c, const struct view *v); // 0 searching, 1 the two of them
void sc_from_above(struct canvas *c, const struct view *v);
void sc_bell(struct canvas *c, const struct view *v);
void sc_gift(struct canvas *c, const struct view *v);
void sc_first_glow(struct canvas *c, const struct view *v);
void sc_burst(struct canvas *c, const struct view *v);
void sc_channel(struct canvas *c, const struct view *v); // 0 turning, 1 past the rock
void sc_light_on_wall(struct canvas *c, const struct view *v);

// act5.c: safe, and morning
void sc_home_safe(struct canvas *c, const struct view *v);
void sc_dawn(struct canvas *c, const struct view *v);
void sc_asleep(struct canvas *c, const struct view *v);
void sc_boats_come(struct canvas *c, const struct view *v);
void sc_meeting(struct canvas *c, const struct view *v); // 0 wide, 1 around Pip, 2 hug
void sc_repair(struct canvas *c, const struct view *v);
void sc_gallery(struct canvas *c, const struct view *v);
void sc_train_leaves(struct canvas *c, const struct view *v);
void sc_last_wide(struct canvas *c, const struct view *v);

#endif
