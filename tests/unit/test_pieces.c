/* The splitters: masks against the plain rules, every row of textmask against the scalar one. */
#include "simd/cpu.h"
#include "simd/textmask.h"
#include "tok/pattern.h"
#include "tok/pieces.h"
#include "unicode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static uint64_t seed = 88172645463325252u;

static uint64_t rnd(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    return seed ^= seed << 17;
}

/* Characters that meet every rule: all classes, of one to four bytes. */
static const uint32_t alphabet[] = {
    'a',    'z',    's',    't',     'l',     'e',     'v',      'r',   'D',    'S',    'M',
    '\'',   '\'',   '0',    '7',     ' ',     ' ',     ' ',      '\n',  '\n',   '\r',   '\t',
    '\v',   '.',    '(',    '/',     '/',     'A',     'B',      '"',   0,      0x7F,   0x1C,
    0x85,   0xA0,   0xE9,   0x17F,   0x301,   0x3B1,   0x660,    0xBD,  0x2019, 0x201C, 0x2028,
    0x3000, 0x4E2D, 0x3042, 0xAC00,  0xFF11,  0xFEFF,  0x1F600,  0x1C5, 0x2B0,  0xC9,   0x430,
    0x3099, 0x9FA6, 0xFE0F, 0x1D7D8, 0x20000, 0x105C0, 0x10FFFF,
};

static const char *const snippets[] = {
    "don't's",
    "'s",
    "it'ss",
    "don't\xE4\xB8\xAD"
    "ABc",
    "a's\xE4\xB8\xAD"
    "A",
    "\xE4\xB8\xAD"
    "AB",
    "'LL'D",
    "\n//!a",
    "\n/*x",
    "!\n\n/ ",
    "(na\xC3\xA9"
    "a",
    " (d",
    "1 \xE4\xB8\xAD",
    "  1",
    "aB\xE4\xB8\xAD"
    "C",
};

static ptrdiff_t random_text(char *dst, ptrdiff_t cap, int flavour)
{
    ptrdiff_t len = 0, target = (ptrdiff_t)(rnd() % (uint64_t)(cap - 8));

    if (flavour & 1)
        target %= 40;
    while (len < target) {
        if (rnd() % 8 == 0 && len + 32 < cap &&
            !(flavour & 2)) { /* what random characters seldom meet */
            const char *s = snippets[rnd() % (uint64_t)countof(snippets)];
            memcpy(dst + len, s, strlen(s));
            len += (ptrdiff_t)strlen(s);
            continue;
        }
        uint32_t cp = alphabet[rnd() % (uint64_t)countof(alphabet)];
        int times = rnd() % 13 == 0 ? (int)(rnd() % 150) : rnd() % 3 ? 1 : (int)(rnd() % 5);
        if (flavour & 2 && cp > 0x7F)
            cp &= 0x7F;
        for (; times > 0 && len < cap - 8; times--)
            len += uni_encode(dst + len, cp);
    }
    return len;
}

static void check(const struct pieces_rule *rule, slice text, struct pieces_window *w)
{
    ptrdiff_t plain = 0;

    for (ptrdiff_t pos = 0; pos < text.len;) {
        ptrdiff_t end = pieces_window(rule, text, pos, w);
        assert_true(w->count > 0);
        assert_int_equal(end, pos + w->end[w->count - 1]);
        for (ptrdiff_t i = 0; i < w->count; i++) {
            plain = pieces_next(rule, text, plain);
            if (plain != pos + w->end[i])
                fail_msg("piece ends at %td, not %td, of %td", pos + w->end[i], plain, text.len);
        }
        pos = end;
    }
    assert_int_equal(plain, text.len);
}

#define SUFFIX "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
#define CL100K(digits)                                                                             \
    SUFFIX "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|" digits                                                \
           "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define O200K(suffix, digits)                                                                      \
    "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"     \
    "+" suffix "|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{"   \
    "Lo}\\p{M}]*" suffix "|" digits                                                                \
    "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

static const char *const patterns[] = {
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
    CL100K("\\p{N}{1,3}"),
    CL100K("\\p{N}"),
    CL100K("\\p{N}+"),
    "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}++|\\p{N}{1,3}+| "
    "?[^\\s\\p{L}\\p{N}]++[\\r\\n]*+"
    "|\\s++$|\\s*[\\r\\n]|\\s+(?!\\S)|\\s",
    SUFFIX "|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|"
           "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
    O200K(SUFFIX "?", "\\p{N}{1,3}"),
    O200K("", "\\p{N}"),
};
static const char *const deepseek[] = {
    "\\p{N}{1,3}",
    "[\xE4\xB8\x80-\xE9\xBE\xA5\xE3\x81\x80-\xE3\x82\x9F\xE3\x82\xA0-\xE3\x83\xBF]+",
    "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|"
    "[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|"
    "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
};
#define RULES (countof(patterns) + 1)

