/* strata.h: `bench --stats`: what a sample is made of, and how far it has drifted from a reference.
 *
 * A named driver (rows.h reads the files). Rows are counted by the member --by (its value as text;
 * rows without it are the stratum null), and the length of --field is measured: code points of a
 * string, elements of an array.
 *
 * Drift from --reference, over the strata and over the lengths (ten bins between the reference's
 * deciles), with half a row added to each bin so that an empty one is not infinite:
 *
 *   PSI   sum (p - q) ln(p / q): below 0.1 nothing to see, above 0.25 another population
 *   JS    Jensen-Shannon divergence in bits, 0 to 1
 *
 * Memory: 8 bytes a row, the names of the strata.
 */
#ifndef STRATA_H
#define STRATA_H

#include "rows.h"

struct strata_conf {
    const char *const *paths; /* none: stdin */
    ptrdiff_t path_count;
    const char *by, *field, *reference; /* by and reference: NULL none */
    double max_psi;                     /* more is ERR_FINDING; NAN: no gate */
    bool json;
};

bool strata_run(const struct bench_env *env, const struct strata_conf *conf, struct err *err);

/* Of two histograms of n bins. Pure. */
double strata_psi(const int64_t *now, const int64_t *reference, ptrdiff_t n);
double strata_js(const int64_t *now, const int64_t *reference, ptrdiff_t n);

#endif
