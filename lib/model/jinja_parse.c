/* Tokens -> tree, by recursive descent in jinja2's order of precedence:
 * if-else, or, and, not, comparisons, + -, ~, * / // %, **, unary, postfix and filters. */
#include "jinja_private.h"

#include <math.h>
#include <stdlib.h>

struct parser {
    const struct jtoken *t;
    struct arena *arena;
    struct err *err;
    bool failed;
    int depth, loops;
};

static struct jnode *expression(struct parser *p);
static struct jnode *body_until(struct parser *p, const char *const *ends);

/* ---- helpers ---- */

static struct jnode *fail(struct parser *p, const char *what, slice subject)
{
    if (!p->failed) {
        if (subject.len)
            err_set(p->err, ERR_CONFIG, "line %d: %s %s", p->t->line, what, ERR_QUOTE(subject));
        else
            err_set(p->err, ERR_CONFIG, "line %d: %s", p->t->line, what);
    }
    p->failed = true;
    return NULL;
}

static struct jnode *node_new(struct parser *p, enum jkind kind)
{
    struct jnode *n = arena_new(p->arena, struct jnode, 1);
    n->kind = kind;
    n->line = p->t->line;
    return n;
}

static bool is_op(const struct parser *p, const char *op)
{
    return p->t->type == T_OP && slice_eq(p->t->text, slice_of(op));
}

static bool is_word(const struct parser *p, const char *word)
{
    return p->t->type == T_NAME && slice_eq(p->t->text, slice_of(word));
}

static bool take_op(struct parser *p, const char *op)
{
    bool hit = is_op(p, op);
    p->t += hit;
    return hit;
}

static bool take_word(struct parser *p, const char *word)
{
    bool hit = is_word(p, word);
    p->t += hit;
    return hit;
}

static bool expect_op(struct parser *p, const char *op)
{
    if (take_op(p, op))
        return true;
    fail(p, "expected", slice_of(op));
    return false;
}

static slice expect_name(struct parser *p)
{
    slice name = p->t->text;
    if (p->t->type != T_NAME) {
        fail(p, "expected a name", SLICE(""));
        return SLICE("");
    }
    p->t++;
    return name;
}

/* Arrays of pointers and of arguments grow by powers of two. */
static void list_add(struct parser *p, struct jnode *n, struct jnode *item)
{
    if ((n->count & (n->count - 1)) == 0) {
        ptrdiff_t size = (ptrdiff_t)sizeof *n->list, cap = MAX(1, 2 * n->count);
        n->list = arena_grow(p->arena, n->list, n->count * size, cap * size, 8);
    }
    n->list[n->count++] = item;
}

static void arg_add(struct parser *p, struct jnode *n, slice name, struct jnode *value)
{
    if ((n->arg_count & (n->arg_count - 1)) == 0) {
        ptrdiff_t size = (ptrdiff_t)sizeof *n->args, cap = MAX(1, 2 * n->arg_count);
        n->args = arena_grow(p->arena, n->args, n->arg_count * size, cap * size, 8);
    }
    n->args[n->arg_count++] = (struct jarg){ name, value };
}

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
    struct jnode *c = constant(p, is_int ? jint(strtoll(text, NULL, 10)) : jfloat(strtod(text, NULL)));
    p->t++;
    return c;
}

static struct jnode *strings(struct parser *p)
{
    struct jnode *n = constant(p, jstring(p->t->text));
    for (p->t++; p->t->type == T_STRING; p->t++)
        n->value.s = arena_printf(p->arena, "%.*s%.*s", SLICE_ARG(n->value.s),
                                  SLICE_ARG(p->t->text));
    return n;
}

/* Comma-separated expressions up to `close`, which is taken. *comma: there was one. */
static struct jnode *sequence(struct parser *p, enum jkind kind, const char *close, bool *comma)
{
    struct jnode *n = node_new(p, kind);
    *comma = false;
    while (!p->failed && !take_op(p, close)) {
        list_add(p, n, expression(p));
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
        list_add(p, n, expression(p));
        expect_op(p, ":");
        list_add(p, n, expression(p));
        if (!take_op(p, ",") && !is_op(p, "}"))
            return fail(p, "expected", SLICE("}"));
    }
    return n;
}

