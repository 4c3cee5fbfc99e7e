/* Input bytes -> batches of whole lines. A batch belongs to one input file. */
#include "flow_private.h"
#include "log.h"

/* Buffers that a long record blew up shrink again. */

bool reader_open(struct flow *f, struct err *err)
{
    struct reader *r = &f->reader;

    r->max_record = f->conf.max_record;
    r->take = f->conf.part;
    r->take_of = f->conf.part_count;
    r->file_index = -1;
    r->in = in_open(&f->conf.in, err);
    if (!r->in)
        return false;
    f->raw_total = in_raw_total(r->in);
    return true;
}

void reader_close(struct reader *r)
{
    if (r->in)
        in_close(r->in);
    r->in = NULL;
    buf_release(&r->carry);
}

static int64_t count_newlines(slice s)
{
    int64_t n = 0;

    for (ptrdiff_t i; (i = slice_find(s, '\n')) >= 0; s = slice_from(s, i + 1))
        n++;
    return n;
}

/* Called when bytes of a new input have arrived in an empty batch. */
static void file_begin(struct reader *r, struct batch *b)
{
    r->file_index = in_index(r->in);
    r->file = in_name(r->in);
    r->line = 1;
    r->offset = 0;
    b->file = r->file;
    b->first_line = 1;
    b->base_offset = 0;
}

/* One U+FEFF at the start of an input. Its first bytes may come one by one, so the caller asks
 * again until three are there (or none of them can be it). */
static bool bom_skip(struct reader *r, struct batch *b, bool *undecided)
{
    ptrdiff_t n = MIN(b->data.len, 3);

    *undecided = n < 3 && memcmp(b->data.ptr, "\xEF\xBB\xBF", (size_t)n) == 0;
    if (n < 3 || memcmp(b->data.ptr, "\xEF\xBB\xBF", 3) != 0)
        return false;
    log_notice("%s: skipped a byte order mark at its start", r->file);
    buf_consume(&b->data, 3);
    b->base_offset = 3;
    return true;
}

/* Drops the rest of an oversize record from what was just read. */
static void skip_rest(struct reader *r, struct batch *b)
{
    ptrdiff_t nl = slice_find(buf_slice(&b->data), '\n');
    ptrdiff_t drop = nl < 0 ? b->data.len : nl + 1;

    r->offset += drop;
    buf_consume(&b->data, drop);
    if (nl >= 0) {
        r->skipping = false;
        r->line++;
    }
    b->base_offset = r->offset;
    b->first_line = r->line;
}

/* The batch ends after byte `end`; the rest is carried over. */
static void ship(struct reader *r, struct batch *b, ptrdiff_t end)
{
    buf_append(&r->carry, slice_from(buf_slice(&b->data), end));
    b->data.len = end;
    r->offset = b->base_offset + end;
    if (r->count_lines)
        r->line = b->first_line + count_newlines(buf_slice(&b->data));
}

static void ship_oversize(struct reader *r, struct batch *b)
{
    r->offset = b->base_offset + b->data.len;
    b->data.len = MIN(b->data.len, oversize_kept(r->max_record));
    b->oversize = true;
    r->skipping = true;
}

static void end_input(struct reader *r, struct batch *b, enum in_status status, struct err *err)
{
    r->skipping = false;
    if (status == IN_NEXT)
        return;
    r->ended = true;
    b->last = true;
    if (status == IN_FAIL)
        b->err = *err;
}

static void make_room(struct reader *r, struct batch *b)
{
    if (b->data.len + 4096 > b->data.cap) {
        ptrdiff_t more = MAX(b->data.len, FLOW_BATCH_BYTES);
        buf_reserve(&b->data, MAX(4096, MIN(more, r->max_record + 65536 - b->data.len)));
    }
}

void reader_fill(struct reader *r, struct batch *b)
{
    ptrdiff_t newline = -1; /* the last one in the batch */
    bool undecided = false; /* about a byte order mark */
    struct err err = { 0 };

    batch_clear(b);
    buf_reserve(&b->data, FLOW_BATCH_BYTES);
    buf_append(&b->data, buf_slice(&r->carry));
    buf_clear(&r->carry);
    b->file = r->file;
    b->max_record = r->max_record;
    b->take = r->take;
    b->take_of = r->take_of;
    b->first_line = r->line;
    b->base_offset = r->offset;
    if (r->ended) {
        b->last = true;
        return;
    }
    for (;;) {
        ptrdiff_t got = 0, old = b->data.len;
        make_room(r, b);
        enum in_status st = in_read(r->in, b->data.ptr + old, b->data.cap - old, &got, &err);
        b->raw_bytes = in_raw_bytes(r->in);
        if (st != IN_DATA) {
            /* A last line without a newline is a line, unless the input broke in the middle. */
            if (st == IN_FAIL)
                b->data.len = newline + 1;
            end_input(r, b, st, &err);
            if (b->last || b->data.len > 0) {
                if (r->count_lines)
                    r->line = b->first_line + count_newlines(buf_slice(&b->data));
                return;
            }
            continue;
        }
        b->bytes_in += got;
        b->data.len += got;
        if (in_index(r->in) != r->file_index) {
            file_begin(r, b);
            undecided = true;
        }
        if (r->skipping) {
            skip_rest(r, b);
            old = 0;
        } else if (undecided && bom_skip(r, b, &undecided)) {
            old = 0;
        }
        const char *nl = b->data.len > old
                             ? memrchr(b->data.ptr + old, '\n', (size_t)(b->data.len - old))
                             : NULL;
        if (nl)
            newline = nl - b->data.ptr;
        if (newline < 0 && b->data.len > r->max_record) {
            ship_oversize(r, b);
            return;
        }
        bool full = b->data.len >= FLOW_BATCH_BYTES;
        b->idle = newline >= 0 && !full && !in_ready(r->in);
        if (newline >= 0 && (full || b->idle)) {
            ship(r, b, newline + 1);
            return;
        }
    }
}
