/* Values: containers, equality and order, text in Python's forms. */
#include "jinja_private.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- containers ---- */

struct jvalue jlist_new(struct jrun *r, enum jtype type)
{
    return (struct jvalue){ .type = type, .list = arena_new(r->arena, struct jlist, 1) };
}

void jlist_add(struct jrun *r, struct jlist *l, struct jvalue v)
{
    if (l->count == l->cap) {
        ptrdiff_t cap = MAX(4, 2 * l->cap), size = (ptrdiff_t)sizeof v;
        l->items = arena_grow(r->arena, l->items, l->cap * size, cap * size, 8);
        l->cap = cap;
    }
    l->items[l->count++] = v;
    if (r->steps++ > JINJA_STEPS_MAX)
        jfail(r, "the template runs too long");
}

struct jvalue jdict_new(struct jrun *r, enum jtype type)
{
    return (struct jvalue){ .type = type, .dict = arena_new(r->arena, struct jdict, 1) };
}

struct jvalue *jdict_get(const struct jdict *d, struct jvalue key)
{
    for (ptrdiff_t i = 0; i < d->count; i++)
        if (jequal(d->keys[i], key))
            return &d->values[i];
    return NULL;
}

struct jvalue *jdict_get_name(const struct jdict *d, slice name)
{
    return jdict_get(d, jstring(name));
}

void jdict_set(struct arena *arena, struct jdict *d, struct jvalue key, struct jvalue v)
{
    struct jvalue *old = jdict_get(d, key);
    if (old) {
        *old = v;
        return;
    }
    if (d->count == d->cap) {
        ptrdiff_t cap = MAX(4, 2 * d->cap), size = (ptrdiff_t)sizeof v;
        d->keys = arena_grow(arena, d->keys, d->cap * size, cap * size, 8);
        d->values = arena_grow(arena, d->values, d->cap * size, cap * size, 8);
        d->cap = cap;
    }
    d->keys[d->count] = key;
    d->values[d->count++] = v;
}

static struct jvalue number_of_json(slice text)
{
    struct json_node n = { .type = JSON_NUMBER, .text = text };
    int64_t i;
    double f = 0;
    bool plain =
        slice_find(text, '.') < 0 && slice_find(text, 'e') < 0 && slice_find(text, 'E') < 0;
    if (plain && json_int(&n, &i))
        return jint(i);
    json_double(&n, &f);
    return jfloat(f);
}

struct jvalue jvalue_of_json(struct jrun *r, const struct json_node *n)
{
    struct jvalue v;
    if (r->steps++ > JINJA_STEPS_MAX)
        return jfail(r, "the messages are too large");
    switch (n->type) {
    case JSON_TRUE:
        return jbool(true);
    case JSON_FALSE:
        return jbool(false);
    case JSON_NUMBER:
        return number_of_json(n->text);
    case JSON_STRING:
        return jstring(n->text);
    case JSON_ARRAY:
        v = jlist_new(r, J_LIST);
        for (const struct json_node *c = n->child; c && !r->failed; c = c->next)
            jlist_add(r, v.list, jvalue_of_json(r, c));
        return v;
    case JSON_OBJECT:
        v = jdict_new(r, J_DICT);
        for (const struct json_node *c = n->child; c && !r->failed; c = c->next) {
            r->steps += v.dict->count / 8; /* the search for an equal key */
            jdict_set(r->arena, v.dict, jstring(c->key), jvalue_of_json(r, c));
        }
        return v;
    default:
        return jnone();
    }
}

/* ---- truth, equality, order ---- */

bool jtruth(struct jvalue v)
{
    switch (v.type) {
    case J_UNDEFINED:
    case J_NONE:
        return false;
    case J_BOOL:
        return v.b;
    case J_INT:
        return v.i != 0;
    case J_FLOAT:
        return v.f != 0;
    case J_STRING:
        return v.s.len > 0;
    case J_LIST:
    case J_TUPLE:
        return v.list->count > 0;
    case J_DICT:
        return v.dict->count > 0;
    default:
        return true;
    }
}

