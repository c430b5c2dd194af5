/* shots-eval: how good a shot detector is, and how fast.
 *
 *   shots-eval [--detector NAME] [--threads N] [--verbose] MOVIE=TRUTH.csv...
 *   shots-eval --list
 *
 * Prints precision, recall and F1 by kind over all movies together, and frames per second. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/evaluate.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "media/video_reader.h"

enum { TRUTH_MAX_BYTES = 16 << 20 };

struct eval {
    const struct md_detector_ops *detector;
    int threads;
    bool verbose;
    struct md_evaluation all;
    int64_t frames, elapsed_us;
};

static int detect_all(struct eval *eval, struct md_video_reader *reader, struct md_history *history,
                      struct md_boundary_vec *found, struct md_failure *failure)
{
    struct md_looker *looker = md_looker_new();
    void *state = eval->detector->create(history);
    int rc = looker && state ? MD_OK : md_fail(failure, MD_ERR_NOMEM, "out of memory");
    while (rc == MD_OK) {
        const struct md_frame *frame;
        rc = md_video_next(reader, &frame, failure);
        if (rc < 0)
            break;
        rc = md_look_take(looker, frame, md_history_slot(history));
        if (rc < 0)
            break;
        md_history_add(history);
        int64_t settled = eval->detector->step(state, MD_DETECTOR_GOES_ON, found);
        rc = settled < 0 ? (int)settled : MD_OK;
    }
    if (rc == MD_ERR_EOF)
        rc = eval->detector->step(state, MD_DETECTOR_FILM_END, found) < 0 ? MD_ERR_NOMEM : MD_OK;
    eval->detector->destroy(state);
    md_looker_free(looker);
    return rc;
}

static int detect(struct eval *eval, const char *movie, struct md_boundary_vec *found,
                  struct md_failure *failure)
{
    struct md_video_params params = {.path = movie, .threads = eval->threads};
    struct md_video_reader *reader = NULL;
    int rc = md_video_open(&params, &reader, failure);
    if (rc < 0)
        return rc;
    struct md_history *history = md_history_new();
    int64_t start_us = md_clock_monotonic_us();
    rc = history ? detect_all(eval, reader, history, found, failure)
                 : md_fail(failure, MD_ERR_NOMEM, "out of memory");
    eval->elapsed_us += md_clock_monotonic_us() - start_us;
    if (rc == MD_OK)
        eval->frames += md_history_count(history);
    md_history_free(history);
    md_video_close(reader);
    return rc;
}

static void print_boundaries(const struct md_truth_vec *truth, const struct md_boundary_vec *found,
                             const int64_t *matched)
{
    for (size_t i = 0; i < found->n; i++) {
        const struct md_boundary *b = &found->v[i];
        const char *verdict = matched[i] < 0                                  ? "false"
                              : truth->v[matched[i]].boundary.kind == b->kind ? "right"
                                                                              : "other";
        printf("    %s %-10s %6lld - %lld, confidence %.2f\n", verdict,
               md_transition_names[b->kind], (long long)b->start_frame, (long long)b->end_frame,
               b->confidence);
    }
    for (size_t t = 0; t < truth->n; t++) {
        bool is_found = truth->v[t].is_negative;
        for (size_t i = 0; i < found->n; i++)
            is_found |= matched[i] == (int64_t)t;
        if (!is_found)
            printf("    missed %-9s %6lld - %lld\n", md_transition_names[truth->v[t].boundary.kind],
                   (long long)truth->v[t].boundary.start_frame,
                   (long long)truth->v[t].boundary.end_frame);
    }
}

static int evaluate_movie(struct eval *eval, const char *movie, const char *truth_path,
                          struct md_failure *failure)
{
    char *text = NULL;
    size_t size;
    struct md_truth_vec truth = {0};
    struct md_boundary_vec found = {0};
    int64_t *matched = NULL;
    int rc = md_file_read(truth_path, TRUTH_MAX_BYTES, &text, &size, failure);
    if (rc == MD_OK)
        rc = md_truth_parse(text, size, &truth, failure);
    if (rc == MD_OK)
        rc = detect(eval, movie, &found, failure);
    struct md_evaluation one = {0};
    if (rc == MD_OK) {
        matched = calloc(found.n + 1, sizeof *matched);
        rc = matched ? md_evaluate(&truth, &found, &one, matched) : MD_ERR_NOMEM;
    }
    if (rc == MD_OK)
        rc = md_evaluate(&truth, &found, &eval->all, NULL);
    if (rc == MD_OK) {
        printf("%-40s all F1 %.3f, cuts %.3f, gradual %.3f\n", md_path_base(movie),
               md_score_f1(&one.scores[MD_SCORE_ALL]), md_score_f1(&one.scores[MD_SCORE_CUT]),
               md_score_f1(&one.scores[MD_SCORE_GRADUAL]));
        if (eval->verbose)
            print_boundaries(&truth, &found, matched);
    }
    free(matched);
    free(text);
    md_vec_done(&truth);
    md_vec_done(&found);
    return rc;
}

static void print_scores(const struct eval *eval)
{
    printf("\n%-9s %6s %6s %6s %6s %10s %7s %6s\n", "kind", "true", "found", "hits", "false",
           "precision", "recall", "F1");
    for (int i = 0; i < MD_SCORES; i++) {
        const struct md_score *s = &eval->all.scores[i];
        printf("%-9s %6lld %6lld %6lld %6lld %10.3f %7.3f %6.3f\n", md_score_names[i],
               (long long)s->truth, (long long)s->found, (long long)s->hits,
               (long long)s->false_alarms, md_score_precision(s), md_score_recall(s),
               md_score_f1(s));
    }
    printf("%lld of %lld things that are no boundary were taken for one\n",
           (long long)eval->all.negatives_hit, (long long)eval->all.negatives);
    printf("%lld frames, %.0f frames per second\n", (long long)eval->frames,
           (double)eval->frames * 1e6 / (double)MD_MAX(eval->elapsed_us, 1));
}

static int usage(void)
{
    fputs("usage: shots-eval [--detector NAME] [--threads N] [--verbose] MOVIE=TRUTH.csv...\n"
          "       shots-eval --list\n",
          stderr);
    return 2;
}

int main(int argc, char **argv)
{
    struct md_failure failure = {0};
    struct eval eval = {.threads = 2};
    const char *name = NULL;
    int i = 1;
    for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
        if (strcmp(argv[i], "--list") == 0) {
            for (size_t d = 0; md_detectors[d]; d++)
                printf("%-10s %s\n", md_detectors[d]->name, md_detectors[d]->description);
            return 0;
        } else if (strcmp(argv[i], "--verbose") == 0) {
            eval.verbose = true;
        } else if (strcmp(argv[i], "--detector") == 0 && i + 1 < argc) {
            name = argv[++i];
        } else if (strcmp(argv[i], "--threads") == 0 && i + 1 < argc) {
            int threads = atoi(argv[++i]);
            eval.threads = MD_CLAMP(threads, 1, 64);
        } else {
            return usage();
        }
    }
    if (i >= argc)
        return usage();
    int rc = md_detector_find(name, &eval.detector, &failure);
    for (; rc == MD_OK && i < argc; i++) {
        char *equals = strrchr(argv[i], '=');
        if (!equals)
            return usage();
        *equals = '\0';
        rc = evaluate_movie(&eval, argv[i], equals + 1, &failure);
    }
    if (rc < 0) {
        fprintf(stderr, "shots-eval: %s\n", failure.code ? failure.message : md_error_text(rc));
        return 1;
    }
    print_scores(&eval);
    return 0;
}
