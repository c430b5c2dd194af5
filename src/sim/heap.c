/* The textbook's binary heap: a situation has a few dozen events pending, and order of ties is
 * what makes a run repeatable. */
#include "sim/heap.h"

static bool is_before(const struct md_sim_due *a, const struct md_sim_due *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

static void swap(struct md_sim_due *a, struct md_sim_due *b)
{
    struct md_sim_due kept = *a;
    *a = *b;
    *b = kept;
}

int md_sim_heap_push(struct md_sim_heap *heap, struct md_sim_due due)
{
    due.order = heap->order++;
    if (md_vec_push(&heap->due, due) < 0)
        return MD_ERR_NOMEM;
    struct md_sim_due *v = heap->due.v;
    for (size_t i = heap->due.n - 1; i > 0 && is_before(&v[i], &v[(i - 1) / 2]); i = (i - 1) / 2)
        swap(&v[i], &v[(i - 1) / 2]);
    return MD_OK;
}

const struct md_sim_due *md_sim_heap_top(const struct md_sim_heap *heap)
{
    return heap->due.n ? heap->due.v : NULL;
}

struct md_sim_due md_sim_heap_pop(struct md_sim_heap *heap)
{
    struct md_sim_due *v = heap->due.v, top = v[0];
    size_t n = --heap->due.n;
    v[0] = v[n];
    for (size_t i = 0;;) {
        size_t least = i;
        for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < n; child++)
            if (is_before(&v[child], &v[least]))
                least = child;
        if (least == i)
            return top;
        swap(&v[i], &v[least]);
        i = least;
    }
}

void md_sim_heap_done(struct md_sim_heap *heap)
{
    md_vec_done(&heap->due);
}
