#include "pretok.h"

#include "../unicode.h"
#include "bytelevel.h"
#include "normal.h"
#include "scripts.h"
#include "uclass.h"

void pretok_scratch_release(struct pretok_scratch *s)
{
    pattern_scratch_release(&s->pattern);
    span_release(&s->in);
    span_release(&s->out);
    span_release(&s->found);
    buf_release(&s->text);
    buf_release(&s->mapped);
}

void pretok_free(struct pretok *p)
{
    for (int i = 0; i < p->count; i++)
        pattern_free(p->stage[i].pattern);
}

/* The first three stages isolate what their patterns match. */
static bool is_sequence(const struct pretok *p)
{
    for (int i = 0; i < 3; i++)
        if ((p->stage[i].kind != PRETOK_RULE && p->stage[i].kind != PRETOK_PATTERN) ||
            p->stage[i].behavior != PRETOK_ISOLATED || p->stage[i].invert)
            return false;
    return true;
}

void pretok_finish(struct pretok *p)
{
    const struct pretok_stage *first = &p->stage[0], *last = &p->stage[p->count - 1];

    if (p->count == 1 && first->kind == PRETOK_BYTES && first->use_regex) {
        p->rule = &pieces_gpt2;
        p->prefix_space = first->prefix_space;
    } else if (p->count == 4 && last->kind == PRETOK_BYTES && !last->use_regex &&
               !last->prefix_space && is_sequence(p)) {
        slice patterns[] = { first[0].literal, first[1].literal, first[2].literal };
        p->rule = pieces_find_sequence(patterns, 3);
    } else if (p->count == 2 && first->kind == PRETOK_RULE && !first->invert &&
               first->behavior == PRETOK_ISOLATED && last->kind == PRETOK_BYTES &&
               !last->use_regex && !last->prefix_space) {
        p->rule = first->rule;
    }
}

/* ---- what a stage finds in one piece: spans that cover it ---- */

static void find_rule(const struct pieces_rule *rule, slice piece, struct span_list *found)
{
    for (ptrdiff_t at = 0; at < piece.len;) {
        ptrdiff_t end = pieces_next(rule, piece, at);
        span_push(found, at, end - at, true);
        at = end;
    }
}

static void find_class(unsigned property, slice piece, struct span_list *found)
{
    ptrdiff_t done = 0;

    for (ptrdiff_t at = 0; at < piece.len;) {
        uint32_t cp;
        int len = uni_decode(piece.ptr + at, &cp);
        unsigned class = uclass_of(cp);
        if (property ? (class & property) != 0 : uclass_in(class, UCLASS_SPACE)) {
            if (at > done)
                span_push(found, done, at - done, false);
            span_push(found, at, len, true);
            done = at + len;
        }
        at += len;
    }
    if (done < piece.len)
        span_push(found, done, piece.len - done, false);
}

/* \w+|[^\w\s]+ are what is kept: white space counts as the match. */
static void find_words(slice piece, struct span_list *found)
{
    ptrdiff_t start = 0;
    int before = -1;

    for (ptrdiff_t at = 0; at <= piece.len;) {
        uint32_t cp;
        int len = 1, kind = -2;
        if (at < piece.len) {
            len = uni_decode(piece.ptr + at, &cp);
            unsigned class = uclass_of(cp);
            kind = class & UPROP_WORD ? 1 : uclass_in(class, UCLASS_SPACE) ? 0 : 2;
        }
        if (kind != before && at > start) {
            span_push(found, start, at - start, before == 0);
            start = at;
        }
        before = kind;
        at += len;
    }
}

static void find_fixed(int64_t length, slice piece, struct span_list *found)
{
    ptrdiff_t start = 0;
    int64_t count = 0;

    for (ptrdiff_t at = 0; at < piece.len;) {
        uint32_t cp;
        at += uni_decode(piece.ptr + at, &cp);
        if (++count == length || at == piece.len) {
            span_push(found, start, at - start, true);
            start = at;
            count = 0;
        }
    }
}

/* What lies before the first character that has a script of its own is lost, as in the reference. */
static void find_scripts(slice piece, struct span_list *found)
{
    ptrdiff_t start = -1;
    int before = -1;

    for (ptrdiff_t at = 0; at < piece.len;) {
        uint32_t cp;
        int len = uni_decode(piece.ptr + at, &cp), script = script_of(cp);
        if (script != SCRIPT_ANY && script != before) {
            if (start >= 0)
                span_push(found, start, at - start, true);
            start = at;
        }
        if (script != SCRIPT_ANY)
            before = script;
        at += len;
    }
    if (start >= 0)
        span_push(found, start, piece.len - start, true);
}

/* ---- what becomes of them ---- */

/* Appends `found` (offsets into a piece that starts at base) as pieces. */
static void settle(const struct pretok_stage *stage, struct span_list *found, ptrdiff_t base,
                   struct span_list *out)
{
    ptrdiff_t first = out->count;
    bool before = false;

