/* One pass over the events. A lease is a stage's, but for the shared workers of models: theirs
 * lasts from movie to movie, shrinks when a movie's stage is over and grows again for the next, and
 * names only the movie it was first asked for. So a lease that shrank is a shared worker's, the
 * time between growing and shrinking is one movie's, and whose is found afterwards: of the movies
 * that could have had it then, the one that was queued first. */
#include "sim/flight.h"

#include <gov/config.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/utf8.h"

enum { OPEN_MAX = 256, SPANS_MAX = 4096, MOST_BYTES = 256 * 1000 * 1000 };

/* Nothing that lasts longer or is larger is believed. */
#define LONGEST_US (INT64_C(10) * 24 * 3600 * MD_SECOND_US)
#define LARGEST    (INT64_C(1) << 42)

struct open_lease {
    uint64_t id;
    int movie, stage;
    int64_t busy_since_us, granted_bytes;
    bool idle, is_shared, had_turn;
};

/* One movie's turn on a shared worker. */
struct span {
    int owner; /* movie of the lease */
    int stage, batch;
    bool is_first; /* of its lease: its owner's */
    int64_t begin_us, end_us;
};

struct reading {
    struct md_flight *flight;
    int64_t from_us, now_us;
    struct open_lease open[OPEN_MAX];
    size_t open_count;
    struct spans MD_VEC(struct span) spans;
    int batch[MD_STAGES]; /* as last said */
    int64_t last_oom_us;
    bool nomem;
};

static int stage_of(const char *name)
{
    for (int s = 0; s < MD_STAGES; s++)
        if (strcmp(md_stage_names[s], name) == 0)
            return s;
    return -1;
}

static bool is_shared_stage(int stage)
{
    return stage == MD_STAGE_TRANSCRIPT || stage == MD_STAGE_STORY;
}

static enum md_executor executor_of(int stage)
{
    return stage == MD_STAGE_TRANSCRIPT ? MD_EXECUTOR_ASR : MD_EXECUTOR_LLM;
}

static int64_t sane_bytes(int64_t bytes)
{
    return MD_CLAMP(bytes, 0, LARGEST);
}

static void copy_label(char *to, size_t size, const char *from)
{
    md_utf8_sanitize(to, size, from, strlen(from));
}

static int find_movie(struct reading *r, const char *owner, int64_t order)
{
    struct md_flight *f = r->flight;
    struct md_flight_movie movie = {.order = order};
    copy_label(movie.label, sizeof movie.label, owner);
    for (size_t i = 0; i < f->movies.n; i++)
        if ((order < 0 || f->movies.v[i].order == order) &&
            strcmp(f->movies.v[i].label, movie.label) == 0)
            return (int)i;
    if (order < 0)
        return -1;
    if (f->movies.n >= MD_SIM_MOVIES_MAX) {
        f->left_out++;
        return -1;
    }
    for (int s = 0; s < MD_STAGES; s++)
        movie.stages[s].asked_us = movie.stages[s].begin_us = -1;
    if (md_vec_push(&f->movies, movie) < 0) {
        r->nomem = true;
        return -1;
    }
    return (int)f->movies.n - 1;
}

/* --- leases --- */

static void end_turn(struct reading *r, struct open_lease *lease)
{
    struct md_flight_stage *stage = &r->flight->movies.v[lease->movie].stages[lease->stage];
    int64_t took_us = MD_CLAMP(r->now_us - lease->busy_since_us, 0, LONGEST_US);
    if (lease->idle)
        return;
    lease->idle = true;
    if (!lease->is_shared) {
        stage->held_us = MD_MIN(stage->held_us + took_us, LONGEST_US);
        stage->end_us = r->now_us;
        return;
    }
    struct span span = {.owner = lease->movie,
                        .stage = lease->stage,
                        .batch = r->batch[lease->stage],
                        .is_first = !lease->had_turn,
                        .begin_us = lease->busy_since_us,
                        .end_us = lease->busy_since_us + took_us};
    lease->had_turn = true;
    if (r->spans.n < SPANS_MAX && md_vec_push(&r->spans, span) < 0)
        r->nomem = true;
}

