/* vec.h for avx2. */
#include "vec.h"
#include "vec_tables.h"

#include <immintrin.h>
#include <math.h>

#include "v16_avx2.inc"
#include "vec_body.inc"

const struct vec_kernels vec_kernels_avx2 = {
    "avx2",       CPU_AVX2, rms_norm, layer_norm, silu_mul,    gelu_tanh_mul,
    gelu_erf_mul, softcap,  add,      scale,      softmax_exp, quantize32,
};
