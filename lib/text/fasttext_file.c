#include "fasttext_file.h"

#include <math.h>

#define MAGIC   793712314
#define DIM_MAX 65536

struct reader {
    slice file;
    ptrdiff_t at;
    const char *what; /* NULL: good so far */
};

static const char *take(struct reader *r, int64_t n, const char *what)
{
    if (!r->what && (n < 0 || n > r->file.len - r->at))
        r->what = what;
    if (r->what)
        return NULL;
    r->at += (ptrdiff_t)n;
    return r->file.ptr + r->at - n;
}

static int32_t take_i32(struct reader *r, int64_t low, int64_t high, const char *what)
{
    const char *p = take(r, 4, what);
    int32_t n = p ? (int32_t)load_u32(p) : 0;

    if (p && (n < low || n > high))
        r->what = what;
    return r->what ? 0 : n;
}

static int64_t take_i64(struct reader *r, int64_t low, int64_t high, const char *what)
{
    const char *p = take(r, 8, what);
    int64_t n = p ? (int64_t)load_u64(p) : 0;

    if (p && (n < low || n > high))
        r->what = what;
    return r->what ? 0 : n;
}

static bool take_bool(struct reader *r)
{
    const char *p = take(r, 1, "the file ends too soon");

    if (p && (unsigned char)*p > 1)
        r->what = "a flag is neither 0 nor 1";
    return p && *p == 1;
}

/* ---- settings ---- */

static void read_args(struct reader *r, struct fasttext *f)
{
    int32_t version = 0;

    if (take_i32(r, MAGIC, MAGIC, "no fastText model"), r->what)
        return;
    version = take_i32(r, 11, 12, "only versions 11 and 12 of fastText's format are read");
    f->dim = take_i32(r, 1, DIM_MAX, "the dimension is out of range");
    take(r, 4 * 4, "the file ends too soon"); /* ws, epoch, minCount, neg */
    f->word_ngrams = take_i32(r, 0, 1000, "wordNgrams is out of range");
    f->loss = (enum fasttext_loss)take_i32(r, 1, 4, "unknown loss");
    take_i32(r, 3, 3, "not a supervised model");
    f->bucket = take_i32(r, 0, INT32_MAX, "bucket is out of range");
    f->minn = take_i32(r, 0, 1000, "minn is out of range");
    f->maxn = take_i32(r, 0, 1000, "maxn is out of range");
    take(r, 4 + 8, "the file ends too soon"); /* lrUpdateRate, t */
    if (version == 11)
        f->maxn = 0;
    if (!r->what && f->bucket == 0 && (f->maxn > 0 || f->word_ngrams > 1))
        r->what = "n-grams without buckets";
}

/* ---- words ---- */

static void index_words(struct fasttext *f, struct arena *arena)
{
    f->table_mask = 15;
    while (f->table_mask < (uint32_t)f->size * 2)
        f->table_mask = f->table_mask * 2 + 1;
    f->table = arena_new(arena, int32_t, (ptrdiff_t)f->table_mask + 1);
    memset(f->table, 0xFF, ((size_t)f->table_mask + 1) * sizeof *f->table);
    for (int32_t i = 0; i < f->size; i++) {
        uint32_t at = f->entries[i].hash & f->table_mask;
        while (f->table[at] >= 0)
            at = (at + 1) & f->table_mask;
        f->table[at] = i;
    }
}

static void read_entries(struct reader *r, struct fasttext *f, int64_t *counts, struct arena *arena)
{
    for (int32_t i = 0; i < f->size && !r->what; i++) {
        slice rest = slice_from(r->file, r->at);
        ptrdiff_t end = slice_find(rest, 0);
        if (end < 0) {
            r->what = "a word has no end";
            return;
        }
        f->entries[i].text = slice_make(rest.ptr, end);
        f->entries[i].hash = fasttext_hash(f->entries[i].text);
        take(r, end + 1, "the file ends too soon");
        int64_t count = take_i64(r, 0, INT64_MAX, "a count is negative");
        const char *type = take(r, 1, "the file ends too soon");
        if (type && *type != (i < f->words ? 0 : 1))
            r->what = "words and labels are mixed";
        if (i >= f->words && !r->what) {
            slice name = f->entries[i].text;
            if (slice_starts(name, SLICE("__label__")))
                name = slice_from(name, 9);
            f->label_names[i - f->words] = arena_cstr_dup(arena, name);
            counts[i - f->words] = MIN(count, (int64_t)1e14);
        }
    }
}

