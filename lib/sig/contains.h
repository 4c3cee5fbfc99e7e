/* contains.h: drop records that hold n-grams of a reference (decontamination)
 *
 * The n-grams of words (shingle.h) of all reference records go into a table, each with its first
 * place; then every record's n-grams are looked up, on any thread. The share of a record is the part
 * of its words that lie in an n-gram of the reference; a record whose share is above `max_share` is
 * dropped. The evidence names each run of matching n-grams: its words, the reference record and where
 * it is in both texts, in code points of the text in NFC.
 *
 * compat "datatrove" takes the words of simplify_text and, where a reference record has a string
 * member `query`, also the n-grams that span the end of the query and the beginning of the text.
 *
 * N-grams are compared by their 64-bit hashes. Records and reference texts with fewer than n words
 * match nothing. Memory: 16 bytes per different n-gram of the reference, times 1.3 to 2.7, and the
 * ids of its records.
 *
 * A named driver of sig/. Errors: those of flow; ERR_DATA for a reference without n-grams.
 */
#ifndef CONTAINS_H
#define CONTAINS_H

#include "mode.h"
#include "shingle.h"

#define CONTAINS_EVIDENCE_MAX 100 /* runs that are named per record */

struct contains_options {
    const char *reference;
    int n;
    double max_share;
    bool annotate;
    const char *field;
    const char
        *compat; /* "gpt3", "datatrove": words as they fold them, offsets in the folded text */
};

/* The names that compat may have, and the n that each takes by default; 0: no such name. */
int contains_compat_n(const char *compat);

bool contains_run(const struct mode_env *env, const struct contains_options *options,
                  struct err *err);

#endif
