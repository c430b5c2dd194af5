/* The stage graph as data. */
#include "model/stage.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"

const char *const md_stage_names[] = {"probe", "shots",  "audio",  "transcript",
                                      "story", "select", "render", NULL};

const char *const md_executor_names[] = {"media", "asr", "llm", NULL};

const char *const md_settings_names[] = {"normal", "small", "part", "short", "cpu", NULL};

const char *const md_fallback_names[] = {"none", "memory", "load", "lost", "failed", NULL};

const char *md_fallback_reason(enum md_fallback fallback)
{
    static const char *const reasons[MD_FALLBACKS] = {
        [MD_FALLBACK_MEMORY] = "there is not enough memory for it",
        [MD_FALLBACK_LOAD] = "it could not be loaded",
        [MD_FALLBACK_LOST] = "its worker was lost again and again",
        [MD_FALLBACK_FAILED] = "it failed",
    };
    return reasons[fallback];
}

unsigned md_stage_needs(enum md_stage stage)
{
#define BIT(name) (1u << MD_STAGE_##name)
    static const unsigned needs[MD_STAGES] = {
        [MD_STAGE_PROBE] = 0,
        [MD_STAGE_SHOTS] = BIT(PROBE),
        [MD_STAGE_AUDIO] = BIT(PROBE),
        [MD_STAGE_TRANSCRIPT] = BIT(PROBE) | BIT(AUDIO),
        [MD_STAGE_STORY] = BIT(PROBE) | BIT(SHOTS) | BIT(AUDIO) | BIT(TRANSCRIPT),
        [MD_STAGE_SELECT] = BIT(PROBE) | BIT(SHOTS) | BIT(AUDIO) | BIT(TRANSCRIPT) | BIT(STORY),
        [MD_STAGE_RENDER] =
            BIT(PROBE) | BIT(SHOTS) | BIT(AUDIO) | BIT(TRANSCRIPT) | BIT(STORY) | BIT(SELECT),
    };
#undef BIT
    return needs[stage];
}

int md_stage_parse(const char *name)
{
    for (int i = 0; i < MD_STAGES; i++)
        if (strcmp(name, md_stage_names[i]) == 0)
            return i;
    return -1;
}

void md_stage_clean_folders(const char *out_dir, const char *work_dir)
{
    md_autofree char *keys = md_path_join(work_dir, "keys"); /* key frames, see shots.h */
    md_remove_parts(out_dir);
    md_remove_parts(work_dir);
    if (keys)
        md_remove_parts(keys);
}

const struct md_artifact_type *md_stage_artifact(enum md_stage stage)
{
    static const struct md_artifact_type *const types[MD_STAGES] = {
        [MD_STAGE_PROBE] = &md_artifact_media,   [MD_STAGE_SHOTS] = &md_artifact_shots,
        [MD_STAGE_AUDIO] = &md_artifact_audio,   [MD_STAGE_TRANSCRIPT] = &md_artifact_transcript,
        [MD_STAGE_STORY] = &md_artifact_story,   [MD_STAGE_SELECT] = &md_artifact_cut,
        [MD_STAGE_RENDER] = &md_artifact_render,
    };
    return types[stage];
}
