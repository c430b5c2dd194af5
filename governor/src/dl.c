/*
 * dlopen with a description instead of code per symbol. A symbol is stored by copying the bytes of
 * the pointer, as POSIX intends for dlsym: ISO C has no cast from an object to a function pointer.
 */
#include "dl.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <gov/error.h>

void gov_dl_say(char *text, size_t size, const char *format, ...)
{
    if (!text || !size)
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, size, format, arguments);
    va_end(arguments);
}

static bool path_is_safe(const char *path)
{
    return *path && (*path == '/' || !strchr(path, '/'));
}

static void *find(void *handle, const char *names)
{
    for (const char *name = names; *name; name += strlen(name) + 1) {
        void *symbol = dlsym(handle, name);
        if (symbol)
            return symbol;
    }
    return NULL;
}

int gov_dl_open(const char *const *paths, const struct gov_dl_symbol *symbols, size_t count,
                void *table, void **ret_handle, char *reason, size_t reason_size)
{
    void *handle = NULL;
    for (size_t i = 0; paths[i] && !handle; i++) {
        if (!path_is_safe(paths[i])) {
            gov_dl_say(reason, reason_size, "\"%s\" is neither a soname nor an absolute path",
                       paths[i]);
            return GOV_E_INVALID;
        }
        handle = dlopen(paths[i], RTLD_NOW | RTLD_LOCAL);
        /* The first path's complaint is the one that means something to a reader. */
        if (!handle && i == 0) {
            const char *why = dlerror();
            gov_dl_say(reason, reason_size, "%s", why ? why : paths[i]);
        }
    }
    if (!handle)
        return GOV_E_NO_DEVICE;
    for (size_t i = 0; i < count; i++) {
        void *symbol = find(handle, symbols[i].names);
        if (!symbol && symbols[i].required) {
            gov_dl_say(reason, reason_size, "the driver's library lacks %s", symbols[i].names);
            dlclose(handle);
            return GOV_E_NO_DEVICE;
        }
        memcpy((char *)table + symbols[i].offset, &symbol, sizeof symbol);
    }
    *ret_handle = handle;
    return GOV_OK;
}
