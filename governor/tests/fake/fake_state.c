/*
 * The shared state of the fakes. flock guards it over processes, because the kernel releases it
 * when a process is killed; a mutex guards it over threads. Memory of a process that has died is
 * found at the next reading, as a real driver frees it when it reaps the process.
 */
#include "fake_state.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

/* A library has one state, and a C library keeps it in a static: this is the fake's only one. */
static struct {
    pthread_mutex_t mutex;
    struct fake_state *state;
    int fd; /* for flock; -1: the state is private */
    int references;
} attached = {.mutex = PTHREAD_MUTEX_INITIALIZER, .fd = -1};

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

int fake_state_add_gpu(struct fake_state *state, const char *name, uint64_t total_bytes)
{
    int index = state->gpu_count++;
    struct fake_gpu *gpu = &state->gpus[index];
    memset(gpu, 0, sizeof *gpu);
    snprintf(gpu->name, sizeof gpu->name, "%s", name);
    snprintf(gpu->pci, sizeof gpu->pci, "00000000:%02X:00.0", (unsigned)index + 1);
    for (int i = 0; i < 16; i++)
        gpu->uuid[i] = (uint8_t)(0x5a + 16 * index + i);
    gpu->total_bytes = total_bytes;
    gpu->reserved_bytes = from_environment("FAKE_NVIDIA_RESERVED_MIB", 247) * FAKE_MIB;
    gpu->major = 8;
    gpu->minor = 6;
    state->cuda_order[index] = index;
    return index;
}

void fake_state_init(struct fake_state *state)
{
    const char *version = getenv("FAKE_NVIDIA_DRIVER");
    memset(state, 0, sizeof *state);
    snprintf(state->driver_version, sizeof state->driver_version, "%s",
             version ? version : "580.65.06");
    state->cuda_version = 13000;
    uint64_t count = from_environment("FAKE_NVIDIA_GPUS", 1);
    for (uint64_t i = 0; i < count && i < FAKE_GPUS; i++)
        fake_state_add_gpu(state, "NVIDIA GeForce RTX 3060",
                           from_environment("FAKE_NVIDIA_MIB", 12288) * FAKE_MIB);
    state->context_bytes = from_environment("FAKE_NVIDIA_CONTEXT_MIB", 180) * FAKE_MIB;
    state->lag_readings = (int32_t)from_environment("FAKE_NVIDIA_LAG", 0);
    uint64_t neighbour = from_environment("FAKE_NVIDIA_NEIGHBOUR_MIB", 0) * FAKE_MIB;
    if (neighbour)
        state->gpus[0].neighbours[0] =
            (struct fake_neighbour){.pid = 1, .bytes = neighbour, .draws = true};
    state->allocation =
        (struct fake_fault){.from = (int64_t)from_environment("FAKE_NVIDIA_FAIL_ALLOCATION", 0),
                            .times = 1,
                            .error = 2};
    state->magic = FAKE_MAGIC;
}

static struct fake_state *map_file(const char *path, int *ret_fd)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return NULL;
    struct fake_state *state = MAP_FAILED;
    flock(fd, LOCK_EX);
    if (!ftruncate(fd, sizeof *state))
        state = mmap(NULL, sizeof *state, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (state != MAP_FAILED && state->magic != FAKE_MAGIC)
        fake_state_init(state);
    flock(fd, LOCK_UN);
    if (state == MAP_FAILED) {
        close(fd);
        return NULL;
    }
    *ret_fd = fd;
    return state;
}

struct fake_state *fake_state_open(const char *path)
{
    int fd;
    struct fake_state *state = map_file(path, &fd);
    if (state)
        close(fd);
    return state;
}

void fake_state_close(struct fake_state *state)
{
    if (state)
        munmap(state, sizeof *state);
}

