/* cluster.h: which records are near to each other, directly or through others
 *
 * Two passes. While records come in, they go to a spool in $TMPDIR and their band keys to a sorter;
 * at the end the records of each key are compared (pairing.h) and those that are near are united; a
 * cluster is named by the number of its first record. Then all records come out in input order:
 * with a member _dedup {"cluster":N,"size":M} (and, from the second on, "dup_of"), or, with `drop`,
 * only the first of each cluster. A record without shingles is a cluster of its own.
 *
 * A record is compared with at most max_candidates others of the same key that are not in its cluster
 * yet, the first ones. In memory a record takes 16 bytes; sorting takes 64 MiB; the spool takes the
 * records. A named driver of sig/. Errors: those of flow, of the spool and the sorter (ERR_IO), and
 * ERR_DATA beyond 2^32 - 2 records.
 */
#ifndef CLUSTER_H
#define CLUSTER_H

#include "near.h"

bool cluster_run(const struct mode_env *env, const struct near_options *options, bool drop,
                 struct err *err);

#endif
