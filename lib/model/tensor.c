#include "tensor.h"

#include "../simd/floatconv.h"
#include "blocks.h"

static void f32_copy(const void *src, float *dst, int64_t n)
{
    memcpy(dst, src, (size_t)n * 4);
}

static void f32_store(const float *src, void *dst, int64_t n)
{
    memcpy(dst, src, (size_t)n * 4);
}

static void f64_to_f32(const void *src, float *dst, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        double x;
        memcpy(&x, (const char *)src + 8 * i, 8);
        dst[i] = (float)x;
    }
}

/* The kernels go through a pointer that is chosen per process. */
#define KERNEL(name)                                                                               \
    static void name##_to(const void *src, float *dst, int64_t n)                                  \
    {                                                                                              \
        floatconv()->name##_to_f32(src, dst, n);                                                   \
    }                                                                                              \
    static void name##_from(const float *src, void *dst, int64_t n)                                \
    {                                                                                              \
        floatconv()->name##_from_f32(src, dst, n);                                                 \
    }
KERNEL(f16)
KERNEL(bf16)
KERNEL(q8_0)

/* Scales are halves: a value is at most `levels` times 65504. */
#define HALF(levels) (65520.0f * (levels))
#define BLOCKS(name) blocks_##name##_to_f32, NULL, blocks_##name##_from_f32

/* Block sizes: ggml-common.h. Numbers that are missing (4, 5, 31-33, 36-38) were removed from GGUF. */
static const struct tensor_layout layouts[] = {
    { "F32", TENSOR_F32, 1, 4, f32_copy, f32_store, NULL, 0 },
    { "F16", TENSOR_F16, 1, 2, f16_to, f16_from, NULL, HALF(1) },
    { "Q4_0", TENSOR_Q4_0, 32, 18, BLOCKS(q4_0), HALF(8) },
    { "Q4_1", TENSOR_Q4_1, 32, 20, BLOCKS(q4_1), HALF(1) },
    { "Q5_0", TENSOR_Q5_0, 32, 22, BLOCKS(q5_0), HALF(16) },
    { "Q5_1", TENSOR_Q5_1, 32, 24, BLOCKS(q5_1), HALF(1) },
    { "Q8_0", TENSOR_Q8_0, 32, 34, q8_0_to, q8_0_from, NULL, HALF(127) },
    { "Q8_1", 9, 32, 36, NULL, NULL, NULL, 0 },
    { "Q2_K", TENSOR_Q2_K, 256, 84, BLOCKS(q2_k), HALF(8) },
    { "Q3_K", TENSOR_Q3_K, 256, 110, BLOCKS(q3_k), HALF(64) },
    { "Q4_K", TENSOR_Q4_K, 256, 144, BLOCKS(q4_k), HALF(32) },
    { "Q5_K", TENSOR_Q5_K, 256, 176, BLOCKS(q5_k), HALF(32) },
    { "Q6_K", TENSOR_Q6_K, 256, 210, BLOCKS(q6_k), HALF(2048) },
    { "Q8_K", 15, 256, 292, NULL, NULL, NULL, 0 },
    { "IQ2_XXS", 16, 256, 66, NULL, NULL, NULL, 0 },
    { "IQ2_XS", 17, 256, 74, NULL, NULL, NULL, 0 },
    { "IQ3_XXS", 18, 256, 98, NULL, NULL, NULL, 0 },
    { "IQ1_S", 19, 256, 50, NULL, NULL, NULL, 0 },
    { "IQ4_NL", TENSOR_IQ4_NL, 32, 18, BLOCKS(iq4_nl), HALF(100) },
    { "IQ3_S", 21, 256, 110, NULL, NULL, NULL, 0 },
    { "IQ2_S", 22, 256, 82, NULL, NULL, NULL, 0 },
    { "IQ4_XS", TENSOR_IQ4_XS, 256, 136, BLOCKS(iq4_xs), HALF(2048) },
    { "I8", TENSOR_I8, 1, 1, NULL, NULL, NULL, 0 },
    { "I16", TENSOR_I16, 1, 2, NULL, NULL, NULL, 0 },
    { "I32", TENSOR_I32, 1, 4, NULL, NULL, NULL, 0 },
    { "I64", TENSOR_I64, 1, 8, NULL, NULL, NULL, 0 },
    { "F64", TENSOR_F64, 1, 8, f64_to_f32, NULL, NULL, 0 },
    { "IQ1_M", 29, 256, 56, NULL, NULL, NULL, 0 },
    { "BF16", TENSOR_BF16, 1, 2, bf16_to, bf16_from, NULL, 0 },
    { "TQ1_0", 34, 256, 54, NULL, NULL, NULL, 0 },
    { "TQ2_0", 35, 256, 66, NULL, NULL, NULL, 0 },
    { "MXFP4", 39, 32, 17, NULL, NULL, NULL, 0 },
    { "NVFP4", 40, 64, 36, NULL, NULL, NULL, 0 },
    /* Only in safetensors; the sub-byte ones are packed over the whole tensor. */
    { "BOOL", TENSOR_BOOL, 1, 1, NULL, NULL, NULL, 0 },
    { "U8", TENSOR_U8, 1, 1, NULL, NULL, NULL, 0 },
    { "U16", TENSOR_U16, 1, 2, NULL, NULL, NULL, 0 },
    { "U32", TENSOR_U32, 1, 4, NULL, NULL, NULL, 0 },
    { "U64", TENSOR_U64, 1, 8, NULL, NULL, NULL, 0 },
    { "F8_E4M3", TENSOR_F8_E4M3, 1, 1, NULL, NULL, NULL, 0 },
    { "F8_E5M2", TENSOR_F8_E5M2, 1, 1, NULL, NULL, NULL, 0 },
    { "F8_E8M0", TENSOR_F8_E8M0, 1, 1, NULL, NULL, NULL, 0 },
    { "F4", TENSOR_F4, 2, 1, NULL, NULL, NULL, 0 },
    { "F6_E2M3", TENSOR_F6_E2M3, 4, 3, NULL, NULL, NULL, 0 },
    { "F6_E3M2", TENSOR_F6_E3M2, 4, 3, NULL, NULL, NULL, 0 },
    { "C64", TENSOR_C64, 1, 8, NULL, NULL, NULL, 0 },
};

