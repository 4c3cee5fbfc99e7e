/* opt_table.h: what the files of opt share. Only opt*.c includes it.
 *
 * A row is an option of a command seen from outside: first the command's own ones, then the common
 * ones, by one index. Rows whose group the command does not take are `off`: known, for a better
 * message, but not accepted.
 */
#ifndef OPT_TABLE_H
#define OPT_TABLE_H

#include "opt.h"

#define OPT_GIVEN_BITS 256 /* of struct opt_result.given */

struct opt_row {
    const struct opt *opt;
    bool common; /* its destination is in struct opt_common */
    bool off;
    unsigned groups; /* of a common one: enum opt_common_group, any of them enables it; 0: always */
    int given_bit;
};

/* Own and common rows together, those that are off too. */
ptrdiff_t opt_row_count(const struct command *cmd);
struct opt_row opt_row(const struct command *cmd, ptrdiff_t index);
/* The index of the row with this long name; -1: none. Rows that are on come before rows that are
 * off. */
ptrdiff_t opt_row_find(const struct command *cmd, slice name);
ptrdiff_t opt_row_find_letter(const struct command *cmd, char letter);

/* Converts `text` and stores it at dest (by the option's type). False: *why says what is wrong with
 * it; it lives in the arena. */
bool opt_value_store(const struct opt *o, const char *text, void *dest, struct arena *arena,
                     const char **why);
/* The choices as an array; returns the count. */
ptrdiff_t opt_choices(const struct opt *o, struct arena *arena, const char *const **list);
const char *opt_type_name(enum opt_type type);

#endif
