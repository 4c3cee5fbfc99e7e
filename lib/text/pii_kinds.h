/* pii_kinds.h: what kinds of personal data and secrets there are, and their patterns, as one table.
 *
 * A kind has a name (--redact), a tag (the name in upper case), context words, and either patterns
 * (pii_nfa.h, with a check of pii_check.h) or a scanner of its own (pii_hand.h).
 *
 * Strength says what `all` does with a match: PLAIN is found everywhere; CONTEXT only beside one of
 * the kind's context words, since the pattern alone (nine digits, say) is found in any text; NAMED
 * only when the kind is asked for by name.
 */
#ifndef PII_KINDS_H
#define PII_KINDS_H

#include "pii_check.h"

enum pii_strength { PII_NAMED, PII_CONTEXT, PII_PLAIN };

/* What must not stand beside a match. */
enum pii_edge {
    EDGE_WORD,  /* a letter, digit or underscore (of Unicode) */
    EDGE_DIGIT, /* a digit */
    EDGE_ALNUM, /* an ASCII letter or digit */
    EDGE_DASH,  /* a letter, digit, underscore or dash */
};

struct pii_kind {
    const char *name;
    const char *alias;   /* presidio's name where it differs, or NULL */
    const char *context; /* lower case, separated by blanks */
};

struct pii_pattern {
    int kind;
    const char *re;
    enum pii_check check;
    enum pii_strength strength;
    enum pii_edge left, right;
    bool exact; /* letters as they are written */
};

/* Kinds with a scanner of their own come first. */
enum {
    PII_EMAIL,
    PII_IP,
    PII_URL,
    PII_URL_CREDENTIALS,
    PII_IBAN,
    PII_CRYPTO,
    PII_AWS_KEY,
    PII_GCP_KEY,
    PII_GITHUB_TOKEN,
    PII_SLACK_TOKEN,
    PII_STRIPE_KEY,
    PII_JWT,
    PII_PRIVATE_KEY,
    PII_PHONE,
    PII_MAC,
};

#define PII_KINDS_MAX 128

extern const struct pii_kind pii_kinds[];
extern const int pii_kind_count;
extern const struct pii_pattern pii_patterns[];
extern const int pii_pattern_count;

/* The kind of that name or alias, whatever the case; -1: none. */
int pii_kind_find(slice name);

#endif
