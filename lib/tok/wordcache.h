/* wordcache.h: ids of words that were seen, in a table of fixed size.
 *
 * A word that does not fit (longer than WORDCACHE_BYTES, more than WORDCACHE_IDS ids) is not kept; a new
 * one takes the place of the older of the two in its bucket. Made when it is first used: 8 MiB.
 *
 *     struct wordcache c = { 0 };                    // per thread
 *     struct wordcache_slot slot = wordcache_find(&c, word);
 *     if (slot.count < 0)
 *         wordcache_add(&c, word, ids, count);
 */
#ifndef WORDCACHE_H
#define WORDCACHE_H

#include "../base.h"

#define WORDCACHE_BYTES 30
#define WORDCACHE_IDS   8

struct wordcache {
    struct wordcache_entry {
        uint32_t ids[WORDCACHE_IDS];
        uint8_t len, count; /* len 0: empty */
        char bytes[WORDCACHE_BYTES];
    } * entries;
};

struct wordcache_slot {
    const uint32_t *ids;
    ptrdiff_t count; /* -1: not there */
};

struct wordcache_slot wordcache_find(struct wordcache *c, slice word);
void wordcache_add(struct wordcache *c, slice word, const uint32_t *ids, ptrdiff_t count);
void wordcache_release(struct wordcache *c);
/* The end of the word that begins at `at`: before the next U+2581 that follows another character. */
ptrdiff_t wordcache_word_end(slice text, ptrdiff_t at);

#endif
