/* pii_hand.h: the scanners for what has no bounded pattern, shared by pii.c and pii_hand.c.
 *
 * Each looks around one place of the text, where pii.c saw a byte that its kind must hold, and
 * reports what it finds. What a scanner may read is bounded, or remembered in the state, so that the
 * sum over a text is linear.
 */
#ifndef PII_HAND_H
#define PII_HAND_H

#include "pii.h"

/* A context word of the text. */
struct pii_context {
    ptrdiff_t start, end;
    const struct pii_word *word;
};

#define PII_CONTEXT_BYTES 80
#define PII_CONTEXT_KEEP  128

struct pii_state {
    const struct pii *pii;
    slice text;
    struct arena *arena;
    struct pii_match *matches;
    ptrdiff_t count, room;
    ptrdiff_t kind_start[PII_KINDS_MAX], kind_end[PII_KINDS_MAX]; /* the last match of a pattern */
    struct pii_context context[PII_CONTEXT_KEEP];                 /* those read last, in order */
    int context_count;
    ptrdiff_t context_end;            /* how far the text was read for them */
    ptrdiff_t word_end;               /* the word with digits that was looked at last */
    ptrdiff_t long_end;               /* the end of the last long run */
    ptrdiff_t address_end;            /* the end of the last run of hexadecimal digits and colons */
    ptrdiff_t login_at;               /* the "@" of credentials in a URL: no e-mail address */
    ptrdiff_t token_start, token_end; /* the last run of a token */
    ptrdiff_t url_end;                /* the end of the last URL */
    ptrdiff_t key_done;               /* the end of the last private key */
    ptrdiff_t key_end;                /* where the next "-----END" lies; text.len: there is none */
};

void pii_report(struct pii_state *s, ptrdiff_t start, ptrdiff_t end, int kind,
                enum pii_strength strength);

void pii_email(struct pii_state *s, ptrdiff_t at);
void pii_colon(struct pii_state *s, ptrdiff_t at); /* IPv6, URL, credentials */
void pii_dot(struct pii_state *s, ptrdiff_t at);   /* a host name without scheme */
void pii_iban_at(struct pii_state *s, ptrdiff_t at);
void pii_long(struct pii_state *s, ptrdiff_t at);   /* keys, tokens, wallets */
void pii_dashes(struct pii_state *s, ptrdiff_t at); /* private keys */

/* ---- characters ---- */

static inline bool pii_is_alnum(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static inline bool pii_is_hex(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* A word character of Unicode before or at a place. */
bool pii_word_before(slice text, ptrdiff_t at);
bool pii_word_at(slice text, ptrdiff_t at);

#endif
