/* operands.h: the list of what `collect` reads, complete and checked before anything is read.
 *
 * Operands come from the command line and from a list (--files-from). A name that is not there, or
 * stdin named twice, is said at once and not after hours. Folders are fine here.
 *
 * One of the topic's edges: reads the list through in.h and asks os.h about the names.
 */
#ifndef OPERANDS_H
#define OPERANDS_H

#include "../arena.h"
#include "../in.h"

/* *paths and *count are conf's operands and the names of its list, in the arena. An empty list with
 * no operands gives count 0 with *none set: read nothing, not stdin. */
bool operands_list(const struct in_conf *conf, struct arena *arena, const char *const **paths,
                   ptrdiff_t *count, bool *none, struct err *err);

#endif
