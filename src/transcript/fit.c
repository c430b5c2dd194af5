/* The curve of speech, less its mean around each place, is summed up under the cues; moved along
 * the movie the sum peaks where they belong. Taking the local mean away leaves pauses and turns, in
 * which films differ, and not the loud and the quiet parts, in which many are alike. The measure of
 * a peak is the spread of the sum over all places tried: music that passes for speech raises both.
 *
 * Rates are those that come of playing film at another speed: 24 frames a second at 25 (PAL), and
 * 23.976 for either. Thresholds: see tests/transcript/test_fit.c, which prints what they rest on.
 */
#include "transcript/fit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

static const double rates[] = {1,         24 / 23.976, 23.976 / 24, 25.0 / 24,
                               24.0 / 25, 25 / 23.976, 23.976 / 25};
static const double step_s = 0.5, fine_step_s = 0.05;
static const double reach_s = 300;        /* logos, another opening: not more than five minutes */
static const double around_s = 20;        /* the local mean is taken over so much either way */
static const double good_within_s = 0.75; /* nobody minds, and the curve is no finer */
static const double bytes_a_second = 14;  /* of talk; a cue stays longer than it is spoken */
static const double least_talk_s = 0.6;

static const double shortest_s = 300; /* places in a shorter film are too few to measure a spread */
static const double most_music = 0.5,
                    least_speech = 0.08; /* of the sound, to call a film another */

enum { LEAST_CUES = 20, MANY_CUES = 80 };

/* The integral of the curve of speech less its local mean, at the edge of every window. */
struct curve {
    double *sum;
    size_t n; /* windows */
    double window_s, start_s;
};

struct cue {
    double start_s, end_s;
};

struct match {
    double score, delay_s, rate;
};

/* ---- the curve ---- */

static double integral(const double *sum, size_t n, int64_t from, int64_t to)
{
    from = MD_CLAMP(from, 0, (int64_t)n);
    to = MD_CLAMP(to, 0, (int64_t)n);
    return to > from ? (sum[to] - sum[from]) / (double)(to - from) : 0;
}

static int make_curve(const struct md_audio *audio, struct curve *curve)
{
    size_t n = audio->speech.n;
    md_autofree double *plain = calloc(n + 1, sizeof *plain);
    double *sum = calloc(n + 1, sizeof *sum);
    if (!plain || !sum) {
        free(sum);
        return MD_ERR_NOMEM;
    }
    *curve = (struct curve){.sum = sum,
                            .n = n,
                            .window_s = (double)audio->window_us / 1e6,
                            .start_s = (double)audio->start_us / 1e6};
    int64_t around = (int64_t)(around_s / curve->window_s);
    for (size_t i = 0; i < n; i++)
        plain[i + 1] = plain[i] + (double)MD_CLAMP(audio->speech.v[i], 0.0f, 1.0f);
    for (size_t i = 0; i < n; i++) {
        double mean = integral(plain, n, (int64_t)i - around, (int64_t)i + around + 1);
        sum[i + 1] = sum[i] + (plain[i + 1] - plain[i] - mean) * curve->window_s;
    }
    return MD_OK;
}

static double sum_at(const struct curve *curve, double time_s)
{
    double place = (time_s - curve->start_s) / curve->window_s;
    if (place <= 0)
        return 0;
    if (place >= (double)curve->n)
        return curve->sum[curve->n];
    size_t i = (size_t)place;
    double part = place - (double)i;
    return curve->sum[i] * (1 - part) + curve->sum[i + 1] * part;
}

static double score(const struct curve *curve, const struct cue *cues, size_t n, double rate,
                    double delay_s)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += sum_at(curve, cues[i].end_s * rate + delay_s) -
               sum_at(curve, cues[i].start_s * rate + delay_s);
    return sum;
}

/* ---- the cues ---- */

/* When they are spoken, as far as their length tells. */
static size_t take_cues(const struct md_subtitle_event_vec *events, struct cue *cues)
{
    size_t n = 0;
    for (size_t i = 0; i < events->n; i++) {
        const struct md_subtitle_event *event = &events->v[i];
        char first = event->text[0];
        if (event->is_sound || first == '[' || first == '(' || first == '#' || first == '*')
            continue;
        double talk_s = MD_MAX((double)strlen(event->text) / bytes_a_second, least_talk_s);
        double start_s = (double)event->start_us / 1e6, end_s = (double)event->end_us / 1e6;
        cues[n++] = (struct cue){start_s, MD_MIN(end_s, start_s + talk_s)};
    }
    return n;
}

/* ---- the search ---- */

struct search {
    const struct curve *curve;
    const struct cue *cues;
    size_t n;
    double reach_s, sum, squares;
    int64_t places;
    struct match best;
};

static void try_place(struct search *s, double rate, double delay_s)
{
    double value = score(s->curve, s->cues, s->n, rate, delay_s);
    s->sum += value;
    s->squares += value * value;
    s->places++;
    if (value > s->best.score)
        s->best = (struct match){value, delay_s, rate};
}

