/* model.h and generate.h on small random models: the forward pass against a plain double-precision
 * one, and the same bytes for every way to cut the work: alone, token by token, mixed batches,
 * threads, slots. */
#include "kernel_helper.h"
#include "model/generate.h"
#include "model/modellayer.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* ---- a random model, kept as floats too for the reference ---- */

enum { W_Q, W_K, W_V, W_O, W_GATE, W_UP, W_DOWN, MATRICES };

struct toy_layer {
    float *w[MATRICES];
    float *attn_norm, *ffn_norm, *q_bias, *k_bias, *v_bias, *q_norm, *k_norm;
};

struct toy {
    struct model m;
    struct arena arena;
    struct toy_layer layers[4];
    float *embedding, *head;
};

static float *random_row(struct toy *t, ptrdiff_t n, float offset, float scale)
{
    float *v = arena_new(&t->arena, float, n);
    for (ptrdiff_t i = 0; i < n; i++)
        v[i] = offset + scale * random_float();
    return v;
}

static struct matmul pack(struct toy *t, const float *w, ptrdiff_t rows, ptrdiff_t k)
{
    ptrdiff_t bytes = matmul_panel_bytes(MATMUL_F32, k);
    char *data = arena_alloc_raw(&t->arena, matmul_panels(rows) * bytes, 64);
    for (ptrdiff_t r = 0; r < rows; r += MATMUL_ROWS)
        matmul_pack(MATMUL_F32, w + r * k, k * 4, MIN(MATMUL_ROWS, rows - r), k,
                    data + r / MATMUL_ROWS * bytes);
    return (struct matmul){
        .type = MATMUL_F32, .rows = rows, .k = k, .panel_bytes = bytes, .data = data
    };
}

static void toy_layer_new(struct toy *t, int index, bool extras)
{
    const struct model_shape *s = &t->m.shape;
    struct toy_layer *l = &t->layers[index];
    int q = s->heads * s->head_dim, kv = s->kv_heads * s->head_dim;
    const int rows[MATRICES] = { q, kv, kv, s->dim, s->ffn, s->ffn, s->dim };
    const int ks[MATRICES] = { s->dim, s->dim, s->dim, q, s->dim, s->dim, s->ffn };
    struct matmul packed[MATRICES];
    for (int i = 0; i < MATRICES; i++) {
        l->w[i] = random_row(t, (ptrdiff_t)rows[i] * ks[i], 0, 1.7f / sqrtf((float)ks[i]));
        packed[i] = pack(t, l->w[i], rows[i], ks[i]);
    }
    l->attn_norm = random_row(t, s->dim, 1, 0.3f);
    l->ffn_norm = random_row(t, s->dim, 1, 0.3f);
    if (extras) {
        l->q_bias = random_row(t, q, 0, 0.5f);
        l->k_bias = random_row(t, kv, 0, 0.5f);
        l->v_bias = random_row(t, kv, 0, 0.5f);
        l->q_norm = random_row(t, s->head_dim, 1, 0.3f);
        l->k_norm = random_row(t, s->head_dim, 1, 0.3f);
    }
    t->m.layers[index] = (struct model_layer){
        .attn_norm = { l->attn_norm, NULL },
        .ffn_norm = { l->ffn_norm, NULL },
        .q_norm = l->q_norm,
        .k_norm = l->k_norm,
        .q_bias = l->q_bias,
        .k_bias = l->k_bias,
        .v_bias = l->v_bias,
        .q = packed[W_Q],
        .k = packed[W_K],
        .v = packed[W_V],
        .attn_output = packed[W_O],
        .gate = packed[W_GATE],
        .up = packed[W_UP],
        .down = packed[W_DOWN],
        .windowed = s->window > 0,
    };
}

