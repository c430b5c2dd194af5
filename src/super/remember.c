/* What stages took in earlier runs makes the predictions of this one. It is kept whenever a movie
 * ends, not only at the end: nights are long. */
#include "super/super_internal.h"

#include <gov/history.h>

enum { MOST_REGIMES = 256 }; /* stages x codecs x sizes of any shelf */

int md_super_recall_(struct md_super *s, const struct gov_config *config,
                     struct md_failure *failure)
{
    const struct gov_history_store *store = s->params->history_store;
    size_t loaded = 0, skipped = 0;
    if (gov_history_new(config, MOST_REGIMES, &s->history) < 0)
        return md_fail(failure, MD_ERR_NOMEM, "out of memory for the memory history");
    if (!store)
        return MD_OK;
    int error = gov_history_load(s->history, store, NULL, &loaded, &skipped);
    if (error < 0 || skipped > 0)
        md_log(s->params->log, MD_LOG_WARNING, "super",
               "%zu rows of the memory history could not be read%s%s", skipped,
               error < 0 ? ": " : "", error < 0 ? gov_error_text(error) : "");
    md_log(s->params->log, MD_LOG_DEBUG, "super", "%zu kinds of work are known from earlier runs",
           loaded);
    return MD_OK;
}

void md_super_remember_(struct md_super *s)
{
    const struct gov_history_store *store = s->params->history_store;
    if (!store || !s->history)
        return;
    int error = gov_history_save(s->history, store, NULL);
    if (error < 0 && !s->history_lost)
        md_log(s->params->log, MD_LOG_WARNING, "super", "the memory history cannot be kept: %s",
               gov_error_text(error));
    s->history_lost |= error < 0;
}
