#include "pattern_read.h"

#include "../unicode.h"
#include "uclass.h"

bool pattern_refuse(struct pattern_reader *p, const char *what)
{
    return err_set(p->err, ERR_CONFIG, "byte %td of the pattern: %s", p->at, what);
}

/* ---- sets ---- */

static const struct {
    const char *name;
    unsigned categories, properties;
} properties[] = {
    { "L", UCLASS_L, 0 },
    { "Lu", UCLASS_SET(UCAT_LU), 0 },
    { "Lt", UCLASS_SET(UCAT_LT), 0 },
    { "Ll", UCLASS_SET(UCAT_LL), 0 },
    { "Lm", UCLASS_SET(UCAT_LM), 0 },
    { "Lo", UCLASS_SET(UCAT_LO), 0 },
    { "M", UCLASS_SET(UCAT_M), 0 },
    { "N", UCLASS_N, 0 },
    { "Nd", UCLASS_SET(UCAT_D), 0 },
    { "P", UCLASS_SET(UCAT_P), 0 },
    { "S", UCLASS_SET(UCAT_S), 0 },
    { "Han", 0, UPROP_HAN },
};

/* Puts a set into the draft; equal sets share a number. */
static bool emit_set(struct pattern_reader *p, struct cpset *set)
{
    int n = 0;

    while (n < p->set_count && !cpset_equal(p->sets[n], set))
        n++;
    if (n == SETS_MAX)
        return pattern_refuse(p, "the pattern has too many different classes");
    if (n == p->set_count)
        p->sets[p->set_count++] = set;
    p->atom = p->draft.len;
    buf_append_byte(&p->draft, SET_MARK);
    buf_append_byte(&p->draft, (char)(n + 1));
    p->has_quantifier = false;
    return true;
}

/* \p{Name} \P{Name} \p{^Name}, `at` behind the p. */
static bool read_property(struct pattern_reader *p, bool negated, struct cpset *set)
{
    char quoted[64];
    slice rest = slice_from(p->text, p->at), name;
    ptrdiff_t close = slice_find(rest, '}');

    if (rest.len == 0 || rest.ptr[0] != '{' || close < 0)
        return pattern_refuse(p, "\\p without {name}");
    name = slice_make(rest.ptr + 1, close - 1);
    if (name.len && name.ptr[0] == '^') {
        negated = !negated;
        name = slice_from(name, 1);
    }
    for (ptrdiff_t i = 0; i < countof(properties); i++)
        if (slice_eq(name, slice_of(properties[i].name))) {
            cpset_add_class(set, properties[i].categories, properties[i].properties);
            if (negated)
                cpset_invert(set);
            p->at += close + 1;
            return true;
        }
    return err_set(p->err, ERR_CONFIG, "byte %td of the pattern: unknown property %s", p->at,
                   err_quote(quoted, sizeof quoted, name));
}

static bool read_hex(struct pattern_reader *p, int digits, uint32_t *cp)
{
    *cp = 0;
    for (int i = 0; i < digits; i++, p->at++) {
        char c = p->at < p->text.len ? p->text.ptr[p->at] : 0;
        char low = (char)(c | 0x20);
        if (c >= '0' && c <= '9')
            *cp = *cp * 16 + (uint32_t)(c - '0');
        else if (low >= 'a' && low <= 'f')
            *cp = *cp * 16 + (uint32_t)(low - 'a' + 10);
        else
            return pattern_refuse(p, "a hexadecimal digit is missing");
    }
    return true;
}

/* \xHH \x{H...} \uHHHH, `at` behind the letter. */
static bool read_code(struct pattern_reader *p, char letter, uint32_t *cp)
{
    if (letter == 'x' && p->at < p->text.len && p->text.ptr[p->at] == '{') {
        slice rest = slice_from(p->text, p->at + 1);
        ptrdiff_t close = slice_find(rest, '}');
        if (close < 1 || close > 6)
            return pattern_refuse(p, "bad \\x{...}");
        p->at++;
        if (!read_hex(p, (int)close, cp))
            return false;
        p->at++;
    } else if (!read_hex(p, letter == 'x' ? 2 : 4, cp)) {
        return false;
    } else if (letter == 'x' && *cp >= 0x80) {
        return pattern_refuse(p, "\\x of a byte that is not a character");
    }
    if (*cp >= 0x110000 || (*cp >= 0xD800 && *cp < 0xE000))
        return pattern_refuse(p, "not a code point");
    return true;
}

enum escape { ESCAPE_BAD, ESCAPE_LITERAL, ESCAPE_SET };

