#include "expr.h"

/* ---- exact decimal comparison ---- */

#define EXPONENT_MAX 100000000000000000 /* 10^17 */

/* value = 0.DIGITS * 10^point, digits without zeros at either end; count 0 is zero. The digits are
 * those of `whole` and `fraction` one after the other, from `skip` on. */
struct decimal {
    bool negative;
    slice whole, fraction;
    ptrdiff_t skip, count;
    int64_t point;
};

static char digit_at(const struct decimal *d, ptrdiff_t i)
{
    i += d->skip;
    return i < d->whole.len ? d->whole.ptr[i] : d->fraction.ptr[i - d->whole.len];
}

static int64_t parse_exponent(slice s)
{
    bool negative = s.len && s.ptr[0] == '-';
    int64_t n = 0;

    for (ptrdiff_t i = s.len && (negative || s.ptr[0] == '+'); i < s.len; i++)
        n = MIN(n * 10 + (s.ptr[i] - '0'), EXPONENT_MAX);
    return negative ? -n : n;
}

static struct decimal parse_decimal(slice s)
{
    struct decimal d = { .negative = s.len && s.ptr[0] == '-' };
    ptrdiff_t i = d.negative, start = i;
    int64_t exponent = 0;

    while (i < s.len && s.ptr[i] >= '0' && s.ptr[i] <= '9')
        i++;
    d.whole = slice_make(s.ptr + start, i - start);
    if (i < s.len && s.ptr[i] == '.') {
        start = ++i;
        while (i < s.len && s.ptr[i] >= '0' && s.ptr[i] <= '9')
            i++;
        d.fraction = slice_make(s.ptr + start, i - start);
    }
    if (i < s.len)
        exponent = parse_exponent(slice_from(s, i + 1));
    d.count = d.whole.len + d.fraction.len;
    d.point = d.whole.len + exponent;
    while (d.count && digit_at(&d, 0) == '0') {
        d.skip++;
        d.count--;
        d.point--;
    }
    while (d.count && digit_at(&d, d.count - 1) == '0')
        d.count--;
    return d;
}

static int compare_magnitudes(const struct decimal *a, const struct decimal *b)
{
    if (!a->count || !b->count)
        return (a->count > 0) - (b->count > 0);
    if (a->point != b->point)
        return a->point < b->point ? -1 : 1;
    for (ptrdiff_t i = 0; i < a->count && i < b->count; i++)
        if (digit_at(a, i) != digit_at(b, i))
            return digit_at(a, i) < digit_at(b, i) ? -1 : 1;
    return (a->count > b->count) - (a->count < b->count);
}

int expr_compare_numbers(slice a, slice b)
{
    struct decimal x = parse_decimal(a), y = parse_decimal(b);
    bool x_negative = x.negative && x.count, y_negative = y.negative && y.count;

    if (x_negative != y_negative)
        return x_negative ? -1 : 1;
    int c = compare_magnitudes(&x, &y);
    return x_negative ? -c : c;
}

/* ---- parsing ---- */

