/* expr.h: `PATH OP VALUE`: one comparison of a member with a constant. No evaluation of data.
 *
 * OP is == != < <= > >=. VALUE is a JSON string, number, true, false or null; a word that starts
 * with a letter or '_' and is none of these is a string without its quotes (lang == en). A PATH
 * that holds an operator character or a space cannot be written.
 *
 * Numbers compare exactly by their decimal text, whatever their size: 9007199254740993 is greater
 * than 9007199254740992, 1e400 is greater than 1e399, 1.0 equals 1. (Exponents beyond +-10^17 count
 * as +-10^17.) Strings compare by code point. true, false and null know only == and !=.
 * Values of different types are not equal, and in no order. A missing member makes every comparison
 * false, != too.
 *
 *     struct expr e;
 *     expr_parse(&e, SLICE("meta.stars >= 10"), &arena, &err);
 *     enum expr_result r = expr_test(&e, record, span, &arena);
 *
 * Pure; a parsed expression is read-only.
 */
#ifndef EXPR_H
#define EXPR_H

#include "../json.h"

enum expr_op { EXPR_EQ, EXPR_NE, EXPR_LT, EXPR_LE, EXPR_GT, EXPR_GE };

struct expr {
    slice source;     /* as given, without space around it */
    const char *path; /* for json_query_init */
    enum expr_op op;
    enum json_type type; /* of the constant: NULL, FALSE, TRUE, NUMBER, STRING */
    slice value;         /* decoded string, or the number's text */
    slice json;          /* the constant as JSON text, for explanations */
};

/* ERR_USAGE with what is wrong. */
bool expr_parse(struct expr *e, slice source, struct arena *arena, struct err *err);

enum expr_result { EXPR_FALSE, EXPR_TRUE, EXPR_MISSING, EXPR_MISMATCH /* type; != is true */ };
/* The member at `span` of a scanned record. */
enum expr_result expr_test(const struct expr *e, slice record, struct json_span span,
                           struct arena *arena);
/* The same for a string that is already decoded (the text that a tool has edited). */
enum expr_result expr_test_text(const struct expr *e, slice text);

/* -1, 0, 1. Both are JSON numbers. */
int expr_compare_numbers(slice a, slice b);

#endif
