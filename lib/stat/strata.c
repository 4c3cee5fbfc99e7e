#include "strata.h"

#include "../unicode.h"
#include "names.h"
#include "stat.h"

#include <math.h>
#include <stdlib.h>

#define LENGTH_BINS 10

enum { FIELD_TEXT, FIELD_BY };

struct sample {
    int64_t *count; /* by stratum */
    ptrdiff_t cap;
    double *length;
    ptrdiff_t rows, length_cap, no_length;
    double total;
};

struct strata {
    const struct strata_conf *conf;
    struct names names;
    struct sample sample[2], *now; /* [1]: the reference */
    double psi, js, length_psi, length_js;
};

static double share(int64_t count, int64_t total, ptrdiff_t n)
{
    return ((double)count + 0.5) / ((double)total + 0.5 * (double)n);
}

static void totals(const int64_t *a, const int64_t *b, ptrdiff_t n, int64_t *x, int64_t *y)
{
    *x = *y = 0;
    for (ptrdiff_t i = 0; i < n; i++) {
        *x += a[i];
        *y += b[i];
    }
}

double strata_psi(const int64_t *now, const int64_t *reference, ptrdiff_t n)
{
    int64_t x, y;
    double sum = 0;

    totals(now, reference, n, &x, &y);
    for (ptrdiff_t i = 0; i < n; i++) {
        double p = share(now[i], x, n), q = share(reference[i], y, n);
        sum += (p - q) * log(p / q);
    }
    return sum;
}

double strata_js(const int64_t *now, const int64_t *reference, ptrdiff_t n)
{
    int64_t x, y;
    double sum = 0;

    totals(now, reference, n, &x, &y);
    for (ptrdiff_t i = 0; i < n; i++) {
        double p = share(now[i], x, n), q = share(reference[i], y, n), m = (p + q) / 2;
        sum += (p * log2(p / m) + q * log2(q / m)) / 2;
    }
    return MAX(sum, 0);
}

/* ---- reading ---- */

static void *grown(void *p, ptrdiff_t *cap, ptrdiff_t need, ptrdiff_t size)
{
    ptrdiff_t old = *cap;

    if (need <= old)
        return p;
    *cap = MAX(need, old * 2 + 64);
    p = realloc(p, (size_t)(*cap * size));
    if (!p)
        mem_oom();
    memset((char *)p + old * size, 0, (size_t)((*cap - old) * size));
    return p;
}

static bool take(void *self, const struct flow_record *rec, struct arena *batch, struct err *err)
{
    struct strata *s = self;
    struct sample *a = s->now;
    const struct json_span *span = &rec->spans[FIELD_TEXT];
    int32_t stratum = 0;

    if (s->conf->by) {
        slice name = rows_text(rec, FIELD_BY, batch);
        stratum = names_add(&s->names, name.ptr ? name : SLICE("null"));
    }
    a->count = grown(a->count, &a->cap, stratum + 1, (ptrdiff_t)sizeof *a->count);
    a->count[stratum]++;
    double length = NAN;
    if (span->count && span->type == JSON_STRING) {
        length = (double)uni_count(rows_text(rec, FIELD_TEXT, batch));
    } else if (span->count && span->type == JSON_ARRAY) {
        struct json_node *list =
            json_parse(slice_make(rec->raw.ptr + span->start, span->len), batch, err);
        if (!list)
            return false;
        length = (double)list->count;
    }
    a->no_length += isnan(length);
    if (!isnan(length)) {
        a->length = grown(a->length, &a->length_cap, a->rows - a->no_length + 1 + 1,
                          (ptrdiff_t)sizeof *a->length);
        a->length[a->rows - a->no_length] = length;
        a->total += length;
    }
    a->rows++;
    return true;
}

