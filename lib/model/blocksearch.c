#include "blocksearch.h"

#include <math.h>

/* The value of largest magnitude, the first of equals. */
static float extreme(int n, const float *x)
{
    float best = 0, max = 0;

    for (int i = 0; i < n; i++) {
        float magnitude = fabsf(x[i]);
        if (magnitude > best) {
            best = magnitude;
            max = x[i];
        }
    }
    return max;
}

static float weight_of(const float *weights, const float *x, int i)
{
    return weights ? weights[i] : x[i] * x[i];
}

/* sum w x q and sum w q^2 over q = round(inverse * x). */
static void project(int n, int max, const float *x, const float *weights, float inverse,
                    float *sum_xq, float *sum_qq)
{
    float xq = 0, qq = 0;

    for (int i = 0; i < n; i++) {
        int q = search_clamp(search_round(inverse * x[i]), -max, max - 1);
        float w = weight_of(weights, x, i);
        xq += w * x[i] * (float)q;
        qq += w * (float)q * (float)q;
    }
    *sum_xq = xq;
    *sum_qq = qq;
}

float search_symmetric(int n, int max, const float *x, uint8_t *levels, const float *weights)
{
    float top = extreme(n, x), xq, qq;

    if (fabsf(top) < SEARCH_ZERO) {
        memset(levels, 0, (size_t)n);
        return 0;
    }
    float inverse = -(float)max / top;
    project(n, max, x, weights, inverse, &xq, &qq);
    float scale = qq != 0 ? xq / qq : 0.0f, best = scale * xq;
    for (int i = -9; i <= 9; i++) {
        float candidate = -((float)max + 0.1f * (float)i) / top;
        if (i == 0)
            continue;
        project(n, max, x, weights, candidate, &xq, &qq);
        if (qq > 0 && xq * xq > best * qq) {
            inverse = candidate;
            scale = xq / qq;
            best = scale * xq;
        }
    }
    for (int i = 0; i < n; i++)
        levels[i] = (uint8_t)(max + search_clamp(search_round(inverse * x[i]), -max, max - 1));
    return scale;
}

float search_coordinate(int n, int max, const float *x, uint8_t *levels)
{
    float top = extreme(n, x), xq = 0, qq = 0;
    int q[SEARCH_GROUP_MAX];

    if (fabsf(top) < SEARCH_ZERO) {
        memset(levels, 0, (size_t)n);
        return 0;
    }
    float inverse = -(float)max / top;
    for (int i = 0; i < n; i++) {
        q[i] = search_clamp(search_round(inverse * x[i]), -max, max - 1);
        float w = x[i] * x[i];
        xq += w * x[i] * (float)q[i];
        qq += w * (float)q[i] * (float)q[i];
    }
    for (int round = 0; round < 5; round++) {
        bool changed = false;
        for (int i = 0; i < n; i++) {
            float w = x[i] * x[i];
            float rest_xq = xq - w * x[i] * (float)q[i];
            if (!(rest_xq > 0))
                continue;
            float rest_qq = qq - w * (float)q[i] * (float)q[i];
            int other = search_clamp(search_round(x[i] * rest_qq / rest_xq), -max, max - 1);
            if (other == q[i])
                continue;
            rest_xq += w * x[i] * (float)other;
            rest_qq += w * (float)other * (float)other;
            if (rest_qq > 0 && rest_xq * rest_xq * qq > xq * xq * rest_qq) {
                q[i] = other;
                xq = rest_xq;
                qq = rest_qq;
                changed = true;
            }
        }
        if (!changed)
            break;
    }
    for (int i = 0; i < n; i++)
        levels[i] = (uint8_t)(q[i] + max);
    return qq > 0 ? xq / qq : 0.0f;
}

static float affine_error(bool absolute, int n, const float *x, const float *weights,
                          const uint8_t *levels, float scale, float min)
{
    float sum = 0;

    for (int i = 0; i < n; i++) {
        float diff = scale * (float)levels[i] + min - x[i];
        diff = absolute ? fabsf(diff) : diff * diff;
        sum += weights[i] * diff;
    }
    return sum;
}

