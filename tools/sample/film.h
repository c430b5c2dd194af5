// The film as a table of shots, and what a shot's drawing function is told.
#ifndef SAMPLE_FILM_H
#define SAMPLE_FILM_H

#include "people.h"

#define FILM_FPS       24
#define FILM_MAX_LINES 4

enum join { CUT, DISSOLVE, FADE_BLACK, FADE_WHITE, WIPE };

enum mood {
    SAME,
    HUSH,
    JOURNEY,
    HOME,
    LETTER,
    MEMORY,
    UNEASE,
    STORM,
    PERIL,
    GIFT,
    TRIUMPH,
    DAWN,
    FINALE
};

enum ambience {
    AMB_NONE,
    AMB_TRAIN,
    AMB_HARBOUR,
    AMB_SEA,
    AMB_ROOM,
    AMB_TOWER,
    AMB_WIND,
    AMB_STORM,
    AMB_STORM_INSIDE,
    AMB_SNOW
};

enum effect {
    FX_NONE,
    FX_THUNDER,
    FX_CRASH,
    FX_HORN,
    FX_BELL,
    FX_WHISTLE,
    FX_POWER_UP,
    FX_POWER_DOWN,
    FX_DOOR,
    FX_CLICK,
    FX_GULLS,
    FX_BUMP
};

enum backdrop {
    BG_TRAIN,
    BG_QUAY,
    BG_SKY,
    BG_WING,
    BG_KITCHEN,
    BG_DUSK_WINDOW,
    BG_LANTERN,
    BG_LANTERN_DARK,
    BG_STORM,
    BG_BRIDGE,
    BG_BOATHOUSE,
    BG_STAIRS,
    BG_DAWN,
    BG_MORNING,
    BG_CROWD
};

// A close-up, for shots drawn by sc_face.
struct closeup {
    enum who who;
    enum backdrop backdrop;
    float x, y, scale; // as pe_face; 0 for a usual place and size
    struct face face;
};

struct line {
    enum who who;
    const char *text;
    int radio;  // heard over the wireless
    float wait; // seconds more than the usual pause before it
};

struct shot;

// What a drawing function knows about the frame it draws.
struct view {
    const struct shot *shot;
    float t, u, length; // seconds into the shot, the same as 0..1, length in seconds
    float film;         // seconds into the film, for what goes on across cuts
    struct camera cam;
    enum who talker;
    float level; // how loudly, 0..1
    float flash; // lightning, 0..1
    const struct text_strip *text;
};

struct shot {
    const char *chapter; // starts a chapter
    const char *scene;   // starts a scene: its name ...
    const char *kind;    // ... and kind: story when NULL
    void (*draw)(struct canvas *c, const struct view *v);
    int variant;
    float seconds; // at least; longer when its lines need it
    enum join in;  // how it begins
    int in_frames; // length of that transition
    struct camera from, to;
    float shake;    // of a hand-held camera, user units
    float flash[2]; // lightning at these seconds
    int letterbox, sepia;
    enum mood mood; // music from here on
    enum ambience ambience;
    enum effect effect;
    float effect_at;
    struct closeup face;
    struct line lines[FILM_MAX_LINES];
    int brief; // also in the short film
};

extern const struct shot film_shots[];
extern const int film_n_shots;

// Remarks of the commentary track, each at the start of the shot that draws it with this variant.
struct remark {
    const char *chapter;
    float at; // seconds after the chapter's start
    const char *text;
};
extern const struct remark film_remarks[];
extern const int film_n_remarks;

// Text for titles and credits, rendered by FFmpeg into one tall grey picture.
enum font { FONT_SERIF, FONT_SERIF_BOLD, FONT_SERIF_ITALIC, FONT_SANS };
struct caption {
    int id;
    enum font font;
    int size; // user units
    const char *text;
};
enum {
    CAP_PRESENTS = 1,
    CAP_TITLE1,
    CAP_TITLE2,
    CAP_SUBTITLE,
    CAP_LETTER1,
    CAP_LETTER2,
    CAP_LETTER3,
    CAP_END,
    CAP_STILL1,
    CAP_STILL2,
    CAP_CREDITS = 100
};
extern const struct caption film_captions[];
extern const int film_n_captions;

struct text_strip {
    uint8_t *grey; // width x height
    int width, height;
    struct {
        int y, h, x0, x1;
    } rows[96];
};
// Draws a caption with its middle at x and its top at y (user units of the bare screen).
void film_caption(struct canvas *c, const struct text_strip *s, int id, float x, float y,
                  uint32_t colour, float alpha);

float view_mouth(const struct view *v, enum who who);

// Drawing functions, by file.
void sc_face(struct canvas *c, const struct view *v); // closeups.c
void sc_backdrop(struct canvas *c, const struct view *v, enum backdrop b);

#endif
