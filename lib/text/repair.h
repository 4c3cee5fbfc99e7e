/* repair.h: what pages leave behind in a text, each by a switch.
 *
 * In this order, on the whole text:
 *   html          tags and comments go, and &nbsp; &quot; &apos; &#39; become characters
 *   markdown      **bold**, *italic* and _underlined_ lose their marks, [text](url) becomes url
 *   quotes        U+2018-201B become ', U+201C-201F "
 *   dashes        U+2010-2015 and U+2212 become -
 *   max_repeat    of more than N equal characters in a row (no white space) N stay
 *   bullets       a bullet, "- " or "* " in front of a line goes
 *   url_lines     lines that are one URL go
 *   phrases       lines that hold one of the phrases go, letters in either case
 *   c4_lines      C4's line rules (c4.h) with their end marks
 * A line that goes takes its line feed with it. All but c4_lines are idempotent, one by one and
 * together with those before them.
 *
 *     struct repair r = { .markdown = true };
 *     repair_ready(&r, &process_arena, &err);                 // read-only afterwards; repair_release
 *     if (!repair_text(&r, regex_scratch, &text, max_bytes, &arena)) ... a pattern hit its limit
 */
#ifndef REPAIR_H
#define REPAIR_H

#include "chars.h"
#include "subst.h"

struct repair {
    bool html, markdown, quotes, dashes, bullets, url_lines, c4_lines;
    int64_t max_repeat; /* 0: no limit */
    slice phrases;      /* one in a line; len 0: none */

    bool any; /* filled by repair_ready */
    struct subst *steps[16];
    int step_count;
    struct regex *phrase;
    const struct char_classes *classes;
    struct bytepair *c4_phrases;
};

bool repair_ready(struct repair *r, struct arena *arena, struct err *err);
void repair_release(struct repair *r);
bool repair_text(const struct repair *r, struct regex_scratch *regex, slice *text,
                 ptrdiff_t max_bytes, struct arena *arena);

#endif
