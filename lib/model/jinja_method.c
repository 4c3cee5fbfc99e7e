/* Methods of strings, dicts and lists, the loop variable, and the global functions. */
#include "jinja_private.h"
#include "../unicode.h"

/* ---- strings ---- */

/* The code point at s[i], and its length. */
static uint32_t decode(slice s, ptrdiff_t i, ptrdiff_t *n)
{
    unsigned char c = (unsigned char)s.ptr[i];
    uint32_t cp = c < 0x80 ? c : c < 0xE0 ? c & 31 : c < 0xF0 ? c & 15 : c & 7;
    for (*n = 1; i + *n < s.len && (s.ptr[i + *n] & 0xC0) == 0x80; ++*n)
        cp = cp << 6 | (s.ptr[i + *n] & 63u);
    return cp;
}

static bool stripped(slice one, uint32_t cp, slice chars)
{
    if (!chars.len)
        return uni_is_space_python(cp);
    return memmem(chars.ptr, (size_t)chars.len, one.ptr, (size_t)one.len) != NULL;
}

slice jstrip(slice s, slice chars, bool left, bool right)
{
    ptrdiff_t n;
    while (left && s.len) {
        uint32_t cp = decode(s, 0, &n);
        if (!stripped(slice_make(s.ptr, n), cp, chars))
            break;
        s = slice_from(s, n);
    }
    while (right && s.len) {
        ptrdiff_t at = s.len - 1;
        while (at > 0 && (s.ptr[at] & 0xC0) == 0x80)
            at--;
        uint32_t cp = decode(s, at, &n);
        if (!stripped(slice_from(s, at), cp, chars))
            break;
        s.len = at;
    }
    return s;
}

slice jreplace(struct jrun *r, slice s, slice from, slice to, int64_t most)
{
    struct buf b = { .max = JINJA_OUTPUT_MAX };
    if (from.len == 0) { /* between all characters, as Python does */
        for (ptrdiff_t i = 0, n; i < s.len; i += n) {
            decode(s, i, &n);
            if (most-- != 0)
                buf_append(&b, to);
            buf_append(&b, slice_make(s.ptr + i, n));
        }
        if (most != 0)
            buf_append(&b, to);
    }
    while (from.len && most-- != 0) {
        const char *hit = s.len ? memmem(s.ptr, (size_t)s.len, from.ptr, (size_t)from.len) : NULL;
        if (!hit)
            break;
        buf_append(&b, slice_make(s.ptr, hit - s.ptr));
        buf_append(&b, to);
        s = slice_from(s, hit - s.ptr + from.len);
    }
    if (from.len)
        buf_append(&b, s);
    if (b.overflow)
        jfail(r, "a string is too long");
    return jbuf_text(r, &b);
}

static void put(struct buf *b, uint32_t cp)
{
    char *p = buf_reserve(b, 4);
    if (!p)
        return;
    if (cp < 0x80) {
        p[0] = (char)cp;
        b->len++;
        return;
    }
    int n = cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
    for (int i = n - 1; i > 0; i--, cp >>= 6)
        p[i] = (char)(0x80 | (cp & 63));
    p[0] = (char)((n == 2 ? 0xC0 : n == 3 ? 0xE0 : 0xF0) | cp);
    b->len += n;
}

enum letter_case { CASE_UPPER, CASE_LOWER, CASE_TITLE, CASE_CAPITAL };

static struct jvalue change_case(struct jrun *r, slice s, enum letter_case how)
{
    struct buf b = { .max = JINJA_OUTPUT_MAX };
    bool in_word = false;
    for (ptrdiff_t i = 0, n; i < s.len; i += n) {
        uint32_t cp = decode(s, i, &n);
        bool upper =
            how == CASE_UPPER || (how == CASE_TITLE && !in_word) || (how == CASE_CAPITAL && i == 0);
        put(&b, upper ? uni_upper(cp) : uni_lower(cp));
        in_word = uni_upper(cp) != uni_lower(cp);
    }
    return jstring(jbuf_text(r, &b));
}

static struct jvalue split_space(struct jrun *r, slice s, int64_t most)
{
    struct jvalue v = jlist_new(r, J_LIST);
    s = jstrip(s, SLICE(""), true, false);
    while (s.len && most-- != 0) {
        ptrdiff_t i = 0, n;
        for (; i < s.len && !uni_is_space_python(decode(s, i, &n)); i += n) {
        }
        jlist_add(r, v.list, jstring(slice_make(s.ptr, i)));
        s = jstrip(slice_from(s, i), SLICE(""), true, false);
    }
    if (s.len)
        jlist_add(r, v.list, jstring(jstrip(s, SLICE(""), false, true)));
    return v;
}

