#include "canary.h"

#include "../opt.h"
#include "names.h"
#include "sequential.h"

#include <math.h>
#include <stdlib.h>

#define MISMATCH_LEVEL 1e-4
#define UNIT_MARGIN    0.01
#define RATIO_MARGIN   0.10
#define STABLE_PER_ROW 64

/* The rows of one file: values[row * metrics + metric]. */
struct side {
    const char *path;
    struct names ids;
    double *values;
    bool *is_bool;  /* by metric: every value was true or false */
    int32_t *order; /* canary: the row of stable with the same id */
    ptrdiff_t count, cap;
};

struct metric_result {
    bool unit;
    double margin, stable_mean, canary_mean;
    struct seq_test worse, fine; /* against "not worse than the margin", "not better than it" */
    int64_t pairs;
    enum canary_verdict verdict;
};

struct comparing {
    const struct canary_conf *conf;
    struct side side[2], *now;
    struct metric_result result[CANARY_METRICS_MAX];
    double mismatch; /* log Bayes factor */
    bool by_id;
};

/* ---- options ---- */

bool canary_metric(const char *text, struct canary_metric *m, struct arena *arena, struct err *err)
{
    slice rest = slice_of(text);
    ptrdiff_t colon = slice_find(rest, ':');

    *m = (struct canary_metric){ .text = text, .margin = NAN };
    slice path = { rest.ptr, colon < 0 ? rest.len : colon };
    if (path.len == 0)
        return err_set(err, ERR_USAGE, "%s names no member", ERR_QUOTE(slice_of(text)));
    if (arena)
        m->path = arena_cstr_dup(arena, path);
    while (colon >= 0) {
        rest = slice_from(rest, colon + 1);
        colon = slice_find(rest, ':');
        slice word = { rest.ptr, colon < 0 ? rest.len : colon };
        slice number = { word.ptr, word.len - slice_ends(word, SLICE("%")) };
        double x;
        if (slice_eq(word, SLICE("higher"))) {
            m->higher = true;
        } else if (slice_eq(word, SLICE("unit"))) {
            m->unit = true;
        } else if (opt_parse_float(number, &x) && x >= 0 && x < 1000) {
            m->margin = number.len < word.len ? x / 100 : x;
        } else if (!slice_eq(word, SLICE("lower"))) {
            return err_set(err, ERR_USAGE, "%s: %s is not lower, higher, unit or a margin",
                           ERR_QUOTE(slice_of(text)), ERR_QUOTE(word));
        }
    }
    return true;
}

/* ---- reading ---- */

static bool take(void *self, const struct flow_record *rec, struct arena *batch, struct err *err)
{
    struct comparing *c = self;
    struct side *s = c->now;
    int metrics = c->conf->metric_count;

    if (s->count == s->cap) {
        s->cap = s->cap * 2 + 1024;
        s->values = realloc(s->values, (size_t)(s->cap * metrics) * sizeof *s->values);
        if (!s->values)
            mem_oom();
    }
    for (int i = 0; i < metrics; i++) {
        double x = rows_number(rec, i + 1);
        const struct json_span *span = &rec->spans[i + 1];
        if (isnan(x))
            return rows_bad(rec, err, "member '%s' is neither a number nor true or false",
                            c->conf->metrics[i].path);
        if (c->conf->metrics[i].unit && !(x >= 0 && x <= 1))
            return rows_bad(rec, err, "member '%s' is not between 0 and 1",
                            c->conf->metrics[i].path);
        s->is_bool[i] = s->is_bool[i] && (span->type == JSON_TRUE || span->type == JSON_FALSE);
        s->values[s->count * metrics + i] = x;
    }
    slice id = rows_text(rec, 0, batch);
    if (id.ptr)
        names_add(&s->ids, id);
    s->count++;
    return true;
}

static bool read_sides(struct comparing *c, const struct bench_env *env, struct err *err)
{
    struct flow_field fields[CANARY_METRICS_MAX + 1] = { { "id", false, 0 } };
    int metrics = c->conf->metric_count;

    for (int i = 0; i < metrics; i++)
        fields[i + 1] = (struct flow_field){ c->conf->metrics[i].path, true, 0 };
    for (int k = 0; k < 2; k++) {
        struct side *s = c->now = &c->side[k];
        s->path = k ? c->conf->canary : c->conf->stable;
        s->ids.arena = env->arena;
        s->is_bool = arena_new(env->arena, bool, metrics);
        memset(s->is_bool, 1, (size_t)metrics * sizeof *s->is_bool);
        if (!rows_read(env, &s->path, 1, fields, metrics + 1, take, c, err))
            return false;
    }
    return true;
}

