/* shorthash.h: a 64-bit hash of short texts that stays in registers.
 *
 * The text is padded: up to 8 bytes behind a shorter one are read. Products of 64 by 64 bits,
 * folded, as in wyhash (https://github.com/wangyi-fudan/wyhash); not its values. Values are the
 * same on every machine, and nothing depends on them but speed and the chance of a collision.
 */
#ifndef SHORTHASH_H
#define SHORTHASH_H

#include "../base.h"

static inline uint64_t shorthash_fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t shorthash(const char *p, ptrdiff_t len)
{
    const uint64_t x = 0x9E6C63D0676A9A99u, y = 0xD6E8FEB86659FD93u;
    uint64_t h = (uint64_t)len * 0x9E3779B97F4A7C15u, a, b;

    for (; len > 16; len -= 16, p += 16)
        h = shorthash_fold(load_u64(p) ^ x ^ h, load_u64(p + 8) ^ y);
    if (len > 8) {
        a = load_u64(p);
        b = load_u64(p + len - 8);
    } else {
        a = len ? load_u64(p) & ~(uint64_t)0 >> (8 - len) * 8 : 0;
        b = 0;
    }
    return shorthash_fold(a ^ x ^ h, b ^ y ^ h << 32);
}

#endif
