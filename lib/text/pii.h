/* pii.h: find personal data and secrets in a text.
 *
 * pii_scan() runs over the text once, in blocks of 64 bytes (simd/piimask.h). A block is looked at
 * only where something can begin: a word with a digit, "@", ":" with something behind it, a dot or
 * dashes between letters, a run of 16 letters and digits. There the scanners (pii_hand.h) and
 * the patterns whose first run has the right length (pii_nfa.h) are tried; each match is checked
 * (pii_check.h) and has a bounded length, so the time is linear whatever the text.
 *
 * Matches of different kinds that overlap are joined: the span covers all of them, the kind is that
 * of the best (the strongest, then the longest, then the first in the table).
 *
 *     struct pii p = { 0 };
 *     pii_add(&p, SLICE("email,us_ssn"), &err);     // or "all"
 *     pii_ready(&p, &arena);
 *     struct pii_match *m;
 *     ptrdiff_t n = pii_scan(&p, text, &arena, &m);  // in order, not overlapping
 *
 * A ready struct pii is read-only. The text is valid UTF-8 with RECORD_PADDING readable bytes after
 * it.
 */
#ifndef PII_H
#define PII_H

#include "../arena.h"
#include "../buf.h"
#include "../err.h"
#include "../simd/piimask.h"
#include "pii_kinds.h"
#include "pii_nfa.h"

#define PII_RULES_MAX 256
#define PII_RUN_MAX   31 /* longer runs of digits or letters begin no pattern */

struct pii_rule {
    struct pii_nfa nfa;
    const struct pii_pattern *pattern;
};

struct pii_word {
    uint32_t hash; /* 0: free */
    uint64_t kinds[PII_KINDS_MAX / 64];
};

struct pii {
    bool on[PII_KINDS_MAX], named[PII_KINDS_MAX];
    struct pii_rule *rules;
    int rule_count;
    /* The rules that may begin so: [digits or letters][length of the run][what follows]. */
    uint64_t begins[2][PII_RUN_MAX + 1][PII_BEHIND_COUNT][PII_RULES_MAX / 64];
    uint64_t left[4][PII_RULES_MAX / 64];   /* the rules with this edge in front (enum pii_edge) */
    uint64_t plain[PII_RULES_MAX / 64];     /* the rules that count everywhere */
    uint64_t (*beside)[PII_RULES_MAX / 64]; /* by kind: those that count beside its context words */
    uint64_t plus[PII_RULES_MAX / 64], bracket[PII_RULES_MAX / 64];
    struct pii_word *words; /* context words, open addressing */
    uint32_t word_mask;
    bool wants_at, wants_colon, wants_dot, wants_dash, wants_long, wants_digit;
    piimask_fn *classify;
};

struct pii_match {
    ptrdiff_t start, end; /* bytes */
    int kind;
    enum pii_strength strength;
};

/* "email,phone" or "all"; may be called again. Unknown kind: ERR_USAGE with the nearest. */
bool pii_add(struct pii *p, slice kinds, struct err *err);
void pii_ready(struct pii *p, struct arena *arena);
/* TSV with a heading: kind, name elsewhere, when `all` finds it. */
void pii_list(struct buf *out);
ptrdiff_t pii_scan(const struct pii *p, slice text, struct arena *arena,
                   struct pii_match **matches);

#endif
