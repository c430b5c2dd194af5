/* How much at once: movies in flight, threads of a media worker, units of a shared one. Sizes of
 * the first and the last kind are kept by the history, one for each regime. */
#include "engine/engine_internal.h"

#include <gov/batch.h>
#include <gov/estimate.h>
#include <gov/recorder.h>
#include <stdio.h>

static size_t unfinished(const struct md_engine *e)
{
    return e->flight_count + queue_length(e);
}

int md_engine_threads_(const struct md_engine *e)
{
    if (e->params.threads > 0)
        return e->params.threads;
    size_t sharing = MD_MIN(unfinished(e), (size_t)e->params.max_movies);
    return MD_MAX(e->params.cores / (int)MD_MAX(sharing, 1), 1);
}

/* Of a regime; without memory for it, one that is forgotten. */
static struct gov_batch *batch_of(struct md_engine *e, const char *key, int64_t start, int64_t most)
{
    struct gov_batch *batch = gov_history_batch(e->history, key, start, most);
    if (batch)
        return batch;
    gov_batch_init(&e->spare_batch, start, most);
    return &e->spare_batch;
}

static struct gov_batch *movies_batch(struct md_engine *e)
{
    return batch_of(e, e->movies_regime, e->params.max_movies, e->params.max_movies);
}

void md_engine_make_batches_(struct md_engine *e)
{
    struct gov_batch_rule rule = gov_batch_rule_default;
    struct gov_regime regime = {.device = e->params.device ? e->params.device : "host",
                                .stage = "movies"};
    gov_regime_key(&regime, e->movies_regime);
    if (e->params.policy.keep > 0)
        rule.keep = e->params.policy.keep;
    rule.regrow = !e->params.policy.no_regrow;
    if (e->params.policy.keep > 0 || e->params.policy.no_regrow)
        gov_history_set_batch_rule(e->history, &rule);
}

/* A size as it changed since, for the record. */
static void record(struct md_engine *e, const char *regime, int32_t from,
                   const struct gov_batch *batch)
{
    if (from != batch->size)
        gov_recorder_batch(e->params.recorder, e->now_us, regime, from, batch->size);
}

/* A load is a unit: its time is kept as units per second. */
static struct gov_batch *load_batch(struct md_engine *e, enum md_executor executor)
{
    char key[GOV_REGIME_MAX];
    struct gov_regime regime = {
        .device = e->params.device ? e->params.device : "host",
        .stage = "load",
        .model = e->params.models[executor].name,
    };
    gov_regime_key(&regime, key);
    return batch_of(e, key, 1, 1);
}

void md_engine_recall_loads_(struct md_engine *e)
{
    const double longest_s = 3600;
    for (int x = 1; x < MD_EXECUTORS; x++) {
        if (!e->params.models[x].name)
            continue;
        double per_s = gov_batch_units_per_s(load_batch(e, (enum md_executor)x), 1);
        if (per_s > 1 / longest_s)
            e->shared[x].load_us = MD_MAX((int64_t)(1e6 / per_s), 1);
    }
}

void md_engine_note_load_(struct md_engine *e, struct worker *w, int64_t now_us)
{
    w->load_us = MD_MAX(now_us - w->started_us, 1);
    struct gov_batch_outcome outcome = {
        .size = 1, .peak_bytes = -1, .units = 1, .busy_us = w->load_us};
    if (e->params.models[w->executor].name)
        gov_batch_note(load_batch(e, w->executor), &outcome);
}

