#include "pattern.h"

#include "../unicode.h"
#include "pattern_read.h"

#include <stdlib.h>

#define CLASSES_MAX 127
#define CLASS_PAGE  256

struct pattern {
    struct regex *regex;
    uint16_t index[0x110000 / CLASS_PAGE];
    uint8_t (*page)[CLASS_PAGE]; /* class of each code point, 1 to CLASSES_MAX */
};

/* ---- classes ---- */

struct signatures {
    uint64_t value[CLASSES_MAX + 1]; /* by class: bit i: in set i */
    int count;
};

static int class_of(struct signatures *s, uint64_t value)
{
    for (int i = 1; i <= s->count; i++)
        if (s->value[i] == value)
            return i;
    if (s->count == CLASSES_MAX)
        return 0;
    s->value[++s->count] = value;
    return s->count;
}

/* No set tells the code points of this page apart: the value of all of them. */
static bool is_uniform(const struct pattern_reader *p, uint32_t first, uint64_t *value)
{
    *value = 0;
    for (int i = 0; i < p->set_count; i++) {
        const uint64_t *w = p->sets[i]->bits + first / 64;
        for (int k = 1; k < CLASS_PAGE / 64; k++)
            if (w[k] != w[0])
                return false;
        if (w[0] != 0 && w[0] != ~(uint64_t)0)
            return false;
        *value |= (w[0] & 1) << i;
    }
    return true;
}

static bool build_page(const struct pattern_reader *p, uint32_t first, uint8_t *page,
                       struct signatures *s)
{
    uint64_t before = 0;
    int class = 0;

    if (is_uniform(p, first, &before)) {
        class = class_of(s, before);
        memset(page, class, CLASS_PAGE);
        return class != 0;
    }
    for (uint32_t cp = first; cp < first + CLASS_PAGE; cp++) {
        uint64_t value = 0;
        for (int i = 0; i < p->set_count; i++)
            value |= (uint64_t)cpset_has(p->sets[i], cp) << i;
        if (class == 0 || value != before)
            class = class_of(s, value);
        if (class == 0)
            return false;
        before = value;
        page[cp - first] = (uint8_t) class;
    }
    return true;
}

static bool build_classes(struct pattern_reader *p, struct pattern *out, struct signatures *s)
{
    uint8_t page[CLASS_PAGE];
    int pages = 0;

    s->count = 0;
    out->page = arena_alloc(p->arena, countof(out->index), CLASS_PAGE, 64);
    for (uint32_t i = 0; i < countof(out->index); i++) {
        if (!build_page(p, i * CLASS_PAGE, page, s))
            return pattern_refuse(p, "the pattern tells too many classes of characters apart");
        int same = 0;
        while (same < pages && memcmp(out->page[same], page, CLASS_PAGE) != 0)
            same++;
        if (same == pages)
            memcpy(out->page[pages++], page, CLASS_PAGE);
        out->index[i] = (uint16_t)same;
    }
    arena_trim(p->arena, out->page[pages]);
    return true;
}

/* The draft with its sets as bracket expressions over classes. */
static void render(const struct pattern_reader *p, const struct signatures *s, struct buf *out)
{
    for (ptrdiff_t i = 0; i < p->draft.len; i++) {
        char c = p->draft.ptr[i];
        if (c != SET_MARK) {
            buf_append_byte(out, c);
            continue;
        }
        int set = p->draft.ptr[++i] - 1, members = 0;
        ptrdiff_t start = out->len;
        buf_append_byte(out, '[');
        for (int class = 1; class <= s->count; class ++)
            if (s->value[class] >> set & 1) {
                buf_printf(out, "\\x%02x", (unsigned)class);
                members++;
            }
        buf_append_byte(out, ']');
        if (members == 0) { /* no code point is in it */
            out->len = start;
            buf_append(out, SLICE("(?!)"));
        }
    }
}

