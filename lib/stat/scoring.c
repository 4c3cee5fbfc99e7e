#include "scoring.h"

#include "../buf.h"
#include "../unicode.h"
#include "names.h"

#include <math.h>
#include <stdlib.h>

/* ---- classification ---- */

static double share(double part, double whole)
{
    return whole > 0 ? part / whole : 0;
}

static double harmonic(double precision, double recall)
{
    return share(2 * precision * recall, precision + recall);
}

struct scoring_class *scoring_classes(const int32_t *gold, const int32_t *pred, ptrdiff_t n,
                                      int32_t labels, struct arena *arena)
{
    struct scoring_class *c = arena_new(arena, struct scoring_class, labels);

    for (ptrdiff_t i = 0; i < n; i++) {
        ASSERT(gold[i] >= 0 && gold[i] < labels && pred[i] < labels);
        c[gold[i]].support++;
        if (pred[i] >= 0)
            c[pred[i]].predicted++;
        c[gold[i]].correct += gold[i] == pred[i];
    }
    for (int32_t k = 0; k < labels; k++) {
        c[k].precision = share((double)c[k].correct, (double)c[k].predicted);
        c[k].recall = share((double)c[k].correct, (double)c[k].support);
        /* Not from the two above: 2 tp / (2 tp + fp + fn) has one rounding less. */
        c[k].f1 = share(2 * (double)c[k].correct, (double)(c[k].support + c[k].predicted));
    }
    return c;
}

void scoring_report(const struct scoring_class *classes, int32_t labels, ptrdiff_t n,
                    struct scoring_report *r)
{
    double correct = 0, predicted = 0;

    *r = (struct scoring_report){ 0 };
    for (int32_t k = 0; k < labels; k++) {
        const struct scoring_class *c = &classes[k];
        double weight = share((double)c->support, (double)n);
        correct += (double)c->correct;
        predicted += (double)c->predicted;
        r->macro.precision += c->precision / labels;
        r->macro.recall += c->recall / labels;
        r->macro.f1 += c->f1 / labels;
        r->weighted.precision += c->precision * weight;
        r->weighted.recall += c->recall * weight;
        r->weighted.f1 += c->f1 * weight;
    }
    r->accuracy = share(correct, (double)n);
    r->micro.precision = share(correct, predicted);
    r->micro.recall = r->accuracy;
    r->micro.f1 = harmonic(r->micro.precision, r->micro.recall);
}

double scoring_ece(const double *confidence, const bool *right, ptrdiff_t n, int bins)
{
    double error = 0;

    for (int b = 0; b < bins; b++) {
        double sum = 0, hits = 0;
        for (ptrdiff_t i = 0; i < n; i++) {
            int bin = MIN((int)(confidence[i] * bins), bins - 1);
            if (bin != b)
                continue;
            sum += confidence[i];
            hits += right[i];
        }
        error += fabs(sum - hits);
    }
    return share(error, (double)n);
}

/* ---- texts ---- */

