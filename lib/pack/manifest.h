/* manifest.h: what a folder of shards says about itself, as JSON text and as a struct.
 *
 * manifest.json (schema 2) is written when a folder is complete:
 *   {"schema":2,"tool":"shard","version":"0.1.0","options":{...},"fingerprint":HEX,
 *    "records":N,"tokens":N,"content_bytes":N,"shards":[SHARD,...]}
 * journal.jsonl stands there before: its first line is the head of the manifest up to the
 * fingerprint, each further line one finished SHARD:
 *   {"name":"shard-000000","records":N,"tokens":N,"dtype":"u16","content_bytes":N,
 *    "content_xxh3_128":HEX,"files":[{"name":...,"bytes":N,"xxh3_128":HEX,"sha256":HEX},...]}
 * tokens and dtype are there for shards of token ids only. "content" is what the shard holds before
 * compression: for jsonl.zst the lines with their newlines; for the others the bytes of the shard's
 * files. Its hash is over the lines with their newlines (jsonl.zst, webdataset), over each
 * document's length and ids as u32 (token ids), over each sample's length as u32 and bytes (mds).
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
#include "../sha256.h"

#define MANIFEST_SCHEMA 2
#define MANIFEST_NAME   "manifest.json"
#define JOURNAL_NAME    "journal.jsonl"

enum pack_format {
    PACK_JSONL_ZST,
    PACK_MEGATRON, /* token ids from here */
    PACK_DATATROVE,
    PACK_LLMC,
    PACK_NPY,
    PACK_SAFETENSORS, /* to here */
    PACK_MDS,
    PACK_WEBDATASET
};
enum pack_dtype { PACK_AUTO, PACK_U16, PACK_I32, PACK_U32 };

#define PACK_FILES_MAX 3

struct pack_options {
    enum pack_format format;
    int64_t size;          /* a shard ends before it has more bytes of content */
    int64_t records;       /* and after that many records; 0: no limit */
    int64_t frame;         /* jsonl.zst: records per frame */
    int64_t level;         /* of zstd; mds: 0 is no compression */
    int64_t eos, bos;      /* ids: put behind and in front of every document, -1: none */
    int64_t vocab;         /* ids are below it; 0: unknown */
    enum pack_dtype dtype; /* ids */
    const char *tokenizer; /* ids: 32 hexadecimal digits, or "": unknown */
    const char *columns;   /* mds: canonical text (mds.h), else "" */
    const char *split;     /* "val of train=0.9,val=0.1", or "" */
};

struct pack_file {
    char name[40];
    int64_t bytes;
    struct hash128 hash;
    char sha256[SHA256_HEX];
};

struct pack_shard {
    int64_t records, tokens, content_bytes;
    struct hash128 content;
    enum pack_dtype dtype; /* ids: of this shard, not PACK_AUTO */
    struct pack_file files[PACK_FILES_MAX];
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
bool pack_is_tokens(enum pack_format f);
int pack_file_count(enum pack_format f);
/* What ids of four bytes are called in the format. */
enum pack_dtype pack_wide_dtype(enum pack_format f);
/* {"format":...}: the options that matter for the format, in a fixed order. */
void manifest_options_text(const struct pack_options *o, struct buf *out);
bool pack_options_equal(const struct pack_options *a, const struct pack_options *b);
/* "shard-000012.jsonl.zst"; which: 0 for .bin, 1 for .idx and so on. */
void pack_file_name(const struct pack_options *o, int64_t number, int which, char dst[40]);
/* All suffixes of files of shards, NULL-terminated. */
extern const char *const pack_suffixes[];

void manifest_add(struct manifest *m, const struct pack_shard *s, struct arena *arena);
/* Both end with a newline. */
void manifest_write(const struct manifest *m, struct buf *out);
void journal_head(const struct pack_options *o, struct buf *out);
void journal_row(const struct pack_options *o, int64_t number, const struct pack_shard *s,
                 struct buf *out);

/* Text padded by RECORD_PADDING. False: ERR_CONFIG (the caller puts the file's name in front). */
bool manifest_read(struct manifest *m, slice text, struct arena *arena, struct err *err);
bool journal_read(struct manifest *m, slice text, struct arena *arena, struct err *err);

/* What the shards hold, from the manifest alone: one JSON object, or a table for people. */
void manifest_stat_json(const struct manifest *m, struct buf *out);
void manifest_stat_table(const struct manifest *m, struct buf *out);

#endif
