#include "compare.h"

#include "../json.h"

#include <math.h>
#include <stdlib.h>

#define PIECE ((int64_t)16 << 10) /* elements, a multiple of every block */

double compare_rmse(const struct compare_error *e)
{
    return e->count ? sqrt(e->squares / (double)e->count) : 0;
}

double compare_relative(const struct compare_error *e)
{
    return e->a_squares > 0 ? sqrt(e->squares / e->a_squares) : e->squares > 0 ? INFINITY : 0;
}

double compare_cosine(const struct compare_error *e)
{
    double lengths = sqrt(e->a_squares) * sqrt(e->b_squares);

    return lengths > 0 ? e->product / lengths : e->squares > 0 ? 0 : 1;
}

void compare_add(struct compare_error *e, const float *a, const float *b, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        double x = (double)a[i], y = (double)b[i], d = fabs(x - y);
        e->squares += d * d;
        e->a_squares += x * x;
        e->b_squares += y * y;
        e->product += x * y;
        if (!(d <= e->max)) /* NaN counts as the worst */
            e->max = isnan(d) ? INFINITY : d;
    }
    e->count += n;
}

struct piece {
    char *raw;
    float *values;
};

static struct piece piece_new(int64_t elements)
{
    struct piece p = { malloc((size_t)elements * 8), malloc((size_t)elements * 4) };

    if (!p.raw || !p.values)
        mem_oom();
    return p;
}

static void piece_free(struct piece *p)
{
    free(p->raw);
    free(p->values);
}

static bool piece_read(const struct model_file *m, const struct tensor *t, int64_t at, int64_t n,
                       struct piece *p, struct err *err)
{
    if (!model_file_read_part(m, t, at, n, p->raw, err))
        return false;
    return tensor_to_f32((int)t->type, p->raw, p->values, n) ||
           err_set(err, ERR_CONFIG, "tensor %s is %s, which cannot be compared", ERR_QUOTE(t->name),
                   tensor_type_name((int)t->type));
}

/* Elements to read at a time: what one side must read together sets the pace. */
static int64_t piece_length(const struct tensor *a, const struct tensor *b)
{
    int64_t unit = MAX(model_file_unit(a), model_file_unit(b));

    return unit == 1 ? PIECE : MAX(PIECE / unit, 1) * unit;
}

bool compare_tensors(const struct model_file *ma, const struct tensor *a,
                     const struct model_file *mb, const struct tensor *b, struct compare_error *e,
                     struct err *err)
{
    int64_t count = tensor_elements(a), length = MIN(piece_length(a, b), MAX(count, 1));
    struct piece x = piece_new(length), y = piece_new(length);
    bool ok = true;

    *e = (struct compare_error){ 0 };
    for (int64_t at = 0; at < count && ok; at += length) {
        int64_t n = MIN(length, count - at);
        ok = piece_read(ma, a, at, n, &x, err) && piece_read(mb, b, at, n, &y, err);
        if (ok)
            compare_add(e, x.values, y.values, n);
    }
    piece_free(&x);
    piece_free(&y);
    return ok;
}

static void append_number(struct buf *out, const char *name, double x)
{
    buf_printf(out, ",\"%s\":", name);
    if (isfinite(x))
        buf_printf(out, "%.6g", x);
    else
        buf_append(out, SLICE("null"));
}

static void line_start(struct buf *out, const struct tensor *t)
{
    buf_append(out, SLICE("{\"tensor\":"));
    json_append_bytes(out, t->name);
    buf_append(out, SLICE(",\"shape\":["));
    for (int d = 0; d < t->dims; d++)
        buf_printf(out, "%s%lld", d ? "," : "", (long long)t->ne[d]);
    buf_append_byte(out, ']');
}

