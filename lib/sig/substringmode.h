/* substringmode.h: cut what occurs twice out of texts: `dedup --substring`
 *
 * All records are spooled, their texts searched (repeats.h), and written in input order without the
 * ranges that repeat an earlier place. A record of which nothing but white space is left is dropped.
 * With `ranges` nothing is cut, and the member _dedup says what would have been.
 *
 * Ranges shrink to whole code points, and with `snap_words` to whole words; in units of words they are
 * whole words.
 *
 *     struct substring_options o = { .what = "50:words", .field = "text", .keep = "first",
 *                                    .memory = 1 << 30 };
 *     return substring_run(&env, &o, err);
 *
 * A named driver: its I/O goes through flow.h. Memory: `memory` and the longest record.
 */
#ifndef SUBSTRINGMODE_H
#define SUBSTRINGMODE_H

#include "mode.h"

struct substring_options {
    const char *what; /* N, N:bytes, N:chars, N:words */
    const char *field, *keep;
    bool ranges, snap_words;
    int64_t memory;
};

bool substring_run(struct mode_env *env, const struct substring_options *o, struct err *err);

#endif
