/* Evaluates the tree. Scopes as jinja2: a loop's body, a macro and a with block have their own, an
 * if has not; what a loop sets is gone after the iteration, so templates carry values out by a
 * namespace. */
#include "jinja_private.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

static struct jvalue eval(struct jrun *r, struct jframe *f, const struct jnode *n);
enum jump { RUN_ON, RUN_BREAK, RUN_CONTINUE };
static enum jump exec(struct jrun *r, struct jframe *f, const struct jnode *n);

struct jvalue jfail(struct jrun *r, const char *fmt, ...)
{
    char text[512];
    va_list args;
    if (!r->failed) {
        va_start(args, fmt);
        vsnprintf(text, sizeof text, fmt, args);
        va_end(args);
        err_set(r->err, ERR_DATA, "chat template: line %d: %s", r->line, text);
    }
    r->failed = true;
    return jundefined(SLICE(""));
}

static bool step(struct jrun *r, const struct jnode *n)
{
    r->line = n->line;
    if (r->failed)
        return false;
    if (r->steps++ > JINJA_STEPS_MAX)
        jfail(r, "the template runs too long");
    else if (r->depth > JINJA_EVAL_DEPTH_MAX)
        jfail(r, "nesting is too deep");
    return !r->failed;
}

/* ---- names ---- */

/* In the arena: a macro keeps its frame, and a namespace may keep the macro. */
static struct jframe *frame_new(struct jrun *r, struct jframe *parent)
{
    struct jframe *f = arena_new(r->arena, struct jframe, 1);
    f->parent = parent;
    return f;
}

static struct jvalue lookup(struct jframe *f, slice name)
{
    for (; f; f = f->parent) {
        struct jvalue *v = jdict_get_name(&f->vars, name);
        if (v)
            return *v;
    }
    if (jglobal_exists(name))
        return (struct jvalue){ .type = J_GLOBAL, .s = name };
    return jundefined(name);
}

static void frame_set(struct jrun *r, struct jframe *f, slice name, struct jvalue v)
{
    jdict_set(r->arena, &f->vars, jstring(name), v);
}

static void assign(struct jrun *r, struct jframe *f, const struct jnode *target, struct jvalue v)
{
    if (target->kind == N_NAME) {
        frame_set(r, f, target->name, v);
        return;
    }
    if (target->kind == N_ATTR) {
        struct jvalue ns = lookup(f, target->a->name);
        if (ns.type != J_NAMESPACE)
            jfail(r, "attributes can be set on namespaces only");
        else
            jdict_set(r->arena, ns.dict, jstring(target->name), v);
        return;
    }
    struct jlist *items = jiterate(r, v);
    if (items && items->count != target->count)
        jfail(r, "%td values for %d names", items->count, target->count);
    for (int i = 0; !r->failed && i < target->count; i++)
        assign(r, f, target->list[i], items->items[i]);
}

/* ---- members ---- */

static struct jvalue index_of(struct jvalue v, int64_t index)
{
    if (v.type == J_STRING) {
        ptrdiff_t length = jutf8_length(v.s);
        index += index < 0 ? length : 0;
        if (index < 0 || index >= length)
            return jundefined(SLICE("item"));
        ptrdiff_t from = jutf8_offset(v.s, index);
        slice rest = slice_from(v.s, from);
        return jstring(slice_make(rest.ptr, jutf8_offset(rest, 1)));
    }
    index += index < 0 ? v.list->count : 0;
    if (index < 0 || index >= v.list->count)
        return jundefined(SLICE("item"));
    return v.list->items[index];
}

struct jvalue jitem(struct jrun *r, struct jvalue v, struct jvalue key)
{
    if (v.type == J_DICT || v.type == J_NAMESPACE) {
        struct jvalue *item = jdict_get(v.dict, key);
        if (item)
            return *item;
    } else if ((jis_list(v) || v.type == J_STRING) && (key.type == J_INT || key.type == J_BOOL)) {
        return index_of(v, jinteger(key));
    } else if (v.type == J_UNDEFINED) {
        return jfail(r, "%s is undefined", ERR_QUOTE(v.s));
    } else if (v.type == J_LOOP && key.type == J_STRING) {
        return jloop_get(r, v.loop, key.s);
    }
    return jundefined(key.type == J_STRING ? key.s : SLICE("item"));
}

