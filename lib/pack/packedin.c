#include "packedin.h"

#include "../buf.h"
#include "../os.h"

#include <stdlib.h>

#define BLOCK_BYTES (1 << 20)

struct packed_input {
    struct in *in;
    struct packed_reader reader;
    struct buf bytes;
    ptrdiff_t at; /* of the next item in bytes */
    int64_t taken;
    bool ended;
};

struct packed_input *packed_input_open(const struct in_conf *conf, struct err *err)
{
    struct in *in = in_open(conf, err);
    if (!in)
        return NULL;
    struct packed_input *p = calloc(1, sizeof *p);
    if (!p)
        mem_oom();
    p->in = in;
    return p;
}

/* At least `need` bytes of the item at p->at, unless the inputs end. */
static bool fill(struct packed_input *p, ptrdiff_t need, struct err *err)
{
    buf_consume(&p->bytes, p->at);
    p->at = 0;
    while (p->bytes.len < need && !p->ended) {
        ptrdiff_t got = 0, cap = MAX(BLOCK_BYTES, need - p->bytes.len);
        if (os_stopped())
            return err_set(err, ERR_STOP, "stopped by signal %d", os_stopped());
        /* A length that lies is not believed: memory grows with what really comes. */
        cap = MIN(cap, MAX(BLOCK_BYTES, p->bytes.len));
        enum in_status st = in_read(p->in, buf_reserve(&p->bytes, cap), cap, &got, err);
        if (st == IN_FAIL)
            return false;
        p->ended = st == IN_END;
        p->bytes.len += st == IN_DATA ? got : 0;
        p->taken += st == IN_DATA ? got : 0;
    }
    return true;
}

/* The next item of these kinds; PACKED_MORE: the inputs have ended; PACKED_BAD: see err. */
static enum packed_item next(struct packed_input *p, struct packed_doc *doc, struct err *err)
{
    for (;;) {
        ptrdiff_t used;
        slice rest = slice_make(p->bytes.ptr + p->at, p->bytes.len - p->at);
        enum packed_item item = rest.len || p->reader.open
                                    ? packed_next(&p->reader, rest, &used, doc, err)
                                    : PACKED_MORE;
        if (item == PACKED_MORE && rest.len == 0)
            used = 1;
        if (item != PACKED_MORE) {
            p->at += item == PACKED_BAD ? 0 : used;
            return item;
        }
        if (p->ended)
            return packed_finish(&p->reader, rest.len, err) ? PACKED_MORE : PACKED_BAD;
        if (!fill(p, used, err))
            return PACKED_BAD;
    }
}

bool packed_input_head(struct packed_input *p, struct packed_head *head, struct err *err)
{
    struct packed_doc doc;
    if (next(p, &doc, err) != PACKED_HEAD)
        return false;
    *head = p->reader.head;
    return true;
}

bool packed_input_next(struct packed_input *p, struct packed_doc *doc, struct err *err)
{
    enum packed_item item;
    while ((item = next(p, doc, err)) == PACKED_HEAD || item == PACKED_END)
        ;
    return item == PACKED_DOC;
}

int64_t packed_input_bytes(const struct packed_input *p)
{
    return p->taken;
}

void packed_input_close(struct packed_input *p)
{
    if (!p)
        return;
    in_close(p->in);
    buf_release(&p->bytes);
    free(p);
}