/* Bounds the depth of comparisons: values cannot hold themselves, but may be nested deeply. */
static bool equal_at(struct jvalue a, struct jvalue b, int depth)
{
    if (jis_number(a) && jis_number(b)) {
        if (a.type != J_FLOAT && b.type != J_FLOAT)
            return jinteger(a) == jinteger(b);
        return jnumber(a) == jnumber(b);
    }
    if (a.type != b.type || depth > JSON_MAX_DEPTH)
        return false;
    switch (a.type) {
    case J_UNDEFINED:
    case J_NONE:
        return true;
    case J_STRING:
        return slice_eq(a.s, b.s);
    case J_LIST:
    case J_TUPLE:
        if (a.list->count != b.list->count)
            return false;
        for (ptrdiff_t i = 0; i < a.list->count; i++)
            if (!equal_at(a.list->items[i], b.list->items[i], depth + 1))
                return false;
        return true;
    case J_DICT:
        if (a.dict->count != b.dict->count)
            return false;
        for (ptrdiff_t i = 0; i < a.dict->count; i++) {
            struct jvalue *other = jdict_get(b.dict, a.dict->keys[i]);
            if (!other || !equal_at(a.dict->values[i], *other, depth + 1))
                return false;
        }
        return true;
    default:
        return a.dict == b.dict; /* the same object */
    }
}

bool jequal(struct jvalue a, struct jvalue b)
{
    return equal_at(a, b, 0);
}

bool jcompare(struct jrun *r, struct jvalue a, struct jvalue b, int *order)
{
    *order = 0;
    if (jis_number(a) && jis_number(b)) {
        if (a.type != J_FLOAT && b.type != J_FLOAT)
            *order = (jinteger(a) > jinteger(b)) - (jinteger(a) < jinteger(b));
        else
            *order = (jnumber(a) > jnumber(b)) - (jnumber(a) < jnumber(b));
        return true;
    }
    if (a.type == J_STRING && b.type == J_STRING) {
        *order = slice_cmp(a.s, b.s); /* bytes of UTF-8 order as code points */
        return true;
    }
    if (jis_list(a) && a.type == b.type) {
        for (ptrdiff_t i = 0; i < MIN(a.list->count, b.list->count); i++) {
            if (jequal(a.list->items[i], b.list->items[i]))
                continue;
            return jcompare(r, a.list->items[i], b.list->items[i], order);
        }
        *order = (a.list->count > b.list->count) - (a.list->count < b.list->count);
        return true;
    }
    jfail(r, "'%s' and '%s' cannot be ordered", jtype_name(a), jtype_name(b));
    return false;
}

bool jcontains(struct jrun *r, struct jvalue item, struct jvalue in)
{
    if (in.type == J_STRING) {
        if (item.type != J_STRING) {
            jfail(r, "'in' needs a string on its left, not '%s'", jtype_name(item));
            return false;
        }
        return item.s.len == 0 ||
               (in.s.len && memmem(in.s.ptr, (size_t)in.s.len, item.s.ptr, (size_t)item.s.len));
    }
    if (in.type == J_DICT)
        return jdict_get(in.dict, item) != NULL;
    if (in.type == J_UNDEFINED)
        return false;
    if (!jis_list(in)) {
        jfail(r, "'in' needs a container, not '%s'", jtype_name(in));
        return false;
    }
    for (ptrdiff_t i = 0; i < in.list->count; i++)
        if (jequal(in.list->items[i], item))
            return true;
    return false;
}

/* ---- strings as code points ---- */

ptrdiff_t jutf8_length(slice s)
{
    ptrdiff_t n = 0;
    for (ptrdiff_t i = 0; i < s.len; i++)
        n += (s.ptr[i] & 0xC0) != 0x80;
    return n;
}

ptrdiff_t jutf8_offset(slice s, ptrdiff_t index)
{
    ptrdiff_t i = 0;
    for (; i < s.len; i++)
        if ((s.ptr[i] & 0xC0) != 0x80 && index-- == 0)
            return i;
    return s.len;
}

