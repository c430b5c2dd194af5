/* What is found is looked into once, and shown as text or as JSON. Nothing is fetched: what to get,
 * and where to put it, is told. */
#include "cli/models.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/str.h"
#include "base/utf8.h"
#include "cli/args.h"
#include "cli/help.h"
#include "cli/model_choice.h"
#include "cli/model_store.h"
#include "super/ask.h"

static const int batches[] = {1, 2, 4, 8, 16};

struct view {
    struct md_args args;
    struct md_model_device device;
    struct md_found_models all;
    struct md_model_need *needs; /* one for each */
    char *measures;
    char workers[MD_EXECUTORS][512]; /* what runs them, or why nothing does */
    const struct md_found_model *best[2];
};

static void view_done(struct view *view)
{
    md_model_store_done(&view->all);
    free(view->needs);
    free(view->measures);
    md_args_done(&view->args);
}

static int complain(const struct md_failure *failure, int status)
{
    fprintf(stderr, "moviedigest: %s\n", failure->message);
    return status;
}

/* ---- looking ---- */

static void look_at_worker(struct view *view, enum md_executor executor)
{
    struct md_worker_facts facts;
    struct md_failure why = {0};
    int r = md_ask_worker(executor, &facts, &why);
    snprintf(view->workers[executor], sizeof view->workers[0], "%s",
             r < 0 ? why.message : facts.text);
}

/* What the library does not load is of no use either. */
static void look_into(struct view *view, size_t i)
{
    struct md_found_model *model = &view->all.v[i];
    struct md_failure why = {0};
    const struct md_model_use use = {.context = view->args.options.llm_context,
                                     .on_cpu = !view->device.is_gpu};
    if (!model->why && md_ask_model(model->path, &model->file, &use, view->measures,
                                    &view->needs[i].memory, &view->needs[i].exact, &why) < 0)
        model->why = strdup(why.message);
}

static int look(struct view *view, struct md_failure *failure)
{
    int r = md_model_device_look(&view->args, &view->device, failure);
    if (r < 0)
        return r;
    look_at_worker(view, MD_EXECUTOR_ASR);
    look_at_worker(view, MD_EXECUTOR_LLM);
    view->measures = md_model_measures(getenv);
    view->needs = calloc(view->all.n + 1, sizeof *view->needs);
    if (!view->needs)
        return md_fail(failure, MD_ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < view->all.n; i++)
        look_into(view, i);
    for (int k = 0; k < 2; k++)
        view->best[k] =
            md_model_choose(&view->all, view->needs, (enum md_model_kind)k, &view->device);
    return MD_OK;
}

/* How many units at once fit the budget; 0 not even one. */
static int fitting(const struct view *view, size_t i)
{
    int fit = 0;
    for (size_t k = 0; k < MD_ARRAY_LEN(batches); k++)
        if (md_model_need_at(&view->needs[i], batches[k]) <= view->device.budget_bytes)
            fit = batches[k];
    return fit;
}

/* ---- as text ---- */

static void append_foreign(struct md_str *out, const char *bytes)
{
    char text[3 * PATH_MAX];
    md_utf8_sanitize(text, sizeof text, bytes, strlen(bytes));
    md_str_append(out, text);
}

static double gb(int64_t bytes)
{
    return (double)bytes / 1e9;
}

static void write_kind(const struct md_found_model *model, struct md_str *out)
{
    const struct md_model_file *f = &model->file;
    if (f->kind == MD_MODEL_WHISPER) {
        md_str_printf(out, "Whisper%s%s, %s, %s", f->name[0] ? " " : "", f->name, f->quantisation,
                      f->multilingual ? "many languages" : "English only");
        return;
    }
    md_str_printf(out, "%s%s%s, %.1f billion parameters, %s, ", f->architecture,
                  f->name[0] ? " " : "", f->name, (double)f->parameters / 1e9, f->quantisation);
    if (f->languages[0])
        md_str_printf(out, "%s, ", f->languages);
    md_str_printf(out, "context up to %" PRId64, f->context);
}