static void read_pruned(struct reader *r, struct fasttext *f, struct arena *arena)
{
    const char *pairs = take(r, MAX(0, f->pruned) * 8, "the list of n-grams does not fit");

    if (!pairs || f->pruned <= 0)
        return;
    f->prune_mask = 15;
    while (f->prune_mask < (uint64_t)f->pruned * 2)
        f->prune_mask = f->prune_mask * 2 + 1;
    f->prune_keys = arena_new(arena, int32_t, (ptrdiff_t)f->prune_mask + 1);
    f->prune_values = arena_new(arena, int32_t, (ptrdiff_t)f->prune_mask + 1);
    memset(f->prune_keys, 0xFF, ((size_t)f->prune_mask + 1) * sizeof *f->prune_keys);
    for (int64_t i = 0; i < f->pruned; i++) {
        int32_t key = (int32_t)load_u32(pairs + 8 * i),
                value = (int32_t)load_u32(pairs + 8 * i + 4);
        if (key < 0 || value < 0 || value >= f->pruned) {
            r->what = "the list of n-grams is wrong";
            return;
        }
        uint32_t at = (uint32_t)key * 0x9E3779B1u & f->prune_mask;
        while (f->prune_keys[at] >= 0 && f->prune_keys[at] != key)
            at = (at + 1) & f->prune_mask;
        f->prune_keys[at] = key;
        f->prune_values[at] = value;
    }
}

static int64_t *read_dictionary(struct reader *r, struct fasttext *f, struct arena *arena)
{
    /* Each entry takes at least ten bytes. */
    f->size = take_i32(r, 1, (r->file.len - r->at) / 10, "the number of words does not fit");
    f->words = take_i32(r, 0, f->size, "the number of words does not fit");
    f->labels = take_i32(r, 1, f->size, "the number of labels does not fit");
    take(r, 8, "the file ends too soon"); /* tokens */
    f->pruned = take_i64(r, -1, (r->file.len - r->at) / 8, "the list of n-grams does not fit");
    if (!r->what && f->words + f->labels != f->size)
        r->what = "words and labels do not add up";
    if (r->what)
        return NULL;
    f->entries = arena_new(arena, struct fasttext_word, f->size);
    f->label_names = arena_new(arena, const char *, f->labels);
    int64_t *counts = arena_new(arena, int64_t, f->labels);
    read_entries(r, f, counts, arena);
    if (!r->what)
        read_pruned(r, f, arena);
    if (!r->what)
        index_words(f, arena);
    return counts;
}

/* ---- matrices ---- */

static bool finite_floats(const file_float *p, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(p[i]))
            return false;
    return true;
}

static void read_product(struct reader *r, struct product *p, int64_t dim)
{
    p->dim = take_i32(r, dim, dim, "a quantizer has another dimension");
    p->nsubq = take_i32(r, 1, dim, "a quantizer has a wrong number of parts");
    p->dsub = take_i32(r, 1, dim, "a quantizer has parts of a wrong size");
    p->lastdsub = take_i32(r, 1, p->dsub, "a quantizer has parts of a wrong size");
    if (!r->what && (int64_t)(p->nsubq - 1) * p->dsub + p->lastdsub != dim)
        r->what = "the parts of a quantizer do not add up";
    p->centroids = (const void *)take(r, dim * 256 * 4, "the centroids do not fit");
    if (p->centroids && !finite_floats(p->centroids, dim * 256))
        r->what = "a centroid is no number";
}

