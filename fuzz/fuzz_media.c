/* Any bytes as a movie file: opened, probed, and its sound read for a moment. The file lies in
 * memory (memfd), so that runs are fast and leave nothing behind. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "media/audio_reader.h"
#include "model/artifact.h"
#include "model/media.h"
#include "model/stage.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_BYTES = 1 << 20, MAX_QUESTIONS = 20000, MAX_BLOCKS = 64 };

/* Demuxers may hop about in a small file for long: what they read is bounded here. */
static bool cancelled(void *user)
{
    return ++*(int *)user > MAX_QUESTIONS;
}

static void read_sound(const char *path, const struct md_media *media, int *asked)
{
    struct md_audio_params params = {
        .path = path,
        .media = media,
        .end_us = media->duration_us,
        .sample_rate = 16000,
        .channels = 1,
        .cancelled = cancelled,
        .user = asked,
    };
    md_autoaudio reader = NULL;
    struct md_audio_block block;
    if (md_audio_open(&params, &reader, NULL) < 0)
        return;
    for (int i = 0; i < MAX_BLOCKS && md_audio_next(reader, &block, NULL) == MD_OK; i++)
        ;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > MAX_BYTES)
        return 0;
    md_autoclose int fd = memfd_create("movie", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        return 0;
    char path[40];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    struct md_options options;
    if (md_options_init(&options) < 0)
        return 0;
    int asked = 0;
    struct md_failure failure = {0};
    struct md_stage_env env = {
        .movie_path = path,
        .options = &options,
        .threads = 1,
        .failure = &failure,
        .cancelled = cancelled,
        .user = &asked,
    };
    struct md_media media = {0};
    int rc = md_stage_ops_probe.run(&env, NULL, &media);
    /* a failure is always said in words, a success always fit to be stored */
    if (rc < 0 && (failure.code != rc || !failure.message[0]))
        __builtin_trap();
    if (rc == MD_OK && md_artifact_media.validate(&media, &failure) < 0)
        __builtin_trap();
    if (rc == MD_OK && media.audio_stream >= 0)
        read_sound(path, &media, &asked);
    md_artifact_done(&md_artifact_media, &media);
    md_options_done(&options);
    return 0;
}
