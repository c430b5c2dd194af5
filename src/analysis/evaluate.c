/* Matching is greedy by distance of the middles within what is allowed at all, nearest pairs first:
 * boundaries are far apart compared to the tolerance, so this is the best matching in practice, and
 * unlike an optimal one it is obvious from the list why a pair belongs together. */
#include "analysis/evaluate.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

const char *const md_score_names[] = {"cut", "dissolve", "fade", "wipe", "gradual", "all", NULL};

static const struct {
    const char *word;
    int kind;
} truth_words[] = {
    {"cut", MD_TRANSITION_CUT},
    {"jump_cut", MD_TRANSITION_CUT},
    {"dissolve", MD_TRANSITION_DISSOLVE},
    {"fade_black", MD_TRANSITION_FADE_BLACK},
    {"fade_white", MD_TRANSITION_FADE_WHITE},
    {"fade", MD_TRANSITION_FADE_BLACK},
    {"wipe", MD_TRANSITION_WIPE},
};

static bool parse_line(const char *line, struct md_truth *ret_truth)
{
    char word[32];
    long long start, end;
    if (sscanf(line, "%31[^,],%lld,%lld", word, &start, &end) != 3 || start < 0 || end < start)
        return false;
    *ret_truth =
        (struct md_truth){.boundary = {.start_frame = start, .end_frame = end, .confidence = 1}};
    if (strncmp(word, "neg_", 4) == 0) {
        ret_truth->is_negative = true;
        return true;
    }
    for (size_t i = 0; i < MD_ARRAY_LEN(truth_words); i++)
        if (strcmp(word, truth_words[i].word) == 0) {
            ret_truth->boundary.kind = truth_words[i].kind;
            return true;
        }
    return false;
}

int md_truth_parse(const char *text, size_t n, struct md_truth_vec *ret_truth,
                   struct md_failure *failure)
{
    struct md_truth_vec truth = {0};
    const char *end = text + n;
    while (text < end) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        size_t length = (size_t)((newline ? newline : end) - text);
        char line[256];
        snprintf(line, sizeof line, "%.*s", (int)MD_MIN(length, sizeof line - 1), text);
        struct md_truth row;
        if (parse_line(line, &row) && md_vec_push(&truth, row) < 0) {
            md_vec_done(&truth);
            return md_fail(failure, MD_ERR_NOMEM, "out of memory");
        }
        text += length + 1;
    }
    if (truth.n == 0)
        return md_fail(failure, MD_ERR_INPUT, "no row of the truth file names a boundary");
    *ret_truth = truth;
    return MD_OK;
}

static bool is_cut(const struct md_boundary *boundary)
{
    return boundary->kind == MD_TRANSITION_CUT;
}

static bool touches(const struct md_boundary *a, const struct md_boundary *b)
{
    int64_t slack = is_cut(a) || is_cut(b) ? MD_EVALUATE_TOLERANCE : 0;
    return a->start_frame <= b->end_frame + slack && b->start_frame <= a->end_frame + slack;
}

enum matching { MATCH_CUTS, MATCH_GRADUAL, MATCH_ALL };

static bool takes_part(const struct md_boundary *boundary, enum matching matching)
{
    return matching == MATCH_ALL || is_cut(boundary) == (matching == MATCH_CUTS);
}

struct pair {
    size_t truth, found;
    int64_t distance;
};
struct pair_vec MD_VEC(struct pair);

static int by_distance(const void *a, const void *b)
{
    const struct pair *p = a, *q = b;
    if (p->distance != q->distance)
        return p->distance < q->distance ? -1 : 1;
    return p->truth < q->truth ? -1 : p->truth > q->truth;
}

static int list_pairs(const struct md_truth_vec *truth, const struct md_boundary_vec *found,
                      enum matching matching, struct pair_vec *pairs)
{
    for (size_t t = 0; t < truth->n; t++) {
        const struct md_boundary *a = &truth->v[t].boundary;
        if (truth->v[t].is_negative || !takes_part(a, matching))
            continue;
        for (size_t f = 0; f < found->n; f++) {
            const struct md_boundary *b = &found->v[f];
            if (!takes_part(b, matching) || !touches(a, b))
                continue;
            int64_t distance = llabs(md_boundary_split(a) - md_boundary_split(b));
            if (md_vec_push(pairs, (struct pair){t, f, distance}) < 0)
                return MD_ERR_NOMEM;
        }
    }
    return MD_OK;
}

