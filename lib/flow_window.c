/* The window form: records are pulled one by one and settled in any order; output keeps the order of
 * the input. Everything runs on the caller's thread. */
#include "flow_private.h"
#include "os.h"

#include <stdlib.h>

static void held_free(struct held *h)
{
    arena_release(&h->arena);
    free(h);
}

/* A copy that lives until it is pushed: the batch is refilled long before. */
static struct held *hold(struct flow *f, const struct flow_record *rec,
                         const struct json_span *spans)
{
    struct held *h = calloc(1, sizeof *h);

    if (!h)
        mem_oom();
    char *raw = arena_alloc_raw(&h->arena, rec->raw.len + RECORD_PADDING, 1);
    memcpy(raw, rec->raw.ptr, (size_t)rec->raw.len);
    memset(raw + rec->raw.len, 0, RECORD_PADDING);
    h->rec = *rec;
    h->rec.raw.ptr = raw;
    h->rec.index = f->index++;
    struct json_span *own = arena_new(&h->arena, struct json_span, MAX(1, f->conf.field_count));
    if (f->conf.field_count)
        memcpy(own, spans, (size_t)f->conf.field_count * sizeof *own);
    h->rec.spans = own;
    *f->tail = h;
    f->tail = &h->next;
    return h;
}

static bool settle_one(struct flow *f, struct held *h, struct err *err)
{
    const struct flow_verdict *v = &h->verdict;
    struct report *r = f->report;

    r->in++;
    if (v->action != FLOW_KEEP) {
        struct event e = { .rec = h->rec, .verdict = *v };
        if (event_commit(f, &e, &h->arena, err))
            return true;
        if (!f->rejects && v->action == FLOW_BAD)
            r->rejected++;
        return false;
    }
    r->out++;
    if (v->out.ptr && v->out_records < 0)
        return true;
    slice text = v->out.ptr ? v->out : h->rec.raw;
    r->records_out += v->out.ptr && v->out_records ? v->out_records : 1;
    r->bytes_out += text.len + 1;
    return !f->out || out_writev(f->out, (slice[]){ text, SLICE("\n") }, 2, err);
}

/* Writes what is settled at the head. */
static bool drain(struct flow *f, struct err *err)
{
    while (f->head && f->head->settled) {
        struct held *h = f->head;
        bool ok = settle_one(f, h, err);
        f->head = h->next;
        if (!f->head)
            f->tail = &f->head;
        held_free(h);
        if (!ok) {
            f->window_ended = true;
            f->window_err = *err;
            return false;
        }
    }
    flow_progress(f);
    return true;
}

static slice keep_slice(struct held *h, slice s)
{
    return s.ptr ? arena_dup(&h->arena, s) : s;
}

bool flow_push(struct flow *f, struct flow_record *rec, const struct flow_verdict *verdict,
               struct err *err)
{
    struct held *h = (struct held *)rec;

    ASSERT(!h->settled);
    h->verdict = *verdict;
    h->settled = true;
    if (h != f->head) {
        h->verdict.out = keep_slice(h, verdict->out);
        h->verdict.value = keep_slice(h, verdict->value);
        h->verdict.limit = keep_slice(h, verdict->limit);
        if (verdict->reason)
            h->verdict.reason = arena_cstr_dup(&h->arena, slice_of(verdict->reason));
        return true;
    }
    return drain(f, err);
}

bool flow_flush(struct flow *f, struct err *err)
{
    return !f->out || out_flush(f->out, err);
}

/* The next batch. False: nothing more (window_err may say why). */
static bool refill(struct flow *f)
{
    struct batch *b = &f->window;

    if (f->window_filled)
        f->reader.line =
            b->file == f->reader.file && !b->oversize ? b->first_line + b->lines : f->reader.line;
    if (f->window_filled && b->last) {
        if (b->err.class)
            f->window_err = b->err;
        return false;
    }
    reader_fill(&f->reader, b);
    f->window_filled = true;
    f->window_at = 0;
    f->raw_bytes = MAX(f->raw_bytes, b->raw_bytes);
    f->report->bytes_in += b->bytes_in;
    return true;
}

static bool next_record(struct flow *f, struct flow_record *rec)
{
    struct batch *b = &f->window;
    int64_t empty = b->empty_lines;
    bool found;

    if (b->oversize) {
        found = f->window_at == 0 && part_has(b, buf_slice(&b->data));
        f->window_at = 1;
        *rec = (struct flow_record){ .raw = buf_slice(&b->data),
                                     .file = b->file,
                                     .line = b->first_line,
                                     .offset = b->base_offset };
    } else {
        found = batch_next(b, &f->window_at, rec);
    }
    f->report->empty_lines += b->empty_lines - empty;
    return found;
}

static enum flow_pull ended(struct flow *f, struct err *err)
{
    f->window_ended = true;
    if (f->head || !f->window_err.class)
        return FLOW_END;
    *err = f->window_err;
    return FLOW_FAIL;
}

enum flow_pull flow_pull(struct flow *f, bool wait, struct flow_record **out, struct err *err)
{
    struct json_span spans[JSON_MAX_PATHS];
    struct flow_record rec;

    if (!f->reader.in && !f->window_ended && !reader_open(f, err)) {
        f->window_err = *err;
        return ended(f, err);
    }
    while (!f->window_ended) {
        if (os_stopped()) {
            err_set(&f->window_err, ERR_STOP, "stopped by signal %d", os_stopped());
            break;
        }
        if (!next_record(f, &rec)) {
            bool more = !f->window_filled || !f->window.last;
            if (more && !wait && !f->reader.ended && !in_ready(f->reader.in)) {
                if (!flow_flush(f, err)) {
                    f->window_err = *err;
                    break;
                }
                return FLOW_IDLE;
            }
            if (!refill(f))
                break;
            continue;
        }
        struct flow_verdict v = { 0 };
        bool good;
        if (f->window.oversize) {
            v = (struct flow_verdict){ .action = FLOW_BAD,
                                       .at = -1,
                                       .reason = "record longer than --max-record" };
            good = false;
        } else {
            good = record_check(f, &rec, spans, &f->window.arena, &v);
        }
        struct held *h = hold(f, &rec, spans);
        if (good) {
            *out = &h->rec;
            return FLOW_GOT;
        }
        h->settled = true;
        h->verdict = v;
        h->verdict.reason = arena_cstr_dup(&h->arena, slice_of(v.reason));
        /* Without a place for bad records this one ends the run, when its turn comes. */
        if (f->head == h && !drain(f, err))
            break;
        if (!f->rejects)
            break;
    }
    return ended(f, err);
}