/* NULL for media workers: their threads are the machine's to say. */
static struct gov_batch *stage_batch(struct md_engine *e, const struct movie *m,
                                     char key[GOV_REGIME_MAX])
{
    const int64_t most_growth = 4; /* times what the preset starts with */
    if (m->executor == MD_EXECUTOR_MEDIA)
        return NULL;
    int64_t start =
        m->executor == MD_EXECUTOR_ASR ? e->config.whisper_chunks : e->config.llm_prompts;
    int64_t most = start * most_growth;
    /* Where not one was to be had in full, more than one have to prove themselves. */
    if (m->settings != MD_SETTINGS_NORMAL && m->settings != MD_SETTINGS_CPU)
        start = 1;
    md_engine_regime_(e, m, key);
    /* Chunks side by side are computed by a thread each: on a CPU more of them than cores take
     * memory and no less time. */
    if (m->executor == MD_EXECUTOR_ASR &&
        (!e->params.device_is_gpu || m->settings == MD_SETTINGS_CPU))
        most = MD_MIN(most, e->params.cores);
    return batch_of(e, key, MD_MIN(start, most), most);
}

/* The largest batch whose predicted peak, buffer and all, has room. Predictions grow with the
 * batch, so bisecting finds it. */
static int32_t largest_that_fits(struct md_engine *e, const struct movie *m, int32_t most,
                                 int64_t room_bytes)
{
    int32_t fits = 0, too_many = most + 1;
    while (too_many - fits > 1) {
        int32_t size = fits + (too_many - fits) / 2;
        int64_t model_bytes;
        struct gov_prediction prediction = md_engine_predict_(e, m, size, &model_bytes);
        bool has_room =
            model_bytes <= 0 ||
            gov_estimate_with_buffer(&e->config, prediction.bytes, prediction.count) <= room_bytes;
        if (has_room)
            fits = size;
        else
            too_many = size;
    }
    return fits;
}

/* Free, once the idle models are gone. */
static int64_t free_without_idle(const struct md_engine *e)
{
    int64_t bytes = e->seen_free_bytes;
    for (int i = 1; i < MD_EXECUTORS && bytes >= 0; i++)
        if (e->shared[i].state == WORKER_IDLE)
            bytes += md_engine_held_bytes_(e, &e->shared[i]);
    return bytes;
}

/* Smaller are settings only that take less of the device: half of the layers is nothing to gain
 * where there is no GPU, half of the context nothing where it is the shortest there is. */
enum md_settings md_engine_smaller_(const struct md_engine *e, const struct movie *m)
{
    if (m->executor == MD_EXECUTOR_MEDIA)
        return MD_MAX(m->settings, MD_SETTINGS_SMALL);
    int64_t bytes = md_engine_estimate_(e, m, m->settings, 1);
    for (enum md_settings next = m->settings + 1; next < MD_SETTINGS_CPU; next++)
        if (bytes > 0 && md_engine_estimate_(e, m, next, 1) < bytes)
            return next;
    return m->settings;
}

/* Settings with which not even batch 1 fits are passed over, until that has faded like any size
 * that failed, or clearly more is free than when they failed. What an earlier run found may have
 * been its neighbours' doing: it is tried once more. */
static void choose_settings(struct md_engine *e, struct movie *m)
{
    const int64_t free_bytes = free_without_idle(e);
    for (;;) {
        enum md_settings next = md_engine_smaller_(e, m);
        if (next == m->settings && e->params.device_is_gpu)
            next = MD_SETTINGS_CPU;
        if (next == m->settings)
            return;
        char key[GOV_REGIME_MAX];
        struct gov_batch *batch = stage_batch(e, m, key);
        int64_t failed_bytes = e->shared[m->executor].failed_free_bytes[m->settings];
        if (batch->bad != 1 || failed_bytes <= 0 || free_bytes > failed_bytes / 8 * 9)
            return;
        gov_batch_next_movie(batch, 1);
        if (batch->bad != 1)
            return;
        m->settings = next;
    }
}

void md_engine_settings_failed_(struct md_engine *e, struct movie *m)
{
    char key[GOV_REGIME_MAX];
    struct gov_batch *batch = stage_batch(e, m, key);
    if (!batch)
        return;
    e->shared[m->executor].failed_free_bytes[m->settings] = MD_MAX(m->free_then_bytes, 0);
    gov_batch_note_oom(batch, 1, m->lost_peak_bytes);
}