/* Rows of the canary -> rows of stable, when both have the same ids, each once. */
static void match_ids(struct comparing *c, struct arena *arena)
{
    struct side *stable = &c->side[0], *canary = &c->side[1];

    if (stable->ids.count != stable->count || canary->ids.count != canary->count)
        return;
    canary->order = arena_new(arena, int32_t, canary->count);
    for (ptrdiff_t i = 0; i < canary->count; i++) {
        canary->order[i] = names_find(&stable->ids, canary->ids.text[i]);
        if (canary->order[i] < 0)
            return;
    }
    c->by_id = canary->count > 0;
}

/* ---- testing ---- */

/* 0..1: how much worse the canary's value is than stable's; the mean is compared with the middle
 * (ratio) or the margin (unit). */
static double worse_by(const struct canary_metric *m, const struct metric_result *r, double stable,
                       double canary)
{
    if (r->unit)
        return ((m->higher ? stable - canary : canary - stable) + 1) / 2;
    double limit =
        m->higher ? stable - fabs(stable) * r->margin : stable + fabs(stable) * r->margin;
    double beyond = m->higher ? limit - canary : canary - limit;
    return beyond > 0 ? 1 : beyond < 0 ? 0 : 0.5;
}

static void test_metric(struct comparing *c, int which)
{
    const struct canary_metric *m = &c->conf->metrics[which];
    const struct side *stable = &c->side[0], *canary = &c->side[1];
    struct metric_result *r = &c->result[which];
    int metrics = c->conf->metric_count;
    /* The number of partners must not depend on the values, and with --share not on the counts. */
    double ratio = c->conf->share > 0 ? (1 - c->conf->share) / c->conf->share
                   : canary->count    ? (double)stable->count / (double)canary->count
                                      : 1;
    ptrdiff_t partners = c->by_id ? 1 : (ptrdiff_t)MIN(MAX(ratio, 1), STABLE_PER_ROW);

    r->unit = m->unit || (stable->is_bool[which] && canary->is_bool[which]);
    r->margin = !isnan(m->margin) ? m->margin : r->unit ? UNIT_MARGIN : RATIO_MARGIN;
    double middle = r->unit ? MIN(0.5 + r->margin / 2, 0.999) : 0.5;
    seq_test_init(&r->worse, middle);
    seq_test_init(&r->fine, 1 - middle);
    for (ptrdiff_t i = 0; i < canary->count; i++) {
        double x = 0;
        if (!c->by_id && (i + 1) * partners > stable->count)
            break;
        for (ptrdiff_t k = 0; k < partners; k++) {
            ptrdiff_t row = c->by_id ? canary->order[i] : i * partners + k;
            x += worse_by(m, r, stable->values[row * metrics + which],
                          canary->values[i * metrics + which]);
        }
        x /= (double)partners;
        seq_test_add(&r->worse, x);
        seq_test_add(&r->fine, 1 - x);
        r->pairs++;
    }
    for (ptrdiff_t i = 0; i < stable->count; i++)
        r->stable_mean += stable->values[i * metrics + which] / (double)stable->count;
    for (ptrdiff_t i = 0; i < canary->count; i++)
        r->canary_mean += canary->values[i * metrics + which] / (double)canary->count;
    double limit = log(1 / c->conf->alpha);
    r->verdict = r->worse.peak >= limit + log(metrics) ? CANARY_ROLL_BACK
                 : r->fine.peak >= limit               ? CANARY_PROMOTE
                                                       : CANARY_WAIT;
}

/* ---- output ---- */

static const char *const verdict_names[] = { "wait", "promote", "roll back" };

static void as_json(const struct comparing *c, enum canary_verdict verdict, bool mismatch,
                    struct buf *b)
{
    buf_printf(b,
               "{\"schema\":1,\"verdict\":\"%s\",\"stable\":%td,\"canary\":%td,\"paired_by\":\"%"
               "s\",\"alpha\":",
               mismatch ? "mismatch" : verdict_names[verdict], c->side[0].count, c->side[1].count,
               c->by_id ? "id" : "order");
    buf_append_double(b, c->conf->alpha);
    if (c->conf->share > 0) {
        buf_append(b, SLICE(",\"share\":"));
        buf_append_double(b, c->conf->share);
        buf_append(b, SLICE(",\"mismatch_log_e\":"));
        buf_append_double(b, c->mismatch);
    }
    buf_append(b, SLICE(",\"metrics\":["));
    for (int i = 0; i < c->conf->metric_count; i++) {
        const struct metric_result *r = &c->result[i];
        const char *names[] = { "margin", "stable_mean", "canary_mean", "worse_log_e",
                                "fine_log_e" };
        double values[] = { r->margin, r->stable_mean, r->canary_mean, r->worse.peak,
                            r->fine.peak };
        buf_append(b, i ? SLICE(",{\"metric\":") : SLICE("{\"metric\":"));
        json_append_string(b, slice_of(c->conf->metrics[i].path));
        buf_printf(b, ",\"verdict\":\"%s\",\"kind\":\"%s\",\"better\":\"%s\",\"pairs\":%lld",
                   verdict_names[r->verdict], r->unit ? "unit" : "ratio",
                   c->conf->metrics[i].higher ? "higher" : "lower", (long long)r->pairs);
        for (int k = 0; k < (int)countof(names); k++) {
            buf_printf(b, ",\"%s\":", names[k]);
            buf_append_double(b, values[k]);
        }
        buf_append(b, SLICE("}"));
    }
    buf_append(b, SLICE("]}\n"));
}