static const struct pieces_rule *rule_of(ptrdiff_t k)
{
    slice parts[countof(deepseek)];

    if (k < countof(patterns))
        return pieces_find(slice_of(patterns[k]), PIECES_ONIGURUMA);
    for (ptrdiff_t i = 0; i < countof(deepseek); i++)
        parts[i] = slice_of(deepseek[i]);
    return pieces_find_sequence(parts, countof(parts));
}

/* The pieces of the text by the patterns themselves, as their engine means them. */
static void by_patterns(struct pattern *const *p, int count, struct pattern_scratch *s, slice text,
                        struct span_list *in, struct span_list *out)
{
    struct err err;

    in->count = 0;
    span_push(in, 0, text.len, false);
    for (int k = 0; k < count; k++) {
        struct span_list found = { 0 };
        out->count = 0;
        for (ptrdiff_t i = 0; i < in->count; i++) {
            struct span piece = in->items[i];
            found.count = 0;
            assert_true(
                pattern_find(p[k], s, slice_make(text.ptr + piece.start, piece.len), &found, &err));
            for (ptrdiff_t f = 0; f < found.count; f++)
                if (found.items[f].len)
                    span_push(out, piece.start + found.items[f].start, found.items[f].len, false);
        }
        span_release(&found);
        struct span_list swap = *in;
        *in = *out;
        *out = swap;
    }
}

static void rules_equal_patterns(void **state)
{
    static char text[4096];
    struct pattern_scratch scratch = { 0 };
    struct span_list in = { 0 }, out = { 0 };
    struct err err;

    (void)state;
    for (ptrdiff_t k = 0; k < RULES; k++) {
        const struct pieces_rule *rule = rule_of(k);
        struct arena arena = { 0 };
        struct pattern *p[countof(deepseek)];
        int count = k < countof(patterns) ? 1 : (int)countof(deepseek);
        for (int i = 0; i < count; i++) {
            p[i] = pattern_new(slice_of(count == 1 ? patterns[k] : deepseek[i]), &arena, &err);
            assert_non_null(p[i]);
        }
        for (int round = 0; round < 4000; round++) {
            ptrdiff_t len = random_text(text, round % 9 ? 100 : (ptrdiff_t)sizeof text, round);
            if (len == 0)
                continue;
            by_patterns(p, count, &scratch, slice_make(text, len), &in, &out);
            ptrdiff_t at = 0;
            for (ptrdiff_t i = 0; i < in.count; i++) {
                at = pieces_next(rule, slice_make(text, len), at);
                if (at != in.items[i].start + in.items[i].len)
                    fail_msg("pattern %td: piece ends at %td, not %td", k, at,
                             in.items[i].start + in.items[i].len);
            }
            assert_int_equal(at, len);
        }
        for (int i = 0; i < count; i++)
            pattern_free(p[i]);
        arena_release(&arena);
    }
    pattern_scratch_release(&scratch);
    span_release(&in);
    span_release(&out);
}

static void masks_equal_plain_rules(void **state)
{
    static char text[20000];
    struct pieces_window *w = calloc(1, sizeof *w);

    (void)state;
    assert_non_null(w);
    w->classify = textmask_pick();
    for (ptrdiff_t k = 0; k < RULES; k++) {
        const struct pieces_rule *rule = rule_of(k);
        assert_non_null(rule);
        for (int i = 0; i < 3000; i++) {
            /* exactly as long as the text, so that a read beyond its end is seen */
            ptrdiff_t len = random_text(text, i % 4 ? 600 : (ptrdiff_t)sizeof text, i);
            char *copy = malloc((size_t)len + 1);
            assert_non_null(copy);
            memcpy(copy, text, (size_t)len);
            check(rule, slice_make(copy, len), w);
            free(copy);
        }
    }
    free(w);
}

/* One character a million times is cut in linear time, and the pieces are as the rules say. */
static void long_runs(void **state)
{
    static const char *const unit[] = { "a",  " ",  "\n", "'", "9", "\xE4\xB8\xAD", "\xE3\x80\x80",
                                        " a", "\n " };
    struct pieces_window *w = calloc(1, sizeof *w);
    ptrdiff_t len = 1 << 20;
    char *text = malloc((size_t)len);

    (void)state;
    assert_non_null(w);
    assert_non_null(text);
    w->classify = textmask_pick();
    for (ptrdiff_t u = 0; u < countof(unit); u++) {
        ptrdiff_t n = (ptrdiff_t)strlen(unit[u]), use = len / n * n;
        for (ptrdiff_t i = 0; i < use; i += n)
            memcpy(text + i, unit[u], (size_t)n);
        for (ptrdiff_t k = 0; k < RULES; k++)
            check(rule_of(k), slice_make(text, use), w);
    }
    free(text);
    free(w);
}

