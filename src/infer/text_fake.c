/* A language model without a model: what it is asked goes to a rule. For tests of everything around
 * the real one. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "infer/text.h"

static int fake_open(const struct md_text_params *params, void **ret_model,
                     struct md_failure *failure)
{
    (void)params;
    (void)ret_model;
    return md_fail(failure, MD_ERR_UNSUPPORTED, "the fake is not opened: it is a rule");
}

static int fake_run(void *model, const struct md_text_run *run)
{
    struct md_text_rule *rule = model;
    size_t at_once = (size_t)MD_CLAMP(run->at_once, 1, MD_TEXT_MAX_SEQUENCES);
    for (size_t first = 0; first < run->count; first += at_once) {
        char *replies[MD_TEXT_MAX_SEQUENCES];
        size_t n = 0;
        int r = MD_OK;
        for (; n < at_once && first + n < run->count && r == MD_OK; n++) {
            struct md_text_request request = {0};
            replies[n] = NULL;
            r = run->read(run->user, first + n, &request);
            if (r == MD_OK && rule->fails_at > 0 && --rule->fails_at == 0)
                r = md_fail(run->failure, MD_ERR_EXTERNAL, "the fake is down");
            if (r == MD_OK)
                replies[n] = rule->answer(rule->user, &request);
        }
        while (n-- > 0) {
            if (r == MD_OK)
                r = run->done(run->user, first + n, replies[n]);
            free(replies[n]);
        }
        if (r == MD_OK && run->cancelled && run->cancelled(run->user))
            r = md_fail(run->failure, MD_ERR_CANCELLED, "cancelled");
        if (r < 0)
            return r;
    }
    return MD_OK;
}

static int64_t fake_count(void *model, const char *text)
{
    (void)model;
    return (int64_t)((strlen(text) + 3) / 4);
}

static bool fake_is_sound(const void *model)
{
    (void)model;
    return true;
}

static void fake_close(void *model)
{
    (void)model;
}

const struct md_text_backend md_text_fake = {
    .name = "fake",
    .open = fake_open,
    .run = fake_run,
    .count = fake_count,
    .is_sound = fake_is_sound,
    .close = fake_close,
};
