/*
 * Virtual memory of the fake libcuda.so.1: handles (memory without an address), ranges (addresses
 * without memory) and mappings between them, with the rules that the real driver checks. Bytes
 * are pages of one file in memory, so the same memory can really be seen at two addresses and keeps
 * what it holds when it is mapped elsewhere. Memory is charged until it is released and unmapped.
 */
#include "fake_cuda.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Memory without an address. */
struct vmm_handle {
    int64_t offset; /* in the file */
    int gpu;
    uint64_t bytes;
    int references; /* one until it is released, one for each mapping */
};

/* Addresses; of a mapping those that show the memory of a handle. */
struct range {
    cu_ptr address;
    uint64_t bytes;
    struct vmm_handle *handle;
};

/* Sorted by address, none overlaps another. */
struct ranges {
    struct range *items;
    size_t count, capacity;
};

static struct {
    pthread_mutex_t mutex;
    int fd;
    int64_t end; /* of the file; offsets are never used twice */
    struct ranges reserved, mapped;
} vmm = {.mutex = PTHREAD_MUTEX_INITIALIZER, .fd = -1};

struct location {
    int type; /* 1: a device */
    int id;
};

/* CUmemAllocationProp */
struct properties {
    int type; /* 1: pinned */
    int handle_types;
    struct location location;
    void *win32;
    unsigned char flags[8];
};

/* CUmemAccessDesc */
struct access {
    struct location location;
    int flags; /* 3: read and write */
};

static void *host(cu_ptr address)
{
    return (void *)(uintptr_t)address;
}