static struct toy *toy_new(struct model_shape shape, bool extras)
{
    struct toy *t = calloc(1, sizeof *t);
    t->m.shape = shape;
    t->m.layers = arena_new(&t->arena, struct model_layer, shape.layers);
    for (int i = 0; i < shape.layers; i++)
        toy_layer_new(t, i, extras);
    t->embedding = random_row(t, (ptrdiff_t)shape.vocab * shape.dim, 0, 1);
    t->head = random_row(t, (ptrdiff_t)shape.vocab * shape.dim, 0, 0.3f);
    t->m.embedding = (struct tensor){
        .type = TENSOR_F32, .dims = 2, .data = t->embedding, .ne = { shape.dim, shape.vocab, 1, 1 }
    };
    t->m.head = pack(t, t->head, shape.vocab, shape.dim);
    t->m.head_norm.weight = random_row(t, shape.dim, 1, 0.3f);
    float *freqs = arena_new(&t->arena, float, shape.rope_dims / 2);
    for (int i = 0; i < shape.rope_dims / 2; i++)
        freqs[i] = 1 / powf(100, 2.0f * (float)i / (float)shape.rope_dims);
    t->m.rope_freqs = freqs;
    return t;
}

static void toy_free(struct toy *t)
{
    arena_release(&t->arena);
    free(t);
}

/* ---- the reference: one sequence, double precision, nothing clever ---- */

static void ref_matmul(double *out, const float *w, const double *x, int rows, int k)
{
    for (int r = 0; r < rows; r++) {
        out[r] = 0;
        for (int i = 0; i < k; i++)
            out[r] += (double)w[r * k + i] * x[i];
    }
}

static void ref_norm(double *out, const double *x, const float *w, int n, double eps)
{
    double squares = 0;
    for (int i = 0; i < n; i++)
        squares += x[i] * x[i];
    for (int i = 0; i < n; i++)
        out[i] = x[i] / sqrt(squares / n + eps) * (double)w[i];
}

static void ref_heads(const struct toy *t, double *x, int heads, int position, const float *bias,
                      const float *norm)
{
    const struct model_shape *s = &t->m.shape;
    for (int i = 0; bias && i < heads * s->head_dim; i++)
        x[i] += (double)bias[i];
    for (int h = 0; h < heads; h++, x += s->head_dim) {
        if (norm)
            ref_norm(x, x, norm, s->head_dim, (double)s->norm_eps);
        for (int i = 0; i < s->rope_dims / 2; i++) {
            int a = s->rope_halves ? i : 2 * i, b = s->rope_halves ? i + s->rope_dims / 2 : a + 1;
            double angle = position * (double)t->m.rope_freqs[i], xa = x[a], xb = x[b];
            x[a] = xa * cos(angle) - xb * sin(angle);
            x[b] = xb * cos(angle) + xa * sin(angle);
        }
    }
}

#define REF_POSITIONS 64
#define REF_WIDE      512

struct ref_cache {
    double k[4][REF_POSITIONS][REF_WIDE], v[4][REF_POSITIONS][REF_WIDE];
};

static void ref_attention(const struct toy *t, const struct ref_cache *c, int layer, int position,
                          const double *q, double *out)
{
    const struct model_shape *s = &t->m.shape;
    int from = s->window ? (int)MAX(0, position + 1 - s->window) : 0, dim = s->head_dim;
    for (int h = 0; h < s->heads; h++) {
        int base = h / (s->heads / s->kv_heads) * dim;
        double weight[REF_POSITIONS], total = 0;
        for (int p = from; p <= position; p++) {
            double dot = 0;
            for (int i = 0; i < dim; i++)
                dot += q[h * dim + i] * c->k[layer][p][base + i];
            total += weight[p] = exp(dot / sqrt(dim));
        }
        for (int i = 0; i < dim; i++) {
            out[h * dim + i] = 0;
            for (int p = from; p <= position; p++)
                out[h * dim + i] += weight[p] / total * c->v[layer][p][base + i];
        }
    }
}