/* \w; within brackets the engine leaves out six characters of Latin-1 (measured). */
static void add_word(struct cpset *set, bool in_brackets)
{
    static const uint8_t out[] = { 0xB2, 0xB3, 0xB9, 0xBC, 0xBD, 0xBE };

    cpset_add_class(set, 0, UPROP_WORD_REGEX);
    for (ptrdiff_t i = 0; in_brackets && i < countof(out); i++)
        set->bits[out[i] / 64] &= ~((uint64_t)1 << (out[i] % 64));
}

/* Behind a backslash: one character, or the set of a class escape. */
static enum escape read_escape(struct pattern_reader *p, bool in_brackets, uint32_t *cp,
                               struct cpset **set)
{
    static const char plain[] = "rnftvae", code[] = "\r\n\f\t\v\a\x1B";
    char c = p->at < p->text.len ? p->text.ptr[p->at] : 0;
    const char *known = c ? strchr(plain, c) : NULL;

    if (known) {
        p->at++;
        *cp = (uint32_t)code[known - plain];
        return ESCAPE_LITERAL;
    }
    if (c == 'x' || c == 'u') {
        p->at++;
        return read_code(p, c, cp) ? ESCAPE_LITERAL : ESCAPE_BAD;
    }
    if (c && strchr("pPsSwWdDhH", c)) {
        bool negated = c < 'a';
        *set = cpset_new(p->arena);
        p->at++;
        if ((c | 0x20) == 'p')
            return read_property(p, negated, *set) ? ESCAPE_SET : ESCAPE_BAD;
        if ((c | 0x20) == 's')
            cpset_add_class(*set, UCLASS_SPACE, 0);
        else if ((c | 0x20) == 'w')
            add_word(*set, in_brackets);
        else
            cpset_add_class(*set, UCLASS_SET(UCAT_D), 0);
        if ((c | 0x20) == 'h') {
            memset(*set, 0, sizeof **set);
            cpset_add(*set, '0', '9');
            cpset_add(*set, 'a', 'f');
            cpset_add(*set, 'A', 'F');
        }
        if (negated)
            cpset_invert(*set);
        return ESCAPE_SET;
    }
    if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == 0) {
        pattern_refuse(p, "this escape is not supported");
        return ESCAPE_BAD;
    }
    p->at += uni_decode(p->text.ptr + p->at, cp);
    return ESCAPE_LITERAL;
}

/* ---- bracket expressions ---- */

static bool looking_at(const struct pattern_reader *p, const char *text)
{
    return slice_starts(slice_from(p->text, p->at), slice_of(text));
}

/* One character or class of a bracket expression; *single says which. */
static bool read_member(struct pattern_reader *p, uint32_t *cp, struct cpset **set, bool *single)
{
    *single = true;
    if (p->text.ptr[p->at] != '\\') {
        p->at += uni_decode(p->text.ptr + p->at, cp);
        return true;
    }
    p->at++;
    enum escape kind = read_escape(p, true, cp, set);
    *single = kind == ESCAPE_LITERAL;
    return kind != ESCAPE_BAD;
}

static bool read_members(struct pattern_reader *p, struct cpset *out)
{
    for (bool first = true;; first = false) {
        uint32_t cp, last;
        struct cpset *set = NULL;
        bool single;
        if (p->at >= p->text.len)
            return pattern_refuse(p, "a class is not closed");
        if (p->text.ptr[p->at] == ']' || looking_at(p, "&&"))
            return first && p->text.ptr[p->at] == ']' ? pattern_refuse(p, "an empty class") : true;
        if (p->text.ptr[p->at] == '[')
            return pattern_refuse(p, "a class inside a class is not supported");
        if (!read_member(p, &cp, &set, &single))
            return false;
        if (!single) {
            cpset_union(out, set);
            continue;
        }
        last = cp;
        if (looking_at(p, "-") && !looking_at(p, "-]") && !looking_at(p, "-&&")) {
            p->at++;
            if (p->at >= p->text.len || p->text.ptr[p->at] == '[')
                return pattern_refuse(p, "a range without an end");
            if (!read_member(p, &last, &set, &single))
                return false;
            if (!single || last < cp)
                return pattern_refuse(p, "a range without an end");
        }
        cpset_add(out, cp, last);
    }
}

/* Behind the opening bracket: members, parts joined by &&. An inner class is taken as an operand of
 * && only ([\p{L}&&[^\p{Han}]]). */
