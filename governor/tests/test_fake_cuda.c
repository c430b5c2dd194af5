/*
 * The fake CUDA driver keeps to what a real one does where that matters to whoever is tested on it:
 * amounts, the end of memory, pools that live slices pin, virtual memory, a single card for all.
 */
#include "nvidia_fake.h"
#include "nvidia_holder.h"

typedef unsigned long long cu_ptr;

/* Loaded by name, as a CUDA program does. */
static struct cuda {
    void *library;
    int (*init)(unsigned);
    int (*device_get)(int *, int);
    int (*retain)(void **, int);
    int (*release)(int);
    int (*push)(void *);
    int (*pop)(void **);
    int (*synchronize)(void);
    int (*info)(size_t *, size_t *);
    int (*alloc)(cu_ptr *, size_t);
    int (*free)(cu_ptr);
    int (*alloc_async)(cu_ptr *, size_t, void *);
    int (*free_async)(cu_ptr, void *);
    int (*pool)(void **, int);
    int (*pool_set)(void *, int, const uint64_t *);
    int (*pool_get)(void *, int, uint64_t *);
    int (*pool_trim)(void *, size_t);
    int (*create)(void **, size_t, const void *, uint64_t);
    int (*release_handle)(void *);
    int (*reserve)(cu_ptr *, size_t, size_t, cu_ptr, uint64_t);
    int (*unreserve)(cu_ptr, size_t);
    int (*map)(cu_ptr, size_t, size_t, void *, uint64_t);
    int (*unmap)(cu_ptr, size_t);
    int (*access)(cu_ptr, size_t, const void *, size_t);
    int (*to_device)(cu_ptr, const void *, size_t);
    int (*to_host)(void *, cu_ptr, size_t);
    int (*attribute)(int *, int, int);
    int (*event_new)(void **, unsigned);
    int (*event_free)(void *);
    int (*event_record)(void *, void *);
    int (*event_query)(void *);
    int (*event_wait)(void *);
    int (*module_load)(void **, const void *);
    int (*module_unload)(void *);
    int (*function)(const char **, void *, const char *);
} cu;

struct session {
    struct fake fake;
    int device;
};

static void load(void)
{
    static const struct {
        const char *name;
        void *slot;
    } symbols[] = {
        {"cuInit", &cu.init},
        {"cuDeviceGet", &cu.device_get},
        {"cuDevicePrimaryCtxRetain", &cu.retain},
        {"cuDevicePrimaryCtxRelease_v2", &cu.release},
        {"cuCtxPushCurrent_v2", &cu.push},
        {"cuCtxPopCurrent_v2", &cu.pop},
        {"cuCtxSynchronize", &cu.synchronize},
        {"cuMemGetInfo_v2", &cu.info},
        {"cuMemAlloc_v2", &cu.alloc},
        {"cuMemFree_v2", &cu.free},
        {"cuMemAllocAsync", &cu.alloc_async},
        {"cuMemFreeAsync", &cu.free_async},
        {"cuDeviceGetDefaultMemPool", &cu.pool},
        {"cuMemPoolSetAttribute", &cu.pool_set},
        {"cuMemPoolGetAttribute", &cu.pool_get},
        {"cuMemPoolTrimTo", &cu.pool_trim},
        {"cuMemCreate", &cu.create},
        {"cuMemRelease", &cu.release_handle},
        {"cuMemAddressReserve", &cu.reserve},
        {"cuMemAddressFree", &cu.unreserve},
        {"cuMemMap", &cu.map},
        {"cuMemUnmap", &cu.unmap},
        {"cuMemSetAccess", &cu.access},
        {"cuMemcpyHtoD_v2", &cu.to_device},
        {"cuMemcpyDtoH_v2", &cu.to_host},
        {"cuDeviceGetAttribute", &cu.attribute},
        {"cuEventCreate", &cu.event_new},
        {"cuEventDestroy_v2", &cu.event_free},
        {"cuEventRecord", &cu.event_record},
        {"cuEventQuery", &cu.event_query},
        {"cuEventSynchronize", &cu.event_wait},
        {"cuModuleLoadData", &cu.module_load},
        {"cuModuleUnload", &cu.module_unload},
        {"cuModuleGetFunction", &cu.function},
    };
    cu.library = dlopen(FAKE_CUDA, RTLD_NOW | RTLD_LOCAL);
    assert_non_null(cu.library);
    for (size_t i = 0; i < sizeof symbols / sizeof symbols[0]; i++) {
        void *symbol = dlsym(cu.library, symbols[i].name);
        assert_non_null(symbol);
        memcpy(symbols[i].slot, &symbol, sizeof symbol);
    }
}

