/* tok.h: a loaded tokenizer: text -> ids -> text.
 *
 * A `struct tok` is built once from the bytes of a tokenizer file, is read-only afterwards and may be
 * used by any number of threads; each thread has its own `struct tok_scratch` (caches, work space).
 * Formats are detected by content: tokenizer.json, tekken.json, vocab.json, SentencePiece models,
 * tiktoken's ranks, vocab.txt. Ids are those of the format's own reference implementation (Hugging Face
 * tokenizers, tiktoken, SentencePiece). What a file asks for and this library does not do is
 * refused by name when it is loaded, so a loaded tokenizer gives the reference's ids.
 *
 *     struct tok *t = tok_load(&conf, bytes, &arena, &err);
 *     struct tok_scratch *s = tok_scratch_new(t);
 *     struct tok_ids ids = { 0 };
 *     tok_encode(t, s, text, TOK_SPECIAL_PARSE, &ids);
 *     tok_decode(t, ids.ids, ids.count, 0, &buf, &err);
 *     tok_scratch_free(s);
 *     tok_free(t);                             // what does not lie in the arena
 */
#ifndef TOK_H
#define TOK_H

#include "../arena.h"
#include "../buf.h"
#include "../err.h"
#include "tokenlist.h"

struct tok;
struct tok_scratch;

struct tok_conf {
    const char *name;         /* for messages: the file's path */
    const char *pattern_name; /* tiktoken ranks: one of patterns.h; NULL: none */
    slice pattern_file;       /* the same as a JSON text with pat_str; ptr NULL: none */
    slice merges;             /* vocab.json: the text of merges.txt; ptr NULL: none */
    enum tok_case { TOK_CASE_AUTO, TOK_CASE_LOWER, TOK_CASE_KEEP } lettercase; /* vocab.txt */
    bool
        bytes_stay; /* the bytes are there as long as the tokenizer: a compiled file is not copied */
};
/* Is it the name of a published pattern? */
bool patterns_is_name(const char *name);

struct tok_ids { /* grows by realloc; zeroed is empty; tok_ids_release frees */
    uint32_t *ids;
    ptrdiff_t count, cap;
};

enum tok_encode_flags {
    TOK_SPECIAL_TEXT = 0,  /* special tokens in the text are text; other added tokens are found */
    TOK_SPECIAL_PARSE = 1, /* special tokens in the text become their ids */
    TOK_ADD_SPECIAL = 2,   /* what the file's post-processor adds (BOS, [CLS] ... [SEP]) */
    TOK_SPECIAL_ERROR = 4, /* a special token in the text is an error */
    TOK_SPECIAL_DROP = 8,  /* special tokens are taken out of the text */
};

enum tok_wants { TOK_WANT_OFFSETS = 1, TOK_WANT_TEXTS = 2 };

struct tok_request {
    slice text;
    slice pair;        /* ptr NULL: none */
    unsigned flags;    /* enum tok_encode_flags */
    unsigned wants;    /* enum tok_wants: what else than ids and type ids */
    double dropout;    /* of BPE merges, 0 to 1 */
    uint64_t seed;     /* equal seeds give equal ids */
    struct buf *trace; /* a line of JSON per stage is appended; NULL: none */
};

enum tok_decode_flags { TOK_SKIP_SPECIAL = 1 };

/* NULL with ERR_CONFIG and the JSON path (or field) of what is wrong. Everything that is kept lives
 * in `arena`; `bytes` are copied. */
struct tok *tok_load(const struct tok_conf *conf, slice bytes, struct arena *arena,
                     struct err *err);
/* Releases what the arena does not own (compiled patterns). NULL is allowed. */
void tok_free(struct tok *t);
/* From here on nothing is padded or cut, whatever the file says: models take texts as they are, and
 * one that is too long is not cut in silence. Before the first use. */
void tok_whole_texts(struct tok *t);
struct tok_scratch *tok_scratch_new(const struct tok *t);
void tok_scratch_free(struct tok_scratch *s);

