/* What the governor holds at this moment, as JSON: asked for over the control socket by people and
 * by other programs. Nothing is kept for it: it is read when somebody asks. */
#include "super/super_internal.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/utf8.h"

static json_t *bytes_or_null(bool known, int64_t bytes)
{
    return known && bytes >= 0 ? json_integer(bytes) : json_null();
}

/* Labels are cut at bytes and come from file names. */
static json_t *label(const char *text)
{
    char clean[GOV_LABEL_MAX * 3 + 1];
    md_utf8_sanitize(clean, sizeof clean, text, strlen(text));
    return json_string(clean);
}

static void add_device(const struct md_super *s, const struct gov_status *status, json_t *out)
{
    const struct gov_sample *sample = &status->sample;
    struct gov_device_info info;
    uint32_t valid = status->has_sample ? sample->valid : 0;
    gov_device_info(s->memory.device, &info);
    json_object_set_new(
        out, "device",
        json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "backend", info.backend, "name",
                  label(info.name), "total_bytes",
                  bytes_or_null(valid & GOV_SAMPLE_TOTAL, sample->total_bytes), "used_bytes",
                  bytes_or_null(valid & GOV_SAMPLE_USED, sample->used_bytes), "free_bytes",
                  bytes_or_null(valid & GOV_SAMPLE_FREE, sample->free_bytes), "own_bytes",
                  bytes_or_null(valid & GOV_SAMPLE_OWN, sample->own_bytes), "others_bytes",
                  bytes_or_null(valid & GOV_SAMPLE_OTHERS, sample->others_bytes), "peak_used_bytes",
                  bytes_or_null(status->has_sample, status->peak_used_bytes)));
    json_object_set_new(out, "level", json_string(gov_level_name(status->level)));
    json_object_set_new(
        out, "budget",
        json_pack("{s:o, s:o, s:o, s:I, s:I}", "ours_bytes",
                  bytes_or_null(status->has_sample, MD_MAX(status->budget.ours_bytes, 0)),
                  "cap_bytes", bytes_or_null(status->has_sample, status->budget.cap_bytes),
                  "room_bytes", bytes_or_null(status->has_sample, MD_MAX(status->room_bytes, 0)),
                  "leased_bytes", (json_int_t)status->leased.now, "pending_bytes",
                  (json_int_t)status->pending.now));
}

static json_t *pack_lease(const struct gov_lease *lease)
{
    return json_pack("{s:I, s:o, s:o, s:I, s:I, s:I, s:o, s:o, s:b}", "id", (json_int_t)lease->id,
                     "owner", label(lease->owner), "stage", label(lease->stage), "pid",
                     (json_int_t)lease->pid, "predicted_bytes", (json_int_t)lease->predicted_bytes,
                     "granted_bytes", (json_int_t)lease->granted_bytes, "now_bytes",
                     bytes_or_null(true, lease->current_bytes), "peak_bytes",
                     bytes_or_null(true, lease->peak_bytes), "forced",
                     (lease->flags & GOV_LEASE_FORCED) != 0);
}

static json_t *pack_leases(const struct md_super *s)
{
    json_t *list = json_array();
    size_t all = gov_governor_leases(s->memory.governor, NULL, 0);
    md_autofree struct gov_lease *leases = calloc(all + 1, sizeof *leases);
    size_t count = leases ? gov_governor_leases(s->memory.governor, leases, all) : 0;
    for (size_t i = 0; i < MD_MIN(count, all); i++)
        json_array_append_new(list, pack_lease(&leases[i]));
    return list;
}

static json_t *pack_workers(const struct md_super *s)
{
    json_t *list = json_array();
    size_t n = s->processes.n;
    md_autofree struct gov_process *used = calloc(n + 1, sizeof *used);
    for (size_t i = 0; used && i < n; i++)
        used[i].pid = s->processes.v[i]->pid;
    if (!used || n == 0)
        return list;
    bool known = gov_device_processes(s->memory.device, true, used, n) == GOV_OK;
    for (size_t i = 0; i < n; i++) {
        const struct md_process *process = s->processes.v[i];
        bool is_read = known && used[i].valid & GOV_PROCESS_USED;
        json_array_append_new(
            list, json_pack("{s:I, s:s, s:b, s:o}", "pid", (json_int_t)process->pid, "executor",
                            md_executor_names[process->executor], "busy", process->busy,
                            "used_bytes", bytes_or_null(is_read, used[i].used_bytes)));
    }
    return list;
}

static json_t *pack_tiers(const struct gov_status *status)
{
    json_t *out = json_object();
    for (int tier = GOV_TIER_NONE + 1; tier < GOV_TIER_COUNT; tier++)
        json_object_set_new(out, gov_tier_name((enum gov_tier)tier),
                            json_pack("{s:I, s:I}", "runs", (json_int_t)status->tiers[tier].runs,
                                      "freed_bytes", (json_int_t)status->tiers[tier].freed_bytes));
    return out;
}

struct json_t *md_super_report_memory(struct md_super *s)
{
    struct gov_status status;
    json_t *out = json_object();
    gov_governor_status(s->memory.governor, &status);
    add_device(s, &status, out);
    json_object_set_new(out, "leases", pack_leases(s));
    json_object_set_new(out, "workers", pack_workers(s));
    json_object_set_new(out, "tiers", pack_tiers(&status));
    json_object_set_new(out, "paused", json_boolean(status.paused));
    json_object_set_new(out, "pauses", json_integer(status.pauses.count));
    json_object_set_new(out, "ooms", json_integer(status.ooms_count));
    return out;
}
