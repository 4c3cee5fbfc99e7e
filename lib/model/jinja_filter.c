/* Filters and tests, two tables. */
#include "jinja_private.h"

#include <math.h>
#include <stdlib.h>

struct jvalue jarg_get(const struct jargs *args, int position, const char *name)
{
    if (position < args->count)
        return args->positional[position];
    for (int i = 0; i < args->named_count; i++)
        if (slice_eq(args->names[i], slice_of(name)))
            return args->named[i];
    return jundefined(slice_of(name));
}

static bool given(struct jvalue v)
{
    return v.type != J_UNDEFINED;
}

typedef struct jvalue filter_fn(struct jrun *r, struct jvalue v, const struct jargs *args);

/* ---- filters of text ---- */

static struct jvalue f_trim(struct jrun *r, struct jvalue v, const struct jargs *args)
{
    struct jvalue chars = jarg_get(args, 0, "chars");
    return jstring(jstrip(jtext(r, v), chars.type == J_STRING ? chars.s : SLICE(""), true, true));
}

static struct jvalue text_method(struct jrun *r, struct jvalue v, const char *name)
{
    struct jargs none = { 0 };
    return jmethod_call(r, jstring(jtext(r, v)), slice_of(name), &none);
}

static struct jvalue f_upper(struct jrun *r, struct jvalue v, const struct jargs *args)
{
    (void)args;
    return text_method(r, v, "upper");
}

static struct jvalue f_lower(struct jrun *r, struct jvalue v, const struct jargs *args)
{
    (void)args;
    return text_method(r, v, "lower");
}

static struct jvalue f_title(struct jrun *r, struct jvalue v, const struct jargs *args)
{
    (void)args;
    return text_method(r, v, "title");
}

static struct jvalue f_capitalize(struct jrun *r, struct jvalue v, const struct jargs *args)
{
    (void)args;
    return text_method(r, v, "capitalize");
}

static struct jvalue f_replace(struct jrun *r, struct jvalue v, const struct jargs *args)
{
    struct jvalue from = jarg_get(args, 0, "old"), to = jarg_get(args, 1, "new");
    struct jvalue most = jarg_get(args, 2, "count");
    if (!given(from) || !given(to))
        return jfail(r, "replace needs two strings");
    slice text = jtext(r, v), old = jtext(r, from);
    return jstring(jreplace(r, text, old, jtext(r, to), most.type == J_INT ? most.i : -1));
}

static struct jvalue f_string(struct jrun *r, struct jvalue v, const struct jargs *args)
{
    (void)args;
    return jstring(jtext(r, v));
}

static struct jvalue f_tojson(struct jrun *r, struct jvalue v, const struct jargs *args)
{
    /* transformers: tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False) */
    struct jvalue indent = jarg_get(args, 1, "indent");
    struct buf b = { .max = JINJA_OUTPUT_MAX };
    if (v.type == J_UNDEFINED) {
        jfail(r, "%s is undefined", ERR_QUOTE(v.s));
        return v;
    }
    bool indented = indent.type == J_INT && indent.i >= 0 && indent.i < 100;
    jjson(r, &b, v, indented ? (int)indent.i : -1, 0);
    return jstring(jbuf_text(r, &b));
}

static struct jvalue f_indent(struct jrun *r, struct jvalue v, const struct jargs *args)
{
    struct jvalue width = jarg_get(args, 0, "width");
    bool first = jtruth(jarg_get(args, 1, "first")), blank = jtruth(jarg_get(args, 2, "blank"));
    slice s = jtext(r, v), pad = { "", 0 };
    if (width.type == J_STRING)
        pad = width.s;
    else
        pad = arena_printf(r->arena, "%*s",
                           width.type == J_INT ? (int)MAX(0, MIN(1000, width.i)) : 4, "");
    struct buf b = { .max = JINJA_OUTPUT_MAX };
    for (bool start = true; s.len; start = false) {
        ptrdiff_t n = slice_find(s, '\n');
        slice line = n < 0 ? s : slice_make(s.ptr, n + 1);
        bool empty = line.len == 1 && n == 0;
        if (start ? first : blank || !empty)
            buf_append(&b, pad);
        buf_append(&b, line);
        s = slice_from(s, line.len);
    }
    return jstring(jbuf_text(r, &b));
}

