/* cleaning.h: what `clean` does to one record: edit the text, then decide.
 *
 * Stages, always in this order, each only when asked for:
 *   0 requests for erasure (erase.h), then the lists of the URL (lists.h)
 *   1 decode the field; a lone surrogate becomes U+FFFD
 *   2 characters and line breaks   (edit.h, edit_chars)
 *   3 normal form                  (unicode.h)
 *   4 substitutions, as given      (subst.h)
 *   5 white space                  (edit.h, edit_space)
 *   6 rules, in this order: keep-if, drop-if, keep-match, drop-match (each as given), min-chars,
 *     max-chars, lang, lang-min (lang.h), model-min (fasttext.h), bad-words (lists.h), then those of
 *     the profile (quality.h; its c4 part edits the text once more). The first that fails names the
 *     drop. They see the text as edited.
 *   7 personal data (redact.h), on the text as the rules left it
 * With a restore map (redact.h) its tokens are put back right after stage 1.
 * The transforms of stages 2, 3 and 5 are idempotent together (edit.h says why).
 *
 * A record whose text does not change is passed by reference, escapes and all. A changed text is
 * written with the shortest escapes in the place of the old one; no other byte moves.
 *
 *     struct clean c = { .field = "text", .edit.trim = true };
 *     clean_add_expr(&c, SLICE("meta.stars >= 10"), false, &arena, &err);
 *     clean_ready(&c, &arena, &err);             // fills c.members and c.rules
 *     struct clean_scratch *s = clean_scratch_new(&c);
 *     clean_record(&c, s, record, top, spans, &arena, &verdict);
 *
 * A ready struct clean is read-only; a scratch belongs to one thread and counts what it did.
 */
#ifndef CLEANING_H
#define CLEANING_H

#include "../json.h"
#include "edit.h"
#include "erase.h"
#include "expr.h"
#include "fasttext.h"
#include "lang.h"
#include "lists.h"
#include "quality.h"
#include "redact.h"
#include "mojibake.h"
#include "repair.h"
#include "subst.h"

#define CLEAN_MAX_TESTS 64

enum clean_normalize { CLEAN_NORMALIZE_NONE, CLEAN_NFC, CLEAN_NFKC };

enum clean_test_kind { CLEAN_KEEP_IF, CLEAN_DROP_IF, CLEAN_KEEP_MATCH, CLEAN_DROP_MATCH };

/* One --keep-if, --drop-if, --keep-match or --drop-match. */
struct clean_test {
    enum clean_test_kind kind;
    struct expr expr; /* of an if */
    struct regex *re; /* of a match */
    const char *path; /* NULL: the field itself */
    int member;       /* index into members */
    slice source;     /* as given */
};

struct clean_note {
    slice head, tail; /* "RULE":{"v": and ,"max":LIMIT}, */
};

struct clean {
    /* Set by the caller. */
    const char *field;
    bool field_required; /* the user named it: records without it are bad in any case */
    struct text_edit edit;
    struct repair repair;
    bool fix_encoding;
    int normalize;                /* enum clean_normalize */
    int64_t min_chars, max_chars; /* -1: none */
    int64_t max_bytes;            /* of a text after substitutions */
    struct clean_test tests[CLEAN_MAX_TESTS];
    ptrdiff_t test_count;
    struct subst **subs;
    ptrdiff_t sub_count;
    struct quality *quality;   /* NULL: no profile */
    const struct erase *erase; /* NULL: none */
    const struct lists *lists; /* NULL: none */
    const char *url_field;     /* of the lists; NULL: only bad words */
    const struct lang *lang;   /* NULL: no language is looked for, unless by lang_model */
    const struct fasttext *lang_model, *model;
    int model_label;         /* whose probability is the score of model */
    double model_min;        /* the least; negative: none */
    const char *lang_list;   /* names with commas between */
    double lang_min;         /* the least score; negative: none */
    struct redact *redact;   /* NULL: nothing is redacted */
    bool spans, redact_map;  /* adds _clean.spans; keeps the lines of the map */
    int64_t max_matches;     /* more drop the record; -1: no limit */
    struct restore *restore; /* NULL: nothing is put back */
    bool explain;            /* adds _clean to records */
    bool annotate;           /* and keeps those that a rule would drop */

