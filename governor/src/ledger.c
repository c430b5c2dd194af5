/*
 * The ledger. Leases live in slots of one array; free slots are chained, used ones are chained in
 * the order they were granted. An id is a serial number and a slot, so looking one up costs an
 * index and a comparison, an old id is never mistaken for a new lease, and memory stays at the
 * highest number of leases held at once, however many come and go.
 *
 * Sums (granted, pending) are kept while leases change and recomputed only to check them.
 */
#include <gov/ledger.h>

#include <stdlib.h>
#include <string.h>

#include "util.h"

enum { SLOT_BITS = 20 };
#define SLOT_MASK ((UINT64_C(1) << SLOT_BITS) - 1)
#define NO_SLOT   UINT32_MAX

struct slot {
    struct gov_lease lease; /* lease.id == 0: free */
    uint32_t next;
    uint32_t previous; /* used slots only */
};

struct gov_ledger {
    struct slot *slots;
    uint32_t slot_count; /* ever used; below capacity */
    uint32_t slot_capacity;
    uint32_t first_free;
    uint32_t first; /* oldest grant */
    uint32_t last;
    uint64_t serial;
    struct gov_ledger_stats stats;
};

int gov_ledger_new(struct gov_ledger **ret_ledger)
{
    if (!ret_ledger)
        return GOV_E_INVALID;
    struct gov_ledger *ledger = calloc(1, sizeof *ledger);
    if (!ledger)
        return GOV_E_NOMEM;
    ledger->first_free = ledger->first = ledger->last = NO_SLOT;
    *ret_ledger = ledger;
    return GOV_OK;
}

void gov_ledger_free(struct gov_ledger *ledger)
{
    if (!ledger)
        return;
    free(ledger->slots);
    free(ledger);
}

static int64_t pending_of(const struct gov_lease *lease)
{
    return MAX(lease->granted_bytes - MAX(lease->current_bytes, 0), 0);
}

/* After every change where the build asks for it (not in release builds: it walks all leases). */
static void check(const struct gov_ledger *ledger)
{
    if (GOV_CHECK_INVARIANTS && !gov_ledger_is_valid(ledger))
        abort();
}

static struct slot *find(const struct gov_ledger *ledger, uint64_t id)
{
    uint64_t index = id & SLOT_MASK;
    if (id == GOV_LEASE_NONE || index >= ledger->slot_count || ledger->slots[index].lease.id != id)
        return NULL;
    return &ledger->slots[index];
}

static int take_slot(struct gov_ledger *ledger, uint32_t *ret_index)
{
    if (ledger->first_free != NO_SLOT) {
        *ret_index = ledger->first_free;
        ledger->first_free = ledger->slots[*ret_index].next;
        return GOV_OK;
    }
    if (ledger->slot_count == ledger->slot_capacity) {
        uint32_t capacity = ledger->slot_capacity ? ledger->slot_capacity * 2 : 16;
        if (capacity > SLOT_MASK)
            return GOV_E_FULL;
        struct slot *grown = realloc(ledger->slots, capacity * sizeof *grown);
        if (!grown)
            return GOV_E_NOMEM;
        ledger->slots = grown;
        ledger->slot_capacity = capacity;
    }
    *ret_index = ledger->slot_count++;
    return GOV_OK;
}

static void append(struct gov_ledger *ledger, uint32_t index)
{
    struct slot *slot = &ledger->slots[index];
    slot->next = NO_SLOT;
    slot->previous = ledger->last;
    if (ledger->last != NO_SLOT)
        ledger->slots[ledger->last].next = index;
    else
        ledger->first = index;
    ledger->last = index;
    ledger->stats.now_bytes += slot->lease.granted_bytes;
    ledger->stats.pending_bytes += pending_of(&slot->lease);
    ledger->stats.now_count++;
}

static void unlink_slot(struct gov_ledger *ledger, struct slot *slot)
{
    uint32_t index = (uint32_t)(slot - ledger->slots);
    ledger->stats.now_bytes -= slot->lease.granted_bytes;
    ledger->stats.pending_bytes -= pending_of(&slot->lease);
    ledger->stats.now_count--;
    if (slot->previous != NO_SLOT)
        ledger->slots[slot->previous].next = slot->next;
    else
        ledger->first = slot->next;
    if (slot->next != NO_SLOT)
        ledger->slots[slot->next].previous = slot->previous;
    else
        ledger->last = slot->previous;
    slot->lease.id = GOV_LEASE_NONE;
    slot->next = ledger->first_free;
    ledger->first_free = index;
}

