/* hash.h: xxHash behind one name. Not cryptographic: whoever must not be fooled by an adversary
 * compares bytes on a tie (dedup) or uses SHA-256.
 *
 * Values are those of the reference implementation (seed 0 unless given), the same on every
 * machine. Pure and thread-safe.
 *
 *     struct hash128 h = hash128_of(key);
 *
 * Source: https://github.com/Cyan4973/xxHash (XXH3_128bits, XXH3_64bits, XXH64, XXH32).
 */
#ifndef HASH_H
#define HASH_H

#include "base.h"

struct hash128 {
    uint64_t low, high;
};

struct hash128 hash128_of(slice s);
uint64_t hash64_of(slice s, uint64_t seed); /* XXH3_64bits_withSeed */
uint64_t hash_xxh64(slice s, uint64_t seed);
uint32_t hash_xxh32(slice s, uint32_t seed);

/* XXH3-128 of bytes that come in pieces. */
struct hash_stream;
struct hash_stream *hash_stream_new(void); /* hash_stream_free when done */
void hash_stream_reset(struct hash_stream *h);
void hash_stream_add(struct hash_stream *h, slice s);
struct hash128 hash_stream_value(const struct hash_stream *h);
void hash_stream_free(struct hash_stream *h);

/* 32 lower-case hexadecimal digits, high half first (the canonical form), and a NUL. */
void hash128_hex(struct hash128 h, char dst[33]);

#endif
