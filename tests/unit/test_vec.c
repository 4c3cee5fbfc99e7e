/* vec.h: every table that this machine can run equals the scalar one bit for bit, and that one is
 * close to a double reference. Lengths 0..257, buffers that end where memory ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernel_helper.h"
#include "simd/vec.h"

#include <math.h>
#include <stdio.h>

static const struct vec_kernels *const *tables;
static ptrdiff_t table_count;

/* Runs `body` with v set to each table and `other` false for the scalar one. */
#define EACH_TABLE(v)                                                                              \
    for (ptrdiff_t v##_i = 0; v##_i < table_count; v##_i++)                                        \
        for (const struct vec_kernels *v = tables[v##_i]; v && cpu_has(v->features); v = NULL)

static struct guarded floats(ptrdiff_t n, float scale)
{
    struct guarded g = guarded_new(n * 4);
    for (ptrdiff_t i = 0; i < n; i++) {
        float x = random_float() * scale;
        memcpy(g.ptr + 4 * i, &x, 4);
    }
    return g;
}

static float *at(struct guarded g)
{
    return (float *)(void *)g.ptr;
}

static void assert_near(double got, double want, double tolerance)
{
    if (!(fabs(got - want) <= tolerance))
        fail_msg("%.9g, expected %.9g", got, want);
}

static void rms_norm(void **state)
{
    (void)state;
    for (ptrdiff_t n = 1; n <= 257; n++) {
        struct guarded x = floats(n, 3), w = floats(n, 2), out = floats(n, 0), ref = floats(n, 0);
        tables[0]->rms_norm(at(ref), at(x), at(w), n, 1e-5f);
        double squares = 0;
        for (ptrdiff_t i = 0; i < n; i++)
            squares += (double)at(x)[i] * (double)at(x)[i];
        double scale = 1 / sqrt(squares / (double)n + 1e-5);
        for (ptrdiff_t i = 0; i < n; i++)
            assert_near(at(ref)[i], (double)at(x)[i] * scale * (double)at(w)[i], 3e-6);
        EACH_TABLE(v)
        {
            v->rms_norm(at(out), at(x), at(w), n, 1e-5f);
            assert_memory_equal(out.ptr, ref.ptr, n * 4);
        }
        guarded_free(x);
        guarded_free(w);
        guarded_free(out);
        guarded_free(ref);
    }
}

static void silu_mul(void **state)
{
    (void)state;
    for (ptrdiff_t n = 0; n <= 257; n++) {
        struct guarded g = floats(n, n % 3 ? 10 : 200), u = floats(n, 2), out = floats(n, 0);
        struct guarded ref = floats(n, 0);
        tables[0]->silu_mul(at(ref), at(g), at(u), n);
        for (ptrdiff_t i = 0; i < n; i++) {
            double x = at(g)[i], want = x / (1 + exp(-x)) * (double)at(u)[i];
            assert_near(at(ref)[i], want, 4e-7 * fabs(want) + 1e-35);
        }
        EACH_TABLE(v)
        {
            v->silu_mul(at(out), at(g), at(u), n);
            assert_memory_equal(out.ptr, ref.ptr, n * 4);
        }
        guarded_free(g);
        guarded_free(u);
        guarded_free(out);
        guarded_free(ref);
    }
}

static double gelu_tanh(double x)
{
    return 0.5 * x * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)));
}

static double gelu_erf(double x)
{
    return 0.5 * x * (1 + erf(x / sqrt(2)));
}

typedef void activation_fn(float *dst, const float *gate, const float *up, ptrdiff_t n);

