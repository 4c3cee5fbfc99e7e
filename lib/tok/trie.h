/* trie.h: byte strings and their values, for walking along a text: a double array.
 *
 * Node n has a child by byte b when check[base[n] ^ b] is n: one look-up per byte of the text.
 *
 *     struct trie t;
 *     trie_build(&t, keys, values, count, arena);
 *     uint32_t node = TRIE_ROOT;
 *     for (i = 0; i < text.len && (node = trie_step(&t, node, text.ptr[i])); i++)
 *         if ((v = trie_value(&t, node)) >= 0) ... text[0 .. i] is a key
 *
 * Read-only once built. Source: J. Aoe, "An efficient digital search algorithm by using a
 * double-array structure", 1989.
 */
#ifndef TRIE_H
#define TRIE_H

#include "../arena.h"

#define TRIE_ROOT 1u

struct trie {
    struct trie_unit {
        uint32_t base, check; /* check 0: not in use */
        int32_t value;        /* -1: no key ends here */
    } * units;
    uint32_t count;
};

/* Keys may come in any order; of equal ones the one with the greater index holds. Empty keys are left
 * out. */
void trie_build(struct trie *t, const slice *keys, const int32_t *values, ptrdiff_t count,
                struct arena *arena);

/* The child, or 0. */
static inline uint32_t trie_step(const struct trie *t, uint32_t node, char byte)
{
    uint32_t child = t->units[node].base ^ (unsigned char)byte;

    return t->units[child].check == node ? child : 0;
}

static inline int32_t trie_value(const struct trie *t, uint32_t node)
{
    return t->units[node].value;
}

#endif