static void write_need(const struct view *view, size_t i, struct md_str *out)
{
    const struct md_model_need *need = &view->needs[i];
    int fit = fitting(view, i);
    md_str_append(out, "    needs");
    for (size_t k = 0; k < MD_ARRAY_LEN(batches); k++)
        md_str_printf(out, "%s %.2f GB for %d", k ? "," : "",
                      gb(md_model_need_at(need, batches[k])), batches[k]);
    md_str_printf(out, " at once%s; ", need->exact ? "" : " (estimated)");
    if (fit > 0)
        md_str_printf(out, "%d fit%s here\n", fit, fit == 1 ? "s" : "");
    else
        md_str_append(out, "too large for this device\n");
}

static void write_model(const struct view *view, size_t i, struct md_str *out)
{
    const struct md_found_model *model = &view->all.v[i];
    md_str_append(out, "  ");
    append_foreign(out, model->name);
    md_str_printf(out, "  (%s%s)\n    ", model->where,
                  model->own ? ", used when none is named" : "");
    write_kind(model, out);
    md_str_printf(out, ", %.2f GB\n", gb(model->file.size_bytes));
    write_need(view, i, out);
    md_str_append(out, "    ");
    append_foreign(out, model->path);
    md_str_append(out, "\n");
}

static void write_section(const struct view *view, int kind, const char *heading,
                          struct md_str *out)
{
    bool any = false;
    for (size_t i = 0; i < view->all.n; i++) {
        if (view->all.v[i].why || (int)view->all.v[i].file.kind != kind)
            continue;
        if (!any)
            md_str_printf(out, "\n%s\n", heading);
        any = true;
        write_model(view, i, out);
    }
}

static void write_useless(const struct view *view, struct md_str *out)
{
    bool any = false;
    for (size_t i = 0; i < view->all.n; i++) {
        if (!view->all.v[i].why)
            continue;
        md_str_append(out, any ? "" : "\nOf no use here\n");
        any = true;
        md_str_append(out, "  ");
        append_foreign(out, view->all.v[i].path);
        md_str_append(out, "\n    ");
        append_foreign(out, view->all.v[i].why);
        md_str_append(out, "\n");
    }
}

/* What to fetch where nothing is, by what the budget holds. */
static const char *wanted_speech(const struct view *view)
{
    if (!view->device.is_gpu)
        return "ggml-small.bin (0.5 GB), or ggml-base.bin (0.15 GB) for speed";
    return view->device.budget_bytes >= 6000000000 ? "ggml-large-v3-turbo.bin (1.6 GB)"
                                                   : "ggml-large-v3-turbo-q5_0.bin (0.6 GB)";
}

static const char *wanted_text(const struct view *view)
{
    if (!view->device.is_gpu)
        return "of 3 to 4 billion parameters (2 to 2.5 GB)";
    return view->device.budget_bytes >= 9000000000 ? "of 7 to 9 billion parameters (4.5 to 6 GB)"
                                                   : "of 3 to 4 billion parameters (2 to 2.5 GB)";
}

static void write_advice(const struct view *view, struct md_str *out)
{
    md_autofree char *own = md_model_store_folder(getenv);
    static const char *const options[] = {"--asr-model", "--llm-model"};
    md_str_append(out, "\n");
    for (int k = 0; k < 2; k++) {
        if (view->best[k]) {
            md_str_printf(out, "Best for this device: %s ", options[k]);
            append_foreign(out, view->best[k]->name);
            md_str_append(out, "\n");
        } else if (k == 0) {
            md_str_printf(out,
                          "No speech model that fits. For this device: %s,\n"
                          "  from the page of models of the whisper.cpp project.\n",
                          wanted_speech(view));
        } else {
            md_str_printf(out,
                          "No language model that fits. For this device: an instruct model %s,\n"
                          "  as GGUF in Q4_K_M, from its maker's page.\n",
                          wanted_text(view));
        }
    }
    if (!view->best[0] || !view->best[1]) {
        md_str_append(out, "Put files into ");
        append_foreign(out, own ? own : "a folder of yours");
        md_str_append(out, ", or: moviedigest models add FILE.\n"
                           "Nothing is fetched by itself; docs/models.md names files to begin "
                           "with.\n");
    }
}

