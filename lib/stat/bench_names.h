/* bench_names.h: how each figure of a run is called where; one table, so that the exports, the
 * reader and the gate agree. Read-only.
 *
 *     bench_names[BENCH_RSS].json    // "max_rss_bytes"
 */
#ifndef BENCH_NAMES_H
#define BENCH_NAMES_H

#include "bench.h"

struct bench_name {
    const char *json; /* member of exports, and column of CSV */
    const char *text; /* in tables and sentences */
    enum { UNIT_SECONDS, UNIT_BYTES, UNIT_COUNT } unit;
};

extern const struct bench_name bench_names[BENCH_MEASURES];

#endif