static struct jvalue split(struct jrun *r, slice s, const struct jargs *args)
{
    struct jvalue by = jarg_get(args, 0, "sep"), limit = jarg_get(args, 1, "maxsplit");
    int64_t most = limit.type == J_INT ? limit.i : -1;
    if (by.type != J_STRING)
        return split_space(r, s, most);
    if (!by.s.len)
        return jfail(r, "split by an empty string");
    struct jvalue v = jlist_new(r, J_LIST);
    const char *hit;
    while (most-- != 0 && s.len &&
           (hit = memmem(s.ptr, (size_t)s.len, by.s.ptr, (size_t)by.s.len))) {
        jlist_add(r, v.list, jstring(slice_make(s.ptr, hit - s.ptr)));
        s = slice_from(s, hit - s.ptr + by.s.len);
    }
    jlist_add(r, v.list, jstring(s));
    return v;
}

static struct jvalue rsplit(struct jrun *r, slice s, const struct jargs *args)
{
    struct jvalue by = jarg_get(args, 0, "sep"), limit = jarg_get(args, 1, "maxsplit");
    int64_t most = limit.type == J_INT ? limit.i : -1;
    if (by.type != J_STRING || !by.s.len)
        return jfail(r, "rsplit needs a separator");
    struct jvalue back = jlist_new(r, J_LIST), v = jlist_new(r, J_LIST);
    for (ptrdiff_t at = s.len - by.s.len; at >= 0 && most != 0; at--)
        if (slice_starts(slice_from(s, at), by.s)) {
            jlist_add(r, back.list, jstring(slice_from(s, at + by.s.len)));
            s.len = at;
            at -= by.s.len - 1;
            most--;
        }
    jlist_add(r, v.list, jstring(s));
    for (ptrdiff_t i = back.list->count - 1; i >= 0; i--)
        jlist_add(r, v.list, back.list->items[i]);
    return v;
}

static struct jvalue splitlines(struct jrun *r, slice s)
{
    struct jvalue v = jlist_new(r, J_LIST);
    while (s.len) {
        ptrdiff_t n = 0;
        while (n < s.len && s.ptr[n] != '\n' && s.ptr[n] != '\r')
            n++;
        jlist_add(r, v.list, jstring(slice_make(s.ptr, n)));
        if (n + 1 < s.len && s.ptr[n] == '\r' && s.ptr[n + 1] == '\n')
            n++;
        s = slice_from(s, MIN(s.len, n + 1));
    }
    return v;
}

/* startswith and endswith: a string or a tuple of them. */
static struct jvalue affix(struct jrun *r, slice s, struct jvalue what, bool end)
{
    if (what.type == J_STRING)
        return jbool(end ? slice_ends(s, what.s) : slice_starts(s, what.s));
    if (what.type != J_TUPLE)
        return jfail(r, "%s needs a string", end ? "endswith" : "startswith");
    for (ptrdiff_t i = 0; i < what.list->count; i++)
        if (affix(r, s, what.list->items[i], end).b)
            return jbool(true);
    return jbool(false);
}

static struct jvalue find(struct jrun *r, slice s, const struct jargs *args, bool last)
{
    struct jvalue what = jarg_get(args, 0, "sub");
    if (what.type != J_STRING)
        return jfail(r, "find needs a string");
    ptrdiff_t hit = -1;
    for (ptrdiff_t i = 0; i + what.s.len <= s.len; i++)
        if (slice_starts(slice_from(s, i), what.s)) {
            hit = i;
            if (!last)
                break;
        }
    return jint(hit < 0 ? -1 : jutf8_length(slice_make(s.ptr, hit)));
}

static struct jvalue count_of(struct jrun *r, slice s, const struct jargs *args)
{
    struct jvalue what = jarg_get(args, 0, "sub");
    if (what.type != J_STRING)
        return jfail(r, "count needs a string");
    int64_t n = 0;
    if (!what.s.len)
        return jint(jutf8_length(s) + 1);
    for (ptrdiff_t i = 0; i + what.s.len <= s.len;)
        if (slice_starts(slice_from(s, i), what.s)) {
            n++;
            i += what.s.len;
        } else {
            i++;
        }
    return jint(n);
}

