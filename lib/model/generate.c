#include "generate.h"
#include "../simd/vec.h"

#include <math.h>
#include <stdlib.h>

enum slot_state { SLOT_FREE, SLOT_PREFILL, SLOT_DECODE, SLOT_DONE };

struct slot {
    struct generate_result result; /* first: generator_release finds its slot */
    enum slot_state state;
    struct kv_cache kv;
    struct tok_ids ids; /* prompt and completion */
    ptrdiff_t prompt_count;
    ptrdiff_t done; /* positions in the cache */
    int64_t max_tokens;
    enum generate_kind kind;
    enum generate_logits keep;
    enum model_pooling pooling;
    uint64_t rng;
    struct buf text;
    struct buf values;     /* floats of the result */
    double *sums;          /* [dim] of mean pooling */
    int64_t number;        /* of the request */
    ptrdiff_t step_tokens; /* in the step that is being made */
};

struct generator {
    const struct model *m;
    struct model_state *state;
    const struct tok *tok;
    struct generator_conf conf;
    struct slot *slots;
    struct model_token *tokens;
    struct sample_item *work;
    float *row;           /* work space of pooling and classifying */
    struct tok_ids known; /* work space of slot_text */
    bool hidden;          /* requests want hidden states, no logits */
    int active;
    int64_t added;
    struct generator_totals totals;
};

ptrdiff_t generator_step_tokens(const struct model *m, int batch)
{
    /* An encoder's sequence is never cut. */
    return MAX(GENERATE_CHUNK + batch, m->shape.encoder ? (ptrdiff_t)m->shape.context : 0);
}

static void *zeroed(ptrdiff_t count, size_t size)
{
    void *p = calloc((size_t)count, size);
    if (!p)
        mem_oom();
    return p;
}

struct generator *generator_new(const struct model *m, struct model_state *s, const struct tok *tok,
                                const struct generator_conf *conf)
{
    struct generator *g = zeroed(1, sizeof *g);
    g->m = m;
    g->state = s;
    g->tok = tok;
    g->conf = *conf;
    g->slots = zeroed(conf->batch, sizeof *g->slots);
    g->tokens = zeroed(generator_step_tokens(m, conf->batch), sizeof *g->tokens);
    g->work = zeroed(m->shape.vocab, sizeof *g->work);
    g->row = zeroed(m->shape.dim + m->shape.labels, sizeof *g->row);
    ASSERT(model_state_max_tokens(s) >= generator_step_tokens(m, conf->batch));
    return g;
}

void generator_free(struct generator *g)
{
    if (!g)
        return;
    for (int i = 0; i < g->conf.batch; i++) {
        kv_cache_release(&g->slots[i].kv);
        tok_ids_release(&g->slots[i].ids);
        buf_release(&g->slots[i].text);
        buf_release(&g->slots[i].values);
        free(g->slots[i].sums);
    }
    free(g->slots);
    free(g->tokens);
    free(g->work);
    free(g->row);
    tok_ids_release(&g->known);
    free(g);
}

static struct slot *slot_in(const struct generator *g, enum slot_state state)
{
    for (int i = 0; i < g->conf.batch; i++)
        if (g->slots[i].state == state)
            return &g->slots[i];
    return NULL;
}

bool generator_has_room(const struct generator *g)
{
    return slot_in(g, SLOT_FREE);
}

int generator_active(const struct generator *g)
{
    return g->active;
}

void *generator_oldest(const struct generator *g)
{
    const struct slot *oldest = NULL;
    for (int i = 0; i < g->conf.batch; i++) {
        const struct slot *s = &g->slots[i];
        if (s->state != SLOT_FREE && (!oldest || s->number < oldest->number))
            oldest = s;
    }
    return oldest ? oldest->result.user : NULL;
}

static void ids_append(struct tok_ids *ids, uint32_t id)
{
    if (ids->count == ids->cap) {
        ids->cap = MAX(64, 2 * ids->cap);
        ids->ids = realloc(ids->ids, (size_t)ids->cap * sizeof *ids->ids);
        if (!ids->ids)
            mem_oom();
    }
    ids->ids[ids->count++] = id;
}

