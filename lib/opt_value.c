#include "opt_table.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

enum parsed { PARSED, NOT_A_VALUE, TOO_LARGE, AMBIGUOUS_UNIT };

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Digits at the start of *s into *n (saturating towards TOO_LARGE); moves *s behind them. */
static enum parsed take_digits(slice *s, uint64_t *n)
{
    ptrdiff_t i = 0;
    bool large = false;

    *n = 0;
    for (; i < s->len && is_digit(s->ptr[i]); i++)
        large |= __builtin_mul_overflow(*n, 10, n) ||
                 __builtin_add_overflow(*n, (uint64_t)(s->ptr[i] - '0'), n);
    if (i == 0)
        return NOT_A_VALUE;
    *s = slice_from(*s, i);
    return large ? TOO_LARGE : PARSED;
}

static enum parsed parse_int(slice s, int64_t *out)
{
    bool negative = s.len && s.ptr[0] == '-';
    uint64_t n;

    if (s.len && (s.ptr[0] == '-' || s.ptr[0] == '+'))
        s = slice_from(s, 1);
    enum parsed p = take_digits(&s, &n);
    if (p == NOT_A_VALUE || s.len)
        return NOT_A_VALUE;
    if (p == TOO_LARGE || n > (uint64_t)INT64_MAX + negative)
        return TOO_LARGE;
    *out = negative ? (int64_t)-n : (int64_t)n;
    return PARSED;
}

/* Decimal notation only: strtod alone would take "inf", "nan", "0x1p3" and leading blanks. */
static enum parsed parse_float(slice s, double *out)
{
    char text[64], *end;
    bool digit = false;

    if (s.len == 0 || s.len >= (ptrdiff_t)sizeof text)
        return NOT_A_VALUE;
    for (ptrdiff_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!is_digit(c) && c != '.' && c != '-' && c != '+' && lower(c) != 'e')
            return NOT_A_VALUE;
        digit |= is_digit(c);
    }
    if (!digit)
        return NOT_A_VALUE;
    memcpy(text, s.ptr, (size_t)s.len);
    text[s.len] = '\0';
    double x = strtod(text, &end);
    if (end != text + s.len)
        return NOT_A_VALUE;
    if (!isfinite(x))
        return TOO_LARGE;
    *out = x;
    return PARSED;
}

static enum parsed parse_size(slice s, int64_t *out)
{
    static const char letters[] = "kmgtpe";
    uint64_t n, unit = 1;
    enum parsed p = take_digits(&s, &n);

    if (p == NOT_A_VALUE)
        return p;
    if (s.len) {
        const char *at = s.ptr[0] ? strchr(letters, lower(s.ptr[0])) : NULL;
        bool kib = s.len == 3 && s.ptr[1] == 'i' && s.ptr[2] == 'B';
        if (at && s.len == 2 && lower(s.ptr[1]) == 'b')
            return AMBIGUOUS_UNIT;
        if (!at || (s.len != 1 && !kib))
            return NOT_A_VALUE;
        unit = (uint64_t)1 << (10 * (at - letters + 1));
    }
    if (p == TOO_LARGE || __builtin_mul_overflow(n, unit, &n) || n > INT64_MAX)
        return TOO_LARGE;
    *out = (int64_t)n;
    return PARSED;
}

static enum parsed parse_duration(slice s, int64_t *ns)
{
    static const struct {
        const char *unit;
        int64_t ns;
    } units[] = {
        { "ns", 1 },          { "us", 1000 },         { "ms", 1000000 },       { "s", 1000000000 },
        { "m", 60000000000 }, { "h", 3600000000000 }, { "d", 86400000000000 }, { "", 1000000000 },
    };
    ptrdiff_t split = 0;
    int64_t whole;
    double x;

    while (split < s.len && (is_digit(s.ptr[split]) || s.ptr[split] == '.'))
        split++;
    slice number = slice_make(s.ptr, split), unit = slice_from(s, split);
    for (ptrdiff_t i = 0; i < countof(units); i++) {
        if (!slice_eq(unit, slice_of(units[i].unit)))
            continue;
        enum parsed p = parse_int(number, &whole); /* exact when there is no fraction */
        if (p == PARSED)
            return __builtin_mul_overflow(whole, units[i].ns, ns) ? TOO_LARGE : PARSED;
        if (p == TOO_LARGE || (p = parse_float(number, &x)) != PARSED)
            return p;
        x = x * (double)units[i].ns;
        if (x >= 9.2e18)
            return TOO_LARGE;
        *ns = (int64_t)(x + 0.5);
        return PARSED;
    }
    return NOT_A_VALUE;
}

bool opt_parse_int(slice s, int64_t *out)
{
    return parse_int(s, out) == PARSED;
}

bool opt_parse_float(slice s, double *out)
{
    return parse_float(s, out) == PARSED;
}

