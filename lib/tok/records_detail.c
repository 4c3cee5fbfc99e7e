#include "records_detail.h"

#include "../hash.h"

#include <stdlib.h>

#define MEMBERS_MAX 8

struct tok_detail_scratch {
    struct tok_scratch *tok;
    struct tokens tokens;
    struct buf text;
};

/* What is written of a record, in one part. */
struct part {
    const struct token *front, *body, *back; /* around the text, and of it */
    ptrdiff_t front_count, body_count, back_count;
    int64_t number; /* of the chunk; -1: the record is not cut */
};

const char *tok_detail_field(const struct tok_detail *d, int span)
{
    static const char *const names[] = { "offsets", "tokens", "type_ids", "chunk" };

    if (span == TOK_DETAIL_PAIR)
        return d->pair_field ? d->pair_field : "pair";
    return names[span - TOK_DETAIL_OFFSETS];
}

struct tok_detail_scratch *tok_detail_scratch_new(const struct tok_detail *d)
{
    struct tok_detail_scratch *s = calloc(1, sizeof *s);

    if (!s)
        mem_oom();
    s->tok = tok_scratch_new(d->records->t);
    return s;
}

void tok_detail_scratch_free(struct tok_detail_scratch *s)
{
    if (!s)
        return;
    tok_scratch_free(s->tok);
    tokens_release(&s->tokens);
    buf_release(&s->text);
    free(s);
}

/* ---- reading ---- */

static bool bad(struct tok_record_result *result, const char *reason, ptrdiff_t at)
{
    result->reason = reason;
    result->at = at;
    return false;
}

static bool read_pair(const struct tok_detail *d, slice raw, const struct json_span *spans,
                      struct arena *arena, slice *pair, struct tok_record_result *result)
{
    struct json_span span = spans[TOK_DETAIL_PAIR];
    struct json_fault fault;

    *pair = (slice){ NULL, 0 };
    if (!d->pair_field || span.count == 0 || span.type == JSON_NULL)
        return true;
    if (span.type != JSON_STRING)
        return bad(result, "the pair is not a string", span.start);
    if (!json_string(raw, span, JSON_SURROGATE_FAIL, arena, pair, NULL, &fault))
        return bad(result, fault.what, fault.at);
    if (!pair->ptr)
        pair->ptr = "";
    return true;
}

static bool encode(const struct tok_detail *d, struct tok_detail_scratch *s, slice raw,
                   const struct json_span *spans, struct arena *arena, bool *paired,
                   struct tok_record_result *result)
{
    struct tok_request request = { .flags = d->records->encode_flags, .dropout = d->dropout };
    struct json_fault fault;
    struct err err = { 0 };

    if (!json_string(raw, spans[TOK_SPAN_SOURCE], JSON_SURROGATE_FAIL, arena, &request.text, NULL,
                     &fault))
        return bad(result, fault.what, fault.at);
    if (!read_pair(d, raw, spans, arena, &request.pair, result))
        return false;
    *paired = request.pair.ptr != NULL;
    request.seed = hash64_of(request.text, d->seed);
    request.wants = (d->offsets ? TOK_WANT_OFFSETS : 0u) | (d->tokens ? TOK_WANT_TEXTS : 0u);
    s->tokens.count = 0;
    if (!tok_encode_tokens(d->records->t, s->tok, &request, &s->tokens, arena, &err))
        return bad(result, arena_dup(arena, slice_of(err.text)).ptr, spans[TOK_SPAN_SOURCE].start);
    result->bytes = request.text.len + request.pair.len;
    return true;
}

/* ---- writing ---- */

static void write_list(const struct part *p, struct buf *out,
                       void (*put)(struct buf *, const struct token *))
{
    const struct token *from[] = { p->front, p->body, p->back };
    ptrdiff_t counts[] = { p->front_count, p->body_count, p->back_count };
    bool first = true;

    buf_append_byte(out, '[');
    for (int k = 0; k < 3; k++)
        for (ptrdiff_t i = 0; i < counts[k]; i++) {
            if (!first)
                buf_append_byte(out, ',');
            first = false;
            put(out, &from[k][i]);
        }
    buf_append_byte(out, ']');
}

static void write_id(struct buf *out, const struct token *t)
{
    buf_append_u64(out, t->id);
}

static void write_type(struct buf *out, const struct token *t)
{
    buf_append_u64(out, t->type_id);
}

static void write_offsets(struct buf *out, const struct token *t)
{
    buf_append_byte(out, '[');
    buf_append_u64(out, t->start);
    buf_append_byte(out, ',');
    buf_append_u64(out, t->end);
    buf_append_byte(out, ']');
}

static void write_text(struct buf *out, const struct token *t)
{
    json_append_bytes(out, t->text.ptr ? t->text : SLICE(""));
}

