/*
 * What only an NVIDIA GPU has: which one is meant, drivers that are absent or old, memory in two
 * versions, errors it reports, being lost and found again. Processes are in test_nvidia_process.c.
 */
#include "nvidia_fake.h"

#include <sys/stat.h>
#include <sys/wait.h>

#define NEW "580.65.06"

static void no_driver_is_said_clearly(void **state)
{
    (void)state;
    char reason[256] = "";
    struct gov_device *device = NULL;
    struct gov_device_params params = {.reason = reason, .reason_size = sizeof reason};
    params.nvidia.nvml_path = "/nowhere/libnvidia-ml.so.1";
    assert_int_equal(gov_device_open("nvidia", &params, &device), GOV_E_NO_DEVICE);
    assert_memory_equal(reason, "no NVIDIA driver: ", 18);
    assert_non_null(strstr(reason, "/nowhere/libnvidia-ml.so.1"));
    params.nvidia.nvml_path = "libno-such-library-here.so.1";
    assert_int_equal(gov_device_open("nvidia:0", &params, &device), GOV_E_NO_DEVICE);
    assert_memory_equal(reason, "no NVIDIA driver: ", 18);
    params.nvidia.nvml_path = FAKE_NVML_USELESS;
    assert_int_equal(gov_device_open("nvidia", &params, &device), GOV_E_NO_DEVICE);
    assert_non_null(strstr(reason, "lacks nvmlShutdown"));
    params.reason = NULL;
    assert_int_equal(gov_device_open("nvidia", &params, &device), GOV_E_NO_DEVICE);
    assert_null(device);
}

static void a_library_without_its_kernel_module_is_no_driver(void **state)
{
    (void)state;
    struct fake f;
    struct gov_device *device = NULL;
    fake_init(&f, FAKE_NVML_580, NEW);
    f.state->no_driver = true;
    assert_int_equal(gov_device_open("nvidia", &f.params, &device), GOV_E_NO_DEVICE);
    assert_string_equal(f.reason, "no NVIDIA driver: Driver Not Loaded (NVML 9)");
    fake_done(&f);
}

static void a_relative_path_is_refused(void **state)
{
    (void)state;
    struct gov_device *device = NULL;
    static const char *const relative[] = {"./libnvidia-ml.so.1", "fake/libnvidia-ml.so.1", ""};
    struct gov_device_params params = {0};
    for (size_t i = 0; i < sizeof relative / sizeof relative[0]; i++) {
        params.nvidia.nvml_path = relative[i];
        assert_int_equal(gov_device_open("nvidia", &params, &device), GOV_E_INVALID);
    }
}

/* In a process of its own: 1 when the usual name finds the fake, 0 for none or a real driver. */
static int finds_fake_in(const char *folder)
{
    struct gov_device *device = NULL;
    struct gov_device_info info;
    if (chdir(folder))
        return 2;
    if (gov_device_open("nvidia", NULL, &device))
        return 0;
    gov_device_info(device, &info);
    gov_device_free(device);
    return !strncmp(info.id.uuid, "GPU-5a5b5c5d", 12);
}

