#include "htmldoc.h"

#include "charset.h"
#include "htmlhint.h"

#include <stdlib.h>

/* ---- tags ---- */

struct tag_name {
    const char *name;
    enum html_tag tag;
};

/* Sorted: found by bisection. */
static const struct tag_name tag_names[] = {
    { "a", HT_A },
    { "address", HT_BLOCK },
    { "applet", HT_DROP },
    { "article", HT_ARTICLE },
    { "aside", HT_ASIDE },
    { "audio", HT_DROP },
    { "blockquote", HT_BLOCKQUOTE },
    { "body", HT_BODY },
    { "br", HT_BR },
    { "button", HT_INPUT },
    { "canvas", HT_DROP },
    { "caption", HT_BLOCK },
    { "center", HT_BLOCK },
    { "datalist", HT_DROP },
    { "dd", HT_DD },
    { "details", HT_BLOCK },
    { "dialog", HT_DIALOG },
    { "dir", HT_LIST },
    { "div", HT_BLOCK },
    { "dl", HT_TABLE },
    { "dt", HT_BLOCK },
    { "embed", HT_DROP },
    { "fieldset", HT_BLOCK },
    { "figcaption", HT_FIGCAPTION },
    { "figure", HT_FIGURE },
    { "footer", HT_FOOTER },
    { "form", HT_FORM },
    { "frameset", HT_BLOCK },
    { "h1", HT_H1 },
    { "h2", HT_HEADING },
    { "h3", HT_HEADING },
    { "h4", HT_HEADING },
    { "h5", HT_HEADING },
    { "h6", HT_HEADING },
    { "head", HT_HEAD },
    { "header", HT_HEADER },
    { "hr", HT_HR },
    { "html", HT_HTML },
    { "iframe", HT_DROP },
    { "input", HT_INPUT },
    { "legend", HT_BLOCK },
    { "li", HT_LI },
    { "main", HT_MAIN },
    { "map", HT_DROP },
    { "math", HT_OTHER },
    { "menu", HT_LIST },
    { "nav", HT_NAV },
    { "noframes", HT_DROP },
    { "noscript", HT_DROP },
    { "object", HT_DROP },
    { "ol", HT_OL },
    { "optgroup", HT_DROP },
    { "option", HT_DROP },
    { "p", HT_P },
    { "pre", HT_PRE },
    { "script", HT_DROP },
    { "section", HT_BLOCK },
    { "select", HT_INPUT },
    { "style", HT_DROP },
    { "summary", HT_BLOCK },
    { "svg", HT_DROP },
    { "table", HT_TABLE },
    { "tbody", HT_BLOCK },
    { "td", HT_CELL },
    { "template", HT_DROP },
    { "textarea", HT_INPUT },
    { "tfoot", HT_BLOCK },
    { "th", HT_CELL },
    { "thead", HT_BLOCK },
    { "time", HT_TIME },
    { "title", HT_TITLE },
    { "tr", HT_ROW },
    { "ul", HT_LIST },
    { "video", HT_DROP },
    { "xml", HT_DROP },
};

static int by_name(const void *name, const void *row)
{
    return strcmp(name, ((const struct tag_name *)row)->name);
}

ATTR_UNUSED static enum html_tag tag_of(const char *name)
{
    const struct tag_name *t =
        bsearch(name, tag_names, countof(tag_names), sizeof *tag_names, by_name);
    return t ? t->tag : HT_OTHER;
}

/* ---- charset ---- */

static bool starts_nocase(slice s, const char *lower)
{
    ptrdiff_t i = 0;
    for (; lower[i]; i++)
        if (i >= s.len ||
            ((s.ptr[i] >= 'A' && s.ptr[i] <= 'Z' ? s.ptr[i] + 32 : s.ptr[i]) != lower[i]))
            return false;
    return true;
}

