/*
 * libgov internal: small files of the kernel that are read again and again, through descriptors
 * that stay open. Opening costs several times what reading does.
 */
#ifndef GOV_SRC_KEPT_H
#define GOV_SRC_KEPT_H

#include <sys/types.h>

#include <gov/base.h>

/* Zero-fill is valid: not open yet. */
struct gov_kept {
    bool open;
    bool absent; /* could not be opened at the last try */
    int fd;
    dev_t device; /* which file fd is: nobody else's descriptor is ever closed */
    ino_t inode;
};

/* What may be done where a file is not open or its object is gone. */
enum gov_kept_effort {
    GOV_KEPT_RETRY = 0, /* open it unless it was absent lately; open again what has gone */
    GOV_KEPT_LOOK,      /* as RETRY, look for what was absent too, and whether fd is still ours */
    GOV_KEPT_SAME       /* once open, never another file of the same name */
};

/*
 * Reads folder[0, folder_length) + "/" + name whole, at most size - 1 bytes, and ends it with 0.
 * Returns its length, 0 when it is empty, or a negative gov_error (IO).
 */
int64_t gov_kept_read(struct gov_kept *kept, const char *folder, size_t folder_length,
                      const char *name, enum gov_kept_effort effort, char *text, size_t size);

/* Closes it, if it is still ours; the next read opens it anew. */
void gov_kept_close(struct gov_kept *kept);

#endif
