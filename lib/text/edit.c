#include "edit.h"

#include "../unicode.h"

/* ---- where to look ---- */

static void ready_chars(struct text_edit *e)
{
    struct bytepair *p = &e->chars;

    if (e->strip_control) {
        char control[30];
        int n = 0;
        for (int c = 0; c < 0x20; c++)
            if (c < 9 || c > 13)
                control[n++] = (char)c;
        bytepair_add_first(p, 0, slice_make(control, n));
        bytepair_add_first(p, 1, SLICE("\x7F"));
    }
    if (e->newlines != EDIT_NEWLINES_KEEP)
        bytepair_add_first(p, 0, SLICE("\r"));
    if (e->newlines == EDIT_NEWLINES_ALL)
        bytepair_add_first(p, 0, SLICE("\v\f"));
    if (e->strip_control || e->newlines == EDIT_NEWLINES_ALL) {
        char second[32];
        for (int i = 0; i < 32; i++)
            second[i] = (char)(0x80 + i);
        bytepair_add(p, 2, SLICE("\xC2"), slice_make(second, 32));
    }
    if (e->strip_soft_hyphen)
        bytepair_add(p, 3, SLICE("\xC2"), SLICE("\xAD"));
    if (e->strip_zero_width)
        bytepair_add(p, 4, SLICE("\xE1"), SLICE("\xA0"));
    if (e->strip_zero_width || e->strip_bidi || e->newlines == EDIT_NEWLINES_ALL)
        bytepair_add(p, 5, SLICE("\xE2"), SLICE("\x80\x81"));
    if (e->strip_zero_width || e->strip_bom)
        bytepair_add(p, 6, SLICE("\xEF"), SLICE("\xBB"));
    if (e->strip_bidi)
        bytepair_add(p, 7, SLICE("\xD8"), SLICE("\x9C"));
    bytepair_ready(p);
}

static void ready_space(struct text_edit *e)
{
    struct bytepair *p = &e->space;

    if (e->collapse_space) {
        bytepair_add_first(p, 0, SLICE("\t"));
        bytepair_add(p, 1, SLICE(" "), SLICE(" \t"));
    }
    if (e->trim_lines) {
        bytepair_add(p, 2, SLICE(" \t\v\f"), SLICE("\n\r"));
        bytepair_add(p, 3, SLICE("\n\r"), SLICE("\t\v\f"));
        bytepair_add(p, 4, SLICE("\n\r"), SLICE(" "));
    }
    if (e->max_newlines)
        bytepair_add(p, 5, SLICE("\n\r"), SLICE("\n\r"));
    if (e->collapse_space || e->trim_lines) {
        /* U+0085 00A0 1680 2000-200A 2028 2029 202F 3000, then 205F. */
        bytepair_add(p, 6, SLICE("\xC2\xE1\xE2\xE3"), SLICE("\x80\x85\x9A\xA0"));
        bytepair_add(p, 7, SLICE("\xE2"), SLICE("\x81"));
    }
    bytepair_ready(p);
}

void text_edit_ready(struct text_edit *e)
{
    ready_chars(e);
    ready_space(e);
}

/* ---- the copy that starts with the first change; no result is longer than its text ---- */

struct copy {
    slice text;
    struct arena *arena;
    char *begin, *out;
    ptrdiff_t done; /* of the text: copied or left out */
};

/* Copies the text up to `at` and leaves out the bytes from there to `next`. */
static void copy_cut(struct copy *c, ptrdiff_t at, ptrdiff_t next)
{
    if (!c->begin)
        c->begin = c->out = arena_alloc_raw(c->arena, c->text.len + RECORD_PADDING, 1);
    if (at > c->done) {
        memcpy(c->out, c->text.ptr + c->done, (size_t)(at - c->done));
        c->out += at - c->done;
    }
    c->done = next;
}

