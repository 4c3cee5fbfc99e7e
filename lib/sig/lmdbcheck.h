/* lmdbcheck.h: is a file a sound LMDB environment, before LMDB is allowed to read it
 *
 * LMDB trusts its file: a damaged page makes it read and write wherever the page points. This looks
 * first, at every page that can be reached: page numbers and sizes lie in the file, offsets in their
 * page, no page is used twice or both used and free, keys are in order, the trees are as deep as they
 * say. What passes cannot lead LMDB out of its file.
 *
 *     slice file;                                     // the whole data.mdb
 *     if (!lmdb_check_header(file, &err)) ...         // before mdb_env_open
 *     if (!lmdb_check_pages(file, txnid, &stat, &err)) ...   // while a read transaction holds it
 *
 * Format: LMDB 0.9 (data version 1), 64-bit little-endian (mdb.c: MDB_page, MDB_meta, MDB_node).
 * ERR_CONFIG with what is wrong. Pure; memory: one bit per page.
 */
#ifndef LMDBCHECK_H
#define LMDBCHECK_H

#include "../err.h"

struct lmdb_stat {
    int64_t entries, pages, free_pages;
};

/* The two meta pages only. */
bool lmdb_check_header(slice file, struct err *err);
/* Everything that the meta page of this transaction leads to. */
bool lmdb_check_pages(slice file, uint64_t txnid, struct lmdb_stat *stat, struct err *err);

#endif
