/* ngram.h: repeated n-grams of words, as the Gopher rules count them.
 *
 * An n-gram is a run of n words. For the most frequent one two are the same when their words are;
 * for the duplicates when their strings are, joined without a space as in datatrove, so that
 * "ab"+"c" equals "a"+"bc". 48 bits of a hash are kept in the tables; two different n-grams of one
 * text are taken for the same with a chance of n^2 / 2^49.
 *
 * Most n-grams of most texts are unique, and a cheap filter says so before the table is asked: two
 * equal 2-grams fall into one bucket, so what is alone in its bucket is unique; an n-gram can be
 * repeated only where both (n-1)-grams in it are (top); two equal n-grams of at least NGRAM_PREFIX
 * bytes begin with the same NGRAM_PREFIX bytes, so a word from which on no other place has these
 * starts no repeated n-gram of so many bytes, for any n (duplicates).
 *
 *     ngrams_init(&g, &table, text, words.at, words.count, &arena);
 *     while (g.n < 4) { ngrams_next(&g); ... ngrams_top_chars(&g) ... }       // 2, 3, 4
 *     while (g.n < 10) { ngrams_next(&g); ... ngrams_duplicate_chars(&g) ... } // 5 to 10
 *
 * The tables belong to one thread and are reused from text to text without clearing (epochs).
 * Source: datatrove pipeline/filters/gopher_repetition_filter.py at a649de79.
 */
#ifndef NGRAM_H
#define NGRAM_H

#include "words.h"

#define NGRAM_PREFIX  16
#define NGRAM_TOP_MAX 4 /* ngrams_top_chars is for n up to here, duplicates for n >= 5 */

struct ngram_count {
    uint32_t count, first; /* occurrences, and the word where the first begins */
};

struct ngram_table {            /* zeroed is empty; ngram_table_release frees */
    uint64_t *keys;             /* 48 bits of hash, 16 of epoch */
    struct ngram_count *counts; /* beside the keys, for the most frequent ones */
    ptrdiff_t cap;              /* a power of two */
    uint32_t epoch;
};

struct ngrams {
    const struct word *words;
    ptrdiff_t count;
    int n;
    uint64_t *word;    /* hash of word i */
    char *joined;      /* the words by nothing; from n = 5 on */
    uint32_t *place;   /* where word i begins in it */
    uint32_t *bucket;  /* of what begins at word i in `seen` */
    uint8_t *repeated; /* whether the prefix from word i on occurs again; from n = 5 on */
    uint8_t *seen;     /* how many fell into the bucket, up to 2 */
    ptrdiff_t mask;    /* of buckets */
    /* Words that may start a repeated n-gram, ascending: of this n up to NGRAM_TOP_MAX, of any
     * n >= 5 after. */
    uint32_t *candidates, *slots; /* and their places in the table */
    ptrdiff_t candidate_count;
    struct ngram_count top; /* the most frequent one; {1, 0} when all are unique */
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
int64_t ngrams_top_chars(const struct ngrams *g);
/* Code points in repeated n-grams, joined by nothing: from left to right, a repeated one counts and
 * is skipped whole. */
int64_t ngrams_duplicate_chars(struct ngrams *g);
/* The other way to go on: n-grams are tuples of words for every n, as most tools have it. Then
 * candidates are exactly the words where one begins that occurs more than once, and ngrams_at says
 * how often, and where first. */
void ngrams_next_tuples(struct ngrams *g);
static inline struct ngram_count ngrams_at(const struct ngrams *g, ptrdiff_t k)
{
    return g->table->counts[g->slots[k]];
}
void ngram_table_release(struct ngram_table *t);

#endif
