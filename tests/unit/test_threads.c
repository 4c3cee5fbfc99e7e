/* The pool: every task once, the fixed split, runs back to back hot and cold, one thread. */
#include "model/threads.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

struct seen {
    int *ran, *by;
    int64_t sum[8];
};

static void note(void *arg, ptrdiff_t task, int thread)
{
    struct seen *s = arg;

    s->ran[task]++;
    s->by[task] = thread;
    s->sum[thread] += task;
}

static void run_checked(struct threads *pool, ptrdiff_t tasks)
{
    struct seen s = { calloc((size_t)tasks + 1, sizeof(int)),
                      calloc((size_t)tasks + 1, sizeof(int)),
                      { 0 } };
    int64_t sum = 0;

    assert_true(s.ran && s.by);
    threads_run(pool, note, &s, tasks);
    for (ptrdiff_t i = 0; i < tasks; i++) {
        assert_int_equal(s.ran[i], 1);
        if (tasks > 1 && i < threads_count(pool))
            assert_int_equal(s.by[i], i); /* the fixed split */
    }
    for (int i = 0; i < 8; i++)
        sum += s.sum[i];
    assert_int_equal(sum, tasks ? tasks * (tasks - 1) / 2 : 0);
    free(s.ran);
    free(s.by);
}

static void test_every_task_once(void **state)
{
    (void)state;
    for (int n = 1; n <= 8; n = n * 2 - (n > 1)) {
        struct threads *pool = threads_new(n, NULL);
        assert_non_null(pool);
        assert_int_equal(threads_count(pool), n);
        for (ptrdiff_t tasks = 0; tasks < 40; tasks++)
            run_checked(pool, tasks);
        run_checked(pool, 5000);
        threads_free(pool);
    }
    threads_free(NULL);
}

static void test_hot_runs(void **state)
{
    struct threads *pool = threads_new(3, NULL);

    (void)state;
    for (int step = 0; step < 20; step++) {
        threads_begin(pool);
        for (int i = 0; i < 50; i++)
            run_checked(pool, 3);
        threads_end(pool);
        run_checked(pool, 7);
    }
    threads_free(pool);
}

/* What a run wrote is there when threads_run returns, and the next run sees it on every thread. */
static void double_all(void *arg, ptrdiff_t task, int thread)
{
    int64_t *v = arg;

    (void)thread;
    v[task] = v[(task + 1) % 4 + 4] * 2;
}

static void copy_back(void *arg, ptrdiff_t task, int thread)
{
    int64_t *v = arg;

    (void)thread;
    v[task + 4] = v[task];
}

static void test_runs_are_ordered(void **state)
{
    struct threads *pool = threads_new(4, NULL);
    int64_t v[8] = { 0, 0, 0, 0, 1, 1, 1, 1 };

    (void)state;
    for (int i = 0; i < 40; i++) {
        threads_run(pool, double_all, v, 4);
        threads_run(pool, copy_back, v, 4);
    }
    for (int i = 0; i < 8; i++)
        assert_true(v[i] == (int64_t)1 << 40);
    threads_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_task_once),
        cmocka_unit_test(test_hot_runs),
        cmocka_unit_test(test_runs_are_ordered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
