#include "records.h"

#include "base64.h"

#include <stdlib.h>

#define ID_TEXT_MAX 11 /* ten digits and a comma */

struct tok_records_scratch {
    struct tok_scratch *tok;
    struct tok_ids ids;
    struct buf bytes, text;
};

const char *tok_records_source(const struct tok_records *r)
{
    return r->mode == TOK_RECORDS_DECODE ? TOK_IDS_FIELD : r->text_field;
}

const char *tok_records_target(const struct tok_records *r)
{
    static const char *const names[] = { TOK_IDS_FIELD, TOK_COUNT_FIELD };

    return r->mode == TOK_RECORDS_DECODE ? r->text_field : names[r->mode];
}

struct tok_records_scratch *tok_records_scratch_new(const struct tok_records *r)
{
    struct tok_records_scratch *s = calloc(1, sizeof *s);

    if (!s)
        mem_oom();
    s->tok = tok_scratch_new(r->t);
    return s;
}

void tok_records_scratch_free(struct tok_records_scratch *s)
{
    if (!s)
        return;
    tok_scratch_free(s->tok);
    tok_ids_release(&s->ids);
    buf_release(&s->bytes);
    buf_release(&s->text);
    free(s);
}

static inline bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void bad(struct tok_record_result *result, const char *reason, ptrdiff_t at)
{
    result->reason = reason;
    result->at = at;
}

/* ---- writing ids ---- */

static const char two_digits[] = "00010203040506070809101112131415161718192021222324252627282930313"
                                 "233343536373839404142434445464748"
                                 "49505152535455565758596061626364656667686970717273747576777879808"
                                 "182838485868788899091929394959697"
                                 "9899";

/* id < 10^9, and at least one digit. */
static char *write_id(char *dst, uint32_t id)
{
    char digits[12];
    int at = 12;

    while (id >= 100) {
        at -= 2;
        memcpy(digits + at, two_digits + id % 100 * 2, 2);
        id /= 100;
    }
    if (id >= 10) {
        at -= 2;
        memcpy(digits + at, two_digits + id * 2, 2);
    } else {
        digits[--at] = (char)('0' + id);
    }
    memcpy(dst, digits + at, (size_t)(12 - at));
    return dst + (12 - at);
}

/* The common lengths without a loop. */
static inline char *write_id_fast(char *dst, uint32_t id)
{
    if (id < 10) {
        *dst = (char)('0' + id);
        return dst + 1;
    }
    if (id < 1000) {
        uint32_t high = id / 10;
        if (id < 100) {
            memcpy(dst, two_digits + id * 2, 2);
            return dst + 2;
        }
        memcpy(dst, two_digits + high * 2, 2);
        dst[2] = (char)('0' + id % 10);
        return dst + 3;
    }
    if (id < 100000) {
        uint32_t top = id / 10000, middle = id / 100 % 100;
        *dst = (char)('0' + top);
        dst += top != 0;
        memcpy(dst, two_digits + middle * 2, 2);
        memcpy(dst + 2, two_digits + id % 100 * 2, 2);
        return dst + 4;
    }
    return write_id(dst, id);
}

static char *write_ids(char *dst, const struct tok_ids *ids)
{
    *dst++ = '[';
    for (ptrdiff_t i = 0; i < ids->count; i++) {
        dst = write_id_fast(dst, ids->ids[i]);
        *dst++ = ',';
    }
    dst -= ids->count > 0;
    *dst++ = ']';
    return dst;
}

/* ---- putting the member into the record ---- */

/* The edit that takes a member out with the comma that goes with it. */
static struct json_edit remove_member(slice raw, struct json_span span)
{
    ptrdiff_t start = span.key_start, end = span.start + span.len, at = end;

    while (is_space(raw.ptr[at]))
        at++;
    if (raw.ptr[at] == ',') {
        for (end = at + 1; is_space(raw.ptr[end]);)
            end++;
        return (struct json_edit){ start, end - start, { "", 0 } };
    }
    for (at = start; is_space(raw.ptr[at - 1]);)
        at--;
    if (raw.ptr[at - 1] == ',')
        start = at - 1;
    return (struct json_edit){ start, end - start, { "", 0 } };
}

static bool is_plain(const char *path)
{
    return !strchr(path, '.') && !strchr(path, '\\');
}

static slice key_and_value(const char *key, slice value, struct arena *arena)
{
    ptrdiff_t key_len = (ptrdiff_t)strlen(key);
    char *dst = arena_alloc_raw(arena, JSON_QUOTED_MAX(key_len) + 1 + value.len, 1), *p;

    p = json_write_string(dst, slice_make(key, key_len));
    *p++ = ':';
    memcpy(p, value.ptr, (size_t)value.len);
    return slice_make(dst, p + value.len - dst);
}