static struct jvalue f_escape(struct jrun *r, struct jvalue v, const struct jargs *args)
{
    static const char *const pairs[][2] = {
        { "&", "&amp;" }, { "<", "&lt;" }, { ">", "&gt;" }, { "'", "&#39;" }, { "\"", "&#34;" }
    };
    slice s = jtext(r, v);
    (void)args;
    for (ptrdiff_t i = 0; i < countof(pairs); i++)
        s = jreplace(r, s, slice_of(pairs[i][0]), slice_of(pairs[i][1]), -1);
    return jstring(s);
}

/* ---- filters of numbers ---- */

static struct jvalue f_int(struct jrun *r, struct jvalue v, const struct jargs *args)
{
    struct jvalue def = jarg_get(args, 0, "default");
    (void)r;
    if (v.type == J_INT || v.type == J_BOOL)
        return jint(jinteger(v));
    double f = v.type == J_FLOAT ? v.f : NAN;
    if (v.type == J_STRING && v.s.len && v.s.len < 40) {
        char text[40], *end;
        memcpy(text, v.s.ptr, (size_t)v.s.len);
        text[v.s.len] = '\0';
        f = strtod(text, &end);
        while (*end == ' ')
            end++;
        if (*end)
            f = NAN;
    }
    if (f > -9e15 && f < 9e15)
        return jint((int64_t)f);
    return given(def) ? def : jint(0);
}

static struct jvalue f_float(struct jrun *r, struct jvalue v, const struct jargs *args)
{
    struct jvalue def = jarg_get(args, 0, "default");
    (void)r;
    if (jis_number(v))
        return jfloat(jnumber(v));
    if (v.type == J_STRING && v.s.len && v.s.len < 40) {
        char text[40], *end;
        memcpy(text, v.s.ptr, (size_t)v.s.len);
        text[v.s.len] = '\0';
        double f = strtod(text, &end);
        if (!*end)
            return jfloat(f);
    }
    return given(def) ? def : jfloat(0);
}

static struct jvalue f_abs(struct jrun *r, struct jvalue v, const struct jargs *args)
{
    (void)args;
    if (!jis_number(v))
        return jfail(r, "abs of '%s'", jtype_name(v));
    if (v.type == J_FLOAT)
        return jfloat(fabs(v.f));
    return jint(jinteger(v) < 0 && jinteger(v) != INT64_MIN ? -jinteger(v) : jinteger(v));
}

static struct jvalue f_round(struct jrun *r, struct jvalue v, const struct jargs *args)
{
    struct jvalue precision = jarg_get(args, 0, "precision"), how = jarg_get(args, 1, "method");
    if (!jis_number(v))
        return jfail(r, "round of '%s'", jtype_name(v));
    if (v.type != J_FLOAT && !given(how))
        return jint(jinteger(v));
    double scale = pow(10, precision.type == J_INT ? (double)precision.i : 0);
    double x = jnumber(v) * scale;
    bool up = how.type == J_STRING && slice_eq(how.s, SLICE("ceil"));
    bool down = how.type == J_STRING && slice_eq(how.s, SLICE("floor"));
    return jfloat((up ? ceil(x) : down ? floor(x) : rint(x)) / scale);
}

/* ---- filters of sequences ---- */

static struct jvalue f_default(struct jrun *r, struct jvalue v, const struct jargs *args)
{
    struct jvalue def = jarg_get(args, 0, "default_value");
    bool falsy = jtruth(jarg_get(args, 1, "boolean"));
    (void)r;
    if (given(v) && (!falsy || jtruth(v)))
        return v;
    return given(def) ? def : jstring(SLICE(""));
}

static struct jvalue f_length(struct jrun *r, struct jvalue v, const struct jargs *args)
{
    (void)args;
    return jint(jlength(r, v));
}

static struct jvalue attribute_of(struct jrun *r, struct jvalue v, struct jvalue path)
{
    if (path.type == J_INT)
        return jitem(r, v, path);
    slice rest = jtext(r, path);
    while (rest.len && !r->failed) {
        ptrdiff_t dot = slice_find(rest, '.');
        slice name = dot < 0 ? rest : slice_make(rest.ptr, dot);
        v = v.type == J_UNDEFINED ? v : jitem(r, v, jstring(name));
        rest = dot < 0 ? SLICE("") : slice_from(rest, dot + 1);
    }
    return v;
}

