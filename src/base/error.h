/* Error codes and the failure record that reaches the person.
 *
 * Every function that can fail returns 0 or a negative code from MD_ERROR_LIST. A stage
 * that fails also fills a struct md_failure: the sentence the user will read.
 */
#ifndef MD_BASE_ERROR_H
#define MD_BASE_ERROR_H

/* code, number, text. Numbers cross process boundaries: never renumber, only append. */
#define MD_ERROR_LIST(X)                                                                           \
    X(MD_ERR_NOMEM, -1, "out of memory")                                                           \
    X(MD_ERR_DEVICE_MEM, -2, "out of device memory")                                               \
    X(MD_ERR_BUSY, -3, "busy")                                                                     \
    X(MD_ERR_CANCELLED, -4, "cancelled")                                                           \
    X(MD_ERR_INPUT, -5, "bad input")                                                               \
    X(MD_ERR_EXTERNAL, -6, "external failure")                                                     \
    X(MD_ERR_BUG, -7, "internal error")                                                            \
    X(MD_ERR_IO, -8, "input/output error")                                                         \
    X(MD_ERR_NOSPACE, -9, "no space left on device")                                               \
    X(MD_ERR_NOTFOUND, -10, "not found")                                                           \
    X(MD_ERR_EOF, -11, "end of file")                                                              \
    X(MD_ERR_UNSUPPORTED, -12, "not supported")                                                    \
    X(MD_ERR_CRASHED, -13, "worker crashed")

enum md_error {
    MD_OK = 0,
#define MD_ERROR_ENUM(name, number, text) name = number,
    MD_ERROR_LIST(MD_ERROR_ENUM)
#undef MD_ERROR_ENUM
};

/* Static text for a code; "unknown error" for a number not in the list. */
const char *md_error_text(int code);

/* The code's name ("MD_ERR_INPUT"), for logs. Static. */
const char *md_error_name(int code);

/* What went wrong, in words for the person. Plain data: copy freely. */
struct md_failure {
    int code;          /* enum md_error; 0 while nothing failed */
    char stage[16];    /* "shots"; empty outside of stages */
    char message[512]; /* one sentence, UTF-8, no newline; names the file and what to do */
};

/* Fills *failure (may be NULL) and returns code, so that `return md_fail(...)` reads well.
 * The message is made valid UTF-8 and free of control characters. */
int md_fail(struct md_failure *failure, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* md_fail with the code and text that belong to a value of errno; ENOSPC, EDQUOT become
 * MD_ERR_NOSPACE, ENOMEM, EMFILE, ENFILE MD_ERR_NOMEM, ENOENT MD_ERR_NOTFOUND, all others
 * MD_ERR_IO. The system's own words are appended: "cannot write report.html: No space left on
 * device". */
int md_fail_errno(struct md_failure *failure, int errno_value, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
