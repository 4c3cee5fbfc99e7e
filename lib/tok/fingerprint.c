#include "tok_private.h"

#include "../hash.h"

/* Everything that decides about ids, in a fixed order and with lengths in front, so that no two
 * pipelines give the same bytes. The first line changes when the meaning of a field does. */

static void add(struct hash_stream *h, slice s)
{
    uint64_t len = (uint64_t)s.len;

    hash_stream_add(h, slice_make((const char *)&len, sizeof len));
    hash_stream_add(h, s);
}

static void add_int(struct hash_stream *h, int64_t n)
{
    hash_stream_add(h, slice_make((const char *)&n, sizeof n));
}

static void add_pretok(struct hash_stream *h, const struct tok *t)
{
    add_int(h, t->pretok.count);
    for (int i = 0; i < t->pretok.count; i++) {
        const struct pretok_stage *stage = &t->pretok.stage[i];
        add_int(h, stage->kind == PRETOK_RULE ? PRETOK_PATTERN : stage->kind);
        add_int(h, stage->behavior);
        add_int(h, stage->invert | stage->prefix_space << 1 | stage->use_regex << 2);
        add_int(h, stage->property);
        add(h, stage->literal);
    }
}

static void add_tokens(struct hash_stream *h, const struct tok *t)
{
    add_int(h, t->added_count);
    for (ptrdiff_t i = 0; i < t->added_count; i++) {
        const struct added_token *a = &t->added[i];
        add(h, a->content);
        add_int(h, a->id);
        add_int(h, a->single_word | a->lstrip << 1 | a->rstrip << 2 | a->normalized << 3 |
                       a->special << 4);
    }
}

static void add_list(struct hash_stream *h, const struct id_list *list)
{
    add(h, slice_make((const char *)list->ids, list->count * (ptrdiff_t)sizeof *list->ids));
}

void fingerprint_fill(struct tok *t)
{
    const struct bpe *bpe = &t->bpe;
    struct hash_stream *h = hash_stream_new();

    add(h, SLICE("millrace tokenizer 1, unicode 16"));
    add_int(h, bpe->vocab.size);
    for (ptrdiff_t id = 0; id < bpe->vocab.size; id++) {
        add_int(h, bpe->vocab.text[id].ptr != NULL);
        add(h, bpe->vocab.text[id]);
    }
    add(h, slice_make((const char *)bpe->merges.pairs,
                      bpe->merges.count * (ptrdiff_t)sizeof *bpe->merges.pairs));
    add_int(h, bpe->ignore_merges | bpe->fuse_unk << 1 | bpe->byte_fallback << 2);
    add_int(h, bpe->unk);
    add_tokens(h, t);
    add_int(h, t->normal.count);
    for (int i = 0; i < t->normal.count; i++)
        add_int(h, t->normal.kind[i]);
    add_pretok(h, t);
    add_list(h, &t->prefix);
    add_list(h, &t->suffix);
    add_int(h, t->decoder);
    hash128_hex(hash_stream_value(h), t->fingerprint);
    hash_stream_free(h);
}