/* Any record: the member may be there already, and the source may have to go. */
static slice set_member(const struct tok_records *r, slice raw, const struct json_span *spans,
                        struct json_span top, slice value, struct arena *arena)
{
    struct json_span source = spans[TOK_SPAN_SOURCE], target = spans[TOK_SPAN_TARGET];
    const char *key = tok_records_target(r);
    struct json_edit edits[2];
    ptrdiff_t count = 0;

    if (r->drop_source && target.count == 0 && is_plain(tok_records_source(r))) {
        ptrdiff_t len = source.start + source.len - source.key_start;
        edits[count++] =
            (struct json_edit){ source.key_start, len, key_and_value(key, value, arena) };
        return json_splice(raw, edits, count, arena);
    }
    edits[count++] = json_edit_set(raw, top, target, key, value, arena);
    if (r->drop_source) {
        edits[count++] = remove_member(raw, source);
        if (edits[1].start < edits[0].start) {
            struct json_edit swap = edits[0];
            edits[0] = edits[1];
            edits[1] = swap;
        }
    }
    return json_splice(raw, edits, count, arena);
}

/* Where the new member goes in the common record, which does not have it yet: in the place of the
 * source, or in front of the closing brace. The name of the member stands in front of its value. */
struct place {
    ptrdiff_t start, end; /* of what is replaced */
    const char *lead;     /* "," when a member is there before */
};

static bool find_place(const struct tok_records *r, const struct json_span *spans,
                       struct json_span top, struct place *place)
{
    const struct json_span *source = &spans[TOK_SPAN_SOURCE];
    ptrdiff_t brace = top.start + top.len - 1;

    if (spans[TOK_SPAN_TARGET].count > 0 || (r->drop_source && !is_plain(tok_records_source(r))))
        return false;
    *place = (struct place){ brace, brace, "," };
    if (r->drop_source)
        *place = (struct place){ source->key_start, source->start + source->len, "" };
    return true;
}

/* The record up to the value, which is written where it stays: room for `most` bytes of it. */
static char *open_place(const struct tok_records *r, slice raw, const struct place *place,
                        ptrdiff_t most, struct arena *arena, char **start)
{
    const char *key = tok_records_target(r);
    ptrdiff_t key_len = (ptrdiff_t)strlen(key);
    char *p =
        arena_alloc_raw(arena, raw.len + JSON_QUOTED_MAX(key_len) + 2 + most + RECORD_PADDING, 16);

    *start = p;
    memcpy(p, raw.ptr, (size_t)place->start);
    p += place->start;
    if (*place->lead)
        *p++ = *place->lead;
    p = json_write_string(p, slice_make(key, key_len));
    *p++ = ':';
    return p;
}

static slice close_place(slice raw, const struct place *place, char *start, char *p,
                         struct arena *arena)
{
    memcpy(p, raw.ptr + place->end, (size_t)(raw.len - place->end));
    p += raw.len - place->end;
    arena_trim(arena, p + RECORD_PADDING);
    return slice_make(start, p - start);
}

static slice ids_text(const struct tok_ids *ids, struct arena *arena)
{
    char *dst = arena_alloc_raw(arena, 2 + ids->count * ID_TEXT_MAX, 16);

    return slice_make(dst, write_ids(dst, ids) - dst);
}

/* ---- the modes ---- */

/* The ids of a record, in s->ids. */
static bool encode_ids(const struct tok_records *r, struct tok_records_scratch *s, slice raw,
                       const struct json_span *spans, struct arena *arena,
                       struct tok_record_result *result)
{
    struct json_fault fault;
    struct err err = { 0 };
    slice text;

    if (!json_string(raw, spans[TOK_SPAN_SOURCE], JSON_SURROGATE_FAIL, arena, &text, NULL,
                     &fault)) {
        bad(result, fault.what, fault.at);
        return false;
    }
    s->ids.count = 0;
    if (!tok_encode(r->t, s->tok, text, r->encode_flags, &s->ids, &err)) {
        bad(result, arena_dup(arena, slice_of(err.text)).ptr, spans[TOK_SPAN_SOURCE].start);
        return false;
    }
    result->tokens = s->ids.count;
    result->bytes = text.len;
    return true;
}

const struct tok_ids *tok_record_ids(const struct tok_records *r, struct tok_records_scratch *s,
                                     slice raw, const struct json_span *spans, struct arena *arena,
                                     struct tok_record_result *result)
{
    *result = (struct tok_record_result){ .at = -1 };
    return encode_ids(r, s, raw, spans, arena, result) ? &s->ids : NULL;
}

static void encode(const struct tok_records *r, struct tok_records_scratch *s, slice raw,
                   const struct json_span *spans, struct json_span top, struct arena *arena,
                   struct tok_record_result *result)
{
    struct place place;
    char *p, *start;

