#include "lmdbcheck.h"

#include <stdlib.h>

#define MAGIC      0xBEEFC0DEu
#define PAGE_HEAD  16
#define NODE_HEAD  8
#define META_BYTES 136
#define NO_PAGE    UINT64_MAX
#define DEPTH_MAX  30 /* LMDB's cursors have 32 levels */

enum { P_BRANCH = 1, P_LEAF = 2, P_OVERFLOW = 4, P_META = 8 };
enum { F_BIGDATA = 1 };
enum { DB_FREE, DB_MAIN };

struct meta {
    uint64_t last_page, txnid, map_size, page_size;
    struct {
        int depth, flags;
        uint64_t entries, root;
    } db[2];
};

struct walk {
    slice file;
    struct meta meta;
    unsigned char *used; /* one bit per page */
    int db;
    uint64_t entries;
    const unsigned char *last_key; /* of the leaf before */
    int last_len;
    struct lmdb_stat *stat;
};

static struct meta meta_read(const char *page)
{
    const char *p = page + PAGE_HEAD;
    struct meta m = { .map_size = load_u64(p + 16),
                      .page_size = load_u32(p + 24),
                      .last_page = load_u64(p + 120),
                      .txnid = load_u64(p + 128) };

    for (int i = 0; i < 2; i++) {
        const char *db = p + 24 + 48 * i;
        m.db[i].flags = load_u16(db + 4);
        m.db[i].depth = load_u16(db + 6);
        m.db[i].entries = load_u64(db + 32);
        m.db[i].root = load_u64(db + 40);
    }
    return m;
}

bool lmdb_check_header(slice file, struct err *err)
{
    if (file.len < 4096)
        return err_set(err, ERR_CONFIG, "shorter than two pages");
    uint64_t page_size = load_u32(file.ptr + PAGE_HEAD + 24);
    if (page_size < 512 || page_size > 65536 || (page_size & (page_size - 1)) ||
        file.len < (ptrdiff_t)(2 * page_size))
        return err_set(err, ERR_CONFIG, "no LMDB file: bad page size");
    for (int i = 0; i < 2; i++) {
        const char *page = file.ptr + (ptrdiff_t)page_size * i;
        struct meta m = meta_read(page);
        if (!(load_u16(page + 10) & P_META) || load_u32(page + PAGE_HEAD) != MAGIC ||
            load_u32(page + PAGE_HEAD + 4) != 1)
            return err_set(err, ERR_CONFIG, "no LMDB file of version 1");
        if (m.page_size != page_size || m.last_page < 1 || m.last_page >= (uint64_t)1 << 40 ||
            m.map_size > (uint64_t)1 << 50)
            return err_set(err, ERR_CONFIG, "meta page %d is damaged", i);
        if ((m.last_page + 1) * page_size > (uint64_t)file.len && m.txnid > 0 &&
            m.db[DB_MAIN].root != NO_PAGE)
            return err_set(err, ERR_CONFIG, "ends before page %llu",
                           (unsigned long long)m.last_page);
    }
    return true;
}

static bool bad(uint64_t page, const char *what, struct err *err)
{
    return err_set(err, ERR_CONFIG, "page %llu: %s", (unsigned long long)page, what);
}

/* Marks `count` pages from `page` as used. */
static bool take(struct walk *w, uint64_t page, uint64_t count, struct err *err)
{
    if (page < 2 || page > w->meta.last_page || count < 1 || count > w->meta.last_page - page + 1)
        return bad(page, "a page number beyond the file", err);
    for (uint64_t i = page; i < page + count; i++) {
        if (w->used[i / 8] >> (i % 8) & 1)
            return bad(i, "is used twice", err);
        w->used[i / 8] |= (unsigned char)(1 << (i % 8));
    }
    return true;
}

static const char *page_at(const struct walk *w, uint64_t page)
{
    return w->file.ptr + page * w->meta.page_size;
}

/* The pages that a value of the free list names. */
static bool check_free(struct walk *w, uint64_t page, slice ids, struct err *err)
{
    uint64_t count, before = UINT64_MAX;

    if (ids.len < 8 || (count = load_u64(ids.ptr)) > (uint64_t)(ids.len / 8 - 1))
        return bad(page, "a free list is longer than its value", err);
    for (uint64_t i = 1; i <= count; i++) {
        uint64_t id = load_u64(ids.ptr + 8 * i);
        if (id >= before)
            return bad(page, "a free list is out of order", err);
        if (!take(w, id, 1, err))
            return false;
        before = id;
    }
    w->stat->free_pages += (int64_t)count;
    return true;
}

static bool check_leaf_node(struct walk *w, uint64_t page, const char *node, ptrdiff_t room,
                            struct err *err)
{
    uint64_t size = load_u16(node) | (uint64_t)load_u16(node + 2) << 16;
    int flags = load_u16(node + 4), key_len = load_u16(node + 6);
    const unsigned char *key = (const unsigned char *)node + NODE_HEAD;
    slice value = { node + NODE_HEAD + key_len, (ptrdiff_t)size };