static void begin(struct session *s)
{
    void *context;
    if (!cu.library)
        load();
    fake_init(&s->fake, FAKE_NVML_580, "580.65.06");
    assert_int_equal(cu.init(0), 0);
    assert_int_equal(cu.device_get(&s->device, 0), 0);
    assert_int_equal(cu.retain(&context, s->device), 0);
    assert_int_equal(cu.push(context), 0);
}

static void end(struct session *s)
{
    assert_int_equal(cu.pop(NULL), 0);
    assert_int_equal(cu.release(s->device), 0);
    fake_done(&s->fake);
}

/* After a sticky error: what is given back goes, and the error is what is heard. */
static void leave(struct session *s, int error)
{
    assert_int_equal(cu.pop(NULL), error);
    assert_int_equal(cu.release(s->device), error);
    fake_done(&s->fake);
}

static int64_t used(void)
{
    size_t free_bytes, total;
    assert_int_equal(cu.info(&free_bytes, &total), 0);
    return (int64_t)(total - free_bytes);
}

#define IDLE (427 * MIB) /* the driver's share and a context */

static void a_context_costs_and_memory_comes_in_granules(void **state)
{
    (void)state;
    struct session s;
    cu_ptr a, b;
    char text[8] = "";
    begin(&s);
    assert_int_equal(used(), IDLE);
    assert_int_equal(cu.alloc(&a, 1), 0);
    assert_int_equal(cu.alloc(&b, 5 * MIB), 0);
    assert_int_equal(used(), IDLE + 8 * MIB);
    assert_int_equal(cu.to_device(b + 4 * MIB, "frame", 6), 0);
    assert_int_equal(cu.to_host(text, b + 4 * MIB, 6), 0);
    assert_string_equal(text, "frame");
    assert_int_equal(cu.free(a), 0);
    assert_int_equal(cu.free(a), 1); /* not twice */
    assert_int_equal(cu.free(0), 0);
    assert_int_equal(used(), IDLE + 6 * MIB);
    end(&s); /* the context takes the rest along */
    begin(&s);
    assert_int_equal(used(), IDLE);
    end(&s);
}

static void memory_ends_for_all_processes_together(void **state)
{
    (void)state;
    struct session s;
    struct holders holders = {0};
    int64_t other = 0;
    cu_ptr a = 0;
    begin(&s);
    assert_int_equal(holder_start(&holders, FAKE_CUDA, 8 * GIB, &other), 0);
    assert_int_equal(used(), IDLE + 180 * MIB + 8 * GIB);
    assert_int_equal(cu.alloc(&a, (size_t)(4 * GIB)), 2);
    assert_int_equal(cu.alloc(&a, (size_t)(3 * GIB)), 0);
    assert_int_equal(holder_start(&holders, FAKE_CUDA, GIB, &other), GOV_E_DEVICE_NOMEM);
    holder_end(&holders, other); /* without freeing */
    assert_int_equal(used(), IDLE + 3 * GIB);
    s.fake.state->contexts = 1;
    end(&s);
}

