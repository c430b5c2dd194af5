/*
 * What a GPU reports by itself: XIDs, the numbers that NVIDIA's driver writes to the kernel's log.
 * The common ones are given in words; the table is after NVIDIA's "XID Errors" document. The driver
 * is asked with a timeout of zero, so a reading never waits.
 *
 * A lost GPU is a state and not an error to retry at once: readings fail until the driver,
 * shut down and started anew, finds the same GPU again.
 */
#include "device_nvidia.h"

#include <stdio.h>
#include <string.h>

#include "util.h"

struct xid {
    uint64_t number;
    enum gov_device_damage damage;
    const char *text;
};

static const struct xid xids[] = {
    {8, GOV_DAMAGE_PROCESS, "GPU stopped processing"},
    {13, GOV_DAMAGE_PROCESS, "graphics engine exception"},
    {31, GOV_DAMAGE_PROCESS, "GPU memory page fault"},
    {32, GOV_DAMAGE_PROCESS, "invalid or corrupted push buffer stream"},
    {43, GOV_DAMAGE_PROCESS, "GPU stopped processing for one program"},
    {45, GOV_DAMAGE_PROCESS, "work ended early by the driver's cleanup"},
    {48, GOV_DAMAGE_DEVICE, "double bit ECC error"},
    {61, GOV_DAMAGE_DEVICE, "internal micro-controller breakpoint"},
    {62, GOV_DAMAGE_DEVICE, "internal micro-controller halt"},
    {63, GOV_DAMAGE_NONE, "a page of memory was retired or remapped"},
    {64, GOV_DAMAGE_NONE, "a page of memory could not be retired or remapped"},
    {68, GOV_DAMAGE_PROCESS, "video decoder exception"},
    {69, GOV_DAMAGE_PROCESS, "graphics engine class error"},
    {74, GOV_DAMAGE_PROCESS, "NVLink error"},
    {79, GOV_DAMAGE_DEVICE, "GPU has fallen off the bus"},
    {92, GOV_DAMAGE_NONE, "high rate of single bit ECC errors"},
    {94, GOV_DAMAGE_PROCESS, "contained ECC error"},
    {95, GOV_DAMAGE_DEVICE, "uncontained ECC error"},
    {109, GOV_DAMAGE_PROCESS, "context switch timeout"},
    {119, GOV_DAMAGE_DEVICE, "GPU system processor does not answer"},
    {120, GOV_DAMAGE_DEVICE, "GPU system processor error"},
    {140, GOV_DAMAGE_DEVICE, "unrecovered ECC error"},
    {143, GOV_DAMAGE_DEVICE, "GPU initialization failure"},
    {154, GOV_DAMAGE_NONE, "the driver recommends another recovery than before"},
};

void gov_nvidia_event_add(struct gov_nvidia_device *device, const struct gov_device_event *event)
{
    if (device->event_count == NVIDIA_EVENTS_KEPT) {
        device->first_event = (device->first_event + 1) % NVIDIA_EVENTS_KEPT;
        device->event_count--;
    }
    size_t at = (device->first_event + device->event_count++) % NVIDIA_EVENTS_KEPT;
    device->waiting[at] = *event;
    device->waiting[at].at_us = device->now_us;
}

void gov_nvidia_lose(struct gov_nvidia_device *device, const char *why)
{
    struct gov_device_event event = {.kind = GOV_DEVICE_EVENT_LOST, .damage = GOV_DAMAGE_DEVICE};
    if (device->lost)
        return;
    device->lost = true;
    device->tried_at_us = device->now_us;
    snprintf(event.text, sizeof event.text, "GPU lost: %s", why);
    gov_nvidia_event_add(device, &event);
}

static void add_xid(struct gov_nvidia_device *device, uint64_t number)
{
    /* One we do not know may be new: it cost somebody something, or it would not be reported. */
    struct xid xid = {number, GOV_DAMAGE_PROCESS, "see NVIDIA's list of XIDs"};
    for (size_t i = 0; i < sizeof xids / sizeof xids[0]; i++) {
        if (xids[i].number == number)
            xid = xids[i];
    }
    struct gov_device_event event = {.kind = GOV_DEVICE_EVENT_ERROR, .damage = xid.damage};
    event.code = number > INT64_MAX ? INT64_MAX : (int64_t)number;
    snprintf(event.text, sizeof event.text, "XID %llu: %s", (unsigned long long)number, xid.text);
    gov_nvidia_event_add(device, &event);
    if (xid.damage == GOV_DAMAGE_DEVICE)
        gov_nvidia_lose(device, event.text);
}

void gov_nvidia_events_open(struct gov_nvidia_device *device)
{
    const struct gov_nvml *nvml = &device->nvidia->nvml;
    device->events = NULL;
    if (!nvml->events_new || !nvml->events_free || !nvml->events_register || !nvml->events_wait)
        return;
    gov_nvml_events events = NULL;
    if (nvml->events_new(&events))
        return;
    /* Without permission, or in a virtual machine, there are none; readings tell of a loss too. */
    if (nvml->events_register(gov_nvidia_parent(device->nvidia, device->handle, device->is_mig),
                              GOV_NVML_EVENT_XID, events)) {
        nvml->events_free(events);
        return;
    }
    device->events = events;
}

void gov_nvidia_events_close(struct gov_nvidia_device *device)
{
    if (device->events)
        device->nvidia->nvml.events_free(device->events);
    device->events = NULL;
}

void gov_nvidia_events_poll(struct gov_nvidia_device *device)
{
    for (int i = 0; device->events && i < NVIDIA_EVENTS_KEPT; i++) {
        struct gov_nvml_event event = {0};
        int result = device->nvidia->nvml.events_wait(device->events, &event, 0);
        if (result == NVML_GPU_IS_LOST) {
            gov_nvidia_lose(device, gov_nvidia_text(device->nvidia, result));
            return;
        }
        if (result)
            return;
        if (event.type == GOV_NVML_EVENT_XID)
            add_xid(device, event.data);
    }
}
