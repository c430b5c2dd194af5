/* What tests on the fake NVIDIA driver share: a state file of their own, and the paths. */
#ifndef GOV_TESTS_NVIDIA_FAKE_H
#define GOV_TESTS_NVIDIA_FAKE_H

#include "testing.h"

#include <gov/device.h>
#include <gov/nvidia.h>
#include <unistd.h>

#include "fake/fake_state.h"

#define MIB (INT64_C(1) << 20)
#define GIB (INT64_C(1) << 30)

struct fake {
    struct fake_state *state;
    char path[64];
    char proc[96]; /* a /proc that says we are in the machine's first pid namespace */
    char reason[256];
    struct gov_device_params params;
};

/* One RTX 3060 with this NVML (a FAKE_NVML_... path) and driver version. */
static inline void fake_init(struct fake *f, const char *nvml, const char *version)
{
    memset(f, 0, sizeof *f);
    snprintf(f->path, sizeof f->path, "/tmp/gov-fake-XXXXXX");
    int fd = mkstemp(f->path);
    assert_true(fd >= 0);
    close(fd);
    setenv("FAKE_NVIDIA_STATE", f->path, 1);
    unsetenv("CUDA_VISIBLE_DEVICES");
    f->state = fake_state_open(f->path);
    assert_non_null(f->state);
    snprintf(f->state->driver_version, sizeof f->state->driver_version, "%s", version);
    f->params.nvidia.nvml_path = nvml;
    f->params.nvidia.cuda_path = FAKE_CUDA;
    f->params.reason = f->reason;
    f->params.reason_size = sizeof f->reason;
}

/* Everything that was opened must be closed again. */
static inline void fake_done(struct fake *f)
{
    assert_int_equal(f->state->nvml_references, 0);
    assert_int_equal(f->state->event_sets, 0);
    assert_int_equal(f->state->contexts, 0); /* nobody made one to ask a question */
    for (int i = 0; i < FAKE_THINGS; i++)
        assert_int_equal(f->state->held[i], 0);
    fake_state_close(f->state);
    assert_int_equal(unlink(f->path), 0);
    unsetenv("FAKE_NVIDIA_STATE");
}

static inline struct gov_device *fake_open(struct fake *f, const char *spec)
{
    struct gov_device *device = NULL;
    int error = gov_device_open(spec, &f->params, &device);
    if (error)
        print_message("%s: %s: %s\n", spec, gov_error_name(error), f->reason);
    assert_int_equal(error, 0);
    return device;
}

static inline struct fake_neighbour *fake_neighbour(struct fake *f, int gpu, int32_t pid,
                                                    int64_t bytes)
{
    for (int i = 0; i < FAKE_NEIGHBOURS; i++) {
        struct fake_neighbour *n = &f->state->gpus[gpu].neighbours[i];
        if (!n->pid) {
            *n = (struct fake_neighbour){.pid = pid, .bytes = (uint64_t)bytes, .computes = true};
            return n;
        }
    }
    fail();
    return NULL;
}

#endif
