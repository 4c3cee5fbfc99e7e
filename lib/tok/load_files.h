/* load_files.h: the formats other than tokenizer.json; for the files load_*.c only. Each fills a zeroed tok
 * up to tok_finish(). False: ERR_CONFIG with the line, or the protobuf field.
 */
#ifndef LOAD_FILES_H
#define LOAD_FILES_H

#include "tok_private.h"

/* tokenizer.json: text was scanned for the two large members (padded). */
enum { HF_SPAN_VOCAB, HF_SPAN_MERGES, HF_SPANS };
struct json_span;
bool load_tokenizer_json(struct tok *t, slice text, const struct json_span *span, struct err *err);
/* SentencePiece models: a protobuf ModelProto. */
bool looks_like_spm(slice bytes);
bool load_spm(struct tok *t, slice bytes, struct err *err);
/* "base64 rank" lines; conf->pattern says how text is cut. */
bool looks_like_tiktoken(slice bytes);
bool load_tiktoken(struct tok *t, const struct tok_conf *conf, slice bytes, struct err *err);
/* tekken.json of Mistral. */
struct json_node;
bool load_tekken(struct tok *t, const struct json_node *root, struct err *err);
/* vocab.txt of BERT: one token a line. */
bool load_vocab_txt(struct tok *t, const struct tok_conf *conf, slice bytes, struct err *err);
/* vocab.json of GPT-2, with conf->merges. text was scanned. */
bool load_vocab_json(struct tok *t, const struct tok_conf *conf, slice text, struct err *err);

/* BERT's pipeline around a vocabulary of words and ##pieces that is there: load_vocab_txt.c. */
bool finish_bert(struct tok *t, bool lower, struct err *err);
/* Byte-level BPE from the bytes of tokens and their ranks, as tiktoken has it: load_tiktoken.c. */
struct ranked {
    slice bytes;
    uint32_t rank;
};
bool finish_ranks(struct tok *t, const struct ranked *tokens, ptrdiff_t count, slice pattern,
                  uint32_t first_id, struct err *err);
/* t->spm is filled: load_spm.c. */
bool finish_spm(struct tok *t, struct err *err);
/* No special token has the id of another text. */
bool check_specials(const struct tok *t, struct err *err);
/* A special token, in a list that has room. */
void add_special(struct tok *t, slice content, uint32_t id);

#endif
