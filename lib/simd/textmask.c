#include "textmask.h"

/* Eight bytes at a time: each test leaves its answer in the top bit of every byte; a multiplication
 * gathers the eight bits. Tests for ranges work on the low seven bits, so bytes >= 0x80 are taken
 * out afterwards. */
#define ONES 0x0101010101010101u
#define TOPS 0x8080808080808080u

static inline uint64_t gather(uint64_t tops)
{
    return ((tops >> 7) * 0x0102040810204080u) >> 56;
}

/* Top bit of every byte whose low seven bits are >= n. */
static inline uint64_t at_least(uint64_t low7, unsigned n)
{
    return low7 + (0x80 - n) * ONES;
}

static inline uint64_t equal(uint64_t low7, unsigned c)
{
    return ~at_least(low7 ^ c * ONES, 1);
}

void textmask_scalar(const char *text, ptrdiff_t blocks, struct textmask *out)
{
    for (ptrdiff_t b = 0; b < blocks; b++) {
        struct textmask m = { 0 };
        for (int i = 0; i < TEXTMASK_BYTES; i += 8) {
            uint64_t w = load_u64(text + b * TEXTMASK_BYTES + i), high = w & TOPS;
            uint64_t low7 = w & ~TOPS, ascii = ~w & TOPS, folded = low7 | 0x20 * ONES;
            uint64_t tab = at_least(low7, 9) & ~at_least(low7, 14);
            uint64_t blank = equal(low7, ' ') & ascii;
            uint64_t letter = at_least(folded, 'a') & ~at_least(folded, 'z' + 1) & ascii;
            uint64_t control = (~at_least(low7, ' ') & ~tab) | equal(low7, 0x7F);
            m.letter |= gather(letter) << i;
            m.upper |= gather(letter & ~(w << 2)) << i;
            m.control |= gather(control & ascii) << i;
            m.digit |= gather(at_least(low7, '0') & ~at_least(low7, '9' + 1) & ascii) << i;
            m.space |= gather((tab & ascii) | blank) << i;
            m.newline |= gather((equal(low7, '\n') | equal(low7, '\r')) & ascii) << i;
            m.blank |= gather(blank) << i;
            m.quote |= gather(equal(low7, '\'') & ascii) << i;
            m.high |= gather(high) << i;
            m.cont |= gather(high & ~(w << 1)) << i;
        }
        out[b] = m;
    }
}

textmask_fn *textmask_pick(void)
{
#if defined(__x86_64__)
    if (cpu_has(CPU_AVX512))
        return textmask_avx512;
    if (cpu_has(CPU_AVX2))
        return textmask_avx2;
#elif defined(__aarch64__)
    if (cpu_has(CPU_NEON))
        return textmask_neon;
#endif
    return textmask_scalar;
}