static struct jvalue method_of(struct jrun *r, struct jvalue v, slice name)
{
    struct jvalue m = { .type = J_METHOD, .s = name };
    m.self = arena_new(r->arena, struct jvalue, 1);
    *m.self = v;
    return m;
}

struct jvalue jattribute(struct jrun *r, struct jvalue v, slice name)
{
    if (v.type == J_UNDEFINED)
        return jfail(r, "%s is undefined", ERR_QUOTE(v.s));
    if (v.type == J_LOOP && !slice_eq(name, SLICE("cycle")) && !slice_eq(name, SLICE("changed")))
        return jloop_get(r, v.loop, name);
    if (jmethod_exists(v, name))
        return method_of(r, v, name);
    return jitem(r, v, jstring(name));
}

static bool slice_bound(struct jrun *r, struct jframe *f, const struct jnode *n, int64_t *out)
{
    struct jvalue v = n ? eval(r, f, n) : jnone();
    if (v.type == J_NONE)
        return false;
    if (v.type != J_INT && v.type != J_BOOL) {
        jfail(r, "slice bounds are integers, not '%s'", jtype_name(v));
        return false;
    }
    *out = jinteger(v);
    return true;
}

/* v[start:stop:step] as Python counts it. */
static struct jvalue eval_slice(struct jrun *r, struct jframe *f, const struct jnode *n)
{
    struct jvalue v = eval(r, f, n->a);
    int64_t by = 1, from = 0, to = 0;
    slice_bound(r, f, n->list[2], &by);
    bool has_from = slice_bound(r, f, n->list[0], &from);
    bool has_to = slice_bound(r, f, n->list[1], &to);
    if (r->failed)
        return jnone();
    if (v.type == J_UNDEFINED)
        return jfail(r, "%s is undefined", ERR_QUOTE(v.s));
    if (!jis_list(v) && v.type != J_STRING)
        return jfail(r, "'%s' cannot be sliced", jtype_name(v));
    if (by == 0)
        return jfail(r, "slice step is zero");
    struct jlist *items = jiterate(r, v);
    int64_t count = items->count, low = by > 0 ? 0 : -1, high = by > 0 ? count : count - 1;
    by = MAX(-(count + 1), MIN(count + 1, by));
    from = !has_from ? (by > 0 ? low : high) : from < 0 ? from + count : from;
    to = !has_to ? (by > 0 ? high : low) : to < 0 ? to + count : to;
    from = MAX(low, MIN(high, from));
    to = MAX(low, MIN(high, to));
    struct jvalue out = jlist_new(r, v.type == J_STRING ? J_LIST : v.type);
    for (int64_t i = from; by > 0 ? i < to : i > to; i += by)
        jlist_add(r, out.list, items->items[i]);
    if (v.type != J_STRING)
        return out;
    struct buf b = { .max = JINJA_OUTPUT_MAX };
    for (ptrdiff_t i = 0; i < out.list->count; i++)
        buf_append(&b, out.list->items[i].s);
    return jstring(jbuf_text(r, &b));
}

/* ---- comparisons ---- */

static struct jvalue eval_compare(struct jrun *r, struct jframe *f, const struct jnode *n)
{
    struct jvalue left = eval(r, f, n->a);
    for (int i = 0; i < n->arg_count && !r->failed; i++) {
        struct jvalue right = eval(r, f, n->args[i].value);
        if (r->failed || !jcompare_op(r, n->args[i].name, left, right))
            return jbool(false);
        left = right;
    }
    return jbool(true);
}

/* ---- calls ---- */

static struct jargs eval_args(struct jrun *r, struct jframe *f, const struct jnode *n)
{
    struct jargs a = { 0 };
    a.positional = arena_new(r->arena, struct jvalue, n->arg_count);
    a.named = arena_new(r->arena, struct jvalue, n->arg_count);
    a.names = arena_new(r->arena, slice, n->arg_count);
    for (int i = 0; i < n->arg_count && !r->failed; i++) {
        struct jvalue v = eval(r, f, n->args[i].value);
        if (n->args[i].name.len) {
            a.names[a.named_count] = n->args[i].name;
            a.named[a.named_count++] = v;
        } else {
            a.positional[a.count++] = v;
        }
    }
    return a;
}

/* Renders a body into a string. */
static struct jvalue capture(struct jrun *r, struct jframe *f, const struct jnode *body)
{
    struct buf b = { .max = JINJA_OUTPUT_MAX }, *out = r->out;
    r->out = &b;
    exec(r, f, body);
    r->out = out;
    if (b.overflow)
        jfail(r, "a string is too long");
    return jstring(jbuf_text(r, &b));
}

