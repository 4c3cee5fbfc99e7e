/* floatconv_bench: GB/s of input of the number format kernels, per instruction set, on one core; a
 * memory copy of the same input beside them as the limit. 512 KiB of input stay in the L2 cache, as
 * the parts of a tensor do when quantize converts them.
 *
 *     build/perf/floatconv_bench
 */
#include "model/tensor.h"
#include "simd/cpu.h"
#include "simd/floatconv.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define COUNT ((int64_t)128 << 10)
#define PIECE 4096

static float values[COUNT], piece[PIECE];
static char halves[COUNT * 2], out[COUNT * 4];
static const struct floatconv *kernels;

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void copy_f16(void)
{
    memcpy(out, halves, sizeof halves);
}

static void f16_to_f32(void)
{
    kernels->f16_to_f32(halves, (float *)(void *)out, COUNT);
}

static void f32_to_f16(void)
{
    kernels->f16_from_f32(values, out, COUNT);
}

static void f32_to_bf16(void)
{
    kernels->bf16_from_f32(values, out, COUNT);
}

static void f32_to_q8(void)
{
    kernels->q8_0_from_f32(values, out, COUNT);
}

/* As the converter does it: to float32 in pieces that stay in the L1 cache. */
static void f16_to_q8(void)
{
    for (int64_t i = 0; i < COUNT; i += PIECE) {
        kernels->f16_to_f32(halves + 2 * i, piece, PIECE);
        kernels->q8_0_from_f32(piece, out + i / 32 * 34, PIECE);
    }
}

static const struct {
    const char *name;
    void (*run)(void);
    double bytes; /* of input */
} cases[] = {
    { "memcpy of F16", copy_f16, COUNT * 2 }, { "F16 -> F32", f16_to_f32, COUNT * 2 },
    { "F32 -> F16", f32_to_f16, COUNT * 4 },  { "F32 -> BF16", f32_to_bf16, COUNT * 4 },
    { "F32 -> Q8_0", f32_to_q8, COUNT * 4 },  { "F16 -> Q8_0", f16_to_q8, COUNT * 2 },
};

static double measure(void (*run)(void))
{
    double best = 1e9;

    for (int round = 0; round < 7; round++) {
        int n = 0;
        double start = now_s(), t;
        do {
            run();
            n++;
        } while ((t = now_s() - start) < 0.03);
        best = MIN(best, t / n);
    }
    return best;
}

int main(void)
{
    uint64_t seed = 1;

    cpu_init();
    for (int64_t i = 0; i < COUNT; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        values[i] = (float)(int32_t)(seed >> 32) * 1e-10f;
    }
    floatconv_scalar.f16_from_f32(values, halves, COUNT);
    printf("%-14s", "GB/s of input");
    for (const struct floatconv *const *k = floatconv_rows(); *k; k++)
        printf(" %8s", cpu_has((*k)->features) ? (*k)->name : "-");
    printf("\n");
    for (ptrdiff_t c = 0; c < countof(cases); c++) {
        printf("%-14s", cases[c].name);
        for (const struct floatconv *const *k = floatconv_rows(); *k; k++) {
            kernels = *k;
            if (cpu_has(kernels->features))
                printf(" %8.2f", cases[c].bytes / measure(cases[c].run) / 1e9);
        }
        printf("\n");
    }
    return 0;
}