static struct jvalue join(struct jrun *r, slice s, const struct jargs *args)
{
    struct jlist *items = jiterate(r, jarg_get(args, 0, "iterable"));
    struct buf b = { .max = JINJA_OUTPUT_MAX };
    for (ptrdiff_t i = 0; items && i < items->count && !r->failed; i++) {
        if (items->items[i].type != J_STRING)
            jfail(r, "join of '%s'", jtype_name(items->items[i]));
        buf_append(&b, i ? s : SLICE(""));
        buf_append(&b, jtext(r, items->items[i]));
    }
    if (b.overflow)
        jfail(r, "a string is too long");
    return jstring(jbuf_text(r, &b));
}

static bool all_of(slice s, char kind)
{
    for (ptrdiff_t i = 0, n; i < s.len; i += n) {
        uint32_t cp = decode(s, i, &n);
        int major = uni_category(cp) >> 8;
        bool digit = uni_category(cp) == UNI_CATEGORY('N', 'd');
        bool hit = kind == 's'   ? uni_is_space_python(cp)
                   : kind == 'd' ? digit
                   : kind == 'a' ? major == 'L'
                                 : digit || major == 'L';
        if (!hit)
            return false;
    }
    return s.len > 0;
}

/* isupper and islower: some cased character, and all of them of that case. */
static bool all_case(slice s, bool upper)
{
    bool cased = false;
    for (ptrdiff_t i = 0, n; i < s.len; i += n) {
        uint32_t cp = decode(s, i, &n);
        if (uni_upper(cp) == uni_lower(cp))
            continue;
        cased = true;
        if (cp != (upper ? uni_upper(cp) : uni_lower(cp)))
            return false;
    }
    return cased;
}

enum method {
    M_NONE,
    M_STRIP,
    M_LSTRIP,
    M_RSTRIP,
    M_SPLIT,
    M_RSPLIT,
    M_SPLITLINES,
    M_STARTSWITH,
    M_ENDSWITH,
    M_UPPER,
    M_LOWER,
    M_TITLE,
    M_CAPITALIZE,
    M_REPLACE,
    M_FIND,
    M_RFIND,
    M_COUNT,
    M_JOIN,
    M_REMOVEPREFIX,
    M_REMOVESUFFIX,
    M_ISDIGIT,
    M_ISALPHA,
    M_ISALNUM,
    M_ISSPACE,
    M_ISUPPER,
    M_ISLOWER,
    M_ITEMS,
    M_KEYS,
    M_VALUES,
    M_GET,
    M_INDEX,
    M_LIST_COUNT,
    M_CYCLE,
    M_CHANGED,
    M_COPY,
};

static const struct {
    const char *name;
    enum jtype type;
    enum method method;
} methods[] = {
    { "strip", J_STRING, M_STRIP },
    { "lstrip", J_STRING, M_LSTRIP },
    { "rstrip", J_STRING, M_RSTRIP },
    { "split", J_STRING, M_SPLIT },
    { "rsplit", J_STRING, M_RSPLIT },
    { "splitlines", J_STRING, M_SPLITLINES },
    { "startswith", J_STRING, M_STARTSWITH },
    { "endswith", J_STRING, M_ENDSWITH },
    { "upper", J_STRING, M_UPPER },
    { "lower", J_STRING, M_LOWER },
    { "title", J_STRING, M_TITLE },
    { "capitalize", J_STRING, M_CAPITALIZE },
    { "replace", J_STRING, M_REPLACE },
    { "find", J_STRING, M_FIND },
    { "rfind", J_STRING, M_RFIND },
    { "count", J_STRING, M_COUNT },
    { "join", J_STRING, M_JOIN },
    { "removeprefix", J_STRING, M_REMOVEPREFIX },
    { "removesuffix", J_STRING, M_REMOVESUFFIX },
    { "isdigit", J_STRING, M_ISDIGIT },
    { "isnumeric", J_STRING, M_ISDIGIT },
    { "isalpha", J_STRING, M_ISALPHA },
    { "isalnum", J_STRING, M_ISALNUM },
    { "isspace", J_STRING, M_ISSPACE },
    { "isupper", J_STRING, M_ISUPPER },
    { "islower", J_STRING, M_ISLOWER },
    { "items", J_DICT, M_ITEMS },
    { "keys", J_DICT, M_KEYS },
    { "values", J_DICT, M_VALUES },
    { "get", J_DICT, M_GET },
    { "copy", J_DICT, M_COPY },
    { "index", J_LIST, M_INDEX },
    { "count", J_LIST, M_LIST_COUNT },
    { "copy", J_LIST, M_COPY },
    { "cycle", J_LOOP, M_CYCLE },
    { "changed", J_LOOP, M_CHANGED },
};

