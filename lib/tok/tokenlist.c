#include "tokenlist.h"

#include <stdlib.h>

struct token *tokens_reserve(struct tokens *list, ptrdiff_t more)
{
    if (more > list->cap - list->count) {
        list->cap = MAX(list->cap * 2, list->count + more);
        list->items = realloc(list->items, (size_t)list->cap * sizeof *list->items);
        if (!list->items)
            mem_oom();
    }
    return list->items + list->count;
}

void tokens_push(struct tokens *list, uint32_t id, ptrdiff_t start, ptrdiff_t end, slice text)
{
    *tokens_reserve(list, 16) =
        (struct token){ .id = id, .start = (uint32_t)start, .end = (uint32_t)end, .text = text };
    list->count++;
}

void tokens_release(struct tokens *list)
{
    free(list->items);
    *list = (struct tokens){ 0 };
}
