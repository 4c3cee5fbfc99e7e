/* tokens.h: token ids between JSON and the bytes of Megatron's indexed datasets.
 *
 * FILE.bin holds the ids of all documents back to back, u16 or i32, little-endian. FILE.idx:
 *   "MMIDIDX\0\0"  u64 version 1  u8 dtype (8: u16, 4: i32)  u64 sequences n  u64 documents n+1
 *   i32 length[n]  i64 byte offset in .bin [n]  i64 document index 0..n
 * One sequence per document, so the document index counts up.
 *
 * Pure and thread-safe. Source: Megatron-LM megatron/core/datasets/indexed_dataset.py.
 */
#ifndef TOKENS_H
#define TOKENS_H

#include "../arena.h"
#include "../buf.h"
#include "../err.h"

#define TOKENS_IDX_HEAD  34
#define TOKENS_PER_DOC   20 /* bytes of .idx that a document takes */
#define TOKENS_IDX_EMPTY (TOKENS_IDX_HEAD + 8)

struct tokens {
    uint32_t *ids;
    ptrdiff_t count;
    uint32_t max; /* the largest id; 0 when there are none */
};

/* The numbers of a JSON array that the scanner found valid. One place is left in
 * front of them and `extra` behind.
 * NULL, or why they are no ids (static); *at: the byte in `array`. Ids are 0 ... 2^31 - 1. */
const char *tokens_parse(slice array, ptrdiff_t extra, struct arena *arena, struct tokens *t,
                         ptrdiff_t *at);
/* Writes n ids of `bytes` (2 or 4) each; returns the end. 2: every id is below 65536. */
char *tokens_store(char *dst, const uint32_t *ids, ptrdiff_t n, int bytes);
/* The reverse: n ids of `bytes` each as u32; returns the largest, 0 without any. */
uint32_t tokens_load(uint32_t *dst, const char *src, ptrdiff_t n, int bytes);
/* {"ids":[...]} and a newline. */
void tokens_json(slice stored, int bytes, struct buf *out);

void tokens_idx_head(char dst[TOKENS_IDX_HEAD], int bytes, int64_t documents);
/* *bytes is 2 or 4. */
bool tokens_idx_parse(slice head, int64_t file_bytes, int *bytes, int64_t *documents,
                      struct err *err);

#endif
