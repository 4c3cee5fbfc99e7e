/* vec.h for avx512. */
#include "vec.h"
#include "vec_tables.h"

#include <immintrin.h>
#include <math.h>

#include "v16_avx512.inc"
#include "vec_body.inc"

const struct vec_kernels vec_kernels_avx512 = {
    "avx512",     CPU_AVX512, rms_norm, layer_norm, silu_mul,    gelu_tanh_mul,
    gelu_erf_mul, softcap,    add,      scale,      softmax_exp, quantize32,
};
