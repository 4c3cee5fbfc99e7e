#include "chunks.h"

void chunks_fill(struct chunk_cursor *c, ptrdiff_t at)
{
    ptrdiff_t blocks =
        (c->text.len - at + (at & (TEXTMASK_BYTES - 1)) + TEXTMASK_BYTES - 1) / TEXTMASK_BYTES;

    c->first = at & ~(ptrdiff_t)(TEXTMASK_BYTES - 1);
    blocks = MIN(blocks, CHUNK_BLOCKS);
    c->classify(c->text.ptr + c->first, blocks, c->masks);
    c->filled = c->first + blocks * TEXTMASK_BYTES;
    /* What lies behind the text ends its last chunk. */
    if (c->filled > c->text.len)
        c->masks[blocks - 1].space |= ~(uint64_t)0 << (c->text.len & (TEXTMASK_BYTES - 1));
}
