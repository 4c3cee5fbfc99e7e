#include "signing.h"

#include "../hash.h"

#include <stdlib.h>

void signing_init(struct signing *s, const struct signing_options *options, struct arena *arena)
{
    *s = (struct signing){ .shingler = options->shingler,
                           .lsh = { .bands = options->bands, .rows = options->rows },
                           .field = options->field };
    shingle_init(&s->shingler, arena);
    lsh_init(&s->lsh, arena);
    if (!options->compat)
        return;
    s->is_compat = true;
    s->compat = *options->compat;
    compat_init(&s->compat, options->permutations, arena);
}

struct flow_field signing_field(const struct signing *s)
{
    return (struct flow_field){ s->field, true,
                                s->shingler.unit == SHINGLE_IDS ? FLOW_ARRAY : FLOW_STRING };
}

struct sign_sink {
    struct shingle_sink sink;
    const struct lsh *lsh;
    uint32_t *signature;
};

static void sign_block(struct shingle_sink *sink)
{
    struct sign_sink *s = (struct sign_sink *)sink;
    lsh_add(s->lsh, sink->hash, sink->count, s->signature);
}

bool signing_text(const struct signing *s, const struct flow_record *rec, int field,
                  struct arena *arena, struct flow_verdict *verdict, struct signed_record **out)
{
    struct signed_record *k = *out = arena_new(arena, struct signed_record, 1);
    struct json_span span = rec->spans[field];

    if (s->shingler.unit != SHINGLE_IDS)
        return flow_text(rec, field, arena, &k->text, verdict);
    k->text = slice_make(rec->raw.ptr + span.start, span.len);
    return true;
}

/* A signature of another tool; its bands are hashed as ours are. */
static void sign_compat(const struct signing *s, struct signed_record *k, struct arena *arena)
{
    uint64_t *signature = arena_alloc_raw(arena, s->compat.permutations * 8, 8);

    k->shingles = compat_sign(&s->compat, k->text, signature, arena);
    if (!k->shingles)
        return;
    k->keys = arena_alloc_raw(arena, s->lsh.bands * 8, 8);
    for (int b = 0; b < s->lsh.bands; b++) {
        const uint64_t *rows = signature + (ptrdiff_t)b * s->lsh.rows;
        k->keys[b] =
            hash64_of(slice_make((const char *)rows, (ptrdiff_t)s->lsh.rows * 8), (uint64_t)b);
    }
}

bool signing_record(const struct signing *s, const struct flow_record *rec, int field,
                    struct arena *arena, struct flow_verdict *verdict, struct signed_record **out)
{
    struct sign_sink sink = { .sink.flush = sign_block, .lsh = &s->lsh };
    ptrdiff_t at;

    if (!signing_text(s, rec, field, arena, verdict, out))
        return false;
    struct signed_record *k = *out;
    if (s->is_compat) {
        sign_compat(s, k, arena);
        return true;
    }
    k->signature = sink.signature = lsh_new(&s->lsh, arena);
    if (s->shingler.unit == SHINGLE_IDS)
        k->shingles = shingle_ids(&s->shingler, k->text, &sink.sink, &at);
    else
        k->shingles = shingle_text(&s->shingler, k->text, &sink.sink, arena);
    if (k->shingles < 0) {
        *verdict = (struct flow_verdict){ FLOW_BAD, .reason = "not an array of integers",
                                          .at = rec->spans[field].start + at };
        return false;
    }
    if (k->shingles) {
        k->keys = arena_alloc_raw(arena, s->lsh.bands * 8, 8);
        lsh_keys(&s->lsh, k->signature, k->keys);
    }
    return true;
}

struct collect_sink {
    struct shingle_sink sink;
    struct hashes *to;
};

static void collect_block(struct shingle_sink *sink)
{
    struct hashes *h = ((struct collect_sink *)sink)->to;

    if (h->count + sink->count > h->cap) {
        h->cap = MAX(4096, 2 * h->cap);
        h->at = realloc(h->at, (size_t)h->cap * sizeof *h->at);
        if (!h->at)
            mem_oom();
    }
    memcpy(h->at + h->count, sink->hash, (size_t)sink->count * sizeof *h->at);
    h->count += sink->count;
}

void signing_shingles(const struct signing *s, slice text, struct hashes *to, struct arena *scratch)
{
    struct collect_sink sink = { .sink.flush = collect_block, .to = to };
    ptrdiff_t at;

    to->count = 0;
    if (s->shingler.unit == SHINGLE_IDS)
        shingle_ids(&s->shingler, text, &sink.sink, &at);
    else
        shingle_text(&s->shingler, text, &sink.sink, scratch);
}
