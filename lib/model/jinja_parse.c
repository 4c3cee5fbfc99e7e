/* Tokens -> tree: statements. */
#include "jinja_parser.h"

static struct jnode *body_until(struct parser *p, const char *const *ends);

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
    struct jnode *items = jparse_logical(p, true);
    if (is_op(p, ",")) {
        n->a = node_new(p, N_TUPLE);
        list_add(p, n->a, items);
        while (take_op(p, ","))
            list_add(p, n->a, jparse_logical(p, true));
    } else {
        n->a = items;
    }
    if (take_word(p, "if"))
        n->b = jparse_expression(p);
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
    n->a = jparse_expression(p);
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
        n->a = jparse_expression_list(p);
        statement_end(p);
        return n;
    }
    n->kind = N_SET_BLOCK;
    n->a = captured(p);
    while (!p->failed && take_op(p, "|")) /* {% set x | upper %} */
        n->a = jparse_filter(p, n->a);
    statement_end(p);
    n->body = body_until(p, ends);
    take_end(p, "endset");
    return n;
}

static void parameters(struct parser *p, struct jnode *n)
{
    while (!p->failed && !take_op(p, ")")) {
        slice key = expect_name(p);
        arg_add(p, n, key, take_op(p, "=") ? jparse_expression(p) : NULL);
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
    n->a = jparse_primary(p);
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
    n->a = jparse_filter(p, captured(p));
    while (!p->failed && take_op(p, "|"))
        n->a = jparse_filter(p, n->a);
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
            arg_add(p, n, key, jparse_expression(p));
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
            item->a = jparse_expression_list(p);
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
