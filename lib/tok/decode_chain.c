#include "decode_chain.h"

#include "../unicode.h"
#include "bytelevel.h"
#include "normal.h"
#include "tok.h"

struct texts {
    slice *items;
    ptrdiff_t count;
    struct arena arena;
    struct pattern_scratch pattern;
    struct span_list spans;
    struct buf work;
};

bool decode_chain_add(struct decode_chain *c, const struct decode_step *step)
{
    if (c->count == DECODE_MAX)
        return false;
    c->step[c->count++] = *step;
    return true;
}

void decode_chain_free(struct decode_chain *c)
{
    for (int i = 0; i < c->count; i++)
        pattern_free(c->step[i].pattern);
}

static slice keep(struct texts *t)
{
    slice work = t->work.len ? buf_slice(&t->work) : SLICE("");

    return arena_dup(&t->arena, work);
}

/* Every occurrence of `from` by `to`. */
static slice replace_all(struct texts *t, slice text, slice from, slice to)
{
    if (from.len == 0 || !memmem(text.ptr, (size_t)text.len, from.ptr, (size_t)from.len))
        return text;
    t->spans.count = 0;
    normal_find_literal(from, text, &t->spans);
    buf_clear(&t->work);
    for (ptrdiff_t i = 0; i < t->spans.count; i++) {
        struct span f = t->spans.items[i];
        buf_append(&t->work, f.match ? to : slice_make(text.ptr + f.start, f.len));
    }
    return keep(t);
}

/* The blanks that joining words has put where English has none. */
static slice clean_up(struct texts *t, slice text)
{
    static const char *const pairs[][2] = {
        { " .", "." },   { " ?", "?" },     { " !", "!" },     { " ,", "," },
        { " ' ", "'" },  { " n't", "n't" }, { " 'm", "'m" },   { " do not", " don't" },
        { " 's", "'s" }, { " 've", "'ve" }, { " 're", "'re" },
    };

    for (ptrdiff_t i = 0; i < countof(pairs) && slice_find(text, ' ') >= 0; i++)
        text = replace_all(t, text, slice_of(pairs[i][0]), slice_of(pairs[i][1]));
    return text;
}

static void run_bytes(struct texts *t)
{
    struct buf utf8 = { 0 };

    buf_clear(&t->work);
    for (ptrdiff_t i = 0; i < t->count; i++) {
        slice text = t->items[i];
        char *dst = buf_reserve(&t->work, text.len);
        ptrdiff_t len = dst ? bytelevel_decode(text, dst) : 0;
        if (len < 0)
            buf_append(&t->work, text);
        else
            t->work.len += len;
    }
    tok_append_utf8(&utf8, buf_slice(&t->work));
    buf_clear(&t->work);
    buf_append(&t->work, buf_slice(&utf8));
    buf_release(&utf8);
    t->items[0] = keep(t);
    t->count = 1;
}

static void run_wordpiece(const struct decode_step *step, struct texts *t)
{
    for (ptrdiff_t i = 0; i < t->count; i++) {
        slice text = t->items[i];
        if (i > 0 && slice_starts(text, step->text)) {
            text = slice_from(text, step->text.len);
        } else if (i > 0) {
            buf_clear(&t->work);
            buf_append_byte(&t->work, ' ');
            buf_append(&t->work, text);
            text = keep(t);
        }
        t->items[i] = step->flag ? clean_up(t, text) : text;
    }
}

/* -1: not <0xNN>. */
static int byte_of(slice text)
{
    int value = 0;

    if (text.len != 6 || !slice_starts(text, SLICE("<0x")) || text.ptr[5] != '>')
        return -1;
    for (int i = 3; i < 5; i++) {
        char c = text.ptr[i];
        if (c >= '0' && c <= '9')
            value = value * 16 + (c - '0');
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            value = value * 16 + ((c | 0x20) - 'a' + 10);
        else if (!(c == '+' && i == 3))
            return -1;
    }
    return value;
}

/* t->work holds the bytes of a run: one text when they are UTF-8, else U+FFFD for each. */
static void end_bytes(struct texts *t, slice *out, ptrdiff_t *n)
{
    if (t->work.len == 0)
        return;
    slice run = buf_slice(&t->work), left = run;
    int len;
    while (left.len && (len = utf8_length(left.ptr, left.len)))
        left = slice_from(left, len);
    if (left.len == 0)
        out[(*n)++] = keep(t);
    for (ptrdiff_t i = 0; left.len && i < run.len; i++)
        out[(*n)++] = SLICE("\xEF\xBF\xBD");
    buf_clear(&t->work);
}

