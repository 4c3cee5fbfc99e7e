#include "sample.h"

#include <math.h>

static uint64_t splitmix(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

uint64_t sample_seed(uint64_t seed, uint64_t record_hash)
{
    uint64_t state = record_hash ^ splitmix(&seed);
    return splitmix(&state);
}

double sample_uniform(uint64_t *rng)
{
    return (double)(splitmix(rng) >> 11) * 0x1p-53;
}

uint32_t sample_greedy(const float *logits, ptrdiff_t count)
{
    ptrdiff_t best = 0;
    for (ptrdiff_t i = 1; i < count; i++)
        if (logits[i] > logits[best] || (isnan(logits[best]) && !isnan(logits[i])))
            best = i;
    return (uint32_t)best;
}

/* ---- a heap with the heaviest item, the lower id among equals, at the root ---- */

static bool before(struct sample_item a, struct sample_item b)
{
    return a.weight > b.weight || (a.weight == b.weight && a.id < b.id);
}

static void sift_down(struct sample_item *heap, ptrdiff_t count, ptrdiff_t at)
{
    struct sample_item item = heap[at];
    for (ptrdiff_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && before(heap[child + 1], heap[child]))
            child++;
        if (!before(heap[child], item))
            break;
        heap[at] = heap[child];
    }
    heap[at] = item;
}

/* Takes the root out and puts it behind the heap, at heap[count - 1]. */
static struct sample_item heap_pop(struct sample_item *heap, ptrdiff_t count)
{
    struct sample_item top = heap[0];
    heap[0] = heap[count - 1];
    sift_down(heap, count - 1, 0);
    heap[count - 1] = top;
    return top;
}

static double total_weight(const struct sample_item *items, ptrdiff_t count)
{
    double sum = 0;
    for (ptrdiff_t i = 0; i < count; i++)
        sum += items[i].weight;
    return sum;
}

/* The kept items, heaviest first, end up at the end of `items` in descending order backwards.
 * Returns how many. */
static ptrdiff_t keep_heaviest(const struct sample_conf *conf, struct sample_item *items,
                               ptrdiff_t count)
{
    ptrdiff_t most = conf->top_k > 0 ? MIN(conf->top_k, count) : count, kept = 0;
    for (ptrdiff_t i = count / 2 - 1; i >= 0; i--)
        sift_down(items, count, i);
    if (most == count) { /* top-p alone: pop only as far as it reaches */
        double enough = conf->top_p * total_weight(items, count), sum = 0;
        while (kept < count && (kept == 0 || sum < enough))
            sum += heap_pop(items, count - kept++).weight;
        return kept;
    }
    while (kept < most)
        heap_pop(items, count - kept++);
    if (conf->top_p < 1) {
        double enough = conf->top_p * total_weight(items + count - kept, kept), sum = 0;
        ptrdiff_t n = 0;
        while (n < kept && (n == 0 || sum < enough))
            sum += items[count - 1 - n++].weight;
        kept = n;
    }
    return kept;
}

uint32_t sample_draw(const struct sample_conf *conf, uint64_t *rng, const float *logits,
                     ptrdiff_t count, struct sample_item *work)
{
    uint32_t best = sample_greedy(logits, count);
    if (!(conf->temperature > 0) || !isfinite(logits[best]))
        return best;
    /* min_p is relative to the largest weight, which every rule keeps. It is applied here unless
     * top_p has to know the weight of all tokens first. */
    double least = conf->top_p < 1 ? 0x1p-60 : MAX(conf->min_p, 0x1p-60);
    ptrdiff_t n = 0;
    for (ptrdiff_t i = 0; i < count; i++) {
        double w = exp(((double)logits[i] - (double)logits[best]) / conf->temperature);
        if (w >= least)
            work[n++] = (struct sample_item){ w, (uint32_t)i };
    }
    const struct sample_item *kept = work;
    if ((conf->top_k > 0 && conf->top_k < n) || conf->top_p < 1) {
        ptrdiff_t k = keep_heaviest(conf, work, n);
        kept = work + n - k;
        n = k;
        while (n > 1 && kept[0].weight < conf->min_p) { /* lightest first */
            kept++;
            n--;
        }
    }
    double u = sample_uniform(rng) * total_weight(kept, n);
    for (ptrdiff_t i = 0; i < n; i++) {
        u -= kept[i].weight;
        if (u < 0)
            return kept[i].id;
    }
    return kept[n - 1].id;
}
