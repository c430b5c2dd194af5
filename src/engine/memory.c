/* Leases. Asking the governor is arithmetic, so a waiting stage asks again at every step and
 * nothing is remembered that could become wrong. A shared worker has one lease for as long as it
 * lives: it shrinks to the model while it is idle and grows again for the next stage. */
#include "engine/engine_internal.h"

#include <gov/estimate.h>
#include <inttypes.h>

void md_engine_regime_(const struct md_engine *e, const struct movie *m, char key[GOV_REGIME_MAX])
{
    struct gov_regime regime = {
        .device = e->params.device ? e->params.device : "host",
        .stage = md_stage_names[m->stage],
    };
    if (m->executor == MD_EXECUTOR_MEDIA) {
        regime.codec = m->facts.codec;
        regime.width = (int32_t)MD_CLAMP(m->facts.width, 0, INT32_MAX);
        regime.height = (int32_t)MD_CLAMP(m->facts.height, 0, INT32_MAX);
    } else { /* a model's memory does not depend on the movie, but on what it is run as */
        regime.model = e->params.models[m->executor].name;
        if (m->settings != MD_SETTINGS_NORMAL)
            regime.codec = md_settings_names[m->settings];
    }
    gov_regime_key(&regime, key);
}

int64_t md_engine_estimate_(const struct md_engine *e, const struct movie *m,
                            enum md_settings settings, int batch)
{
    struct md_estimate_query query = {
        .stage = m->stage,
        .executor = m->executor,
        .facts = &m->facts,
        .model = m->executor == MD_EXECUTOR_MEDIA ? NULL : &e->params.models[m->executor],
        .batch = batch,
        .settings = settings,
        .max_height = m->max_height,
    };
    if (e->params.estimate)
        return e->params.estimate(e->params.estimate_user, &query);
    return md_estimate_query(&query, e->params.device_is_gpu);
}

struct gov_prediction md_engine_predict_(struct md_engine *e, const struct movie *m, int batch,
                                         int64_t *ret_model_bytes)
{
    struct gov_prediction prediction = {0};
    int64_t model_bytes = md_engine_estimate_(e, m, m->settings, batch);
    if (model_bytes > 0) {
        char key[GOV_REGIME_MAX];
        md_engine_regime_(e, m, key);
        prediction = gov_history_correct(e->history, key, model_bytes);
    }
    prediction.bytes = MD_MAX(prediction.bytes, m->least_bytes);
    *ret_model_bytes = model_bytes;
    return prediction;
}

int64_t md_engine_held_bytes_(const struct md_engine *e, const struct worker *w)
{
    struct gov_lease lease;
    if (w->lease == GOV_LEASE_NONE || gov_governor_lease(e->params.governor, w->lease, &lease) < 0)
        return 0;
    return MD_MAX(lease.current_bytes, 0);
}

static void hold(struct md_engine *e, struct worker *w, uint64_t lease, int64_t granted_bytes)
{
    w->lease = lease;
    w->granted_bytes = granted_bytes;
    w->most_batch = 0;
    e->lease_count++;
    if (w->pid > 0)
        (void)gov_governor_bind(e->params.governor, lease, w->pid);
}

void md_engine_release_(struct md_engine *e, struct worker *w, struct gov_lease *ret_lease)
{
    if (w->lease == GOV_LEASE_NONE)
        return;
    gov_governor_release(e->params.governor, w->lease, ret_lease);
    w->lease = GOV_LEASE_NONE;
    w->granted_bytes = 0;
    e->lease_count--;
}

void md_engine_settle_(struct md_engine *e, struct worker *w)
{
    int64_t resident_bytes = md_estimate_model(&e->params.models[w->executor], w->executor,
                                               w->settings, e->params.device_is_gpu)
                                 .resident_bytes;
    if (w->lease == GOV_LEASE_NONE || w->state != WORKER_IDLE || resident_bytes <= 0 ||
        resident_bytes >= w->granted_bytes)
        return;
    if (gov_governor_resize(e->params.governor, w->lease, resident_bytes) == GOV_OK)
        w->granted_bytes = resident_bytes;
}

static bool admit(struct md_engine *e, const struct gov_request *request,
                  struct gov_admission *ret_admission)
{
    if (gov_governor_admit(e->params.governor, request, ret_admission) == GOV_OK)
        return ret_admission->verdict == GOV_GRANTED;
    /* No memory even for the ledger: not granted, and worth another try later. */
    *ret_admission = (struct gov_admission){.verdict = GOV_QUEUED, .reason = GOV_REASON_NO_SAMPLE};
    return false;
}

/* Every refusal says why; aloud once is enough while nothing has changed. */
static bool ask_quietly(struct md_engine *e, struct movie *m, struct gov_request *request,
                        struct gov_admission *ret_admission)
{
    request->flags = m->asked_memory ? GOV_REQUEST_DRY_RUN : 0;
    bool granted = admit(e, request, ret_admission);
    if (granted && request->flags & GOV_REQUEST_DRY_RUN) {
        request->flags = 0;
        granted = admit(e, request, ret_admission);
    }
    m->asked_memory = true;
    return granted;
}

static bool ask_forced(struct md_engine *e, struct gov_request *request,
                       struct gov_admission *ret_admission)
{
    request->flags = GOV_REQUEST_FORCE;
    return admit(e, request, ret_admission);
}

/* An idle shared worker's lease becomes one of the full size. While it is asked for, the old one is
 * given back, so that nothing counts twice; refused, it comes back as it was. */