static void write_text(const struct view *view, struct md_str *out)
{
    md_str_printf(out, "Device: %s, %.1f GB; a run may use %.1f GB\n", view->device.name,
                  gb(view->device.total_bytes), gb(view->device.budget_bytes));
    md_str_printf(out, "Speech recognition: %s\n", view->workers[MD_EXECUTOR_ASR]);
    md_str_printf(out, "Language models: %s\n", view->workers[MD_EXECUTOR_LLM]);
    write_section(view, MD_MODEL_WHISPER, "Speech models", out);
    write_section(view, MD_MODEL_GGUF, "Language models", out);
    write_useless(view, out);
    write_advice(view, out);
}

/* ---- as JSON ---- */

static json_t *foreign(const char *bytes)
{
    md_autostr text = {0};
    append_foreign(&text, bytes);
    return json_string(md_str_text(&text));
}

static json_t *needs_json(const struct view *view, size_t i)
{
    json_t *all = json_object();
    for (size_t k = 0; k < MD_ARRAY_LEN(batches); k++) {
        char name[16];
        snprintf(name, sizeof name, "%d", batches[k]);
        json_object_set_new(all, name, json_integer(md_model_need_at(&view->needs[i], batches[k])));
    }
    return all;
}

static json_t *model_json(const struct view *view, size_t i)
{
    const struct md_found_model *m = &view->all.v[i];
    const struct md_model_file *f = &m->file;
    json_t *row = json_pack("{s:o, s:o, s:s, s:b}", "path", foreign(m->path), "name",
                            foreign(m->name), "where", m->where, "own", m->own);
    if (m->why) {
        json_object_set_new(row, "unusable", foreign(m->why));
        return row;
    }
    json_t *more = json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:o, s:b, s:i}", "kind",
                             f->kind == MD_MODEL_WHISPER ? "speech" : "language", "architecture",
                             f->architecture, "title", f->name, "quantisation", f->quantisation,
                             "languages", f->languages, "size_bytes", (json_int_t)f->size_bytes,
                             "parameters", (json_int_t)f->parameters, "context",
                             (json_int_t)f->context, "bytes_at_batch", needs_json(view, i), "exact",
                             view->needs[i].exact, "fits_batch", fitting(view, i));
    json_object_update(row, more);
    json_decref(more);
    return row;
}

static void write_json(const struct view *view, struct md_str *out)
{
    md_autofree char *own = md_model_store_folder(getenv);
    json_t *models = json_array();
    for (size_t i = 0; i < view->all.n; i++)
        json_array_append_new(models, model_json(view, i));
    json_t *all = json_pack("{s:{s:s, s:b, s:I, s:I}, s:s, s:s, s:s?, s:o, s:{s:o*, s:o*}}",
                            "device", "name", view->device.name, "is_gpu", view->device.is_gpu,
                            "total_bytes", (json_int_t)view->device.total_bytes, "budget_bytes",
                            (json_int_t)view->device.budget_bytes, "speech_worker",
                            view->workers[MD_EXECUTOR_ASR], "language_worker",
                            view->workers[MD_EXECUTOR_LLM], "folder", own, "models", models, "best",
                            "speech", view->best[0] ? foreign(view->best[0]->path) : NULL,
                            "language", view->best[1] ? foreign(view->best[1]->path) : NULL);
    md_autofree char *text = all ? json_dumps(all, JSON_INDENT(2)) : NULL;
    json_decref(all);
    if (text)
        md_str_printf(out, "%s\n", text);
    else
        out->failed = true;
}