void generator_add(struct generator *g, const struct generate_request *r)
{
    struct slot *s = slot_in(g, SLOT_FREE);
    bool text = r->kind == GENERATE_TEXT;
    ASSERT(s && r->count >= 1 && (!text || r->max_tokens >= 1));
    ASSERT(!g->m->shape.encoder || r->kind >= GENERATE_EMBED);
    s->ids.count = 0;
    for (ptrdiff_t i = 0; i < r->count; i++)
        ids_append(&s->ids, r->ids[i]);
    int64_t more = text ? r->max_tokens - 1 : 0; /* the last token is not computed */
    kv_cache_reserve(&s->kv, model_kv_shape(g->m), r->count + more);
    s->prompt_count = r->count;
    s->done = 0;
    s->max_tokens = r->max_tokens;
    g->hidden = r->kind >= GENERATE_EMBED;
    s->kind = r->kind;
    s->keep = r->logits;
    s->pooling = r->pooling;
    buf_clear(&s->values);
    if (r->kind == GENERATE_EMBED && r->pooling == MODEL_POOL_MEAN) {
        if (!s->sums)
            s->sums = zeroed(g->m->shape.dim, sizeof *s->sums);
        memset(s->sums, 0, sizeof *s->sums * (size_t)g->m->shape.dim);
    }
    s->rng = r->rng;
    buf_clear(&s->text);
    s->state = SLOT_PREFILL;
    s->number = g->added++;
    s->result = (struct generate_result){ .user = r->user, .added_ns = g->conf.now_ns() };
    g->active++;
}

/* ---- one step ---- */

/* Is the model's output at position `at` of the slot's tokens needed? */
static bool output_wanted(const struct slot *s, ptrdiff_t at)
{
    switch (s->kind) {
    case GENERATE_TEXT:
        return at + 1 == s->ids.count || s->keep == GENERATE_LOGITS_ALL;
    case GENERATE_SCORE:
        return at + 1 < s->ids.count;
    case GENERATE_EMBED:
        return s->pooling == MODEL_POOL_CLS    ? at == 0
               : s->pooling == MODEL_POOL_LAST ? at + 1 == s->ids.count
                                               : true;
    case GENERATE_CLASSIFY:
        return at == 0;
    }
    return false;
}

/* Prompt tokens of a slot in this step. */
static ptrdiff_t prompt_share(const struct generator *g, ptrdiff_t left, ptrdiff_t room,
                              ptrdiff_t count)
{
    if (!g->m->shape.encoder)
        return MIN(left, room);
    return left <= room || count == 0 ? left : 0; /* all of it, alone when it is long */
}

/* Slots that decode come first, so a long prompt never starves them; the rest of the step is
 * prompt, slot by slot. */
static ptrdiff_t step_build(struct generator *g, ptrdiff_t *prefill)
{
    ptrdiff_t count = 0, room = GENERATE_CHUNK;
    *prefill = 0;
    for (int i = 0; i < g->conf.batch; i++) {
        struct slot *s = &g->slots[i];
        s->step_tokens = 0;
        if (s->state != SLOT_PREFILL && s->state != SLOT_DECODE)
            continue;
        ptrdiff_t left = s->ids.count - s->done;
        bool reads = s->state == SLOT_PREFILL;
        s->step_tokens = reads ? prompt_share(g, left, MAX(0, room), count) : left;
        if (reads && s->step_tokens) {
            room -= s->step_tokens;
            *prefill += s->step_tokens;
            if (s->done == 0)
                s->result.started_ns = g->conf.now_ns();
        }
        for (ptrdiff_t j = 0; j < s->step_tokens; j++) {
            ptrdiff_t at = s->done + j;
            g->tokens[count++] = (struct model_token){
                .id = s->ids.ids[at],
                .position = (int32_t)at,
                .kv = &s->kv,
                .output = output_wanted(s, at),
            };
        }
    }
    return count;
}

