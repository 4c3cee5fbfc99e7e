/* Expressions, by recursive descent in jinja2's order of precedence: if-else, or, and, not,
 * comparisons, + -, ~, * / // %, **, unary, postfix and filters. */
#include "jinja_parser.h"

#include <stdlib.h>

/* ---- primary expressions ---- */

static struct jnode *constant(struct parser *p, struct jvalue v)
{
    struct jnode *n = node_new(p, N_CONST);
    n->value = v;
    return n;
}

static struct jnode *number(struct parser *p)
{
    char text[64];
    ptrdiff_t n = 0;
    for (ptrdiff_t i = 0; i < p->t->text.len && n < 63; i++)
        if (p->t->text.ptr[i] != '_')
            text[n++] = p->t->text.ptr[i];
    text[n] = '\0';
    bool is_int = p->t->type == T_INT;
    if (n == 63 || (is_int && n > 18))
        return fail(p, "number is too long", SLICE(""));
    struct jvalue v = is_int ? jint(strtoll(text, NULL, 10)) : jfloat(strtod(text, NULL));
    struct jnode *c = constant(p, v);
    p->t++;
    return c;
}

static struct jnode *strings(struct parser *p)
{
    struct jnode *n = constant(p, jstring(p->t->text));
    for (p->t++; p->t->type == T_STRING; p->t++)
        n->value.s =
            arena_printf(p->arena, "%.*s%.*s", SLICE_ARG(n->value.s), SLICE_ARG(p->t->text));
    return n;
}

/* Comma-separated expressions up to `close`, which is taken. *comma: there was one. */
static struct jnode *sequence(struct parser *p, enum jkind kind, const char *close, bool *comma)
{
    struct jnode *n = node_new(p, kind);
    *comma = false;
    while (!p->failed && !take_op(p, close)) {
        list_add(p, n, jparse_expression(p));
        if (take_op(p, ","))
            *comma = true;
        else if (!is_op(p, close))
            return fail(p, "expected", slice_of(close));
    }
    return n;
}

static struct jnode *dict(struct parser *p)
{
    struct jnode *n = node_new(p, N_DICT);
    while (!p->failed && !take_op(p, "}")) {
        list_add(p, n, jparse_expression(p));
        expect_op(p, ":");
        list_add(p, n, jparse_expression(p));
        if (!take_op(p, ",") && !is_op(p, "}"))
            return fail(p, "expected", SLICE("}"));
    }
    return n;
}

static struct jnode *name(struct parser *p)
{
    static const struct {
        const char *word;
        enum jtype type;
        bool b;
    } words[] = {
        { "true", J_BOOL, true },   { "True", J_BOOL, true },  { "false", J_BOOL, false },
        { "False", J_BOOL, false }, { "none", J_NONE, false }, { "None", J_NONE, false },
    };
    for (ptrdiff_t i = 0; i < countof(words); i++)
        if (take_word(p, words[i].word))
            return constant(p, words[i].type == J_BOOL ? jbool(words[i].b) : jnone());
    struct jnode *n = node_new(p, N_NAME);
    n->name = expect_name(p);
    return n;
}

static struct jnode *primary(struct parser *p)
{
    bool comma;
    if (p->t->type == T_NAME)
        return name(p);
    if (p->t->type == T_STRING)
        return strings(p);
    if (p->t->type == T_INT || p->t->type == T_FLOAT)
        return number(p);
    if (take_op(p, "(")) {
        struct jnode *n = sequence(p, N_TUPLE, ")", &comma);
        return n && n->count == 1 && !comma ? n->list[0] : n;
    }
    if (take_op(p, "["))
        return sequence(p, N_LIST, "]", &comma);
    if (take_op(p, "{"))
        return dict(p);
    return fail(p, "expected an expression", SLICE(""));
}

/* ---- postfix: calls, attributes, items, filters, tests ---- */

