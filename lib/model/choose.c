#include "choose.h"

#include <math.h>
#include <stdlib.h>

#include "../json.h"
#include "blocks.h"
#include "threads.h"

/* Candidates, small to large; those whose blocks do not divide a row are left out. */
static const int candidates[] = { TENSOR_Q2_K, TENSOR_Q3_K, TENSOR_IQ4_XS, TENSOR_Q4_K,
                                  TENSOR_Q5_K, TENSOR_Q6_K, TENSOR_Q4_0,   TENSOR_Q4_1,
                                  TENSOR_Q5_0, TENSOR_Q5_1, TENSOR_Q8_0,   TENSOR_F16 };
#define CANDIDATES ((int)countof(candidates))

struct option {
    int type;
    int64_t bytes;
    double error;
};

struct item { /* a tensor under measurement */
    struct convert_tensor *t;
    double weights; /* how many it has */
    struct option options[CANDIDATES];
    int count, chosen;
};

struct job {
    const struct model_file *m;
    struct item *items;
    bool all; /* all candidates, else the type that is chosen */
    struct err *errs;
    bool *failed;
};

/* ---- measuring ---- */

struct rows {
    float *x, *y;
    char *raw, *block;
    int64_t n, count, step;
};

static void *bytes_new(int64_t n)
{
    void *p = malloc((size_t)MAX(n, 1));

    if (!p)
        mem_oom();
    return p;
}

/* Up to CHOOSE_ROWS rows of t as float32. */
static bool rows_read(const struct model_file *m, const struct tensor *t, struct rows *r,
                      struct err *err)
{
    int64_t total = tensor_rows(t), unit = model_file_unit(t),
            bytes = tensor_row_bytes(t->type, t->ne[0]);
    int64_t together = MAX(1, unit / MAX(t->ne[0], 1));

    r->n = t->ne[0];
    r->count = MIN(total, CHOOSE_ROWS);
    r->step = total / MAX(r->count, 1);
    r->x = bytes_new(r->count * r->n * 4);
    r->y = bytes_new(r->n * 4);
    r->block = bytes_new(r->n * 4 + 64);
    r->raw = bytes_new(together * bytes);
    int64_t loaded = -1;
    for (int64_t i = 0; i < r->count; i++) {
        int64_t row = i * r->step, first = row / together * together;
        if (first != loaded &&
            !model_file_read_part(m, t, first * r->n, MIN(together, total - first) * r->n, r->raw,
                                  err))
            return false;
        loaded = first;
        if (!tensor_to_f32((int)t->type, r->raw + (row - first) * bytes, r->x + i * r->n, r->n))
            return err_set(err, ERR_CONFIG, "tensor %s is %s, which cannot be converted",
                           ERR_QUOTE(t->name), tensor_type_name((int)t->type));
    }
    return true;
}

static void rows_free(struct rows *r)
{
    free(r->x);
    free(r->y);
    free(r->raw);
    free(r->block);
}

static double measure(const struct convert_tensor *t, int type, struct rows *r, double *rmse)
{
    int64_t matrix = MAX(1, t->out.ne[1]);
    double off = 0, all = 0, squares = 0;
    bool blocks = tensor_layout(type)->from_row;

    for (int64_t i = 0; i < r->count; i++) {
        const float *x = r->x + i * r->n, *w = t->importance;
        w = w ? w + i * r->step / matrix * r->n : NULL;
        if (t->best && blocks)
            blocks_best_row(type, x, r->block, r->n, w);
        else
            tensor_from_row(type, x, r->block, r->n, w);
        tensor_to_f32(type, r->block, r->y, r->n);
        for (int64_t k = 0; k < r->n; k++) {
            double weight = w ? (double)w[k] : 1, d = (double)r->y[k] - (double)x[k];
            off += weight * d * d;
            all += weight * (double)x[k] * (double)x[k];
            squares += d * d;
        }
    }
    *rmse = sqrt(squares / (double)MAX(1, r->count * r->n));
    return all > 0 ? off / all : 0;
}

static void item_task(void *arg, ptrdiff_t index, int thread)
{
    struct job *j = arg;
    struct item *it = &j->items[index];
    struct rows r = { 0 };

    (void)thread;
    j->failed[index] = !rows_read(j->m, it->t->from, &r, &j->errs[index]);
    for (int i = 0; i < it->count && !j->failed[index]; i++) {
        double rmse;
        it->options[i].error = measure(it->t, it->options[i].type, &r, &rmse);
        if (!j->all) {
            it->t->error = it->options[i].error;
            it->t->rmse = rmse;
        }
    }
    rows_free(&r);
}

static bool measure_items(struct job *j, ptrdiff_t count, struct threads *pool, struct err *err)
{
    bool ok = true;

    j->errs = calloc((size_t)MAX(count, 1), sizeof *j->errs);
    j->failed = calloc((size_t)MAX(count, 1), sizeof *j->failed);
    if (!j->errs || !j->failed)
        mem_oom();
    threads_run(pool, item_task, j, count);
    for (ptrdiff_t i = 0; i < count && ok; i++)
        if (j->failed[i]) {
            *err = j->errs[i];
            ok = false;
        }
    free(j->errs);
    free(j->failed);
    return ok;
}

static bool is_quantizable(const struct convert_tensor *t)
{
    return t->quantizable && tensor_elements(&t->out) > 0;
}

