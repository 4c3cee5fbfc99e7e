#include "added.h"

#include "../unicode.h"
#include "uclass.h"

#include <stdlib.h>

struct added_node {
    uint32_t child; /* first of its children, which lie together in byte order */
    uint16_t children;
    uint8_t byte;
    int32_t token;             /* that ends here, or -1 */
    uint32_t low, high, depth; /* while building: patterns [low, high) share `depth` bytes */
};

static int by_pattern(const void *a, const void *b)
{
    const struct added_token *x = *(const struct added_token *const *)a;
    const struct added_token *y = *(const struct added_token *const *)b;
    int c = slice_cmp(x->pattern, y->pattern);

    return c ? c : (x > y) - (x < y);
}

static void note_starts(struct added_matcher *m, slice pattern)
{
    unsigned b0 = (unsigned char)pattern.ptr[0];

    if (pattern.len == 1) {
        m->one_byte[b0] = true;
        for (int k = 0; k < 4; k++)
            m->pairs[b0 * 4 + (unsigned)k] = ~(uint64_t)0;
    } else {
        unsigned pair = b0 << 8 | (unsigned char)pattern.ptr[1];
        m->pairs[pair / 64] |= (uint64_t)1 << (pair % 64);
    }
}

/* Breadth first, so that the children of a node lie together and no depth is too great. */
static void build_trie(struct added_matcher *m, const struct added_token **sorted, uint32_t count,
                       struct arena *arena)
{
    ptrdiff_t most = 1, at = 0;

    for (uint32_t i = 0; i < count; i++)
        most += sorted[i]->pattern.len;
    struct added_node *nodes = arena_new(arena, struct added_node, most);
    nodes[0] = (struct added_node){ .token = -1, .high = count };
    m->node_count = 1;
    for (; at < m->node_count; at++) {
        struct added_node *n = &nodes[at];
        uint32_t low = n->low, depth = n->depth;
        for (; low < n->high && sorted[low]->pattern.len == (ptrdiff_t)depth; low++)
            if (n->token < 0)
                n->token = (int32_t)(sorted[low] - m->tokens);
        n->child = (uint32_t)m->node_count;
        while (low < n->high) {
            char byte = sorted[low]->pattern.ptr[depth];
            uint32_t first = low;
            while (low < n->high && sorted[low]->pattern.ptr[depth] == byte)
                low++;
            nodes[m->node_count++] = (struct added_node){
                .byte = (uint8_t)byte, .token = -1, .low = first, .high = low, .depth = depth + 1
            };
            n->children++;
        }
    }
    m->nodes = nodes;
}

void added_build(struct added_matcher *m, const struct added_token *tokens, ptrdiff_t count,
                 bool normalized, struct arena *arena)
{
    const struct added_token **sorted = arena_new(arena, const struct added_token *, count);
    uint32_t n = 0;

    *m = (struct added_matcher){ .tokens = tokens, .all_special = true, .first = -1 };
    for (ptrdiff_t i = 0; i < count; i++)
        if (tokens[i].normalized == normalized && tokens[i].pattern.len > 0)
            sorted[n++] = &tokens[i];
    if (n == 0)
        return;
    qsort(sorted, n, sizeof *sorted, by_pattern);
    m->pairs = arena_new(arena, uint64_t, 65536 / 64);
    m->first = (unsigned char)sorted[0]->pattern.ptr[0];
    for (uint32_t i = 0; i < n; i++) {
        note_starts(m, sorted[i]->pattern);
        m->all_special &= sorted[i]->special;
        if ((unsigned char)sorted[i]->pattern.ptr[0] != m->first)
            m->first = -1;
    }
    build_trie(m, sorted, n, arena);
}

static const struct added_node *child(const struct added_matcher *m, const struct added_node *n,
                                      uint8_t byte)
{
    const struct added_node *c = m->nodes + n->child;
    uint32_t low = 0, high = n->children;

    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (c[middle].byte < byte)
            low = middle + 1;
        else
            high = middle;
    }
    return low < n->children && c[low].byte == byte ? &c[low] : NULL;
}

/* The longest pattern at `at`. */
static const struct added_token *longest(const struct added_matcher *m, slice text, ptrdiff_t at)
{
    const struct added_node *n = m->nodes;
    int32_t token = -1;

    for (; at < text.len && (n = child(m, n, (uint8_t)text.ptr[at])); at++)
        if (n->token >= 0)
            token = n->token;
    return token < 0 ? NULL : &m->tokens[token];
}

/* The next place from `at` on where a pattern may start, or text.len. */
static ptrdiff_t next_candidate(const struct added_matcher *m, slice text, ptrdiff_t at)
{
    if (m->first >= 0) {
        const char *hit = NULL;
        if (at < text.len)
            hit = memchr(text.ptr + at, m->first, (size_t)(text.len - at));
        return hit ? hit - text.ptr : text.len;
    }
    for (; at + 1 < text.len; at++) {
        unsigned pair =
            (unsigned)(unsigned char)text.ptr[at] << 8 | (unsigned char)text.ptr[at + 1];
        if (m->pairs[pair / 64] >> (pair % 64) & 1)
            return at;
    }
    return at < text.len && m->one_byte[(unsigned char)text.ptr[at]] ? at : text.len;
}

static bool word_before(slice text, ptrdiff_t at)
{
    uint32_t cp;

    if (at == 0)
        return false;
    uni_decode_back(text.ptr, text.ptr + at, &cp);
    return uclass_of(cp) & UPROP_WORD;
}

static bool word_after(slice text, ptrdiff_t at)
{
    uint32_t cp;

    if (at == text.len)
        return false;
    uni_decode(text.ptr + at, &cp);
    return uclass_of(cp) & UPROP_WORD;
}

static ptrdiff_t space_start(slice text, ptrdiff_t at)
{
    uint32_t cp;

    while (at > 0) {
        int len = uni_decode_back(text.ptr, text.ptr + at, &cp);
        if (!uclass_in(uclass_of(cp), UCLASS_SPACE))
            break;
        at -= len;
    }
    return at;
}

static ptrdiff_t space_end(slice text, ptrdiff_t at)
{
    uint32_t cp;

    while (at < text.len) {
        int len = uni_decode(text.ptr + at, &cp);
        if (!uclass_in(uclass_of(cp), UCLASS_SPACE))
            break;
        at += len;
    }
    return at;
}

struct added_iter added_iter_start(const struct added_matcher *m, slice text, bool special_is_text)
{
    struct added_iter it = { .m = m, .text = text, .special_is_text = special_is_text };

    if (m->node_count == 0 || (special_is_text && m->all_special))
        it.at = text.len;
    return it;
}

bool added_next(struct added_iter *it, struct added_match *match)
{
    const struct added_matcher *m = it->m;
    slice text = it->text;

    while ((it->at = next_candidate(m, text, it->at)) < text.len) {
        ptrdiff_t start = it->at;
        const struct added_token *token = longest(m, text, start);
        if (!token) {
            it->at++;
            continue;
        }
        ptrdiff_t end = it->at = start + token->pattern.len;
        if ((it->special_is_text && token->special) ||
            (token->single_word && (word_before(text, start) || word_after(text, end))))
            continue;
        if (token->lstrip)
            start = MAX(space_start(text, start), it->done);
        if (token->rstrip)
            end = space_end(text, end);
        *match = (struct added_match){ .start = start, .end = end, .token = token };
        it->done = end;
        return true;
    }
    return false;
}
