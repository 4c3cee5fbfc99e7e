/* vec.h for neon. */
#include "vec.h"
#include "vec_tables.h"

#include <arm_neon.h>
#include <math.h>

#include "v16_neon.inc"
#include "vec_body.inc"

const struct vec_kernels vec_kernels_neon = {
    "neon",       CPU_NEON, rms_norm, layer_norm, silu_mul,    gelu_tanh_mul,
    gelu_erf_mul, softcap,  add,      scale,      softmax_exp, quantize32,
};
