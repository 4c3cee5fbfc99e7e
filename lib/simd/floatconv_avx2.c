/* AVX2 and F16C. Measured against scalar in tests/perf (quantize_bench). */
#include "floatconv.h"

#include <immintrin.h>
#include <math.h>

#include "cpu.h"

static void f16_to_f32(const void *src, float *dst, int64_t n)
{
    const char *p = src;
    int64_t i = 0;

    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(dst + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(p + 2 * i))));
    floatconv_scalar.f16_to_f32(p + 2 * i, dst + i, n - i);
}

static void f16_from_f32(const float *src, void *dst, int64_t n)
{
    char *p = dst;
    int64_t i = 0;

    for (; i + 8 <= n; i += 8)
        _mm_storeu_si128((__m128i *)(p + 2 * i),
                         _mm256_cvtps_ph(_mm256_loadu_ps(src + i), _MM_FROUND_TO_NEAREST_INT));
    floatconv_scalar.f16_from_f32(src + i, p + 2 * i, n - i);
}

static void bf16_to_f32(const void *src, float *dst, int64_t n)
{
    const char *p = src;
    int64_t i = 0;

    for (; i + 8 <= n; i += 8) {
        __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(p + 2 * i)));
        _mm256_storeu_ps(dst + i, _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16)));
    }
    floatconv_scalar.bf16_to_f32(p + 2 * i, dst + i, n - i);
}

static __m256i bf16_round(__m256 x)
{
    __m256i u = _mm256_castps_si256(x), high = _mm256_srli_epi32(u, 16);
    __m256i odd = _mm256_and_si256(high, _mm256_set1_epi32(1));
    __m256i sum = _mm256_add_epi32(u, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7FFF)));
    __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(x, x, _CMP_UNORD_Q));
    __m256i quiet = _mm256_or_si256(high, _mm256_set1_epi32(64));
    return _mm256_blendv_epi8(_mm256_srli_epi32(sum, 16), quiet, nan);
}

static void bf16_from_f32(const float *src, void *dst, int64_t n)
{
    char *p = dst;
    int64_t i = 0;

    for (; i + 16 <= n; i += 16) {
        __m256i a = bf16_round(_mm256_loadu_ps(src + i));
        __m256i b = bf16_round(_mm256_loadu_ps(src + i + 8));
        __m256i both = _mm256_permute4x64_epi64(_mm256_packus_epi32(a, b), 0xD8);
        _mm256_storeu_si256((__m256i *)(p + 2 * i), both);
    }
    floatconv_scalar.bf16_from_f32(src + i, p + 2 * i, n - i);
}

static void q8_0_to_f32(const void *src, float *dst, int64_t n)
{
    const char *block = src;

    for (int64_t i = 0; i < n; i += 32, block += 34) {
        __m256 d = _mm256_set1_ps(_cvtsh_ss(load_u16(block)));
        for (int j = 0; j < 32; j += 8) {
            __m256i q = _mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(block + 2 + j)));
            _mm256_storeu_ps(dst + i + j, _mm256_mul_ps(_mm256_cvtepi32_ps(q), d));
        }
    }
}

/* roundf: half away from zero. Adding the float below 0.5 and cutting is exact for |x| < 2^22: the
 * sum of k.5 and it lies half-way below k + 1 and rounds up to it; that of anything below k.5 stays
 * below k + 1. */
static __m256i round_away(__m256 x)
{
    __m256 sign = _mm256_and_ps(x, _mm256_set1_ps(-0.0f));
    __m256 half = _mm256_or_ps(sign, _mm256_set1_ps(0x1.fffffep-2f));
    return _mm256_cvttps_epi32(_mm256_add_ps(x, half));
}

static float horizontal_max(__m256 m)
{
    __m128 h = _mm_max_ps(_mm256_castps256_ps128(m), _mm256_extractf128_ps(m, 1));

    h = _mm_max_ps(h, _mm_movehl_ps(h, h));
    return _mm_cvtss_f32(_mm_max_ss(h, _mm_shuffle_ps(h, h, 1)));
}

static void q8_0_from_f32(const float *src, void *dst, int64_t n)
{
    const __m256 magnitude = _mm256_castsi256_ps(_mm256_set1_epi32(0x7FFFFFFF));
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    char *block = dst;

    for (int64_t i = 0; i < n; i += 32, block += 34) {
        __m256 x0 = _mm256_loadu_ps(src + i), x1 = _mm256_loadu_ps(src + i + 8);
        __m256 x2 = _mm256_loadu_ps(src + i + 16), x3 = _mm256_loadu_ps(src + i + 24);
        __m256 m = _mm256_max_ps(
            _mm256_max_ps(_mm256_and_ps(x0, magnitude), _mm256_and_ps(x1, magnitude)),
            _mm256_max_ps(_mm256_and_ps(x2, magnitude), _mm256_and_ps(x3, magnitude)));
        float d = horizontal_max(m) / 127, id = d != 0 ? 1.0f / d : 0;
        uint16_t half = (uint16_t)_cvtss_sh(d, _MM_FROUND_TO_NEAREST_INT);
        memcpy(block, &half, 2);
        __m256 f = _mm256_set1_ps(isfinite(id) ? id : 0);
        __m256i a =
            _mm256_packs_epi32(round_away(_mm256_mul_ps(x0, f)), round_away(_mm256_mul_ps(x1, f)));
        __m256i b =
            _mm256_packs_epi32(round_away(_mm256_mul_ps(x2, f)), round_away(_mm256_mul_ps(x3, f)));
        __m256i q = _mm256_permutevar8x32_epi32(_mm256_packs_epi16(a, b), order);
        _mm256_storeu_si256((__m256i *)(block + 2), q);
    }
}

static bool below(const float *src, int64_t n, float limit)
{
    const __m256 magnitude = _mm256_castsi256_ps(_mm256_set1_epi32(0x7FFFFFFF));
    const __m256 top = _mm256_set1_ps(limit);
    __m256 good = _mm256_castsi256_ps(_mm256_set1_epi32(-1));
    int64_t i = 0;

    for (; i + 8 <= n; i += 8) {
        __m256 x = _mm256_and_ps(_mm256_loadu_ps(src + i), magnitude);
        good = _mm256_and_ps(good, _mm256_cmp_ps(x, top, _CMP_LT_OQ));
    }
    return _mm256_movemask_ps(good) == 0xFF && floatconv_scalar.below(src + i, n - i, limit);
}

const struct floatconv floatconv_avx2 = {
    "avx2",        CPU_AVX2,    f16_to_f32,    f16_from_f32, bf16_to_f32,
    bf16_from_f32, q8_0_to_f32, q8_0_from_f32, below,
};
