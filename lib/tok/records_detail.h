/* records_detail.h: records with more than ids: offsets, pieces, pairs, limits of length, dropout.
 *
 *   "ids", and when asked "offsets":[[start,end],...] (bytes of the text), "tokens":["..."],
 *   "type_ids":[...] for pairs; with chunks one record per part, each with "chunk":N.
 *
 *     struct tok_detail d = { .records = &r, .offsets = true };
 *     tok_record_detail(&d, scratch, raw, spans, top, arena, &result);
 */
#ifndef RECORDS_DETAIL_H
#define RECORDS_DETAIL_H

#include "records.h"

struct tok_detail {
    const struct tok_records *records;
    bool offsets, tokens;
    const char *pair_field; /* NULL: no pairs; a record without it is encoded alone */
    int64_t max_length;     /* 0: none; special tokens around the text count */
    bool chunk;             /* what is too long goes on in further records, else it is cut off */
    int64_t overlap;        /* ids that a part repeats of the one before */
    double dropout;
    uint64_t seed; /* with the text it decides the dropout: the same at any -j */
};

/* Members that are looked up behind those of records.h, in this order. */
enum {
    TOK_DETAIL_PAIR = TOK_SPANS,
    TOK_DETAIL_OFFSETS,
    TOK_DETAIL_TOKENS,
    TOK_DETAIL_TYPES,
    TOK_DETAIL_CHUNK,
    TOK_DETAIL_SPANS
};
const char *tok_detail_field(const struct tok_detail *d, int span);

struct tok_detail_scratch;
struct tok_detail_scratch *tok_detail_scratch_new(const struct tok_detail *d);
void tok_detail_scratch_free(struct tok_detail_scratch *s);

void tok_record_detail(const struct tok_detail *d, struct tok_detail_scratch *s, slice raw,
                       const struct json_span *spans, struct json_span top, struct arena *arena,
                       struct tok_record_result *result);

#endif
