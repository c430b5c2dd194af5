/* Which model fits a device, and which ones a run uses. */
#ifndef MD_CLI_MODEL_CHOICE_H
#define MD_CLI_MODEL_CHOICE_H

#include "base/log.h"
#include "cli/args.h"
#include "cli/model_store.h"

/* The device whose memory is governed, as a run would have it. */
struct md_model_device {
    char name[160];
    bool is_gpu;
    int64_t total_bytes, budget_bytes; /* all of it; what a run may use with nobody beside it */
    int64_t whisper_batch, llm_batch;
};

/* Opens it and looks. args->memory is resolved for it. MD_ERR_INPUT. */
int md_model_device_look(struct md_args *args, struct md_model_device *ret,
                         struct md_failure *failure);

/* What it takes at a batch. */
struct md_model_need {
    struct md_model_memory memory;
    bool exact; /* from the library's dry run; else from the file's header */
};
int64_t md_model_need_at(const struct md_model_need *need, int batch);

/* The best of a kind that fits the budget at the batch wanted, or at least at one; needs: one for
 * each model. Without a GPU only what a CPU can do in a night is best. NULL: none fits. */
const struct md_found_model *md_model_choose(const struct md_found_models *models,
                                             const struct md_model_need *needs,
                                             enum md_model_kind kind,
                                             const struct md_model_device *device);

/* The models of a run, before it starts: names become paths; where nothing is named the best of
 * this program's own folder is taken, as far as it can be used; "none" becomes none. What was
 * decided is logged. MD_ERR_NOTFOUND, MD_ERR_INPUT: what was named cannot be. */
int md_model_settle(struct md_args *args, char *(*get_env)(const char *name),
                    const struct md_log *log, struct md_failure *failure);

/* The file where measured sizes are kept; caller frees; NULL: there is no home. */
char *md_model_measures(char *(*get_env)(const char *name));

#endif