static void arguments(struct parser *p, struct jnode *n)
{
    while (!p->failed && !take_op(p, ")")) {
        slice key = { "", 0 };
        if (is_op(p, "*") || is_op(p, "**")) {
            fail(p, "* and ** arguments are not known", SLICE(""));
            return;
        }
        if (p->t->type == T_NAME && p->t[1].type == T_OP && slice_eq(p->t[1].text, SLICE("="))) {
            key = p->t->text;
            p->t += 2;
        }
        arg_add(p, n, key, jparse_expression(p));
        if (!take_op(p, ",") && !is_op(p, ")")) {
            fail(p, "expected", SLICE(")"));
            return;
        }
    }
}

static struct jnode *subscript(struct parser *p, struct jnode *object)
{
    struct jnode *part[3] = { NULL };
    int parts = 0;
    bool sliced = false;
    while (!p->failed && !is_op(p, "]")) {
        if (take_op(p, ":")) {
            sliced = true;
            if (++parts > 2)
                return fail(p, "expected", SLICE("]"));
        } else {
            if (part[parts])
                return fail(p, "expected", SLICE("]"));
            part[parts] = jparse_expression(p);
        }
    }
    expect_op(p, "]");
    if (!sliced && !part[0])
        return fail(p, "expected an expression", SLICE(""));
    struct jnode *n = node_new(p, sliced ? N_SLICE : N_ITEM);
    n->a = object;
    if (!sliced) {
        n->b = part[0];
        return n;
    }
    for (int i = 0; i < 3; i++)
        list_add(p, n, part[i]);
    return n;
}

static struct jnode *call(struct parser *p, struct jnode *callee)
{
    struct jnode *n = node_new(p, N_CALL);
    n->a = callee;
    arguments(p, n);
    return n;
}

static struct jnode *postfix(struct parser *p, struct jnode *n)
{
    while (!p->failed) {
        if (take_op(p, ".")) {
            struct jnode *next = node_new(p, N_ATTR);
            next->a = n;
            if (p->t->type == T_INT) {
                next->kind = N_ITEM;
                next->b = number(p);
            } else {
                next->name = expect_name(p);
            }
            n = next;
        } else if (take_op(p, "[")) {
            n = subscript(p, n);
        } else if (take_op(p, "(")) {
            n = call(p, n);
        } else {
            break;
        }
    }
    return n;
}

struct jnode *jparse_filter(struct parser *p, struct jnode *object)
{
    struct jnode *n = node_new(p, N_FILTER);
    n->a = object;
    n->name = expect_name(p);
    n->id = jfilter_find(n->name);
    if (n->id < 0 && !p->failed)
        return fail(p, "unknown filter", n->name);
    if (take_op(p, "("))
        arguments(p, n);
    return n;
}

static struct jnode *test(struct parser *p, struct jnode *object)
{
    struct jnode *n = node_new(p, N_TEST);
    n->a = object;
    n->negated = take_word(p, "not");
    n->name = expect_name(p);
    n->id = jtest_find(n->name);
    if (n->id < 0 && !p->failed)
        return fail(p, "unknown test", n->name);
    if (take_op(p, "(")) {
        arguments(p, n);
        return n;
    }
    bool operand =
        p->t->type == T_STRING || p->t->type == T_INT || p->t->type == T_FLOAT || is_op(p, "[") ||
        is_op(p, "{") ||
        (p->t->type == T_NAME && !is_word(p, "else") && !is_word(p, "or") && !is_word(p, "and") &&
         !is_word(p, "is") && !is_word(p, "if") && !is_word(p, "in") && !is_word(p, "not"));
    if (operand)
        arg_add(p, n, SLICE(""), postfix(p, primary(p)));
    return n;
}

static struct jnode *filters(struct parser *p, struct jnode *n)
{
    while (!p->failed) {
        if (take_op(p, "|"))
            n = jparse_filter(p, n);
        else if (take_word(p, "is"))
            n = test(p, n);
        else if (take_op(p, "("))
            n = call(p, n);
        else
            break;
    }
    return n;
}

static struct jnode *unary(struct parser *p, bool with_filters)
{
    struct jnode *n;
    if (++p->depth > JINJA_DEPTH_MAX)
        return fail(p, "nesting is too deep", SLICE(""));
    if (is_op(p, "-") || is_op(p, "+")) {
        n = node_new(p, is_op(p, "-") ? N_NEG : N_POS);
        p->t++;
        n->a = unary(p, false);
    } else {
        n = primary(p);
    }
    n = postfix(p, n);
    if (with_filters)
        n = filters(p, n);
    p->depth--;
    return n;
}

