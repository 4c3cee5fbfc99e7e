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

/* Bits of one page of the class table. */
static void page_bits(unsigned page, unsigned categories, unsigned properties,
                      uint64_t bits[UCLASS_PAGE / 64])
{
    for (unsigned i = 0; i < UCLASS_PAGE; i++) {
        unsigned class = uclass_page[page][i];
        if (uclass_in(class, categories) || class & properties)
            bits[i / 64] |= (uint64_t)1 << (i % 64);
    }
}

/* Each page of the table is looked at once; most code points share few pages. */
void cpset_add_class(struct cpset *s, unsigned categories, unsigned properties)
{
    enum { WORDS = UCLASS_PAGE / 64, CACHE = 64 };
    uint64_t cache[CACHE][WORDS] = { 0 };
    unsigned cached[CACHE];

    memset(cached, 0xFF, sizeof cached);
    for (uint32_t i = 0; i < 0x110000 / UCLASS_PAGE; i++) {
        unsigned page = uclass_index[i], slot = page % CACHE;
        if (cached[slot] != page) {
            cached[slot] = page;
            memset(cache[slot], 0, sizeof cache[slot]);
            page_bits(page, categories, properties, cache[slot]);
        }
        for (int w = 0; w < WORDS; w++)
            s->bits[i * WORDS + (uint32_t)w] |= cache[slot][w];
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