/* The first that ends behind the address. */
static size_t find(const struct ranges *ranges, cu_ptr address)
{
    size_t low = 0, high = ranges->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        const struct range *r = &ranges->items[middle];
        if (r->address + r->bytes <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_empty(const struct ranges *ranges, cu_ptr address, uint64_t bytes)
{
    size_t at = find(ranges, address);
    return at == ranges->count || ranges->items[at].address >= address + bytes;
}

static bool insert(struct ranges *ranges, const struct range *range)
{
    if (ranges->count == ranges->capacity) {
        size_t capacity = ranges->capacity ? 2 * ranges->capacity : 64;
        struct range *items = realloc(ranges->items, capacity * sizeof *items);
        if (!items)
            return false;
        ranges->items = items;
        ranges->capacity = capacity;
    }
    size_t at = find(ranges, range->address);
    memmove(&ranges->items[at + 1], &ranges->items[at],
            (ranges->count - at) * sizeof ranges->items[0]);
    ranges->items[at] = *range;
    ranges->count++;
    return true;
}

static void remove_range(struct ranges *ranges, size_t at)
{
    ranges->count--;
    memmove(&ranges->items[at], &ranges->items[at + 1],
            (ranges->count - at) * sizeof ranges->items[0]);
    if (!ranges->count) { /* nothing is left for a leak checker to find */
        free(ranges->items);
        *ranges = (struct ranges){0};
    }
}

static int usable(void)
{
    struct fake_state *s = fake_lock();
    if (!s)
        return CU_NOT_INITIALIZED;
    int result = s->no_vmm ? CU_UNSUPPORTED : CU_OK;
    fake_unlock();
    return result;
}

#define ENTER_VMM()                                                                                \
    do {                                                                                           \
        ENTER();                                                                                   \
        int unusable_ = usable();                                                                  \
        if (unusable_)                                                                             \
            return unusable_;                                                                      \
    } while (0)

static bool is_whole(uint64_t bytes)
{
    return bytes && bytes % FAKE_GRANULE == 0;
}

static int gpu_of(const struct properties *properties)
{
    bool good = properties && properties->type == 1 && properties->location.type == 1;
    return good ? fake_gpu_of(properties->location.id) : -1;
}

API int cuMemGetAllocationGranularity(size_t *bytes, const struct properties *properties,
                                      int option)
{
    ENTER_VMM();
    if (gpu_of(properties) < 0 || option < 0 || option > 1)
        return CU_INVALID;
    *bytes = FAKE_GRANULE;
    return CU_OK;
}

/* --- memory --- */

/* A place in the file, with the lock held; < 0: none. */
static int64_t extend_file(uint64_t bytes)
{
    if (vmm.fd < 0)
        vmm.fd = memfd_create("fake-gpu-memory", MFD_CLOEXEC);
    if (vmm.fd < 0 || ftruncate(vmm.fd, (off_t)(vmm.end + (int64_t)bytes)))
        return -1;
    int64_t offset = vmm.end;
    vmm.end += (int64_t)bytes;
    return offset;
}

static void drop_pages(const struct vmm_handle *handle)
{
    void *pages = mmap(NULL, handle->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, vmm.fd,
                       (off_t)handle->offset);
    if (pages == MAP_FAILED)
        return;
    madvise(pages, handle->bytes, MADV_REMOVE);
    munmap(pages, handle->bytes);
}

API int cuMemCreate(struct vmm_handle **ret_handle, size_t bytes,
                    const struct properties *properties, uint64_t flags)
{
    ENTER_VMM();
    int gpu = gpu_of(properties);
    if (gpu < 0 || !is_whole(bytes) || flags)
        return CU_INVALID;
    int result = fake_charge(__func__, gpu, bytes);
    if (result)
        return result;
    pthread_mutex_lock(&vmm.mutex);
    struct vmm_handle *handle = calloc(1, sizeof *handle);
    int64_t offset = handle ? extend_file(bytes) : -1;
    pthread_mutex_unlock(&vmm.mutex);
    if (offset < 0) {
        free(handle);
        fake_discharge(gpu, bytes);
        return CU_NO_MEMORY;
    }
    *handle = (struct vmm_handle){offset, gpu, bytes, 1};
    *ret_handle = handle;
    fake_count(FAKE_HANDLES, 1);
    return CU_OK;
}

static void unref_handle(struct vmm_handle *handle)
{
    if (--handle->references)
        return;
    drop_pages(handle);
    fake_discharge(handle->gpu, handle->bytes);
    free(handle);
}

API int cuMemRelease(struct vmm_handle *handle)
{
    ENTER_TO_FREE(failure);
    if (!handle)
        return CU_INVALID;
    fake_count(FAKE_HANDLES, -1);
    pthread_mutex_lock(&vmm.mutex);
    unref_handle(handle);
    pthread_mutex_unlock(&vmm.mutex);
    return failure;
}

/* --- addresses --- */

API int cuMemAddressReserve(cu_ptr *ret_address, size_t bytes, size_t alignment, cu_ptr wish,
                            uint64_t flags)
{
    (void)wish; /* a hint */
    ENTER_VMM();
    if (!is_whole(bytes) || alignment > FAKE_GRANULE || flags)
        return CU_INVALID;
    /* Whole granules from the kernel's pages: what lies before and behind is given back. */
    char *range = mmap(NULL, bytes + FAKE_GRANULE, PROT_NONE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (range == MAP_FAILED)
        return CU_NO_MEMORY;
    size_t before = (size_t)(-(uintptr_t)range % FAKE_GRANULE);
    if (before)
        munmap(range, before);
    munmap(range + before + bytes, FAKE_GRANULE - before);
    struct range reserved = {.address = (cu_ptr)(uintptr_t)(range + before), .bytes = bytes};
    pthread_mutex_lock(&vmm.mutex);
    bool kept = insert(&vmm.reserved, &reserved);
    pthread_mutex_unlock(&vmm.mutex);
    if (!kept) {
        munmap(host(reserved.address), bytes);
        return CU_NO_MEMORY;
    }
    *ret_address = reserved.address;
    fake_count(FAKE_RANGES, 1);
    return CU_OK;
}

/* What was reserved goes as it came, and with nothing mapped in it. */
API int cuMemAddressFree(cu_ptr address, size_t bytes)
{
    ENTER_TO_FREE(failure);
    int result = CU_INVALID;
    pthread_mutex_lock(&vmm.mutex);
    size_t at = find(&vmm.reserved, address);
    const struct range *r = at < vmm.reserved.count ? &vmm.reserved.items[at] : NULL;
    if (r && r->address == address && r->bytes == bytes && is_empty(&vmm.mapped, address, bytes)) {
        munmap(host(address), bytes);
        remove_range(&vmm.reserved, at);
        result = CU_OK;
    }
    pthread_mutex_unlock(&vmm.mutex);
    if (!result)
        fake_count(FAKE_RANGES, -1);
    return failure ? failure : result;
}

static bool is_reserved(cu_ptr address, uint64_t bytes)
{
    size_t at = find(&vmm.reserved, address);
    const struct range *r = at < vmm.reserved.count ? &vmm.reserved.items[at] : NULL;
    return r && r->address <= address && address + bytes <= r->address + r->bytes;
}

/* A whole handle only, as the real one's documentation demands today; no access until it is set. */
API int cuMemMap(cu_ptr address, size_t bytes, size_t offset, struct vmm_handle *handle,
                 uint64_t flags)
{
    ENTER_VMM();
    if (offset || flags || !handle || bytes != handle->bytes || address % FAKE_GRANULE)
        return CU_INVALID;
    int result = CU_INVALID;
    struct range mapping = {.address = address, .bytes = bytes, .handle = handle};
    pthread_mutex_lock(&vmm.mutex);
    if (is_reserved(address, bytes) && is_empty(&vmm.mapped, address, bytes))
        result = insert(&vmm.mapped, &mapping) ? CU_OK : CU_NO_MEMORY;
    if (!result && mmap(host(address), bytes, PROT_NONE, MAP_SHARED | MAP_FIXED, vmm.fd,
                        (off_t)handle->offset) == MAP_FAILED) {
        remove_range(&vmm.mapped, find(&vmm.mapped, address));
        result = CU_NO_MEMORY;
    }
    if (!result)
        handle->references++;
    pthread_mutex_unlock(&vmm.mutex);
    if (!result)
        fake_count(FAKE_MAPPINGS, 1);
    return result;
}

/* The mappings that make up the range exactly: from *ret_first, how many; 0: it is not so. */
static size_t find_whole(cu_ptr address, uint64_t bytes, size_t *ret_first)
{
    size_t first = find(&vmm.mapped, address), count = 0;
    cu_ptr end = address + bytes;
    while (first + count < vmm.mapped.count && address < end &&
           vmm.mapped.items[first + count].address == address) {
        address += vmm.mapped.items[first + count].bytes;
        count++;
    }
    *ret_first = first;
    return address == end ? count : 0;
}

API int cuMemSetAccess(cu_ptr address, size_t bytes, const struct access *access, size_t count)
{
    ENTER_VMM();
    if (!access || count != 1 || access->location.type != 1 || access->flags != 3 ||
        fake_gpu_of(access->location.id) < 0)
        return CU_INVALID;
    size_t first;
    pthread_mutex_lock(&vmm.mutex);
    int result = find_whole(address, bytes, &first) &&
                         !mprotect(host(address), bytes, PROT_READ | PROT_WRITE)
                     ? CU_OK
                     : CU_INVALID;
    pthread_mutex_unlock(&vmm.mutex);
    return result;
}

API int cuMemUnmap(cu_ptr address, size_t bytes)
{
    ENTER_TO_FREE(failure);
    size_t first;
    pthread_mutex_lock(&vmm.mutex);
    size_t count = find_whole(address, bytes, &first);
    if (count)
        mmap(host(address), bytes, PROT_NONE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
    for (size_t i = 0; i < count; i++) {
        unref_handle(vmm.mapped.items[first].handle);
        remove_range(&vmm.mapped, first);
    }
    pthread_mutex_unlock(&vmm.mutex);
    fake_count(FAKE_MAPPINGS, -(int)count);
    return failure ? failure : count ? CU_OK : CU_INVALID;
}
