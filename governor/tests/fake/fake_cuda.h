/* Shared by the files of the fake libcuda.so.1. */
#ifndef GOV_TESTS_FAKE_CUDA_H
#define GOV_TESTS_FAKE_CUDA_H

#include "fake_state.h"

#include <stddef.h>

#define API __attribute__((visibility("default")))
#pragma GCC diagnostic ignored "-Wmissing-prototypes"

enum {
    CU_OK = 0,
    CU_INVALID = 1,
    CU_NO_MEMORY = 2,
    CU_NOT_INITIALIZED = 3,
    CU_NO_DEVICE = 100,
    CU_INVALID_DEVICE = 101,
    CU_INVALID_IMAGE = 200,
    CU_INVALID_CONTEXT = 201,
    CU_INVALID_PTX = 218,
    CU_OLD_DRIVER = 222,
    CU_NOT_FOUND = 500,
    CU_NOT_READY = 600,
    CU_UNSUPPORTED = 801,
    CU_UNKNOWN = 999
};

struct context {
    int gpu; /* NVML's number */
    int references;
    bool primary;
    unsigned flags;
};

typedef unsigned long long cu_ptr;

/* NULL: none is current on this thread. */
struct context *fake_current(void);

/* For the current context's GPU, with the lock taken and released inside. */
int fake_charge(const char *function, int gpu, uint64_t bytes);
void fake_discharge(int gpu, uint64_t bytes);
/* A failure that a test asked for, or 0. */
int fake_call(const char *function);

/* NVML's number of a device, -1: there is none. */
int fake_gpu_of(int device);
/* Keeps count of what a client has to give back. */
void fake_count(enum fake_thing thing, int change);

/* The memory that a context leaves behind. */
void fake_memory_drop(const struct context *context);
/* Empty chunks of pools above their threshold go when the device is synchronized. */
void fake_pools_settle(int gpu);

#define ENTER()                                                                                    \
    do {                                                                                           \
        int failure_ = fake_call(__func__);                                                        \
        if (failure_)                                                                              \
            return failure_;                                                                       \
    } while (0)

/*
 * What gives something back does so even when it is told to fail or the process is broken: nobody
 * could do it again, and a test could not tell a leak of ours from one of the failure.
 */
#define ENTER_TO_FREE(ret_failure)                                                                 \
    int ret_failure = fake_call(__func__);                                                         \
    if (ret_failure == CU_NOT_INITIALIZED)                                                         \
    return ret_failure

#endif
