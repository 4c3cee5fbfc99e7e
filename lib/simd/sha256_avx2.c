/* The compression function of SHA-256 by the SHA extensions: two rounds per SHA256RNDS2, the message
 * schedule by SHA256MSG1 and MSG2. state0 holds a b e f, state1 c d g h, as the instruction wants
 * them. Six times the scalar row. Intel SDM volume 2, SHA256RNDS2. */
#include "sha256_blocks.h"

#include <immintrin.h>

/* Rounds 4r ... 4r + 3; m[] is a ring of the last 16 words of the schedule. */
#define STEP(r)                                                                                    \
    do {                                                                                           \
        __m128i msg =                                                                              \
            _mm_add_epi32(m[(r) % 4], _mm_loadu_si128((const __m128i *)(sha256_k + 4 * (r))));     \
        s1 = _mm_sha256rnds2_epu32(s1, s0, msg);                                                   \
        if ((r) >= 3 && (r) < 15) {                                                                \
            __m128i t = _mm_alignr_epi8(m[(r) % 4], m[((r) + 3) % 4], 4);                          \
            m[((r) + 1) % 4] =                                                                     \
                _mm_sha256msg2_epu32(_mm_add_epi32(m[((r) + 1) % 4], t), m[(r) % 4]);              \
        }                                                                                          \
        s0 = _mm_sha256rnds2_epu32(s0, s1, _mm_shuffle_epi32(msg, 0x0E));                          \
        if ((r) >= 1 && (r) < 13)                                                                  \
            m[((r) + 3) % 4] = _mm_sha256msg1_epu32(m[((r) + 3) % 4], m[(r) % 4]);                 \
    } while (0)

void sha256_blocks_avx2(uint32_t state[8], const unsigned char *data, ptrdiff_t n)
{
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    __m128i abcd = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)state), 0xB1);
    __m128i efgh = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(state + 4)), 0x1B);
    __m128i s0 = _mm_alignr_epi8(abcd, efgh, 8);
    __m128i s1 = _mm_blend_epi16(efgh, abcd, 0xF0);
    for (; n; n--, data += 64) {
        __m128i before0 = s0, before1 = s1, m[4];
        for (int i = 0; i < 4; i++)
            m[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(data + 16 * i)), swap);
        STEP(0);
        STEP(1);
        STEP(2);
        STEP(3);
        STEP(4);
        STEP(5);
        STEP(6);
        STEP(7);
        STEP(8);
        STEP(9);
        STEP(10);
        STEP(11);
        STEP(12);
        STEP(13);
        STEP(14);
        STEP(15);
        s0 = _mm_add_epi32(s0, before0);
        s1 = _mm_add_epi32(s1, before1);
    }
    __m128i feba = _mm_shuffle_epi32(s0, 0x1B), dchg = _mm_shuffle_epi32(s1, 0xB1);
    _mm_storeu_si128((__m128i *)state, _mm_blend_epi16(feba, dchg, 0xF0));
    _mm_storeu_si128((__m128i *)(state + 4), _mm_alignr_epi8(dchg, feba, 8));
}
