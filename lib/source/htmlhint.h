/* htmlhint.h: what the words of class names and ids say about an element.
 *
 * Pages name their parts: "entry-content", "sidebar", "commentlist", "shareButtons". A name is cut
 * into words at everything that is no letter and at changes of case, and each word is looked up; a
 * few stems count inside of words too, because names are often written together ("navbar"). The
 * words are English and a few of other languages that occur in templates.
 *
 *     uint16_t hints = html_hints(SLICE("post-12 entry-content has-sidebar"));   // HINT_BODY
 *
 * Names that say what an element is not or has elsewhere (no-, has-, with-, tag-, category-) are
 * passed over. Pure and thread-safe.
 */
#ifndef HTMLHINT_H
#define HTMLHINT_H

#include "../base.h"

enum html_hint {
    HINT_BODY = 1,       /* the text of an article, in so many words */
    HINT_CONTENT = 2,    /* content, main, post, story ... */
    HINT_NAV = 4,        /* menus, breadcrumbs, pagers */
    HINT_FOOT = 8,       /* footers, copyright */
    HINT_SIDE = 16,      /* sidebars, widgets */
    HINT_COMMENT = 32,   /* comments of readers */
    HINT_SHARE = 64,     /* buttons of networks */
    HINT_RELATED = 128,  /* other articles */
    HINT_AD = 256,       /* advertisements */
    HINT_ABOUT = 512,    /* by whom, when, under which headings */
    HINT_UI = 1024,      /* forms, cookies, dialogs */
    HINT_HEADER = 2048,  /* the page's head */
    HINT_CAPTION = 4096, /* of pictures */
};

#define HINT_PRUNE                                                                                 \
    (HINT_NAV | HINT_FOOT | HINT_SIDE | HINT_COMMENT | HINT_SHARE | HINT_RELATED | HINT_AD |       \
     HINT_ABOUT | HINT_UI | HINT_HEADER)

/* The hints of a class attribute (names separated by white space) or an id. */
uint16_t html_hints(slice names);
/* Of an ARIA role. */
uint16_t html_role_hints(slice role);

#endif