static int64_t units_left(const struct movie *m)
{
    return m->units_total > 0 ? MD_MAX(m->units_total - m->units_done, 1) : INT32_MAX;
}

/* The movie's one choice. A size grows only where there are units for it: what nobody would use is
 * no evidence either (see md_engine_batch_worked_), so a shelf of short films asks for no more. */
static int choose(struct md_engine *e, struct movie *m, struct gov_batch *batch, int64_t most_bytes)
{
    int64_t useful = MD_MAX(units_left(m), batch->size);
    int32_t fits = MD_MAX(largest_that_fits(e, m, batch->most, most_bytes), 1);
    return gov_batch_next_movie(batch, (int32_t)MD_MIN(fits, useful));
}

int md_engine_batch_(struct md_engine *e, struct movie *m, int64_t room_bytes, int64_t most_bytes)
{
    char key[GOV_REGIME_MAX];
    bool ungoverned = e->params.policy.ungoverned;
    if (m->executor != MD_EXECUTOR_MEDIA && !m->chosen && !ungoverned)
        choose_settings(e, m);
    struct gov_batch *batch = stage_batch(e, m, key);
    if (!batch)
        return m->batch ? m->batch : md_engine_threads_(e);
    int32_t before = batch->size;
    if (!m->chosen)
        m->chosen = ungoverned ? before : choose(e, m, batch, most_bytes);
    record(e, key, before, batch);
    int32_t size = m->batch ? MD_MIN(m->batch, m->chosen) : m->chosen;
    size = (int32_t)MD_MIN(size, units_left(m));
    return ungoverned ? size : MD_MAX(largest_that_fits(e, m, size, room_bytes), 1);
}

/* At best a batch of n takes 1/n of the time of its units one by one; loading again takes what it
 * took. Where nobody knows how fast the units go, size is worth it. */
bool md_engine_is_worth_loading_(struct md_engine *e, const struct movie *m, const struct worker *w)
{
    char key[GOV_REGIME_MAX];
    const struct gov_batch *batch = stage_batch(e, m, key);
    double per_s = gov_batch_units_per_s(batch, w->batch);
    if (per_s <= 0 || m->units_total <= 0)
        return true;
    double part = 1 - (double)w->batch / (double)m->run_batch;
    return (double)units_left(m) / per_s * part * 1e6 > (double)w->load_us;
}

int md_engine_usual_batch_(struct md_engine *e, const struct movie *m)
{
    char key[GOV_REGIME_MAX];
    const struct gov_batch *batch = stage_batch(e, m, key);
    return batch ? batch->size : 1;
}

int md_engine_known_good_(struct md_engine *e, const struct movie *m)
{
    char key[GOV_REGIME_MAX];
    const struct gov_batch *batch = stage_batch(e, m, key);
    return batch && batch->good < m->run_batch ? batch->good : 0;
}

bool md_engine_is_probe_(struct md_engine *e, const struct movie *m)
{
    char key[GOV_REGIME_MAX];
    const struct gov_batch *batch = stage_batch(e, m, key);
    bool was_bad = batch && (batch->faded || (batch->bad > 0 && m->run_batch >= batch->bad));
    return batch && m->run_batch > batch->good && (batch->good > 0 || was_bad);
}

size_t md_engine_movie_limit_(const struct md_engine *e)
{
    const struct gov_batch *batch = gov_history_find_batch(e->history, e->movies_regime);
    size_t limit = (size_t)MD_MIN(e->params.max_movies, batch ? batch->size : INT32_MAX);
    if (!e->params.config || e->params.fixed_movies)
        return limit;
    int64_t longest_us = 0;
    bool unknown = false;
    for (size_t i = 0; i < e->flight_count; i++) {
        const struct movie *m = e->flight[i];
        if (m->phase == PHASE_LEAVING || m->phase == PHASE_PARKED)
            continue;
        unknown |= !m->facts.known;
        longest_us = MD_MAX(longest_us, m->facts.known ? m->facts.duration_us : 0);
    }
    int64_t by_length = gov_movies_in_flight(&e->config, longest_us);
    if (unknown)
        by_length = MD_MIN(by_length, gov_movies_in_flight(&e->config, 0));
    return MD_MIN(limit, (size_t)by_length);
}

