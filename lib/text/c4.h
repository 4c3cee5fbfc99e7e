/* c4.h: the line rules of C4, as datatrove applies them.
 *
 * Per line of str.splitlines(), stripped: dropped when a word has more than 1,000 characters; then
 * citations ([1], [edit], [citation needed]) are removed; dropped when it does not end in . ? ! "
 * or ', or ends in ... (terminal_lines only); dropped when it had fewer than 3 words; "lorem ipsum"
 * condemns the page; dropped for "javascript"; "{" condemns the page; dropped for a phrase of
 * policies. The page tests see only lines that came that far, and the first hit ends them: what
 * comes later on a condemned page is not looked for. What stays is joined by LF and stripped.
 *
 * Letters of the phrases match in either case (Python's lower(): the Kelvin sign is a k).
 */
#ifndef C4_H
#define C4_H

#include "../simd/bytepair.h"
#include "lineset.h"

struct c4_conf {
    const struct char_classes *classes;
    const struct bytepair *phrases; /* c4_phrases_ready() */
    bool terminal_lines;
    bool look_for_lorem, look_for_curly;
    /* Of each line that stays, in order: a part of the text, or (without citations) a padded copy. */
    void (*line)(void *arg, slice line);
    void *arg;
};

struct c4_result {
    bool lorem, curly; /* at most one: the one that came first */
    slice text;        /* the given one when nothing changed */
};

void c4_phrases_ready(struct bytepair *p);
void c4_lines(const struct c4_conf *c, slice text, struct arena *arena, struct c4_result *r);

#endif
