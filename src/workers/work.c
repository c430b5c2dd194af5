/* Keys. The key of an artifact chains: the movie's identity, format and revision of the stage, the
 * bytes of the artifacts it is made from, the options that shape it, and what else the stage says
 * (chain_key). The bytes of earlier artifacts, their keys among them, stand for everything that
 * shaped them: whatever is redone has what depends on it redone as well.
 *
 * The stamp. With keep_work=no the artifacts are gone after the run. What is left in the output
 * folder is render's artifact once more under another name, with a key made of identity, revisions
 * and options alone: stages are deterministic, so those determine the outputs. While that key is
 * right and render finds its outputs present, the movie is done. */
#include "workers/work.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"

enum { MAX_ARTIFACT_BYTES = 256 * 1024 * 1024 };
#define ALL_STAGES ((1u << MD_STAGES) - 1)

static const char stamp_name[] = ".moviedigest-done.json";

/* The lock */

/* 0, or a value of errno; EWOULDBLOCK while another process has it. */
static int try_lock(const char *path, int *ret_fd)
{
    struct stat by_fd, by_path;
    md_autoclose int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (fd < 0)
        return errno;
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        return errno;
    /* The one who had it may have removed the file while we opened it. */
    if (fstat(fd, &by_fd) < 0 || stat(path, &by_path) < 0 || by_fd.st_ino != by_path.st_ino ||
        by_fd.st_dev != by_path.st_dev)
        return EWOULDBLOCK;
    *ret_fd = md_take_fd(&fd);
    return 0;
}

static int lock_folder(struct md_work *work, struct md_failure *failure)
{
    /* A worker whose main program was just killed may need a moment to die. */
    const struct timespec pause = {.tv_nsec = 50 * 1000 * 1000};
    const int tries = 40;
    md_autofree char *path = md_path_join(work->work_dir, MD_WORK_LOCK);
    if (!path)
        return md_fail(failure, MD_ERR_NOMEM, "out of memory");
    int why = 0;
    for (int i = 0; i < tries; i++) {
        why = try_lock(path, &work->lock_fd);
        if (why == 0)
            return MD_OK;
        if (why != EWOULDBLOCK && why != ENOENT && why != EINTR)
            break;
        if (why == ENOENT && md_mkdir_p(work->work_dir, failure) < 0)
            break;
        nanosleep(&pause, NULL);
    }
    if (why == EWOULDBLOCK)
        return md_fail(failure, MD_ERR_BUSY,
                       "another moviedigest is working on this movie (it holds %s)", path);
    return md_fail_errno(failure, why, "cannot lock %s", path);
}

/* The movie */

static int hash_place(struct md_work *work, struct md_failure *failure)
{
    md_autofree char *real = realpath(work->movie, NULL);
    if (!real)
        return md_fail_errno(failure, errno, "cannot open %s", work->movie);
    work->place_hash = md_hash(MD_HASH_START, real, strlen(real) + 1);
    return MD_OK;
}

int md_work_open(struct md_work *work, struct md_failure *failure)
{
    work->lock_fd = -1;
    int r = hash_place(work, failure);
    if (r == MD_OK)
        r = md_file_identify(work->movie, &work->identity, failure);
    if (work->guest)
        return r;
    if (r == MD_OK)
        r = md_mkdir_p(work->out_dir, failure);
    if (r == MD_OK)
        r = md_mkdir_p(work->work_dir, failure);
    if (r == MD_OK)
        r = lock_folder(work, failure);
    return r;
}

static void forget(struct md_work *work, enum md_stage stage)
{
    struct md_work_slot *slot = &work->slots[stage];
    if (!slot->object)
        return;
    md_artifact_done(md_stage_artifact(stage), slot->object);
    free(slot->object);
    *slot = (struct md_work_slot){0};
}

void md_work_forget(struct md_work *work)
{
    for (int s = 0; s < MD_STAGES; s++)
        forget(work, (enum md_stage)s);
}