static int show(const struct view *view)
{
    md_autostr text = {0};
    if (view->args.options.json)
        write_json(view, &text);
    else
        write_text(view, &text);
    bool bad = md_str_failed(&text) || fputs(md_str_text(&text), stdout) < 0 || fflush(stdout) < 0;
    return bad ? MD_EXIT_FAILED : MD_EXIT_DONE;
}

/* ---- commands ---- */

static int list(struct view *view)
{
    struct md_failure failure = {0};
    if (view->args.paths.n > 0) {
        fprintf(stderr, "moviedigest: models list takes no file; see models check\n");
        return MD_EXIT_USAGE;
    }
    if (md_model_store_search(getenv, false, &view->all) < 0)
        return complain(&(struct md_failure){.message = "out of memory"}, MD_EXIT_FAILED);
    return look(view, &failure) < 0 ? complain(&failure, MD_EXIT_USAGE) : show(view);
}

/* A file, or the name of one that is found; caller frees. */
static char *resolve(const char *word, struct md_failure *failure)
{
    struct md_found_models all;
    const struct md_found_model *model;
    struct md_failure other = {0};
    char *path = NULL;
    if (strchr(word, '/') || access(word, F_OK) == 0)
        return strdup(word);
    if (md_model_store_search(getenv, false, &all) < 0)
        return NULL;
    if (md_model_store_find(&all, MD_MODEL_WHISPER, word, &model, failure) == MD_OK ||
        md_model_store_find(&all, MD_MODEL_GGUF, word, &model, &other) == MD_OK)
        path = strdup(model->path);
    md_model_store_done(&all);
    return path;
}

/* Takes the file into the view, whether it can be used or not. */
static int take(struct view *view, const char *word, struct md_failure *failure)
{
    struct md_found_model model = {.where = "given", .path = resolve(word, failure)};
    model.name = model.path ? md_model_store_name(model.path) : NULL;
    int r = model.name            ? md_model_file_read(model.path, &model.file, failure)
            : failure->message[0] ? MD_ERR_NOTFOUND
                                  : md_fail(failure, MD_ERR_NOMEM, "out of memory");
    if (r == MD_OK)
        r = md_vec_push(&view->all, model);
    if (r < 0) {
        free(model.path);
        free(model.name);
    }
    return r;
}

/* What of the words is of use is shown; a sentence for each of the others. */
static int check(struct view *view)
{
    int status = MD_EXIT_DONE;
    struct md_failure failure = {0};
    md_autostr text = {0};
    for (size_t i = 0; i < view->args.paths.n; i++, failure = (struct md_failure){0})
        if (take(view, view->args.paths.v[i], &failure) < 0)
            status = complain(&failure, MD_EXIT_FAILED);
    if (look(view, &failure) < 0)
        return complain(&failure, MD_EXIT_USAGE);
    for (size_t i = 0; i < view->all.n; i++) {
        if (view->all.v[i].why) {
            snprintf(failure.message, sizeof failure.message, "%s", view->all.v[i].why);
            status = complain(&failure, MD_EXIT_FAILED);
        } else if (!view->args.options.json) {
            write_model(view, i, &text);
        }
    }
    fputs(md_str_text(&text), stdout);
    if (view->args.options.json)
        return MD_MAX(status, show(view));
    return status;
}

/* Ollama's files have no endings; ours are found by them. */
static char *link_name(const char *word, const char *path, const struct md_model_file *file)
{
    const char *base = strchr(word, '/') ? md_path_base(path) : md_path_base(word);
    const char *ending = file->kind == MD_MODEL_WHISPER ? ".bin" : ".gguf";
    size_t n = strlen(base), m = strlen(ending);
    md_autostr name = {0};
    md_str_printf(&name, "%s%s", base, n > m && strcmp(base + n - m, ending) == 0 ? "" : ending);
    for (size_t i = 0; i < name.n; i++)
        if (name.s[i] == ':')
            name.s[i] = '-';
    return md_str_take(&name);
}

