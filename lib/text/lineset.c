#include "lineset.h"

#include "../hash.h"
#include "../unicode.h"

#include <stdlib.h>

/* The next line end of splitlines() at or after `at`; *width is its length, 0 at the end. */
static ptrdiff_t python_end(const struct char_classes *c, slice text, ptrdiff_t at, int *width)
{
    while ((at = bytepair_find(&c->line_ends, text, at)) < text.len) {
        uint32_t cp;
        int n = uni_decode(text.ptr + at, &cp);
        if (char_class(c, cp) & CHAR_LINE) {
            *width = n + (cp == '\r' && at + 1 < text.len && text.ptr[at + 1] == '\n');
            return at;
        }
        at += n;
    }
    *width = 0;
    return at;
}

/* The next run of at least `least` line feeds; *width is its length, 0 at the end. */
static ptrdiff_t run_end(slice text, ptrdiff_t at, ptrdiff_t least, ptrdiff_t most,
                         ptrdiff_t *width)
{
    for (;;) {
        ptrdiff_t nl = slice_find(slice_from(text, at), '\n');
        if (nl < 0) {
            *width = 0;
            return text.len;
        }
        at += nl;
        ptrdiff_t n = 1;
        while (n < most && at + n < text.len && text.ptr[at + n] == '\n')
            n++;
        if (n >= least) {
            *width = n;
            return at;
        }
        at += n;
    }
}

bool line_next(struct line_cursor *c, const struct char_classes *classes, slice text, slice *line)
{
    ptrdiff_t end, width = 0;
    int n = 0;

    if (c->ended || (c->how == LINES_PYTHON && c->at == text.len))
        return false;
    switch (c->how) {
    case LINES_PYTHON:
        end = python_end(classes, text, c->at, &n);
        width = n;
        break;
    case LINES_LF:
        end = run_end(text, c->at, 1, 1, &width);
        break;
    case LINES_LF_RUNS:
        end = run_end(text, c->at, 1, PTRDIFF_MAX, &width);
        break;
    default:
        end = run_end(text, c->at, 2, PTRDIFF_MAX, &width);
        break;
    }
    *line = slice_make(text.ptr + c->at, end - c->at);
    c->at = end + width;
    c->ended = width == 0;
    return true;
}

/* ---- the set ---- */

struct line_slot {
    uint64_t hash; /* 0: free */
    slice line;
    int64_t count;
};

static struct line_slot *find_slot(struct line_slot *slots, ptrdiff_t cap, uint64_t hash,
                                   slice line)
{
    ptrdiff_t at = (ptrdiff_t)(hash & (uint64_t)(cap - 1));

    while (slots[at].hash && !(slots[at].hash == hash && slice_eq(slots[at].line, line)))
        at = (at + 1) & (cap - 1);
    return &slots[at];
}

void line_set_clear(struct line_set *s)
{
    /* A set that one huge text blew up is not cleared for every small one after it. */
    if (s->cap > 4096 && s->count < s->cap / 64)
        line_set_release(s);
    else if (s->count)
        memset(s->slots, 0, (size_t)s->cap * sizeof *s->slots);
    s->count = 0;
}

bool line_set_add(struct line_set *s, slice line)
{
    uint64_t hash = hash64_of(line, 0) | 1;

    if (s->count >= s->cap / 2) {
        ptrdiff_t cap = MAX(64, 2 * s->cap);
        struct line_slot *slots = calloc((size_t)cap, sizeof *slots);
        if (!slots)
            mem_oom();
        for (ptrdiff_t i = 0; i < s->cap; i++)
            if (s->slots[i].hash)
                *find_slot(slots, cap, s->slots[i].hash, s->slots[i].line) = s->slots[i];
        free(s->slots);
        s->slots = slots;
        s->cap = cap;
    }
    struct line_slot *slot = find_slot(s->slots, s->cap, hash, line);
    if (slot->hash) {
        slot->count++;
        return true;
    }
    *slot = (struct line_slot){ hash, line, 1 };
    s->count++;
    return false;
}

void line_set_repeats(const struct line_set *s, int64_t *copies, int64_t *length, bool chars)
{
    *copies = *length = 0;
    for (ptrdiff_t i = 0; i < s->cap; i++) {
        const struct line_slot *slot = &s->slots[i];
        if (!slot->hash || slot->count < 2)
            continue;
        *copies += slot->count;
        *length += slot->count * (chars ? uni_count(slot->line) : slot->line.len);
    }
}

void line_set_release(struct line_set *s)
{
    free(s->slots);
    *s = (struct line_set){ 0 };
}

/* ---- ends ---- */

slice line_strip_left(const struct char_classes *c, slice s)
{
    while (s.len) {
        uint32_t cp;
        int width = uni_decode(s.ptr, &cp);
        if (!(char_class(c, cp) & CHAR_SPACE))
            break;
        s = slice_from(s, width);
    }
    return s;
}

slice line_strip_right(const struct char_classes *c, slice s)
{
    while (s.len) {
        uint32_t cp;
        int width = uni_decode_back(s.ptr, s.ptr + s.len, &cp);
        if (!(char_class(c, cp) & CHAR_SPACE))
            break;
        s.len -= width;
    }
    return s;
}

slice line_strip(const struct char_classes *c, slice s)
{
    return line_strip_left(c, line_strip_right(c, s));
}
