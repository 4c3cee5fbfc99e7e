#include "evaluate.h"

#include "../log.h"
#include "../opt.h"
#include "names.h"
#include "scoring.h"

#include <math.h>
#include <stdlib.h>

#define ECE_BINS        15
#define CONFUSION_SHOWN 30   /* labels in the table's confusion matrix */
#define CONFUSION_MOST  1000 /* and in that of JSON */

enum { FIELD_ID, FIELD_VALUE, FIELD_MORE };

/* What is known of one gold id. */
struct item {
    int32_t gold, pred; /* label */
    bool has_pred;
    int64_t tries, passed;
    slice *answers; /* gold answers */
    ptrdiff_t answer_count;
};

struct figure {
    const char *name;
    double value;
};

struct evaluation {
    const struct evaluate_conf *conf;
    const struct bench_env *env;
    struct names ids, labels, documents;
    struct item *items;
    ptrdiff_t item_cap, missing, extra, pred_rows;
    double *confidence;
    bool *right;
    ptrdiff_t confident, confident_cap;
    struct edges *edges;     /* rank: gains by query */
    struct vectors *vectors; /* rank: embeddings */
    double *gain_of;         /* rank: of the query in hand, by document */
    ptrdiff_t gain_cap;
    double exact, exact_raw, f1, wer_edits, wer_words, cer_edits, cer_chars;
    double nll, tokens;
    struct scoring_ranking rank[EVALUATE_AT_MAX];
    double pass[EVALUATE_AT_MAX];
    ptrdiff_t pass_items[EVALUATE_AT_MAX];
    int64_t at[EVALUATE_AT_MAX];
    int at_count;
    struct figure figures[64];
    int figure_count;
};

/* The gains of one query, from gold. */
struct edges {
    int32_t *document;
    double *gain;
    ptrdiff_t count;
};

struct vectors {
    float *values; /* rows of `width`, of length 1 */
    int32_t *row;  /* by document number of names `documents`: -1 none */
    ptrdiff_t count, cap, width;
};

bool evaluate_at(const char *text, int64_t at[EVALUATE_AT_MAX], int *count, struct err *err)
{
    slice s = slice_of(text);

    *count = 0;
    for (;;) {
        ptrdiff_t comma = slice_find(s, ',');
        slice one = { s.ptr, comma < 0 ? s.len : comma };
        int64_t k;
        if (*count == EVALUATE_AT_MAX || !opt_parse_int(one, &k) || k < 1)
            return err_set(err, ERR_USAGE, "%s is not a list of at most %d numbers from 1",
                           ERR_QUOTE(slice_of(text)), EVALUATE_AT_MAX);
        at[(*count)++] = k;
        if (comma < 0)
            return true;
        s = slice_from(s, comma + 1);
    }
}

static void *grown(void *p, ptrdiff_t *cap, ptrdiff_t need, ptrdiff_t size)
{
    if (need <= *cap)
        return p;
    *cap = MAX(need, *cap * 2 + 64);
    p = realloc(p, (size_t)(*cap * size));
    if (!p)
        mem_oom();
    return p;
}

static void figure(struct evaluation *e, const char *name, double value)
{
    ASSERT(e->figure_count < (int)countof(e->figures));
    e->figures[e->figure_count++] = (struct figure){ name, value };
}

/* ---- gold ---- */

static bool gold_answers(struct evaluation *e, const struct flow_record *rec, struct item *it,
                         struct arena *batch, struct err *err)
{
    const struct json_span *s = &rec->spans[FIELD_VALUE];
    struct arena *arena = e->env->arena;