static void as_table(const struct comparing *c, struct buf *b)
{
    buf_printf(b, "%-20s %12s %12s %10s %8s %10s %10s  %s\n", "metric", "stable", "canary",
               "margin", "pairs", "e worse", "e fine", "verdict");
    for (int i = 0; i < c->conf->metric_count; i++) {
        const struct metric_result *r = &c->result[i];
        double limit = log(1 / c->conf->alpha);
        int64_t more = MAX(seq_test_more(&r->fine, limit),
                           seq_test_more(&r->worse, limit + log(c->conf->metric_count)));
        buf_printf(b, "%-20s %12.6g %12.6g %9.4g%s %8lld %10.3g %10.3g  %s",
                   c->conf->metrics[i].path, r->stable_mean, r->canary_mean,
                   r->unit ? r->margin : r->margin * 100, r->unit ? " " : "%", (long long)r->pairs,
                   exp(r->worse.peak), exp(r->fine.peak), verdict_names[r->verdict]);
        if (r->verdict == CANARY_WAIT && more > 0)
            buf_printf(b, ", about %lld more pairs", (long long)more);
        buf_append_byte(b, '\n');
    }
}

/* ---- the mode ---- */

static enum canary_verdict overall(const struct comparing *c)
{
    bool all_fine = true;

    for (int i = 0; i < c->conf->metric_count; i++) {
        if (c->result[i].verdict == CANARY_ROLL_BACK)
            return CANARY_ROLL_BACK;
        all_fine = all_fine && c->result[i].verdict == CANARY_PROMOTE;
    }
    return all_fine ? CANARY_PROMOTE : CANARY_WAIT;
}

static bool conclude(const struct comparing *c, enum canary_verdict verdict, bool mismatch,
                     struct err *err)
{
    if (mismatch)
        return err_set(err, ERR_DATA,
                       "%td of %td rows are the canary's, not %g %%: the split does not work, so "
                       "the comparison means nothing",
                       c->side[1].count, c->side[0].count + c->side[1].count, c->conf->share * 100);
    if (verdict == CANARY_ROLL_BACK) {
        int i = 0;
        while (c->result[i].verdict != CANARY_ROLL_BACK)
            i++;
        return err_set(err, ERR_FINDING, "roll back: %s is worse (%.4g, stable %.4g)",
                       ERR_QUOTE(slice_of(c->conf->metrics[i].path)), c->result[i].canary_mean,
                       c->result[i].stable_mean);
    }
    return verdict == CANARY_PROMOTE ||
           err_set(err, ERR_TEMPFAIL, "not enough data for a verdict: %lld pairs",
                   (long long)c->result[0].pairs);
}

bool canary_run(const struct bench_env *env, const struct canary_conf *conf, struct err *err)
{
    struct comparing c = { .conf = conf };
    struct buf text = BUF_INIT(0);
    bool ok = read_sides(&c, env, err);

    if (ok) {
        match_ids(&c, env->arena);
        for (int i = 0; i < conf->metric_count; i++)
            test_metric(&c, i);
        int64_t rows = c.side[0].count + c.side[1].count;
        if (conf->share > 0)
            c.mismatch = seq_ratio(rows, c.side[1].count, conf->share);
        bool mismatch = c.mismatch >= log(1 / MISMATCH_LEVEL);
        enum canary_verdict verdict = overall(&c);
        report_text(env->report, "verdict",
                    slice_of(mismatch ? "mismatch" : verdict_names[verdict]));
        if (conf->json)
            as_json(&c, verdict, mismatch, &text);
        else
            as_table(&c, &text);
        ok = rows_write(env, buf_slice(&text), err) && conclude(&c, verdict, mismatch, err);
    }
    buf_release(&text);
    for (int k = 0; k < 2; k++) {
        names_release(&c.side[k].ids);
        free(c.side[k].values);
    }
    return ok;
}
