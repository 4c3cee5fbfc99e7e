#include "json.h"

#include <math.h>
#include <stdlib.h>

#define INDEX_MIN 16 /* objects with more members get a hash index */

/* The text has been scanned before the tree is built: the builder trusts the grammar. */
struct builder {
    const char *start, *p;
    struct arena *arena;
    struct json_node *slab, *slab_end; /* nodes come in slabs that double */
    ptrdiff_t slab_count;
};

static struct json_node *node_new(struct builder *b)
{
    if (b->slab == b->slab_end) {
        b->slab_count = MIN(MAX(b->slab_count * 2, 16), 4096);
        b->slab = arena_new(b->arena, struct json_node, b->slab_count);
        b->slab_end = b->slab + b->slab_count;
    }
    return b->slab++;
}

static void skip_space(struct builder *b)
{
    while (*b->p == ' ' || *b->p == '\n' || *b->p == '\r' || *b->p == '\t')
        b->p++;
}

/* The string whose opening quote is at p, decoded. Moves p behind it. */
static slice take_string(struct builder *b)
{
    const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
    const char *first = ++b->p, *p = first;
    bool escaped = false;

    for (;;) { /* eight bytes at a time to the next quote or backslash; the text is padded */
        uint64_t v = load_u64(p), quote = v ^ ones * '"', back = v ^ ones * '\\';
        uint64_t hit = (((quote - ones) & ~quote) | ((back - ones) & ~back)) & tops;
        if (!hit) {
            p += 8;
            continue;
        }
        p += __builtin_ctzll(hit) >> 3;
        if (*p == '"')
            break;
        escaped = true;
        p += 2;
    }
    b->p = p + 1;
    slice raw = { first, p - first };
    if (!escaped)
        return raw;
    char *dst = arena_alloc_raw(b->arena, raw.len, 1);
    raw.len = json_unescape(raw, dst, JSON_SURROGATE_REPLACE, NULL, NULL);
    raw.ptr = dst;
    arena_trim(b->arena, dst + raw.len);
    return raw;
}

static void take_scalar(struct builder *b, struct json_node *n)
{
    const char *first = b->p;

    switch (*b->p) {
    case '"':
        n->type = JSON_STRING;
        n->text = take_string(b);
        return;
    case 't':
        n->type = JSON_TRUE;
        b->p += 4;
        return;
    case 'f':
        n->type = JSON_FALSE;
        b->p += 5;
        return;
    case 'n':
        n->type = JSON_NULL;
        b->p += 4;
        return;
    }
    n->type = JSON_NUMBER;
    while ((*b->p >= '0' && *b->p <= '9') || *b->p == '.' || *b->p == '-' || *b->p == '+' ||
           (*b->p | 0x20) == 'e')
        b->p++;
    n->text = (slice){ first, b->p - first };
}

/* ---- index ---- */

static inline uint64_t hash_mix(uint64_t h, uint64_t v)
{
    unsigned __int128 m = (unsigned __int128)(h ^ v) * 0xD6E8FEB86659FD93u;

    return (uint64_t)m ^ (uint64_t)(m >> 64);
}

static uint64_t hash_key(slice key)
{
    uint64_t h = 0x9E3779B97F4A7C15u ^ (uint64_t)key.len;
    const unsigned char *p = (const unsigned char *)key.ptr;
    ptrdiff_t left = key.len;

    for (; left >= 8; p += 8, left -= 8)
        h = hash_mix(h, load_u64(p));
    if (left >= 4)
        h = hash_mix(h, (uint64_t)load_u32(p) << 32 | load_u32(p + left - 4));
    else if (left > 0)
        h = hash_mix(h, (uint64_t)p[0] << 16 | (uint64_t)p[left / 2] << 8 | p[left - 1]);
    return hash_mix(h, 0xA0761D6478BD642Fu);
}

/* A power of two, at least twice the members, so that a search ends soon. */
static ptrdiff_t index_size(ptrdiff_t members)
{
    return (ptrdiff_t)1 << (65 - __builtin_clzll((uint64_t)members));
}

/* An entry of the index: a member, and 16 bits of its hash in the bits that addresses leave free, so
 * that an entry of another key is passed by without looking at the key (two cache misses). */
#define ADDRESS_BITS 48
#define ADDRESS_MASK (((uint64_t)1 << ADDRESS_BITS) - 1)

static struct json_node *entry_node(uint64_t entry)
{
    return (struct json_node *)(uintptr_t)(entry & ADDRESS_MASK);
}

/* The entry of the key with hash h, or the empty place where it belongs. */
static uint64_t *index_place(uint64_t *table, ptrdiff_t mask, slice key, uint64_t h)
{
    ptrdiff_t i = (ptrdiff_t)h & mask;

    while (table[i] &&
           (((table[i] ^ h) & ~ADDRESS_MASK) != 0 || !slice_eq(entry_node(table[i])->key, key)))
        i = (i + 1) & mask;
    return &table[i];
}

/* In groups: the places of a group come into the cache at once. Of equal keys the last stays. */
static void index_members(struct builder *b, struct json_node *object)
{
    enum { GROUP = 16 };
    ptrdiff_t size = index_size(object->count), n;
    uint64_t *table = arena_new(b->arena, uint64_t, size), hash[GROUP];

    for (struct json_node *m = object->child, *first = m; m; first = m) {
        for (n = 0; n < GROUP && m; n++, m = m->next) {
            hash[n] = hash_key(m->key);
            __builtin_prefetch(&table[(ptrdiff_t)hash[n] & (size - 1)], 1);
        }
        for (ptrdiff_t i = 0; i < n; i++, first = first->next) {
            ASSERT(((uint64_t)(uintptr_t)first & ~ADDRESS_MASK) == 0);
            *index_place(table, size - 1, first->key, hash[i]) =
                (hash[i] & ~ADDRESS_MASK) | (uint64_t)(uintptr_t)first;
        }
    }
    object->items = (void *)table;
}