static enum method method_find(struct jvalue v, slice name)
{
    enum jtype type = v.type == J_TUPLE ? J_LIST : v.type;
    for (ptrdiff_t i = 0; i < countof(methods); i++)
        if (methods[i].type == type && slice_eq(name, slice_of(methods[i].name)))
            return methods[i].method;
    return M_NONE;
}

bool jmethod_exists(struct jvalue v, slice name)
{
    return method_find(v, name) != M_NONE;
}

static struct jvalue string_method(struct jrun *r, enum method m, slice s, const struct jargs *args)
{
    struct jvalue first = jarg_get(args, 0, ""), second = jarg_get(args, 1, "");
    slice chars = first.type == J_STRING ? first.s : SLICE("");
    switch (m) {
    case M_STRIP:
    case M_LSTRIP:
    case M_RSTRIP:
        return jstring(jstrip(s, chars, m != M_RSTRIP, m != M_LSTRIP));
    case M_SPLIT:
        return split(r, s, args);
    case M_RSPLIT:
        return rsplit(r, s, args);
    case M_SPLITLINES:
        return splitlines(r, s);
    case M_STARTSWITH:
    case M_ENDSWITH:
        return affix(r, s, first, m == M_ENDSWITH);
    case M_UPPER:
        return change_case(r, s, CASE_UPPER);
    case M_LOWER:
        return change_case(r, s, CASE_LOWER);
    case M_TITLE:
        return change_case(r, s, CASE_TITLE);
    case M_CAPITALIZE:
        return change_case(r, s, CASE_CAPITAL);
    case M_REPLACE:
        if (first.type != J_STRING || second.type != J_STRING)
            return jfail(r, "replace needs two strings");
        struct jvalue most = jarg_get(args, 2, "count");
        return jstring(jreplace(r, s, first.s, second.s, most.type == J_INT ? most.i : -1));
    case M_FIND:
    case M_RFIND:
        return find(r, s, args, m == M_RFIND);
    case M_COUNT:
        return count_of(r, s, args);
    case M_JOIN:
        return join(r, s, args);
    case M_REMOVEPREFIX:
        return jstring(slice_starts(s, chars) ? slice_from(s, chars.len) : s);
    case M_REMOVESUFFIX:
        return jstring(slice_ends(s, chars) ? slice_make(s.ptr, s.len - chars.len) : s);
    case M_ISDIGIT:
        return jbool(all_of(s, 'd'));
    case M_ISALPHA:
        return jbool(all_of(s, 'a'));
    case M_ISALNUM:
        return jbool(all_of(s, 'n'));
    case M_ISSPACE:
        return jbool(all_of(s, 's'));
    default:
        return jbool(all_case(s, m == M_ISUPPER));
    }
}

/* ---- dicts, lists, loops ---- */

static struct jvalue dict_items(struct jrun *r, const struct jdict *d, enum method m)
{
    struct jvalue v = jlist_new(r, J_LIST);
    for (ptrdiff_t i = 0; i < d->count && !r->failed; i++) {
        struct jvalue item = m == M_KEYS ? d->keys[i] : d->values[i];
        if (m == M_ITEMS) {
            item = jlist_new(r, J_TUPLE);
            jlist_add(r, item.list, d->keys[i]);
            jlist_add(r, item.list, d->values[i]);
        }
        jlist_add(r, v.list, item);
    }
    return v;
}

static struct jvalue list_find(struct jrun *r, struct jvalue self, struct jvalue item, bool count)
{
    int64_t n = 0;
    for (ptrdiff_t i = 0; i < self.list->count; i++)
        if (jequal(self.list->items[i], item)) {
            if (!count)
                return jint(i);
            n++;
        }
    return count ? jint(n) : jfail(r, "index: the item is not in the list");
}

static struct jvalue loop_changed(struct jloop *l, const struct jargs *args)
{
    struct jvalue now = jarg_get(args, 0, "");
    bool changed = !l->has_changed || !jequal(l->changed, now);
    l->changed = now;
    l->has_changed = true;
    return jbool(changed);
}

