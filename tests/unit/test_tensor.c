/* Types and conversions: the table, sizes that overflow, every half, every ISA against scalar. */
#include "model/tensor.h"
#include "simd/cpu.h"
#include "simd/floatconv.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static uint64_t seed = 1;

static uint32_t random_bits(void)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 32);
}

static float float_from(uint32_t bits)
{
    float x;

    memcpy(&x, &bits, 4);
    return x;
}

/* `size` bytes that end at a page without access. */
static char *guarded(ptrdiff_t size)
{
    ptrdiff_t page = sysconf(_SC_PAGESIZE), whole = (size + page - 1) / page * page + page;
    char *p = mmap(NULL, (size_t)whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    assert_true(p != MAP_FAILED);
    assert_int_equal(mprotect(p + whole - page, (size_t)page, PROT_NONE), 0);
    return p + whole - page - size;
}

static void test_table(void **state)
{
    (void)state;
    assert_int_equal(tensor_type_of(SLICE("q8_0")), TENSOR_Q8_0);
    assert_int_equal(tensor_type_of(SLICE("Q8_0")), TENSOR_Q8_0);
    assert_int_equal(tensor_type_of(SLICE("bf16")), TENSOR_BF16);
    assert_int_equal(tensor_type_of(SLICE("q8_")), -1);
    assert_int_equal(tensor_type_of(SLICE("")), -1);
    assert_int_equal(tensor_type_of(SLICE("q8_00")), -1);
    for (int removed = 31; removed <= 33; removed++)
        assert_null(tensor_layout(removed));
    assert_null(tensor_layout(4));
    assert_null(tensor_layout(-1));
    assert_string_equal(tensor_type_name(12), "Q4_K");
    assert_string_equal(tensor_type_name(9999), "?");
}

static void test_sizes(void **state)
{
    struct tensor t = { .type = TENSOR_F32, .dims = 3, .ne = { 3, 5, 7, 1 } };

    (void)state;
    assert_int_equal(tensor_row_bytes(TENSOR_Q8_0, 64), 68);
    assert_int_equal(tensor_row_bytes(TENSOR_Q8_0, 33), -1);
    assert_int_equal(tensor_row_bytes(TENSOR_F32, INT64_MAX / 2), -1);
    assert_int_equal(tensor_row_bytes(TENSOR_F32, -1), -1);
    assert_int_equal(tensor_elements(&t), 105);
    assert_int_equal(tensor_rows(&t), 35);
    assert_int_equal(tensor_size_bytes(&t), 420);
    /* 2^32 * 2^32 * 4 wraps to 0, also with a 0 behind it. */
    t.ne[0] = t.ne[1] = (int64_t)1 << 32;
    t.ne[2] = 4;
    assert_int_equal(tensor_elements(&t), -1);
    assert_int_equal(tensor_size_bytes(&t), -1);
    t.ne[3] = 0;
    assert_int_equal(tensor_elements(&t), -1);
    t = (struct tensor){ .type = TENSOR_F32, .ne = { 0, 5, 1, 1 } };
    assert_int_equal(tensor_elements(&t), 0);
    t.ne[1] = -5;
    assert_int_equal(tensor_elements(&t), -1);
}

/* Every half to float and back; against the definition of the format. */
static void test_all_halves(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 65536; h++) {
        float x = tensor_f16_to_f32((uint16_t)h);
        int exp = (int)(h >> 10 & 31), frac = (int)(h & 1023);
        double want = exp == 31 ? (frac ? (double)NAN : (double)INFINITY)
                      : exp     ? ldexp(1024 + frac, exp - 25)
                                : ldexp(frac, -24);
        if (h & 0x8000)
            want = -want;
        if (isnan(want)) {
            assert_true(isnan(x));
            assert_true(isnan(tensor_f16_to_f32(tensor_f16_from_f32(x))));
            continue;
        }
        assert_true((double)x == want && !signbit(x) == !signbit(want));
        assert_int_equal(tensor_f16_from_f32(x), h);
        if (exp < 31 && !(h & 0x8000)) {
            /* Half-way to the next: to even. Just around it: to the nearer. */
            double next =
                (h & 0x7FFF) == 0x7BFF ? 65536 : (double)tensor_f16_to_f32((uint16_t)(h + 1));
            float mid = (float)((want + next) / 2);
            assert_int_equal(tensor_f16_from_f32(mid), h + (h & 1));
            assert_int_equal(tensor_f16_from_f32(nextafterf(mid, 0)), h);
            assert_int_equal(tensor_f16_from_f32(nextafterf(mid, 1e9f)), h + 1);
        }
    }
}

/* Q8_0 as ggml's quantize_row_q8_0_ref has it, written down again from its text. */
static void reference_q8_0(const float *x, uint8_t *y, int64_t n)
{
    for (int64_t i = 0; i < n; i += 32, y += 34) {
        float amax = 0;
        for (int j = 0; j < 32; j++)
            amax = amax > fabsf(x[i + j]) ? amax : fabsf(x[i + j]);
        const float d = amax / ((1 << 7) - 1);
        const float id = d != 0 ? 1.0f / d : 0.0f;
        uint16_t h = tensor_f16_from_f32(d);
        memcpy(y, &h, 2);
        for (int j = 0; j < 32; j++)
            y[2 + j] = (uint8_t)(int8_t)roundf(x[i + j] * id);
    }
}