/* ---- operators ---- */

static struct jnode *binary_of(struct parser *p, struct jnode *a, slice op, struct jnode *b)
{
    struct jnode *n = node_new(p, N_BINARY);
    n->a = a;
    n->name = op;
    n->b = b;
    return n;
}

/* Levels of left-associative operators, loosest first. */
static struct jnode *level(struct parser *p, int l)
{
    static const char *const ops[4][5] = {
        { "+", "-" },
        { "~" },
        { "*", "/", "//", "%" },
        { "**" },
    };
    if (l == 4)
        return unary(p, true);
    struct jnode *n = level(p, l + 1);
    for (int i = 0; !p->failed && i < 5 && ops[l][i];) {
        slice op = p->t->text;
        if (take_op(p, ops[l][i])) {
            n = binary_of(p, n, op, level(p, l + 1));
            i = 0;
        } else {
            i++;
        }
    }
    return n;
}

static slice compare_op(struct parser *p)
{
    static const char *const ops[] = { "==", "!=", "<=", ">=", "<", ">" };
    for (ptrdiff_t i = 0; i < countof(ops); i++)
        if (take_op(p, ops[i]))
            return slice_of(ops[i]);
    if (take_word(p, "in"))
        return SLICE("in");
    if (is_word(p, "not") && p->t[1].type == T_NAME && slice_eq(p->t[1].text, SLICE("in"))) {
        p->t += 2;
        return SLICE("not in");
    }
    return SLICE("");
}

/* a < b < c is a < b and b < c: list holds b, c, args the operators. */
static struct jnode *comparison(struct parser *p)
{
    struct jnode *first = level(p, 0), *n = NULL;
    slice op;
    while (!p->failed && (op = compare_op(p)).len) {
        if (!n) {
            n = node_new(p, N_COMPARE);
            n->a = first;
        }
        arg_add(p, n, op, level(p, 0));
    }
    return n ? n : first;
}

static struct jnode *not_expression(struct parser *p)
{
    if (++p->depth > JINJA_DEPTH_MAX)
        return fail(p, "nesting is too deep", SLICE(""));
    struct jnode *n;
    if (take_word(p, "not")) {
        n = node_new(p, N_NOT);
        n->a = not_expression(p);
    } else {
        n = comparison(p);
    }
    p->depth--;
    return n;
}

struct jnode *jparse_logical(struct parser *p, bool is_or)
{
    struct jnode *n = is_or ? jparse_logical(p, false) : not_expression(p);
    while (!p->failed && take_word(p, is_or ? "or" : "and")) {
        struct jnode *next = node_new(p, is_or ? N_OR : N_AND);
        next->a = n;
        next->b = is_or ? jparse_logical(p, false) : not_expression(p);
        n = next;
    }
    return n;
}

struct jnode *jparse_expression(struct parser *p)
{
    if (++p->depth > JINJA_DEPTH_MAX)
        return fail(p, "nesting is too deep", SLICE(""));
    struct jnode *n = jparse_logical(p, true);
    while (!p->failed && take_word(p, "if")) {
        struct jnode *cond = node_new(p, N_COND);
        cond->a = n;
        cond->b = jparse_logical(p, true);
        cond->c = take_word(p, "else") ? jparse_expression(p) : NULL;
        n = cond;
    }
    p->depth--;
    return n;
}

/* a, b: a tuple without parentheses (for, set). */
struct jnode *jparse_expression_list(struct parser *p)
{
    struct jnode *first = jparse_expression(p);
    if (!is_op(p, ","))
        return first;
    struct jnode *n = node_new(p, N_TUPLE);
    list_add(p, n, first);
    while (!p->failed && take_op(p, ",") && p->t->type != T_STMT_END)
        list_add(p, n, jparse_expression(p));
    return n;
}

struct jnode *jparse_primary(struct parser *p)
{
    return postfix(p, primary(p));
}
