#include "peerfold.h"

/* What a code point is to the tool. */
enum { IS_DIGIT = 1, IS_BLANK = 2, IS_DELETED = 4, IS_SPACE = 8, IS_MARK = 16 };

struct peerfold {
    enum peerfold_tool tool;
    struct uni_norm *nfd;
    uint8_t classes[0x10000]; /* of the basic plane */
};

/* datatrove's PUNCTUATION beside the controls. */
static const char marks[] =
    "!/\u2014\u201D:\uFF05\uFF11\u3008&(\u3001\u2501\\\u3010#%\u300C\u300D\uFF0C\u3011\uFF1B+^]~"
    "\u201C\u300A\u201E';\u2019{|\u2236\u00B4[=-`*\uFF0E\uFF08\u2013\uFF1F\uFF01\uFF1A$\uFF5E\u00AB"
    "\u3009,><\u300B)?\uFF09\u3002\u2026@_.\"}\u25BA\u00BB";

/* ---- lower case as Python has it ---- */

static bool is_cased(uint32_t cp)
{
    int c = uni_category(cp);
    return c == UNI_CATEGORY('L', 'u') || c == UNI_CATEGORY('L', 'l') ||
           c == UNI_CATEGORY('L', 't');
}

static bool is_case_ignorable(uint32_t cp)
{
    int c = uni_category(cp);
    return c == UNI_CATEGORY('M', 'n') || c == UNI_CATEGORY('M', 'e') ||
           c == UNI_CATEGORY('C', 'f') || c == UNI_CATEGORY('L', 'm') ||
           c == UNI_CATEGORY('S', 'k') || cp == '\'' || cp == '.' || cp == ':' || cp == 0xB7 ||
           cp == 0x387 || cp == 0x55F || cp == 0x5F4 || cp == 0x2018 || cp == 0x2019 ||
           cp == 0x2024 || cp == 0x2027 || cp == 0xFE13 || cp == 0xFE52 || cp == 0xFE55 ||
           cp == 0xFF07 || cp == 0xFF0E || cp == 0xFF1A;
}

/* A sigma behind a cased letter and before none, whatever is ignorable in between. */
static bool is_final_sigma(slice text, ptrdiff_t at, int width)
{
    const char *begin = text.ptr, *p = text.ptr + at, *end = text.ptr + text.len;
    uint32_t cp;
    bool before = false;

    while (p > begin) {
        p -= uni_decode_back(begin, p, &cp);
        if (is_case_ignorable(cp))
            continue;
        before = is_cased(cp);
        break;
    }
    for (p = text.ptr + at + width; before && p < end;) {
        p += uni_decode(p, &cp);
        if (!is_case_ignorable(cp))
            return !is_cased(cp);
    }
    return before;
}

/* The code points of the text in lower case; *count of them, at most two per code point. */
static uint32_t *lower(slice text, ptrdiff_t *count, struct arena *arena)
{
    uint32_t *out = arena_alloc_raw(arena, (text.len + 1) * 4, 4);
    ptrdiff_t n = 0;

    for (ptrdiff_t i = 0; i < text.len;) {
        uint32_t cp;
        int width = uni_decode(text.ptr + i, &cp);
        if (cp < 0x80)
            out[n++] = cp >= 'A' && cp <= 'Z' ? cp + 32 : cp;
        else if (cp == 0x130)
            out[n++] = 'i', out[n++] = 0x307;
        else if (cp == 0x3A3)
            out[n++] = is_final_sigma(text, i, width) ? 0x3C2 : 0x3C3;
        else
            out[n++] = uni_lower(cp);
        i += width;
    }
    *count = n;
    return out;
}

/* ---- classes ---- */

static bool is_digit(uint32_t cp)
{
    return uni_category(cp) == UNI_CATEGORY('N', 'd');
}

static bool is_number_separator(uint32_t cp)
{
    return cp == '.' || cp == ',' || cp == 0x60C || cp == 0x66B || (cp >= 0x2396 && cp <= 0x2398);
}

static bool is_datatrove_mark(uint32_t cp)
{
    if (cp < 32)
        return cp != '\t' && cp != '\n';
    if (cp >= 127 && cp < 160)
        return true;
    for (const char *p = marks; *p;) {
        uint32_t mark;
        p += uni_decode(p, &mark);
        if (mark == cp)
            return true;
    }
    return false;
}

static bool is_ascii_punctuation(uint32_t cp)
{
    return (cp >= 33 && cp <= 47) || (cp >= 58 && cp <= 64) || (cp >= 91 && cp <= 96) ||
           (cp >= 123 && cp <= 126);
}

