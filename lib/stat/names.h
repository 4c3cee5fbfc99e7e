/* names.h: byte strings to small numbers: ids and labels of records, each once.
 *
 * The first new string gets 0, the next 1, and so on; a number leads back to its string. Strings are
 * compared by their bytes, not only by their hash. Memory: the string, 16 bytes for its slice and 6 to
 * 12 for the table. The strings are copied into the arena. One thread at a time.
 *
 *     struct names n = { .arena = &arena };
 *     int32_t k = names_add(&n, id);          // k == n.count - 1: it was new
 *     names_find(&n, id) == k; slice_eq(n.text[k], id);
 *     names_release(&n);                      // the table; the strings go with the arena
 */
#ifndef NAMES_H
#define NAMES_H

#include "../arena.h"

struct names {
    struct arena *arena;
    slice *text;
    int32_t *slots; /* number + 1; 0: free */
    ptrdiff_t count, cap, slot_count;
};

int32_t names_add(struct names *n, slice s);
int32_t names_find(const struct names *n, slice s); /* -1: never added */
void names_release(struct names *n);

#endif
