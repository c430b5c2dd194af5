/*
 * What goes wrong with a simulated device: calls that fail on purpose, a card that is lost, events.
 * A loss is told as a driver's backend tells it: once, by the reading that notices it, and once
 * more by the first reading that succeeds again.
 */
#include "device_sim.h"

#include <stdio.h>

#include "backend.h"
#include "util.h"

static size_t kind_of(enum gov_sim_call call)
{
    return call == GOV_SIM_CALL_SAMPLE ? 0 : call == GOV_SIM_CALL_PROCESSES ? 1 : 2;
}

int gov_sim_enter(struct sim *sim, enum gov_sim_call call)
{
    int error = sim->lost ? GOV_E_DEVICE_LOST : GOV_OK;
    sim->calls[kind_of(call)]++;
    for (size_t i = 0; i < sim->fault_count; i++) {
        struct sim_fault *f = &sim->faults[i];
        if (!(f->fault.calls & (uint32_t)call))
            continue;
        int64_t failures = f->seen++ - f->fault.skip; /* so far, when not negative */
        if (!error && failures >= 0 && (f->fault.times < 0 || failures < MAX(f->fault.times, 1)))
            error = f->fault.error;
    }
    return error;
}

static void add_event(struct sim *sim, const struct gov_device_event *event)
{
    if (sim->event_count == SIM_EVENTS_MAX) {
        sim->event_first = (sim->event_first + 1) % SIM_EVENTS_MAX;
        sim->event_count--;
    }
    size_t at = (sim->event_first + sim->event_count++) % SIM_EVENTS_MAX;
    sim->events[at] = *event;
    sim->events[at].text[sizeof event->text - 1] = 0;
}

void gov_sim_notice(struct sim *sim, int error)
{
    bool lost = error == GOV_E_DEVICE_LOST;
    if (lost == sim->known_lost || (error && !lost))
        return;
    sim->known_lost = lost;
    struct gov_device_event event = {
        .kind = lost ? GOV_DEVICE_EVENT_LOST : GOV_DEVICE_EVENT_RECOVERED,
        .damage = lost ? GOV_DAMAGE_DEVICE : GOV_DAMAGE_NONE,
        .at_us = sim->now_us,
    };
    snprintf(event.text, sizeof event.text, "simulated device %s", lost ? "lost" : "is back");
    add_event(sim, &event);
}

int gov_sim_next_event(void *state, struct gov_device_event *ret_event)
{
    struct sim *sim = state;
    if (!sim->event_count)
        return GOV_E_NOT_FOUND;
    *ret_event = sim->events[sim->event_first];
    sim->event_first = (sim->event_first + 1) % SIM_EVENTS_MAX;
    sim->event_count--;
    return GOV_OK;
}

int gov_sim_report(struct gov_device *device, const struct gov_device_event *event)
{
    if (!device || !event)
        return GOV_E_INVALID;
    struct sim *sim = gov_sim_of(device);
    if (!sim)
        return GOV_E_UNSUPPORTED;
    add_event(sim, event);
    return GOV_OK;
}

int gov_sim_fail(struct gov_device *device, const struct gov_sim_fault *fault)
{
    if (!device || (fault && (!fault->calls || fault->skip < 0 || !fault->error)))
        return GOV_E_INVALID;
    struct sim *sim = gov_sim_of(device);
    if (!sim)
        return GOV_E_UNSUPPORTED;
    if (!fault) {
        sim->fault_count = 0;
        return GOV_OK;
    }
    if (sim->fault_count == GOV_SIM_FAULTS_MAX)
        return GOV_E_FULL;
    sim->faults[sim->fault_count++] = (struct sim_fault){.fault = *fault};
    return GOV_OK;
}

int64_t gov_sim_calls(const struct gov_device *device, uint32_t calls)
{
    const struct sim *sim = device ? gov_sim_of(device) : NULL;
    int64_t sum = 0;
    for (size_t i = 0; sim && i < SIM_CALL_KINDS; i++) {
        if (calls & (UINT32_C(1) << i))
            sum += sim->calls[i];
    }
    return sum;
}

int gov_sim_lose(struct gov_device *device)
{
    if (!device)
        return GOV_E_INVALID;
    struct sim *sim = gov_sim_of(device);
    if (!sim)
        return GOV_E_UNSUPPORTED;
    sim->lost = true;
    gov_sim_drop_pools(sim, -1);
    sim->process_count = 0;
    sim->taken_bytes = 0;
    sim->lag_count = 0;
    sim->lagging_bytes = 0;
    return GOV_OK;
}

int gov_sim_restore(struct gov_device *device)
{
    if (!device)
        return GOV_E_INVALID;
    struct sim *sim = gov_sim_of(device);
    if (!sim)
        return GOV_E_UNSUPPORTED;
    sim->lost = false;
    return GOV_OK;
}
