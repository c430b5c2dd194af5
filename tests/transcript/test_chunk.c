/* What is sent to a speech model, and what is made of what comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "transcript/assemble.h"
#include "transcript/chunk.h"

#define S INT64_C(1000000)

/* A sound of seconds, each 's' speech, 'S' speech that ends in a breath, '.' silence, 'm' music,
 * 'v' music with a voice in it. */
struct sound {
    struct md_audio audio;
    float *levels;
    size_t count;
};

static void set_up(struct sound *sound, const char *seconds, int times)
{
    size_t n = strlen(seconds) * (size_t)times;
    *sound = (struct sound){.count = n * 50, .levels = calloc(n * 50 + 1, sizeof(float))};
    sound->audio =
        (struct md_audio){.present = true, .window_us = S / 2, .duration_us = (int64_t)n * S};
    for (size_t i = 0; i < n; i++) {
        char c = seconds[i % strlen(seconds)];
        struct md_sound_range range = {(int64_t)i * S, (int64_t)(i + 1) * S,
                                       c == 's' || c == 'S' ? MD_SOUND_SPEECH
                                       : c == '.'           ? MD_SOUND_SILENCE
                                                            : MD_SOUND_MUSIC,
                                       1};
        float speech = c == 's' || c == 'S' ? 0.9f : c == 'v' ? 0.5f : 0;
        assert_int_equal(md_vec_push(&sound->audio.ranges, range), MD_OK);
        for (int k = 0; k < 2; k++) {
            assert_int_equal(md_vec_push(&sound->audio.speech, speech), MD_OK);
            assert_int_equal(md_vec_push(&sound->audio.loudness, -20), MD_OK);
        }
        for (int k = 0; k < 50; k++)
            sound->levels[i * 50 + (size_t)k] = c == '.' || (c == 'S' && k > 35) ? -80 : -20;
    }
}

static void tear_down(struct sound *sound)
{
    md_vec_done(&sound->audio.ranges);
    md_vec_done(&sound->audio.speech);
    md_vec_done(&sound->audio.loudness);
    free(sound->levels);
}

/* Chunks are no longer than a window, in order, and hold each other's ends only where they say so.
 * Returns the length of all. */
static int64_t check_plan(const struct md_chunk_vec *chunks, int64_t duration_us)
{
    int64_t last_us = 0, sum_us = 0;
    for (size_t i = 0; i < chunks->n; i++) {
        const struct md_chunk *c = &chunks->v[i];
        int64_t length_us = 0;
        assert_in_range(c->piece_count, 1, MD_CHUNK_PIECES);
        for (int k = 0; k < c->piece_count; k++) {
            if (k == 0 && c->overlaps)
                assert_int_equal(c->pieces[k].start_us, last_us - S);
            else
                assert_true(c->pieces[k].start_us >= last_us);
            assert_true(c->pieces[k].end_us > c->pieces[k].start_us);
            length_us += c->pieces[k].end_us - c->pieces[k].start_us;
            last_us = c->pieces[k].end_us;
        }
        assert_int_equal(length_us, c->length_us);
        assert_true(length_us <= MD_CHUNK_LONGEST_US);
        sum_us += length_us;
    }
    assert_true(last_us <= duration_us);
    return sum_us;
}

static void silence_and_music_are_left_out(void **state)
{
    struct sound sound;
    struct md_chunk_vec chunks = {0};
    (void)state;
    set_up(&sound, "sssss..........mmmmmmmmmmvvvvv.....", 1);
    assert_int_equal(md_chunk_plan(&sound.audio, sound.levels, sound.count, &chunks), MD_OK);
    check_plan(&chunks, sound.audio.duration_us);
    assert_int_equal(chunks.n, 1);
    assert_int_equal(chunks.v[0].piece_count, 2);
    assert_int_equal(chunks.v[0].pieces[0].start_us, 0);
    assert_int_equal(chunks.v[0].pieces[0].end_us, 5 * S + S / 4);
    assert_int_equal(chunks.v[0].pieces[1].start_us, 25 * S - S / 4);
    assert_int_equal(chunks.v[0].pieces[1].end_us, 30 * S + S / 4);
    md_vec_done(&chunks);
    tear_down(&sound);
}

static void half_silence_takes_little_more_than_half_the_windows(void **state)
{
    struct sound sound;
    struct md_chunk_vec chunks = {0}, all = {0};
    (void)state;
    set_up(&sound, "ssSssssSsss.s.ssSsss....................", 60);
    assert_int_equal(md_chunk_plan(&sound.audio, sound.levels, sound.count, &chunks), MD_OK);
    assert_int_equal(md_chunk_plan_all(&sound.audio, sound.levels, sound.count, &all), MD_OK);
    int64_t sum_us = check_plan(&chunks, sound.audio.duration_us);
    check_plan(&all, sound.audio.duration_us);
    print_message("# %zu chunks, %zu of everything, %.1f %% of windows unused\n", chunks.n, all.n,
                  100 - 100.0 * (double)sum_us / (double)((int64_t)chunks.n * MD_CHUNK_LONGEST_US));
    assert_true(chunks.n * 100 <= all.n * 60);
    assert_true(sum_us * 100 >= (int64_t)chunks.n * MD_CHUNK_LONGEST_US * 90);
    md_vec_done(&chunks);
    md_vec_done(&all);
    tear_down(&sound);
}