static void ref_step(const struct toy *t, struct ref_cache *c, uint32_t id, int position,
                     double *logits)
{
    const struct model_shape *s = &t->m.shape;
    double x[REF_WIDE], n[REF_WIDE], q[REF_WIDE], a[REF_WIDE], g[REF_WIDE], u[REF_WIDE];
    int heads = s->heads * s->head_dim, kv = s->kv_heads * s->head_dim;
    for (int i = 0; i < s->dim; i++)
        x[i] = (double)t->embedding[(ptrdiff_t)id * s->dim + i];
    for (int layer = 0; layer < s->layers; layer++) {
        const struct toy_layer *l = &t->layers[layer];
        double *k = c->k[layer][position], *v = c->v[layer][position];
        ref_norm(n, x, l->attn_norm, s->dim, (double)s->norm_eps);
        ref_matmul(q, l->w[W_Q], n, heads, s->dim);
        ref_matmul(k, l->w[W_K], n, kv, s->dim);
        ref_matmul(v, l->w[W_V], n, kv, s->dim);
        ref_heads(t, q, s->heads, position, l->q_bias, l->q_norm);
        ref_heads(t, k, s->kv_heads, position, l->k_bias, l->k_norm);
        for (int i = 0; l->v_bias && i < kv; i++)
            v[i] += (double)l->v_bias[i];
        ref_attention(t, c, layer, position, q, a);
        ref_matmul(n, l->w[W_O], a, s->dim, heads);
        for (int i = 0; i < s->dim; i++)
            x[i] += n[i];
        ref_norm(n, x, l->ffn_norm, s->dim, (double)s->norm_eps);
        ref_matmul(g, l->w[W_GATE], n, s->ffn, s->dim);
        ref_matmul(u, l->w[W_UP], n, s->ffn, s->dim);
        for (int i = 0; i < s->ffn; i++)
            g[i] = g[i] / (1 + exp(-g[i])) * u[i];
        ref_matmul(n, l->w[W_DOWN], g, s->dim, s->ffn);
        for (int i = 0; i < s->dim; i++)
            x[i] += n[i];
    }
    ref_norm(n, x, t->m.head_norm.weight, s->dim, (double)s->norm_eps);
    ref_matmul(logits, t->head, n, s->vocab, s->dim);
}

/* ---- running ours ---- */

#define LENGTH 40

static struct threads *pool_new(int n)
{
    struct err err;
    struct threads *pool = threads_new(n, &err);
    assert_non_null(pool);
    return pool;
}

/* Logits of all positions of ids, `chunk` tokens a step: [LENGTH][vocab]. */
static float *run(const struct toy *t, const uint32_t *ids, ptrdiff_t chunk, int threads)
{
    ptrdiff_t vocab = t->m.shape.vocab;
    struct threads *pool = pool_new(threads);
    struct model_state *s = model_state_new(&t->m, pool, LENGTH);
    struct kv_cache kv = { 0 };
    float *out = malloc(sizeof *out * (size_t)(LENGTH * vocab));
    kv_cache_reserve(&kv, model_kv_shape(&t->m), LENGTH);
    for (ptrdiff_t at = 0; at < LENGTH; at += chunk) {
        struct model_token tokens[LENGTH];
        ptrdiff_t n = MIN(chunk, LENGTH - at);
        for (ptrdiff_t i = 0; i < n; i++)
            tokens[i] = (struct model_token){ ids[at + i], (int32_t)(at + i), &kv, true };
        model_forward(s, tokens, n);
        for (ptrdiff_t i = 0; i < n; i++)
            memcpy(out + (at + i) * vocab, model_logits(s, i, 1), sizeof *out * (size_t)vocab);
    }
    kv_cache_release(&kv);
    model_state_free(s);
    threads_free(pool);
    return out;
}

