/*
 * Another embedding of libgov: six movies are transcribed on a simulated card, in no real time.
 *
 *     cc shelf.c $(pkg-config --static --cflags --libs gov) -o shelf && ./shelf flight.json
 *
 * An idle language model lies on the card and each chunk takes more than predicted, so memory runs
 * out: the ladder says what to do, the model gives way, batches and predictions learn, and the
 * recorder keeps it all (open flight.json in Perfetto).
 */
#include <stdio.h>

#include <gov/estimate.h>
#include <gov/history.h>
#include <gov/post_mortem.h>
#include <gov/reclaim.h>
#include <gov/recover.h>
#include <gov/sim.h>

enum { MOVIES = 6, WORKER = 1, MODEL = 2 }; /* the latter are "processes" of ours */
static const char *const regime = "rtx3060/transcript/large-v3/-/-";

struct shelf {
    struct gov_device *device;
    struct gov_governor *governor;
    struct gov_recorder *recorder;
    struct gov_history *history;
    int64_t now_us;
};

static void say(void *context, enum gov_log_level level, const char *message)
{
    (void)context, (void)level;
    printf("governor: %s\n", message);
}

static int write_to(void *file, const char *bytes, size_t size)
{
    return fwrite(bytes, 1, size, file) == size ? 0 : GOV_E_IO;
}

static int unload(void *context, enum gov_tier tier, int64_t want_bytes)
{
    (void)tier, (void)want_bytes;
    return gov_sim_give(context, MODEL, -1) ? GOV_RECLAIM_NOTHING : GOV_RECLAIM_DONE;
}

static void run_tier(struct shelf *s, enum gov_tier tier)
{
    const struct gov_reclaimer model = {"idle model", GOV_TIER_AGGRESSIVE, 8000000, NULL,
                                        unload,       s->device,           false};
    struct gov_tier_run run = {0};
    do {
        gov_governor_run_tier(s->governor, &model, 1, tier, s->now_us, &run);
        gov_governor_end_tier(s->governor, s->now_us, &run);
    } while (run.again);
}

static void measure(struct shelf *s)
{
    struct gov_pressure_decision decision;
    s->now_us += 1000000;
    gov_governor_sample(s->governor, s->now_us, NULL);
    gov_governor_check_pressure(s->governor, s->now_us, -1, &decision);
    if (decision.tier != GOV_TIER_NONE)
        run_tier(s, decision.tier);
}

static int64_t model_of(int32_t size)
{
    struct gov_whisper_shape shape;
    gov_whisper_model("large-v3", &shape);
    shape.batch = size;
    return gov_estimate_whisper(&gov_config_default, &shape);
}

/* The largest batch whose prediction, as corrected by history, fits now. */
static int32_t fitting(struct shelf *s)
{
    int32_t size = 1;
    struct gov_status status;
    gov_governor_status(s->governor, &status);
    while (gov_history_correct(s->history, regime, model_of(size + 1)).bytes < status.room_bytes)
        size++;
    return size;
}

/* One try with a batch: 0, or GOV_E_DEVICE_NOMEM. The oldest always may run, hence FORCE. */
static int transcribe(struct shelf *s, const char *movie, int32_t size)
{
    struct gov_admission admission;
    struct gov_prediction prediction = gov_history_correct(s->history, regime, model_of(size));
    struct gov_request request = {movie,     "transcript",     0, 0, WORKER, prediction.bytes, 0,
                                  s->now_us, GOV_REQUEST_FORCE};
    int64_t really = 3094 * GOV_MB + size * 1100 * GOV_MB;
    int error = gov_governor_admit(s->governor, &request, &admission);
    if (!error)
        error = gov_sim_take(s->device, s->now_us, WORKER, really);
    if (error == GOV_E_DEVICE_NOMEM) {
        char text[GOV_POST_MORTEM_MAX];
        struct gov_oom oom = {admission.lease_id, NULL, NULL, really, size, s->now_us, NULL};
        gov_governor_note_oom(s->governor, &oom);
        gov_post_mortem(s->governor, s->recorder, &oom, text, sizeof text);
        printf("%s", text);
    }
    measure(s);
    gov_sim_give(s->device, WORKER, -1); /* done, or ended so that its memory comes back */
    gov_governor_release_pid(s->governor, WORKER);
    if (!error)
        gov_history_add(s->history, regime, model_of(size), really);
    return error;
}

static int do_movie(struct shelf *s, const char *movie)
{
    struct gov_batch *batch = gov_history_batch(s->history, regime, 6, 16);
    struct gov_recover recover = {0};
    int32_t size = gov_batch_next_movie(batch, fitting(s));
    while (transcribe(s, movie, size)) {
        struct gov_recover_input input = {
            .batch = size, .batch_good = batch->good, .free_then_bytes = -1, .free_now_bytes = -1};
        struct gov_recover_decision next = gov_recover_next(&recover, &input);
        const char *rung = gov_rung_name(next.rung);
        printf("%s: %s, batch %d\n", movie, rung, (int)next.batch);
        gov_recorder_rung(s->recorder, s->now_us, movie, "transcript", rung, next.batch);
        if (next.rung == GOV_RUNG_FAIL)
            return 0;
        if (next.rung == GOV_RUNG_AGGRESSIVE)
            run_tier(s, GOV_TIER_AGGRESSIVE);
        if (next.batch < size)
            gov_batch_note_oom(batch, size, -1);
        size = next.batch;
    }
    gov_batch_note_success(batch, size, -1);
    printf("%s: done with batch %d\n", movie, (int)size);
    return 1;
}

int main(int argc, char **argv)
{
    const struct gov_log log = {say, NULL, GOV_LOG_INFO};
    struct shelf s = {NULL, NULL, NULL, NULL, 0};
    int done = 0, error = 0;
    if (gov_device_open("sim:rtx3060", NULL, &s.device) || gov_recorder_new(0, &s.recorder) ||
        gov_governor_new(&gov_config_default, s.device, &log, &s.governor) ||
        gov_history_new(&gov_config_default, 8, &s.history) ||
        gov_sim_take(s.device, 0, MODEL, 4 * GOV_GB))
        return 1;
    gov_governor_set_recorder(s.governor, s.recorder);
    gov_governor_watch(s.governor, MODEL);
    for (int i = 0; i < MOVIES; i++) {
        char movie[16];
        snprintf(movie, sizeof movie, "movie %d", i + 1);
        measure(&s);
        done += do_movie(&s, movie);
    }
    FILE *file = argc > 1 ? fopen(argv[1], "w") : NULL;
    if (file)
        error = gov_recorder_write_trace(s.recorder, write_to, file) || fclose(file);
    gov_governor_free(s.governor);
    gov_recorder_free(s.recorder);
    gov_history_free(s.history);
    gov_device_free(s.device);
    return done == MOVIES && !error ? 0 : 1;
}
