/* spm_private.h: what spm.c (models, decoding) and spm_normal.c (normalizer) share. */
#ifndef SPM_PRIVATE_H
#define SPM_PRIVATE_H

#include "spm.h"

struct spm_text { /* zeroed is empty */
    struct buf text;
    uint32_t
        *from; /* of each byte, and of the end: where it begins in the input; NULL: not wanted */
    ptrdiff_t from_cap;
    bool wants_from;
};

/* Replaces out's text by the normalized input. */
void spm_normalize(const struct spm *m, const struct spm_rules *rules, slice input,
                   struct spm_text *out);
/* The bytes that are a symbol at the front of a text: a user-defined one (*user), else a character. */
ptrdiff_t spm_symbol(const struct spm *m, slice text, bool *user);

#endif
