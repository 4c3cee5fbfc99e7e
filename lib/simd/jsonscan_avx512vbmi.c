/* The row for AVX-512 with VBMI2 (Ice Lake, Zen 4): decoding and quoting by compression.
 *
 * Decoding 64 bytes with escapes: every escape is computed in place, at the position of one of its own
 * bytes, for all 64 positions at once, and VPCOMPRESSB drops the bytes that are left over. With N[j]
 * the hex value of byte j, \uXXXX whose 'u' lies at i gives (RFC 3629)
 *     at i+2   E0 | N[j-1]                        kept from U+0800 on
 *     at i+3   80 | N[j-1] << 2 | N[j] >> 2       kept from U+0080 on (C0 | ... below U+0800)
 *     at i+4   80 | (N[j-1] & 3) << 4 | N[j]      always kept (below U+0080: N[j-1] << 4 | N[j])
 * so two vectors, N and N one place later, are all it takes. A surrogate, or an escape that reaches
 * beyond the block, ends the step before it; surrogates are decoded one by one.
 *
 * Quoting 32 bytes: widened to pairs (backslash, byte), compressed to what is needed.
 *
 * Reference: jsonscan_scalar.c. Against the avx512 row on Zen 4, scan and decode, corpora of
 * tests/perf/json_bench.c: escapes in many scripts 1.36 times, long web text 1.17 times.
 */
#include "jsonscan_avx512.inc"

/* Hex value of every byte that is a hex digit; letters have bit 6. */
BLOCK_INLINE block hex_values(block b)
{
    __mmask64 letter = _mm512_test_epi8_mask(b, _mm512_set1_epi8(0x40));
    block low = block_low(b);

    return _mm512_mask_add_epi8(low, letter, low, _mm512_set1_epi8(9));
}

/* Every byte one place later; the first is of no use. */
BLOCK_INLINE block one_later(block b)
{
    static const unsigned char places[64] = {
        0,  0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20,
        21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42,
        43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62,
    };

    return _mm512_permutexvar_epi8(block_load(places), b);
}

/* \b \f \n \r \t become what they mean; \" \\ \/ mean themselves. */
BLOCK_INLINE block plain_values(block b, uint64_t escaped)
{
    /* b and r share the low nibble. */
    static const unsigned char by_low[16] = {
        ['b' & 15] = '\b', ['f' & 15] = '\f', ['n' & 15] = '\n', ['t' & 15] = '\t'
    };
    uint64_t letter = escaped & ~block_below(b, 'a');

    b = _mm512_mask_mov_epi8(b, letter & ~block_eq(b, 'r'), block_shuffle(by_low, b));
    return _mm512_mask_mov_epi8(b, letter & block_eq(b, 'r'), _mm512_set1_epi8('\r'));
}

/* What the units of a block become, in place; `u` has the bits of their 'u', n the hex values. *drop
 * gets the bytes that are left over. The bit of byte i + k is u << k. */
BLOCK_INLINE block unit_values(block b, block n, uint64_t u, uint64_t *drop)
{
    block before = one_later(n);
    uint64_t some = block_test(n, 0x0F), big = block_test(n, 0x08);
    uint64_t three = u << 3 & (some << 2 | big << 1);      /* at i+3: U+0800 or more */
    uint64_t two = u << 3 & (some << 2 | some << 1 | big); /* at i+3: U+0080 or more */
    block lead = _mm512_or_si512(before, _mm512_set1_epi8((char)0xE0));
    block middle =
        _mm512_or_si512(_mm512_slli_epi16(before, 2), block_keep(_mm512_srli_epi16(n, 2), 3));
    block last = _mm512_or_si512(block_keep(_mm512_slli_epi16(before, 4), 0x70), n);
    block top = _mm512_set1_epi8((char)0x80);

    middle = _mm512_or_si512(middle, top);
    middle =
        _mm512_mask_mov_epi8(middle, two & ~three, _mm512_or_si512(middle, _mm512_set1_epi8(0x40)));
    last = _mm512_mask_mov_epi8(last, two << 1, _mm512_or_si512(block_keep(last, 0x3F), top));
    b = _mm512_mask_mov_epi8(b, three >> 1, lead);
    b = _mm512_mask_mov_epi8(b, two, middle);
    *drop |= u | u << 1 | (u << 2 & ~(three >> 1)) | (u << 3 & ~two);
    return _mm512_mask_mov_epi8(b, u << 4, last);
}