/* The container is complete: elements by number, members by hash. */
static void finish(struct builder *b, struct json_node *n)
{
    if (n->type == JSON_ARRAY) {
        n->items = arena_alloc_raw(b->arena, n->count * (ptrdiff_t)sizeof *n->items,
                                   _Alignof(struct json_node *));
        ptrdiff_t i = 0;
        for (struct json_node *e = n->child; e; e = e->next)
            n->items[i++] = e;
    } else if (n->count > INDEX_MIN) {
        index_members(b, n);
    }
}

/* ---- tree ---- */

static struct json_node *build(struct builder *b)
{
    struct json_node *open[JSON_MAX_DEPTH], *last[JSON_MAX_DEPTH]; /* last child so far */
    int depth = 0;
    slice key = { NULL, 0 };

    for (;;) {
        struct json_node *n = node_new(b);
        skip_space(b);
        if (depth && open[depth - 1]->type == JSON_OBJECT) {
            key = take_string(b);
            skip_space(b);
            b->p++; /* the colon */
            skip_space(b);
        }
        n->key = key;
        n->offset = b->p - b->start;
        if (depth) {
            struct json_node *parent = open[depth - 1];
            *(parent->count++ ? &last[depth - 1]->next : &parent->child) = n;
            last[depth - 1] = n;
        }
        if (*b->p == '{' || *b->p == '[') {
            n->type = *b->p == '{' ? JSON_OBJECT : JSON_ARRAY;
            open[depth++] = n;
            key = (slice){ NULL, 0 };
            b->p++;
            skip_space(b);
            if (*b->p != '}' && *b->p != ']')
                continue;
        } else {
            take_scalar(b, n);
            skip_space(b);
        }
        while (depth && (*b->p == '}' || *b->p == ']')) {
            n = open[--depth];
            finish(b, n);
            b->p++;
            skip_space(b);
        }
        if (depth == 0)
            return n;
        b->p++; /* the comma */
        key = (slice){ NULL, 0 };
    }
}

struct json_node *json_parse(slice text, struct arena *arena, struct err *err)
{
    struct json_fault fault;

    char *copy = arena_alloc_raw(arena, text.len + RECORD_PADDING, 1);
    if (text.len)
        memcpy(copy, text.ptr, (size_t)text.len);
    memset(copy + text.len, 0, RECORD_PADDING);
    if (!json_scan((slice){ copy, text.len }, NULL, NULL, NULL, &fault)) {
        err_set(err, ERR_CONFIG, "byte %td: %s", fault.at, fault.what);
        return NULL;
    }
    return build(&(struct builder){ .start = copy, .p = copy, .arena = arena });
}

/* ---- access ---- */

struct json_node *json_get_slice(const struct json_node *n, slice key)
{
    struct json_node *found = NULL;

    if (!n || n->type != JSON_OBJECT)
        return NULL;
    if (n->items)
        return entry_node(
            *index_place((void *)n->items, index_size(n->count) - 1, key, hash_key(key)));
    for (struct json_node *m = n->child; m; m = m->next)
        if (slice_eq(m->key, key))
            found = m;
    return found;
}

struct json_node *json_get(const struct json_node *n, const char *key)
{
    return json_get_slice(n, slice_of(key));
}

slice json_get_string(const struct json_node *n, const char *key, slice def)
{
    const struct json_node *m = json_get(n, key);

    return m && m->type == JSON_STRING ? m->text : def;
}

int64_t json_get_int(const struct json_node *n, const char *key, int64_t def)
{
    int64_t v;

    return json_int(json_get(n, key), &v) ? v : def;
}

double json_get_double(const struct json_node *n, const char *key, double def)
{
    double v;

    return json_double(json_get(n, key), &v) ? v : def;
}

bool json_get_bool(const struct json_node *n, const char *key, bool def)
{
    const struct json_node *m = json_get(n, key);

    return m && (m->type == JSON_TRUE || m->type == JSON_FALSE) ? m->type == JSON_TRUE : def;
}

bool json_int(const struct json_node *n, int64_t *out)
{
    if (!n || n->type != JSON_NUMBER)
        return false;
    bool negative = n->text.ptr[0] == '-';
    uint64_t v = 0, limit = (uint64_t)INT64_MAX + negative;
    for (ptrdiff_t i = negative; i < n->text.len; i++) {
        char c = n->text.ptr[i];
        if (c < '0' || c > '9') { /* 1.0 and 1e3 are integers too */
            double x;
            if (!json_double(n, &x) || x != floor(x) || fabs(x) > 0x1p53)
                return false;
            *out = (int64_t)x;
            return true;
        }
        unsigned digit = (unsigned)(c - '0');
        if (v > (limit - digit) / 10)
            return false;
        v = v * 10 + digit;
    }
    *out = negative ? (int64_t)-v : (int64_t)v;
    return true;
}

bool json_double(const struct json_node *n, double *out)
{
    if (!n || n->type != JSON_NUMBER)
        return false;
    /* The character after the number, a delimiter or the padding's NUL, stops strtod. */
    double x = strtod(n->text.ptr, NULL);
    if (!isfinite(x))
        return false;
    *out = x;
    return true;
}