bool choose_measure(const struct model_file *m, struct convert_plan *p, struct threads *pool,
                    struct err *err)
{
    struct job j = { .m = m, .items = calloc((size_t)MAX(p->count, 1), sizeof *j.items) };
    ptrdiff_t count = 0;

    if (!j.items)
        mem_oom();
    for (ptrdiff_t i = 0; i < p->count; i++)
        if (is_quantizable(&p->tensors[i]))
            j.items[count++] = (struct item){ .t = &p->tensors[i],
                                              .options = { { (int)p->tensors[i].out.type, 0, 0 } },
                                              .count = 1 };
    bool ok = measure_items(&j, count, pool, err);
    free(j.items);
    return ok;
}

/* ---- choosing ---- */

static void add_options(struct item *it)
{
    const struct tensor *t = &it->t->out;
    bool by_256 = t->ne[0] % 256 == 0;

    for (int i = 0; i < CANDIDATES; i++) {
        const struct tensor_layout *l = tensor_layout(candidates[i]);
        struct tensor as = *t;
        /* Formats of 32 below 8 bits only where those of 256 cannot be. */
        bool legacy = l->block == 32 && candidates[i] != TENSOR_Q8_0;
        if (t->ne[0] % l->block || (legacy && by_256))
            continue;
        as.type = (enum tensor_type)candidates[i];
        it->options[it->count++] = (struct option){ candidates[i], tensor_size_bytes(&as), 0 };
    }
}

/* The next change of one tensor that removes most error per byte, among those that fit. */
static bool best_step(struct item *items, ptrdiff_t count, int64_t room, ptrdiff_t *which, int *to)
{
    double best = 0;

    for (ptrdiff_t i = 0; i < count; i++) {
        const struct option *now = &items[i].options[items[i].chosen];
        for (int k = 0; k < items[i].count; k++) {
            const struct option *o = &items[i].options[k];
            int64_t more = o->bytes - now->bytes;
            if (more <= 0 || more > room || o->error >= now->error)
                continue;
            double gain = (now->error - o->error) * items[i].weights / (double)more;
            if (gain > best) {
                best = gain;
                *which = i;
                *to = k;
            }
        }
    }
    return best > 0;
}

static void take_smallest(struct item *it)
{
    for (int k = 0; k < it->count; k++)
        if (it->options[k].bytes < it->options[it->chosen].bytes)
            it->chosen = k;
}

bool choose_types(const struct model_file *m, struct convert_plan *p, int64_t budget,
                  struct threads *pool, struct arena *arena, struct err *err)
{
    struct job j = { .m = m,
                     .items = arena_new(arena, struct item, MAX(1, p->count)),
                     .all = true };
    ptrdiff_t count = 0, which = 0;
    int64_t total = 0;
    int to = 0;

    for (ptrdiff_t i = 0; i < p->count; i++) {
        struct convert_tensor *t = &p->tensors[i];
        if (is_quantizable(t) && !t->fixed) {
            j.items[count].t = t;
            j.items[count].weights = (double)tensor_elements(&t->out);
            add_options(&j.items[count++]);
        } else {
            total += tensor_size_bytes(&t->out);
        }
    }
    if (!measure_items(&j, count, pool, err))
        return false;
    for (ptrdiff_t i = 0; i < count; i++) {
        take_smallest(&j.items[i]);
        total += j.items[i].options[j.items[i].chosen].bytes;
    }
    if (total > budget)
        return err_set(err, ERR_USAGE, "the weights take at least %lld bytes, the budget is %lld",
                       (long long)total, (long long)budget);
    while (best_step(j.items, count, budget - total, &which, &to)) {
        struct item *it = &j.items[which];
        total += it->options[to].bytes - it->options[it->chosen].bytes;
        it->chosen = to;
    }
    for (ptrdiff_t i = 0; i < count; i++) {
        struct convert_tensor *t = j.items[i].t;
        t->out.type = (enum tensor_type)j.items[i].options[j.items[i].chosen].type;
        t->error = j.items[i].options[j.items[i].chosen].error;
        t->fallback = false;
        t->reason = NULL;
    }
    return true;
}

void choose_print(const struct convert_plan *p, struct buf *out)
{
    for (ptrdiff_t i = 0; i < p->count; i++) {
        const struct convert_tensor *t = &p->tensors[i];
        int64_t n = tensor_elements(&t->out);
        buf_append(out, SLICE("{\"tensor\":"));
        json_append_bytes(out, t->out.name);
        buf_append(out, SLICE(",\"shape\":["));
        for (int d = 0; d < t->out.dims; d++)
            buf_printf(out, "%s%lld", d ? "," : "", (long long)t->out.ne[d]);
        buf_printf(out, "],\"from\":\"%s\",\"type\":\"%s\",\"bytes\":%lld,\"bpw\":%.4g",
                   tensor_type_name((int)t->from->type), tensor_type_name((int)t->out.type),
                   (long long)t->out.bytes, n > 0 ? 8.0 * (double)t->out.bytes / (double)n : 0);
        if (is_quantizable(t))
            buf_printf(out, ",\"error\":%.6g,\"rmse\":%.6g", t->error, t->rmse);
        if (t->reason)
            buf_printf(out, ",\"reason\":\"%s\"", t->reason);
        buf_append(out, SLICE("}\n"));
    }
}
