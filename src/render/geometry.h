/* The digest's picture size. Pure. */
#ifndef MD_RENDER_GEOMETRY_H
#define MD_RENDER_GEOMETRY_H

#include <stdbool.h>
#include <stdint.h>

struct md_geometry {
    int width, height;               /* of the encoded picture: even, at least 2 */
    int scaled_width, scaled_height; /* what the movie's picture is scaled to; where odd, one column
                                        or row is added to the right or below */
    int sar_num, sar_den;            /* sample aspect ratio */
    bool scales;                     /* scaled size differs from the movie's */
};

/* width, height: of the coded picture; sar 0/x is taken as 1:1; rotation: 0, 90, 180, 270, kept as
 * a tag, so it decides which side is the height; max_height: lines as displayed, 0 no limit.
 * The displayed aspect ratio is kept to within half a per cent, exactly where nothing is scaled. */
struct md_geometry md_geometry_fit(int width, int height, int sar_num, int sar_den, int rotation,
                                   int64_t max_height);

#endif
