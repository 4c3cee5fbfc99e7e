/* bpe_text.h: BPE over the characters of a piece, with all that a tokenizer.json may ask for: prefix of
 * continuing tokens, suffix of the last one, byte fallback, dropout. bpe.h is the fast way for bytes.
 *
 * Reference: Hugging Face tokenizers, models/bpe (model.rs merge_word, word.rs merge_all).
 */
#ifndef BPE_TEXT_H
#define BPE_TEXT_H

#include "bpe.h"
#include "tokenlist.h"

struct bpe_text {
    const struct bpe *bpe;
    slice prefix, suffix;
    int32_t *chars;     /* ids of single characters below 0x10000, -1: none; NULL with a prefix */
    int64_t bytes[256]; /* ids of <0xNN>, or -1 */
    bool independent_words; /* no merge joins over the edge between a character and U+2581 */
};

struct bpe_text_scratch { /* zeroed is empty */
    struct bpe_symbol {
        uint32_t id, len; /* len 0: joined to the one before */
        int32_t prev, next;
    } * symbols;
    ptrdiff_t cap;
    struct bpe_candidate {
        uint64_t key; /* rank << 32 | position: the least is next */
        uint32_t id;  /* of the result */
    } * heap, *skipped;
    ptrdiff_t heap_count, heap_cap, skipped_count, skipped_cap;
    struct buf name;
    uint64_t random; /* state; the caller seeds it */
};
void bpe_text_scratch_release(struct bpe_text_scratch *s);

void bpe_text_build(struct bpe_text *b, const struct bpe *bpe, struct arena *arena);
/* dropout: each merge that is due is passed over with this chance. */
void bpe_text_encode(const struct bpe_text *b, struct bpe_text_scratch *s, slice piece,
                     double dropout, struct tokens *out);

#endif
