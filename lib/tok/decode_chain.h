/* decode_chain.h: the decoders of a tokenizer.json, one after the other over a list of token texts.
 *
 *     struct decode_chain c = { 0 };
 *     decode_chain_add(&c, &step);                    // false: too many
 *     decode_chain_run(&c, texts, count, &buf, &err);
 *
 * Reference: Hugging Face tokenizers, src/decoders.
 */
#ifndef DECODE_CHAIN_H
#define DECODE_CHAIN_H

#include "../arena.h"
#include "pattern.h"

enum decode_kind {
    DECODE_BYTES,         /* ByteLevel: the alphabet of bytes, what is ill-formed replaced */
    DECODE_WORDPIECE,     /* text: the prefix; flag: clean up */
    DECODE_METASPACE,     /* text: the replacement; flag: a blank in front was added */
    DECODE_BPE,           /* text: the suffix */
    DECODE_BYTE_FALLBACK, /* <0xNN> */
    DECODE_FUSE,          /* all texts become one */
    DECODE_STRIP,         /* text: the character; start, stop: how many at most */
    DECODE_REPLACE,       /* pattern or literal by text */
    DECODE_CTC,           /* literal: pad; text: delimiter; flag: clean up */
};

#define DECODE_MAX 16

struct decode_chain {
    struct decode_step {
        enum decode_kind kind;
        slice text, literal;
        bool flag;
        int64_t start, stop;
        struct pattern *pattern;
    } step[DECODE_MAX];
    int count;
};

bool decode_chain_add(struct decode_chain *c, const struct decode_step *step);
void decode_chain_free(struct decode_chain *c);
/* Appends the text. texts is changed. False with ERR_DATA: a pattern took too many steps. */
bool decode_chain_run(const struct decode_chain *c, slice *texts, ptrdiff_t count, struct buf *out,
                      struct err *err);

#endif