    if (s->type == JSON_STRING) {
        it->answers = arena_new(arena, slice, 1);
        it->answers[0] = arena_dup(arena, rows_text(rec, FIELD_VALUE, batch));
        it->answer_count = 1;
        return true;
    }
    struct json_node *list = json_parse(slice_make(rec->raw.ptr + s->start, s->len), batch, err);
    if (!list)
        return false;
    it->answers = arena_new(arena, slice, list->count);
    for (const struct json_node *n = list->child; n; n = n->next) {
        if (n->type != JSON_STRING)
            return rows_bad(rec, err, "an answer is not a string");
        it->answers[it->answer_count++] = arena_dup(arena, n->text);
    }
    return it->answer_count > 0 || rows_bad(rec, err, "no answer");
}

static bool gold_relevant(struct evaluation *e, const struct flow_record *rec, int32_t id,
                          struct arena *batch, struct err *err)
{
    const struct json_span *s = &rec->spans[FIELD_VALUE];
    struct arena *arena = e->env->arena;
    struct json_node *list = json_parse(slice_make(rec->raw.ptr + s->start, s->len), batch, err);
    struct edges *g = &e->edges[id];

    if (!list)
        return false;
    g->document = arena_new(arena, int32_t, list->count);
    g->gain = arena_new(arena, double, list->count);
    for (const struct json_node *n = list->child; n; n = n->next) {
        double gain = 1;
        slice name = list->type == JSON_OBJECT ? n->key : n->text;
        bool good = list->type == JSON_OBJECT ? json_double(n, &gain) && gain >= 0
                                              : n->type == JSON_STRING || n->type == JSON_NUMBER;
        if (!good)
            return rows_bad(rec, err, "'relevant' is neither ids nor an object of gains");
        if (gain == 0)
            continue;
        g->document[g->count] = names_add(&e->documents, name);
        g->gain[g->count++] = gain;
    }
    return true;
}

static bool take_gold(void *self, const struct flow_record *rec, struct arena *batch,
                      struct err *err)
{
    struct evaluation *e = self;
    ptrdiff_t known = e->ids.count;
    int32_t id = names_add(&e->ids, rows_text(rec, FIELD_ID, batch));

    if (id < known)
        return rows_bad(rec, err, "second row of this id");
    if (e->conf->task == EVALUATE_RANK) {
        ptrdiff_t cap = e->item_cap;
        e->edges = grown(e->edges, &cap, id + 1, (ptrdiff_t)sizeof *e->edges);
        e->edges[id] = (struct edges){ 0 };
    }
    e->items = grown(e->items, &e->item_cap, id + 1, (ptrdiff_t)sizeof *e->items);
    e->items[id] = (struct item){ .pred = SCORING_NO_LABEL };
    switch (e->conf->task) {
    case EVALUATE_LABEL:
        e->items[id].gold = names_add(&e->labels, rows_text(rec, FIELD_VALUE, batch));
        return true;
    case EVALUATE_ANSWER:
        return gold_answers(e, rec, &e->items[id], batch, err);
    case EVALUATE_RANK:
        return gold_relevant(e, rec, id, batch, err);
    default:
        return true;
    }
}

/* ---- predictions ---- */

/* The probability of the predicted label in "scores", or NAN. */
static bool confidence_of(const struct flow_record *rec, slice label, struct arena *batch,
                          double *confidence, struct err *err)
{
    const struct json_span *s = &rec->spans[FIELD_MORE];

    *confidence = NAN;
    if (s->count == 0 || s->type == JSON_NULL)
        return true;
    if (s->type == JSON_NUMBER)
        *confidence = rows_number(rec, FIELD_MORE);
    if (s->type == JSON_OBJECT) {
        struct json_node *n = json_parse(slice_make(rec->raw.ptr + s->start, s->len), batch, err);
        if (!n)
            return false;
        n = json_get_slice(n, label);
        if (!n || !json_double(n, confidence))
            *confidence = NAN;
    }
    return (*confidence >= 0 && *confidence <= 1) ||
           rows_bad(rec, err, "'scores' gives the label no probability from 0 to 1");
}

static bool take_label(struct evaluation *e, struct item *it, const struct flow_record *rec,
                       struct arena *batch, struct err *err)
{
    slice label = rows_text(rec, FIELD_VALUE, batch);
    double confidence;

