/* Binary operators and comparisons, with Python's rules for their operands. */
#include "jinja_private.h"

#include <math.h>

static struct jvalue concat(struct jrun *r, slice a, slice b)
{
    if (a.len + b.len > JINJA_OUTPUT_MAX)
        return jfail(r, "a string is too long");
    char *p = arena_alloc_raw(r->arena, a.len + b.len + 1, 1);
    if (a.len)
        memcpy(p, a.ptr, (size_t)a.len);
    if (b.len)
        memcpy(p + a.len, b.ptr, (size_t)b.len);
    r->steps += (a.len + b.len) / 64;
    return jstring(slice_make(p, a.len + b.len));
}

static struct jvalue list_concat(struct jrun *r, struct jvalue a, struct jvalue b)
{
    struct jvalue v = jlist_new(r, a.type);
    for (ptrdiff_t i = 0; i < a.list->count; i++)
        jlist_add(r, v.list, a.list->items[i]);
    for (ptrdiff_t i = 0; i < b.list->count; i++)
        jlist_add(r, v.list, b.list->items[i]);
    return v;
}

static struct jvalue repeat(struct jrun *r, slice s, int64_t times)
{
    struct buf b = { .max = JINJA_OUTPUT_MAX };
    for (int64_t i = 0; i < times && s.len && !b.overflow; i++)
        buf_append(&b, s);
    if (b.overflow)
        jfail(r, "a string is too long");
    return jstring(jbuf_text(r, &b));
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

static struct jvalue int_operate(struct jrun *r, slice op, int64_t a, int64_t b)
{
    int64_t out = 0;
    bool overflow = false;
    char c = op.ptr[0];
    if ((c == '/' || c == '%') && b == 0)
        return jfail(r, "division by zero");
    if (op.len == 2 && c == '*') {
        double p = pow((double)a, (double)b);
        return b >= 0 && fabs(p) < 9e15 ? jint((int64_t)p) : jfloat(p);
    }
    if (c == '/' && op.len == 1)
        return jfloat((double)a / (double)b);
    if ((c == '/' || c == '%') && b == -1)
        return c == '%' ? jint(0) : a == INT64_MIN ? jfail(r, "integer overflow") : jint(-a);
    switch (c) {
    case '+':
        overflow = __builtin_add_overflow(a, b, &out);
        break;
    case '-':
        overflow = __builtin_sub_overflow(a, b, &out);
        break;
    case '*':
        overflow = __builtin_mul_overflow(a, b, &out);
        break;
    case '/':
        out = floor_div(a, b);
        break;
    default:
        out = a - floor_div(a, b) * b;
    }
    return overflow ? jfail(r, "integer overflow") : jint(out);
}

static struct jvalue float_operate(struct jrun *r, slice op, double a, double b)
{
    char c = op.ptr[0];
    if ((c == '/' || c == '%') && b == 0)
        return jfail(r, "division by zero");
    switch (c) {
    case '+':
        return jfloat(a + b);
    case '-':
        return jfloat(a - b);
    case '*':
        return jfloat(op.len == 2 ? pow(a, b) : a * b);
    case '/':
        return jfloat(op.len == 2 ? floor(a / b) : a / b);
    default:
        return jfloat(a - floor(a / b) * b);
    }
}

struct jvalue joperate(struct jrun *r, slice op, struct jvalue a, struct jvalue b)
{
    char c = op.ptr[0];
    if (c == '~') {
        slice left = jtext(r, a);
        return concat(r, left, jtext(r, b));
    }
    if (jis_number(a) && jis_number(b)) {
        if (a.type == J_FLOAT || b.type == J_FLOAT)
            return float_operate(r, op, jnumber(a), jnumber(b));
        return int_operate(r, op, jinteger(a), jinteger(b));
    }
    if (c == '+' && a.type == J_STRING && b.type == J_STRING)
        return concat(r, a.s, b.s);
    if (c == '+' && jis_list(a) && a.type == b.type)
        return list_concat(r, a, b);
    if (c == '*' && op.len == 1 && a.type == J_STRING && (b.type == J_INT || b.type == J_BOOL))
        return repeat(r, a.s, jinteger(b));
    if (a.type == J_UNDEFINED || b.type == J_UNDEFINED)
        return jfail(r, "%s is undefined", ERR_QUOTE(a.type == J_UNDEFINED ? a.s : b.s));
    return jfail(r, "'%.*s' cannot be applied to '%s' and '%s'", SLICE_ARG(op), jtype_name(a),
                 jtype_name(b));
}

bool jcompare_op(struct jrun *r, slice op, struct jvalue a, struct jvalue b)
{
    int order;
    if (slice_eq(op, SLICE("==")))
        return jequal(a, b);
    if (slice_eq(op, SLICE("!=")))
        return !jequal(a, b);
    if (slice_eq(op, SLICE("in")))
        return jcontains(r, a, b);
    if (slice_eq(op, SLICE("not in")))
        return !jcontains(r, a, b);
    if (!jcompare(r, a, b, &order))
        return false;
    bool less = op.ptr[0] == '<';
    return (op.len == 2 && order == 0) || (less ? order < 0 : order > 0);
}
