/* matmul.h, Q8_0 weights, AVX-512 VNNI: vpdpbusd multiplies unsigned weights (stored with 128
 * added) with signed input; each accumulator starts at -128 * sum(input), so the offset costs
 * nothing. The technique and its measurements (gemmpoc's exact Q8_0 rows): 330 GOP/s per core of
 * 469. */
#include "matmul.h"
#include "matmul_tables.h"

#include <immintrin.h>

#include "unroll.inc"

/* Inline assembly, not the intrinsic: gcc 12 and clang 14 copy and spill intrinsic accumulators in
 * such loops (half the speed). The input's four bytes are broadcast by the load. */
#define DOT4(sum, w, input)                                                                        \
    __asm__("vpdpbusd %2%{1to16%}, %1, %0" : "+v"(sum) : "v"(w), "m"(*(const int32_t *)(input)))

static inline __attribute__((always_inline)) void
q8_tile(const uint8_t *w, const int8_t *q, const float *scale, const int32_t *offset,
        ptrdiff_t step, ptrdiff_t blocks, float *out, ptrdiff_t stride, const int columns)
{
    __m512 sum[12];
    UNROLLED
    for (int c = 0; c < columns; c++)
        sum[c] = _mm512_setzero_ps();
    for (ptrdiff_t b = 0; b < blocks; b++) {
        __m512i v[8];
        UNROLLED
        for (int t = 0; t < 8; t++)
            v[t] = _mm512_loadu_si512(w + 64 * t);
        __m512 weight_scale = _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(w + 512)));
        UNROLLED
        for (int c = 0; c < columns; c++) {
            __m512i dot = _mm512_set1_epi32(offset[c]);
            UNROLLED
            for (int t = 0; t < 8; t++)
                DOT4(dot, v[t], q + 32 * c + 4 * t);
            __m512 s = _mm512_mul_ps(weight_scale, _mm512_set1_ps(scale[c]));
            sum[c] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dot), s, sum[c]);
        }
        w += 544;
        q += 32 * step;
        scale += step;
        offset += step;
    }
    UNROLLED
    for (int c = 0; c < columns; c++)
        _mm512_storeu_ps(out + c * stride, sum[c]);
}

#define MATMUL_Q8_TILES(X) X(12) X(8) X(4) X(2) X(1)
#include "matmul_q8_body.inc"

const struct matmul_kernel matmul_q8_avx512vnni = {
    "avx512",
    CPU_AVX512 | CPU_AVX512_VNNI,
    true,
    q8_run,
};
