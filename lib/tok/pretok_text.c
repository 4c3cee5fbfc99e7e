#include "pretok.h"

#include "../unicode.h"
#include "bytelevel.h"

static void drop_empty(struct span_list *list)
{
    ptrdiff_t kept = 0;

    for (ptrdiff_t i = 0; i < list->count; i++)
        if (list->items[i].len > 0)
            list->items[kept++] = list->items[i];
    list->count = kept;
}

static void swap_lists(struct pretok_scratch *s)
{
    struct span_list swap = s->in;

    s->in = s->out;
    s->out = swap;
}

/* Every piece by itself. */
static bool split(const struct pretok_stage *stage, struct pretok_scratch *s, slice text,
                  struct err *err)
{
    s->out.count = 0;
    for (ptrdiff_t k = 0; k < s->in.count; k++) {
        struct span in = s->in.items[k];
        if (!pretok_run_stage(stage, s, slice_make(text.ptr + in.start, in.len), in.start, &s->out,
                              err))
            return false;
    }
    drop_empty(&s->out);
    swap_lists(s);
    return true;
}

/* ByteLevel's blank in front of each piece that does not start with one. */
static void prefix(struct pretok_scratch *s, struct ntext *text, struct ntext *spare)
{
    struct ntext_edit e = ntext_edit_start(text, spare);
    slice old = ntext_slice(text);

    for (ptrdiff_t k = 0; k < s->in.count; k++) {
        struct span *in = &s->in.items[k];
        ptrdiff_t start = spare->text.len;
        if (old.ptr[in->start] != ' ')
            ntext_put_bytes(&e, SLICE(" "), in->start);
        ntext_copy(&e, in->start, in->start + in->len);
        *in = (struct span){ start, spare->text.len - start, false };
    }
    ntext_edit_end(&e);
}

static void map_bytes(struct pretok_scratch *s, struct ntext *text, struct ntext *spare)
{
    struct ntext_edit e = ntext_edit_start(text, spare);
    slice old = ntext_slice(text);

    for (ptrdiff_t k = 0; k < s->in.count; k++) {
        struct span *in = &s->in.items[k];
        ptrdiff_t start = spare->text.len;
        for (ptrdiff_t at = in->start; at < in->start + in->len; at++) {
            char utf8[4];
            int len = uni_encode(utf8, bytelevel_char((unsigned char)old.ptr[at]));
            ntext_put_bytes(&e, slice_make(utf8, len), at);
        }
        *in = (struct span){ start, spare->text.len - start, false };
    }
    ntext_edit_end(&e);
}

static bool run_bytes(const struct pretok_stage *stage, struct pretok_scratch *s,
                      struct ntext *text, struct ntext *spare, struct err *err)
{
    if (stage->prefix_space)
        prefix(s, text, spare);
    if (stage->use_regex && !split(stage, s, ntext_slice(text), err))
        return false;
    map_bytes(s, text, spare);
    return true;
}

/* Blanks become the replacement, one goes in front, and each starts a piece. */
static void run_metaspace(const struct pretok_stage *stage, struct pretok_scratch *s,
                          struct ntext *text, struct ntext *spare)
{
    struct ntext_edit e = ntext_edit_start(text, spare);
    slice old = ntext_slice(text), mark = stage->literal;

    s->out.count = 0;
    for (ptrdiff_t k = 0; k < s->in.count; k++) {
        struct span in = s->in.items[k];
        ptrdiff_t end = in.start + in.len, start = spare->text.len;
        slice piece = slice_make(old.ptr + in.start, in.len);
        uint32_t from = text->aligned ? text->align[in.start].start : 0;
        if (stage->prefix_space && !(stage->prefix_first && from != 0) && piece.ptr[0] != ' ' &&
            !slice_starts(piece, mark))
            ntext_put_bytes(&e, mark, in.start);
        for (ptrdiff_t at = in.start; at < end;) {
            uint32_t cp;
            int len = uni_decode(old.ptr + at, &cp);
            bool marked = cp == ' ' || slice_starts(slice_make(old.ptr + at, end - at), mark);
            if (marked && stage->split && spare->text.len > start) {
                span_push(&s->out, start, spare->text.len - start, false);
                start = spare->text.len;
            }
            if (cp == ' ')
                ntext_put_bytes(&e, mark, at);
            else
                ntext_copy(&e, at, at + len);
            at += len;
        }
        span_push(&s->out, start, spare->text.len - start, false);
    }
    swap_lists(s);
    ntext_edit_end(&e);
}

bool pretok_apply(const struct pretok *p, struct pretok_scratch *s, struct ntext *text,
                  struct ntext *spare, struct err *err)
{
    s->in.count = 0;
    if (text->text.len)
        span_push(&s->in, 0, text->text.len, false);
    for (int i = 0; i < p->count; i++) {
        const struct pretok_stage *stage = &p->stage[i];
        if (stage->kind == PRETOK_METASPACE)
            run_metaspace(stage, s, text, spare);
        else if (stage->kind == PRETOK_BYTES) {
            if (!run_bytes(stage, s, text, spare, err))
                return false;
        } else if (!split(stage, s, ntext_slice(text), err)) {
            return false;
        }
    }
    return true;
}
