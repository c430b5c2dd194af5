/*
 * The conformance suite on the backends that need no driver: the host as it is, the host on a
 * made-up tree (where its readings can be exact), simulated cards.
 */
#include "conformance.h"
#include "tree.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB (INT64_C(1) << 20)
#define GIB (INT64_C(1) << 30)

/* ---- simulated cards: the first process is 100, the next 101, and so on ---- */

struct sim_context {
    const char *spec;
    struct gov_sim_params params;
    int64_t last_pid;
};

static int sim_open(void *context, int64_t memory_limit_bytes, struct gov_device **ret_device)
{
    struct sim_context *c = context;
    struct gov_device_params params = {.memory_limit_bytes = memory_limit_bytes, .sim = c->params};
    c->last_pid = 100;
    return gov_device_open(c->spec, &params, ret_device);
}

static int sim_take(void *context, struct gov_device *device, int64_t now_us, int64_t bytes,
                    int64_t *ret_pid)
{
    struct sim_context *c = context;
    int error = gov_sim_take(device, now_us, c->last_pid + 1, bytes);
    if (!error)
        *ret_pid = ++c->last_pid;
    return error;
}

static void sim_give(void *context, struct gov_device *device, int64_t pid)
{
    (void)context;
    assert_int_equal(gov_sim_give(device, pid, -1), 0);
}

static void sim_lose(void *context, struct gov_device *device)
{
    (void)context;
    assert_int_equal(gov_sim_lose(device), 0);
}

/* ---- the host: another process touches pages ---- */

enum { HOLDERS = 4 };

struct host_context {
    struct {
        pid_t pid;
        int pipe; /* closing it ends the process */
    } holders[HOLDERS];
};

/* What such a process does: touch, say so, wait for the end. */
static int hold(const char *size)
{
    size_t bytes = (size_t)strtoull(size, NULL, 10);
    char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return 1;
    for (size_t i = 0; i < bytes; i += 4096)
        memory[i] = 1;
    char byte = 1;
    if (write(STDOUT_FILENO, &byte, 1) != 1)
        return 1;
    while (read(STDIN_FILENO, &byte, 1) > 0)
        ;
    return 0;
}

static int host_open(void *context, int64_t memory_limit_bytes, struct gov_device **ret_device)
{
    (void)context;
    struct gov_device_params params = {.memory_limit_bytes = memory_limit_bytes};
    return gov_device_open("host", &params, ret_device);
}

