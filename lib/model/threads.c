#include "threads.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

/* About 20 us: longer than the gap between two runs of a step, shorter than a wake-up costs twice. */
#define SPINS_HOT 4000
/* The caller's wait for the last worker, hot or not. */
#define SPINS_DONE 2000

struct worker {
    struct threads *pool;
    int index;
    pthread_t thread;
};

struct threads {
    int count;
    struct worker *workers; /* index 1..count-1 */
    threads_fn *fn;
    void *arg;
    ptrdiff_t tasks;
    /* Each on its own line: they are written by different threads. */
    _Alignas(64) atomic_uint generation; /* a new value is a new run */
    atomic_bool quit, hot;
    _Alignas(64) atomic_ptrdiff_t next; /* first task that nobody has taken */
    _Alignas(64) atomic_int pending;    /* workers that have not ended this run */
    _Alignas(64) pthread_mutex_t lock;
    pthread_cond_t wake, done;
    int sleeping;       /* under lock */
    bool caller_sleeps; /* under lock */
};

static inline void cpu_pause(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void run_tasks(struct threads *t, int index)
{
    ptrdiff_t task = index;

    while (task < t->tasks) {
        t->fn(t->arg, task, index);
        task = atomic_fetch_add_explicit(&t->next, 1, memory_order_relaxed);
    }
}

/* Returns the new generation. */
static unsigned wait_for_run(struct threads *t, unsigned seen)
{
    unsigned now;

    for (int i = 0; atomic_load_explicit(&t->hot, memory_order_relaxed) && i < SPINS_HOT; i++) {
        if ((now = atomic_load_explicit(&t->generation, memory_order_acquire)) != seen)
            return now;
        cpu_pause();
    }
    pthread_mutex_lock(&t->lock);
    t->sleeping++;
    while ((now = atomic_load_explicit(&t->generation, memory_order_acquire)) == seen)
        pthread_cond_wait(&t->wake, &t->lock);
    t->sleeping--;
    pthread_mutex_unlock(&t->lock);
    return now;
}

static void *worker_main(void *p)
{
    struct worker *w = p;
    struct threads *t = w->pool;
    unsigned seen = 0;

    for (;;) {
        seen = wait_for_run(t, seen);
        if (atomic_load_explicit(&t->quit, memory_order_relaxed))
            return NULL;
        run_tasks(t, w->index);
        if (atomic_fetch_sub_explicit(&t->pending, 1, memory_order_acq_rel) == 1) {
            pthread_mutex_lock(&t->lock);
            if (t->caller_sleeps)
                pthread_cond_signal(&t->done);
            pthread_mutex_unlock(&t->lock);
        }
    }
}

static void start_run(struct threads *t)
{
    /* Under the lock, so that no worker falls asleep between its look and its wait. */
    pthread_mutex_lock(&t->lock);
    atomic_fetch_add_explicit(&t->generation, 1, memory_order_release);
    if (t->sleeping)
        pthread_cond_broadcast(&t->wake);
    pthread_mutex_unlock(&t->lock);
}

static void wait_done(struct threads *t)
{
    for (int i = 0; i < SPINS_DONE; i++) {
        if (atomic_load_explicit(&t->pending, memory_order_acquire) == 0)
            return;
        cpu_pause();
    }
    pthread_mutex_lock(&t->lock);
    t->caller_sleeps = true;
    while (atomic_load_explicit(&t->pending, memory_order_acquire) != 0)
        pthread_cond_wait(&t->done, &t->lock);
    t->caller_sleeps = false;
    pthread_mutex_unlock(&t->lock);
}

void threads_run(struct threads *t, threads_fn *fn, void *arg, ptrdiff_t tasks)
{
    if (t->count == 1 || tasks <= 1) {
        for (ptrdiff_t i = 0; i < tasks; i++)
            fn(arg, i, 0);
        return;
    }
    t->fn = fn;
    t->arg = arg;
    t->tasks = tasks;
    atomic_store_explicit(&t->next, t->count, memory_order_relaxed);
    atomic_store_explicit(&t->pending, t->count - 1, memory_order_relaxed);
    start_run(t);
    run_tasks(t, 0);
    wait_done(t);
}

void threads_begin(struct threads *t)
{
    atomic_store_explicit(&t->hot, true, memory_order_relaxed);
}

void threads_end(struct threads *t)
{
    atomic_store_explicit(&t->hot, false, memory_order_relaxed);
}

int threads_count(const struct threads *t)
{
    return t->count;
}

static void join_workers(struct threads *t, int started)
{
    atomic_store_explicit(&t->quit, true, memory_order_relaxed);
    start_run(t);
    for (int i = 1; i < started; i++)
        pthread_join(t->workers[i].thread, NULL);
    pthread_cond_destroy(&t->wake);
    pthread_cond_destroy(&t->done);
    pthread_mutex_destroy(&t->lock);
    free(t->workers);
    free(t);
}

struct threads *threads_new(int n, struct err *err)
{
    struct threads *t = aligned_alloc(64, ALIGN_UP(sizeof *t, 64));
    sigset_t all, old;

    ASSERT(n >= 1);
    if (!t)
        mem_oom();
    memset(t, 0, sizeof *t);
    t->count = n;
    t->workers = calloc((size_t)n, sizeof *t->workers);
    if (!t->workers)
        mem_oom();
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->wake, NULL);
    pthread_cond_init(&t->done, NULL);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int started = 1, failed = 0;
    for (; started < n && !failed; started += !failed) {
        struct worker *w = &t->workers[started];
        *w = (struct worker){ .pool = t, .index = started };
        failed = pthread_create(&w->thread, NULL, worker_main, w);
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (!failed)
        return t;
    join_workers(t, started);
    err_sys(err, ERR_OS, failed, "cannot start thread %d of %d", started + 1, n);
    return NULL;
}

void threads_free(struct threads *t)
{
    if (t)
        join_workers(t, t->count);
}
