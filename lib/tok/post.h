/* post.h: the post-processor of a tokenizer.json: what goes around a sequence or a pair of them, type ids,
 * trimmed offsets; and the truncation and padding sections.
 *
 *     struct post_scratch s = { 0 };                 // parts[0] (and parts[1]): the sequences
 *     s.count = 1;
 *     post_run(&post, &s, add_special, texts, &tokens, &err);  // appends the result
 *
 * Reference: Hugging Face tokenizers, src/processors, utils/truncation.rs, utils/padding.rs.
 */
#ifndef POST_H
#define POST_H

#include "../arena.h"
#include "../err.h"
#include "tokenlist.h"

enum post_kind { POST_TEMPLATE, POST_BERT, POST_ROBERTA, POST_BYTES };

struct post_piece {
    int sequence; /* 0: A, 1: B; -1: special tokens */
    uint32_t type_id;
    uint32_t *ids;
    slice *texts;
    ptrdiff_t count;
};

#define POST_STEPS_MAX  8
#define POST_PIECES_MAX 32

struct post {
    struct post_step {
        enum post_kind kind;
        struct post_piece *piece[2]; /* TEMPLATE: for one sequence, for a pair */
        int pieces[2];
        uint32_t cls, sep;
        slice cls_text, sep_text;
        bool trim_offsets, prefix_space;
    } step[POST_STEPS_MAX];
    int count;

    bool truncate; /* the section is there */
    bool truncate_left;
    enum { TRUNCATE_LONGEST, TRUNCATE_FIRST, TRUNCATE_SECOND } strategy;
    int64_t max_length, stride;
    bool pad;
    bool pad_left;
    int64_t pad_to; /* 0: the longest of the batch, which is one text */
    int64_t pad_multiple;
    uint32_t pad_id, pad_type;
    slice pad_text;
};

struct post_scratch { /* zeroed is empty */
    struct tokens part[POST_PIECES_MAX], spare[POST_PIECES_MAX];
    int count;
};
void post_scratch_release(struct post_scratch *s);

/* How many tokens the steps add to one sequence, or to two. */
int64_t post_added(const struct post *p, bool pair);
/* texts: what was encoded. False with ERR_DATA: the truncation strategy cannot shorten this text. */
bool post_run(const struct post *p, struct post_scratch *s, bool add_special, const slice texts[2],
              struct tokens *out, struct err *err);

#endif