static ptrdiff_t unescape_vbmi(slice raw, char *dst, enum json_surrogates policy,
                               ptrdiff_t *replaced, struct json_fault *fault)
{
    const unsigned char *p = (const unsigned char *)raw.ptr, *end = p + raw.len;
    unsigned char *d = (unsigned char *)dst;

    /* Each round starts outside an escape. What is written never outruns what was read, so a whole
     * block fits while one is left. */
    while (end - p >= 64) {
        block b = block_load(p);
        uint64_t back = block_eq(b, '\\'), carry = 0, stop = 0;
        if (!back) {
            block_store(d, b);
            p += 64;
            d += 64;
            continue;
        }
        uint64_t escaped = escaped_bytes(back, &carry);
        uint64_t u = escaped & block_eq(b, 'u'), drop = escaped >> 1;
        b = plain_values(b, escaped);
        uint64_t surrogate = 0;
        if (u) {
            block n = hex_values(b);
            surrogate = u & block_eq(n, 0xD) >> 1 & block_test(n, 0x08) >> 2;
            stop = (surrogate | (u & ~(uint64_t)0 << 60)) >> 1; /* from its backslash on */
            b = unit_values(b, n, u, &drop);
        }
        stop |= carry << 63;
        unsigned take = stop ? (unsigned)__builtin_ctzll(stop) : 64;
        uint64_t keep = _bzhi_u64(~drop, take);
        block_store(d, _mm512_maskz_compress_epi8(keep, b));
        d += __builtin_popcountll(keep);
        p += take;
        if (surrogate && take == (unsigned)__builtin_ctzll(surrogate) - 1) {
            ptrdiff_t used = jsonscan_escape_one(p, end, &d, policy, replaced);
            if (UNLIKELY(used == 0))
                return lone_surrogate(raw, p, fault);
            p += used;
        }
    }
    return unescape_tail(raw, p, dst, d, policy, replaced, fault);
}

/* ---- quoting ---- */

/* At most 32 bytes with their stops, none of which needs \u00XX, to dst; returns the end. `room`: 64
 * bytes may be written at dst. */
BLOCK_INLINE char *quote_half(char *dst, __m256i b, uint32_t stop, unsigned n, bool room)
{
    static const unsigned char by_low[16] = {
        [8] = 'b', [9] = 't', [10] = 'n', [12] = 'f', [13] = 'r'
    };
    __mmask32 control = _mm256_cmplt_epu8_mask(b, _mm256_set1_epi8(0x20));
    __m256i letters = _mm256_broadcastsi128_si256(_mm_loadu_si128((const void *)by_low));
    __m256i named = _mm256_mask_shuffle_epi8(b, control, letters, b);
    block pairs =
        _mm512_or_si512(_mm512_slli_epi16(_mm512_cvtepu8_epi16(named), 8), _mm512_set1_epi16('\\'));
    uint64_t keep = 0xAAAAAAAAAAAAAAAAu | _pdep_u64(stop, 0x5555555555555555u);

    keep = _bzhi_u64(keep, 2 * n);
    block out = _mm512_maskz_compress_epi8(keep, pairs);
    unsigned len = (unsigned)__builtin_popcountll(keep);
    if (room)
        block_store(dst, out);
    else
        _mm512_mask_storeu_epi8(dst, _bzhi_u64(UINT64_MAX, len), out);
    return dst + len;
}

static char *escape_vbmi(char *dst, slice text)
{
    const unsigned char *p = (const unsigned char *)text.ptr, *end = p + text.len;

    while (p < end) {
        ptrdiff_t left = MIN(end - p, 64);
        bool room = end - p >= 128; /* the output is at least as long */
        block b = room ? block_load(p) : block_load_part(p, left);
        uint64_t within = _bzhi_u64(UINT64_MAX, (unsigned)left);
        uint64_t control = block_below(b, 0x20) & within;
        uint64_t stop = control | block_eq(b, '"') | block_eq(b, '\\');
        if (!stop && room) {
            block_store(dst, b);
            p += 64;
            dst += 64;
            continue;
        }
        if (control) { /* \u00XX: up to the first such byte now, the byte itself below */
            uint64_t named = block_eq(b, '\n') | block_eq(b, '\t') | block_eq(b, '\r') |
                             block_eq(b, '\b') | block_eq(b, '\f');
            uint64_t hard = control & ~named;
            if (hard)
                left = __builtin_ctzll(hard);
        }
        unsigned first = (unsigned)MIN(left, 32);
        dst = quote_half(dst, _mm512_castsi512_si256(b), (uint32_t)stop, first, room);
        dst = quote_half(dst, _mm512_extracti64x4_epi64(b, 1), (uint32_t)(stop >> 32),
                         (unsigned)left - first, room);
        p += left;
        if (p < end && *p < 0x20 && left < 64)
            dst = jsonscan_quote_one(dst, *p++);
    }
    return dst;
}

const struct jsonscan_row jsonscan_row_avx512vbmi = {
    .isa = ISA_AVX512,
    .features = CPU_AVX2 | CPU_AVX512 | CPU_AVX512_VBMI,
    .name = "avx512vbmi",
    .scan = scan_run,
    .utf8_prefix = utf8_prefix,
    .unescape = unescape_vbmi,
    .escape = escape_vbmi,
    .escaped_len = escaped_len,
};
