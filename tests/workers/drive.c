#include "drive.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"
#include "ipc/protocol.h"
#include "movie.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void become_worker(const struct drive_params *params, int fd)
{
    char parent[32];
    snprintf(parent, sizeof parent, "--parent=%ld", (long)getppid());
    dup2(fd, MD_IPC_WORKER_FD);
    for (int i = MD_IPC_WORKER_FD + 1; i < 64; i++)
        close(i);
    if (!getenv("MOVIEDIGEST_TEST_STDERR"))
        freopen("/dev/null", "w", stderr);
    for (const char *const *e = params->environment; e && *e; e++)
        putenv((char *)(uintptr_t)*e);
    execl(params->program, params->program, parent, (char *)NULL);
    _exit(127);
}

static void add_settings(struct drive *drive, const struct drive_params *params)
{
    md_record_add_int(&drive->record, "batch", params->batch);
    md_record_add_int(&drive->record, "settings", params->settings);
    md_record_add_int(&drive->record, "lease", 0);
    md_record_add_int(&drive->record, "log-level", params->verbose ? MD_LOG_DEBUG : MD_LOG_INFO);
    md_record_add_int(&drive->record, "heartbeat", 0);
    for (const char *const *o = params->options; o && *o; o += 2) {
        char key[64];
        snprintf(key, sizeof key, "opt.%s", o[0]);
        md_record_add(&drive->record, key, o[1]);
    }
}

static void keep_log(struct drive *drive, const struct md_record_view *view)
{
    size_t n = strlen(drive->log);
    const char *message = md_record_get(view, "message");
    if (message)
        snprintf(drive->log + n, sizeof drive->log - n, "%s\n", message);
}

/* Until an answer comes or the worker is gone. */
static void wait_answer(struct drive *drive, int64_t kill_at)
{
    struct md_record_view view;
    drive->code = 1;
    drive->message[0] = '\0';
    while (md_channel_receive(&drive->channel, &view) == 1) {
        bool failed = strcmp(view.type, MD_SAY_FAILED) == 0;
        if (strcmp(view.type, MD_SAY_LOG) == 0)
            keep_log(drive, &view);
        if (strcmp(view.type, MD_SAY_UNITS) == 0) {
            md_record_get_int(&view, "done", 0, INT64_MAX, &drive->units_done);
            md_record_get_int(&view, "total", 0, INT64_MAX, &drive->units_total);
            if (kill_at > 0 && drive->units_done >= kill_at && !drive->killed) {
                kill(drive->pid, SIGKILL);
                drive->killed = true;
            }
        }
        if (failed || strcmp(view.type, MD_SAY_DONE) == 0 || strcmp(view.type, MD_SAY_READY) == 0) {
            drive->code = 0;
            if (failed) {
                md_record_get_int(&view, "code", INT64_MIN, -1, &drive->code);
                snprintf(drive->message, sizeof drive->message, "%s",
                         md_record_get(&view, "message"));
            }
            return;
        }
    }
}

void drive_start(struct drive *drive, const struct drive_params *params)
{
    int ends[2];
    *drive = (struct drive){0};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    drive->pid = fork();
    assert_true(drive->pid >= 0);
    if (drive->pid == 0)
        become_worker(params, ends[1]);
    close(ends[1]);
    md_channel_init(&drive->channel, ends[0]);
    md_record_begin(&drive->record, MD_SAY_LOAD);
    md_record_add(&drive->record, "executor", params->executor);
    add_settings(drive, params);
    md_channel_send(&drive->channel, &drive->record);
    wait_answer(drive, 0);
}

void drive_run(struct drive *drive, const struct drive_params *params, const char *folder,
               const char *stage, int64_t kill_at)
{
    md_autofree char *movie = md_path_join(folder, "movie");
    md_autofree char *work = md_path_join(folder, "work");
    md_record_begin(&drive->record, MD_SAY_RUN);
    md_record_add(&drive->record, "stage", stage);
    md_record_add_int(&drive->record, "threads", 2);
    md_record_add(&drive->record, "movie", movie);
    md_record_add(&drive->record, "out", folder);
    md_record_add(&drive->record, "work", work);
    md_record_add_int(&drive->record, "stages", 127);
    add_settings(drive, params);
    if (md_channel_send(&drive->channel, &drive->record) == MD_OK)
        wait_answer(drive, kill_at);
    else
        drive->code = 1;
}

int drive_end(struct drive *drive)
{
    int status = 0;
    md_record_begin(&drive->record, MD_SAY_QUIT);
    md_channel_send(&drive->channel, &drive->record);
    waitpid(drive->pid, &status, 0);
    md_channel_done(&drive->channel);
    md_record_done(&drive->record);
    return status;
}

char *drive_tell(const struct drive_params *params, const char *folder)
{
    struct drive drive;
    drive_start(&drive, params);
    if (drive.code != 0)
        fail_msg("load: %s", drive.message);
    drive_run(&drive, params, folder, "story", 0);
    if (drive.code != 0)
        fail_msg("run: %s", drive.message);
    assert_true(drive.units_total > 3);
    assert_int_equal(drive.units_done, drive.units_total);
    assert_int_equal(drive_end(&drive), 0);
    return movie_read(folder, "story.json");
}
