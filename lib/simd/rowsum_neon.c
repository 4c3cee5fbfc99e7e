#include "rowsum.h"

#include <arm_neon.h>

void rowsum_neon(const int8_t *table, const uint32_t *index, ptrdiff_t n, int32_t *sums)
{
    for (ptrdiff_t first = 0; first < n; first += 256) {
        ptrdiff_t end = MIN(n, first + 256);
        int16x8_t v[8] = { 0 };
        for (ptrdiff_t i = first; i < end; i++) {
            const int8_t *row = table + (ptrdiff_t)index[i] * ROWSUM_WIDTH;
            for (int k = 0; k < 8; k++)
                v[k] = vaddw_s8(v[k], vld1_s8(row + 8 * k));
        }
        for (int k = 0; k < 8; k++) {
            int32_t *s = sums + 8 * k;
            vst1q_s32(s, vaddw_s16(vld1q_s32(s), vget_low_s16(v[k])));
            vst1q_s32(s + 4, vaddw_s16(vld1q_s32(s + 4), vget_high_s16(v[k])));
        }
    }
}