    if (!label.ptr)
        return true; /* null: no prediction */
    it->pred = names_add(&e->labels, label);
    if (!confidence_of(rec, label, batch, &confidence, err))
        return false;
    if (!isnan(confidence)) {
        ptrdiff_t cap = e->confident_cap;
        e->confidence = grown(e->confidence, &cap, e->confident + 1, (ptrdiff_t)sizeof(double));
        e->right = grown(e->right, &e->confident_cap, e->confident + 1, (ptrdiff_t)sizeof(bool));
        e->confidence[e->confident] = confidence;
        e->right[e->confident++] = it->pred == it->gold;
    }
    return true;
}

static void take_answer(struct evaluation *e, struct item *it, const struct flow_record *rec,
                        struct arena *batch)
{
    slice said = rows_text(rec, FIELD_VALUE, batch), said_form;
    double exact = 0, raw = 0, f1 = 0;
    struct scoring_edits words = { 0 }, chars = { 0 };

    said.len = said.ptr ? said.len : 0;
    said.ptr = said.ptr ? said.ptr : "";
    said_form = scoring_answer(said, batch);
    for (ptrdiff_t i = 0; i < it->answer_count; i++) {
        slice gold = it->answers[i];
        raw = MAX(raw, slice_eq(gold, said));
        exact = MAX(exact, slice_eq(scoring_answer(gold, batch), said_form));
        f1 = MAX(f1, scoring_token_f1(gold, said, batch));
        struct scoring_edits w = scoring_word_edits(gold, said, batch);
        struct scoring_edits c = scoring_char_edits(gold, said, batch);
        if (i == 0 || w.edits * words.length < words.edits * w.length)
            words = w;
        if (i == 0 || c.edits * chars.length < chars.edits * c.length)
            chars = c;
    }
    e->exact_raw += raw;
    e->exact += exact;
    e->f1 += f1;
    e->wer_edits += (double)words.edits;
    e->wer_words += (double)words.length;
    e->cer_edits += (double)chars.edits;
    e->cer_chars += (double)chars.length;
}

static int descending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x < y) - (x > y);
}

/* Adds the figures of one query whose documents are `ranked`, best first. */
static bool add_ranking(struct evaluation *e, int32_t id, const int32_t *ranked, ptrdiff_t count,
                        struct arena *scratch)
{
    const struct edges *g = &e->edges[id];
    double *gain = arena_new(scratch, double, count), *ideal = arena_new(scratch, double, g->count);
    double *by_document;
    bool ok = true;

    if (e->gain_cap < e->documents.count)
        e->gain_of = grown(e->gain_of, &e->gain_cap, e->documents.count, (ptrdiff_t)sizeof(double));
    by_document = e->gain_of;
    for (ptrdiff_t i = 0; i < count; i++)
        if (ranked[i] >= 0)
            by_document[ranked[i]] = 0;
    for (ptrdiff_t i = 0; i < g->count; i++)
        by_document[g->document[i]] = ideal[i] = g->gain[i];
    qsort(ideal, (size_t)g->count, sizeof *ideal, descending);
    for (ptrdiff_t i = 0; i < count; i++) {
        if (ranked[i] < 0)
            continue;
        ok = ok && by_document[ranked[i]] >= 0; /* else it stands twice */
        gain[i] = by_document[ranked[i]];
        by_document[ranked[i]] = -1;
    }
    for (int k = 0; k < e->at_count; k++) {
        struct scoring_ranking r = scoring_rank(gain, count, ideal, g->count, e->at[k]);
        e->rank[k].recall += r.recall;
        e->rank[k].reciprocal_rank += r.reciprocal_rank;
        e->rank[k].ndcg += r.ndcg;
    }
    return ok;
}