/* node: the macro or call block whose parameters and body are used. */
static struct jvalue macro_call(struct jrun *r, const struct jmacro *m, const struct jargs *args,
                                struct jvalue caller)
{
    const struct jnode *n = m->node;
    struct jframe *frame = frame_new(r, m->frame);
    if (args->count > n->arg_count)
        return jfail(r, "macro %s takes %d arguments", ERR_QUOTE(n->name), n->arg_count);
    for (int i = 0; i < n->arg_count && !r->failed; i++) {
        struct jvalue v = i < args->count ? args->positional[i] : jundefined(n->args[i].name);
        bool given = i < args->count;
        for (int j = 0; j < args->named_count; j++)
            if (slice_eq(args->names[j], n->args[i].name)) {
                v = args->named[j];
                given = true;
            }
        if (!given && n->args[i].value)
            v = eval(r, frame, n->args[i].value);
        frame_set(r, frame, n->args[i].name, v);
    }
    if (caller.type == J_MACRO)
        frame_set(r, frame, SLICE("caller"), caller);
    return capture(r, frame, n->body);
}

static struct jvalue call_value(struct jrun *r, struct jvalue callee, const struct jargs *args,
                                struct jvalue caller)
{
    if (r->failed)
        return jnone();
    if (callee.type == J_MACRO)
        return macro_call(r, callee.macro, args, caller);
    if (callee.type == J_METHOD)
        return jmethod_call(r, *callee.self, callee.s, args);
    if (callee.type == J_GLOBAL)
        return jglobal_call(r, callee.s, args);
    if (callee.type == J_UNDEFINED)
        return jfail(r, "%s is undefined", ERR_QUOTE(callee.s));
    return jfail(r, "'%s' cannot be called", jtype_name(callee));
}

static struct jvalue eval_call(struct jrun *r, struct jframe *f, const struct jnode *n,
                               struct jvalue caller)
{
    struct jvalue callee = eval(r, f, n->a);
    struct jargs args = eval_args(r, f, n);
    return call_value(r, callee, &args, caller);
}

/* ---- expressions ---- */

static struct jvalue eval_container(struct jrun *r, struct jframe *f, const struct jnode *n)
{
    struct jvalue v;
    if (n->kind == N_DICT) {
        v = jdict_new(r, J_DICT);
        for (int i = 0; i < n->count && !r->failed; i += 2) {
            struct jvalue key = eval(r, f, n->list[i]);
            jdict_set(r->arena, v.dict, key, eval(r, f, n->list[i + 1]));
        }
        return v;
    }
    v = jlist_new(r, n->kind == N_LIST ? J_LIST : J_TUPLE);
    for (int i = 0; i < n->count && !r->failed; i++)
        jlist_add(r, v.list, eval(r, f, n->list[i]));
    return v;
}

static struct jvalue eval_sign(struct jrun *r, struct jvalue v, bool negative)
{
    if (!jis_number(v))
        return jfail(r, "a sign before '%s'", jtype_name(v));
    if (v.type == J_FLOAT)
        return jfloat(negative ? -v.f : v.f);
    if (negative && v.type == J_INT && v.i == INT64_MIN)
        return jfail(r, "integer overflow");
    return jint(negative ? -jinteger(v) : jinteger(v));
}

static struct jvalue eval_apply(struct jrun *r, struct jframe *f, const struct jnode *n)
{
    struct jvalue v = eval(r, f, n->a);
    struct jargs args = eval_args(r, f, n);
    if (r->failed)
        return v;
    if (n->kind == N_FILTER)
        return jfilter_apply(r, n->id, v, &args);
    return jbool(jtest_apply(r, n->id, v, &args) != n->negated);
}

/* Items come before attributes here, after them with a dot. */
static struct jvalue eval_item(struct jrun *r, struct jframe *f, const struct jnode *n)
{
    struct jvalue object = eval(r, f, n->a), key = eval(r, f, n->b);
    if (r->failed)
        return key;
    struct jvalue v = jitem(r, object, key);
    if (v.type == J_UNDEFINED && key.type == J_STRING && jmethod_exists(object, key.s))
        return method_of(r, object, key.s);
    return v;
}

