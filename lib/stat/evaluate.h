/* evaluate.h: `bench --eval`: joins predictions to gold rows by id and says how good they are.
 *
 * A named driver (rows.h reads the files). The figures are those of scoring.h.
 *
 *   label       gold "label", prediction "label" (and "scores": {label: probability})
 *   answer      gold "answer": a string or an array of strings that are all right; prediction
 *               "completion"
 *   pass        prediction "passed": true or false, several rows per id
 *   rank        gold "relevant": [id, ...] or {id: gain}; prediction "ranked": [id, ...], or
 *               "embedding": the rows whose ids are not in gold are the documents, by cosine
 *   perplexity  "nll" and "n" of every row, no gold
 *
 * A gold row without a prediction counts as wrong, and how many there are is said; predictions
 * without a gold row are counted and left out. Two gold rows, or two predictions (but for pass), of
 * one id are ERR_DATA: the join would be a guess.
 *
 * Memory: the ids and labels once, 16 bytes a row; answers and embeddings whole.
 */
#ifndef EVALUATE_H
#define EVALUATE_H

#include "rows.h"

enum evaluate_task {
    EVALUATE_LABEL,
    EVALUATE_ANSWER,
    EVALUATE_PASS,
    EVALUATE_RANK,
    EVALUATE_PERPLEXITY
};

struct evaluate_conf {
    enum evaluate_task task;
    const char *gold, *pred;             /* files */
    const char *gold_field, *pred_field; /* NULL: the task's own */
    const char *at;                      /* "1,5,10": the k of pass@k, recall@k, nDCG@k */
    bool json;                           /* else a table */
};

/* The k of a list "1,5,10", ascending as given; ERR_USAGE for anything else. For option checks. */
#define EVALUATE_AT_MAX 8
bool evaluate_at(const char *text, int64_t at[EVALUATE_AT_MAX], int *count, struct err *err);

bool evaluate_run(const struct bench_env *env, const struct evaluate_conf *conf, struct err *err);

#endif
