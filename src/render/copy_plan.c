/* Pictures are stored in the order in which they are decoded. A run can be copied when it opens
 * with a picture that needs none before it, and when, wherever it is to end, all pictures shown
 * before that end are stored before it and none after: then nothing that is copied needs anything
 * that is not. So of a group whose pictures refer to later ones, the copy ends at the last place
 * where both orders agree, usually before the very frame where the piece ends or up to three
 * frames earlier; those three are encoded. */
#include "render/copy_plan.h"

#include <string.h>

#include "base/cleanup.h"
#include "media/input.h"

/* As in picture_track.c: two roundings to microseconds; a picture that stands still. */
static const int64_t rounding_us = 2, still_us = 250000;
enum { MOST_DELAY = 16 };

struct seen {
    int64_t pts;
    bool is_entry, is_leading, is_usable;
};
struct seen_vec MD_VEC(struct seen);
struct stamp_vec MD_VEC(int64_t);

struct planner {
    const struct md_stage_env *env;
    const struct md_media *media;
    struct md_copy_source *source;
    struct md_copy_plan *plan;
    struct seen_vec seen;     /* in decoding order */
    struct stamp_vec sorted;  /* in order of presentation */
    int64_t start_us, end_us; /* of the piece */
    int64_t last_duration;    /* of the packets */
    bool is_at_end, has_rpu, has_entry;
};

static int fail_nomem(const struct planner *p)
{
    return md_fail(p->env->failure, MD_ERR_NOMEM, "out of memory while planning the digest");
}