static struct jvalue f_join(struct jrun *r, struct jvalue v, const struct jargs *args)
{
    struct jvalue by = jarg_get(args, 0, "d"), path = jarg_get(args, 1, "attribute");
    struct jlist *items = jiterate(r, v);
    slice between = given(by) ? jtext(r, by) : SLICE("");
    struct buf b = { .max = JINJA_OUTPUT_MAX };
    for (ptrdiff_t i = 0; items && i < items->count && !r->failed; i++) {
        buf_append(&b, i ? between : SLICE(""));
        struct jvalue item = items->items[i];
        buf_append(&b, jtext(r, given(path) ? attribute_of(r, item, path) : item));
    }
    if (b.overflow)
        jfail(r, "a string is too long");
    return jstring(jbuf_text(r, &b));
}

static struct jvalue f_first(struct jrun *r, struct jvalue v, const struct jargs *args)
{
    struct jlist *items = jiterate(r, v);
    (void)args;
    return items && items->count ? items->items[0] : jundefined(SLICE("the first item"));
}

static struct jvalue f_last(struct jrun *r, struct jvalue v, const struct jargs *args)
{
    struct jlist *items = jiterate(r, v);
    (void)args;
    return items && items->count ? items->items[items->count - 1]
                                 : jundefined(SLICE("the last item"));
}

static struct jvalue f_list(struct jrun *r, struct jvalue v, const struct jargs *args)
{
    struct jlist *items = jiterate(r, v);
    (void)args;
    return items ? (struct jvalue){ .type = J_LIST, .list = items } : jnone();
}

static struct jvalue f_reverse(struct jrun *r, struct jvalue v, const struct jargs *args)
{
    struct jlist *items = jiterate(r, v);
    struct jvalue out = jlist_new(r, J_LIST);
    (void)args;
    for (ptrdiff_t i = items ? items->count - 1 : -1; i >= 0; i--)
        jlist_add(r, out.list, items->items[i]);
    if (v.type != J_STRING)
        return out;
    struct jargs none = { 0 };
    return f_join(r, out, &none);
}

static struct jvalue f_items(struct jrun *r, struct jvalue v, const struct jargs *args)
{
    struct jargs none = { 0 };
    (void)args;
    if (v.type == J_UNDEFINED)
        return jlist_new(r, J_LIST);
    if (v.type != J_DICT)
        return jfail(r, "items of '%s'", jtype_name(v));
    return jmethod_call(r, v, SLICE("items"), &none);
}

/* Stable insertion sort by attribute, without regard to case unless asked. */
static struct jvalue f_sort(struct jrun *r, struct jvalue v, const struct jargs *args)
{
    bool reverse = jtruth(jarg_get(args, 0, "reverse"));
    bool exact = jtruth(jarg_get(args, 1, "case_sensitive"));
    struct jvalue path = jarg_get(args, 2, "attribute"), out = jlist_new(r, J_LIST);
    struct jvalue keys = jlist_new(r, J_LIST);
    struct jlist *items = jiterate(r, v), *l = out.list, *k = keys.list;
    for (ptrdiff_t i = 0; items && i < items->count && !r->failed; i++) {
        struct jvalue item = items->items[i];
        struct jvalue key = given(path) ? attribute_of(r, item, path) : item;
        if (key.type == J_STRING && !exact)
            key = text_method(r, key, "lower");
        jlist_add(r, l, item);
        jlist_add(r, k, key);
        ptrdiff_t at = i;
        int order = 0;
        for (; at > 0 && !r->failed; at--) {
            r->steps++;
            if (!jcompare(r, k->items[at - 1], key, &order) || (reverse ? order >= 0 : order <= 0))
                break;
            l->items[at] = l->items[at - 1];
            k->items[at] = k->items[at - 1];
        }
        l->items[at] = item;
        k->items[at] = key;
    }
    return out;
}

