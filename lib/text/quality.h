/* quality.h: the quality rules of published corpora: what each measures, its limit, its verdict.
 *
 * A profile is a set of groups of rules in an order. Every rule is a measurement and a limit: a
 * text fails a `max` rule when its value is above the limit, a `min` rule when it is below. A
 * record is dropped for the first rule, in the order of quality_rules[], that fails. With `all`
 * every rule is measured; without, measuring stops at the first failure, and the verdict is the
 * same.
 *
 * Each group sees the text as the groups before it left it. Only c4 edits: it drops lines, removes
 * citations, and joins what stays.
 *
 * Values are counts or IEEE quotients of two integers, compared as they are (datatrove, Python). A
 * quotient by nothing (no words, no lines, no characters) is 0.
 *
 *     struct quality q;
 *     quality_init(&q, "fineweb", &err);
 *     quality_off(&q, "c4_sentences", &err);
 *     quality_ready(&q, &process_arena, &err);
 *     struct quality_scratch *s = quality_scratch_new(&q);     // one per thread
 *     quality_measure(&q, s, text, all, &arena, &result);
 *     if (result.failed >= 0) ... quality_rules[result.failed].name, result.value[result.failed]
 *
 * Sources: Rae et al. 2021 (Gopher), Raffel et al. 2020 (C4), Penedo et al. 2024 (FineWeb), as
 * implemented by datatrove at a649de79; the differences of the others are in the manual.
 */
#ifndef QUALITY_H
#define QUALITY_H

#include "../err.h"
#include "ngram.h"
#include "spacy_en.h"
#include "wordbreak.h"

enum quality_group {
    GROUP_GOPHER_REPETITION,
    GROUP_GOPHER_QUALITY,
    GROUP_C4,
    GROUP_FINEWEB,
    GROUP_DOLMA,
    GROUP_DCLM,
    GROUP_REDPAJAMA,
    GROUP_CURATOR,
    QUALITY_GROUPS
};

enum quality_rule_id {
    RULE_DUP_PARA,
    RULE_DUP_PARA_CHARS,
    RULE_DUP_LINE,
    RULE_DUP_LINE_CHARS,
    RULE_TOP_2,
    RULE_TOP_3,
    RULE_TOP_4,
    RULE_DUP_5,
    RULE_DUP_6,
    RULE_DUP_7,
    RULE_DUP_8,
    RULE_DUP_9,
    RULE_DUP_10,
    RULE_SHORT_DOC,
    RULE_LONG_DOC,
    RULE_SHORT_WORDS,
    RULE_LONG_WORDS,
    RULE_HASHES,
    RULE_ELLIPSIS,
    RULE_BULLETS,
    RULE_END_ELLIPSIS,
    RULE_ALPHA,
    RULE_STOP_WORDS,
    RULE_LOREM_IPSUM,
    RULE_CURLY,
    RULE_SENTENCES,
    RULE_EMPTY,
    RULE_LINE_PUNCT,
    RULE_SHORT_LINES,
    RULE_CHAR_DUP,
    RULE_LIST,
    RULE_DOLMA_SHORT_DOC,
    RULE_DOLMA_LONG_DOC,
    RULE_DOLMA_SHORT_WORDS,
    RULE_DOLMA_LONG_WORDS,
    RULE_DOLMA_SYMBOLS,
    RULE_DOLMA_ALPHA,
    RULE_DOLMA_STOP_WORDS,
    RULE_DOLMA_BULLETS,
    RULE_DOLMA_ELLIPSIS,
    RULE_DOLMA_DUP_LINES,
    RULE_DOLMA_DUP_LINE_CHARS,
    RULE_DOLMA_TOP_2,
    RULE_DOLMA_TOP_3,
    RULE_DOLMA_TOP_4,
    RULE_DOLMA_DUP_5,
    RULE_DOLMA_DUP_6,
    RULE_DOLMA_DUP_7,
    RULE_DOLMA_DUP_8,
    RULE_DOLMA_DUP_9,
    RULE_DOLMA_DUP_10,
    RULE_DCLM_SHORT_DOC,
    RULE_DCLM_LONG_DOC,
    RULE_DCLM_SHORT_WORDS,
    RULE_DCLM_LONG_WORDS,
    RULE_DCLM_SYMBOLS,
    RULE_DCLM_BULLETS,
    RULE_DCLM_ELLIPSIS,
    RULE_DCLM_NON_ALPHA,
    RULE_DCLM_STOP_WORDS,
    RULE_DCLM_DUP_LINES,
    RULE_DCLM_DUP_PARAS,
    RULE_DCLM_DUP_LINE_CHARS,
    RULE_DCLM_DUP_PARA_CHARS,
    RULE_DCLM_TOP_2,
    RULE_DCLM_TOP_3,
    RULE_DCLM_TOP_4,
    RULE_DCLM_DUP_5,
    RULE_DCLM_DUP_6,
    RULE_DCLM_DUP_7,
    RULE_DCLM_DUP_8,
    RULE_DCLM_DUP_9,
    RULE_DCLM_DUP_10,
    RULE_DCLM_EMPTY,
    RULE_DCLM_REMOVED,
    RULE_RP_SHORT_DOC,
    RULE_RP_LONG_DOC,
    RULE_RP_SHORT_WORDS,
    RULE_RP_LONG_WORDS,
    RULE_RP_SYMBOLS,
    RULE_RP_BULLETS,
    RULE_RP_TOP_2,
    RULE_RP_TOP_3,
    RULE_RP_TOP_4,
    RULE_RP_DUP_5,
    RULE_RP_DUP_6,
    RULE_RP_DUP_7,
    RULE_RP_DUP_8,
    RULE_RP_DUP_9,
    RULE_RP_DUP_10,
    RULE_RP_ELLIPSIS,
    RULE_RP_NO_ALPHA,
    RULE_CURATOR_NON_ALNUM,
    RULE_CURATOR_SYMBOLS,
    RULE_CURATOR_NUMBERS,
    RULE_CURATOR_URLS,
    RULE_CURATOR_WHITE_SPACE,
    RULE_CURATOR_PARENS,
    RULE_CURATOR_BOILERPLATE,
    RULE_CURATOR_LINES,
    RULE_CURATOR_PARAS,
    RULE_CURATOR_LINE_CHARS,
    RULE_CURATOR_PARA_CHARS,
    RULE_CURATOR_SHORT_DOC,
    RULE_CURATOR_LONG_DOC,
    RULE_CURATOR_PUNCTUATION,
    RULE_CURATOR_ALPHA,
    RULE_CURATOR_COMMON_WORDS,
    RULE_CURATOR_SHORT_WORDS,
    RULE_CURATOR_LONG_WORDS,
    RULE_CURATOR_MAX_WORD,
    RULE_CURATOR_ELLIPSIS,
    RULE_CURATOR_TOP_2,
    RULE_CURATOR_TOP_3,
    RULE_CURATOR_TOP_4,
    RULE_CURATOR_DUP_5,
    RULE_CURATOR_DUP_6,
    RULE_CURATOR_DUP_7,
    RULE_CURATOR_DUP_8,
    RULE_CURATOR_DUP_9,
    RULE_CURATOR_DUP_10,
    RULE_CURATOR_BULLETS,
    QUALITY_RULES
};

