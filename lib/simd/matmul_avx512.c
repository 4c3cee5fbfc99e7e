/* matmul.h for AVX-512: a panel row is one register. 24 of 32 registers accumulate in the large
 * tile. */
#include "matmul.h"
#include "matmul_tables.h"

#include <immintrin.h>

#include "v16_avx512.inc"

#define MATMUL_TILES(X) X(12, 2) X(8, 2) X(4, 4) X(2, 4) X(1, 4)
#include "matmul_body.inc"

const struct matmul_kernel matmul_avx512 = { "avx512", CPU_AVX512, false, run };