static struct jnode *name(struct parser *p)
{
    static const struct { const char *word; enum jtype type; bool b; } words[] = {
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
        if (p->t->type == T_NAME && p->t[1].type == T_OP &&
            slice_eq(p->t[1].text, SLICE("="))) {
            key = p->t->text;
            p->t += 2;
        }
        arg_add(p, n, key, expression(p));
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
            part[parts] = expression(p);
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

static struct jnode *filter(struct parser *p, struct jnode *object)
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
    bool operand = p->t->type == T_STRING || p->t->type == T_INT || p->t->type == T_FLOAT ||
                   is_op(p, "[") || is_op(p, "{") ||
                   (p->t->type == T_NAME && !is_word(p, "else") && !is_word(p, "or") &&
                    !is_word(p, "and") && !is_word(p, "is") && !is_word(p, "if") &&
                    !is_word(p, "in") && !is_word(p, "not"));
    if (operand)
        arg_add(p, n, SLICE(""), postfix(p, primary(p)));
    return n;
}

static struct jnode *filters(struct parser *p, struct jnode *n)
{
    while (!p->failed) {
        if (take_op(p, "|"))
            n = filter(p, n);
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
    static const char *const ops[4][5] = { { "+", "-" }, { "~" }, { "*", "/", "//", "%" }, { "**" } };
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

static struct jnode *logical(struct parser *p, bool is_or)
{
    struct jnode *n = is_or ? logical(p, false) : not_expression(p);
    while (!p->failed && take_word(p, is_or ? "or" : "and")) {
        struct jnode *next = node_new(p, is_or ? N_OR : N_AND);
        next->a = n;
        next->b = is_or ? logical(p, false) : not_expression(p);
        n = next;
    }
    return n;
}

static struct jnode *expression(struct parser *p)
{
    if (++p->depth > JINJA_DEPTH_MAX)
        return fail(p, "nesting is too deep", SLICE(""));
    struct jnode *n = logical(p, true);
    while (!p->failed && take_word(p, "if")) {
        struct jnode *cond = node_new(p, N_COND);
        cond->a = n;
        cond->b = logical(p, true);
        cond->c = take_word(p, "else") ? expression(p) : NULL;
        n = cond;
    }
    p->depth--;
    return n;
}

/* a, b: a tuple without parentheses (for, set). */
static struct jnode *expression_list(struct parser *p)
{
    struct jnode *first = expression(p);
    if (!is_op(p, ","))
        return first;
    struct jnode *n = node_new(p, N_TUPLE);
    list_add(p, n, first);
    while (!p->failed && take_op(p, ",") && p->t->type != T_STMT_END)
        list_add(p, n, expression(p));
    return n;
}

/* ---- statements ---- */

static bool statement_end(struct parser *p)
{
    if (p->t->type == T_STMT_END) {
        p->t++;
        return true;
    }
    fail(p, "expected the end of the tag before", p->t->text);
    return false;
}

/* {% word %} stands next; body_until stopped there. */
static void take_end(struct parser *p, const char *word)
{
    if (p->failed)
        return;
    p->t++;
    if (!take_word(p, word))
        fail(p, "expected", slice_of(word));
    if (p->t->type == T_NAME) /* endblock name */
        p->t++;
    statement_end(p);
}

static bool next_is(const struct parser *p, const char *word)
{
    return p->t->type == T_STMT_BEGIN && p->t[1].type == T_NAME &&
           slice_eq(p->t[1].text, slice_of(word));
}

/* The target of for and set: a name, names, or name.attribute. */
static struct jnode *target(struct parser *p)
{
    bool paren = take_op(p, "(");
    struct jnode *n = node_new(p, N_TUPLE);
    do {
        struct jnode *one = node_new(p, N_NAME);
        one->name = expect_name(p);
        if (take_op(p, ".")) {
            struct jnode *attr = node_new(p, N_ATTR);
            attr->a = one;
            attr->name = expect_name(p);
            one = attr;
        }
        list_add(p, n, one);
    } while (!p->failed && take_op(p, ","));
    if (paren)
        expect_op(p, ")");
    return n->count == 1 ? n->list[0] : n;
}

static struct jnode *for_statement(struct parser *p)
{
    static const char *const ends[] = { "else", "endfor", NULL };
    struct jnode *n = node_new(p, N_FOR);
    n->c = target(p);
    if (!p->failed && !take_word(p, "in"))
        return fail(p, "expected", SLICE("in"));
    /* No conditional expression here: `if` filters the items. */
    struct jnode *items = logical(p, true);
    if (is_op(p, ",")) {
        n->a = node_new(p, N_TUPLE);
        list_add(p, n->a, items);
        while (take_op(p, ","))
            list_add(p, n->a, logical(p, true));
    } else {
        n->a = items;
    }
    if (take_word(p, "if"))
        n->b = expression(p);
    if (is_word(p, "recursive"))
        return fail(p, "recursive loops are not known", SLICE(""));
    statement_end(p);
    p->loops++;
    n->body = body_until(p, ends);
    p->loops--;
    if (!p->failed && next_is(p, "else")) {
        take_end(p, "else");
        n->otherwise = body_until(p, ends + 1);
    }
    take_end(p, "endfor");
    return n;
}

static struct jnode *if_statement(struct parser *p)
{
    static const char *const ends[] = { "elif", "else", "endif", NULL };
    struct jnode *n = node_new(p, N_IF);
    if (++p->depth > JINJA_DEPTH_MAX)
        return fail(p, "nesting is too deep", SLICE(""));
    n->a = expression(p);
    statement_end(p);
    n->body = body_until(p, ends);
    if (p->failed) {
        return NULL;
    } else if (next_is(p, "elif")) {
        p->t += 2;
        n->otherwise = if_statement(p); /* takes the endif */
    } else if (next_is(p, "else")) {
        take_end(p, "else");
        n->otherwise = body_until(p, ends + 2);
        take_end(p, "endif");
    } else {
        take_end(p, "endif");
    }
    p->depth--;
    return n;
}

/* What a block rendered, as the operand of filters; no template can spell this name. */
static struct jnode *captured(struct parser *p)
{
    struct jnode *n = node_new(p, N_NAME);
    n->name = SLICE(" body");
    return n;
}

static struct jnode *set_statement(struct parser *p)
{
    static const char *const ends[] = { "endset", NULL };
    struct jnode *n = node_new(p, N_SET);
    n->c = target(p);
    if (take_op(p, "=")) {
        n->a = expression_list(p);
        statement_end(p);
        return n;
    }
    n->kind = N_SET_BLOCK;
    n->a = captured(p);
    while (!p->failed && take_op(p, "|")) /* {% set x | upper %} */
        n->a = filter(p, n->a);
    statement_end(p);
    n->body = body_until(p, ends);
    take_end(p, "endset");
    return n;
}

static void parameters(struct parser *p, struct jnode *n)
{
    while (!p->failed && !take_op(p, ")")) {
        slice key = expect_name(p);
        arg_add(p, n, key, take_op(p, "=") ? expression(p) : NULL);
        if (!take_op(p, ",") && !is_op(p, ")"))
            fail(p, "expected", SLICE(")"));
    }
}

static struct jnode *macro_statement(struct parser *p)
{
    static const char *const ends[] = { "endmacro", NULL };
    struct jnode *n = node_new(p, N_MACRO);
    n->name = expect_name(p);
    if (expect_op(p, "("))
        parameters(p, n);
    statement_end(p);
    int loops = p->loops;
    p->loops = 0;
    n->body = body_until(p, ends);
    p->loops = loops;
    take_end(p, "endmacro");
    return n;
}

static struct jnode *call_statement(struct parser *p)
{
    static const char *const ends[] = { "endcall", NULL };
    struct jnode *n = node_new(p, N_CALL_BLOCK);
    if (take_op(p, "("))
        parameters(p, n);
    n->a = postfix(p, primary(p));
    if (n->a && n->a->kind != N_CALL)
        return fail(p, "expected a call", SLICE(""));
    statement_end(p);
    n->body = body_until(p, ends);
    take_end(p, "endcall");
    return n;
}

static struct jnode *filter_statement(struct parser *p)
{
    static const char *const ends[] = { "endfilter", NULL };
    struct jnode *n = node_new(p, N_FILTER_BLOCK);
    n->a = filter(p, captured(p));
    while (!p->failed && take_op(p, "|"))
        n->a = filter(p, n->a);
    statement_end(p);
    n->body = body_until(p, ends);
    take_end(p, "endfilter");
    return n;
}

static struct jnode *with_statement(struct parser *p)
{
    static const char *const ends[] = { "endwith", NULL };
    struct jnode *n = node_new(p, N_WITH);
    while (!p->failed && p->t->type == T_NAME) {
        slice key = expect_name(p);
        if (expect_op(p, "="))
            arg_add(p, n, key, expression(p));
        if (!take_op(p, ","))
            break;
    }
    statement_end(p);
    n->body = body_until(p, ends);
    take_end(p, "endwith");
    return n;
}

static struct jnode *jump_statement(struct parser *p, enum jkind kind)
{
    if (!p->loops)
        return fail(p, "break or continue outside a loop", SLICE(""));
    struct jnode *n = node_new(p, kind);
    statement_end(p);
    return n;
}

/* Marks what the assistant wrote, for training: renders its body. */
static struct jnode *generation_statement(struct parser *p)
{
    static const char *const ends[] = { "endgeneration", NULL };
    statement_end(p);
    struct jnode *n = body_until(p, ends);
    take_end(p, "endgeneration");
    return n;
}

static struct jnode *statement(struct parser *p)
{
    slice word = p->t->text;
    if (take_word(p, "for"))
        return for_statement(p);
    if (take_word(p, "if"))
        return if_statement(p);
    if (take_word(p, "set"))
        return set_statement(p);
    if (take_word(p, "macro"))
        return macro_statement(p);
    if (take_word(p, "call"))
        return call_statement(p);
    if (take_word(p, "filter"))
        return filter_statement(p);
    if (take_word(p, "with"))
        return with_statement(p);
    if (take_word(p, "generation"))
        return generation_statement(p);
    if (take_word(p, "break"))
        return jump_statement(p, N_BREAK);
    if (take_word(p, "continue"))
        return jump_statement(p, N_CONTINUE);
    return fail(p, "unknown statement", word);
}

static struct jnode *body_until(struct parser *p, const char *const *ends)
{
    struct jnode *n = node_new(p, N_BODY);
    if (++p->depth > JINJA_DEPTH_MAX)
        return fail(p, "nesting is too deep", SLICE(""));
    while (!p->failed) {
        for (const char *const *e = ends; *e; e++)
            if (next_is(p, *e)) {
                p->depth--;
                return n;
            }
        struct jnode *item = NULL;
        if (p->t->type == T_EOF) {
            if (*ends)
                return fail(p, "the template ends before", slice_of(*ends));
            p->depth--;
            return n;
        } else if (p->t->type == T_DATA) {
            item = node_new(p, N_DATA);
            item->value = jstring(p->t++->text);
        } else if (p->t->type == T_VAR_BEGIN) {
            p->t++;
            item = node_new(p, N_PRINT);
            item->a = expression_list(p);
            if (!p->failed && p->t++->type != T_VAR_END)
                return p->t--, fail(p, "expected }} before", p->t->text);
        } else {
            p->t++;
            item = statement(p);
        }
        list_add(p, n, item);
    }
    return NULL;
}

struct jnode *jinja_parse(const struct jtoken *tokens, ptrdiff_t count, struct arena *arena,
                          struct err *err)
{
    static const char *const none[] = { NULL };
    struct parser p = { .t = tokens, .arena = arena, .err = err };
    ASSERT(count && tokens[count - 1].type == T_EOF);
    struct jnode *n = body_until(&p, none);
    return p.failed ? NULL : n;
}