static void attach_private(void)
{
    void *state = mmap(NULL, sizeof *attached.state, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (state == MAP_FAILED)
        return;
    attached.state = state;
    fake_state_init(state);
}

bool fake_attach(void)
{
    pthread_mutex_lock(&attached.mutex);
    if (!attached.references) {
        const char *path = getenv("FAKE_NVIDIA_STATE");
        if (path && *path)
            attached.state = map_file(path, &attached.fd);
        else
            attach_private();
    }
    bool there = attached.state;
    attached.references += there;
    pthread_mutex_unlock(&attached.mutex);
    return there;
}

void fake_detach(void)
{
    pthread_mutex_lock(&attached.mutex);
    if (attached.references && !--attached.references) {
        fake_state_close(attached.state);
        attached.state = NULL;
        if (attached.fd >= 0)
            close(attached.fd);
        attached.fd = -1;
    }
    pthread_mutex_unlock(&attached.mutex);
}

struct fake_state *fake_lock(void)
{
    pthread_mutex_lock(&attached.mutex);
    if (!attached.state) {
        pthread_mutex_unlock(&attached.mutex);
        return NULL;
    }
    if (attached.fd >= 0)
        flock(attached.fd, LOCK_EX);
    return attached.state;
}

void fake_unlock(void)
{
    if (attached.fd >= 0)
        flock(attached.fd, LOCK_UN);
    pthread_mutex_unlock(&attached.mutex);
}

bool fake_fails(struct fake_fault *fault, const char *function)
{
    int64_t call = ++fault->calls;
    bool fails = fault->from && call >= fault->from &&
                 (fault->times < 0 || call < fault->from + fault->times);
    if (fails)
        snprintf(fault->last, sizeof fault->last, "%s", function);
    return fails;
}

static bool is_dead(int32_t pid)
{
    return kill(pid, 0) && errno == ESRCH;
}

static void let_lag(struct fake_state *state, int gpu, uint64_t bytes)
{
    for (int i = 0; state->lag_readings && bytes && i < FAKE_LAGGING; i++) {
        if (!state->lagging[i].readings) {
            state->lagging[i] = (struct fake_lagging){gpu, state->lag_readings, bytes};
            return;
        }
    }
}

static void bury_the_dead(struct fake_state *state)
{
    for (int i = 0; i < FAKE_SLOTS; i++) {
        struct fake_slot *slot = &state->slots[i];
        if (slot->pid && is_dead(slot->pid)) {
            let_lag(state, slot->gpu, slot->bytes);
            memset(slot, 0, sizeof *slot);
        }
    }
}

uint64_t fake_neighbour_bytes(const struct fake_state *state, int gpu, int mig)
{
    uint64_t bytes = 0;
    for (int i = 0; i < FAKE_NEIGHBOURS; i++) {
        const struct fake_neighbour *n = &state->gpus[gpu].neighbours[i];
        bool here = n->pid && (!mig || n->mig == mig);
        if (here && state->now_us >= n->from_us && (!n->until_us || state->now_us < n->until_us))
            bytes += n->bytes;
    }
    return bytes;
}

/* Neighbours get what is left; they cannot take what somebody holds. */
uint64_t fake_used(struct fake_state *state, int gpu)
{
    const struct fake_gpu *card = &state->gpus[gpu];
    uint64_t used = 0, most = card->total_bytes - card->reserved_bytes;
    bury_the_dead(state);
    for (int i = 0; i < FAKE_SLOTS; i++) {
        if (state->slots[i].pid && state->slots[i].gpu == gpu)
            used += state->slots[i].bytes;
    }
    for (int i = 0; i < FAKE_LAGGING; i++) {
        if (state->lagging[i].readings && state->lagging[i].gpu == gpu)
            used += state->lagging[i].bytes;
    }
    used += fake_neighbour_bytes(state, gpu, 0);
    return used < most ? used : most;
}

static struct fake_slot *own_slot(struct fake_state *state, int gpu, bool add)
{
    struct fake_slot *unused = NULL;
    for (int i = 0; i < FAKE_SLOTS; i++) {
        struct fake_slot *slot = &state->slots[i];
        if (slot->pid == getpid() && slot->gpu == gpu)
            return slot;
        if (!slot->pid && !unused)
            unused = slot;
    }
    if (add && unused)
        *unused = (struct fake_slot){.pid = getpid(), .gpu = gpu};
    return add ? unused : NULL;
}

bool fake_take(struct fake_state *state, int gpu, uint64_t bytes)
{
    const struct fake_gpu *card = &state->gpus[gpu];
    uint64_t left = card->total_bytes - card->reserved_bytes - fake_used(state, gpu);
    struct fake_slot *slot = bytes <= left ? own_slot(state, gpu, true) : NULL;
    if (!slot)
        return false;
    slot->bytes += bytes;
    return true;
}

void fake_give(struct fake_state *state, int gpu, uint64_t bytes)
{
    struct fake_slot *slot = own_slot(state, gpu, false);
    if (!slot)
        return;
    if (bytes > slot->bytes)
        bytes = slot->bytes;
    slot->bytes -= bytes;
    if (!slot->bytes)
        slot->pid = 0;
    let_lag(state, gpu, bytes);
}

void fake_reading(struct fake_state *state)
{
    state->memory_calls++;
    for (int i = 0; i < FAKE_LAGGING; i++) {
        if (state->lagging[i].readings)
            state->lagging[i].readings--;
    }
}