    if (stage->behavior == PRETOK_NEXT) { /* from the right: each match joins what follows it */
        for (ptrdiff_t i = found->count; i-- > 0;) {
            struct span *f = &found->items[i];
            bool match = f->match != stage->invert;
            if (match && !before && i + 1 < found->count) {
                found->items[i].len += found->items[i + 1].len;
                found->items[i + 1].len = 0;
            }
            before = match;
        }
        for (ptrdiff_t i = 0; i < found->count; i++)
            if (found->items[i].len > 0)
                span_push(out, base + found->items[i].start, found->items[i].len, false);
        return;
    }
    for (ptrdiff_t i = 0; i < found->count; i++) {
        struct span f = found->items[i];
        bool match = f.match != stage->invert, join = false;
        if (stage->behavior == PRETOK_PREVIOUS)
            join = match && !before;
        else if (stage->behavior == PRETOK_CONTIGUOUS)
            join = match == before;
        before = match;
        if (stage->behavior == PRETOK_REMOVED && match)
            continue;
        if (join && out->count > first)
            out->items[out->count - 1].len += f.len;
        else if (f.len > 0 || stage->behavior != PRETOK_ISOLATED)
            span_push(out, base + f.start, f.len, false);
    }
}

bool pretok_run_stage(const struct pretok_stage *stage, struct pretok_scratch *s, slice piece,
                      ptrdiff_t base, struct span_list *out, struct err *err)
{
    s->found.count = 0;
    switch (stage->kind) {
    case PRETOK_RULE:
        find_rule(stage->rule, piece, &s->found);
        break;
    case PRETOK_PATTERN:
        if (!pattern_find(stage->pattern, &s->pattern, piece, &s->found, err))
            return false;
        break;
    case PRETOK_LITERAL:
        normal_find_literal(stage->literal, piece, &s->found);
        break;
    case PRETOK_CLASS:
        find_class(stage->property, piece, &s->found);
        break;
    case PRETOK_BYTES:
        find_rule(&pieces_gpt2, piece, &s->found);
        break;
    case PRETOK_WORDS:
        find_words(piece, &s->found);
        break;
    case PRETOK_SCRIPTS:
        find_scripts(piece, &s->found);
        break;
    case PRETOK_FIXED:
        find_fixed(stage->length, piece, &s->found);
        break;
    case PRETOK_METASPACE:
        break;
    }
    settle(stage, &s->found, base, out);
    return true;
}

/* The same on the piece in the alphabet of bytes; offsets are brought back. */
static bool run_on_mapped(const struct pretok_stage *stage, struct pretok_scratch *s, slice piece,
                          ptrdiff_t base, struct span_list *out, struct err *err)
{
    ptrdiff_t first = out->count, at = 0, byte = 0;

    buf_clear(&s->mapped);
    char *dst = buf_reserve(&s->mapped, 2 * piece.len);
    slice mapped = slice_make(dst, bytelevel_encode(piece, dst));
    if (!pretok_run_stage(stage, s, mapped, 0, out, err))
        return false;
    for (ptrdiff_t i = first; i < out->count; i++) {
        struct span *span = &out->items[i];
        ptrdiff_t end = span->start + span->len, start_byte;
        for (; at < span->start; byte++)
            at += (unsigned char)mapped.ptr[at] < 0x80 ? 1 : 2;
        start_byte = byte;
        for (; at < end; byte++)
            at += (unsigned char)mapped.ptr[at] < 0x80 ? 1 : 2;
        span->start = base + start_byte;
        span->len = byte - start_byte;
    }
    return true;
}

static void drop_empty(struct span_list *list)
{
    ptrdiff_t kept = 0;

    for (ptrdiff_t i = 0; i < list->count; i++)
        if (list->items[i].len > 0)
            list->items[kept++] = list->items[i];
    list->count = kept;
}

/* ByteLevel with add_prefix_space: each piece that does not start with a blank gets one. */
static slice prefix_pieces(struct pretok_scratch *s, slice text)
{
    struct buf copy = { 0 };

    for (ptrdiff_t i = 0; i < s->in.count; i++) {
        struct span *span = &s->in.items[i];
        ptrdiff_t start = copy.len;
        if (text.ptr[span->start] != ' ')
            buf_append_byte(&copy, ' ');
        buf_append(&copy, slice_make(text.ptr + span->start, span->len));
        *span = (struct span){ start, copy.len - start, false };
    }
    buf_release(&s->text);
    s->text = copy;
    return buf_slice(&s->text);
}

bool pretok_run(const struct pretok *p, struct pretok_scratch *s, slice text, slice *out_text,
                struct err *err)
{
    bool mapped = false;

    s->in.count = 0;
    if (text.len)
        span_push(&s->in, 0, text.len, false);
    for (int i = 0; i < p->count; i++) {
        const struct pretok_stage *stage = &p->stage[i];
        if (stage->kind == PRETOK_BYTES && stage->prefix_space)
            text = prefix_pieces(s, text);
        if (stage->kind != PRETOK_BYTES || stage->use_regex) {
            s->out.count = 0;
            for (ptrdiff_t k = 0; k < s->in.count; k++) {
                slice piece = slice_make(text.ptr + s->in.items[k].start, s->in.items[k].len);
                if (!(mapped ? run_on_mapped : pretok_run_stage)(
                        stage, s, piece, s->in.items[k].start, &s->out, err))
                    return false;
            }
            drop_empty(&s->out);
            struct span_list swap = s->in;
            s->in = s->out;
            s->out = swap;
        }
        mapped |= stage->kind == PRETOK_BYTES;
    }
    *out_text = text;
    return true;
}
