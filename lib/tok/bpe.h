/* bpe.h: byte-level BPE: bytes of a piece -> ids, with a bounded cache per thread.
 *
 * A piece starts as one symbol per byte; while any neighbouring pair has a merge, the one of lowest
 * rank (the leftmost of equal ones) is joined. Up to 64 symbols are scanned for the minimum again
 * and again. Longer pieces use a heap, n log n, until there were enough of them to make the tables of
 * bpe_linear.h worth their while; it gives the same ids in linear time.
 *
 * The cache maps short words (up to 15 bytes, at most 4 ids) in 32-byte entries, two per cache
 * line, the newer one first; longer words (up to 48 bytes, 16 ids) have a table of their own. Both
 * are of fixed size: memory does not grow with the text. An entry is always what the merges gave.
 *
 * Reference: Hugging Face tokenizers, models/bpe (merge_word, merge_all).
 */
#ifndef BPE_H
#define BPE_H

#include "seams.h"
#include "tok.h"
#include "vocab.h"

enum bpe_start_kind {
    BPE_ID,       /* the byte's character is in the vocabulary */
    BPE_FALLBACK, /* byte_fallback: <0xNN> for each byte of the character */
    BPE_UNK,
    BPE_NOTHING, /* no unk token: the byte vanishes */
};

struct bpe {
    struct vocab vocab;
    struct merges merges;
    struct bpe_start {
        uint8_t kind, count;
        uint32_t id[2];
    } start[256];
    bool all_bytes;        /* every start is BPE_ID */
    uint64_t *byte_pairs;  /* with all_bytes: merges_find() of the symbols of two bytes, by both */
    struct seams seams;    /* with all_bytes */
    struct bpe_late *late; /* with all_bytes: made when it is needed, by any thread */
    bool ignore_merges; /* a piece that is in the vocabulary is one id, whatever the merges say */
    bool fuse_unk, byte_fallback;
    int64_t unk; /* -1: none */
};

struct bpe_scratch;

/* After vocab, merges and the options are set: fills start and byte_pairs. */
void bpe_init_starts(struct bpe *bpe, struct arena *arena);
/* Releases what is not in the arena. */
void bpe_free(struct bpe *bpe);
struct bpe_scratch *bpe_scratch_new(const struct bpe *bpe);
void bpe_scratch_free(struct bpe_scratch *s);

/* Appends the ids of pieces that lie one after the other from `text` on: piece i ends at end[i].
 * Nothing at or after `limit` is read. */
void bpe_encode_pieces(const struct bpe *bpe, struct bpe_scratch *s, const char *text,
                       const uint32_t *end, ptrdiff_t count, const char *limit,
                       struct tok_ids *ids);
/* The same for pieces that may hold characters of three bytes or more: they are cut at seams. */
void bpe_encode_wide(const struct bpe *bpe, struct bpe_scratch *s, const char *text,
                     const uint32_t *end, ptrdiff_t count, const char *limit, struct tok_ids *ids);
/* The same for one piece. */
void bpe_encode_piece(const struct bpe *bpe, struct bpe_scratch *s, slice piece,
                      struct tok_ids *ids);
/* Without the cache. */
void bpe_merge_piece(const struct bpe *bpe, struct bpe_scratch *s, slice piece,
                     struct tok_ids *ids);

/* Room for `more` ids after count. */
uint32_t *tok_ids_reserve(struct tok_ids *ids, ptrdiff_t more);

#endif