    /* Filled by clean_ready. */
    bool reads_text;
    struct uni_norm *norm;
    struct mojibake *mojibake;           /* with fix_encoding */
    const char *members[JSON_MAX_PATHS]; /* the paths whose spans clean_record wants */
    int member_count;
    int text_member; /* 0, a string that every record must have; -1: the text is not read */
    const char **rules;
    int rule_count;
    int min_rule, max_rule, erase_rule, lists_rule, lang_rule, model_rule, quality_rule,
        matches_rule;                 /* where these begin in rules */
    int quality_index[QUALITY_RULES]; /* of a rule of the profile in rules */
    int url_member, erase_members[ERASE_PATHS_MAX];
    int clean_member;         /* of _clean in members, with explain */
    struct clean_note *notes; /* of each rule of the profile, with explain */
};

/* All fail with ERR_USAGE. Tests are kept in the order keep-if, drop-if, keep-match, drop-match. */
bool clean_add_expr(struct clean *c, slice source, bool drop, struct arena *arena, struct err *err);
bool clean_add_match(struct clean *c, slice source, bool drop, struct arena *arena,
                     struct err *err);
bool clean_add_sub(struct clean *c, slice spec, struct arena *arena, struct err *err);
bool clean_ready(struct clean *c, struct arena *arena, struct err *err);
/* Frees the patterns; the rest is the arena's. */
void clean_release(struct clean *c);

struct clean_counts {
    struct quality_counts rules;
    int64_t changed, surrogates, substitutions, restored, no_url;
    int64_t redacted[PII_KINDS_MAX];                             /* by kind */
    int64_t missing[CLEAN_MAX_TESTS], mismatch[CLEAN_MAX_TESTS]; /* by test */
};
struct clean_scratch {
    struct regex_scratch *regex;
    struct quality_scratch *quality;
    struct lang_result lang; /* of the record */
    double model_score;
    struct arena temp; /* of one record: the text before its last form */
    struct buf note;   /* the explanation */
    struct clean_counts counts;
};
struct clean_scratch *clean_scratch_new(const struct clean *c);
void clean_scratch_free(struct clean_scratch *s);

enum clean_action { CLEAN_KEEP, CLEAN_DROP, CLEAN_BAD };
struct clean_verdict {
    enum clean_action action;
    slice out;               /* KEEP: the new record; ptr NULL: as it is */
    int rule;                /* DROP: index into rules */
    slice value, limit;      /* DROP: JSON text, may be empty */
    const char *reason;      /* BAD: a regex hit its limit, or a text grew beyond max_bytes */
    struct clean_late *late; /* what is left to do in the order of the records; NULL: nothing */
};

/* What depends on the order of the records: datatrove's replacements, the lines of the map, and of
 * the audit of erasures. */
struct clean_late {
    int64_t erased_by; /* the line of the request; 0: not erased */
    const char *erased_member;
    slice map, text, clean;
    struct redact_result found;
    bool rewrite;
};

/* `record` (an object at `top`) was scanned with the members as its query; what *v points to is in
 * the arena. *v is zeroed by the caller. */
void clean_record(const struct clean *c, struct clean_scratch *s, slice record,
                  struct json_span top, const struct json_span *spans, struct arena *arena,
                  struct clean_verdict *v);
/* For records with `late`, in order: the new record, or ptr NULL when it stays as it is. */
slice clean_late_record(const struct clean *c, const struct clean_late *late, slice record,
                        struct json_span top, const struct json_span *spans,
                        struct redact_turns *turns, struct arena *arena);

#endif
