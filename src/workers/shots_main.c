/* moviedigest-shots: the program behind `moviedigest shots`. Detects the boundaries of one film,
 * and nothing else: so that methods can be compared, and what detection costs be measured. The main
 * program links no codec, so it becomes this one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analysis/evaluate.h"
#include "analysis/range.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "media/video_reader.h"

enum { EXIT_USAGE = 2, TRUTH_MAX_BYTES = 16 << 20, MOST_THREADS = 64 };

struct arguments {
    const char *movie, *detector, *truth;
    int threads;
    bool csv;
};

struct result {
    struct md_boundary_vec boundaries;
    struct md_video_stats stats;
    int64_t *times_us; /* of the frame each boundary starts with and the one it ends with */
    size_t room;
};

static void done(struct result *result)
{
    md_vec_done(&result->boundaries);
    free(result->times_us);
}

/* Times of boundaries from `before` on, while their frames are still remembered. */
static int note_times(struct result *result, const struct md_history *history, size_t before)
{
    size_t n = result->boundaries.n;
    if (n > result->room) {
        size_t room = 2 * n + 64;
        int64_t *times = realloc(result->times_us, 2 * room * sizeof *times);
        if (!times)
            return MD_ERR_NOMEM;
        result->times_us = times;
        result->room = room;
    }
    for (size_t i = before; i < n; i++) {
        const struct md_boundary *b = &result->boundaries.v[i];
        int64_t first = md_history_first(history), last = md_history_count(history) - 1;
        int64_t start = MD_CLAMP(b->start_frame, first, last),
                end = MD_CLAMP(b->end_frame, first, last);
        result->times_us[2 * i] = md_history_look(history, start)->pts_us;
        result->times_us[2 * i + 1] = md_history_look(history, end)->pts_us;
    }
    return MD_OK;
}

static int read_film(struct md_video_reader *reader, struct md_range *range, struct result *result,
                     struct md_failure *failure)
{
    struct md_looker *looker = md_looker_new();
    int rc = looker ? MD_OK : MD_ERR_NOMEM;
    while (rc == MD_OK) {
        const struct md_frame *frame;
        size_t before = result->boundaries.n;
        rc = md_video_next(reader, &frame, failure);
        if (rc == MD_OK)
            rc = md_look_take(looker, frame, md_range_slot(range));
        if (rc == MD_OK)
            rc = md_range_add(range, &result->boundaries);
        if (rc == MD_OK && result->boundaries.n > before)
            rc = note_times(result, md_range_history(range), before);
    }
    md_looker_free(looker);
    md_video_stats_get(reader, &result->stats);
    if (rc != MD_ERR_EOF)
        return rc;
    if (result->stats.frames == 0)
        return md_fail(failure, MD_ERR_INPUT, "no picture can be decoded");
    size_t before = result->boundaries.n;
    rc = md_range_finish(range, true, &result->boundaries);
    return rc == MD_OK ? note_times(result, md_range_history(range), before) : rc;
}

static int detect(const struct arguments *arguments, struct result *result,
                  struct md_failure *failure)
{
    const struct md_detector_ops *detector;
    struct md_video_reader *reader = NULL;
    int rc = md_detector_find(arguments->detector, &detector, failure);
    if (rc < 0)
        return rc;
    struct md_video_params params = {
        .path = arguments->movie,
        .threads = arguments->threads,
        .skip_unused_filter = true,
    };
    struct md_range *range = md_range_new(detector);
    rc = range ? md_video_open(&params, &reader, failure) : MD_ERR_NOMEM;
    if (rc == MD_OK)
        rc = read_film(reader, range, result, failure);
    md_video_close(reader);
    md_range_free(range);
    return rc;
}

static void print_boundaries(const struct arguments *arguments, const struct result *result)
{
    if (arguments->csv)
        puts("type,start_frame,end_frame,start_sec,end_sec,confidence");
    for (size_t i = 0; i < result->boundaries.n; i++) {
        const struct md_boundary *b = &result->boundaries.v[i];
        const char *name = md_transition_names[b->kind];
        int64_t start_us = result->times_us[2 * i], end_us = result->times_us[2 * i + 1];
        char from[24], to[24];
        if (arguments->csv)
            printf("%s,%lld,%lld,%.4f,%.4f,%.2f\n", name, (long long)b->start_frame,
                   (long long)b->end_frame, (double)start_us / 1e6, (double)end_us / 1e6,
                   (double)b->confidence);
        else if (b->kind == MD_TRANSITION_CUT)
            printf("%12s  %s\n", md_format_time(from, start_us), name);
        else
            printf("%12s  %s, until %s\n", md_format_time(from, start_us), name,
                   md_format_time(to, end_us));
    }
    if (!arguments->csv)
        printf("%zu boundaries in %lld frames\n", result->boundaries.n,
               (long long)result->stats.frames);
}