static struct jvalue eval_node(struct jrun *r, struct jframe *f, const struct jnode *n)
{
    struct jvalue v;
    switch (n->kind) {
    case N_CONST:
        return n->value;
    case N_NAME:
        return lookup(f, n->name);
    case N_LIST:
    case N_TUPLE:
    case N_DICT:
        return eval_container(r, f, n);
    case N_ATTR:
        v = eval(r, f, n->a);
        return r->failed ? v : jattribute(r, v, n->name);
    case N_ITEM:
        return eval_item(r, f, n);
    case N_SLICE:
        return eval_slice(r, f, n);
    case N_CALL:
        return eval_call(r, f, n, jnone());
    case N_FILTER:
    case N_TEST:
        return eval_apply(r, f, n);
    case N_NOT:
        return jbool(!jtruth(eval(r, f, n->a)));
    case N_AND:
        v = eval(r, f, n->a);
        return jtruth(v) && !r->failed ? eval(r, f, n->b) : v;
    case N_OR:
        v = eval(r, f, n->a);
        return jtruth(v) || r->failed ? v : eval(r, f, n->b);
    case N_COMPARE:
        return eval_compare(r, f, n);
    case N_BINARY:
        v = eval(r, f, n->a);
        if (!r->failed) {
            struct jvalue right = eval(r, f, n->b);
            return r->failed ? v : joperate(r, n->name, v, right);
        }
        return v;
    case N_NEG:
    case N_POS:
        v = eval(r, f, n->a);
        return r->failed ? v : eval_sign(r, v, n->kind == N_NEG);
    case N_COND:
        if (jtruth(eval(r, f, n->b)))
            return eval(r, f, n->a);
        return n->c ? eval(r, f, n->c) : jundefined(SLICE("the missing else"));
    default:
        return jfail(r, "not an expression");
    }
}

static struct jvalue eval(struct jrun *r, struct jframe *f, const struct jnode *n)
{
    if (!step(r, n))
        return jundefined(SLICE(""));
    r->depth++;
    struct jvalue v = eval_node(r, f, n);
    r->depth--;
    return v;
}

/* ---- statements ---- */

static void print(struct jrun *r, struct jvalue v)
{
    slice s = r->failed ? SLICE("") : jtext(r, v);
    buf_append(r->out, s);
    if (r->out->overflow)
        jfail(r, "the output is too long");
}

/* The items that pass the loop's filter. */
static struct jlist *loop_items(struct jrun *r, struct jframe *f, const struct jnode *n)
{
    struct jvalue v = eval(r, f, n->a);
    struct jlist *items = r->failed ? NULL : jiterate(r, v);
    if (!items || !n->b)
        return items;
    struct jlist *kept = jlist_new(r, J_LIST).list;
    for (ptrdiff_t i = 0; i < items->count && !r->failed; i++) {
        struct jframe *frame = frame_new(r, f);
        assign(r, frame, n->c, items->items[i]);
        if (!r->failed && jtruth(eval(r, frame, n->b)))
            jlist_add(r, kept, items->items[i]);
    }
    return kept;
}

static enum jump exec_for(struct jrun *r, struct jframe *f, const struct jnode *n)
{
    struct jlist *items = loop_items(r, f, n);
    if (r->failed)
        return RUN_ON;
    if (!items->count)
        return n->otherwise ? exec(r, f, n->otherwise) : RUN_ON;
    struct jvalue v = { .type = J_LOOP, .loop = arena_new(r->arena, struct jloop, 1) };
    struct jloop *loop = v.loop;
    loop->items = items;
    for (; loop->index < items->count && !r->failed; loop->index++) {
        struct jframe *frame = frame_new(r, f);
        frame_set(r, frame, SLICE("loop"), v);
        assign(r, frame, n->c, items->items[loop->index]);
        if (!r->failed && exec(r, frame, n->body) == RUN_BREAK)
            break;
    }
    return RUN_ON;
}

static void exec_set(struct jrun *r, struct jframe *f, const struct jnode *n)
{
    struct jvalue v;
    if (n->kind == N_SET) {
        v = eval(r, f, n->a);
    } else {
        struct jframe *frame = frame_new(r, f);
        v = capture(r, frame, n->body);
        frame_set(r, frame, SLICE(" body"), v);
        if (n->a->kind == N_FILTER)
            v = eval(r, frame, n->a);
    }
    if (!r->failed)
        assign(r, f, n->c, v);
}

