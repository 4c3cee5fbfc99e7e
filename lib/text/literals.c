#include "literals.h"

#include "../hash.h"
#include "../unicode.h"

struct node {
    int32_t fail;   /* the longest proper suffix that is a prefix of a string */
    int32_t output; /* the nearest node on the way of failures where a string ends; -1: none */
    int32_t depth;  /* bytes */
    int32_t ends;   /* a string ends here: its number + 1 */
};

struct edge {
    uint64_t key; /* node << 8 | byte, + 1; 0: free */
    int32_t to;
};

struct literals {
    struct arena *arena;
    struct node *nodes;
    ptrdiff_t count, room;
    struct edge *edges;
    uint64_t mask;
    ptrdiff_t strings;
    int32_t root[256];
};

slice literals_fold(slice text, struct arena *arena)
{
    ptrdiff_t i = 0;

    while (i < text.len && (unsigned char)text.ptr[i] < 0x80 &&
           !(text.ptr[i] >= 'A' && text.ptr[i] <= 'Z'))
        i++;
    if (i == text.len)
        return text;
    /* One code point of two bytes may become one of three. */
    char *out = arena_alloc_raw(arena, i + (text.len - i) * 3 / 2 + 8 + RECORD_PADDING, 1);
    char *p = out + i;
    memcpy(out, text.ptr, (size_t)i);
    while (i < text.len) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c < 0x80) {
            *p++ = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
            i++;
        } else {
            uint32_t cp;
            i += uni_decode(text.ptr + i, &cp);
            p += uni_encode(p, uni_lower(cp));
        }
    }
    arena_trim(arena, p + RECORD_PADDING);
    return slice_make(out, p - out);
}

/* ---- building ---- */

static uint64_t slot_of(const struct literals *l, uint64_t key)
{
    uint64_t at = key * 0x9E3779B97F4A7C15u >> 20 & l->mask;

    while (l->edges[at].key && l->edges[at].key != key)
        at = (at + 1) & l->mask;
    return at;
}

static inline int32_t step(const struct literals *l, int32_t node, unsigned char c)
{
    if (node == 0)
        return l->root[c];
    const struct edge *e = &l->edges[slot_of(l, ((uint64_t)node << 8 | c) + 1)];
    return e->key ? e->to : -1;
}

struct literals *literals_new(struct arena *arena)
{
    struct literals *l = arena_new(arena, struct literals, 1);

    l->arena = arena;
    l->mask = 1023;
    l->edges = arena_new(arena, struct edge, (ptrdiff_t)l->mask + 1);
    l->room = 256;
    l->nodes = arena_new(arena, struct node, l->room);
    l->count = 1;
    memset(l->root, 0xFF, sizeof l->root);
    return l;
}

static void grow(struct literals *l)
{
    ptrdiff_t size = (ptrdiff_t)sizeof *l->nodes;

    if (l->count == l->room) {
        l->nodes = arena_grow(l->arena, l->nodes, l->room * size, l->room * 2 * size,
                              _Alignof(struct node));
        l->room *= 2;
    }
    if ((uint64_t)l->count * 2 < l->mask)
        return;
    struct edge *old = l->edges;
    uint64_t n = l->mask + 1;
    l->mask = n * 2 - 1;
    l->edges = arena_new(l->arena, struct edge, (ptrdiff_t)n * 2);
    for (uint64_t i = 0; i < n; i++)
        if (old[i].key)
            l->edges[slot_of(l, old[i].key)] = old[i];
}

void literals_add(struct literals *l, slice text)
{
    struct arena temp = { 0 };
    slice s = literals_fold(text, &temp);
    int32_t node = 0;

    for (ptrdiff_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        int32_t next = step(l, node, c);
        if (next < 0) {
            grow(l);
            next = (int32_t)l->count++;
            l->nodes[next] = (struct node){ .depth = l->nodes[node].depth + 1, .output = -1 };
            uint64_t key = ((uint64_t)node << 8 | c) + 1;
            l->edges[slot_of(l, key)] = (struct edge){ key, next };
            if (node == 0)
                l->root[c] = next;
        }
        node = next;
    }
    if (node > 0 && !l->nodes[node].ends)
        l->nodes[node].ends = (int32_t)++l->strings;
    arena_release(&temp);
}

ptrdiff_t literals_count(const struct literals *l)
{
    return l->strings;
}

/* Failures in the order of depth: nodes by a counting sort, each with the edge that leads to it. */
void literals_ready(struct literals *l)
{
    struct arena temp = { 0 };
    ptrdiff_t deepest = 0;

    for (ptrdiff_t i = 0; i < l->count; i++)
        deepest = MAX(deepest, l->nodes[i].depth);
    ptrdiff_t *starts = arena_new(&temp, ptrdiff_t, deepest + 2);
    uint64_t *incoming = arena_new(&temp, uint64_t, l->count);
    int32_t *order = arena_new(&temp, int32_t, l->count);
    for (uint64_t i = 0; i <= l->mask; i++)
        if (l->edges[i].key)
            incoming[l->edges[i].to] = l->edges[i].key - 1;
    for (ptrdiff_t i = 0; i < l->count; i++)
        starts[l->nodes[i].depth + 1]++;
    for (ptrdiff_t d = 1; d <= deepest + 1; d++)
        starts[d] += starts[d - 1];
    for (ptrdiff_t i = 0; i < l->count; i++)
        order[starts[l->nodes[i].depth]++] = (int32_t)i;
    l->nodes[0].output = -1;
    for (ptrdiff_t k = 1; k < l->count; k++) {
        struct node *n = &l->nodes[order[k]];
        int32_t parent = (int32_t)(incoming[order[k]] >> 8), fail = 0;
        unsigned char c = (unsigned char)incoming[order[k]];
        if (parent > 0)
            for (int32_t f = l->nodes[parent].fail;; f = l->nodes[f].fail) {
                int32_t to = step(l, f, c);
                fail = MAX(to, 0);
                if (to >= 0 || f == 0)
                    break;
            }
        n->fail = fail;
        n->output = l->nodes[fail].ends ? fail : l->nodes[fail].output;
    }
    arena_release(&temp);
}

/* ---- finding ---- */

static bool word_cp(uint32_t cp)
{
    int major = uni_category(cp) >> 8;

    return major == 'L' || major == 'N' || cp == '_';
}

static bool stands_alone(slice text, ptrdiff_t start, ptrdiff_t end)
{
    uint32_t cp;

    if (start > 0 && (uni_decode_back(text.ptr, text.ptr + start, &cp), word_cp(cp)))
        return false;
    if (end < text.len && (uni_decode(text.ptr + end, &cp), word_cp(cp)))
        return false;
    return true;
}

bool literals_find(const struct literals *l, slice text, bool alone, struct arena *temp, slice *hit)
{
    slice t = literals_fold(text, temp);
    int32_t node = 0;

    for (ptrdiff_t i = 0; i < t.len; i++) {
        unsigned char c = (unsigned char)t.ptr[i];
        int32_t next = step(l, node, c);
        while (next < 0 && node > 0) {
            node = l->nodes[node].fail;
            next = step(l, node, c);
        }
        node = MAX(next, 0);
        int32_t out = l->nodes[node].ends ? node : l->nodes[node].output;
        for (; out > 0; out = l->nodes[out].output) {
            ptrdiff_t start = i + 1 - l->nodes[out].depth;
            if (!alone || stands_alone(t, start, i + 1)) {
                *hit = slice_make(t.ptr + start, i + 1 - start);
                return true;
            }
        }
    }
    return false;
}