static void the_nth_allocation_fails_when_told(void **state)
{
    (void)state;
    struct session s;
    cu_ptr a;
    begin(&s);
    s.fake.state->allocation = (struct fake_fault){.from = 3, .times = 1, .error = 2};
    assert_int_equal(cu.alloc(&a, 1), 0);
    assert_int_equal(cu.alloc(&a, 1), 0);
    assert_int_equal(cu.alloc(&a, 1), 2);
    assert_int_equal(cu.alloc(&a, 1), 0);
    end(&s);
}

static uint64_t reserved(void *pool)
{
    uint64_t bytes;
    assert_int_equal(cu.pool_get(pool, 5, &bytes), 0);
    return bytes;
}

static void a_live_slice_pins_its_chunk(void **state)
{
    (void)state;
    struct session s;
    cu_ptr slices[8];
    void *pool;
    const uint64_t keep_all = UINT64_MAX, keep_none = 0;
    begin(&s);
    assert_int_equal(cu.pool(&pool, s.device), 0);
    assert_int_equal(cu.pool_set(pool, 4, &keep_all), 0);
    for (int i = 0; i < 8; i++) /* two to a chunk of 32 MiB */
        assert_int_equal(cu.alloc_async(&slices[i], 16 * MIB, NULL), 0);
    assert_int_equal(reserved(pool), 128 * MIB);
    assert_int_equal(used(), IDLE + 128 * MIB);
    for (int i = 1; i < 8; i++)
        assert_int_equal(cu.free_async(slices[i], NULL), 0);
    assert_int_equal(cu.synchronize(), 0);
    assert_int_equal(reserved(pool), 128 * MIB); /* kept: the threshold says so */
    assert_int_equal(cu.pool_trim(pool, 0), 0);
    assert_int_equal(reserved(pool), 32 * MIB); /* pinned by the first */
    assert_int_equal(cu.alloc_async(&slices[1], 16 * MIB, NULL), 0);
    assert_int_equal(reserved(pool), 32 * MIB); /* and its gap is used again */
    assert_int_equal(cu.free_async(slices[0], NULL), 0);
    assert_int_equal(cu.free_async(slices[1], NULL), 0);
    assert_int_equal(cu.free_async(slices[1], NULL), 1);
    assert_int_equal(cu.pool_set(pool, 4, &keep_none), 0);
    assert_int_equal(cu.synchronize(), 0);
    assert_int_equal(used(), IDLE);
    end(&s);
}

static const struct {
    int type, handles, place, device;
    void *win32;
    unsigned char flags[8];
} pinned = {.type = 1, .place = 1};
static const struct {
    int place, device, flags;
} read_write = {1, 0, 3};

static void memory_without_an_address_lives_until_its_last_mapping(void **state)
{
    (void)state;
    struct session s;
    void *handle;
    cu_ptr range;
    char text[8] = "";
    begin(&s);
    assert_int_equal(cu.reserve(&range, 64 * MIB, 0, 0, 0), 0);
    assert_int_equal(used(), IDLE); /* addresses cost nothing */
    assert_int_equal(cu.create(&handle, 3 * MIB, &pinned, 0), 1);
    assert_int_equal(cu.create(&handle, 20 * MIB, NULL, 0), 1);
    assert_int_equal(cu.create(&handle, 20 * MIB, &pinned, 0), 0);
    assert_int_equal(used(), IDLE + 20 * MIB);
    assert_int_equal(cu.map(range, 20 * MIB, 0, handle, 0), 0);
    assert_int_equal(cu.map(range + 2 * MIB, 20 * MIB, 0, handle, 0), 1);  /* occupied */
    assert_int_equal(cu.map(range + 60 * MIB, 20 * MIB, 0, handle, 0), 1); /* not reserved */
    assert_int_equal(cu.map(range + 20 * MIB, 20 * MIB, 0, handle, 0), 0);
    assert_int_equal(cu.access(range, 42 * MIB, &read_write, 1), 1); /* more than is mapped */
    assert_int_equal(cu.access(range, 40 * MIB, &read_write, 1), 0);
    assert_int_equal(cu.to_device(range, "twice", 6), 0);
    assert_int_equal(cu.to_host(text, range + 20 * MIB, 6), 0); /* the same memory */
    assert_string_equal(text, "twice");
    assert_int_equal(cu.release_handle(handle), 0);
    assert_int_equal(used(), IDLE + 20 * MIB);
    assert_int_equal(cu.unreserve(range, 64 * MIB), 1);      /* something is mapped */
    assert_int_equal(cu.unmap(range + 2 * MIB, 2 * MIB), 1); /* a part of it */
    assert_int_equal(cu.unmap(range, 40 * MIB), 0);
    assert_int_equal(used(), IDLE);
    assert_int_equal(cu.unmap(range, 40 * MIB), 1);
    assert_int_equal(cu.unreserve(range, 62 * MIB), 1); /* not as it came */
    assert_int_equal(cu.unreserve(range, 64 * MIB), 0);
    end(&s);
}

