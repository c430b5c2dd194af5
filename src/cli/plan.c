/* Probes what was never probed, in workers as a run does (this program links no codec), then lets
 * the engine work through it in a virtual world. Nothing is written but the page asked for. */
#include "cli/plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/utf8.h"
#include "cli/args.h"
#include "cli/model_choice.h"
#include "cli/plan_show.h"
#include "cli/scan.h"
#include "cli/screen.h"
#include "cli/words.h"
#include "model/media.h"
#include "super/super.h"

struct plan_jobs MD_VEC(struct md_job);

struct planning {
    struct md_args args;
    struct md_scan scan;
    struct plan_jobs jobs; /* one a movie; the folders owned */
    char *scratch;         /* where unknown movies are probed; owned; NULL none */
    struct md_sim_situation *situation;
    size_t left_out;
    const char *device, *html, *asr, *llm;
    struct md_sim_model models[MD_EXECUTORS]; /* those of a run, where it has any */
    int64_t runs;
    bool json, help;
};

static int fail(const char *message)
{
    fprintf(stderr, "moviedigest: %s\n", message);
    return MD_EXIT_USAGE;
}

static void warn(void *user, enum md_log_level level, const char *component, const char *message)
{
    (void)user;
    fprintf(stderr, "%s:%s:%s\n", md_log_level_name(level), component, message);
}

/* --- what is known of the movies --- */

static bool was_probed(const char *work_dir)
{
    struct md_media media = {0};
    bool there = md_artifact_load(&md_artifact_media, work_dir, &media, NULL) == MD_OK;
    md_artifact_done(&md_artifact_media, &media);
    return there;
}

/* The work folder of an earlier run, or one that is thrown away. */
static int choose_folders(struct planning *p)
{
    for (size_t i = 0; i < p->scan.movies.n; i++) {
        const struct md_candidate *movie = &p->scan.movies.v[i];
        char name[32];
        md_autofree char *work = md_path_join(movie->out_dir, "work");
        md_autofree char *out = strdup(movie->out_dir);
        if (work && !was_probed(work)) {
            snprintf(name, sizeof name, "%zu", i);
            free(work);
            free(out);
            out = md_path_join(p->scratch, name);
            work = out ? md_path_join(out, "work") : NULL;
        }
        if (!work || !out ||
            md_vec_push(
                &p->jobs,
                (struct md_job){.movie_path = movie->path, .out_dir = out, .work_dir = work}) < 0)
            return MD_ERR_NOMEM;
        (void)md_take_ptr(work);
        (void)md_take_ptr(out);
    }
    return MD_OK;
}

/* Only what lies in the scratch folder is missing. */
static int probe(struct planning *p, struct md_failure *failure)
{
    struct plan_jobs unknown = {0};
    struct md_super_result result = {0};
    struct md_log log = {.level = MD_LOG_ERROR, .write = warn};
    size_t scratch = strlen(p->scratch);
    int r = MD_OK;
    for (size_t i = 0; i < p->jobs.n && r == MD_OK; i++)
        if (strncmp(p->jobs.v[i].work_dir, p->scratch, scratch) == 0)
            r = md_vec_push(&unknown, p->jobs.v[i]);
    const struct md_super_params params = {
        .jobs = unknown.v,
        .job_count = unknown.n,
        .options = &p->args.options,
        .stages = 1u << MD_STAGE_PROBE,
        .log = &log,
        .handle_signals = true,
    };
    if (r == MD_OK && unknown.n)
        r = md_super_run(&params, &result, failure);
    if (r == MD_OK && unknown.n && result.cancelled)
        r = md_fail(failure, MD_ERR_CANCELLED, "cancelled");
    md_vec_done(&unknown);
    return r;
}