void md_work_close(struct md_work *work)
{
    md_work_forget(work);
    if (work->work_dir && work->lock_fd >= 0) {
        md_autofree char *path = md_path_join(work->work_dir, MD_WORK_LOCK);
        if (path)
            unlink(path);
        close(work->lock_fd);
        /* Only folders that stayed empty go. */
        rmdir(work->work_dir);
        rmdir(work->out_dir);
    }
    free(work->movie);
    free(work->out_dir);
    free(work->work_dir);
    md_options_done(&work->options);
    *work = (struct md_work){.lock_fd = -1};
}

const struct md_stage_ops *md_work_ops(const struct md_work *work, enum md_stage stage)
{
    for (size_t i = 0; work->table[i]; i++)
        if (work->table[i]->stage == stage)
            return work->table[i];
    return NULL;
}

/* Keys */

static uint64_t hash_identity(const struct md_work *work, uint64_t hash)
{
    hash = md_hash(hash, &work->identity.size_bytes, sizeof work->identity.size_bytes);
    hash = md_hash(hash, &work->identity.mtime_ns, sizeof work->identity.mtime_ns);
    return md_hash(hash, &work->identity.sample_hash, sizeof work->identity.sample_hash);
}

/* What shapes a stage's artifact besides earlier artifacts. */
static int hash_stage(const struct md_work *work, const struct md_stage_env *env,
                      enum md_stage stage, uint64_t *inout_hash, struct md_failure *failure)
{
    const struct md_artifact_type *type = md_stage_artifact(stage);
    const struct md_stage_ops *ops = md_work_ops(work, stage);
    if (!ops)
        return md_fail(failure, MD_ERR_UNSUPPORTED, "this build has no stage %s",
                       md_stage_names[stage]);
    int64_t numbers[] = {type->version, ops->revision};
    uint64_t hash = *inout_hash;
    hash = md_hash(hash, type->schema, strlen(type->schema) + 1);
    hash = md_hash(hash, numbers, sizeof numbers);
    if (stage == MD_STAGE_PROBE) /* media.json names the file */
        hash = md_hash(hash, &work->place_hash, sizeof work->place_hash);
    hash = md_options_hash(&work->options, stage, hash);
    if (env->fallback) { /* what is asked for is never this */
        const char *name = md_fallback_names[env->fallback];
        hash = md_hash(hash, name, strlen(name) + 1);
    }
    if (ops->chain_key) {
        int r = ops->chain_key(env, &hash);
        if (r < 0)
            return failure->code ? r : md_fail(failure, r, "cannot see what the stage depends on");
    }
    *inout_hash = hash;
    return MD_OK;
}

static int artifact_key(struct md_work *work, const struct md_stage_env *env, enum md_stage stage,
                        uint64_t *ret_key, struct md_failure *failure)
{
    unsigned needs = md_stage_needs(stage);
    uint64_t key = hash_identity(work, MD_HASH_START);
    for (int s = 0; s < MD_STAGES; s++) {
        const void *object;
        if (!(needs & 1u << s))
            continue;
        int r = md_work_load(work, (enum md_stage)s, &object, failure);
        if (r < 0)
            return r;
        key = md_hash(key, &work->slots[s].hash, sizeof work->slots[s].hash);
    }
    int r = hash_stage(work, env, stage, &key, failure);
    if (r == MD_OK)
        *ret_key = key;
    return r;
}

/* Artifacts */

