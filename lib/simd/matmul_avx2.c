/* matmul.h for AVX2: a panel row is two registers, 12 of 16 registers accumulate. */
#include "matmul.h"
#include "matmul_tables.h"

#include <immintrin.h>

#include "v16_avx2.inc"

#define MATMUL_TILES(X) X(6, 1) X(4, 1) X(2, 2) X(1, 4)
#include "matmul_body.inc"

const struct matmul_kernel matmul_avx2 = { "avx2", CPU_AVX2, false, run };

/* Q8_0: vpmaddubsw takes |w| unsigned and the input with w's sign; |w| <= 128 and |input| <= 127
 * keep the pair sums within 16 bits, so nothing saturates and the integers are exact. */
static inline __m256i dot4(__m256i sum, __m256i w, __m256i w_abs, __m256i input)
{
    __m256i pairs = _mm256_maddubs_epi16(w_abs, _mm256_sign_epi8(input, w));
    return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

ALWAYS_INLINE void q8_tile(const uint8_t *w, const int8_t *q, const float *scale,
                           const int32_t *offset, ptrdiff_t step, ptrdiff_t blocks, float *out,
                           ptrdiff_t stride, const int columns)
{
    (void)offset;
    v16 sum[4];
    UNROLLED
    for (int c = 0; c < columns; c++)
        sum[c] = v_set1(0);
    for (ptrdiff_t b = 0; b < blocks; b++) {
        __m256i lo[4], hi[4];
        UNROLLED
        for (int c = 0; c < columns; c++)
            lo[c] = hi[c] = _mm256_setzero_si256();
        for (int t = 0; t < 8; t++) {
            const __m256i *at = (const __m256i *)(w + 64 * t), flip = _mm256_set1_epi8(-128);
            __m256i w0 = _mm256_xor_si256(_mm256_loadu_si256(at), flip);
            __m256i w1 = _mm256_xor_si256(_mm256_loadu_si256(at + 1), flip);
            __m256i abs0 = _mm256_abs_epi8(w0), abs1 = _mm256_abs_epi8(w1);
            UNROLLED
            for (int c = 0; c < columns; c++) {
                __m256i input = _mm256_set1_epi32((int32_t)load_u32(q + 32 * c + 4 * t));
                lo[c] = dot4(lo[c], w0, abs0, input);
                hi[c] = dot4(hi[c], w1, abs1, input);
            }
        }
        v16 weight_scale = v_load_f16((const uint16_t *)(const void *)(w + 512));
        UNROLLED
        for (int c = 0; c < columns; c++) {
            v16 dot = { _mm256_cvtepi32_ps(lo[c]), _mm256_cvtepi32_ps(hi[c]) };
            sum[c] = v_fma(dot, v_mul(weight_scale, v_set1(scale[c])), sum[c]);
        }
        w += 544;
        q += 32 * step;
        scale += step;
    }
    UNROLLED
    for (int c = 0; c < columns; c++)
        v_store(out + c * stride, sum[c]);
}

#define MATMUL_Q8_TILES(X) X(2) X(1)
#include "matmul_q8_body.inc"

const struct matmul_kernel matmul_q8_avx2 = { "avx2", CPU_AVX2, true, q8_run };
