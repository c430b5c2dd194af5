/* One pass over argv; what it does not know it leaves to md_args_parse, which says so. */
#include "cli/words.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const struct md_word *find(const struct md_word *words, const char *text)
{
    size_t n = strcspn(text, "=");
    for (const struct md_word *w = words; w->name; w++)
        if (strlen(w->name) == n && strncmp(w->name, text, n) == 0)
            return w;
    return NULL;
}

static int set(const struct md_word *word, const char *text, struct md_failure *failure)
{
    char *end;
    if (word->kind == MD_WORD_TEXT) {
        *(const char **)word->value = text;
        return MD_OK;
    }
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno || end == text || *end || number < word->min || number > word->max)
        return md_fail(failure, MD_ERR_INPUT,
                       "option --%s is \"%.60s\"; a number from %" PRId64 " to %" PRId64
                       " is wanted",
                       word->name, text, word->min, word->max);
    *(int64_t *)word->value = number;
    return MD_OK;
}

int md_words_parse(const struct md_word *words, int argc, char *const *argv,
                   struct md_paths *ret_rest, struct md_failure *failure)
{
    bool ended = false;
    for (int i = 0; i < argc; i++) {
        bool dashed = !ended && strncmp(argv[i], "--", 2) == 0 && argv[i][2];
        ended |= strcmp(argv[i], "--") == 0;
        const struct md_word *word = dashed ? find(words, argv[i] + 2) : NULL;
        const char *value = word ? strchr(argv[i], '=') : NULL;
        if (!word) {
            if (md_vec_push(ret_rest, argv[i]) < 0)
                return md_fail(failure, MD_ERR_NOMEM, "out of memory");
            continue;
        }
        if (word->kind == MD_WORD_FLAG) {
            if (value)
                return md_fail(failure, MD_ERR_INPUT, "option --%s takes no value", word->name);
            *(bool *)word->value = true;
            continue;
        }
        if (!value && ++i == argc)
            return md_fail(failure, MD_ERR_INPUT, "option --%s wants a value (%s)", word->name,
                           word->metavar);
        int r = set(word, value ? value + 1 : argv[i], failure);
        if (r < 0)
            return r;
    }
    return MD_OK;
}

void md_words_help(const struct md_word *words, struct md_str *out)
{
    for (const struct md_word *w = words; w->name; w++) {
        md_autostr left = {0};
        md_str_printf(&left, "  --%s%s%s", w->name, w->metavar ? " " : "",
                      w->metavar ? w->metavar : "");
        md_str_printf(out, "%-24s%s\n", md_str_text(&left), w->help);
    }
}
