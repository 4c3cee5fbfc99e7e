#include "packed.h"

#include "../hash.h"

#define VERSION 1
#define END     UINT32_MAX

static void store_u32(char *p, uint32_t v)
{
    memcpy(p, &v, 4);
}

static void store_u64(char *p, uint64_t v)
{
    memcpy(p, &v, 8);
}

static ptrdiff_t padded(ptrdiff_t n)
{
    return (n + 3) & ~(ptrdiff_t)3;
}

int packed_id_bytes(int64_t vocab_size)
{
    return vocab_size <= UINT16_MAX + 1 ? 2 : 4;
}

static unsigned hex_value(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'a' + 10);
}

void packed_head_store(char dst[PACKED_HEAD_BYTES], const struct packed_head *head)
{
    memcpy(dst, PACKED_MAGIC, 8);
    store_u32(dst + 8, VERSION);
    store_u32(dst + 12, (uint32_t)head->id_bytes);
    store_u64(dst + 16, (uint64_t)head->vocab_size);
    for (int i = 0; i < 16; i++)
        dst[24 + i] = (char)(hex_value(head->fingerprint[2 * i]) << 4 |
                             hex_value(head->fingerprint[2 * i + 1]));
    store_u64(dst + 40, 0);
}

ptrdiff_t packed_doc_bytes(const struct packed_head *head, ptrdiff_t meta_len, ptrdiff_t count)
{
    return PACKED_ITEM_BYTES + padded(meta_len) + padded(count * head->id_bytes);
}

/* The first sixteen bytes of an item whose body is in place. */
static void close_item(char *item, uint32_t first, uint32_t second, ptrdiff_t body)
{
    uint64_t seed = first | (uint64_t)second << 32;

    store_u64(item, seed);
    store_u64(item + 8, hash64_of(slice_make(item + PACKED_ITEM_BYTES, body), seed));
}

char *packed_doc_store(char *dst, const struct packed_head *head, slice meta, const uint32_t *ids,
                       ptrdiff_t count)
{
    char *p = dst + PACKED_ITEM_BYTES, *end = dst + packed_doc_bytes(head, meta.len, count);

    ASSERT(count >= 0 && count <= PACKED_MAX_IDS && meta.len <= UINT32_MAX);
    if (meta.len) {
        store_u32(p + padded(meta.len) - 4, 0);
        memcpy(p, meta.ptr, (size_t)meta.len);
        p += padded(meta.len);
    }
    if (count)
        store_u32(end - 4, 0);
    if (head->id_bytes == 2)
        for (ptrdiff_t i = 0; i < count; i++) {
            uint16_t v = (uint16_t)ids[i];
            memcpy(p + 2 * i, &v, 2);
        }
    else if (count)
        memcpy(p, ids, (size_t)count * 4);
    close_item(dst, (uint32_t)count, (uint32_t)meta.len, end - dst - PACKED_ITEM_BYTES);
    return end;
}

void packed_end_store(char dst[PACKED_END_BYTES], int64_t documents, int64_t ids)
{
    store_u64(dst + PACKED_ITEM_BYTES, (uint64_t)documents);
    store_u64(dst + PACKED_ITEM_BYTES + 8, (uint64_t)ids);
    close_item(dst, END, 16, 16);
}

/* ---- reading ---- */

bool packed_is(slice bytes)
{
    return bytes.len >= 8 && memcmp(bytes.ptr, PACKED_MAGIC, 8) == 0;
}

static enum packed_item bad(const struct packed_reader *r, const char *what, struct err *err)
{
    err_set(err, ERR_DATA, "packed ids, document %lld: %s", (long long)r->all_documents + 1, what);
    return PACKED_BAD;
}

static enum packed_item more(ptrdiff_t need, ptrdiff_t *used)
{
    *used = need;
    return PACKED_MORE;
}

static enum packed_item read_head(struct packed_reader *r, slice bytes, ptrdiff_t *used,
                                  struct err *err)
{
    static const char digits[] = "0123456789abcdef";
    struct packed_head head = { 0 };

