#include "unigram.h"

#include "../unicode.h"

#include <stdio.h>
#include <stdlib.h>

#define UNK_PENALTY 10.0

void unigram_scratch_release(struct unigram_scratch *s)
{
    free(s->nodes);
    free(s->ends);
    *s = (struct unigram_scratch){ 0 };
}

void unigram_build(struct unigram *u, struct arena *arena)
{
    int32_t *values = arena_new(arena, int32_t, u->size);
    double least = 0;

    for (ptrdiff_t id = 0; id < u->size; id++) {
        values[id] = (int32_t)id;
        least = id == 0 ? u->score[id] : MIN(least, u->score[id]);
    }
    u->unk_score = least - UNK_PENALTY;
    trie_build(&u->trie, u->text, values, u->size, arena);
    for (int b = 0; b < 256; b++) {
        char name[8];
        snprintf(name, sizeof name, "<0x%02X>", (unsigned)b);
        u->bytes[b] = vocab_find(&u->vocab, slice_of(name));
    }
}

static void *grow(void *old, ptrdiff_t count, size_t size)
{
    void *p = realloc(old, (size_t)count * size);

    if (!p)
        mem_oom();
    return p;
}

static inline void offer(struct unigram_node *node, double score, int32_t id, ptrdiff_t start)
{
    if (node->id == -1 || score > node->score)
        *node = (struct unigram_node){ score, id, (uint32_t)start };
}

static bool find_path(const struct unigram *u, struct unigram_scratch *s, slice piece,
                      struct err *err)
{
    struct unigram_node *nodes = s->nodes;

    for (ptrdiff_t i = 0; i <= piece.len; i++)
        nodes[i].id = -1;
    nodes[0].score = 0;
    for (ptrdiff_t at = 0; at < piece.len;) {
        int len = utf8_length(piece.ptr + at, piece.len - at);
        double here = nodes[at].score;
        bool single = false;
        uint32_t node = TRIE_ROOT;
        for (ptrdiff_t i = at; i < piece.len && (node = trie_step(&u->trie, node, piece.ptr[i]));
             i++) {
            int32_t id = trie_value(&u->trie, node);
            if (id < 0)
                continue;
            offer(&nodes[i + 1], u->score[id] + here, id, at);
            single |= i + 1 == at + len;
        }
        if (!single) {
            double score = u->unk_score + here;
            if (u->unk < 0 && (nodes[at + len].id == -1 || score > nodes[at + len].score))
                return err_set(err, ERR_DATA, "an unknown character, and no unknown token");
            offer(&nodes[at + len], score, -2, at);
        }
        at += len;
    }
    return true;
}

static bool push_token(const struct unigram *u, slice piece, ptrdiff_t start, ptrdiff_t end,
                       struct tokens *out)
{
    slice text = slice_make(piece.ptr + start, end - start);
    int64_t id = vocab_find(&u->vocab, text);
    bool all = u->byte_fallback;

    if (id >= 0) {
        tokens_push(out, (uint32_t)id, start, end, text);
        return true;
    }
    for (ptrdiff_t i = 0; i < text.len && all; i++)
        all = u->bytes[(unsigned char)text.ptr[i]] >= 0;
    for (ptrdiff_t i = 0; i < text.len && all; i++) {
        uint32_t byte = (uint32_t)u->bytes[(unsigned char)text.ptr[i]];
        tokens_push(out, byte, start, end, u->text[byte]);
    }
    if (!all && u->unk >= 0)
        tokens_push(out, (uint32_t)u->unk, start, end, text);
    return all || u->unk >= 0;
}

bool unigram_encode(const struct unigram *u, struct unigram_scratch *s, slice piece,
                    struct tokens *out, struct err *err)
{
    ptrdiff_t count = 0;
    bool fuse = false;

    if (piece.len + 1 > s->cap) {
        s->cap = MAX(piece.len + 1, 256);
        s->nodes = grow(s->nodes, s->cap, sizeof *s->nodes);
        s->ends = grow(s->ends, s->cap, sizeof *s->ends);
    }
    if (!find_path(u, s, piece, err))
        return false;
    for (ptrdiff_t end = piece.len; end > 0; end = s->nodes[end].start) {
        bool unknown = s->nodes[end].id == -2 || s->nodes[end].id == u->unk;
        if (!(unknown && fuse))
            s->ends[count++] = (uint32_t)end;
        fuse = unknown;
    }
    for (ptrdiff_t start = 0; count-- > 0; start = s->ends[count])
        if (!push_token(u, piece, start, s->ends[count], out))
            return err_set(err, ERR_DATA, "an unknown character, and no unknown token");
    return true;
}
