/* vec.h in plain C: the reference that the other instruction sets equal bit for bit. */
#include "vec.h"
#include "vec_tables.h"

#include <math.h>

#include "v16_scalar.inc"
#include "vec_body.inc"

const struct vec_kernels vec_kernels_scalar = {
    "scalar",     0,       rms_norm, layer_norm, silu_mul,    gelu_tanh_mul,
    gelu_erf_mul, softcap, add,      scale,      softmax_exp, quantize32,
};
