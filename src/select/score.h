/* How good each atom is for the digest. */
#ifndef MD_SELECT_SCORE_H
#define MD_SELECT_SCORE_H

#include "model/options.h"
#include "select/atoms.h"

struct md_score {
    float story, importance, audio_visual, emotion; /* 0 to 1, ranked within the movie */
    float total;                                    /* by the strategy's weights, 0 to 1 */
    float establishing;    /* how well a piece could open the digest here, 0 to 1 */
    int64_t best_sentence; /* the most important in it, -1 none */
    int64_t key_moment;    /* the best in it, -1 none */
};
struct md_score_vec MD_VEC(struct md_score);

/* One score per atom. MD_ERR_NOMEM. */
int md_select_score(const struct md_atom_vec *atoms, const struct md_story *story,
                    const struct md_shots *shots, const struct md_audio *audio, int strategy,
                    struct md_score_vec *ret);

#endif
