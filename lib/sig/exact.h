/* exact.h: the set of keys that have been seen, with the first record of each.
 *
 * Keys are found by their XXH3-128 hash and then compared by their bytes, so that two keys with one
 * hash are two keys: no false positives, whatever the hash does. The bytes of each distinct key,
 * and what the caller wants to know about its first record (`note`), stand in a spill.
 *
 * The table is open addressing with linear probing in 256 parts that grow one by one (by half, at
 * 7/8 full), so there is no moment at which all of it is held twice. A slot has 12 bytes: 48 bits
 * of the hash and a 48-bit place in the spill; that is 13.7 to 20.6 bytes per distinct key, and
 * 16.6 on average. With trust_hash nothing is compared and no key is kept: the other 80 bits of the
 * hash stand in the spill, with the note; when there are no notes either (`bare`), a slot has 16
 * bytes, grows by a quarter (18.3 to 22.9 bytes per key), and there is no spill.
 *
 * max_table_bytes bounds the table: the key that would need more is not added, `full` says so, and
 * from then on keys are only looked up (see later.h for what to do with the others).
 *
 *     struct exact x = { .keys.memory_bytes = 1 << 30 };
 *     struct exact_found f;
 *     exact_add(&x, hash128_of(key), key, note, &f, &err);
 *     if (f.seen) ... exact_note(&x, &f, &arena, &first, &err);
 *
 * One thread at a time. Errors are those of the spill.
 */
#ifndef EXACT_H
#define EXACT_H

#include "../arena.h"
#include "../hash.h"
#include "spill.h"

#define EXACT_PARTS 256

struct exact_part {
    unsigned char *slots; /* 12 bytes each, place 0 is an empty slot; bare: 16, all 0 is empty */
    int64_t count, cap;
};

struct exact {
    struct spill keys;       /* memory_bytes is set by the caller */
    bool trust_hash;         /* set by the caller */
    bool bare;               /* set by the caller: trust_hash, and notes are never asked for */
    int64_t max_table_bytes; /* set by the caller; 0: no limit */
    bool frozen;             /* the limit was reached */
    int64_t table_bytes;
    struct exact_part parts[EXACT_PARTS];
    int64_t count;      /* distinct keys */
    int64_t compared;   /* comparisons by bytes */
    int64_t collisions; /* of these: equal in the table, different in bytes */
};

struct exact_found {
    bool seen, full; /* full: it is new and was not added */
    int64_t note_at;
    ptrdiff_t note_len; /* of the first record with this key: the new one's when it was added */
};

/* Adds the key when it is new and the table may grow. */
bool exact_add(struct exact *x, struct hash128 hash, slice key, slice note,
               struct exact_found *found, struct err *err);
/* Asks the memory for what exact_add will look at: the slot, and some keys later the entry that it
 * points to. For callers with many keys at hand. */
void exact_prefetch_slot(const struct exact *x, struct hash128 hash);
void exact_prefetch_entry(const struct exact *x, struct hash128 hash);
/* The note of the first record, copied into the arena. */
bool exact_note(const struct exact *x, const struct exact_found *found, struct arena *arena,
                slice *note, struct err *err);
/* The hash with all but `bits` (1 to 63) of it forgotten, so that nearly all keys collide: proves
 * that only the bytes decide. */
struct hash128 exact_weaken(struct hash128 hash, int bits);
void exact_release(struct exact *x);

#endif