static int status_of(const char *folder, const char *search_path)
{
    int status = -1;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (!pid) {
        if (search_path)
            setenv("LD_LIBRARY_PATH", search_path, 1);
        else
            unsetenv("LD_LIBRARY_PATH");
        execl("/proc/self/exe", "finds-fake-in", folder, (char *)NULL);
        _exit(127);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

/* A program may be started in a folder that somebody else has filled. */
static void the_current_folder_never_gives_a_library(void **state)
{
    (void)state;
    char folder[] = "/tmp/gov-cwd-XXXXXX", link[64];
    assert_non_null(mkdtemp(folder));
    snprintf(link, sizeof link, "%s/libnvidia-ml.so.1", folder);
    assert_int_equal(symlink(FAKE_NVML_580, link), 0);
    assert_int_equal(status_of(folder, NULL), 0);
    assert_int_equal(status_of(folder, folder), 1 << 8); /* it would be found where one says so */
    unlink(link);
    rmdir(folder);
}

static struct gov_sample read_at(struct gov_device *device, int64_t now_us)
{
    struct gov_sample sample;
    assert_int_equal(gov_device_sample(device, now_us, -1, &sample), 0);
    return sample;
}

static void the_drivers_share_is_told_apart_where_the_driver_does(void **state)
{
    (void)state;
    static const struct {
        const char *nvml;
        bool refuse, reserved;
    } cases[] = {{FAKE_NVML_390, false, false},
                 {FAKE_NVML_470, false, false},
                 {FAKE_NVML_580, true, false},
                 {FAKE_NVML_580, false, true}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fake f;
        fake_init(&f, cases[i].nvml, NEW);
        f.state->no_memory_v2 = cases[i].refuse;
        fake_neighbour(&f, 0, 77, 3 * GIB);
        struct gov_device *device = fake_open(&f, "nvidia");
        struct gov_sample s = read_at(device, 1);
        assert_int_equal(s.total_bytes, 12 * GIB);
        assert_int_equal(s.used_bytes, 3 * GIB + 247 * MIB); /* both versions mean the same */
        assert_int_equal(s.used_bytes + s.free_bytes, s.total_bytes);
        assert_int_equal(!!(s.valid & GOV_SAMPLE_RESERVED), cases[i].reserved);
        if (cases[i].reserved)
            assert_int_equal(s.reserved_bytes, 247 * MIB);
        assert_int_equal(gov_device_sample(device, 2, GIB, &s), 0);
        assert_int_equal(s.others_bytes, 2 * GIB + (cases[i].reserved ? 0 : 247 * MIB));
        gov_device_free(device);
        fake_done(&f);
    }
}

static void figures_that_cannot_be_are_not_believed(void **state)
{
    (void)state;
    static const struct {
        uint64_t total, reserved;
    } cases[] = {{0, 0}, {FAKE_MIB, 2 * FAKE_MIB}, {UINT64_MAX, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fake f;
        struct gov_sample s = {0};
        fake_init(&f, i % 2 ? FAKE_NVML_470 : FAKE_NVML_580, NEW);
        struct gov_device *device = fake_open(&f, "nvidia");
        f.state->gpus[0].total_bytes = cases[i].total;
        f.state->gpus[0].reserved_bytes = cases[i].reserved;
        assert_int_equal(gov_device_sample(device, 1000000, -1, &s), GOV_E_FORMAT);
        assert_int_equal(s.valid, 0);
        f.state->gpus[0].total_bytes = (uint64_t)(12 * GIB);
        assert_int_equal(read_at(device, 2000000).total_bytes, 12 * GIB);
        gov_device_free(device);
        fake_done(&f);
    }
}

static void a_reading_is_one_question_to_the_driver(void **state)
{
    (void)state;
    struct fake f;
    fake_init(&f, FAKE_NVML_580, NEW);
    f.state->no_memory_v2 = true;
    struct gov_device *device = fake_open(&f, "nvidia");
    read_at(device, 1);
    int64_t before = f.state->nvml.calls;
    for (int i = 0; i < 10; i++)
        read_at(device, 2 + i);
    /* Memory and events; what was refused once is not asked again. */
    assert_int_equal(f.state->nvml.calls - before, 20);
    gov_device_free(device);
    fake_done(&f);
}

static void a_device_says_which_it_is(void **state)
{
    (void)state;
    struct fake f;
    struct gov_device_info info;
    fake_init(&f, FAKE_NVML_580, NEW);
    struct gov_device *device = fake_open(&f, "nvidia");
    gov_device_info(device, &info);
    assert_string_equal(info.backend, "nvidia");
    assert_string_equal(info.name, "NVIDIA GeForce RTX 3060");
    assert_string_equal(info.id.uuid, "GPU-5a5b5c5d-5e5f-6061-6263-646566676869");
    assert_string_equal(info.id.pci_bus_id, "00000000:01:00.0");
    assert_string_equal(info.id.driver_version, NEW);
    assert_int_equal(info.id.compute_major * 10 + info.id.compute_minor, 86);
    assert_int_equal(info.id.index, 0);
    assert_int_equal(info.process_interval_us, 1000000);
    assert_string_equal(info.process_note, "");
    gov_device_free(device);
    fake_done(&f);

    fake_init(&f, FAKE_NVML_390, "390.157"); /* knows less, and says so by saying nothing */
    device = fake_open(&f, "nvidia");
    gov_device_info(device, &info);
    assert_string_equal(info.id.driver_version, "390.157");
    assert_int_equal(info.id.compute_major, 0);
    assert_string_equal(info.id.pci_bus_id, "");
    gov_device_free(device);
    fake_done(&f);
}

static void a_gpu_that_shares_the_machines_memory_is_not_governed_twice(void **state)
{
    (void)state;
    struct fake f;
    struct gov_device *device = NULL;
    fake_init(&f, FAKE_NVML_580, NEW);
    f.state->gpus[0].no_memory = true;
    assert_int_equal(gov_device_open("nvidia", &f.params, &device), GOV_E_UNSUPPORTED);
    assert_non_null(strstr(f.reason, "govern the host's"));
    fake_done(&f);
}

/* ---- which GPU ---- */

static void three_gpus(struct fake *f)
{
    fake_init(f, FAKE_NVML_580, NEW);
    fake_state_add_gpu(f->state, "slow", (uint64_t)(8 * GIB));
    fake_state_add_gpu(f->state, "fast", (uint64_t)(24 * GIB));
    f->state->cuda_order[0] = 2; /* the fastest first */
    f->state->cuda_order[1] = 0;
    f->state->cuda_order[2] = 1;
}

/* The driver's number of what the spec names, or a gov_error; cuda_index may be NULL. */
static int index_of(struct fake *f, const char *spec, int *ret_cuda_index)
{
    struct gov_device *device;
    struct gov_device_info info;
    int error = gov_device_open(spec, &f->params, &device);
    if (error)
        return error;
    gov_device_info(device, &info);
    gov_device_free(device);
    if (ret_cuda_index)
        *ret_cuda_index = info.id.cuda_index;
    return info.id.index;
}

static void every_way_to_name_a_gpu_finds_it(void **state)
{
    (void)state;
    struct fake f;
    int cuda_index = 7;
    three_gpus(&f);
    assert_int_equal(index_of(&f, "nvidia:0", &cuda_index), 0);
    assert_int_equal(cuda_index, -1); /* nobody asked CUDA */
    assert_int_equal(f.state->cuda.calls, 0);
    assert_int_equal(index_of(&f, "nvidia:2", NULL), 2);
    assert_int_equal(index_of(&f, "nvidia:GPU-6a6b6c6d-6e6f-7071-7273-747576777879", NULL), 1);
    assert_int_equal(index_of(&f, "nvidia:00000000:02:00.0", NULL), 1);
    assert_int_equal(index_of(&f, "nvidia:0000:03:00.0", NULL), 2);
    assert_int_equal(index_of(&f, "nvidia:03:00.0", NULL), 2);
    static const char *const nothing[] = {
        "nvidia:3",      "nvidia:-1",       "nvidia:0x1",    "nvidia:1 ",     "nvidia:GPU-",
        "nvidia:cuda:3", "nvidia:cuda:",    "nvidia:cuda:x", "nvidia:all",    "nvidia:0000:09:00.0",
        "nvidia:MIG-1",  "nvidia:99999999", "nvidia::",      "nvidia:GPU-5a", "nvidia:cuda:-1"};
    for (size_t i = 0; i < sizeof nothing / sizeof nothing[0]; i++) {
        assert_int_equal(index_of(&f, nothing[i], NULL), GOV_E_NO_DEVICE);
        assert_true(f.reason[0] != 0);
    }
    fake_done(&f);
}

static void cudas_order_is_turned_into_the_drivers(void **state)
{
    (void)state;
    struct fake f;
    int cuda_index = 7;
    three_gpus(&f);
    assert_int_equal(index_of(&f, "nvidia", &cuda_index), 2); /* where CUDA programs go */
    assert_int_equal(cuda_index, 0);
    assert_int_equal(index_of(&f, "nvidia:cuda:1", &cuda_index), 0);
    assert_int_equal(cuda_index, 1);
    assert_int_equal(index_of(&f, "nvidia:cuda:2", NULL), 1);
    setenv("CUDA_VISIBLE_DEVICES", "2,0", 1);
    assert_int_equal(index_of(&f, "nvidia", NULL), 1);
    assert_int_equal(index_of(&f, "nvidia:cuda:1", NULL), 2);
    assert_int_equal(index_of(&f, "nvidia:cuda:2", NULL), GOV_E_NO_DEVICE);
    setenv("CUDA_VISIBLE_DEVICES", "GPU-6a6b6c6d", 1);
    assert_int_equal(index_of(&f, "nvidia", NULL), 1);
    setenv("CUDA_VISIBLE_DEVICES", "", 1);
    assert_int_equal(index_of(&f, "nvidia", NULL), GOV_E_NO_DEVICE);
    assert_non_null(strstr(f.reason, "CUDA_VISIBLE_DEVICES"));
    assert_int_equal(index_of(&f, "nvidia:0", NULL), 0); /* who names one gets it */
    fake_done(&f);
}

static void without_cuda_the_drivers_first_gpu_is_meant(void **state)
{
    (void)state;
    struct fake f;
    three_gpus(&f);
    f.params.nvidia.cuda_path = "/nowhere/libcuda.so.1";
    assert_int_equal(index_of(&f, "nvidia", NULL), 0);
    assert_int_equal(index_of(&f, "nvidia:cuda:0", NULL), GOV_E_NO_DEVICE);
    f.params.nvidia.cuda_path = FAKE_CUDA;
    f.state->cuda = (struct fake_fault){.from = 1, .times = -1, .error = 999};
    assert_int_equal(index_of(&f, "nvidia", NULL), 0);
    fake_done(&f);
}

/* A single GPU needs no CUDA driver to be found: cuInit takes long. */
static void a_single_gpu_is_found_without_cuda(void **state)
{
    (void)state;
    struct fake f;
    fake_init(&f, FAKE_NVML_580, NEW);
    assert_int_equal(index_of(&f, "nvidia", NULL), 0);
    assert_int_equal(f.state->cuda.calls, 0);
    fake_done(&f);
}

static void divided(struct fake *f)
{
    fake_init(f, FAKE_NVML_580, NEW);
    struct fake_gpu *gpu = &f->state->gpus[0];
    gpu->mig_count = 2;
    for (int i = 0; i < 2; i++) {
        gpu->migs[i] = (struct fake_mig){.total_bytes = (uint64_t)((i + 1) * 3 * GIB),
                                         .reserved_bytes = 20 * FAKE_MIB};
        memset(gpu->migs[i].uuid, 0x11 * (i + 1), 16);
    }
    fake_neighbour(f, 0, 501, GIB)->mig = 1;
    fake_neighbour(f, 0, 502, 2 * GIB)->mig = 2;
}

static void an_instance_of_a_divided_gpu_is_a_device_of_its_own(void **state)
{
    (void)state;
    struct fake f;
    divided(&f);
    struct gov_device *whole = fake_open(&f, "nvidia:0");
    struct gov_device *second = fake_open(&f, "nvidia:MIG-22222222-2222-2222-2222-222222222222");
    struct gov_device *usual = fake_open(&f, "nvidia"); /* CUDA cannot use the whole */
    assert_int_equal(read_at(whole, 1).total_bytes, 12 * GIB);
    assert_int_equal(read_at(whole, 1).used_bytes, 3 * GIB + 247 * MIB);
    assert_int_equal(read_at(second, 1).total_bytes, 6 * GIB);
    assert_int_equal(read_at(second, 1).used_bytes, 2 * GIB + 20 * MIB);
    assert_int_equal(read_at(usual, 1).total_bytes, 3 * GIB);
    struct gov_process users[4];
    size_t count = 0;
    assert_int_equal(gov_device_list_processes(second, users, 4, &count), 0);
    assert_int_equal(count, 1);
    assert_int_equal(users[0].pid, 502);
    struct gov_device_info info;
    gov_device_info(second, &info);
    assert_int_equal(info.id.index, 0); /* of the GPU it is part of */
    assert_int_equal(info.id.compute_major, 8);
    f.state->gpus[0].xids[0] = 31; /* told to the whole GPU */
    f.state->gpus[0].xid_count = 1;
    read_at(second, 2);
    struct gov_device_event event;
    assert_int_equal(gov_device_next_event(second, &event), 0);
    assert_int_equal(event.code, 31);
    gov_device_free(whole);
    gov_device_free(second);
    gov_device_free(usual);
    fake_done(&f);
}

/* ---- lists of devices, the thin interface ---- */

static const struct gov_device_entry *find_entry(const struct gov_device_entry *entries,
                                                 size_t count, const char *spec)
{
    for (size_t i = 0; i < count; i++) {
        if (!strcmp(entries[i].spec, spec))
            return &entries[i];
    }
    return NULL;
}

static void all_that_can_be_opened_is_listed(void **state)
{
    (void)state;
    enum { MOST = 64 };
    static struct gov_device_entry entries[MOST];
    struct fake f;
    size_t count = 0, again = 0;
    three_gpus(&f);
    assert_int_equal(gov_device_list(&f.params, entries, MOST, &count), 0);
    assert_true(count >= 5 && count <= MOST);
    assert_string_equal(entries[0].spec, "host");
    assert_non_null(find_entry(entries, count, "sim:rtx3060"));
    const struct gov_device_entry *fast = find_entry(entries, count, "nvidia:2");
    assert_non_null(fast);
    assert_string_equal(fast->backend, "nvidia");
    assert_string_equal(fast->name, "fast");
    assert_int_equal(fast->total_bytes, 24 * GIB);
    assert_int_equal(fast->id.cuda_index, 0);
    assert_int_equal(fast->id.compute_major, 8);
    assert_string_equal(fast->id.driver_version, NEW);
    assert_int_equal(find_entry(entries, count, "nvidia:1")->id.cuda_index, 2);
    for (size_t i = 0; i < count; i++) {
        struct gov_device *device = fake_open(&f, entries[i].spec);
        assert_int_equal(read_at(device, 1).total_bytes, entries[i].total_bytes);
        gov_device_free(device);
    }
    assert_int_equal(gov_device_list(&f.params, NULL, 0, &again), 0);
    assert_int_equal(again, count);
    memset(entries, 0x77, sizeof entries);
    assert_int_equal(gov_device_list(&f.params, entries, 1, &again), 0);
    assert_int_equal(again, count);
    assert_int_equal(entries[1].spec[0], 0x77); /* beyond the capacity nothing is written */
    fake_done(&f);
}

static void a_list_shows_instances_and_leaves_out_the_lost(void **state)
{
    (void)state;
    static struct gov_device_entry entries[64];
    struct fake f;
    size_t count = 0;
    divided(&f);
    fake_state_add_gpu(f.state, "gone", (uint64_t)GIB);
    f.state->gpus[1].lost = true;
    assert_int_equal(gov_device_list(&f.params, entries, 64, &count), 0);
    const struct gov_device_entry *mig =
        find_entry(entries, count, "nvidia:MIG-11111111-1111-1111-1111-111111111111");
    assert_non_null(mig);
    assert_int_equal(mig->total_bytes, 3 * GIB);
    assert_non_null(find_entry(entries, count, "nvidia:0"));
    assert_null(find_entry(entries, count, "nvidia:1"));
    fake_done(&f);
}

static void a_list_without_a_driver_has_the_rest_and_says_why(void **state)
{
    (void)state;
    static struct gov_device_entry entries[64];
    char reason[256] = "";
    size_t count = 0;
    struct gov_device_params params = {.reason = reason, .reason_size = sizeof reason};
    params.nvidia.nvml_path = "/nowhere/libnvidia-ml.so.1";
    assert_int_equal(gov_device_list(&params, entries, 64, &count), 0);
    assert_true(count >= 2);
    assert_memory_equal(reason, "no NVIDIA driver: ", 18);
    for (size_t i = 0; i < count; i++)
        assert_string_not_equal(entries[i].backend, "nvidia");
    assert_int_equal(gov_device_list(&params, NULL, 1, &count), GOV_E_INVALID);
    assert_int_equal(gov_device_list(&params, entries, 1, NULL), GOV_E_INVALID);
}

static void a_worker_may_ask_without_a_device(void **state)
{
    (void)state;
    struct fake f;
    struct gov_nvidia *nvidia = NULL;
    struct gov_nvidia_memory memory;
    size_t count = 0;
    three_gpus(&f);
    assert_int_equal(gov_nvidia_open(&f.params.nvidia, &nvidia, f.reason, sizeof f.reason), 0);
    assert_int_equal(gov_nvidia_count(nvidia, &count), 0);
    assert_int_equal(count, 3);
    assert_int_equal(gov_nvidia_memory_info(nvidia, "1", &memory), 0);
    assert_int_equal(memory.total_bytes, 8 * GIB);
    assert_int_equal(memory.used_bytes + memory.free_bytes, memory.total_bytes);
    assert_int_equal(memory.reserved_bytes, 247 * MIB);
    assert_int_equal(gov_nvidia_memory_info(nvidia, "", &memory), 0);
    assert_int_equal(memory.total_bytes, 24 * GIB);
    assert_int_equal(gov_nvidia_memory_info(nvidia, "5", &memory), GOV_E_NO_DEVICE);
    assert_int_equal(gov_nvidia_memory_info(nvidia, NULL, &memory), GOV_E_INVALID);
    assert_int_equal(gov_nvidia_count(NULL, &count), GOV_E_INVALID);
    gov_nvidia_close(nvidia);
    gov_nvidia_close(NULL);
    fake_done(&f);
}

/* ---- errors it reports, and loss ---- */

static void add_xid(struct fake *f, uint64_t number)
{
    struct fake_gpu *gpu = &f->state->gpus[0];
    gpu->xids[gpu->xid_count++] = number;
}

static void an_error_of_a_program_is_told_and_harms_no_reading(void **state)
{
    (void)state;
    struct fake f;
    struct gov_device_event event;
    fake_init(&f, FAKE_NVML_580, NEW);
    struct gov_device *device = fake_open(&f, "nvidia");
    assert_int_equal(gov_device_next_event(device, &event), GOV_E_NOT_FOUND);
    add_xid(&f, 31);
    add_xid(&f, 63);
    add_xid(&f, 7777);
    read_at(device, 42);
    assert_int_equal(gov_device_next_event(device, &event), 0);
    assert_int_equal(event.kind, GOV_DEVICE_EVENT_ERROR);
    assert_int_equal(event.damage, GOV_DAMAGE_PROCESS);
    assert_int_equal(event.code, 31);
    assert_int_equal(event.at_us, 42);
    assert_string_equal(event.text, "XID 31: GPU memory page fault");
    assert_int_equal(gov_device_next_event(device, &event), 0);
    assert_int_equal(event.damage, GOV_DAMAGE_NONE);
    assert_int_equal(gov_device_next_event(device, &event), 0);
    assert_string_equal(event.text, "XID 7777: see NVIDIA's list of XIDs");
    assert_int_equal(gov_device_next_event(device, &event), GOV_E_NOT_FOUND);
    assert_int_equal(gov_device_next_event(NULL, &event), GOV_E_INVALID);
    gov_device_free(device);
    fake_done(&f);
}

static void of_many_errors_the_last_are_kept(void **state)
{
    (void)state;
    struct fake f;
    struct gov_device_event event;
    fake_init(&f, FAKE_NVML_390, NEW);
    struct gov_device *device = fake_open(&f, "nvidia");
    for (uint64_t i = 0; i < 30; i++)
        add_xid(&f, 1000 + i);
    read_at(device, 1);
    read_at(device, 2);
    for (int i = 14; i < 30; i++) {
        assert_int_equal(gov_device_next_event(device, &event), 0);
        assert_int_equal(event.code, 1000 + i);
    }
    assert_int_equal(gov_device_next_event(device, &event), GOV_E_NOT_FOUND);
    gov_device_free(device);
    fake_done(&f);
}

static void without_events_readings_go_on(void **state)
{
    (void)state;
    struct fake f;
    struct gov_device_event event;
    fake_init(&f, FAKE_NVML_580, NEW);
    f.state->gpus[0].no_events = true;
    struct gov_device *device = fake_open(&f, "nvidia");
    add_xid(&f, 79);
    read_at(device, 1);
    assert_int_equal(gov_device_next_event(device, &event), GOV_E_NOT_FOUND);
    gov_device_free(device);
    fake_done(&f);
}

static void takes_event(struct gov_device *device, enum gov_device_event_kind kind)
{
    struct gov_device_event event;
    assert_int_equal(gov_device_next_event(device, &event), 0);
    assert_int_equal(event.kind, kind);
}

static void a_gpu_off_the_bus_is_lost_and_found_again(void **state)
{
    (void)state;
    struct fake f;
    struct gov_sample s;
    const int64_t second = 1000000;
    fake_init(&f, FAKE_NVML_580, NEW);
    struct gov_device *device = fake_open(&f, "nvidia");
    read_at(device, 10 * second);
    add_xid(&f, 79);
    f.state->gpus[0].lost = true;
    assert_int_equal(gov_device_sample(device, 11 * second, -1, &s), GOV_E_DEVICE_LOST);
    takes_event(device, GOV_DEVICE_EVENT_ERROR);
    takes_event(device, GOV_DEVICE_EVENT_LOST);
    int64_t inits = f.state->inits;
    for (int i = 1; i < 10; i++)
        assert_int_equal(gov_device_sample(device, 11 * second + i * 100000, -1, &s),
                         GOV_E_DEVICE_LOST);
    assert_int_equal(f.state->inits, inits); /* not tried more than once a second */
    assert_int_equal(gov_device_sample(device, 12 * second, -1, &s), GOV_E_DEVICE_LOST);
    assert_int_equal(f.state->inits, inits + 1);
    f.state->no_driver = true; /* somebody reloads it */
    assert_int_equal(gov_device_sample(device, 14 * second, -1, &s), GOV_E_DEVICE_LOST);
    f.state->no_driver = f.state->gpus[0].lost = false;
    assert_int_equal(gov_device_sample(device, 14 * second + 5, -1, &s), GOV_E_DEVICE_LOST);
    assert_int_equal(read_at(device, 16 * second).total_bytes, 12 * GIB);
    takes_event(device, GOV_DEVICE_EVENT_RECOVERED);
    add_xid(&f, 13); /* and its errors are heard again */
    read_at(device, 17 * second);
    takes_event(device, GOV_DEVICE_EVENT_ERROR);
    gov_device_free(device);
    fake_done(&f);
}

/* The driver may still answer for a while; what it answers is worth nothing. */
static void an_error_that_costs_the_gpu_is_a_loss_at_once(void **state)
{
    (void)state;
    static const uint64_t fatal[] = {48, 79, 95, 119};
    for (size_t i = 0; i < sizeof fatal / sizeof fatal[0]; i++) {
        struct fake f;
        struct gov_sample s;
        struct gov_device_event event;
        fake_init(&f, FAKE_NVML_580, NEW);
        struct gov_device *device = fake_open(&f, "nvidia");
        add_xid(&f, fatal[i]);
        assert_int_equal(gov_device_sample(device, 1000000, -1, &s), GOV_E_DEVICE_LOST);
        assert_int_equal(gov_device_next_event(device, &event), 0);
        assert_int_equal(event.code, fatal[i]);
        assert_int_equal(event.damage, GOV_DAMAGE_DEVICE);
        takes_event(device, GOV_DEVICE_EVENT_LOST);
        read_at(device, 3000000); /* after a reset */
        takes_event(device, GOV_DEVICE_EVENT_RECOVERED);
        gov_device_free(device);
        fake_done(&f);
    }
}

static void a_gpu_comes_back_under_another_number(void **state)
{
    (void)state;
    struct fake f;
    struct gov_sample s;
    three_gpus(&f);
    struct gov_device *device = fake_open(&f, "nvidia:1");
    f.state->gpus[1].lost = true;
    assert_int_equal(gov_device_sample(device, 5000000, -1, &s), GOV_E_DEVICE_LOST);
    struct fake_gpu slow = f.state->gpus[1];
    f.state->gpus[1] = f.state->gpus[2];
    f.state->gpus[2] = slow;
    f.state->gpus[2].lost = false;
    assert_int_equal(read_at(device, 7000000).total_bytes, 8 * GIB);
    gov_device_free(device);
    fake_done(&f);
}

static void a_driver_that_only_fails_is_started_anew(void **state)
{
    (void)state;
    struct fake f;
    struct gov_sample s;
    fake_init(&f, FAKE_NVML_580, NEW);
    f.state->gpus[0].no_events = true;
    struct gov_device *device = fake_open(&f, "nvidia");
    read_at(device, 1000000);
    f.state->nvml = (struct fake_fault){.from = 1, .times = 3, .error = 999};
    assert_int_equal(gov_device_sample(device, 1100000, -1, &s), GOV_E_IO);
    assert_int_equal(gov_device_sample(device, 1200000, -1, &s), GOV_E_IO);
    assert_int_equal(gov_device_sample(device, 1300000, -1, &s), GOV_E_DEVICE_LOST);
    takes_event(device, GOV_DEVICE_EVENT_LOST);
    read_at(device, 2400000);
    takes_event(device, GOV_DEVICE_EVENT_RECOVERED);
    f.state->nvml = (struct fake_fault){.from = 1, .times = 1, .error = 1}; /* uninitialized */
    assert_int_equal(gov_device_sample(device, 2500000, -1, &s), GOV_E_DEVICE_LOST);
    read_at(device, 3600000);
    gov_device_free(device);
    fake_done(&f);
}

static void a_lost_reading_does_not_cost_the_better_version(void **state)
{
    (void)state;
    struct fake f;
    struct gov_sample s;
    fake_init(&f, FAKE_NVML_580, NEW);
    struct gov_device *device = fake_open(&f, "nvidia");
    f.state->gpus[0].lost = true;
    assert_int_equal(gov_device_sample(device, 1000000, -1, &s), GOV_E_DEVICE_LOST);
    f.state->gpus[0].lost = false;
    assert_true(read_at(device, 3000000).valid & GOV_SAMPLE_RESERVED);
    gov_device_free(device);
    fake_done(&f);
}

int main(int argc, char **argv)
{
    if (argc == 2 && !strcmp(argv[0], "finds-fake-in"))
        return finds_fake_in(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_driver_is_said_clearly),
        cmocka_unit_test(a_library_without_its_kernel_module_is_no_driver),
        cmocka_unit_test(a_relative_path_is_refused),
        cmocka_unit_test(the_current_folder_never_gives_a_library),
        cmocka_unit_test(the_drivers_share_is_told_apart_where_the_driver_does),
        cmocka_unit_test(figures_that_cannot_be_are_not_believed),
        cmocka_unit_test(a_reading_is_one_question_to_the_driver),
        cmocka_unit_test(a_device_says_which_it_is),
        cmocka_unit_test(a_gpu_that_shares_the_machines_memory_is_not_governed_twice),
        cmocka_unit_test(every_way_to_name_a_gpu_finds_it),
        cmocka_unit_test(cudas_order_is_turned_into_the_drivers),
        cmocka_unit_test(without_cuda_the_drivers_first_gpu_is_meant),
        cmocka_unit_test(a_single_gpu_is_found_without_cuda),
        cmocka_unit_test(an_instance_of_a_divided_gpu_is_a_device_of_its_own),
        cmocka_unit_test(all_that_can_be_opened_is_listed),
        cmocka_unit_test(a_list_shows_instances_and_leaves_out_the_lost),
        cmocka_unit_test(a_list_without_a_driver_has_the_rest_and_says_why),
        cmocka_unit_test(a_worker_may_ask_without_a_device),
        cmocka_unit_test(an_error_of_a_program_is_told_and_harms_no_reading),
        cmocka_unit_test(of_many_errors_the_last_are_kept),
        cmocka_unit_test(without_events_readings_go_on),
        cmocka_unit_test(a_gpu_off_the_bus_is_lost_and_found_again),
        cmocka_unit_test(an_error_that_costs_the_gpu_is_a_loss_at_once),
        cmocka_unit_test(a_gpu_comes_back_under_another_number),
        cmocka_unit_test(a_driver_that_only_fails_is_started_anew),
        cmocka_unit_test(a_lost_reading_does_not_cost_the_better_version),
    };
    return cmocka_run_group_tests_name("nvidia", tests, NULL, NULL);
}