static bool regrow(struct md_engine *e, struct movie *m, struct worker *w,
                   struct gov_request *request, bool may_force, struct gov_admission *ret_admission)
{
    int64_t wanted_bytes = gov_estimate_with_buffer(&e->config, MD_MAX(request->predicted_bytes, 1),
                                                    request->history_count);
    *ret_admission = (struct gov_admission){.verdict = GOV_QUEUED, .reason = GOV_REASON_BUDGET};
    if (wanted_bytes <= w->granted_bytes)
        return true;
    if (!e->paused_by_memory &&
        gov_governor_resize(e->params.governor, w->lease, wanted_bytes) == GOV_OK) {
        w->granted_bytes = wanted_bytes;
        return true;
    }
    if (!may_force)
        return false;
    struct gov_lease old;
    md_engine_release_(e, w, &old);
    if (ask_forced(e, request, ret_admission)) {
        hold(e, w, ret_admission->lease_id, ret_admission->asked_bytes);
        return true;
    }
    return false; /* the ledger has no memory: it goes on without until the next try */
}

/* A loaded model holds what it was made for, however little it is given to do: where the lease is a
 * limit it has to cover that. */
int md_engine_made_for_(const struct md_engine *e, const struct worker *w)
{
    return is_shared(w) && w->state == WORKER_IDLE && !e->params.device_is_gpu ? w->batch : 0;
}

bool md_engine_ask_memory_(struct md_engine *e, struct movie *m, struct worker *w, bool may_force,
                           int64_t now_us, struct gov_admission *ret_refused)
{
    int batch = MD_MAX(m->run_batch, md_engine_made_for_(e, w));
    struct gov_prediction prediction = md_engine_predict_(e, m, batch, &m->model_bytes);
    m->asked_bytes = prediction.bytes;
    *ret_refused = (struct gov_admission){.verdict = GOV_QUEUED, .reason = GOV_REASON_PAUSED};
    if (m->model_bytes < 0)
        return true; /* none of it is used */
    struct gov_request request = {
        .owner = m->label,
        .stage = md_stage_names[m->stage],
        .owner_order = (int64_t)m->number,
        .stage_order = m->stage,
        .pid = w->pid,
        .predicted_bytes = prediction.bytes,
        .history_count = prediction.count,
        .now_us = now_us,
    };
    if (e->params.policy.ungoverned) {
        if (w->lease != GOV_LEASE_NONE)
            return true;
    } else if (w->lease != GOV_LEASE_NONE) {
        return regrow(e, m, w, &request, may_force, ret_refused);
    } else if (!e->paused_by_memory && ask_quietly(e, m, &request, ret_refused)) {
        hold(e, w, ret_refused->lease_id, ret_refused->asked_bytes);
        return true;
    } else if (!may_force) {
        return false;
    }
    if (!ask_forced(e, &request, ret_refused))
        return false;
    hold(e, w, ret_refused->lease_id, ret_refused->asked_bytes);
    return true;
}

/* What the stage took, where that is known and is this stage's alone. */
static int64_t measured_peak(const struct md_engine *e, const struct movie *m,
                             const struct worker *w, const struct md_stage_result *result)
{
    struct gov_lease lease = {.peak_bytes = -1};
    if (w->lease == GOV_LEASE_NONE)
        return -1;
    (void)gov_governor_lease(e->params.governor, w->lease, &lease);
    if (e->params.device_is_gpu && is_shared(w) && m->run_batch < w->most_batch)
        return -1; /* the peak may be of another movie's larger batch */
    if (e->params.device_is_gpu)
        return lease.peak_bytes > 0 ? lease.peak_bytes : -1;
    return result->peak_rss_bytes > 0 ? result->peak_rss_bytes : -1;
}

void md_engine_learn_(struct md_engine *e, const struct movie *m, const struct worker *w,
                      const struct md_stage_result *result)
{
    int64_t peak_bytes = measured_peak(e, m, w, result);
    md_engine_batch_worked_(e, m, peak_bytes, result->wall_us);
    if (m->model_bytes <= 0 || peak_bytes <= 0)
        return;
    char key[GOV_REGIME_MAX];
    md_engine_regime_(e, m, key);
    (void)gov_history_add(e->history, key, m->model_bytes, peak_bytes);
    md_engine_say_(e, MD_LOG_DEBUG, "memory of %s: %" PRId64 " MB predicted, %" PRId64 " MB taken",
                   key, m->asked_bytes / 1000000, peak_bytes / 1000000);
}

/* A stage that comes near the end of its lease gets more while there is more. */
static void watch(struct md_engine *e, struct worker *w)
{
    const int64_t near_percent = 85, more_percent = 25;
    struct gov_lease lease;
    if (w->state != WORKER_BUSY || w->lease == GOV_LEASE_NONE ||
        gov_governor_lease(e->params.governor, w->lease, &lease) < 0 ||
        lease.current_bytes < lease.granted_bytes / 100 * near_percent)
        return;
    int64_t wanted_bytes = lease.granted_bytes + lease.granted_bytes / 100 * more_percent;
    if (wanted_bytes <= w->granted_bytes ||
        gov_governor_resize(e->params.governor, w->lease, wanted_bytes) < 0)
        return;
    w->granted_bytes = wanted_bytes;
    md_engine_emit_worker_(e, MD_COMMAND_LIMIT, w);
}

void md_engine_watch_leases_(struct md_engine *e)
{
    if (e->paused_by_memory || e->params.policy.ungoverned)
        return;
    for (size_t i = 0; i < e->flight_count; i++)
        watch(e, &e->flight[i]->media);
    for (int i = 1; i < MD_EXECUTORS; i++)
        watch(e, &e->shared[i]);
}
