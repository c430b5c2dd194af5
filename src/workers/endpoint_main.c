/* moviedigest-endpoint: tells stories with a language model on a server. Small: it holds no model,
 * and the key to the server is in no other process of ours but the first. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "infer/endpoint_address.h"
#include "ipc/protocol.h"
#include "workers/llm_stage.h"
#include "workers/runner.h"

static const struct md_stage_ops *const table[] = {&md_stage_ops_story_llm, NULL};

/* From the file when one is named, else from the environment, where it is wiped. NULL: there is
 * none, and none may be needed. */
static int find_key(const char *file, char **ret_key, struct md_failure *failure)
{
    *ret_key = NULL;
    if (file)
        return md_endpoint_key_read(file, ret_key, failure);
    char *given = getenv(MD_ENV_LLM_KEY);
    if (!given || !*given)
        return MD_OK;
    char *key = strdup(given);
    explicit_bzero(given, strlen(given));
    if (!key)
        return md_fail(failure, MD_ERR_NOMEM, "out of memory");
    int r = md_endpoint_key_check(key, MD_ENV_LLM_KEY, failure);
    if (r < 0)
        md_endpoint_key_free(key);
    else
        *ret_key = key;
    return r;
}

static int load(const struct md_model_params *params, void **ret_model, struct md_failure *failure)
{
    const struct md_options *options = params->options;
    struct md_text_server server = {.url = options->llm_url, .name = options->llm_name};
    const struct md_text_params text = {
        .server = &server,
        .sequences = MD_MIN(params->batch, (int)MD_TEXT_MAX_SEQUENCES),
        .context = options->llm_context,
        .threads = 1,
        .log = params->log,
    };
    char *key;
    if (!server.url)
        return md_fail(failure, MD_ERR_INPUT, "no endpoint is given: --llm-url URL");
    int r = find_key(options->llm_key_file, &key, failure);
    if (r < 0)
        return r;
    server.key = key;
    r = md_llm_open(&md_text_endpoint, &text, "endpoint", ret_model, failure);
    md_endpoint_key_free(key);
    return r;
}

int main(int argc, char **argv)
{
    static const struct md_model_ops text = {
        .load = load, .unload = md_llm_close, .is_sound = md_llm_is_sound, .rest = md_llm_rest};
    static const struct md_worker_program program = {
        .name = "moviedigest-endpoint",
        .table = table,
        .models = {[MD_EXECUTOR_LLM] = &text},
    };
    return md_runner_main(argc, argv, &program);
}
