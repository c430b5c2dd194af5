/* What workers with a language model have in common, wherever the model is. */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "workers/llm_stage.h"

static char *shown_name(const char *name)
{
    size_t n = strlen(name);
    char *shown = malloc(3 * n + 1);
    if (shown)
        md_utf8_sanitize(shown, 3 * n + 1, name, n);
    return shown;
}

int md_llm_open(const struct md_text_backend *backend, const struct md_text_params *params,
                const char *name, void **ret_model, struct md_failure *failure)
{
    struct md_llm_model *model = calloc(1, sizeof *model);
    if (!model)
        return md_fail(failure, MD_ERR_NOMEM, "out of memory");
    model->backend = backend;
    model->name = shown_name(name);
    int r = model->name ? backend->open(params, &model->text, failure)
                        : md_fail(failure, MD_ERR_NOMEM, "out of memory");
    if (r < 0)
        md_llm_close(model);
    else
        *ret_model = model;
    return r;
}

void md_llm_close(void *opaque)
{
    struct md_llm_model *model = opaque;
    if (!model)
        return;
    model->backend->close(model->text);
    free(model->name);
    free(model);
}

bool md_llm_is_sound(const void *opaque)
{
    const struct md_llm_model *model = opaque;
    return model->backend->is_sound(model->text);
}

void md_llm_rest(void *opaque)
{
    struct md_llm_model *model = opaque;
    if (model->backend->rest)
        model->backend->rest(model->text);
}
