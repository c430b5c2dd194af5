/* The flight recorder's way to disk. What it holds is bounded, a night is not: the file of --flight
 * is added to whenever a quarter of the ring is new, so that nothing is lost and a crash leaves
 * what was written until then. The trace for a person's eyes is made at the end from what the ring
 * holds. After an out-of-memory both the post-mortem and the flight so far go to the movie's work
 * folder. */
#include "super/super_internal.h"

#include <jansson.h>
#include <stdlib.h>

#include <gov/post_mortem.h>
#include <gov/recorder.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"

static int append(void *context, const char *bytes, size_t size)
{
    struct md_str *text = context;
    md_str_append_n(text, bytes, size);
    return md_str_failed(text) ? MD_ERR_NOMEM : 0;
}

static void complain(struct md_super *s, const struct md_failure *failure, const char *what)
{
    md_log(s->params->log, MD_LOG_WARNING, "super", "%s cannot be written: %s", what,
           failure->message[0] ? failure->message : "out of memory");
}

static uint64_t recorded(struct md_super *s)
{
    struct gov_recorder_stats stats;
    gov_recorder_stats(s->memory.recorder, &stats);
    return stats.recorded;
}

/* Adds what is new to the file of --flight. */
static void add_lines(struct md_super *s)
{
    md_autostr text = {0};
    struct md_failure failure = {0};
    uint64_t serial = s->flight_serial;
    if (gov_recorder_write_lines(s->memory.recorder, &serial, append, &text) != 0 ||
        (text.n > 0 && md_file_append(s->params->options->flight, text.s, text.n, &failure) < 0)) {
        complain(s, &failure, "the flight");
        s->flight_fails = true; /* said once */
    }
    s->flight_serial = serial;
}

int md_super_begin_flight_(struct md_super *s, struct md_failure *failure)
{
    const char *path = s->params->options->flight;
    return path ? md_file_write_atomic(path, "", 0, failure) : MD_OK;
}

void md_super_note_flight_(struct md_super *s)
{
    const uint64_t worth_writing = GOV_RECORDER_DEFAULT / 4;
    if (s->params->options->flight && !s->flight_fails &&
        recorded(s) - s->flight_serial >= worth_writing)
        add_lines(s);
}

void md_super_end_flight_(struct md_super *s)
{
    const char *path = s->params->options->trace;
    struct md_failure failure = {0};
    if (!s->memory.recorder)
        return;
    if (s->params->options->flight && !s->flight_fails)
        add_lines(s);
    md_autostr text = {0};
    if (path && (gov_recorder_write_trace(s->memory.recorder, append, &text) != 0 ||
                 md_file_write_atomic(path, md_str_text(&text), text.n, &failure) < 0))
        complain(s, &failure, "the trace");
}

static void log_lines(struct md_super *s, char *text)
{
    for (char *line = text, *end; *line; line = end) {
        end = line + strcspn(line, "\n");
        if (*end)
            *end++ = '\0';
        md_log(s->params->log, MD_LOG_WARNING, "governor", "%s", line);
    }
}

static void keep_flight(struct md_super *s, const char *folder)
{
    md_autostr lines = {0};
    struct md_failure failure = {0};
    uint64_t first = 0;
    md_autofree char *path = md_path_join(folder, "flight.jsonl");
    if (!path || gov_recorder_write_lines(s->memory.recorder, &first, append, &lines) != 0 ||
        md_file_write_atomic(path, md_str_text(&lines), lines.n, &failure) < 0)
        complain(s, &failure, "the flight");
}

void md_super_post_mortem_(struct md_super *s, const struct md_command *command)
{
    char text[GOV_POST_MORTEM_MAX];
    struct md_failure ignored;
    const struct md_job *job = &s->jobs.v[command->movie];
    /* As it was when it ended; the engine has noted the out-of-memory already. */
    const struct gov_lease lease = {
        .granted_bytes = command->lease_bytes,
        .predicted_bytes = command->predicted_bytes,
        .peak_bytes = command->peak_bytes,
    };
    const struct gov_oom oom = {
        .owner = md_path_base(job->movie_path),
        .stage = md_stage_names[command->stage],
        .wanted_bytes = -1,
        .batch = command->batch,
        .now_us = md_super_now_us_(s),
        .lease = command->lease_bytes > 0 ? &lease : NULL,
    };
    size_t n = gov_post_mortem(s->memory.governor, s->memory.recorder, &oom, text, sizeof text);
    md_autofree char *path = md_path_join(job->work_dir, "post-mortem.txt");
    if (path)
        (void)md_file_append(path, text, n, &ignored);
    keep_flight(s, job->work_dir);
    log_lines(s, text);
}

void md_super_note_trouble_(struct md_super *s, const struct md_command *command)
{
    struct md_failure ignored;
    md_autostr line = {0};
    md_autofree char *path = md_path_join(s->jobs.v[command->movie].work_dir, "timings.jsonl");
    json_t *json = json_pack("{s:s, s:s, s:i, s:s}", "stage", md_stage_names[command->stage],
                             "trouble", command->failure->message, "batch", command->batch,
                             "remedy", command->remedy ? command->remedy : "trying again");
    char *text = json_dumps(json, 0); /* NULL: of NULL, which words that are no UTF-8 give */
    if (text)
        md_str_printf(&line, "%s\n", text);
    if (path && text && !md_str_failed(&line))
        (void)md_file_append(path, line.s, line.n, &ignored);
    free(text);
    json_decref(json);
}
