/* sha256_blocks.h: the compression function of SHA-256 on whole blocks, one row per instruction set.
 *
 * state: the eight words of the hash so far; data: n blocks of 64 bytes. FIPS 180-4, section 6.2.2.
 * sha256_k: its 64 constants.
 */
#ifndef SHA256_BLOCKS_H
#define SHA256_BLOCKS_H

#include "../base.h"

extern const uint32_t sha256_k[64];

typedef void sha256_fn(uint32_t state[8], const unsigned char *data, ptrdiff_t n);
sha256_fn sha256_blocks; /* the best row for this process */
sha256_fn sha256_blocks_scalar;
sha256_fn sha256_blocks_avx2; /* SHA extensions; needs CPU_SHA */

#endif
