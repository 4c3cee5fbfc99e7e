/* regex.h: PCRE2 with JIT and limits. The one place that knows PCRE2.
 *
 * Patterns are Perl's, over valid UTF-8; `.` does not match a line feed; \C is refused because it
 * would split a character. \d \w \s and \b are ASCII unless REGEX_UNICODE (or "(*UCP)" in front of
 * the pattern) asks for Unicode's classes.
 *
 * Backtracking is bounded: for each start position at most REGEX_STEPS + 8 * text length steps, a
 * JIT stack of at most 8 MiB, nesting and heap of the interpreter likewise. A search that hits a
 * limit says so (REGEX_LIMIT) and has no result; the caller decides, never by silence.
 *
 *     struct regex *re = regex_new(SLICE("a+b"), REGEX_CASELESS, &err);
 *     struct regex_scratch *s = regex_scratch_new();          // one per thread, for any regex
 *     if (regex_find(re, s, text, 0, 0) == REGEX_MATCH) ... regex_group(s, 0)
 *
 * A regex is read-only after regex_new and may be shared by threads. Both live until freed.
 */
#ifndef REGEX_H
#define REGEX_H

#include "err.h"

#define REGEX_STEPS      1000000
#define REGEX_MAX_GROUPS 100

enum regex_flags {
    REGEX_CASELESS = 1,
    REGEX_DOTALL = 2,
    REGEX_MULTILINE = 4,
    REGEX_EXTENDED = 8,
    REGEX_UNICODE = 16,
};

enum regex_find_flags {
    REGEX_NOT_EMPTY_HERE = 1, /* no empty match at `start` */
    REGEX_ANCHORED_HERE = 2,  /* only at `start` */
};

enum regex_result { REGEX_NONE, REGEX_MATCH, REGEX_LIMIT };

struct regex;
struct regex_scratch;

/* NULL with ERR_USAGE "byte N of the pattern: ...". At most REGEX_MAX_GROUPS - 1 groups. */
struct regex *regex_new(slice pattern, unsigned flags, struct err *err);
void regex_free(struct regex *re);
int regex_group_count(const struct regex *re);
/* The number of a named group, or -1. */
int regex_group_number(const struct regex *re, slice name);

struct regex_scratch *regex_scratch_new(void);
void regex_scratch_free(struct regex_scratch *s);

/* Searches from `start`, a code point boundary; what is before it counts for \b and look-behind. */
enum regex_result regex_find(const struct regex *re, struct regex_scratch *s, slice text,
                             ptrdiff_t start, unsigned find_flags);
struct regex_span {
    ptrdiff_t start, end; /* -1, -1: the group did not take part */
};
/* After REGEX_MATCH, until the next search with the same scratch. */
struct regex_span regex_group(const struct regex_scratch *s, int group);

/* "10.42" */
const char *regex_version(void);

#endif
