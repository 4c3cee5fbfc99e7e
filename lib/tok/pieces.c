#include "pieces.h"

#include "../unicode.h"
#include "uclass.h"

#define GPT2   "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"
#define SUFFIX "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
#define CL100K(digits)                                                                             \
    SUFFIX "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|" digits                                                \
           "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define QWEN35                                                                                     \
    SUFFIX "|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}"                                         \
           "| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define UPPER_SET "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]"
#define LOWER_SET "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"
#define O200K(suffix, digits)                                                                      \
    "[^\\r\\n\\p{L}\\p{N}]?" UPPER_SET "*" LOWER_SET "+" suffix                                    \
    "|[^\\r\\n\\p{L}\\p{N}]?" UPPER_SET "+" LOWER_SET "*" suffix "|" digits                        \
    "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define GPT2_FAST                                                                                  \
    "'(?:[sdmt]|ll|ve|re)| ?\\p{L}++| ?\\p{N}++| ?[^\\s\\p{L}\\p{N}]++|\\s++$|"                    \
    "\\s+(?!\\S)|\\s"
#define CL100K_FAST                                                                                \
    "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}++|\\p{N}{1,3}+|"                          \
    " ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*+|\\s++$|\\s*[\\r\\n]|\\s+(?!\\S)|\\s"

const struct pieces_rule pieces_gpt2 = { .family = PIECES_GPT2, .pre = "gpt-2" };

/* Equal patterns may be written in several ways; the first with a `pre` is the one that the name
 * stands for. In CL100K_FAST `{1,3}+` is a repeated group where tokenizer.json files are meant
 * (Oniguruma), so digits are not limited, and a possessive quantifier where ranks are (tiktoken). */
#define BOTH (1 << PIECES_ONIGURUMA | 1 << PIECES_TIKTOKEN)
#define PATTERN(text)                                                                              \
    {                                                                                              \
        (text), (ptrdiff_t)sizeof(text) - 1                                                        \
    }
static const struct {
    slice pattern;
    unsigned dialects;
    struct pieces_rule rule;
} known[] = {
    { PATTERN(GPT2), BOTH, { .family = PIECES_GPT2, .pre = "gpt-2" } },
    { PATTERN(CL100K("\\p{N}{1,3}")),
      BOTH,
      { .family = PIECES_CL100K, .digits = 3, .pre = "llama-bpe" } },
    { PATTERN(CL100K("\\p{N}")), BOTH, { .family = PIECES_CL100K, .digits = 1, .pre = "qwen2" } },
    { PATTERN(CL100K("\\p{N}+")), BOTH, { .family = PIECES_CL100K } },
    { PATTERN(GPT2_FAST), BOTH, { .family = PIECES_GPT2, .pre = "gpt-2" } },
    { PATTERN(CL100K_FAST),
      1 << PIECES_ONIGURUMA,
      { .family = PIECES_CL100K, .tail_whole = true } },
    { PATTERN(CL100K_FAST),
      1 << PIECES_TIKTOKEN,
      { .family = PIECES_CL100K, .digits = 3, .tail_whole = true } },
    { PATTERN(QWEN35),
      BOTH,
      { .family = PIECES_CL100K, .digits = 1, .marks = true, .pre = "qwen35" } },
    { PATTERN(O200K(SUFFIX "?", "\\p{N}{1,3}")),
      BOTH,
      { .family = PIECES_O200K, .digits = 3, .suffixes = true, .pre = "gpt-4o" } },
    { PATTERN(O200K("", "\\p{N}")),
      BOTH,
      { .family = PIECES_O200K, .digits = 1, .pre = "tekken" } },
};

static const slice deepseek3[] = {
    PATTERN("\\p{N}{1,3}"),
    PATTERN("[\xE4\xB8\x80-\xE9\xBE\xA5\xE3\x81\x80-\xE3\x82\x9F\xE3\x82\xA0-\xE3\x83\xBF]+"),
    PATTERN("[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|"
            "[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|"
            "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"),
};
static const struct pieces_rule rule_deepseek3 = { .family = PIECES_DEEPSEEK3, .digits = 3 };

