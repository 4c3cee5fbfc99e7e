#include "htmltext.h"

/* What an element does to the lines around it. */
struct box {
    bool block;
    bool margin; /* an empty line before and behind */
};

static struct box box_of(const struct html_node *n)
{
    switch ((enum html_tag)n->tag) {
    case HT_P:
    case HT_H1:
    case HT_HEADING:
    case HT_BLOCKQUOTE:
    case HT_PRE:
    case HT_FIGURE:
    case HT_TABLE:
        return (struct box){ true, true };
    case HT_OL:
    case HT_LIST:
    case HT_BLOCK:
    case HT_ARTICLE:
    case HT_ASIDE:
    case HT_BODY:
    case HT_DD:
    case HT_DIALOG:
    case HT_FIGCAPTION:
    case HT_FOOTER:
    case HT_FORM:
    case HT_HEAD:
    case HT_HEADER:
    case HT_HR:
    case HT_HTML:
    case HT_LI:
    case HT_MAIN:
    case HT_NAV:
    case HT_ROW:
        return (struct box){ true, false };
    case HT_OTHER:
    case HT_TEXT:
    case HT_A:
    case HT_BR:
    case HT_CELL:
    case HT_DROP:
    case HT_INPUT:
    case HT_TIME:
    case HT_TITLE:
        break;
    }
    return (struct box){ false, false };
}

struct render {
    const struct html_doc *doc;
    struct buf *out;
    ptrdiff_t start; /* of the page in out */
    int newlines;    /* owed before the next text */
    bool space;      /* a space is owed */
    bool tab;        /* a tab is owed: the next cell of a row */
    int lists;       /* around */
    int pre;
    int32_t item;       /* li whose bullet is owed, -1: none */
    int32_t numbers[8]; /* of the items, by depth of lists; -1: no numbers */
};

static void owe(struct render *r, int newlines)
{
    r->newlines = MAX(r->newlines, newlines);
    r->space = false;
}

static void indent(struct render *r, int levels)
{
    for (int i = 0; i < levels; i++)
        buf_append(r->out, SLICE("  "));
}

/* Everything that is owed before a character of text. */
static void settle(struct render *r)
{
    bool empty = r->out->len == r->start;
    bool line = empty || r->newlines > 0;
    if (!empty)
        for (int i = 0; i < r->newlines; i++)
            buf_append_byte(r->out, '\n');
    if (line && r->lists) {
        indent(r, r->lists);
        if (r->item >= 0) {
            int32_t number = r->numbers[MIN(r->lists, countof(r->numbers)) - 1];
            if (number > 0)
                buf_printf(r->out, "%d. ", number);
            else
                buf_append(r->out, SLICE("\u2022 "));
        } else {
            indent(r, 1);
        }
    } else if (!line && r->tab) {
        buf_append_byte(r->out, '\t');
    } else if (!line && r->space) {
        buf_append_byte(r->out, ' ');
    }
    r->newlines = 0;
    r->space = r->tab = false;
    r->item = -1;
}