static const struct model_shape shapes[] = {
    { .layers = 2,
      .dim = 48,
      .heads = 4,
      .kv_heads = 2,
      .head_dim = 16,
      .ffn = 80,
      .vocab = 50,
      .context = LENGTH,
      .norm_eps = 1e-5f,
      .rope_dims = 16 },
    { .layers = 3,
      .dim = 33,
      .heads = 6,
      .kv_heads = 2,
      .head_dim = 10,
      .ffn = 172,
      .vocab = 17,
      .context = LENGTH,
      .norm_eps = 1e-6f,
      .rope_dims = 10,
      .rope_halves = true },
    { .layers = 1,
      .dim = 300,
      .heads = 8,
      .kv_heads = 8,
      .head_dim = 40,
      .ffn = 300,
      .vocab = 33,
      .context = LENGTH,
      .norm_eps = 1e-5f,
      .rope_dims = 20,
      .rope_halves = true,
      .window = 7 },
    { .layers = 2,
      .dim = 64,
      .heads = 32,
      .kv_heads = 1,
      .head_dim = 8,
      .ffn = 96,
      .vocab = 40,
      .context = LENGTH,
      .norm_eps = 1e-5f,
      .rope_dims = 8 },
};

static void fill_ids(uint32_t *ids, ptrdiff_t n, const struct toy *t)
{
    for (ptrdiff_t i = 0; i < n; i++)
        ids[i] = (uint32_t)(random_u64() % (uint64_t)t->m.shape.vocab);
}

static void forward_is_right(void **state)
{
    (void)state;
    for (ptrdiff_t i = 0; i < countof(shapes); i++) {
        struct toy *t = toy_new(shapes[i], i % 2);
        struct ref_cache *cache = calloc(1, sizeof *cache);
        uint32_t ids[LENGTH];
        fill_ids(ids, LENGTH, t);
        float *out = run(t, ids, LENGTH, 1);
        for (int p = 0; p < LENGTH; p++) {
            double want[REF_WIDE];
            ref_step(t, cache, ids[p], p, want);
            for (int v = 0; v < t->m.shape.vocab; v++) {
                double got = (double)out[p * t->m.shape.vocab + v];
                if (!(fabs(got - want[v]) < 3e-5))
                    fail_msg("shape %td, position %d, logit %d: %.8g, expected %.8g", i, p, v, got,
                             want[v]);
            }
        }
        free(out);
        free(cache);
        toy_free(t);
    }
}

static void cut_anyhow(void **state)
{
    (void)state;
    for (ptrdiff_t i = 0; i < countof(shapes); i++) {
        struct toy *t = toy_new(shapes[i], i % 2);
        uint32_t ids[LENGTH];
        size_t bytes = sizeof(float) * (size_t)(LENGTH * t->m.shape.vocab);
        fill_ids(ids, LENGTH, t);
        float *whole = run(t, ids, LENGTH, 1);
        static const ptrdiff_t chunks[] = { 1, 3, 13, 40 };
        for (int threads = 1; threads <= 3; threads++)
            for (ptrdiff_t c = 0; c < countof(chunks); c++) {
                float *cut = run(t, ids, chunks[c], threads);
                if (memcmp(cut, whole, bytes))
                    fail_msg("shape %td: chunks of %td, %d threads differ", i, chunks[c], threads);
                free(cut);
            }
        free(whole);
        toy_free(t);
    }
}

/* ---- the generator ---- */

#define REQUESTS 9
#define MOST     12

struct answer {
    ptrdiff_t count;
    uint32_t ids[MOST];
    enum generate_finish finish;
    double nll;
};

static int64_t no_clock(void)
{
    return 0;
}

