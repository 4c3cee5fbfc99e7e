/* jsonscan.h: the kernels behind json.h, one row per instruction set. Tools include json.h.
 *
 * The whole scanner is one kernel: short members leave no time for an indirect call per string.
 * Its grammar is written once (jsonscan_body.inc) over a few primitives that each instruction set
 * supplies (jsonscan_<isa>.c). All rows give the same spans, the same faults and the same bytes;
 * the scalar row is the reference of the tests.
 *
 *     const struct jsonscan_row *k = jsonscan_kernel();
 *     bool ok = k->scan(record, query_root, spans, &top, &fault);
 *
 * Thread-safe. Sources: RFC 8259; RFC 3629; for UTF-8 by vector look-ups J. Keiser, D. Lemire,
 * "Validating UTF-8 In Less Than One Instruction Per Byte", 2020; for masks of escaped bytes
 * G. Langdale, D. Lemire, "Parsing Gigabytes of JSON per Second", 2019.
 */
#ifndef JSONSCAN_H
#define JSONSCAN_H

#include "cpu.h"

#define JSON_MAX_DEPTH 1024
#define JSON_MAX_PATHS 16 /* members per query */

enum json_type {
    JSON_NONE,
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
};

struct json_fault {
    ptrdiff_t at;     /* byte in the record, from 0 */
    const char *what; /* static text: "unterminated string" */
};

/* Where the LAST occurrence of a member lies; count says how many there were on its path: a second
 * occurrence of a member above it ("meta" of "meta.lang") counts too. */
struct json_span {
    ptrdiff_t start, len; /* the value; a string with its quotes */
    ptrdiff_t key_start;  /* the opening quote of its key */
    int count;            /* 0: missing */
    enum json_type type;
    bool escaped; /* a string that contains a backslash */
};

enum json_surrogates {
    JSON_SURROGATE_FAIL,    /* a lone surrogate is a fault */
    JSON_SURROGATE_REPLACE, /* becomes U+FFFD, counted */
};

/* A query is a tree of keys; the root stands for the record itself. */
struct json_query_node {
    slice key;
    uint64_t head, head_mask; /* the first 8 bytes of the key, and which of them count */
    struct json_query_node *child, *next;
    uint64_t child_lengths; /* bit n: a child has n bytes; bit 63: 63 or more */
    uint32_t slots;         /* bit i: this is path i (the same path may be asked for twice) */
    uint32_t below;         /* bit i: path i lies under this node */
    int first_slot;         /* the lowest bit of slots, or -1 */
    int inner;              /* number of a node that has children, from 0, else -1 */
};
#define JSON_QUERY_INNER_MAX 64

struct jsonscan_row {
    enum cpu_isa isa;
    unsigned features;
    const char *name;
    /* json_scan; root may be NULL. spans are cleared by the caller. */
    bool (*scan)(slice record, const struct json_query_node *root, struct json_span *spans,
                 struct json_span *top, struct json_fault *fault);
    /* Length of the valid UTF-8 prefix. Needs no padding. */
    ptrdiff_t (*utf8_prefix)(slice s);
    /* json_unescape. No padding: reads raw only and writes within [dst, dst + raw.len). */
    ptrdiff_t (*unescape)(slice raw, char *dst, enum json_surrogates policy, ptrdiff_t *replaced,
                          struct json_fault *fault);
    /* The body of a quoted string (no quotes), and its exact length. No padding on either side. */
    char *(*escape)(char *dst, slice text);
    ptrdiff_t (*escaped_len)(slice text);
};

/* The best row that the chosen level allows. */
const struct jsonscan_row *jsonscan_kernel(void);
/* All rows of this build, for tests; a row runs only where its features are. */
const struct jsonscan_row *const *jsonscan_rows(ptrdiff_t *count);

/* ---- scalar parts that other rows use for tails and rare bytes ---- */

ptrdiff_t jsonscan_utf8_prefix_scalar(slice s);
ptrdiff_t jsonscan_unescape_scalar(slice raw, char *dst, enum json_surrogates policy,
                                   ptrdiff_t *replaced, struct json_fault *fault);
char *jsonscan_escape_scalar(char *dst, slice text);
ptrdiff_t jsonscan_escaped_len_scalar(slice text);
/* Whether raw, which is valid and holds escapes, decodes to key. */
bool jsonscan_key_equal(slice raw, slice key);
/* Decodes one valid escape; p is its backslash, `end` bounds the second half of a pair. Returns the
 * bytes consumed and appends to *dst; 0 for a lone surrogate under JSON_SURROGATE_FAIL. */
ptrdiff_t jsonscan_escape_one(const unsigned char *p, const unsigned char *end, unsigned char **dst,
                              enum json_surrogates policy, ptrdiff_t *replaced);
/* Writes a quote, a backslash or a control character as its escape; returns the end. And how many
 * bytes that takes. */
char *jsonscan_quote_one(char *dst, unsigned char c);
ptrdiff_t jsonscan_quote_one_len(unsigned char c);

#endif
