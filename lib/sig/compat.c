#include "compat.h"

#include "../hash.h"
#include "sha1.h"

#define MERSENNE (((uint64_t)1 << 61) - 1)

enum base_hash { BASE_XXH64, BASE_XXH32, BASE_SHA1_64, BASE_SHA1_32, BASE_XXH3_32, BASE_MURMUR };

struct compat_tool {
    const char *name;
    enum base_hash base;
    bool narrow;  /* modulo 2^32 */
    bool in_turn; /* a and b are drawn in turn */
    int fold;     /* enum peerfold_tool, or -1 */
    uint32_t seed;
    int n, least_tokens, permutations, bands, rows;
};

static const struct compat_tool tools[] = {
    { "datatrove", BASE_XXH64, false, false, PEERFOLD_DATATROVE, 1, 5, 0, 112, 14, 8 },
    { "datatrove-sha1", BASE_SHA1_64, false, false, PEERFOLD_DATATROVE, 1, 5, 0, 112, 14, 8 },
    { "datatrove-32", BASE_XXH32, true, false, PEERFOLD_DATATROVE, 1, 5, 0, 112, 14, 8 },
    { "datatrove-sha1-32", BASE_SHA1_32, true, false, PEERFOLD_DATATROVE, 1, 5, 0, 112, 14, 8 },
    { "text-dedup", BASE_SHA1_32, true, false, PEERFOLD_TEXT_DEDUP, 42, 5, 5, 240, 0, 0 },
    { "text-dedup-xxh3", BASE_XXH3_32, true, false, PEERFOLD_TEXT_DEDUP, 42, 5, 5, 240, 0, 0 },
    { "redpajama", BASE_SHA1_32, true, true, PEERFOLD_REDPAJAMA, 42, 13, 0, 128, 0, 0 },
    { "curator", BASE_MURMUR, true, true, -1, 42, 24, 0, 260, 20, 13 },
};

/* ---- constants: numpy.random.RandomState(seed).randint ---- */

struct twister { /* MT19937 (Matsumoto, Nishimura 1998) */
    uint32_t state[624];
    int at;
};

static void twister_seed(struct twister *t, uint32_t seed)
{
    for (int i = 0; i < 624; i++) {
        t->state[i] = seed;
        seed = 1812433253u * (seed ^ seed >> 30) + (uint32_t)i + 1;
    }
    t->at = 624;
}

static uint32_t twister_next(struct twister *t)
{
    if (t->at == 624) {
        for (int i = 0; i < 624; i++) {
            uint32_t y = (t->state[i] & 0x80000000u) | (t->state[(i + 1) % 624] & 0x7FFFFFFFu);
            t->state[i] = t->state[(i + 397) % 624] ^ y >> 1 ^ (y & 1 ? 0x9908B0DFu : 0);
        }
        t->at = 0;
    }
    uint32_t y = t->state[t->at++];
    y ^= y >> 11;
    y ^= y << 7 & 0x9D2C5680u;
    y ^= y << 15 & 0xEFC60000u;
    return y ^ y >> 18;
}

/* An integer in [low, high): masked rejection. */
static uint64_t draw(struct twister *t, uint64_t low, uint64_t high)
{
    uint64_t range = high - 1 - low, mask = range, value;

    for (int shift = 1; shift < 64; shift *= 2)
        mask |= mask >> shift;
    do {
        value = twister_next(t);
        if (range > UINT32_MAX)
            value = value << 32 | twister_next(t);
        value &= mask;
    } while (value > range);
    return low + value;
}

bool compat_parse(const char *name, struct compat *c)
{
    for (ptrdiff_t i = 0; i < countof(tools); i++)
        if (strcmp(name, tools[i].name) == 0) {
            *c = (struct compat){ .tool = &tools[i], .n = tools[i].n };
            return true;
        }
    return false;
}

const char *compat_unit(const struct compat *c)
{
    return c->tool->fold < 0 ? "chars" : "words";
}

void compat_defaults(const struct compat *c, int *permutations, int *bands, int *rows)
{
    *permutations = c->tool->permutations;
    *bands = c->tool->bands;
    *rows = c->tool->rows;
}

void compat_init(struct compat *c, ptrdiff_t permutations, struct arena *arena)
{
    const struct compat_tool *t = c->tool;
    uint64_t high = t->base == BASE_MURMUR ? ((uint64_t)1 << 31) - 1 : MERSENNE;
    uint64_t *a = arena_new(arena, uint64_t, permutations);
    uint64_t *b = arena_new(arena, uint64_t, permutations);
    struct twister mt;

    twister_seed(&mt, t->seed);
    for (ptrdiff_t i = 0; i < permutations; i++) {
        a[i] = draw(&mt, 1, high);
        if (t->in_turn)
            b[i] = draw(&mt, 0, high);
    }
    for (ptrdiff_t i = 0; i < permutations && !t->in_turn; i++)
        b[i] = draw(&mt, 0, high);
    c->permutations = permutations;
    c->a = a;
    c->b = b;
    c->fold = t->fold < 0 ? NULL : peerfold_new((enum peerfold_tool)t->fold, arena);
}

