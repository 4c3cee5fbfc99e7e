/* AVX-512 (F, BW, DQ, VL). Measured against scalar in tests/perf (quantize_bench). */
#include "floatconv.h"

#include <immintrin.h>
#include <math.h>

#include "cpu.h"

static void f16_to_f32(const void *src, float *dst, int64_t n)
{
    const char *p = src;
    int64_t i = 0;

    for (; i + 16 <= n; i += 16)
        _mm512_storeu_ps(dst + i, _mm512_cvtph_ps(_mm256_loadu_si256((const void *)(p + 2 * i))));
    floatconv_scalar.f16_to_f32(p + 2 * i, dst + i, n - i);
}

static void f16_from_f32(const float *src, void *dst, int64_t n)
{
    char *p = dst;
    int64_t i = 0;

    for (; i + 16 <= n; i += 16)
        _mm256_storeu_si256((void *)(p + 2 * i),
                            _mm512_cvtps_ph(_mm512_loadu_ps(src + i), _MM_FROUND_TO_NEAREST_INT));
    floatconv_scalar.f16_from_f32(src + i, p + 2 * i, n - i);
}

static void bf16_to_f32(const void *src, float *dst, int64_t n)
{
    const char *p = src;
    int64_t i = 0;

    for (; i + 16 <= n; i += 16) {
        __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const void *)(p + 2 * i)));
        _mm512_storeu_si512(dst + i, _mm512_slli_epi32(wide, 16));
    }
    floatconv_scalar.bf16_to_f32(p + 2 * i, dst + i, n - i);
}

static void bf16_from_f32(const float *src, void *dst, int64_t n)
{
    char *p = dst;
    int64_t i = 0;

    for (; i + 16 <= n; i += 16) {
        __m512 x = _mm512_loadu_ps(src + i);
        __m512i u = _mm512_castps_si512(x), high = _mm512_srli_epi32(u, 16);
        __m512i odd = _mm512_and_si512(high, _mm512_set1_epi32(1));
        __m512i sum = _mm512_add_epi32(u, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7FFF)));
        __m512i rounded =
            _mm512_mask_or_epi32(_mm512_srli_epi32(sum, 16), _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q),
                                 high, _mm512_set1_epi32(64));
        _mm256_storeu_si256((void *)(p + 2 * i), _mm512_cvtepi32_epi16(rounded));
    }
    floatconv_scalar.bf16_from_f32(src + i, p + 2 * i, n - i);
}

static void q8_0_to_f32(const void *src, float *dst, int64_t n)
{
    const char *block = src;

    for (int64_t i = 0; i < n; i += 32, block += 34) {
        __m512 d = _mm512_set1_ps(_cvtsh_ss(load_u16(block)));
        for (int j = 0; j < 32; j += 16) {
            __m512i q = _mm512_cvtepi8_epi32(_mm_loadu_si128((const void *)(block + 2 + j)));
            _mm512_storeu_ps(dst + i + j, _mm512_mul_ps(_mm512_cvtepi32_ps(q), d));
        }
    }
}

/* See floatconv_avx2.c. */
static __m128i round_away(__m512 x)
{
    __m512 sign = _mm512_and_ps(x, _mm512_set1_ps(-0.0f));
    __m512 half = _mm512_or_ps(sign, _mm512_set1_ps(0x1.fffffep-2f));
    return _mm512_cvtepi32_epi8(_mm512_cvttps_epi32(_mm512_add_ps(x, half)));
}

static void q8_0_blocks(const float *src, char *block, int64_t n)
{
    for (int64_t i = 0; i < n; i += 32, block += 34) {
        __m512 x0 = _mm512_loadu_ps(src + i), x1 = _mm512_loadu_ps(src + i + 16);
        float amax = _mm512_reduce_max_ps(_mm512_max_ps(_mm512_abs_ps(x0), _mm512_abs_ps(x1)));
        float d = amax / 127, id = d != 0 ? 1.0f / d : 0;
        uint16_t half = (uint16_t)_cvtss_sh(d, _MM_FROUND_TO_NEAREST_INT);
        memcpy(block, &half, 2);
        __m512 f = _mm512_set1_ps(isfinite(id) ? id : 0);
        _mm_storeu_si128((void *)(block + 2), round_away(_mm512_mul_ps(x0, f)));
        _mm_storeu_si128((void *)(block + 18), round_away(_mm512_mul_ps(x1, f)));
    }
}

