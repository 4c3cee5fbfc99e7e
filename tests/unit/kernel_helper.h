/* kernel_helper.h: what the tests of float kernels share: random numbers, and buffers that end
 * where memory ends, so that a read or write beyond them is a crash. */
#ifndef KERNEL_HELPER_H
#define KERNEL_HELPER_H

#include "base.h"

#include <stdlib.h>
#include <sys/mman.h>

static uint64_t random_state = 88172645463325252u;

static inline uint64_t random_u64(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    return random_state ^= random_state << 17;
}

static inline float random_float(void) /* [-1, 1) */
{
    return (float)(int64_t)random_u64() * 0x1p-63f;
}

struct guarded {
    char *ptr; /* the bytes; a PROT_NONE page follows at once */
    char *map;
    size_t size;
};

static inline struct guarded guarded_new(ptrdiff_t bytes)
{
    size_t page = 4096, size = ALIGN_UP((size_t)bytes, page) + page;
    struct guarded g = { .size = size };
    g.map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (g.map == MAP_FAILED || mprotect(g.map + size - page, page, PROT_NONE))
        abort();
    g.ptr = g.map + size - page - bytes;
    return g;
}

static inline void guarded_free(struct guarded g)
{
    munmap(g.map, g.size);
}

#endif