static ptrdiff_t lengths(const struct sample *a)
{
    return a->rows - a->no_length;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static bool read_sample(struct strata *s, const struct bench_env *env, int which,
                        const char *const *paths, ptrdiff_t count, struct err *err)
{
    struct flow_field fields[] = { { s->conf->field, false, 0 }, { s->conf->by, false, 0 } };
    struct sample *a = s->now = &s->sample[which];

    if (!rows_read(env, paths, count, fields, s->conf->by ? 2 : 1, take, s, err))
        return false;
    if (lengths(a))
        qsort(a->length, (size_t)lengths(a), sizeof *a->length, ascending);
    return true;
}

static void length_drift(struct strata *s)
{
    const struct sample *now = &s->sample[0], *reference = &s->sample[1];
    int64_t bins[2][LENGTH_BINS] = { 0 };
    double edge[LENGTH_BINS - 1];

    if (!lengths(now) || !lengths(reference)) {
        s->length_psi = s->length_js = NAN;
        return;
    }
    for (int i = 0; i < LENGTH_BINS - 1; i++)
        edge[i] =
            stat_quantile(reference->length, lengths(reference), (double)(i + 1) / LENGTH_BINS);
    for (int which = 0; which < 2; which++) {
        int bin = 0;
        for (ptrdiff_t i = 0; i < lengths(&s->sample[which]); i++) {
            while (bin < LENGTH_BINS - 1 && s->sample[which].length[i] > edge[bin])
                bin++;
            bins[which][bin]++;
        }
    }
    s->length_psi = strata_psi(bins[0], bins[1], LENGTH_BINS);
    s->length_js = strata_js(bins[0], bins[1], LENGTH_BINS);
}

/* ---- output ---- */

static const double quantiles[] = { 0, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1 };
static const char *const quantile_names[] = {
    "min", "p05", "p25", "p50", "p75", "p95", "p99", "max"
};

/* The largest strata first, equal ones in the order of their bytes. */
static const struct strata *sorting;
static int by_count(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    int64_t cx = sorting->sample[0].count[x], cy = sorting->sample[0].count[y];

    return cx != cy ? (cx < cy ? 1 : -1)
                    : slice_cmp(sorting->names.text[x], sorting->names.text[y]);
}

static int32_t *order_of(struct strata *s, struct arena *arena)
{
    int32_t *order = arena_new(arena, int32_t, s->names.count + 1);

    for (int32_t i = 0; i < s->names.count; i++)
        order[i] = i;
    sorting = s;
    qsort(order, (size_t)s->names.count, sizeof *order, by_count);
    return order;
}

static void number(struct buf *b, const char *name, double x)
{
    buf_printf(b, ",\"%s\":", name);
    if (isnan(x))
        buf_append(b, SLICE("null"));
    else
        buf_append_double(b, x);
}

static void as_json(struct strata *s, const int32_t *order, struct buf *b)
{
    const struct sample *a = &s->sample[0], *r = &s->sample[1];

    buf_printf(b, "{\"schema\":1,\"rows\":%td,\"length\":{\"of\":", a->rows);
    json_append_bytes(b, slice_of(s->conf->field));
    buf_printf(b, ",\"rows\":%td", lengths(a));
    if (lengths(a)) {
        number(b, "mean", a->total / (double)lengths(a));
        for (int q = 0; q < (int)countof(quantiles); q++)
            number(b, quantile_names[q], stat_quantile(a->length, lengths(a), quantiles[q]));
    }
    buf_append_byte(b, '}');
    if (s->conf->reference) {
        buf_printf(b, ",\"reference_rows\":%td", r->rows);
        if (s->conf->by) {
            number(b, "psi", s->psi);
            number(b, "js", s->js);
        }
        number(b, "length_psi", s->length_psi);
        number(b, "length_js", s->length_js);
    }
    if (s->conf->by)
        buf_append(b, SLICE(",\"strata\":["));
    for (ptrdiff_t i = 0; i < s->names.count; i++) {
        buf_append(b, i ? SLICE(",{\"stratum\":") : SLICE("{\"stratum\":"));
        json_append_string(b, s->names.text[order[i]]);
        buf_printf(b, ",\"rows\":%lld", (long long)a->count[order[i]]);
        number(b, "share", (double)a->count[order[i]] / (double)MAX(a->rows, 1));
        if (s->conf->reference)
            number(b, "reference_share", (double)r->count[order[i]] / (double)MAX(r->rows, 1));
        buf_append_byte(b, '}');
    }
    buf_append(b, s->conf->by ? SLICE("]}\n") : SLICE("}\n"));
}

static void as_table(struct strata *s, const int32_t *order, struct buf *b)
{
    const struct sample *a = &s->sample[0], *r = &s->sample[1];

    buf_printf(b, "%td rows", a->rows);
    if (s->conf->reference)
        buf_printf(b, ", reference %td", r->rows);
    buf_append_byte(b, '\n');
    if (lengths(a)) {
        buf_printf(b, "length of %s:", s->conf->field);
        for (int q = 0; q < (int)countof(quantiles); q++)
            buf_printf(b, " %s %.0f", quantile_names[q],
                       stat_quantile(a->length, lengths(a), quantiles[q]));
        buf_append_byte(b, '\n');
    }
    if (s->conf->reference && s->conf->by)
        buf_printf(b, "drift of strata: PSI %.4f, JS %.4f bits\n", s->psi, s->js);
    if (s->conf->reference && !isnan(s->length_psi))
        buf_printf(b, "drift of lengths: PSI %.4f, JS %.4f bits\n", s->length_psi, s->length_js);
    if (s->conf->by)
        buf_printf(b, "\n%-30s %12s %9s%s\n", "stratum", "rows", "share",
                   s->conf->reference ? " reference" : "");
    for (ptrdiff_t i = 0; i < s->names.count; i++) {
        slice name = s->names.text[order[i]];
        buf_printf(b, "%-30.*s %12lld %8.2f%%", (int)MIN(name.len, 30), name.ptr,
                   (long long)a->count[order[i]],
                   100 * (double)a->count[order[i]] / (double)MAX(a->rows, 1));
        if (s->conf->reference)
            buf_printf(b, " %8.2f%%", 100 * (double)r->count[order[i]] / (double)MAX(r->rows, 1));
        buf_append_byte(b, '\n');
    }
}

static bool conclude(const struct strata *s, const struct strata_conf *conf, struct err *err)
{
    if (isnan(conf->max_psi))
        return true;
    if (conf->by && s->psi > conf->max_psi)
        return err_set(err, ERR_FINDING, "the strata have drifted: PSI %.4f, more than %g", s->psi,
                       conf->max_psi);
    return !(s->length_psi > conf->max_psi) ||
           err_set(err, ERR_FINDING, "the lengths have drifted: PSI %.4f, more than %g",
                   s->length_psi, conf->max_psi);
}

bool strata_run(const struct bench_env *env, const struct strata_conf *conf, struct err *err)
{
    struct strata s = { .conf = conf, .names.arena = env->arena };
    struct buf text = BUF_INIT(0);
    bool ok = read_sample(&s, env, 0, conf->paths, conf->path_count, err) &&
              (!conf->reference || read_sample(&s, env, 1, &conf->reference, 1, err));

    if (ok) {
        for (int i = 0; i < 2; i++)
            s.sample[i].count = grown(s.sample[i].count, &s.sample[i].cap, s.names.count + 1,
                                      (ptrdiff_t)sizeof(int64_t));
        if (conf->reference) {
            s.psi = strata_psi(s.sample[0].count, s.sample[1].count, s.names.count);
            s.js = strata_js(s.sample[0].count, s.sample[1].count, s.names.count);
            length_drift(&s);
            if (conf->by)
                report_float(env->report, "psi", s.psi, "Drift of the strata.");
            if (!isnan(s.length_psi))
                report_float(env->report, "length_psi", s.length_psi, "Drift of the lengths.");
        }
        (conf->json ? as_json : as_table)(&s, order_of(&s, env->arena), &text);
        ok = rows_write(env, buf_slice(&text), err) && conclude(&s, conf, err);
    }
    buf_release(&text);
    for (int i = 0; i < 2; i++) {
        free(s.sample[i].count);
        free(s.sample[i].length);
    }
    names_release(&s.names);
    return ok;
}
