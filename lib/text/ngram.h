/* ngram.h: repeated n-grams of words, as the Gopher rules count them.
 *
 * An n-gram is a run of n words. For the most frequent one two are the same when their words are;
 * for the duplicates when their strings are, joined without a space as in datatrove, so that
 * "ab"+"c" equals "a"+"bc": there the hash is a polynomial of the bytes, and that of any run of
 * words is the difference of two prefixes. 48 bits of a hash are kept in the tables; two different
 * n-grams of one text are taken for the same with a chance of n^2 / 2^49.
 *
 * Most n-grams of most texts are unique, and a cheap filter says so before the table is asked: two
 * equal n-grams fall into one bucket, so what is alone in its bucket is unique (top); two equal
 * n-grams of at least NGRAM_PREFIX bytes begin with the same NGRAM_PREFIX bytes, so a word from
 * which on no other place has these starts no repeated n-gram, for any n (duplicates).
 *
 * The tables belong to one thread and are reused from text to text without clearing (epochs).
 * Source: datatrove pipeline/filters/gopher_repetition_filter.py at a649de79.
 */
#ifndef NGRAM_H
#define NGRAM_H

#include "words.h"

#define NGRAM_PREFIX  16
#define NGRAM_POWERS  512
#define NGRAM_TOP_MAX 4 /* ngrams_top_chars is for n up to here, duplicates for n >= 5 */

struct ngram_table {            /* zeroed is empty; ngram_table_release frees */
    uint64_t *keys;             /* 48 bits of hash, 16 of epoch */
    struct ngram_count *counts; /* beside the keys, for the most frequent ones */
    ptrdiff_t cap;              /* a power of two */
    uint32_t epoch;
    uint64_t powers[NGRAM_POWERS]; /* of the base of the polynomial */
};

struct ngrams {
    const struct word *words;
    ptrdiff_t count;
    int n;
    uint64_t *word;       /* hash of word i */
    uint64_t *run;        /* of the n words from i on, n <= NGRAM_TOP_MAX */
    uint64_t *prefix;     /* of all words before i, joined by nothing */
    uint32_t *place;      /* bytes of all words before i; from n = 5 on */
    uint32_t *bucket;     /* of word or n-gram i in `seen` */
    uint8_t *seen;        /* how many fell into the bucket, up to 255 */
    ptrdiff_t mask;       /* of buckets */
    uint32_t *candidates; /* words that may start a repeated n-gram of n >= 5, ascending */
    ptrdiff_t candidate_count;
    slice text;
    struct arena *arena;
    struct ngram_table *table;
};

/* n = 1. The words belong to `text`, which is padded. */
void ngrams_init(struct ngrams *g, struct ngram_table *table, slice text, const struct word *words,
                 ptrdiff_t count, struct arena *arena);
void ngrams_next(struct ngrams *g);
/* Code points of the most frequent n-gram (the first seen of equally frequent ones), joined by
 * spaces, times its occurrences; 0 when there are fewer than n words. */
int64_t ngrams_top_chars(struct ngrams *g);
/* Code points in repeated n-grams, joined by nothing: from left to right, a repeated one counts and
 * is skipped whole. */
int64_t ngrams_duplicate_chars(struct ngrams *g);
void ngram_table_release(struct ngram_table *t);

#endif
