/* shots-fast: what the fast mode of shot detection costs and misses.
 *
 *   shots-fast [--threads N] [--verbose] MOVIE[=TRUTH.csv]...
 *
 * For each film: CPU and wall time of the fast and the accurate mode as parts of what
 * `ffmpeg -an -f null -` takes with the same threads, how many frames were decoded, how far the two
 * agree, and the F1 of both where the truth is known. One run after the other, so that ratios mean
 * something on a machine with neighbours; CPU ratios mean more than wall ratios. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "analysis/evaluate.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "model/media.h"
#include "model/shots.h"
#include "model/stage.h"

enum { TRUTH_MAX_BYTES = 16 << 20 };

struct cost {
    double cpu_s, wall_s;
};

static double cpu_s(int who)
{
    struct rusage usage;
    getrusage(who, &usage);
    return (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static struct cost since(int who, double cpu, int64_t start_us)
{
    return (struct cost){cpu_s(who) - cpu, (double)(md_clock_monotonic_us() - start_us) / 1e6};
}

/* Decoding alone, by the tool anybody would use. Zero where there is none. */
static struct cost decode(const char *movie, int threads)
{
    char number[16];
    snprintf(number, sizeof number, "%d", threads);
    double cpu = cpu_s(RUSAGE_CHILDREN);
    int64_t start_us = md_clock_monotonic_us();
    pid_t child = fork();
    if (child == 0) {
        int null = open("/dev/null", O_RDWR);
        dup2(null, 0);
        dup2(null, 1);
        dup2(null, 2);
        execlp("ffmpeg", "ffmpeg", "-threads", number, "-i", movie, "-map", "0:V:0", "-an", "-f",
               "null", "-", (char *)NULL);
        _exit(127);
    }
    int status = -1;
    if (child < 0 || waitpid(child, &status, 0) < 0 || status != 0)
        return (struct cost){0};
    return since(RUSAGE_CHILDREN, cpu, start_us);
}

static int detect(struct md_stage_env *env, const struct md_media *media, int mode,
                  struct md_shots *shots, struct cost *ret_cost)
{
    struct md_options options = *env->options;
    options.shots = mode;
    env->options = &options;
    struct md_artifacts in = {.media = media};
    double cpu = cpu_s(RUSAGE_SELF);
    int64_t start_us = md_clock_monotonic_us();
    int rc = md_stage_ops_shots.run(env, &in, shots);
    *ret_cost = since(RUSAGE_SELF, cpu, start_us);
    return rc;
}

static int boundaries_of(const struct md_shots *shots, struct md_boundary_vec *ret)
{
    for (size_t i = 1; i < shots->shots.n; i++) {
        const struct md_shot *shot = &shots->shots.v[i];
        struct md_boundary b = {shot->transition_start_frame, shot->transition_end_frame,
                                shot->transition, shot->confidence};
        if (md_vec_push(ret, b) < 0)
            return MD_ERR_NOMEM;
    }
    return MD_OK;
}

static double f1(const struct md_truth_vec *truth, const struct md_boundary_vec *found)
{
    struct md_evaluation one = {0};
    if (md_evaluate(truth, found, &one, NULL) < 0)
        return -1;
    return md_score_f1(&one.scores[MD_SCORE_ALL]);
}

/* What one mode found and the other did not. */
static void print_difference(const char *what, const struct md_boundary_vec *found,
                             const struct md_boundary_vec *other)
{
    struct md_truth_vec truth = {0};
    struct md_evaluation one = {0};
    int64_t *matched = calloc(found->n + 1, sizeof *matched);
    for (size_t i = 0; i < other->n; i++)
        if (md_vec_push(&truth, (struct md_truth){.boundary = other->v[i]}) < 0)
            break;
    if (matched && md_evaluate(&truth, found, &one, matched) == MD_OK)
        for (size_t i = 0; i < found->n; i++)
            if (matched[i] < 0)
                printf("    %s %s %lld - %lld, confidence %.2f\n", what,
                       md_transition_names[found->v[i].kind], (long long)found->v[i].start_frame,
                       (long long)found->v[i].end_frame, found->v[i].confidence);
    free(matched);
    md_vec_done(&truth);
}

struct result {
    struct cost decode, fast, accurate;
    struct md_shots fast_shots, accurate_shots;
};

