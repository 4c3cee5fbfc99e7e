/* threads.h: a small pool of threads for the model layer (quantize, infer).
 *
 * threads_new(n) makes n - 1 threads; the caller of threads_run is the nth. A run calls
 * fn(arg, task, thread) once for every task 0..tasks-1 and returns when all have ended. Task i < n
 * goes to thread i (so tasks == n is a fixed split, the same memory on the same thread each time);
 * the rest is taken in order by whoever is free. Results must not depend on which thread ran what.
 *
 * Idle threads sleep. Between threads_begin and threads_end they spin for a short time before they
 * sleep: for a step of a model, which is a row of very short runs. A machine with fewer CPUs than
 * threads loses nothing but those spins.
 *
 * One run at a time, started by one thread. Workers block all signals.
 *
 *     struct threads *pool = threads_new(2, &err);
 *     threads_begin(pool);
 *     for each layer: threads_run(pool, matmul_rows, &args, threads_count(pool));
 *     threads_end(pool);
 *     threads_free(pool);
 */
#ifndef THREADS_H
#define THREADS_H

#include "../err.h"

struct threads;

typedef void threads_fn(void *arg, ptrdiff_t task, int thread);

/* n >= 1. NULL with ERR_OS when the system gives no thread. */
struct threads *threads_new(int n, struct err *err);
void threads_free(struct threads *t); /* NULL is allowed */
int threads_count(const struct threads *t);
void threads_run(struct threads *t, threads_fn *fn, void *arg, ptrdiff_t tasks);
void threads_begin(struct threads *t);
void threads_end(struct threads *t);

#endif