static __m512 block_max(const float *src)
{
    return _mm512_max_ps(_mm512_abs_ps(_mm512_loadu_ps(src)),
                         _mm512_abs_ps(_mm512_loadu_ps(src + 16)));
}

/* Halves the width of two vectors of partial maxima: the result holds a's in its low parts of each
 * pair of lanes and b's in the high ones. */
static __m512 fold(__m512 a, __m512 b)
{
    return _mm512_max_ps(_mm512_shuffle_f32x4(a, b, 0x88), _mm512_shuffle_f32x4(a, b, 0xDD));
}

/* Largest magnitude of each of 16 blocks, in order: four blocks fold into one vector of 4 lanes, then
 * a 4 x 4 transpose inside the lanes ends the reduction. */
static __m512 max_of_16(const float *src)
{
    __m512 v[4];

    for (int i = 0; i < 4; i++) { /* lane k of v[i]: the 4 partial maxima of block 4 k + i */
        const float *p = src + 32 * i;
        v[i] = fold(fold(block_max(p), block_max(p + 128)),
                    fold(block_max(p + 256), block_max(p + 384)));
    }
    __m512 t0 = _mm512_unpacklo_ps(v[0], v[1]), t1 = _mm512_unpackhi_ps(v[0], v[1]);
    __m512 t2 = _mm512_unpacklo_ps(v[2], v[3]), t3 = _mm512_unpackhi_ps(v[2], v[3]);
    __m512 m0 = _mm512_max_ps(t0, t1), m1 = _mm512_max_ps(t2, t3);
    return _mm512_max_ps(_mm512_shuffle_ps(m0, m1, 0x44), _mm512_shuffle_ps(m0, m1, 0xEE));
}

/* 16 blocks at a time share the reductions, two divisions and the conversion of the scales. */
static void q8_0_from_f32(const float *src, void *dst, int64_t n)
{
    const __m512 finite = _mm512_set1_ps(INFINITY);
    float factors[16];
    uint16_t scales[16];
    char *block = dst;
    int64_t i = 0;

    for (; i + 512 <= n; i += 512) {
        __m512 d = _mm512_div_ps(max_of_16(src + i), _mm512_set1_ps(127));
        /* A block of zeros gives 1 / 0, which is infinite and becomes 0, as an overflow does. */
        __m512 id = _mm512_div_ps(_mm512_set1_ps(1), d);
        id = _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(id, finite, _CMP_LT_OQ), id);
        _mm512_storeu_ps(factors, id);
        _mm256_storeu_si256((void *)scales, _mm512_cvtps_ph(d, _MM_FROUND_TO_NEAREST_INT));
        for (int k = 0; k < 16; k++, block += 34) {
            __m512 f = _mm512_set1_ps(factors[k]);
            const float *x = src + i + 32 * k;
            memcpy(block, &scales[k], 2);
            _mm_storeu_si128((void *)(block + 2), round_away(_mm512_mul_ps(_mm512_loadu_ps(x), f)));
            _mm_storeu_si128((void *)(block + 18),
                             round_away(_mm512_mul_ps(_mm512_loadu_ps(x + 16), f)));
        }
    }
    q8_0_blocks(src + i, block, n - i);
}

static bool below(const float *src, int64_t n, float limit)
{
    const __m512 top = _mm512_set1_ps(limit);
    __mmask16 good = 0xFFFF;
    int64_t i = 0;

    for (; i + 16 <= n; i += 16)
        good &= _mm512_cmp_ps_mask(_mm512_abs_ps(_mm512_loadu_ps(src + i)), top, _CMP_LT_OQ);
    return good == 0xFFFF && floatconv_scalar.below(src + i, n - i, limit);
}

const struct floatconv floatconv_avx512 = {
    "avx512",      CPU_AVX512,  f16_to_f32,    f16_from_f32, bf16_to_f32,
    bf16_from_f32, q8_0_to_f32, q8_0_from_f32, below,
};
