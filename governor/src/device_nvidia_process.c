/*
 * Who uses a GPU. The driver has two lists, programs that compute and programs that draw; a program
 * that does both is in both with the same amount, so a pid's bytes are the larger of the two, and
 * within one list (instances of a divided GPU) their sum.
 *
 * The lists are a trap: their rows grew with the versions of the functions, and in R535 before
 * 535.98 without one, so that rows of 32 bytes come where 24 are declared; a driver with rows of 16
 * behind the newest name has been reported too. A caller that trusts the declaration reads
 * another row's memory as a pid, and is written past its buffer. So the buffer has room for the
 * longest rows, is filled with a pattern, and three witnesses are heard, the best first: how
 * far the driver wrote; what its version is known for; what the declaration says. The first
 * under which every row makes sense (a possible pid, an amount that fits the card) is believed. If
 * none does, the list is not understood, and that is said.
 */
#include "device_nvidia.h"

#include <stdlib.h>
#include <string.h>

#include "util.h"

enum {
    FIRST_ROWS = 64,
    MOST_ROWS = 8192,
    GROW_TRIES = 6,
    SPARE_ROWS = 16, /* for programs that start between two calls */
    PATTERN = 0xa5,
    /* Linux: PID_MAX_LIMIT on 64-bit systems (include/linux/threads.h) */
    MOST_PID = 4 * 1024 * 1024,
    MOST_INSTANCE = 64
};
#define NO_INSTANCE UINT32_MAX

static bool grow_buffer(struct gov_nvidia_users *users, size_t rows)
{
    if (rows <= users->buffer_rows)
        return true;
    void *buffer = realloc(users->buffer, rows * NVML_PROCESS_R535);
    if (!buffer)
        return false;
    users->buffer = buffer;
    users->buffer_rows = rows;
    return true;
}

/* Calls one list until the buffer is large enough. */
static int call_list(gov_nvml_list *list, gov_nvml_device handle, struct gov_nvidia_users *users,
                     size_t *ret_count, int *ret_result)
{
    size_t rows = MAX(users->buffer_rows, FIRST_ROWS);
    for (int i = 0; i < GROW_TRIES; i++) {
        if (!grow_buffer(users, rows))
            return GOV_E_NOMEM;
        memset(users->buffer, PATTERN, users->buffer_rows * NVML_PROCESS_R535);
        unsigned count = (unsigned)users->buffer_rows;
        *ret_result = list(handle, &count, users->buffer);
        if (*ret_result != NVML_INSUFFICIENT_SIZE) {
            if (*ret_result == NVML_OK && count > users->buffer_rows)
                return GOV_E_FORMAT;
            *ret_count = count;
            return gov_nvidia_error(*ret_result);
        }
        if (count >= MOST_ROWS - SPARE_ROWS)
            return GOV_E_FORMAT;
        rows = MAX(users->buffer_rows * 2, (size_t)count + SPARE_ROWS);
        rows = MIN(rows, MOST_ROWS);
    }
    return GOV_E_IO;
}

static void read_row(const void *buffer, size_t stride, size_t index, struct gov_nvml_process *row)
{
    const char *from = (const char *)buffer + index * stride;
    memset(row, 0, sizeof *row);
    row->gpu_instance = row->compute_instance = NO_INSTANCE;
    memcpy(&row->pid, from, sizeof row->pid);
    memcpy(&row->used_bytes, from + 8, sizeof row->used_bytes);
    if (stride >= NVML_PROCESS_V2) {
        memcpy(&row->gpu_instance, from + 16, sizeof row->gpu_instance);
        memcpy(&row->compute_instance, from + 20, sizeof row->compute_instance);
    }
}

static bool instance_makes_sense(uint32_t instance)
{
    return instance == NO_INSTANCE || instance < MOST_INSTANCE;
}

static bool rows_make_sense(const void *buffer, size_t stride, size_t count, int64_t total_bytes)
{
    for (size_t i = 0; i < count; i++) {
        struct gov_nvml_process row;
        read_row(buffer, stride, i, &row);
        bool amount = row.used_bytes == GOV_NVML_UNAVAILABLE ||
                      row.used_bytes <= (uint64_t)MAX(total_bytes, 0);
        if (!row.pid || row.pid > MOST_PID || !amount || !instance_makes_sense(row.gpu_instance) ||
            !instance_makes_sense(row.compute_instance))
            return false;
    }
    return true;
}

/* The stride under which count rows end where the driver stopped writing; 0: none does. */
static size_t written_stride(const struct gov_nvidia_users *users, size_t count)
{
    static const size_t strides[] = {NVML_PROCESS_V1, NVML_PROCESS_V2, NVML_PROCESS_R535};
    const unsigned char *bytes = users->buffer;
    size_t end = users->buffer_rows * NVML_PROCESS_R535;
    while (end && bytes[end - 1] == PATTERN)
        end--;
    for (size_t i = 0; i < sizeof strides / sizeof strides[0]; i++) {
        if (end == count * strides[i])
            return strides[i];
    }
    return 0;
}

/* R535 changed the rows of _v3 in 535.43 and took that back in 535.98. */
static size_t known_stride(const struct gov_nvidia *nvidia, int version)
{
    if (version == 0 && nvidia->driver_major == 535 && nvidia->driver_minor < 98)
        return NVML_PROCESS_R535;
    return version == NVML_LISTS - 1 ? NVML_PROCESS_V1 : NVML_PROCESS_V2;
}

