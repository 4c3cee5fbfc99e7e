/* phases.h: `bench --phases`: where the time of requests goes, from the "timings" of `infer`.
 *
 * A named driver (rows.h reads the files). Every member of a row's "timings" whose name ends in _ms
 * is a phase; its latency is their sum:
 *
 *     latency = queue + load + tokenize + prefill + decode + post
 *
 * Gives the total, the share and quantiles of each phase, and with --plot a picture (SVG): one bar
 * for the mean and one for the mean of the slowest half, tenth and hundredth of the requests, each
 * stacked by phase, and the histogram of the latencies.
 *
 * Memory: 8 bytes per phase and row.
 */
#ifndef PHASES_H
#define PHASES_H

#include "rows.h"

#define PHASES_MAX 12

struct phases_conf {
    const char *const *paths; /* none: stdin */
    ptrdiff_t path_count;
    const char *plot; /* SVG file, or NULL */
    bool json;
};

bool phases_run(const struct bench_env *env, const struct phases_conf *conf, struct err *err);

#endif
