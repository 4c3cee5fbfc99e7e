/* pattern.h: split patterns that no hand-written splitter knows, exactly as their engine means them.
 *
 * Patterns of tokenizer.json files are Oniguruma's (Ruby syntax) over Unicode 16. They do not run as
 * they are: every class, literal and anchor is read as a set of code points (uclass.h), code points
 * that no set tells apart become one of at most 127 classes, and both the pattern and the text are
 * rewritten over those, one ASCII character per code point. What then runs is a plain PCRE2
 * pattern with no idea of Unicode, case or lines. A construct whose meaning is not certain (back
 * references, \b, nested classes, POSIX brackets, unknown properties) is refused by name.
 *
 *     struct pattern *p = pattern_new(text, arena, &err);
 *     pattern_find(p, scratch, subject, &spans, &err);   // all matches, in order
 *     pattern_free(p);                                   // the compiled regex; the rest is the arena's
 *
 * Read-only after pattern_new: any thread, each with its own scratch.
 */
#ifndef PATTERN_H
#define PATTERN_H

#include "../arena.h"
#include "../buf.h"
#include "../err.h"
#include "../regex.h"

struct pattern;

struct pattern_scratch { /* zeroed is empty and valid */
    struct regex_scratch *regex;
    struct buf subject;
};
void pattern_scratch_release(struct pattern_scratch *s);

struct span {
    ptrdiff_t start, len;
    bool match;
};
struct span_list { /* zeroed is empty */
    struct span *items;
    ptrdiff_t count, cap;
};
void span_push(struct span_list *list, ptrdiff_t start, ptrdiff_t len, bool match);
void span_release(struct span_list *list);

/* NULL with ERR_CONFIG "byte N of the pattern: ...". */
struct pattern *pattern_new(slice text, struct arena *arena, struct err *err);
/* FANCY is what tiktoken runs (fancy-regex): ^ and $ are the ends of the text, {n,m}+ is possessive. */
enum pattern_dialect { PATTERN_ONIGURUMA, PATTERN_FANCY };
struct pattern *pattern_new_as(slice text, enum pattern_dialect dialect, struct arena *arena,
                               struct err *err);
void pattern_free(struct pattern *p);

/* Appends the text as matches and what lies between them, without gaps. False with ERR_DATA when a
 * match takes more steps than regex.h allows. */
bool pattern_find(const struct pattern *p, struct pattern_scratch *s, slice text,
                  struct span_list *spans, struct err *err);

#endif
