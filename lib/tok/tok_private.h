/* tok_private.h: what a tokenizer consists of; for the files of lib/tok only.
 *
 *   text -> added tokens (raw) -> normalizer -> added tokens (normalized) -> pre-tokenizer -> model
 *
 * A loader (load_hf.c, export.c) fills the parts and calls tok_finish(). To add a format: a loader;
 * a model: a module like bpe.h and a `model` tag here; a normalizer: normal.h; a pre-tokenizer: a
 * stage kind in pretok.h; a decoder: decode.c.
 */
#ifndef TOK_PRIVATE_H
#define TOK_PRIVATE_H

#include "added.h"
#include "bpe.h"
#include "bpe_text.h"
#include "decode_chain.h"
#include "mrt.h"
#include "normal.h"
#include "post.h"
#include "pretok.h"
#include "spm.h"
#include "tok.h"
#include "unigram.h"
#include "wordpiece.h"

struct id_list {
    uint32_t *ids;
    ptrdiff_t count;
};

enum decoder_kind {
    DECODER_JOIN_BLANK, /* none in the file: the tokens as they are, blanks between */
    DECODER_BYTES,      /* ByteLevel */
    DECODER_CHAIN,      /* anything else */
    DECODER_SPM,
};

enum model_kind { MODEL_BPE, MODEL_WORDPIECE, MODEL_WORDLEVEL, MODEL_UNIGRAM, MODEL_SPM };

enum tok_id_flags { ID_USED = 1, ID_ADDED = 2, ID_SPECIAL = 4 };

struct tok {
    struct arena *arena;
    const char *name;
    struct mrt_image *image; /* of a compiled file, instead of tables that are built; NULL: none */
    enum model_kind model;
    struct bpe bpe; /* its vocab is that of every model */
    struct bpe_text bpe_text;
    struct wordpiece wordpiece;
    struct unigram unigram;
    struct spm spm;
    bool general; /* encode.c encodes, not the fast way of tok.c */
    bool needs_offsets, trims_offsets;
    bool wraps_oddly; /* the post-processor does more than prefix and suffix say */
    double dropout;   /* of the file */
    struct added_token *added;
    ptrdiff_t added_count;
    struct vocab added_index; /* content -> index in added; slots NULL: no added tokens */
    struct added_matcher raw, normalized;
    struct normal normal;
    struct pretok pretok;
    struct post post;
    struct id_list prefix, suffix; /* what TOK_ADD_SPECIAL puts around the ids of one text */
    enum decoder_kind decoder;
    struct decode_chain chain;
    ptrdiff_t size; /* of the arrays by id */
    slice *bytes;   /* what an id decodes to */
    uint8_t *flags; /* enum tok_id_flags */
    char fingerprint[33];
    const char *description;
};

/* The parts are there: matchers, tables by id, fingerprint. False: ERR_CONFIG. */
bool tok_finish(struct tok *t, struct err *err);
/* decode.c */
void decode_fill_bytes(struct tok *t);
/* fingerprint.c */
void fingerprint_fill(struct tok *t);

/* load_hf_vocab.c: model.vocab and model.merges, straight from their text, which json_scan has
 * accepted. The arrays may be large: no tree is built of them. */
struct json_span;
bool load_vocab(struct tok *t, slice text, const struct json_span *vocab, struct err *err);
/* model.vocab of Unigram: [["text", score], ...] */
bool load_scores(struct tok *t, slice text, const struct json_span *vocab, struct err *err);
bool load_merges(struct tok *t, slice text, const struct json_span *merges, struct err *err);
/* One merge by its texts; `where` is its JSON path for messages. */
bool load_merge(struct tok *t, slice left, slice right, uint32_t rank, char *space,
                struct err *err);

#endif