slice html_meta_charset(slice head)
{
    head.len = MIN(head.len, 4096);
    for (ptrdiff_t at; (at = slice_find(head, '<')) >= 0;) {
        head = slice_from(head, at + 1);
        if (starts_nocase(head, "!--")) {
            const char *close = memmem(head.ptr, (size_t)head.len, "-->", 3);
            head = close ? slice_from(head, close - head.ptr) : slice_make(head.ptr, 0);
            continue;
        }
        bool xml = starts_nocase(head, "?xml");
        if (!xml && !starts_nocase(head, "meta"))
            continue;
        ptrdiff_t end = slice_find(head, '>');
        slice tag = slice_make(head.ptr, end < 0 ? head.len : end);
        const char *key = xml ? "encoding" : "charset";
        ptrdiff_t key_len = (ptrdiff_t)strlen(key);
        for (ptrdiff_t i = 0; i + key_len < tag.len; i++) {
            slice v = slice_from(tag, i);
            if (!starts_nocase(v, key))
                continue;
            v = slice_from(v, key_len);
            while (v.len && (*v.ptr == ' ' || *v.ptr == '=' || *v.ptr == '"' || *v.ptr == '\''))
                v = slice_from(v, 1);
            ptrdiff_t n = 0;
            while (n < v.len && (unsigned char)v.ptr[n] > ' ' && !strchr("\"';/>", v.ptr[n]))
                n++;
            if (n)
                return slice_make(v.ptr, n);
        }
    }
    return SLICE("");
}

#ifdef HAVE_LIBXML_2_0

#include <libxml/HTMLparser.h>

const bool html_available = true;
const char html_library[] = "libxml2";

struct builder {
    htmlParserCtxtPtr ctxt;
    struct arena *arena;
    struct html_doc *doc;
    ptrdiff_t cap;
    int32_t open[HTML_DEPTH_MAX]; /* the elements around */
    int depth;
    int dropped; /* depth below a HT_DROP element, 0: none */
    int title;   /* depth of an open title element, 0: none */
    char *text;  /* all texts, one after the other: never more than the page */
    ptrdiff_t text_len, text_cap;
    bool joined; /* the next text goes on where the last one ended */
    const char *wrong;
};

static void stop(struct builder *b, const char *why)
{
    b->wrong = why;
    xmlStopParser(b->ctxt);
}

static struct html_node *add_node(struct builder *b, enum html_tag tag)
{
    struct html_doc *d = b->doc;
    if (d->count == b->cap) {
        ptrdiff_t cap = MAX(1024, b->cap * 2), size = (ptrdiff_t)sizeof *d->nodes;
        d->nodes = arena_grow(b->arena, d->nodes, b->cap * size, cap * size,
                              (ptrdiff_t) _Alignof(struct html_node));
        b->cap = cap;
    }
    struct html_node *n = &d->nodes[d->count++];
    *n = (struct html_node){ .parent = b->depth ? b->open[b->depth - 1] : -1,
                             .end = (int32_t)d->count,
                             .tag = (uint8_t)tag };
    return n;
}

static slice attribute(const xmlChar **a, const char *name)
{
    for (; a && *a; a += 2)
        if (a[1] && strcmp((const char *)a[0], name) == 0)
            return slice_of((const char *)a[1]);
    return (slice){ 0 };
}

static void keep_first(struct builder *b, slice *to, slice value)
{
    if (to->len == 0 && value.len && value.len < 4096)
        *to = arena_dup(b->arena, value);
}