/* Appends the ids of `text` (valid UTF-8, may hold NUL). False: the text cannot be represented
 * (err says why); nothing else fails. */
bool tok_encode(const struct tok *t, struct tok_scratch *s, slice text, unsigned flags,
                struct tok_ids *ids, struct err *err);
/* The same as tokens (tokenlist.h): ids, type ids, which ones the post-processor added, offsets as bytes of
 * the text (or the pair) and texts when they are wanted; what texts need is in the arena. */
bool tok_encode_tokens(const struct tok *t, struct tok_scratch *s, const struct tok_request *r,
                       struct tokens *out, struct arena *arena, struct err *err);
/* Appends the bytes of the ids (not necessarily valid UTF-8: byte-level tokens may be cut). An id
 * out of range: ERR_DATA. */
bool tok_decode(const struct tok *t, const uint32_t *ids, ptrdiff_t count, unsigned flags,
                struct buf *out, struct err *err);

/* Appends bytes with every maximal ill-formed part replaced by U+FFFD: how the references turn decoded
 * bytes into text. Returns how many there were. */
ptrdiff_t tok_append_utf8(struct buf *out, slice bytes);

/* Does dropout have an effect: BPE, and the merges of SentencePiece's BPE? */
bool tok_has_merges(const struct tok *t);
/* Highest id + 1, added tokens included. */
ptrdiff_t tok_vocab_size(const struct tok *t);
/* The id of an exact vocabulary or added-token text, or -1. */
int64_t tok_id_of(const struct tok *t, slice token_text);
/* The bytes that the id stands for (special tokens: their text); ptr NULL when the id is unused. */
slice tok_bytes_of(const struct tok *t, uint32_t id);
bool tok_is_special(const struct tok *t, uint32_t id);
void tok_ids_release(struct tok_ids *ids);
/* XXH3-128, as 32 hexadecimal digits and a NUL, of vocabulary, merges, added tokens and pipeline:
 * equal ids for equal texts. Independent of how the file is laid out. */
void tok_fingerprint(const struct tok *t, char hex[33]);
/* The tokenizer in a few words, for messages and reports: "byte-level BPE, llama-bpe pattern". */
const char *tok_describe(const struct tok *t);

/* For model files (quantize writes them into GGUF, infer reads them back). */
struct tok_export {
    const char *model; /* GGUF tokenizer.ggml.model: "gpt2" for byte-level BPE */
    const char *pre;   /* GGUF tokenizer.ggml.pre by the pattern; NULL: no such name */
    slice pattern;     /* the regex as in the file */
    ptrdiff_t vocab_size;
    slice *tokens; /* by id, as written in the file (byte-level alphabet); empty: unused */
    int8_t *types; /* GGUF token types: 1 normal, 2 unknown, 3 control, 4 user-defined,
                               5 unused, 6 byte */
    ptrdiff_t merge_count;
    slice *merges; /* "left right" */
    int64_t bos, eos, unk,
        pad; /* -1: none; tok_export knows bos and eos only when they are added */
    bool add_bos, add_eos;
    const float *scores;                 /* model "llama", "t5": by id; NULL: none */
    slice charsmap;                      /* "t5"; may be empty */
    bool add_space_prefix, remove_extra; /* "llama", "t5" */
    bool lowercase;                      /* "bert" */
};
/* ERR_CONFIG names what a GGUF vocabulary cannot hold (a normalizer other than what `pre` implies,
 * a pattern without a name, flags of added tokens that change ids). */
bool tok_export(const struct tok *t, struct tok_export *out, struct arena *arena, struct err *err);
/* From the same description (what a GGUF file holds; also models "llama", "t5" and "bert", which
 * tok_export does not write): the pattern by `pre` (an unknown name is refused), "qwen2" with NFC as
 * its models have it, tokens of type 3 and 4 as added tokens. Strings
 * are copied. An unset int64_t must be -1, not 0. */
struct tok *tok_from_export(const struct tok_export *in, const struct tok_conf *conf,
                            struct arena *arena, struct err *err);

#endif