static void read_matrix(struct reader *r, struct matrix *m, bool quantized, int64_t rows,
                        int64_t cols)
{
    bool scaled = quantized && take_bool(r);

    m->rows = take_i64(r, rows, rows, "a matrix has another number of rows");
    m->cols = take_i64(r, cols, cols, "a matrix has another number of columns");
    if (!quantized) {
        /* Not looked at: a large model is read as far as texts need it. */
        m->data = (const void *)take(r, rows * cols * 4, "the weights do not fit");
        return;
    }
    int32_t size = take_i32(r, 0, INT32_MAX, "the number of codes is out of range");
    m->codes = (const void *)take(r, size, "the codes do not fit");
    read_product(r, &m->product, cols);
    if (!r->what && (int64_t)m->product.nsubq * rows != size)
        r->what = "the codes do not fit the matrix";
    if (scaled && !r->what) {
        m->norm_codes = (const void *)take(r, rows, "the codes of the norms do not fit");
        read_product(r, &m->norm, 1);
    }
}

static void read_matrices(struct reader *r, struct fasttext *f)
{
    bool quantized = take_bool(r);
    int64_t grams = f->pruned >= 0 ? f->pruned : f->bucket;

    if (!quantized && f->pruned >= 0)
        r->what = "n-grams are left out, but nothing is quantized";
    read_matrix(r, &f->input, quantized, f->words + grams, f->dim);
    bool output = take_bool(r);
    /* The output of hs has a row for each inner node, and one that is not used. */
    read_matrix(r, &f->output, quantized && output, f->labels, f->dim);
    if (!r->what && r->at != r->file.len)
        r->what = "bytes behind the end";
}

/* ---- the tree of hs: Huffman's, from counts in descending order ---- */

static void build_tree(struct fasttext *f, const int64_t *counts, struct arena *arena)
{
    int32_t n = f->labels, leaf = n - 1, node = n;
    int64_t *count = arena_new(arena, int64_t, 2 * (ptrdiff_t)n);

    f->tree = arena_new(arena, struct tree_node, 2 * (ptrdiff_t)n);
    for (int32_t i = 0; i < 2 * n - 1; i++) {
        f->tree[i] = (struct tree_node){ -1, -1, -1, false };
        count[i] = i < n ? counts[i] : (int64_t)1e15;
    }
    for (int32_t i = n; i < 2 * n - 1; i++) {
        int32_t small[2];
        for (int j = 0; j < 2; j++)
            small[j] = leaf >= 0 && count[leaf] < count[node] ? leaf-- : node++;
        f->tree[i].left = small[0];
        f->tree[i].right = small[1];
        count[i] = count[small[0]] + count[small[1]];
        f->tree[small[0]].parent = f->tree[small[1]].parent = i;
        f->tree[small[1]].binary = true;
    }
}

/* A damaged count may order the nodes so that one has no parent yet: every leaf must reach the root. */
static bool tree_is_whole(const struct fasttext *f)
{
    int32_t root = 2 * f->labels - 2;

    for (int32_t i = 0; i < root; i++)
        if (f->tree[i].parent <= i && f->tree[i].parent < f->labels)
            return false;
    for (int32_t i = f->labels; i <= root; i++)
        if (f->tree[i].left >= i || f->tree[i].right >= i)
            return false;
    return true;
}

struct fasttext *fasttext_new(slice file, struct arena *arena, struct err *err)
{
    struct fasttext *f = arena_new(arena, struct fasttext, 1);
    struct reader r = { .file = file };

    read_args(&r, f);
    int64_t *counts = r.what ? NULL : read_dictionary(&r, f, arena);
    if (!r.what)
        read_matrices(&r, f);
    if (!r.what && f->loss == LOSS_HS) {
        build_tree(f, counts, arena);
        if (!tree_is_whole(f))
            r.what = "the counts of the labels make no tree";
    }
    if (r.what)
        return err_set(err, ERR_CONFIG, "byte %td: %s", r.at, r.what), NULL;
    return f;
}

const char *fasttext_label(const struct fasttext *f, int i)
{
    return f->label_names[i];
}

const char *const *fasttext_labels(const struct fasttext *f, int *count)
{
    *count = f->labels;
    return f->label_names;
}
