/* piimask.h: where a text holds bytes that personal data is found by, 64 bytes at a time.
 *
 * The pre-filter of lib/text/pii.h: bit i of each mask is about byte i of the block. Most blocks of
 * prose have no digit and no "@", and are done with a handful of instructions.
 *
 *     piimask_fn *classify = piimask_pick();
 *     classify(text, blocks, masks);   // reads exactly 64 * blocks bytes
 *
 * Pure integer work: every row of the table gives the same bits.
 */
#ifndef PIIMASK_H
#define PIIMASK_H

#include "cpu.h"

#define PIIMASK_BYTES 64

struct piimask {
    uint64_t digit; /* 0-9 */
    uint64_t word;  /* 0-9 A-Z a-z _ */
    uint64_t blank; /* the blank and \n */
    uint64_t at, colon, dot, dash;
};

typedef void piimask_fn(const char *text, ptrdiff_t blocks, struct piimask *out);

/* The fastest row that this process may use (cpu.h). */
piimask_fn *piimask_pick(void);

/* The rows, for tests; those of other machines do not exist. */
piimask_fn piimask_scalar, piimask_avx2, piimask_avx512, piimask_neon;

#endif
