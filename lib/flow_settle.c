/* One record's way through the runtime: cut out, checked, settled. */
#include "flow_private.h"

#include <stdlib.h>

/* Output of a record up to this size is copied behind its neighbours: cheaper than an iovec. */
#define COPY_MAX (2 << 10)
/* A buffer that a huge record made larger than this is not kept for the next batch. */
#define SHRINK_OVER (4 * FLOW_BATCH_BYTES)

void batch_clear(struct batch *b)
{
    arena_reset(&b->arena);
    buf_clear(&b->data);
    buf_clear(&b->outbuf);
    b->part_count = b->rec_count = 0;
    b->events = NULL;
    b->events_tail = &b->events;
    b->unit = (struct flow_unit){ .arena = &b->arena };
    b->lines = b->in = b->kept = b->records_out = b->empty_lines = 0;
    b->bytes_in = b->raw_bytes = 0;
    b->oversize = b->idle = b->last = false;
    b->err = (struct err){ 0 };
}

void batch_shrink(struct batch *b)
{
    arena_reset(&b->arena);
    if (b->data.cap > SHRINK_OVER)
        buf_release(&b->data);
    if (b->outbuf.cap > SHRINK_OVER)
        buf_release(&b->outbuf);
}

void batch_release(struct batch *b)
{
    arena_release(&b->arena);
    buf_release(&b->data);
    buf_release(&b->outbuf);
    free(b->parts);
    free(b->recs);
    free(b->verdicts);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

bool batch_next(struct batch *b, ptrdiff_t *at, struct flow_record *rec)
{
    while (*at < b->data.len) {
        slice rest = slice_from(buf_slice(&b->data), *at);
        ptrdiff_t nl = slice_find(rest, '\n');
        slice line = { rest.ptr, nl < 0 ? rest.len : nl };
        int64_t offset = b->base_offset + *at;

        *at += line.len + (nl >= 0);
        b->lines++;
        /* A line that is too long stays as it is: the reader may have cut it before its end. */
        bool fits = line.len <= b->max_record;
        while (fits && line.len > 0 && is_blank(line.ptr[line.len - 1]))
            line.len--;
        while (fits && line.len > 0 && is_blank(*line.ptr)) {
            line = slice_from(line, 1);
            offset++;
        }
        if (line.len == 0) {
            b->empty_lines++;
            continue;
        }
        if (!part_has(b, line))
            continue;
        *rec = (struct flow_record){
            .raw = line,
            .file = b->file,
            .line = b->first_line + b->lines - 1,
            .offset = offset,
            .index = -1,
        };
        return true;
    }
    return false;
}

static bool bad(struct flow_verdict *v, const char *reason, ptrdiff_t at)
{
    *v = (struct flow_verdict){ .action = FLOW_BAD, .reason = reason, .at = at };
    return false;
}

static const char *type_names(unsigned types, struct arena *arena)
{
    static const char *const names[] = { "",         "null",     "false",    "true",
                                         "a number", "a string", "an array", "an object" };
    slice all = { "", 0 };

    for (int t = JSON_NULL; t <= JSON_OBJECT; t++)
        if (types & FLOW_TYPE(t))
            all = arena_printf(arena, "%s%s%s", all.ptr, all.len ? " or " : "", names[t]);
    return all.ptr;
}

bool record_check(const struct flow *f, struct flow_record *rec, struct json_span *spans,
                  struct arena *arena, struct flow_verdict *v)
{
    struct json_fault fault;

    if (rec->raw.len > f->conf.max_record) {
        rec->raw.len = oversize_kept(f->conf.max_record);
        return bad(v, "record longer than --max-record", -1);
    }
    if (UNLIKELY(!json_scan(rec->raw, &f->query, spans, &rec->top, &fault)))
        return bad(v, fault.what, fault.at);
    if (rec->top.type != JSON_OBJECT)
        return bad(v, "not a JSON object", 0);
    rec->spans = spans;
    for (int i = 0; i < f->conf.field_count; i++) {
        const struct flow_field *field = &f->conf.fields[i];
        if (LIKELY(spans[i].count == 1)) {
            if (UNLIKELY(field->types && !(field->types & FLOW_TYPE(spans[i].type))))
                return bad(v,
                           arena_printf(arena, "member '%s' is not %s", field->path,
                                        type_names(field->types, arena))
                               .ptr,
                           spans[i].start);
        } else if (spans[i].count > 1) {
            return bad(v, arena_printf(arena, "duplicate of member '%s'", field->path).ptr,
                       spans[i].key_start);
        } else if (field->required) {
            return bad(v, arena_printf(arena, "no member '%s'", field->path).ptr, -1);
        }
    }
    return true;
}

static void part_add(struct batch *b, const char *ptr, ptrdiff_t offset, ptrdiff_t len)
{
    if (b->part_count > 0) {
        struct part *last = &b->parts[b->part_count - 1];
        bool joins = ptr ? last->ptr && last->ptr + last->len == ptr
                         : !last->ptr && last->offset + last->len == offset;
        if (joins) {
            last->len += len;
            return;
        }
    }
    if (b->part_count == b->part_cap) {
        b->part_cap = MAX(256, b->part_cap * 2);
        b->parts = realloc(b->parts, (size_t)b->part_cap * sizeof *b->parts);
        if (!b->parts)
            mem_oom();
    }
    b->parts[b->part_count++] = (struct part){ ptr, offset, len };
}

static void part_copy(struct batch *b, slice s, bool newline)
{
    ptrdiff_t offset = b->outbuf.len;
    char *p = buf_reserve(&b->outbuf, s.len + 1);

    if (s.len)
        memcpy(p, s.ptr, (size_t)s.len);
    if (newline)
        p[s.len] = '\n';
    b->outbuf.len += s.len + newline;
    part_add(b, NULL, offset, s.len + newline);
}

struct event *batch_settle(struct batch *b, const struct flow_record *rec,
                           const struct flow_verdict *v, bool newline)
{
    if (UNLIKELY(v->action != FLOW_KEEP)) {
        struct event *e = arena_new(&b->arena, struct event, 1);
        *e = (struct event){
            .rec = *rec,
            .verdict = *v,
            .parts_before = b->part_count,
            .in_before = b->in++,
            .kept_before = b->kept,
            .out_before = b->records_out,
        };
        *b->events_tail = e;
        b->events_tail = &e->next;
        return e;
    }
    b->in++;
    b->kept++;
    if (!v->out.ptr) {
        const char *end = rec->raw.ptr + rec->raw.len;
        b->records_out++;
        /* The byte after the record is in the batch or in its padding. */
        if (LIKELY(*end == '\n' && end < b->data.ptr + b->data.len)) {
            part_add(b, rec->raw.ptr, 0, rec->raw.len + 1);
        } else {
            part_add(b, rec->raw.ptr, 0, rec->raw.len);
            part_copy(b, SLICE(""), true);
        }
    } else if (v->out_records >= 0) {
        b->records_out += v->out_records ? v->out_records : 1;
        if (v->out.len > COPY_MAX) {
            part_add(b, v->out.ptr, 0, v->out.len);
            if (newline)
                part_copy(b, SLICE(""), true);
        } else {
            part_copy(b, v->out, newline);
        }
    }
    return NULL;
}

/* ---- rejects and drops ---- */

static void append_base64(struct buf *b, slice s)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (ptrdiff_t i = 0; i < s.len; i += 3) {
        const unsigned char *p = (const unsigned char *)s.ptr + i;
        ptrdiff_t n = MIN(3, s.len - i);
        unsigned v = (unsigned)p[0] << 16 | (n > 1 ? p[1] << 8 : 0) | (n > 2 ? p[2] : 0);
        char four[4] = { digits[v >> 18], digits[v >> 12 & 63], n > 1 ? digits[v >> 6 & 63] : '=',
                         n > 2 ? digits[v & 63] : '=' };
        buf_append(b, slice_make(four, 4));
    }
}