    if (flags & ~F_BIGDATA || key_len < 1 || key_len > 511 ||
        NODE_HEAD + key_len + (flags ? 8 : (ptrdiff_t)size) > room)
        return bad(page, "a record reaches beyond its page", err);
    if (w->db == DB_FREE && key_len != 8)
        return bad(page, "a key of the free list has not 8 bytes", err);
    if (flags & F_BIGDATA) {
        uint64_t first = load_u64(value.ptr);
        if (first < 2 || first > w->meta.last_page)
            return bad(page, "a long value beyond the file", err);
        const char *head = page_at(w, first);
        uint64_t count = load_u32(head + 12);
        if (!(load_u16(head + 10) & P_OVERFLOW) || !take(w, first, count, err))
            return bad(first, "is no page of a long value", err);
        if (size + PAGE_HEAD > count * w->meta.page_size)
            return bad(first, "a long value beyond its pages", err);
        value.ptr = head + PAGE_HEAD;
    }
    int order = !w->last_key       ? -1
                : w->db == DB_FREE ? (load_u64(w->last_key) < load_u64(key) ? -1 : 1)
                                   : slice_cmp(slice_make((const char *)w->last_key, w->last_len),
                                               slice_make((const char *)key, key_len));
    if (order >= 0)
        return bad(page, "keys are out of order", err);
    w->last_key = key;
    w->last_len = key_len;
    w->entries++;
    return w->db != DB_FREE || check_free(w, page, value, err);
}

static bool check_page(struct walk *w, uint64_t page, int depth, struct err *err)
{
    if (!take(w, page, 1, err))
        return false;
    const char *p = page_at(w, page);
    ptrdiff_t size = (ptrdiff_t)w->meta.page_size;
    int flags = load_u16(p + 10), lower = load_u16(p + 12), upper = load_u16(p + 14);
    int want = depth == 1 ? P_LEAF : P_BRANCH, keys = (lower - PAGE_HEAD) / 2;

    if (flags != want || load_u64(p) != page)
        return bad(page, "has another number or kind than it should", err);
    if (lower < PAGE_HEAD || upper > size || lower > upper || lower % 2 || keys < 1 ||
        (want == P_BRANCH && keys < 2))
        return bad(page, "its bounds are wrong", err);
    ptrdiff_t content = 0;
    for (int i = 0; i < keys; i++) {
        int at = load_u16(p + PAGE_HEAD + 2 * i);
        if (at < upper || at % 2 || at > size - NODE_HEAD)
            return bad(page, "a record lies outside of its page", err);
        const char *node = p + at;
        int key_len = load_u16(node + 6);
        if (want == P_LEAF) {
            if (!check_leaf_node(w, page, node, size - at, err))
                return false;
            uint64_t len = load_u16(node) | (uint64_t)load_u16(node + 2) << 16;
            content += NODE_HEAD + key_len + (load_u16(node + 4) ? 8 : (ptrdiff_t)len);
        } else {
            uint64_t child = load_u16(node) | (uint64_t)load_u16(node + 2) << 16 |
                             (uint64_t)load_u16(node + 4) << 32;
            if (key_len > 511 || NODE_HEAD + key_len > size - at ||
                (w->db == DB_FREE && i && key_len != 8))
                return bad(page, "a key reaches beyond its page", err);
            content += NODE_HEAD + key_len;
            if (!check_page(w, child, depth - 1, err))
                return false;
        }
        content += content & 1;
    }
    /* LMDB moves what lies behind `upper`; the records fill it exactly. */
    return content == size - upper || bad(page, "its records overlap or leave gaps", err);
}

bool lmdb_check_pages(slice file, uint64_t txnid, struct lmdb_stat *stat, struct err *err)
{
    struct walk w = { .file = file, .stat = stat };
    bool ok = true;

    *stat = (struct lmdb_stat){ 0 };
    if (!lmdb_check_header(file, err))
        return false;
    w.meta = meta_read(file.ptr);
    struct meta second = meta_read(file.ptr + w.meta.page_size);
    if (second.txnid == txnid)
        w.meta = second;
    if (w.meta.txnid != txnid)
        return err_set(err, ERR_CONFIG, "no meta page of transaction %llu",
                       (unsigned long long)txnid);
    if (w.meta.last_page >= (uint64_t)file.len / w.meta.page_size) {
        /* A new environment has its meta pages only. */
        if (w.meta.db[DB_MAIN].root == NO_PAGE && w.meta.db[DB_FREE].root == NO_PAGE)
            return true;
        return err_set(err, ERR_CONFIG, "ends before its last page");
    }
    w.used = calloc((size_t)(w.meta.last_page / 8 + 1), 1);
    if (!w.used)
        mem_oom();
    for (w.db = 0; ok && w.db < 2; w.db++) {
        int depth = w.meta.db[w.db].depth;
        uint64_t root = w.meta.db[w.db].root;
        w.entries = 0;
        w.last_key = NULL;
        if (root == NO_PAGE)
            ok = (depth == 0 && w.meta.db[w.db].entries == 0) ||
                 err_set(err, ERR_CONFIG, "an empty tree has a depth");
        else if (depth < 1 || depth > DEPTH_MAX || (w.db == DB_MAIN && w.meta.db[w.db].flags))
            ok = err_set(err, ERR_CONFIG, "a tree of depth %d with flags %#x", depth,
                         w.meta.db[w.db].flags);
        else
            ok = check_page(&w, root, depth, err);
        if (ok && w.entries != w.meta.db[w.db].entries)
            ok =
                err_set(err, ERR_CONFIG, "%llu records where the meta page says %llu",
                        (unsigned long long)w.entries, (unsigned long long)w.meta.db[w.db].entries);
        if (w.db == DB_MAIN)
            stat->entries = (int64_t)w.entries;
    }
    stat->pages = (int64_t)w.meta.last_page + 1;
    free(w.used);
    return ok;
}
