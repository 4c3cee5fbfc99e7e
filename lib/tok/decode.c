#include "tok_private.h"

#include "../json.h"
#include "bytelevel.h"

#include <stdlib.h>

#define SHORT_COPY 16 /* most tokens are copied with one load and store */

_Static_assert(SHORT_COPY <= RECORD_PADDING, "a short copy may reach into the padding");

/* The bytes of every id, in one block. A token with a character outside the alphabet of bytes stands
 * for itself, as in the reference's ByteLevel decoder; so does every token without a decoder. */
static slice bytes_of(const struct tok *t, slice token, char *dst)
{
    ptrdiff_t len = -1;

    if (t->decoder == DECODER_BYTES)
        len = bytelevel_decode(token, dst);
    if (len < 0) {
        memcpy(dst, token.ptr, (size_t)token.len);
        len = token.len;
    }
    return slice_make(dst, len);
}

void decode_fill_bytes(struct tok *t)
{
    const struct vocab *v = &t->bpe.vocab;
    ptrdiff_t total = SHORT_COPY;

    if (t->image) {
        mrt_bytes(t);
    } else {
        for (ptrdiff_t id = 0; id < v->size; id++)
            total += v->text[id].len;
        char *dst = arena_alloc_raw(t->arena, total, 1);
        for (ptrdiff_t id = 0; id < v->size; id++) {
            if (!v->text[id].ptr)
                continue;
            t->bytes[id] = bytes_of(t, v->text[id], dst);
            dst += t->bytes[id].len;
        }
    }
    for (ptrdiff_t i = 0; i < t->added_count; i++) {
        const struct added_token *a = &t->added[i];
        slice text = a->normalized ? a->pattern : a->content;
        t->bytes[a->id] = bytes_of(t, text, arena_alloc_raw(t->arena, text.len + SHORT_COPY, 1));
        /* What the reference leaves out is found by its text, not by its id. */
        if (a->special && t->added_index.slots && vocab_find(&t->added_index, text) < 0)
            t->flags[a->id] &= (uint8_t)~ID_SPECIAL;
    }
}

static bool decode_spm(const struct tok *t, const uint32_t *ids, ptrdiff_t count, unsigned flags,
                       struct buf *out, struct err *err)
{
    for (ptrdiff_t i = 0; i < count; i++)
        if ((ptrdiff_t)ids[i] >= t->spm.count)
            return err_set(err, ERR_DATA, "id %u is not in the vocabulary", ids[i]);
    spm_decode(&t->spm, ids, count, flags & TOK_SKIP_SPECIAL, out);
    return true;
}

static bool decode_by_chain(const struct tok *t, const uint32_t *ids, ptrdiff_t count,
                            unsigned flags, struct buf *out, struct err *err)
{
    slice *texts = malloc((size_t)(count + 1) * sizeof *texts);
    ptrdiff_t n = 0;
    bool ok = true;

    if (!texts)
        mem_oom();
    for (ptrdiff_t i = 0; i < count && ok; i++) {
        uint32_t id = ids[i];
        if ((ptrdiff_t)id >= t->size || !t->flags[id])
            ok = err_set(err, ERR_DATA, "id %u is not in the vocabulary", id);
        else if (!(flags & TOK_SKIP_SPECIAL && t->flags[id] & ID_SPECIAL))
            texts[n++] = t->bytes[id];
    }
    ok = ok && decode_chain_run(&t->chain, texts, n, out, err);
    free(texts);
    return ok;
}

bool tok_decode(const struct tok *t, const uint32_t *ids, ptrdiff_t count, unsigned flags,
                struct buf *out, struct err *err)
{
    bool first = true;

    if (t->decoder == DECODER_SPM)
        return decode_spm(t, ids, count, flags, out, err);
    if (t->decoder == DECODER_CHAIN)
        return decode_by_chain(t, ids, count, flags, out, err);
    for (ptrdiff_t i = 0; i < count; i++) {
        uint32_t id = ids[i];
        if ((ptrdiff_t)id >= t->size || !t->flags[id])
            return err_set(err, ERR_DATA, "id %u is not in the vocabulary", id);
        if (flags & TOK_SKIP_SPECIAL && t->flags[id] & ID_SPECIAL)
            continue;
        if (t->decoder == DECODER_JOIN_BLANK && !first)
            buf_append_byte(out, ' ');
        first = false;
        slice bytes = t->bytes[id];
        char *dst = buf_reserve(out, bytes.len);
        if (!dst)
            continue; /* out->overflow is set */
        /* Both sides have room: the padding of buf, and the end of the block of all bytes. */
        if (LIKELY(bytes.len <= SHORT_COPY))
            memcpy(dst, bytes.ptr, SHORT_COPY);
        else
            memcpy(dst, bytes.ptr, (size_t)bytes.len);
        out->len += bytes.len;
    }
    return true;
}

/* Length of the maximal part of a well-formed sequence that is at p; at least 1. Source: the Unicode
 * Standard, 3.9, "Constraints on Conversion Processes" and table 3-7. */
static ptrdiff_t ill_formed_len(const unsigned char *p, ptrdiff_t len)
{
    unsigned char low = 0x80, high = 0xBF;
    int need;

    if (p[0] >= 0xC2 && p[0] <= 0xDF)
        need = 1;
    else if (p[0] >= 0xE0 && p[0] <= 0xEF)
        need = 2;
    else if (p[0] >= 0xF0 && p[0] <= 0xF4)
        need = 3;
    else
        return 1;
    if (p[0] == 0xE0)
        low = 0xA0;
    else if (p[0] == 0xED)
        high = 0x9F;
    else if (p[0] == 0xF0)
        low = 0x90;
    else if (p[0] == 0xF4)
        high = 0x8F;
    for (int k = 1; k <= need; k++, low = 0x80, high = 0xBF)
        if (k >= len || p[k] < low || p[k] > high)
            return k;
    return 1; /* not reached: the sequence would be well formed */
}

ptrdiff_t tok_append_utf8(struct buf *out, slice bytes)
{
    ptrdiff_t replaced = 0;

    while (bytes.len > 0) {
        ptrdiff_t good = json_utf8_prefix(bytes);
        buf_append(out, slice_make(bytes.ptr, good));
        if (good == bytes.len)
            break;
        buf_append(out, SLICE("\xEF\xBF\xBD"));
        replaced++;
        bytes = slice_from(bytes, good);
        bytes = slice_from(bytes, ill_formed_len((const unsigned char *)bytes.ptr, bytes.len));
    }
    return replaced;
}
