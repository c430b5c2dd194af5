/* History that outlives the process: rows, the store, batches kept with a regime. */
#include "testing.h"

#include <gov/history.h>

#define DAY_S INT64_C(86400)

/* A store in memory, as a database would be one. */
enum { MOST_ROWS = 64 };
struct store {
    size_t count;
    char keys[MOST_ROWS][GOV_REGIME_MAX];
    char rows[MOST_ROWS][GOV_HISTORY_ROW_MAX];
    int fails_after; /* saves until one fails; < 0: none */
    int saves;
};

static int load_rows(void *context, gov_history_row_fn each_row, void *user)
{
    struct store *store = context;
    for (size_t i = 0; i < store->count; i++) {
        int stop = each_row(user, store->keys[i], store->rows[i], strlen(store->rows[i]));
        if (stop)
            return stop;
    }
    return GOV_OK;
}

static int save_row(void *context, const char *regime, const char *row, size_t size)
{
    struct store *store = context;
    if (store->fails_after == 0)
        return GOV_E_IO;
    store->fails_after--;
    assert_true(size < GOV_HISTORY_ROW_MAX && strlen(row) == size);
    assert_null(strchr(row, '\n'));
    size_t i = 0;
    while (i < store->count && strcmp(store->keys[i], regime) != 0)
        i++;
    assert_true(i < MOST_ROWS);
    strcpy(store->keys[i], regime);
    strcpy(store->rows[i], row);
    store->count += i == store->count;
    store->saves++;
    return GOV_OK;
}

struct fixture {
    struct store store;
    struct gov_history_store ops;
    struct gov_history *history;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->store.fails_after = -1;
    f->ops = (struct gov_history_store){&f->store, load_rows, save_row};
    *state = f;
    return gov_history_new(&gov_config_default, 8, &f->history);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    gov_history_free(f->history);
    free(f);
    return 0;
}

static struct gov_history *restart(struct fixture *f, size_t most, size_t *ret_loaded,
                                   size_t *ret_skipped)
{
    gov_history_free(f->history);
    f->history = NULL;
    assert_int_equal(gov_history_new(&gov_config_default, most, &f->history), 0);
    assert_int_equal(gov_history_load(f->history, &f->ops, NULL, ret_loaded, ret_skipped), 0);
    return f->history;
}

static void fill(struct gov_history *history, const char *regime, int movies)
{
    struct gov_batch *batch = gov_history_batch(history, regime, 8, 32);
    for (int i = 0; i < movies; i++) {
        int32_t size = gov_batch_next_movie(batch, INT32_MAX);
        struct gov_batch_outcome outcome = {.size = size,
                                            .oom = size > 11,
                                            .peak_bytes = size * 500 * GOV_MB,
                                            .units = 10 * size,
                                            .busy_us = 1234567};
        gov_batch_note(batch, &outcome);
        assert_int_equal(gov_history_add(history, regime, 1000 * GOV_MB + i, 1100 * GOV_MB + 7 * i),
                         0);
    }
}

static void what_was_learned_survives_a_restart(void **state)
{
    struct fixture *f = *state;
    for (int movies = 0; movies < 70; movies++) { /* empty, half full and wrapped rings */
        size_t loaded = 0, skipped = 9;
        gov_history_free(f->history);
        f->store.count = 0;
        assert_int_equal(gov_history_new(&gov_config_default, 8, &f->history), 0);
        gov_history_tell_time(f->history, 20000 * DAY_S);
        fill(f->history, "host/transcript/large-v3/-/-", movies);
        struct gov_batch before =
            *gov_history_find_batch(f->history, "host/transcript/large-v3/-/-");
        struct gov_regime_stats stats, again;
        assert_int_equal(gov_history_stats(f->history, "host/transcript/large-v3/-/-", &stats), 0);
        assert_int_equal(gov_history_save(f->history, &f->ops, NULL), 0);

        struct gov_history *history = restart(f, 8, &loaded, &skipped);
        assert_int_equal(loaded, 1);
        assert_int_equal(skipped, 0);
        assert_int_equal(gov_history_stats(history, "host/transcript/large-v3/-/-", &again), 0);
        assert_memory_equal(&stats, &again, sizeof stats);
        const struct gov_batch *after =
            gov_history_find_batch(history, "host/transcript/large-v3/-/-");
        assert_non_null(after);
        /* The clock is told anew after a restart; until then it is when the size was bad. */
        before.now_s = before.bad_at_s;
        assert_memory_equal(after, &before, sizeof before);
        assert_int_equal(gov_history_batch(history, "host/transcript/large-v3/-/-", 1, 32)->size,
                         before.size);
    }
}