/* A link: models are large, and their own programs want them where they are. */
static int make_link(const char *path, const char *folder, const char *name,
                     struct md_failure *failure)
{
    md_autofree char *real = realpath(path, NULL);
    md_autofree char *link = md_path_join(folder, name);
    md_autofree char *there = link ? realpath(link, NULL) : NULL;
    if (!real || !link)
        return md_fail_errno(failure, errno, "cannot find %s", path);
    if (there && strcmp(there, real) == 0)
        return MD_OK;
    if (!there) /* what it pointed to is gone */
        (void)unlink(link);
    return symlink(real, link) < 0 ? md_fail_errno(failure, errno, "cannot make %s", link) : MD_OK;
}

/* All parts of a model in several files; their names tell which they are, and stay. */
static int add_parts(const struct md_found_model *model, const char *folder,
                     struct md_failure *failure)
{
    const size_t tail = strlen("00001-of-00001.gguf");
    int r = MD_OK;
    for (int64_t i = 0; i < model->file.parts && r == MD_OK; i++) {
        md_autostr path = {0};
        md_str_append_n(&path, model->path, strlen(model->path) - tail);
        md_str_printf(&path, "%05d-of-%05d.gguf", (int)i + 1, (int)model->file.parts);
        r = md_str_failed(&path)
                ? md_fail(failure, MD_ERR_NOMEM, "out of memory")
                : make_link(md_str_text(&path), folder, md_path_base(md_str_text(&path)), failure);
    }
    return r;
}

static int add_one(const struct md_found_model *model, const char *word, struct md_failure *failure)
{
    md_autofree char *folder = md_model_store_folder(getenv);
    md_autofree char *name = link_name(word, model->path, &model->file);
    if (!folder || !name)
        return md_fail(failure, MD_ERR_NOTFOUND, "there is no home folder to add models to");
    int r = md_mkdir_p(folder, failure);
    if (r == MD_OK)
        r = model->file.parts > 1 ? add_parts(model, folder, failure)
                                  : make_link(model->path, folder, name, failure);
    if (r == MD_OK) {
        md_autostr text = {0};
        md_str_append(&text, "Added to ");
        append_foreign(&text, folder);
        md_str_append(&text, ": runs use the best of what is there when no model is named.\n");
        fputs(md_str_text(&text), stdout);
    }
    return r;
}

static int add(struct view *view)
{
    int status = MD_EXIT_DONE;
    for (size_t i = 0; i < view->args.paths.n; i++) {
        const char *word = view->args.paths.v[i];
        struct md_failure failure = {0};
        size_t before = view->all.n;
        int r = take(view, word, &failure);
        if (r == MD_OK)
            r = add_one(&view->all.v[before], word, &failure);
        if (r < 0)
            status = complain(&failure, MD_EXIT_FAILED);
    }
    return status;
}

int md_models_command(const struct md_cli_command *self, int argc, char *const *argv)
{
    struct view view = {0};
    struct md_failure failure = {0};
    if (md_args_parse(&view.args, argc, argv, getenv, &failure) < 0)
        return complain(&failure, MD_EXIT_USAGE);
    int status;
    if (view.args.help) {
        md_autostr text = {0};
        md_help_command(&text, self, 80);
        fputs(md_str_text(&text), stdout);
        view_done(&view);
        return MD_EXIT_DONE;
    }
    bool is_list = strcmp(self->name, "models list") == 0 || strcmp(self->name, "models") == 0;
    if (is_list)
        status = list(&view);
    else if (view.args.paths.n == 0) {
        fprintf(stderr, "moviedigest: %s needs a file, or a name of models list\n", self->name);
        status = MD_EXIT_USAGE;
    } else
        status = strcmp(self->name, "models check") == 0 ? check(&view) : add(&view);
    view_done(&view);
    return status;
}
