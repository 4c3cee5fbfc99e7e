/* kvcache.h: the keys and values of one sequence, in the layout that the matmul kernels read.
 *
 * Positions come in tiles of 16. For every layer and key-value head
 *     keys    [position / 16][head_dim][16 positions]      scores = panels of 16 positions
 *     values  [dim / 16][position][16 dims]                output = panels of 16 dimensions
 * float32 throughout, so scores and outputs have the reduction order of matmul.h whatever the
 * number of queries that are computed together.
 *
 * A cache belongs to one sequence; different positions may be stored by different threads. Memory:
 * 2 * layers * kv_heads * ALIGN_UP(head_dim, 16) * 4 bytes per position (keys: head_dim).
 *
 *     struct kv_cache kv = { 0 };
 *     kv_cache_reserve(&kv, shape, prompt + max_tokens);
 *     kv_cache_store(&kv, layer, position, k, v);
 *     kv_cache_release(&kv);
 */
#ifndef KVCACHE_H
#define KVCACHE_H

#include "../simd/matmul.h"

struct kv_shape {
    int layers, heads, head_dim; /* heads: key-value heads */
};

struct kv_cache {
    struct kv_shape shape;
    ptrdiff_t capacity;   /* positions, a multiple of 16 */
    float *keys, *values; /* aligned to 64 bytes in memory[0] and memory[1] */
    void *memory[2];
};

/* Room for `positions`; what was stored is lost. A cache that is large enough is kept. */
void kv_cache_reserve(struct kv_cache *kv, struct kv_shape shape, ptrdiff_t positions);
void kv_cache_release(struct kv_cache *kv);
int64_t kv_cache_position_bytes(struct kv_shape shape);

/* k and v: heads * head_dim floats. */
void kv_cache_store(struct kv_cache *kv, int layer, ptrdiff_t position, const float *k,
                    const float *v);
/* scores[position] = keys . q: rows are positions [0, count), k is head_dim. */
struct matmul kv_cache_keys(const struct kv_cache *kv, int layer, int head, ptrdiff_t count);
/* out[dim] = sum over positions [0, count) of weight * value: rows are dimensions. */
struct matmul kv_cache_values(const struct kv_cache *kv, int layer, int head, ptrdiff_t count);

#endif