static void read_meta(struct builder *b, const xmlChar **a)
{
    static const char *const dates[] = { "article:published_time", "og:published_time", "date",
                                         "datePublished",          "dc.date",           "DC.date",
                                         "DC.date.issued",         "dcterms.created",   "pubdate",
                                         "publish-date",           "last-modified" };
    slice value = attribute(a, "content"), key = attribute(a, "property");
    struct html_doc *d = b->doc;
    if (!key.ptr)
        key = attribute(a, "name");
    if (!key.ptr)
        key = attribute(a, "itemprop");
    if (!key.ptr)
        key = attribute(a, "http-equiv");
    if (!value.ptr || !key.ptr)
        return;
    if (slice_eq(key, SLICE("og:title")))
        keep_first(b, &d->og_title, value);
    else if (slice_eq(key, SLICE("og:url")))
        keep_first(b, &d->url, value);
    else if (slice_eq(key, SLICE("og:locale")) || starts_nocase(key, "content-language"))
        keep_first(b, &d->lang, value);
    else if (slice_eq(key, SLICE("dcterms.license")) || slice_eq(key, SLICE("DC.rights")))
        keep_first(b, &d->license, value);
    for (ptrdiff_t i = 0; i < countof(dates); i++)
        if (slice_eq(key, slice_of(dates[i])))
            keep_first(b, &d->date, value);
}

static bool has_word(slice s, const char *word)
{
    ptrdiff_t n = (ptrdiff_t)strlen(word);
    for (ptrdiff_t i = 0; i + n <= s.len; i++)
        if (starts_nocase(slice_from(s, i), word) && (i == 0 || s.ptr[i - 1] == ' ') &&
            (i + n == s.len || s.ptr[i + n] == ' '))
            return true;
    return false;
}

/* link and a: what the page is called, and under which licence it stands. */
static void read_link(struct builder *b, const xmlChar **a, bool in_head)
{
    slice rel = attribute(a, "rel"), href = attribute(a, "href");
    if (!href.ptr)
        return;
    if (in_head && rel.ptr && has_word(rel, "canonical")) {
        b->doc->url = (slice){ 0 };
        keep_first(b, &b->doc->url, href);
    }
    if ((rel.ptr && has_word(rel, "license")) ||
        memmem(href.ptr, (size_t)href.len, "creativecommons.org/licenses/", 29) ||
        memmem(href.ptr, (size_t)href.len, "creativecommons.org/publicdomain/", 33))
        keep_first(b, &b->doc->license, href);
}

static void read_attributes(struct builder *b, struct html_node *n, const xmlChar **a)
{
    for (; *a; a += 2) {
        const char *name = (const char *)a[0];
        slice v = slice_of(a[1] ? (const char *)a[1] : "");
        if (strcmp(name, "class") == 0 || strcmp(name, "id") == 0)
            n->hints |= html_hints(v);
        else if (strcmp(name, "role") == 0)
            n->hints |= html_role_hints(v);
        else if (strcmp(name, "itemprop") == 0)
            n->hints |= slice_eq(v, SLICE("articleBody")) ? HINT_BODY
                        : slice_eq(v, SLICE("comment"))   ? HINT_COMMENT
                                                          : 0;
        else if (strcmp(name, "hidden") == 0 ||
                 (strcmp(name, "aria-hidden") == 0 && slice_eq(v, SLICE("true"))) ||
                 (strcmp(name, "style") == 0 &&
                  (memmem(v.ptr, (size_t)v.len, "display:none", 12) ||
                   memmem(v.ptr, (size_t)v.len, "display: none", 13))))
            n->flags |= HTML_HIDDEN;
        else if (strcmp(name, "lang") == 0 && n->tag == HT_HTML)
            keep_first(b, &b->doc->lang, v);
        else if (strcmp(name, "datetime") == 0 && n->tag == HT_TIME)
            keep_first(b, &b->doc->date, v);
        else if (strcmp(name, "start") == 0 && n->tag == HT_OL)
            n->text = arena_dup(b->arena, v);
    }
}