static int evaluate(const struct arguments *arguments, const struct result *result,
                    struct md_failure *failure)
{
    md_autofree char *text = NULL;
    size_t size;
    struct md_truth_vec truth = {0};
    struct md_evaluation evaluation = {0};
    int rc = md_file_read(arguments->truth, TRUTH_MAX_BYTES, &text, &size, failure);
    if (rc == MD_OK)
        rc = md_truth_parse(text, size, &truth, failure);
    if (rc == MD_OK)
        rc = md_evaluate(&truth, &result->boundaries, &evaluation, NULL);
    md_vec_done(&truth);
    if (rc < 0)
        return rc;
    const char *row = arguments->csv ? "%s,%lld,%lld,%lld,%lld,%.4f,%.4f,%.4f\n"
                                     : "%-9s %6lld %6lld %6lld %6lld %10.3f %7.3f %6.3f\n";
    puts(arguments->csv ? "kind,true,found,hits,false,precision,recall,f1"
                        : "kind        true  found   hits  false  precision  recall     F1");
    for (int i = 0; i < MD_SCORES; i++) {
        const struct md_score *s = &evaluation.scores[i];
        printf(row, md_score_names[i], (long long)s->truth, (long long)s->found, (long long)s->hits,
               (long long)s->false_alarms, md_score_precision(s), md_score_recall(s),
               md_score_f1(s));
    }
    if (!arguments->csv)
        printf("%lld of %lld things that are no boundary were taken for one\n",
               (long long)evaluation.negatives_hit, (long long)evaluation.negatives);
    return MD_OK;
}

static int usage(void)
{
    fputs("usage: moviedigest shots MOVIE [--detector NAME] [--csv] [--evaluate TRUTH.csv]"
          " [--threads N]\n"
          "       moviedigest shots --list\n"
          "\n"
          "  --detector NAME       how boundaries are found; --list shows the ways there are\n"
          "  --csv                 one line each, for programs\n"
          "  --evaluate TRUTH.csv  compare with true boundaries (type,start_frame,end_frame)\n"
          "  --threads N           of the decoder; default one for each processor\n",
          stderr);
    return EXIT_USAGE;
}

static bool parse(int argc, char **argv, struct arguments *arguments)
{
    for (int i = 1; i < argc; i++) {
        bool has_value = i + 1 < argc;
        if (strcmp(argv[i], "--csv") == 0) {
            arguments->csv = true;
        } else if (strcmp(argv[i], "--detector") == 0 && has_value) {
            arguments->detector = argv[++i];
        } else if (strcmp(argv[i], "--evaluate") == 0 && has_value) {
            arguments->truth = argv[++i];
        } else if (strcmp(argv[i], "--threads") == 0 && has_value) {
            int threads = atoi(argv[++i]);
            arguments->threads = MD_CLAMP(threads, 1, MOST_THREADS);
        } else if ((argv[i][0] == '-' && argv[i][1]) || arguments->movie) {
            return false;
        } else {
            arguments->movie = argv[i];
        }
    }
    return arguments->movie != NULL;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        for (size_t d = 0; md_detectors[d]; d++)
            printf("%-10s %s\n", md_detectors[d]->name, md_detectors[d]->description);
        return 0;
    }
    int processors = (int)sysconf(_SC_NPROCESSORS_ONLN);
    struct arguments arguments = {.threads = MD_CLAMP(processors, 1, MOST_THREADS)};
    if (!parse(argc, argv, &arguments))
        return usage();
    struct md_failure failure = {0};
    struct result result = {0};
    int rc = detect(&arguments, &result, &failure);
    if (rc == MD_OK && arguments.truth)
        rc = evaluate(&arguments, &result, &failure);
    else if (rc == MD_OK)
        print_boundaries(&arguments, &result);
    done(&result);
    if (rc == MD_OK)
        return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    fprintf(stderr, "moviedigest shots: %s\n", failure.code ? failure.message : md_error_text(rc));
    return EXIT_FAILURE;
}
