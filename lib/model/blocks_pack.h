/* blocks_pack.h: from the parts of a block to its bytes, for those who choose the parts
 * (blocks_k.c, blocks_flat.c, blocks_best.c).
 *
 * A weight is d * scale * level - min * mins of its sub-block. Levels are stored from 0 on; what
 * they mean (less 8, 16, 4, 32, an entry of the codebook) is the format's. Formats of 32 have one
 * sub-block and neither scales nor mins; Q4_1 and Q5_1 add -min.
 */
#ifndef BLOCKS_PACK_H
#define BLOCKS_PACK_H

#include "../base.h"

struct block_parts {
    float d, min;
    int scales[16], mins[16]; /* Q3_K, Q6_K, IQ4_XS: signed scales, no mins */
    uint8_t levels[256];
};

void blocks_pack_q4_0(const struct block_parts *p, uint8_t *b); /* IQ4_NL too */
void blocks_pack_q4_1(const struct block_parts *p, uint8_t *b);
void blocks_pack_q5_0(const struct block_parts *p, uint8_t *b);
void blocks_pack_q5_1(const struct block_parts *p, uint8_t *b);
void blocks_pack_q2_k(const struct block_parts *p, uint8_t *b);
void blocks_pack_q3_k(const struct block_parts *p, uint8_t *b);
void blocks_pack_q4_k(const struct block_parts *p, uint8_t *b);
void blocks_pack_q5_k(const struct block_parts *p, uint8_t *b);
void blocks_pack_q6_k(const struct block_parts *p, uint8_t *b);
void blocks_pack_iq4_xs(const struct block_parts *p, uint8_t *b);

#endif