static size_t find_stride(const struct gov_nvidia *nvidia, const struct gov_nvidia_users *users,
                          int version, size_t count, int64_t total_bytes)
{
    const size_t witnesses[] = {written_stride(users, count), known_stride(nvidia, version),
                                NVML_PROCESS_V2, NVML_PROCESS_R535, NVML_PROCESS_V1};
    for (size_t i = 0; i < sizeof witnesses / sizeof witnesses[0]; i++) {
        if (witnesses[i] && rows_make_sense(users->buffer, witnesses[i], count, total_bytes))
            return witnesses[i];
    }
    return 0;
}

static struct gov_nvidia_user *find_or_add(struct gov_nvidia_users *users, int64_t pid)
{
    for (size_t i = 0; i < users->count; i++) {
        if (users->items[i].pid == pid)
            return &users->items[i];
    }
    if (users->count == users->capacity) {
        size_t capacity = users->capacity ? users->capacity * 2 : FIRST_ROWS;
        struct gov_nvidia_user *grown = realloc(users->items, capacity * sizeof *grown);
        if (!grown)
            return NULL;
        users->items = grown;
        users->capacity = capacity;
    }
    struct gov_nvidia_user *user = &users->items[users->count++];
    *user = (struct gov_nvidia_user){.pid = pid, .known = true};
    return user;
}

/* What this list says of a pid: the sum over its rows, unknown if one of them is. */
static struct gov_nvidia_user sum_rows(const void *buffer, size_t stride, size_t count,
                                       uint32_t pid)
{
    struct gov_nvidia_user sum = {.pid = pid, .known = true};
    for (size_t i = 0; i < count; i++) {
        struct gov_nvml_process row;
        read_row(buffer, stride, i, &row);
        if (row.pid != pid)
            continue;
        if (row.used_bytes == GOV_NVML_UNAVAILABLE)
            sum.known = false;
        else
            sum.used_bytes = gov_add_saturated(sum.used_bytes, (int64_t)row.used_bytes);
    }
    return sum;
}

static int merge_rows(struct gov_nvidia_users *users, size_t stride, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct gov_nvml_process row;
        read_row(users->buffer, stride, i, &row);
        struct gov_nvidia_user *user = find_or_add(users, row.pid);
        if (!user)
            return GOV_E_NOMEM;
        struct gov_nvidia_user sum = sum_rows(users->buffer, stride, count, row.pid);
        user->used_bytes = MAX(user->used_bytes, sum.used_bytes);
        user->known = user->known && sum.known;
    }
    return GOV_OK;
}

/* One kind of list, in the newest version that works here. */
static int list_kind(struct gov_nvidia *nvidia, gov_nvml_list *const lists[NVML_LISTS],
                     gov_nvml_device handle, int64_t total_bytes, int *refused,
                     struct gov_nvidia_users *users)
{
    int error = GOV_E_UNSUPPORTED;
    for (int version = 0; version < NVML_LISTS; version++) {
        size_t count = 0;
        int result = NVML_OK;
        if (!lists[version] || *refused & 1 << version)
            continue;
        error = call_list(lists[version], handle, users, &count, &result);
        if (result == NVML_FUNCTION_NOT_FOUND || result == NVML_ARGUMENT_VERSION_MISMATCH ||
            result == NVML_DEPRECATED) {
            *refused |= 1 << version;
            continue;
        }
        if (error || !count)
            return error;
        size_t stride = find_stride(nvidia, users, version, count, total_bytes);
        return stride ? merge_rows(users, stride, count) : GOV_E_FORMAT;
    }
    return error;
}

int gov_nvidia_list_users(struct gov_nvidia *nvidia, gov_nvml_device handle, int64_t total_bytes,
                          struct gov_nvidia_users *users, const char **ret_note)
{
    const struct gov_nvml *nvml = &nvidia->nvml;
    users->count = 0;
    *ret_note = "";
    int compute = list_kind(nvidia, nvml->compute, handle, total_bytes, &users->refused[0], users);
    int error = compute;
    if (!compute || compute == GOV_E_UNSUPPORTED) {
        int graphics =
            list_kind(nvidia, nvml->graphics, handle, total_bytes, &users->refused[1], users);
        /* Cards without a display have no such list; that says nothing about the other. */
        error = graphics == GOV_E_UNSUPPORTED ? compute : graphics;
    }
    if (!error) {
        for (size_t i = 0; i < users->count; i++) {
            if (!users->items[i].known)
                *ret_note = "the driver does not say how much memory each process uses";
        }
        return GOV_OK;
    }
    users->count = 0;
    if (error == GOV_E_FORMAT)
        *ret_note = "the driver's process list is not understood";
    else if (error == GOV_E_UNSUPPORTED)
        *ret_note = "the driver does not list processes here";
    else
        *ret_note = "the driver's process list cannot be read";
    return error == GOV_E_FORMAT ? GOV_E_UNSUPPORTED : error;
}

void gov_nvidia_users_done(struct gov_nvidia_users *users)
{
    free(users->items);
    free(users->buffer);
    memset(users, 0, sizeof *users);
}
