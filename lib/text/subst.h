/* subst.h: `--sub /re/text/flags`: replace what a pattern matches.
 *
 * The form is sed's without the leading s (which is accepted): the first character is the delimiter
 * (any ASCII punctuation but the backslash), `\` and the delimiter stand for the delimiter itself.
 * flags: g all matches (without it the first), i ignore case, s dot matches line feed, m ^ and $ at
 * lines, x extended syntax, u Unicode \w \d \s \b.
 * In the text: $0 or $& the match, $1..$99 and ${1} a group, ${name} a named group, $$ a dollar;
 * \1..\9 also a group (sed's habit), \n \t \r \\ the characters. A group that took no part is
 * empty. An empty match is replaced too, then the search goes on one character further, as in Perl.
 *
 *     struct subst *s = subst_parse(SLICE("/(\\d+) USD/$$$1/g"), &arena, &err);
 *     switch (subst_apply(s, scratch, &text, max, &arena)) ...
 *
 * Read-only after parsing; the regex scratch belongs to one thread.
 */
#ifndef SUBST_H
#define SUBST_H

#include "../arena.h"
#include "../regex.h"

struct subst;

/* NULL with ERR_USAGE. */
struct subst *subst_parse(slice spec, struct arena *arena, struct err *err);
/* Frees the regex; the rest is the arena's. NULL is allowed. */
void subst_release(struct subst *s);

enum subst_result {
    SUBST_SAME,    /* nothing matched; *text is untouched */
    SUBST_CHANGED, /* *text is a new text in the arena, padded; *count replacements were made */
    SUBST_LIMIT,   /* the regex hit a limit */
    SUBST_TOO_LONG /* the result would be longer than max_bytes */
};
enum subst_result subst_apply(const struct subst *s, struct regex_scratch *scratch, slice *text,
                              ptrdiff_t max_bytes, int64_t *count, struct arena *arena);
/* The specification as given. */
slice subst_spec(const struct subst *s);

#endif
