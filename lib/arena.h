/* arena.h: bump allocation with one lifetime.
 *
 * An arena hands out zeroed, aligned memory and takes it back all at once. It is the memory of a
 * batch (reset by flow between batches) and of things that live as long as the process (tables,
 * vocabularies). It grows by blocks that double up to 4 MiB; arena_reset keeps the largest block
 * that is no larger than that, so a steady state allocates nothing from the system and one huge
 * record does not leave its memory behind.
 *
 * Nothing here fails: exhaustion ends the process through mem_oom() (see base.h), and so does an
 * overflow of count * size. Not thread-safe: one arena belongs to one thread at a time.
 *
 *     struct arena a = { 0 };                  // a zeroed arena is empty and valid
 *     struct item *v = arena_new(&a, struct item, count);
 *     arena_reset(&a);                         // everything is gone, memory kept
 *     arena_release(&a);                       // memory returned; the arena is empty and valid
 */
#ifndef ARENA_H
#define ARENA_H

#include "base.h"

struct arena {
    struct arena_block *block; /* newest first */
    char *next, *end;          /* free part of the newest block */
    ptrdiff_t total_bytes;     /* in all blocks: the high-water mark that reports show */
};

/* `count` zeroed objects; count 0 gives a valid pointer to nothing. align is a power of two. */
void *arena_alloc(struct arena *a, ptrdiff_t count, ptrdiff_t size, ptrdiff_t align);
/* The same without clearing: for bytes that are overwritten at once. */
void *arena_alloc_raw(struct arena *a, ptrdiff_t size, ptrdiff_t align);
/* Grows `ptr` (of old_size bytes, the result of an earlier allocation) to new_size; in place when
 * it was the last one. The new part is not cleared. */
void *arena_grow(struct arena *a, void *ptr, ptrdiff_t old_size, ptrdiff_t new_size,
                 ptrdiff_t align);
/* Returns what was allocated last and not used: `end` lies within the newest allocation. */
void arena_trim(struct arena *a, void *end);
void arena_reset(struct arena *a);
void arena_release(struct arena *a);

#define arena_new(a, type, count)                                                                  \
    ((type *)arena_alloc((a), (count), (ptrdiff_t)sizeof(type), (ptrdiff_t) _Alignof(type)))

/* A copy that ends in a NUL byte (not counted in the length). */
slice arena_dup(struct arena *a, slice s);
char *arena_cstr_dup(struct arena *a, slice s);
slice arena_printf(struct arena *a, const char *fmt, ...) ATTR_PRINTF(2, 3);

#endif
