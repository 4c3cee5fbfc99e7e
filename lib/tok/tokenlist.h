/* tokenlist.h: what a model makes of a piece: ids, and which bytes of the piece each one stands for.
 *
 *     struct tokens list = { 0 };
 *     tokens_push(&list, id, start, end, text);
 *     tokens_release(&list);
 */
#ifndef TOKENLIST_H
#define TOKENLIST_H

#include "../base.h"

struct tokens { /* zeroed is empty */
    struct token {
        uint32_t id;
        uint32_t start, end;
        slice
            text; /* as the reference shows the token; borrowed from the vocabulary or the piece */
        uint32_t type_id;
        bool special; /* added by the post-processor */
        bool second;  /* of the second text of a pair */
    } * items;
    ptrdiff_t count, cap;
};

void tokens_push(struct tokens *list, uint32_t id, ptrdiff_t start, ptrdiff_t end, slice text);
/* Room for `more`, at the end. */
struct token *tokens_reserve(struct tokens *list, ptrdiff_t more);
void tokens_release(struct tokens *list);

#endif
