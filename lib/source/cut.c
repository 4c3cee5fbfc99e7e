#include "cut.h"

#include "warc.h"

void cut_init(struct cut *sp, enum cut_kind kind)
{
    *sp = (struct cut){ .kind = kind, .delimiter = ',', .quote = '"' };
}

void cut_rebase(struct cut *sp)
{
    sp->at -= sp->start;
    sp->end -= sp->start;
    sp->head -= sp->start;
    sp->start = 0;
}

static enum cut_status found(struct cut *sp, struct cut_record *r, ptrdiff_t end, ptrdiff_t next)
{
    *r = (struct cut_record){ .start = sp->start, .len = end - sp->start };
    sp->start = sp->at = next;
    return CUT_RECORD;
}

/* ---- lines ---- */

static enum cut_status next_line(struct cut *sp, slice w, bool last, struct cut_record *r)
{
    ptrdiff_t nl = slice_find(slice_from(w, sp->at), '\n');
    if (nl >= 0)
        return found(sp, r, sp->at + nl, sp->at + nl + 1);
    sp->at = w.len;
    if (!last || sp->start == w.len)
        return CUT_MORE;
    return found(sp, r, w.len, w.len);
}

/* ---- rows ---- */

enum { ROW_FIELD_START, ROW_PLAIN, ROW_QUOTED, ROW_QUOTE_SEEN, ROW_CR_SEEN };

static enum cut_status end_row(struct cut *sp, slice w, struct cut_record *r, ptrdiff_t end,
                               ptrdiff_t next, bool unterminated)
{
    bool bad = sp->bad;
    sp->state = ROW_FIELD_START;
    sp->bad = false;
    found(sp, r, end, next);
    if (r->len && w.ptr[end - 1] == '\r' && end < next)
        r->len--;
    r->bad = unterminated ? "quoted field without its closing quote"
             : bad        ? "text after the closing quote of a field"
                          : NULL;
    return CUT_RECORD;
}

/* The byte after a plain field's run, or the window's end. */
static ptrdiff_t skip_plain(slice w, ptrdiff_t i, char delimiter)
{
    while (i < w.len && w.ptr[i] != delimiter && w.ptr[i] != '\n')
        i++;
    return i;
}

static enum cut_status next_row(struct cut *sp, slice w, bool last, struct cut_record *r)
{
    ptrdiff_t i = sp->at;
    while (i < w.len) {
        char c = w.ptr[i];
        if (sp->state == ROW_QUOTED) {
            ptrdiff_t q = slice_find(slice_from(w, i), sp->quote);
            if (q < 0) {
                i = w.len;
                break;
            }
            sp->state = ROW_QUOTE_SEEN;
            i += q + 1;
            continue;
        }
        if (sp->state == ROW_QUOTE_SEEN && c == sp->quote) {
            sp->state = ROW_QUOTED;
            i++;
            continue;
        }
        if (c == '\n') {
            bool empty = i == sp->start || (i == sp->start + 1 && w.ptr[i - 1] == '\r');
            enum cut_status st = end_row(sp, w, r, i, i + 1, false);
            if (!empty)
                return st;
            i = sp->start;
            continue;
        }
        if (c == sp->delimiter) {
            sp->state = ROW_FIELD_START;
        } else if (sp->state == ROW_FIELD_START && c == sp->quote && sp->quote) {
            sp->state = ROW_QUOTED;
        } else if (sp->state == ROW_QUOTE_SEEN && c == '\r') {
            sp->state = ROW_CR_SEEN;
        } else {
            sp->bad |= sp->state == ROW_QUOTE_SEEN || sp->state == ROW_CR_SEEN;
            sp->state = ROW_PLAIN;
            i = skip_plain(w, i, sp->delimiter);
            continue;
        }
        i++;
    }
    sp->at = i;
    if (!last || sp->start == w.len)
        return CUT_MORE;
    return end_row(sp, w, r, w.len, w.len, sp->state == ROW_QUOTED);
}

/* ---- JSON values ---- */

/* Outside a record: TOP between top-level values, FIRST after "[", COMMA after an element, ELEMENT
 * after a comma. Inside one: NESTED in an object or array, NESTED_STRING in a string of it, STRING
 * in a string that is the record, SCALAR in a number or word. */
