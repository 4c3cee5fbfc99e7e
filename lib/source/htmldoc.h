/* htmldoc.h: a page as one flat array of elements and texts (libxml2), with what its attributes hint.
 *
 * html_parse reads any bytes that are UTF-8 without NUL as HTML: libxml2's parser closes what was
 * left open and never fails on bad markup. Elements come in document order; the descendants of
 * node i are the nodes i + 1 ... end - 1. Text of scripts and styles is not kept.
 *
 * Class names and ids are turned into hints when they are read (htmlhint.h), so a node is 32 bytes.
 * What the head says about the page (title, language, date, canonical address, licence) is kept as
 * slices; nothing is judged here.
 *
 *     struct html_doc doc;
 *     const char *wrong = html_parse(utf8, &arena, &doc);     // NULL, or why it is no record
 *
 * Bounds: nesting of HTML_DEPTH_MAX and HTML_NODES_MAX nodes; a page beyond them is refused, since
 * the parser's time grows with depth times length. Everything is in the arena. Thread-safe after
 * html_init. html_available is false when libxml2 was not there at build time.
 *
 * Source: WHATWG HTML (elements, rel and meta names), Open Graph, schema.org (itemprop).
 */
#ifndef HTMLDOC_H
#define HTMLDOC_H

#include "../arena.h"

#define HTML_DEPTH_MAX 1024
#define HTML_NODES_MAX (2 << 20)

enum html_tag {
    HT_OTHER, /* inline, nothing special */
    HT_TEXT,  /* no element: the text itself */
    HT_BLOCK, /* div, section and what else begins on a new line */
    HT_A,
    HT_ARTICLE,
    HT_ASIDE,
    HT_BLOCKQUOTE,
    HT_BODY,
    HT_BR,
    HT_CELL, /* td, th */
    HT_DD,
    HT_DIALOG,
    HT_DROP, /* script, style, object ...: no text of the page */
    HT_FIGURE,
    HT_FIGCAPTION,
    HT_FOOTER,
    HT_FORM,
    HT_H1,
    HT_HEADING, /* h2 ... h6 */
    HT_HEAD,
    HT_HEADER,
    HT_HR,
    HT_HTML,
    HT_INPUT, /* button, select, textarea */
    HT_LI,
    HT_LIST, /* ul, ol, menu, dl */
    HT_MAIN,
    HT_NAV,
    HT_OL,
    HT_P,
    HT_PRE,
    HT_ROW,   /* tr */
    HT_TABLE, /* table, dl */
    HT_TIME,
    HT_TITLE,
};

enum html_flag {
    HTML_HIDDEN = 1, /* hidden, aria-hidden, display: none */
};

struct html_node {
    int32_t parent, end;
    uint8_t tag;    /* enum html_tag */
    uint8_t flags;  /* enum html_flag */
    uint16_t hints; /* enum html_hint */
    slice text;     /* HT_TEXT: as it stands, white space too; OL: its "start" */
};

struct html_doc {
    struct html_node *nodes;
    ptrdiff_t count;
    slice title, og_title; /* of the title element; of the page for others */
    slice lang, date, url, license;
};

extern const bool html_available;
extern const char html_library[]; /* "libxml2", or empty */
/* Before threads are made. */
void html_init(void);
/* NULL, or why (static). utf8 is padded. */
const char *html_parse(slice utf8, struct arena *arena, struct html_doc *doc);
/* The charset that a meta element at the front of the bytes names; empty when none does. */
slice html_meta_charset(slice head);

#endif