static bool has_subtitle_file(const char *movie)
{
    static const char *const endings[] = {"srt", "vtt", "ass", "en.srt", "en.vtt"};
    size_t stem = strlen(movie);
    const char *dot = strrchr(movie, '.');
    if (dot && !strchr(dot, '/'))
        stem = (size_t)(dot - movie);
    for (size_t i = 0; i < MD_ARRAY_LEN(endings); i++) {
        struct stat info;
        md_autostr path = {0};
        md_str_append_n(&path, movie, stem);
        md_str_printf(&path, ".%s", endings[i]);
        if (!md_str_failed(&path) && stat(md_str_text(&path), &info) == 0)
            return true;
    }
    return false;
}

static void read_facts(const struct md_media *media, struct md_sim_movie *movie)
{
    const struct md_stream *video = md_media_stream(media, media->video_stream);
    const struct md_stream *audio = md_media_stream(media, media->audio_stream);
    movie->facts.known = true;
    movie->facts.duration_us = media->duration_us;
    movie->facts.channels = audio ? audio->channels : 0;
    if (video) {
        movie->facts.width = video->width;
        movie->facts.height = video->height;
        movie->facts.bit_depth = video->bit_depth;
        snprintf(movie->facts.codec, sizeof movie->facts.codec, "%.23s",
                 video->codec ? video->codec : "");
    }
    for (size_t i = 0; i < media->streams.n; i++)
        movie->has_subtitles |= media->streams.v[i].is_text;
}

static struct md_sim_movie know(const struct md_job *job, uint64_t seed)
{
    struct md_sim_movie movie = {.seed = seed};
    struct md_media media = {0};
    const char *base = md_path_base(job->movie_path);
    md_utf8_sanitize(movie.label, sizeof movie.label, base, strlen(base));
    if (md_artifact_load(&md_artifact_media, job->work_dir, &media, NULL) == MD_OK)
        read_facts(&media, &movie);
    else /* nothing is known: a usual film, for the time it takes */
        movie.facts = (struct md_movie_facts){
            .duration_us = 7200 * MD_SECOND_US, .width = 1920, .height = 1080};
    md_artifact_done(&md_artifact_media, &media);
    movie.has_subtitles |= has_subtitle_file(job->movie_path);
    return movie;
}

static void fill_shelf(struct planning *p)
{
    for (size_t i = 0; i < p->jobs.n; i++) {
        if (p->situation->movie_count == MD_SIM_MOVIES_MAX) {
            p->left_out = p->jobs.n - i;
            return;
        }
        p->situation->movies[p->situation->movie_count++] = know(&p->jobs.v[i], i + 1);
    }
}

/* --- the plan --- */

/* What a run would use: its memory as the file tells, its speed as that of a like one by size. */
static int take_model(struct planning *p, enum md_executor executor, const char *path,
                      const struct md_sim_model *like, struct md_failure *failure)
{
    const double disk_bytes_per_us = 500; /* an SSD */
    struct md_model_file file;
    struct md_model_memory memory;
    const struct md_model_use use = {.context = p->args.options.llm_context};
    int r = md_model_file_read(path, &file, failure);
    if (r < 0)
        return r;
    md_model_file_memory(&file, &use, &memory);
    struct md_sim_model *model = &p->models[executor];
    *model = *like;
    model->name = md_path_base(path);
    model->weights_bytes = MD_MAX(file.size_bytes, 1);
    model->compute_bytes = MD_MAX(memory.resident_bytes - file.size_bytes, 0);
    model->unit_bytes = MD_MAX(memory.unit_bytes, 1);
    model->load_us = MD_MAX((int64_t)((double)file.size_bytes / disk_bytes_per_us), MD_SECOND_US);
    model->best_units_per_s *= (double)like->weights_bytes / (double)model->weights_bytes;
    return MD_OK;
}