static void only_what_changed_is_saved_and_a_failed_save_is_made_up_for(void **state)
{
    struct fixture *f = *state;
    size_t saved = 9;
    fill(f->history, "a", 3);
    fill(f->history, "b", 3);
    fill(f->history, "c", 3);
    f->store.fails_after = 1;
    assert_int_equal(gov_history_save(f->history, &f->ops, &saved), GOV_E_IO);
    assert_int_equal(saved, 1);
    f->store.fails_after = -1;
    assert_int_equal(gov_history_save(f->history, &f->ops, &saved), 0);
    assert_int_equal(saved, 2);
    assert_int_equal(gov_history_save(f->history, &f->ops, &saved), 0);
    assert_int_equal(saved, 0);
    /* Through the pointer, unseen by the history. */
    gov_batch_note_oom(gov_history_batch(f->history, "b", 1, 32), 8, -1);
    assert_int_equal(gov_history_save(f->history, &f->ops, &saved), 0);
    assert_int_equal(saved, 1);
    restart(f, 8, NULL, NULL);
    assert_int_equal(gov_history_find_batch(f->history, "b")->bad, 8);
    assert_int_equal(gov_history_save(f->history, &f->ops, &saved), 0);
    assert_int_equal(saved, 0);
}

static void a_bad_size_fades_over_a_restart(void **state)
{
    struct fixture *f = *state;
    gov_history_tell_time(f->history, 20000 * DAY_S);
    struct gov_batch *batch = gov_history_batch(f->history, "r", 4, 16);
    gov_batch_note_success(batch, 3, -1);
    gov_batch_note_oom(batch, 4, -1);
    assert_int_equal(gov_batch_next_movie(batch, INT32_MAX), 3);
    assert_int_equal(gov_history_save(f->history, &f->ops, NULL), 0);
    restart(f, 8, NULL, NULL);
    gov_history_tell_time(f->history, 20001 * DAY_S);
    assert_int_equal(gov_batch_next_movie(gov_history_batch(f->history, "r", 1, 16), 99), 3);
    restart(f, 8, NULL, NULL);
    gov_history_tell_time(f->history, 20008 * DAY_S);
    assert_int_equal(gov_batch_next_movie(gov_history_batch(f->history, "r", 1, 16), 99), 4);
}

static void of_too_many_regimes_those_used_last_stay(void **state)
{
    struct fixture *f = *state;
    size_t loaded;
    static const char *const keys[] = {"d", "a", "e", "c", "b"};
    static const int day[] = {4, 1, 5, 3, 2};
    for (size_t i = 0; i < 5; i++) {
        gov_history_tell_time(f->history, 100 * DAY_S);
        struct gov_history *one;
        assert_int_equal(gov_history_new(&gov_config_default, 1, &one), 0);
        gov_history_tell_time(one, (100 + day[i]) * DAY_S);
        fill(one, keys[i], 1);
        assert_int_equal(gov_history_save(one, &f->ops, NULL), 0);
        gov_history_free(one);
    }
    restart(f, 2, &loaded, NULL);
    assert_non_null(gov_history_find_batch(f->history, "e"));
    assert_non_null(gov_history_find_batch(f->history, "d"));
    assert_null(gov_history_find_batch(f->history, "b"));
    assert_non_null(gov_history_regime(f->history, 1));
    assert_null(gov_history_regime(f->history, 2));
    restart(f, 8, &loaded, NULL);
    assert_int_equal(loaded, 5);
}

static void note_line(void *context, enum gov_log_level level, const char *message)
{
    struct heard *heard = context;
    assert_int_equal(level, GOV_LOG_WARNING);
    snprintf(heard->lines[heard->count++ % 16], sizeof heard->lines[0], "%s", message);
}

