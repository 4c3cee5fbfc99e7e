#include "kvcache.h"

#include <stdlib.h>

static ptrdiff_t value_dims(struct kv_shape s)
{
    return matmul_panels(s.head_dim) * MATMUL_ROWS;
}

int64_t kv_cache_position_bytes(struct kv_shape s)
{
    return (int64_t)s.layers * s.heads * (s.head_dim + value_dims(s)) * (int64_t)sizeof(float);
}

/* Zeroed, because positions that were never stored must be finite (their weight is zero), and by
 * calloc, because pages that are never touched cost nothing: most completions end early. */
static float *floats_new(int64_t count, void **memory)
{
    char *p = calloc((size_t)count * 4 + 64, 1);
    if (!p)
        mem_oom();
    *memory = p;
    return (float *)(void *)(p + (-(uintptr_t)p & 63));
}

void kv_cache_reserve(struct kv_cache *kv, struct kv_shape shape, ptrdiff_t positions)
{
    bool same = kv->shape.layers == shape.layers && kv->shape.heads == shape.heads &&
                kv->shape.head_dim == shape.head_dim;
    if (same && kv->capacity >= positions)
        return;
    kv_cache_release(kv);
    kv->shape = shape;
    kv->capacity = ALIGN_UP(MAX(positions, 16), 16);
    int64_t heads = (int64_t)shape.layers * shape.heads * kv->capacity;
    kv->keys = floats_new(heads * shape.head_dim, &kv->memory[0]);
    kv->values = floats_new(heads * value_dims(shape), &kv->memory[1]);
}

void kv_cache_release(struct kv_cache *kv)
{
    free(kv->memory[0]);
    free(kv->memory[1]);
    *kv = (struct kv_cache){ 0 };
}

static float *head_keys(const struct kv_cache *kv, int layer, int head)
{
    ptrdiff_t index = (ptrdiff_t)layer * kv->shape.heads + head;
    return kv->keys + index * kv->capacity * kv->shape.head_dim;
}

static float *head_values(const struct kv_cache *kv, int layer, int head)
{
    ptrdiff_t index = (ptrdiff_t)layer * kv->shape.heads + head;
    return kv->values + index * kv->capacity * value_dims(kv->shape);
}

void kv_cache_store(struct kv_cache *kv, int layer, ptrdiff_t position, const float *k,
                    const float *v)
{
    int dim = kv->shape.head_dim;
    ASSERT(position >= 0 && position < kv->capacity);
    for (int h = 0; h < kv->shape.heads; h++, k += dim, v += dim) {
        float *keys = head_keys(kv, layer, h) + position / 16 * 16 * dim + position % 16;
        for (int i = 0; i < dim; i++)
            keys[i * 16] = k[i];
        float *values = head_values(kv, layer, h) + position * 16;
        for (int i = 0; i < dim; i += 16)
            memcpy(values + i * kv->capacity, v + i, sizeof(float) * (size_t)MIN(16, dim - i));
    }
}

struct matmul kv_cache_keys(const struct kv_cache *kv, int layer, int head, ptrdiff_t count)
{
    return (struct matmul){
        .type = MATMUL_F32,
        .rows = count,
        .k = kv->shape.head_dim,
        .panel_bytes = matmul_panel_bytes(MATMUL_F32, kv->shape.head_dim),
        .data = head_keys(kv, layer, head),
    };
}

struct matmul kv_cache_values(const struct kv_cache *kv, int layer, int head, ptrdiff_t count)
{
    return (struct matmul){
        .type = MATMUL_F32,
        .rows = kv->shape.head_dim,
        .k = count,
        .panel_bytes = matmul_panel_bytes(MATMUL_F32, kv->capacity),
        .data = head_values(kv, layer, head),
    };
}