static void on_start(void *self, const xmlChar *name, const xmlChar **a)
{
    struct builder *b = self;
    b->joined = false;
    if (b->wrong)
        return;
    if (b->depth == HTML_DEPTH_MAX)
        stop(b, "elements nested deeper than 1024");
    else if (b->doc->count == HTML_NODES_MAX)
        stop(b, "more than 2 million elements");
    if (b->wrong)
        return;
    enum html_tag tag = tag_of((const char *)name);
    if (strcmp((const char *)name, "meta") == 0 && a)
        read_meta(b, a);
    bool link = strcmp((const char *)name, "link") == 0;
    if ((link || tag == HT_A) && a)
        read_link(b, a, link);
    struct html_node *n = add_node(b, tag);
    b->open[b->depth++] = (int32_t)(b->doc->count - 1);
    if (tag == HT_DROP && !b->dropped)
        b->dropped = b->depth;
    if (tag == HT_TITLE && !b->title && !b->doc->title.len)
        b->title = b->depth;
    if (a && !b->dropped)
        read_attributes(b, n, a);
}

static void on_end(void *self, const xmlChar *name)
{
    struct builder *b = self;
    (void)name;
    b->joined = false;
    if (b->wrong || b->depth == 0)
        return;
    if (b->dropped == b->depth)
        b->dropped = 0;
    if (b->title == b->depth)
        b->title = 0;
    b->doc->nodes[b->open[--b->depth]].end = (int32_t)b->doc->count;
}

static void on_text(void *self, const xmlChar *text, int len)
{
    struct builder *b = self;
    struct html_doc *d = b->doc;
    if (b->wrong || b->dropped || len <= 0)
        return;
    /* No entity is shorter than what it stands for. */
    if (len > b->text_cap - b->text_len || d->count == HTML_NODES_MAX) {
        stop(b, d->count == HTML_NODES_MAX ? "more than 2 million elements"
                                           : "more text than the page has bytes");
        return;
    }
    char *p = b->text + b->text_len;
    memcpy(p, text, (size_t)len);
    b->text_len += len;
    if (b->joined) { /* the parser gives a text in pieces */
        d->nodes[d->count - 1].text.len += len;
    } else {
        add_node(b, HT_TEXT)->text = slice_make(p, len);
        b->joined = true;
    }
    if (b->title)
        d->title = d->nodes[d->count - 1].text;
}

void html_init(void)
{
    xmlInitParser();
}

const char *html_parse(slice utf8, struct arena *arena, struct html_doc *doc)
{
    *doc = (struct html_doc){ 0 };
    if (utf8.len > INT32_MAX / 2)
        return "a page longer than 1 GiB";
    struct builder *b = arena_new(arena, struct builder, 1);
    htmlSAXHandler sax = { .startElement = on_start,
                           .endElement = on_end,
                           .characters = on_text,
                           .ignorableWhitespace = on_text,
                           .cdataBlock = on_text };
    b->arena = arena;
    b->doc = doc;
    b->text_cap = utf8.len;
    b->text = arena_alloc_raw(arena, utf8.len + RECORD_PADDING, 1);
    b->ctxt = htmlNewParserCtxt();
    if (!b->ctxt)
        mem_oom();
    *b->ctxt->sax = sax;
    b->ctxt->userData = b;
    htmlCtxtReadMemory(b->ctxt, utf8.ptr ? utf8.ptr : "", (int)utf8.len, NULL, "UTF-8",
                       HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING | HTML_PARSE_NONET |
                           HTML_PARSE_RECOVER | HTML_PARSE_IGNORE_ENC);
    bool memory = b->ctxt->errNo == XML_ERR_NO_MEMORY;
    htmlFreeParserCtxt(b->ctxt);
    if (memory)
        mem_oom();
    while (b->depth)
        doc->nodes[b->open[--b->depth]].end = (int32_t)doc->count;
    return b->wrong;
}

#else

const bool html_available = false;
const char html_library[] = "";

void html_init(void)
{
}

const char *html_parse(slice utf8, struct arena *arena, struct html_doc *doc)
{
    (void)utf8, (void)arena;
    *doc = (struct html_doc){ 0 };
    return "this build reads no HTML (it was made without libxml2)";
}

#endif
