/*
 * The conformance suite on the nvidia backend over the fake driver, in the generations that differ
 * in what they answer. Memory is taken by other processes through the fake CUDA driver.
 */
#include "conformance.h"
#include "nvidia_fake.h"
#include "nvidia_holder.h"

struct context {
    const char *nvml;
    const char *version;
    int32_t lag_readings;
    int64_t neighbour_bytes;
    bool ready;
    struct fake fake;
    struct holders holders;
};

static int open_device(void *context, int64_t memory_limit_bytes, struct gov_device **ret_device)
{
    struct context *c = context;
    if (!c->ready) {
        fake_init(&c->fake, c->nvml, c->version);
        c->fake.state->lag_readings = c->lag_readings;
        if (c->neighbour_bytes)
            fake_neighbour(&c->fake, 0, getpid(), c->neighbour_bytes)->draws = true;
    }
    c->ready = true;
    c->fake.params.memory_limit_bytes = memory_limit_bytes;
    return gov_device_open("nvidia", &c->fake.params, ret_device);
}

static void reset(void *context)
{
    struct context *c = context;
    if (c->ready) {
        c->fake.state->contexts = 0; /* of holders, which end without a word */
        fake_done(&c->fake);
    }
    c->ready = false;
}

/* The fake's lag is counted in readings: this is the time it takes. */
static void settle(const struct context *c, struct gov_device *device)
{
    struct gov_sample sample;
    for (int i = 0; i <= c->lag_readings; i++)
        assert_int_equal(gov_device_sample(device, 1, -1, &sample), 0);
}

static int take(void *context, struct gov_device *device, int64_t now_us, int64_t bytes,
                int64_t *ret_pid)
{
    (void)now_us;
    struct context *c = context;
    int error = holder_start(&c->holders, FAKE_CUDA, bytes, ret_pid);
    if (error)
        settle(c, device); /* the context of the one that was refused */
    return error;
}

static void give(void *context, struct gov_device *device, int64_t pid)
{
    struct context *c = context;
    holder_end(&c->holders, pid);
    settle(c, device);
}

static void lose(void *context, struct gov_device *device)
{
    (void)device;
    struct context *c = context;
    c->fake.state->gpus[0].lost = true;
}

int main(int argc, char **argv)
{
    static struct context r390 = {.nvml = FAKE_NVML_390, .version = "390.157"};
    static struct context r470 = {.nvml = FAKE_NVML_470, .version = "470.256.02"};
    static struct context r535 = {.nvml = FAKE_NVML_580, .version = "535.54.03"};
    static struct context r550 = {
        .nvml = FAKE_NVML_580, .version = "550.90.07", .neighbour_bytes = 700 * MIB};
    static struct context r580 = {.nvml = FAKE_NVML_580, .version = "580.65.06", .lag_readings = 3};
    if (argc == 3 && !strcmp(argv[0], "hold"))
        return holder_main(argv[1], argv[2]);

#define DRIVER(label, where)                                                                       \
    {                                                                                              \
        .name = label, .context = &(where), .open = open_device, .reset = reset,                   \
        .backend = "nvidia", .total_bytes = 12 * GIB, .take = take, .give = give,                  \
        .give_ends_process = true, .take_bytes = 777 * GOV_MB, .slack_bytes = 184 * MIB,           \
        .refuses = true, .lose = lose                                                              \
    }
    const struct conformance_backend backends[] = {
        DRIVER("R390", r390),          DRIVER("R470", r470),
        DRIVER("R535, early", r535),   DRIVER("R550 with a neighbour", r550),
        DRIVER("R580, lagging", r580),
    };
    return conformance_run("nvidia", backends, sizeof backends / sizeof backends[0]);
}