/* Fills truth_of[found] and found_of[truth] with indices or -1. */
static int match(const struct md_truth_vec *truth, const struct md_boundary_vec *found,
                 enum matching matching, int64_t *truth_of, int64_t *found_of)
{
    for (size_t f = 0; f < found->n; f++)
        truth_of[f] = -1;
    for (size_t t = 0; t < truth->n; t++)
        found_of[t] = -1;
    struct pair_vec pairs = {0};
    int rc = list_pairs(truth, found, matching, &pairs);
    if (rc == MD_OK && pairs.n > 0)
        qsort(pairs.v, pairs.n, sizeof *pairs.v, by_distance);
    for (size_t i = 0; rc == MD_OK && i < pairs.n; i++) {
        const struct pair *pair = &pairs.v[i];
        if (found_of[pair->truth] >= 0 || truth_of[pair->found] >= 0)
            continue;
        found_of[pair->truth] = (int64_t)pair->found;
        truth_of[pair->found] = (int64_t)pair->truth;
    }
    md_vec_done(&pairs);
    return rc;
}

static int score_of(int kind)
{
    switch (kind) {
    case MD_TRANSITION_CUT:
        return MD_SCORE_CUT;
    case MD_TRANSITION_DISSOLVE:
        return MD_SCORE_DISSOLVE;
    case MD_TRANSITION_WIPE:
        return MD_SCORE_WIPE;
    default:
        return MD_SCORE_FADE;
    }
}

static void tally(const struct md_truth_vec *truth, const struct md_boundary_vec *found,
                  enum matching matching, const int64_t *truth_of, const int64_t *found_of,
                  struct md_evaluation *evaluation)
{
    struct md_score *sum =
        &evaluation->scores[matching == MATCH_ALL ? MD_SCORE_ALL : MD_SCORE_GRADUAL];
    for (size_t t = 0; t < truth->n; t++) {
        const struct md_boundary *a = &truth->v[t].boundary;
        if (truth->v[t].is_negative || !takes_part(a, matching))
            continue;
        struct md_score *scores[2] = {&evaluation->scores[score_of(a->kind)], sum};
        bool hit = found_of[t] >= 0;
        bool right = hit && found->v[found_of[t]].kind == a->kind;
        for (int i = matching == MATCH_ALL; i < (matching == MATCH_CUTS ? 1 : 2); i++) {
            scores[i]->truth++;
            scores[i]->hits += hit;
            scores[i]->kind_right += right;
        }
    }
    for (size_t f = 0; f < found->n; f++) {
        if (!takes_part(&found->v[f], matching))
            continue;
        struct md_score *scores[2] = {&evaluation->scores[score_of(found->v[f].kind)], sum};
        for (int i = matching == MATCH_ALL; i < (matching == MATCH_CUTS ? 1 : 2); i++) {
            scores[i]->found++;
            scores[i]->false_alarms += truth_of[f] < 0;
        }
    }
}

static void count_negatives(const struct md_truth_vec *truth, const struct md_boundary_vec *found,
                            const int64_t *truth_of, struct md_evaluation *evaluation)
{
    for (size_t t = 0; t < truth->n; t++) {
        if (!truth->v[t].is_negative)
            continue;
        evaluation->negatives++;
        for (size_t f = 0; f < found->n; f++)
            if (truth_of[f] < 0 && touches(&truth->v[t].boundary, &found->v[f])) {
                evaluation->negatives_hit++;
                break;
            }
    }
}

int md_evaluate(const struct md_truth_vec *truth, const struct md_boundary_vec *found,
                struct md_evaluation *evaluation, int64_t *ret_matched)
{
    md_autofree int64_t *truth_of = malloc((found->n + 1) * sizeof *truth_of);
    md_autofree int64_t *found_of = malloc((truth->n + 1) * sizeof *found_of);
    if (!truth_of || !found_of)
        return MD_ERR_NOMEM;
    for (enum matching matching = MATCH_CUTS; matching <= MATCH_ALL; matching++) {
        int rc = match(truth, found, matching, truth_of, found_of);
        if (rc < 0)
            return rc;
        tally(truth, found, matching, truth_of, found_of, evaluation);
    }
    count_negatives(truth, found, truth_of, evaluation);
    if (ret_matched)
        memcpy(ret_matched, truth_of, found->n * sizeof *ret_matched);
    return MD_OK;
}

double md_score_precision(const struct md_score *score)
{
    return score->found ? 1 - (double)score->false_alarms / (double)score->found : 1;
}

double md_score_recall(const struct md_score *score)
{
    return score->truth ? (double)score->hits / (double)score->truth : 1;
}

double md_score_f1(const struct md_score *score)
{
    double p = md_score_precision(score), r = md_score_recall(score);
    return p + r > 0 ? 2 * p * r / (p + r) : 0;
}
