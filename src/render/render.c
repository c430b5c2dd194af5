/* The render stage: the digest's video, its poster, then the files that describe it. */
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "model/cut.h"
#include "model/media.h"
#include "model/render.h"
#include "model/stage.h"
#include "render/digest.h"
#include "render/outputs.h"
#include "render/poster.h"

static const char video_name[] = "digest.mp4";

/* Written under another name and renamed when whole: whatever interrupts it, there is no half
 * digest under the finished name. */
static int make_video(const struct md_stage_env *env, const struct md_artifacts *in,
                      struct md_render *render)
{
    md_autofree char *path = md_path_join(env->out_dir, video_name);
    md_autofree char *temp = NULL;
    if (!path || md_file_temp_name(path, &temp) < 0)
        return md_fail(env->failure, MD_ERR_NOMEM, "out of memory");
    int rc = md_digest_render(env, in, temp, render);
    if (rc == MD_OK)
        rc = md_file_commit(temp, path, env->failure);
    if (rc < 0) {
        unlink(temp);
        return rc;
    }
    render->video = strdup(video_name);
    return render->video ? MD_OK : md_fail(env->failure, MD_ERR_NOMEM, "out of memory");
}

static int make_poster(const struct md_stage_env *env, const struct md_artifacts *in,
                       struct md_render *render)
{
    int rc = md_poster_write(env, in);
    if (rc != MD_ERR_INPUT && rc != MD_ERR_UNSUPPORTED && rc != MD_ERR_EXTERNAL)
        return rc;
    return md_render_warn(render, "There is no poster: %s.", env->failure->message);
}

static int run(const struct md_stage_env *env, const struct md_artifacts *in, void *ret_artifact)
{
    struct md_render *render = ret_artifact;
    if (in->cut->pieces.n == 0)
        return md_fail(env->failure, MD_ERR_INPUT, "nothing of %s was chosen for the digest",
                       in->media->name ? in->media->name : "the movie");
    int rc = md_mkdir_p(env->out_dir, env->failure);
    if (rc == MD_OK)
        rc = make_video(env, in, render);
    if (rc == MD_OK)
        rc = make_poster(env, in, render);
    return rc < 0 ? rc : md_outputs_write(env, in, render);
}

static bool exists(const struct md_stage_env *env, const char *name)
{
    md_autofree char *path = md_path_join(env->out_dir, name);
    return path && access(path, R_OK) == 0;
}

static bool outputs_present(const struct md_stage_env *env, const void *artifact)
{
    const struct md_render *render = artifact;
    return (!render->video || exists(env, render->video)) && md_outputs_present(env->out_dir);
}

const struct md_stage_ops md_stage_ops_render = {
    .stage = MD_STAGE_RENDER,
    .revision = 4,
    .run = run,
    .outputs_present = outputs_present,
};