static void granted(struct reading *r, const struct gov_event_lease *e, int movie, int stage)
{
    struct open_lease lease = {.id = e->lease_id,
                               .movie = movie,
                               .stage = stage,
                               .busy_since_us = r->now_us,
                               .granted_bytes = sane_bytes(e->granted_bytes)};
    struct md_flight_stage *s = &r->flight->movies.v[movie].stages[stage];
    s->leases++;
    if (s->begin_us < 0)
        s->begin_us = r->now_us;
    s->granted_bytes = MD_MAX(s->granted_bytes, lease.granted_bytes);
    if (r->open_count == OPEN_MAX) /* far more than any run has: never released in this flight */
        r->open[0] = r->open[--r->open_count];
    r->open[r->open_count++] = lease;
}

static struct open_lease *find_open(struct reading *r, uint64_t id)
{
    for (size_t i = r->open_count; id && i > 0; i--)
        if (r->open[i - 1].id == id)
            return &r->open[i - 1];
    return NULL;
}

static void resized(struct reading *r, const struct gov_event_lease *e)
{
    struct open_lease *lease = find_open(r, e->lease_id);
    int64_t bytes = sane_bytes(e->granted_bytes);
    if (!lease)
        return;
    if (bytes < lease->granted_bytes && is_shared_stage(lease->stage)) {
        int64_t *resident = &r->flight->resident_bytes[executor_of(lease->stage)];
        *resident = *resident ? MD_MIN(*resident, bytes) : bytes;
        lease->is_shared = true;
        end_turn(r, lease);
    } else if (lease->idle) {
        lease->idle = false;
        lease->busy_since_us = r->now_us;
    }
    lease->granted_bytes = bytes;
}

static void released(struct reading *r, const struct gov_event_lease *e, int movie, int stage)
{
    struct md_flight_stage *s = &r->flight->movies.v[movie].stages[stage];
    struct open_lease *lease = find_open(r, e->lease_id);
    s->peak_bytes = MD_MAX(s->peak_bytes, sane_bytes(e->peak_bytes));
    if (lease) {
        end_turn(r, lease);
        *lease = r->open[--r->open_count];
        return;
    }
    /* Granted before the recorder's ring begins. */
    int64_t held_us = MD_CLAMP(e->held_us, 0, LONGEST_US);
    s->leases++;
    s->held_us = MD_MIN(s->held_us + held_us, LONGEST_US);
    s->end_us = r->now_us;
    if (s->begin_us < 0)
        s->begin_us = MD_MAX(r->now_us - held_us, 0);
}

static void note_lease(struct reading *r, const struct gov_event *event)
{
    const struct gov_event_lease *e = &event->u.lease;
    int stage = stage_of(e->stage);
    if (event->kind == GOV_EVENT_LEASE_QUEUED)
        r->flight->waits++;
    int movie = stage < 0 ? -1 : find_movie(r, e->owner, MD_MAX(e->owner_order, 0));
    if (movie < 0)
        return;
    struct md_flight_stage *s = &r->flight->movies.v[movie].stages[stage];
    s->predicted_bytes = MD_MAX(s->predicted_bytes, sane_bytes(e->predicted_bytes));
    if (s->asked_us < 0)
        s->asked_us = r->now_us;
    if (event->kind == GOV_EVENT_LEASE_GRANTED)
        granted(r, e, movie, stage);
    else if (event->kind == GOV_EVENT_LEASE_RESIZED)
        resized(r, e);
    else if (event->kind == GOV_EVENT_LEASE_RELEASED)
        released(r, e, movie, stage);
    else
        s->waits++;
}

/* --- the rest --- */

static void note_sample(struct reading *r, const struct gov_event_sample *e)
{
    const int64_t noticeable_bytes = 32 * GOV_MB;
    struct md_flight *f = r->flight;
    f->peak_own_bytes = MD_MAX(f->peak_own_bytes, sane_bytes(e->own_bytes));
    f->peak_used_bytes = MD_MAX(f->peak_used_bytes, sane_bytes(e->used_bytes));
    if (e->others_bytes < 0)
        return;
    struct md_flight_point point = {r->now_us, sane_bytes(e->others_bytes)};
    int64_t before = f->others.n ? f->others.v[f->others.n - 1].bytes : 0;
    if (llabs(point.bytes - before) >= noticeable_bytes && md_vec_push(&f->others, point) < 0)
        r->nomem = true;
}

static void note_oom(struct reading *r, const struct gov_event_oom *e)
{
    int stage = stage_of(e->stage);
    /* A post-mortem says it again, without the lease. */
    if (!e->lease_id && r->last_oom_us >= 0 && r->now_us - r->last_oom_us < MD_SECOND_US)
        return;
    r->last_oom_us = r->now_us;
    r->flight->ooms++;
    int movie = stage < 0 ? -1 : find_movie(r, e->owner, -1);
    if (movie >= 0)
        r->flight->movies.v[movie].stages[stage].ooms++;
}

