#include "cpset.h"

#include "uclass.h"

struct cpset *cpset_new(struct arena *arena)
{
    return arena_new(arena, struct cpset, 1);
}

void cpset_add(struct cpset *s, uint32_t first, uint32_t last)
{
    for (uint32_t cp = first; cp <= last; cp++) {
        if (cp % 64 == 0 && last - cp >= 63) {
            s->bits[cp / 64] = ~(uint64_t)0;
            cp += 63;
        } else {
            s->bits[cp / 64] |= (uint64_t)1 << (cp % 64);
        }
    }
}

void cpset_add_class(struct cpset *s, unsigned categories, unsigned properties)
{
    for (uint32_t cp = 0; cp < 0x110000; cp++) {
        unsigned class = uclass_of(cp);
        if (uclass_in(class, categories) || class & properties)
            s->bits[cp / 64] |= (uint64_t)1 << (cp % 64);
    }
}

void cpset_union(struct cpset *s, const struct cpset *other)
{
    for (int i = 0; i < CPSET_WORDS; i++)
        s->bits[i] |= other->bits[i];
}

void cpset_intersect(struct cpset *s, const struct cpset *other)
{
    for (int i = 0; i < CPSET_WORDS; i++)
        s->bits[i] &= other->bits[i];
}

void cpset_invert(struct cpset *s)
{
    for (int i = 0; i < CPSET_WORDS; i++)
        s->bits[i] = ~s->bits[i];
}

void cpset_add_cases(struct cpset *s)
{
    for (uint32_t c = 'a'; c <= 'z'; c++) {
        if (!cpset_has(s, c) && !cpset_has(s, c - 0x20))
            continue;
        cpset_add(s, c, c);
        cpset_add(s, c - 0x20, c - 0x20);
        if (c == 's')
            cpset_add(s, 0x17F, 0x17F);
        if (c == 'k')
            cpset_add(s, 0x212A, 0x212A);
    }
}

bool cpset_equal(const struct cpset *a, const struct cpset *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}
