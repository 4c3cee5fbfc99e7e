/* pii_nfa.h: bounded patterns, matched at one place of a text in time linear in the match.
 *
 * A pattern is a small regular expression without unbounded repetition: literals, classes [a-z],
 * \d, \s (ASCII white space), groups (a|b), ?, {n}, {m,n}. It becomes a Glushkov automaton of at
 * most 64 positions, one bit each: a step costs a few operations, there is no backtracking, and a
 * match can never be longer than the pattern says. Letters match both cases when folded.
 *
 * Before a pattern is tried at all, its shape is asked: which first run of digits (or of letters)
 * can it begin with, and what may follow that run? pii_nfa_begins() answers by simulating the
 * automaton on classes, so a place of a text can rule out almost every pattern by one look-up.
 *
 *     pii_nfa_init(&n, "\\d{3}[- ]\\d{2}[- ]\\d{4}", true);
 *     ptrdiff_t ends[PII_NFA_ENDS];
 *     int count = pii_nfa_match(&n, text, at, ends);     // places where a match may end, ascending
 *
 * Pure; an initialized automaton is read-only. A wrong pattern is an ASSERT: all are ours.
 */
#ifndef PII_NFA_H
#define PII_NFA_H

#include "../base.h"

#define PII_NFA_ENDS 64

struct pii_nfa {
    uint64_t first, last, follow[64];
    uint64_t bits[64]; /* by class of byte: the positions that take it */
    uint64_t takes[8]; /* by enum pii_next: the positions that take such a byte */
    uint8_t class_of[256];
    int positions, classes;
};

void pii_nfa_init(struct pii_nfa *n, const char *pattern, bool fold);
/* Where a match that begins at `at` can end; text beyond its end is not read. */
int pii_nfa_match(const struct pii_nfa *n, slice text, ptrdiff_t at, ptrdiff_t ends[PII_NFA_ENDS]);

/* What may follow the first run of a match. */
enum pii_next {
    PII_NEXT_OTHER, /* the end, or any byte that is none of these */
    PII_NEXT_LETTER,
    PII_NEXT_DIGIT,
    PII_NEXT_SPACE,
    PII_NEXT_DASH,
    PII_NEXT_DOT,
    PII_NEXT_SLASH,
    PII_NEXT_COUNT
};
enum pii_next pii_next_of(unsigned char c);

/* What follows the first run, as one number: a byte that is no separator by its kind, a separator
 * (SPACE, DASH, DOT, SLASH) together with whether a letter, a digit or something else is behind it. */
#define PII_BEHIND_COUNT 15
static inline int pii_behind(enum pii_next next, enum pii_next after)
{
    int kind = after == PII_NEXT_LETTER || after == PII_NEXT_DIGIT ? (int)after : 0;

    return next < PII_NEXT_SPACE ? (int)next : 3 + ((int)next - PII_NEXT_SPACE) * 3 + kind;
}

/* May a match begin with exactly `run` digits (or letters), with this behind them? */
bool pii_nfa_begins(const struct pii_nfa *n, bool digits, int run, int behind);

#endif
