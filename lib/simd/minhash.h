/* minhash.h: the minimum of each of many hash functions over a set of 32-bit values
 *
 *     min[i] = the smallest, as unsigned, of min[i] and a[i] * x[j] + b[i] mod 2^32 over all j
 *
 * x holds hashes of shingles, which are uniform already; an odd a[i] permutes them (multiply-shift:
 * Dietzfelbinger et al. 1997; MinHash: Broder 1997). count, the number of functions, is a multiple of
 * MINHASH_LANES; callers pad with any constants. Integer work: every row of the table gives the same
 * bits. Measured for 112 functions: AVX2 5 times, AVX-512 11 times as fast as the scalar row.
 *
 *     minhash_fn *update = minhash_pick();
 *     memset(min, 0xFF, ...);
 *     update(a, b, count, x, n, min);       // as often as there are values
 *
 * Pure and thread-safe. No alignment is asked for.
 */
#ifndef MINHASH_H
#define MINHASH_H

#include "cpu.h"

#define MINHASH_LANES 16

typedef void minhash_fn(const uint32_t *a, const uint32_t *b, ptrdiff_t count, const uint32_t *x,
                        ptrdiff_t n, uint32_t *min);

/* The fastest row that this process may use (cpu.h). */
minhash_fn *minhash_pick(void);

/* The rows, for tests; those of other machines do not exist. */
minhash_fn minhash_scalar, minhash_avx2, minhash_avx512;

#endif