static struct jvalue macro_value(struct jrun *r, struct jframe *f, const struct jnode *n)
{
    struct jvalue v = { .type = J_MACRO, .macro = arena_new(r->arena, struct jmacro, 1) };
    v.macro->node = n;
    v.macro->frame = f;
    return v;
}

static void exec_with(struct jrun *r, struct jframe *f, const struct jnode *n)
{
    struct jframe *frame = frame_new(r, f);
    for (int i = 0; i < n->arg_count && !r->failed; i++)
        frame_set(r, frame, n->args[i].name, eval(r, f, n->args[i].value));
    exec(r, frame, n->body);
}

static enum jump exec_node(struct jrun *r, struct jframe *f, const struct jnode *n)
{
    enum jump jump = RUN_ON;
    switch (n->kind) {
    case N_BODY:
        for (int i = 0; i < n->count && !r->failed && jump == RUN_ON; i++)
            jump = exec(r, f, n->list[i]);
        break;
    case N_DATA:
        print(r, n->value);
        break;
    case N_PRINT:
        print(r, eval(r, f, n->a));
        break;
    case N_FOR:
        return exec_for(r, f, n);
    case N_IF:
        if (jtruth(eval(r, f, n->a)))
            return exec(r, f, n->body);
        return n->otherwise && !r->failed ? exec(r, f, n->otherwise) : RUN_ON;
    case N_SET:
    case N_SET_BLOCK:
        exec_set(r, f, n);
        break;
    case N_MACRO:
        frame_set(r, f, n->name, macro_value(r, f, n));
        break;
    case N_CALL_BLOCK:
        print(r, eval_call(r, f, n->a, macro_value(r, f, n)));
        break;
    case N_FILTER_BLOCK: {
        struct jframe *frame = frame_new(r, f);
        frame_set(r, frame, SLICE(" body"), capture(r, frame, n->body));
        print(r, eval(r, frame, n->a));
        break;
    }
    case N_WITH:
        exec_with(r, f, n);
        break;
    case N_BREAK:
        return RUN_BREAK;
    case N_CONTINUE:
        return RUN_CONTINUE;
    default:
        jfail(r, "not a statement");
    }
    return jump;
}

static enum jump exec(struct jrun *r, struct jframe *f, const struct jnode *n)
{
    if (!step(r, n))
        return RUN_ON;
    r->depth++;
    enum jump jump = exec_node(r, f, n);
    r->depth--;
    return jump;
}

/* jinja2 reads CR LF and CR as LF. */
static slice lines_normalized(slice source, struct arena *arena)
{
    if (slice_find(source, '\r') < 0)
        return source;
    char *text = arena_alloc_raw(arena, source.len, 1), *dst = text;
    for (ptrdiff_t i = 0; i < source.len; i++) {
        if (source.ptr[i] == '\r' && i + 1 < source.len && source.ptr[i + 1] == '\n')
            continue;
        *dst++ = source.ptr[i] == '\r' ? '\n' : source.ptr[i];
    }
    return slice_make(text, dst - text);
}

struct jinja *jinja_compile(slice source, struct arena *arena, struct err *err)
{
    struct jtoken *tokens;
    ptrdiff_t count;
    if (source.len > JINJA_SOURCE_MAX) {
        err_set(err, ERR_CONFIG, "template is longer than %d bytes", JINJA_SOURCE_MAX);
        return NULL;
    }
    if (!json_utf8_valid(source)) {
        err_set(err, ERR_CONFIG, "template is not valid UTF-8");
        return NULL;
    }
    if (!jinja_lex(lines_normalized(source, arena), arena, &tokens, &count, err))
        return NULL;
    struct jinja *t = arena_new(arena, struct jinja, 1);
    t->body = jinja_parse(tokens, count, arena, err);
    return t->body ? t : NULL;
}

bool jinja_render(const struct jinja *t, const struct jinja_var *vars, int count,
                  struct arena *scratch, struct buf *out, struct err *err)
{
    struct buf text = { .max = JINJA_OUTPUT_MAX };
    struct jrun r = { .arena = scratch, .out = &text, .err = err };
    struct jframe *top = frame_new(&r, NULL);
    for (int i = 0; i < count; i++)
        if (vars[i].value)
            frame_set(&r, top, slice_of(vars[i].name), jvalue_of_json(&r, vars[i].value));
    if (!r.failed)
        exec(&r, top, t->body);
    if (!r.failed)
        buf_append(out, buf_slice(&text));
    buf_release(&text);
    return !r.failed;
}