/* ---- one spelling for patterns that mean the same ---- */

/* The next element of a bracket expression: a class, an escape or a character. */
static ptrdiff_t element_len(slice s)
{
    if (s.ptr[0] != '\\')
        return 1;
    if (s.len > 3 && (s.ptr[1] | 0x20) == 'p' && s.ptr[2] == '{') {
        const char *end = memchr(s.ptr, '}', (size_t)s.len);
        return end ? end - s.ptr + 1 : s.len;
    }
    return MIN(2, s.len);
}

/* Sorts the elements of [...] when they are classes and escapes only (a range is left alone). */
static void sort_bracket(char *p, ptrdiff_t len)
{
    char sorted[64];
    slice part[16];
    int count = 0;
    ptrdiff_t n = 0;

    if (len > (ptrdiff_t)sizeof sorted)
        return;
    for (slice s = slice_make(p, len); s.len; s = slice_from(s, part[count++].len)) {
        if (count == countof(part) || s.ptr[0] != '\\')
            return;
        part[count] = slice_make(s.ptr, element_len(s));
    }
    for (int i = 1; i < count; i++)
        for (int k = i; k > 0 && memcmp(part[k].ptr, part[k - 1].ptr,
                                        (size_t)MIN(part[k].len, part[k - 1].len)) < 0;
             k--) {
            slice swap = part[k];
            part[k] = part[k - 1];
            part[k - 1] = swap;
        }
    for (int i = 0; i < count; n += part[i++].len)
        memcpy(sorted + n, part[i].ptr, (size_t)part[i].len);
    memcpy(p, sorted, (size_t)len);
}

/* Line breaks written as themselves, \pL without braces, sets in another order. Returns the length,
 * -1: longer than any known pattern. */
static ptrdiff_t one_spelling(slice pattern, char dst[PIECES_PATTERN_MAX])
{
    ptrdiff_t n = 0, bracket = -1;

    for (ptrdiff_t i = 0; i < pattern.len; i++) {
        char c = pattern.ptr[i];
        if (n + 8 > PIECES_PATTERN_MAX)
            return -1;
        if (c == '\n' || c == '\r') {
            dst[n++] = '\\';
            dst[n++] = c == '\n' ? 'n' : 'r';
        } else if (c == '\\' && i + 2 < pattern.len && (pattern.ptr[i + 1] | 0x20) == 'p' &&
                   pattern.ptr[i + 2] >= 'A' && pattern.ptr[i + 2] <= 'Z') {
            memcpy(dst + n, (char[]){ c, pattern.ptr[i + 1], '{', pattern.ptr[i + 2], '}' }, 5);
            n += 5, i += 2;
        } else if (c == '\\' && i + 1 < pattern.len) {
            dst[n++] = c;
            dst[n++] = pattern.ptr[++i];
        } else {
            if (c == ']' && bracket >= 0) {
                sort_bracket(dst + bracket, n - bracket);
                bracket = -1;
            }
            dst[n++] = c;
            if (c == '[' && bracket < 0) {
                if (i + 1 < pattern.len && pattern.ptr[i + 1] == '^')
                    dst[n++] = pattern.ptr[++i];
                bracket = n;
            }
        }
    }
    return n;
}

static bool same_meaning(slice a, slice b)
{
    char one[PIECES_PATTERN_MAX], other[PIECES_PATTERN_MAX];

    if (slice_eq(a, b))
        return true;
    ptrdiff_t n = one_spelling(a, one);
    return n >= 0 && n == one_spelling(b, other) && memcmp(one, other, (size_t)n) == 0;
}

const struct pieces_rule *pieces_find(slice pattern, enum pieces_dialect dialect)
{
    for (ptrdiff_t i = 0; i < countof(known); i++)
        if ((known[i].dialects >> dialect & 1) && same_meaning(known[i].pattern, pattern))
            return &known[i].rule;
    return NULL;
}