    if (bytes.len < PACKED_HEAD_BYTES)
        return more(PACKED_HEAD_BYTES, used);
    if (!packed_is(bytes))
        return bad(r, "not packed ids: no " PACKED_MAGIC " at the start", err);
    if (load_u32(bytes.ptr + 8) != VERSION || load_u64(bytes.ptr + 40) != 0)
        return bad(r, "a version of the format that is not known", err);
    head.id_bytes = (int)load_u32(bytes.ptr + 12);
    head.vocab_size = (int64_t)load_u64(bytes.ptr + 16);
    if (head.vocab_size < 0 || head.vocab_size > (int64_t)UINT32_MAX + 1 ||
        (head.id_bytes != 4 && !(head.id_bytes == 2 && packed_id_bytes(head.vocab_size) == 2)))
        return bad(r, "a head whose numbers make no sense", err);
    for (int i = 0; i < 16; i++) {
        unsigned char c = (unsigned char)bytes.ptr[24 + i];
        head.fingerprint[2 * i] = digits[c >> 4];
        head.fingerprint[2 * i + 1] = digits[c & 15];
    }
    if (r->started && (head.id_bytes != r->head.id_bytes || head.vocab_size != r->head.vocab_size ||
                       strcmp(head.fingerprint, r->head.fingerprint) != 0))
        return bad(r, "the streams that were joined are of different tokenizers", err);
    r->head = head;
    r->open = r->started = true;
    r->documents = r->ids = 0;
    *used = PACKED_HEAD_BYTES;
    return PACKED_HEAD;
}

static bool ids_are_below(const struct packed_doc *doc, int id_bytes, int64_t vocab_size)
{
    uint32_t most = 0;

    if (id_bytes == 2)
        for (ptrdiff_t i = 0; i < doc->count; i++)
            most = MAX(most, load_u16(doc->ids + 2 * i));
    else
        for (ptrdiff_t i = 0; i < doc->count; i++)
            most = MAX(most, load_u32(doc->ids + 4 * i));
    return doc->count == 0 || most < vocab_size;
}

static enum packed_item read_end(struct packed_reader *r, const char *body, ptrdiff_t *used,
                                 struct err *err)
{
    if ((int64_t)load_u64(body) != r->documents || (int64_t)load_u64(body + 8) != r->ids)
        return bad(r, "documents are missing: the counts at the end are others", err);
    r->open = false;
    *used = PACKED_END_BYTES;
    return PACKED_END;
}

enum packed_item packed_next(struct packed_reader *r, slice bytes, ptrdiff_t *used,
                             struct packed_doc *doc, struct err *err)
{
    *used = 0;
    if (!r->open)
        return read_head(r, bytes, used, err);
    if (bytes.len < PACKED_ITEM_BYTES)
        return more(PACKED_ITEM_BYTES, used);
    uint64_t seed = load_u64(bytes.ptr);
    uint32_t count = (uint32_t)seed, meta = (uint32_t)(seed >> 32);
    bool end = count == END;
    ptrdiff_t whole = end ? PACKED_END_BYTES : packed_doc_bytes(&r->head, meta, count);
    if (end && meta != 16)
        return bad(r, "an end of the wrong size", err);
    if (bytes.len < whole)
        return more(whole, used);
    slice body = slice_make(bytes.ptr + PACKED_ITEM_BYTES, whole - PACKED_ITEM_BYTES);
    if (hash64_of(body, seed) != load_u64(bytes.ptr + 8))
        return bad(r, "the check does not match: bytes were changed", err);
    if (end)
        return read_end(r, body.ptr, used, err);
    *doc = (struct packed_doc){ { body.ptr, meta }, body.ptr + padded(meta), count };
    if (!ids_are_below(doc, r->head.id_bytes, r->head.vocab_size))
        return bad(r, "an id that is not in the vocabulary", err);
    r->documents++;
    r->all_documents++;
    r->ids += count;
    *used = whole;
    return PACKED_DOC;
}

bool packed_finish(const struct packed_reader *r, ptrdiff_t bytes_left, struct err *err)
{
    if (!r->open && bytes_left == 0)
        return true;
    return err_set(err, ERR_DATA, "packed ids: cut off behind document %lld",
                   (long long)r->all_documents);
}