const struct tensor_layout *tensor_layout(int type)
{
    for (ptrdiff_t i = 0; i < countof(layouts); i++)
        if (layouts[i].type == type)
            return &layouts[i];
    return NULL;
}

const char *tensor_type_name(int type)
{
    const struct tensor_layout *l = tensor_layout(type);

    return l ? l->name : "?";
}

static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

int tensor_type_of(slice name)
{
    for (ptrdiff_t i = 0; i < countof(layouts); i++) {
        const char *p = layouts[i].name;
        ptrdiff_t j = 0;
        while (j < name.len && p[j] && upper(name.ptr[j]) == p[j])
            j++;
        if (j == name.len && !p[j])
            return layouts[i].type;
    }
    return -1;
}

int64_t tensor_row_bytes(int type, int64_t n)
{
    const struct tensor_layout *l = tensor_layout(type);
    int64_t bytes;

    if (!l || n < 0 || n % l->block || __builtin_mul_overflow(n / l->block, l->block_bytes, &bytes))
        return -1;
    return bytes;
}

/* The product of ne[first..3]; every partial product is checked, zeros included, so that a product
 * that wraps cannot hide behind a later zero. */
static int64_t product(const struct tensor *t, int first)
{
    int64_t n = 1;
    bool zero = false;

    for (int i = first; i < 4; i++) {
        if (t->ne[i] < 0)
            return -1;
        if (t->ne[i] == 0)
            zero = true;
        else if (__builtin_mul_overflow(n, t->ne[i], &n))
            return -1;
    }
    return zero ? 0 : n;
}

int64_t tensor_elements(const struct tensor *t)
{
    return product(t, 0);
}

int64_t tensor_rows(const struct tensor *t)
{
    return product(t, 1);
}

int64_t tensor_size_bytes(const struct tensor *t)
{
    int64_t row = tensor_row_bytes(t->type, t->ne[0]), rows = product(t, 1), bytes;

    if (row < 0 || product(t, 0) < 0 || __builtin_mul_overflow(row, rows, &bytes))
        return -1;
    return bytes;
}

bool tensor_to_f32(int type, const void *src, float *dst, int64_t n)
{
    const struct tensor_layout *l = tensor_layout(type);

    if (!l || !l->to_f32)
        return false;
    ASSERT(n % l->block == 0);
    l->to_f32(src, dst, n);
    return true;
}

bool tensor_from_f32(int type, const float *src, void *dst, int64_t n)
{
    const struct tensor_layout *l = tensor_layout(type);

    if (!l || (!l->from_f32 && !l->from_row))
        return false;
    ASSERT(n % l->block == 0);
    if (l->from_f32)
        l->from_f32(src, dst, n);
    else
        l->from_row(src, dst, n, NULL);
    return true;
}

bool tensor_from_row(int type, const float *src, void *dst, int64_t n, const float *importance)
{
    const struct tensor_layout *l = tensor_layout(type);

    if (!l || !l->from_row || !importance)
        return tensor_from_f32(type, src, dst, n);
    ASSERT(n % l->block == 0);
    l->from_row(src, dst, n, importance);
    return true;
}

bool tensor_can_write(int type)
{
    const struct tensor_layout *l = tensor_layout(type);

    return l && (l->from_f32 || l->from_row);
}

float tensor_f16_to_f32(uint16_t h)
{
    float x;

    floatconv_scalar.f16_to_f32(&h, &x, 1);
    return x;
}

uint16_t tensor_f16_from_f32(float x)
{
    uint16_t h;

    floatconv_scalar.f16_from_f32(&x, &h, 1);
    return h;
}