static void slot_end(struct generator *g, struct slot *s, enum generate_finish finish)
{
    s->state = SLOT_DONE;
    s->result.finish = finish;
    s->result.ids = s->ids.ids + s->prompt_count;
    s->result.count = s->ids.count - s->prompt_count;
    if (s->values.len) {
        s->result.columns = s->kind == GENERATE_EMBED      ? g->m->shape.dim
                            : s->kind == GENERATE_CLASSIFY ? g->m->shape.labels
                                                           : g->m->shape.vocab;
        s->result.values = (const float *)(const void *)s->values.ptr;
        s->result.rows = s->values.len / (s->result.columns * (ptrdiff_t)sizeof(float));
    }
    if (s->kind == GENERATE_SCORE) {
        s->result.ids = s->ids.ids;
        s->result.count = s->ids.count - 1;
    }
    s->result.last_ns = g->conf.now_ns();
    g->active--;
}

/* The completion's text so far. Where a stop text begins, or -1. */
static bool slot_text(struct generator *g, struct slot *s, bool ended, ptrdiff_t *stop,
                      struct err *err)
{
    ptrdiff_t count = s->ids.count - s->prompt_count - ended; /* a stop id has no text */
    buf_clear(&s->text);
    *stop = -1;
    g->known.count = 0; /* a vocabulary may be padded with ids that have no text */
    for (ptrdiff_t i = 0; g->tok && i < count; i++) {
        uint32_t id = s->ids.ids[s->prompt_count + i];
        if (id < tok_vocab_size(g->tok) && tok_bytes_of(g->tok, id).ptr)
            ids_append(&g->known, id);
    }
    if (g->tok &&
        !tok_decode(g->tok, g->known.ids, g->known.count, TOK_SKIP_SPECIAL, &s->text, err))
        return false;
    for (int i = 0; i < g->conf.stop_text_count; i++) {
        slice want = g->conf.stop_texts[i];
        const char *hit = s->text.len
                              ? memmem(s->text.ptr, (size_t)s->text.len, want.ptr, (size_t)want.len)
                              : NULL;
        if (hit && (*stop < 0 || hit - s->text.ptr < *stop))
            *stop = hit - s->text.ptr;
    }
    return true;
}

static bool is_stop_id(const struct generator *g, uint32_t id)
{
    for (int i = 0; i < g->conf.stop_id_count; i++)
        if (g->conf.stop_ids[i] == (int64_t)id)
            return true;
    return false;
}

static void values_add(struct slot *s, const float *v, ptrdiff_t n)
{
    buf_append(&s->values, slice_make((const char *)v, n * (ptrdiff_t)sizeof *v));
}

/* Takes the next token of a slot from its logits. */
static bool slot_advance(struct generator *g, struct slot *s, const float *logits, struct err *err)
{
    ptrdiff_t vocab = g->m->shape.vocab, stop = -1;
    if (s->state == SLOT_PREFILL) {
        s->state = SLOT_DECODE;
        s->result.first_ns = g->conf.now_ns();
        if (s->keep)
            values_add(s, logits, vocab);
    }
    uint32_t id = sample_draw(&g->conf.sample, &s->rng, logits, vocab, g->work);
    bool ended = is_stop_id(g, id);
    ids_append(&s->ids, id);
    bool full = s->ids.count - s->prompt_count >= s->max_tokens;
    if ((ended || full || g->conf.stop_text_count) && !slot_text(g, s, ended, &stop, err))
        return false;
    if (ended || stop >= 0 || full) {
        slot_end(g, s, ended || stop >= 0 ? GENERATE_STOP : GENERATE_LENGTH);
        s->result.text = slice_make(s->text.ptr, stop >= 0 ? stop : s->text.len);
        g->totals.completion_tokens += s->result.count;
    }
    return true;
}

/* -log softmax(logits)[id]. The row is used up. */
static double nll_of(float *logits, ptrdiff_t count, uint32_t id)
{
    float own = logits[id], top = logits[0];
    for (ptrdiff_t i = 1; i < count; i++)
        top = logits[i] > top ? logits[i] : top;
    float sum = vec_kernels()->softmax_exp(logits, 1.0f, count);
    return log((double)sum) + ((double)top - (double)own);
}