bool opt_parse_size(slice s, int64_t *out)
{
    return parse_size(s, out) == PARSED;
}

bool opt_parse_duration(slice s, int64_t *ns)
{
    return parse_duration(s, ns) == PARSED;
}

const char *opt_type_name(enum opt_type type)
{
    static const char *const names[] = {
        [OPT_FLAG] = "flag",   [OPT_COUNT] = "count",   [OPT_INT] = "int",
        [OPT_FLOAT] = "float", [OPT_SIZE] = "size",     [OPT_DURATION] = "duration",
        [OPT_ENUM] = "enum",   [OPT_STRING] = "string", [OPT_PATH] = "path",
        [OPT_FIELD] = "field",
    };
    return names[type];
}

/* ---- did you mean ---- */

#define NEAREST_MAX_WORD 48

/* Levenshtein distance with transposition of neighbours (optimal string alignment). */
static int edit_distance(slice a, slice b)
{
    int rows[3][NEAREST_MAX_WORD + 1];
    int *before = rows[0], *above = rows[1], *row = rows[2];

    for (int j = 0; j <= b.len; j++)
        above[j] = j;
    for (int i = 1; i <= a.len; i++) {
        row[0] = i;
        for (int j = 1; j <= b.len; j++) {
            int d = above[j - 1] + (a.ptr[i - 1] != b.ptr[j - 1]);
            d = MIN(d, MIN(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] && a.ptr[i - 2] == b.ptr[j - 1])
                d = MIN(d, before[j - 2] + 1);
            row[j] = d;
        }
        int *oldest = before;
        before = above;
        above = row;
        row = oldest;
    }
    return above[b.len];
}

const char *opt_nearest(const char *word, const char *const *candidates, ptrdiff_t count)
{
    slice w = slice_of(word);
    const char *best = NULL;
    int best_distance = 4;

    if (w.len == 0 || w.len > NEAREST_MAX_WORD)
        return NULL;
    for (ptrdiff_t i = 0; i < count; i++) {
        slice c = slice_of(candidates[i]);
        if (c.len > NEAREST_MAX_WORD)
            continue;
        /* A distance as long as the word itself says nothing; a start of at least three letters
         * says more than its distance. */
        int d = edit_distance(w, c);
        if (w.len >= 3 && slice_starts(c, w))
            d = MIN(d, 1);
        if (d < best_distance && d < MAX(w.len, 2)) {
            best = candidates[i];
            best_distance = d;
        }
    }
    return best;
}

/* ---- a value of an option ---- */

ptrdiff_t opt_choices(const struct opt *o, struct arena *arena, const char *const **list)
{
    ptrdiff_t count = 1, at = 0;
    slice rest = slice_of(o->choices);

    for (const char *p = o->choices; *p; p++)
        count += *p == '|';
    const char **names = arena_new(arena, const char *, count);
    while (at < count) {
        ptrdiff_t bar = slice_find(rest, '|');
        ptrdiff_t len = bar < 0 ? rest.len : bar;
        names[at++] = arena_cstr_dup(arena, slice_make(rest.ptr, len));
        rest = slice_from(rest, bar < 0 ? len : len + 1);
    }
    *list = names;
    return count;
}

static bool choose(const struct opt *o, const char *text, int *index, struct arena *arena,
                   const char **why)
{
    const char *const *names;
    ptrdiff_t count = opt_choices(o, arena, &names);
    struct buf b = { 0 };

    for (ptrdiff_t i = 0; i < count; i++)
        if (strcmp(names[i], text) == 0) {
            *index = (int)i;
            return true;
        }
    const char *near = opt_nearest(text, names, count);
    buf_printf(&b, "%s is not one of ", ERR_QUOTE(slice_of(text)));
    for (ptrdiff_t i = 0; i < count; i++)
        buf_printf(&b, "%s%s", i ? ", " : "", names[i]);
    if (near)
        buf_printf(&b, "; did you mean '%s'?", near);
    *why = arena_cstr_dup(arena, buf_slice(&b));
    buf_release(&b);
    return false;
}

/* A limit in the notation of its type: 64M, 1.5s, 10. */
static const char *limit_text(const struct opt *o, double limit, struct arena *arena)
{
    static const char letters[] = "KMGTPE";
    int k = 0;

    if (o->type == OPT_SIZE)
        while (k < 6 && limit >= 1024 && fmod(limit, 1024) == 0) {
            limit /= 1024;
            k++;
        }
    slice unit = k                         ? slice_make(letters + k - 1, 1)
                 : o->type == OPT_DURATION ? SLICE("s")
                                           : SLICE("");
    return arena_printf(arena, "%.15g%.*s", limit, SLICE_ARG(unit)).ptr;
}

