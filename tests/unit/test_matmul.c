/* matmul.h: every kernel that this machine can run equals the scalar one bit for bit, for any
 * number of columns and any range of panels; the scalar one is close to a double reference, with a
 * ceiling per weight type. Buffers end where memory ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernel_helper.h"
#include "model/tensor.h"
#include "simd/matmul.h"

#include <math.h>

struct problem {
    enum matmul_type type;
    ptrdiff_t rows, k, columns;
    struct guarded raw, panels, x, packed, out;
    struct matmul w;
    struct matmul_input in;
};

static const int tensor_types[] = { TENSOR_F32, TENSOR_F16, TENSOR_BF16, TENSOR_Q8_0 };

static float *floats(struct guarded g)
{
    return (float *)(void *)g.ptr;
}

static void bf16_of(const float *x, uint16_t *dst, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], 4);
        dst[i] = (uint16_t)(bits >> 16);
    }
}

static void problem_weights(struct problem *p)
{
    int type = tensor_types[p->type];
    int64_t row = tensor_row_bytes(type, p->k);
    float *x = malloc((size_t)(p->k + 1) * sizeof *x);
    p->raw = guarded_new(p->rows * row);
    for (ptrdiff_t r = 0; r < p->rows; r++) {
        for (ptrdiff_t i = 0; i < p->k; i++)
            x[i] = random_float();
        if (type == TENSOR_BF16)
            bf16_of(x, (uint16_t *)(void *)(p->raw.ptr + r * row), p->k);
        else if (p->k)
            assert_true(tensor_from_f32(type, x, p->raw.ptr + r * row, p->k));
    }
    free(x);
    ptrdiff_t bytes = matmul_panel_bytes(p->type, p->k);
    p->panels = guarded_new(matmul_panels(p->rows) * bytes);
    for (ptrdiff_t r = 0; r < p->rows; r += MATMUL_ROWS)
        matmul_pack(p->type, p->raw.ptr + r * row, row, MIN(MATMUL_ROWS, p->rows - r), p->k,
                    p->panels.ptr + r / MATMUL_ROWS * bytes);
    p->w = (struct matmul){
        .type = p->type, .rows = p->rows, .k = p->k, .panel_bytes = bytes, .data = p->panels.ptr
    };
}

static struct problem problem_new(enum matmul_type type, ptrdiff_t rows, ptrdiff_t k,
                                  ptrdiff_t columns)
{
    struct problem p = { .type = type, .rows = rows, .k = k, .columns = columns };
    problem_weights(&p);
    p.x = guarded_new(columns * k * 4);
    for (ptrdiff_t i = 0; i < columns * k; i++)
        floats(p.x)[i] = random_float();
    /* int8 input is laid out from an aligned start, so its end is not at the guard */
    p.packed = guarded_new(matmul_input_bytes(type, k, columns));
    p.in = matmul_input_place(type, k, columns, p.packed.ptr);
    if (type != MATMUL_Q8_0) /* exactly to the guard */
        p.in.x = (float *)(void *)(p.packed.map + p.packed.size - 4096 - k * columns * 4);
    matmul_input_pack(&p.in, floats(p.x), k, 0, columns / 2);
    matmul_input_pack(&p.in, floats(p.x), k, columns / 2, columns);
    p.out = guarded_new(columns * matmul_panels(rows) * MATMUL_ROWS * 4);
    return p;
}

static void problem_free(struct problem *p)
{
    guarded_free(p->raw);
    guarded_free(p->panels);
    guarded_free(p->x);
    guarded_free(p->packed);
    guarded_free(p->out);
}

/* The largest difference to sums in double, relative to sum |w x|. */
static double problem_error(const struct problem *p, const float *out)
{
    int type = tensor_types[p->type];
    double worst = 0;
    float *w = malloc((size_t)(p->k + 1) * sizeof *w);
    for (ptrdiff_t r = 0; r < p->rows; r++) {
        tensor_to_f32(type, p->raw.ptr + r * tensor_row_bytes(type, p->k), w, p->k);
        for (ptrdiff_t c = 0; c < p->columns; c++) {
            double sum = 0, scale = 1e-30;
            for (ptrdiff_t i = 0; i < p->k; i++) {
                double term = (double)w[i] * (double)floats(p->x)[c * p->k + i];
                sum += term;
                scale += fabs(term);
            }
            double got = out[c * matmul_panels(p->rows) * MATMUL_ROWS + r];
            worst = fmax(worst, fabs(got - sum) / scale);
        }
    }
    free(w);
    return worst;
}

