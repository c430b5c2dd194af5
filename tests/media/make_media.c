#include "make_media.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "model/stage.h"

static char folder[64];

int make_media_folder(void **state)
{
    strcpy(folder, "/tmp/md_test_media_XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

int remove_media_folder(void **state)
{
    return md_remove_tree(folder, NULL);
}

const char *media_path(const char *name)
{
    static char paths[4][512];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(paths[turn], sizeof paths[turn], "%s/%s", folder, name);
    return paths[turn];
}

void run_ffmpeg(const char *arguments)
{
    char command[2048];
    snprintf(command, sizeof command, "cd %s && ffmpeg -v error -nostdin -y %s", folder, arguments);
    if (system(command) != 0)
        fail_msg("ffmpeg failed: %s", arguments);
}

char *read_media(const char *name, size_t *ret_size)
{
    char *bytes = NULL;
    assert_int_equal(md_file_read(media_path(name), 64 << 20, &bytes, ret_size, NULL), MD_OK);
    return bytes;
}

void write_media(const char *name, const void *bytes, size_t size)
{
    assert_int_equal(md_file_write_atomic(media_path(name), bytes, size, NULL), MD_OK);
}

char *find_bytes(char *bytes, size_t size, const char *needle, size_t n)
{
    char *at = memmem(bytes, size, needle, n);
    assert_non_null(at);
    return at;
}

void put_be32(char *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (char)(value >> (24 - 8 * i));
}

static void set_options(struct md_options *options, const char *list)
{
    md_autofree char *copy = strdup(list);
    for (char *row = strtok(copy, ";"); row; row = strtok(NULL, ";")) {
        char *value = strchr(row, '=');
        *value++ = '\0';
        const struct md_option *option = md_option_find(row);
        assert_non_null(option);
        assert_int_equal(md_options_set(options, option, value, NULL), MD_OK);
    }
}

int probe_media(const char *name, const char *list, struct md_media *ret_media,
                struct md_failure *failure)
{
    struct md_options options;
    assert_int_equal(md_options_init(&options), MD_OK);
    if (list)
        set_options(&options, list);
    struct md_stage_env env = {
        .movie_path = media_path(name),
        .options = &options,
        .threads = 1,
        .failure = failure,
    };
    *ret_media = (struct md_media){0};
    *failure = (struct md_failure){0};
    int rc = md_stage_ops_probe.run(&env, NULL, ret_media);
    md_options_done(&options);
    return rc;
}

/* Everything that is probed must also be savable and readable. */
struct md_media probed(const char *name, const char *options)
{
    struct md_media media, back = {0};
    struct md_failure failure;
    if (probe_media(name, options, &media, &failure) != MD_OK)
        fail_msg("%s", failure.message);
    if (md_artifact_save(&md_artifact_media, folder, 1, &media, &failure) != MD_OK ||
        md_artifact_load(&md_artifact_media, folder, &back, &failure) != MD_OK)
        fail_msg("%s", failure.message);
    media_done(&back);
    return media;
}

void media_done(struct md_media *media)
{
    md_artifact_done(&md_artifact_media, media);
}
