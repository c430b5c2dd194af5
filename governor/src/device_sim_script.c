/*
 * Neighbours of the simulated device. The script is sorted once by beginning; time only moves
 * forward, so a cursor finds who begins and a short list of active ones is all that a reading
 * looks at. While no active wish moves, not even that: the sum is kept until the next event.
 *
 * Fractions of a ramp are computed in double: exact enough for bytes of a card and the same on
 * every IEEE machine, where an integer product of bytes and microseconds would overflow.
 */
#include "device_sim.h"

#include <stdlib.h>

#include "util.h"

bool gov_sim_script_is_valid(const struct gov_sim_params *params)
{
    if (params->neighbour_count && !params->neighbours)
        return false;
    if (params->neighbour_count > SIZE_MAX / sizeof(size_t) / 2)
        return false;
    for (size_t i = 0; i < params->neighbour_count; i++) {
        const struct gov_sim_neighbour *n = &params->neighbours[i];
        if (n->bytes < 0 || n->pid < 0)
            return false;
        if (n->shape == GOV_SIM_STEP)
            continue;
        if ((n->shape != GOV_SIM_RAMP && n->shape != GOV_SIM_SAW) || n->period_us <= 0 ||
            n->low_bytes < 0 || n->low_bytes > n->bytes)
            return false;
    }
    return true;
}

/* An index sort: heap sort, as qsort has no context and the script is the caller's. */
static bool begins_before(const struct sim *sim, size_t a, size_t b)
{
    const struct gov_sim_neighbour *x = &sim->neighbours[a], *y = &sim->neighbours[b];
    return x->at_us != y->at_us ? x->at_us < y->at_us : a < b;
}

static void sift_down(const struct sim *sim, size_t *heap, size_t root, size_t count)
{
    for (;;) {
        size_t child = 2 * root + 1;
        if (child >= count)
            return;
        if (child + 1 < count && begins_before(sim, heap[child], heap[child + 1]))
            child++;
        if (!begins_before(sim, heap[root], heap[child]))
            return;
        size_t moved = heap[root];
        heap[root] = heap[child];
        heap[child] = moved;
        root = child;
    }
}

static void sort_by_beginning(const struct sim *sim, size_t *order, size_t count)
{
    for (size_t i = count / 2; i-- > 0;)
        sift_down(sim, order, i, count);
    for (size_t end = count; end > 1;) {
        end--;
        size_t last = order[0];
        order[0] = order[end];
        order[end] = last;
        sift_down(sim, order, 0, end);
    }
}

int gov_sim_script_init(struct sim *sim, const struct gov_sim_params *params)
{
    sim->neighbours = params->neighbours;
    sim->neighbour_count = params->neighbour_count;
    if (!sim->neighbour_count)
        return GOV_OK;
    sim->order = malloc(2 * sim->neighbour_count * sizeof *sim->order);
    if (!sim->order)
        return GOV_E_NOMEM;
    sim->active = sim->order + sim->neighbour_count;
    for (size_t i = 0; i < sim->neighbour_count; i++)
        sim->order[i] = i;
    sort_by_beginning(sim, sim->order, sim->neighbour_count);
    return GOV_OK;
}

void gov_sim_script_done(struct sim *sim)
{
    free(sim->order);
}

static int64_t wish_at(const struct gov_sim_neighbour *n, int64_t now_us)
{
    if (n->shape == GOV_SIM_STEP)
        return n->bytes;
    uint64_t elapsed = (uint64_t)now_us - (uint64_t)n->at_us; /* >= 0, as it has begun */
    uint64_t period = (uint64_t)n->period_us;
    if (n->shape == GOV_SIM_SAW)
        elapsed %= period;
    else if (elapsed >= period)
        return n->bytes;
    int64_t most = n->bytes - n->low_bytes;
    double grown = (double)most * (double)elapsed / (double)period;
    return n->low_bytes + (grown >= (double)most ? most : (int64_t)grown);
}

/* The wish is the same before this time. */
static int64_t wish_until(const struct gov_sim_neighbour *n, int64_t now_us)
{
    int64_t end = n->until_us ? n->until_us : INT64_MAX;
    bool still = n->shape == GOV_SIM_STEP ||
                 (n->shape == GOV_SIM_RAMP &&
                  (uint64_t)now_us - (uint64_t)n->at_us >= (uint64_t)n->period_us);
    return still ? end : MIN(end, gov_add_saturated(now_us, 1));
}

void gov_sim_script_step(struct sim *sim)
{
    int64_t now = sim->now_us;
    if (now < sim->wish_until_us)
        return;
    for (; sim->started_count < sim->neighbour_count; sim->started_count++) {
        size_t next = sim->order[sim->started_count];
        if (sim->neighbours[next].at_us > now)
            break;
        sim->active[sim->active_count++] = next;
    }
    sim->wished_bytes = 0;
    sim->wish_until_us = INT64_MAX;
    if (sim->started_count < sim->neighbour_count)
        sim->wish_until_us = sim->neighbours[sim->order[sim->started_count]].at_us;
    size_t kept = 0;
    for (size_t i = 0; i < sim->active_count; i++) {
        const struct gov_sim_neighbour *n = &sim->neighbours[sim->active[i]];
        if (n->until_us && n->until_us <= now)
            continue;
        sim->active[kept++] = sim->active[i];
        sim->wished_bytes = gov_add_saturated(sim->wished_bytes, wish_at(n, now));
        sim->wish_until_us = MIN(sim->wish_until_us, wish_until(n, now));
    }
    sim->active_count = kept;
}

int64_t gov_sim_room(const struct sim *sim)
{
    return sim->total_bytes - sim->reserved_bytes - sim->taken_bytes - sim->lagging_bytes;
}

int64_t gov_sim_script_share(const struct sim *sim, size_t index, int64_t *room, int64_t *ret_pid)
{
    size_t at = sim->active[index];
    const struct gov_sim_neighbour *n = &sim->neighbours[at];
    int64_t share = MIN(wish_at(n, sim->now_us), *room);
    *room -= share;
    *ret_pid = n->pid ? n->pid : GOV_SIM_NEIGHBOUR_PID + (int64_t)at;
    return share;
}

int64_t gov_sim_script_bytes(const struct sim *sim, int64_t pid, bool *ret_any)
{
    int64_t room = gov_sim_room(sim), bytes = 0;
    *ret_any = false;
    for (size_t i = 0; i < sim->active_count; i++) {
        int64_t whose;
        int64_t share = gov_sim_script_share(sim, i, &room, &whose);
        if (whose == pid) {
            bytes += share;
            *ret_any = true;
        }
    }
    return bytes;
}
