/* Movies come from paths on the command line or from the queue; then they are the same. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/utf8.h"
#include "cli/run_internal.h"

int md_run_parse_stages(const char *text, unsigned *ret_stages, struct md_failure *failure)
{
    unsigned stages = 0;
    while (text && *text) {
        char name[32];
        size_t n = strcspn(text, ",");
        snprintf(name, sizeof name, "%.*s", (int)MD_MIN(n, sizeof name - 1), text);
        int stage = md_stage_parse(name);
        if (stage < 0)
            return md_fail(failure, MD_ERR_INPUT,
                           "there is no stage \"%s\": probe, shots, audio, transcript, story, "
                           "select and render are wanted",
                           name);
        stages |= 1u << stage;
        text += n + (text[n] == ',');
    }
    *ret_stages = stages;
    return MD_OK;
}

char *md_run_display_name(const char *path)
{
    char name[256];
    const char *base = md_path_base(path);
    md_utf8_sanitize(name, sizeof name, base, strlen(base));
    return strdup(name);
}

static void free_movie(struct md_run_movie *movie)
{
    if (!movie)
        return;
    free(movie->path);
    free(movie->out_dir);
    free(movie->work_dir);
    md_options_done(&movie->options);
    free(movie);
}

static bool wants(const struct md_run_movie *movie, enum md_stage stage)
{
    return !movie->stages || movie->stages & 1u << stage;
}

/* Takes the movie over, also on failure. */
static int take(struct md_run *run, struct md_run_movie *movie)
{
    struct md_row row = {.name = md_run_display_name(movie->path), .stage = -1};
    row.report = wants(movie, MD_STAGE_RENDER) ? md_path_join(movie->out_dir, "report.html") : NULL;
    if (!row.name || md_vec_reserve(&run->board.rows, run->board.rows.n + 1) < 0 ||
        md_vec_push(&run->movies, movie) < 0) {
        free(row.name);
        free(row.report);
        free_movie(movie);
        return MD_ERR_NOMEM;
    }
    return md_vec_push(&run->board.rows, row);
}

static struct md_run_movie *new_movie(const char *path, const char *out_dir, const char *work_dir,
                                      const struct md_options *options)
{
    struct md_run_movie *movie = calloc(1, sizeof *movie);
    if (!movie || md_options_copy(options, &movie->options) < 0) {
        free(movie);
        return NULL;
    }
    movie->path = strdup(path);
    movie->out_dir = strdup(out_dir);
    movie->work_dir = work_dir ? strdup(work_dir) : md_path_join(out_dir, "work");
    if (!movie->path || !movie->out_dir || !movie->work_dir) {
        free_movie(movie);
        return NULL;
    }
    return movie;
}

/* A movie whose folder cannot be made is reported by its worker's first stage. */
int md_run_take_scan(struct md_run *run)
{
    for (size_t i = 0; i < run->scan.movies.n; i++) {
        const struct md_candidate *candidate = &run->scan.movies.v[i];
        struct md_failure failure = {0};
        if (md_scan_claim(candidate, &failure) < 0)
            md_log(&run->log, MD_LOG_WARNING, "run", "%s", failure.message);
        struct md_run_movie *movie =
            new_movie(candidate->path, candidate->out_dir, NULL, &run->args.options);
        if (!movie)
            return MD_ERR_NOMEM;
        movie->named = candidate->named;
        /* They were checked with the command line. */
        (void)md_run_parse_stages(movie->options.stages, &movie->stages, NULL);
        if (take(run, movie) < 0)
            return MD_ERR_NOMEM;
    }
    return MD_OK;
}

/* What was said for this run wins over what was said when the movie was added. */
static int apply_command_line(struct md_options *options, const struct md_args *args,
                              struct md_failure *failure)
{
    const struct md_option *table = md_option_table();
    for (const struct md_option *o = table; o->name; o++) {
        if (!md_option_is_of_movie(o) || args->source[o - table] != MD_SOURCE_COMMAND_LINE)
            continue;
        md_autofree char *text = md_options_get(&args->options, o);
        int r = text ? md_options_set(options, o, text, failure) : MD_ERR_NOMEM;
        if (r < 0)
            return r;
    }
    return MD_OK;
}

int md_run_take_job(struct md_run *run, const struct md_queue_job *job, bool over,
                    struct md_failure *failure)
{
    struct md_run_movie *movie =
        new_movie(job->path, job->out_dir, job->work_dir, &run->args.options);
    if (!movie)
        return md_fail(failure, MD_ERR_NOMEM, "out of memory");
    movie->id = job->id;
    movie->named = job->named;
    int r = md_options_apply_differences(&movie->options, job->options, failure);
    if (r == MD_OK && over)
        r = apply_command_line(&movie->options, &run->args, failure);
    if (r == MD_OK)
        r = md_run_parse_stages(movie->options.stages, &movie->stages, failure);
    if (r < 0) {
        free_movie(movie);
        return r;
    }
    return take(run, movie) < 0 ? md_fail(failure, MD_ERR_NOMEM, "out of memory") : MD_OK;
}

int md_run_take_queue(struct md_run *run, struct md_failure *failure)
{
    struct md_queue_jobs jobs = {0};
    int r = md_queue_list(run->place.queue, 1u << MD_JOB_QUEUED, &jobs, failure);
    for (size_t i = 0; r == MD_OK && i < jobs.n; i++) {
        struct md_failure why = {0};
        r = md_run_take_job(run, &jobs.v[i], true, &why);
        if (r == MD_ERR_INPUT) {
            md_log(&run->log, MD_LOG_ERROR, "run", "%s: %s", md_path_base(jobs.v[i].path),
                   why.message);
            r = md_queue_set_state(run->place.queue, jobs.v[i].id, MD_JOB_FAILED, &why, failure);
            run->refused = true;
        } else if (r < 0) {
            *failure = why;
        }
    }
    md_queue_jobs_done(&jobs);
    return r;
}

void md_run_take_back(struct md_run *run)
{
    struct md_row *row = &run->board.rows.v[--run->board.rows.n];
    free(row->name);
    free(row->report);
    free_movie(run->movies.v[--run->movies.n]);
}

struct md_job md_run_job(const struct md_run_movie *movie)
{
    return (struct md_job){.movie_path = movie->path,
                           .out_dir = movie->out_dir,
                           .work_dir = movie->work_dir,
                           .options = &movie->options,
                           .stages = movie->stages};
}

void md_run_movies_done(struct md_run *run)
{
    for (size_t i = 0; i < run->movies.n; i++)
        free_movie(run->movies.v[i]);
    md_vec_done(&run->movies);
}
