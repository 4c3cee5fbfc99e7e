/* index.h: the keys of earlier runs with the ids of the records that have them, in a folder (LMDB)
 *
 * An index is a folder with data.mdb (the table), lock.mdb (LMDB's readers) and lock (the writer). A
 * key is the XXH3-128 of a record's key and the first half of its SHA-256, so that two records are
 * taken for one only when both agree; with trust_hash the second half is zero. The value is the
 * number of the run that added it and the id of its record as JSON.
 *
 * A run happens entirely or not at all: what it adds is inserted after its output was published, in
 * transactions of some ten thousand records, under its number; the last one makes the number the
 * index's own. Records of a higher number do not count, and the next writer removes them. So a run
 * that was killed leaves an index as it was before, and running it again gives the same output.
 *
 *     struct index *ix = index_open(&conf, &err);             // conf.write: ERR_TEMPFAIL when locked
 *     if (!index_find(ix, &key, &arena, &id, &err)) ...       // id.ptr NULL: not there
 *     index_begin(ix, &err); index_put(ix, &key, id, &err) ...; index_commit(ix, &err);
 *     index_close(ix);
 *
 * Any number of processes may read while one writes; each sees the state of when it opened. Files
 * are checked before LMDB reads them (lmdbcheck.h): always the head, all of it up to
 * INDEX_CHECK_BYTES or with `verify`. A damaged file, or one with other settings, is ERR_CONFIG; a
 * full disk ERR_IO, and the index opens again. Without LMDB at build time index_open fails with
 * ERR_USAGE. A named driver. One thread at a time.
 *
 * Source: http://www.lmdb.tech/doc/ (0.9).
 */
#ifndef INDEX_H
#define INDEX_H

#include "../arena.h"
#include "../err.h"
#include "../hash.h"

#define INDEX_KEY_BYTES   32
#define INDEX_CHECK_BYTES ((int64_t)256 << 20)

struct index_key {
    unsigned char bytes[INDEX_KEY_BYTES];
};

struct index_conf {
    const char *path;     /* of the folder */
    const char *settings; /* what keys are, as text: the same in every run; NULL: any */
    bool write, create;   /* create: the folder and an empty index when there is none */
    bool verify;          /* check every page, whatever the size */
};

struct index_entry {
    bool near;            /* which of the next two it has */
    struct index_key key; /* exact */
    int64_t number;       /* near: of the record, over all runs */
    int64_t run;          /* 1, 2, ... */
    slice id;             /* borrowed until the next call */
};

extern const bool index_available; /* built with LMDB */
struct index;

struct index *index_open(const struct index_conf *conf, struct err *err);
void index_close(struct index *ix); /* NULL is allowed; what was not committed is lost */

struct index_key index_key_of(struct hash128 hash, slice key, bool trust_hash);
/* The id in the arena, or a NULL pointer. */
bool index_find(struct index *ix, const struct index_key *key, struct arena *arena, slice *id,
                struct err *err);
/* Walks all records in the order of their keys: first with start true. *end after the last. */
bool index_next(struct index *ix, bool start, struct index_entry *entry, bool *end,
                struct err *err);

/* A run: puts in any order, best in that of the keys. A key that is there keeps its id. */
bool index_begin(struct index *ix, struct err *err);
bool index_put(struct index *ix, const struct index_key *key, slice id, struct err *err);
bool index_commit(struct index *ix, struct err *err);

/* Near duplicates: the records that were kept, by number, and which have a band key. What was put
 * in a run is there when it is committed; numbers begin at index_next_number(). */
bool index_put_band(struct index *ix, uint64_t key, int64_t number, struct err *err);
bool index_put_record(struct index *ix, int64_t number, slice id, slice content, struct err *err);
/* Calls `take` with the numbers of a band in their order, until it says false. */
bool index_band(struct index *ix, uint64_t key, bool (*take)(void *arg, int64_t number), void *arg,
                struct err *err);
/* Both borrowed from the map until the next write, not padded; id.ptr NULL: forgotten. */
bool index_record(struct index *ix, int64_t number, slice *id, slice *content, struct err *err);
int64_t index_next_number(const struct index *ix);

/* Removes the records for which `match` is true, in one run. */
bool index_remove(struct index *ix, bool (*match)(void *arg, slice id), void *arg, int64_t *removed,
                  struct err *err);

int64_t index_entries(const struct index *ix); /* of committed runs */
int64_t index_runs(const struct index *ix);
int64_t index_bytes(const struct index *ix); /* of the file */
slice index_settings(const struct index *ix);

#endif