static void problem_check(enum matmul_type type, ptrdiff_t rows, ptrdiff_t k, ptrdiff_t columns)
{
    /* Q8_0: both sides are rounded to 8 bits, 1/254 of the largest of 32 each */
    static const double ceilings[] = { 1e-6, 1e-6, 1e-6, 1.2e-2 };
    struct problem p = problem_new(type, rows, k, columns);
    ptrdiff_t count, panels = matmul_panels(rows), stride = panels * MATMUL_ROWS;
    const struct matmul_kernel *const *kernels = matmul_kernels_all(&count);
    size_t bytes = (size_t)(columns * stride) * 4;
    float *ref = malloc(bytes + 4);
    kernels[type == MATMUL_Q8_0]->run(&p.w, &p.in, ref, stride, 0, panels);
    double error = problem_error(&p, ref);
    if (!(error <= ceilings[type]))
        fail_msg("type %d, %td x %td, %td columns: error %g", (int)type, rows, k, columns, error);
    for (ptrdiff_t i = 2; i < count; i++) {
        if (kernels[i]->q8 != (type == MATMUL_Q8_0) || !cpu_has(kernels[i]->features))
            continue;
        memset(p.out.ptr, 0xff, bytes);
        ptrdiff_t cut = panels / 3;
        kernels[i]->run(&p.w, &p.in, floats(p.out), stride, cut, panels);
        kernels[i]->run(&p.w, &p.in, floats(p.out), stride, 0, cut);
        if (memcmp(p.out.ptr, ref, bytes))
            fail_msg("type %d, %td x %td, %td columns: %s differs from scalar", (int)type, rows, k,
                     columns, kernels[i]->isa);
    }
    free(ref);
    problem_free(&p);
}

static void lengths(void **state)
{
    (void)state;
    for (int type = MATMUL_F32; type <= MATMUL_BF16; type++)
        for (ptrdiff_t k = 0; k <= 257; k++)
            problem_check((enum matmul_type)type, 17, k, 1 + k % 3);
    for (ptrdiff_t k = 0; k <= 544; k += 32)
        problem_check(MATMUL_Q8_0, 17, k, 1 + k / 32 % 3);
}

static void columns(void **state)
{
    (void)state;
    for (int type = MATMUL_F32; type <= MATMUL_Q8_0; type++)
        for (ptrdiff_t c = 1; c <= 27; c++)
            problem_check((enum matmul_type)type, 83, 288, c);
}

static void rows(void **state)
{
    (void)state;
    for (int type = MATMUL_F32; type <= MATMUL_Q8_0; type++)
        for (ptrdiff_t r = 1; r <= 130; r += 1 + r / 8)
            problem_check((enum matmul_type)type, r, 64, 1 + r % 14);
}

/* Extreme int8 values: nothing saturates, the integers are exact. */
static void extremes(void **state)
{
    (void)state;
    char block[34], panel[544 * 8];
    float x[256], out[16];
    uint16_t one = tensor_f16_from_f32(1);
    ptrdiff_t count;
    const struct matmul_kernel *const *kernels = matmul_kernels_all(&count);
    for (int sign = -1; sign <= 1; sign += 2) {
        memcpy(block, &one, 2);
        memset(block + 2, sign < 0 ? -128 : 127, 32);
        char row[34 * 8];
        for (int b = 0; b < 8; b++) {
            memcpy(row + 34 * b, block, 34);
            for (int i = 0; i < 32; i++)
                x[32 * b + i] = 127;
        }
        matmul_pack(MATMUL_Q8_0, row, 34 * 8, 1, 256, panel);
        char memory[4096];
        struct matmul_input in = matmul_input_place(MATMUL_Q8_0, 256, 1, memory);
        matmul_input_pack(&in, x, 256, 0, 1);
        struct matmul w = {
            .type = MATMUL_Q8_0, .rows = 1, .k = 256, .panel_bytes = sizeof panel, .data = panel
        };
        for (ptrdiff_t i = 0; i < count; i++) {
            if (!kernels[i]->q8 || !cpu_has(kernels[i]->features))
                continue;
            kernels[i]->run(&w, &in, out, 16, 0, 1);
            assert_true(out[0] == (sign < 0 ? -128.0f : 127.0f) * 127 * 256);
            assert_true(out[1] == 0);
        }
    }
}

/* Zeros appended to k, and columns beside, change no bit. */
static void invariance(void **state)
{
    (void)state;
    struct problem p = problem_new(MATMUL_F32, 32, 300, 25);
    float *all = malloc(25 * 32 * 4), *one = malloc(32 * 4), *x = calloc(1, 600 * 4);
    matmul_run(&p.w, &p.in, all, 32, 0, 2);
    for (ptrdiff_t c = 0; c < 25; c++) {
        struct matmul_input in = matmul_input_place(MATMUL_F32, 300, 1, x);
        matmul_input_pack(&in, floats(p.x) + c * 300, 300, 0, 1);
        matmul_run(&p.w, &in, one, 32, 0, 2);
        assert_memory_equal(one, all + 32 * c, 128);
    }
    float *wide = calloc(2 * 16 * 600, 4);
    for (int panel = 0; panel < 2; panel++)
        memcpy(wide + panel * 16 * 600, p.panels.ptr + panel * p.w.panel_bytes,
               (size_t)p.w.panel_bytes);
    memset(x, 0, 600 * 4);
    memcpy(x, floats(p.x), 300 * 4);
    struct matmul w = {
        .type = MATMUL_F32, .rows = 32, .k = 600, .panel_bytes = 16 * 600 * 4, .data = wide
    };
    struct matmul_input in = { .k = 600, .columns = 1, .x = x };
    matmul_run(&w, &in, one, 32, 0, 2);
    assert_memory_equal(one, all, 128);
    free(all);
    free(one);
    free(x);
    free(wide);
    problem_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lengths),  cmocka_unit_test(columns),    cmocka_unit_test(rows),
        cmocka_unit_test(extremes), cmocka_unit_test(invariance),
    };
    cpu_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
