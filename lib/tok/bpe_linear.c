#include "bpe_linear.h"

#include "bytelevel.h"

#include <stdlib.h>

#define BYTES_MAX (1 << 28) /* of all tokens */

struct made {      /* of a token: by which merge, from what */
    uint32_t rank; /* + 1; 0: a byte */
    uint32_t left, right;
    uint32_t len; /* bytes; 0: the merges never give this token */
};

/* A trie of the tokens in the order of its levels, so that the nodes of frequent beginnings lie close
 * together: the nodes behind node i are first[i] to first[i + 1] - 1, in the order of their bytes. */
struct node {
    uint32_t first, token; /* UINT32_MAX: no token ends here */
};

struct bpe_linear {
    struct made *made;  /* by id */
    uint32_t *shorter;  /* by id: the longest token that begins it; UINT32_MAX: none */
    uint32_t byte[256]; /* ids */
    uint32_t *two;      /* by two bytes: their node, 0: none */
    struct node *node;
    unsigned char *label; /* of a node: the byte that leads to it */
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
    free(l->node);
    free(l->label);
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

/* The longest token at p, at most `most` bytes long. */
static inline uint32_t longest(const struct bpe_linear *l, const unsigned char *p, ptrdiff_t most)
{
    uint32_t id = l->byte[p[0]], node;

    if (most < 2 || !(node = l->two[p[0] << 8 | p[1]]))
        return id;
    for (ptrdiff_t i = 2;; i++) {
        const struct node *n = &l->node[node];
        uint32_t at = n->first, end = n[1].first;
        id = n->token != UINT32_MAX ? n->token : id;
        if (i >= most)
            return id;
        while (at < end && l->label[at] != p[i])
            at++;
        if (at == end)
            return id;
        node = at;
    }
}

/* ---- building the trie ---- */

struct entry {
    uint64_t key; /* the first eight bytes, the first one in the highest place */
    slice bytes;
    uint32_t id;
};

static int compare_entries(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    ptrdiff_t len = MIN(x->bytes.len, y->bytes.len);

    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    int c = len ? memcmp(x->bytes.ptr, y->bytes.ptr, (size_t)len) : 0;
    return c ? c : x->bytes.len < y->bytes.len ? -1 : x->bytes.len > y->bytes.len;
}

/* The tokens that merges give, sorted by their bytes, which are written to `bytes`. -1: one is not
 * what its merges say. */
static ptrdiff_t sort_tokens(const struct bpe_linear *l, const slice *tokens, ptrdiff_t count,
                             char *bytes, struct entry *entry)
{
    ptrdiff_t n = 0;

    for (ptrdiff_t id = 0; id < count; id++) {
        ptrdiff_t len = l->made[id].len;
        if (!len)
            continue;
        if (tokens[id].len > 2 * len || bytelevel_decode(tokens[id], bytes) != len)
            return -1;
        entry[n] = (struct entry){ 0, slice_make(bytes, len), (uint32_t)id };
        for (ptrdiff_t i = 0; i < 8; i++)
            entry[n].key = entry[n].key << 8 | (i < len ? (unsigned char)bytes[i] : 0);
        n++;
        bytes += len;
    }
    qsort(entry, (size_t)n, sizeof *entry, compare_entries);
    return n;
}

struct range { /* of sorted tokens that share what leads to a node */
    uint32_t from, to;
};

/* One level after the other; nodes [from, to) are those of tokens that share `depth` bytes. Returns
 * the number of nodes. */
static ptrdiff_t build_levels(struct bpe_linear *l, const struct entry *entry, struct range *range,
                              ptrdiff_t nodes)
{
    ptrdiff_t from = 1, to = nodes;

    for (ptrdiff_t depth = 2; from < to; depth++) {
        for (ptrdiff_t i = from; i < to; i++) {
            uint32_t e = range[i].from;
            l->node[i] = (struct node){ (uint32_t)nodes, UINT32_MAX };
            if (entry[e].bytes.len == depth)
                l->node[i].token = entry[e++].id;
            while (e < range[i].to) {
                unsigned char label = (unsigned char)entry[e].bytes.ptr[depth];
                range[nodes].from = e;
                while (e < range[i].to && (unsigned char)entry[e].bytes.ptr[depth] == label)
                    e++;
                range[nodes].to = e;
                l->label[nodes++] = label;
            }
        }
        from = to;
        to = nodes;
    }
    l->node[nodes] = (struct node){ (uint32_t)nodes, UINT32_MAX };
    return nodes;
}

static void find_shorter(struct bpe_linear *l, const struct entry *entry, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i++) {
        slice b = entry[i].bytes;
        l->shorter[entry[i].id] =
            b.len < 2 ? UINT32_MAX : longest(l, (const unsigned char *)b.ptr, b.len - 1);
    }
}

static bool build_trie(struct bpe_linear *l, const slice *tokens, ptrdiff_t count)
{
    ptrdiff_t bytes = 0, nodes = 1;

    for (ptrdiff_t id = 0; id < count; id++)
        bytes += l->made[id].len;
    if (bytes >= BYTES_MAX)
        return false;
    char *text = room((size_t)bytes, 2); /* a decoder may look at more than it keeps */
    struct entry *entry = room((size_t)count, sizeof *entry);
    struct range *range = room((size_t)bytes + 2, sizeof *range);
    l->two = room(65536, sizeof *l->two);
    l->node = room((size_t)bytes + 2, sizeof *l->node);
    l->label = room((size_t)bytes + 2, 1);
    ptrdiff_t n = sort_tokens(l, tokens, count, text, entry);
    for (ptrdiff_t i = 0; i < n; i++) {
        uint32_t lead = (uint32_t)(entry[i].key >> 48);
        if (entry[i].bytes.len == 1) {
            l->byte[lead >> 8] = entry[i].id;
            continue;
        }
        if (!l->two[lead]) {
            l->two[lead] = (uint32_t)nodes;
            range[nodes++].from = (uint32_t)i;
        }
        range[nodes - 1].to = (uint32_t)i + 1;
    }
    if (n >= 0) {
        nodes = build_levels(l, entry, range, nodes);
        l->node = realloc(l->node, (size_t)(nodes + 1) * sizeof *l->node);
        l->label = realloc(l->label, (size_t)nodes + 1);
        if (!l->node || !l->label)
            mem_oom();
        find_shorter(l, entry, n);
    }
    free(text);
    free(entry);
    free(range);
    return n >= 0;
}

struct bpe_linear *bpe_linear_new(const struct merges *merges, const slice *tokens, ptrdiff_t count,
                                  const uint32_t byte_ids[256])
{
    struct bpe_linear *l = room(1, sizeof *l);

    l->made = room((size_t)count, sizeof *l->made);
    l->shorter = room((size_t)count, sizeof *l->shorter);
    memcpy(l->byte, byte_ids, sizeof l->byte);
    for (int b = 0; b < 256; b++)
        l->made[byte_ids[b]].len = 1;
    if (find_made(l, merges) && build_trie(l, tokens, count))
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
