/* vec.h: element-wise kernels on rows of float32: norms, activations, softmax, int8 quantizing.
 *
 * Every kernel works on one row with a reduction order that is written down here, so the result
 * depends on the row alone: not on how many rows are computed together, not on threads. The order
 * is the same on every ISA (16 lanes, element i in lane i % 16, lanes added by halves: 8, 4, 2, 1)
 * and multiply-add is fused on every ISA, so the bytes are the same everywhere too.
 *
 * exp is 2^n * p(r), r = x - n ln 2, p the Taylor polynomial of degree 7 on |r| <= ln 2 / 2
 * (truncation 5e-9 relative, total error below 2 ulp); arguments are clamped to [-87.3, 88.3].
 *
 * Pointers need no alignment; dst may equal x. Pure and thread-safe after cpu_init().
 *
 *     const struct vec_kernels *v = vec_kernels();
 *     v->rms_norm(dst, x, weight, n, 1e-5f);
 */
#ifndef VEC_H
#define VEC_H

#include "cpu.h"

struct vec_kernels {
    const char *isa;
    unsigned features; /* all of them are required */
    /* dst[i] = weight[i] * (x[i] / sqrt(mean(x^2) + eps)). Zhang & Sennrich 2019. */
    void (*rms_norm)(float *dst, const float *x, const float *weight, ptrdiff_t n, float eps);
    /* dst[i] = weight[i] * (x[i] - mean) / sqrt(variance + eps) + bias[i]; bias may be NULL. */
    void (*layer_norm)(float *dst, const float *x, const float *weight, const float *bias,
                       ptrdiff_t n, float eps);
    /* dst[i] = f(gate[i]) * up[i], up NULL: f(gate[i]). silu: x / (1 + exp(-x)), as in SwiGLU. */
    void (*silu_mul)(float *dst, const float *gate, const float *up, ptrdiff_t n);
    /* GELU by tanh (Hendrycks & Gimpel 2016) and by erf (Abramowitz & Stegun 7.1.26: 1.5e-7). */
    void (*gelu_tanh_mul)(float *dst, const float *gate, const float *up, ptrdiff_t n);
    void (*gelu_erf_mul)(float *dst, const float *gate, const float *up, ptrdiff_t n);
    /* x[i] = cap * tanh(factor * x[i] / cap) */
    void (*softcap)(float *x, float factor, float cap, ptrdiff_t n);
    /* dst[i] += x[i] */
    void (*add)(float *dst, const float *x, ptrdiff_t n);
    /* dst[i] *= factor */
    void (*scale)(float *dst, float factor, ptrdiff_t n);
    /* x[i] = exp(scale * x[i] - max(scale * x)); returns the sum, 0 when n is 0. scale > 0. */
    float (*softmax_exp)(float *x, float scale, ptrdiff_t n);
    /* 32 values to int8: d = max|x| / 127, q = round_to_even(x / d); *sum is the sum of q.
     * Returns d. */
    float (*quantize32)(const float *x, int8_t *q, int32_t *sum);
};

/* The table for the chosen ISA. */
const struct vec_kernels *vec_kernels(void);
/* All tables that this build holds, best last (tests run those whose features are there). */
const struct vec_kernels *const *vec_kernels_all(ptrdiff_t *count);

#endif