static bool read_class(struct pattern_reader *p, struct cpset *out, int depth)
{
    bool negated = looking_at(p, "^"), more = false;

    p->at += negated;
    do {
        struct cpset *part = more ? cpset_new(p->arena) : out;
        if (more && looking_at(p, "[")) {
            p->at++;
            if (depth > 4 || !read_class(p, part, depth + 1))
                return depth > 4 ? pattern_refuse(p, "classes nest too deep") : false;
        } else if (!read_members(p, part)) {
            return false;
        }
        if (more)
            cpset_intersect(out, part);
        more = looking_at(p, "&&");
        p->at += more ? 2 : 0;
    } while (more);
    if (!looking_at(p, "]"))
        return pattern_refuse(p, "a class is not closed");
    p->at++;
    if (negated)
        cpset_invert(out);
    return true;
}

/* ---- the pattern ---- */

static bool only_ascii(const struct cpset *s)
{
    for (int i = 2; i < CPSET_WORDS; i++)
        if (s->bits[i])
            return false;
    return true;
}

static bool folding(const struct pattern_reader *p)
{
    return p->group[p->depth].fold;
}

static bool emit_class(struct pattern_reader *p, struct cpset *set)
{
    p->literal = 0;
    if (folding(p)) {
        if (!only_ascii(set))
            return pattern_refuse(p, "a class beyond ASCII where case is ignored");
        cpset_add_cases(set);
    }
    return emit_set(p, set);
}

/* Where case is ignored, pairs that one character stands for (ss and U+00DF, st and U+FB06 ...)
 * would match it in the engine. */
static bool emit_literal(struct pattern_reader *p, uint32_t cp)
{
    struct cpset *set = cpset_new(p->arena);

    cpset_add(set, cp, cp);
    if (folding(p)) {
        uint32_t low = cp | 0x20, before = p->literal;
        if (cp >= 0x80)
            return pattern_refuse(p, "a character beyond ASCII where case is ignored");
        if ((before == 's' && (low == 's' || low == 't')) ||
            (before == 'f' && (low == 'f' || low == 'i' || low == 'l')))
            return pattern_refuse(p, "ss, st, ff, fi or fl where case is ignored");
        cpset_add_cases(set);
        p->literal = low;
    }
    return emit_set(p, set);
}

static void emit_raw(struct pattern_reader *p, const char *text)
{
    buf_append(&p->draft, slice_of(text));
}

/* Anchors: they match between characters and are not repeated. */
static bool emit_newline_anchor(struct pattern_reader *p, bool start)
{
    struct cpset *newline = cpset_new(p->arena);

    cpset_add(newline, '\n', '\n');
    emit_raw(p, start ? "(?:\\A|(?<=" : "(?=\\z|");
    if (!emit_set(p, newline))
        return false;
    emit_raw(p, start ? ")(?!\\z))" : ")");
    p->atom = -1;
    return true;
}

static bool open_group(struct pattern_reader *p)
{
    static const struct {
        const char *text;
        bool assertion, fold;
    } kinds[] = {
        { "(?:", false, false }, { "(?>", false, false }, { "(?=", true, false },
        { "(?!", true, false },  { "(?<=", true, false }, { "(?<!", true, false },
        { "(?i:", false, true },
    };
    struct pattern_group next = { .start = p->draft.len, .fold = folding(p) };

    if (p->depth + 1 >= DEPTH_MAX)
        return pattern_refuse(p, "groups nest too deep");
    for (ptrdiff_t i = 0; i < countof(kinds); i++)
        if (looking_at(p, kinds[i].text)) {
            next.assertion = kinds[i].assertion;
            next.fold |= kinds[i].fold;
            emit_raw(p, kinds[i].fold ? "(?:" : kinds[i].text);
            p->at += (ptrdiff_t)strlen(kinds[i].text);
            p->group[++p->depth] = next;
            p->atom = -1, p->literal = 0;
            return true;
        }
    if (looking_at(p, "(?"))
        return pattern_refuse(p, "this kind of group is not supported");
    p->at++;
    emit_raw(p, "(?:");
    p->group[++p->depth] = next;
    p->atom = -1, p->literal = 0;
    return true;
}

static bool close_group(struct pattern_reader *p)
{
    if (p->depth == 0)
        return pattern_refuse(p, "a closing bracket too many");
    struct pattern_group *g = &p->group[p->depth--];
    emit_raw(p, ")");
    p->atom = g->assertion ? -1 : g->start;
    p->literal = 0;
    p->has_quantifier = false;
    p->at++;
    return true;
}

