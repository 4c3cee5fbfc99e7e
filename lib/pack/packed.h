/* packed.h: token ids on their way from `tokenize --format packed` to `shard`: a stream of documents.
 *
 * Everything is little-endian. A stream is a head, any number of documents and an end:
 *
 *   head      8 bytes "MRTOKENS"   u32 version 1   u32 bytes per id: 2 or 4   u64 vocabulary size
 *             16 bytes fingerprint of the tokenizer   u64 0
 *   document  u32 ids n   u32 bytes of meta m   u64 check
 *             m bytes: a JSON object, what is known of the document (id, source); m = 0: nothing
 *             0 to 3 zeros up to a multiple of 4;  n ids;  0 or 2 zeros up to a multiple of 4
 *   end       u32 0xFFFFFFFF   u32 16   u64 check   u64 documents   u64 ids of all documents
 *
 * check: XXH3-64 of what follows it in the same item, with the item's first eight bytes as its seed.
 * Ids are below the vocabulary size; two bytes are used when all of them fit. A stream that has no
 * end was cut off. Streams may be joined with cat: after an end there may be another head, equal to
 * the first. Nothing at all is a stream without documents. Bytes do not depend on the number of
 * threads: a document is framed on its own.
 *
 * Writing:
 *     packed_head_store(dst, &head);
 *     p = packed_doc_store(dst, &head, meta, ids, n);     // room: packed_doc_bytes()
 *     packed_end_store(dst, documents, ids);
 * Reading, from bytes that come in any portions:
 *     struct packed_reader r = { 0 };
 *     switch (packed_next(&r, bytes, &used, &doc, &err)) ...   // bytes + used is the next item
 *     packed_finish(&r, &err)                                  // no more bytes
 *
 * Pure and thread-safe; ids and meta that are read lie in the caller's bytes.
 */
#ifndef PACKED_H
#define PACKED_H

#include "../err.h"

#define PACKED_MAGIC      "MRTOKENS"
#define PACKED_HEAD_BYTES 48
#define PACKED_ITEM_BYTES 16 /* in front of every document */
#define PACKED_END_BYTES  (PACKED_ITEM_BYTES + 16)
#define PACKED_MAX_IDS    0xFFFFFFFEll

struct packed_head {
    int id_bytes; /* 2 or 4 */
    int64_t vocab_size;
    char fingerprint[33]; /* 32 hexadecimal digits and a NUL */
};

/* 2 when every id of the vocabulary fits into two bytes. */
int packed_id_bytes(int64_t vocab_size);
void packed_head_store(char dst[PACKED_HEAD_BYTES], const struct packed_head *head);
ptrdiff_t packed_doc_bytes(const struct packed_head *head, ptrdiff_t meta_len, ptrdiff_t count);
/* Returns the end. At most PACKED_MAX_IDS ids, all below vocab_size; meta below 4 GiB. */
char *packed_doc_store(char *dst, const struct packed_head *head, slice meta, const uint32_t *ids,
                       ptrdiff_t count);
void packed_end_store(char dst[PACKED_END_BYTES], int64_t documents, int64_t ids);

struct packed_doc {
    slice meta;      /* JSON object, not checked; empty: none */
    const char *ids; /* count ids of head.id_bytes each, aligned to nothing */
    ptrdiff_t count;
};

enum packed_item {
    PACKED_MORE, /* *used: how many bytes the next item takes at least, counted from its start */
    PACKED_HEAD, /* reader->head is set (again) */
    PACKED_DOC,
    PACKED_END,
    PACKED_BAD, /* ERR_DATA: what is wrong and with which document */
};

struct packed_reader { /* zeroed is ready */
    struct packed_head head;
    bool open, started;     /* within a stream; had a head */
    int64_t documents, ids; /* of this stream */
    int64_t all_documents;  /* of all streams */
};

/* Do these bytes (8 or more) begin a stream? */
bool packed_is(slice bytes);
/* The item at the start of `bytes`. *used: how long it is (PACKED_MORE: see there). Ids are checked
 * against the vocabulary size. */
enum packed_item packed_next(struct packed_reader *r, slice bytes, ptrdiff_t *used,
                             struct packed_doc *doc, struct err *err);
/* The bytes are all there: false (ERR_DATA) when the stream was cut off. */
bool packed_finish(const struct packed_reader *r, ptrdiff_t bytes_left, struct err *err);

#endif
