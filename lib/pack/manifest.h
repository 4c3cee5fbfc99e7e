/* manifest.h: what a folder of shards says about itself, as JSON text and as a struct.
 *
 * manifest.json (schema 1) is written when a folder is complete:
 *   {"schema":1,"tool":"shard","version":"0.1.0","options":{...},"fingerprint":HEX,
 *    "records":N,"tokens":N,"content_bytes":N,"shards":[SHARD,...]}
 * journal.jsonl stands there before: its first line is the head of the manifest up to the
 * fingerprint, each further line one finished SHARD:
 *   {"name":"shard-000000","records":N,"tokens":N,"dtype":"u16","content_bytes":N,
 *    "content_xxh3_128":HEX,"files":[{"name":...,"bytes":N,"xxh3_128":HEX},...]}
 * tokens and dtype are there for Megatron shards only. "content" is what the shard holds before
 * compression: for jsonl.zst the lines with their newlines; for Megatron the bytes of both files,
 * and its hash is over each document's length and ids as u32.
 *
 * The options are the fingerprint: everything that decides where shards are cut and which bytes
 * they have. No times, no host, no paths: the same input and options give the same manifest.
 *
 * Pure. Texts from a folder are hostile: names, numbers and counts are checked here.
 */
#ifndef MANIFEST_H
#define MANIFEST_H

#include "../arena.h"
#include "../buf.h"
#include "../err.h"
#include "../hash.h"

#define MANIFEST_SCHEMA 1
#define MANIFEST_NAME   "manifest.json"
#define JOURNAL_NAME    "journal.jsonl"

enum pack_format { PACK_JSONL_ZST, PACK_MEGATRON };
enum pack_dtype { PACK_AUTO, PACK_U16, PACK_I32 };

struct pack_options {
    enum pack_format format;
    int64_t size;          /* a shard ends before it has more bytes of content */
    int64_t records;       /* and after that many records; 0: no limit */
    int64_t frame;         /* jsonl.zst: records per frame */
    int64_t level;         /* jsonl.zst: of zstd */
    int64_t eos;           /* Megatron: id put behind every document, -1: none */
    int64_t vocab;         /* Megatron: ids are below it; 0: unknown */
    enum pack_dtype dtype; /* Megatron */
};

struct pack_file {
    char name[40];
    int64_t bytes;
    struct hash128 hash;
};

struct pack_shard {
    int64_t records, tokens, content_bytes;
    struct hash128 content;
    enum pack_dtype dtype; /* Megatron: PACK_U16 or PACK_I32 */
    struct pack_file files[2];
    int file_count;
};

struct manifest {
    struct pack_options options;
    struct pack_shard *shards; /* grows by manifest_add, in the arena */
    ptrdiff_t count, cap;
    bool complete;           /* read from manifest.json, not from a journal */
    ptrdiff_t journal_bytes; /* of the journal's whole lines: what is behind them is torn */
};

const char *pack_format_name(enum pack_format f);
const char *pack_dtype_name(enum pack_dtype t);
/* {"format":...}: the options that matter for the format, in a fixed order. */
void manifest_options_text(const struct pack_options *o, struct buf *out);
bool pack_options_equal(const struct pack_options *a, const struct pack_options *b);
/* "shard-000012.jsonl.zst"; which 0 or 1: .bin and .idx. */
void pack_file_name(enum pack_format f, int64_t number, int which, char dst[40]);

void manifest_add(struct manifest *m, const struct pack_shard *s, struct arena *arena);
/* Both end with a newline. */
void manifest_write(const struct manifest *m, struct buf *out);
void journal_head(const struct pack_options *o, struct buf *out);
void journal_row(enum pack_format f, int64_t number, const struct pack_shard *s, struct buf *out);

/* Text padded by RECORD_PADDING. False: ERR_CONFIG (the caller puts the file's name in front). */
bool manifest_read(struct manifest *m, slice text, struct arena *arena, struct err *err);
bool journal_read(struct manifest *m, slice text, struct arena *arena, struct err *err);

/* What the shards hold, from the manifest alone: one JSON object, or a table for people. */
void manifest_stat_json(const struct manifest *m, struct buf *out);
void manifest_stat_table(const struct manifest *m, struct buf *out);

#endif