static bool take_ranked(struct evaluation *e, int32_t id, const struct flow_record *rec,
                        struct arena *batch, struct err *err)
{
    const struct json_span *s = &rec->spans[FIELD_VALUE];
    struct json_node *list = json_parse(slice_make(rec->raw.ptr + s->start, s->len), batch, err);
    int32_t *ranked = list ? arena_new(batch, int32_t, list->count) : NULL;
    ptrdiff_t n = 0;

    if (!list)
        return false;
    /* Documents that no query has as relevant are known to be irrelevant: -1. */
    for (const struct json_node *c = list->child; c; c = c->next)
        ranked[n++] = names_find(&e->documents, c->text);
    return add_ranking(e, id, ranked, n, batch) ||
           rows_bad(rec, err, "a document stands twice in the ranking");
}

static bool take_embedding(struct evaluation *e, const struct flow_record *rec, slice id,
                           struct arena *batch, struct err *err)
{
    const struct json_span *s = &rec->spans[FIELD_MORE];
    struct json_node *list = json_parse(slice_make(rec->raw.ptr + s->start, s->len), batch, err);
    struct vectors *v = e->vectors;
    double norm = 0, x;
    ptrdiff_t n = 0;

    if (!list)
        return false;
    if (list->type != JSON_ARRAY || list->count == 0 || (v->width && v->width != list->count))
        return rows_bad(rec, err, "the embedding does not have the length of the others");
    v->width = list->count;
    ptrdiff_t cap = v->cap;
    v->values = grown(v->values, &cap, v->count + 1, v->width * (ptrdiff_t)sizeof(float));
    v->row = grown(v->row, &v->cap, v->count + 1, (ptrdiff_t)sizeof(int32_t));
    float *row = v->values + v->count * v->width;
    for (const struct json_node *c = list->child; c; c = c->next) {
        if (!json_double(c, &x))
            return rows_bad(rec, err, "the embedding holds something that is not a number");
        row[n++] = (float)x;
        norm += x * x;
    }
    for (ptrdiff_t i = 0; i < n && norm > 0; i++)
        row[i] = (float)((double)row[i] / sqrt(norm));
    /* Queries are kept as -1 - their number, documents as theirs. */
    int32_t query = names_find(&e->ids, id);
    v->row[v->count++] = query >= 0 ? -1 - query : names_add(&e->documents, id);
    return true;
}

static bool take_pred(void *self, const struct flow_record *rec, struct arena *batch,
                      struct err *err)
{
    struct evaluation *e = self;
    slice name = rows_text(rec, FIELD_ID, batch);
    int32_t id = names_find(&e->ids, name);
    enum evaluate_task task = e->conf->task;
    bool embedded = task == EVALUATE_RANK && rec->spans[FIELD_VALUE].count == 0;

    e->pred_rows++;
    if (embedded && rec->spans[FIELD_MORE].count == 0)
        return rows_bad(rec, err, "no member '%s' and no 'embedding'", e->conf->pred_field);
    if (embedded && !take_embedding(e, rec, name, batch, err))
        return false;
    if (id < 0) {
        e->extra += !embedded;
        return true;
    }
    struct item *it = &e->items[id];
    if (task == EVALUATE_PASS) {
        double passed = rows_number(rec, FIELD_VALUE);
        if (isnan(passed))
            return rows_bad(rec, err, "'%s' is not true or false", e->conf->pred_field);
        it->has_pred = true;
        it->tries++;
        it->passed += passed != 0;
        return true;
    }
    if (it->has_pred)
        return rows_bad(rec, err, "second prediction of this id");
    it->has_pred = true;
    if (task == EVALUATE_LABEL)
        return take_label(e, it, rec, batch, err);
    if (task == EVALUATE_ANSWER)
        take_answer(e, it, rec, batch);
    return task != EVALUATE_RANK || embedded || take_ranked(e, id, rec, batch, err);
}

static bool take_score(void *self, const struct flow_record *rec, struct arena *batch,
                       struct err *err)
{
    struct evaluation *e = self;
    double nll = rows_number(rec, FIELD_ID), n = rows_number(rec, FIELD_VALUE);