/* ---- signing ---- */

/* MurmurHash3_x86_32 (Appleby). */
static uint32_t murmur(slice s, uint32_t seed)
{
    uint32_t h = seed, k = 0;
    ptrdiff_t i = 0;

    for (; i + 4 <= s.len; i += 4) {
        k = load_u32(s.ptr + i) * 0xCC9E2D51u;
        k = (k << 15 | k >> 17) * 0x1B873593u;
        h ^= k;
        h = (h << 13 | h >> 19) * 5 + 0xE6546B64u;
    }
    k = 0;
    for (ptrdiff_t j = s.len; j > i; j--)
        k = k << 8 | (unsigned char)s.ptr[j - 1];
    k *= 0xCC9E2D51u;
    h ^= (k << 15 | k >> 17) * 0x1B873593u;
    h ^= (uint32_t)s.len;
    h = (h ^ h >> 16) * 0x85EBCA6Bu;
    h = (h ^ h >> 13) * 0xC2B2AE35u;
    return h ^ h >> 16;
}

static uint64_t base_hash(const struct compat *c, slice s)
{
    unsigned char digest[20];

    switch (c->tool->base) {
    case BASE_XXH64:
        return hash_xxh64(s, 0);
    case BASE_XXH32:
        return hash_xxh32(s, 0);
    case BASE_XXH3_32:
        return (uint32_t)hash64_of(s, 42);
    case BASE_MURMUR:
        return murmur(s, (uint32_t)c->a[0]);
    default:
        sha1_of(s, digest);
        return c->tool->base == BASE_SHA1_64 ? load_u64(digest) : load_u32(digest);
    }
}

static void add_shingle(const struct compat *c, slice s, uint64_t *signature)
{
    uint64_t x = base_hash(c, s), mask = c->tool->narrow ? UINT32_MAX : ~(uint64_t)0;

    if (c->tool->base == BASE_MURMUR) {
        for (ptrdiff_t i = 0; i < c->permutations && x; i++)
            signature[i] = MIN(signature[i], (x * c->a[i] + c->b[i]) & mask);
        return;
    }
    for (ptrdiff_t i = 0; i < c->permutations; i++) {
        uint64_t v = x * c->a[i] + c->b[i];
        v = (v & MERSENNE) + (v >> 61);
        v = (v >= MERSENNE ? v - MERSENNE : v) & mask;
        signature[i] = v < signature[i] ? v : signature[i];
    }
}

static int64_t sign_words(const struct compat *c, slice text, uint64_t *signature,
                          struct arena *arena)
{
    ptrdiff_t tokens, start = 0, end = -1, last = 0, n = c->n;
    slice s = peerfold_text(c->fold, text, &tokens, arena);
    bool whole = c->tool->least_tokens && tokens < n; /* all of them are one shingle */

    if (tokens < (c->tool->least_tokens ? c->tool->least_tokens : n))
        return 0;
    if (whole) {
        add_shingle(c, s, signature);
        return 1;
    }
    /* `last` is the last token of the window that begins at `start`; `end` is behind it. */
    for (last = 0; last < tokens; last++) {
        ptrdiff_t next = slice_find(slice_from(s, end + 1), ' ');
        end = next < 0 ? s.len : end + 1 + next;
        if (last < n - 1)
            continue;
        add_shingle(c, slice_make(s.ptr + start, end - start), signature);
        next = slice_find(slice_from(s, start), ' ');
        start += next < 0 ? 0 : next + 1;
    }
    return tokens - n + 1;
}

static int64_t sign_chars(const struct compat *c, slice s, uint64_t *signature)
{
    ptrdiff_t start = 0, end = 0, count = 0;
    uint32_t cp;

    for (int i = 0; i < c->n && end < s.len; i++)
        end += uni_decode(s.ptr + end, &cp);
    for (; s.len; count++) {
        add_shingle(c, slice_make(s.ptr + start, end - start), signature);
        if (end == s.len)
            return count + 1;
        start += uni_decode(s.ptr + start, &cp);
        end += uni_decode(s.ptr + end, &cp);
    }
    return 0;
}

int64_t compat_sign(const struct compat *c, slice text, uint64_t *signature, struct arena *arena)
{
    for (ptrdiff_t i = 0; i < c->permutations; i++)
        signature[i] = c->tool->narrow ? UINT32_MAX : ~(uint64_t)0;
    return c->fold ? sign_words(c, text, signature, arena) : sign_chars(c, text, signature);
}