static struct jvalue f_dictsort(struct jrun *r, struct jvalue v, const struct jargs *args)
{
    struct jargs by = { 0 };
    slice names[] = { SLICE("attribute"), SLICE("reverse") };
    struct jvalue named[] = { jint(0), jarg_get(args, 2, "reverse") };
    struct jvalue which = jarg_get(args, 1, "by");
    if (which.type == J_STRING && slice_eq(which.s, SLICE("value")))
        named[0] = jint(1);
    by.names = names;
    by.named = named;
    by.named_count = 2;
    return f_sort(r, f_items(r, v, args), &by);
}

static struct jvalue f_unique(struct jrun *r, struct jvalue v, const struct jargs *args)
{
    struct jlist *items = jiterate(r, v);
    struct jvalue out = jlist_new(r, J_LIST);
    (void)args;
    for (ptrdiff_t i = 0; items && i < items->count && !r->failed; i++) {
        r->steps += out.list->count;
        if (!jcontains(r, items->items[i], out))
            jlist_add(r, out.list, items->items[i]);
    }
    return out;
}

static struct jvalue extreme(struct jrun *r, struct jvalue v, int sign)
{
    struct jlist *items = jiterate(r, v);
    if (!items || !items->count)
        return jundefined(SLICE("the extreme of nothing"));
    struct jvalue best = items->items[0];
    for (ptrdiff_t i = 1; i < items->count && !r->failed; i++) {
        int order;
        if (jcompare(r, items->items[i], best, &order) && order * sign > 0)
            best = items->items[i];
    }
    return best;
}

static struct jvalue f_max(struct jrun *r, struct jvalue v, const struct jargs *args)
{
    (void)args;
    return extreme(r, v, 1);
}

static struct jvalue f_min(struct jrun *r, struct jvalue v, const struct jargs *args)
{
    (void)args;
    return extreme(r, v, -1);
}

static struct jvalue f_sum(struct jrun *r, struct jvalue v, const struct jargs *args)
{
    struct jvalue path = jarg_get(args, 0, "attribute");
    struct jlist *items = jiterate(r, v);
    double f = 0;
    int64_t n = 0;
    bool is_float = false;
    for (ptrdiff_t i = 0; items && i < items->count && !r->failed; i++) {
        struct jvalue item = given(path) ? attribute_of(r, items->items[i], path) : items->items[i];
        if (!jis_number(item))
            return jfail(r, "sum of '%s'", jtype_name(item));
        is_float |= item.type == J_FLOAT;
        f += jnumber(item);
        if (item.type != J_FLOAT && __builtin_add_overflow(n, jinteger(item), &n))
            return jfail(r, "integer overflow");
    }
    return is_float ? jfloat(f) : jint(n);
}

/* map(attribute="x", default=y) or map("filter", ...) */
static struct jvalue f_map(struct jrun *r, struct jvalue v, const struct jargs *args)
{
    struct jvalue path = jarg_get(args, INT_MAX, "attribute");
    struct jvalue def = jarg_get(args, INT_MAX, "default");
    struct jlist *items = jiterate(r, v);
    struct jvalue out = jlist_new(r, J_LIST);
    struct jargs rest = *args;
    int id = -1;
    if (!given(path)) {
        if (!args->count || args->positional[0].type != J_STRING)
            return jfail(r, "map needs a filter or attribute=");
        id = jfilter_find(args->positional[0].s);
        if (id < 0)
            return jfail(r, "unknown filter %s", ERR_QUOTE(args->positional[0].s));
        rest.positional++;
        rest.count--;
    }
    for (ptrdiff_t i = 0; items && i < items->count && !r->failed; i++) {
        struct jvalue item = items->items[i];
        item = id < 0 ? attribute_of(r, item, path) : jfilter_apply(r, id, item, &rest);
        jlist_add(r, out.list, given(item) || !given(def) ? item : def);
    }
    return out;
}