/* Hands out the logits of the step, MODEL_LOGITS_MAX rows at a time, in the order of the tokens. */
static bool step_outputs(struct generator *g, ptrdiff_t outputs, struct err *err)
{
    ptrdiff_t at = 0, token = 0, stride = model_logits_stride(g->state);
    float *rows = NULL;
    for (int i = 0; i < g->conf.batch; i++) {
        struct slot *s = &g->slots[i];
        for (ptrdiff_t j = 0; j < s->step_tokens; j++, token++) {
            if (!g->tokens[token].output)
                continue;
            if (at % MODEL_LOGITS_MAX == 0)
                rows = model_logits(g->state, at, MIN(MODEL_LOGITS_MAX, outputs - at));
            float *row = rows + at++ % MODEL_LOGITS_MAX * stride;
            if (s->kind == GENERATE_TEXT && s->done + j + 1 < s->ids.count)
                values_add(s, row, g->m->shape.vocab); /* within the prompt: --logits all */
            else if (s->kind == GENERATE_SCORE)
                s->result.nll += nll_of(row, g->m->shape.vocab, s->ids.ids[s->done + j + 1]);
            else if (!slot_advance(g, s, row, err))
                return false;
        }
    }
    return true;
}

/* The hidden states of the step, for those who embed or classify. */
static void step_hidden(struct generator *g)
{
    ptrdiff_t at = 0, token = 0, dim = g->m->shape.dim;

    for (int i = 0; i < g->conf.batch; i++) {
        struct slot *s = &g->slots[i];
        for (ptrdiff_t j = 0; j < s->step_tokens; j++, token++) {
            if (!g->tokens[token].output)
                continue;
            const float *hidden = model_hidden(g->state, at++);
            if (s->kind == GENERATE_CLASSIFY) {
                model_classify(g->m, hidden, g->row, g->row + dim);
                values_add(s, g->row + dim, g->m->shape.labels);
            } else if (s->pooling != MODEL_POOL_MEAN) {
                values_add(s, hidden, dim);
            } else {
                for (ptrdiff_t k = 0; k < dim; k++)
                    s->sums[k] += (double)hidden[k];
            }
        }
    }
}

/* A slot whose prompt has been read and that generates nothing. */
static void slot_read(struct generator *g, struct slot *s)
{
    s->result.first_ns = g->conf.now_ns();
    if (s->kind == GENERATE_EMBED && s->pooling == MODEL_POOL_MEAN) {
        for (ptrdiff_t k = 0; k < g->m->shape.dim; k++)
            g->row[k] = (float)(s->sums[k] / (double)s->ids.count);
        values_add(s, g->row, g->m->shape.dim);
    }
    slot_end(g, s, GENERATE_LENGTH);
    if (s->kind == GENERATE_SCORE) {
        g->totals.scored_tokens += s->result.count;
        g->totals.nll += s->result.nll;
    }
}

bool generator_step(struct generator *g, struct err *err)
{
    ptrdiff_t prefill;
    int64_t start = g->conf.now_ns();
    ptrdiff_t count = step_build(g, &prefill), outputs = 0;
    if (!count)
        return true;
    model_forward(g->state, g->tokens, count);
    for (ptrdiff_t i = 0; i < count; i++)
        outputs += g->tokens[i].output;
    if (g->hidden)
        step_hidden(g);
    else if (!step_outputs(g, outputs, err))
        return false;
    for (int i = 0; i < g->conf.batch; i++) {
        struct slot *s = &g->slots[i];
        if (!s->step_tokens)
            continue;
        if (s->done < s->prompt_count)
            g->totals.prompt_tokens += MIN(s->step_tokens, s->prompt_count - s->done);
        s->done += s->step_tokens;
        if (s->kind != GENERATE_TEXT && s->done == s->ids.count)
            slot_read(g, s);
    }
    g->totals.steps++;
    int64_t ns = g->conf.now_ns() - start, read_ns = ns * prefill / count;
    g->totals.prefill_ns += read_ns;
    g->totals.decode_ns += ns - read_ns;
    return true;
}

struct generate_result *generator_finished(struct generator *g)
{
    struct slot *s = slot_in(g, SLOT_DONE);
    return s ? &s->result : NULL;
}

void generator_release(struct generator *g, struct generate_result *r)
{
    (void)g;
    struct slot *s = (struct slot *)(void *)r;
    ASSERT(s->state == SLOT_DONE);
    s->state = SLOT_FREE;
}

struct generator_totals generator_totals(const struct generator *g)
{
    return g->totals;
}
