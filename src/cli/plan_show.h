/* A plan for people (text, one HTML page) and for machines. */
#ifndef MD_CLI_PLAN_SHOW_H
#define MD_CLI_PLAN_SHOW_H

#include <jansson.h>

#include "base/str.h"
#include "sim/plan.h"
#include "sim/truth.h"

void md_plan_print(const struct md_plan *plan, const struct md_sim_situation *situation,
                   int columns, struct md_str *out);
/* A new reference; NULL when out of memory. */
json_t *md_plan_json(const struct md_plan *plan, const struct md_sim_situation *situation);
/* One self-contained page. */
void md_plan_html(const struct md_plan *plan, const struct md_sim_situation *situation,
                  struct md_str *out);

/* What is at risk, a sentence each line; nothing when nothing is. */
void md_plan_risks(const struct md_plan *plan, const struct md_sim_situation *situation,
                   struct md_str *out);

/* Highest use between two times, in bytes. */
int64_t md_plan_use_between(const struct md_plan *plan, int64_t from_us, int64_t to_us);

#endif
