/* fasttext.h: classifiers in fastText's files: .bin (float32) and .ftz (product quantized).
 *
 * Reads version 12 (and 11) of the format of supervised models, and predicts what the fasttext
 * package predicts for a line: words between white space, their n-grams of characters and of words,
 * the mean of the input rows, and softmax, hierarchical softmax, one-vs-all or negative sampling at
 * the output. A line feed in a text counts as a blank, as pipelines that call the package do it; the
 * end of the text is the word "</s>".
 *
 *     struct fasttext *f = fasttext_new(file, &arena, &err);
 *     struct fasttext_best best = fasttext_best(f, text, &temp);   // best.label "en", best.p
 *     double p = fasttext_score(f, text, label, &temp);
 *
 * A model is read-only, keeps a reference to the file's bytes (a mapping will do), and any thread may
 * use it with an arena of its own. Memory: the file, a table of its words, the tree of its labels.
 *
 * Source: https://github.com/facebookresearch/fastText (MIT), dictionary.cc, fasttext.cc, loss.cc,
 * productquantizer.cc.
 */
#ifndef FASTTEXT_H
#define FASTTEXT_H

#include "../arena.h"
#include "../err.h"

struct fasttext;

struct fasttext_best {
    const char *label; /* NULL: the text has no word that the model knows */
    double p;
};

/* ERR_CONFIG "byte N: ..." when a count or a size does not fit the file. */
struct fasttext *fasttext_new(slice file, struct arena *arena, struct err *err);
/* Without "__label__". */
const char *fasttext_label(const struct fasttext *f, int i);
const char *const *fasttext_labels(const struct fasttext *f, int *count);
struct fasttext_best fasttext_best(const struct fasttext *f, slice text, struct arena *temp);
/* The probability of one label; 0 when the text has no word that the model knows. */
double fasttext_score(const struct fasttext *f, slice text, int label, struct arena *temp);

#endif
