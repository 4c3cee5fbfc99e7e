/* measuring.h: `bench` without a mode: runs commands, measures them, and compares.
 *
 * A named driver: starts the processes (os.h), reads their reports, writes the results. What is
 * computed from the samples is in bench.h.
 */
#ifndef MEASURING_H
#define MEASURING_H

#include "../opt.h"
#include "rows.h"

struct measuring_conf {
    const char *const *operands; /* the command */
    ptrdiff_t operand_count;
    int64_t runs, warmup, min_time;
    const char *vs, *prepare, *input, *child_report, *baseline, *fail_above, *min_abs;
    bool shell, show_output, ignore_failure, strict_verdict, calibrate;
    int format, gate; /* enum bench_form, enum bench_measure */
    struct opt_list exports;
};

bool measuring_run(const struct bench_env *env, const struct measuring_conf *conf, struct err *err);

#endif
