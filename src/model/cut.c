/* The table of cut.json. */
#include "model/cut.h"

#include "model/story.h"

#define P struct md_piece
static const struct md_field piece_fields[] = {
    MD_F_TIME(P, start_us),
    MD_F_TIME(P, end_us),
    MD_F_INT(P, segment, 0, 1000000),
    MD_F_INT(P, first_shot, 0, 1000000),
    MD_F_INT(P, shot_count, 0, 1000000),
    MD_F_ENUM(P, act, md_act_names),
    MD_F_FLOAT(P, score),
    MD_F_STRINGS(P, reasons, 100),
    MD_F_END,
};

#define C struct md_cut
static const struct md_field cut_fields[] = {
    MD_F_STRING(C, strategy),
    MD_F_TIME(C, target_us),
    MD_F_TIME(C, total_us),
    MD_F_STRING(C, note),
    MD_F_OBJECTS(C, pieces, piece_fields, 100000),
    MD_F_END,
};

static int validate(const void *object, struct md_failure *failure)
{
    const struct md_cut *cut = object;
    int64_t sum_us = 0;
    for (size_t i = 0; i < cut->pieces.n; i++) {
        const struct md_piece *p = &cut->pieces.v[i];
        if (p->start_us < 0 || p->end_us <= p->start_us ||
            (i > 0 && p->start_us < cut->pieces.v[i - 1].end_us))
            return md_fail(failure, MD_ERR_INPUT, "cut.json: piece %zu overlaps or is empty", i);
        sum_us += p->end_us - p->start_us;
    }
    if (cut->pieces.n == 0 || sum_us != cut->total_us)
        return md_fail(failure, MD_ERR_INPUT, "cut.json: pieces do not add up");
    return MD_OK;
}

const struct md_artifact_type md_artifact_cut = {
    .schema = "moviedigest.cut",
    .file = "cut.json",
    .version = 1,
    .fields = cut_fields,
    .size = sizeof(struct md_cut),
    .validate = validate,
};