enum { JS_TOP, JS_FIRST, JS_COMMA, JS_ELEMENT, JS_NESTED, JS_NESTED_STRING, JS_STRING, JS_SCALAR };

#define IN_ARRAY 1000000000 /* added to depth inside a top-level array */

static enum cut_status fault(struct cut *sp, ptrdiff_t at, const char *what)
{
    sp->at = at;
    sp->fault = what;
    return CUT_FAULT;
}

static bool in_array(const struct cut *sp)
{
    return sp->depth >= IN_ARRAY;
}

static enum cut_status end_value(struct cut *sp, struct cut_record *r, ptrdiff_t end)
{
    sp->state = in_array(sp) ? JS_COMMA : JS_TOP;
    return found(sp, r, end, end);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* One byte between records. False: it does not belong there. */
static bool between(struct cut *sp, char c, ptrdiff_t i)
{
    sp->start = i + 1;
    switch (sp->state) {
    case JS_COMMA:
        sp->state = c == ',' ? JS_ELEMENT : JS_TOP;
        sp->depth = c == ']' ? 0 : sp->depth;
        return c == ',' || c == ']';
    case JS_FIRST:
        if (c == ']') {
            sp->depth = 0;
            sp->state = JS_TOP;
            return true;
        }
        break;
    case JS_TOP:
        if (c == '[') {
            sp->depth = IN_ARRAY;
            sp->state = JS_FIRST;
            return true;
        }
        break;
    }
    sp->start = i;
    sp->escaped = false;
    sp->state = c == '{' || c == '[' ? JS_NESTED : c == '"' ? JS_STRING : JS_SCALAR;
    sp->depth += sp->state == JS_NESTED;
    return c != ']' && c != '}' && c != ',' && c != ':';
}

/* The end of a string that `i` lies in: behind its quote, or the window's end. */
static ptrdiff_t skip_string(struct cut *sp, slice w, ptrdiff_t i, bool *closed)
{
    *closed = false;
    if (sp->escaped && i < w.len) {
        i++;
        sp->escaped = false;
    }
    while (i < w.len) {
        const char *q = memchr(w.ptr + i, '"', (size_t)(w.len - i));
        ptrdiff_t stop = q ? q - w.ptr : w.len;
        const char *b = memchr(w.ptr + i, '\\', (size_t)(stop - i));
        if (!b) {
            *closed = q != NULL;
            return q ? stop + 1 : stop;
        }
        i = b - w.ptr + 2;
    }
    sp->escaped = i > w.len; /* the escaped byte is in the next window */
    return w.len;
}

static ptrdiff_t skip_nested(struct cut *sp, slice w, ptrdiff_t i)
{
    ptrdiff_t outer = in_array(sp) ? IN_ARRAY : 0;
    for (; i < w.len; i++) {
        char c = w.ptr[i];
        if (c == '"') {
            sp->state = JS_NESTED_STRING;
            return i + 1;
        }
        if (c == '{' || c == '[')
            sp->depth++;
        else if ((c == '}' || c == ']') && --sp->depth == outer)
            return i + 1;
    }
    return i;
}

static enum cut_status json_end(struct cut *sp, slice w, struct cut_record *r)
{
    if (sp->state == JS_SCALAR)
        return end_value(sp, r, w.len);
    sp->at = w.len;
    if (sp->state == JS_TOP)
        return CUT_MORE;
    return fault(sp, w.len,
                 sp->state >= JS_NESTED ? "ends inside a value" : "ends inside an array");
}

static enum cut_status next_value(struct cut *sp, slice w, bool last, struct cut_record *r)
{
    ptrdiff_t i = sp->at;
    bool closed;
    while (i < w.len) {
        switch (sp->state) {
        case JS_STRING:
            i = skip_string(sp, w, i, &closed);
            if (closed)
                return end_value(sp, r, i);
            break;
        case JS_NESTED_STRING:
            i = skip_string(sp, w, i, &closed);
            sp->state = closed ? JS_NESTED : JS_NESTED_STRING;
            break;
        case JS_NESTED:
            i = skip_nested(sp, w, i);
            if (sp->depth == (in_array(sp) ? IN_ARRAY : 0))
                return end_value(sp, r, i);
            break;
        case JS_SCALAR:
            while (i < w.len && !is_space(w.ptr[i]) && w.ptr[i] != ',' && w.ptr[i] != ']' &&
                   w.ptr[i] != '}')
                i++;
            if (i < w.len)
                return end_value(sp, r, i);
            break;
        default:
            if (is_space(w.ptr[i]))
                sp->start = i + 1;
            else if (!between(sp, w.ptr[i], i))
                return fault(sp, i,
                             sp->state == JS_TOP ? "expected ',' or ']'" : "expected a value");
            i++;
        }
    }
    sp->at = i;
    return last ? json_end(sp, w, r) : CUT_MORE;
}

/* ---- records of web archives ---- */

enum { WEB_BETWEEN, WEB_INSIDE, WEB_LOST };

static enum cut_status bad_record(struct cut *sp, struct cut_record *r, ptrdiff_t end,
                                  const char *why)
{
    sp->state = WEB_LOST;
    end = MAX(end, sp->start); /* of a record that was read over, the header is gone */
    found(sp, r, end, end);
    r->bad = why;
    return CUT_RECORD;
}

/* Blank lines, then the header of a record. */
static enum cut_status web_begin(struct cut *sp, slice w, bool last, struct cut_record *r)
{
    ptrdiff_t head;
    int64_t block;
    const char *why;
    while (sp->start < w.len && (w.ptr[sp->start] == '\r' || w.ptr[sp->start] == '\n'))
        sp->start++;
    sp->at = sp->start;
    if (sp->start == w.len)
        return CUT_MORE;
    switch (warc_frame(slice_from(w, sp->start), sp->kind == CUT_ARC, last, &head, &block, &why)) {
    case WARC_SHORT:
        return CUT_MORE;
    case WARC_NONE:
        return bad_record(sp, r, sp->start + head, why);
    case WARC_FRAME:
        break;
    }
    sp->state = WEB_INSIDE;
    sp->head = sp->start + head;
    sp->end = sp->head + block;
    return CUT_MORE;
}

/* Behind the record blank lines lead to the next one or to the end. */
static enum cut_status web_end(struct cut *sp, slice w, bool last, struct cut_record *r)
{
    ptrdiff_t at = (ptrdiff_t)MIN(sp->end, (int64_t)w.len);
    sp->at = w.len;
    if (sp->end > w.len)
        return last ? bad_record(sp, r, sp->head, "ends inside a record") : CUT_MORE;
    while (at < w.len && (w.ptr[at] == '\r' || w.ptr[at] == '\n'))
        at++;
    if (at == w.len && !last)
        return CUT_MORE;
    slice rest = slice_from(w, at);
    if (rest.len && !warc_decidable(rest, sp->kind == CUT_ARC, last))
        return CUT_MORE;
    /* A header that begins as one is enough: its own faults are its own. */
    if (rest.len && warc_resync(rest, sp->kind == CUT_ARC, last, 0) != 0)
        return bad_record(sp, r, sp->head, "its length does not lead to the next record");
    sp->state = WEB_BETWEEN;
    return found(sp, r, (ptrdiff_t)sp->end, at);
}

static enum cut_status next_web(struct cut *sp, slice w, bool last, struct cut_record *r)
{
    for (;;) {
        if (sp->state == WEB_LOST) {
            ptrdiff_t next = warc_resync(w, sp->kind == CUT_ARC, last, sp->start);
            ptrdiff_t line = w.len; /* the last line may begin a record that is not whole yet */
            while (line > sp->start && w.ptr[line - 1] != '\n')
                line--;
            sp->start = sp->at = next >= 0 ? next : last ? w.len : line;
            if (next < 0) {
                sp->at = w.len;
                return CUT_MORE;
            }
            sp->state = WEB_BETWEEN;
        }
        if (sp->state == WEB_INSIDE)
            return web_end(sp, w, last, r);
        enum cut_status st = web_begin(sp, w, last, r);
        if (st != CUT_MORE || sp->state != WEB_INSIDE)
            return st;
    }
}

enum cut_status cut_next(struct cut *sp, slice window, bool last, struct cut_record *r)
{
    switch (sp->kind) {
    case CUT_LINES:
        return next_line(sp, window, last, r);
    case CUT_ROWS:
        return next_row(sp, window, last, r);
    case CUT_WARC:
    case CUT_ARC:
        return next_web(sp, window, last, r);
    case CUT_JSON:
        break;
    }
    return next_value(sp, window, last, r);
}