    (void)batch;
    if (isnan(nll) || !(n >= 0))
        return rows_bad(rec, err, "'nll' and 'n' are not numbers");
    e->pred_rows++;
    e->nll += nll;
    e->tokens += n;
    return true;
}

/* ---- embeddings ---- */

struct near {
    double cosine;
    int32_t document;
    ptrdiff_t order;
};

static int nearest_first(const void *a, const void *b)
{
    const struct near *x = a, *y = b;

    if (x->cosine != y->cosine)
        return x->cosine < y->cosine ? 1 : -1;
    return (x->order > y->order) - (x->order < y->order);
}

static bool rank_embeddings(struct evaluation *e, struct err *err)
{
    const struct vectors *v = e->vectors;
    struct arena scratch = { 0 };
    bool ok = true;

    for (ptrdiff_t q = 0; ok && q < v->count; q++) {
        if (v->row[q] >= 0)
            continue;
        struct near *all = arena_new(&scratch, struct near, v->count);
        int32_t *ranked = arena_new(&scratch, int32_t, v->count);
        ptrdiff_t n = 0;
        for (ptrdiff_t d = 0; d < v->count; d++) {
            if (v->row[d] < 0)
                continue;
            double dot = 0;
            for (ptrdiff_t i = 0; i < v->width; i++)
                dot += (double)v->values[q * v->width + i] * (double)v->values[d * v->width + i];
            all[n] = (struct near){ dot, v->row[d], n };
            n++;
        }
        qsort(all, (size_t)n, sizeof *all, nearest_first);
        for (ptrdiff_t i = 0; i < n; i++)
            ranked[i] = all[i].document;
        ok = add_ranking(e, -1 - v->row[q], ranked, n, &scratch);
        arena_reset(&scratch);
    }
    arena_release(&scratch);
    return ok || err_set(err, ERR_DATA, "%s: a document has two embeddings", e->conf->pred);
}

/* ---- figures ---- */

static int by_label(const void *a, const void *b)
{
    return slice_cmp(**(const slice *const *)a, **(const slice *const *)b);
}

/* Numbers the labels anew in the order of their bytes: the output does not depend on the input's. */
static void sort_labels(struct evaluation *e, int32_t *renumber)
{
    const struct names *l = &e->labels;
    const slice **order = arena_new(e->env->arena, const slice *, l->count + 1);

    for (ptrdiff_t i = 0; i < l->count; i++)
        order[i] = &l->text[i];
    qsort(order, (size_t)l->count, sizeof *order, by_label);
    slice *sorted = arena_new(e->env->arena, slice, l->count + 1);
    for (ptrdiff_t i = 0; i < l->count; i++) {
        renumber[order[i] - l->text] = (int32_t)i;
        sorted[i] = *order[i];
    }
    memcpy(l->text, sorted, (size_t)l->count * sizeof *sorted);
}

static struct scoring_class *label_figures(struct evaluation *e, int32_t **gold, int32_t **pred)
{
    struct arena *arena = e->env->arena;
    int32_t labels = (int32_t)e->labels.count, *renumber = arena_new(arena, int32_t, labels + 1);
    struct scoring_report r;

    sort_labels(e, renumber);
    *gold = arena_new(arena, int32_t, e->ids.count);
    *pred = arena_new(arena, int32_t, e->ids.count);
    for (ptrdiff_t i = 0; i < e->ids.count; i++) {
        (*gold)[i] = renumber[e->items[i].gold];
        (*pred)[i] = e->items[i].pred < 0 ? SCORING_NO_LABEL : renumber[e->items[i].pred];
    }
    struct scoring_class *c = scoring_classes(*gold, *pred, e->ids.count, labels, arena);
    scoring_report(c, labels, e->ids.count, &r);
    figure(e, "accuracy", r.accuracy);
    figure(e, "precision_micro", r.micro.precision);
    figure(e, "recall_micro", r.micro.recall);
    figure(e, "f1_micro", r.micro.f1);
    figure(e, "precision_macro", r.macro.precision);
    figure(e, "recall_macro", r.macro.recall);
    figure(e, "f1_macro", r.macro.f1);
    figure(e, "precision_weighted", r.weighted.precision);
    figure(e, "recall_weighted", r.weighted.recall);
    figure(e, "f1_weighted", r.weighted.f1);
    if (e->confident)
        figure(e, "ece", scoring_ece(e->confidence, e->right, e->confident, ECE_BINS));
    return c;
}

