/* floatconv.h: kernels that change the number format of tensor rows.
 *
 * Every variant gives the bits of the scalar one (the unit test compares them):
 *   F16, BF16 from F32  round to nearest, ties to even; NaN stays a quiet NaN
 *   Q8_0 from F32       ggml-quants.c quantize_row_q8_0_ref: per block of 32, d = amax / 127,
 *                       q = roundf(x * (1 / d)), stored as half d, int8 q[32]
 * n is a multiple of 32 for q8_0, any number otherwise; pointers need no alignment. Values given to
 * q8_0_from_f32 must be finite (`below` says so). Blocks whose 1 / d overflows become zeros.
 *
 * Pure; thread-safe after cpu_init().
 */
#ifndef FLOATCONV_H
#define FLOATCONV_H

#include "../base.h"

struct floatconv {
    const char *name;
    unsigned features; /* of cpu.h */
    void (*f16_to_f32)(const void *src, float *dst, int64_t n);
    void (*f16_from_f32)(const float *src, void *dst, int64_t n);
    void (*bf16_to_f32)(const void *src, float *dst, int64_t n);
    void (*bf16_from_f32)(const float *src, void *dst, int64_t n);
    void (*q8_0_to_f32)(const void *src, float *dst, int64_t n);
    void (*q8_0_from_f32)(const float *src, void *dst, int64_t n);
    /* All magnitudes below limit (infinity: all finite); a NaN is not. */
    bool (*below)(const float *src, int64_t n, float limit);
};

extern const struct floatconv floatconv_scalar;
#if defined(__x86_64__)
extern const struct floatconv floatconv_avx2, floatconv_avx512;
#endif

/* The best row for this process. */
const struct floatconv *floatconv(void);
/* All rows of this build, NULL-terminated, scalar first (tests). */
const struct floatconv *const *floatconv_rows(void);

#endif