static bool in_range(const struct opt *o, const char *text, double x, struct arena *arena,
                     const char **why)
{
    if ((o->min == 0 && o->max == 0) || (x >= o->min && x <= o->max))
        return true;
    *why = arena_printf(arena, "%s is out of range: %s to %s", ERR_QUOTE(slice_of(text)),
                        limit_text(o, o->min, arena), limit_text(o, o->max, arena))
               .ptr;
    return false;
}

static bool number(const struct opt *o, const char *text, void *dest, struct arena *arena,
                   const char **why)
{
    static const char *const wanted[] = {
        [OPT_INT] = "a whole number",
        [OPT_FLOAT] = "a number",
        [OPT_SIZE] = "a size such as 4096, 64K, 1M or 2GiB",
        [OPT_DURATION] = "a duration such as 500ms, 90s, 5m or 2h",
    };
    slice s = slice_of(text);
    int64_t n = 0;
    double x = 0;
    enum parsed p = o->type == OPT_INT     ? parse_int(s, &n)
                    : o->type == OPT_FLOAT ? parse_float(s, &x)
                    : o->type == OPT_SIZE  ? parse_size(s, &n)
                                           : parse_duration(s, &n);

    if (p == TOO_LARGE)
        *why = arena_printf(arena, "%s is too large", ERR_QUOTE(s)).ptr;
    if (p == AMBIGUOUS_UNIT)
        *why = arena_printf(arena, "%s is ambiguous (1000 or 1024?): write %.*s or %.*siB",
                            ERR_QUOTE(s), (int)s.len - 1, text, (int)s.len - 1, text)
                   .ptr;
    if (p == NOT_A_VALUE)
        *why = arena_printf(arena, "%s is not %s", ERR_QUOTE(s), wanted[o->type]).ptr;
    if (p != PARSED)
        return false;
    double seen = o->type == OPT_FLOAT ? x : o->type == OPT_DURATION ? (double)n / 1e9 : (double)n;
    if (!in_range(o, text, seen, arena, why))
        return false;
    if (o->type == OPT_FLOAT)
        *(double *)dest = x;
    else
        *(int64_t *)dest = n;
    return true;
}

/* a, a.b, a\.b: names between dots are not empty; a backslash protects a dot or a backslash. */
static const char *field_fault(const char *p)
{
    ptrdiff_t name = 0;

    for (; *p; p++) {
        if (*p == '.') {
            if (name == 0)
                return "has an empty name between dots";
            name = 0;
            continue;
        }
        if (*p == '\\' && p[1] != '.' && p[1] != '\\')
            return "has a backslash that is not before '.' or '\\'";
        p += *p == '\\';
        name++;
    }
    return name ? NULL : "has an empty name between dots";
}

static bool words(const struct opt *o, const char *text, struct arena *arena, const char **why)
{
    struct err err = { 0 };
    int unused;

    if (!*text && o->type != OPT_STRING) {
        *why = o->type == OPT_PATH ? "the file name is empty" : "the member path is empty";
        return false;
    }
    const char *fault = o->type == OPT_FIELD ? field_fault(text) : NULL;
    if (fault) {
        *why = arena_printf(arena, "%s %s", ERR_QUOTE(slice_of(text)), fault).ptr;
        return false;
    }
    if (o->choices && !choose(o, text, &unused, arena, why))
        return false;
    if (o->check && !o->check(text, &err)) {
        *why = arena_cstr_dup(arena, slice_of(err.text));
        return false;
    }
    return true;
}

/* The list doubles when its length reaches a power of two, so it needs no capacity member. */
static void list_add(struct opt_list *list, const char *text, struct arena *arena)
{
    ptrdiff_t n = list->count, word = (ptrdiff_t)sizeof *list->items;

    if ((n & (n - 1)) == 0)
        list->items = arena_grow(arena, list->items, n * word, MAX(n * 2, 1) * word,
                                 (ptrdiff_t) _Alignof(const char *));
    list->items[list->count++] = text;
}

bool opt_value_store(const struct opt *o, const char *text, void *dest, struct arena *arena,
                     const char **why)
{
    switch (o->type) {
    case OPT_FLAG:
    case OPT_COUNT:
        if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0) {
            *why = "a flag is true or false";
            return false;
        }
        *(bool *)dest = text[0] == 't';
        return true;
    case OPT_INT:
    case OPT_FLOAT:
    case OPT_SIZE:
    case OPT_DURATION:
        return number(o, text, dest, arena, why);
    case OPT_ENUM:
        return choose(o, text, dest, arena, why);
    case OPT_STRING:
    case OPT_PATH:
    case OPT_FIELD:
        if (!words(o, text, arena, why))
            return false;
        if (o->flags & OPT_REPEAT)
            list_add(dest, text, arena);
        else
            *(const char **)dest = text;
        return true;
    }
    ASSERT(!"an option type that exists");
    return false;
}
