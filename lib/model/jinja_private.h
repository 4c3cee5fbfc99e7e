/* jinja_private.h: tokens, tree and values of jinja.h, shared by jinja_*.c. Private. */
#ifndef JINJA_PRIVATE_H
#define JINJA_PRIVATE_H

#include "jinja.h"

/* ---- values ---- */

enum jtype {
    J_UNDEFINED,
    J_NONE,
    J_BOOL,
    J_INT,
    J_FLOAT,
    J_STRING,
    J_LIST,
    J_TUPLE,
    J_DICT,
    J_NAMESPACE,
    J_LOOP,
    J_MACRO,
    J_METHOD,
    J_GLOBAL,
};

struct jlist {
    struct jvalue *items;
    ptrdiff_t count, cap;
};

struct jvalue {
    enum jtype type;
    union {
        bool b;
        int64_t i;
        double f;
        slice s;            /* STRING; UNDEFINED: the name that was looked up; METHOD, GLOBAL */
        struct jlist *list; /* LIST, TUPLE */
        struct jdict *dict; /* DICT, NAMESPACE */
        struct jloop *loop;
        struct jmacro *macro;
    };
    struct jvalue *self; /* METHOD: its object */
};

struct jdict {
    struct jvalue *keys, *values; /* in order of insertion */
    ptrdiff_t count, cap;
};

struct jloop {
    const struct jlist *items;
    ptrdiff_t index;
    struct jvalue changed; /* the last argument of loop.changed */
    bool has_changed;
};

struct jmacro {
    const struct jnode *node;
    struct jframe *frame;            /* where it was defined */
    const struct jnode *caller_body; /* of a call block's caller() */
};

/* ---- tokens and tree ---- */

enum jtoken_type {
    T_DATA,
    T_VAR_BEGIN,
    T_VAR_END,
    T_STMT_BEGIN,
    T_STMT_END,
    T_NAME,
    T_STRING,
    T_INT,
    T_FLOAT,
    T_OP,
    T_EOF,
};

struct jtoken {
    enum jtoken_type type;
    int line;
    slice text; /* STRING: unescaped */
};

enum jkind {
    /* statements */
    N_BODY,
    N_DATA,
    N_PRINT,
    N_FOR,
    N_IF,
    N_SET,
    N_SET_BLOCK,
    N_MACRO,
    N_CALL_BLOCK,
    N_FILTER_BLOCK,
    N_WITH,
    N_BREAK,
    N_CONTINUE,
    /* expressions */
    N_CONST,
    N_NAME,
    N_LIST,
    N_TUPLE,
    N_DICT,
    N_ATTR,
    N_ITEM,
    N_SLICE,
    N_CALL,
    N_FILTER,
    N_TEST,
    N_NOT,
    N_AND,
    N_OR,
    N_COMPARE,
    N_BINARY,
    N_NEG,
    N_POS,
    N_COND,
};

struct jarg {
    slice name; /* empty: positional */
    struct jnode *value;
};

struct jnode {
    enum jkind kind;
    int line;
    slice name;              /* NAME, ATTR, FILTER, TEST, MACRO, operator of BINARY and COMPARE */
    struct jvalue value;     /* CONST, DATA */
    struct jnode *a, *b, *c; /* operands; FOR: a iterable, b filter, c target */
    struct jnode **list;     /* BODY, LIST, DICT (key, value, ...), COMPARE operands */
    int count;
    struct jarg *args; /* CALL, FILTER, TEST; MACRO: parameters with defaults; WITH */
    int arg_count;
    struct jnode *body, *otherwise;
    bool negated; /* TEST: is not */
    int id;       /* FILTER, TEST: index of the builtin */
};

struct jinja {
    struct jnode *body;
    struct arena *arena;
};

bool jinja_lex(slice source, struct arena *arena, struct jtoken **tokens, ptrdiff_t *count,
               struct err *err);
struct jnode *jinja_parse(const struct jtoken *tokens, ptrdiff_t count, struct arena *arena,
                          struct err *err);

/* ---- evaluation ---- */

struct jframe {
    struct jframe *parent;
    struct jdict vars;
};

struct jrun {
    struct arena *arena;
    struct buf *out;
    ptrdiff_t out_start;
    struct err *err;
    bool failed;
    int64_t steps;
    int depth;
    int line;
};

/* A call's arguments after evaluation. */
struct jargs {
    struct jvalue *positional;
    int count;
    slice *names;
    struct jvalue *named;
    int named_count;
};

/* Sets the error once and returns undefined, so evaluation can end with `return jfail(...)`. */
struct jvalue jfail(struct jrun *r, const char *fmt, ...) ATTR_PRINTF(2, 3);