/* select, reject, selectattr, rejectattr: the items whose value passes a test (or is true). */
static struct jvalue choose(struct jrun *r, struct jvalue v, const struct jargs *args, bool attr,
                            bool want)
{
    struct jlist *items = jiterate(r, v);
    struct jvalue out = jlist_new(r, J_LIST);
    struct jargs rest = *args;
    struct jvalue path = jundefined(SLICE("")), name;
    if (attr) {
        if (!rest.count)
            return jfail(r, "selectattr needs an attribute");
        path = *rest.positional++;
        rest.count--;
    }
    int id = -1;
    if (rest.count) {
        name = *rest.positional++;
        rest.count--;
        id = name.type == J_STRING ? jtest_find(name.s) : -1;
        if (id < 0)
            return jfail(r, "unknown test %s", ERR_QUOTE(jtext(r, name)));
    }
    for (ptrdiff_t i = 0; items && i < items->count && !r->failed; i++) {
        struct jvalue item = attr ? attribute_of(r, items->items[i], path) : items->items[i];
        bool passes = id < 0 ? jtruth(item) : jtest_apply(r, id, item, &rest);
        if (passes == want)
            jlist_add(r, out.list, items->items[i]);
    }
    return out;
}

static struct jvalue f_select(struct jrun *r, struct jvalue v, const struct jargs *args)
{
    return choose(r, v, args, false, true);
}

static struct jvalue f_reject(struct jrun *r, struct jvalue v, const struct jargs *args)
{
    return choose(r, v, args, false, false);
}

static struct jvalue f_selectattr(struct jrun *r, struct jvalue v, const struct jargs *args)
{
    return choose(r, v, args, true, true);
}

static struct jvalue f_rejectattr(struct jrun *r, struct jvalue v, const struct jargs *args)
{
    return choose(r, v, args, true, false);
}

static const struct {
    const char *name;
    filter_fn *fn;
} filters[] = {
    { "trim", f_trim },
    { "upper", f_upper },
    { "lower", f_lower },
    { "title", f_title },
    { "capitalize", f_capitalize },
    { "replace", f_replace },
    { "string", f_string },
    { "safe", f_string },
    { "tojson", f_tojson },
    { "indent", f_indent },
    { "escape", f_escape },
    { "e", f_escape },
    { "int", f_int },
    { "float", f_float },
    { "abs", f_abs },
    { "round", f_round },
    { "default", f_default },
    { "d", f_default },
    { "length", f_length },
    { "count", f_length },
    { "join", f_join },
    { "first", f_first },
    { "last", f_last },
    { "list", f_list },
    { "reverse", f_reverse },
    { "items", f_items },
    { "sort", f_sort },
    { "dictsort", f_dictsort },
    { "unique", f_unique },
    { "max", f_max },
    { "min", f_min },
    { "sum", f_sum },
    { "map", f_map },
    { "select", f_select },
    { "reject", f_reject },
    { "selectattr", f_selectattr },
    { "rejectattr", f_rejectattr },
};

int jfilter_find(slice name)
{
    for (ptrdiff_t i = 0; i < countof(filters); i++)
        if (slice_eq(name, slice_of(filters[i].name)))
            return (int)i;
    return -1;
}

struct jvalue jfilter_apply(struct jrun *r, int id, struct jvalue v, const struct jargs *args)
{
    return filters[id].fn(r, v, args);
}

/* ---- tests ---- */

enum test {
    TEST_DEFINED,
    TEST_UNDEFINED,
    TEST_NONE,
    TEST_STRING,
    TEST_NUMBER,
    TEST_INTEGER,
    TEST_FLOAT,
    TEST_BOOLEAN,
    TEST_MAPPING,
    TEST_ITERABLE,
    TEST_SEQUENCE,
    TEST_TRUE,
    TEST_FALSE,
    TEST_EQ,
    TEST_NE,
    TEST_LT,
    TEST_LE,
    TEST_GT,
    TEST_GE,
    TEST_IN,
    TEST_ODD,
    TEST_EVEN,
    TEST_DIVISIBLE,
    TEST_CALLABLE,
    TEST_LOWER,
    TEST_UPPER,
    TEST_SAMEAS,
};

