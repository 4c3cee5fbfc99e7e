/* ngram.h: repeated n-grams of words, as the Gopher rules count them.
 *
 * An n-gram is a run of n words; two are the same when their joined strings are, so that for the
 * duplicates (joined without a space, as in datatrove) "ab"+"c" equals "a"+"bc". Strings are
 * compared by a 64-bit polynomial hash of their bytes, which the hash of a longer run continues:
 * one multiplication per word and n. 48 bits of it are kept in the tables; two different n-grams
 * of one text are taken for the same with a chance of n^2 / 2^49.
 *
 *     ngrams_init(&g, text, words, count, &arena);
 *     for (int n = 2; n <= 10; n++) {
 *         ngrams_next(&g);                       // now of n words
 *         top = ngrams_top_chars(&g); dup = ngrams_duplicate_chars(&g);
 *     }
 *
 * The tables belong to one thread and are reused from text to text without clearing (epochs).
 * Source: datatrove pipeline/filters/gopher_repetition_filter.py at a649de79.
 */
#ifndef NGRAM_H
#define NGRAM_H

#include "words.h"

struct ngram_table { /* zeroed is empty; ngram_table_release frees */
    struct ngram_slot *slots;
    ptrdiff_t cap; /* a power of two */
    uint32_t epoch;
};

struct ngrams {
    const struct word *words;
    ptrdiff_t count;
    int n;
    uint64_t *plain, *spaced; /* of the n words from i on: joined by nothing, by a space */
    uint64_t *word, *power;   /* of one word; base to the power of its length */
    struct ngram_table *table;
};

/* n = 1. The words belong to `text`. */
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