/* \w of the Python module regex. */
static bool is_word(uint32_t cp)
{
    int c = uni_category(cp);
    return c >> 8 == 'L' || c >> 8 == 'M' || c == UNI_CATEGORY('N', 'd') ||
           c == UNI_CATEGORY('N', 'l') || c == UNI_CATEGORY('P', 'c') ||
           (cp >= 0x200C && cp <= 0x200D) || (cp >= 0x24B6 && cp <= 0x24E9) ||
           (cp >= 0x1F130 && cp <= 0x1F149) || (cp >= 0x1F150 && cp <= 0x1F169) ||
           (cp >= 0x1F170 && cp <= 0x1F189);
}

static unsigned classify(enum peerfold_tool tool, uint32_t cp)
{
    unsigned c = uni_is_space_python(cp) ? IS_SPACE : 0;

    if (tool == PEERFOLD_TEXT_DEDUP)
        return is_word(cp) ? 0 : IS_BLANK;
    if (tool == PEERFOLD_REDPAJAMA || tool == PEERFOLD_GPT3)
        return c | (is_ascii_punctuation(cp) ? IS_DELETED : 0);
    return c | (is_digit(cp) ? IS_DIGIT : 0) | (is_datatrove_mark(cp) ? IS_BLANK : 0) |
           (uni_category(cp) == UNI_CATEGORY('M', 'n') ? IS_MARK : 0);
}

static unsigned class_of(const struct peerfold *f, uint32_t cp)
{
    return cp < 0x10000 ? f->classes[cp] : classify(f->tool, cp);
}

/* ---- folding ---- */

static ptrdiff_t digits_end(const struct peerfold *f, const uint32_t *cps, ptrdiff_t i, ptrdiff_t n)
{
    while (i < n && class_of(f, cps[i]) & IS_DIGIT)
        i++;
    return i;
}

static ptrdiff_t number_end(const struct peerfold *f, const uint32_t *cps, ptrdiff_t i, ptrdiff_t n)
{
    i = digits_end(f, cps, i, n);
    if (i + 1 < n && is_number_separator(cps[i]) && class_of(f, cps[i + 1]) & IS_DIGIT)
        i = digits_end(f, cps, i + 1, n);
    return i;
}

/* What the tool makes of the code points, before NFD; the ends of tokens are white space. */
static slice rewrite(const struct peerfold *f, const uint32_t *cps, ptrdiff_t n,
                     struct arena *arena)
{
    char *out = arena_alloc_raw(arena, n * 4 + RECORD_PADDING, 1), *p = out;

    for (ptrdiff_t i = 0; i < n; i++) {
        uint32_t cp = cps[i];
        unsigned c = class_of(f, cp);
        if (c & IS_DIGIT) {
            i = number_end(f, cps, i, n) - 1;
            cp = '0';
        } else if (c & IS_BLANK) {
            cp = ' ';
        } else if (c & IS_DELETED) {
            continue;
        }
        p += uni_encode(p, cp);
    }
    return slice_make(out, p - out);
}

/* One blank between tokens; nonspacing marks fall away for datatrove. */
static slice join(const struct peerfold *f, slice text, ptrdiff_t *tokens, struct arena *arena)
{
    char *out = arena_alloc_raw(arena, text.len + 1 + RECORD_PADDING, 1), *p = out;
    bool space = true;

    *tokens = 0;
    for (ptrdiff_t i = 0; i < text.len;) {
        uint32_t cp;
        int width = uni_decode(text.ptr + i, &cp);
        i += width;
        unsigned c = class_of(f, cp);
        if (c & IS_SPACE) {
            space = true;
            continue;
        }
        if (c & IS_MARK)
            continue;
        if (space) {
            if (p > out)
                *p++ = ' ';
            ++*tokens;
        }
        space = false;
        p += uni_encode(p, cp);
    }
    return slice_make(out, p - out);
}

struct peerfold *peerfold_new(enum peerfold_tool tool, struct arena *arena)
{
    struct peerfold *f = arena_new(arena, struct peerfold, 1);

    f->tool = tool;
    for (uint32_t cp = 0; cp < 0x10000; cp++)
        f->classes[cp] = (uint8_t)classify(tool, cp);
    f->nfd = uni_norm_new(UNI_NFD, arena);
    return f;
}

slice peerfold_text(const struct peerfold *f, slice text, ptrdiff_t *tokens, struct arena *arena)
{
    ptrdiff_t n;
    uint32_t *cps = lower(text, &n, arena);
    slice folded = rewrite(f, cps, n, arena);

    if (f->tool == PEERFOLD_GPT3)
        return join(f, folded, tokens, arena);
    if (f->tool != PEERFOLD_TEXT_DEDUP)
        return join(f, uni_normalize(f->nfd, folded, arena), tokens, arena);
    *tokens = 1;
    for (ptrdiff_t i = 0; i < folded.len; i++)
        *tokens += folded.ptr[i] == ' ';
    return folded;
}
