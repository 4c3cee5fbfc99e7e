/* jinja_parser.h: the state of the parser and its small steps, shared by jinja_parse.c (statements)
 * and jinja_expr.c (expressions). Private. */
#ifndef JINJA_PARSER_H
#define JINJA_PARSER_H

#include "jinja_private.h"

struct parser {
    const struct jtoken *t;
    struct arena *arena;
    struct err *err;
    bool failed;
    int depth, loops;
};

/* jinja_expr.c */
struct jnode *jparse_expression(struct parser *p);
/* a, b: a tuple without parentheses. */
struct jnode *jparse_expression_list(struct parser *p);
struct jnode *jparse_logical(struct parser *p, bool is_or); /* no conditional expression */
struct jnode *jparse_primary(struct parser *p);             /* with what follows: calls, items */
struct jnode *jparse_filter(struct parser *p, struct jnode *object); /* behind the bar */

static inline struct jnode *fail(struct parser *p, const char *what, slice subject)
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

static inline struct jnode *node_new(struct parser *p, enum jkind kind)
{
    struct jnode *n = arena_new(p->arena, struct jnode, 1);
    n->kind = kind;
    n->line = p->t->line;
    return n;
}

static inline bool is_op(const struct parser *p, const char *op)
{
    return p->t->type == T_OP && slice_eq(p->t->text, slice_of(op));
}

static inline bool is_word(const struct parser *p, const char *word)
{
    return p->t->type == T_NAME && slice_eq(p->t->text, slice_of(word));
}

static inline bool take_op(struct parser *p, const char *op)
{
    bool hit = is_op(p, op);
    p->t += hit;
    return hit;
}

static inline bool take_word(struct parser *p, const char *word)
{
    bool hit = is_word(p, word);
    p->t += hit;
    return hit;
}

static inline bool expect_op(struct parser *p, const char *op)
{
    if (take_op(p, op))
        return true;
    fail(p, "expected", slice_of(op));
    return false;
}

static inline slice expect_name(struct parser *p)
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
static inline void list_add(struct parser *p, struct jnode *n, struct jnode *item)
{
    if ((n->count & (n->count - 1)) == 0) {
        ptrdiff_t size = (ptrdiff_t)sizeof *n->list, cap = MAX(1, 2 * n->count);
        n->list = arena_grow(p->arena, n->list, n->count * size, cap * size, 8);
    }
    n->list[n->count++] = item;
}

static inline void arg_add(struct parser *p, struct jnode *n, slice name, struct jnode *value)
{
    if ((n->arg_count & (n->arg_count - 1)) == 0) {
        ptrdiff_t size = (ptrdiff_t)sizeof *n->args, cap = MAX(1, 2 * n->arg_count);
        n->args = arena_grow(p->arena, n->args, n->arg_count * size, cap * size, 8);
    }
    n->args[n->arg_count++] = (struct jarg){ name, value };
}

#endif