const struct pieces_rule *pieces_find_sequence(const slice *patterns, int count)
{
    if (count != countof(deepseek3))
        return NULL;
    for (int i = 0; i < count; i++)
        if (!same_meaning(deepseek3[i], patterns[i]))
            return NULL;
    return &rule_deepseek3;
}

bool pieces_by_pre(slice pre, slice *pattern, const struct pieces_rule **rule)
{
    static const char *const same[][2] = { { "smaug-bpe", "llama-bpe" },
                                           { "llama3", "llama-bpe" },
                                           { "llama-v3", "llama-bpe" },
                                           { "dbrx", "llama-bpe" } };

    for (ptrdiff_t i = 0; i < countof(same); i++)
        if (slice_eq(pre, slice_of(same[i][0])))
            pre = slice_of(same[i][1]);
    for (ptrdiff_t i = 0; i < countof(known); i++)
        if (known[i].rule.pre && slice_eq(pre, slice_of(known[i].rule.pre))) {
            *pattern = known[i].pattern;
            *rule = &known[i].rule;
            return true;
        }
    return false;
}

/* ---- the rules, one piece at a time ---- */

#define SET_UPPER                                                                                  \
    (UCLASS_SET(UCAT_LU) | UCLASS_SET(UCAT_LT) | UCLASS_SET(UCAT_LM) | UCLASS_SET(UCAT_LO) |       \
     UCLASS_SET(UCAT_M))
#define SET_LOWER                                                                                  \
    (UCLASS_SET(UCAT_LL) | UCLASS_SET(UCAT_LM) | UCLASS_SET(UCAT_LO) | UCLASS_SET(UCAT_M))
#define SET_MARK   UCLASS_SET(UCAT_M)
#define SET_SYMBOL (UCLASS_SET(UCAT_P) | UCLASS_SET(UCAT_S))

static unsigned set_at(slice text, ptrdiff_t at, int *len)
{
    uint32_t cp;

    *len = uni_decode(text.ptr + at, &cp);
    return uclass_set(uclass_of(cp));
}

/* End of the run of characters in `set` that starts at `at`, at most `limit` (0: no limit). */
static ptrdiff_t run_end(slice text, ptrdiff_t at, unsigned set, int limit)
{
    int len;

    for (int n = 0; at < text.len && (limit == 0 || n < limit); at += len, n++)
        if (!(set_at(text, at, &len) & set))
            break;
    return at;
}

/* Length of 's 't 're 've 'm 'll 'd at `at`, or 0. U+017F is an s when case is ignored. */
static int contraction(slice text, ptrdiff_t at, bool ignore_case)
{
    slice s = slice_from(text, at);
    char fold = ignore_case ? 0x20 : 0;

    if (s.len < 2 || s.ptr[0] != '\'')
        return 0;
    char c = (char)(s.ptr[1] | fold), d = s.len > 2 ? (char)(s.ptr[2] | fold) : 0;
    if (c == 's' || c == 't' || c == 'm' || c == 'd')
        return 2;
    if ((d == 'e' && (c == 'r' || c == 'v')) || (c == 'l' && d == 'l'))
        return 3;
    return ignore_case && s.len > 2 && memcmp(s.ptr + 1, "\xC5\xBF", 2) == 0 ? 3 : 0;
}

/* \s+(?!\S)|\s+ on the white space [at, end): all but the last character, unless it ends the text
 * or is one character. */
static ptrdiff_t space_end(slice text, ptrdiff_t at, ptrdiff_t end)
{
    uint32_t cp;

    if (end == text.len)
        return end;
    ptrdiff_t last = end - uni_decode_back(text.ptr + at, text.ptr + end, &cp);
    return last > at ? last : end;
}

static bool is_newline(char c)
{
    return c == '\r' || c == '\n';
}