void compare_line(struct buf *out, const struct tensor *a, const struct tensor *b,
                  const struct compare_error *e)
{
    line_start(out, a);
    buf_printf(out, ",\"a\":\"%s\",\"b\":\"%s\"", tensor_type_name((int)a->type),
               tensor_type_name((int)b->type));
    append_number(out, "rmse", compare_rmse(e));
    append_number(out, "relative", compare_relative(e));
    append_number(out, "max", e->max);
    append_number(out, "cosine", compare_cosine(e));
    buf_append(out, SLICE("}\n"));
}

static const struct tensor *find(const struct model_file *m, slice name)
{
    for (ptrdiff_t i = 0; i < m->tensor_count; i++)
        if (slice_eq(m->tensors[i].name, name))
            return &m->tensors[i];
    return NULL;
}

static bool same_shape(const struct tensor *a, const struct tensor *b)
{
    return memcmp(a->ne, b->ne, sizeof a->ne) == 0;
}

bool compare_models(const struct model_file *a, const struct model_file *b, struct buf *out,
                    int64_t *different, struct err *err)
{
    struct compare_error e;

    *different = 0;
    for (ptrdiff_t i = 0; i < a->tensor_count; i++) {
        const struct tensor *t = &a->tensors[i], *other = find(b, t->name);
        bool computes = tensor_layout((int)t->type)->to_f32 &&
                        (!other || tensor_layout((int)other->type)->to_f32);
        if (other && same_shape(t, other) && !computes) {
            line_start(out, t);
            buf_append(out, SLICE(",\"compared\":false}\n"));
            continue;
        }
        if (other && same_shape(t, other)) {
            if (!compare_tensors(a, t, b, other, &e, err))
                return false;
            *different += e.squares > 0 || !(e.max <= 0);
            compare_line(out, t, other, &e);
            continue;
        }
        ++*different;
        line_start(out, t);
        buf_append(out, other ? SLICE(",\"shapes\":\"differ\"}\n") : SLICE(",\"only\":\"a\"}\n"));
    }
    for (ptrdiff_t i = 0; i < b->tensor_count; i++)
        if (!find(a, b->tensors[i].name)) {
            ++*different;
            line_start(out, &b->tensors[i]);
            buf_append(out, SLICE(",\"only\":\"b\"}\n"));
        }
    return true;
}

/* Relative errors beyond these are no rounding of the type: the worst that weights of one magnitude
 * and of many give, and some more. */
static double type_ceiling(int type)
{
    static const struct {
        int type;
        double ceiling;
    } ceilings[] = {
        { TENSOR_F32, 0 },     { TENSOR_F16, 0.001 }, { TENSOR_BF16, 0.008 }, { TENSOR_Q8_0, 0.02 },
        { TENSOR_Q6_K, 0.08 }, { TENSOR_Q5_0, 0.15 }, { TENSOR_Q5_1, 0.15 },  { TENSOR_Q5_K, 0.15 },
        { TENSOR_Q2_K, 0.9 },  { TENSOR_Q3_K, 0.5 },
    };

    for (ptrdiff_t i = 0; i < countof(ceilings); i++)
        if (ceilings[i].type == type)
            return ceilings[i].ceiling;
    return 0.3;
}

bool compare_verify(const struct model_file *source, const struct model_file *result,
                    struct buf *out, struct err *err)
{
    struct compare_error e;

    for (ptrdiff_t i = 0; i < source->tensor_count; i++) {
        const struct tensor *t = &source->tensors[i], *r = find(result, t->name);
        if (!r || !same_shape(t, r))
            return err_set(err, ERR_FINDING, "%s: tensor %s is missing or of another shape",
                           result->path, ERR_QUOTE(t->name));
        if (!tensor_layout((int)t->type)->to_f32)
            continue; /* integers, copied */
        if (!compare_tensors(source, t, result, r, &e, err))
            return false;
        compare_line(out, t, r, &e);
        if (!(compare_relative(&e) <= type_ceiling((int)r->type)) || !isfinite(e.max))
            return err_set(err, ERR_FINDING, "%s: tensor %s: relative error %.3g, too much for %s",
                           result->path, ERR_QUOTE(t->name), compare_relative(&e),
                           tensor_type_name((int)r->type));
    }
    return true;
}