static void gelu_of(activation_fn *scalar, activation_fn *const *all, double (*want)(double))
{
    for (ptrdiff_t n = 0; n <= 257; n++) {
        struct guarded g = floats(n, n % 3 ? 5 : 60), u = floats(n, 2), out = floats(n, 0);
        struct guarded ref = floats(n, 0);
        for (int gated = 0; gated < 2; gated++) {
            scalar(at(ref), at(g), gated ? at(u) : NULL, n);
            for (ptrdiff_t i = 0; i < n; i++) {
                double y = want((double)at(g)[i]) * (gated ? (double)at(u)[i] : 1);
                assert_near(at(ref)[i], y, 1.2e-6 * fabs((double)at(g)[i]) + 1e-35);
            }
            for (ptrdiff_t t = 0; t < table_count; t++) {
                if (!cpu_has(tables[t]->features))
                    continue;
                all[t](at(out), at(g), gated ? at(u) : NULL, n);
                assert_memory_equal(out.ptr, ref.ptr, n * 4);
            }
        }
        guarded_free(g);
        guarded_free(u);
        guarded_free(out);
        guarded_free(ref);
    }
}

static void gelu_mul(void **state)
{
    activation_fn *by_tanh[16], *by_erf[16];

    (void)state;
    for (ptrdiff_t i = 0; i < table_count; i++) {
        by_tanh[i] = tables[i]->gelu_tanh_mul;
        by_erf[i] = tables[i]->gelu_erf_mul;
    }
    gelu_of(by_tanh[0], by_tanh, gelu_tanh);
    gelu_of(by_erf[0], by_erf, gelu_erf);
}

static void layer_norm(void **state)
{
    (void)state;
    for (ptrdiff_t n = 1; n <= 257; n++) {
        struct guarded x = floats(n, 3), w = floats(n, 2), b = floats(n, 2), out = floats(n, 0);
        struct guarded ref = floats(n, 0);
        const float *bias = n % 2 ? at(b) : NULL;
        double mean = 0, squares = 0;
        tables[0]->layer_norm(at(ref), at(x), at(w), bias, n, 1e-5f);
        for (ptrdiff_t i = 0; i < n; i++)
            mean += (double)at(x)[i] / (double)n;
        for (ptrdiff_t i = 0; i < n; i++)
            squares += ((double)at(x)[i] - mean) * ((double)at(x)[i] - mean);
        double scale = 1 / sqrt(squares / (double)n + 1e-5);
        for (ptrdiff_t i = 0; i < n; i++) {
            double want = ((double)at(x)[i] - mean) * scale * (double)at(w)[i];
            assert_near(at(ref)[i], want + (bias ? (double)bias[i] : 0), 2e-5);
        }
        EACH_TABLE(v)
        {
            v->layer_norm(at(out), at(x), at(w), bias, n, 1e-5f);
            assert_memory_equal(out.ptr, ref.ptr, n * 4);
        }
        guarded_free(x);
        guarded_free(w);
        guarded_free(b);
        guarded_free(out);
        guarded_free(ref);
    }
}

static void softcap(void **state)
{
    (void)state;
    for (ptrdiff_t n = 0; n <= 257; n++) {
        struct guarded x = floats(n, n % 2 ? 20 : 2000), out = floats(n, 0), ref = floats(n, 0);
        memcpy(ref.ptr, x.ptr, (size_t)n * 4);
        tables[0]->softcap(at(ref), 0.5f, 30, n);
        for (ptrdiff_t i = 0; i < n; i++)
            assert_near(at(ref)[i], 30 * tanh(0.5 * (double)at(x)[i] / 30), 1e-5);
        EACH_TABLE(v)
        {
            memcpy(out.ptr, x.ptr, (size_t)n * 4);
            v->softcap(at(out), 0.5f, 30, n);
            assert_memory_equal(out.ptr, ref.ptr, n * 4);
        }
        guarded_free(x);
        guarded_free(out);
        guarded_free(ref);
    }
}

