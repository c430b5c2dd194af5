/* An estimate from entry times alone: where inside a group a copy may end depends on its
 * B-pictures, which selection does not know; it is a few frames. What is encoded also has to be
 * decoded, from the entry before it on. */
#include "select/entries.h"

#include "base/cleanup.h"
#include "base/clock.h"

static const int64_t same_us = 500;
/* Decoding against encoding, for x264 superfast and the usual film. */
static const double decode_share = 0.15;
/* A tail: up to three frames and an encoder of its own. */
static const double tail_s = 0.2;
/* Beyond this a piece is encoded whole, whatever comes after it. */
static const int64_t most_us = 12 * MD_SECOND_US;

/* Index of the first entry at or after the time. */
static size_t find(const struct md_ints *entries_us, int64_t time_us)
{
    size_t low = 0, high = entries_us->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (entries_us->v[middle] > time_us - same_us)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

int64_t md_select_entry_after(const struct md_ints *entries_us, int64_t time_us)
{
    size_t i = find(entries_us, time_us);
    return i < entries_us->n ? entries_us->v[i] : INT64_MAX;
}

int64_t md_select_entry_before(const struct md_ints *entries_us, int64_t time_us)
{
    size_t i = find(entries_us, time_us);
    if (i < entries_us->n && entries_us->v[i] < time_us + same_us)
        return entries_us->v[i];
    return i > 0 ? entries_us->v[i - 1] : INT64_MIN;
}

/* How far decoding has to go before the time. */
static double lead_s(const struct md_ints *entries_us, int64_t time_us)
{
    int64_t before_us = md_select_entry_before(entries_us, time_us);
    int64_t lead_us = before_us == INT64_MIN ? most_us : MD_MIN(time_us - before_us, most_us);
    return (double)lead_us / 1e6;
}

double md_select_start_cost(const struct md_ints *entries_us, int64_t time_us)
{
    if (entries_us->n == 0)
        return 0;
    int64_t after_us = md_select_entry_after(entries_us, time_us);
    if (after_us < time_us + same_us)
        return 0;
    int64_t head_us = after_us == INT64_MAX ? most_us : MD_MIN(after_us - time_us, most_us);
    double head_s = (double)head_us / 1e6;
    return head_s + decode_share * (head_s + lead_s(entries_us, time_us));
}

double md_select_end_cost(const struct md_ints *entries_us, int64_t time_us)
{
    if (entries_us->n == 0)
        return 0;
    int64_t after_us = md_select_entry_after(entries_us, time_us);
    if (after_us < time_us + same_us)
        return 0;
    return tail_s + decode_share * lead_s(entries_us, time_us);
}