/* {n} {n,} {n,m} {,m}; false without an error: not an interval, the bracket is a literal. */
static bool read_interval(struct pattern_reader *p, int *low, int *high, bool *exact)
{
    ptrdiff_t at = p->at + 1;
    int n[2] = { -1, -1 }, k = 0;

    for (; at < p->text.len; at++) {
        char c = p->text.ptr[at];
        if (c >= '0' && c <= '9')
            n[k] = (n[k] < 0 ? 0 : n[k]) * 10 + (c - '0');
        else if (c == ',' && k == 0)
            k = 1;
        else
            break;
        if (n[k] > 1000)
            n[k] = 1001;
    }
    if (at >= p->text.len || p->text.ptr[at] != '}' || (n[0] < 0 && n[1] < 0))
        return false;
    *exact = k == 0;
    *low = MAX(n[0], 0);
    *high = k == 0 ? n[0] : n[1];
    p->at = at + 1;
    return true;
}

static void wrap_atom(struct pattern_reader *p)
{
    ptrdiff_t tail = p->draft.len - p->atom;

    buf_append(&p->draft, SLICE("(?:"));
    memmove(p->draft.ptr + p->atom + 3, p->draft.ptr + p->atom, (size_t)tail);
    memcpy(p->draft.ptr + p->atom, "(?:", 3);
    emit_raw(p, ")");
}

static bool read_quantifier(struct pattern_reader *p, char c)
{
    int low = 0, high = -1;
    bool exact = false, interval = c == '{';

    if (p->atom < 0 || p->has_quantifier)
        return pattern_refuse(p, "a quantifier here is not supported");
    if (interval) {
        if (!read_interval(p, &low, &high, &exact))
            return emit_literal(p, '{') && (p->at++, true);
        if (low > 1000 || high > 1000 || (high >= 0 && high < low))
            return pattern_refuse(p, "bad interval");
        buf_printf(&p->draft, high < 0 ? "{%d,}" : "{%d,%d}", low, high);
    } else {
        buf_append_byte(&p->draft, c);
        p->at++;
    }
    p->has_quantifier = true;
    p->literal = 0;
    if (looking_at(p, "?")) {
        if (exact)
            return pattern_refuse(p, "{n}? is not supported");
        emit_raw(p, "?");
        p->at++;
    } else if (looking_at(p, "+")) {
        if (interval && !p->fancy)
            wrap_atom(p); /* {n,m}+ repeats the whole; it is not possessive in this dialect */
        emit_raw(p, "+");
        p->at++;
    }
    return true;
}

static bool read_atom(struct pattern_reader *p, char c)
{
    struct cpset *set = NULL;
    uint32_t cp;

    if (c == '[') {
        p->at++;
        set = cpset_new(p->arena);
        return read_class(p, set, 0) && emit_class(p, set);
    }
    if (c == '.') {
        p->at++;
        set = cpset_new(p->arena);
        cpset_add(set, '\n', '\n');
        cpset_invert(set);
        p->literal = 0;
        return emit_set(p, set);
    }
    if (c != '\\') {
        p->at += uni_decode(p->text.ptr + p->at, &cp);
        return emit_literal(p, cp);
    }
    p->at++;
    if (looking_at(p, "A") || looking_at(p, "z")) {
        emit_raw(p, p->text.ptr[p->at] == 'A' ? "\\A" : "\\z");
        p->atom = -1;
        p->at++;
        return true;
    }
    switch (read_escape(p, false, &cp, &set)) {
    case ESCAPE_LITERAL:
        return emit_literal(p, cp);
    case ESCAPE_SET:
        return emit_class(p, set);
    case ESCAPE_BAD:
        break;
    }
    return false;
}

bool pattern_read(struct pattern_reader *p)
{
    bool ok = true;

    while (ok && p->at < p->text.len) {
        char c = p->text.ptr[p->at];
        if (c == '(') {
            ok = open_group(p);
        } else if (c == ')') {
            ok = close_group(p);
        } else if (c == '|') {
            emit_raw(p, "|");
            p->atom = -1, p->literal = 0;
            p->at++;
        } else if (c == '*' || c == '+' || c == '?' || (c == '{' && p->atom >= 0)) {
            ok = read_quantifier(p, c);
        } else if (c == '^' || c == '$') {
            p->at++;
            if (p->fancy) {
                emit_raw(p, c == '^' ? "\\A" : "\\z");
                p->atom = -1;
            } else {
                ok = emit_newline_anchor(p, c == '^');
            }
        } else {
            ok = read_atom(p, c);
        }
    }
    if (ok && p->depth)
        return pattern_refuse(p, "a group is not closed");
    return ok;
}