static void other_figures(struct evaluation *e)
{
    struct arena *arena = e->env->arena;
    double n = (double)MAX(e->ids.count, 1);

    switch (e->conf->task) {
    case EVALUATE_ANSWER:
        figure(e, "exact_match", e->exact / n);
        figure(e, "exact_match_bytes", e->exact_raw / n);
        figure(e, "token_f1", e->f1 / n);
        figure(e, "wer", e->wer_words > 0 ? e->wer_edits / e->wer_words : NAN);
        figure(e, "cer", e->cer_chars > 0 ? e->cer_edits / e->cer_chars : NAN);
        break;
    case EVALUATE_PASS:
        for (int k = 0; k < e->at_count; k++) {
            double sum = 0, items = 0;
            for (ptrdiff_t i = 0; i < e->ids.count; i++) {
                const struct item *it = &e->items[i];
                double p = it->tries ? scoring_pass_at(it->tries, it->passed, e->at[k]) : 0;
                if (!isnan(p)) {
                    sum += p;
                    items++;
                }
            }
            if (items == n)
                figure(e, arena_printf(arena, "pass@%lld", (long long)e->at[k]).ptr, sum / n);
            else
                log_warn("pass@%lld: %.0f of %.0f problems have fewer samples: not computed",
                         (long long)e->at[k], n - items, n);
        }
        break;
    case EVALUATE_RANK:
        figure(e, "mrr", e->rank[0].reciprocal_rank / n);
        for (int k = 0; k < e->at_count; k++) {
            long long at = (long long)e->at[k];
            figure(e, arena_printf(arena, "recall@%lld", at).ptr, e->rank[k].recall / n);
            figure(e, arena_printf(arena, "ndcg@%lld", at).ptr, e->rank[k].ndcg / n);
        }
        break;
    case EVALUATE_PERPLEXITY:
        figure(e, "perplexity", e->tokens > 0 ? exp(e->nll / e->tokens) : NAN);
        figure(e, "nll_per_token", e->tokens > 0 ? e->nll / e->tokens : NAN);
        break;
    default:
        break;
    }
}

/* ---- output ---- */

static void json_number(struct buf *b, double x)
{
    if (isfinite(x))
        buf_append_double(b, x);
    else
        buf_append(b, SLICE("null"));
}

static int64_t *confusion(const struct evaluation *e, const int32_t *gold, const int32_t *pred)
{
    ptrdiff_t n = e->labels.count;

    if (n > CONFUSION_MOST)
        return NULL;
    int64_t *c = arena_new(e->env->arena, int64_t, n * n + 1);
    for (ptrdiff_t i = 0; i < e->ids.count; i++)
        if (pred[i] >= 0)
            c[gold[i] * n + pred[i]]++;
    return c;
}