static void note_batch(struct reading *r, const struct gov_event_batch *e)
{
    const int most = 256;
    for (int s = 0; s < MD_STAGES; s++) {
        char part[GOV_EVENT_STAGE_MAX];
        snprintf(part, sizeof part, "/%s/", md_stage_names[s]);
        if (!is_shared_stage(s) || !strstr(e->regime, part))
            continue;
        int *first = &r->flight->first_batch[executor_of(s)];
        r->batch[s] = MD_CLAMP(e->to, 1, most);
        if (*first)
            continue;
        *first = MD_CLAMP(e->from, 1, most);
        for (size_t i = 0; i < r->spans.n; i++) /* nothing was said of those yet */
            if (r->spans.v[i].stage == s && !r->spans.v[i].batch)
                r->spans.v[i].batch = *first;
    }
}

/* "movie 3 done: LABEL", as the engine notes it. */
static void note_end(struct reading *r, const struct gov_event_note *e)
{
    long long order;
    char word[12];
    if (sscanf(e->text, "movie %lld %11[a-z]:", &order, word) != 2)
        return;
    for (size_t i = 0; i < r->flight->movies.n; i++)
        if (r->flight->movies.v[i].order == order)
            r->flight->movies.v[i].end = strcmp(word, "done") == 0     ? MD_FLIGHT_DONE
                                         : strcmp(word, "failed") == 0 ? MD_FLIGHT_LOST
                                                                       : MD_FLIGHT_CANCELLED;
}

static void note_begin(struct reading *r, const struct gov_event_begin *e)
{
    struct md_flight *f = r->flight;
    if (f->total_bytes)
        return;
    f->total_bytes = sane_bytes(e->total_bytes);
    copy_label(f->device, sizeof f->device, e->device);
}

static void note(struct reading *r, const struct gov_event *event)
{
    int64_t at_us = MD_MAX(event->at_us, r->from_us) - r->from_us;
    /* It never runs backwards, nor further than a flight can be. */
    r->now_us = MD_CLAMP(at_us, r->now_us, 6 * LONGEST_US);
    switch (event->kind) {
    case GOV_EVENT_BEGIN:
        note_begin(r, &event->u.begin);
        break;
    case GOV_EVENT_SAMPLE:
        note_sample(r, &event->u.sample);
        break;
    case GOV_EVENT_LEASE_GRANTED:
    case GOV_EVENT_LEASE_QUEUED:
    case GOV_EVENT_LEASE_NEVER:
    case GOV_EVENT_LEASE_RESIZED:
    case GOV_EVENT_LEASE_RELEASED:
        note_lease(r, event);
        break;
    case GOV_EVENT_OOM:
        note_oom(r, &event->u.oom);
        break;
    case GOV_EVENT_BATCH:
        note_batch(r, &event->u.batch);
        break;
    case GOV_EVENT_NOTE:
        note_end(r, &event->u.note);
        break;
    default:
        break;
    }
}

/* --- afterwards --- */

/* Could the movie have had the turn? What it needs was over, what needs it had not begun. */
static bool could_have_had(const struct md_flight_movie *movie, const struct span *span)
{
    const int64_t slack_us = MD_SECOND_US;
    bool seen = false;
    if (movie->stages[span->stage].batch)
        return false;
    for (int s = 0; s < MD_STAGES; s++) {
        const struct md_flight_stage *stage = &movie->stages[s];
        if (s == span->stage || stage->begin_us < 0)
            continue;
        if (s < span->stage && stage->end_us > span->begin_us + slack_us)
            return false;
        if (s > span->stage && stage->begin_us < span->end_us - slack_us)
            return false;
        seen |= s < span->stage;
    }
    return seen;
}

static void give_turns(struct reading *r)
{
    struct md_flight *f = r->flight;
    for (size_t i = 0; i < r->spans.n; i++) {
        const struct span *span = &r->spans.v[i];
        const struct md_flight_stage *asked = &f->movies.v[span->owner].stages[span->stage];
        size_t whose = (size_t)span->owner;
        for (size_t m = 0; !span->is_first && m < f->movies.n; m++)
            if (could_have_had(&f->movies.v[m], span)) {
                whose = m;
                break;
            }
        struct md_flight_stage *stage = &f->movies.v[whose].stages[span->stage];
        stage->held_us = MD_MIN(stage->held_us + span->end_us - span->begin_us, LONGEST_US);
        stage->batch = MD_MAX(stage->batch, MD_MAX(span->batch, 1));
        stage->end_us = span->end_us;
        if (stage->begin_us < 0)
            stage->begin_us = span->begin_us;
        stage->peak_bytes = MD_MAX(stage->peak_bytes, asked->peak_bytes);
        stage->predicted_bytes = MD_MAX(stage->predicted_bytes, asked->predicted_bytes);
    }
}