/* Fills the slot from the file. MD_ERR_NOTFOUND, MD_ERR_INPUT and what files can give. */
static int read_slot(struct md_work *work, enum md_stage stage, struct md_failure *failure)
{
    const struct md_artifact_type *type = md_stage_artifact(stage);
    md_autofree char *path = md_path_join(work->work_dir, type->file);
    md_autofree char *bytes = NULL;
    md_autofree void *object = calloc(1, type->size);
    size_t size;
    uint64_t key;
    if (!path || !object)
        return md_fail(failure, MD_ERR_NOMEM, "out of memory reading %s", type->file);
    int r = md_file_read(path, MAX_ARTIFACT_BYTES, &bytes, &size, failure);
    if (r == MD_OK)
        r = md_artifact_parse(type, bytes, size, object, &key, failure);
    if (r < 0)
        return r;
    forget(work, stage);
    work->slots[stage] = (struct md_work_slot){
        .object = md_take_ptr(object), .key = key, .hash = md_hash(MD_HASH_START, bytes, size)};
    return MD_OK;
}

int md_work_load(struct md_work *work, enum md_stage stage, const void **ret_object,
                 struct md_failure *failure)
{
    if (!work->slots[stage].object) {
        int r = read_slot(work, stage, failure);
        if (r < 0)
            return r;
    }
    *ret_object = work->slots[stage].object;
    return MD_OK;
}

int md_work_save(struct md_work *work, enum md_stage stage, uint64_t key, const void *object,
                 struct md_failure *failure)
{
    forget(work, stage); /* numbers are rounded on paper: what is used later is what was written */
    return md_artifact_save(md_stage_artifact(stage), work->work_dir, key, object, failure);
}

/* The stamp */

static struct md_artifact_type stamp_type(void)
{
    struct md_artifact_type type = *md_stage_artifact(MD_STAGE_RENDER);
    type.file = stamp_name;
    return type;
}

static int stamp_key(const struct md_work *work, const struct md_stage_env *env, uint64_t *ret_key,
                     struct md_failure *failure)
{
    uint64_t key = hash_identity(work, MD_HASH_START);
    for (int s = 0; s < MD_STAGES; s++) {
        int r = hash_stage(work, env, (enum md_stage)s, &key, failure);
        if (r < 0)
            return r;
    }
    *ret_key = key;
    return MD_OK;
}

static bool leaves_outputs(const struct md_work *work)
{
    return work->stages & 1u << MD_STAGE_RENDER;
}

static bool stamp_is_valid(const struct md_work *work, const struct md_stage_env *env)
{
    const struct md_artifact_type type = stamp_type();
    const struct md_stage_ops *ops = md_work_ops(work, MD_STAGE_RENDER);
    struct md_failure ignored = {0};
    uint64_t wanted;
    if (stamp_key(work, env, &wanted, &ignored) < 0 ||
        !md_artifact_is_current(&type, work->out_dir, wanted))
        return false;
    md_autofree void *object = calloc(1, type.size);
    if (!object || md_artifact_load(&type, work->out_dir, object, &ignored) < 0)
        return false;
    bool present = !ops->outputs_present || ops->outputs_present(env, object);
    md_artifact_done(&type, object);
    return present;
}

static bool is_stamped(struct md_work *work, const struct md_stage_env *env)
{
    if (!leaves_outputs(work) || work->options.force)
        return false;
    if (!work->stamp_checked)
        work->stamped = stamp_is_valid(work, env);
    work->stamp_checked = true;
    return work->stamped;
}

/* Before anything in the output folder changes. */
static void remove_stamp(struct md_work *work)
{
    md_autofree char *path = md_path_join(work->out_dir, stamp_name);
    if (path)
        unlink(path);
    work->stamp_checked = true;
    work->stamped = false;
}

static int write_stamp(struct md_work *work, const struct md_stage_env *env,
                       struct md_failure *failure)
{
    const struct md_artifact_type type = stamp_type();
    const void *render;
    uint64_t key;
    int r = md_work_load(work, MD_STAGE_RENDER, &render, failure);
    if (r == MD_OK)
        r = stamp_key(work, env, &key, failure);
    return r == MD_OK ? md_artifact_save(&type, work->out_dir, key, render, failure) : r;
}

/* Stages */

