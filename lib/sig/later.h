/* later.h: which items of a stream stay, decided after its end, in bounded memory.
 *
 * An item is what is compared: a record, or one line of it. When its fate cannot be known at once
 * (the rule is not "the first one stays", or the table of seen keys has reached its limit), the
 * record goes to a spool and each of its items to a sorter, ordered by hash and then by place in the
 * stream. later_resolve walks the groups of one hash, tells the keys in a group apart by their
 * bytes, chooses who stays, and sorts the others by place; later_next then gives the records back
 * in input order with the fate of each item. Memory: the two sorters' and the spool's limits,
 * whatever the length of the stream; a large group is collected in a spill of its own.
 *
 *     struct later l = { .spool = &spill, .keep = LATER_FIRST };
 *     l.entries.memory_bytes = l.drops.memory_bytes = 32 << 20;
 *     later_add(&l, raw, id, value, items, n, &err) ...
 *     later_resolve(&l, &err);
 *     while (later_next(&l, &arena, &rec, &err) && rec.fates) ...
 *     later_release(&l);                   // not the spool, which is the caller's
 *
 * `value` is the JSON text of what LATER_MAX and LATER_MIN compare: numbers by their exact decimal
 * value, strings by their bytes, numbers below strings; no value and other types lose always. Among
 * equals the first stays. Pure but for the spill and the sorters. One thread at a time.
 */
#ifndef LATER_H
#define LATER_H

#include "../arena.h"
#include "../hash.h"
#include "sorter.h"
#include "spill.h"

enum later_keep { LATER_FIRST, LATER_LAST, LATER_NONE, LATER_MAX, LATER_MIN };

struct later_item {
    struct hash128 hash;
    slice key;  /* compared with those of the same hash; part of `raw` is not copied again */
    bool stays; /* decided already: it is the first of its key */
    bool known; /* a duplicate already; note_at, note_len: the id of its first in the spool */
    int64_t note_at;
    ptrdiff_t note_len;
    slice note; /* known: the id itself when ptr is not NULL, which is then copied */
};

struct later {
    struct spill *spool; /* set by the caller; nobody else appends after the first later_add */
    enum later_keep keep;
    bool trust_hash;
    struct sorter entries, drops; /* memory_bytes are set by the caller */
    int64_t items, records;       /* added */
    int64_t start, at;            /* in the spool: of the records, and the next to be given back */
    int64_t item;                 /* number of the next item to be given back */
    const unsigned char *drop;    /* the next dropped item */
    int64_t distinct;             /* keys that were not known, once resolved */
    int64_t compared, collisions; /* comparisons by bytes, and those that found a difference */
    struct spill group;
    bool resolved;
};

struct later_fate {
    bool dropped;
    slice kept_id; /* of the item that stays instead (LATER_NONE: of the first) */
};

struct later_record {
    slice raw, id, value;           /* raw is padded */
    int64_t id_at;                  /* of id in the spool */
    const struct later_fate *fates; /* NULL: there is no further record */
    ptrdiff_t item_count;
};

bool later_add(struct later *l, slice raw, slice id, slice value, const struct later_item *items,
               ptrdiff_t count, struct err *err);
bool later_resolve(struct later *l, struct err *err);
bool later_next(struct later *l, struct arena *arena, struct later_record *rec, struct err *err);
void later_release(struct later *l);

/* Order of two values as LATER_MAX sees them: < 0, 0, > 0. Empty: no value. */
int later_value_cmp(slice a, slice b);

#endif
