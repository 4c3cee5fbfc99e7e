/* spacy_chunk.h: how spaCy cuts one chunk between white space; for the files of spacy_en only.
 *
 * The patterns of the package are asked where a chunk is not ASCII; what they say of ASCII text is
 * written out in spacy_chunk.c, and a test compares the two (spacy_en_by_pattern).
 */
#ifndef SPACY_CHUNK_H
#define SPACY_CHUNK_H

#include "../regex.h"
#include "shorthash.h"
#include "spacy_en.h"

#define SPECIAL_SLOTS  4096 /* more than twice the special cases */
#define SPECIAL_PIECES 8
#define SPECIAL_BITS   (1 << 13)
#define CACHE_SLOTS    (1 << 14)
#define CACHE_KEY      32 /* longer chunks are not cached */
#define CACHE_PIECES   10

struct special {
    slice text; /* ptr NULL: free slot */
    uint8_t count, len[SPECIAL_PIECES];
    /* As affixes and infixes cut it, when they do: such a run of pieces becomes the special case.
     * */
    uint8_t cut_count, cut[SPECIAL_PIECES];
};

struct spacy_en {
    struct regex *prefix, *suffix, *infix, *url;
    bool by_pattern;
    uint8_t ascii[128]; /* enum ascii_class of spacy_chunk.c */
    struct special slots[SPECIAL_SLOTS];
    uint64_t special_bits[SPECIAL_BITS / 64]; /* a filter in front of the slots */
    ptrdiff_t longest;                        /* bytes of the longest one that is put together */
    bool may_join[256];                       /* first bytes of these */
    struct bytepair marks;                    /* where a sentence mark may begin */
};

struct piece {
    uint32_t start, len;
};

struct pieces {
    struct piece *at;
    ptrdiff_t count, cap;
};

/* A chunk and its pieces; one cache line. */
struct cached {
    char key[CACHE_KEY];
    uint8_t key_len, count; /* key_len 0: free */
    uint8_t len[CACHE_PIECES], chars[CACHE_PIECES], classes[CACHE_PIECES];
};

struct spacy_scratch {
    struct regex_scratch *regex;
    struct pieces pieces, suffixes, joined;
    struct cached *cache;
    struct words words; /* of a chunk, when sentences are counted */
    struct arena own;   /* of these words */
};

/* NULL when `text` (not empty, padded) is none. */
const struct special *spacy_find_special(const struct spacy_en *en, slice text);

static inline const struct special *find_special(const struct spacy_en *en, slice text)
{
    unsigned bit = (unsigned)(shorthash(text.ptr, text.len) & (SPECIAL_BITS - 1));

    if (LIKELY(!(en->special_bits[bit / 64] >> (bit % 64) & 1)))
        return NULL;
    return spacy_find_special(en, text);
}

/* The pieces of a chunk (not empty, padded) in s->pieces, in order and without gaps. */
void spacy_chunk_split(const struct spacy_en *en, struct spacy_scratch *s, slice chunk);
void spacy_add_special(struct pieces *out, const struct special *x, ptrdiff_t at);
bool spacy_en_is_mark(uint32_t cp); /* of the sentencizer */
/* Asks the patterns of every chunk from now on (slow): the reference of the tests. */
void spacy_en_by_pattern(struct spacy_en *en);

#endif
