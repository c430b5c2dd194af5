/* Files beside the movie come, go and are corrected: name, size and time of each. A model is known
 * by its content: copies of one are the same. */
#include "transcript/source.h"

#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "transcript/sidecar.h"

static int chain_files(const char *movie_path, uint64_t *inout_key)
{
    struct md_sidecar_vec sidecars = {0};
    int r = md_sidecar_find(movie_path, &sidecars);
    for (size_t i = 0; i < sidecars.n; i++) {
        struct stat st = {0};
        if (stat(sidecars.v[i].path, &st) < 0)
            continue;
        int64_t numbers[] = {st.st_size, st.st_mtim.tv_sec, st.st_mtim.tv_nsec};
        *inout_key = md_hash(*inout_key, sidecars.v[i].shown, strlen(sidecars.v[i].shown) + 1);
        *inout_key = md_hash(*inout_key, numbers, sizeof numbers);
    }
    md_sidecar_vec_done(&sidecars);
    return r;
}

static int chain_model(const struct md_stage_env *env, uint64_t *inout_key)
{
    struct md_file_identity model = {.size_bytes = -1};
    struct md_failure ignored;
    /* One that cannot be read is told by who loads it; nothing is made with it, under this key. */
    if (md_file_identify(env->options->asr_model, &model, &ignored) == MD_ERR_NOMEM)
        return md_fail(env->failure, MD_ERR_NOMEM, "out of memory");
    *inout_key = md_hash(*inout_key, &model.size_bytes, sizeof model.size_bytes);
    *inout_key = md_hash(*inout_key, &model.sample_hash, sizeof model.sample_hash);
    return MD_OK;
}

int md_transcript_chain_key(const struct md_stage_env *env, uint64_t *inout_key)
{
    int how = env->options->transcribe;
    int r = how == MD_TRANSCRIBE_OFF ? MD_OK : chain_files(env->movie_path, inout_key);
    bool may_listen = how == MD_TRANSCRIBE_AUTO || how == MD_TRANSCRIBE_WHISPER;
    if (r == MD_OK && may_listen && env->options->asr_model)
        r = chain_model(env, inout_key);
    return r;
}
