/* exact.h: the set of keys that have been seen, with the first record of each.
 *
 * Keys are found by their XXH3-128 hash and then compared by their bytes, so that two keys with one
 * hash are two keys: no false positives, whatever the hash does. The bytes of each distinct key,
 * and what the caller wants to know about its first record (`note`), stand in a spill.
 *
 * The table is open addressing with linear probing in 256 parts that grow one by one (by half, at
 * 7/8 full), so there is no moment at which all of it is held twice. A slot has 12 bytes: 48 bits
 * of the hash and a 48-bit place in the spill; that is 13.7 to 20.6 bytes per distinct key, and
 * 16.6 on average. With trust_hash nothing is compared and no key is kept: a slot has 16 more bytes
 * of hash in the spill.
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
    unsigned char *slots; /* 12 bytes each; place 0 is an empty slot */
    int64_t count, cap;
};

struct exact {
    struct spill keys; /* memory_bytes is set by the caller */
    bool trust_hash;   /* set by the caller */
    int hash_bits;     /* tests: only so many bits of the hash count; 0: all */
    struct exact_part parts[EXACT_PARTS];
    int64_t count;      /* distinct keys */
    int64_t compared;   /* comparisons by bytes */
    int64_t collisions; /* of these: equal in the table, different in bytes */
};

struct exact_found {
    bool seen;
    int64_t note_at;
    ptrdiff_t note_len; /* of the first record with this key */
};

/* Adds the key when it is new. */
bool exact_add(struct exact *x, struct hash128 hash, slice key, slice note,
               struct exact_found *found, struct err *err);
/* The note of the first record, copied into the arena. */
bool exact_note(const struct exact *x, const struct exact_found *found, struct arena *arena,
                slice *note, struct err *err);
int64_t exact_table_bytes(const struct exact *x);
void exact_release(struct exact *x);

#endif
