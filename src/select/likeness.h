/* Which atoms show or say the same. */
#ifndef MD_SELECT_LIKENESS_H
#define MD_SELECT_LIKENESS_H

#include "select/atoms.h"
#include "select/optimise.h"

/* Appends pairs of atoms at least apart_us from each other, costs 0 to 1 (how alike they are); the
 * caller scales them. No atom is in more than two pairs. MD_ERR_NOMEM. */
int md_select_find_likeness(const struct md_atom_vec *atoms, const struct md_story *story,
                            const struct md_shots *shots, int64_t apart_us,
                            struct md_likeness_vec *ret);

#endif
