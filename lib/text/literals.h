/* literals.h: many literal strings found in a text at once (Aho and Corasick 1975).
 *
 * The strings and the text are compared in lower case (one code point to one, Unicode). A string that
 * is found counts where it stands alone, between characters that are neither letters, digits nor "_"
 * (the list says so), or anywhere.
 *
 *     struct literals *l = literals_new(&arena);
 *     literals_add(l, SLICE("Bad word"));
 *     literals_ready(l);
 *     slice hit;
 *     if (literals_find(l, text, true, &temp, &hit)) ...
 *
 * Linear in the text: each byte costs one step and the failure links that earlier steps have paid for.
 * Memory: 16 bytes per byte of all strings, at most, and the table of edges. A ready automaton is
 * read-only.
 */
#ifndef LITERALS_H
#define LITERALS_H

#include "../arena.h"

struct literals;

struct literals *literals_new(struct arena *arena);
/* Empty strings and repeated ones are left out. Valid UTF-8. */
void literals_add(struct literals *l, slice text);
void literals_ready(struct literals *l);
ptrdiff_t literals_count(const struct literals *l);
/* The first place where a string ends; `hit` is it, in lower case, in the arena or the automaton. */
bool literals_find(const struct literals *l, slice text, bool alone, struct arena *temp,
                   slice *hit);

/* `text` in lower case; itself when nothing changes. */
slice literals_fold(slice text, struct arena *arena);

#endif