static bool is_space(unsigned char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Bytes of a character that is white space (*gone: or nothing at all) in a page; 0: none. */
static ptrdiff_t odd_space(slice s, bool *gone)
{
    unsigned char a = (unsigned char)s.ptr[0], b = s.len > 1 ? (unsigned char)s.ptr[1] : 0;
    *gone = false;
    if (a == 0xc2 && b == 0xa0) /* no-break space */
        return 2;
    if (s.len > 2 && a == 0xef && b == 0xbb && (unsigned char)s.ptr[2] == 0xbf)
        return *gone = true, 3; /* byte order mark */
    return 0;
}

/* A run without white space from the front of s. */
static ptrdiff_t word_length(slice s)
{
    ptrdiff_t i = 0;
    for (; i < s.len && !is_space((unsigned char)s.ptr[i]); i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        bool gone;
        if ((c == 0xc2 || c == 0xef) && odd_space(slice_from(s, i), &gone))
            break;
    }
    return i;
}

static void put_text(struct render *r, slice s)
{
    while (s.len) {
        bool gone;
        ptrdiff_t odd = is_space((unsigned char)*s.ptr) ? 1 : odd_space(s, &gone);
        if (odd) {
            if (odd == 1 || !gone)
                r->space = true;
            s = slice_from(s, odd);
            continue;
        }
        ptrdiff_t n = word_length(s);
        settle(r);
        buf_append(r->out, slice_make(s.ptr, n));
        s = slice_from(s, n);
    }
}

/* In pre, lines and spaces are as they stand; empty lines at its ends go. */
static void put_pre(struct render *r, slice s)
{
    while (s.len && r->newlines && (*s.ptr == '\n' || *s.ptr == '\r'))
        s = slice_from(s, 1);
    ptrdiff_t len = s.len;
    while (len > 0 && is_space((unsigned char)s.ptr[len - 1]))
        len--;
    if (len == 0)
        return;
    settle(r);
    for (ptrdiff_t i = 0; i < len; i++)
        if (s.ptr[i] != '\r')
            buf_append_byte(r->out, s.ptr[i]);
    for (ptrdiff_t i = len; i < s.len; i++)
        r->newlines += s.ptr[i] == '\n';
    r->newlines = MIN(r->newlines, 2);
    r->space = r->newlines == 0 && len < s.len;
}

static bool is_list(const struct html_node *n)
{
    return n->tag == HT_LIST || n->tag == HT_OL;
}

static int32_t first_number(const struct html_node *n)
{
    int32_t v = 0;
    if (n->tag != HT_OL)
        return -1;
    for (ptrdiff_t i = 0; i < n->text.len && i < 8; i++)
        if (n->text.ptr[i] >= '0' && n->text.ptr[i] <= '9')
            v = v * 10 + n->text.ptr[i] - '0';
    return n->text.len && v > 0 ? v - 1 : 0;
}

static void enter(struct render *r, int32_t i)
{
    const struct html_node *n = &r->doc->nodes[i];
    struct box box = box_of(n);
    if (n->tag == HT_BR) {
        r->newlines = MIN(r->newlines + 1, 4);
        r->space = false;
    }
    if (n->tag == HT_CELL && r->newlines == 0)
        r->tab = true;
    if (box.block)
        owe(r, box.margin ? 2 : 1);
    if (is_list(n)) {
        r->lists++;
        r->numbers[MIN(r->lists, countof(r->numbers)) - 1] = first_number(n);
    } else if (n->tag == HT_LI && r->lists) {
        int32_t *number = &r->numbers[MIN(r->lists, countof(r->numbers)) - 1];
        *number += *number >= 0;
        r->item = i;
    } else if (n->tag == HT_PRE) {
        r->pre++;
    }
}

static void leave(struct render *r, int32_t i)
{
    const struct html_node *n = &r->doc->nodes[i];
    if (is_list(n))
        r->lists--;
    else if (n->tag == HT_PRE)
        r->pre--;
    struct box box = box_of(n);
    if (box.block)
        owe(r, box.margin ? 2 : 1);
    if (n->tag == HT_LI)
        r->item = -1;
}

void html_render(const struct html_doc *doc, const uint8_t *keep, struct buf *out)
{
    struct render r = { .doc = doc, .out = out, .start = out->len, .item = -1 };
    int32_t open[HTML_DEPTH_MAX + 1];
    int depth = 0;
    for (int32_t i = 0; i < doc->count; i++) {
        const struct html_node *n = &doc->nodes[i];
        while (depth && doc->nodes[open[depth - 1]].end <= i)
            leave(&r, open[--depth]);
        if (n->tag == HT_TEXT) {
            if (keep && !keep[i])
                r.space = true;
            else if (r.pre)
                put_pre(&r, n->text);
            else
                put_text(&r, n->text);
            continue;
        }
        if (n->tag == HT_DROP || n->tag == HT_INPUT || n->tag == HT_TITLE || n->tag == HT_HEAD) {
            i = n->end - 1;
            continue;
        }
        enter(&r, i);
        open[depth++] = i;
    }
}

void html_one_line(slice text, struct buf *out)
{
    struct render r = { .out = out, .start = out->len, .item = -1 };
    put_text(&r, text);
}