static void note_granted(struct gov_ledger *ledger, const struct gov_lease *lease)
{
    struct gov_ledger_stats *stats = &ledger->stats;
    stats->total_count++;
    stats->total_bytes = gov_add_saturated(stats->total_bytes, lease->granted_bytes);
    stats->peak_bytes = MAX(stats->peak_bytes, stats->now_bytes);
    stats->peak_count = MAX(stats->peak_count, stats->now_count);
    if (lease->flags & GOV_LEASE_FORCED)
        stats->forced_count++;
}

int gov_ledger_add(struct gov_ledger *ledger, const struct gov_lease *lease, int64_t limit_bytes,
                   uint64_t *ret_id)
{
    if (!ledger || !lease || !ret_id || lease->granted_bytes < 0 || lease->predicted_bytes < 0 ||
        lease->pid < 0)
        return GOV_E_INVALID;
    if (lease->granted_bytes > INT64_MAX - ledger->stats.now_bytes)
        return GOV_E_RANGE;
    uint32_t index;
    int error = take_slot(ledger, &index);
    if (error)
        return error;
    struct slot *slot = &ledger->slots[index];
    slot->lease = *lease;
    slot->lease.id = ++ledger->serial << SLOT_BITS | index;
    slot->lease.current_bytes = slot->lease.peak_bytes = -1;
    append(ledger, index);
    if (ledger->stats.now_bytes > limit_bytes && !(lease->flags & GOV_LEASE_FORCED)) {
        unlink_slot(ledger, slot);
        ledger->stats.rolled_back_count++;
        check(ledger);
        return GOV_E_NO_ROOM;
    }
    note_granted(ledger, &slot->lease);
    *ret_id = slot->lease.id;
    check(ledger);
    return GOV_OK;
}

int gov_ledger_remove(struct gov_ledger *ledger, uint64_t id, struct gov_lease *ret_lease)
{
    struct slot *slot = find(ledger, id);
    if (!slot)
        return GOV_E_NOT_FOUND;
    if (ret_lease)
        *ret_lease = slot->lease;
    unlink_slot(ledger, slot);
    check(ledger);
    return GOV_OK;
}

int gov_ledger_get(const struct gov_ledger *ledger, uint64_t id, struct gov_lease *ret_lease)
{
    const struct slot *slot = find(ledger, id);
    if (!slot)
        return GOV_E_NOT_FOUND;
    *ret_lease = slot->lease;
    return GOV_OK;
}

int gov_ledger_bind(struct gov_ledger *ledger, uint64_t id, int64_t pid)
{
    struct slot *slot = find(ledger, id);
    if (!slot)
        return GOV_E_NOT_FOUND;
    if (pid < 0)
        return GOV_E_INVALID;
    slot->lease.pid = pid;
    return GOV_OK;
}

static void set_granted(struct gov_ledger *ledger, struct slot *slot, int64_t granted_bytes)
{
    ledger->stats.now_bytes += granted_bytes - slot->lease.granted_bytes;
    ledger->stats.pending_bytes -= pending_of(&slot->lease);
    slot->lease.granted_bytes = granted_bytes;
    ledger->stats.pending_bytes += pending_of(&slot->lease);
}

int gov_ledger_resize(struct gov_ledger *ledger, uint64_t id, int64_t granted_bytes,
                      int64_t limit_bytes)
{
    struct slot *slot = find(ledger, id);
    if (!slot)
        return GOV_E_NOT_FOUND;
    if (granted_bytes < 0)
        return GOV_E_INVALID;
    int64_t before = slot->lease.granted_bytes;
    if (granted_bytes > INT64_MAX - (ledger->stats.now_bytes - before))
        return GOV_E_RANGE;
    set_granted(ledger, slot, granted_bytes);
    if (granted_bytes > before && ledger->stats.now_bytes > limit_bytes) {
        set_granted(ledger, slot, before);
        ledger->stats.rolled_back_count++;
        check(ledger);
        return GOV_E_NO_ROOM;
    }
    ledger->stats.peak_bytes = MAX(ledger->stats.peak_bytes, ledger->stats.now_bytes);
    if (granted_bytes > before)
        ledger->stats.total_bytes =
            gov_add_saturated(ledger->stats.total_bytes, granted_bytes - before);
    check(ledger);
    return GOV_OK;
}

static void raise_peak(struct gov_ledger *ledger, struct slot *slot, int64_t bytes)
{
    struct gov_lease *lease = &slot->lease;
    if (bytes > lease->granted_bytes && lease->peak_bytes <= lease->granted_bytes)
        ledger->stats.over_granted_count++;
    lease->peak_bytes = MAX(lease->peak_bytes, bytes);
}

