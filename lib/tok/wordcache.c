#include "wordcache.h"

#include <stdlib.h>

#define BITS 16 /* buckets of two */

static inline uint64_t mix(uint64_t a, uint64_t b)
{
    __uint128_t product = (__uint128_t)(a ^ 0x9E3779B97F4A7C15u) * (b ^ 0xD6E8FEB86659FD93u);

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t hash_word(slice word)
{
    uint64_t a = 0, b = 0;

    if (word.len >= 8) {
        a = load_u64(word.ptr);
        b = load_u64(word.ptr + word.len - 8);
        if (word.len > 16)
            a = mix(a, load_u64(word.ptr + 8) ^ load_u64(word.ptr + word.len - 16));
    } else if (word.len >= 4) {
        a = load_u32(word.ptr);
        b = load_u32(word.ptr + word.len - 4);
    } else if (word.len > 0) {
        a = (unsigned char)word.ptr[0];
        b = (uint64_t)(unsigned char)word.ptr[word.len / 2] << 8 |
            (unsigned char)word.ptr[word.len - 1];
    }
    return mix(a, b + ((uint64_t)word.len << 56));
}

static struct wordcache_entry *bucket_of(struct wordcache *c, slice word)
{
    if (UNLIKELY(!c->entries)) {
        c->entries = aligned_alloc(128, sizeof *c->entries << (BITS + 1));
        if (!c->entries)
            mem_oom();
        memset(c->entries, 0, sizeof *c->entries << (BITS + 1));
    }
    return &c->entries[hash_word(word) >> (64 - BITS) << 1];
}

static inline bool is_word(const struct wordcache_entry *e, slice word)
{
    return e->len == word.len && memcmp(e->bytes, word.ptr, (size_t)word.len) == 0;
}

struct wordcache_slot wordcache_find(struct wordcache *c, slice word)
{
    if (word.len > WORDCACHE_BYTES || word.len == 0)
        return (struct wordcache_slot){ NULL, -1 };
    const struct wordcache_entry *e = bucket_of(c, word);
    if (LIKELY(is_word(e, word)))
        return (struct wordcache_slot){ e->ids, e->count };
    if (is_word(e + 1, word))
        return (struct wordcache_slot){ e[1].ids, e[1].count };
    return (struct wordcache_slot){ NULL, -1 };
}

/* The newer one first; the older of the two before is lost. */
void wordcache_add(struct wordcache *c, slice word, const uint32_t *ids, ptrdiff_t count)
{
    if (word.len > WORDCACHE_BYTES || word.len == 0 || count > WORDCACHE_IDS)
        return;
    struct wordcache_entry *e = bucket_of(c, word);
    e[1] = e[0];
    e->len = (uint8_t)word.len;
    e->count = (uint8_t)count;
    memcpy(e->bytes, word.ptr, (size_t)word.len);
    if (count)
        memcpy(e->ids, ids, (size_t)count * sizeof *ids);
}

void wordcache_release(struct wordcache *c)
{
    free(c->entries);
    c->entries = NULL;
}

#define SPACE "\xE2\x96\x81"

ptrdiff_t wordcache_word_end(slice text, ptrdiff_t at)
{
    ptrdiff_t i = at;

    while (i + 3 <= text.len && memcmp(text.ptr + i, SPACE, 3) == 0)
        i += 3;
    while (i < text.len) {
        const char *hit = memchr(text.ptr + i, SPACE[0], (size_t)(text.len - i));
        if (!hit)
            return text.len;
        i = hit - text.ptr;
        if (i > at && i + 3 <= text.len && memcmp(hit, SPACE, 3) == 0)
            return i;
        i++;
    }
    return text.len;
}