static slice copy_end(struct copy *c)
{
    if (!c->begin)
        return c->text;
    copy_cut(c, c->text.len, c->text.len);
    return slice_make(c->begin, c->out - c->begin);
}

/* ---- characters ---- */

enum char_action { CHAR_KEEP, CHAR_CUT, CHAR_NEWLINE };

/* How far the front of a text reaches: white space and what is cut. */
struct front {
    ptrdiff_t end;
    bool over;
};

static bool in_front(struct front *f, slice text, ptrdiff_t at)
{
    while (!f->over && f->end < at) {
        uint32_t cp;
        f->end += uni_decode(text.ptr + f->end, &cp);
        f->over = !uni_is_space(cp);
    }
    return !f->over;
}

static enum char_action char_action(const struct text_edit *e, uint32_t cp, bool at_start)
{
    bool all = e->newlines == EDIT_NEWLINES_ALL;

    if (cp == '\r')
        return e->newlines != EDIT_NEWLINES_KEEP ? CHAR_NEWLINE : CHAR_KEEP;
    if (cp == '\v' || cp == '\f' || cp == 0x85 || cp == 0x2028 || cp == 0x2029)
        return all ? CHAR_NEWLINE : CHAR_KEEP;
    if (cp < 0x20 || (cp >= 0x7F && cp <= 0x9F))
        return e->strip_control && cp != '\t' && cp != '\n' ? CHAR_CUT : CHAR_KEEP;
    if (cp == 0xAD)
        return e->strip_soft_hyphen ? CHAR_CUT : CHAR_KEEP;
    if (at_start)
        return CHAR_CUT;
    if (cp == 0x180E || (cp >= 0x200B && cp <= 0x200D) || cp == 0x2060 || cp == 0xFEFF)
        return e->strip_zero_width ? CHAR_CUT : CHAR_KEEP;
    if (cp == 0x61C || cp == 0x200E || cp == 0x200F || (cp >= 0x202A && cp <= 0x202E) ||
        (cp >= 0x2066 && cp <= 0x2069))
        return e->strip_bidi ? CHAR_CUT : CHAR_KEEP;
    return CHAR_KEEP;
}

slice edit_chars(const struct text_edit *e, slice text, struct arena *arena)
{
    struct copy c = { .text = text, .arena = arena };
    struct front front = { .over = !e->strip_bom };

    for (ptrdiff_t i = 0; (i = bytepair_find(&e->chars, text, i)) < text.len;) {
        uint32_t cp;
        int width = uni_decode(text.ptr + i, &cp);
        bool at_start = in_front(&front, text, i) && cp == 0xFEFF;
        enum char_action action = char_action(e, cp, at_start);
        if (action == CHAR_NEWLINE && cp == '\r' && i + 1 < text.len && text.ptr[i + 1] == '\n')
            action = CHAR_CUT;
        if (action != CHAR_KEEP) {
            copy_cut(&c, i, i + width);
            front.end = i + width;
        }
        if (action == CHAR_NEWLINE)
            *c.out++ = '\n';
        i += width;
    }
    return copy_end(&c);
}

/* ---- white space ---- */

/* Width of the white space character at `i`, or 0. */
static int space_width(slice text, ptrdiff_t i)
{
    uint32_t cp;
    int width;

    if (i >= text.len)
        return 0;
    width = uni_decode(text.ptr + i, &cp);
    return uni_is_space(cp) ? width : 0;
}

static ptrdiff_t space_start(slice text, ptrdiff_t end)
{
    while (end > 0) {
        uint32_t cp;
        int width = uni_decode_back(text.ptr, text.ptr + end, &cp);
        if (!uni_is_space(cp))
            break;
        end -= width;
    }
    return end;
}

static ptrdiff_t space_end(slice text, ptrdiff_t start)
{
    for (int width; (width = space_width(text, start)); start += width)
        ;
    return start;
}