static void a_damaged_row_is_passed_over_and_said(void **state)
{
    struct fixture *f = *state;
    struct heard heard = {0};
    struct gov_log log = {.write = note_line, .context = &heard};
    size_t loaded, skipped;
    fill(f->history, "good", 5);
    fill(f->history, "bad", 5);
    assert_int_equal(gov_history_save(f->history, &f->ops, NULL), 0);
    char *row = f->store.rows[!strcmp(f->store.keys[0], "bad") ? 0 : 1];
    row[20] ^= 1;
    gov_history_free(f->history);
    assert_int_equal(gov_history_new(&gov_config_default, 8, &f->history), 0);
    assert_int_equal(gov_history_load(f->history, &f->ops, &log, &loaded, &skipped), 0);
    assert_int_equal(loaded, 1);
    assert_int_equal(skipped, 1);
    assert_non_null(gov_history_find_batch(f->history, "good"));
    assert_null(gov_history_find_batch(f->history, "bad"));
    assert_int_equal(heard.count, 1);
    assert_string_equal(heard.lines[0],
                        "Memory history: the row of bad is damaged and was passed over");
}

static void every_single_damage_is_noticed(void **state)
{
    struct fixture *f = *state;
    char row[GOV_HISTORY_ROW_MAX];
    size_t length;
    fill(f->history, "r", 40);
    assert_int_equal(gov_history_row_write(f->history, "r", row, sizeof row, &length), 0);
    assert_int_equal(gov_history_row_read(f->history, "s", row, length), 0);
    for (size_t i = 0; i < length; i++) {
        for (int bit = 0; bit < 8; bit++) {
            row[i] ^= (char)(1 << bit);
            assert_int_equal(gov_history_row_read(f->history, "s", row, length), GOV_E_FORMAT);
            row[i] ^= (char)(1 << bit);
        }
    }
    for (size_t i = 0; i < length; i++)
        assert_int_equal(gov_history_row_read(f->history, "s", row, i), GOV_E_FORMAT);
    /* What was known before is not harmed by what could not be read. */
    struct gov_regime_stats stats;
    assert_int_equal(gov_history_stats(f->history, "s", &stats), 0);
    assert_int_equal(stats.count, 40);
}

/* zlib's CRC-32, so that rows can be forged that only sense can refuse. */
static void sign(char *row)
{
    uint32_t crc = UINT32_MAX;
    for (const char *p = row; *p; p++) {
        crc ^= (unsigned char)*p;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0xedb88320) : 0);
    }
    snprintf(row + strlen(row), 16, " #%08x", (unsigned)~crc);
}

static void a_row_that_is_whole_must_also_make_sense(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *row;
        int error;
    } rows[] = {
        {"gov-history 1 0 0 0 0 p 0", 0},
        {"gov-history 1 7 1 5 0 p 1 4:5", 0},
        {"gov-history 1 7 1 5 0 p 1 4:5 b 2 4 2 4 0 0 0 0 1 f 1 2:1:1:5:1:5:0:0", 0},
        {"gov-history 2 7 1 5 0 p 1 4:5", GOV_E_FORMAT},       /* of the future */
        {"gov-history 1 7 1 5 0 p 1 4:5 extra", GOV_E_FORMAT}, /* more than there is */
        {"gov-history 1 7 2 5 0 p 1 4:5", GOV_E_FORMAT},       /* a pair is missing */
        {"gov-history 1 7 1 5 2 p 1 4:5", GOV_E_FORMAT},       /* too low more than ever */
        {"gov-history 1 7 1 5 0 p 1 0:5", GOV_E_FORMAT},       /* predicted nothing */
        {"gov-history 1 7 1 5 0 p 1 -4:5", GOV_E_FORMAT},      /* negative */
        {"gov-history 1 7 1 5 0 p 1  4:5", GOV_E_FORMAT},      /* a blank too many */
        {"gov-history 1 7 1 99999999999999999999 0 p 1 4:5", GOV_E_FORMAT},
        {"gov-history 1 7 1 9223372036854775807 0 p 1 4:5", GOV_E_FORMAT},
        {"gov-history 1 0 0 0 0 p 0 b 5 4 2 4 0 0 0 0 1 f 0", GOV_E_FORMAT}, /* above most */
        {"gov-history 1 0 0 0 0 p 0 b 0 4 2 4 0 0 0 0 1 f 0", GOV_E_FORMAT}, /* nothing */
        {"gov-history 1 0 0 0 0 p 0 b 2 4 4 4 0 0 0 0 1 f 0", GOV_E_FORMAT}, /* good and bad */
        {"gov-history 1 0 0 0 0 p 0 b 2 4 2 4 0 9 0 0 1 f 0", GOV_E_FORMAT}, /* relapses */
        {"gov-history 1 0 0 0 0 p 0 b 2 4 2 4 0 0 2 0 1 f 0", GOV_E_FORMAT}, /* faded */
        {"gov-history 1 0 0 0 0 p 0 b 2 4 2 4 0 0 0 0 1 f 1 0:1:1:5:1:5:0:0", GOV_E_FORMAT},
        {"gov-history 1 0 0 0 0 p 0 b 2 4 2 4 0 0 0 0 1 f 1 33:1:1:5:1:5:0:0", GOV_E_FORMAT},
        {"gov-history 1 0 0 0 0 p 0 b 2 4 2 4 0 0 0 0 1 f 1 2:1:2:5:1:5:0:0", GOV_E_FORMAT},
        {"gov-history 1 0 0 0 0 p 0 b 2 4 2 4 0 0 0 0 1 f 2 2:1:1:5:1:5:0:0", GOV_E_FORMAT},
        {"gov-history 1 0 0 0 0 p 0 b 2 4 2 4 0 0 0 0 1", GOV_E_FORMAT},
        {"", GOV_E_FORMAT},
        {"\xff\xfe", GOV_E_FORMAT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char row[512];
        snprintf(row, sizeof row - 16, "%s", rows[i].row);
        sign(row);
        int error = gov_history_row_read(f->history, "r", row, strlen(row));
        if (error != rows[i].error)
            fail_msg("%s: %s", rows[i].row, gov_error_name(error));
    }
    char row[GOV_HISTORY_ROW_MAX];
    size_t length;
    assert_int_equal(gov_history_row_write(f->history, "no", row, sizeof row, &length),
                     GOV_E_NOT_FOUND);
    assert_int_equal(gov_history_row_write(f->history, "r", row, 10, &length), GOV_E_RANGE);
    assert_int_equal(gov_history_row_read(f->history, "", row, 1), GOV_E_INVALID);
    assert_int_equal(gov_history_row_read(f->history, "r", NULL, 20), GOV_E_FORMAT);
}