/* The models a run with these options would take, as far as none is named for the plan itself. */
static int take_own_models(struct planning *p, struct md_failure *failure)
{
    struct md_log log = {.level = MD_LOG_WARNING, .write = warn};
    const struct md_options *o = &p->args.options;
    bool asks_asr = !p->asr, asks_llm = !p->llm;
    p->asr = asks_asr ? "turbo" : p->asr;
    p->llm = asks_llm ? "7b-q4" : p->llm;
    if (!asks_asr && !asks_llm)
        return MD_OK;
    int r = md_model_settle(&p->args, getenv, &log, failure);
    if (r == MD_OK && asks_asr && o->asr_model)
        r = take_model(p, MD_EXECUTOR_ASR, o->asr_model, md_sim_model_find(p->asr), failure);
    if (r == MD_OK && asks_llm && o->llm_model)
        r = take_model(p, MD_EXECUTOR_LLM, o->llm_model, md_sim_model_find(p->llm), failure);
    return r;
}

static int choose_models(struct planning *p, struct md_failure *failure)
{
    int r = take_own_models(p, failure);
    if (r < 0)
        return r;
    const char *names[] = {p->asr, p->llm};
    const struct md_sim_model **models[] = {&p->situation->asr, &p->situation->llm};
    const enum md_executor wanted[] = {MD_EXECUTOR_ASR, MD_EXECUTOR_LLM};
    for (int i = 0; i < 2; i++) {
        const struct md_sim_model *model = md_sim_model_find(names[i]);
        if (strcmp(names[i], "none") != 0 && (!model || model->executor != wanted[i]))
            return md_fail(failure, MD_ERR_INPUT, "there is no %s model \"%.40s\" to plan with",
                           i ? "language" : "speech", names[i]);
        *models[i] = p->models[wanted[i]].name ? &p->models[wanted[i]] : model;
    }
    return MD_OK;
}

static int write_page(const struct planning *p, const struct md_plan *plan,
                      struct md_failure *failure)
{
    md_autostr page = {0};
    md_plan_html(plan, p->situation, &page);
    if (md_str_failed(&page))
        return md_fail(failure, MD_ERR_NOMEM, "out of memory");
    return md_file_write_atomic(p->html, page.s, page.n, failure);
}

static void print_json(const struct planning *p, const struct md_plan *plan)
{
    json_t *root = md_plan_json(plan, p->situation);
    if (root)
        json_dumpf(root, stdout, JSON_INDENT(2));
    puts("");
    json_decref(root);
}

static int show(const struct planning *p, const struct md_plan *plan)
{
    struct md_failure failure = {0};
    if (p->html && write_page(p, plan, &failure) < 0) {
        fprintf(stderr, "moviedigest: %s\n", failure.message);
        return MD_EXIT_FAILED;
    }
    if (p->json) {
        print_json(p, plan);
    } else {
        md_autostr text = {0};
        md_plan_print(plan, p->situation, md_screen_columns(1), &text);
        fputs(md_str_text(&text), stdout);
        if (p->left_out)
            printf("%zu movies more are not in this plan\n", p->left_out);
    }
    return plan->failed || p->scan.errors.n ? MD_EXIT_FAILED : MD_EXIT_DONE;
}

static int make(struct planning *p, struct md_failure *failure)
{
    struct md_plan plan;
    char why[160] = "";
    /* The preset "auto" goes by the device's size. */
    if (gov_config_sources_resolve(&p->args.memory, p->situation->total_bytes, why, sizeof why) < 0)
        return md_fail(failure, MD_ERR_INPUT, "memory options make no sense: %s", why);
    int r = md_plan_make(p->situation, &p->args.memory.config, (int)p->runs, &plan);
    int status = r < 0 ? md_fail(failure, r, "the plan cannot be made: %s", md_error_text(r))
                       : show(p, &plan);
    md_plan_done(&plan);
    return status;
}

