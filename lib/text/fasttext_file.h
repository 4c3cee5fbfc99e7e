/* fasttext_file.h: a loaded fastText model, shared by fasttext_file.c (the file) and fasttext.c (what
 * it says about a text). Nobody else includes it. */
#ifndef FASTTEXT_FILE_H
#define FASTTEXT_FILE_H

#include "fasttext.h"

enum fasttext_loss { LOSS_HS = 1, LOSS_NS, LOSS_SOFTMAX, LOSS_OVA };

/* Numbers lie in the file without alignment. */
typedef float file_float __attribute__((aligned(1)));
typedef int32_t file_int __attribute__((aligned(1)));

struct product {
    int32_t dim, nsubq, dsub, lastdsub;
    const file_float *centroids;
};

struct matrix {
    int64_t rows, cols;
    const file_float *data;            /* NULL: quantized */
    const uint8_t *codes, *norm_codes; /* norm_codes NULL: rows are not scaled */
    struct product product, norm;
};

struct fasttext_word {
    slice text;
    uint32_t hash;
};

struct tree_node {
    int32_t parent, left, right;
    bool binary;
};

struct fasttext {
    int32_t dim, word_ngrams, bucket, minn, maxn;
    enum fasttext_loss loss;
    int32_t size, words, labels;
    struct fasttext_word *entries;
    int32_t *table; /* of entries by hash, -1: free */
    uint32_t table_mask;
    int64_t pruned; /* -1: not pruned */
    int32_t *prune_keys, *prune_values;
    uint32_t prune_mask;
    struct matrix input, output;
    const char **label_names;
    struct tree_node *tree; /* of hs: labels, then inner nodes */
};

static inline uint32_t fasttext_hash(slice s)
{
    uint32_t h = 2166136261u;

    for (ptrdiff_t i = 0; i < s.len; i++)
        h = (h ^ (uint32_t)(int8_t)s.ptr[i]) * 16777619u;
    return h;
}

#endif
