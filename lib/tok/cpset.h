/* cpset.h: a set of code points as a bitmap, for reading patterns. 136 KiB each, in an arena. */
#ifndef CPSET_H
#define CPSET_H

#include "../arena.h"

#define CPSET_WORDS (0x110000 / 64)

struct cpset {
    uint64_t bits[CPSET_WORDS];
};

struct cpset *cpset_new(struct arena *arena);
void cpset_add(struct cpset *s, uint32_t first, uint32_t last);
/* Code points whose class (uclass.h) is in a set of categories, or has a property. */
void cpset_add_class(struct cpset *s, unsigned categories, unsigned properties);
void cpset_union(struct cpset *s, const struct cpset *other);
void cpset_intersect(struct cpset *s, const struct cpset *other);
void cpset_invert(struct cpset *s);
/* Adds the other cases of the ASCII letters in s, with U+017F for s and U+212A for k. */
void cpset_add_cases(struct cpset *s);
bool cpset_equal(const struct cpset *a, const struct cpset *b);

static inline bool cpset_has(const struct cpset *s, uint32_t cp)
{
    return s->bits[cp / 64] >> (cp % 64) & 1;
}

#endif
