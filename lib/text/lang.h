/* lang.h: which language a text is in, by a linear classifier over hashed letter n-grams.
 *
 * The text is folded: words (between ASCII white space) that are all ASCII and hold a digit or one of
 * / \ _ { } < > = $ @ # | & * ~ ^ + are left out, since they are code, paths, addresses; what remains
 * becomes letters and marks in lower case with single blanks between and at both ends. Features are
 * the n-grams of 2, 3 and 4 characters without a blank inside, and single characters from U+0250 on.
 * Each is hashed to a row of 64 weights; the scores are the mean of the rows and a bias, and the
 * probability is their softmax. Of a text longer than 16 KiB, 16 pieces of 1 KiB at even distances
 * are looked at.
 *
 * The model (lib/data/lang) is made by lib/text/gen/lang_train.py, which says from what.
 *
 *     struct lang *l = lang_new(file, &arena, &err);
 *     struct lang_result r = lang_of(l, text);          // r.label "de", r.score 0.998
 *
 * A model is read-only and keeps a reference to the file's bytes.
 */
#ifndef LANG_H
#define LANG_H

#include "../arena.h"
#include "../err.h"

struct lang;

struct lang_result {
    const char *label; /* "und" when the text holds no letters */
    double score;      /* rounded to four decimals, as it is shown */
};

/* ERR_CONFIG when it is no such file. */
struct lang *lang_new(slice file, struct arena *arena, struct err *err);
struct lang_result lang_of(const struct lang *l, slice text);

/* Does `label` stand in the list "en,pt"? A name without a region stands for all its regions; nb is
 * no. */
bool lang_listed(const char *list, const char *label);
/* A name of the list that none of these labels has: ERR_USAGE with the nearest. */
bool lang_check_list(const char *list, const char *const *labels, int count, struct err *err);
const char *const *lang_labels(const struct lang *l, int *count);

#endif
