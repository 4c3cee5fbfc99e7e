/* spm.h: SentencePiece: its normalizer and its four models (Unigram, BPE, word, char), with the decisions of
 * its own code: sums of scores in float, ties, byte fallback, user-defined symbols.
 *
 *     spm_build(&m, arena, &err);                          // after pieces, flags and maps
 *     spm_encode(&m, scratch, text, &tokens);              // text need not be valid UTF-8
 *     spm_decode(&m, ids, count, &buf);
 *
 * Source: google/sentencepiece, src/normalizer.cc, unigram_model.cc, bpe_model.cc,
 * sentencepiece_processor.cc.
 */
#ifndef SPM_H
#define SPM_H

#include "../buf.h"
#include "../err.h"
#include "charsmap.h"
#include "tokenlist.h"
#include "trie.h"
#include "vocab.h"

enum spm_kind { SPM_UNIGRAM = 1, SPM_BPE, SPM_WORD, SPM_CHAR };

enum spm_type { /* of a piece, as in the file */
                SPM_NORMAL = 1,
                SPM_UNKNOWN,
                SPM_CONTROL,
                SPM_USER_DEFINED,
                SPM_UNUSED,
                SPM_BYTE
};

struct spm_rules {        /* a normalizer_spec */
    struct charsmap *map; /* NULL: none */
    bool dummy_prefix, remove_extra, escape;
};

struct spm {
    enum spm_kind kind;
    struct spm_piece {
        slice text;
        float score;
        uint8_t type;
    } * pieces;
    ptrdiff_t count;
    struct spm_rules rules, denormal;
    bool suffix; /* white space ends a word (treat_whitespace_as_suffix) */
    bool byte_fallback;
    bool all_found; /* llama.cpp: control and unknown pieces are found like others */
    slice unk_surface;

    /* made by spm_build */
    struct vocab index;     /* of pieces that text can become */
    struct trie trie, user; /* the same; user-defined symbols */
    bool has_user;
    uint32_t unk;
    int64_t bytes[256];
    uint32_t *rank; /* BPE: by id, the best score is 0; equal scores are equal */
    float min_score, max_score;
    bool plain_blank;  /* so does a blank */
    uint64_t plain[2]; /* ASCII that stays as it is in front of ASCII, as bits */
    bool
        independent_words; /* BPE, Unigram: no piece joins over the edge between a character and U+2581 */
};

struct spm_scratch;
struct spm_scratch *spm_scratch_new(void);
void spm_scratch_free(struct spm_scratch *s);

/* False with ERR_CONFIG: empty or equal pieces, no unknown piece, missing byte pieces. */
bool spm_build(struct spm *m, struct arena *arena, struct err *err);
/* Appends tokens; their texts lie in the scratch until the next call. dropout: of BPE merges; *random is
 * its state. */
void spm_encode(const struct spm *m, struct spm_scratch *s, slice text, double dropout,
                uint64_t *random, struct tokens *out);
/* Only ids, with a bounded cache of words. */
struct tok_ids;
void spm_encode_ids(const struct spm *m, struct spm_scratch *s, slice text, struct tok_ids *ids);
void spm_decode(const struct spm *m, const uint32_t *ids, ptrdiff_t count, bool skip_special,
                struct buf *out);

#endif