static bool too_many(struct flow *f, struct err *err)
{
    return err_set(err, ERR_FINDING, "%lld bad records, more than --max-errors allows: see %s",
                   (long long)f->report->rejected, f->conf.rejects);
}

bool reject_write(struct flow *f, const struct flow_reject *r, ptrdiff_t at, struct arena *arena,
                  struct err *err)
{
    struct buf b = { 0 };

    if (!f->rejects) {
        slice place = r->line ? arena_printf(arena, "%s:%lld", r->file, (long long)r->line)
                              : slice_of(r->file);
        if (at >= 0)
            place = arena_printf(arena, "%s: byte %td", place.ptr, at + 1);
        return err_set(err, ERR_DATA, "%s: %s", place.ptr, r->reason);
    }
    f->report->rejected++;
    buf_append(&b, SLICE("{\"file\":"));
    json_append_bytes(&b, slice_of(r->file));
    if (r->line)
        buf_printf(&b, ",\"line\":%lld", (long long)r->line);
    if (r->offset >= 0)
        buf_printf(&b, ",\"offset\":%lld", (long long)r->offset);
    buf_append(&b, SLICE(",\"reason\":"));
    json_append_bytes(&b, slice_of(r->reason));
    if (r->raw.ptr && json_utf8_valid(r->raw)) {
        buf_append(&b, SLICE(",\"raw\":"));
        json_append_string(&b, r->raw);
    } else if (r->raw.ptr) {
        buf_append(&b, SLICE(",\"raw_b64\":\""));
        append_base64(&b, r->raw);
        buf_append(&b, SLICE("\""));
    }
    buf_append(&b, SLICE("}\n"));
    bool ok = out_write(f->rejects, buf_slice(&b), err);
    buf_release(&b);
    if (ok && f->conf.max_errors >= 0 && f->report->rejected > f->conf.max_errors)
        ok = too_many(f, err);
    return ok;
}

