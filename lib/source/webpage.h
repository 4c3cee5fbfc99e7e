/* webpage.h: from the text of an HTML page to what a record says about it.
 *
 *     struct webpage page;
 *     webpage_read(utf8, WEBPAGE_MAIN, arena, &page);
 *     if (page.reason) ...                     // no record, and why
 *
 * meta is the inside of a JSON object, without braces: title, lang, published, canonical, license,
 * those that the page names, in this order. Everything is in the arena. Thread-safe after html_init.
 */
#ifndef WEBPAGE_H
#define WEBPAGE_H

#include "../arena.h"

enum webpage_mode {
    WEBPAGE_MAIN, /* the main content (htmlmain.h) */
    WEBPAGE_FULL, /* all text */
    WEBPAGE_RAW,  /* the markup as it stands */
};

struct webpage {
    slice text, meta;
    const char *reason; /* NULL: good */
};

/* utf8 is padded. Not with WEBPAGE_RAW. */
void webpage_read(slice utf8, enum webpage_mode mode, struct arena *arena, struct webpage *page);

#endif