static int report(const char *movie, const char *truth_path, bool verbose, struct result *r)
{
    struct md_boundary_vec fast = {0}, accurate = {0};
    struct md_truth_vec truth = {0}, same = {0};
    char *text = NULL;
    size_t size;
    int rc = boundaries_of(&r->fast_shots, &fast);
    if (rc == MD_OK)
        rc = boundaries_of(&r->accurate_shots, &accurate);
    for (size_t i = 0; rc == MD_OK && i < accurate.n; i++)
        rc = md_vec_push(&same, (struct md_truth){.boundary = accurate.v[i]});
    if (rc == MD_OK && truth_path) {
        rc = md_file_read(truth_path, TRUTH_MAX_BYTES, &text, &size, NULL);
        if (rc == MD_OK)
            rc = md_truth_parse(text, size, &truth, NULL);
    }
    if (rc == MD_OK) {
        double decode_cpu = MD_MAX(r->decode.cpu_s, 1e-9);
        double decode_wall = MD_MAX(r->decode.wall_s, 1e-9);
        printf("%-34s %6lld %5.1f%% %6.2f %6.2f %6.2f %6.2f %7.3f", md_path_base(movie),
               (long long)r->fast_shots.frame_count,
               100.0 * (double)r->fast_shots.frames_decoded /
                   (double)MD_MAX(r->fast_shots.frame_count, 1),
               decode_cpu / r->fast.cpu_s, decode_wall / r->fast.wall_s,
               decode_cpu / r->accurate.cpu_s, decode_wall / r->accurate.wall_s, f1(&same, &fast));
        if (truth_path)
            printf(" %6.3f %6.3f", f1(&truth, &fast), f1(&truth, &accurate));
        printf("%s%s\n", r->fast_shots.mode_reason ? "  " : "",
               r->fast_shots.mode_reason ? r->fast_shots.mode_reason : "");
        if (verbose) {
            print_difference("only fast:    ", &fast, &accurate);
            print_difference("only accurate:", &accurate, &fast);
        }
    }
    free(text);
    md_vec_done(&fast);
    md_vec_done(&accurate);
    md_vec_done(&truth);
    md_vec_done(&same);
    return rc;
}

static int compare(const char *movie, const char *truth_path, int threads, bool verbose,
                   const char *folder, struct md_failure *failure)
{
    struct md_options options;
    int rc = md_options_init(&options);
    if (rc < 0)
        return rc;
    struct md_stage_env env = {.movie_path = movie,
                               .work_dir = folder,
                               .out_dir = folder,
                               .options = &options,
                               .threads = threads,
                               .failure = failure};
    struct md_media media = {0};
    struct result result = {0};
    rc = md_stage_ops_probe.run(&env, &(struct md_artifacts){0}, &media);
    if (rc == MD_OK) {
        result.decode = decode(movie, threads);
        rc = detect(&env, &media, MD_SHOTS_FAST, &result.fast_shots, &result.fast);
        env.options = &options;
    }
    if (rc == MD_OK)
        rc = detect(&env, &media, MD_SHOTS_ACCURATE, &result.accurate_shots, &result.accurate);
    if (rc == MD_OK)
        rc = report(movie, truth_path, verbose, &result);
    md_artifact_done(&md_artifact_media, &media);
    md_artifact_done(&md_artifact_shots, &result.fast_shots);
    md_artifact_done(&md_artifact_shots, &result.accurate_shots);
    md_options_done(&options);
    return rc;
}

int main(int argc, char **argv)
{
    int threads = 2, i = 1, rc = MD_OK;
    bool verbose = false;
    for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
        if (strcmp(argv[i], "--verbose") == 0) {
            verbose = true;
        } else if (strcmp(argv[i], "--threads") == 0 && i + 1 < argc) {
            int n = atoi(argv[++i]);
            threads = MD_CLAMP(n, 1, 64);
        } else {
            i = argc;
        }
    }
    if (i >= argc) {
        fputs("usage: shots-fast [--threads N] [--verbose] MOVIE[=TRUTH.csv]...\n", stderr);
        return 2;
    }
    char folder[] = "/tmp/md-shots-fast-XXXXXX";
    if (!mkdtemp(folder))
        return 1;
    printf("Times as fast as decoding alone; F1 with the accurate mode and with the truth.\n"
           "%-34s %6s %6s %13s %13s %7s %6s %6s\n%-34s %6s %6s %6s %6s %6s %6s\n",
           "film", "frames", "decod.", "fast", "accurate", "agree", "F1", "F1", "", "", "", "CPU",
           "wall", "CPU", "wall");
    int failed = 0;
    for (; i < argc; i++) {
        char *equals = strrchr(argv[i], '=');
        if (equals)
            *equals = '\0';
        struct md_failure failure = {0};
        rc = compare(argv[i], equals ? equals + 1 : NULL, threads, verbose, folder, &failure);
        if (rc < 0) {
            printf("%-34s %s\n", md_path_base(argv[i]),
                   failure.code ? failure.message : md_error_text(rc));
            failed = 1;
        }
        fflush(stdout);
    }
    md_remove_tree(folder, NULL);
    return failed;
}