    if (!encode_ids(r, s, raw, spans, arena, result))
        return;
    if (r->mode == TOK_RECORDS_COUNT) {
        slice count = arena_printf(arena, "%lld", (long long)s->ids.count);
        result->out = set_member(r, raw, spans, top, count, arena);
    } else if (find_place(r, spans, top, &place)) {
        p = open_place(r, raw, &place, 2 + s->ids.count * ID_TEXT_MAX, arena, &start);
        result->out = close_place(raw, &place, start, write_ids(p, &s->ids), arena);
    } else {
        result->out = set_member(r, raw, spans, top, ids_text(&s->ids, arena), arena);
    }
}

/* [1, 22, 333]: false with what is wrong at which byte. Only integers below 2^32 are ids. */
static bool read_ids(slice raw, struct json_span span, struct tok_ids *ids,
                     struct tok_record_result *result)
{
    const char *p = raw.ptr + span.start + 1, *end = raw.ptr + span.start + span.len - 1;

    ids->count = 0;
    while (p < end) {
        uint64_t n = 0;
        while (p < end && is_space(*p))
            p++;
        if (p == end)
            break;
        const char *start = p;
        for (; *p >= '0' && *p <= '9' && n <= UINT32_MAX; p++)
            n = n * 10 + (uint64_t)(*p - '0');
        if (p == start || n > UINT32_MAX || !(is_space(*p) || *p == ',' || *p == ']')) {
            bad(result, "not a token id", start - raw.ptr);
            return false;
        }
        if (ids->count == ids->cap) {
            ids->cap = MAX(ids->cap * 2, 1024);
            ids->ids = realloc(ids->ids, (size_t)ids->cap * sizeof *ids->ids);
            if (!ids->ids)
                mem_oom();
        }
        ids->ids[ids->count++] = (uint32_t)n;
        while (p < end && is_space(*p))
            p++;
        p += p < end; /* the comma */
    }
    return true;
}

/* Bytes that are not UTF-8: an error, or base64 in FIELD_b64 in the place of the text. */
static void decode_invalid(const struct tok_records *r, slice bytes, slice raw,
                           const struct json_span *spans, struct json_span top, struct arena *arena,
                           struct tok_record_result *result)
{
    if (r->invalid == TOK_INVALID_ERROR) {
        bad(result, "the bytes of the ids are not UTF-8", spans[TOK_SPAN_SOURCE].start);
        return;
    }
    slice text = base64_encode(bytes, arena);
    const char *key = arena_printf(arena, "%s_b64", r->text_field).ptr;
    slice value = arena_printf(arena, "\"%.*s\"", SLICE_ARG(text));
    struct json_edit edit = json_edit_set(raw, top, (struct json_span){ 0 }, key, value, arena);
    result->bytes = bytes.len;
    result->out = json_splice(raw, &edit, 1, arena);
}

static void decode(const struct tok_records *r, struct tok_records_scratch *s, slice raw,
                   const struct json_span *spans, struct json_span top, struct arena *arena,
                   struct tok_record_result *result)
{
    struct err err = { 0 };
    struct place place;
    char *p, *start;

    if (!read_ids(raw, spans[TOK_SPAN_SOURCE], &s->ids, result))
        return;
    buf_clear(&s->bytes);
    if (!tok_decode(r->t, s->ids.ids, s->ids.count, r->decode_flags, &s->bytes, &err)) {
        bad(result, arena_dup(arena, slice_of(err.text)).ptr, spans[TOK_SPAN_SOURCE].start);
        return;
    }
    slice text = s->bytes.len ? buf_slice(&s->bytes) : SLICE("");
    if (!json_utf8_valid(text) && r->invalid != TOK_INVALID_REPLACE) {
        decode_invalid(r, text, raw, spans, top, arena, result);
        return;
    }
    if (!json_utf8_valid(text)) {
        buf_clear(&s->text);
        tok_append_utf8(&s->text, text);
        text = buf_slice(&s->text);
    }
    result->tokens = s->ids.count;
    result->bytes = text.len;
    if (find_place(r, spans, top, &place)) {
        p = open_place(r, raw, &place, JSON_QUOTED_MAX(text.len), arena, &start);
        result->out = close_place(raw, &place, start, json_write_string(p, text), arena);
        return;
    }
    char *quoted = arena_alloc_raw(arena, JSON_QUOTED_MAX(text.len), 16);
    char *end = json_write_string(quoted, text);
    arena_trim(arena, end);
    result->out = set_member(r, raw, spans, top, slice_make(quoted, end - quoted), arena);
}

void tok_record(const struct tok_records *r, struct tok_records_scratch *s, slice raw,
                const struct json_span *spans, struct json_span top, struct arena *arena,
                struct tok_record_result *result)
{
    *result = (struct tok_record_result){ .at = -1 };
    if (r->mode == TOK_RECORDS_DECODE)
        decode(r, s, raw, spans, top, arena, result);
    else
        encode(r, s, raw, spans, top, arena, result);
}