static void as_json(const struct evaluation *e, const struct scoring_class *classes,
                    const int64_t *matrix, struct buf *b)
{
    static const char *const tasks[] = { "label", "answer", "pass", "rank", "perplexity" };
    ptrdiff_t n = e->labels.count;

    buf_printf(b, "{\"schema\":1,\"task\":\"%s\",\"rows\":%td", tasks[e->conf->task],
               e->conf->task == EVALUATE_PERPLEXITY ? e->pred_rows : e->ids.count);
    if (e->conf->task != EVALUATE_PERPLEXITY)
        buf_printf(b, ",\"predictions\":%td,\"missing\":%td,\"extra\":%td", e->pred_rows,
                   e->missing, e->extra);
    for (int i = 0; i < e->figure_count; i++) {
        buf_printf(b, ",\"%s\":", e->figures[i].name);
        json_number(b, e->figures[i].value);
    }
    if (classes) {
        buf_append(b, SLICE(",\"labels\":["));
        for (ptrdiff_t k = 0; k < n; k++) {
            const struct scoring_class *c = &classes[k];
            buf_append(b, k ? SLICE(",{\"label\":") : SLICE("{\"label\":"));
            json_append_string(b, e->labels.text[k]);
            buf_printf(b,
                       ",\"support\":%lld,\"predicted\":%lld,\"precision\":", (long long)c->support,
                       (long long)c->predicted);
            json_number(b, c->precision);
            buf_append(b, SLICE(",\"recall\":"));
            json_number(b, c->recall);
            buf_append(b, SLICE(",\"f1\":"));
            json_number(b, c->f1);
            buf_append(b, SLICE("}"));
        }
        buf_append(b, matrix ? SLICE("],\"confusion\":[") : SLICE("]"));
        for (ptrdiff_t i = 0; matrix && i < n; i++) {
            buf_append(b, i ? SLICE(",[") : SLICE("["));
            for (ptrdiff_t k = 0; k < n; k++)
                buf_printf(b, "%s%lld", k ? "," : "", (long long)matrix[i * n + k]);
            buf_append(b, SLICE("]"));
        }
        if (matrix)
            buf_append(b, SLICE("]"));
    }
    buf_append(b, SLICE("}\n"));
}

static void label_table(const struct evaluation *e, const struct scoring_class *classes,
                        const int64_t *matrix, struct buf *b)
{
    ptrdiff_t n = e->labels.count;
    int width = 5;

    for (ptrdiff_t k = 0; k < n; k++)
        width = MAX(width, (int)MIN(e->labels.text[k].len, 30));
    buf_printf(b, "\n%-*s %10s %10s %10s %10s\n", width, "label", "precision", "recall", "f1",
               "support");
    for (ptrdiff_t k = 0; k < n; k++)
        buf_printf(b, "%-*.*s %10.4f %10.4f %10.4f %10lld\n", width,
                   (int)MIN(e->labels.text[k].len, 30), e->labels.text[k].ptr, classes[k].precision,
                   classes[k].recall, classes[k].f1, (long long)classes[k].support);
    if (n > CONFUSION_SHOWN)
        return;
    buf_printf(b, "\ngold in rows, predicted in columns\n%-*s", width, "");
    for (ptrdiff_t k = 0; k < n; k++)
        buf_printf(b, " %8.*s", (int)MIN(e->labels.text[k].len, 8), e->labels.text[k].ptr);
    buf_append_byte(b, '\n');
    for (ptrdiff_t i = 0; i < n; i++) {
        buf_printf(b, "%-*.*s", width, (int)MIN(e->labels.text[i].len, 30), e->labels.text[i].ptr);
        for (ptrdiff_t k = 0; k < n; k++)
            buf_printf(b, " %8lld", (long long)matrix[i * n + k]);
        buf_append_byte(b, '\n');
    }
}

static void as_table(const struct evaluation *e, const struct scoring_class *classes,
                     const int64_t *matrix, struct buf *b)
{
    buf_printf(b, "%-20s %10td\n", "rows",
               e->conf->task == EVALUATE_PERPLEXITY ? e->pred_rows : e->ids.count);
    if (e->missing)
        buf_printf(b, "%-20s %10td\n", "without prediction", e->missing);
    for (int i = 0; i < e->figure_count; i++)
        buf_printf(b, "%-20s %10.4f\n", e->figures[i].name, e->figures[i].value);
    if (classes)
        label_table(e, classes, matrix, b);
}