struct jvalue jloop_get(struct jrun *r, struct jloop *l, slice name)
{
    ptrdiff_t count = l->items->count, i = l->index;
    const struct {
        const char *name;
        struct jvalue v;
    } members[] = {
        { "index", jint(i + 1) },
        { "index0", jint(i) },
        { "first", jbool(i == 0) },
        { "last", jbool(i == count - 1) },
        { "length", jint(count) },
        { "revindex", jint(count - i) },
        { "revindex0", jint(count - i - 1) },
        { "depth", jint(1) },
        { "depth0", jint(0) }, /* of recursive loops, which are refused */
        { "previtem", i > 0 ? l->items->items[i - 1] : jundefined(SLICE("loop.previtem")) },
        { "nextitem", i + 1 < count ? l->items->items[i + 1] : jundefined(SLICE("loop.nextitem")) },
    };
    (void)r;
    for (ptrdiff_t m = 0; m < countof(members); m++)
        if (slice_eq(name, slice_of(members[m].name)))
            return members[m].v;
    return jundefined(name);
}

struct jvalue jmethod_call(struct jrun *r, struct jvalue self, slice name, const struct jargs *args)
{
    enum method m = method_find(self, name);
    struct jvalue *hit;
    switch (m) {
    case M_NONE:
        return jfail(r, "'%s' has no method %s", jtype_name(self), ERR_QUOTE(name));
    case M_ITEMS:
    case M_KEYS:
    case M_VALUES:
        return dict_items(r, self.dict, m);
    case M_GET:
        if ((hit = jdict_get(self.dict, jarg_get(args, 0, "key"))))
            return *hit;
        return args->count > 1                                    ? args->positional[1]
               : jarg_get(args, 1, "default").type == J_UNDEFINED ? jnone()
                                                                  : jarg_get(args, 1, "default");
    case M_COPY:
        return self; /* values never change */
    case M_INDEX:
    case M_LIST_COUNT:
        return list_find(r, self, jarg_get(args, 0, "value"), m == M_LIST_COUNT);
    case M_CYCLE:
        if (!args->count)
            return jfail(r, "cycle needs items");
        return args->positional[self.loop->index % args->count];
    case M_CHANGED:
        return loop_changed(self.loop, args);
    default:
        return string_method(r, m, self.s, args);
    }
}

/* ---- globals ---- */

static struct jvalue range(struct jrun *r, const struct jargs *args)
{
    int64_t at[3] = { 0, 0, 1 };
    for (int i = 0; i < args->count && i < 3; i++) {
        if (args->positional[i].type != J_INT)
            return jfail(r, "range needs integers");
        at[i] = args->positional[i].i;
    }
    int64_t from = args->count > 1 ? at[0] : 0, to = args->count > 1 ? at[1] : at[0];
    if (args->count < 1 || args->count > 3 || at[2] == 0)
        return jfail(r, "range needs one to three integers, the step not zero");
    if (from < -(1LL << 53) || from > 1LL << 53 || to < -(1LL << 53) || to > 1LL << 53 ||
        at[2] < -(1LL << 53) || at[2] > 1LL << 53)
        return jfail(r, "range is too long");
    struct jvalue v = jlist_new(r, J_LIST);
    for (int64_t i = from; (at[2] > 0 ? i < to : i > to) && !r->failed; i += at[2])
        jlist_add(r, v.list, jint(i));
    return v;
}

static struct jvalue dict_of(struct jrun *r, const struct jargs *args, enum jtype type)
{
    struct jvalue v = jdict_new(r, type);
    for (int i = 0; i < args->count; i++) {
        struct jvalue from = args->positional[i];
        if (from.type != J_DICT)
            return jfail(r, "expected a dict, not '%s'", jtype_name(from));
        for (ptrdiff_t k = 0; k < from.dict->count; k++)
            jdict_set(r->arena, v.dict, from.dict->keys[k], from.dict->values[k]);
    }
    for (int i = 0; i < args->named_count; i++)
        jdict_set(r->arena, v.dict, jstring(args->names[i]), args->named[i]);
    return v;
}

static const char *const globals[] = { "range", "namespace", "dict", "raise_exception" };

bool jglobal_exists(slice name)
{
    for (ptrdiff_t i = 0; i < countof(globals); i++)
        if (slice_eq(name, slice_of(globals[i])))
            return true;
    return false;
}

struct jvalue jglobal_call(struct jrun *r, slice name, const struct jargs *args)
{
    if (slice_eq(name, SLICE("range")))
        return range(r, args);
    if (slice_eq(name, SLICE("namespace")))
        return dict_of(r, args, J_NAMESPACE);
    if (slice_eq(name, SLICE("dict")))
        return dict_of(r, args, J_DICT);
    slice text = jtext(r, jarg_get(args, 0, "message"));
    return jfail(r, "raise_exception: %.*s", SLICE_ARG(text));
}
