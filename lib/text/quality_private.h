/* quality_private.h: what the files of the quality rules share; nobody else includes it.
 *
 * quality.c has the tables, the choice and datatrove's rules; quality_dolma.c, quality_dclm.c,
 * quality_redpajama.c and quality_curator.c measure what these tools measure.
 */
#ifndef QUALITY_PRIVATE_H
#define QUALITY_PRIVATE_H

#include "../regex.h"
#include "../unicode.h"
#include "lineset.h"
#include "quality.h"

struct quality_scratch {
    struct arena temp; /* of one text */
    struct ngram_table table;
    struct line_set lines;
    struct spacy_scratch *spacy_en;
    struct regex_scratch *regex;
    struct quality_counts counts;
    int64_t last_ns; /* when the rule before this one was done */
};

/* What the profiles of other tools need beside the tables of quality.c; read-only when ready. */
struct quality_peers {
    struct regex *url;     /* curator */
    struct regex *counter; /* dclm: a line that counts likes */
    struct regex *cart, *more, *sign;
    struct uni_norm *nfd; /* redpajama */
};
bool quality_peers_ready(struct quality *q, struct arena *arena, struct err *err);

/* One text under measurement. */
struct measuring {
    const struct quality *q;
    struct quality_scratch *s;
    struct quality_result *r;
    struct words words; /* of r->text, when split */
    bool split, all;
    /* Of the lines that c4 keeps. */
    struct words line_words;
    int64_t sentences, kept_words;
    ptrdiff_t next_word;
    bool counts_words;
};

/* Sets a value; false when the rule fails and measuring may stop. */
bool quality_note(struct measuring *m, enum quality_rule_id rule, double value);
/* Whether to stop. */
static inline bool quality_fails(struct measuring *m, enum quality_rule_id rule, double value)
{
    return !quality_note(m, rule, value) && !m->all;
}

static inline double quality_ratio(int64_t a, int64_t b)
{
    return b ? (double)a / (double)b : 0;
}

/* By --words. */
void quality_split(const struct measuring *m, slice text, struct words *w);
/* "#", "..." and the ellipsis, each counted from left to right. */
void quality_count_marks(const struct quality *q, slice text, int64_t *hashes, int64_t *ellipses);
/* The place of a word in: the be to of and that have with; -1 when it is none. */
int quality_stop_word(slice text, const struct word *w);

/* Each measures its group. */
void quality_dolma(struct measuring *m);
void quality_dclm(struct measuring *m, struct arena *arena);
void quality_redpajama(struct measuring *m);
void quality_curator(struct measuring *m);

#endif
