#include "pairing.h"

#include <stdlib.h>

slice pairing_content(const struct pairing *p, const struct signed_record *k)
{
    if (p->decide == PAIRING_VERIFY)
        return k->text;
    if (p->decide == PAIRING_BANDS)
        return SLICE("");
    return slice_make((const char *)k->signature, p->signing->lsh.count * 4);
}

void pairing_start(struct pairing *p, const struct signed_record *k)
{
    p->record = k;
    p->own_ready = false;
}

static void verify(struct pairing *p, slice content, bool wants_estimate, struct pairing_verdict *v)
{
    const struct signing *s = p->signing;

    if (slice_eq(content, p->record->text)) {
        *v = (struct pairing_verdict){ 1, 1, true };
        return;
    }
    if (!p->own_ready) {
        signing_shingles(s, p->record->text, &p->own, &p->scratch);
        jaccard_first(&p->jaccard, p->own.at, p->own.count);
        p->own_ready = true;
    }
    signing_shingles(s, content, &p->other, &p->scratch);
    v->similarity = jaccard_with(&p->jaccard, p->other.at, p->other.count);
    v->duplicate = v->similarity >= p->threshold;
    if (v->duplicate && wants_estimate) {
        uint32_t *own = p->record->signature;
        uint32_t *other = lsh_new(&s->lsh, &p->scratch);
        if (!own) {
            own = lsh_new(&s->lsh, &p->scratch);
            lsh_add(&s->lsh, p->own.at, p->own.count, own);
        }
        lsh_add(&s->lsh, p->other.at, p->other.count, other);
        v->estimate = lsh_estimate(&s->lsh, own, other);
    }
    arena_reset(&p->scratch);
}

void pairing_with(struct pairing *p, slice content, bool wants_estimate, struct pairing_verdict *v)
{
    *v = (struct pairing_verdict){ .duplicate = p->decide == PAIRING_BANDS };
    p->compared++;
    if (p->decide == PAIRING_VERIFY) {
        verify(p, content, wants_estimate, v);
    } else if (p->decide == PAIRING_ESTIMATE) {
        v->estimate = lsh_estimate(&p->signing->lsh, p->record->signature,
                                   (const uint32_t *)(const void *)content.ptr);
        v->duplicate = v->estimate >= p->threshold;
    }
    p->refused += !v->duplicate;
}

slice pairing_explain(const struct pairing *p, slice dup_of, const struct pairing_verdict *v,
                      const char *unit, struct arena *arena)
{
    struct buf b = { 0 };

    buf_append(&b, SLICE("\"dup_of\":"));
    buf_append(&b, dup_of);
    buf_append(&b, SLICE(",\"kind\":\"near\""));
    if (p->decide == PAIRING_VERIFY) {
        buf_append(&b, SLICE(",\"similarity\":"));
        buf_append_double(&b, v->similarity);
    }
    if (p->decide != PAIRING_BANDS) {
        buf_append(&b, SLICE(",\"estimate\":"));
        buf_append_double(&b, v->estimate);
    }
    buf_printf(&b, ",\"unit\":\"%s\"}", unit);
    slice text = arena_dup(arena, buf_slice(&b));
    buf_release(&b);
    return text;
}

void pairing_release(struct pairing *p)
{
    free(p->own.at);
    free(p->other.at);
    jaccard_release(&p->jaccard);
    arena_release(&p->scratch);
}
