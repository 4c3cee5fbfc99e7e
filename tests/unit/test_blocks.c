/* Block formats below 8 bits: bytes and values of the reference, error ceilings, edges. */
#include "model/blocks.h"
#include "model/tensor.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COLUMNS 512
#define ROWS    8

/* FNV-1a of: the blocks without and with importance (ggml_quantize_chunk of llama.cpp 0.5 on
 * sample()), and the float32 values of the former (the gguf package). */
static const struct {
    const char *name;
    int type;
    uint64_t plain, important, values;
} golden[] = {
    { "Q4_0", TENSOR_Q4_0, 0x7bfe56816e5ab607, 0x8a300669ea0c982b, 0x878cc981eb121721 },
    { "Q4_1", TENSOR_Q4_1, 0x2e2541032f1142ca, 0xa5872dea95a61258, 0xa37828ac6513a76b },
    { "Q5_0", TENSOR_Q5_0, 0xf2b0cd04005fc947, 0xc98332a78ffba052, 0x43c60267ef1cf903 },
    { "Q5_1", TENSOR_Q5_1, 0xdd91aa43f0d3a7af, 0xd4db59aaf1f962b9, 0x2b0311c5d7f8b0f3 },
    { "IQ4_NL", TENSOR_IQ4_NL, 0x2ae14eb96ced8b97, 0x319032f81015b7a8, 0xb4226714bb1732b6 },
    { "Q2_K", TENSOR_Q2_K, 0xffce4ecbb8ff0a6c, 0x8f406835d4e759fc, 0xead3bcd227dd8aec },
    { "Q3_K", TENSOR_Q3_K, 0xd7017fa9edb60f39, 0x31c54138aed5039e, 0xe6118c26781386d8 },
    { "Q4_K", TENSOR_Q4_K, 0x7df6cf202edd3a21, 0x5a1d82ed19c80be4, 0xbe3e61223de57909 },
    { "Q5_K", TENSOR_Q5_K, 0x7b9743fe884358fb, 0x48e91ac5248ce17a, 0x1f3699512fad54d6 },
    { "Q6_K", TENSOR_Q6_K, 0x9943174515e5e83c, 0x90e261e585759a43, 0x091b5e2c39a5d77e },
    { "IQ4_XS", TENSOR_IQ4_XS, 0x2fcbbb4da0bc0990, 0x37767ed4a4e61f2d, 0x3c359f0cec5c7aa2 },
};

/* RMS of quantize and dequantize for values uniform in [-1, 1): what the format can do. */
static const struct {
    int type;
    double ceiling;
} ceilings[] = {
    { TENSOR_Q8_0, 0.0024 }, { TENSOR_Q4_0, 0.041 },  { TENSOR_Q4_1, 0.040 },
    { TENSOR_Q5_0, 0.020 },  { TENSOR_Q5_1, 0.019 },  { TENSOR_IQ4_NL, 0.050 },
    { TENSOR_Q2_K, 0.20 },   { TENSOR_Q3_K, 0.09 },   { TENSOR_Q4_K, 0.041 },
    { TENSOR_Q5_K, 0.020 },  { TENSOR_Q6_K, 0.0095 }, { TENSOR_IQ4_XS, 0.050 },
};

static uint64_t seed;

static uint32_t random_bits(void)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 32);
}

static uint64_t fnv(const void *p, size_t n)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < n; i++)
        h = (h ^ ((const uint8_t *)p)[i]) * 0x100000001b3u;
    return h;
}

static float x[COLUMNS * ROWS], importance[COLUMNS];
static uint8_t blocks[COLUMNS * ROWS * 4];

/* Rows of many magnitudes, then sparse ones, one with blocks of zeros. */
static void sample(void)
{
    seed = 7;
    for (int i = 0; i < COLUMNS * ROWS; i++) {
        uint32_t bits = random_bits();
        float v = (float)((int32_t)(bits & 0xffffff) - 0x800000) * 0x1p-20f;
        int shift = bits >> 24 & 15;
        x[i] = i / COLUMNS < 6 ? ldexpf(v, -shift) : shift ? 0 : v;
    }
    for (int i = 0; i < 64; i++)
        x[COLUMNS * 6 + i] = 0;
    for (int i = 0; i < COLUMNS; i++)
        importance[i] = (float)((random_bits() & 0xffff) + 1) * 0x1p-16f;
}

static void quantize(int type, const float *weights)
{
    int64_t row = tensor_row_bytes(type, COLUMNS);
    for (int r = 0; r < ROWS; r++)
        assert_true(tensor_from_row(type, x + r * COLUMNS, blocks + r * row, COLUMNS, weights));
}

static void test_golden(void **state)
{
    static float y[COLUMNS * ROWS];

    (void)state;
    sample();
    for (ptrdiff_t i = 0; i < countof(golden); i++) {
        size_t size = (size_t)(tensor_row_bytes(golden[i].type, COLUMNS) * ROWS);
        print_message("# %s\n", golden[i].name);
        assert_string_equal(tensor_type_name(golden[i].type), golden[i].name);
        quantize(golden[i].type, importance);
        assert_true(fnv(blocks, size) == golden[i].important);
        quantize(golden[i].type, NULL);
        assert_true(fnv(blocks, size) == golden[i].plain);
        assert_true(tensor_to_f32(golden[i].type, blocks, y, COLUMNS * ROWS));
        for (int k = 0; k < COLUMNS * ROWS; k++)
            y[k] += 0.0f; /* one zero */
        assert_true(fnv(y, sizeof y) == golden[i].values);
    }
}

