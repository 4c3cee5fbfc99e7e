#include "imatrix.h"

#include <math.h>
#include <stdlib.h>

#include "gguf.h"
#include "modellayer.h"

struct place_sums {
    double *squares; /* [experts or 1][columns] */
    int64_t *tokens; /* [experts or 1] */
    ptrdiff_t columns;
};

struct imatrix {
    int layers, experts;
    struct place_sums *places; /* [layers][IMATRIX_PLACES] */
    int64_t tokens;
};

/* ---- collecting ---- */

static void *zeroed(ptrdiff_t count, size_t size)
{
    void *p = calloc((size_t)MAX(count, 1), size);

    if (!p)
        mem_oom();
    return p;
}

/* Experts are told apart where their inputs differ. */
static ptrdiff_t sets_of(const struct imatrix *im, enum imatrix_place place)
{
    return im->experts && place >= IMATRIX_FFN ? im->experts : 1;
}

struct imatrix *imatrix_new(const struct model *m)
{
    const struct model_shape *s = &m->shape;
    struct imatrix *im = zeroed(1, sizeof *im);
    ptrdiff_t columns[IMATRIX_PLACES] = { s->dim, (ptrdiff_t)s->heads * s->head_dim, s->dim,
                                          s->experts ? s->expert_ffn : s->ffn };

    im->layers = s->layers;
    im->experts = s->experts;
    im->places = zeroed((ptrdiff_t)s->layers * IMATRIX_PLACES, sizeof *im->places);
    for (ptrdiff_t i = 0; i < (ptrdiff_t)s->layers * IMATRIX_PLACES; i++) {
        struct place_sums *p = &im->places[i];
        ptrdiff_t sets = sets_of(im, (enum imatrix_place)(i % IMATRIX_PLACES));
        p->columns = columns[i % IMATRIX_PLACES];
        p->squares = zeroed(sets * p->columns, sizeof *p->squares);
        p->tokens = zeroed(sets, sizeof *p->tokens);
    }
    return im;
}

void imatrix_free(struct imatrix *im)
{
    if (!im)
        return;
    for (ptrdiff_t i = 0; i < (ptrdiff_t)im->layers * IMATRIX_PLACES; i++) {
        free(im->places[i].squares);
        free(im->places[i].tokens);
    }
    free(im->places);
    free(im);
}

void imatrix_add_expert(struct imatrix *im, int layer, enum imatrix_place place, int expert,
                        const float *x, ptrdiff_t n)
{
    struct place_sums *p = &im->places[layer * IMATRIX_PLACES + (int)place];
    double *sums = p->squares + expert * p->columns;

    ASSERT(n == p->columns);
    for (ptrdiff_t i = 0; i < n; i++)
        sums[i] += (double)x[i] * (double)x[i];
    p->tokens[expert]++;
}

void imatrix_add(struct imatrix *im, int layer, enum imatrix_place place, const float *x,
                 ptrdiff_t n)
{
    im->tokens += layer == 0 && place == IMATRIX_ATTN;
    if (im->experts && place >= IMATRIX_FFN)
        return; /* experts add their own */
    imatrix_add_expert(im, layer, place, 0, x, n);
}

int64_t imatrix_tokens(const struct imatrix *im)
{
    return im->tokens;
}

/* ---- writing ---- */

static const struct {
    const char *part;
    enum imatrix_place place;
} matrices[] = {
    { "attn_q.weight", IMATRIX_ATTN },
    { "attn_k.weight", IMATRIX_ATTN },
    { "attn_v.weight", IMATRIX_ATTN },
    { "attn_qkv.weight", IMATRIX_ATTN },
    { "attn_output.weight", IMATRIX_ATTN_OUTPUT },
    { "ffn_gate.weight", IMATRIX_FFN },
    { "ffn_up.weight", IMATRIX_FFN },
    { "ffn_down.weight", IMATRIX_DOWN },
    { "ffn_gate_exps.weight", IMATRIX_FFN },
    { "ffn_up_exps.weight", IMATRIX_FFN },
    { "ffn_down_exps.weight", IMATRIX_DOWN },
};

struct writer {
    const struct imatrix *im;
    struct arena arena;
    struct tensor *tensors;
    ptrdiff_t count;
};

static void add_tensor(struct writer *w, slice name, const float *data, int64_t ne0, int64_t ne1)
{
    w->tensors[w->count++] = (struct tensor){ .name = name,
                                              .type = TENSOR_F32,
                                              .dims = 2,
                                              .ne = { ne0, ne1, 1, 1 },
                                              .data = data,
                                              .file = -1 };
}

