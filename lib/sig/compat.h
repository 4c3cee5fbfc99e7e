/* compat.h: MinHash signatures as other tools make them, bit for bit
 *
 *   name               shingles            base hash          permutation                constants
 *   datatrove          5 words, folded     XXH64              x*a+b mod 2^64 mod P       seed 1: all
 *   datatrove-sha1                         SHA-1, 8 bytes                                a, then all b
 *   datatrove-32                           XXH32              ... mod 2^32
 *   datatrove-sha1-32                      SHA-1, 4 bytes     ... mod 2^32
 *   text-dedup         5 words, folded     SHA-1, 4 bytes     ... mod 2^32               seed 42: same
 *   text-dedup-xxh3                        XXH3, low 32, seed 42
 *   redpajama          13 words, folded    SHA-1, 4 bytes     ... mod 2^32               seed 42: a, b
 *   curator            24 characters       MurmurHash3 x86_32 x*a+b mod 2^32             in turn
 *
 * P = 2^61 - 1; constants are drawn from NumPy's RandomState (MT19937, masked rejection); curator
 * seeds its base hash with its first constant and skips hashes of 0. Folding: peerfold.h; curator
 * folds nothing. A text with fewer than n words has no signature (text-dedup: fewer than 5 tokens,
 * else all of them are one shingle; curator: an empty text, else all of it is one shingle).
 *
 *     struct compat c;
 *     compat_parse("datatrove", &c) && compat_init(&c, 112, &process_arena);
 *     if (compat_sign(&c, text, signature, &batch_arena)) ...     // c.permutations values
 *
 * Pure; read-only after compat_init. Sources: as in peerfold.h; datatrove pipeline/dedup/minhash.py;
 * NVIDIA-NeMo/Curator 1e2e4275 and rapidsai/cudf nvtext/minhash.cu; RedPajama-Data dedupe/minhash.py.
 */
#ifndef COMPAT_H
#define COMPAT_H

#include "peerfold.h"

#define COMPAT_NAMES                                                                               \
    "datatrove|datatrove-sha1|datatrove-32|datatrove-sha1-32|text-dedup|text-dedup-xxh3|"          \
    "redpajama|curator"

struct compat {
    const struct compat_tool *tool;
    int n; /* words or characters of a shingle; the tool's own, or set after compat_parse */
    ptrdiff_t permutations;
    const uint64_t *a, *b;
    struct peerfold *fold; /* NULL: none */
};

/* False: no such name. */
bool compat_parse(const char *name, struct compat *c);
/* "words" or "chars". */
const char *compat_unit(const struct compat *c);
/* What the tool uses when nothing is said; bands 0: the optimal pair for the threshold. */
void compat_defaults(const struct compat *c, int *permutations, int *bands, int *rows);
void compat_init(struct compat *c, ptrdiff_t permutations, struct arena *arena);
/* The number of shingles; 0: no signature. */
int64_t compat_sign(const struct compat *c, slice text, uint64_t *signature, struct arena *arena);

#endif
