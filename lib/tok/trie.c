#include "trie.h"

#include <stdlib.h>

struct key {
    slice text;
    int32_t value;
    uint32_t order;
};

struct work { /* one node that waits for its children: keys [low, high) share `depth` bytes */
    uint32_t node, low, high, depth;
};

struct builder {
    struct trie_unit *units;
    uint32_t cap, used;  /* units below `used` may be in use */
    uint32_t first_free; /* no free unit below it */
    struct work *queue;
    ptrdiff_t head, tail, queue_cap;
};

static int by_text(const void *a, const void *b)
{
    const struct key *x = a, *y = b;
    int c = slice_cmp(x->text, y->text);

    return c ? c : (x->order > y->order) - (x->order < y->order);
}

static void *grown(void *old, size_t bytes)
{
    void *p = realloc(old, bytes);

    if (!p)
        mem_oom();
    return p;
}

/* Units come in blocks of 256, so that base ^ byte never leaves the array. */
static void reserve(struct builder *b, uint32_t need)
{
    if (need <= b->cap)
        return;
    uint32_t cap = MAX((need + 255) / 256 * 256, b->cap * 2);
    b->units = grown(b->units, (size_t)cap * sizeof *b->units);
    memset(b->units + b->cap, 0, (size_t)(cap - b->cap) * sizeof *b->units);
    b->cap = cap;
}

static void push(struct builder *b, struct work w)
{
    if (b->tail == b->queue_cap) {
        b->queue_cap = MAX(b->queue_cap * 2, 1024);
        b->queue = grown(b->queue, (size_t)b->queue_cap * sizeof *b->queue);
    }
    b->queue[b->tail++] = w;
}

/* A base under which the units of all labels are free. The search gives up dense regions: with few
 * labels it starts at the first free unit, with many at the end. */
static uint32_t find_base(struct builder *b, const unsigned char *labels, int count)
{
    uint32_t at = count > 8 ? b->used : b->first_free;

    for (int tries = 0;; at++, tries++) {
        if (tries == 64)
            at = MAX(at, b->used > 4096 ? b->used - 4096 : at);
        if (tries == 512)
            at = MAX(at, b->used);
        reserve(b, (at | 255) + 1);
        if (b->units[at].check || at <= TRIE_ROOT)
            continue;
        uint32_t base = at ^ labels[0];
        int i = 1;
        while (i < count && !b->units[base ^ labels[i]].check && (base ^ labels[i]) > TRIE_ROOT)
            i++;
        if (i == count)
            return base;
    }
}

static void add_children(struct builder *b, const struct key *keys, struct work w)
{
    unsigned char labels[256];
    struct work child[256];
    int count = 0;
    uint32_t low = w.low;

    for (; low < w.high && keys[low].text.len == (ptrdiff_t)w.depth; low++)
        b->units[w.node].value = keys[low].value;
    while (low < w.high) {
        char byte = keys[low].text.ptr[w.depth];
        uint32_t first = low;
        while (low < w.high && keys[low].text.ptr[w.depth] == byte)
            low++;
        labels[count] = (unsigned char)byte;
        child[count++] = (struct work){ 0, first, low, w.depth + 1 };
    }
    if (count == 0)
        return;
    uint32_t base = find_base(b, labels, count);
    b->units[w.node].base = base;
    for (int i = 0; i < count; i++) {
        uint32_t at = base ^ labels[i];
        b->units[at] = (struct trie_unit){ .check = w.node, .value = -1 };
        b->used = MAX(b->used, at + 1);
        child[i].node = at;
        push(b, child[i]);
    }
    while (b->first_free < b->used && b->units[b->first_free].check)
        b->first_free++;
}

void trie_build(struct trie *t, const slice *keys, const int32_t *values, ptrdiff_t count,
                struct arena *arena)
{
    struct builder b = { .first_free = TRIE_ROOT + 1 };
    struct key *sorted = grown(NULL, (size_t)(count + 1) * sizeof *sorted);
    uint32_t n = 0;

    for (ptrdiff_t i = 0; i < count; i++)
        if (keys[i].len > 0)
            sorted[n++] = (struct key){ keys[i], values[i], (uint32_t)i };
    qsort(sorted, n, sizeof *sorted, by_text);
    reserve(&b, 512);
    b.used = TRIE_ROOT + 1;
    b.units[0].check = UINT32_MAX; /* never free, nobody's child */
    b.units[0].value = -1;
    b.units[TRIE_ROOT] = (struct trie_unit){ .check = UINT32_MAX, .value = -1 };
    push(&b, (struct work){ TRIE_ROOT, 0, n, 0 });
    while (b.head < b.tail) {
        struct work w = b.queue[b.head++];
        add_children(&b, sorted, w);
    }
    /* A node without children points at unit 0's block, where nobody has it as parent. */
    t->count = (b.used | 255) + 1;
    reserve(&b, t->count);
    t->units = arena_alloc_raw(arena, (ptrdiff_t)t->count * (ptrdiff_t)sizeof *t->units, 64);
    memcpy(t->units, b.units, (size_t)t->count * sizeof *t->units);
    free(b.units);
    free(b.queue);
    free(sorted);
}