void md_engine_movie_begins_(struct md_engine *e)
{
    struct gov_batch *batch = movies_batch(e);
    int32_t before = batch->size;
    gov_batch_next_movie(batch, INT32_MAX);
    record(e, e->movies_regime, before, batch);
}

static void say_lines(struct md_engine *e, enum md_log_level level, const char *prefix,
                      const struct gov_batch *batch, int size)
{
    char line[96];
    gov_batch_performance_line(batch, size, line, sizeof line);
    if (line[0])
        md_engine_say_(e, level, "%s%s", prefix, line);
    md_engine_say_(e, level, "%s%s", prefix, gov_batch_recommended_line(batch, line, sizeof line));
}

static int movies_at_once(const struct md_engine *e)
{
    int count = 0;
    for (size_t i = 0; i < e->flight_count; i++)
        count += e->flight[i]->phase == PHASE_RUNNING || e->flight[i]->phase == PHASE_LOADING;
    return count;
}

void md_engine_movie_succeeded_(struct md_engine *e, const struct movie *m)
{
    struct gov_batch *batch = movies_batch(e);
    struct gov_status status;
    gov_governor_status(e->params.governor, &status);
    int size = MD_MAX(m->most_at_once, 1);
    gov_batch_note_success(batch, size, status.peak_own_bytes > 0 ? status.peak_own_bytes : -1);
    say_lines(e, MD_LOG_INFO, "", batch, size);
    size_t finished = e->ended_count[MD_MOVIE_DONE];
    if (!gov_cleanup_is_due(&e->config, (int64_t)finished) || e->params.policy.ungoverned)
        return;
    md_engine_request_tier_(e, GOV_TIER_STANDARD, e->now_us);
    gov_governor_reset_peaks(e->params.governor);
}

void md_engine_note_company_(struct md_engine *e)
{
    int count = movies_at_once(e);
    for (size_t i = 0; i < e->flight_count; i++)
        e->flight[i]->most_at_once = MD_MAX(e->flight[i]->most_at_once, count);
}

void md_engine_batch_oom_(struct md_engine *e, struct movie *m, int64_t peak_bytes)
{
    char key[GOV_REGIME_MAX];
    struct gov_batch *batch = stage_batch(e, m, key);
    int32_t before = batch ? batch->size : 0;
    if (batch) {
        gov_batch_note_oom(batch, m->run_batch, peak_bytes);
        record(e, key, before, batch);
    }
    /* A lease of the host is a limit of its own: what broke it says nothing of the neighbours. */
    int at_once = movies_at_once(e) + 1;
    if (!e->params.device_is_gpu || at_once <= 1 || m->run_batch > 1)
        return;
    batch = movies_batch(e);
    before = batch->size;
    gov_batch_note_oom(batch, at_once, -1);
    record(e, e->movies_regime, before, batch);
}

void md_engine_batch_worked_(struct md_engine *e, const struct movie *m, int64_t peak_bytes,
                             int64_t busy_us)
{
    char key[GOV_REGIME_MAX];
    struct gov_batch *batch = stage_batch(e, m, key);
    if (!batch)
        return;
    int64_t units = m->units_total > 0 ? m->units_total - m->run_from_units : 0;
    struct gov_batch_outcome outcome = {
        /* More than there were units was never at work. */
        .size = units > 0 ? (int32_t)MD_MIN(m->run_batch, units) : m->run_batch,
        .peak_bytes = peak_bytes,
        .units = busy_us > 0 ? units : 0,
        .busy_us = busy_us,
    };
    gov_batch_note(batch, &outcome);
    char prefix[48];
    snprintf(prefix, sizeof prefix, "%s: ", md_stage_names[m->stage]);
    say_lines(e, MD_LOG_DEBUG, prefix, batch, m->run_batch);
}
