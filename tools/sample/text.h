// Captions: FFmpeg draws them all into one grey picture, this finds them in it again.
#ifndef SAMPLE_TEXT_H
#define SAMPLE_TEXT_H

#include "film.h"

// Writes DIR/captions.filter (a filter graph that ends in one grey picture) and DIR/captions.size
// (WxH).
int text_script(const char *dir, int width);
// Reads DIR/captions.grey as FFmpeg made it. 0 or -1.
int text_load(struct text_strip *s, const char *dir, int width);
void text_free(struct text_strip *s);

#endif