struct pattern *pattern_new(slice text, struct arena *arena, struct err *err)
{
    return pattern_new_as(text, PATTERN_ONIGURUMA, arena, err);
}

struct pattern *pattern_new_as(slice text, enum pattern_dialect dialect, struct arena *arena,
                               struct err *err)
{
    struct arena work = { 0 };
    struct pattern_reader p = {
        .text = text, .arena = &work, .atom = -1, .fancy = dialect == PATTERN_FANCY, .err = err
    };
    struct pattern *out = arena_new(arena, struct pattern, 1);
    struct signatures signatures;
    struct buf rendered = { 0 };

    if (pattern_read(&p)) {
        p.arena = arena;
        if (build_classes(&p, out, &signatures)) {
            render(&p, &signatures, &rendered);
            out->regex = regex_new(buf_slice(&rendered), 0, err);
            if (!out->regex && err)
                err->class = ERR_CONFIG;
        }
    }
    buf_release(&rendered);
    buf_release(&p.draft);
    arena_release(&work);
    return out->regex ? out : NULL;
}

void pattern_free(struct pattern *p)
{
    if (p)
        regex_free(p->regex);
}

/* ---- matching ---- */

void pattern_scratch_release(struct pattern_scratch *s)
{
    regex_scratch_free(s->regex);
    buf_release(&s->subject);
    *s = (struct pattern_scratch){ 0 };
}

void span_push(struct span_list *list, ptrdiff_t start, ptrdiff_t len, bool match)
{
    if (list->count == list->cap) {
        list->cap = MAX(list->cap * 2, 64);
        list->items = realloc(list->items, (size_t)list->cap * sizeof *list->items);
        if (!list->items)
            mem_oom();
    }
    list->items[list->count++] = (struct span){ start, len, match };
}

void span_release(struct span_list *list)
{
    free(list->items);
    *list = (struct span_list){ 0 };
}

static slice rewrite(const struct pattern *p, struct pattern_scratch *s, slice text)
{
    buf_clear(&s->subject);
    char *dst = buf_reserve(&s->subject, text.len);
    ptrdiff_t n = 0;

    for (ptrdiff_t at = 0; at < text.len; n++) {
        uint32_t cp;
        at += uni_decode(text.ptr + at, &cp);
        dst[n] = (char)p->page[p->index[cp / CLASS_PAGE]][cp % CLASS_PAGE];
    }
    s->subject.len = n;
    return slice_make(dst, n);
}

/* Walks the text along with the subject: one character there is one byte here. */
struct walk {
    slice text;
    ptrdiff_t byte, chars;
};

static ptrdiff_t byte_at(struct walk *w, ptrdiff_t chars)
{
    uint32_t cp;

    for (; w->chars < chars; w->chars++)
        w->byte += uni_decode(w->text.ptr + w->byte, &cp);
    return w->byte;
}

bool pattern_find(const struct pattern *p, struct pattern_scratch *s, slice text,
                  struct span_list *spans, struct err *err)
{
    if (!s->regex)
        s->regex = regex_scratch_new();
    slice subject = rewrite(p, s, text);
    struct walk walk = { .text = text };
    ptrdiff_t at = 0, last_match = -1, done = 0;

    while (at <= subject.len) {
        enum regex_result r = regex_find(p->regex, s->regex, subject, at, 0);
        if (r == REGEX_LIMIT)
            return err_set(err, ERR_DATA, "the split pattern takes too many steps on this text");
        if (r == REGEX_NONE)
            break;
        struct regex_span m = regex_group(s->regex, 0);
        if (m.start == m.end && m.start == last_match) { /* empty, right after a match */
            at++;
            continue;
        }
        ptrdiff_t start = byte_at(&walk, m.start);
        if (start > done)
            span_push(spans, done, start - done, false);
        done = byte_at(&walk, m.end);
        span_push(spans, start, done - start, true);
        at = last_match = m.end;
    }
    if (done < text.len)
        span_push(spans, done, text.len - done, false);
    return true;
}
