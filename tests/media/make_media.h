/* Small media files for tests, made with the ffmpeg program in a folder that is removed after. */
#ifndef MD_TESTS_MAKE_MEDIA_H
#define MD_TESTS_MAKE_MEDIA_H

#include <stddef.h>
#include <stdint.h>

#include "model/media.h"
#include "model/options.h"

/* For cmocka: makes the folder, removes it. */
int make_media_folder(void **state);
int remove_media_folder(void **state);

/* The path of a file in the folder; one of a few static buffers. */
const char *media_path(const char *name);

/* Runs `ffmpeg -v error ... ARGUMENTS` in the folder; the test fails when ffmpeg does. */
void run_ffmpeg(const char *arguments);

/* Whole files, for damaging them. The caller frees. */
char *read_media(const char *name, size_t *ret_size);
void write_media(const char *name, const void *bytes, size_t size);

/* Where `needle` first is in the bytes; the test fails when it is not. */
char *find_bytes(char *bytes, size_t size, const char *needle, size_t n);
void put_be32(char *at, uint32_t value);

/* Runs the probe stage with an "option=value;option=value" list (NULL none). */
int probe_media(const char *name, const char *options, struct md_media *ret_media,
                struct md_failure *failure);

/* The same for files that must be fine. Free with md_artifact_done(&md_artifact_media, ...). */
struct md_media probed(const char *name, const char *options);
void media_done(struct md_media *media);

#endif
