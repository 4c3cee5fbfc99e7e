#include "wordcache.h"

#include "../hash.h"

#include <stdlib.h>

#define BITS 16

static struct wordcache_entry *entry_of(struct wordcache *c, slice word)
{
    if (!c->entries) {
        c->entries = calloc((size_t)1 << BITS, sizeof *c->entries);
        if (!c->entries)
            mem_oom();
    }
    return &c->entries[hash64_of(word, 0) >> (64 - BITS)];
}

struct wordcache_slot wordcache_find(struct wordcache *c, slice word)
{
    if (word.len > WORDCACHE_BYTES || word.len == 0)
        return (struct wordcache_slot){ NULL, -1 };
    const struct wordcache_entry *e = entry_of(c, word);
    if (e->len != word.len || memcmp(e->bytes, word.ptr, (size_t)word.len) != 0)
        return (struct wordcache_slot){ NULL, -1 };
    return (struct wordcache_slot){ e->ids, e->count };
}

void wordcache_add(struct wordcache *c, slice word, const uint32_t *ids, ptrdiff_t count)
{
    if (word.len > WORDCACHE_BYTES || word.len == 0 || count > WORDCACHE_IDS)
        return;
    struct wordcache_entry *e = entry_of(c, word);
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
