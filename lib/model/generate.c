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
    bool score, keep_logits;
    uint64_t rng;
    struct buf text;
    float *logits;
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
    struct tok_ids known; /* work space of slot_text */
    int active;
    int64_t added;
    struct generator_totals totals;
};

ptrdiff_t generator_step_tokens(int batch)
{
    return GENERATE_CHUNK + batch;
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
    g->tokens = zeroed(generator_step_tokens(conf->batch), sizeof *g->tokens);
    g->work = zeroed(m->shape.vocab, sizeof *g->work);
    ASSERT(model_state_max_tokens(s) >= generator_step_tokens(conf->batch));
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
        free(g->slots[i].logits);
    }
    free(g->slots);
    free(g->tokens);
    free(g->work);
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
    ASSERT(s && r->count >= 1 && (r->score || r->max_tokens >= 1));
    s->ids.count = 0;
    for (ptrdiff_t i = 0; i < r->count; i++)
        ids_append(&s->ids, r->ids[i]);
    int64_t more = r->score ? 0 : r->max_tokens - 1; /* the last token is not computed */
    kv_cache_reserve(&s->kv, model_kv_shape(g->m), r->count + more);
    s->prompt_count = r->count;
    s->done = 0;
    s->max_tokens = r->max_tokens;
    s->score = r->score;
    s->keep_logits = r->logits;
    s->rng = r->rng;
    buf_clear(&s->text);
    s->state = SLOT_PREFILL;
    s->number = g->added++;
    s->result = (struct generate_result){ .user = r->user, .added_ns = g->conf.now_ns() };
    g->active++;
}

/* ---- one step ---- */

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
        s->step_tokens = reads ? MIN(left, room) : left;
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
                .output = s->score ? at + 1 < s->ids.count : at + 1 == s->ids.count,
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
    s->result.logits = s->keep_logits ? s->logits : NULL;
    if (s->score) {
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

/* Takes the next token of a slot from its logits. */
static bool slot_advance(struct generator *g, struct slot *s, const float *logits, struct err *err)
{
    ptrdiff_t vocab = g->m->shape.vocab, stop = -1;
    if (s->state == SLOT_PREFILL) {
        s->state = SLOT_DECODE;
        s->result.first_ns = g->conf.now_ns();
        if (s->keep_logits) {
            if (!s->logits)
                s->logits = zeroed(vocab, sizeof *s->logits);
            memcpy(s->logits, logits, sizeof(float) * (size_t)vocab);
        }
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
            if (s->score)
                s->result.nll += nll_of(row, g->m->shape.vocab, s->ids.ids[s->done + j + 1]);
            else if (!slot_advance(g, s, row, err))
                return false;
        }
    }
    return true;
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
    if (!step_outputs(g, outputs, err))
        return false;
    for (int i = 0; i < g->conf.batch; i++) {
        struct slot *s = &g->slots[i];
        if (!s->step_tokens)
            continue;
        if (s->done < s->prompt_count)
            g->totals.prompt_tokens += MIN(s->step_tokens, s->prompt_count - s->done);
        s->done += s->step_tokens;
        if (s->score && s->done == s->ids.count) {
            s->result.first_ns = g->conf.now_ns();
            slot_end(g, s, GENERATE_LENGTH);
            g->totals.scored_tokens += s->result.count;
            g->totals.nll += s->result.nll;
        }
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
