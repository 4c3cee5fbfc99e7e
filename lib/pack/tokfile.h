/* tokfile.h: the heads of files that hold token ids for a trainer.
 *
 *   megatron     NAME.bin ids, NAME.idx (tokens.h)
 *   datatrove    NAME.ds ids, NAME.ds.index u64 end of each document in ids, NAME.ds.metadata text
 *   llmc         NAME.bin: 256 i32 of head, ids. u16: magic 20240520, version 1; u32: 20240801, 7
 *   npy          NAME.npy: a NumPy 1.0 array of one dimension, <u2 or <u4
 *   safetensors  NAME.safetensors: tensors doc_ends (I64) and tokens (U16 or U32)
 * llmc and npy say nothing of documents: NAME.docs.npy beside them, i64, has the end of each one in
 * ids, as datatrove's index. Everything is little-endian.
 *
 * Heads that hold counts have a fixed size for a format, so what follows them can be found.
 * Pure. Sources: huggingface/datatrove pipeline/tokens/tokenizer.py, karpathy/llm.c
 * dev/data/data_common.py, NumPy NEP 1, safetensors' README.
 */
#ifndef TOKFILE_H
#define TOKFILE_H

#include "../buf.h"
#include "../err.h"
#include "manifest.h"

#define TOKFILE_NPY_HEAD  128
#define TOKFILE_LLMC_HEAD 1024
#define TOKFILE_ST_HEAD   512 /* with the length in front */

/* Appends the head of the main file; nothing for megatron and datatrove. llm.c counts its ids in an
 * i32: more than 2^31 - 1 are ERR_USAGE. */
bool tokfile_head(enum pack_format f, int width, int64_t docs, int64_t tokens, struct buf *out,
                  struct err *err);
/* Where the ids begin in the main file, and the ends of documents in the safetensors file. */
int64_t tokfile_ids_at(enum pack_format f, int64_t docs);
/* The head of a one-dimensional array; type "<i8", "<u2", "<u4". */
void tokfile_npy_head(const char *type, int64_t count, struct buf *out);
/* datatrove's text: the tokenizer (its fingerprint here) and the count. */
void tokfile_metadata(const char *tokenizer, int width, int64_t tokens, struct buf *out);

#endif
