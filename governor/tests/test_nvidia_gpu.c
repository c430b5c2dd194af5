/*
 * The conformance suite on the real GPU of this machine, its memory taken by processes of ours
 * through the CUDA driver. Without an NVIDIA driver it is skipped and says so. Suite "gpu".
 */
#include "conformance.h"
#include "nvidia_holder.h"

#include <gov/nvidia.h>

static int open_device(void *context, int64_t memory_limit_bytes, struct gov_device **ret_device)
{
    (void)context;
    struct gov_device_params params = {.memory_limit_bytes = memory_limit_bytes};
    return gov_device_open("nvidia", &params, ret_device);
}

static int take(void *context, struct gov_device *device, int64_t now_us, int64_t bytes,
                int64_t *ret_pid)
{
    (void)device;
    (void)now_us;
    return holder_start(context, "libcuda.so.1", bytes, ret_pid);
}

static void give(void *context, struct gov_device *device, int64_t pid)
{
    (void)device;
    holder_end(context, pid);
}

static void print_devices(void)
{
    static struct gov_device_entry entries[64];
    size_t count = 0;
    if (gov_device_list(NULL, entries, 64, &count))
        return;
    for (size_t i = 0; i < count && i < 64; i++) {
        const struct gov_device_entry *e = &entries[i];
        if (!strcmp(e->backend, "nvidia"))
            printf("# %s: %s, %lld bytes, %s, driver %s, compute capability %d.%d\n", e->spec,
                   e->name, (long long)e->total_bytes, e->id.uuid, e->id.driver_version,
                   e->id.compute_major, e->id.compute_minor);
    }
}

int main(int argc, char **argv)
{
    static struct holders holders;
    char reason[256] = "";
    struct gov_device_params params = {.reason = reason, .reason_size = sizeof reason};
    struct gov_device *device;
    if (argc == 3 && !strcmp(argv[0], "hold"))
        return holder_main(argv[1], argv[2]);
    if (gov_device_open("nvidia", &params, &device)) {
        printf("1..0 # SKIP %s\n", reason);
        return 0;
    }
    /* Where the driver does not say who uses what, the tests of that cannot be run. */
    int64_t pid;
    struct gov_process p;
    bool told = !holder_start(&holders, "libcuda.so.1", 64 * GOV_MB, &pid);
    if (told) {
        p = (struct gov_process){.pid = pid};
        told = !gov_device_processes(device, true, &p, 1) && p.valid & GOV_PROCESS_USED;
        holder_end(&holders, pid);
    }
    gov_device_free(device);
    print_devices();
    printf("# processes are %s\n", told ? "told" : "not told by this driver");
    const struct conformance_backend backend = {
        .name = "GPU",
        .context = &holders,
        .open = open_device,
        .backend = "nvidia",
        .take = told ? take : NULL,
        .give = told ? give : NULL,
        .give_ends_process = true,
        .take_bytes = 777 * GOV_MB,
        .slack_bytes = 1500 * GOV_MB, /* a context on a large card */
        .refuses = true,
        .noisy = true, /* a desktop */
    };
    return conformance_run("nvidia gpu", &backend, 1);
}
