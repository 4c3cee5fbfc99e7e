/* seams.h: places between two characters of a text that no token of the vocabulary crosses.
 *
 * Whatever the merges do, nothing is joined there, so a piece may be cut at its seams and encoded part
 * by part. That is what makes languages without blanks fast: a sentence that is one piece is seldom
 * seen twice, its parts between seams are a character or two and are in the word cache.
 *
 * A seam is sure, what is none may be one: pairs of characters that stand side by side in a token are
 * kept as bits of a hash, pairs that a token holds in part (byte-level tokens may end within a
 * character) by their bytes at the place. Between two characters of ASCII there is never a seam.
 *
 *     seams_build(&s, tokens, vocab_size, arena);          // in the alphabet of bytelevel.h
 *     if (seams_between(&s, p, seams_char(p - 3, 3), seams_char(p, 3))) ...
 *
 * Read-only once it is built.
 */
#ifndef SEAMS_H
#define SEAMS_H

#include "../arena.h"

#define SEAMS_BITS 19

struct seams {
    uint64_t *pairs;         /* 2^SEAMS_BITS bits by a hash of two characters; NULL: not built */
    uint64_t partly[256][4]; /* by the last byte before the place: bits by the first behind it */
};

void seams_build(struct seams *s, const slice *tokens, ptrdiff_t count, struct arena *arena);

static inline int seams_char_len(char lead)
{
    unsigned char c = (unsigned char)lead;

    return c < 0xC0 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
}

/* The bytes of a character as a number. */
static inline uint32_t seams_char(const char *p, int len)
{
    const unsigned char *c = (const unsigned char *)p;
    uint32_t v = c[0];

    v |= len > 1 ? (uint32_t)c[1] << 8 : 0;
    v |= len > 2 ? (uint32_t)c[2] << 16 : 0;
    return v | (len > 3 ? (uint32_t)c[3] << 24 : 0);
}

static inline uint64_t seams_bit(uint32_t left, uint32_t right)
{
    return (((uint64_t)left << 32 | right) * 0x9E3779B97F4A7C15u) >> (64 - SEAMS_BITS);
}

/* Does no token cross from the character `left`, which ends in front of p, to `right`, which is at
 * p? Both as seams_char() gives them. */
static inline bool seams_between(const struct seams *s, const char *p, uint32_t left,
                                 uint32_t right)
{
    unsigned char last = (unsigned char)p[-1], first = (unsigned char)p[0];
    uint64_t bit = seams_bit(left, right);

    return (left | right) >= 0x80 &&
           !((s->pairs[bit / 64] >> (bit % 64) | s->partly[last][first / 64] >> (first % 64)) & 1);
}

#endif