/* In a room no two pauses are equally quiet: the quietest is anywhere, and chunks must be full. */
static void pauses_of_any_depth_fill_the_windows(void **state)
{
    struct sound sound;
    struct md_chunk_vec chunks = {0};
    unsigned seed = 1;
    (void)state;
    set_up(&sound, "sssSssS", 120);
    for (size_t i = 0; i < sound.count; i++) {
        seed = seed * 1664525 + 1013904223;
        sound.levels[i] += (float)(seed >> 24) / 256 * (sound.levels[i] < -50 ? 10 : 3);
    }
    assert_int_equal(md_chunk_plan(&sound.audio, sound.levels, sound.count, &chunks), MD_OK);
    int64_t sum_us = check_plan(&chunks, sound.audio.duration_us);
    print_message("# %zu chunks, %.1f %% of windows unused\n", chunks.n,
                  100 - 100.0 * (double)sum_us / (double)((int64_t)chunks.n * MD_CHUNK_LONGEST_US));
    assert_true(sum_us * 100 >= (int64_t)chunks.n * MD_CHUNK_LONGEST_US * 90);
    for (size_t i = 0; i < chunks.n; i++)
        assert_false(chunks.v[i].overlaps);
    md_vec_done(&chunks);
    tear_down(&sound);
}

static void cuts_lie_in_pauses_and_overlap_where_there_is_none(void **state)
{
    struct sound sound;
    struct md_chunk_vec chunks = {0};
    (void)state;
    set_up(&sound, "s", 100);
    for (int i = 0; i < 25; i++) /* half a second of breath at 20 s */
        sound.levels[20 * 50 + i] = -70;
    assert_int_equal(md_chunk_plan(&sound.audio, sound.levels, sound.count, &chunks), MD_OK);
    check_plan(&chunks, sound.audio.duration_us);
    assert_in_range(chunks.v[0].pieces[0].end_us, 20 * S, 20 * S + S / 2);
    assert_false(chunks.v[1].overlaps);
    assert_true(chunks.v[2].overlaps);
    md_vec_done(&chunks);
    tear_down(&sound);
}

static void times_go_back_to_where_they_were_heard(void **state)
{
    const struct md_chunk chunk = {
        .pieces = {{10 * S, 15 * S}, {100 * S, 110 * S}}, .piece_count = 2, .length_us = 15 * S};
    (void)state;
    assert_int_equal(md_chunk_time(&chunk, 0, false), 10 * S);
    assert_int_equal(md_chunk_time(&chunk, 4 * S, false), 14 * S);
    assert_int_equal(md_chunk_time(&chunk, 5 * S, false), 100 * S);
    assert_int_equal(md_chunk_time(&chunk, 5 * S, true), 15 * S);
    assert_int_equal(md_chunk_time(&chunk, 99 * S, true), 110 * S);
}

/* Two chunks of 30 s, the second overlapping; what was heard in them. */
static void assemble(const struct md_heard *heard, size_t n, const char *sound_of_it,
                     struct md_transcript *ret)
{
    struct sound sound;
    struct md_chunk chunk[2] = {
        {.pieces = {{0, 30 * S}}, .piece_count = 1, .length_us = 30 * S},
        {.pieces = {{29 * S, 59 * S}}, .piece_count = 1, .length_us = 30 * S, .overlaps = true}};
    const struct md_chunk_vec chunks = {.v = chunk, .n = 2};
    const struct md_heard_vec all = {.v = (struct md_heard *)(uintptr_t)heard, .n = n};
    set_up(&sound, sound_of_it, 60);
    assert_int_equal(md_transcript_assemble(&sound.audio, &chunks, &all, ret), MD_OK);
    tear_down(&sound);
}

static void what_two_chunks_heard_is_told_once(void **state)
{
    const struct md_heard heard[] = {{0, 25 * S, 30 * S, "I never said that I didn't", {0}, 1, 0},
                                     {1, 0, 3 * S, "That I didn't, and you know it.", {0}, 1, 0},
                                     {1, 4 * S, 6 * S, "You know it.", {0}, 1, 0}};
    struct md_transcript transcript = {0};
    (void)state;
    assemble(heard, 3, "s", &transcript);
    assert_int_equal(transcript.cues.n, 3);
    assert_string_equal(transcript.cues.v[1].text, "and you know it.");
    assert_string_equal(transcript.cues.v[2].text, "You know it.");
    assert_int_equal(transcript.cues.v[2].start_us, 33 * S);
    md_artifact_done(&md_artifact_transcript, &transcript);
}

