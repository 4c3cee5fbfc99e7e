/* loading.h: `bench --load`: requests for a JSONL filter, at a rate or a concurrency, and how long
 * the answers take.
 *
 * A named driver: starts the command once (os.h), writes request lines, reads answer lines, all on
 * one thread without blocking. The lines of --requests are sent again and again from the start.
 *
 *   open loop    --rate R: arrivals are a Poisson process that does not wait for answers. A latency
 *                runs from the moment when the request should have been sent, so a stall of the
 *                filter is seen by all the requests that should have come meanwhile (no coordinated
 *                omission).
 *   closed loop  --concurrency N: the next request goes when an answer comes.
 *
 * An answer belongs to the oldest request in flight with its "id", without an id to the oldest of
 * all. A line with a member "delta" is a part of an answer: the first one gives the time to the first
 * token, the gaps between parts the time per token; the line without it ends the answer.
 *
 * --saturate repeats the open loop, each time with a new process: doubled rates until the 99th
 * percentile of the latency passes --slo, then bisection, then the highest rate that held, again.
 *
 * Memory: the requests; 48 bytes per request that was sent.
 */
#ifndef LOADING_H
#define LOADING_H

#include "rows.h"

struct loading_conf {
    const char *const *argv; /* NULL-terminated */
    const char *shown;
    const char *requests;
    double rate;         /* per second; 0: closed loop */
    int64_t concurrency; /* closed loop */
    int64_t duration_ns, slo_ns;
    bool saturate, json;
};

bool loading_run(const struct bench_env *env, const struct loading_conf *conf, struct err *err);

#endif