/* Blocks that sit on roundf's edges: d is a power of two, so x / d is exactly k + 1/2 or next to it. */
static void fill_edges(float *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        float v = (float)(random_bits() % 254) - 127 + 0.5f;
        int step = (int)(random_bits() % 3) - 1;
        v = step ? nextafterf(v, step > 0 ? 1000 : -1000) : v;
        x[i] = (i % 32 == 0 ? 127 : v) * 0.0625f;
    }
}

/* More than 16 blocks and a rest: both loops of the widest kernel. */
#define N     (19 * 32)
#define BYTES (19 * 34)

static void test_q8_0(void **state)
{
    static const float scales[] = { 1, 1e-3f, 1e-30f, 1e-38f, 1e-42f, 1e4f, 0 };
    float *x = (float *)(void *)guarded(N * 4), *back = (float *)(void *)guarded(N * 4);
    uint8_t *want = (uint8_t *)guarded(BYTES), *got = (uint8_t *)guarded(BYTES);

    (void)state;
    for (const struct floatconv *const *k = floatconv_rows(); *k; k++) {
        if (!cpu_has((*k)->features))
            continue;
        for (int round = 0; round < 400; round++) {
            float scale = scales[round % countof(scales)];
            for (int i = 0; i < N; i++)
                x[i] = ((float)(int32_t)random_bits() / 2147483648.0f) * scale;
            if (round % 3 == 0)
                fill_edges(x, N);
            if (scale > 1e-38f || scale == 0 || round % 3 == 0)
                reference_q8_0(x, want, N);
            else /* 1 / d overflows there: defined here as zeros, the same on every ISA */
                floatconv_scalar.q8_0_from_f32(x, want, N);
            memset(got, 0x55, BYTES);
            (*k)->q8_0_from_f32(x, got, N);
            assert_memory_equal(got, want, BYTES);
            (*k)->q8_0_to_f32(got, back, N);
            for (int i = 0; i < N; i++) {
                float d = tensor_f16_to_f32(load_u16(got + i / 32 * 34));
                assert_true(back[i] == d * (float)(int8_t)got[i / 32 * 34 + 2 + i % 32]);
                /* Half a step, and the rounding of d to half. */
                assert_true(fabsf(back[i] - x[i]) <= 0.5f * d * 1.1f + 127 * d * 0x1p-11f + 8e-6f);
            }
        }
    }
}

static void check_lengths(const struct floatconv *k, int64_t n, int shift)
{
    float *x = (float *)(void *)guarded(260 * 4 + 16), *y1 = (float *)(void *)guarded(260 * 4);
    char *h1 = guarded(2 * n + shift) + shift, *h2 = guarded(2 * n + shift) + shift;
    float *y2 = malloc(260 * 4);

    for (int64_t i = 0; i < n; i++) {
        uint32_t bits = random_bits();
        x[i] = float_from(i % 7 == 0 ? bits : (bits & 0x8FFFFFFF) | 0x30000000);
    }
    k->f16_from_f32(x, h1, n);
    floatconv_scalar.f16_from_f32(x, h2, n);
    assert_memory_equal(h1, h2, 2 * n);
    k->f16_to_f32(h1, y1, n);
    floatconv_scalar.f16_to_f32(h1, y2, n);
    assert_memory_equal(y1, y2, 4 * n);
    k->bf16_from_f32(x, h1, n);
    floatconv_scalar.bf16_from_f32(x, h2, n);
    assert_memory_equal(h1, h2, 2 * n);
    k->bf16_to_f32(h1, y1, n);
    floatconv_scalar.bf16_to_f32(h1, y2, n);
    assert_memory_equal(y1, y2, 4 * n);
    free(y2);
    ptrdiff_t page = sysconf(_SC_PAGESIZE);
    munmap((char *)((uintptr_t)x & ~(uintptr_t)(page - 1)), (size_t)page * 2);
    munmap((char *)((uintptr_t)y1 & ~(uintptr_t)(page - 1)), (size_t)page * 2);
    munmap((char *)((uintptr_t)(h1 - 1) & ~(uintptr_t)(page - 1)), (size_t)page * 2);
    munmap((char *)((uintptr_t)(h2 - 1) & ~(uintptr_t)(page - 1)), (size_t)page * 2);
}

static void test_variants(void **state)
{
    (void)state;
    for (const struct floatconv *const *k = floatconv_rows(); *k; k++)
        if (cpu_has((*k)->features))
            for (int64_t n = 0; n <= 257; n++)
                check_lengths(*k, n, 1 + (int)(n % 3));
}

static void test_below(void **state)
{
    float x[100];

    (void)state;
    for (const struct floatconv *const *k = floatconv_rows(); *k; k++) {
        if (!cpu_has((*k)->features))
            continue;
        for (int i = 0; i < 100; i++)
            x[i] = 3.4e38f;
        assert_true((*k)->below(x, 100, INFINITY));
        assert_true((*k)->below(x, 0, 1));
        for (int i = 0; i < 100; i++) {
            float bad = i % 3 == 0 ? NAN : i % 3 == 1 ? INFINITY : -INFINITY;
            x[i] = bad;
            assert_false((*k)->below(x, 100, INFINITY));
            x[i] = 65520;
            for (int j = 0; j < i; j++)
                assert_true(x[j] == 1.0f);
            for (int j = i + 1; j < 100; j++)
                x[j] = 1;
            assert_false((*k)->below(x, 100, 65520));
            x[i] = -65519;
            assert_true((*k)->below(x, 100, 65520));
            x[i] = 1;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),      cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_all_halves), cmocka_unit_test(test_q8_0),
        cmocka_unit_test(test_variants),   cmocka_unit_test(test_below),
    };

    cpu_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