static void what_is_not_given_back_is_counted(void **state)
{
    (void)state;
    struct session s;
    void *handle, *event;
    cu_ptr range, block;
    begin(&s);
    assert_int_equal(cu.reserve(&range, 4 * MIB, 0, 0, 0), 0);
    assert_int_equal(cu.create(&handle, 2 * MIB, &pinned, 0), 0);
    assert_int_equal(cu.map(range, 2 * MIB, 0, handle, 0), 0);
    assert_int_equal(cu.event_new(&event, 0), 0);
    assert_int_equal(cu.alloc(&block, 1), 0);
    for (int i = 0; i < FAKE_THINGS; i++)
        assert_int_equal(s.fake.state->held[i], i == FAKE_BLOCKS || i == FAKE_RANGES ||
                                                    i == FAKE_HANDLES || i == FAKE_MAPPINGS ||
                                                    i == FAKE_EVENTS);
    assert_int_equal(cu.unmap(range, 2 * MIB), 0);
    assert_int_equal(cu.release_handle(handle), 0);
    assert_int_equal(cu.unreserve(range, 4 * MIB), 0);
    assert_int_equal(cu.event_free(event), 0);
    end(&s); /* the block goes with the context */
}

static void an_event_is_done_after_as_many_questions_as_told(void **state)
{
    (void)state;
    struct session s;
    void *event;
    begin(&s);
    s.fake.state->event_lag = 2;
    assert_int_equal(cu.event_new(&event, 0), 0);
    assert_int_equal(cu.event_query(event), 0); /* never recorded */
    assert_int_equal(cu.event_record(event, NULL), 0);
    assert_int_equal(cu.event_query(event), 600);
    assert_int_equal(cu.event_query(event), 600);
    assert_int_equal(cu.event_query(event), 0);
    assert_int_equal(cu.event_record(event, NULL), 0);
    assert_int_equal(cu.event_wait(event), 0);
    assert_int_equal(cu.event_query(event), 0);
    assert_int_equal(cu.event_free(event), 0);
    end(&s);
}

static void a_sticky_error_is_one_for_good(void **state)
{
    (void)state;
    static const int codes[] = {214, 700, 702, 719};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        struct session s;
        size_t free_bytes, total;
        cu_ptr a;
        begin(&s);
        s.fake.state->cuda = (struct fake_fault){.from = 1, .times = 1, .error = codes[i]};
        snprintf(s.fake.state->cuda_function, sizeof s.fake.state->cuda_function, "%s",
                 "cuCtxSynchronize");
        assert_int_equal(cu.alloc(&a, 1), 0); /* another function */
        assert_int_equal(cu.synchronize(), codes[i]);
        assert_int_equal(cu.synchronize(), codes[i]);
        assert_int_equal(cu.alloc(&a, 1), codes[i]);
        assert_int_equal(cu.info(&free_bytes, &total), codes[i]);
        leave(&s, codes[i]);
    }
}