/* TAB and Zs: White_Space that is not a line separator of some kind. */
static bool is_blank(uint32_t cp)
{
    return uni_is_space(cp) && !(cp >= 0x0A && cp <= 0x0D) && cp != 0x85 && cp != 0x2028 &&
           cp != 0x2029;
}

/* The white space between two line breaks (or a break and a word): never longer than before. */
static char *write_blanks(const struct text_edit *e, slice s, char *out)
{
    bool in_run = false;

    if (!e->collapse_space) {
        if (s.len)
            memmove(out, s.ptr, (size_t)s.len);
        return out + s.len;
    }
    for (ptrdiff_t i = 0; i < s.len;) {
        uint32_t cp;
        int width = uni_decode(s.ptr + i, &cp);
        if (is_blank(cp)) {
            if (!in_run)
                *out++ = ' ';
            in_run = true;
        } else {
            memmove(out, s.ptr + i, (size_t)width);
            out += width;
            in_run = false;
        }
        i += width;
    }
    return out;
}

/* One maximal run of white space. at_edge: it touches an end of the text. */
static char *write_run(const struct text_edit *e, slice run, bool at_edge, char *out)
{
    ptrdiff_t from = 0, breaks = 0;
    bool any_break = false, kept = true;
    char last = 0; /* the line break before this one, 0 when something stands between */

    for (ptrdiff_t i = 0; i <= run.len; i++) {
        bool is_end = i == run.len;
        if (!is_end && run.ptr[i] != '\n' && run.ptr[i] != '\r')
            continue;
        any_break |= !is_end;
        slice blanks = slice_make(run.ptr + from, i - from);
        if (blanks.len && !(e->trim_lines && (any_break || at_edge))) {
            out = write_blanks(e, blanks, out);
            breaks = 0;
            last = 0;
        }
        if (is_end)
            break;
        /* LF after CR belongs to it, and shares its fate. */
        if (!(last == '\r' && run.ptr[i] == '\n'))
            kept = ++breaks <= e->max_newlines || !e->max_newlines;
        if (kept)
            *out++ = run.ptr[i];
        last = run.ptr[i];
        from = i + 1;
    }
    return out;
}

static void edit_run(const struct text_edit *e, struct copy *c, ptrdiff_t start, ptrdiff_t end,
                     bool at_edge)
{
    slice run = slice_make(c->text.ptr + start, end - start);
    char local[256],
        *fresh = run.len <= (ptrdiff_t)sizeof local ? local : arena_alloc_raw(c->arena, run.len, 1);
    ptrdiff_t len = write_run(e, run, at_edge, fresh) - fresh;

    if (slice_eq(run, slice_make(fresh, len))) {
        if (fresh != local)
            arena_trim(c->arena, fresh);
        return;
    }
    copy_cut(c, start, end);
    memcpy(c->out, fresh, (size_t)len);
    c->out += len;
}

slice edit_space(const struct text_edit *e, slice text, struct arena *arena)
{
    if (e->trim) {
        text.len = space_start(text, text.len);
        text = slice_from(text, space_end(text, 0));
    }
    if (!e->space.any || text.len == 0)
        return text;

    struct copy c = { .text = text, .arena = arena };
    ptrdiff_t head = space_end(text, 0);
    ptrdiff_t tail = head == text.len ? head : space_start(text, text.len);
    if (head)
        edit_run(e, &c, 0, head, true);
    slice middle = slice_make(text.ptr, tail);
    for (ptrdiff_t i = head; (i = bytepair_find(&e->space, middle, i)) < tail;) {
        int width = space_width(middle, i);
        if (!width) {
            i++; /* a byte of another character of that block */
            continue;
        }
        ptrdiff_t start = space_start(slice_make(text.ptr, i), i);
        i = space_end(middle, i);
        edit_run(e, &c, start, i, false);
    }
    if (tail < text.len)
        edit_run(e, &c, tail, text.len, true);
    return copy_end(&c);
}