static slice trim(slice s)
{
    while (s.len && (s.ptr[0] == ' ' || s.ptr[0] == '\t'))
        s = slice_from(s, 1);
    while (s.len && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t'))
        s.len--;
    return s;
}

static bool parse_op(slice s, ptrdiff_t at, enum expr_op *op, ptrdiff_t *width)
{
    static const struct {
        const char *text;
        enum expr_op op;
    } ops[] = { { "==", EXPR_EQ }, { "!=", EXPR_NE }, { "<=", EXPR_LE },
                { ">=", EXPR_GE }, { "<", EXPR_LT },  { ">", EXPR_GT } };

    for (int i = 0; i < countof(ops); i++)
        if (slice_starts(slice_from(s, at), slice_of(ops[i].text))) {
            *op = ops[i].op;
            *width = (ptrdiff_t)strlen(ops[i].text);
            return true;
        }
    return false;
}

static bool parse_constant(struct expr *e, slice text, struct arena *arena, struct err *err)
{
    struct json_fault fault;
    struct json_span span;
    char c = text.len ? text.ptr[0] : '\0';
    bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c & 0x80;
    slice padded = arena_printf(arena, "%.*s%*s", SLICE_ARG(text), RECORD_PADDING, "");

    padded.len = text.len;
    if (json_scan(padded, NULL, NULL, &span, &fault) && span.type != JSON_ARRAY &&
        span.type != JSON_OBJECT) {
        e->type = span.type;
        e->value = e->json = slice_make(padded.ptr + span.start, span.len);
        if (span.type == JSON_STRING &&
            !json_string(padded, span, JSON_SURROGATE_FAIL, arena, &e->value, NULL, &fault))
            return err_set(err, ERR_USAGE, "%s: %s", ERR_QUOTE(e->source), fault.what);
        return true;
    }
    if (!is_word || !json_utf8_valid(text))
        return err_set(err, ERR_USAGE,
                       "%s: %s is not a number, a JSON string, true, false, null "
                       "or a word",
                       ERR_QUOTE(e->source), ERR_QUOTE(text));
    struct buf quoted = { 0 };
    json_append_string(&quoted, text);
    e->type = JSON_STRING;
    e->value = arena_dup(arena, text);
    e->json = arena_dup(arena, buf_slice(&quoted));
    buf_release(&quoted);
    return true;
}

bool expr_parse(struct expr *e, slice source, struct arena *arena, struct err *err)
{
    ptrdiff_t at = 0, width = 0;

    *e = (struct expr){ .source = arena_dup(arena, trim(source)) };
    while (at < e->source.len && !parse_op(e->source, at, &e->op, &width))
        at++;
    slice path = trim(slice_make(e->source.ptr, at));
    if (at == e->source.len || path.len == 0)
        return err_set(err, ERR_USAGE,
                       "%s is not PATH OP VALUE: write for example "
                       "'meta.stars >= 10'",
                       ERR_QUOTE(source));
    e->path = arena_cstr_dup(arena, path);
    slice constant = trim(slice_from(e->source, at + width));
    if (!parse_constant(e, constant, arena, err))
        return false;
    if (e->op != EXPR_EQ && e->op != EXPR_NE && e->type != JSON_NUMBER && e->type != JSON_STRING)
        return err_set(err, ERR_USAGE, "%s: only numbers and strings have an order",
                       ERR_QUOTE(e->source));
    return true;
}

/* ---- testing ---- */

static enum expr_result by_order(const struct expr *e, int c)
{
    switch (e->op) {
    case EXPR_EQ:
        return c == 0 ? EXPR_TRUE : EXPR_FALSE;
    case EXPR_NE:
        return c != 0 ? EXPR_TRUE : EXPR_FALSE;
    case EXPR_LT:
        return c < 0 ? EXPR_TRUE : EXPR_FALSE;
    case EXPR_LE:
        return c <= 0 ? EXPR_TRUE : EXPR_FALSE;
    case EXPR_GT:
        return c > 0 ? EXPR_TRUE : EXPR_FALSE;
    default:
        return c >= 0 ? EXPR_TRUE : EXPR_FALSE;
    }
}

static bool is_bool(enum json_type t)
{
    return t == JSON_TRUE || t == JSON_FALSE;
}

enum expr_result expr_test_text(const struct expr *e, slice text)
{
    if (e->type != JSON_STRING)
        return e->op == EXPR_NE ? EXPR_TRUE : EXPR_MISMATCH;
    return by_order(e, slice_cmp(text, e->value));
}

enum expr_result expr_test(const struct expr *e, slice record, struct json_span span,
                           struct arena *arena)
{
    slice raw = slice_make(record.ptr + span.start, span.len), text;
    struct json_fault fault;

    if (span.count == 0)
        return EXPR_MISSING;
    if (span.type != e->type) {
        if (is_bool(span.type) && is_bool(e->type))
            return by_order(e, 1);
        return e->op == EXPR_NE ? EXPR_TRUE : EXPR_MISMATCH;
    }
    if (span.type == JSON_NUMBER)
        return by_order(e, expr_compare_numbers(raw, e->value));
    if (span.type != JSON_STRING)
        return by_order(e, 0);
    /* A lone surrogate compares as U+FFFD. */
    json_string(record, span, JSON_SURROGATE_REPLACE, arena, &text, NULL, &fault);
    return expr_test_text(e, text);
}