static void serve(const struct toy *t, int batch, int threads, struct sample_conf sample,
                  bool score, struct answer answers[REQUESTS])
{
    struct threads *pool = pool_new(threads);
    struct model_state *s = model_state_new(&t->m, pool, generator_step_tokens(&t->m, batch));
    static const int64_t stops[] = { 3 };
    struct generator_conf conf = {
        .batch = batch, .sample = sample, .stop_ids = stops, .stop_id_count = 1, .now_ns = no_clock
    };
    struct generator *g = generator_new(&t->m, s, NULL, &conf);
    struct generate_result *r;
    struct err err;
    int next = 0;
    while (next < REQUESTS || generator_active(g)) {
        for (; next < REQUESTS && generator_has_room(g); next++) {
            uint32_t ids[32];
            for (uint32_t i = 0; i < 32; i++)
                ids[i] = (i * 7 + (uint32_t)next * 5) % (uint32_t)t->m.shape.vocab;
            generator_add(
                g, &(struct generate_request){ .ids = ids,
                                               .count = 1 + next * 3,
                                               .kind = score ? GENERATE_SCORE : GENERATE_TEXT,
                                               .max_tokens = 1 + (next * 5) % MOST,
                                               .rng = (uint64_t)next,
                                               .user = &answers[next] });
        }
        assert_true(generator_step(g, &err));
        while ((r = generator_finished(g))) {
            struct answer *a = r->user;
            memset(a, 0, sizeof *a);
            a->count = r->count;
            a->finish = r->finish;
            a->nll = r->nll;
            for (ptrdiff_t i = 0; !score && i < r->count; i++)
                a->ids[i] = r->ids[i];
            generator_release(g, r);
        }
    }
    struct generator_totals totals = generator_totals(g);
    assert_int_equal(totals.prompt_tokens, REQUESTS + 3 * REQUESTS * (REQUESTS - 1) / 2);
    generator_free(g);
    model_state_free(s);
    threads_free(pool);
}

static void batches_do_not_matter(void **state)
{
    (void)state;
    struct toy *t = toy_new(shapes[0], false);
    static const struct sample_conf confs[] = { { 0, 0, 1, 0 }, { 1.5, 20, 0.95, 0.01 } };
    for (int c = 0; c < 3; c++) {
        struct answer one[REQUESTS], many[REQUESTS];
        serve(t, 1, 1, confs[c % 2], c == 2, one);
        for (int batch = 2; batch <= 16; batch += 7)
            for (int threads = 1; threads <= 2; threads++) {
                serve(t, batch, threads, confs[c % 2], c == 2, many);
                assert_memory_equal(one, many, sizeof one);
            }
        for (int i = 0; i < REQUESTS && c < 2; i++) {
            bool stopped = one[i].ids[one[i].count - 1] == 3;
            assert_int_equal(one[i].finish, stopped ? GENERATE_STOP : GENERATE_LENGTH);
            assert_true(stopped || one[i].count == 1 + (i * 5) % MOST);
        }
    }
    toy_free(t);
}

static void scores_are_right(void **state)
{
    (void)state;
    struct toy *t = toy_new(shapes[0], false);
    struct answer got[REQUESTS];
    struct ref_cache *cache = calloc(1, sizeof *cache);
    double want = 0, logits[REF_WIDE];
    int last = REQUESTS - 1, count = 1 + last * 3, vocab = t->m.shape.vocab;
    serve(t, 4, 1, (struct sample_conf){ 0, 0, 1, 0 }, true, got);
    for (int i = 0; i + 1 < count; i++) {
        uint32_t id = (uint32_t)((i * 7 + last * 5) % vocab),
                 after = (uint32_t)(((i + 1) * 7 + last * 5) % vocab);
        double total = 0;
        ref_step(t, cache, id, i, logits);
        for (int v = 0; v < vocab; v++)
            total += exp(logits[v]);
        want += log(total) - logits[after];
    }
    assert_int_equal(got[last].count, count - 1);
    assert_true(fabs(got[last].nll - want) < 1e-4);
    assert_true(got[0].count == 0 && got[0].nll == 0); /* one token: nothing to score */
    free(cache);
    toy_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forward_is_right),
        cmocka_unit_test(cut_anyhow),
        cmocka_unit_test(batches_do_not_matter),
        cmocka_unit_test(scores_are_right),
    };
    cpu_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