static void refine(struct search *s)
{
    const struct match coarse = s->best;
    for (double d = -step_s; d <= step_s; d += fine_step_s) {
        double value = score(s->curve, s->cues, s->n, coarse.rate, coarse.delay_s + d);
        if (value > s->best.score)
            s->best = (struct match){value, coarse.delay_s + d, coarse.rate};
    }
}

/* The best of the places that nobody would call wrong. */
static double score_as_is(const struct search *s)
{
    double best = -INFINITY;
    for (double d = -good_within_s; d <= good_within_s; d += good_within_s / 3)
        best = MD_MAX(best, score(s->curve, s->cues, s->n, 1, d));
    return best;
}

/* What a fit would come to if half of what was taken for speech were speech: a low sum says
 * something only where this is high. Music makes the curve lie, silence makes it mute. */
static double expected_score(const struct search *s, const struct md_audio *audio)
{
    double inside = 0, talk_s = 0, share[4] = {0}, all = 0;
    size_t n = 0, window = 0;
    for (size_t i = 0; i < audio->ranges.n; i++) {
        const struct md_sound_range *r = &audio->ranges.v[i];
        share[MD_CLAMP(r->sound, 0, 3)] += (double)(r->end_us - r->start_us);
        all += (double)(r->end_us - r->start_us);
        size_t end = (size_t)MD_MAX((r->end_us - audio->start_us) / audio->window_us, 0);
        for (; window < MD_MIN(end, s->curve->n); window++) {
            if (r->sound != MD_SOUND_SPEECH)
                continue;
            inside += (s->curve->sum[window + 1] - s->curve->sum[window]) / s->curve->window_s;
            n++;
        }
    }
    for (size_t i = 0; i < s->n; i++)
        talk_s += s->cues[i].end_s - s->cues[i].start_s;
    bool telling =
        share[MD_SOUND_MUSIC] < most_music * all && share[MD_SOUND_SPEECH] > least_speech * all;
    return telling && n > 0 ? 0.5 * talk_s * inside / (double)n : 0;
}

/* A fit reached 9.6 and more in every film measured, another film's subtitles 4.0 at most. */
static void judge(const struct search *s, double expected, struct md_fit *fit)
{
    static const double sure = 7, nothing = 4.5, close = 0.6;
    if (fit->best >= sure && fit->as_is >= close * fit->best)
        fit->verdict = MD_FIT_GOOD;
    else if (fit->best >= sure)
        fit->verdict = MD_FIT_MOVED;
    else if (fit->best < nothing && fit->cues >= MANY_CUES && expected >= 2 * nothing)
        fit->verdict = MD_FIT_OTHER;
    if (fit->verdict == MD_FIT_MOVED) {
        fit->rate = s->best.rate;
        fit->delay_us = (int64_t)llround(s->best.delay_s * 20) * 50000;
    }
}

static void search(const struct md_audio *audio, const struct curve *curve, const struct cue *cues,
                   size_t n, struct md_fit *fit)
{
    double length_s = (double)curve->n * curve->window_s;
    struct search s = {.curve = curve,
                       .cues = cues,
                       .n = n,
                       .reach_s = MD_MIN(reach_s, length_s / 3),
                       .best = {.score = -INFINITY}};
    int64_t most = (int64_t)(s.reach_s / step_s);
    for (size_t i = 0; i < MD_ARRAY_LEN(rates); i++)
        for (int64_t k = -most; k <= most; k++)
            try_place(&s, rates[i], (double)k * step_s);
    double mean = s.sum / (double)s.places;
    double spread = sqrt(MD_MAX(s.squares / (double)s.places - mean * mean, 1e-12));
    refine(&s);
    fit->best = (s.best.score - mean) / spread;
    fit->as_is = (score_as_is(&s) - mean) / spread;
    judge(&s, expected_score(&s, audio) / spread, fit);
}

int md_fit_subtitles(const struct md_audio *audio, const struct md_subtitle_event_vec *events,
                     struct md_fit *ret_fit)
{
    struct curve curve = {0};
    *ret_fit = (struct md_fit){.rate = 1};
    if (!audio || !audio->present || audio->window_us <= 0 || audio->speech.n == 0)
        return MD_OK;
    md_autofree struct cue *cues = calloc(events->n + 1, sizeof *cues);
    if (!cues || make_curve(audio, &curve) < 0)
        return MD_ERR_NOMEM;
    ret_fit->cues = take_cues(events, cues);
    if (ret_fit->cues >= LEAST_CUES && (double)curve.n * curve.window_s >= shortest_s)
        search(audio, &curve, cues, ret_fit->cues, ret_fit);
    free(curve.sum);
    return MD_OK;
}

void md_fit_apply(struct md_subtitle_event_vec *events, double rate, int64_t delay_us)
{
    for (size_t i = 0; i < events->n; i++) {
        struct md_subtitle_event *e = &events->v[i];
        e->start_us = (int64_t)llround((double)e->start_us * rate) + delay_us;
        e->end_us = (int64_t)llround((double)e->end_us * rate) + delay_us;
    }
}
