#include "hash.h"

#include <stdio.h>
#include <xxhash.h>

static struct hash128 from_xxh(XXH128_hash_t h)
{
    return (struct hash128){ h.low64, h.high64 };
}

struct hash128 hash128_of(slice s)
{
    return from_xxh(XXH3_128bits(s.ptr, (size_t)s.len));
}

uint64_t hash64_of(slice s, uint64_t seed)
{
    return XXH3_64bits_withSeed(s.ptr, (size_t)s.len, seed);
}

uint64_t hash_xxh64(slice s, uint64_t seed)
{
    return XXH64(s.ptr, (size_t)s.len, seed);
}

uint32_t hash_xxh32(slice s, uint32_t seed)
{
    return XXH32(s.ptr, (size_t)s.len, seed);
}

/* The state of XXH3 under our name: struct hash_stream is only a label for it. */
struct hash_stream *hash_stream_new(void)
{
    XXH3_state_t *state = XXH3_createState();

    if (!state)
        mem_oom();
    XXH3_128bits_reset(state);
    return (struct hash_stream *)state;
}

void hash_stream_reset(struct hash_stream *h)
{
    XXH3_128bits_reset((XXH3_state_t *)h);
}

void hash_stream_add(struct hash_stream *h, slice s)
{
    XXH3_128bits_update((XXH3_state_t *)h, s.ptr, (size_t)s.len);
}

struct hash128 hash_stream_value(const struct hash_stream *h)
{
    return from_xxh(XXH3_128bits_digest((const XXH3_state_t *)h));
}

void hash_stream_free(struct hash_stream *h)
{
    XXH3_freeState((XXH3_state_t *)h);
}

void hash128_hex(struct hash128 h, char dst[33])
{
    snprintf(dst, 33, "%016llx%016llx", (unsigned long long)h.high, (unsigned long long)h.low);
}