static void rows_equal_scalar(void **state)
{
    static char text[TEXTMASK_BYTES * 5];
    struct textmask want[4], got[4];
    struct {
        textmask_fn *fn;
        bool usable;
    } rows[] = {
#if defined(__x86_64__)
        { textmask_avx2, cpu_has(CPU_AVX2) },
        { textmask_avx512, cpu_has(CPU_AVX512) },
#elif defined(__aarch64__)
        { textmask_neon, cpu_has(CPU_NEON) },
#endif
        { textmask_scalar, true },
    };

    (void)state;
    for (int c = 0; c < 256; c++) { /* the scalar row against the definitions */
        memset(text, c, sizeof text);
        textmask_scalar(text, 1, want);
#define ALL(condition) ((condition) ? ~(uint64_t)0 : 0)
        int fold = c | 0x20;
        assert_true(want[0].letter == ALL(c < 128 && fold >= 'a' && fold <= 'z'));
        assert_true(want[0].upper == ALL(c >= 'A' && c <= 'Z'));
        assert_true(want[0].control == ALL((c < 32 && !(c >= 9 && c <= 13)) || c == 127));
        assert_true(want[0].digit == ALL(c >= '0' && c <= '9'));
        assert_true(want[0].space == ALL(c == ' ' || (c >= 9 && c <= 13)));
        assert_true(want[0].newline == ALL(c == '\r' || c == '\n'));
        assert_true(want[0].blank == ALL(c == ' '));
        assert_true(want[0].quote == ALL(c == '\''));
        assert_true(want[0].high == ALL(c >= 128));
        assert_true(want[0].cont == ALL(c >= 128 && c < 192));
    }
    for (int round = 0; round < 20000; round++) {
        ptrdiff_t at = round % 64, blocks = 1 + round % 4;
        for (ptrdiff_t i = 0; i < (ptrdiff_t)sizeof text; i++)
            text[i] = (char)(rnd() >> 20);
        textmask_scalar(text + at, blocks, want);
        for (ptrdiff_t r = 0; r < countof(rows); r++) {
            if (!rows[r].usable)
                continue;
            rows[r].fn(text + at, blocks, got);
            assert_memory_equal(got, want, (size_t)blocks * sizeof *got);
        }
    }
}

static void patterns_are_known_exactly(void **state)
{
    slice pattern;
    const struct pieces_rule *rule;

    (void)state;
    assert_null(pieces_find(SLICE("\\p{L}+"), PIECES_ONIGURUMA));
    assert_null(pieces_find(SLICE(""), PIECES_ONIGURUMA));
    /* the same sets in another order, escapes as themselves */
    rule = pieces_find(SLICE("'s|'t|'re|'ve|'m|'ll|'d| ?\\pL+| ?\\p{N}+| ?[^\\p{N}\\s\\p{L}]+|"
                             "\\s+(?!\\S)|\\s+"),
                       PIECES_TIKTOKEN);
    assert_non_null(rule);
    assert_int_equal(rule->family, PIECES_GPT2);
    assert_null(pieces_find(SLICE("'s|'t|'re|'ve|'m|'ll|'d| ?\\PL+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|"
                                  "\\s+(?!\\S)|\\s+"),
                            PIECES_TIKTOKEN));
    assert_int_equal(pieces_find(slice_of(patterns[4]), PIECES_ONIGURUMA)->digits, 0);
    assert_int_equal(pieces_find(slice_of(patterns[4]), PIECES_TIKTOKEN)->digits, 3);
    assert_true(pieces_by_pre(SLICE("gpt-2"), &pattern, &rule));
    assert_ptr_equal(rule, pieces_find(pattern, PIECES_ONIGURUMA));
    assert_int_equal(rule->family, PIECES_GPT2);
    assert_true(pieces_by_pre(SLICE("llama-bpe"), &pattern, &rule));
    assert_int_equal(rule->digits, 3);
    assert_true(pieces_by_pre(SLICE("qwen2"), &pattern, &rule));
    assert_int_equal(rule->digits, 1);
    assert_false(pieces_by_pre(SLICE("default"), &pattern, &rule));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_equal_scalar),          cmocka_unit_test(rules_equal_patterns),
        cmocka_unit_test(masks_equal_plain_rules),    cmocka_unit_test(long_runs),
        cmocka_unit_test(patterns_are_known_exactly),
    };

    cpu_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