static int64_t movie_us(const struct planner *p, int64_t stamp)
{
    return md_input_movie_us(stamp, md_copy_source_stream(p->source)->time_base,
                             p->media->clock_zero_us);
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* Reads from a key packet before the piece until nothing that follows can belong to it. */
static int read_piece(struct planner *p)
{
    int64_t after = INT64_MAX; /* the first stamp after the piece, so far */
    p->seen.n = p->sorted.n = 0;
    p->is_at_end = false;
    for (;;) {
        struct md_copy_packet packet;
        int rc = md_copy_source_next(p->source, &packet);
        if (rc == MD_ERR_EOF || rc == MD_ERR_IO) {
            p->is_at_end = true;
            return MD_OK;
        }
        if (rc < 0)
            return rc;
        if (packet.pts == AV_NOPTS_VALUE)
            return MD_ERR_NOTFOUND;
        struct seen seen = {packet.pts, packet.is_entry, packet.is_leading, packet.is_usable};
        if (md_vec_push(&p->seen, seen) < 0 || md_vec_push(&p->sorted, packet.pts) < 0)
            return fail_nomem(p);
        p->has_rpu |= packet.has_rpu;
        p->has_entry |= packet.is_entry;
        if (packet.duration > 0)
            p->last_duration = packet.duration;
        if (movie_us(p, packet.pts) >= p->end_us - rounding_us)
            after = MD_MIN(after, packet.pts);
        if (packet.dts != AV_NOPTS_VALUE && packet.dts >= after)
            return MD_OK;
        if (md_stage_cancelled(p->env))
            return md_fail(p->env->failure, MD_ERR_CANCELLED, "cancelled");
    }
}

/* Index of the first stamp at or after the time. */
static size_t rank_of_time(const struct planner *p, int64_t time_us)
{
    size_t low = 0, high = p->sorted.n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (movie_us(p, p->sorted.v[middle]) >= time_us - rounding_us)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static size_t rank_of(const struct planner *p, int64_t pts)
{
    const int64_t *at = bsearch(&pts, p->sorted.v, p->sorted.n, sizeof pts, compare);
    return at ? (size_t)(at - p->sorted.v) : 0;
}

static bool is_sorted_well(const struct planner *p)
{
    for (size_t i = 1; i < p->sorted.n; i++)
        if (p->sorted.v[i] == p->sorted.v[i - 1])
            return false;
    return p->sorted.n > 0;
}

/* Where the copy that opens with packet k goes. */
struct reach {
    size_t first, count; /* rank of packet k; frames */
    size_t stop;         /* the packet at which it cannot go on */
    bool hit_end;        /* ... because it belongs behind the piece */
    int delay;
    uint64_t check;
};

static struct reach try_entry(const struct planner *p, size_t k, size_t end_rank)
{
    const struct seen *entry = &p->seen.v[k];
    struct reach reach = {.first = rank_of(p, entry->pts), .stop = k + 1};
    size_t count = 0, highest = reach.first;
    bool leads = true; /* pictures shown before the entry may follow */
    int delay = 0;
    uint64_t check = 0;
    for (size_t i = k; i < p->seen.n; i++) {
        const struct seen *seen = &p->seen.v[i];
        reach.stop = i;
        if (i > k && leads && seen->pts < entry->pts && seen->is_leading)
            continue;
        size_t rank = rank_of(p, seen->pts);
        reach.hit_end = rank >= end_rank;
        if (!seen->is_usable || reach.hit_end || seen->pts < entry->pts)
            return reach;
        leads &= !(i > k && seen->is_entry);
        highest = MD_MAX(highest, rank);
        if (count > rank - reach.first)
            delay = MD_MAX(delay, (int)MD_MIN(count - (rank - reach.first), 1000));
        check = md_copy_check(check, seen->pts);
        count++;
        if (count == highest - reach.first + 1) {
            reach.count = count;
            reach.delay = delay;
            reach.check = check;
        }
    }
    reach.stop = p->seen.n;
    reach.hit_end = true;
    return reach;
}

static struct reach choose(const struct planner *p, size_t start_rank, size_t end_rank)
{
    struct reach best = {0};
    for (size_t k = 0; k < p->seen.n;) {
        const struct seen *seen = &p->seen.v[k];
        if (!seen->is_entry || !seen->is_usable || rank_of(p, seen->pts) < start_rank ||
            rank_of(p, seen->pts) >= end_rank) {
            k++;
            continue;
        }
        struct reach reach = try_entry(p, k, end_rank);
        if (reach.delay <= MOST_DELAY && reach.count > best.count)
            best = reach;
        if (reach.hit_end)
            break;
        k = MD_MAX(reach.stop, k + 1);
    }
    return best;
}

static int64_t stamp_at(const struct planner *p, size_t rank)
{
    if (rank < p->sorted.n)
        return p->sorted.v[rank];
    return p->sorted.v[p->sorted.n - 1] + MD_MAX(p->last_duration, 1);
}

/* Without an end in sight the last frames read may lack some that were not. */
static int plan_piece(struct planner *p, struct md_copy_run *run)
{
    *run = (struct md_copy_run){0};
    AVRational base = md_copy_source_stream(p->source)->time_base;
    int rc = md_copy_source_seek(p->source,
                                 md_input_timestamp(p->start_us, base, p->media->clock_zero_us));
    if (rc == MD_OK)
        rc = read_piece(p);
    if (rc < 0)
        return rc == MD_ERR_NOTFOUND ? MD_OK : rc;
    qsort(p->sorted.v, p->sorted.n, sizeof *p->sorted.v, compare);
    if (!is_sorted_well(p))
        return MD_OK;
    size_t start = rank_of_time(p, p->start_us), end = rank_of_time(p, p->end_us);
    if (start >= end)
        return MD_OK;
    p->plan->frames += (int64_t)(end - start);
    struct reach reach = choose(p, start, end);
    if (reach.count == 0)
        return MD_OK;
    bool still = start > 0 && movie_us(p, p->sorted.v[start]) - p->start_us > still_us;
    size_t after = reach.first + reach.count;
    *run = (struct md_copy_run){
        .frames = (int64_t)reach.count,
        .head = (int64_t)(reach.first - start) + still,
        .tail = (int64_t)(end - after),
        .from = p->sorted.v[reach.first],
        .until = stamp_at(p, after),
        .last = p->sorted.v[after - 1],
        .end = stamp_at(p, end),
        .check = reach.check,
    };
    p->plan->copied += run->frames;
    p->plan->delay = MD_MAX(p->plan->delay, reach.delay);
    return MD_OK;
}

static int why_not(const struct planner *p)
{
    struct md_failure *failure = p->env->failure;
    if (p->has_rpu)
        return md_fail(failure, MD_ERR_UNSUPPORTED, "it is Dolby Vision");
    if (p->plan->copied > 0)
        return MD_OK;
    if (p->plan->frames == 0)
        return md_fail(failure, MD_ERR_UNSUPPORTED, "its packets cannot be found by time");
    return md_fail(failure, MD_ERR_UNSUPPORTED,
                   p->has_entry ? "no group of pictures lies whole within a piece"
                                : "its groups of pictures are open or damaged");
}

int md_copy_plan_make(const struct md_stage_env *env, const struct md_media *media,
                      const struct md_piece_vec *pieces, struct md_copy_source *source,
                      struct md_copy_plan *ret_plan)
{
    struct planner p = {.env = env, .media = media, .source = source, .plan = ret_plan};
    int rc = md_vec_reserve(&ret_plan->runs, pieces->n + 1) < 0 ? fail_nomem(&p) : MD_OK;
    for (size_t i = 0; i < pieces->n && rc == MD_OK; i++) {
        p.start_us = pieces->v[i].start_us;
        p.end_us = pieces->v[i].end_us;
        rc = plan_piece(&p, &ret_plan->runs.v[ret_plan->runs.n++]);
    }
    md_vec_done(&p.seen);
    md_vec_done(&p.sorted);
    return rc < 0 ? rc : why_not(&p);
}

void md_copy_plan_done(struct md_copy_plan *plan)
{
    md_vec_done(&plan->runs);
}