static void add_matrix(struct writer *w, slice name, const struct place_sums *p, ptrdiff_t sets)
{
    float *squares = arena_new(&w->arena, float, sets * p->columns);
    float *tokens = arena_new(&w->arena, float, sets);

    for (ptrdiff_t i = 0; i < sets * p->columns; i++)
        squares[i] = (float)p->squares[i];
    for (ptrdiff_t i = 0; i < sets; i++)
        tokens[i] = (float)p->tokens[i];
    add_tensor(w, arena_printf(&w->arena, "%.*s.in_sum2", SLICE_ARG(name)), squares, p->columns,
               sets);
    add_tensor(w, arena_printf(&w->arena, "%.*s.counts", SLICE_ARG(name)), tokens, 1, sets);
}

static void write_bytes(struct writer *w, struct buf *out)
{
    static const char zeros[GGUF_ALIGNMENT];
    struct model_keys keys = { .arena = &w->arena };

    model_keys_add(&keys, SLICE("general.type"), model_string(SLICE("imatrix")));
    model_keys_add(&keys, SLICE("imatrix.datasets"), model_strings(NULL, 0));
    model_keys_add(&keys, SLICE("imatrix.chunk_count"), model_u32(1));
    model_keys_add(&keys, SLICE("imatrix.chunk_size"),
                   model_u32((uint32_t)MIN(w->im->tokens, UINT32_MAX)));
    gguf_build(&keys, w->tensors, w->count, GGUF_ALIGNMENT, out);
    for (ptrdiff_t i = 0; i < w->count; i++) {
        const struct tensor *t = &w->tensors[i];
        buf_append(out, slice_make(t->data, (ptrdiff_t)t->bytes));
        buf_append(out, slice_make(zeros, -out->len & (GGUF_ALIGNMENT - 1)));
    }
}

void imatrix_build(const struct imatrix *im, const struct model_file *file, struct buf *out)
{
    struct writer w = { .im = im };

    w.tensors = arena_new(&w.arena, struct tensor, 2 * MAX(1, file->tensor_count));
    for (ptrdiff_t i = 0; i < file->tensor_count; i++) {
        slice name = file->tensors[i].name, part = name;
        long layer = -1;
        if (slice_starts(name, SLICE("blk."))) {
            char *end;
            char text[GGUF_NAME_MAX + 1] = { 0 };
            memcpy(text, name.ptr, (size_t)MIN(name.len, GGUF_NAME_MAX));
            layer = strtol(text + 4, &end, 10);
            part = slice_from(name, MIN(name.len, end - text + 1));
        }
        for (ptrdiff_t k = 0; layer >= 0 && layer < im->layers && k < countof(matrices); k++)
            if (slice_eq(part, slice_of(matrices[k].part)))
                add_matrix(&w, name, &im->places[layer * IMATRIX_PLACES + (int)matrices[k].place],
                           sets_of(im, matrices[k].place));
    }
    write_bytes(&w, out);
    arena_release(&w.arena);
}

/* ---- reading ---- */

bool imatrix_check(const struct model_file *im, struct err *err)
{
    slice type = SLICE("");

    if (im->kind == MODEL_GGUF && model_get_string(im, "general.type", &type) &&
        slice_eq(type, SLICE("imatrix")))
        return true;
    return err_set(err, ERR_CONFIG,
                   "%s: no importance matrix in GGUF ('general.type' is not 'imatrix')", im->path);
}

static const struct tensor *find(const struct model_file *im, const struct tensor *t,
                                 const char *what, struct arena *arena)
{
    return model_tensor(im, arena_printf(arena, "%.*s.%s", SLICE_ARG(t->name), what).ptr);
}

bool imatrix_values(const struct model_file *im, const struct tensor *t, struct arena *arena,
                    const float **values, struct err *err)
{
    const struct tensor *squares = find(im, t, "in_sum2", arena), *tokens;
    int64_t columns = t->ne[0], sets = t->ne[2];

    *values = NULL;
    if (!squares)
        return true;
    tokens = find(im, t, "counts", arena);
    if (!tokens || squares->type != TENSOR_F32 || tokens->type != TENSOR_F32 ||
        squares->ne[0] != columns || squares->ne[1] != sets ||
        tensor_elements(squares) != columns * sets || tensor_elements(tokens) != sets)
        return err_set(err, ERR_CONFIG, "%s: tensor %s does not fit the model's", im->path,
                       ERR_QUOTE(squares->name));
    float *v = arena_new(arena, float, (ptrdiff_t)(columns * sets));
    float *n = arena_new(arena, float, (ptrdiff_t)sets);
    if (!model_file_read(im, squares, v, err) || !model_file_read(im, tokens, n, err))
        return false;
    for (int64_t i = 0; i < columns * sets; i++) {
        float count = n[i / columns];
        if (!isfinite(v[i]) || v[i] < 0 || !isfinite(count) || count < 0)
            return err_set(err, ERR_CONFIG, "%s: tensor %s: element %lld is %g", im->path,
                           ERR_QUOTE(squares->name), (long long)i, (double)v[i]);
        v[i] = count > 0 ? v[i] / count : 1; /* an expert that no token reached */
    }
    *values = v;
    return true;
}
