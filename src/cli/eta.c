/* A stage takes a share of its movie's length: what was measured, else what is usual, scaled by how
 * this machine compares with the usual one in the stages that were measured. A stage that runs long
 * enough is judged by itself. */
#include "cli/eta.h"

#include "base/cleanup.h"
#include "base/clock.h"

/* Seconds of work for a second of movie: a 1080p film on four cores, from the timings that runs
 * leave. Only their proportions matter once anything was measured. */
static const double usual[MD_STAGES] = {
    [MD_STAGE_PROBE] = 0.0005,     [MD_STAGE_SHOTS] = 0.05,  [MD_STAGE_AUDIO] = 0.01,
    [MD_STAGE_TRANSCRIPT] = 0.002, [MD_STAGE_STORY] = 0.001, [MD_STAGE_SELECT] = 0.001,
    [MD_STAGE_RENDER] = 0.03,
};

void md_eta_learn(struct md_eta *eta, enum md_stage stage, int64_t wall_us, int64_t movie_us)
{
    if (wall_us <= 0 || movie_us <= 0)
        return;
    eta->wall_us[stage] += wall_us;
    eta->movie_us[stage] += movie_us;
}

/* How much slower this machine is than the usual one. */
static double slowness(const struct md_eta *eta)
{
    double took = 0, expected = 0;
    for (int s = 0; s < MD_STAGES; s++) {
        took += (double)eta->wall_us[s];
        expected += usual[s] * (double)eta->movie_us[s];
    }
    return took > 0 && expected > 0 ? took / expected : 1;
}

static double share(const struct md_eta *eta, int stage, double slower)
{
    if (eta->movie_us[stage] > 0)
        return (double)eta->wall_us[stage] / (double)eta->movie_us[stage];
    return usual[stage] * slower;
}

static int64_t left_of(const struct md_eta *eta, const struct md_eta_movie *movie, int64_t movie_us,
                       double slower)
{
    const double enough = 0.02;
    const int64_t long_enough_us = 2 * MD_SECOND_US;
    double left_us = 0;
    for (int s = 0; s < MD_STAGES; s++) {
        if (!(movie->stages_left & 1u << s))
            continue;
        double fraction = s == movie->stage ? MD_CLAMP(movie->fraction, 0.0, 1.0) : 0.0;
        if (fraction >= enough && movie->elapsed_us >= long_enough_us)
            left_us += (double)movie->elapsed_us * (1 - fraction) / fraction;
        else
            left_us += share(eta, s, slower) * (double)movie_us * (1 - fraction);
    }
    return (int64_t)left_us;
}

int64_t md_eta_movie(const struct md_eta *eta, const struct md_eta_movie *movie)
{
    return movie->movie_us > 0 ? left_of(eta, movie, movie->movie_us, slowness(eta)) : -1;
}

int64_t md_eta_batch(const struct md_eta *eta, const struct md_eta_movie *movies, size_t count,
                     int at_once)
{
    double slower = slowness(eta);
    int64_t known_us = 0, known = 0, longest_us = 0, sum_us = 0;
    for (size_t i = 0; i < count; i++) {
        known_us += movies[i].movie_us;
        known += movies[i].movie_us > 0;
    }
    if (known == 0)
        return count ? -1 : 0;
    for (size_t i = 0; i < count; i++) {
        int64_t movie_us = movies[i].movie_us > 0 ? movies[i].movie_us : known_us / known;
        int64_t left_us = left_of(eta, &movies[i], movie_us, slower);
        sum_us += left_us;
        longest_us = MD_MAX(longest_us, left_us);
    }
    return MD_MAX(longest_us, sum_us / MD_MAX(at_once, 1));
}
