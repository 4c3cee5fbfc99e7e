#include "ntext.h"

#include <stdlib.h>

static struct align *room(struct ntext *t, ptrdiff_t more)
{
    ptrdiff_t need = t->text.len + more;

    if (need > t->align_cap) {
        t->align_cap = MAX(need, t->align_cap * 2);
        t->align = realloc(t->align, (size_t)t->align_cap * sizeof *t->align);
        if (!t->align)
            mem_oom();
    }
    return t->align + t->text.len;
}

void ntext_set(struct ntext *t, slice text, ptrdiff_t base, bool aligned)
{
    buf_clear(&t->text);
    t->base = (uint32_t)base;
    t->aligned = aligned;
    if (aligned) {
        struct align *a = room(t, text.len);
        for (ptrdiff_t at = 0; at < text.len;) {
            uint32_t cp;
            int len = uni_decode(text.ptr + at, &cp);
            for (int k = 0; k < len; k++)
                a[at + k] = (struct align){ (uint32_t)(base + at), (uint32_t)(base + at + len) };
            at += len;
        }
    }
    buf_append(&t->text, text);
}

void ntext_set_part(struct ntext *t, const struct ntext *from, ptrdiff_t start, ptrdiff_t end)
{
    buf_clear(&t->text);
    t->aligned = from->aligned;
    t->base = from->base;
    if (t->aligned && end > start) {
        memcpy(room(t, end - start), from->align + start, (size_t)(end - start) * sizeof *t->align);
        t->base = from->align[start].start;
    }
    buf_append(&t->text, slice_make(from->text.ptr + start, end - start));
}

void ntext_release(struct ntext *t)
{
    buf_release(&t->text);
    free(t->align);
    *t = (struct ntext){ 0 };
}

struct ntext_edit ntext_edit_start(struct ntext *text, struct ntext *out)
{
    buf_clear(&out->text);
    out->base = text->base;
    out->aligned = text->aligned;
    return (struct ntext_edit){ .text = text, .out = out };
}

static void append(struct ntext *out, slice bytes, struct align range)
{
    if (out->aligned) {
        struct align *a = room(out, bytes.len);
        for (ptrdiff_t i = 0; i < bytes.len; i++)
            a[i] = range;
    }
    buf_append(&out->text, bytes);
}

static struct align align_at(const struct ntext *t, ptrdiff_t at)
{
    if (!t->aligned || at < 0 || at >= t->text.len)
        return (struct align){ t->base, t->base };
    return t->align[at];
}

static ptrdiff_t step(const struct ntext *t, ptrdiff_t at)
{
    uint32_t cp;

    return at < t->text.len ? at + uni_decode(t->text.ptr + at, &cp) : at;
}

void ntext_put(struct ntext_edit *e, uint32_t cp, int32_t change)
{
    char utf8[4];
    slice bytes = slice_make(utf8, uni_encode(utf8, cp));

    append(e->out, bytes, align_at(e->text, change > 0 ? e->at - 1 : e->at));
    for (int32_t k = change; k <= 0; k++)
        e->at = step(e->text, e->at);
}

void ntext_put_bytes(struct ntext_edit *e, slice bytes, ptrdiff_t from)
{
    append(e->out, bytes, align_at(e->text, from));
}

void ntext_copy(struct ntext_edit *e, ptrdiff_t start, ptrdiff_t end)
{
    if (end <= start)
        return;
    if (e->out->aligned)
        memcpy(room(e->out, end - start), e->text->align + start,
               (size_t)(end - start) * sizeof *e->out->align);
    buf_append(&e->out->text, slice_make(e->text->text.ptr + start, end - start));
}

void ntext_insert(struct ntext_edit *e, slice bytes, ptrdiff_t at)
{
    append(e->out, bytes, align_at(e->text, at - 1));
}

void ntext_edit_end(struct ntext_edit *e)
{
    struct ntext swap = *e->text;

    *e->text = *e->out;
    *e->out = swap;
}
