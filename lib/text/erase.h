/* erase.h: which records a request for erasure is about.
 *
 * A request is a line of a file: a subject id, compared with the member "id", or PATH=VALUE. Values
 * are compared exactly: strings decoded, numbers, true and false by their characters. Empty lines and
 * lines that start with "#" are left out.
 *
 *     struct erase *e = erase_new(file, &arena, &err);
 *     // e's paths are members to scan for
 *     int64_t request = erase_test(e, member, record, span, &temp);    // the line, 0: none
 *
 * Read-only once made; the file's bytes may go away afterwards.
 */
#ifndef ERASE_H
#define ERASE_H

#include "../json.h"

#define ERASE_PATHS_MAX 8

struct erase {
    const char *paths[ERASE_PATHS_MAX];
    int path_count;
    int64_t requests;
    struct erase_entry *table;
    uint64_t mask;
};

/* ERR_DATA: not UTF-8, more than ERASE_PATHS_MAX members. */
struct erase *erase_new(slice file, struct arena *arena, struct err *err);
/* path: index into paths. */
int64_t erase_test(const struct erase *e, int path, slice record, struct json_span span,
                   struct arena *temp);

#endif