/* \s*[\r\n]+|\s+(?!\S)|\s+ on the white space [at, end). */
static ptrdiff_t lines_end(slice text, ptrdiff_t at, ptrdiff_t end)
{
    ptrdiff_t last = end;

    while (last > at && !is_newline(text.ptr[last - 1]))
        last--;
    return last > at ? last : space_end(text, at, end);
}

static ptrdiff_t next_gpt2(slice text, ptrdiff_t at)
{
    const unsigned other = ~(UCLASS_L | UCLASS_N | UCLASS_SPACE);
    int len, len2 = contraction(text, at, false);

    if (len2)
        return at + len2;
    unsigned set = set_at(text, at, &len);
    if (text.ptr[at] == ' ' && at + 1 < text.len &&
        !((set = set_at(text, at + 1, &len2)) & UCLASS_SPACE))
        at++;
    if (set & UCLASS_SPACE)
        return space_end(text, at, run_end(text, at, UCLASS_SPACE, 0));
    return run_end(text, at, set & UCLASS_L ? UCLASS_L : set & UCLASS_N ? UCLASS_N : other, 0);
}

static ptrdiff_t newlines_end(slice text, ptrdiff_t at, bool slashes)
{
    while (at < text.len && (is_newline(text.ptr[at]) || (slashes && text.ptr[at] == '/')))
        at++;
    return at;
}

/* What cl100k and o200k share: numbers, others with a blank before and newlines behind, white space. */
static ptrdiff_t next_no_word(const struct pieces_rule *rule, slice text, ptrdiff_t at,
                              unsigned set, unsigned next, unsigned other)
{
    bool slashes = rule->family == PIECES_O200K;

    if (set & UCLASS_N)
        return run_end(text, at, UCLASS_N, rule->digits);
    if (set & other)
        return newlines_end(text, run_end(text, at, other, 0), slashes);
    if (text.ptr[at] == ' ' && (next & other))
        return newlines_end(text, run_end(text, at + 1, other, 0), slashes);
    ptrdiff_t end = run_end(text, at, UCLASS_SPACE, 0);
    return rule->tail_whole && end == text.len ? end : lines_end(text, at, end);
}

static ptrdiff_t next_cl100k(const struct pieces_rule *rule, slice text, ptrdiff_t at)
{
    const unsigned letters = UCLASS_L | (rule->marks ? SET_MARK : 0);
    int len, len2 = contraction(text, at, true);
    unsigned set, next = UCLASS_SPACE;

    if (len2)
        return at + len2;
    set = set_at(text, at, &len);
    if (set & letters)
        return run_end(text, at, letters, 0);
    if (at + len < text.len)
        next = set_at(text, at + len, &len2);
    if (!(set & UCLASS_N) && !is_newline(text.ptr[at]) && (next & letters))
        return run_end(text, at + len, letters, 0);
    return next_no_word(rule, text, at, set, next, ~(letters | UCLASS_N | UCLASS_SPACE));
}

/* UPPER*LOWER+ from `at`, or -1. Without a LOWER behind the run of UPPER, the run is given back up
 * to its last character that is in both. */
static ptrdiff_t lower_word(slice text, ptrdiff_t at)
{
    ptrdiff_t both_end = -1, end = at;
    unsigned set;
    int len;

    for (; end < text.len && ((set = set_at(text, end, &len)) & SET_UPPER); end += len)
        if (set & SET_LOWER)
            both_end = end + len;
    ptrdiff_t lower = run_end(text, end, SET_LOWER, 0);
    return lower > end ? lower : both_end;
}

/* UPPER+LOWER* where lower_word() found nothing. */
static ptrdiff_t upper_word(slice text, ptrdiff_t at)
{
    ptrdiff_t end = run_end(text, at, SET_UPPER, 0);

    return end > at ? end : -1;
}