static void release(struct evaluation *e)
{
    names_release(&e->ids);
    names_release(&e->labels);
    names_release(&e->documents);
    free(e->items);
    free(e->edges);
    free(e->confidence);
    free(e->right);
    free(e->vectors->values);
    free(e->vectors->row);
    free(e->gain_of);
}

static bool read_all(struct evaluation *e, struct err *err)
{
    static const struct {
        const char *gold, *pred, *more;
        unsigned gold_types;
    } members[] = {
        [EVALUATE_LABEL] = { "label", "label", "scores", 0 },
        [EVALUATE_ANSWER] = { "answer", "completion", NULL, FLOW_STRING | FLOW_ARRAY },
        [EVALUATE_PASS] = { "id", "passed", NULL, 0 },
        [EVALUATE_RANK] = { "relevant", "ranked", "embedding",
                            FLOW_ARRAY | FLOW_TYPE(JSON_OBJECT) },
        [EVALUATE_PERPLEXITY] = { "nll", "n", NULL, 0 },
    };
    struct evaluate_conf *c = (struct evaluate_conf *)e->conf;
    enum evaluate_task task = c->task;

    if (task == EVALUATE_PERPLEXITY) {
        struct flow_field fields[] = { { "nll", true, 0 }, { "n", true, 0 } };
        return rows_read(e->env, &c->gold, 1, fields, 2, take_score, e, err);
    }
    c->gold_field = c->gold_field ? c->gold_field : members[task].gold;
    c->pred_field = c->pred_field ? c->pred_field : members[task].pred;
    struct flow_field gold[] = { { "id", true, 0 },
                                 { c->gold_field, true, members[task].gold_types } };
    struct flow_field pred[] = { { "id", true, 0 },
                                 { c->pred_field, task != EVALUATE_RANK, 0 },
                                 { members[task].more, false, 0 } };
    if (!rows_read(e->env, &c->gold, 1, gold, task == EVALUATE_PASS ? 1 : 2, take_gold, e, err) ||
        !rows_read(e->env, &c->pred, 1, pred, members[task].more ? 3 : 2, take_pred, e, err))
        return false;
    if (task == EVALUATE_RANK && !rank_embeddings(e, err))
        return false;
    for (ptrdiff_t i = 0; i < e->ids.count; i++)
        e->missing += !e->items[i].has_pred;
    return e->ids.count > 0 || err_set(err, ERR_DATA, "%s has no rows", c->gold);
}

bool evaluate_run(const struct bench_env *env, const struct evaluate_conf *conf, struct err *err)
{
    struct evaluate_conf own = *conf;
    struct vectors vectors = { 0 };
    struct evaluation e = { .conf = &own,
                            .env = env,
                            .ids.arena = env->arena,
                            .labels.arena = env->arena,
                            .documents.arena = env->arena,
                            .vectors = &vectors };
    struct scoring_class *classes = NULL;
    int32_t *gold, *pred;
    int64_t *matrix = NULL;
    struct buf text = BUF_INIT(0);

    bool ok = evaluate_at(conf->at, e.at, &e.at_count, err) && read_all(&e, err);
    if (ok && conf->task == EVALUATE_LABEL) {
        classes = label_figures(&e, &gold, &pred);
        matrix = confusion(&e, gold, pred);
    } else if (ok) {
        other_figures(&e);
    }
    if (ok) {
        if (e.missing)
            log_warn("%td of %td rows of %s have no prediction: counted as wrong", e.missing,
                     e.ids.count, conf->gold);
        if (e.extra)
            log_warn("%td predictions have no row in %s: left out", e.extra, conf->gold);
        for (int i = 0; i < e.figure_count; i++)
            report_float(env->report, e.figures[i].name, e.figures[i].value, NULL);
        (conf->json ? as_json : as_table)(&e, classes, matrix, &text);
        ok = rows_write(env, buf_slice(&text), err);
    }
    buf_release(&text);
    release(&e);
    return ok;
}