ptrdiff_t jlength(struct jrun *r, struct jvalue v)
{
    if (v.type == J_STRING)
        return jutf8_length(v.s);
    if (jis_list(v))
        return v.list->count;
    if (v.type == J_DICT)
        return v.dict->count;
    if (v.type == J_UNDEFINED)
        return 0;
    jfail(r, "'%s' has no length", jtype_name(v));
    return -1;
}

struct jlist *jiterate(struct jrun *r, struct jvalue v)
{
    if (jis_list(v))
        return v.list;
    struct jlist *l = jlist_new(r, J_LIST).list;
    if (v.type == J_UNDEFINED)
        return l;
    if (v.type == J_DICT) {
        for (ptrdiff_t i = 0; i < v.dict->count; i++)
            jlist_add(r, l, v.dict->keys[i]);
        return l;
    }
    if (v.type == J_STRING) {
        for (ptrdiff_t i = 0, n; i < v.s.len; i += n) {
            for (n = 1; i + n < v.s.len && (v.s.ptr[i + n] & 0xC0) == 0x80; n++) {
            }
            jlist_add(r, l, jstring(slice_make(v.s.ptr + i, n)));
        }
        return l;
    }
    jfail(r, "'%s' cannot be iterated", jtype_name(v));
    return NULL;
}

/* ---- text ---- */

const char *jtype_name(struct jvalue v)
{
    static const char *const names[] = { "undefined", "none",  "bool",   "int",     "float",
                                         "string",    "list",  "tuple",  "dict",    "namespace",
                                         "loop",      "macro", "method", "function" };
    return names[v.type];
}

/* repr(float): the shortest digits that read back, exponent form beyond 1e16 and below 1e-4. */
static void float_text(struct buf *b, double f)
{
    char text[40];
    if (isnan(f) || isinf(f)) {
        buf_append(b, isnan(f) ? SLICE("nan") : f > 0 ? SLICE("inf") : SLICE("-inf"));
        return;
    }
    int digits = 1;
    for (; digits < 17; digits++) {
        snprintf(text, sizeof text, "%.*e", digits - 1, f);
        if (strtod(text, NULL) == f)
            break;
    }
    snprintf(text, sizeof text, "%.*e", digits - 1, f);
    int exponent = (int)strtol(strchr(text, 'e') + 1, NULL, 10);
    if (exponent < -4 || exponent >= 16) {
        char *e = strchr(text, 'e');
        buf_append(b, slice_make(text, e - text));
        buf_printf(b, "e%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
        return;
    }
    snprintf(text, sizeof text, "%.*f", MAX(1, digits - 1 - exponent), f);
    buf_append(b, slice_of(text));
}

static void string_repr(struct buf *b, slice s)
{
    char quote = slice_find(s, '\'') >= 0 && slice_find(s, '"') < 0 ? '"' : '\'';
    buf_append_byte(b, quote);
    for (ptrdiff_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c == '\\' || c == (unsigned char)quote)
            buf_printf(b, "\\%c", c);
        else if (c == '\n' || c == '\r' || c == '\t')
            buf_printf(b, "\\%c", c == '\n' ? 'n' : c == '\r' ? 'r' : 't');
        else if (c < 0x20 || c == 0x7F)
            buf_printf(b, "\\x%02x", c);
        else
            buf_append_byte(b, (char)c);
    }
    buf_append_byte(b, quote);
}

static void container_repr(struct jrun *r, struct buf *b, struct jvalue v, int depth)
{
    bool dict = v.type == J_DICT;
    ptrdiff_t count = dict ? v.dict->count : v.list->count;
    buf_append_byte(b, dict ? '{' : v.type == J_LIST ? '[' : '(');
    for (ptrdiff_t i = 0; i < count && !r->failed; i++) {
        if (i)
            buf_append(b, SLICE(", "));
        jrepr(r, b, dict ? v.dict->keys[i] : v.list->items[i], depth + 1);
        if (dict) {
            buf_append(b, SLICE(": "));
            jrepr(r, b, v.dict->values[i], depth + 1);
        }
    }
    if (v.type == J_TUPLE && count == 1)
        buf_append_byte(b, ',');
    buf_append_byte(b, dict ? '}' : v.type == J_LIST ? ']' : ')');
}