float search_affine(const struct affine_search *how, int n, int max, const float *x,
                    const float *weights, uint8_t *levels, float *the_min)
{
    uint8_t trial[SEARCH_GROUP_MAX];
    float min = x[0], top = x[0], sum_w = weights[0], sum_x = sum_w * x[0];

    for (int i = 1; i < n; i++) {
        min = x[i] < min ? x[i] : min;
        top = x[i] > top ? x[i] : top;
        sum_w += weights[i];
        sum_x += weights[i] * x[i];
    }
    if (min > 0)
        min = 0;
    if (top == min || (how->empty_below && top <= min)) {
        memset(levels, 0, (size_t)n);
        *the_min = -min;
        return 0;
    }
    float inverse = (float)max / (top - min), scale = 1 / inverse;
    for (int i = 0; i < n; i++)
        levels[i] = (uint8_t)search_clamp(search_round(inverse * (x[i] - min)), 0, max);
    float best = affine_error(how->absolute, n, x, weights, levels, scale, min);
    for (int step = 0; step <= how->steps; step++) {
        float sum_q = 0, sum_qq = 0, sum_xq = 0;
        inverse = (how->from + how->step * (float)step + (float)max) / (top - min);
        for (int i = 0; i < n; i++) {
            int q = search_clamp(search_round(inverse * (x[i] - min)), 0, max);
            float w = weights[i], wq = w * (float)q;
            trial[i] = (uint8_t)q;
            sum_q += wq;
            sum_qq += wq * (float)q;
            sum_xq += wq * x[i];
        }
        float determinant = sum_w * sum_qq - sum_q * sum_q;
        if (!(determinant > 0))
            continue;
        float new_scale = (sum_w * sum_xq - sum_x * sum_q) / determinant;
        float new_min = (sum_qq * sum_x - sum_q * sum_xq) / determinant;
        if (new_min > 0) {
            new_min = 0;
            new_scale = sum_xq / sum_qq;
        }
        float error = affine_error(how->absolute, n, x, weights, trial, new_scale, new_min);
        if (error < best) {
            memcpy(levels, trial, (size_t)n);
            best = error;
            scale = new_scale;
            min = new_min; /* later candidates span from here: so it is in the reference */
        }
    }
    *the_min = -min;
    return scale;
}

/* Levels by coordinate descent on sum w (x - scale q)^2. */
static float descend(int n, int max, const float *x, const float *weights, uint8_t *levels)
{
    float xq = 0, qq = 0;

    for (int i = 0; i < n; i++) {
        float w = weights[i], q = (float)levels[i];
        xq += w * x[i] * q;
        qq += w * q * q;
    }
    for (int round = 0; round < 5; round++) {
        bool changed = false;
        for (int i = 0; i < n; i++) {
            float w = weights[i], q = (float)levels[i];
            float rest_xq = xq - w * x[i] * q, rest_qq = qq - w * q * q;
            if (!(rest_xq > 0 && rest_qq > 0))
                continue;
            int other = MIN(max, search_round(x[i] * rest_qq / rest_xq));
            if (other == levels[i])
                continue;
            rest_xq += w * x[i] * (float)other;
            rest_qq += w * (float)other * (float)other;
            if (rest_xq * rest_xq * qq > xq * xq * rest_qq) {
                levels[i] = (uint8_t)other;
                xq = rest_xq;
                qq = rest_qq;
                changed = true;
            }
        }
        if (!changed)
            break;
    }
    return qq > 0 ? xq / qq : 0.0f;
}

float search_positive(int n, int max, const float *x, uint8_t *levels, const float *weights)
{
    float top = 0, best = 0;

    for (int i = 0; i < n; i++)
        top = x[i] > top ? x[i] : top;
    if (top < SEARCH_ZERO) {
        memset(levels, 0, (size_t)n);
        return 0;
    }
    float inverse = (float)max / top, scale = 1 / inverse;
    for (int i = 0; i < n; i++) {
        float diff = x[i] - scale * (float)search_round(inverse * x[i]);
        best += weights[i] * diff * diff;
    }
    for (int step = -4; step <= 4; step++) {
        float candidate = (0.1f * (float)step + (float)max) / top, trial = 1 / candidate, error = 0;
        if (step == 0)
            continue;
        for (int i = 0; i < n; i++) {
            float diff = x[i] - trial * (float)MIN(max, search_round(candidate * x[i]));
            error += weights[i] * diff * diff;
        }
        if (error < best) {
            best = error;
            inverse = candidate;
        }
    }
    for (int i = 0; i < n; i++)
        levels[i] = (uint8_t)MIN(max, search_round(inverse * x[i]));
    return descend(n, max, x, weights, levels);
}

int search_nearest(const int8_t *table, float x)
{
    int low = 0, high = 15;

    if (x <= (float)table[0])
        return 0;
    if (x >= (float)table[15])
        return 15;
    while (high - low > 1) {
        int middle = (low + high) / 2;
        if (x < (float)table[middle])
            high = middle;
        else
            low = middle;
    }
    return x - (float)table[high - 1] < (float)table[high] - x ? high - 1 : high;
}

static void project_codebook(int n, const int8_t *table, const float *x, const float *weights,
                             float inverse, float *sum_xq, float *sum_qq)
{
    float xq = 0, qq = 0;

    for (int i = 0; i < n; i++) {
        float q = (float)table[search_nearest(table, inverse * x[i])], w = weights[i];
        xq += w * q * x[i];
        qq += w * q * q;
    }
    *sum_xq = xq;
    *sum_qq = qq;
}

float search_codebook(int n, const int8_t *table, int tries, const float *x, const float *weights)
{
    float top = extreme(n, x), xq, qq;

    if (fabsf(top) < SEARCH_ZERO)
        return 0;
    float scale = -top / (float)table[0];
    project_codebook(n, table, x, weights, 1 / scale, &xq, &qq);
    scale = xq / qq;
    float best = scale * xq;
    for (int i = -tries; i <= tries; i++) {
        project_codebook(n, table, x, weights, (float)(i + table[0]) / top, &xq, &qq);
        if (qq > 0 && xq * xq > best * qq) {
            scale = xq / qq;
            best = scale * xq;
        }
    }
    return scale;
}