static void loops_and_inventions_are_dropped_with_a_mark(void **state)
{
    struct md_heard heard[12];
    struct md_transcript transcript = {0};
    (void)state;
    for (int i = 0; i < 6; i++)
        heard[i] = (struct md_heard){0, i * S, (i + 1) * S, "No!", {0}, 1, 0};
    heard[6] =
        (struct md_heard){0, 7 * S, 9 * S, "and so and so and so and so and so and so", {0}, 1, 0};
    heard[7] = (struct md_heard){0, 10 * S, 12 * S, "Thanks for watching!", {0}, 1, 0};
    heard[8] = (struct md_heard){0, 13 * S, 14 * S, "[applause]", {0}, 1, 0};
    heard[9] = (struct md_heard){0, 15 * S, 16 * S, "What is it?", {0}, 1, 0};
    assemble(heard, 10, "m", &transcript);
    assert_int_equal(transcript.cues.n, 5);
    assert_int_equal(transcript.warnings.n, 5);
    assert_non_null(strstr(transcript.warnings.v[0], "0:00:03"));
    assert_non_null(strstr(transcript.warnings.v[4], "not spoken"));
    assert_true(transcript.cues.v[3].is_sound);
    md_artifact_done(&md_artifact_transcript, &transcript);
    /* In the middle of talk somebody may well thank for watching. */
    transcript = (struct md_transcript){0};
    assemble(heard + 7, 1, "s", &transcript);
    assert_int_equal(transcript.cues.n, 1);
    md_artifact_done(&md_artifact_transcript, &transcript);
}

/* A piece of so many words of 0.5 s every 0.6 s from the beginning of the first chunk on. */
static void give_times(struct md_heard *heard, int words)
{
    for (int i = 0; i < words; i++) {
        assert_int_equal(md_vec_push(&heard->word_us, i * S * 6 / 10), MD_OK);
        assert_int_equal(md_vec_push(&heard->word_us, i * S * 6 / 10 + S / 2), MD_OK);
    }
    heard->end_us = words * S * 6 / 10;
}

static void long_pieces_become_lines_by_the_times_of_their_words(void **state)
{
    struct md_heard heard = {
        .text = "So there we were, the two of us. Nobody came and nobody called, not even once "
                "in all those years, and then he stood there in the door."};
    struct md_transcript transcript = {0};
    (void)state;
    give_times(&heard, 28);
    assemble(&heard, 1, "s", &transcript);
    assert_true(transcript.cues.n >= 3);
    assert_string_equal(transcript.cues.v[0].text, "So there we were, the two of us.");
    for (size_t i = 0, word = 0; i < transcript.cues.n; i++) {
        const struct md_cue *cue = &transcript.cues.v[i];
        assert_true(strlen(cue->text) <= 84);
        assert_true(cue->end_us - cue->start_us <= 8 * S);
        assert_int_equal(cue->start_us, (int64_t)word * S * 6 / 10);
        assert_int_equal(cue->word_us.v[0], cue->start_us);
        word += cue->word_us.n / 2;
        assert_true(word < 28 || i + 1 == transcript.cues.n);
    }
    md_artifact_done(&md_artifact_transcript, &transcript);
    /* Without times it stays one. */
    md_vec_done(&heard.word_us);
    transcript = (struct md_transcript){0};
    assemble(&heard, 1, "s", &transcript);
    assert_int_equal(transcript.cues.n, 1);
    md_artifact_done(&md_artifact_transcript, &transcript);
}

static void what_a_seam_leaves_begins_with_its_first_word(void **state)
{
    struct md_heard heard[] = {
        {.chunk = 0, .start_us = 27 * S, .end_us = 30 * S, .text = "I said that I didn't"},
        {.chunk = 1, .text = "that I didn't, and you know it."}};
    struct md_transcript transcript = {0};
    (void)state;
    give_times(&heard[1], 7);
    assemble(heard, 2, "s", &transcript);
    assert_int_equal(transcript.cues.n, 2);
    assert_string_equal(transcript.cues.v[1].text, "and you know it.");
    assert_int_equal(transcript.cues.v[1].start_us, 29 * S + 3 * S * 6 / 10);
    assert_int_equal(transcript.cues.v[1].word_us.n, 8);
    md_artifact_done(&md_artifact_transcript, &transcript);
    md_vec_done(&heard[1].word_us);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(silence_and_music_are_left_out),
        cmocka_unit_test(half_silence_takes_little_more_than_half_the_windows),
        cmocka_unit_test(pauses_of_any_depth_fill_the_windows),
        cmocka_unit_test(cuts_lie_in_pauses_and_overlap_where_there_is_none),
        cmocka_unit_test(times_go_back_to_where_they_were_heard),
        cmocka_unit_test(what_two_chunks_heard_is_told_once),
        cmocka_unit_test(long_pieces_become_lines_by_the_times_of_their_words),
        cmocka_unit_test(what_a_seam_leaves_begins_with_its_first_word),
        cmocka_unit_test(loops_and_inventions_are_dropped_with_a_mark),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
