/* A movie's work on disk: its folders, the lock on them, its artifacts and their keys, and the
 * stamp that remembers a finished movie whose work folder is gone. One thread. */
#ifndef MD_WORKERS_WORK_H
#define MD_WORKERS_WORK_H

#include "base/file.h"
#include "model/stage.h"

struct md_work {
    const struct md_stage_ops *const *table; /* NULL-ended, borrowed */
    char *movie, *out_dir, *work_dir;
    struct md_options options;
    unsigned stages; /* wanted by the person, bits */
    struct md_file_identity identity;
    uint64_t place_hash; /* of the movie's real path */
    int lock_fd;
    bool guest; /* somebody else holds the lock on our behalf */
    bool stamp_checked, stamped;
    struct md_work_slot {
        void *object;       /* NULL: not loaded */
        uint64_t key, hash; /* hash: of the file's bytes */
    } slots[MD_STAGES];
};

/* Makes the folders, locks them (a guest does neither) and identifies the movie. movie, out_dir,
 * work_dir, options, stages, guest and table are set before, the rest is zero. MD_ERR_BUSY: another
 * program is at it; and what files can give. */
int md_work_open(struct md_work *work, struct md_failure *failure);

/* Unlocks and removes folders in which nothing came to be. Accepts a zero struct. */
void md_work_close(struct md_work *work);

/* The operations of a stage, or NULL when this program was built without it. */
const struct md_stage_ops *md_work_ops(const struct md_work *work, enum md_stage stage);

/* Is the stage done already? env is for its outputs_present. */
int md_work_check(struct md_work *work, const struct md_stage_env *env, enum md_stage stage,
                  bool *ret_current, struct md_failure *failure);

/* What a stage is given, and the key its artifact will carry. */
int md_work_inputs(struct md_work *work, const struct md_stage_env *env, enum md_stage stage,
                   struct md_artifacts *ret_inputs, uint64_t *ret_key, struct md_failure *failure);

/* The same inputs for a look at them, before it is known whether the stage will run. */
int md_work_see_inputs(struct md_work *work, enum md_stage stage, struct md_artifacts *ret_inputs,
                       struct md_failure *failure);

/* Forgets artifacts held in memory; they are read again when needed. */
void md_work_forget(struct md_work *work);

/* Clears what an earlier kill left half-written. */
void md_work_clean(const struct md_work *work);

/* Writes a stage's artifact. */
int md_work_save(struct md_work *work, enum md_stage stage, uint64_t key, const void *object,
                 struct md_failure *failure);

/* The artifact of a done stage; borrowed until the stage is saved again. */
int md_work_load(struct md_work *work, enum md_stage stage, const void **ret_object,
                 struct md_failure *failure);

/* The movie is done. With keep_work=no: leaves the stamp and removes the work folder, unless a
 * stage fell back: then both would only be in the way of the run that makes good for it. */
int md_work_finish(struct md_work *work, const struct md_stage_env *env,
                   struct md_failure *failure);

#endif