static int plan(struct planning *p, struct md_failure *failure)
{
    int r = md_sim_situation_for_device(p->device, p->situation, failure);
    if (r == MD_OK)
        r = choose_models(p, failure);
    if (r == MD_OK && p->args.paths.n == 0)
        r = md_fail(failure, MD_ERR_INPUT, "name a movie or a folder: moviedigest plan PATH...");
    if (r == MD_OK &&
        md_scan_paths(p->args.paths.v, p->args.paths.n,
                      p->args.options.output ? p->args.options.output : "digests", &p->scan) < 0)
        r = md_fail(failure, MD_ERR_NOMEM, "out of memory");
    if (r < 0)
        return r;
    for (size_t i = 0; i < p->scan.errors.n; i++)
        fprintf(stderr, "moviedigest: %s\n", p->scan.errors.v[i].failure.message);
    if (p->scan.movies.n == 0)
        return md_fail(failure, MD_ERR_INPUT, "no movie was found");
    char scratch[] = "/tmp/moviedigest-plan-XXXXXX";
    if (!mkdtemp(scratch) || !(p->scratch = strdup(scratch)))
        return md_fail(failure, MD_ERR_IO, "no folder for probing can be made in /tmp");
    if (choose_folders(p) < 0)
        return md_fail(failure, MD_ERR_NOMEM, "out of memory");
    r = probe(p, failure);
    if (r < 0)
        return r;
    fill_shelf(p);
    return make(p, failure);
}

static void planning_done(struct planning *p)
{
    for (size_t i = 0; i < p->jobs.n; i++) {
        free((char *)p->jobs.v[i].work_dir);
        free((char *)p->jobs.v[i].out_dir);
    }
    md_vec_done(&p->jobs);
    if (p->scratch)
        (void)md_remove_tree(p->scratch, NULL);
    free(p->scratch);
    free(p->situation);
    md_scan_done(&p->scan);
    md_args_done(&p->args);
}

static int print_help(const struct md_word *words)
{
    md_autostr text = {0};
    md_str_append(&text, "usage: moviedigest plan [OPTION...] PATH...\n\n"
                         "Shows what a run over these movies would do on a simulated device: "
                         "batch sizes,\nmemory over time, risks. The options of run hold as "
                         "well.\n\n");
    md_words_help(words, &text);
    fputs(md_str_text(&text), stdout);
    return MD_EXIT_DONE;
}

int md_plan_command(const struct md_cli_command *self, int argc, char *const *argv)
{
    struct planning p = {.device = "sim:rtx3060", .runs = 100};
    const struct md_word words[] = {
        {"device", MD_WORD_TEXT, &p.device, .metavar = "SIM",
         .help = "sim:rtx3060 (default), sim:8GB, any simulated GPU"},
        {"speech", MD_WORD_TEXT, &p.asr, .metavar = "MODEL",
         .help = "turbo, large-v3, none; default: the run's, else turbo"},
        {"language", MD_WORD_TEXT, &p.llm, .metavar = "MODEL",
         .help = "7b-q4, 8b-q4, none; default: the run's, else 7b-q4"},
        {"runs", MD_WORD_INT, &p.runs, 0, 10000, "N", "with wrong predictions, for chances (100)"},
        {"json", MD_WORD_FLAG, &p.json, .help = "print JSON"},
        {"html", MD_WORD_TEXT, &p.html, .metavar = "FILE", .help = "write a page as well"},
        {.name = NULL},
    };
    struct md_failure failure = {0};
    struct md_paths rest = {0};
    int status = MD_EXIT_USAGE;
    p.situation = calloc(1, sizeof *p.situation);
    int r = p.situation ? md_words_parse(words, argc, argv, &rest, &failure)
                        : md_fail(&failure, MD_ERR_NOMEM, "out of memory");
    if (r == MD_OK)
        r = md_args_parse(&p.args, (int)rest.n, (char *const *)rest.v, getenv, &failure);
    if (r == MD_OK && p.args.help)
        status = print_help(words);
    else if (r == MD_OK)
        status = r = plan(&p, &failure);
    if (r < 0)
        status = fail(failure.message);
    planning_done(&p);
    md_vec_done(&rest);
    return status;
}
