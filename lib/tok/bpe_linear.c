#include "bpe_linear.h"

#include <stdlib.h>

#define NODES_MAX (1 << 24)

struct made {      /* of a token: by which merge, from what */
    uint32_t rank; /* + 1; 0: a byte */
    uint32_t left, right;
    uint32_t len; /* bytes; 0: the merges never give this token */
};

struct bpe_linear {
    struct made *made;  /* by id */
    uint32_t *shorter;  /* by id: the longest token that begins it; UINT32_MAX: none */
    uint32_t byte[256]; /* ids */
    uint32_t *two;      /* by two bytes: their node, 0: none */
    uint32_t *token;    /* by node: id, UINT32_MAX: none */
    uint64_t *slots;    /* node << 8 | byte, and in the upper half the node behind; 0: empty */
    int shift;
    uint32_t nodes;
};

static void *room(size_t count, size_t size)
{
    void *p = calloc(MAX(count, 1), size);

    if (!p)
        mem_oom();
    return p;
}

void bpe_linear_free(struct bpe_linear *l)
{
    if (!l)
        return;
    free(l->made);
    free(l->shorter);
    free(l->two);
    free(l->token);
    free(l->slots);
    free(l);
}

/* Do left and right come to stand side by side, when no merge of `limit` or later is done? */
static bool is_pair(const struct bpe_linear *l, const struct merges *m, uint32_t left,
                    uint32_t right, uint32_t limit)
{
    for (;;) {
        uint64_t value = merges_find(m, left, right);
        if (value >> 32 < limit)
            return false;
        const struct made *a = &l->made[left], *b = &l->made[right];
        if (a->rank > b->rank) { /* of equal merges the left one is done first, so undone last */
            limit = a->rank - 1;
            left = a->right;
        } else if (b->rank) {
            limit = b->rank;
            right = b->left;
        } else {
            return true;
        }
    }
}

/* How the merges make each token. False: a merge uses a token of a later one. */
static bool find_made(struct bpe_linear *l, const struct merges *m)
{
    for (ptrdiff_t k = 0; k < m->count; k++) {
        uint32_t left = m->pairs[k][0], right = m->pairs[k][1];
        uint64_t value = merges_find(m, left, right);
        struct made *t = &l->made[(uint32_t)value];
        uint32_t len = l->made[left].len + l->made[right].len;
        if (value >> 32 != (uint64_t)k || t->len || !l->made[left].len || !l->made[right].len)
            continue;
        if (is_pair(l, m, left, right, (uint32_t)k))
            *t = (struct made){ (uint32_t)k + 1, left, right, len };
    }
    for (ptrdiff_t k = 0; k < m->count; k++) {
        const struct made *left = &l->made[m->pairs[k][0]], *right = &l->made[m->pairs[k][1]];
        if (left->len && right->len && (left->rank > k || right->rank > k))
            return false;
    }
    return true;
}

static inline uint64_t *slot_of(const struct bpe_linear *l, uint32_t key)
{
    uint32_t mask = (uint32_t)(((uint64_t)1 << (64 - l->shift)) - 1);
    uint32_t at = (uint32_t)((key * 0x9E3779B97F4A7C15u) >> l->shift);

    while (l->slots[at] && (uint32_t)l->slots[at] != key)
        at = (at + 1) & mask;
    return &l->slots[at];
}

static bool add_token(struct bpe_linear *l, slice t, uint32_t id)
{
    const unsigned char *p = (const unsigned char *)t.ptr;

    if (t.len == 1) {
        l->byte[p[0]] = id;
        return true;
    }
    uint32_t *node = &l->two[p[0] << 8 | p[1]];
    if (!*node)
        *node = ++l->nodes;
    uint32_t at = *node;
    for (ptrdiff_t i = 2; i < t.len; i++) {
        uint64_t *slot = slot_of(l, at << 8 | p[i]);
        if (!*slot)
            *slot = (uint64_t)++l->nodes << 32 | at << 8 | p[i];
        at = (uint32_t)(*slot >> 32);
    }
    l->token[at] = id;
    return l->nodes < NODES_MAX - 1;
}

