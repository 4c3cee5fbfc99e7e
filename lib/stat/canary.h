/* canary.h: `bench --compare STABLE CANARY`: promote, roll back, or wait for more data.
 *
 * A named driver (rows.h reads the files). Each --metric is a member of the rows of both files,
 *
 *     FIELD[:lower|higher][:unit][:MARGIN]     latency_ms:10%   error:0.01   score:higher:unit:0.02
 *
 * lower is better unless it says higher. The rows are taken as pairs: rows of the same id when all
 * ids are in both files, else in file order, each row of the canary with the same number of rows of
 * stable. The question is one for all: is the canary worse by more than MARGIN?
 *
 *   true and false, and `unit` (values from 0 to 1): the difference of the means, MARGIN is absolute
 *   (default 0.01);
 *   other numbers: whether the canary's value is more often than not beyond stable's by MARGIN, a
 *   share of stable's (default 10 %): the median of the ratio, which no outlier moves.
 *
 * Two sequential tests (sequential.h) ask it both ways, so the verdict holds however often the files
 * are looked at while they grow: "roll back" when one metric is worse (level alpha / metrics),
 * "promote" when none is (each at alpha), else "wait".
 */
#ifndef CANARY_H
#define CANARY_H

#include "rows.h"

enum canary_verdict { CANARY_WAIT, CANARY_PROMOTE, CANARY_ROLL_BACK };

#define CANARY_METRICS_MAX 8

struct canary_metric {
    const char *text, *path; /* as given; the member */
    bool higher, unit;
    double margin; /* NAN: the kind's default */
};

/* Reads one --metric; for option checks, too. */
bool canary_metric(const char *text, struct canary_metric *m, struct arena *arena, struct err *err);

struct canary_conf {
    const char *stable, *canary;
    const struct canary_metric *metrics;
    int metric_count;
    double alpha;
    double share; /* of all rows that should be the canary's, 0: not checked */
    bool json;
};

/* ERR_DATA when the shares of rows do not fit (the comparison would mean nothing), ERR_FINDING for
 * roll back, ERR_TEMPFAIL for wait; true: promote. The result is written in each case. */
bool canary_run(const struct bench_env *env, const struct canary_conf *conf, struct err *err);

#endif