static ptrdiff_t next_o200k(const struct pieces_rule *rule, slice text, ptrdiff_t at)
{
    int len, len2;
    unsigned set = set_at(text, at, &len), next = UCLASS_SPACE;
    ptrdiff_t word = -1;
    bool prefix = !(set & (UCLASS_L | UCLASS_N)) && !is_newline(text.ptr[at]);

    if (at + len < text.len)
        next = set_at(text, at + len, &len2);
    if (prefix)
        word = lower_word(text, at + len);
    if (word < 0)
        word = lower_word(text, at);
    if (word < 0 && prefix)
        word = upper_word(text, at + len);
    if (word < 0)
        word = upper_word(text, at);
    if (word >= 0)
        return word + (rule->suffixes ? contraction(text, word, true) : 0);
    return next_no_word(rule, text, at, set, next, ~(UCLASS_L | UCLASS_N | UCLASS_SPACE));
}

/* ---- DeepSeek: numbers and kana and ideographs are cut out first; the rest sees text end there ---- */

enum { DS_LETTER, DS_SYMBOL, DS_SPACE, DS_REST, DS_NUMBER, DS_CJK, DS_END };

static int deepseek_at(slice text, ptrdiff_t at, int *len)
{
    uint32_t cp;

    *len = 0;
    if (at >= text.len)
        return DS_END;
    *len = uni_decode(text.ptr + at, &cp);
    if (PIECES_IS_CJK(cp))
        return DS_CJK;
    unsigned set = uclass_set(uclass_of(cp));
    return set & (UCLASS_L | SET_MARK) ? DS_LETTER
           : set & SET_SYMBOL          ? DS_SYMBOL
           : set & UCLASS_SPACE        ? DS_SPACE
           : set & UCLASS_N            ? DS_NUMBER
                                       : DS_REST;
}

static ptrdiff_t deepseek_run(slice text, ptrdiff_t at, int kind, int limit)
{
    int len;

    for (int n = 0; (limit == 0 || n < limit) && deepseek_at(text, at, &len) == kind; n++)
        at += len;
    return at;
}

static bool is_ascii_letter(char c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static ptrdiff_t next_deepseek3(const struct pieces_rule *rule, slice text, ptrdiff_t at)
{
    int len, len2, kind = deepseek_at(text, at, &len);
    int next = deepseek_at(text, at + len, &len2);

    if (kind == DS_NUMBER || kind == DS_CJK || kind == DS_LETTER)
        return deepseek_run(text, at, kind, kind == DS_NUMBER ? rule->digits : 0);
    if (kind == DS_SYMBOL && len == 1 && next == DS_LETTER && is_ascii_letter(text.ptr[at + 1])) {
        while (++at < text.len && is_ascii_letter(text.ptr[at]))
            ;
        return at;
    }
    if (kind != DS_SYMBOL && !is_newline(text.ptr[at]) && next == DS_LETTER)
        return deepseek_run(text, at + len, DS_LETTER, 0);
    if (text.ptr[at] == ' ' && next == DS_SYMBOL)
        at++, kind = next;
    if (kind == DS_SYMBOL)
        return newlines_end(text, deepseek_run(text, at, DS_SYMBOL, 0), false);
    if (kind == DS_SPACE) {
        ptrdiff_t end = deepseek_run(text, at, DS_SPACE, 0);
        bool cut = deepseek_at(text, end, &len) >= DS_NUMBER;
        return lines_end(cut ? slice_make(text.ptr, end) : text, at, end);
    }
    /* Nothing matches here: a piece up to where something does. */
    while ((kind = deepseek_at(text, at += len, &len)) == DS_REST &&
           deepseek_at(text, at + len, &len2) != DS_LETTER)
        ;
    return at;
}

ptrdiff_t pieces_next(const struct pieces_rule *rule, slice text, ptrdiff_t start)
{
    switch (rule->family) {
    case PIECES_GPT2:
        return next_gpt2(text, start);
    case PIECES_CL100K:
        return next_cl100k(rule, text, start);
    case PIECES_O200K:
        return next_o200k(rule, text, start);
    case PIECES_DEEPSEEK3:
        break;
    }
    return next_deepseek3(rule, text, start);
}
