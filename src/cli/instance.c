/* The lock's file says where the instance can be reached. It is only read: taking the lock, even
 * for a moment, could keep an instance from starting. One that ended leaves its name there, but
 * nobody listens at its socket. */
#include "cli/instance.h"

#include <gov/log.h>
#include <jansson.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "queue/lock.h"
#include "super/control.h"
#include "super/request.h"

json_t *md_instance_ask(const char *queue_path)
{
    const int64_t patience_us = 5 * MD_SECOND_US;
    const struct md_request request = {.command = MD_REQUEST_MEMORY};
    struct md_queue_holder holder;
    struct md_failure ignored;
    md_autostr line = {0};
    md_autofree char *reply = NULL;
    if (md_queue_lock_holder(queue_path, &holder) < 0 || !holder.socket[0])
        return NULL;
    md_request_format(&request, &line);
    if (md_str_failed(&line) ||
        md_control_ask(holder.socket, &line, patience_us, &reply, &ignored) < 0)
        return NULL;
    json_t *root = json_loads(reply, 0, NULL);
    json_t *memory = json_object_get(root, "memory");
    if (json_is_object(memory)) {
        json_object_set(memory, "pid", json_object_get(root, "pid"));
        json_incref(memory);
    } else {
        memory = NULL;
    }
    json_decref(root);
    return memory;
}

struct size {
    char text[24];
};

static struct size size_of(const json_t *object, const char *key)
{
    struct size size = {"?"};
    const json_t *value = json_object_get(object, key);
    if (json_is_integer(value))
        gov_format_size(json_integer_value(value), size.text, sizeof size.text);
    return size;
}

static const char *string_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "?";
}

static long long number_of(const json_t *object, const char *key)
{
    return (long long)json_integer_value(json_object_get(object, key));
}

static void write_device(const json_t *memory, struct md_str *out)
{
    const json_t *device = json_object_get(memory, "device");
    const json_t *budget = json_object_get(memory, "budget");
    md_str_printf(out, "moviedigest (pid %lld) is running\n", number_of(memory, "pid"));
    md_str_printf(out, "%s: %s of %s used, %s free\n", string_of(device, "name"),
                  size_of(device, "used_bytes").text, size_of(device, "total_bytes").text,
                  size_of(device, "free_bytes").text);
    md_str_printf(out, "  use      own %s, others %s, most so far %s\n",
                  size_of(device, "own_bytes").text, size_of(device, "others_bytes").text,
                  size_of(device, "peak_used_bytes").text);
    md_str_printf(out, "  level    %s, admission %s\n", string_of(memory, "level"),
                  json_is_true(json_object_get(memory, "paused")) ? "paused until there is room"
                                                                  : "open");
    md_str_printf(out, "  budget   %s for movies, at most %s; room for %s more\n",
                  size_of(budget, "ours_bytes").text, size_of(budget, "cap_bytes").text,
                  size_of(budget, "room_bytes").text);
    md_str_printf(out, "  leased   %s, %s of it not yet taken\n",
                  size_of(budget, "leased_bytes").text, size_of(budget, "pending_bytes").text);
    md_str_append(out, "  cleanups");
    const char *name;
    json_t *tier;
    json_object_foreach(json_object_get(memory, "tiers"), name, tier)
    {
        md_str_printf(out, " %s %lld (freed %s)", name, number_of(tier, "runs"),
                      size_of(tier, "freed_bytes").text);
    }
    md_str_printf(out, "\n  so far   out of memory %lld times, paused %lld times\n",
                  number_of(memory, "ooms"), number_of(memory, "pauses"));
}

static void write_leases(const json_t *leases, struct md_str *out)
{
    size_t i;
    const json_t *lease;
    if (json_array_size(leases) > 0)
        md_str_append(out, "\nLeases\n   granted       now      peak      pid\n");
    json_array_foreach(leases, i, lease)
    {
        md_str_printf(out, "  %8s  %8s  %8s  %7lld  %s of %s%s\n",
                      size_of(lease, "granted_bytes").text, size_of(lease, "now_bytes").text,
                      size_of(lease, "peak_bytes").text, number_of(lease, "pid"),
                      string_of(lease, "stage"), string_of(lease, "owner"),
                      json_is_true(json_object_get(lease, "forced")) ? " (forced)" : "");
    }
}

static void write_workers(const json_t *workers, struct md_str *out)
{
    size_t i;
    const json_t *worker;
    if (json_array_size(workers) > 0)
        md_str_append(out, "\nWorkers\n");
    json_array_foreach(workers, i, worker)
    {
        md_str_printf(out, "  %8s  %7lld  %s, %s\n", size_of(worker, "used_bytes").text,
                      number_of(worker, "pid"), string_of(worker, "executor"),
                      json_is_true(json_object_get(worker, "busy")) ? "at work" : "idle");
    }
}

void md_instance_write(const json_t *memory, struct md_str *out)
{
    write_device(memory, out);
    write_leases(json_object_get(memory, "leases"), out);
    write_workers(json_object_get(memory, "workers"), out);
}
