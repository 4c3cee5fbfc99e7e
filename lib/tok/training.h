/* training.h: tokenize --words, --merge-counts and --train: records in, counted words or a tokenizer out.
 *
 *   TRAINING_WORDS  {"text":...} -> {"word":...,"count":N}, every word of all texts once, in byte order
 *   TRAINING_MERGE  {"word":...,"count":N} of any number of inputs -> the same, summed
 *   TRAINING_LEARN  either of the two -> a tokenizer file
 *
 * Words are the pieces that the split pattern makes of a text; joined they are the text. Counting is
 * bounded by memory_bytes and spills sorted runs (wordcount.h). A named driver: its I/O goes through
 * flow.h and out.h.
 *
 *     struct training_conf conf = { .mode = TRAINING_WORDS, .split = rule, .memory_bytes = 1 << 30 };
 *     training_run(&conf, &flow_conf, &report, &progress, &err);
 */
#ifndef TRAINING_H
#define TRAINING_H

#include "../flow.h"
#include "pieces.h"
#include "train_bpe.h"

enum training_mode { TRAINING_WORDS, TRAINING_MERGE, TRAINING_LEARN };

struct training_conf {
    enum training_mode mode;
    const char *text_field;
    const struct pieces_rule *split;
    slice pattern; /* of split, for the tokenizer's file */
    int64_t memory_bytes;
    struct train_conf train;
    const char
        *output; /* TRAINING_LEARN: NULL is stdout. What is written depends on the name's end:
                           .tiktoken ranks; merges.txt, with vocab.json beside it; else tokenizer.json */
    bool force;
};

/* flow: input, rejects and so on, and the output of the first two modes; fields are filled in. */
bool training_run(const struct training_conf *conf, const struct flow_conf *flow,
                  struct report *report, struct progress *progress, struct err *err);

#endif
