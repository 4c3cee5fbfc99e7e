/* records.h: tokenize JSONL records: what cmd/tokenize.c does with each one.
 *
 *   encode  text -> "ids":[...]           count  text -> "n_tokens":N
 *   decode  "ids":[...] -> text
 *
 * The member is replaced where it is, or added as the last one; everything else of the record stays
 * byte for byte. With drop_source the member that was read goes away; its place is taken by the new
 * one when that is not there yet.
 *
 *     struct tok_records r = { .t = t, .mode = TOK_RECORDS_ENCODE, .text_field = "text" };
 *     struct tok_records_scratch *s = tok_records_scratch_new(&r);   // per thread
 *     tok_record(&r, s, raw, spans, top, arena, &result);
 */
#ifndef TOK_RECORDS_H
#define TOK_RECORDS_H

#include "../json.h"
#include "tok.h"

enum tok_records_mode { TOK_RECORDS_ENCODE, TOK_RECORDS_COUNT, TOK_RECORDS_DECODE };

#define TOK_IDS_FIELD   "ids"
#define TOK_COUNT_FIELD "n_tokens"

struct tok_records {
    const struct tok *t;
    enum tok_records_mode mode;
    unsigned encode_flags, decode_flags;
    bool drop_source;
    enum tok_invalid { TOK_INVALID_REPLACE, TOK_INVALID_BYTES, TOK_INVALID_ERROR } invalid;
    const char *text_field; /* a path; decode needs a plain name */
};

/* Members that a record is scanned for, in this order: what is read, then what is written. */
enum { TOK_SPAN_SOURCE, TOK_SPAN_TARGET, TOK_SPANS };
const char *tok_records_source(const struct tok_records *r);
const char *tok_records_target(const struct tok_records *r);

struct tok_record_result {
    slice out;             /* in the arena; valid when reason is NULL */
    int64_t out_records;   /* lines of `out`; 0: one */
    int64_t tokens, bytes; /* of the text */
    const char *reason;    /* a bad record: why, and at which byte (-1: none) */
    ptrdiff_t at;
};

struct tok_records_scratch;
struct tok_records_scratch *tok_records_scratch_new(const struct tok_records *r);
void tok_records_scratch_free(struct tok_records_scratch *s);

void tok_record(const struct tok_records *r, struct tok_records_scratch *s, slice raw,
                const struct json_span *spans, struct json_span top, struct arena *arena,
                struct tok_record_result *result);
/* The ids of a record instead (encode only); they are valid until the next call with this scratch.
 * NULL: a bad record. result->out is not set. */
const struct tok_ids *tok_record_ids(const struct tok_records *r, struct tok_records_scratch *s,
                                     slice raw, const struct json_span *spans, struct arena *arena,
                                     struct tok_record_result *result);

#endif