static void a_lost_gpu_answers_nobody(void **state)
{
    (void)state;
    struct session s;
    cu_ptr a;
    begin(&s);
    s.fake.state->gpus[0].lost = true;
    assert_int_equal(cu.alloc(&a, 1), 999);
    s.fake.state->gpus[0].lost = false;
    assert_int_equal(cu.alloc(&a, 1), 999); /* its contexts are gone for good */
    leave(&s, 999);
}

static void a_card_without_virtual_memory_says_so(void **state)
{
    (void)state;
    struct session s;
    void *handle;
    cu_ptr range;
    int value = -1;
    begin(&s);
    assert_int_equal(cu.attribute(&value, 102, s.device), 0);
    assert_int_equal(value, 1);
    s.fake.state->no_vmm = true;
    assert_int_equal(cu.attribute(&value, 102, s.device), 0);
    assert_int_equal(value, 0);
    assert_int_equal(cu.reserve(&range, 64 * MIB, 0, 0, 0), 801);
    assert_int_equal(cu.create(&handle, 2 * MIB, &pinned, 0), 801);
    end(&s);
}

static void a_driver_takes_no_newer_ptx_than_it_knows(void **state)
{
    (void)state;
    struct session s;
    void *module;
    const char *entry;
    static const char ptx[] = ".version 6.0\n.target sm_50\n.visible .entry histogram(\n)\n{}\n";
    begin(&s);
    s.fake.state->cuda_version = 9000;
    assert_int_equal(cu.module_load(&module, ptx), 0);
    assert_int_equal(cu.function(&entry, module, "histogram"), 0);
    assert_int_equal(cu.function(&entry, module, "histo"), 500);
    assert_int_equal(cu.module_unload(module), 0);
    s.fake.state->cuda_version = 8000;
    assert_int_equal(cu.module_load(&module, ptx), 222);
    assert_int_equal(cu.module_load(&module, "no PTX"), 218);
    end(&s);
}

static void what_is_freed_is_seen_late_when_told(void **state)
{
    (void)state;
    struct session s;
    cu_ptr a;
    begin(&s);
    s.fake.state->lag_readings = 3;
    assert_int_equal(cu.alloc(&a, (size_t)GIB), 0);
    assert_int_equal(cu.free(a), 0);
    assert_int_equal(used(), IDLE + GIB);
    assert_int_equal(used(), IDLE + GIB);
    assert_int_equal(used(), IDLE);
    end(&s);
}

static void a_forked_child_must_start_anew(void **state)
{
    (void)state;
    struct session s;
    int status = -1;
    begin(&s);
    pid_t pid = fork();
    if (!pid) {
        cu_ptr a;
        _exit(cu.alloc(&a, 1) == 3 && cu.init(0) == 3 ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(used(), IDLE);
    end(&s);
}

int main(int argc, char **argv)
{
    if (argc == 3 && !strcmp(argv[0], "hold"))
        return holder_main(argv[1], argv[2]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_context_costs_and_memory_comes_in_granules),
        cmocka_unit_test(memory_ends_for_all_processes_together),
        cmocka_unit_test(the_nth_allocation_fails_when_told),
        cmocka_unit_test(a_live_slice_pins_its_chunk),
        cmocka_unit_test(memory_without_an_address_lives_until_its_last_mapping),
        cmocka_unit_test(what_is_not_given_back_is_counted),
        cmocka_unit_test(an_event_is_done_after_as_many_questions_as_told),
        cmocka_unit_test(a_sticky_error_is_one_for_good),
        cmocka_unit_test(a_lost_gpu_answers_nobody),
        cmocka_unit_test(a_card_without_virtual_memory_says_so),
        cmocka_unit_test(a_driver_takes_no_newer_ptx_than_it_knows),
        cmocka_unit_test(what_is_freed_is_seen_late_when_told),
        cmocka_unit_test(a_forked_child_must_start_anew),
    };
    return cmocka_run_group_tests_name("fake CUDA", tests, NULL, NULL);
}
