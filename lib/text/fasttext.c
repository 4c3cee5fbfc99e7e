#include "fasttext.h"

#include "fasttext_file.h"

#include <math.h>

/* ---- the rows of a text ---- */

struct rows {
    int32_t *at;
    ptrdiff_t count, room;
    struct arena *temp;
};

static void push(struct rows *r, int32_t row)
{
    if (r->count == r->room) {
        ptrdiff_t room = MAX(1024, r->room * 2);
        r->at = arena_grow(r->temp, r->at, r->room * 4, room * 4, 4);
        r->room = room;
    }
    r->at[r->count++] = row;
}

/* A row of n-grams, if the model has kept it. */
static void push_gram(const struct fasttext *f, struct rows *r, uint32_t gram)
{
    if (f->pruned == 0)
        return;
    if (f->pruned > 0) {
        uint32_t at = gram * 0x9E3779B1u & f->prune_mask;
        while (f->prune_keys[at] >= 0 && f->prune_keys[at] != (int32_t)gram)
            at = (at + 1) & f->prune_mask;
        if (f->prune_keys[at] < 0)
            return;
        gram = (uint32_t)f->prune_values[at];
    }
    push(r, f->words + (int32_t)gram);
}

static int32_t find_word(const struct fasttext *f, slice word, uint32_t hash)
{
    for (uint32_t at = hash & f->table_mask;; at = (at + 1) & f->table_mask) {
        int32_t i = f->table[at];
        if (i < 0 || (f->entries[i].hash == hash && slice_eq(f->entries[i].text, word)))
            return i;
    }
}

/* The character at place i of "<" word ">". */
static inline char framed(slice word, ptrdiff_t i)
{
    return i == 0 ? '<' : i <= word.len ? word.ptr[i - 1] : '>';
}

static inline bool continues(slice word, ptrdiff_t i)
{
    return ((unsigned char)framed(word, i) & 0xC0) == 0x80;
}

/* The n-grams of characters of "<word>", minn to maxn long, but not its first and last alone. */
static void push_subwords(const struct fasttext *f, struct rows *r, slice word)
{
    ptrdiff_t len = word.len + 2;

    for (ptrdiff_t i = 0; i < len; i++) {
        uint32_t h = 2166136261u;
        if (continues(word, i))
            continue;
        for (ptrdiff_t j = i, n = 1; j < len && n <= f->maxn; n++) {
            do
                h = (h ^ (uint32_t)(int8_t)framed(word, j++)) * 16777619u;
            while (j < len && continues(word, j));
            if (n >= f->minn && !(n == 1 && (i == 0 || j == len)))
                push_gram(f, r, h % (uint32_t)f->bucket);
        }
    }
}

static const slice end_of_line = { "</s>", 4 };

/* One token; true when it counts for the n-grams of words. */
static bool push_token(const struct fasttext *f, struct rows *r, slice word, uint32_t hash)
{
    int32_t id = find_word(f, word, hash);
    bool is_end = slice_eq(word, end_of_line);

    if (id >= f->words || (id < 0 && slice_starts(word, SLICE("__label__"))))
        return false;
    if (id >= 0)
        push(r, id);
    if (f->maxn > 0 && !is_end)
        push_subwords(f, r, word);
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r') || c == 0;
}

static struct rows rows_of(const struct fasttext *f, slice text, struct arena *temp)
{
    struct rows r = { .temp = temp };
    /* The hashes of the last words, for the n-grams that end at the next one. */
    struct arena own = { 0 };
    ptrdiff_t n = MAX(1, f->word_ngrams), words = 0, room = 0;
    int32_t *hashes = NULL;

    for (ptrdiff_t i = 0; i <= text.len;) {
        while (i < text.len && is_blank(text.ptr[i]))
            i++;
        ptrdiff_t begin = i;
        while (i < text.len && !is_blank(text.ptr[i]))
            i++;
        slice word = i > begin ? slice_make(text.ptr + begin, i - begin) : end_of_line;
        uint32_t hash = fasttext_hash(word);
        if (push_token(f, &r, word, hash) && n > 1) {
            if (words == room) {
                ptrdiff_t more = MAX(1024, room * 2);
                hashes = arena_grow(&own, hashes, room * 4, more * 4, 4);
                room = more;
            }
            hashes[words++] = (int32_t)hash;
        }
        if (slice_eq(word, end_of_line))
            break; /* the package stops there, too, when the text holds it */
    }
    for (ptrdiff_t i = 0; n > 1 && i < words; i++) {
        uint64_t h = (uint64_t)(int64_t)hashes[i];
        for (ptrdiff_t j = i + 1; j < words && j < i + n; j++) {
            h = h * 116049371u + (uint64_t)(int64_t)hashes[j];
            push_gram(f, &r, (uint32_t)(h % (uint64_t)f->bucket));
        }
    }
    arena_release(&own);
    return r;
}

/* ---- matrices ---- */

static const file_float *centroid(const struct product *p, int32_t part, uint8_t code)
{
    if (part == p->nsubq - 1)
        return p->centroids + (ptrdiff_t)part * 256 * p->dsub + (ptrdiff_t)code * p->lastdsub;
    return p->centroids + ((ptrdiff_t)part * 256 + code) * p->dsub;
}

