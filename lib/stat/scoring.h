/* scoring.h: how good predictions are: classification, text, code, ranking, calibration.
 *
 * Every function takes plain arrays and gives the figures that the field's reference computes: the
 * classification report equals scikit-learn's with zero_division=0, exact match and token F1 are
 * those of SQuAD 1.1, pass@k is the unbiased estimator of Chen et al. 2021 (Codex), nDCG uses linear
 * gains and log2 discounts as trec_eval does, ECE has equal-width bins (Guo et al. 2017).
 *
 *     struct scoring_class *c = scoring_classes(gold, pred, n, labels, &arena);
 *     struct scoring_report r;
 *     scoring_report(c, labels, n, &r);
 *
 * Pure and thread-safe; results live in the arena.
 */
#ifndef SCORING_H
#define SCORING_H

#include "../arena.h"

/* ---- classification ---- */

#define SCORING_NO_LABEL (-1) /* as a prediction: none was made; it counts as wrong */

struct scoring_class {
    int64_t support, predicted, correct;
    double precision, recall, f1; /* 0 where the denominator is 0 */
};

struct scoring_average {
    double precision, recall, f1;
};

struct scoring_report {
    double accuracy;
    struct scoring_average micro, macro, weighted;
};

/* gold[i] and pred[i] are label numbers below `labels`; pred may be SCORING_NO_LABEL. Labels that
 * occur on one side only have a class too. */
struct scoring_class *scoring_classes(const int32_t *gold, const int32_t *pred, ptrdiff_t n,
                                      int32_t labels, struct arena *arena);
void scoring_report(const struct scoring_class *classes, int32_t labels, ptrdiff_t n,
                    struct scoring_report *report);

/* Expected calibration error: predictions by confidence (0..1) into `bins` equal intervals, the
 * differences of mean confidence and accuracy weighted by their shares. */
double scoring_ece(const double *confidence, const bool *right, ptrdiff_t n, int bins);

/* ---- texts ---- */

/* SQuAD's normal form: lower case, without ASCII punctuation and the words a, an, the; words
 * separated by one space. */
slice scoring_answer(slice text, struct arena *arena);
/* F1 of the multisets of words of two texts in that form; two empty ones: 1. */
double scoring_token_f1(slice gold, slice pred, struct arena *arena);

/* Levenshtein distance of two sequences of symbols, by Myers' bit vectors (Hyyro 2003):
 * O(n * m / 64). */
int64_t scoring_distance(const uint32_t *a, ptrdiff_t a_len, const uint32_t *b, ptrdiff_t b_len,
                         struct arena *scratch);
struct scoring_edits {
    int64_t edits, length; /* length: of the gold text; the rate is edits / length */
};
/* Words are separated by Unicode white space. */
struct scoring_edits scoring_word_edits(slice gold, slice pred, struct arena *scratch);
struct scoring_edits scoring_char_edits(slice gold, slice pred, struct arena *scratch);

/* ---- code ---- */

/* 1 - C(n - right, k) / C(n, k): the chance that k of n samples hold a right one. NAN when n < k. */
double scoring_pass_at(int64_t n, int64_t right, int64_t k);

/* ---- ranking ---- */

struct scoring_ranking {
    double recall, reciprocal_rank, ndcg;
};
/* gain[i] > 0: the document at rank i (from 0) is relevant; each document stands once.
 * ideal: the gains of all `relevant` documents in descending order. k: cut-off of recall and nDCG;
 * the reciprocal rank looks at all n. */
struct scoring_ranking scoring_rank(const double *gain, ptrdiff_t n, const double *ideal,
                                    ptrdiff_t relevant, ptrdiff_t k);

#endif