static bool drop_write(struct flow *f, const struct event *e, struct arena *arena, struct err *err)
{
    const struct flow_verdict *v = &e->verdict;
    struct buf b = { 0 };

    ASSERT(v->rule >= 0 && v->rule < f->conf.rule_count);
    ++*report_rule(f->report, f->conf.rules[v->rule]);
    if (!f->drops)
        return true;
    buf_append(&b, SLICE("{\"by\":"));
    json_append_string(&b, slice_of(f->conf.command));
    buf_append(&b, SLICE(",\"rule\":"));
    json_append_string(&b, slice_of(f->conf.rules[v->rule]));
    if (v->value.len) {
        buf_append(&b, SLICE(",\"value\":"));
        buf_append(&b, v->value);
    }
    if (v->limit.len) {
        buf_append(&b, SLICE(",\"limit\":"));
        buf_append(&b, v->limit);
    }
    buf_append(&b, SLICE("}"));
    /* A "_drop" of an earlier tool stays: theirs is not ours to replace, and readers take the last. */
    struct json_edit edit = json_edit_set(e->rec.raw, e->rec.top, (struct json_span){ 0 }, "_drop",
                                          buf_slice(&b), arena);
    slice line = json_splice(e->rec.raw, &edit, 1, arena);
    bool ok = out_writev(f->drops, (slice[]){ line, SLICE("\n") }, 2, err);
    buf_release(&b);
    return ok;
}

bool event_commit(struct flow *f, const struct event *e, struct arena *arena, struct err *err)
{
    if (e->verdict.action == FLOW_DROP)
        return drop_write(f, e, arena, err);
    struct flow_reject r = { .file = e->rec.file,
                             .line = e->rec.line,
                             .offset = e->rec.offset,
                             .reason = e->verdict.reason,
                             .raw = e->rec.raw };
    return reject_write(f, &r, e->verdict.at, arena, err);
}

bool flow_settle_late(struct flow *f, const struct flow_record *rec, const struct flow_verdict *v,
                      struct arena *arena, struct err *err)
{
    struct event e = { .rec = *rec, .verdict = *v };

    if (v->action != FLOW_KEEP) {
        f->report->out--;
        return event_commit(f, &e, arena, err);
    }
    slice s = v->out.ptr ? v->out : rec->raw;
    return flow_emit(f, s, v->out.ptr && v->out_records ? v->out_records : 1, err) &&
           (!f->out || out_write(f->out, SLICE("\n"), err)) && (f->report->bytes_out++, true);
}

bool batch_write(struct flow *f, struct batch *b, ptrdiff_t count, struct err *err)
{
    if (count > f->gather.cap) {
        f->gather.cap = MAX(count, 2 * f->gather.cap);
        f->gather.items = realloc(f->gather.items, (size_t)f->gather.cap * sizeof(slice));
        if (!f->gather.items)
            mem_oom();
    }
    for (ptrdiff_t i = 0; i < count; i++) {
        const struct part *p = &b->parts[i];
        f->gather.items[i] = slice_make(p->ptr ? p->ptr : b->outbuf.ptr + p->offset, p->len);
        f->report->bytes_out += p->len;
    }
    return count == 0 || !f->out || out_writev(f->out, f->gather.items, count, err);
}

void flow_progress(struct flow *f)
{
    const struct report *r = f->report;
    struct progress_state s = {
        .in = r->in,
        .out = r->out,
        .dropped = report_dropped(r),
        .rejected = r->rejected,
        .bytes_in = r->bytes_in,
        .raw_bytes = f->raw_bytes,
        .raw_total = f->raw_total,
    };

    if (f->progress)
        progress_update(f->progress, &s);
}

/* ---- for tools ---- */

bool flow_text(const struct flow_record *rec, int field, struct arena *arena, slice *text,
               struct flow_verdict *verdict)
{
    struct json_fault fault;

    return json_string(rec->raw, rec->spans[field], JSON_SURROGATE_FAIL, arena, text, NULL,
                       &fault) ||
           bad(verdict, fault.what, fault.at);
}

slice flow_id(const struct flow_record *rec, int field, struct arena *arena)
{
    const struct json_span *s = field >= 0 && rec->spans ? &rec->spans[field] : NULL;
    struct json_fault fault;
    slice text;

    if (s && s->count == 1 && s->type == JSON_NUMBER)
        return slice_make(rec->raw.ptr + s->start, s->len);
    if (s && s->count == 1 && s->type == JSON_STRING &&
        json_string(rec->raw, *s, JSON_SURROGATE_REPLACE, arena, &text, NULL, &fault))
        return text;
    return arena_printf(arena, "%s:%lld", rec->file, (long long)rec->line);
}
