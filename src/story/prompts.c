/* Text with sections, as for the report's page: nothing to learn for who edits it. */
#include "story/prompts.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"

enum { MAX_BYTES = 64 * 1024 };

static const char *const names[MD_PROMPTS] = {"scene.prompt", "act.prompt", "movie.prompt"};

/* The text of a section, without the line feeds at its end; NULL: there is none. */
static char *section(const char *text, const char *name, bool *ret_no_memory)
{
    char head[32];
    snprintf(head, sizeof head, "@@ %s\n", name);
    const char *at = text;
    while (at && strncmp(at, head, strlen(head)) != 0) {
        at = strstr(at, "\n@@ ");
        at = at ? at + 1 : NULL;
    }
    if (!at)
        return NULL;
    at += strlen(head);
    const char *end = strstr(at, "\n@@ ");
    size_t n = end ? (size_t)(end - at) : strlen(at);
    while (n > 0 && at[n - 1] == '\n')
        n--;
    char *copy = strndup(at, n);
    *ret_no_memory |= !copy;
    return copy;
}

static const char *built_in(const char *name)
{
    for (const struct md_prompt_text *t = md_prompt_texts; t->name; t++)
        if (strcmp(t->name, name) == 0)
            return t->text;
    return "";
}

static int load_one(const char *folder, const char *name, struct md_prompt *prompt, uint64_t *hash,
                    struct md_failure *failure)
{
    md_autofree char *path = folder ? md_path_join(folder, name) : NULL;
    md_autofree char *own = NULL;
    bool no_memory = folder && !path;
    int r = path ? md_file_read(path, MAX_BYTES, &own, NULL, failure) : MD_ERR_NOTFOUND;
    if (no_memory || (r < 0 && r != MD_ERR_NOTFOUND))
        return no_memory ? md_fail(failure, MD_ERR_NOMEM, "out of memory") : r;
    const char *text = own ? own : built_in(name);
    *hash = md_hash(*hash, text, strlen(text) + 1);
    prompt->system = section(text, "system", &no_memory);
    prompt->user = section(text, "user", &no_memory);
    prompt->grammar = section(text, "grammar", &no_memory);
    prompt->schema = section(text, "schema", &no_memory);
    if (no_memory)
        return md_fail(failure, MD_ERR_NOMEM, "out of memory");
    if (!prompt->system || !prompt->user || !prompt->grammar)
        return md_fail(failure, MD_ERR_INPUT,
                       "%s needs the sections \"@@ system\", \"@@ user\" and \"@@ grammar\"",
                       path ? path : name);
    if (failure)
        *failure = (struct md_failure){0};
    return MD_OK;
}

int md_prompts_load(const char *folder, struct md_prompts *ret_prompts, struct md_failure *failure)
{
    struct md_prompts prompts = {.hash = MD_HASH_START};
    int r = MD_OK;
    for (int i = 0; i < MD_PROMPTS && r == MD_OK; i++)
        r = load_one(folder, names[i], &prompts.kinds[i], &prompts.hash, failure);
    if (r < 0) {
        md_prompts_done(&prompts);
        return r;
    }
    *ret_prompts = prompts;
    return MD_OK;
}

void md_prompts_done(struct md_prompts *prompts)
{
    for (int i = 0; i < MD_PROMPTS; i++) {
        free(prompts->kinds[i].system);
        free(prompts->kinds[i].user);
        free(prompts->kinds[i].grammar);
        free(prompts->kinds[i].schema);
    }
    *prompts = (struct md_prompts){0};
}

static const char *find_place(const struct md_prompt_place *places, const char *name, size_t n)
{
    for (; places->name; places++)
        if (strlen(places->name) == n && strncmp(places->name, name, n) == 0)
            return places->text;
    return NULL;
}

void md_prompt_fill(const char *text, const struct md_prompt_place *places, struct md_str *out)
{
    for (const char *open; (open = strstr(text, "{{"));) {
        const char *close = strstr(open, "}}");
        const char *filling =
            close ? find_place(places, open + 2, (size_t)(close - open - 2)) : NULL;
        if (!filling) { /* not one of ours */
            md_str_append_n(out, text, (size_t)(open - text) + 2);
            text = open + 2;
            continue;
        }
        md_str_append_n(out, text, (size_t)(open - text));
        md_str_append(out, filling);
        text = close + 2;
    }
    md_str_append(out, text);
}