static float row_scale(const struct matrix *m, int64_t row)
{
    return m->norm_codes ? centroid(&m->norm, 0, m->norm_codes[row])[0] : 1;
}

static void add_row(const struct matrix *m, int64_t row, float *sum)
{
    const struct product *p = &m->product;

    if (m->data) {
        const file_float *x = m->data + row * m->cols;
        for (int64_t i = 0; i < m->cols; i++)
            sum[i] += x[i];
        return;
    }
    const uint8_t *codes = m->codes + row * p->nsubq;
    float scale = row_scale(m, row);
    for (int32_t part = 0; part < p->nsubq; part++) {
        const file_float *x = centroid(p, part, codes[part]);
        int32_t n = part == p->nsubq - 1 ? p->lastdsub : p->dsub;
        for (int32_t i = 0; i < n; i++)
            sum[(ptrdiff_t)part * p->dsub + i] += scale * x[i];
    }
}

static float dot_row(const struct matrix *m, int64_t row, const float *v)
{
    const struct product *p = &m->product;
    float sum = 0;

    if (m->data) {
        const file_float *x = m->data + row * m->cols;
        for (int64_t i = 0; i < m->cols; i++)
            sum += x[i] * v[i];
        return sum;
    }
    const uint8_t *codes = m->codes + row * p->nsubq;
    for (int32_t part = 0; part < p->nsubq; part++) {
        const file_float *x = centroid(p, part, codes[part]);
        int32_t n = part == p->nsubq - 1 ? p->lastdsub : p->dsub;
        for (int32_t i = 0; i < n; i++)
            sum += x[i] * v[(ptrdiff_t)part * p->dsub + i];
    }
    return sum * row_scale(m, row);
}

/* ---- probabilities, with the small constant that fastText adds to each before a logarithm ---- */

#define EPSILON 1e-5

static double plain_sigmoid(float x)
{
    return 1 / (1 + exp(-(double)x));
}

/* The package looks one-vs-all up in a table of 512 steps between -8 and 8. */
static double table_sigmoid(float x)
{
    if (x < -8)
        return 0;
    if (x > 8)
        return 1;
    return plain_sigmoid((float)(int64_t)((x + 8) * 512 / 8 / 2) * 2 * 8 / 512 - 8);
}

/* Along the path from the root; the package multiplies p + 1e-5 of every step. */
static double path_score(const struct fasttext *f, const float *hidden, int32_t label)
{
    double score = 0;

    for (int32_t node = label; f->tree[node].parent >= 0; node = f->tree[node].parent) {
        float p =
            (float)plain_sigmoid(dot_row(&f->output, f->tree[node].parent - f->labels, hidden));
        score += log((f->tree[node].binary ? p : 1.0 - p) + EPSILON);
    }
    return score;
}

static void softmax(double *p, int32_t n, double max)
{
    double sum = 0;

    for (int32_t i = 0; i < n; i++)
        sum += p[i] = exp(p[i] - max);
    for (int32_t i = 0; i < n; i++)
        p[i] = p[i] / sum + EPSILON;
}

/* Fills p of every label. */
static void scores(const struct fasttext *f, const float *hidden, double *p)
{
    double max = -INFINITY;

    for (int32_t i = 0; i < f->labels; i++) {
        if (f->loss == LOSS_HS) {
            p[i] = exp(path_score(f, hidden, i));
            continue;
        }
        float x = dot_row(&f->output, i, hidden);
        p[i] = f->loss == LOSS_SOFTMAX ? x : table_sigmoid(x) + EPSILON;
        max = MAX(max, p[i]);
    }
    if (f->loss == LOSS_SOFTMAX)
        softmax(p, f->labels, max);
    for (int32_t i = 0; i < f->labels; i++)
        p[i] = isnan(p[i]) ? 0 : p[i]; /* weights that are no numbers, or too large */
}

/* NULL: no row. */
static float *hidden_of(const struct fasttext *f, slice text, struct arena *temp)
{
    struct rows r = rows_of(f, text, temp);
    float *hidden = arena_new(temp, float, f->dim);

    if (r.count == 0)
        return NULL;
    for (ptrdiff_t i = 0; i < r.count; i++)
        add_row(&f->input, r.at[i], hidden);
    for (int32_t i = 0; i < f->dim; i++)
        hidden[i] *= (float)(1.0 / (double)r.count);
    return hidden;
}

struct fasttext_best fasttext_best(const struct fasttext *f, slice text, struct arena *temp)
{
    float *hidden = hidden_of(f, text, temp);
    int32_t best = 0;

    if (!hidden)
        return (struct fasttext_best){ 0 };
    double *p = arena_new(temp, double, f->labels);
    scores(f, hidden, p);
    for (int32_t i = 1; i < f->labels; i++)
        if (p[i] > p[best])
            best = i;
    return (struct fasttext_best){ f->label_names[best], p[best] };
}

double fasttext_score(const struct fasttext *f, slice text, int label, struct arena *temp)
{
    float *hidden = hidden_of(f, text, temp);

    if (!hidden)
        return 0;
    double *p = arena_new(temp, double, f->labels);
    scores(f, hidden, p);
    return p[label];
}