static inline struct jvalue jundefined(slice name)
{
    return (struct jvalue){ .type = J_UNDEFINED, .s = name };
}
static inline struct jvalue jnone(void)
{
    return (struct jvalue){ .type = J_NONE };
}
static inline struct jvalue jbool(bool b)
{
    return (struct jvalue){ .type = J_BOOL, .b = b };
}
static inline struct jvalue jint(int64_t i)
{
    return (struct jvalue){ .type = J_INT, .i = i };
}
static inline struct jvalue jfloat(double f)
{
    return (struct jvalue){ .type = J_FLOAT, .f = f };
}
static inline struct jvalue jstring(slice s)
{
    return (struct jvalue){ .type = J_STRING, .s = s };
}
static inline bool jis_list(struct jvalue v)
{
    return v.type == J_LIST || v.type == J_TUPLE;
}
static inline bool jis_number(struct jvalue v)
{
    return v.type == J_INT || v.type == J_FLOAT || v.type == J_BOOL;
}
static inline double jnumber(struct jvalue v)
{
    return v.type == J_FLOAT ? v.f : v.type == J_BOOL ? v.b : (double)v.i;
}
static inline int64_t jinteger(struct jvalue v)
{
    return v.type == J_BOOL ? v.b : v.i;
}

/* jinja_value.c */
struct jvalue jlist_new(struct jrun *r, enum jtype type);
void jlist_add(struct jrun *r, struct jlist *l, struct jvalue v);
struct jvalue jdict_new(struct jrun *r, enum jtype type);
void jdict_set(struct arena *arena, struct jdict *d, struct jvalue key, struct jvalue v);
struct jvalue *jdict_get(const struct jdict *d, struct jvalue key);
struct jvalue *jdict_get_name(const struct jdict *d, slice name);
struct jvalue jvalue_of_json(struct jrun *r, const struct json_node *n);
bool jtruth(struct jvalue v);
bool jequal(struct jvalue a, struct jvalue b);
bool jcompare(struct jrun *r, struct jvalue a, struct jvalue b, int *order);
bool jcontains(struct jrun *r, struct jvalue item, struct jvalue in);
ptrdiff_t jlength(struct jrun *r, struct jvalue v); /* -1 and failure: has none */
/* The items that a for loop sees: characters, keys. NULL and failure: not iterable. */
struct jlist *jiterate(struct jrun *r, struct jvalue v);
slice jtext(struct jrun *r, struct jvalue v); /* str(v) */
void jrepr(struct jrun *r, struct buf *b, struct jvalue v, int depth);
void jjson(struct jrun *r, struct buf *b, struct jvalue v, int indent, int depth);
slice jbuf_text(struct jrun *r, struct buf *b); /* moves into the arena */
const char *jtype_name(struct jvalue v);
/* Byte offset of code point `index` (0..length), and the number of code points. */
ptrdiff_t jutf8_offset(slice s, ptrdiff_t index);
ptrdiff_t jutf8_length(slice s);

/* jinja_filter.c */
int jfilter_find(slice name); /* -1: unknown */
int jtest_find(slice name);
struct jvalue jfilter_apply(struct jrun *r, int id, struct jvalue v, const struct jargs *args);
bool jtest_apply(struct jrun *r, int id, struct jvalue v, const struct jargs *args);
/* The argument by position or keyword; undefined when it is not given. */
struct jvalue jarg_get(const struct jargs *args, int position, const char *name);

/* jinja_method.c */
bool jmethod_exists(struct jvalue v, slice name);
struct jvalue jmethod_call(struct jrun *r, struct jvalue self, slice name,
                           const struct jargs *args);
bool jglobal_exists(slice name);
struct jvalue jglobal_call(struct jrun *r, slice name, const struct jargs *args);
struct jvalue jloop_get(struct jrun *r, struct jloop *l, slice name);
slice jstrip(slice s, slice chars, bool left, bool right); /* chars empty: white space */
slice jreplace(struct jrun *r, slice s, slice from, slice to, int64_t most);

/* jinja_operator.c: + - * / // % ** ~ and == != < <= > >= in, not in */
struct jvalue joperate(struct jrun *r, slice op, struct jvalue a, struct jvalue b);
bool jcompare_op(struct jrun *r, slice op, struct jvalue a, struct jvalue b);

/* jinja_eval.c */
struct jvalue jattribute(struct jrun *r, struct jvalue v, slice name);
struct jvalue jitem(struct jrun *r, struct jvalue v, struct jvalue key);

#endif
