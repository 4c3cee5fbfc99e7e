/* Packed matmul: GOP/s and weight bandwidth per kernel, type and number of columns, one thread, on a
 * matrix that the last cache holds; beside it what memchr reads of the same bytes. */
#include "model/tensor.h"
#include "os.h"
#include "simd/matmul.h"

#include <stdio.h>
#include <stdlib.h>

enum { ROWS = 1408, K = 2048 };

static uint64_t seed = 88172645463325252u;

static float random_float(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (float)(int64_t)seed * 0x1p-63f;
}

static void *bytes_new(ptrdiff_t n)
{
    void *p = aligned_alloc(64, (size_t)ALIGN_UP(n, (ptrdiff_t)64));
    if (!p)
        exit(71);
    return p;
}

static struct matmul weights(enum matmul_type type, const char **raw_out, ptrdiff_t *raw_bytes)
{
    static const int tensor_types[] = { TENSOR_F32, TENSOR_F16, TENSOR_BF16, TENSOR_Q8_0 };
    int64_t row = tensor_row_bytes(tensor_types[type], K);
    ptrdiff_t panel = matmul_panel_bytes(type, K);
    char *raw = bytes_new(ROWS * row), *data = bytes_new(matmul_panels(ROWS) * panel);
    static float x[K];
    for (ptrdiff_t r = 0; r < ROWS; r++) {
        for (int i = 0; i < K; i++)
            x[i] = random_float();
        tensor_from_f32(tensor_types[type], x, raw + r * row, K);
    }
    for (ptrdiff_t r = 0; r < ROWS; r += 16)
        matmul_pack(type, raw + r * row, row, 16, K, data + r / 16 * panel);
    *raw_out = raw;
    *raw_bytes = ROWS * row;
    return (struct matmul){ type, ROWS, K, panel, data };
}

/* The best of several rounds, in seconds. */
static double time_kernel(const struct matmul_kernel *kernel, const struct matmul *w,
                          const struct matmul_input *in, float *out)
{
    int64_t best = INT64_MAX;
    for (int round = 0; round < (in->columns > 16 ? 4 : 12); round++) {
        int64_t start = os_now_ns();
        kernel->run(w, in, out, ROWS, 0, matmul_panels(ROWS));
        best = MIN(best, os_now_ns() - start);
    }
    return (double)best * 1e-9;
}

static double time_read(const char *p, ptrdiff_t n)
{
    int64_t best = INT64_MAX;
    char *copy = bytes_new(n);
    memset(copy, 1, (size_t)n); /* no byte 0xA5 in it: memchr reads all */
    (void)p;
    for (int round = 0; round < 12; round++) {
        int64_t start = os_now_ns();
        if (memchr(copy, 0xA5, (size_t)n))
            exit(70);
        best = MIN(best, os_now_ns() - start);
    }
    free(copy);
    return (double)best * 1e-9;
}

int main(void)
{
    static const char *const names[] = { "F32", "F16", "BF16", "Q8_0" };
    static const int columns[] = { 1, 2, 4, 8, 12, 16, 256 };
    ptrdiff_t count, bytes;
    const char *raw;
    cpu_init();
    const struct matmul_kernel *const *kernels = matmul_kernels_all(&count);
    float *x = bytes_new(256 * K * 4), *out = bytes_new(256 * ROWS * 4);
    for (ptrdiff_t i = 0; i < 256 * K; i++)
        x[i] = random_float();
    for (int type = MATMUL_F32; type <= MATMUL_Q8_0; type++) {
        struct matmul w = weights((enum matmul_type)type, &raw, &bytes);
        printf("%s %dx%d: reading alone %.1f GB/s\n", names[type], ROWS, K,
               (double)bytes / time_read(raw, bytes) * 1e-9);
        for (ptrdiff_t i = 2; i < count; i++) {
            if (kernels[i]->q8 != (type == MATMUL_Q8_0) || !cpu_has(kernels[i]->features))
                continue;
            for (ptrdiff_t c = 0; c < countof(columns); c++) {
                void *memory = bytes_new(matmul_input_bytes((enum matmul_type)type, K, columns[c]));
                struct matmul_input in =
                    matmul_input_place((enum matmul_type)type, K, columns[c], memory);
                matmul_input_pack(&in, x, K, 0, columns[c]);
                double s = time_kernel(kernels[i], &w, &in, out);
                printf("  %-6s %3d columns: %6.1f GOP/s %6.1f GB/s of weights\n", kernels[i]->isa,
                       columns[c], 2.0 * ROWS * K * columns[c] / s * 1e-9,
                       (double)bytes / s * 1e-9);
                free(memory);
            }
        }
        free((void *)(uintptr_t)w.data);
        free((void *)(uintptr_t)raw);
    }
    free(x);
    free(out);
}