int md_work_check(struct md_work *work, const struct md_stage_env *env, enum md_stage stage,
                  bool *ret_current, struct md_failure *failure)
{
    struct md_failure ignored = {0};
    const struct md_stage_ops *ops = md_work_ops(work, stage);
    const void *object;
    uint64_t key;
    if (is_stamped(work, env)) {
        *ret_current = true;
        return MD_OK;
    }
    int r = artifact_key(work, env, stage, &key, failure);
    if (r < 0)
        return r;
    r = md_work_load(work, stage, &object, &ignored);
    if (r == MD_ERR_NOMEM)
        return md_fail(failure, r, "out of memory reading %s", md_stage_artifact(stage)->file);
    *ret_current = r == MD_OK && work->slots[stage].key == key &&
                   (!ops->outputs_present || ops->outputs_present(env, object));
    if (!*ret_current)
        forget(work, stage); /* another process may be the one that makes it anew */
    return MD_OK;
}

static void set_inputs(const struct md_work *work, unsigned needs, struct md_artifacts *inputs)
{
#define TAKE(name, member)                                                                         \
    if (needs & 1u << MD_STAGE_##name)                                                             \
    inputs->member = work->slots[MD_STAGE_##name].object
    TAKE(PROBE, media);
    TAKE(SHOTS, shots);
    TAKE(AUDIO, audio);
    TAKE(TRANSCRIPT, transcript);
    TAKE(STORY, story);
    TAKE(SELECT, cut);
#undef TAKE
}

int md_work_inputs(struct md_work *work, const struct md_stage_env *env, enum md_stage stage,
                   struct md_artifacts *ret_inputs, uint64_t *ret_key, struct md_failure *failure)
{
    int r = artifact_key(work, env, stage, ret_key, failure);
    if (r < 0)
        return r;
    if (stage == MD_STAGE_RENDER)
        remove_stamp(work);
    /* Exactly what the key covers: nothing that happens to lie there may shape the artifact. */
    *ret_inputs = (struct md_artifacts){0};
    set_inputs(work, md_stage_needs(stage), ret_inputs);
    return MD_OK;
}

int md_work_see_inputs(struct md_work *work, enum md_stage stage, struct md_artifacts *ret_inputs,
                       struct md_failure *failure)
{
    unsigned needs = md_stage_needs(stage);
    for (int s = 0; s < MD_STAGES; s++) {
        const void *object;
        int r = needs & 1u << s ? md_work_load(work, (enum md_stage)s, &object, failure) : MD_OK;
        if (r < 0)
            return r;
    }
    *ret_inputs = (struct md_artifacts){0};
    set_inputs(work, needs, ret_inputs);
    return MD_OK;
}

void md_work_clean(const struct md_work *work)
{
    md_stage_clean_folders(work->out_dir, work->work_dir);
}

/* False when a stage fell back: what is on disk is not what was asked for. */
static bool is_whole(struct md_work *work, const struct md_stage_env *env)
{
    struct md_failure ignored;
    for (int s = 0; s < MD_STAGES; s++) {
        const void *object;
        uint64_t key;
        if (md_work_load(work, (enum md_stage)s, &object, &ignored) < 0 ||
            artifact_key(work, env, (enum md_stage)s, &key, &ignored) < 0 ||
            key != work->slots[s].key)
            return false;
    }
    return true;
}

int md_work_finish(struct md_work *work, const struct md_stage_env *env, struct md_failure *failure)
{
    /* Without render the work folder is all there is. */
    if (work->options.keep_work || !leaves_outputs(work))
        return MD_OK;
    if (!is_stamped(work, env) && !is_whole(work, env)) {
        md_log(env->log, MD_LOG_WARNING, "work",
               "the work folder is kept: what could not be done now can be done from it next time");
        return MD_OK;
    }
    int r = is_stamped(work, env) ? MD_OK : write_stamp(work, env, failure);
    return r == MD_OK ? md_remove_tree(work->work_dir, failure) : r;
}
