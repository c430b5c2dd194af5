/* shots-eval: how good a shot detector is, and how fast.
 *
 *   shots-eval [--detector NAME] [--threads N] [--verbose] [--looks FOLDER]
 *              [--features FILE] MOVIE=TRUTH.csv...
 *   shots-eval --list
 *
 * With --looks what is left of each frame after reduction is kept in FOLDER, and taken from there
 * the next time: judging a changed detector then takes a second a film. Delete the folder when
 * md_look_take has changed.
 *
 * With --features every frame and stretch that might be a boundary is written to FILE, one a line:
 * "cut" or "dissolve", film, 1 or 0, frame, features. bench/shots-learn makes weights of them.
 *
 * Prints precision, recall and F1 by kind over all movies together, and frames per second. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/cuts.h"
#include "analysis/evaluate.h"
#include "analysis/gradual.h"
#include "analysis/range.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "media/video_reader.h"

enum { TRUTH_MAX_BYTES = 16 << 20 };

struct eval {
    const struct md_detector_ops *detector;
    int threads;
    bool verbose;
    const char *looks; /* folder or NULL */
    FILE *features;    /* or NULL */
    const char *film;  /* whose they are */
    const struct md_truth_vec *truth;
    struct md_evaluation all;
    int64_t frames, elapsed_us;
};

/* Where looks come from: a film, or the file they were kept in. */
struct source {
    struct md_video_reader *reader; /* NULL: all is in kept */
    struct md_looker *looker;
    FILE *kept; /* written while a film is read; NULL not */
};

static int next_look(struct source *source, struct md_look *look, struct md_failure *failure)
{
    if (!source->reader)
        return fread(look, sizeof *look, 1, source->kept) == 1 ? MD_OK : MD_ERR_EOF;
    const struct md_frame *frame;
    int rc = md_video_next(source->reader, &frame, failure);
    if (rc == MD_OK)
        rc = md_look_take(source->looker, frame, look);
    if (rc == MD_OK && source->kept && fwrite(look, sizeof *look, 1, source->kept) != 1)
        rc = md_fail(failure, MD_ERR_IO, "cannot keep looks");
    return rc;
}

/* Frames of the history after the one whose features are written. */
enum { FEATURES_LATER = 64 };

static void write_line(const struct eval *eval, const char *kind, int label, int64_t frame,
                       const float *features, int n)
{
    fprintf(eval->features, "%s %s %d %lld", kind, eval->film, label, (long long)frame);
    for (int i = 0; i < n; i++)
        fprintf(eval->features, " %.5g", (double)features[i]);
    fputc('\n', eval->features);
}

/* 1 a boundary of this kind, 0 none, -1 something between, from which nothing is learnt. */
static int label_cut(const struct eval *eval, int64_t frame)
{
    for (size_t t = 0; t < eval->truth->n; t++) {
        const struct md_boundary *b = &eval->truth->v[t].boundary;
        if (eval->truth->v[t].is_negative)
            continue;
        if (b->kind == MD_TRANSITION_CUT && llabs(frame - b->start_frame) <= 2)
            return frame == b->start_frame ? 1 : -1;
        if (b->kind != MD_TRANSITION_CUT && frame >= b->start_frame - 2 &&
            frame <= b->end_frame + 2)
            return -1;
    }
    return 0;
}

static int label_stretch(const struct eval *eval, int64_t start, int64_t end)
{
    int label = 0;
    for (size_t t = 0; t < eval->truth->n; t++) {
        const struct md_boundary *b = &eval->truth->v[t].boundary;
        int64_t both = MD_MIN(end, b->end_frame) - MD_MAX(start, b->start_frame);
        int64_t either = MD_MAX(end, b->end_frame) - MD_MIN(start, b->start_frame);
        if (eval->truth->v[t].is_negative || both < 0)
            continue;
        if (b->kind == MD_TRANSITION_DISSOLVE && 10 * both >= 6 * either)
            return 1;
        if (b->kind == MD_TRANSITION_CUT ? both >= 0 : both > 0)
            label = b->kind == MD_TRANSITION_CUT ? 0 : -1;
    }
    return label;
}

static void write_features(const struct eval *eval, const struct md_history *history)
{
    int64_t frame = md_history_count(history) - 1 - FEATURES_LATER;
    float rate = md_history_rate(history), cut[MD_CUT_FEATURES] = {0},
          dissolve[MD_DISSOLVE_FEATURES];
    if (!eval->features || frame <= md_history_first(history))
        return;
    int label = label_cut(eval, frame);
    if (label >= 0 && (md_cut_measure(history, frame, rate, cut) || label))
        write_line(eval, "cut", label, frame, cut, MD_CUT_FEATURES);
    int lengths[MD_GRADUAL_LENGTHS], n = md_dissolve_lengths(rate, lengths);
    for (int i = 0; i < n && frame - lengths[i] >= md_history_first(history); i++) {
        label = label_stretch(eval, frame - lengths[i], frame);
        if (label >= 0 && md_dissolve_measure(history, frame - lengths[i], frame, rate, dissolve))
            write_line(eval, "dissolve", label, frame, dissolve, MD_DISSOLVE_FEATURES);
    }
}

static int detect_all(struct eval *eval, struct source *source, struct md_range *range,
                      struct md_boundary_vec *found, struct md_failure *failure)
{
    int rc = MD_OK;
    while (rc == MD_OK) {
        rc = next_look(source, md_range_slot(range), failure);
        if (rc == MD_OK)
            rc = md_range_add(range, found);
        if (rc == MD_OK)
            write_features(eval, md_range_history(range));
    }
    if (rc == MD_ERR_EOF)
        rc = md_range_finish(range, true, found);
    return rc;
}

static int open_source(struct eval *eval, const char *movie, struct source *source,
                       struct md_failure *failure)
{
    char path[4096];
    if (eval->looks) {
        snprintf(path, sizeof path, "%s/%s.looks", eval->looks, md_path_base(movie));
        source->kept = fopen(path, "rb");
        if (source->kept)
            return MD_OK;
        source->kept = fopen(path, "wb");
    }
    struct md_video_params params = {
        .path = movie, .threads = eval->threads, .skip_unused_filter = true};
    source->looker = md_looker_new();
    return md_video_open(&params, &source->reader, failure);
}

static int detect(struct eval *eval, const char *movie, struct md_boundary_vec *found,
                  struct md_failure *failure)
{
    struct source source = {0};
    struct md_range *range = md_range_new(eval->detector);
    int rc = range ? open_source(eval, movie, &source, failure)
                   : md_fail(failure, MD_ERR_NOMEM, "out of memory");
    int64_t start_us = md_clock_monotonic_us();
    if (rc == MD_OK)
        rc = detect_all(eval, &source, range, found, failure);
    eval->elapsed_us += md_clock_monotonic_us() - start_us;
    if (rc == MD_OK)
        eval->frames += md_history_count(md_range_history(range));
    if (source.kept)
        fclose(source.kept);
    md_video_close(source.reader);
    md_looker_free(source.looker);
    md_range_free(range);
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
    eval->film = md_path_base(movie);
    eval->truth = &truth;
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
    fputs("usage: shots-eval [--detector NAME] [--threads N] [--verbose] [--looks FOLDER]\n"
          "                  [--features FILE] MOVIE=TRUTH.csv...\n"
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
        } else if (strcmp(argv[i], "--looks") == 0 && i + 1 < argc) {
            eval.looks = argv[++i];
        } else if (strcmp(argv[i], "--features") == 0 && i + 1 < argc) {
            eval.features = fopen(argv[++i], "w");
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
    return eval.features && fclose(eval.features) != 0;
}
