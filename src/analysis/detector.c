/* To know which detectors exist, read the table. */
#include "analysis/detector.h"

#include <string.h>

#include "base/str.h"

const struct md_detector_ops *const md_detectors[] = {
    &md_detector_accurate,
    &md_detector_histogram,
    &md_detector_content,
    NULL,
};

int md_detector_find(const char *name, const struct md_detector_ops **ret_ops,
                     struct md_failure *failure)
{
    if (!name || !*name)
        name = md_detectors[0]->name;
    md_autostr names = {0};
    for (size_t i = 0; md_detectors[i]; i++) {
        if (strcmp(md_detectors[i]->name, name) == 0) {
            *ret_ops = md_detectors[i];
            return MD_OK;
        }
        md_str_printf(&names, "%s%s", i ? ", " : "", md_detectors[i]->name);
    }
    return md_fail(failure, MD_ERR_INPUT, "there is no shot detector \"%s\"; there are: %s", name,
                   md_str_text(&names));
}