static slice listed(const struct part *p, struct buf *work, struct arena *arena,
                    void (*put)(struct buf *, const struct token *))
{
    buf_clear(work);
    write_list(p, work, put);
    return arena_dup(arena, buf_slice(work));
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct json_edit removal(slice raw, struct json_span span)
{
    ptrdiff_t start = span.key_start, end = span.start + span.len, at = end;

    while (is_space(raw.ptr[at]))
        at++;
    if (raw.ptr[at] == ',')
        return (struct json_edit){ start, at + 1 - start, { "", 0 } };
    for (at = start; is_space(raw.ptr[at - 1]);)
        at--;
    if (raw.ptr[at - 1] == ',')
        start = at - 1;
    return (struct json_edit){ start, end - start, { "", 0 } };
}

static int by_start(const void *a, const void *b)
{
    const struct json_edit *x = a, *y = b;

    return (x->start > y->start) - (x->start < y->start);
}

struct member {
    const char *key;
    slice value;
    struct json_span span;
};

/* The members that are there are replaced where they stand, the others come last, in order. */
static slice set_members(slice raw, struct json_span top, const struct member *members, int count,
                         const struct json_span *drop, struct arena *arena)
{
    struct json_edit edits[MEMBERS_MAX + 2];
    struct buf tail = { 0 };
    ptrdiff_t n = 0, brace = top.start + top.len - 1, at = brace;

    while (is_space(raw.ptr[at - 1]))
        at--;
    bool empty = raw.ptr[at - 1] == '{';
    if (drop) {
        edits[n++] = removal(raw, *drop);
        empty |= edits[0].len >= brace - top.start - 1;
    }
    for (int i = 0; i < count; i++) {
        const struct member *m = &members[i];
        if (m->span.count > 0) {
            edits[n++] = (struct json_edit){ m->span.start, m->span.len, m->value };
            continue;
        }
        if (!empty || tail.len)
            buf_append_byte(&tail, ',');
        buf_printf(&tail, "\"%s\":", m->key);
        buf_append(&tail, m->value);
    }
    if (tail.len)
        edits[n++] = (struct json_edit){ brace, 0, arena_dup(arena, buf_slice(&tail)) };
    buf_release(&tail);
    qsort(edits, (size_t)n, sizeof *edits, by_start);
    return json_splice(raw, edits, n, arena);
}

static slice write_part(const struct tok_detail *d, struct tok_detail_scratch *s,
                        const struct part *p, bool paired, slice raw, const struct json_span *spans,
                        struct json_span top, struct arena *arena)
{
    struct member m[MEMBERS_MAX];
    int n = 0;

    m[n++] = (struct member){ TOK_IDS_FIELD, listed(p, &s->text, arena, write_id),
                              spans[TOK_SPAN_TARGET] };
    if (d->offsets)
        m[n++] = (struct member){ "offsets", listed(p, &s->text, arena, write_offsets),
                                  spans[TOK_DETAIL_OFFSETS] };
    if (d->tokens)
        m[n++] = (struct member){ "tokens", listed(p, &s->text, arena, write_text),
                                  spans[TOK_DETAIL_TOKENS] };
    if (paired)
        m[n++] = (struct member){ "type_ids", listed(p, &s->text, arena, write_type),
                                  spans[TOK_DETAIL_TYPES] };
    if (p->number >= 0)
        m[n++] = (struct member){ "chunk", arena_printf(arena, "%lld", (long long)p->number),
                                  spans[TOK_DETAIL_CHUNK] };
    return set_members(raw, top, m, n, d->records->drop_source ? &spans[TOK_SPAN_SOURCE] : NULL,
                       arena);
}

/* ---- cutting ---- */

/* What the post-processor put in front and behind stays around each part. */
static void find_edges(const struct tokens *t, ptrdiff_t *front, ptrdiff_t *back)
{
    *front = *back = 0;
    while (*front < t->count && t->items[*front].special)
        ++*front;
    while (*back < t->count - *front && t->items[t->count - 1 - *back].special)
        ++*back;
}

static slice write_parts(const struct tok_detail *d, struct tok_detail_scratch *s, bool paired,
                         slice raw, const struct json_span *spans, struct json_span top,
                         struct arena *arena, struct tok_record_result *result)
{
    const struct tokens *t = &s->tokens;
    struct part p = { .front = t->items, .number = -1 };
    struct buf out = { 0 };
    ptrdiff_t length, body;

    find_edges(t, &p.front_count, &p.back_count);
    body = t->count - p.front_count - p.back_count;
    length = d->max_length ? (ptrdiff_t)d->max_length - p.front_count - p.back_count : body;
    p.back = t->items + t->count - p.back_count;
    result->out_records = 1;
    if (length < 1 && body > 0) {
        bad(result, "the special tokens alone are longer than --max-length", -1);
        return SLICE("");
    }
    if (d->chunk && d->overlap >= length && body > length) {
        bad(result, "--overlap leaves no room for new ids", -1);
        return SLICE("");
    }
    if (body <= length || !d->chunk) {
        p.body = t->items + p.front_count;
        p.body_count = MIN(body, length);
        p.number = d->chunk ? 0 : -1;
        result->tokens = p.front_count + p.body_count + p.back_count;
        return write_part(d, s, &p, paired, raw, spans, top, arena);
    }
    result->out_records = 0;
    for (ptrdiff_t at = 0;; at += length - (ptrdiff_t)d->overlap) {
        p.body = t->items + p.front_count + at;
        p.body_count = MIN(length, body - at);
        p.number++;
        if (out.len)
            buf_append_byte(&out, '\n');
        buf_append(&out, write_part(d, s, &p, paired, raw, spans, top, arena));
        result->tokens += p.front_count + p.body_count + p.back_count;
        result->out_records++;
        if (at + length >= body)
            break;
    }
    slice all = arena_dup(arena, buf_slice(&out));
    buf_release(&out);
    return all;
}

void tok_record_detail(const struct tok_detail *d, struct tok_detail_scratch *s, slice raw,
                       const struct json_span *spans, struct json_span top, struct arena *arena,
                       struct tok_record_result *result)
{
    bool paired;

    *result = (struct tok_record_result){ .at = -1 };
    if (encode(d, s, raw, spans, arena, &paired, result))
        result->out = write_parts(d, s, paired, raw, spans, top, arena, result);
}
