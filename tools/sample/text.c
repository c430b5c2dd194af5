// Good type needs hinting and kerning; FFmpeg's drawtext has both, so one call to it renders every
// caption of the film, and frames only copy pixels.
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int row_height(const struct caption *k, int width)
{
    return (int)(k->size * 1.5f * width / CV_USER_W) + 4;
}

static int total_height(int width)
{
    int h = 0;
    for (int i = 0; i < film_n_captions; i++)
        h += row_height(&film_captions[i], width);
    return (h + 1) & ~1;
}

// drawtext cannot name a bold or slanted style, only a file; where Debian's file is missing the
// plain family, or whatever fontconfig has instead, does as well.
static void write_font(FILE *f, enum font font)
{
    static const char *files[] = {[FONT_SERIF] = "DejaVuSerif.ttf",
                                  [FONT_SERIF_BOLD] = "DejaVuSerif-Bold.ttf",
                                  [FONT_SERIF_ITALIC] = "DejaVuSerif-Italic.ttf",
                                  [FONT_SANS] = "DejaVuSans.ttf"};
    char path[256];
    snprintf(path, sizeof path, "/usr/share/fonts/truetype/dejavu/%s", files[font]);
    if (access(path, R_OK) == 0)
        fprintf(f, "fontfile=%s", path);
    else
        fprintf(f, "font='DejaVu %s'", font == FONT_SANS ? "Sans" : "Serif");
}

int text_script(const char *dir, int width)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/captions.filter", dir);
    FILE *f = fopen(path, "w");
    if (!f)
        return -1;
    fprintf(f, "color=black:s=%dx%d,format=gray", width, total_height(width));
    int y = 0;
    for (int i = 0; i < film_n_captions; i++) {
        const struct caption *k = &film_captions[i];
        int h = row_height(k, width);
        // None of the captions holds a quote, a colon or a backslash.
        fprintf(f, ",\ndrawtext=");
        write_font(f, k->font);
        fprintf(f, ":text='%s':fontcolor=white:fontsize=%.1f:x=(w-text_w)/2:y=%d+(%d-line_h)/2",
                k->text, k->size * width / CV_USER_W, y, h);
        y += h;
    }
    fprintf(f, "\n");
    return fclose(f) ? -1 : 0;
}

int text_load(struct text_strip *s, const char *dir, int width)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/captions.grey", dir);
    s->width = width;
    s->height = total_height(width);
    size_t size = (size_t)width * s->height;
    s->grey = malloc(size);
    FILE *f = fopen(path, "rb");
    size_t got = f && s->grey ? fread(s->grey, 1, size, f) : 0;
    if (f)
        fclose(f);
    if (got != size) {
        fprintf(stderr, "make-sample: no captions in %s\n", path);
        return -1;
    }
    for (size_t i = 0; i < size; i++) { // from limited range
        int v = (s->grey[i] - 16) * 255 / 219;
        s->grey[i] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
    }
    int y = 0;
    for (int i = 0; i < film_n_captions; i++) {
        int h = row_height(&film_captions[i], width), x0 = width, x1 = 0;
        for (int r = y; r < y + h; r++)
            for (int x = 0; x < width; x++)
                if (s->grey[(size_t)r * width + x] > 8) {
                    x0 = x < x0 ? x : x0;
                    x1 = x + 1 > x1 ? x + 1 : x1;
                }
        s->rows[i].y = y;
        s->rows[i].h = h;
        s->rows[i].x0 = x0;
        s->rows[i].x1 = x1 > x0 ? x1 : x0;
        y += h;
    }
    return 0;
}

void text_free(struct text_strip *s)
{
    free(s->grey);
    s->grey = NULL;
}
