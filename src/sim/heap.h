/* What will happen when: a binary heap by time, ties in the order in which they were put in. */
#ifndef MD_SIM_HEAP_H
#define MD_SIM_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/vec.h"

struct md_sim_due {
    int64_t at_us;
    uint64_t order; /* set by md_sim_heap_push */
    int kind;
    uint32_t worker; /* what it is about; 0: no worker */
    uint32_t turn;   /* of that worker; an older one is stale */
    int64_t value;
};

struct md_sim_heap {
    struct md_sim_due_vec MD_VEC(struct md_sim_due) due;
    uint64_t order;
};

/* MD_ERR_NOMEM. */
int md_sim_heap_push(struct md_sim_heap *heap, struct md_sim_due due);
/* The next one; NULL: none. Valid until the next push or pop. */
const struct md_sim_due *md_sim_heap_top(const struct md_sim_heap *heap);
/* There must be one. */
struct md_sim_due md_sim_heap_pop(struct md_sim_heap *heap);
void md_sim_heap_done(struct md_sim_heap *heap);

#endif