/* The largest row there can be still fits. */
static void a_full_row_fits_its_room(void **state)
{
    struct fixture *f = *state;
    char row[GOV_HISTORY_ROW_MAX];
    size_t length = 0;
    const int64_t huge = INT64_MAX / 2;
    struct gov_batch *batch = gov_history_batch(f->history, "r", INT32_MAX, INT32_MAX);
    for (int i = 0; i < GOV_HISTORY_KEPT; i++)
        assert_int_equal(gov_history_add(f->history, "r", huge, huge), 0);
    for (int32_t size = 1; size <= GOV_BATCH_SIZES_KEPT; size++)
        batch->figures[size] = (struct gov_batch_figures){huge, huge, huge, huge, huge, huge, huge};
    batch->ooms = huge;
    gov_history_tell_time(f->history, huge);
    assert_non_null(gov_history_batch(f->history, "r", 1, INT32_MAX));
    assert_int_equal(gov_history_row_write(f->history, "r", row, sizeof row, &length), 0);
    assert_true(length > 5000);
    assert_int_equal(gov_history_row_read(f->history, "s", row, length), 0);
}

static void batches_stay_where_they_are_while_the_table_grows(void **state)
{
    struct fixture *f = *state;
    struct gov_batch *first = gov_history_batch(f->history, "0", 4, 8);
    for (int i = 1; i < 8; i++) {
        char key[8];
        snprintf(key, sizeof key, "%d", i);
        assert_non_null(gov_history_batch(f->history, key, 4, 8));
    }
    assert_ptr_equal(gov_history_batch(f->history, "0", 4, 8), first);
    assert_null(gov_history_batch(f->history, "", 4, 8));
    assert_null(gov_history_batch(NULL, "0", 4, 8));
    assert_int_equal(gov_history_batch(f->history, "0", 4, 2)->size, 2); /* new limits */
}

int main(void)
{
#define WITH_HISTORY(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        WITH_HISTORY(what_was_learned_survives_a_restart),
        WITH_HISTORY(only_what_changed_is_saved_and_a_failed_save_is_made_up_for),
        WITH_HISTORY(a_bad_size_fades_over_a_restart),
        WITH_HISTORY(of_too_many_regimes_those_used_last_stay),
        WITH_HISTORY(a_damaged_row_is_passed_over_and_said),
        WITH_HISTORY(every_single_damage_is_noticed),
        WITH_HISTORY(a_row_that_is_whole_must_also_make_sense),
        WITH_HISTORY(a_full_row_fits_its_room),
        WITH_HISTORY(batches_stay_where_they_are_while_the_table_grows),
    };
    return cmocka_run_group_tests_name("history", tests, NULL, NULL);
}
