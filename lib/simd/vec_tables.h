/* vec_tables.h: the tables that vec.c chooses from; each is defined by its vec_<isa>.c. Private. */
#ifndef VEC_TABLES_H
#define VEC_TABLES_H

#include "vec.h"

extern const struct vec_kernels vec_kernels_scalar;
#if defined(__x86_64__)
extern const struct vec_kernels vec_kernels_avx2, vec_kernels_avx512;
#elif defined(__aarch64__)
extern const struct vec_kernels vec_kernels_neon;
#endif

#endif