static void finish(struct reading *r)
{
    struct md_flight *f = r->flight;
    const int usual[MD_EXECUTORS] = {[MD_EXECUTOR_ASR] = (int)gov_config_default.whisper_chunks,
                                     [MD_EXECUTOR_LLM] = (int)gov_config_default.llm_prompts};
    f->took_us = r->now_us;
    while (r->open_count) { /* the flight ends before they do */
        end_turn(r, &r->open[r->open_count - 1]);
        r->open_count--;
    }
    for (int x = 1; x < MD_EXECUTORS; x++)
        if (!f->first_batch[x])
            f->first_batch[x] = usual[x];
    for (size_t i = 0; i < r->spans.n; i++)
        if (!r->spans.v[i].batch)
            r->spans.v[i].batch = f->first_batch[executor_of(r->spans.v[i].stage)];
    give_turns(r);
}

/* --- the text --- */

static size_t first_bad_line(const char *text, size_t size, char *excerpt, size_t excerpt_size)
{
    size_t number = 0;
    for (size_t at = 0; at < size;) {
        const char *end = memchr(text + at, '\n', size - at);
        size_t length = end ? (size_t)(end - text) - at : size - at;
        struct gov_event event;
        number++;
        if (length > 1 && gov_event_read_line(text + at, length, &event) != GOV_OK) {
            char raw[64];
            snprintf(raw, sizeof raw, "%.*s", (int)MD_MIN(length, 40), text + at);
            copy_label(excerpt, excerpt_size, raw);
            return number;
        }
        at += length + 1;
    }
    return 0;
}

int md_flight_parse(const char *name, const char *text, size_t size, struct md_flight *ret,
                    struct md_failure *failure)
{
    char excerpt[64] = "";
    struct gov_flight lines;
    *ret = (struct md_flight){0};
    if (gov_flight_read(text, size, GOV_RECORDER_MOST, &lines) != GOV_OK)
        return md_fail(failure, MD_ERR_NOMEM, "%s: no memory for the flight", name);
    ret->events = lines.count;
    ret->skipped = lines.skipped;
    if (lines.skipped)
        ret->first_skipped = first_bad_line(text, size, excerpt, sizeof excerpt);
    if (!lines.count) {
        gov_flight_done(&lines);
        if (!ret->skipped)
            return md_fail(failure, MD_ERR_INPUT, "%s:1: the file is empty, not a flight", name);
        return md_fail(failure, MD_ERR_INPUT,
                       "%s:%zu: \"%s\" is no line of a flight, nor is any other "
                       "(moviedigest run --flight FILE writes one)",
                       name, ret->first_skipped, excerpt);
    }
    md_autofree struct reading *r = calloc(1, sizeof *r);
    if (r) {
        r->flight = ret;
        r->from_us = lines.events[0].at_us;
        r->last_oom_us = -1;
        for (size_t i = 0; i < lines.count && !r->nomem; i++)
            note(r, &lines.events[i]);
        finish(r);
        md_vec_done(&r->spans);
    }
    gov_flight_done(&lines);
    if (!r || r->nomem)
        return md_fail(failure, MD_ERR_NOMEM, "%s: no memory for the flight", name);
    for (size_t i = 0; i < ret->movies.n; i++)
        for (int s = 0; s < MD_STAGES; s++)
            if (ret->movies.v[i].stages[s].leases)
                return MD_OK;
    return md_fail(failure, MD_ERR_INPUT,
                   "%s:%zu: the flight ends without a lease; there is nothing to replay", name,
                   ret->events + ret->skipped);
}

int md_flight_load(const char *path, struct md_flight *ret, struct md_failure *failure)
{
    md_autofree char *text = NULL;
    size_t size = 0;
    *ret = (struct md_flight){0};
    int e = md_file_read(path, MOST_BYTES, &text, &size, failure);
    return e < 0 ? e : md_flight_parse(path, text, size, ret, failure);
}

void md_flight_done(struct md_flight *flight)
{
    md_vec_done(&flight->movies);
    md_vec_done(&flight->others);
}
