/*
 * The ladder. Mild rungs come first because they cost milliseconds and lose nothing: most
 * shortages on a shared device are somebody else's moment. Ending the worker costs a model's
 * loading time and is the only thing that surely returns every byte, fragmentation included; a
 * smaller batch costs throughput, smaller settings and the CPU cost more of it; another way costs
 * some of the result; only giving up costs the movie. Each rung leaves a mark that only success
 * wipes away, which bounds the whole.
 */
#include <gov/recover.h>

#include "util.h"

static bool has_climbed(const struct gov_recover *recover, enum gov_rung rung)
{
    return recover->climbed & UINT32_C(1) << rung;
}

/* Memory somebody else gave back since, enough to be worth a try. */
static bool was_freed(const struct gov_recover_input *input)
{
    if (input->is_probe || input->free_then_bytes < 0 || input->free_now_bytes < 0)
        return false;
    int64_t gained = input->free_now_bytes - input->free_then_bytes;
    if (input->wanted_bytes > 0)
        return gained > 0 && input->free_now_bytes >= input->wanted_bytes;
    return gained >= GOV_RECOVER_FREED_BYTES;
}

/*
 * With a fresh worker: to a size that is known to work, the first time; then by three quarters.
 * A known size is believed once only, or a good that is always one below would make it a walk.
 */
static int32_t cut(const struct gov_recover *recover, const struct gov_recover_input *input)
{
    int32_t quarter = MAX(input->batch / 4, 1);
    bool known = input->batch_good > quarter && input->batch_good < input->batch;
    return known && !has_climbed(recover, GOV_RUNG_EMERGENCY) ? input->batch_good : quarter;
}

static struct gov_recover_decision decide(const struct gov_recover *recover,
                                          const struct gov_recover_input *input)
{
    int32_t batch = MAX(input->batch, 1);
    bool fresh = has_climbed(recover, GOV_RUNG_EMERGENCY); /* it ran in a worker started for it */
    bool mild = !input->is_probe && !input->was_forced;
    bool clean = mild && !input->cleanup_is_vain;
    bool less = input->has_smaller || input->has_cpu;
    if (recover->retries < GOV_RECOVER_RETRIES && (input->lease_can_grow || was_freed(input)))
        return (struct gov_recover_decision){GOV_RUNG_RETRY, batch};
    if (clean && !has_climbed(recover, GOV_RUNG_STANDARD))
        return (struct gov_recover_decision){GOV_RUNG_STANDARD, batch};
    if (clean && !has_climbed(recover, GOV_RUNG_AGGRESSIVE))
        return (struct gov_recover_decision){GOV_RUNG_AGGRESSIVE, batch};
    if ((mild || input->was_forced) && input->has_younger && !has_climbed(recover, GOV_RUNG_HOLD))
        return (struct gov_recover_decision){GOV_RUNG_HOLD, batch};
    if (batch > 1 || (!fresh && (mild || !less)))
        return (struct gov_recover_decision){GOV_RUNG_EMERGENCY, cut(recover, input)};
    if (input->has_smaller && recover->smaller < GOV_RECOVER_SMALLER)
        return (struct gov_recover_decision){GOV_RUNG_SMALLER, 1};
    if (input->has_cpu && !has_climbed(recover, GOV_RUNG_CPU))
        return (struct gov_recover_decision){GOV_RUNG_CPU, 1};
    if (input->has_fallback && !has_climbed(recover, GOV_RUNG_FALLBACK))
        return (struct gov_recover_decision){GOV_RUNG_FALLBACK, 1};
    return (struct gov_recover_decision){GOV_RUNG_FAIL, batch};
}

struct gov_recover_decision gov_recover_next(struct gov_recover *recover,
                                             const struct gov_recover_input *input)
{
    struct gov_recover_decision decision = decide(recover, input);
    recover->ooms++;
    recover->climbed |= UINT32_C(1) << decision.rung;
    recover->retries += decision.rung == GOV_RUNG_RETRY;
    if (decision.rung == GOV_RUNG_SMALLER) {
        recover->smaller++;
        recover->retries = 0;
    }
    recover->tries[decision.rung]++;
    return decision;
}

void gov_recover_note_success(struct gov_recover *recover)
{
    recover->climbed = 0;
    recover->retries = recover->smaller = 0;
}

int32_t gov_recover_most_tries(int32_t batch)
{
    /* standard, aggressive, hold, cpu, fallback, and the one that fails */
    int32_t tries = GOV_RECOVER_RETRIES + GOV_RECOVER_SMALLER * (1 + GOV_RECOVER_RETRIES) + 6;
    /* The first cut may go to batch - 1 only. */
    for (batch = MAX(batch, 1) - 1; batch > 1; batch = MAX(batch / 4, 1))
        tries++;
    return tries + 1;
}

const char *gov_rung_name(enum gov_rung rung)
{
    static const char *const names[GOV_RUNG_COUNT] = {
        [GOV_RUNG_RETRY] = "retry",
        [GOV_RUNG_STANDARD] = "standard cleanup",
        [GOV_RUNG_AGGRESSIVE] = "aggressive cleanup",
        [GOV_RUNG_HOLD] = "hold younger work back",
        [GOV_RUNG_EMERGENCY] = "restart with a smaller batch",
        [GOV_RUNG_SMALLER] = "smaller settings",
        [GOV_RUNG_CPU] = "CPU",
        [GOV_RUNG_FALLBACK] = "fallback",
        [GOV_RUNG_FAIL] = "give up",
    };
    return rung >= 0 && rung < GOV_RUNG_COUNT ? names[rung] : "?";
}

enum gov_recovery_state gov_recovery_check(const struct gov_recovery *recovery, int64_t now_us,
                                           int64_t free_bytes, int64_t others_bytes)
{
    int64_t expected = recovery->held_bytes / 100 * GOV_RECOVERY_PERCENT;
    if (others_bytes >= 0 && recovery->others_before_bytes >= 0)
        expected -= MAX(others_bytes - recovery->others_before_bytes, 0);
    if (recovery->held_bytes <= 0)
        return GOV_RECOVERY_BACK;
    if (free_bytes >= 0 && recovery->free_before_bytes >= 0 &&
        free_bytes - recovery->free_before_bytes >= expected)
        return GOV_RECOVERY_BACK;
    return now_us - recovery->began_us >= GOV_RECOVERY_MAX_US ? GOV_RECOVERY_TIMED_OUT
                                                              : GOV_RECOVERY_WAITING;
}