static void softmax_exp(void **state)
{
    (void)state;
    for (ptrdiff_t n = 0; n <= 257; n++) {
        struct guarded x = floats(n, 30), out = floats(n, 0), ref = floats(n, 0);
        memcpy(ref.ptr, x.ptr, (size_t)n * 4);
        float sum = tables[0]->softmax_exp(at(ref), 0.5f, n);
        double top = -INFINITY, total = 0;
        for (ptrdiff_t i = 0; i < n; i++)
            top = fmax(top, 0.5 * (double)at(x)[i]);
        for (ptrdiff_t i = 0; i < n; i++) {
            double want = exp(0.5 * (double)at(x)[i] - top);
            assert_near(at(ref)[i], want, 3e-6 * want);
            total += want;
        }
        assert_near(sum, total, 3e-6 * total);
        EACH_TABLE(v)
        {
            memcpy(out.ptr, x.ptr, (size_t)n * 4);
            float other = v->softmax_exp(at(out), 0.5f, n);
            assert_memory_equal(&other, &sum, 4);
            assert_memory_equal(out.ptr, ref.ptr, n * 4);
        }
        guarded_free(x);
        guarded_free(out);
        guarded_free(ref);
    }
}

static void exponential(void **state)
{
    (void)state;
    /* 0 stays the maximum, so softmax_exp is exp itself: 2 ulp over the whole range */
    for (int i = 0; i < 200000; i++) {
        float x[2] = { 0, -87.0f * (float)i / 200000 };
        double want = exp((double)x[1]);
        tables[0]->softmax_exp(x, 1, 2);
        assert_near(x[1], want, 2.5e-7 * want);
    }
    float far[3] = { 0, -1000, -INFINITY };
    tables[0]->softmax_exp(far, 1, 3);
    assert_true(far[1] < 2e-38f && far[2] < 2e-38f && far[0] == 1);
}

static void add_and_scale(void **state)
{
    (void)state;
    for (ptrdiff_t n = 0; n <= 257; n++) {
        struct guarded x = floats(n, 3), y = floats(n, 3), out = floats(n, 0);
        EACH_TABLE(v)
        {
            memcpy(out.ptr, y.ptr, (size_t)n * 4);
            v->add(at(out), at(x), n);
            for (ptrdiff_t i = 0; i < n; i++)
                assert_true(at(out)[i] == at(y)[i] + at(x)[i]);
            v->scale(at(out), 0.7f, n);
            for (ptrdiff_t i = 0; i < n; i++)
                assert_true(at(out)[i] == (at(y)[i] + at(x)[i]) * 0.7f);
        }
        guarded_free(x);
        guarded_free(y);
        guarded_free(out);
    }
}

static void quantize32(void **state)
{
    (void)state;
    for (int round = 0; round < 2000; round++) {
        struct guarded x = floats(32, round % 7 == 0 ? 1e-41f : powf(10, (float)(round % 30) - 15));
        if (round % 11 == 0)
            memset(x.ptr, 0, 128);
        int8_t ref[32], out[32];
        int32_t ref_sum, sum, total = 0;
        float d = tables[0]->quantize32(at(x), ref, &ref_sum);
        for (int i = 0; i < 32; i++) {
            total += ref[i];
            assert_true(ref[i] >= -127);
            if (d > 1e-30f)
                assert_near((double)d * ref[i], at(x)[i], 0.5001 * (double)d);
        }
        assert_int_equal(total, ref_sum);
        EACH_TABLE(v)
        {
            assert_true(v->quantize32(at(x), out, &sum) == d);
            assert_memory_equal(out, ref, 32);
            assert_int_equal(sum, ref_sum);
        }
        guarded_free(x);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rms_norm),    cmocka_unit_test(silu_mul),
        cmocka_unit_test(gelu_mul),    cmocka_unit_test(layer_norm),
        cmocka_unit_test(softcap),     cmocka_unit_test(softmax_exp),
        cmocka_unit_test(exponential), cmocka_unit_test(add_and_scale),
        cmocka_unit_test(quantize32),
    };
    cpu_init();
    tables = vec_kernels_all(&table_count);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
