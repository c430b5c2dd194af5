/* Subtitles a person has given a delay for are taken at their word. All others are looked at; they
 * are only moved when asked for, since a right file moved is worse than a wrong one that is told.
 */
#include "transcript/sync.h"

#include <math.h>
#include <stdio.h>

int md_sync_check(const struct md_options *options, const struct md_audio *audio,
                  struct md_candidate *candidate)
{
    bool wanted = options->subtitle_sync != MD_SUBTITLE_SYNC_OFF && options->subtitle_delay_s == 0;
    if (!candidate->loaded || candidate->checked)
        return MD_OK;
    candidate->checked = true;
    if (!wanted || candidate->tags.forced || candidate->tags.commentary)
        return MD_OK;
    int r = md_fit_subtitles(audio, &candidate->track.events, &candidate->fit);
    candidate->misfit = r == MD_OK && candidate->fit.verdict == MD_FIT_OTHER;
    return r;
}

bool md_sync_moves(const struct md_options *options, const struct md_candidate *candidate)
{
    return options->subtitle_sync == MD_SUBTITLE_SYNC_AUTO &&
           candidate->fit.verdict == MD_FIT_MOVED;
}

static void describe_move(char *text, size_t size, const struct md_fit *fit)
{
    double delay_s = (double)fit->delay_us / 1e6;
    if (fit->rate == 1)
        snprintf(text, size, "%.2f s too %s for what is heard", fabs(delay_s),
                 delay_s < 0 ? "late" : "early");
    else
        snprintf(text, size,
                 "made for a film that runs at another speed: they fit what is heard with their "
                 "times multiplied by %.5f and moved by %+.2f s",
                 fit->rate, delay_s);
}

bool md_sync_describe(const struct md_options *options, const struct md_candidate *candidate,
                      char *text, size_t size)
{
    char how[200];
    const struct md_fit *fit = &candidate->fit;
    if (fit->verdict == MD_FIT_OTHER) {
        snprintf(text, size,
                 "%.200s fits what is heard nowhere: it seems to belong to another film or version "
                 "(--subtitle-sync=off takes it without a look)",
                 candidate->name);
        return true;
    }
    if (fit->verdict != MD_FIT_MOVED)
        return false;
    describe_move(how, sizeof how, fit);
    if (md_sync_moves(options, candidate))
        snprintf(text, size, "%.200s: its subtitles were %s; they were put right", candidate->name,
                 how);
    else if (fit->rate == 1)
        snprintf(text, size,
                 "%.200s: its subtitles are %s; --subtitle-sync=auto or --subtitle-delay=%.2f puts "
                 "them right",
                 candidate->name, how, (double)fit->delay_us / 1e6);
    else
        snprintf(text, size, "%.200s: its subtitles are %s; --subtitle-sync=auto puts them right",
                 candidate->name, how);
    return true;
}
