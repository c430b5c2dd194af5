/* Of libwhisper what can be known without a model. */
#include <stdio.h>
#include <whisper.h>

#include "infer/ggml.h"
#include "infer/speech.h"

int md_speech_check(const struct md_log *log, char *text, size_t size, struct md_failure *failure)
{
    int r = md_ggml_check_version("whisper", whisper_version(), MD_WHISPER_VERSION, failure);
    if (r == MD_OK)
        r = md_ggml_start(log, NULL, failure);
    if (r < 0)
        return r;
    int n = snprintf(text, size, "ggml %s, whisper %s; ", MD_GGML_VERSION, MD_WHISPER_VERSION);
    if (n > 0 && (size_t)n < size)
        md_ggml_devices(text + n, size - (size_t)n);
    return MD_OK;
}
