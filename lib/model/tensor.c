#include "tensor.h"

#include "../simd/floatconv.h"

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

/* Block sizes: ggml-common.h. Numbers that are missing (4, 5, 31-33, 36-38) were removed from GGUF. */
static const struct tensor_layout layouts[] = {
    { "F32", TENSOR_F32, 1, 4, f32_copy, f32_store },
    { "F16", TENSOR_F16, 1, 2, f16_to, f16_from },
    { "Q4_0", 2, 32, 18, NULL, NULL },
    { "Q4_1", 3, 32, 20, NULL, NULL },
    { "Q5_0", 6, 32, 22, NULL, NULL },
    { "Q5_1", 7, 32, 24, NULL, NULL },
    { "Q8_0", TENSOR_Q8_0, 32, 34, q8_0_to, q8_0_from },
    { "Q8_1", 9, 32, 36, NULL, NULL },
    { "Q2_K", 10, 256, 84, NULL, NULL },
    { "Q3_K", 11, 256, 110, NULL, NULL },
    { "Q4_K", 12, 256, 144, NULL, NULL },
    { "Q5_K", 13, 256, 176, NULL, NULL },
    { "Q6_K", 14, 256, 210, NULL, NULL },
    { "Q8_K", 15, 256, 292, NULL, NULL },
    { "IQ2_XXS", 16, 256, 66, NULL, NULL },
    { "IQ2_XS", 17, 256, 74, NULL, NULL },
    { "IQ3_XXS", 18, 256, 98, NULL, NULL },
    { "IQ1_S", 19, 256, 50, NULL, NULL },
    { "IQ4_NL", 20, 32, 18, NULL, NULL },
    { "IQ3_S", 21, 256, 110, NULL, NULL },
    { "IQ2_S", 22, 256, 82, NULL, NULL },
    { "IQ4_XS", 23, 256, 136, NULL, NULL },
    { "I8", TENSOR_I8, 1, 1, NULL, NULL },
    { "I16", TENSOR_I16, 1, 2, NULL, NULL },
    { "I32", TENSOR_I32, 1, 4, NULL, NULL },
    { "I64", TENSOR_I64, 1, 8, NULL, NULL },
    { "F64", TENSOR_F64, 1, 8, f64_to_f32, NULL },
    { "IQ1_M", 29, 256, 56, NULL, NULL },
    { "BF16", TENSOR_BF16, 1, 2, bf16_to, bf16_from },
    { "TQ1_0", 34, 256, 54, NULL, NULL },
    { "TQ2_0", 35, 256, 66, NULL, NULL },
    { "MXFP4", 39, 32, 17, NULL, NULL },
    { "NVFP4", 40, 64, 36, NULL, NULL },
    /* Only in safetensors; the sub-byte ones are packed over the whole tensor. */
    { "BOOL", TENSOR_BOOL, 1, 1, NULL, NULL },
    { "U8", TENSOR_U8, 1, 1, NULL, NULL },
    { "U16", TENSOR_U16, 1, 2, NULL, NULL },
    { "U32", TENSOR_U32, 1, 4, NULL, NULL },
    { "U64", TENSOR_U64, 1, 8, NULL, NULL },
    { "F8_E4M3", TENSOR_F8_E4M3, 1, 1, NULL, NULL },
    { "F8_E5M2", TENSOR_F8_E5M2, 1, 1, NULL, NULL },
    { "F8_E8M0", TENSOR_F8_E8M0, 1, 1, NULL, NULL },
    { "F4", TENSOR_F4, 2, 1, NULL, NULL },
    { "F6_E2M3", TENSOR_F6_E2M3, 4, 3, NULL, NULL },
    { "F6_E3M2", TENSOR_F6_E3M2, 4, 3, NULL, NULL },
    { "C64", TENSOR_C64, 1, 8, NULL, NULL },
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

    if (!l || !l->from_f32)
        return false;
    ASSERT(n % l->block == 0);
    l->from_f32(src, dst, n);
    return true;
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
