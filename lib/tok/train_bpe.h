/* train_bpe.h: learn merges from counted words: BPE and WordPiece as Hugging Face trains them.
 *
 * Words start as one symbol per byte (byte-level) or per character. The most frequent pair of
 * neighbours becomes a token, the one of lower ids among equals, and so on until the vocabulary has
 * its size or no pair is frequent enough. With a prefix ("##") the symbols behind the first of a word
 * are written with it: WordPiece, whose merges are then not kept.
 *
 *     struct train *t = train_new(&conf);
 *     train_word(t, word, count, &err);              // each word once
 *     train_run(t, &result, arena, &err);
 *     train_free(t);
 *
 * Counts are 64 bits wide. The result depends on the words and counts alone, not on their order.
 * Memory: about 40 bytes per symbol of a distinct word. One thread. Pure.
 * Reference: huggingface/tokenizers, models/bpe/trainer.rs and word.rs, whose order of merges it is.
 */
#ifndef TRAIN_BPE_H
#define TRAIN_BPE_H

#include "../arena.h"
#include "../err.h"

struct train_conf {
    bool byte_level;        /* symbols are bytes, written in the alphabet of bytelevel.h */
    bool all_bytes;         /* byte_level: bytes that do not occur are tokens too */
    const char *prefix;     /* of symbols behind the first of a word; "": none */
    int64_t vocab_size;     /* special tokens and alphabet included */
    uint64_t min_frequency; /* of a pair that becomes a token */
    const slice *special;   /* the first ids */
    ptrdiff_t special_count;
};

struct train_result { /* in the arena */
    slice *tokens;    /* by id */
    ptrdiff_t count;
    uint32_t (*merges)[2]; /* in the order of their ranks */
    ptrdiff_t merge_count;
};

struct train;
struct train *train_new(const struct train_conf *conf);
/* Valid UTF-8. ERR_DATA: the counts are too large together. */
bool train_word(struct train *t, slice word, uint64_t count, struct err *err);
/* ERR_DATA: nothing to learn from, or an alphabet that does not fit into vocab_size. */
bool train_run(struct train *t, struct train_result *result, struct arena *arena, struct err *err);
void train_free(struct train *t);

#endif