static bool is_punctuation(unsigned char c)
{
    return c < 0x80 && c > ' ' && c != 0x7F && !(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') &&
           !(c >= 'A' && c <= 'Z');
}

static bool is_article(slice word)
{
    return slice_eq(word, SLICE("a")) || slice_eq(word, SLICE("an")) ||
           slice_eq(word, SLICE("the"));
}

slice scoring_answer(slice text, struct arena *arena)
{
    /* A lower-case letter may be longer than its capital: 2 bytes become 3 at the most. */
    char *dst = arena_alloc_raw(arena, text.len * 2 + 8, 1), *end = dst, *word = dst;
    const char *p = text.ptr, *stop = text.ptr + text.len;

    for (;;) {
        uint32_t cp = ' ';
        if (p < stop)
            p += uni_decode(p, &cp);
        else
            p++;
        if (uni_is_space(cp)) {
            if (end > word && is_article(slice_make(word, end - word)))
                end = word;
            if (end > word) {
                *end++ = ' ';
                word = end;
            }
            if (p > stop)
                break;
        } else if (cp >= 0x80 || !is_punctuation((unsigned char)cp)) {
            end += uni_encode(end, uni_lower(cp));
        }
    }
    slice out = { dst, end - dst - (end > dst) };
    arena_trim(arena, dst + out.len);
    return out;
}

/* Numbers of the words of text, in order. */
static uint32_t *words_of(slice text, struct names *names, ptrdiff_t *count, struct arena *arena)
{
    uint32_t *out = arena_alloc_raw(arena, (text.len / 2 + 1) * (ptrdiff_t)sizeof *out, 4);
    const char *p = text.ptr, *stop = text.ptr + text.len, *word = NULL;

    *count = 0;
    while (p < stop) {
        uint32_t cp;
        const char *at = p;
        p += uni_decode(p, &cp);
        bool space = uni_is_space(cp);
        if (!space && !word)
            word = at;
        if (word && (space || p >= stop)) {
            slice w = { word, (space ? at : p) - word };
            out[(*count)++] = (uint32_t)names_add(names, w);
            word = NULL;
        }
    }
    return out;
}

double scoring_token_f1(slice gold, slice pred, struct arena *arena)
{
    struct names names = { .arena = arena };
    ptrdiff_t gold_count, pred_count, common = 0;
    uint32_t *g = words_of(scoring_answer(gold, arena), &names, &gold_count, arena);
    uint32_t *p = words_of(scoring_answer(pred, arena), &names, &pred_count, arena);
    int64_t *left = arena_new(arena, int64_t, names.count + 1);

    for (ptrdiff_t i = 0; i < gold_count; i++)
        left[g[i]]++;
    for (ptrdiff_t i = 0; i < pred_count; i++)
        common += left[p[i]]-- > 0;
    names_release(&names);
    if (gold_count == 0 || pred_count == 0)
        return gold_count == pred_count;
    return harmonic(share((double)common, (double)pred_count),
                    share((double)common, (double)gold_count));
}

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

/* Column by column over b; a's symbols lie in words of 64 rows whose carries run downwards. */
int64_t scoring_distance(const uint32_t *a, ptrdiff_t a_len, const uint32_t *b, ptrdiff_t b_len,
                         struct arena *scratch)
{
    if (a_len == 0 || b_len == 0)
        return MAX(a_len, b_len);
    ptrdiff_t blocks = (a_len + 63) / 64, distinct = 0;
    uint32_t *symbols = arena_alloc_raw(scratch, a_len * (ptrdiff_t)sizeof *symbols, 4);
    memcpy(symbols, a, (size_t)a_len * sizeof *a);
    qsort(symbols, (size_t)a_len, sizeof *symbols, by_value);
    for (ptrdiff_t i = 0; i < a_len; i++)
        if (i == 0 || symbols[i] != symbols[distinct - 1])
            symbols[distinct++] = symbols[i];
    uint64_t *match = arena_new(scratch, uint64_t, (distinct + 1) * blocks);
    uint64_t *plus = arena_new(scratch, uint64_t, blocks),
             *minus = arena_new(scratch, uint64_t, blocks);
    for (ptrdiff_t i = 0; i < a_len; i++) {
        const uint32_t *s = bsearch(&a[i], symbols, (size_t)distinct, sizeof *s, by_value);
        match[(s - symbols) * blocks + i / 64] |= (uint64_t)1 << i % 64;
    }
    for (ptrdiff_t k = 0; k < blocks; k++)
        plus[k] = ~(uint64_t)0;
    int64_t distance = a_len;
    for (ptrdiff_t j = 0; j < b_len; j++) {
        const uint32_t *s = bsearch(&b[j], symbols, (size_t)distinct, sizeof *s, by_value);
        const uint64_t *eq = match + (s ? s - symbols : distinct) * blocks;
        uint64_t carry_plus = 1, carry_minus = 0; /* row 0 grows by 1 with every column */
        for (ptrdiff_t k = 0; k < blocks; k++) {
            uint64_t pv = plus[k], mv = minus[k], x = eq[k] | carry_minus;
            uint64_t d0 = (((x & pv) + pv) ^ pv) | x | mv;
            uint64_t hp = mv | ~(d0 | pv), hn = pv & d0;
            int last = k == blocks - 1 ? (int)((a_len - 1) % 64) : 63;
            uint64_t out_plus = hp >> last & 1, out_minus = hn >> last & 1;
            hp = hp << 1 | carry_plus;
            hn = hn << 1 | carry_minus;
            plus[k] = hn | ~(d0 | hp);
            minus[k] = hp & d0;
            carry_plus = out_plus;
            carry_minus = out_minus;
        }
        distance += (int64_t)carry_plus - (int64_t)carry_minus;
    }
    return distance;
}

struct scoring_edits scoring_word_edits(slice gold, slice pred, struct arena *scratch)
{
    struct names names = { .arena = scratch };
    ptrdiff_t g_len, p_len;
    uint32_t *g = words_of(gold, &names, &g_len, scratch);
    uint32_t *p = words_of(pred, &names, &p_len, scratch);

    names_release(&names);
    return (struct scoring_edits){ scoring_distance(g, g_len, p, p_len, scratch), g_len };
}

static uint32_t *code_points(slice text, ptrdiff_t *count, struct arena *arena)
{
    uint32_t *out = arena_alloc_raw(arena, (text.len + 1) * (ptrdiff_t)sizeof *out, 4);

    *count = 0;
    for (ptrdiff_t i = 0; i < text.len;)
        i += uni_decode(text.ptr + i, &out[(*count)++]);
    return out;
}

struct scoring_edits scoring_char_edits(slice gold, slice pred, struct arena *scratch)
{
    ptrdiff_t g_len, p_len;
    uint32_t *g = code_points(gold, &g_len, scratch), *p = code_points(pred, &p_len, scratch);

    return (struct scoring_edits){ scoring_distance(g, g_len, p, p_len, scratch), g_len };
}

/* ---- code ---- */

double scoring_pass_at(int64_t n, int64_t right, int64_t k)
{
    double miss = 1;

    if (n < k)
        return NAN;
    if (n - right < k)
        return 1;
    for (int64_t i = n - right + 1; i <= n; i++)
        miss *= 1 - (double)k / (double)i;
    return 1 - miss;
}

/* ---- ranking ---- */

struct scoring_ranking scoring_rank(const double *gain, ptrdiff_t n, const double *ideal,
                                    ptrdiff_t relevant, ptrdiff_t k)
{
    struct scoring_ranking r = { 0 };
    double found = 0, dcg = 0, best = 0;

    for (ptrdiff_t i = 0; i < n; i++) {
        if (!(gain[i] > 0))
            continue;
        if (r.reciprocal_rank == 0)
            r.reciprocal_rank = 1 / (double)(i + 1);
        if (i < k) {
            found++;
            dcg += gain[i] / log2((double)i + 2);
        }
    }
    for (ptrdiff_t i = 0; i < MIN(k, relevant); i++)
        best += ideal[i] / log2((double)i + 2);
    r.recall = share(found, (double)relevant);
    r.ndcg = share(dcg, best);
    return r;
}
