/* pattern_read.h: between pattern_read.c, which reads a pattern into sets and a draft, and pattern.c,
 * which turns both into classes and a regex. */
#ifndef PATTERN_READ_H
#define PATTERN_READ_H

#include "../buf.h"
#include "../err.h"
#include "cpset.h"

#define SETS_MAX  64 /* different sets in one pattern */
#define DEPTH_MAX 64
#define SET_MARK  '\x01' /* in the draft: followed by the number of a set + 1 */

struct pattern_group {
    ptrdiff_t start; /* in the draft, of its opening bracket */
    bool fold;       /* case is ignored inside */
    bool assertion;  /* may not be repeated */
};

struct pattern_reader {
    slice text;
    ptrdiff_t at;
    struct arena *arena;
    struct cpset *sets[SETS_MAX];
    int set_count;
    struct buf draft;
    struct pattern_group group[DEPTH_MAX];
    int depth;
    ptrdiff_t atom;   /* in the draft, what a quantifier would repeat; -1: nothing */
    uint32_t literal; /* of the atom before, when it is a folded literal; 0: none */
    bool has_quantifier;
    bool fancy; /* the dialect of pattern.h */
    struct err *err;
};

/* Reads text into sets (in r->arena) and r->draft, which the caller releases. False with ERR_CONFIG. */
bool pattern_read(struct pattern_reader *r);
bool pattern_refuse(struct pattern_reader *r, const char *what);

#endif