static void set_current(struct gov_ledger *ledger, struct slot *slot, int64_t bytes)
{
    ledger->stats.pending_bytes -= pending_of(&slot->lease);
    slot->lease.current_bytes = bytes;
    ledger->stats.pending_bytes += pending_of(&slot->lease);
    raise_peak(ledger, slot, bytes);
}

int gov_ledger_measure(struct gov_ledger *ledger, uint64_t id, int64_t bytes)
{
    struct slot *slot = find(ledger, id);
    if (!slot)
        return GOV_E_NOT_FOUND;
    if (bytes < 0)
        return GOV_E_INVALID;
    set_current(ledger, slot, bytes);
    check(ledger);
    return GOV_OK;
}

int gov_ledger_raise_peak(struct gov_ledger *ledger, uint64_t id, int64_t bytes)
{
    struct slot *slot = find(ledger, id);
    if (!slot)
        return GOV_E_NOT_FOUND;
    if (bytes < 0)
        return GOV_E_INVALID;
    raise_peak(ledger, slot, bytes);
    return GOV_OK;
}

void gov_ledger_measure_pid(struct gov_ledger *ledger, int64_t pid, int64_t bytes)
{
    if (pid <= 0)
        return;
    uint32_t last = NO_SLOT;
    for (uint32_t i = ledger->first; i != NO_SLOT; i = ledger->slots[i].next) {
        if (ledger->slots[i].lease.pid == pid)
            last = i;
    }
    int64_t left = MAX(bytes, 0);
    for (uint32_t i = ledger->first; i != NO_SLOT; i = ledger->slots[i].next) {
        struct slot *slot = &ledger->slots[i];
        if (slot->lease.pid != pid)
            continue;
        int64_t part = i == last ? left : MIN(left, slot->lease.granted_bytes);
        set_current(ledger, slot, part);
        left -= part;
    }
    check(ledger);
}

int gov_ledger_find_pid(const struct gov_ledger *ledger, int64_t pid, struct gov_lease *ret_lease)
{
    for (uint32_t i = ledger->first; pid > 0 && i != NO_SLOT; i = ledger->slots[i].next) {
        if (ledger->slots[i].lease.pid == pid) {
            *ret_lease = ledger->slots[i].lease;
            return GOV_OK;
        }
    }
    return GOV_E_NOT_FOUND;
}

size_t gov_ledger_remove_pid(struct gov_ledger *ledger, int64_t pid)
{
    size_t count = 0;
    if (pid <= 0)
        return 0;
    for (uint32_t i = ledger->first; i != NO_SLOT;) {
        uint32_t next = ledger->slots[i].next;
        if (ledger->slots[i].lease.pid == pid) {
            unlink_slot(ledger, &ledger->slots[i]);
            count++;
        }
        i = next;
    }
    check(ledger);
    return count;
}

size_t gov_ledger_list(const struct gov_ledger *ledger, struct gov_lease *leases, size_t capacity)
{
    size_t count = 0;
    for (uint32_t i = ledger->first; i != NO_SLOT; i = ledger->slots[i].next) {
        if (count < capacity)
            leases[count] = ledger->slots[i].lease;
        count++;
    }
    return count;
}

void gov_ledger_stats(const struct gov_ledger *ledger, struct gov_ledger_stats *ret_stats)
{
    *ret_stats = ledger->stats;
}

void gov_ledger_reset_peak(struct gov_ledger *ledger)
{
    ledger->stats.peak_bytes = ledger->stats.now_bytes;
    ledger->stats.peak_count = ledger->stats.now_count;
}

bool gov_ledger_is_valid(const struct gov_ledger *ledger)
{
    int64_t granted = 0, pending = 0, count = 0;
    uint32_t previous = NO_SLOT;
    for (uint32_t i = ledger->first; i != NO_SLOT; i = ledger->slots[i].next) {
        if (i >= ledger->slot_count || count > ledger->slot_count)
            return false;
        const struct slot *slot = &ledger->slots[i];
        if ((slot->lease.id & SLOT_MASK) != i || slot->lease.id == GOV_LEASE_NONE ||
            slot->previous != previous || slot->lease.granted_bytes < 0)
            return false;
        granted += slot->lease.granted_bytes;
        pending += pending_of(&slot->lease);
        count++;
        previous = i;
    }
    const struct gov_ledger_stats *stats = &ledger->stats;
    return ledger->last == previous && stats->now_bytes == granted &&
           stats->pending_bytes == pending && stats->now_count == count &&
           stats->peak_bytes >= granted && stats->peak_count >= count &&
           stats->total_count >= count && granted >= 0;
}
