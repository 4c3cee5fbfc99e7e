/* rowsum.h: the sum of chosen rows of a table of bytes.
 *
 *     sums[c] += table[index[i] * 64 + c]     for all i < n, c < 64
 *
 * What a linear classifier over hashed features does with a text (lib/text/lang.h). Exact: every row
 * of the table below gives the same sums. Vector rows add 16-bit lanes and spill them to 32 bits
 * before they can overflow (every 256 rows of values within -127..127).
 */
#ifndef ROWSUM_H
#define ROWSUM_H

#include "cpu.h"

#define ROWSUM_WIDTH 64

typedef void rowsum_fn(const int8_t *table, const uint32_t *index, ptrdiff_t n, int32_t *sums);

rowsum_fn *rowsum_pick(void);

/* The rows, for tests; those of other machines do not exist. */
rowsum_fn rowsum_scalar, rowsum_avx2, rowsum_avx512, rowsum_neon;

#endif
