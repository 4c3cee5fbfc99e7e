#include "wordpiece.h"

#include "../unicode.h"

void wordpiece_build(struct wordpiece *w, const struct vocab *vocab, struct arena *arena)
{
    int32_t *values = arena_new(arena, int32_t, vocab->size);

    w->vocab = vocab;
    for (ptrdiff_t id = 0; id < vocab->size; id++)
        values[id] = (int32_t)id;
    trie_build(&w->trie, vocab->text, values, vocab->size, arena);
    w->inside = TRIE_ROOT;
    for (ptrdiff_t i = 0; i < w->prefix.len && w->inside; i++)
        w->inside = trie_step(&w->trie, w->inside, w->prefix.ptr[i]);
}

static void push_unknown(const struct wordpiece *w, slice piece, struct tokens *out)
{
    tokens_push(out, w->unk, 0, piece.len, w->vocab->text[w->unk]);
}

void wordpiece_encode(const struct wordpiece *w, slice piece, struct tokens *out)
{
    ptrdiff_t first = out->count;

    if (piece.len > w->max_chars && uni_count(piece) > w->max_chars) {
        push_unknown(w, piece, out);
        return;
    }
    for (ptrdiff_t start = 0; start < piece.len;) {
        uint32_t node = start ? w->inside : TRIE_ROOT;
        ptrdiff_t end = -1;
        int32_t id = -1;
        for (ptrdiff_t i = start;
             i < piece.len && node && (node = trie_step(&w->trie, node, piece.ptr[i])); i++)
            if (trie_value(&w->trie, node) >= 0) {
                id = trie_value(&w->trie, node);
                end = i + 1;
            }
        if (id < 0) {
            out->count = first;
            push_unknown(w, piece, out);
            return;
        }
        tokens_push(out, (uint32_t)id, start, end, w->vocab->text[id]);
        start = end;
    }
}

void wordlevel_encode(const struct wordpiece *w, slice piece, struct tokens *out)
{
    int64_t id = vocab_find(w->vocab, piece);

    if (id < 0)
        push_unknown(w, piece, out);
    else
        tokens_push(out, (uint32_t)id, 0, piece.len, w->vocab->text[id]);
}
