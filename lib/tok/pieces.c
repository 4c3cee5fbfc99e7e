#include "pieces.h"

#include "../unicode.h"
#include "uclass.h"

#define GPT2 "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"
#define CL100K(digits)                                                                             \
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|" digits                           \
    "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

const struct pieces_rule pieces_gpt2 = { .family = PIECES_GPT2, .pre = "gpt-2" };

/* Equal patterns may be written in several ways; the first with a `pre` is the one that the name
 * stands for. In the last one `{1,3}+` is a repeated group, not a possessive one, in the dialect
 * that tokenizer.json files are written in, so digits are not limited. */
static const struct {
    slice pattern;
    struct pieces_rule rule;
} known[] = {
    { { GPT2, sizeof GPT2 - 1 }, { .family = PIECES_GPT2, .pre = "gpt-2" } },
    { { CL100K("\\p{N}{1,3}"), sizeof CL100K("\\p{N}{1,3}") - 1 },
      { .family = PIECES_CL100K, .digits = 3, .pre = "llama-bpe" } },
    { { CL100K("\\p{N}"), sizeof CL100K("\\p{N}") - 1 },
      { .family = PIECES_CL100K, .digits = 1, .pre = "qwen2" } },
    { { CL100K("\\p{N}+"), sizeof CL100K("\\p{N}+") - 1 }, { .family = PIECES_CL100K } },
#define GPT2_FAST                                                                                  \
    "'(?:[sdmt]|ll|ve|re)| ?\\p{L}++| ?\\p{N}++| ?[^\\s\\p{L}\\p{N}]++|\\s++$|"                    \
    "\\s+(?!\\S)|\\s"
    { { GPT2_FAST, sizeof GPT2_FAST - 1 }, { .family = PIECES_GPT2, .pre = "gpt-2" } },
#define CL100K_FAST                                                                                \
    "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}++|\\p{N}{1,3}+|"                          \
    " ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*+|\\s++$|\\s*[\\r\\n]|\\s+(?!\\S)|\\s"
    { { CL100K_FAST, sizeof CL100K_FAST - 1 }, { .family = PIECES_CL100K, .tail_whole = true } },
};

const struct pieces_rule *pieces_find(slice pattern)
{
    for (ptrdiff_t i = 0; i < countof(known); i++)
        if (slice_eq(known[i].pattern, pattern))
            return &known[i].rule;
    return NULL;
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

enum kind { LETTER, NUMBER, SPACE, OTHER };

static enum kind kind_at(slice text, ptrdiff_t at, int *len)
{
    uint32_t cp;

    *len = uni_decode(text.ptr + at, &cp);
    unsigned set = uclass_set(uclass_of(cp));
    return set & UCLASS_L ? LETTER : set & UCLASS_N ? NUMBER : set & UCLASS_SPACE ? SPACE : OTHER;
}

/* End of the run of `kind` that starts at `at`, at most `limit` characters (0: no limit). */
static ptrdiff_t run_end(slice text, ptrdiff_t at, enum kind kind, int limit)
{
    int len;

    for (int n = 0; at < text.len && (limit == 0 || n < limit); at += len, n++)
        if (kind_at(text, at, &len) != kind)
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

static ptrdiff_t next_gpt2(slice text, ptrdiff_t at)
{
    int len, len2 = contraction(text, at, false);

    if (len2)
        return at + len2;
    enum kind kind = kind_at(text, at, &len);
    if (kind != SPACE)
        return run_end(text, at, kind, 0);
    if (text.ptr[at] == ' ' && at + 1 < text.len) {
        enum kind next = kind_at(text, at + 1, &len2);
        if (next != SPACE)
            return run_end(text, at + 1, next, 0);
    }
    return space_end(text, at, run_end(text, at, SPACE, 0));
}

static ptrdiff_t newlines_end(slice text, ptrdiff_t at)
{
    while (at < text.len && (text.ptr[at] == '\r' || text.ptr[at] == '\n'))
        at++;
    return at;
}

static ptrdiff_t next_cl100k(const struct pieces_rule *rule, slice text, ptrdiff_t at)
{
    int len, len2 = contraction(text, at, true);

    if (len2)
        return at + len2;
    enum kind kind = kind_at(text, at, &len), next = SPACE;
    if (kind == LETTER)
        return run_end(text, at, LETTER, 0);
    if (kind == NUMBER)
        return run_end(text, at, NUMBER, rule->digits);
    bool newline = text.ptr[at] == '\r' || text.ptr[at] == '\n';
    if (at + len < text.len)
        next = kind_at(text, at + len, &len2);
    if (!newline && next == LETTER)
        return run_end(text, at + len, LETTER, 0);
    if (kind == OTHER)
        return newlines_end(text, run_end(text, at, OTHER, 0));
    if (text.ptr[at] == ' ' && next == OTHER)
        return newlines_end(text, run_end(text, at + 1, OTHER, 0));
    ptrdiff_t end = run_end(text, at, SPACE, 0), last = end;
    if (rule->tail_whole && end == text.len)
        return end;
    while (last > at && text.ptr[last - 1] != '\r' && text.ptr[last - 1] != '\n')
        last--;
    return last > at ? last : space_end(text, at, end);
}

ptrdiff_t pieces_next(const struct pieces_rule *rule, slice text, ptrdiff_t start)
{
    return rule->family == PIECES_GPT2 ? next_gpt2(text, start) : next_cl100k(rule, text, start);
}