/* repr(v). The buffer's maximum bounds the work. */
void jrepr(struct jrun *r, struct buf *b, struct jvalue v, int depth)
{
    if (depth > JSON_MAX_DEPTH || b->overflow || r->steps++ > JINJA_STEPS_MAX) {
        jfail(r, "the text of a value is too long");
        return;
    }
    switch (v.type) {
    case J_UNDEFINED:
        buf_append(b, SLICE("Undefined"));
        break;
    case J_NONE:
        buf_append(b, SLICE("None"));
        break;
    case J_BOOL:
        buf_append(b, v.b ? SLICE("True") : SLICE("False"));
        break;
    case J_INT:
        buf_append_i64(b, v.i);
        break;
    case J_FLOAT:
        float_text(b, v.f);
        break;
    case J_STRING:
        string_repr(b, v.s);
        break;
    case J_LIST:
    case J_TUPLE:
    case J_DICT:
        container_repr(r, b, v, depth);
        break;
    default:
        jfail(r, "'%s' has no text", jtype_name(v));
    }
}

slice jbuf_text(struct jrun *r, struct buf *b)
{
    slice s = arena_dup(r->arena, buf_slice(b));
    r->steps += b->len / 64;
    buf_release(b);
    return s;
}

slice jtext(struct jrun *r, struct jvalue v)
{
    if (v.type == J_STRING)
        return v.s;
    if (v.type == J_UNDEFINED)
        return SLICE("");
    struct buf b = { .max = JINJA_OUTPUT_MAX };
    jrepr(r, &b, v, 0);
    return jbuf_text(r, &b);
}

/* ---- JSON as json.dumps(ensure_ascii=False) writes it ---- */

static void json_break(struct buf *b, int indent, int depth)
{
    if (indent < 0)
        return;
    buf_append_byte(b, '\n');
    for (int i = 0; i < indent * depth; i++)
        buf_append_byte(b, ' ');
}

static void json_container(struct jrun *r, struct buf *b, struct jvalue v, int indent, int depth)
{
    bool dict = v.type == J_DICT;
    ptrdiff_t count = dict ? v.dict->count : v.list->count;
    buf_append_byte(b, dict ? '{' : '[');
    for (ptrdiff_t i = 0; i < count && !r->failed; i++) {
        if (i)
            buf_append(b, indent < 0 ? SLICE(", ") : SLICE(","));
        json_break(b, indent, depth + 1);
        if (dict) {
            json_append_bytes(b, jtext(r, v.dict->keys[i]));
            buf_append(b, SLICE(": "));
        }
        jjson(r, b, dict ? v.dict->values[i] : v.list->items[i], indent, depth + 1);
    }
    if (count)
        json_break(b, indent, depth);
    buf_append_byte(b, dict ? '}' : ']');
}

void jjson(struct jrun *r, struct buf *b, struct jvalue v, int indent, int depth)
{
    if (depth > JSON_MAX_DEPTH || b->overflow || r->steps++ > JINJA_STEPS_MAX) {
        jfail(r, "the text of a value is too long");
        return;
    }
    switch (v.type) {
    case J_NONE:
        buf_append(b, SLICE("null"));
        break;
    case J_BOOL:
        buf_append(b, v.b ? SLICE("true") : SLICE("false"));
        break;
    case J_INT:
    case J_FLOAT:
        jrepr(r, b, v, depth);
        break;
    case J_STRING:
        json_append_bytes(b, v.s);
        break;
    case J_LIST:
    case J_TUPLE:
    case J_DICT:
        json_container(r, b, v, indent, depth);
        break;
    default:
        jfail(r, "'%s' cannot be written as JSON", jtype_name(v));
    }
}
