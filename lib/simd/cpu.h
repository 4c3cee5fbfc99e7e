/* cpu.h: which instruction set this process uses.
 *
 * One level per process, chosen once by app_run before any thread: the best that CPUID and XGETBV
 * allow, or the one that --isa / MILLRACE_ISA names. Each kernel family has a table of rows
 * (isa, required features, function) and picks the last row whose features are all present and
 * whose isa is not above the chosen level.
 *
 *     cpu_init();                       // or cpu_choose("scalar", &err)
 *     if (cpu_has(CPU_AVX2)) ...
 */
#ifndef CPU_H
#define CPU_H

#include "../err.h"

enum cpu_isa { ISA_SCALAR, ISA_AVX2, ISA_AVX512, ISA_NEON };

/* Exact features that a row may require. */
enum cpu_feature {
    CPU_AVX2 = 1 << 0,        /* AVX2 + FMA + BMI1 + BMI2 + F16C + POPCNT + LZCNT */
    CPU_AVX512 = 1 << 1,      /* F, BW, DQ, VL, CD */
    CPU_AVX512_VBMI = 1 << 2, /* VBMI and VBMI2 */
    CPU_AVX512_VNNI = 1 << 3,
    CPU_AVX512_BF16 = 1 << 4,
    CPU_AVX_VNNI = 1 << 5,
    CPU_PCLMUL = 1 << 6,
    CPU_NEON = 1 << 7,
    CPU_DOTPROD = 1 << 8,
    CPU_I8MM = 1 << 9,
    CPU_BITALG = 1 << 10, /* BITALG and VPOPCNTDQ */
    CPU_SHA = 1 << 11,    /* SHA extensions, with AVX2 */
};

/* Detects and chooses the best. Idempotent. */
void cpu_init(void);
/* NULL or "" is the best. Unknown or not supported by this machine: ERR_USAGE. */
bool cpu_choose(const char *isa_name, struct err *err);
enum cpu_isa cpu_isa(void);
const char *cpu_isa_name(void);
/* All of `features` present and within the chosen level. */
bool cpu_has(unsigned features);
/* Space-separated names of the levels that this build holds and this machine can run. */
const char *cpu_isa_list(void);
/* The processor's own name, "" when unknown. */
const char *cpu_model_name(void);

#endif
