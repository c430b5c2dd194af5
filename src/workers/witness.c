#include "workers/witness.h"

#include <errno.h>
#include <stdatomic.h>
#include <unistd.h>

#include "ipc/protocol.h"

/* Process-wide by nature: it is about the allocator, of which a process has one. */
static _Atomic int64_t failures;

void md_witness_note(void)
{
    static const char words[] = MD_WORDS_NO_MEMORY "\n";
    if (atomic_fetch_add(&failures, 1) == 0) {
        int kept = errno;
        (void)!write(STDERR_FILENO, words, sizeof words - 1);
        errno = kept;
    }
}

int64_t md_witness_failures(void)
{
    return atomic_load(&failures);
}

void md_witness_reset(void)
{
    atomic_store(&failures, 0);
}

_Noreturn void md_witness_die(void)
{
    md_witness_note();
    _exit(MD_EXIT_NO_MEMORY);
}
