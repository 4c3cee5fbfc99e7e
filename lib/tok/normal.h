/* normal.h: the normalizer of a tokenizer: Unicode normal forms as its reference computes them.
 *
 * The reference's tables are older than utf8proc's. Code points that they do not know (UPROP_NEWER)
 * neither change, nor move, nor combine: the text is cut at them and what lies between is normalized
 * with unicode.h.
 *
 *     slice out = normal_run(&normal, text, arena);   // text itself when nothing changes
 */
#ifndef NORMAL_H
#define NORMAL_H

#include "../buf.h"
#include "../unicode.h"

#define NORMAL_MAX 8

struct normal {
    struct uni_norm *form[NORMAL_MAX]; /* one after the other */
    enum uni_form kind[NORMAL_MAX];
    int count;
};

void normal_add(struct normal *n, enum uni_form form, struct arena *arena);
slice normal_run(const struct normal *n, slice text, struct arena *arena);

#endif