struct quality_rule {
    const char *name;
    enum quality_group group;
    bool is_min;
    bool single;         /* value and limit are compared in single precision, as its source does */
    double limit;        /* of every profile that has the rule */
    const char *measure; /* one line */
};
extern const struct quality_rule quality_rules[QUALITY_RULES];
extern const char *const quality_group_names[QUALITY_GROUPS];

struct quality_profile {
    const char *name;
    unsigned groups;           /* bits */
    bool terminal_lines;       /* c4 keeps only lines that end in a terminal mark */
    enum words_splitter words; /* what its source counts */
    const char *source;
};
extern const struct quality_profile quality_profiles[];
extern const int quality_profile_count;

/* Of the first profile that has the group. */
const char *quality_source(enum quality_group group);

struct quality {
    const struct quality_profile *profile;
    bool on[QUALITY_RULES];
    double limit[QUALITY_RULES];
    enum words_splitter words;
    bool groups[QUALITY_GROUPS];
    int64_t (*clock_ns)(void);      /* NULL: costs are not measured */
    bool citations, terminal_lines; /* of c4 */
    bool sentence_marks;            /* c4 counts . ! and ? (one at least) instead of sentences */

    const struct char_classes *classes;
    struct bytepair *phrases;        /* see c4.h */
    struct bytepair marks;           /* # and ellipses */
    const struct spacy_en *spacy_en; /* when words or sentences ask for it */
    const struct wordbreak *wordbreak;
    struct quality_peers *peers; /* see quality_private.h */
};

/* ERR_USAGE naming the nearest: profiles, rules, groups. */
bool quality_init(struct quality *q, const char *profile, struct err *err);
bool quality_off(struct quality *q, const char *rule_or_group, struct err *err);
bool quality_set(struct quality *q, const char *assignment, struct err *err); /* RULE=LIMIT */
bool quality_ready(struct quality *q, struct arena *arena, struct err *err);
void quality_release(struct quality *q); /* patterns; the rest is the arena's */

struct quality_result {
    double value[QUALITY_RULES];
    bool measured[QUALITY_RULES];
    int failed; /* the first failing rule, or -1 */
    slice text; /* as edited: the given one when nothing changed */
};

/* What the rules did, over all texts of a scratch. Cost: the time from the rule before to this one,
 * so that what several rules share (words, lines) is on the first of them; only with a clock. */
struct quality_counts {
    int64_t measured[QUALITY_RULES], fired[QUALITY_RULES], cost_ns[QUALITY_RULES];
    int64_t bytes; /* of texts */
};

struct quality_scratch;
struct quality_scratch *quality_scratch_new(const struct quality *q);
const struct quality_counts *quality_scratch_counts(const struct quality_scratch *s);
void quality_scratch_free(struct quality_scratch *s);

/* text: valid UTF-8, padded, at most WORDS_TEXT_MAX bytes. */
void quality_measure(const struct quality *q, struct quality_scratch *s, slice text, bool all,
                     struct arena *arena, struct quality_result *r);

/* Rules that fired never, or always, over at least this many texts are worth a look. */
#define QUALITY_FLAG_TEXTS 1000
/* {"RULE":{"measured":n,"fired":n,"ns_per_byte":x}, ...}; ns_per_byte only with a clock. */
slice quality_counts_json(const struct quality *q, const struct quality_counts *c,
                          struct arena *arena);
/* Names joined by ", "; empty when there is none. */
slice quality_flagged(const struct quality *q, const struct quality_counts *c, bool always,
                      struct arena *arena);

#endif