static void run_byte_fallback(struct texts *t)
{
    ptrdiff_t n = 0;

    buf_clear(&t->work);
    for (ptrdiff_t i = 0; i < t->count; i++) { /* what is written never overtakes what is read */
        slice text = t->items[i];
        int byte = byte_of(text);
        if (byte >= 0) {
            buf_append_byte(&t->work, (char)byte);
            continue;
        }
        end_bytes(t, t->items, &n);
        t->items[n++] = text;
    }
    end_bytes(t, t->items, &n);
    t->count = n;
}

static void run_fuse(struct texts *t)
{
    buf_clear(&t->work);
    for (ptrdiff_t i = 0; i < t->count; i++)
        buf_append(&t->work, t->items[i]);
    t->items[0] = keep(t);
    t->count = 1;
}

static slice strip(const struct decode_step *step, slice text)
{
    ptrdiff_t start = 0, stop = text.len;
    slice c = step->text;

    for (int64_t i = 0; i < step->start && slice_starts(slice_from(text, start), c); i++)
        start += c.len;
    for (int64_t i = 0; i < step->stop && slice_ends(slice_make(text.ptr, stop), c); i++)
        stop -= c.len;
    return slice_make(text.ptr + start, MAX(stop - start, 0));
}

static bool replace(const struct decode_step *step, struct texts *t, slice *text, struct err *err)
{
    if (!step->pattern) {
        *text = replace_all(t, *text, step->literal, step->text);
        return true;
    }
    if (text->len == 0)
        return true;
    t->spans.count = 0;
    if (!pattern_find(step->pattern, &t->pattern, *text, &t->spans, err))
        return false;
    buf_clear(&t->work);
    for (ptrdiff_t i = 0; i < t->spans.count; i++) {
        struct span f = t->spans.items[i];
        buf_append(&t->work, f.match ? step->text : slice_make(text->ptr + f.start, f.len));
    }
    *text = keep(t);
    return true;
}

static void run_ctc(const struct decode_step *step, struct texts *t)
{
    ptrdiff_t n = 0;
    slice before = { NULL, 0 };

    for (ptrdiff_t i = 0; i < t->count; i++) {
        slice text = t->items[i];
        if (before.ptr && slice_eq(before, text))
            continue;
        before = text;
        text = replace_all(t, text, step->literal, SLICE(""));
        if (step->flag)
            text = replace_all(t, clean_up(t, text), step->text, SLICE(" "));
        if (text.len)
            t->items[n++] = text;
    }
    t->count = n;
}

static bool run_step(const struct decode_step *step, struct texts *t, struct err *err)
{
    switch (step->kind) {
    case DECODE_BYTES:
        run_bytes(t);
        break;
    case DECODE_WORDPIECE:
        run_wordpiece(step, t);
        break;
    case DECODE_METASPACE:
        for (ptrdiff_t i = 0; i < t->count; i++)
            t->items[i] = replace_all(t, t->items[i], step->text,
                                      i == 0 && step->flag ? SLICE("") : SLICE(" "));
        break;
    case DECODE_BPE:
        for (ptrdiff_t i = 0; i < t->count; i++)
            t->items[i] =
                replace_all(t, t->items[i], step->text, i + 1 == t->count ? SLICE("") : SLICE(" "));
        break;
    case DECODE_BYTE_FALLBACK:
        run_byte_fallback(t);
        break;
    case DECODE_FUSE:
        run_fuse(t);
        break;
    case DECODE_STRIP:
        for (ptrdiff_t i = 0; i < t->count; i++)
            t->items[i] = strip(step, t->items[i]);
        break;
    case DECODE_REPLACE:
        for (ptrdiff_t i = 0; i < t->count; i++)
            if (!replace(step, t, &t->items[i], err))
                return false;
        break;
    case DECODE_CTC:
        run_ctc(step, t);
        break;
    }
    return true;
}

bool decode_chain_run(const struct decode_chain *c, slice *texts, ptrdiff_t count, struct buf *out,
                      struct err *err)
{
    struct texts t = { .items = texts, .count = count };
    bool ok = true;

    for (int i = 0; ok && i < c->count && count > 0; i++)
        ok = run_step(&c->step[i], &t, err);
    for (ptrdiff_t i = 0; ok && i < t.count; i++)
        buf_append(out, t.items[i]);
    arena_release(&t.arena);
    pattern_scratch_release(&t.pattern);
    span_release(&t.spans);
    buf_release(&t.work);
    return ok;
}
