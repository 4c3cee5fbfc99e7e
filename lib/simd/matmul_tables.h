/* matmul_tables.h: the rows that matmul.c chooses from; each is defined by its .c file. Private. */
#ifndef MATMUL_TABLES_H
#define MATMUL_TABLES_H

#include "matmul.h"

extern const struct matmul_kernel matmul_scalar, matmul_q8_scalar;
#if defined(__x86_64__)
extern const struct matmul_kernel matmul_avx2, matmul_q8_avx2, matmul_avx512;
extern const struct matmul_kernel matmul_q8_avx512vnni;
#elif defined(__aarch64__)
extern const struct matmul_kernel matmul_neon, matmul_q8_neon;
#endif

#endif
