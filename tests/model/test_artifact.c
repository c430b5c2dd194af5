/* Artifacts: the same data gives the same bytes, and no file is trusted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "model/cut.h"
#include "model/media.h"
#include "model/shots.h"
#include "model/stage.h"
#include "model/story.h"

static int setup(void **state)
{
    char template[] = "/tmp/md-artifact-XXXXXX";
    *state = mkdtemp(template) ? strdup(template) : NULL;
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    md_remove_tree(*state, NULL);
    free(*state);
    return 0;
}

static struct md_shots make_shots(void)
{
    struct md_shots shots = {.detector = strdup("accurate"),
                             .frame_count = 48,
                             .duration_us = 2000000,
                             .width = 640,
                             .height = 360};
    for (int i = 0; i < 2; i++) {
        struct md_shot shot = {.start_us = i * 1000000,
                               .end_us = (i + 1) * 1000000,
                               .start_frame = i * 24,
                               .end_frame = (i + 1) * 24,
                               .transition = i ? MD_TRANSITION_DISSOLVE : MD_TRANSITION_START,
                               .motion = 0.1f,
                               .luma = 1.0f / 3,
                               .key_image = strdup("keys/000000.jpg")};
        for (int k = 0; k < MD_SIGNATURE_BINS; k++)
            assert_int_equal(md_vec_push(&shot.signature, (float)k / 48), MD_OK);
        assert_int_equal(md_vec_push(&shots.shots, shot), MD_OK);
    }
    assert_int_equal(md_vec_push(&shots.warnings, strdup("a \"warning\"")), MD_OK);
    return shots;
}

static void what_is_saved_is_loaded_and_saved_again_as_the_same_bytes(void **state)
{
    struct md_shots shots = make_shots(), back = {0};
    md_autofree char *path = md_path_join(*state, "shots.json");
    md_autofree char *first = NULL, *second = NULL;
    assert_int_equal(md_artifact_save(&md_artifact_shots, *state, 0xabc, &shots, NULL), MD_OK);
    assert_int_equal(md_file_read(path, 1 << 20, &first, NULL, NULL), MD_OK);
    assert_int_equal(md_artifact_load(&md_artifact_shots, *state, &back, NULL), MD_OK);
    assert_int_equal(back.shots.n, 2);
    assert_int_equal(back.shots.v[1].transition, MD_TRANSITION_DISSOLVE);
    assert_string_equal(back.warnings.v[0], "a \"warning\"");
    assert_int_equal(md_artifact_save(&md_artifact_shots, *state, 0xabc, &back, NULL), MD_OK);
    assert_int_equal(md_file_read(path, 1 << 20, &second, NULL, NULL), MD_OK);
    assert_string_equal(first, second);
    assert_true(md_artifact_is_current(&md_artifact_shots, *state, 0xabc));
    assert_false(md_artifact_is_current(&md_artifact_shots, *state, 0xabd));
    md_artifact_done(&md_artifact_shots, &shots);
    md_artifact_done(&md_artifact_shots, &back);
}

static void a_cut_off_file_is_refused_at_every_length(void **state)
{
    struct md_shots shots = make_shots();
    md_autofree char *path = md_path_join(*state, "shots.json");
    md_autofree char *text = NULL;
    size_t n = 0;
    assert_int_equal(md_artifact_save(&md_artifact_shots, *state, 1, &shots, NULL), MD_OK);
    assert_int_equal(md_file_read(path, 1 << 20, &text, &n, NULL), MD_OK);
    for (size_t cut = 0; cut + 2 < n; cut++) {
        struct md_shots back = {0};
        assert_int_equal(md_artifact_parse(&md_artifact_shots, text, cut, &back, NULL, NULL),
                         MD_ERR_INPUT);
    }
    md_artifact_done(&md_artifact_shots, &shots);
}

static int parse_cut(const char *data)
{
    char text[2048];
    struct md_cut cut = {0};
    struct md_failure failure = {0};
    snprintf(text, sizeof text,
             "{\"schema\":\"moviedigest.cut\",\"version\":1,\"key\":\"0123456789abcdef\","
             "\"data\":%s}",
             data);
    int r = md_artifact_parse(&md_artifact_cut, text, strlen(text), &cut, NULL, &failure);
    md_artifact_done(&md_artifact_cut, &cut);
    return r;
}

static void data_that_contradicts_itself_is_refused(void **state)
{
#define PIECE(start, end) "{\"start_us\":" #start ",\"end_us\":" #end "}"
    assert_int_equal(parse_cut("{\"total_us\":5,\"pieces\":[" PIECE(0, 5) "]}"), MD_OK);
    assert_int_equal(parse_cut("{\"total_us\":6,\"pieces\":[" PIECE(0, 5) "]}"), MD_ERR_INPUT);
    assert_int_equal(parse_cut("{\"total_us\":8,\"pieces\":[" PIECE(0, 5) "," PIECE(4, 7) "]}"),
                     MD_ERR_INPUT);
    assert_int_equal(parse_cut("{\"total_us\":0,\"pieces\":[" PIECE(5, 5) "]}"), MD_ERR_INPUT);
    assert_int_equal(parse_cut("{\"total_us\":0,\"pieces\":[]}"), MD_ERR_INPUT);
    assert_int_equal(parse_cut("{\"total_us\":\"5\",\"pieces\":[" PIECE(0, 5) "]}"), MD_ERR_INPUT);
    assert_int_equal(parse_cut("{\"total_us\":5,\"pieces\":[" PIECE(0, 1e30) "]}"), MD_ERR_INPUT);
    assert_int_equal(parse_cut("[]"), MD_ERR_INPUT);
    assert_int_equal(parse_cut("null"), MD_ERR_INPUT);
}

static void an_image_outside_the_work_folder_is_refused(void **state)
{
    struct md_shots shots = make_shots(), back = {0};
    free(shots.shots.v[1].key_image);
    shots.shots.v[1].key_image = strdup("../../etc/passwd");
    assert_int_equal(md_artifact_save(&md_artifact_shots, *state, 1, &shots, NULL), MD_OK);
    assert_int_equal(md_artifact_load(&md_artifact_shots, *state, &back, NULL), MD_ERR_INPUT);
    md_artifact_done(&md_artifact_shots, &shots);
}

static void other_schemas_versions_and_missing_files_are_told_apart(void **state)
{
    static const char other[] = "{\"schema\":\"moviedigest.audio\",\"version\":1,"
                                "\"key\":\"0123456789abcdef\",\"data\":{}}";
    static const char newer[] = "{\"schema\":\"moviedigest.shots\",\"version\":99,"
                                "\"key\":\"0123456789abcdef\",\"data\":{}}";
    struct md_shots shots = {0};
    struct md_failure failure = {0};
    assert_int_equal(
        md_artifact_parse(&md_artifact_shots, other, strlen(other), &shots, NULL, &failure),
        MD_ERR_INPUT);
    assert_int_equal(
        md_artifact_parse(&md_artifact_shots, newer, strlen(newer), &shots, NULL, &failure),
        MD_ERR_INPUT);
    assert_non_null(strstr(failure.message, "99"));
    assert_int_equal(md_artifact_load(&md_artifact_shots, *state, &shots, &failure),
                     MD_ERR_NOTFOUND);
}

static void every_stage_needs_only_earlier_ones_and_has_its_artifact(void **state)
{
    for (int s = 0; s < MD_STAGES; s++) {
        assert_int_equal(md_stage_needs((enum md_stage)s) >> s, 0);
        assert_int_equal(md_stage_parse(md_stage_names[s]), s);
        assert_non_null(md_stage_artifact((enum md_stage)s)->schema);
    }
    assert_null(md_stage_names[MD_STAGES]);
    assert_int_equal(md_stage_parse("dance"), -1);
}

static void an_option_changes_only_the_keys_of_the_stages_it_shapes(void **state)
{
    struct md_options a, b;
    assert_int_equal(md_options_init(&a), MD_OK);
    for (const struct md_option *o = md_option_table(); o->name; o++) {
        const char *other = o->kind == MD_OPTION_FLAG ? (strcmp(o->initial, "no") ? "no" : "yes")
                            : o->kind == MD_OPTION_CHOICE
                                ? (strcmp(o->initial, o->names[0]) ? o->names[0] : o->names[1])
                            : o->kind == MD_OPTION_LENGTH ? "7%"
                            : o->kind == MD_OPTION_TEXT   ? "something"
                            : o->kind == MD_OPTION_BYTES  ? "1GB"
                                                          : NULL;
        char number[32];
        snprintf(number, sizeof number, "%.15g", o->min + 1 > o->max ? o->max : o->min + 1);
        assert_int_equal(md_options_init(&b), MD_OK);
        assert_int_equal(md_options_set(&b, o, other ? other : number, NULL), MD_OK);
        for (int s = 0; s < MD_STAGES; s++) {
            bool same = md_options_hash(&a, s, 1) == md_options_hash(&b, s, 1);
            assert_int_equal(same, !(o->stages & 1u << s));
        }
        md_options_done(&b);
    }
    md_options_done(&a);
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(what_is_saved_is_loaded_and_saved_again_as_the_same_bytes),
        IN_FOLDER(a_cut_off_file_is_refused_at_every_length),
        cmocka_unit_test(data_that_contradicts_itself_is_refused),
        IN_FOLDER(an_image_outside_the_work_folder_is_refused),
        IN_FOLDER(other_schemas_versions_and_missing_files_are_told_apart),
        cmocka_unit_test(every_stage_needs_only_earlier_ones_and_has_its_artifact),
        cmocka_unit_test(an_option_changes_only_the_keys_of_the_stages_it_shapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
