#include "arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define BLOCK_FIRST 16384
#define BLOCK_LIMIT (4 << 20)
#define BLOCK_KEEP                                                                                 \
    (BLOCK_LIMIT + 4096) /* one that was made for a single object may be a bit larger */

struct arena_block {
    struct arena_block *older;
    ptrdiff_t size; /* with this header */
};

static void block_push(struct arena *a, ptrdiff_t need)
{
    ptrdiff_t size = a->block ? MIN(a->block->size * 2, BLOCK_LIMIT) : BLOCK_FIRST;
    ptrdiff_t head = ALIGN_UP((ptrdiff_t)sizeof(struct arena_block), 64);
    ptrdiff_t whole;

    if (__builtin_add_overflow(need, head, &whole))
        mem_oom();
    size = MAX(size, whole);
    struct arena_block *b = aligned_alloc(64, (size_t)ALIGN_UP(size, 64));
    if (!b)
        mem_oom();
    b->older = a->block;
    b->size = size;
    a->block = b;
    a->next = (char *)b + head;
    a->end = (char *)b + size;
    a->total_bytes += size;
}

void *arena_alloc_raw(struct arena *a, ptrdiff_t size, ptrdiff_t align)
{
    ASSERT(size >= 0 && align > 0 && (align & (align - 1)) == 0);
    ptrdiff_t pad = (ptrdiff_t)(-(uintptr_t)a->next & (uintptr_t)(align - 1));

    if (!a->next || size > a->end - a->next - pad) {
        ptrdiff_t need;
        if (__builtin_add_overflow(size, align, &need))
            mem_oom();
        block_push(a, need);
        pad = (ptrdiff_t)(-(uintptr_t)a->next & (uintptr_t)(align - 1));
    }
    void *p = a->next + pad;
    a->next += pad + size;
    return p;
}

void *arena_alloc(struct arena *a, ptrdiff_t count, ptrdiff_t size, ptrdiff_t align)
{
    ptrdiff_t bytes;

    ASSERT(count >= 0);
    if (__builtin_mul_overflow(count, size, &bytes))
        mem_oom();
    void *p = arena_alloc_raw(a, bytes, align);
    if (bytes)
        memset(p, 0, (size_t)bytes);
    return p;
}

void *arena_grow(struct arena *a, void *ptr, ptrdiff_t old_size, ptrdiff_t new_size,
                 ptrdiff_t align)
{
    ASSERT(new_size >= old_size);
    if (ptr && (char *)ptr + old_size == a->next && new_size - old_size <= a->end - a->next) {
        a->next += new_size - old_size;
        return ptr;
    }
    void *fresh = arena_alloc_raw(a, new_size, align);
    if (old_size)
        memcpy(fresh, ptr, (size_t)old_size);
    return fresh;
}

void arena_trim(struct arena *a, void *end)
{
    ASSERT((char *)end <= a->next && (char *)end >= (char *)a->block);
    a->next = end;
}

void arena_reset(struct arena *a)
{
    struct arena_block *keep = NULL;

    for (struct arena_block *b = a->block; b; b = b->older)
        if (b->size <= BLOCK_KEEP && (!keep || b->size > keep->size))
            keep = b;
    for (struct arena_block *b = a->block, *older; b; b = older) {
        older = b->older;
        if (b != keep)
            free(b);
    }
    if (!keep) {
        *a = (struct arena){ 0 };
        return;
    }
    keep->older = NULL;
    a->block = keep;
    a->next = (char *)keep + ALIGN_UP((ptrdiff_t)sizeof(struct arena_block), 64);
    a->end = (char *)keep + keep->size;
    a->total_bytes = keep->size;
}

void arena_release(struct arena *a)
{
    for (struct arena_block *b = a->block, *older; b; b = older) {
        older = b->older;
        free(b);
    }
    *a = (struct arena){ 0 };
}

char *arena_cstr_dup(struct arena *a, slice s)
{
    char *p = arena_alloc_raw(a, s.len + 1, 1);

    if (s.len)
        memcpy(p, s.ptr, (size_t)s.len);
    p[s.len] = '\0';
    return p;
}

slice arena_dup(struct arena *a, slice s)
{
    return (slice){ arena_cstr_dup(a, s), s.len };
}

slice arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list args, again;

    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    ASSERT(n >= 0);
    char *p = arena_alloc_raw(a, (ptrdiff_t)n + 1, 1);
    vsnprintf(p, (size_t)n + 1, fmt, again);
    va_end(again);
    return (slice){ p, n };
}