static void test_ceilings(void **state)
{
    float y[COLUMNS];

    (void)state;
    seed = 3;
    for (ptrdiff_t i = 0; i < countof(ceilings); i++) {
        double sum = 0;
        for (int k = 0; k < COLUMNS; k++)
            x[k] = (float)((int32_t)random_bits()) * 0x1p-31f;
        assert_true(tensor_from_f32(ceilings[i].type, x, blocks, COLUMNS));
        assert_true(tensor_to_f32(ceilings[i].type, blocks, y, COLUMNS));
        for (int k = 0; k < COLUMNS; k++)
            sum += ((double)y[k] - (double)x[k]) * ((double)y[k] - (double)x[k]);
        print_message("# %s rms %g\n", tensor_type_name(ceilings[i].type), sqrt(sum / COLUMNS));
        assert_true(sqrt(sum / COLUMNS) < ceilings[i].ceiling);
        assert_true(sqrt(sum / COLUMNS) > ceilings[i].ceiling / 4);
    }
}

/* Zeros, subnormals, one great value: finite blocks, zeros stay zeros. */
static void test_edges(void **state)
{
    float y[COLUMNS];

    (void)state;
    for (ptrdiff_t i = 0; i < countof(golden); i++) {
        for (int kind = 0; kind < 4; kind++) {
            for (int k = 0; k < COLUMNS; k++)
                x[k] = kind == 1 ? 1e-41f * (float)(k % 7 - 3) : kind == 2 ? -0.0f : 0.0f;
            if (kind == 3)
                x[5] = 60000;
            for (int weighted = 0; weighted < 2; weighted++) {
                assert_true(tensor_from_row(golden[i].type, x, blocks, COLUMNS,
                                            weighted ? importance : NULL));
                assert_true(tensor_to_f32(golden[i].type, blocks, y, COLUMNS));
                for (int k = 0; k < COLUMNS; k++) {
                    assert_true(isfinite(y[k]));
                    if (kind < 3)
                        assert_true(y[k] == 0);
                }
                if (kind == 3)
                    assert_true(fabsf(y[5] - 60000) < 4000);
            }
        }
    }
}

static double row_error(int type, const float *w)
{
    static float y[COLUMNS * ROWS];
    double sum = 0;

    tensor_to_f32(type, blocks, y, COLUMNS * ROWS);
    for (int k = 0; k < COLUMNS * ROWS; k++)
        sum +=
            (double)w[k % COLUMNS] * ((double)y[k] - (double)x[k]) * ((double)y[k] - (double)x[k]);
    return sum;
}

/* The better search has less error, for every type, with and without importance; never more in any
 * row. */
static void test_best(void **state)
{
    static float ones[COLUMNS];

    (void)state;
    seed = 11;
    for (int k = 0; k < COLUMNS; k++)
        ones[k] = 1;
    for (int k = 0; k < COLUMNS * ROWS; k++) { /* about normal, as weights are */
        double sum = 0;
        for (int i = 0; i < 8; i++)
            sum += (double)(int32_t)random_bits() * 0x1p-31;
        x[k] = (float)sum;
    }
    for (ptrdiff_t i = 0; i < countof(golden); i++) {
        for (int weighted = 0; weighted < 2; weighted++) {
            int type = golden[i].type;
            int64_t row = tensor_row_bytes(type, COLUMNS);
            quantize(type, weighted ? importance : NULL);
            double reference = row_error(type, weighted ? importance : ones);
            for (int r = 0; r < ROWS; r++)
                assert_true(blocks_best_row(type, x + r * COLUMNS, blocks + r * row, COLUMNS,
                                            weighted ? importance : NULL));
            double best = row_error(type, weighted ? importance : ones);
            print_message("# %s: %.2f %% less error\n", golden[i].name,
                          100 * (1 - sqrt(best / reference)));
            assert_true(best < reference * 0.99);
        }
    }
    assert_false(blocks_best_row(TENSOR_Q8_0, x, blocks, COLUMNS, NULL));
    /* Zeros, subnormals and outliers do not confuse it. */
    for (ptrdiff_t i = 0; i < countof(golden); i++) {
        for (int k = 0; k < COLUMNS; k++)
            x[k] = k % 64 < 8 ? 0 : k % 64 < 16 ? 1e-41f : k == 100 ? 60000 : 1e-3f;
        float y[COLUMNS];
        assert_true(blocks_best_row(golden[i].type, x, blocks, COLUMNS, NULL));
        tensor_to_f32(golden[i].type, blocks, y, COLUMNS);
        for (int k = 0; k < COLUMNS; k++)
            assert_true(isfinite(y[k]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_ceilings),
        cmocka_unit_test(test_edges),
        cmocka_unit_test(test_best),
    };

    return cmocka_run_group_tests_name("blocks", tests, NULL, NULL);
}
