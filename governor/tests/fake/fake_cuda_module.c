/*
 * Modules, kernels, errors and the list of functions of the fake libcuda.so.1. PTX is looked at as
 * a driver does first: is it text of a version that this driver knows. Its kernels are found by
 * name. None can be launched: that says "not supported" instead of giving a wrong result.
 */
#include "fake_cuda.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct module {
    char *ptx;
};

/* The newest PTX that a driver of this CUDA version takes (9.0 as 90); NVIDIA's "PTX ISA", release
 * notes. */
static int newest_ptx(int cuda_version)
{
    static const int known[][2] = {
        {13000, 90}, {12090, 88}, {12080, 87}, {12060, 85}, {12050, 85}, {12040, 84}, {12030, 83},
        {12020, 82}, {12010, 81}, {12000, 80}, {11080, 78}, {11070, 77}, {11060, 76}, {11050, 75},
        {11040, 74}, {11030, 73}, {11020, 72}, {11010, 71}, {11000, 70}, {10020, 65}, {10010, 64},
        {10000, 63}, {9020, 62},  {9010, 61},  {9000, 60},  {8000, 50}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (cuda_version >= known[i][0])
            return known[i][1];
    }
    return 0;
}

static int check_ptx(const char *ptx)
{
    int major, minor;
    const char *version = strstr(ptx, ".version ");
    if (!version || sscanf(version, ".version %d.%d", &major, &minor) != 2)
        return CU_INVALID_PTX;
    struct fake_state *s = fake_lock();
    int newest = s ? newest_ptx(s->cuda_version) : 0;
    if (s)
        fake_unlock();
    return major * 10 + minor > newest ? CU_OLD_DRIVER : CU_OK;
}

API int cuModuleLoadData(struct module **ret_module, const void *image)
{
    ENTER();
    int result = image ? check_ptx(image) : CU_INVALID;
    if (result)
        return result;
    struct module *module = calloc(1, sizeof *module);
    if (module)
        module->ptx = strdup(image);
    if (!module || !module->ptx) {
        free(module);
        return CU_NO_MEMORY;
    }
    *ret_module = module;
    fake_count(FAKE_MODULES, 1);
    return CU_OK;
}

API int cuModuleLoadDataEx(struct module **ret_module, const void *image, unsigned count,
                           int *options, void **values)
{
    (void)count;
    (void)options;
    (void)values;
    return cuModuleLoadData(ret_module, image);
}

API int cuModuleUnload(struct module *module)
{
    ENTER_TO_FREE(failure);
    free(module->ptx);
    free(module);
    fake_count(FAKE_MODULES, -1);
    return failure;
}

/* A function is the place of its entry in the text. */
API int cuModuleGetFunction(const char **ret_function, const struct module *module,
                            const char *name)
{
    size_t length = strlen(name);
    ENTER();
    for (const char *at = module->ptx; (at = strstr(at, ".entry "));) {
        at += strlen(".entry ");
        if (!strncmp(at, name, length) && strchr("( \n", at[length])) {
            *ret_function = at;
            return CU_OK;
        }
    }
    return CU_NOT_FOUND;
}

struct error_text {
    int code;
    const char *name, *text;
};

static const struct error_text *find_error(int code)
{
    static const struct error_text texts[] = {
        {CU_OK, "CUDA_SUCCESS", "no error"},
        {CU_INVALID, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
        {CU_NO_MEMORY, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
        {CU_NOT_INITIALIZED, "CUDA_ERROR_NOT_INITIALIZED", "initialization error"},
        {CU_NO_DEVICE, "CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"},
        {CU_INVALID_CONTEXT, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"},
        {214, "CUDA_ERROR_ECC_UNCORRECTABLE", "uncorrectable ECC error encountered"},
        {CU_INVALID_PTX, "CUDA_ERROR_INVALID_PTX", "a PTX JIT compilation failed"},
        {CU_OLD_DRIVER, "CUDA_ERROR_UNSUPPORTED_PTX_VERSION",
         "the provided PTX was compiled with an unsupported toolchain."},
        {CU_NOT_READY, "CUDA_ERROR_NOT_READY", "device not ready"},
        {700, "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"},
        {702, "CUDA_ERROR_LAUNCH_TIMEOUT", "the launch timed out and was terminated"},
        {719, "CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"},
        {CU_UNKNOWN, "CUDA_ERROR_UNKNOWN", "unknown error"},
        {CU_NOT_FOUND, "CUDA_ERROR_NOT_FOUND", "named symbol not found"},
        {CU_UNSUPPORTED, "CUDA_ERROR_NOT_SUPPORTED", "operation not supported"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (texts[i].code == code)
            return &texts[i];
    }
    return NULL;
}

API int cuGetErrorName(int code, const char **ret_name)
{
    const struct error_text *error = find_error(code);
    *ret_name = error ? error->name : NULL;
    return error ? CU_OK : CU_INVALID;
}

API int cuGetErrorString(int code, const char **ret_text)
{
    const struct error_text *error = find_error(code);
    *ret_text = error ? error->text : NULL;
    return error ? CU_OK : CU_INVALID;
}

/* Base names find the newest version that there is, as the real one does. */
API int cuGetProcAddress_v2(const char *name, void **ret_function, int version, uint64_t flags,
                            int *ret_status)
{
    char versioned[96];
    Dl_info self;
    (void)version;
    (void)flags;
    if (!dladdr((void *)(uintptr_t)cuGetProcAddress_v2, &self))
        return CU_NOT_FOUND;
    void *library = dlopen(self.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
    snprintf(versioned, sizeof versioned, "%s_v2", name);
    *ret_function = library ? dlsym(library, versioned) : NULL;
    if (!*ret_function && library)
        *ret_function = dlsym(library, name);
    if (library)
        dlclose(library);
    if (ret_status)
        *ret_status = *ret_function ? 0 : 1;
    return *ret_function ? CU_OK : CU_NOT_FOUND;
}

/* What a client looks up before it starts, and could only use with a real GPU. */
#define STUB(name)                                                                                 \
    API int name(void)                                                                             \
    {                                                                                              \
        return CU_UNSUPPORTED;                                                                     \
    }
STUB(cuModuleGetGlobal)
STUB(cuLaunchKernel)
STUB(cuLinkCreate)
STUB(cuLinkAddData)
STUB(cuLinkComplete)
STUB(cuLinkDestroy)
STUB(cuTexObjectCreate)
STUB(cuTexObjectDestroy)
STUB(cuGLGetDevices_v2)
STUB(cuGraphicsGLRegisterImage)
STUB(cuGraphicsUnregisterResource)
STUB(cuGraphicsMapResources)
STUB(cuGraphicsUnmapResources)
STUB(cuGraphicsSubResourceGetMappedArray)
STUB(cuGraphicsResourceGetMappedPointer_v2)
STUB(cuArrayCreate_v2)
STUB(cuArray3DCreate_v2)
STUB(cuArrayDestroy)
STUB(cuImportExternalMemory)
STUB(cuDestroyExternalMemory)
STUB(cuExternalMemoryGetMappedBuffer)
STUB(cuExternalMemoryGetMappedMipmappedArray)
STUB(cuMipmappedArrayGetLevel)
STUB(cuMipmappedArrayDestroy)
STUB(cuImportExternalSemaphore)
STUB(cuDestroyExternalSemaphore)
STUB(cuSignalExternalSemaphoresAsync)
STUB(cuWaitExternalSemaphoresAsync)