static const struct {
    const char *name;
    enum test test;
} tests[] = {
    { "defined", TEST_DEFINED },
    { "undefined", TEST_UNDEFINED },
    { "none", TEST_NONE },
    { "string", TEST_STRING },
    { "number", TEST_NUMBER },
    { "integer", TEST_INTEGER },
    { "float", TEST_FLOAT },
    { "boolean", TEST_BOOLEAN },
    { "mapping", TEST_MAPPING },
    { "iterable", TEST_ITERABLE },
    { "sequence", TEST_SEQUENCE },
    { "true", TEST_TRUE },
    { "false", TEST_FALSE },
    { "eq", TEST_EQ },
    { "equalto", TEST_EQ },
    { "==", TEST_EQ },
    { "ne", TEST_NE },
    { "!=", TEST_NE },
    { "lt", TEST_LT },
    { "lessthan", TEST_LT },
    { "<", TEST_LT },
    { "le", TEST_LE },
    { "<=", TEST_LE },
    { "gt", TEST_GT },
    { "greaterthan", TEST_GT },
    { ">", TEST_GT },
    { "ge", TEST_GE },
    { ">=", TEST_GE },
    { "in", TEST_IN },
    { "odd", TEST_ODD },
    { "even", TEST_EVEN },
    { "divisibleby", TEST_DIVISIBLE },
    { "callable", TEST_CALLABLE },
    { "lower", TEST_LOWER },
    { "upper", TEST_UPPER },
    { "sameas", TEST_SAMEAS },
};

int jtest_find(slice name)
{
    for (ptrdiff_t i = 0; i < countof(tests); i++)
        if (slice_eq(name, slice_of(tests[i].name)))
            return (int)i;
    return -1;
}

static bool test_order(struct jrun *r, enum test t, struct jvalue v, struct jvalue with)
{
    int order;
    if (!jcompare(r, v, with, &order))
        return false;
    if (t == TEST_LT || t == TEST_LE)
        return order < (t == TEST_LE);
    return order > -(t == TEST_GE);
}

static bool test_divides(struct jrun *r, enum test t, struct jvalue v, struct jvalue by)
{
    int64_t n = t == TEST_DIVISIBLE ? (by.type == J_INT ? by.i : 0) : 2;
    if ((v.type != J_INT && v.type != J_BOOL) || n == 0) {
        jfail(r, "test of '%s' for divisibility", jtype_name(v));
        return false;
    }
    return (n == -1 || jinteger(v) % n == 0) == (t != TEST_ODD);
}

bool jtest_apply(struct jrun *r, int id, struct jvalue v, const struct jargs *args)
{
    enum test t = tests[id].test;
    struct jvalue with = jarg_get(args, 0, "other");
    struct jargs none = { 0 };
    switch (t) {
    case TEST_DEFINED:
        return v.type != J_UNDEFINED;
    case TEST_UNDEFINED:
        return v.type == J_UNDEFINED;
    case TEST_NONE:
        return v.type == J_NONE;
    case TEST_STRING:
        return v.type == J_STRING;
    case TEST_NUMBER:
        return jis_number(v);
    case TEST_INTEGER:
        return v.type == J_INT;
    case TEST_FLOAT:
        return v.type == J_FLOAT;
    case TEST_BOOLEAN:
        return v.type == J_BOOL;
    case TEST_MAPPING:
        return v.type == J_DICT;
    case TEST_ITERABLE:
    case TEST_SEQUENCE:
        return jis_list(v) || v.type == J_STRING || v.type == J_DICT || v.type == J_UNDEFINED;
    case TEST_TRUE:
    case TEST_FALSE:
        return v.type == J_BOOL && v.b == (t == TEST_TRUE);
    case TEST_EQ:
    case TEST_NE:
        return jequal(v, with) == (t == TEST_EQ);
    case TEST_IN:
        return jcontains(r, v, with);
    case TEST_ODD:
    case TEST_EVEN:
    case TEST_DIVISIBLE:
        return test_divides(r, t, v, with);
    case TEST_CALLABLE:
        return v.type == J_MACRO || v.type == J_METHOD || v.type == J_GLOBAL;
    case TEST_LOWER:
    case TEST_UPPER:
        return jmethod_call(r, jstring(jtext(r, v)),
                            t == TEST_LOWER ? SLICE("islower") : SLICE("isupper"), &none)
            .b;
    case TEST_SAMEAS:
        return v.type == with.type && jequal(v, with);
    default:
        return test_order(r, t, v, with);
    }
}