/* The longest token at p, less than `most` bytes long. */
static inline uint32_t longest(const struct bpe_linear *l, const unsigned char *p, ptrdiff_t most)
{
    uint32_t id = l->byte[p[0]], node;

    if (most < 2 || !(node = l->two[p[0] << 8 | p[1]]))
        return id;
    for (ptrdiff_t i = 2;; i++) {
        id = l->token[node] != UINT32_MAX ? l->token[node] : id;
        if (i >= most)
            return id;
        uint64_t slot = *slot_of(l, node << 8 | p[i]);
        if (!slot)
            return id;
        node = (uint32_t)(slot >> 32);
    }
}

static bool build_trie(struct bpe_linear *l, const slice *tokens, ptrdiff_t count)
{
    ptrdiff_t bytes = 0;
    int bits = 8;

    for (ptrdiff_t id = 0; id < count; id++)
        bytes += l->made[id].len;
    if (bytes >= NODES_MAX)
        return false;
    while (((ptrdiff_t)1 << bits) < bytes + bytes / 2)
        bits++;
    l->shift = 64 - bits;
    l->slots = room((size_t)1 << bits, sizeof *l->slots);
    l->two = room(65536, sizeof *l->two);
    l->token = room((size_t)bytes + 2, sizeof *l->token);
    memset(l->token, 0xFF, ((size_t)bytes + 2) * sizeof *l->token);
    for (ptrdiff_t id = 0; id < count; id++)
        if (l->made[id].len && !add_token(l, tokens[id], (uint32_t)id))
            return false;
    for (ptrdiff_t id = 0; id < count; id++) {
        ptrdiff_t len = l->made[id].len;
        l->shorter[id] =
            len < 2 ? UINT32_MAX : longest(l, (const unsigned char *)tokens[id].ptr, len - 1);
    }
    return true;
}

struct bpe_linear *bpe_linear_new(const struct merges *merges, const slice *tokens, ptrdiff_t count,
                                  const uint32_t byte_ids[256])
{
    struct bpe_linear *l = room(1, sizeof *l);
    bool ok = true;

    l->made = room((size_t)count, sizeof *l->made);
    l->shorter = room((size_t)count, sizeof *l->shorter);
    memcpy(l->byte, byte_ids, sizeof l->byte);
    for (int b = 0; b < 256; b++)
        l->made[byte_ids[b]].len = 1;
    ok = find_made(l, merges);
    for (ptrdiff_t id = 0; id < count && ok; id++)
        ok = !l->made[id].len || l->made[id].len == tokens[id].len;
    if (ok && build_trie(l, tokens, count))
        return l;
    bpe_linear_free(l);
    return NULL;
}

ptrdiff_t bpe_linear_encode(const struct bpe_linear *l, const struct merges *merges, slice piece,
                            struct buf *work, uint32_t *dst)
{
    const unsigned char *p = (const unsigned char *)piece.ptr;
    ptrdiff_t n = 0, pos = 0;
    uint64_t *open; /* bit i: a token may end at byte i */

    if (piece.len == 0)
        return 0;
    buf_clear(work);
    open = (uint64_t *)(void *)buf_reserve(work, (piece.len / 64 + 1) * 8);
    memset(open, 0xFF, (size_t)(piece.len / 64 + 1) * 8);
    uint32_t token = longest(l, p, piece.len);
    while (token != UINT32_MAX) {
        ptrdiff_t end = pos + l->made[token].len;
        if ((open[end / 64] >> (end % 64) & 1) &&
            (n == 0 || is_pair(l, merges, dst[n - 1], token, UINT32_MAX))) {
            dst[n++] = token;
            pos = end;
            if (pos == piece.len)
                break;
            token = longest(l, p + pos, piece.len - pos);
        } else if (l->shorter[token] != UINT32_MAX) {
            token = l->shorter[token];
        } else { /* nothing fits here: the token before must be a shorter one */
            ASSERT(n > 0);
            open[pos / 64] &= ~((uint64_t)1 << (pos % 64));
            token = dst[--n];
            pos -= l->made[token].len;
        }
    }
    return n;
}
