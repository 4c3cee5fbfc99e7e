/* json.h: the scanner of the record path, and a small DOM for config files.
 *
 * RECORD PATH. json_scan() validates one JSON value completely (strict RFC 8259, UTF-8, nesting at
 * most JSON_MAX_DEPTH) in one pass, and remembers where the members lie that a query asks for.
 * Nothing is copied or converted: a span is a place in the record. Tools read a member by its span,
 * unescape a string only when it holds a backslash, and change a record by splicing: bytes that a
 * tool does not own come out as they went in (numbers, key order, escapes, white space, duplicates).
 *
 * A record must have RECORD_PADDING readable bytes after it (any values).
 *
 *     struct json_query q;                     // process lifetime, read-only after init
 *     json_query_init(&q, paths, 2, &arena, &err);
 *     struct json_span span[2];
 *     struct json_fault fault;
 *     if (!json_scan(record, &q, span, &fault)) ... fault.what at byte fault.at
 *     if (span[0].count == 1 && span[0].type == JSON_STRING) {
 *         slice text;
 *         json_string(record, span[0], JSON_SURROGATE_FAIL, &arena, &text, &fault)
 *     }
 *
 * CONFIG FILES. json_parse() builds a tree in an arena with the same scanner; strings are unescaped,
 * numbers kept as text and converted on demand; duplicates: the last one wins and json_get finds it.
 *
 * All functions are pure and thread-safe.
 */
#ifndef JSON_H
#define JSON_H

#include "arena.h"
#include "buf.h"
#include "err.h"
#include "simd/jsonscan.h"

/* From simd/jsonscan.h, which the kernels share:
 *
 *     JSON_MAX_DEPTH 1024, JSON_MAX_PATHS 16 (members per query)
 *     enum json_type        JSON_NONE, JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_NUMBER, JSON_STRING,
 *                           JSON_ARRAY, JSON_OBJECT
 *     struct json_fault     { at; what; }   byte in the record, static text
 *     struct json_span      { start, len; key_start; count; type; escaped; }
 *     enum json_surrogates  JSON_SURROGATE_FAIL, JSON_SURROGATE_REPLACE
 */

/* ---- queries ---- */

struct json_query {
    struct json_query_node *root;
    int count;
    int8_t same_as[JSON_MAX_PATHS]; /* the first path that is equal to this one */
};

/* paths: "text", "meta.lang", "a\\.b" (a literal dot). Array indexes are not paths. A bad path is
 * ERR_USAGE. Everything lives in the arena. */
bool json_query_init(struct json_query *q, const char *const *paths, int count, struct arena *arena,
                     struct err *err);

/* Scans `record`: one JSON value, white space around it allowed, nothing else. spans has q->count
 * elements (q may be NULL). A span describes the LAST occurrence of its member and counts them all;
 * a second occurrence of a member above it ("meta" of "meta.lang") counts as one too, so that
 * count > 1 says: another reader may see another value. Escaped keys are compared decoded.
 * *top is the type of the value and where it lies; may be NULL: the offset of an object's closing
 * brace is top->start + top->len - 1. A lone surrogate escape is grammatical here.
 * The fault is the same whatever lies behind the record. */
bool json_scan(slice record, const struct json_query *q, struct json_span *spans,
               struct json_span *top, struct json_fault *fault);

/* ---- strings ---- */

/* The decoded bytes of a string span of a scanned record: a borrowed part of the record when
 * nothing is escaped, else in the arena with RECORD_PADDING after it. The result may hold NUL.
 * *replaced (may be NULL) is increased per lone surrogate. */
bool json_string(slice record, struct json_span span, enum json_surrogates policy,
                 struct arena *arena, slice *text, ptrdiff_t *replaced, struct json_fault *fault);
/* Like it for raw text between quotes (no quotes), already valid. dst needs raw.len bytes
 * and does not overlap raw. */
ptrdiff_t json_unescape(slice raw, char *dst, enum json_surrogates policy, ptrdiff_t *replaced,
                        struct json_fault *fault); /* -1 on fault */

/* Appends `text` (valid UTF-8) as a quoted JSON string: the shortest escapes, "/" and non-ASCII
 * raw, U+0000..1F as \b\f\n\r\t or \u00XX, U+007F raw. */
void json_append_string(struct buf *b, slice text);
/* The same for bytes that may not be UTF-8: each bad byte becomes U+FFFD. False when it did. */
bool json_append_bytes(struct buf *b, slice bytes);
/* Upper bound of the quoted length, and the writer without reserve: returns the end. */
#define JSON_QUOTED_MAX(len) ((len)*6 + 2)
char *json_write_string(char *dst, slice text);

bool json_utf8_valid(slice s);
/* Offset of the first byte that does not belong to valid UTF-8, or s.len. */
ptrdiff_t json_utf8_prefix(slice s);

/* ---- splicing ---- */

struct json_edit {
    ptrdiff_t start, len; /* what is replaced in the record; len 0 inserts */
    slice text;           /* JSON text */
};

/* Edits sorted by start, not overlapping. The result is in the arena, padded. */
slice json_splice(slice record, const struct json_edit *edits, ptrdiff_t count,
                  struct arena *arena);
/* The edit that gives member `key` (plain, no escapes needed) of the object `top` the JSON text
 * `value`: replaces the value of `span` when span.count > 0, else adds it as the last member. */
struct json_edit json_edit_set(slice record, struct json_span top, struct json_span span,
                               const char *key, slice value, struct arena *arena);

/* ---- DOM ---- */

struct json_node {
    enum json_type type;
    slice key;                      /* decoded, when the parent is an object */
    slice text;                     /* decoded string, or the number's characters */
    ptrdiff_t count;                /* members or elements */
    ptrdiff_t offset;               /* in the file, for messages */
    struct json_node *child, *next; /* in document order */
    struct json_node **items;       /* arrays: elements by index; objects: json_get's own */
};

/* `text` needs no padding and may go away afterwards. NULL with ERR_CONFIG "byte N: ..." (the name
 * of the file is not in the message). Lone surrogates become U+FFFD. */
struct json_node *json_parse(slice text, struct arena *arena, struct err *err);
/* NULL when n is NULL, not an object, or has no such member. Linear for small objects; json_parse
 * builds a hash index of objects with more than 16 members. */
struct json_node *json_get(const struct json_node *n, const char *key);
struct json_node *json_get_slice(const struct json_node *n, slice key);
/* The default when n is NULL or of another type (or does not fit). */
slice json_get_string(const struct json_node *n, const char *key, slice def);
int64_t json_get_int(const struct json_node *n, const char *key, int64_t def);
double json_get_double(const struct json_node *n, const char *key, double def);
bool json_get_bool(const struct json_node *n, const char *key, bool def);
bool json_int(const struct json_node *n, int64_t *out); /* an integer that fits */
bool json_double(const struct json_node *n, double *out);

#endif
