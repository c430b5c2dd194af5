/* Why a piece was chosen, in sentences. */
#ifndef MD_SELECT_REASONS_H
#define MD_SELECT_REASONS_H

#include "model/cut.h"
#include "select/program.h"
#include "select/score.h"

struct md_reasons_input {
    const struct md_story *story;
    const struct md_atom_vec *atoms;
    const struct md_score_vec *scores;
    const struct md_run_vec *runs;
};

/* Appends one to four reasons for run number r. MD_ERR_NOMEM. */
int md_select_give_reasons(const struct md_reasons_input *in, size_t r, struct md_strings *ret);

#endif