static int host_take(void *context, struct gov_device *device, int64_t now_us, int64_t bytes,
                     int64_t *ret_pid)
{
    (void)device;
    (void)now_us;
    struct host_context *c = context;
    int slot = 0, in[2], out[2];
    while (c->holders[slot].pid)
        assert_true(++slot < HOLDERS);
    assert_int_equal(pipe(in) | pipe(out), 0);
    char size[32], byte;
    snprintf(size, sizeof size, "%lld", (long long)bytes);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (!pid) {
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        for (int fd = 3; fd < 256; fd++) /* the ends that keep the others alive too */
            close(fd);
        execl("/proc/self/exe", "hold", size, (char *)NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    assert_int_equal(read(out[0], &byte, 1), 1);
    close(out[0]);
    c->holders[slot].pid = pid;
    c->holders[slot].pipe = in[1];
    *ret_pid = pid;
    return 0;
}

static void host_give(void *context, struct gov_device *device, int64_t pid)
{
    (void)device;
    struct host_context *c = context;
    for (int i = 0; i < HOLDERS; i++) {
        if (c->holders[i].pid != pid)
            continue;
        int status = -1;
        close(c->holders[i].pipe);
        assert_int_equal(waitpid((pid_t)pid, &status, 0), pid);
        assert_int_equal(status, 0);
        c->holders[i].pid = 0;
    }
}

/* ---- the host on a made-up tree: taking memory is writing what the kernel would write ---- */

struct tree_context {
    struct tree tree;
    bool made;
    int64_t taken[8]; /* by process 1000 + index */
};

static void write_meminfo(const struct tree_context *c)
{
    char text[128];
    int64_t available = 6 * GIB;
    for (int i = 0; i < 8; i++)
        available -= c->taken[i];
    snprintf(text, sizeof text, "MemTotal: %lld kB\nMemAvailable: %lld kB\n",
             (long long)(8 * GIB / 1024), (long long)(available / 1024));
    tree_write(&c->tree, "proc/meminfo", text);
}

static int tree_open(void *context, int64_t memory_limit_bytes, struct gov_device **ret_device)
{
    struct tree_context *c = context;
    char proc[80], cgroup[80];
    if (!c->made) {
        *c = (struct tree_context){.made = true};
        tree_init(&c->tree);
        write_meminfo(c);
    }
    snprintf(proc, sizeof proc, "%s/proc", c->tree.root);
    snprintf(cgroup, sizeof cgroup, "%s/cgroup", c->tree.root);
    struct gov_device_params params = {
        .memory_limit_bytes = memory_limit_bytes,
        .host = {.proc_path = proc, .cgroup_root = cgroup},
    };
    return gov_device_open("host", &params, ret_device);
}

static void tree_reset(void *context)
{
    struct tree_context *c = context;
    if (c->made)
        tree_done(&c->tree);
    c->made = false;
}

static int tree_take(void *context, struct gov_device *device, int64_t now_us, int64_t bytes,
                     int64_t *ret_pid)
{
    (void)device;
    (void)now_us;
    struct tree_context *c = context;
    int i = 0;
    while (c->taken[i])
        i++;
    c->taken[i] = bytes;
    char path[64], text[160];
    long long kb = (long long)(bytes / 1024);
    snprintf(path, sizeof path, "proc/%d/status", 1000 + i);
    snprintf(text, sizeof text, "VmHWM: %lld kB\nVmRSS: %lld kB\nRssAnon: %lld kB\n", kb + 8,
             kb + 4, kb);
    tree_write(&c->tree, path, text);
    snprintf(path, sizeof path, "proc/%d/clear_refs", 1000 + i);
    tree_write(&c->tree, path, "");
    write_meminfo(c);
    *ret_pid = 1000 + i;
    return 0;
}

static void tree_give(void *context, struct gov_device *device, int64_t pid)
{
    (void)device;
    struct tree_context *c = context;
    char path[64];
    snprintf(path, sizeof path, "proc/%d/status", (int)pid);
    tree_remove(&c->tree, path);
    c->taken[pid - 1000] = 0;
    write_meminfo(c);
}

int main(int argc, char **argv)
{
    static const struct gov_sim_neighbour neighbours[] = {{.bytes = 1 * GIB}, {.bytes = 200 * MIB}};
    static struct host_context host;
    static struct tree_context tree;
    static struct sim_context plain = {.spec = "sim", .params = {.total_bytes = 6 * GOV_GB}};
    static struct sim_context size = {.spec = "sim:7.5GB"};
    static struct sim_context reference = {.spec = "sim:rtx3060"};
    static struct sim_context small = {.spec = "sim:gtx1660", .params = {.lag_us = 700000}};
    static struct sim_context busy = {.spec = "sim:rtx4090",
                                      .params = {.neighbours = neighbours, .neighbour_count = 2}};
    static struct sim_context large = {.spec = "sim:h200", .params = {.lag_us = 1}};
    if (argc == 2 && !strcmp(argv[0], "hold"))
        return hold(argv[1]);

#define SIM(label, where, total, slack, settle)                                                    \
    {                                                                                              \
        .name = label, .context = &(where), .open = sim_open, .backend = "sim",                    \
        .total_bytes = total, .take = sim_take, .give = sim_give, .give_ends_process = true,       \
        .take_bytes = 777 * GOV_MB, .slack_bytes = slack, .settle_us = settle, .refuses = true,    \
        .lose = sim_lose                                                                           \
    }
    const struct conformance_backend backends[] = {
        {.name = "host",
         .context = &host,
         .open = host_open,
         .backend = "host",
         .take = host_take,
         .give = host_give,
         .give_ends_process = true,
         .take_bytes = 96 * MIB,
         .slack_bytes = 48 * MIB, /* a sanitizer's own memory */
         .noisy = true},
        {.name = "host on a made-up tree",
         .context = &tree,
         .open = tree_open,
         .reset = tree_reset,
         .backend = "host",
         .total_bytes = 8 * GIB,
         .take = tree_take,
         .give = tree_give,
         .give_ends_process = true,
         .take_bytes = 512 * MIB,
         .slack_bytes = 0},
        SIM("sim", plain, 6 * GOV_GB, 0, 0),
        SIM("sim:7.5GB", size, 7500 * GOV_MB, 250 * MIB, 0),
        SIM("sim:rtx3060", reference, 12288 * MIB, 232 * MIB, 0),
        SIM("sim:gtx1660, lagging", small, 6144 * MIB, 152 * MIB, 700000),
        SIM("sim:rtx4090 with neighbours", busy, 24564 * MIB, 452 * MIB, 0),
        SIM("sim:h200", large, 143771 * MIB, 522 * MIB, 1),
    };
    return conformance_run("conformance", backends, sizeof backends / sizeof backends[0]);
}
