/*
 * libgov: error codes. Functions that can fail return 0 (GOV_OK) or one of these negative codes;
 * what they output (`ret_*`) is then untouched.
 */
#ifndef GOV_ERROR_H
#define GOV_ERROR_H

#include <gov/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* name, code, text for a person */
#define GOV_ERROR_MAP(X)                                                                           \
    X(INVALID, -1, "invalid argument")                                                             \
    X(NOMEM, -2, "out of host memory")                                                             \
    X(NO_DEVICE, -3, "no such device")                                                             \
    X(NO_DRIVER, -4, "no driver for this device")                                                  \
    X(DEVICE_LOST, -5, "device lost")                                                              \
    X(DEVICE_NOMEM, -6, "out of device memory")                                                    \
    X(IO, -7, "cannot read system information")                                                    \
    X(FORMAT, -8, "system information not understood")                                             \
    X(NOT_FOUND, -9, "not found")                                                                  \
    X(NO_ROOM, -10, "does not fit the budget")                                                     \
    X(RANGE, -11, "value out of range")                                                            \
    X(UNSUPPORTED, -12, "not supported by this device")                                            \
    X(FULL, -13, "table is full")                                                                  \
    X(BUG, -14, "internal error in libgov")                                                        \
    X(CONTEXT_LOST, -15, "the device does nothing more for this process")

enum gov_error {
    GOV_OK = 0,
#define GOV_ERROR_ENUM(name, code, text) GOV_E_##name = code,
    GOV_ERROR_MAP(GOV_ERROR_ENUM)
#undef GOV_ERROR_ENUM
};

/* The code's name ("GOV_E_NO_ROOM") and text; never NULL, also for unknown codes. Thread-safe. */
GOV_API const char *gov_error_name(int error);
GOV_API const char *gov_error_text(int error);

#ifdef __cplusplus
}
#endif

#endif
